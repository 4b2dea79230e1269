//! What the numbers of each stream measure: carried from agent to agent beside types and rates.
//!
//! How an output's unit follows from the inputs' its port says ([`Unit`](thalweg_worker::units::Unit)); what an agent
//! declares goes over that. Around a cycle nothing is known but what an agent in it declares.

use thalweg_worker::agent::OutPort;
use thalweg_worker::op::InputInfo;

use super::build::{Built, carried};
use super::link::Link;
use crate::decl::{AgentDecl, GraphDecl, Span};
use crate::diag::Diagnostic;

pub(super) fn of(inputs: &[InputInfo]) -> Vec<Option<&str>> {
    inputs.iter().map(|input| input.unit.as_deref()).collect()
}

/// The unit of each output, by what its port says.
pub(super) fn followed(outputs: &[OutPort], inputs: &[Option<&str>]) -> Vec<Option<String>> {
    let unit = |port: &OutPort| port.unit.follow(inputs).map(str::to_owned);
    outputs.iter().map(unit).collect()
}

pub(super) fn clash(outputs: &[OutPort], inputs: &[Option<&str>]) -> Option<(usize, usize)> {
    outputs.iter().find_map(|port| port.unit.clash(inputs))
}

/// What the agent says its outputs measure goes over what follows from its inputs.
pub(super) fn declared(agent: &AgentDecl, built: &mut Built, found: &mut Vec<Diagnostic>) {
    let Some(first) = agent.units.first() else {
        return;
    };
    let (said, outputs) = (agent.units.len(), built.outputs.len());
    if outputs == 0 || (said != 1 && said != outputs) {
        let name = &agent.name.value;
        let message = match outputs {
            0 => format!("agent `{name}` gives no stream, so it has no `unit`"),
            _ => format!("agent `{name}` has {said} units, and gives {outputs} streams"),
        };
        let help = match outputs {
            0 => "say it where the stream begins",
            _ => "give one unit for all of them, or one for each; \"\" where it is not known",
        };
        let refused = Diagnostic::new(message).at(place(agent, &first.span), "this unit");
        found.push(refused.help(help));
        return;
    }
    for (nth, unit) in built.units.iter_mut().enumerate() {
        let text = &agent.units[if said == 1 { 0 } else { nth }].value;
        *unit = (!text.is_empty()).then(|| text.clone());
    }
    built.clash = None;
}

fn place(agent: &AgentDecl, span: &Span) -> Span {
    match span.is_empty() {
        true => agent.name.span.clone(),
        false => span.clone(),
    }
}

/// Streams of different units that come to one.
pub(super) fn clashes(
    graph: &GraphDecl,
    links: &[Link],
    built: &[Option<Built>],
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for ((agent, link), own) in graph.agents.iter().zip(links).zip(built) {
        let Some((one, other)) = own.as_ref().and_then(|built| built.clash) else {
            continue;
        };
        let name = &agent.name.value;
        let [one, other] = [one, other].map(|nth| {
            let unit = carried(built, &link.inputs[nth]).and_then(|carries| carries.unit);
            (
                &agent.inputs[nth].stream.value,
                unit.unwrap_or_default(),
                nth,
            )
        });
        let message = format!(
            "agent `{name}` puts items of different units into one stream: `{}` is in {}, `{}` in {}",
            one.0, one.1, other.0, other.1
        );
        let words =
            [&one, &other].map(|(stream, unit, nth)| (*nth, format!("`{stream}` is in {unit}")));
        let at = place(agent, &agent.name.span);
        let warning = link.clash(graph, (message, at), words);
        found.push(warning.help(format!(
            "convert one of them (op = \"scale\", unit = \"{}\"), or say what `{name}` gives: unit = \"..\", \"\" for none",
            one.1
        )));
    }
    found
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use crate::file::parse;
    use crate::resolve::resolve;

    /// The units of these streams, and the warnings.
    pub(in crate::resolve) fn resolved(
        text: &str,
        base: &Path,
    ) -> (Vec<(String, Option<String>)>, Vec<String>) {
        let graph = parse(text.to_owned(), "g.toml", "g", base.to_owned()).unwrap();
        let (graph, warnings) = resolve(graph).unwrap();
        let units = graph.streams.into_iter().map(|s| (s.name, s.unit));
        let words = warnings.into_iter().map(|warning| warning.message);
        (units.collect(), words.collect())
    }

    fn unit(text: &str, stream: &str) -> Option<String> {
        let (units, _) = resolved(text, Path::new(""));
        let found = units.into_iter().find(|(name, _)| name == stream);
        found.unwrap_or_else(|| panic!("no {stream}")).1
    }

    const SOURCE: &str =
        "agents.x = { op = \"noise\", rate = 1000, items = 1000, unit = \"m/s^2\" }\n";

    #[test]
    fn a_unit_goes_on_as_far_as_the_numbers_measure_the_same() {
        let keep = Some("m/s^2");
        let cases = [
            ("op = \"copy\"", keep),
            ("op = \"iir.lowpass\", cutoff = 10, order = 2", keep),
            ("op = \"fir.lowpass\", cutoff = 10, numtaps = 5", keep),
            ("op = \"decimate\", factor = 3", keep),
            ("op = \"window\", size = 4, fn = \"rms\"", keep),
            ("op = \"window\", size = 4, fn = \"var\"", Some("(m/s^2)^2")),
            ("op = \"welch\", size = 64", Some("(m/s^2)^2/Hz")),
            (
                "op = \"spectrogram\", size = 64, scaling = \"spectrum\"",
                Some("(m/s^2)^2"),
            ),
            (
                "op = \"spectrogram\", size = 64, scale = \"dB\"",
                Some("dB"),
            ),
            ("op = \"ewma\", alpha = 0.5", keep),
            ("op = \"savgol\", window_length = 5, polyorder = 2", keep),
            (
                "op = \"savgol\", window_length = 5, polyorder = 2, deriv = 1",
                None,
            ),
            ("op = \"map\", expr = \"x * x\"", None),
            ("op = \"map\", expr = \"x / 9.81\", unit = \"g\"", Some("g")),
            ("op = \"copy\", unit = \"\"", None),
            ("op = \"rfft\", size = 64", None),
            ("op = \"differentiator\", numtaps = 5", None),
            ("op = \"sta_lta\", sta = 5, lta = 50", None),
            ("op = \"timed\"", keep),
        ];
        for (agent, expected) in cases {
            let text = format!("{SOURCE}agents.y = {{ in = \"x\", {agent} }}\n");
            assert_eq!(unit(&text, "y").as_deref(), expected, "{agent}");
        }
    }

    #[test]
    fn each_output_can_have_its_own() {
        let text = format!(
            "{SOURCE}agents.v = {{ op = \"zip\", in = [\"x\", \"x\"] }}\n\
             agents.u = {{ op = \"unstack\", in = \"v\", unit = [\"V\", \"\"] }}\n"
        );
        assert_eq!(unit(&text, "v").as_deref(), Some("m/s^2"));
        assert_eq!(unit(&text, "u.0").as_deref(), Some("V"));
        assert_eq!(unit(&text, "u.1"), None);
    }

    #[test]
    fn streams_of_different_units_in_one_are_a_warning_that_names_both() {
        let other = "agents.z = { op = \"noise\", items = 9, unit = \"mV\" }\n";
        let joined = |agent: &str| {
            let text = format!(
                "{SOURCE}{other}agents.y = {{ in = [\"x\", \"z\"], {agent} }}\nagents.n = {{ op = \"null\", in = \"y\" }}\n"
            );
            resolved(&text, Path::new("")).1
        };
        for op in ["merge", "weave", "concat", "mix"] {
            let warnings = joined(&format!("op = \"{op}\""));
            let [warning] = &warnings[..] else {
                panic!("{op}: {warnings:?}")
            };
            for part in ["`x` is in m/s^2", "`z` in mV"] {
                assert!(warning.contains(part), "{op}: {warning}");
            }
        }
        assert_eq!(joined("op = \"merge\", unit = \"V\""), [""; 0]);
        assert_eq!(joined("op = \"zip\""), [""; 0]);
    }

    #[test]
    fn around_a_loop_nothing_is_known_but_what_is_declared() {
        let looped = |unit: &str| {
            format!(
                "{SOURCE}agents.y = {{ op = \"mix\", in = [\"x\", \"back\"] }}\n\
                 agents.back = {{ op = \"delay\", in = \"y\", items = 1, dtype = \"f64\"{unit} }}\n"
            )
        };
        assert_eq!(unit(&looped(""), "y"), None);
        let said = looped(", unit = \"m/s^2\"");
        assert_eq!(unit(&said, "y").as_deref(), Some("m/s^2"));
    }

    #[test]
    fn what_cannot_have_a_unit_is_refused() {
        let cases = [
            (
                "agents.n = { op = \"null\", in = \"x\", unit = \"V\" }",
                "gives no stream",
            ),
            (
                "agents.n = { op = \"copy\", in = \"x\", unit = [\"V\", \"A\"] }",
                "has 2 units, and gives 1 streams",
            ),
            (
                "agents.n = { op = \"copy\", in = \"x\", unit = 3 }",
                "should be a short text",
            ),
        ];
        for (agent, expected) in cases {
            let text = format!("{SOURCE}{agent}\n");
            let refused = match parse(text, "g.toml", "g", "".into()) {
                Ok(graph) => resolve(graph).unwrap_err(),
                Err(refused) => refused,
            };
            let words = refused.to_string();
            assert!(words.contains(expected), "{agent}: {words}");
        }
    }

    #[test]
    fn a_header_with_units_gives_them_to_its_columns() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.csv");
        std::fs::write(&file, "time [s],speed [m/s],n\n0,1.5,3\n").unwrap();
        let read = |more: &str| {
            let text = format!("agents.t = {{ op = \"csv.read\", path = \"t.csv\"{more} }}\n");
            resolved(&text, folder.path()).0
        };
        let pair = |name: &str, unit: Option<&str>| (name.to_owned(), unit.map(str::to_owned));
        assert_eq!(
            read(", units = true"),
            [
                pair("t.time", Some("s")),
                pair("t.speed", Some("m/s")),
                pair("t.n", None)
            ]
        );
        assert_eq!(
            read(", units = true, columns = \"speed\""),
            [pair("t", Some("m/s"))]
        );
        assert_eq!(read("")[1], pair("t.speed__m_s_", None));
    }
}
