//! Streams without a known rate of which one has more items than the other, where an item of one is put to an item of the other.
//!
//! Both come from one stream, and what stands on the two ways says how many items it gives for one: no clock is needed for that. The stream with more items
//! fills up, since what feeds it feeds the slower way too, and the run comes to a stand.

use std::collections::BTreeMap;

use thalweg_worker::op::{Args, Value};

use super::build::{Built, Carries, carried, infos, port_of};
use super::link::{Link, Reads};
use super::rates::{ITEM_BY_ITEM, SAME};
use crate::decl::{GraphDecl, WorkDecl};
use crate::diag::Diagnostic;

/// The agents whose inputs have different numbers of items for each of a stream before them.
pub(super) fn clashes(
    graph: &GraphDecl,
    links: &[Link],
    built: &[Option<Built>],
) -> Vec<Diagnostic> {
    let mut ways = Ways {
        graph,
        links,
        built,
        known: BTreeMap::new(),
    };
    let is_candidate = |at: &usize| {
        let op = links[*at].op.filter(|op| ITEM_BY_ITEM.contains(&op.name));
        op.is_some_and(|op| op.name != "concat")
    };
    let agents = (0..links.len()).filter(is_candidate);
    agents.filter_map(|at| ways.clash(at)).collect()
}

/// An output of an agent.
type Port = (usize, usize);

/// So many items for each one of a stream that is nobody's multiple.
#[derive(Clone, Copy, PartialEq)]
struct Place {
    root: Port,
    ratio: f64,
}

struct Ways<'a> {
    graph: &'a GraphDecl,
    links: &'a [Link],
    built: &'a [Option<Built>],
    known: BTreeMap<Port, Place>,
}

impl Ways<'_> {
    /// What an agent that joins two ways of different lengths is warned of.
    fn clash(&mut self, at: usize) -> Option<Diagnostic> {
        let places: Vec<Option<Place>> = self.inputs(at);
        let (one, two) = (0..places.len())
            .flat_map(|a| (0..a).map(move |b| (b, a)))
            .find(|(a, b)| match (places[*a], places[*b]) {
                (Some(a), Some(b)) => a.root == b.root && !is_same(a.ratio, b.ratio),
                _ => false,
            })?;
        let ratio = |nth: usize| places[nth].map_or(1.0, |place| place.ratio);
        let (slow, fast) = match ratio(one) < ratio(two) {
            true => (one, two),
            false => (two, one),
        };
        let agent = &self.graph.agents[at];
        let name = |nth: usize| &agent.inputs[nth].stream.value;
        let more = (1e6 * ratio(fast) / ratio(slow)).round() / 1e6;
        let message = format!(
            "agent `{}` puts items of different rates to each other: for each of `{}` there are {more} of `{}`, which fills up until the run comes to a stand",
            agent.name.value,
            name(slow),
            name(fast)
        );
        let mut warning = Diagnostic::new(message).at(agent.name.span.clone(), "here");
        for (nth, words) in [
            (slow, "fewer items".to_owned()),
            (fast, format!("{more} times as many")),
        ] {
            let producer = &self.graph.agents[self.links[at].inputs[nth].producer];
            warning = warning.at(producer.name.span.clone(), words);
        }
        Some(warning.help(
            "bring one of them to the other's rate (`repeat`, `decimate`, the same `step`), or put them together by time (`timed.zip`, `sample`)",
        ))
    }

    /// Where each input stands; `None` where its rate is known, or nothing is.
    fn inputs(&mut self, at: usize) -> Vec<Option<Place>> {
        let links = self.links;
        let inputs = links[at].inputs.iter();
        inputs.map(|reads| self.place(reads)).collect()
    }

    fn place(&mut self, reads: &Reads) -> Option<Place> {
        let producer = self.built[reads.producer].as_ref()?;
        let port = port_of(producer, reads.port.as_deref())?;
        let at = (reads.producer, port);
        if producer.outputs[port].rate.is_some() {
            return None;
        }
        if let Some(place) = self.known.get(&at) {
            return Some(*place);
        }
        let itself = Place {
            root: at,
            ratio: 1.0,
        };
        // So that a loop comes to an end.
        self.known.insert(at, itself);
        let place = self.derived(at).unwrap_or(itself);
        self.known.insert(at, place);
        Some(place)
    }

    /// Where an output stands beside what its agent reads, which is all of one root.
    fn derived(&mut self, (at, port): Port) -> Option<Place> {
        let places = self.inputs(at);
        let first = (*places.first()?)?;
        if !places
            .iter()
            .all(|place| place.is_some_and(|place| place.root == first.root))
        {
            return None;
        }
        let rates = |unit: f64| -> Vec<f64> {
            let rates = places.iter().flatten();
            rates.map(|place| place.ratio * unit).collect()
        };
        // Twice, so that a rate of the agent's own is not taken for a multiple of what it reads.
        let [once, thrice] = [UNIT, 3.0 * UNIT].map(|unit| self.rate((at, port), &rates(unit)));
        let (once, thrice) = (once?, thrice?);
        is_same(3.0 * once, thrice).then_some(Place {
            root: first.root,
            ratio: once / UNIT,
        })
    }

    /// The rate that an output has when the inputs have these.
    fn rate(&self, (at, port): Port, rates: &[f64]) -> Option<f64> {
        let (agent, link) = (&self.graph.agents[at], &self.links[at]);
        let params = match (&agent.work, rates) {
            (WorkDecl::Op { params, .. }, _) => params,
            (WorkDecl::Native { step, .. }, [rate]) => return Some(rate / (*step)? as f64),
            (WorkDecl::Native { .. }, _) => return None,
        };
        let inputs = link.inputs.iter().zip(rates);
        let inputs: Option<Vec<Carries>> = inputs
            .map(|(reads, rate)| {
                Some(Carries {
                    rate: Some(*rate),
                    ..carried(self.built, reads)?
                })
            })
            .collect();
        let given: Vec<(String, Value)> = params
            .iter()
            .map(|(key, value)| (key.value.clone(), value.value.clone()))
            .collect();
        let dtype = agent.dtype.as_ref().map(|dtype| dtype.value.clone());
        let inputs = infos(agent, inputs?);
        let args = Args::new(link.op?, inputs, dtype, &given, &self.graph.base).ok()?;
        let blueprint = (link.op?.build)(&args).ok()?;
        blueprint.outputs.get(port)?.rate
    }
}

/// The rate, in Hz, that a stream of no known one is taken to have: above what any filter asks for.
const UNIT: f64 = 1e6;

fn is_same(one: f64, other: f64) -> bool {
    (one - other).abs() <= SAME * one.abs()
}

#[cfg(test)]
mod tests {
    use crate::oneline::load_line;
    use crate::resolve::resolve;

    fn warnings(line: &str) -> Vec<String> {
        let (_, warnings) = resolve(load_line(line).unwrap()).unwrap();
        let warnings = warnings.into_iter();
        warnings.map(|warning| warning.message).collect()
    }

    #[test]
    fn ways_of_different_numbers_of_items_are_a_warning_without_any_rate() {
        for (ways, fewer, more, times) in [
            (
                "w:window in=x size=4 step=4 fn=sum ; v:copy in=x",
                "w",
                "v",
                "4",
            ),
            (
                "w:repeat in=x times=3 ; v:map in=x expr=\"2*x\"",
                "v",
                "w",
                "3",
            ),
            (
                "w:resample in=x up=3 down=2 ; v:map in=x expr=\"x\"",
                "v",
                "w",
                "1.5",
            ),
            (
                "b:blocks in=x size=8 ; w:flatten in=b ; v:decimate in=w factor=8",
                "v",
                "w",
                "8",
            ),
        ] {
            let line = format!(
                "x:counter items=9 dtype=f64 ; {ways} ; z:zip in=[w, v] expr=\"a+b\" ! null"
            );
            let found = warnings(&line);
            let [warning] = &found[..] else {
                panic!("{line}: {found:?}")
            };
            let words = format!("for each of `{fewer}` there are {times} of `{more}`");
            assert!(warning.contains(&words), "{line}: {warning}");
        }
    }

    #[test]
    fn ways_of_the_same_number_and_of_no_known_one_are_none() {
        for ways in [
            "w:window in=x size=9 ; v:copy in=x",
            "w:decimate in=x factor=4 ; v:window in=x size=8 step=4",
            "w:filter in=x expr=\"x > 1\" ; v:copy in=x",
            "u:repeat in=x times=3 ; w:decimate in=u factor=3 ; v:copy in=x",
        ] {
            let line = format!("x:counter items=9 ; {ways} ; z:zip in=[w, v] ! null");
            assert_eq!(warnings(&line), [""; 0], "{line}");
        }
    }
}
