//! Refusals: what was found where, and what would mend it.
//!
//! A [`Diagnostic`] points into the graph's text; `render` prints it with the lines it is about.
//! Deciding and printing are apart, so that tests read the parts and programs get JSON.

use crate::decl::{SourceText, Span};

/// One refusal.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// One sentence: the thing, what was found, what was expected.
    pub message: String,
    /// Places, the main one first, each with a few words.
    pub labels: Vec<(Span, String)>,
    /// What would mend it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A refusal that points nowhere yet.
    pub fn new(message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            message: message.into(),
            labels: Vec::new(),
            help: None,
        }
    }

    /// Points at a place.
    pub fn at(mut self, span: Span, words: impl Into<String>) -> Diagnostic {
        self.labels.push((span, words.into()));
        self
    }

    /// Says what would mend it.
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }
}

/// Why a graph was refused: one or more findings and the text they point into.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The findings, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// The text, `None` for a graph built in Rust.
    pub source: Option<SourceText>,
}
