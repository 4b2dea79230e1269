//! What kind of file one is, by how it begins: for who reads it as another.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::op::{Args, OpError};

/// What a file begins with, what such a file is called, and what reads it.
const MARKS: &[(&[u8], &str, &str)] = &[
    (b"RIFF", "a WAV file", "wav.read"),
    (b"RF64", "a WAV file", "wav.read"),
    (b"BW64", "a WAV file", "wav.read"),
    (b"fLaC", "a FLAC file", "flac.read"),
    (b"OggS", "an Ogg file", "ogg.read"),
    (b"\x93NUMPY", "a NumPy file", "npy.read"),
    (b"PK\x03\x04", "a ZIP archive, as NPZ files are", "npz.read"),
    (b"PAR1", "a Parquet file", "parquet.read"),
    (b"ARROW1", "an Arrow IPC file", "arrow.read"),
];

/// Where a reader refuses its file, what would read it.
pub fn advised(error: OpError, args: &Args) -> OpError {
    let op = args.op().name;
    if error.param.as_deref() != Some("path") || !op.ends_with(".read") {
        return error;
    }
    match args.path("path").and_then(|path| other(op, &path)) {
        None => error,
        Some(help) => OpError {
            help: Some(help),
            ..error
        },
    }
}

/// What would read this file in the place of `op`, in words.
fn other(op: &str, path: &Path) -> Option<String> {
    // The start alone: a pipe would be taken from.
    let mut file = path.is_file().then(|| File::open(path).ok())??;
    let mut start = Vec::new();
    file.by_ref().take(512).read_to_end(&mut start).ok()?;
    let kind = MARKS.iter().find(|(mark, ..)| start.starts_with(mark));
    match kind {
        Some((_, _, reader)) if *reader == op => None,
        Some((_, kind, reader)) => Some(format!("it is {kind}: `{reader}` reads such")),
        None if is_text(&start) && !reads_text(op) => Some(
            "it begins as a text does: `csv.read`, `jsonl.read` or `text.read` reads such"
                .to_owned(),
        ),
        None => None,
    }
}

/// Whether a file that begins so is one of lines, as far as can be told.
fn is_text(start: &[u8]) -> bool {
    let is_plain = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..);
    !start.is_empty() && start.iter().all(is_plain)
}

/// Text is what these read.
fn reads_text(op: &str) -> bool {
    ["csv.", "jsonl.", "text.", "sigmf.", "raw."]
        .iter()
        .any(|family| op.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::fixtures::golden;

    #[test]
    fn what_reads_a_file_is_told_by_how_it_begins() {
        let check = |op, file: &str, expected: Option<&str>| {
            let found = other(op, &golden().join(file));
            assert_eq!(found.as_deref(), expected, "{op} of {file}");
        };
        check(
            "flac.read",
            "u8.wav",
            Some("it is a WAV file: `wav.read` reads such"),
        );
        check("wav.read", "u8.wav", None);
        check(
            "csv.read",
            "le_i4.npy",
            Some("it is a NumPy file: `npy.read` reads such"),
        );
        let text = "it begins as a text does: `csv.read`, `jsonl.read` or `text.read` reads such";
        check("wav.read", "savetxt.csv", Some(text));
        check("csv.read", "savetxt.csv", None);
        check("wav.read", "no-such-file", None);
    }
}
