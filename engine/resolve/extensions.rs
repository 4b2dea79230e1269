//! A file whose name says that it is of another kind than what is written into it.

use std::path::Path;

use super::build::Built;
use super::link::Link;
use crate::decl::GraphDecl;
use crate::diag::Diagnostic;

/// What writes a kind of its own, with the extensions it may have.
const OWN: [(&str, &[&str]); 8] = [
    ("arrow.write", &["arrow", "feather", "ipc"]),
    ("csv.write", &["csv", "tsv"]),
    ("jsonl.write", &["jsonl", "ndjson", "json"]),
    ("npy.write", &["npy"]),
    ("npz.write", &["npz"]),
    ("parquet.write", &["parquet"]),
    ("png.write", &["png"]),
    ("wav.write", &["wav"]),
];
/// Extensions that nothing here writes, though it may be hoped for.
const OTHERS: [&str; 11] = [
    "aac", "aiff", "flac", "h5", "jpeg", "jpg", "m4a", "mp3", "ogg", "svg", "xlsx",
];

/// Extensions of what is packed.
const PACKED: [&str; 4] = ["bz2", "gz", "xz", "zst"];

/// The files that would be taken for something else.
pub(super) fn mistakable(
    graph: &GraphDecl,
    links: &[Link],
    built: &[Option<Built>],
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for ((agent, link), built) in graph.agents.iter().zip(links).zip(built) {
        let own = OWN
            .iter()
            .find(|(name, _)| link.op.is_some_and(|op| op.name == *name));
        let (Some((op, own)), Some(built)) = (own, built) else {
            continue;
        };
        for (span, path) in &built.writes {
            if let Some((other, help)) = other_kind(path, own) {
                let message = format!(
                    "`{}` will be a file of `{op}`, though its name says {other}",
                    path.display()
                );
                let span = if span.is_empty() {
                    &agent.name.span
                } else {
                    span
                };
                found.push(
                    Diagnostic::new(message)
                        .at(span.clone(), "this name")
                        .help(help),
                );
            }
        }
    }
    found
}

/// The extension, if it is that of another kind, and what to do.
fn other_kind(path: &Path, own: &[&str]) -> Option<(String, String)> {
    let extension = path.extension()?.to_str()?.to_lowercase();
    let is_known = |known: &str| known == extension;
    if PACKED.into_iter().any(is_known) {
        let name = path.with_extension("");
        let help = format!(
            "nothing is packed here: call it {}, and pack it afterwards",
            name.display()
        );
        return Some((extension, help));
    }
    let is_kind = OTHERS.into_iter().any(is_known)
        || OWN
            .iter()
            .any(|(_, kinds)| kinds.iter().any(|kind| is_known(kind)));
    let is_other = is_kind && !own.iter().any(|kind| is_known(kind));
    is_other.then(|| (extension, format!("call it .{}", own[0])))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::resolve::units::tests::resolved;

    #[test]
    fn a_name_of_another_kind_is_a_warning_and_any_other_is_not() {
        let folder = tempfile::tempdir().unwrap();
        for (op, name, is_warned) in [
            ("wav.write", "o.mp3", true),
            ("wav.write", "o.csv", true),
            ("wav.write", "o.WAV", false),
            ("csv.write", "o.xlsx", true),
            ("csv.write", "o.csv.gz", true),
            ("jsonl.write", "o.jsonl.zst", true),
            ("csv.write", "o.txt", false),
            ("csv.write", "o", false),
            ("csv.write", "-", false),
            ("raw.write", "o.mp3", false),
        ] {
            let text = format!(
                "agents.x = {{ op = \"sine\", freq = 1, items = 9, rate = 10.0 }}\n\
                 agents.o = {{ op = \"{op}\", in = \"x\", path = \"{name}\" }}\n"
            );
            let found = resolved(&text, Path::new(folder.path())).1;
            assert_eq!(!found.is_empty(), is_warned, "{op} {name}: {found:?}");
        }
    }
}
