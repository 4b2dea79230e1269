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

/// What packed files begin with, and what packs and unpacks them.
const PACKERS: [(&[u8], &str); 4] = [
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh91AY&SY", "bzip2"),
];

/// Refuses a packed file where lines are read.
pub(super) fn unpacked(args: &Args, path: &Path) -> Result<(), OpError> {
    let op = args.op().name;
    if !["csv.read", "jsonl.read", "text.read"].contains(&op) || !path.is_file() {
        return Ok(());
    }
    let mut start = Vec::new();
    // What cannot be read is refused by who reads it.
    if let Ok(file) = File::open(path) {
        let _ = file.take(16).read_to_end(&mut start);
    }
    match PACKERS.iter().find(|(mark, _)| start.starts_with(mark)) {
        None => Ok(()),
        Some((_, packer)) => {
            let name = path.display();
            let message =
                format!("{name} is packed by {packer}, and `{op}` reads lines as they are");
            Err(OpError::param("path", message).with_help(format!(
                "unpack it first, or on the way: `{packer} -dc {name} | thalweg run ..` with path = \"-\""
            )))
        }
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
    #[test]
    fn a_packed_file_is_refused_with_what_unpacks_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv.gz");
        std::fs::write(&path, b"\x1f\x8b\x08\0\0\0\0\0").unwrap();
        for op in ["csv.read", "jsonl.read", "text.read"] {
            let params = [("path".to_owned(), path.to_str().unwrap().into())];
            let op = crate::operators::find(op).unwrap();
            let args = Args::new(op, vec![], None, &params, ".".as_ref()).unwrap();
            let refused = (op.build)(&args).unwrap_err();
            assert!(refused.message.contains("is packed by gzip"), "{refused}");
            assert!(refused.help.unwrap().starts_with("unpack it first"));
        }
    }
}
