//! Tables written and read again, and what is damaged or of other types.

use std::path::Path;

use arrow_array::Int32Array;

use super::*;
use crate::connectors::fixtures::{CUTS, bytes, cuts, golden, read, sink, source};
use crate::op::Value;
use crate::testing::{Chunks, Random, frames, run, texts};

const READERS: [(&OpDef, &str); 3] = [
    (&PARQUET_READ, "table.parquet"),
    (&ARROW_READ, "table.arrow"),
    (&ARROW_READ, "table.arrows"),
];

fn list(words: &[&str]) -> Value {
    Value::List(words.iter().map(|word| Value::from(*word)).collect())
}

#[test]
fn pyarrows_tables_are_read_a_port_for_each_column() {
    for (op, file) in READERS {
        for chunks in CUTS {
            let columns = [("columns", list(&["n", "x", "name", "ok", "row", "when"]))];
            let reader = source(op, &golden(), file, None, &columns).unwrap();
            let ports: Vec<String> = reader
                .outputs
                .iter()
                .map(|port| format!("{} {}", port.name, port.item_type))
                .collect();
            let expected = [
                "n i64",
                "x f32",
                "name text",
                "ok u8",
                "row f64[2]",
                "when i64",
            ];
            assert_eq!(ports, expected, "{file}");
            let streams = run(reader, &[], chunks, usize::MAX).unwrap();
            let rows = 0..300i64;
            assert!(streams[0] == bytes(&rows.clone().map(|n| n * n).collect::<Vec<_>>()));
            let x: Vec<f32> = rows.clone().map(|n| n as f32 / 4.0).collect();
            assert!(streams[1] == bytes(&x), "{file}");
            let names: Vec<String> = rows.clone().map(|n| format!("row {n}")).collect();
            assert_eq!(texts(&streams[2]), names);
            let ok: Vec<u8> = rows.clone().map(|n| u8::from(n % 3 == 0)).collect();
            assert_eq!(streams[3], ok);
            let row: Vec<f64> = rows.clone().flat_map(|n| [n as f64, -n as f64]).collect();
            assert!(streams[4] == bytes(&row), "{file}");
            let when: Vec<i64> = rows.map(|n| 1_000_000 * n).collect();
            assert!(streams[5] == bytes(&when), "{file}");
        }
    }
}

#[test]
fn a_successor_goes_on_at_the_committed_row() {
    for (op, file) in READERS {
        let columns = [("columns", list(&["x"]))];
        for given in [0u64, 1, 99, 100, 250, 299, 300] {
            let mut reader = source(op, &golden(), file, None, &columns).unwrap();
            assert_eq!(reader.outputs[0].name, "");
            reader.state = StateSpec::of(given);
            let rest: Vec<f32> = (given..300).map(|n| n as f32 / 4.0).collect();
            assert_eq!(
                read(reader, Chunks::Random(given)).unwrap(),
                bytes(&rest),
                "{file} {given}"
            );
        }
    }
}

/// Each writes with its own compression, its own types of strings and its own schema.
#[test]
fn the_tables_of_other_programs_are_read_as_they_write_them() {
    let files = [
        (&PARQUET_READ, "pandas.parquet"),
        (&PARQUET_READ, "polars.parquet"),
        (&PARQUET_READ, "duckdb.parquet"),
        (&PARQUET_READ, "gzip.parquet"),
        (&ARROW_READ, "polars.arrow"),
    ];
    for (op, file) in files {
        for chunks in [Chunks::Whole, Chunks::Random(3)] {
            let columns = [("columns", list(&["n", "x", "name", "kind"]))];
            let reader = source(op, &golden(), file, None, &columns).unwrap();
            let streams = run(reader, &[], chunks, usize::MAX).unwrap();
            let rows = 0..50i64;
            assert!(streams[0] == bytes(&rows.clone().map(|n| n * n).collect::<Vec<_>>()));
            let x: Vec<f64> = rows.clone().map(|n| n as f64 / 8.0).collect();
            assert!(streams[1] == bytes(&x), "{file}");
            let names: Vec<String> = rows.clone().map(|n| format!("row {n} of them")).collect();
            assert_eq!(texts(&streams[2]), names, "{file}");
            let kinds: Vec<String> = rows
                .map(|n| ["low", "high"][n as usize % 2].into())
                .collect();
            assert_eq!(texts(&streams[3]), kinds, "{file}");
        }
    }
}

#[test]
fn trouble_behind_the_first_batch_ends_the_run_there() {
    let folder = tempfile::tempdir().unwrap();
    let schema = Arc::new(Schema::new(vec![Field::new("x", DataType::Float64, true)]));
    let rows = |first: u32| (first..first + 9000).map(|n| (n != 17_999).then_some(f64::from(n)));
    let batches = [0, 9000].map(|first| {
        let values: arrow_array::Float64Array = rows(first).collect();
        RecordBatch::try_new(schema.clone(), vec![Arc::new(values)]).unwrap()
    });
    let file = |name: &str| File::create(folder.path().join(name)).unwrap();
    let mut parquet = ArrowWriter::try_new(file("x.parquet"), schema.clone(), None).unwrap();
    let mut arrow = FileWriter::try_new(file("x.arrow"), &schema).unwrap();
    for batch in &batches {
        parquet.write(batch).unwrap();
        arrow.write(batch).unwrap();
    }
    parquet.close().unwrap();
    arrow.finish().unwrap();
    for (op, file) in [(&PARQUET_READ, "x.parquet"), (&ARROW_READ, "x.arrow")] {
        for chunks in [Chunks::Whole, Chunks::Random(1)] {
            let reader = source(op, folder.path(), file, None, &[]).unwrap();
            let outcome = read(reader, chunks).map(|bytes| bytes.len());
            let error = outcome.expect_err(file);
            assert!(
                error.message.contains("row 17999 of column \"x\" is null"),
                "{error}"
            );
        }
    }
}

#[test]
fn a_null_is_an_error_or_a_nan() {
    for (op, file) in READERS {
        let gaps = ("columns", list(&["gaps"]));
        let reader = source(op, &golden(), file, None, std::slice::from_ref(&gaps)).unwrap();
        let error = read(reader, Chunks::Whole).unwrap_err();
        assert!(
            error.message.contains("row 7 of column \"gaps\" is null"),
            "{error}"
        );
        let params = [gaps, ("missing", Value::from("nan"))];
        let found = read(
            source(op, &golden(), file, None, &params).unwrap(),
            Chunks::Single,
        );
        let found = found.unwrap();
        let found: &[f64] = bytemuck::cast_slice(&found);
        assert!(found[7].is_nan() && found[8] == 8.0 && found.len() == 300);
    }
}

#[test]
fn whole_numbers_that_may_be_missing_are_floats() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = Int32Array::from(vec![Some(1), None, Some(-3)]);
    let batch = RecordBatch::try_from_iter([("n", Arc::new(numbers) as ArrayRef)]).unwrap();
    let file = std::fs::File::create(folder.path().join("n.arrow")).unwrap();
    let mut writer = arrow_ipc::writer::FileWriter::try_new(file, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let missing = [("missing", Value::from("nan"))];
    let reader = source(&ARROW_READ, folder.path(), "n.arrow", None, &missing).unwrap();
    assert_eq!(reader.outputs[0].item_type, ItemType::F64);
    let found = read(reader, Chunks::Single).unwrap();
    let found: &[f64] = bytemuck::cast_slice(&found);
    assert!(found[0] == 1.0 && found[1].is_nan() && found[2] == -3.0);
    let reader = source(&ARROW_READ, folder.path(), "n.arrow", None, &[]).unwrap();
    assert!(read(reader, Chunks::Whole).is_err());
}

#[test]
fn columns_that_are_not_there_or_are_no_items_are_refused() {
    for (op, file) in READERS {
        let refused = |column| {
            let columns = [("columns", list(&[column]))];
            source(op, &golden(), file, None, &columns).unwrap_err()
        };
        assert_eq!(
            refused("nam").help.as_deref(),
            Some("did you mean \"name\"? It has n, x, name, ok, row, when, gaps, odd")
        );
        assert!(
            refused("odd").message.contains("which is no item"),
            "{file}"
        );
        let error = source(op, &golden(), "i16.wav", None, &[]).unwrap_err();
        assert!(
            error.message.contains("file that can be read"),
            "{}",
            error.message
        );
    }
}

/// A writer of five inputs to `w`.
fn writer(op: &'static OpDef, folder: &Path) -> Blueprint {
    let types = ["u16", "f64[3]", "text", "cf32", "timed<f64>"];
    let inputs = types
        .iter()
        .zip(["a", "b", "c", "d", "e"])
        .map(|(item_type, name)| InputInfo {
            naming: Default::default(),
            name: name.to_owned(),
            item_type: item_type.parse().unwrap(),
            rate: None,
            unit: None,
        });
    let given = [("path".to_owned(), Value::from("w"))];
    let args = Args::new(op, inputs.collect(), None, &given, folder).unwrap();
    (op.build)(&args).unwrap()
}

#[test]
fn what_is_written_is_read_back_and_the_bytes_are_the_same_for_any_chunks() {
    let rows = 70_000;
    let a = bytes(&(0..rows).map(|n| n as u16).collect::<Vec<_>>());
    let b = bytes(&(0..3 * rows).map(f64::from).collect::<Vec<_>>());
    let c = frames((0..rows).map(|n| format!("{n}")));
    let d = bytes(&(0..2 * rows).map(|n| n as f32).collect::<Vec<_>>());
    let e = bytes(
        &(0..2 * rows)
            .map(|n| f64::from(n) / 2.0)
            .collect::<Vec<_>>(),
    );
    for (write, read) in [(&PARQUET_WRITE, &PARQUET_READ), (&ARROW_WRITE, &ARROW_READ)] {
        let mut files = Vec::new();
        for chunks in [Chunks::Whole, Chunks::Random(9)] {
            let folder = tempfile::tempdir().unwrap();
            let inputs = [&a, &b, &c, &d, &e].map(Vec::clone);
            run(writer(write, folder.path()), &inputs, chunks, usize::MAX).unwrap();
            let back = source(read, folder.path(), "w", None, &[]).unwrap();
            let ports: Vec<&str> = back.outputs.iter().map(|port| &*port.name).collect();
            assert_eq!(ports, ["a", "b", "c", "d", "e_t", "e"]);
            let back = run(back, &[], chunks, usize::MAX).unwrap();
            assert!(back[0] == a && back[1] == b && back[2] == c && back[3] == d);
            let whole: &[f64] = bytemuck::cast_slice(&e);
            let times: Vec<f64> = whole.chunks(2).map(|item| item[0]).collect();
            assert!(back[4] == bytes(&times));
            files.push(std::fs::read(folder.path().join("w")).unwrap());
        }
        assert!(files[0] == files[1]);
    }
}

#[test]
fn the_names_are_as_many_as_the_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let two = [("columns", list(&["a", "b"]))];
    let error = sink(&PARQUET_WRITE, folder.path(), "w", ("f64", None), &two).unwrap_err();
    assert_eq!(
        error.message,
        "`columns` has 2 names, and there are 1 inputs"
    );
}

#[test]
fn a_file_cut_short_is_refused_and_a_damaged_one_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::new(20_261_122);
    for (op, file) in READERS {
        let whole = std::fs::read(golden().join(file)).unwrap();
        let outcome = |bytes: &[u8]| {
            std::fs::write(folder.path().join("bad"), bytes).unwrap();
            let missing = [("missing", Value::from("nan"))];
            let reader = source(op, folder.path(), "bad", None, &missing).ok()?;
            run(reader, &[], Chunks::Whole, 1 << 16).ok()
        };
        if file != "table.arrows" {
            for len in cuts(whole.len()).step_by(7) {
                assert!(outcome(&whole[..len]).is_none(), "{file} cut at {len}");
            }
        }
        for _ in 0..100 {
            let mut damaged = whole.clone();
            let at = random.below(damaged.len() as u64) as usize;
            damaged[at] ^= 1 << random.below(8);
            outcome(&damaged);
        }
    }
}
