//! Streams of different rates where an item of one is put to an item of the other.
//!
//! What comes out of that has no rate, and most likely is not what was meant; but where streams of different
//! rates meet on purpose (`sample`, `timed.zip`, `merge`) nobody is warned.

use super::build::{Built, carried};
use super::link::Link;
use crate::decl::GraphDecl;
use crate::diag::Diagnostic;

/// Operators that take their inputs item by item, or one after the other, as one stream.
const ITEM_BY_ITEM: [&str; 5] = ["concat", "gate", "mix", "timed", "zip"];
/// Rates that differ by less are the same, differently computed.
const SAME: f64 = 1e-9;

/// The agents whose inputs have different rates.
pub(super) fn clashes(
    graph: &GraphDecl,
    links: &[Link],
    built: &[Option<Built>],
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (agent, link) in graph.agents.iter().zip(links) {
        if !link.op.is_some_and(|op| ITEM_BY_ITEM.contains(&op.name)) {
            continue;
        }
        let known = |nth: usize| Some((nth, carried(built, &link.inputs[nth])?.rate?));
        let mut rates = (0..link.inputs.len()).filter_map(known);
        let Some(one) = rates.next() else { continue };
        let Some(other) = rates.find(|(_, rate)| (rate - one.1).abs() > SAME * one.1.abs()) else {
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
        let mut warning = Diagnostic::new(message).at(agent.name.span.clone(), "here");
        for (nth, rate) in [one, other] {
            let from = graph.agents[link.inputs[nth].producer].name.span.clone();
            warning = warning.at(from, format!("`{}` has {rate} Hz", stream(nth)));
        }
        found.push(warning.help(
            "bring one of them to the other's rate (`resample`, `decimate`), or put them together by time (`timed.zip`, `sample`)",
        ));
    }
    found
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
        for op in ["zip", "mix", "concat", "gate"] {
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
}
