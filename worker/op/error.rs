//! Refusals: which parameter, what was found, what would mend it.

use super::{InputInfo, Naming};
use crate::types::ItemType;

/// An operator refuses what it was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OpError {
    /// The parameter (or reserved key) it is about; `None`: the agent as a whole.
    pub param: Option<String>,
    /// What was found and what should be.
    pub message: String,
    /// What would mend it.
    pub help: Option<String>,
}

impl OpError {
    /// About one parameter, or a reserved key such as `in` or `dtype`.
    pub fn param(name: &str, message: impl Into<String>) -> OpError {
        OpError {
            param: Some(name.to_owned()),
            message: message.into(),
            help: None,
        }
    }

    /// About the agent as a whole.
    pub fn op(message: impl Into<String>) -> OpError {
        OpError {
            param: None,
            message: message.into(),
            help: None,
        }
    }

    /// About the type of an input; the help is what makes the wanted items of those found.
    pub fn input_type(op: &str, input: &InputInfo, wanted: &str) -> OpError {
        OpError {
            param: Some("in".to_owned()),
            message: match input.naming {
                Naming::Alone if input.is_unnamed() => {
                    format!(
                        "`{op}` takes {wanted}, and its input is {}",
                        input.item_type
                    )
                }
                _ => format!(
                    "`{op}` takes {wanted}, and {} is {}",
                    input.called(),
                    input.item_type
                ),
            },
            help: conversion(&input.item_type, wanted).map(str::to_owned),
        }
    }

    /// Adds what would mend it, where nothing said so yet.
    pub fn or_help(mut self, help: impl Into<String>) -> OpError {
        self.help.get_or_insert_with(|| help.into());
        self
    }

    /// Adds what would mend it.
    pub fn with_help(mut self, help: impl Into<String>) -> OpError {
        self.help = Some(help.into());
        self
    }
}

/// What makes items that are wanted of items of this type.
fn conversion(found: &ItemType, wanted: &str) -> Option<&'static str> {
    let wants = |word: &str| wanted.contains(word);
    Some(match found {
        _ if wants("text") && found.elements().is_some() => "`text.format` makes text of numbers",
        ItemType::Text if wants("bytes") => return None,
        ItemType::Text => "`text.parse` makes numbers of text, `text.length` counts its letters",
        ItemType::Bytes => "`lines` makes text of bytes; `raw.read` reads numbers from a file",
        ItemType::Timed(_) => {
            "`unstack` parts timed items: AGENT.x has the values, AGENT.t the times"
        }
        _ if wants("timed") => "`timed` gives items their times",
        ItemType::Vector(..) if !wants("vector") && !wants("one by one") => {
            "`pick` takes an element of vectors, `unstack` all of them as streams of their own"
        }
        ItemType::Vector(..) if wants("one by one") => {
            "`flatten` gives the elements of vectors one by one, `pick` takes one of them"
        }
        ItemType::Scalar(_) if wants("vectors") && !wants("numbers or") && !wants("or vectors") => {
            "`zip` without `expr` makes vectors of several streams, `blocks` of one"
        }
        ItemType::Scalar(scalar) if scalar.is_complex() && !wants("complex") => {
            "take a part of complex numbers first: op = \"map\", expr = \"abs(x)\", or re(x), im(x), arg(x)"
        }
        _ => return None,
    })
}
