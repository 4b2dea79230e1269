//! Files, standard streams and sockets: one file each, one row each in the operators' table.
//!
//! [`files`] holds what they share about paths, reading and writing, [`text`] how a number is spelled.

use crate::op::OpDef;

pub mod null;
pub mod print;

mod files;
mod text;

pub(crate) const CONNECTORS: &[&OpDef] = &[&null::NULL, &print::PRINT];
