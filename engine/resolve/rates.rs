//! Streams of different rates where an item of one is put to an item of the other.
//!
//! What comes out of that has no rate, and most likely is not what was meant; but where streams of different
//! rates meet on purpose (`sample`, `timed.zip`, `merge`) nobody is warned.

use super::build::{Built, carried};
use super::link::Link;
use crate::decl::GraphDecl;
use crate::diag::Diagnostic;

/// Operators that take their inputs item by item, or one after the other, as one stream.
pub(super) const ITEM_BY_ITEM: [&str; 8] = [
    "coherence",
    "concat",
    "csd",
    "gate",
    "mix",
    "regress",
    "timed",
    "zip",
];
/// Rates that differ by less are the same, differently computed.
pub(super) const SAME: f64 = 1e-9;

/// The agents whose inputs have different rates.
pub(super) fn clashes(
    graph: &GraphDecl,
    links: &[Link],
    built: &[Option<Built>],
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (agent, link) in graph.agents.iter().zip(links) {
        let Some((one, other)) = clash(link, built) else {
            continue;
        };
        let (name, stream) = (&agent.name.value, |nth: usize| {
            &agent.inputs[nth].stream.value
        });
        let message = format!(
            "agent `{name}` puts items of different rates to each other: `{}` has {} Hz, `{}` has {} Hz",
            stream(one.0),
            one.1,
            stream(other.0),
            other.1
        );
        let words = |(nth, rate)| (nth, format!("`{}` has {rate} Hz", stream(nth)));
        let at = agent.name.span.clone();
        let warning = link.clash(graph, (message, at), [one, other].map(words));
        found.push(warning.help(
            "bring one of them to the other's rate (`resample`, `decimate`), or put them together by time (`timed.zip`, `sample`)",
        ));
    }
    found
}

/// Two inputs of an agent that puts their items to each other, each with its rate, where that is not the same.
fn clash(link: &Link, built: &[Option<Built>]) -> Option<((usize, f64), (usize, f64))> {
    link.op.filter(|op| ITEM_BY_ITEM.contains(&op.name))?;
    let known = |nth: usize| Some((nth, carried(built, &link.inputs[nth])?.rate?));
    let mut rates = (0..link.inputs.len()).filter_map(known);
    let one = rates.next()?;
    let other = rates.find(|(_, rate)| (rate - one.1).abs() > SAME * one.1.abs())?;
    Some((one, other))
}

/// Why what an agent reads has no rate: a source that was not told its own, or streams of different ones that met.
pub(super) fn why_unknown(
    graph: &GraphDecl,
    links: &[Link],
    built: &[Option<Built>],
    at: usize,
) -> Option<String> {
    let mut seen = vec![false; links.len()];
    let mut above = vec![at];
    while let Some(at) = above.pop() {
        for reads in &links[at].inputs {
            let producer = reads.producer;
            if carried(built, reads)?.rate.is_some() || std::mem::replace(&mut seen[producer], true)
            {
                continue;
            }
            if let Some((one, other)) = clash(&links[producer], built) {
                let agent = &graph.agents[producer];
                let stream = |nth: usize| &agent.inputs[nth].stream.value;
                return Some(format!(
                    "`{}` gives a stream without a rate, because it reads `{}` with {} Hz and `{}` with {} Hz: bring one to the other's (`resample`, `decimate`)",
                    agent.name.value,
                    stream(one.0),
                    one.1,
                    stream(other.0),
                    other.1
                ));
            }
            let is_silent = links[producer].inputs.is_empty()
                && links[producer]
                    .op
                    .is_some_and(|op| op.params.iter().any(|p| p.name == "rate"));
            if is_silent {
                let source = &graph.agents[producer].name.value;
                return Some(format!(
                    "`{source}` can be told its rate: `rate = 100` is 100 items a second"
                ));
            }
            above.push(producer);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::resolve::units::tests::resolved;

    fn warnings(agent: &str, rate: f64) -> Vec<String> {
        let text = format!(
            "agents.x = {{ op = \"noise\", items = 9, rate = 10.0 }}\n\
             agents.z = {{ op = \"noise\", items = 9, rate = {rate:?} }}\n\
             agents.y = {{ in = [\"x\", \"z\"], {agent} }}\n\
             agents.n = {{ op = \"null\", in = \"y\" }}\n"
        );
        resolved(&text, Path::new("")).1
    }

    #[test]
    fn different_rates_that_meet_item_by_item_are_a_warning_that_names_both() {
        for op in ["zip", "mix", "concat", "gate", "csd", "regress"] {
            let agent = format!("op = \"{op}\"");
            let found = warnings(&agent, 20.0);
            let [warning] = &found[..] else {
                panic!("{op}: {found:?}")
            };
            for part in ["`x` has 10 Hz", "`z` has 20 Hz"] {
                assert!(warning.contains(part), "{op}: {warning}");
            }
            assert_eq!(warnings(&agent, 10.0 * (1.0 + 1e-12)), [""; 0]);
        }
        assert_eq!(warnings("op = \"merge\"", 20.0), [""; 0]);
    }

    #[test]
    fn a_duration_behind_different_rates_is_refused_with_the_reason() {
        let line = "a:sine freq=1 rate=10 items=4 ; b:sine freq=1 rate=20 items=4 ; \
                    zip in=[a, b] expr=\"a + b\" ! scale factor=2 ! window size=1s ! null";
        let refused =
            crate::resolve::resolve(crate::oneline::load_line(line).unwrap()).unwrap_err();
        let help = refused.diagnostics[0].help.as_deref().unwrap();
        for part in ["`zip` gives", "`a` with 10 Hz", "`b` with 20 Hz"] {
            assert!(help.contains(part), "{help}");
        }
    }
}
