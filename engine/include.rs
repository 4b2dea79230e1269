//! `include = ["lib.toml"]`: the sub-graphs of other files, as if they stood in this one.
//!
//! A file is looked for beside the one that includes it, and read once, whoever includes it. It holds
//! sub-graphs and may include others; what runs stands in the graph file itself. The texts lie one behind
//! the other in the [`SourceText`](crate::decl::SourceText), so that a place is a place in one of them. A
//! relative path that is written in an included file starts from that file's folder, one that a use gives
//! from the folder of the file that the use is written in.

use std::path::{Component, Path, PathBuf};

use thalweg_worker::op::{ParamKind, Value};
use thalweg_worker::operators;

use crate::compose;
use crate::decl::{AgentDecl, At, GraphDecl, SourceText, WorkDecl};
use crate::diag::Diagnostic;
use crate::file;
use crate::keys::{self, Node, NodeValue};

/// Gives the text of a file, or says why there is none.
pub(crate) type Read<'a> = &'a dyn Fn(&Path) -> Result<String, String>;

/// How deep files may include each other.
const DEEPEST: usize = 32;
const KEYS: [&str; 2] = ["include", "graphs"];

/// `"lib.toml"` or `["one.toml", "two.toml"]`.
pub(crate) fn paths(node: &Node) -> Result<Vec<At<String>>, Diagnostic> {
    let wanted = "the name of a file, or a list of them";
    let paths = match &node.value {
        NodeValue::List(items) => items
            .iter()
            .map(|item| item.text("include", wanted))
            .collect::<Result<Vec<_>, _>>()?,
        _ => vec![node.text("include", wanted)?],
    };
    match paths.iter().find(|path| path.value.is_empty()) {
        Some(path) => Err(
            Diagnostic::new("`include` is an empty text, and should name a file")
                .at(path.span.clone(), "no file"),
        ),
        None => Ok(paths),
    }
}

/// Puts the sub-graphs of the named files, and of those that they include, into the graph.
pub(crate) fn all(
    graph: &mut GraphDecl,
    paths: Vec<At<String>>,
    read: Read<'_>,
    found: &mut Vec<Diagnostic>,
) {
    let Some(source) = &graph.source else { return };
    let own = clean(Path::new(&source.name));
    let mut inclusion = Inclusion {
        graph,
        read,
        found,
        seen: Vec::new(),
        path: vec![own],
    };
    for path in paths {
        inclusion.include(&path, Path::new(""));
    }
}

struct Inclusion<'a> {
    graph: &'a mut GraphDecl,
    read: Read<'a>,
    found: &'a mut Vec<Diagnostic>,
    /// The files that were read.
    seen: Vec<PathBuf>,
    /// The graph file, then who includes whom down to where we are.
    path: Vec<PathBuf>,
}

impl Inclusion<'_> {
    /// Includes a file; `folder` is that of the file that names it, as seen from the graph's.
    fn include(&mut self, named: &At<String>, folder: &Path) {
        let inside = folder.join(&named.value);
        let file = clean(&self.graph.base.join(&inside));
        let refuse =
            |message: String, words: &str| Diagnostic::new(message).at(named.span.clone(), words);
        if let Some(from) = self.path.iter().position(|above| *above == file) {
            let round = self.path[from..].iter().chain([&file]);
            let names: Vec<String> = round.map(|file| file.display().to_string()).collect();
            let message = format!("`{}` includes itself: {}", names[0], names.join(" -> "));
            self.found.push(
                refuse(message, "included again").help("put what both need into a third file"),
            );
            return;
        }
        if self.seen.contains(&file) {
            return;
        }
        if self.path.len() > DEEPEST {
            let message = format!("files include each other more than {DEEPEST} deep");
            self.found.push(refuse(message, "too deep"));
            return;
        }
        self.seen.push(file.clone());
        let (text, len) = match (self.read)(&file) {
            Ok(text) => (text.trim_start_matches('\u{feff}').to_owned(), text.len()),
            Err(why) => {
                let message = format!("`{}` cannot be included: {why}", file.display());
                let help = "a file is looked for beside the one that includes it";
                self.found.push(refuse(message, "this file").help(help));
                return;
            }
        };
        let Some(source) = &mut self.graph.source else {
            return;
        };
        if (source.text.len() + len) as u64 > file::LONGEST {
            let message = "a graph file and what it includes are longer than 16 MiB".to_owned();
            self.found.push(refuse(message, "no room for this"));
            return;
        }
        let folder = inside.parent().unwrap_or(Path::new("")).to_owned();
        let start = source.include(file.display().to_string(), folder.clone(), &text);
        let root = match file::root(&text) {
            Ok(root) => compose::shifted(root, start),
            Err(found) => {
                self.found
                    .extend(found.into_iter().map(|one| moved(one, start)));
                return;
            }
        };
        self.path.push(file);
        self.top(root, &folder);
        self.path.pop();
    }

    fn top(&mut self, root: Node, folder: &Path) {
        for (key, value) in keys::entries("graph", root, self.found) {
            match key.value.as_str() {
                "include" => match paths(&value) {
                    Ok(paths) => paths.iter().for_each(|path| self.include(path, folder)),
                    Err(refusal) => self.found.push(refusal),
                },
                "graphs" => {
                    for (name, value) in keys::entries("graphs", value, self.found) {
                        let composite = compose::declare(name, value, self.found);
                        self.graph.composites.push(composite);
                    }
                }
                "name" | "agents" | "workers" | "streams" => {
                    let message = format!("`{}` in a file that is included", key.value);
                    let refusal = Diagnostic::new(message)
                        .at(key.span, "of sub-graphs only")
                        .help("what runs stands in the graph file: make a sub-graph of it, [graphs.NAME], and use that");
                    self.found.push(refusal);
                }
                _ => {
                    let refusal = keys::unknown_key("a file that is included", &key, &KEYS);
                    self.found.push(refusal);
                }
            }
        }
    }
}

/// The finding with its places so much further on.
fn moved(mut finding: Diagnostic, start: usize) -> Diagnostic {
    for (span, _) in &mut finding.labels {
        *span = span.start + start..span.end + start;
    }
    finding
}

/// The path without `.` and, as far as it is written, without `..`.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match (part, clean.components().next_back()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => drop(clean.pop()),
            (part, _) => clean.push(part),
        }
    }
    clean
}

/// Relative paths that are written in an included file start from its folder.
pub(crate) fn rebase(graph: &mut GraphDecl) {
    let Some(source) = &graph.source else { return };
    if source.included().is_empty() {
        return;
    }
    for agent in &mut graph.agents {
        rebase_agent(agent, source);
    }
}

fn rebase_agent(agent: &mut AgentDecl, source: &SourceText) {
    let WorkDecl::Op { op, params } = &mut agent.work else {
        return;
    };
    let Some(op) = operators::find(&op.value) else {
        return;
    };
    for (key, value) in params {
        let param = op.params.iter().find(|param| param.name == key.value);
        let is_file = matches!(
            param.map(|param| param.kind),
            Some(ParamKind::ReadPath | ParamKind::WritePath)
        );
        let folder = source.included_at(&value.span).map(|file| &file.folder);
        if let (true, Some(folder), Value::Text(path)) = (is_file, folder, &mut value.value)
            && !path.is_empty()
            && path != "-"
        {
            *path = folder.join(&*path).to_string_lossy().into_owned();
        }
    }
}

#[cfg(test)]
mod tests;
