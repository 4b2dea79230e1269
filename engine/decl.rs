//! A graph as it was written: names and parameters, nothing resolved yet.
//!
//! The graph file, the one-line form and the Rust builder all make this; `resolve` gives it types.
//! Everything keeps where it was written, so that a refusal can point there.

use std::cell::RefCell;
use std::ops::Range;
use std::panic::Location;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thalweg_worker::agent::Blueprint;
use thalweg_worker::op::Value;
use thalweg_worker::types::ItemType;

use crate::compose::CompositeDecl;
use crate::diag::Diagnostic;

/// A whole graph as written.
#[derive(Debug, Default)]
pub struct GraphDecl {
    /// The graph's name.
    pub name: String,
    /// Its agents, in the order they were written.
    pub agents: Vec<AgentDecl>,
    /// Its workers, in the order they were written.
    pub workers: Vec<WorkerDecl>,
    /// Settings of single streams.
    pub streams: Vec<StreamDecl>,
    /// Its named sub-graphs.
    pub composites: Vec<CompositeDecl>,
    /// True once the agents of sub-graphs stand in the places of their uses.
    pub is_expanded: bool,
    /// What a Rust program takes streams to hold.
    pub claims: Vec<Claim>,
    /// What was found on the way that keeps nothing from running.
    pub warnings: Vec<Diagnostic>,
    /// What all spans point into: a text, or the lines of a Rust program.
    pub source: Option<SourceText>,
    /// The folder that relative paths start from.
    pub base: PathBuf,
}

/// The text of a graph file, or of a one-line graph.
#[derive(Clone, Debug)]
pub struct SourceText {
    /// How messages call it: the path as given, `<stdin>`, `<command line>`.
    pub name: String,
    /// The text, and behind it those of the files that it includes.
    pub text: String,
    /// The uses of sub-graphs: the text of each is seen again, further on, for every use.
    pub used: Vec<Used>,
    /// What else places point into.
    beside: Box<Beside>,
}

/// What places point into beside a graph's own text.
#[derive(Clone, Debug, Default)]
struct Beside {
    /// The files it includes, in the order of their texts.
    included: Vec<Included>,
    /// The settings of the command line, a line for each; their places begin at 2^62.
    settings: String,
    /// Where a Rust program added its agents; their places begin at 2^61.
    sites: Vec<&'static Location<'static>>,
}

/// A file that a graph file includes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// How messages call it.
    pub name: String,
    /// Its folder, as seen from the graph's: the relative paths that are written in it start there.
    pub folder: PathBuf,
    /// Where its text begins.
    start: usize,
}

/// Where the places of what `--set` gave begin: further on than any text or use of a sub-graph.
const SETTINGS: usize = 1 << 62;
/// Where the places of a Rust program's calls begin.
const SITES: usize = 1 << 61;

/// A use of a sub-graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Used {
    /// Where the use was written.
    pub span: Span,
    /// Its name.
    pub name: String,
}

/// A place in the source text, in bytes; empty at 0 where there is none.
///
/// A place inside a sub-graph as the `n`-th use sees it (counted from 1) is `n` times the text's length
/// and one more bytes further on; [`SourceText::origin`] takes it apart.
pub type Span = Range<usize>;

impl SourceText {
    /// A text without sub-graphs.
    pub fn new(name: impl Into<String>, text: String) -> SourceText {
        SourceText {
            name: name.into(),
            text,
            used: Vec::new(),
            beside: Box::default(),
        }
    }

    /// What the places of a graph made in Rust point into: no text, the lines of the program.
    pub fn built() -> SourceText {
        SourceText::new("", String::new())
    }

    /// True for a graph made in Rust.
    pub fn is_built(&self) -> bool {
        self.name.is_empty()
    }

    /// Keeps where a program added something; gives its place.
    pub fn keep_site(&mut self, site: &'static Location<'static>) -> Span {
        let sites = &mut self.beside.sites;
        let nth = sites.iter().position(|known| *known == site);
        let nth = nth.unwrap_or_else(|| {
            sites.push(site);
            sites.len() - 1
        });
        SITES + nth..SITES + nth + 1
    }

    /// The line of the program that a place is.
    pub fn site(&self, span: &Span) -> Option<&'static Location<'static>> {
        let nth = span.start.checked_sub(SITES)?;
        self.beside.sites.get(nth).copied()
    }

    /// Puts the text of an included file behind the others; gives the place of its first byte.
    pub fn include(&mut self, name: String, folder: PathBuf, text: &str) -> usize {
        // Apart, so that the end of a text is no place of the next.
        self.text += "\n";
        let start = self.text.len();
        self.text += text;
        self.beside.included.push(Included {
            name,
            folder,
            start,
        });
        start
    }

    /// The files it includes, in the order of their texts.
    pub fn included(&self) -> &[Included] {
        &self.beside.included
    }

    /// The text of the graph itself.
    pub fn own_text(&self) -> &str {
        &self.text[self.bounds(None)]
    }

    /// The included files, each with its text.
    pub fn included_texts(&self) -> impl Iterator<Item = (&Included, &str)> {
        let files = self.included().iter().enumerate();
        files.map(|(nth, file)| (file, &self.text[self.bounds(Some(nth))]))
    }

    /// The included file that a place is in, which may be one that a use sees; `None`: the graph's own text.
    pub fn included_at(&self, span: &Span) -> Option<&Included> {
        if span.start >= SITES {
            return None;
        }
        let (span, _) = self.origin(span);
        Some(&self.beside.included[self.file_of(&span)?])
    }

    fn file_of(&self, span: &Span) -> Option<usize> {
        let before = self
            .included()
            .partition_point(|file| file.start <= span.start);
        before.checked_sub(1)
    }

    fn bounds(&self, file: Option<usize>) -> Span {
        let next = file.map_or(0, |nth| nth + 1);
        let start = file.map_or(0, |nth| self.beside.included[nth].start);
        let next = self.beside.included.get(next);
        start..next.map_or(self.text.len(), |file| file.start - 1)
    }

    /// Keeps a setting of the command line; gives the place of its first byte.
    pub fn keep_setting(&mut self, set: &str) -> usize {
        let start = SETTINGS + self.beside.settings.len();
        self.beside.settings += &set.replace('\n', " ");
        self.beside.settings += "\n";
        start
    }

    /// The text that a place points into, how messages call that, and where in it the place is.
    pub fn text_at(&self, span: &Span) -> (&str, &str, Span) {
        match span.start.checked_sub(SETTINGS) {
            Some(start) => ("--set", &self.beside.settings, start..span.end - SETTINGS),
            None => {
                let file = self.file_of(span);
                let name = file.map_or(&self.name, |nth| &self.beside.included[nth].name);
                let bounds = self.bounds(file);
                let inside = span.start - bounds.start..span.end - bounds.start;
                (name, &self.text[bounds], inside)
            }
        }
    }

    /// Where in the text a place is, and the use that it was seen from.
    pub fn origin(&self, span: &Span) -> (Span, Option<&Used>) {
        let stretch = self.text.len() + 1;
        let nth = span.start / stretch;
        let used = nth.checked_sub(1).and_then(|nth| self.used.get(nth));
        match used {
            None => (span.clone(), None),
            Some(_) => (span.start - nth * stretch..span.end - nth * stretch, used),
        }
    }
}

/// A value with the place it was written at.
#[derive(Clone, Debug, PartialEq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

impl<T> At<T> {
    /// A value and its place.
    pub fn new(value: T, span: Span) -> At<T> {
        At { value, span }
    }

    /// A value that was written in no text.
    pub fn nowhere(value: T) -> At<T> {
        At { value, span: 0..0 }
    }
}

/// One agent as written.
#[derive(Debug)]
pub struct AgentDecl {
    /// Its name, which is the name of its stream too.
    pub name: At<String>,
    /// How many bytes of the name are those of the scopes it was made in, with their dots.
    pub scope_len: usize,
    /// What it does.
    pub work: WorkDecl,
    /// The streams it reads.
    pub inputs: Vec<InputDecl>,
    /// The worker it names.
    pub worker: Option<At<String>>,
    /// The item type it asks for.
    pub dtype: Option<At<ItemType>>,
    /// What the numbers of its outputs measure: one text for all of them, or one for each; an empty one says
    /// that it is not known.
    pub units: Vec<At<String>>,
    /// How many deaths without progress its worker is forgiven.
    pub restart: Option<At<u32>>,
    /// What happens to an item it dies of.
    pub on_error: Option<At<OnError>>,
}

/// What an agent does: an operator by name, or a blueprint made in Rust.
#[derive(Debug)]
pub enum WorkDecl {
    /// An operator of the table, with its parameters.
    Op {
        /// The operator's name.
        op: At<String>,
        /// The parameters, each with the place of its value.
        params: Vec<(At<String>, At<Value>)>,
    },
    /// A blueprint with closures inside; taken out once, when the graph is resolved.
    Native {
        /// How listings call it: `map`, `window`, ..
        kind: &'static str,
        /// One output item for every so many items of the first input, where that is fixed: an
        /// output whose port knows no rate then has the input's, divided by this.
        step: Option<u64>,
        /// The blueprint.
        blueprint: RefCell<Option<Blueprint>>,
    },
}

/// One input as written: `AGENT` or `AGENT.PORT`, with the name an expression knows it by.
#[derive(Clone, Debug, PartialEq)]
pub struct InputDecl {
    /// The stream's name as written.
    pub stream: At<String>,
    /// The name given in an input table, if one was.
    pub name: Option<String>,
}

/// One worker as written.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerDecl {
    /// Its name.
    pub name: At<String>,
    /// Where it runs.
    pub core: At<Core>,
    /// How many deaths without progress it is forgiven.
    pub restart: Option<At<u32>>,
}

/// Where a worker runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Core {
    /// A core the plan chooses.
    #[default]
    Auto,
    /// No core: the scheduler moves it as it likes.
    None,
    /// This core.
    Number(usize),
}

impl From<usize> for Core {
    fn from(number: usize) -> Core {
        Core::Number(number)
    }
}

/// What happens to an item that kills its worker again and again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// The run stops and names it.
    #[default]
    Stop,
    /// It is skipped, counted, and written to a file.
    Skip,
}

/// Settings of one stream as written.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamDecl {
    /// The stream's name.
    pub name: At<String>,
    /// How much it holds.
    pub capacity: Option<At<Capacity>>,
    /// What happens when it is full.
    pub overflow: At<Overflow>,
}

/// What a Rust program takes the items of a stream to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The stream's name; of an agent with several the agent's, which is none of them.
    pub stream: String,
    /// The items' type.
    pub item_type: ItemType,
}

/// How much a stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Capacity {
    /// So many items.
    Items(u64),
    /// So many bytes.
    Bytes(u64),
}

/// What happens when a stream is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The producer waits: nothing is lost.
    #[default]
    Block,
    /// What does not fit is dropped and counted.
    DropNewest,
    /// Readers skip to the newest and count what they missed.
    Latest,
}
