//! What it takes to make a run's graph and plan again: kept beside the file of a resumable run.
//!
//! The graph is kept as text, so it does not matter what became of its file; the machine as the plan saw
//! it, so agents come to lie where they lay; and the shape of the segment that this gave, to compare.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thalweg_ringbuf::Fencing;

use crate::decl::GraphDecl;
use crate::diag::Refused;
use crate::plan::{Machine, Options};
use crate::record::Record;
use crate::shape::Shape;
use crate::topology::Topology;
use crate::{file, oneline, sets};

/// A graph's text, and what reading it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// A line of `-e`; else a graph file.
    is_line: bool,
    /// How messages call it.
    name: String,
    text: String,
    /// The files it includes: how messages call each, and its text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    included: Vec<(String, String)>,
    /// The graph's name, where the text gives none.
    graph: String,
    /// The folder that relative paths start from, as seen from `folder`.
    base: PathBuf,
    /// The folder the run was started in.
    folder: PathBuf,
    /// `--set`, in order.
    sets: Vec<String>,
    /// What is recorded of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record: Option<Record>,
}

impl Written {
    /// What `graph` was read from; `None` for a graph that has no text.
    ///
    /// # Errors
    /// The current folder cannot be known.
    pub fn of(graph: &GraphDecl, is_line: bool, sets: &[String]) -> io::Result<Option<Written>> {
        let Some(source) = graph.source.as_ref().filter(|source| !source.is_built()) else {
            return Ok(None);
        };
        Ok(Some(Written {
            is_line,
            name: source.name.clone(),
            text: source.own_text().to_owned(),
            included: source
                .included_texts()
                .map(|(file, text)| (file.name.clone(), text.to_owned()))
                .collect(),
            graph: graph.name.clone(),
            base: graph.base.clone(),
            folder: std::env::current_dir()?,
            sets: sets.to_vec(),
            record: None,
        }))
    }

    /// The same, of a run that is recorded.
    pub fn recorded(self, record: Record) -> Written {
        Written {
            record: Some(record),
            ..self
        }
    }

    /// The same, of a run that is not recorded.
    pub fn unrecorded(&self) -> Written {
        Written {
            record: None,
            ..self.clone()
        }
    }

    /// What is recorded of the run.
    pub fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// Goes to the folder the run was started in: relative paths mean there what they meant then.
    ///
    /// # Errors
    /// The folder is gone, or closed to us.
    pub fn enter_folder(&self) -> Result<(), String> {
        std::env::set_current_dir(&self.folder)
            .map_err(|e| format!("folder {}: {e}", self.folder.display()))
    }

    /// The graph as it was written.
    ///
    /// # Errors
    /// What is no graph to this version.
    pub fn read(&self) -> Result<GraphDecl, Refused> {
        let text = self.text.clone();
        let mut graph = match self.is_line {
            true => oneline::load_line(&text)?,
            false => file::parse_with(text, &self.name, &self.graph, self.base.clone(), &|path| {
                self.included_text(path)
            })?,
        };
        sets::apply_sets(&mut graph, &self.sets)?;
        Ok(graph)
    }

    fn included_text(&self, path: &Path) -> Result<String, String> {
        let kept = self
            .included
            .iter()
            .find(|(name, _)| Path::new(name) == path);
        let text = kept.map(|(_, text)| text.clone());
        text.ok_or_else(|| "it was not kept".to_owned())
    }
}

/// All that is kept of a resumable run beside its segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The graph.
    pub written: Written,
    /// What its plan was made of.
    pub basis: Basis,
    /// When the run's first process began, ns of the monotonic clock.
    pub began_ns: u64,
    /// When its first workers started, ns of the monotonic clock.
    pub started_ns: u64,
}

/// What a plan was made of beside the graph, and the shape of the segment that it gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    /// What the command line overrode.
    pub options: Options,
    /// The cores the plan had.
    pub cores: Vec<usize>,
    /// How waiting is fenced in the segment: the rare side alone.
    pub asymmetric: bool,
    /// The segment's shape.
    pub shape: Shape,
}

impl Basis {
    /// How waiting is fenced in the segment.
    pub fn fencing(&self) -> Fencing {
        match self.asymmetric {
            true => Fencing::Asymmetric,
            false => Fencing::Symmetric,
        }
    }

    /// The machine as the plan saw it, with what is known of its cores here, and so much room for a segment;
    /// `None` where it is there already.
    pub fn machine(&self, here: &Topology, shm_free: Option<u64>) -> Machine {
        Machine {
            cores: self.cores.clone(),
            topology: here.restricted(&self.cores),
            shm_free,
            fencing: self.fencing(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_is_read_again_as_it_was_written() {
        let line = "counter items=5 ! map expr=\"x + 1\" ! null";
        let sets = ["counter.items=7".to_owned()];
        let decl = oneline::load_line(line).unwrap();
        let written = Written::of(&decl, true, &sets).unwrap().unwrap();
        let kept = serde_json::to_string(&written).unwrap();
        let again: Written = serde_json::from_str(&kept).unwrap();
        assert_eq!(again, written);
        let mut expected = decl;
        sets::apply_sets(&mut expected, &sets).unwrap();
        assert_eq!(
            format!("{:?}", again.read().unwrap()),
            format!("{expected:?}")
        );
    }

    #[test]
    fn a_graph_file_keeps_its_name_and_folder() {
        let text = "agents.a = { op = \"counter\" }\nagents.b = { op = \"null\", in = \"a\" }\n";
        let decl = file::parse(text.to_owned(), "d/g.toml", "g", PathBuf::from("d")).unwrap();
        let written = Written::of(&decl, false, &[]).unwrap().unwrap();
        assert_eq!(
            format!("{:?}", written.read().unwrap()),
            format!("{decl:?}")
        );
    }

    #[test]
    fn a_graph_without_text_cannot_be_kept() {
        let decl = GraphDecl::default();
        assert_eq!(Written::of(&decl, false, &[]).unwrap(), None);
    }
}
