//! `raw.read`, `raw.write`: items side by side, without a header.

use crate::agent::{Blueprint, InPort, OutPort, StateSpec};
use crate::connectors::files::{Reader, Target};
use crate::connectors::params::{READ, RECORDED_RATE, WRITE};
use crate::connectors::placed::Placed;
use crate::connectors::records::{Convert, Count, RecordReader, RecordWriter, in_order, partial};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

/// The row of `raw.read`.
pub const RAW_READ: OpDef = OpDef {
    name: "raw.read",
    summary: "reads items from a file of bare numbers",
    doc: "Items of the agent's `dtype` lie side by side: numbers, vectors of them, complex numbers as real \
          and imaginary part. A file that ends within an item is an error. A regular file goes on at the \
          committed item whatever is killed. `-` is standard input: it and pipes cannot be read again, so a \
          killed reader ends the run.",
    inputs: Arity::Source,
    outputs: "one stream of `dtype`",
    params: &[
        READ,
        ENDIAN,
        ParamDef {
            name: "offset",
            kind: ParamKind::Int,
            default: Some("0"),
            unit: "bytes",
            doc: "Where the first item starts.",
        },
        ParamDef {
            name: "items",
            kind: ParamKind::Int,
            default: Some(""),
            unit: "items",
            doc: "Reads at most this many. Default: to the end.",
        },
        RECORDED_RATE,
    ],
    example: "raw.read path=examples/data/pluck.wav offset=44 dtype=i16 rate=44100 ! null",
    deterministic: true,
    build: build_read,
};

/// The row of `raw.write`.
pub const RAW_WRITE: OpDef = OpDef {
    name: "raw.write",
    summary: "writes items as bare numbers",
    doc: "Items side by side without a header, as `raw.read` reads them and NumPy's `fromfile` does. An existing \
          file is replaced. A regular file is written exactly once whatever is killed; `-` is standard \
          output: there and into pipes a killed worker may repeat its last items, and when nobody reads any \
          more the agent is done.",
    inputs: Arity::One,
    outputs: "nothing",
    params: &[WRITE, ENDIAN],
    example: "counter items=1000 ! raw.write path=/dev/null",
    deterministic: true,
    build: build_write,
};

const ENDIAN: ParamDef = ParamDef {
    name: "endian",
    kind: ParamKind::Choice(&["little", "big"]),
    default: Some("little"),
    unit: "",
    doc: "Which byte of a number comes first in the file: the least or the most significant.",
};

fn build_read(args: &Args) -> Result<Blueprint, OpError> {
    let item_type = args.dtype().cloned().ok_or_else(|| {
        OpError::op("`raw.read` needs `dtype`: a file of bare numbers does not say which")
            .with_help("add `dtype = \"f64\"`, or the type it has")
    })?;
    let convert = convert(args, &item_type).ok_or_else(|| {
        OpError::param(
            "dtype",
            format!("`dtype` is {item_type}, and should be {NUMBERS}"),
        )
    })?;
    let start = args.required_count("offset", 0)?;
    let record_len = item_type.len_bytes();
    let reader = Reader::of(args)?;
    let count = Count::AtMost(args.count("items", 0)?.unwrap_or(u64::MAX));
    if reader.is_regular() {
        check_len(&reader, start, record_len, count)?;
    }
    let agent = RecordReader {
        reader,
        start,
        record_len,
        count,
        convert,
        tags: Placed::default(),
    };
    Ok(Blueprint::new(agent)
        .state(StateSpec::of(0u64))
        .output(OutPort::new(item_type, crate::connectors::rate(args)?)))
}

/// A regular file is refused before the run where it ends within an item.
fn check_len(reader: &Reader, start: u64, record_len: usize, count: Count) -> Result<(), OpError> {
    let len = reader.len()?;
    let record = record_len as u64;
    let refused = |message| Err(OpError::param("path", message));
    if start > len {
        let name = reader.name();
        return refused(format!(
            "{name} is {len} bytes long, and `offset` is {start}"
        ));
    }
    let whole = (len - start) / record;
    let rest = (len - start) % record;
    match count {
        Count::Exactly(n) | Count::AtMost(n) if n <= whole => Ok(()),
        _ if rest == 0 => Ok(()),
        _ => refused(partial(
            &reader.name(),
            start + whole * record,
            rest as usize,
            record_len,
        )),
    }
}

fn build_write(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let convert = convert(args, &input.item_type)
        .ok_or_else(|| OpError::input_type("raw.write", input, NUMBERS))?;
    let agent = RecordWriter {
        target: Target::of(args)?,
        header: Box::new(|_| Ok(Vec::new())),
        header_len: 0,
        record_len: input.item_type.len_bytes(),
        convert,
        pad_to: 1,
        records: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .state(StateSpec::of(0u64))
        .input(InPort::new(input.item_type.clone())))
}

const NUMBERS: &str = "numbers, vectors of them, or timed numbers of 8 bytes";

/// Between a file and memory, in the order of `endian`; `None` for what is no row of equal numbers.
fn convert(args: &Args, item_type: &ItemType) -> Option<Convert> {
    let part = match item_type {
        ItemType::Timed(scalar) | ItemType::TimedVector(scalar, _)
            if scalar.len_bytes() == 8 && !scalar.is_complex() =>
        {
            8
        }
        _ => part_len(item_type.elements()?.0),
    };
    Some(in_order(args.text("endian") == Some("big"), part))
}

/// Bytes of a number, of one part of a complex number.
pub(super) fn part_len(scalar: Scalar) -> usize {
    match scalar.is_complex() {
        true => scalar.len_bytes() / 2,
        false => scalar.len_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::State;
    use crate::connectors::fixtures::{CUTS, bytes, read, sink, source};
    use crate::op::Value;
    use crate::testing::{Chunks, run};

    #[test]
    fn what_is_written_is_read_back_in_both_orders() {
        let folder = tempfile::tempdir().unwrap();
        let cases = [
            ("u8", bytes(&[1u8, 2, 3])),
            ("i16", bytes(&[-2i16, 300])),
            ("f32[2]", bytes(&[0.5f32, -1.0, 2.0, 1e9])),
            ("cf32", bytes(&[0.5f32, -1.0])),
            ("f64", bytes(&[0.1f64; 70_000])),
            ("timed<f64>", bytes(&[1.0f64, 2.0])),
        ];
        for (item_type, items) in cases {
            for (chunks, endian) in CUTS.iter().zip(["little", "big", "little", "big"]) {
                let endian = [("endian", Value::from(endian))];
                let writer = sink(&RAW_WRITE, folder.path(), "r", (item_type, None), &endian);
                run(
                    writer.unwrap(),
                    std::slice::from_ref(&items),
                    *chunks,
                    usize::MAX,
                )
                .unwrap();
                let reader = source(&RAW_READ, folder.path(), "r", Some(item_type), &endian);
                let found = read(reader.unwrap(), *chunks).unwrap();
                assert!(found == items, "{item_type} {chunks:?}");
            }
        }
    }

    #[test]
    fn big_endian_has_the_most_significant_byte_first() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("r"), [9, 1, 2, 3, 4]).unwrap();
        let params = [("endian", Value::from("big")), ("offset", Value::from(1))];
        let reader = source(&RAW_READ, folder.path(), "r", Some("u16"), &params).unwrap();
        assert_eq!(
            read(reader, Chunks::Whole).unwrap(),
            bytes(&[0x0102u16, 0x0304])
        );
    }

    #[test]
    fn a_part_of_the_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("r"), [0, 1, 2, 3, 4]).unwrap();
        for chunks in CUTS {
            let part = [("offset", Value::from(1)), ("items", Value::from(2))];
            let reader = source(&RAW_READ, folder.path(), "r", Some("u8"), &part).unwrap();
            assert_eq!(read(reader, chunks).unwrap(), [1, 2]);
        }
    }

    #[test]
    fn a_file_that_ends_within_an_item_is_refused_with_the_byte() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("r"), [0; 19]).unwrap();
        let error = source(&RAW_READ, folder.path(), "r", Some("f64"), &[]).unwrap_err();
        let expected = "r ends within an item: 3 bytes are left at byte 16, and an item has 8; is `dtype` (or `offset`) another?";
        assert!(error.message.ends_with(expected), "{}", error.message);
        let two = [("items", Value::from(2))];
        assert!(source(&RAW_READ, folder.path(), "r", Some("f64"), &two).is_ok());
        let beyond = [("offset", Value::from(20))];
        assert!(source(&RAW_READ, folder.path(), "r", Some("u8"), &beyond).is_err());
    }

    #[test]
    fn a_file_that_shrinks_during_the_run_is_an_error_after_its_items() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r");
        std::fs::write(&path, [7; 16]).unwrap();
        let reader = || source(&RAW_READ, folder.path(), "r", Some("u64"), &[]).unwrap();
        let (whole, part) = (reader(), reader());
        std::fs::write(&path, [7; 11]).unwrap();
        assert_eq!(run(part, &[], Chunks::Whole, 1).unwrap(), [[7; 8]]);
        let error = read(whole, Chunks::Whole).unwrap_err();
        assert!(
            error.message.contains("3 bytes are left at byte 8"),
            "{error}"
        );
    }

    #[test]
    fn a_type_is_needed_and_frames_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("r"), [0; 8]).unwrap();
        let refused = |dtype| {
            source(&RAW_READ, folder.path(), "r", dtype, &[])
                .unwrap_err()
                .message
        };
        assert!(refused(None).contains("needs `dtype`"));
        assert!(refused(Some("bytes")).contains("`dtype` is bytes"));
        let error = sink(&RAW_WRITE, folder.path(), "w", ("text", None), &[]).unwrap_err();
        assert!(error.message.contains("its input is text"));
    }

    #[test]
    fn a_successor_cuts_off_what_was_not_committed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w");
        std::fs::write(&path, b"abcdef").unwrap();
        let attach = |taken: u64| {
            let mut writer = sink(&RAW_WRITE, folder.path(), "w", ("u8", None), &[]).unwrap();
            let mut state = [taken];
            writer
                .agent
                .attach(State::new(bytemuck::cast_slice_mut(&mut state)))
        };
        assert_eq!(attach(3), Ok(()));
        assert_eq!(std::fs::read(&path).unwrap(), b"abc");
        let error = attach(5).unwrap_err();
        assert!(
            error
                .message
                .contains("3 bytes long, and 5 had been written"),
            "{error}"
        );
    }
}
