use std::collections::BTreeMap;

use super::*;
use crate::decl::Span;
use crate::diag::{Refused, place};
use crate::file::parse_with;
use crate::recipe::Written;
use crate::resolve::resolve;
use crate::resolved::Resolved;

const GRAPH: &str = "include = \"lib/parts.toml\"
[agents.n]
op = \"counter\"
items = 10
[agents.big]
op = \"big\"
in = \"n\"
[agents.out]
op = \"null\"
in = \"big\"
";

const PARTS: &str = "include = [\"../other/more.toml\"]
[graphs.big]
inputs = \"x\"
outputs = \"y\"
agents.y = { op = \"plus\", in = \"x\", k = 5 }
";

const MORE: &str = "[graphs.plus]
inputs = \"x\"
outputs = \"y\"
params.k = 1
agents.y = { op = \"map\", in = \"x\", expr = \"x + $k\" }
";

/// The graph `d/g.toml`, other files by name.
fn declared(text: &str, files: &[(&str, &str)]) -> Result<GraphDecl, Refused> {
    let files: BTreeMap<&Path, &str> = files.iter().map(|(f, t)| (Path::new(*f), *t)).collect();
    let read = |path: &Path| match files.get(path) {
        Some(text) => Ok((*text).to_owned()),
        None => Err("there is no such file".to_owned()),
    };
    parse_with(text.to_owned(), "d/g.toml", "g", PathBuf::from("d"), &read)
}

fn resolved(text: &str, files: &[(&str, &str)]) -> Resolved {
    let (graph, warnings) = resolve(declared(text, files).unwrap()).unwrap();
    assert_eq!(warnings, []);
    graph
}

/// Refused with these words, at these places in order.
fn refused(text: &str, files: &[(&str, &str)], words: &str, places: &[&str]) {
    let result = declared(text, files).and_then(resolve);
    let refused = result
        .err()
        .unwrap_or_else(|| panic!("not refused:\n{text}"));
    let first = &refused.diagnostics[0];
    assert!(first.message.contains(words), "{}", first.message);
    let source = refused.source.as_ref();
    let at = |(span, _): &(Span, String)| place(source, span).unwrap();
    let found: Vec<String> = first.labels.iter().map(at).collect();
    assert_eq!(found, places, "{}", refused.render(false));
}

const FILES: [(&str, &str); 2] = [("d/lib/parts.toml", PARTS), ("d/other/more.toml", MORE)];

#[test]
fn sub_graphs_of_other_files_are_used_as_if_they_stood_here() {
    let graph = resolved(GRAPH, &FILES);
    let names: Vec<&str> = graph.agents.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["n", "big.y.y", "out"]);
}

#[test]
fn a_file_that_two_include_is_read_once_and_what_is_unused_is_no_warning() {
    let twice = GRAPH.replace(
        "\"lib/parts.toml\"",
        "[\"./other/more.toml\", \"lib/parts.toml\", \"spare.toml\"]",
    );
    let spare = "[graphs.spare]\nagents.n = { op = \"counter\" }\n";
    resolved(&twice, &[&FILES[..], &[("d/spare.toml", spare)]].concat());
}

#[test]
fn refusals_point_into_the_file_they_are_about() {
    let wrong = MORE.replace("x + $k", "x + ");
    let files = [FILES[0], ("d/other/more.toml", wrong.as_str())];
    refused(GRAPH, &files, "big.y.y", &["d/other/more.toml:5:43"]);
    let unknown = PARTS.replace("k = 5", "j = 5");
    let files = [("d/lib/parts.toml", unknown.as_str()), FILES[1]];
    refused(
        GRAPH,
        &files,
        "no parameter `j`",
        &["d/lib/parts.toml:5:37", "d/other/more.toml:1:9"],
    );
    let no_toml = [("d/lib/parts.toml", "[graphs.a]\n[graphs"), FILES[1]];
    refused(GRAPH, &no_toml, "no TOML", &["d/lib/parts.toml:2:8"]);
    let same = format!("{GRAPH}[graphs.plus]\nagents.n = {{ op = \"counter\" }}\n");
    let places = ["d/other/more.toml:1:9", "d/g.toml:11:9"];
    refused(&same, &FILES, "plus", &places);
    refused(
        GRAPH,
        &FILES[..1],
        "d/other/more.toml",
        &["d/lib/parts.toml:1:12"],
    );
    let odd = [("d/lib/parts.toml", "graph = 1"), FILES[1]];
    refused(GRAPH, &odd, "`graph`", &["d/lib/parts.toml:1:1"]);
    refused("include = 3", &[], "`include` is", &["d/g.toml:1:11"]);
}

#[test]
fn a_round_of_includes_is_refused_with_its_path() {
    let more = format!("include = \"../lib/parts.toml\"\n{MORE}");
    let files = [FILES[0], ("d/other/more.toml", more.as_str())];
    let words = "d/lib/parts.toml -> d/other/more.toml -> d/lib/parts.toml";
    refused(GRAPH, &files, words, &["d/other/more.toml:1:11"]);
    let own = "include = \"g.toml\"\n";
    refused(own, &[], "d/g.toml -> d/g.toml", &["d/g.toml:1:11"]);
}

#[test]
fn what_runs_stands_in_the_graph_file_alone() {
    let agents = format!("{MORE}[agents.x]\nop = \"counter\"\n");
    let files = [FILES[0], ("d/other/more.toml", agents.as_str())];
    refused(
        GRAPH,
        &files,
        "`agents` in a file",
        &["d/other/more.toml:6:2"],
    );
    refused(MORE, &[], "has no agent", &[]);
}

#[test]
fn relative_paths_start_from_the_file_they_are_written_in() {
    let lib = "[graphs.keep]
inputs = \"x\"
params.to = \"own.csv\"
agents.a = { op = \"csv.write\", in = \"x\", path = \"$to\" }
agents.b = { op = \"csv.write\", in = \"x\", path = \"fixed.csv\" }
agents.c = { op = \"csv.write\", in = \"x\", path = \"/dev/null\" }
";
    let text = "include = \"lib/keep.toml\"
agents.n = { op = \"counter\", items = 1 }
agents.k = { op = \"keep\", in = \"n\" }
agents.l = { op = \"keep\", in = \"n\", to = \"given.csv\" }
";
    let mut graph = declared(text, &[("d/lib/keep.toml", lib)]).unwrap();
    compose::expand(&mut graph).unwrap();
    let path = |name: &str| {
        let agent = graph.agents.iter().find(|a| a.name.value == name).unwrap();
        let WorkDecl::Op { params, .. } = &agent.work else {
            panic!("{name}")
        };
        params
            .iter()
            .find(|(key, _)| key.value == "path")
            .unwrap()
            .1
            .value
            .clone()
    };
    let cases = [
        ("k.a", "lib/own.csv"),
        ("k.b", "lib/fixed.csv"),
        ("k.c", "/dev/null"),
        ("l.a", "given.csv"),
        ("l.b", "lib/fixed.csv"),
    ];
    for (agent, expected) in cases {
        assert_eq!(path(agent), Value::Text(expected.to_owned()), "{agent}");
    }
}

#[test]
fn a_kept_graph_is_read_again_without_its_files() {
    let decl = declared(GRAPH, &FILES).unwrap();
    let written = Written::of(&decl, false, &[]).unwrap().unwrap();
    let kept = serde_json::to_string(&written).unwrap();
    let again: Written = serde_json::from_str(&kept).unwrap();
    assert_eq!(format!("{:?}", again.read().unwrap()), format!("{decl:?}"));
}
