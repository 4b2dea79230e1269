//! Parameters that many connectors have.

use crate::op::{ParamDef, ParamKind};

/// What a source reads: a file or standard input.
pub(super) const READ: ParamDef = path(
    ParamKind::ReadPath,
    "The file to read, relative to the graph file; `-` is standard input.",
);

/// What a source reads: a file only.
pub(super) const READ_FILE: ParamDef = path(
    ParamKind::ReadPath,
    "The file to read, relative to the graph file.",
);

/// What a sink writes: a file or standard output.
pub(super) const WRITE: ParamDef = path(
    ParamKind::WritePath,
    "The file to write, relative to the graph file; `-` is standard output.",
);

/// What a sink writes: a file only.
pub(super) const WRITE_FILE: ParamDef = path(
    ParamKind::WritePath,
    "The file to write, relative to the graph file.",
);

/// How fast what a file holds was taken down.
pub(super) const RECORDED_RATE: ParamDef = ParamDef {
    name: "rate",
    kind: ParamKind::Float,
    default: Some(""),
    unit: "Hz",
    doc: "Items per second of the recording. Default: as the file says, else not known.",
};

const fn path(kind: ParamKind, doc: &'static str) -> ParamDef {
    ParamDef {
        name: "path",
        kind,
        default: None,
        unit: "",
        doc,
    }
}
