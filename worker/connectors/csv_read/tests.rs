use std::io::Write;
use std::path::Path;

use super::rows::ROW_LEN_MAX;
use super::*;
use crate::agent::Wait;
use crate::connectors::fixtures::{self, CUTS};
use crate::op::Value;
use crate::testing::{Chunks, run};

type Params<'a> = &'a [(&'a str, Value)];

fn built(
    text: &[u8],
    dtype: Option<&str>,
    params: &[(&str, Value)],
) -> Result<(Blueprint, tempfile::TempDir), OpError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.csv"), text).unwrap();
    let mut given = vec![("path".to_owned(), Value::from("t.csv"))];
    given.extend(params.iter().map(|(k, v)| (k.to_string(), v.clone())));
    let dtype = dtype.map(|d| d.parse().unwrap());
    let args = Args::new(&CSV_READ, vec![], dtype, &given, folder.path())?;
    Ok((build(&args)?, folder))
}

/// Ports and their items under every cut.
fn check(text: &str, params: &[(&str, Value)], expected: &[(&str, &[f64])]) {
    for chunks in CUTS {
        let (blueprint, _folder) = built(text.as_bytes(), None, params).unwrap();
        let names: Vec<String> = blueprint.outputs.iter().map(|o| o.name.clone()).collect();
        let streams = run(blueprint, &[], chunks, usize::MAX).unwrap();
        let found: Vec<(String, String)> = names
            .into_iter()
            .zip(&streams)
            .map(|(name, bytes)| (name, format!("{:?}", items(bytes))))
            .collect();
        let expected: Vec<(String, String)> = expected
            .iter()
            .map(|(name, items)| (name.to_string(), format!("{items:?}")))
            .collect();
        assert_eq!(found, expected, "{text:?} {chunks:?}");
    }
}

fn items(bytes: &[u8]) -> Vec<f64> {
    let items = bytes.chunks_exact(8);
    items.map(bytemuck::pod_read_unaligned).collect()
}

fn refused(text: &[u8], dtype: Option<&str>, params: &[(&str, Value)]) -> OpError {
    match built(text, dtype, params) {
        Err(error) => error,
        Ok(_) => panic!("{:?} was taken", String::from_utf8_lossy(text)),
    }
}

fn fails(text: &[u8], dtype: Option<&str>, params: &[(&str, Value)]) -> String {
    let (blueprint, folder) = built(text, dtype, params).unwrap();
    let error = run(blueprint, &[], Chunks::Random(7), usize::MAX).unwrap_err();
    let place = format!("{}/", folder.path().display());
    error.message.replace(&place, "")
}

#[test]
fn every_column_of_numbers_is_a_port() {
    let expected: &[(&str, &[f64])] = &[("t", &[0.0, 1.0]), ("acc_z", &[-1.5, 2e3])];
    check("t,name,acc z\n0,a,-1.5\n1,b,2e3\n", &[], expected);
}

#[test]
fn the_texts_ways_to_say_the_same() {
    let expected: &[(&str, &[f64])] = &[("a", &[1.0, 3.0]), ("b", &[2.0, 4.0])];
    let texts = [
        "a,b\n1,2\n3,4\n",
        "a,b\r\n1,2\r\n3,4\r\n",
        "a,b\n1,2\n3,4",
        "\u{feff}a,b\n1,2\n3,4\n",
        "\u{feff}\"a\",\"b\"\n\"1\",\"2\"\n3,4\n",
        "# made by hand\na,b\n\n1,2\n# half way\n  \n3,4\n\n\n",
        "a , b\n 1 ,\t2\n+3,4.0\n",
    ];
    for text in texts {
        check(text, &[], expected);
    }
    check(
        "a;b\n1;2\n3;4\n",
        &[("delimiter", Value::from(";"))],
        expected,
    );
    check(
        "a\tb\n1\t2\n3\t4\n",
        &[("delimiter", Value::from("tab"))],
        expected,
    );
}

#[test]
fn of_two_columns_of_one_name_each_has_a_port_and_a_number() {
    let text = "a,b,a\n1,2,3\n";
    check(text, &[], &[("a", &[1.0]), ("b", &[2.0]), ("a_2", &[3.0])]);
    let number = Value::List(vec![Value::from(2)]);
    check(text, &[("columns", number)], &[("", &[3.0])]);
    let error = refused(text.as_bytes(), None, &[("columns", Value::from("a"))]);
    assert!(
        error.message.ends_with("t.csv has 2 columns \"a\""),
        "{}",
        error.message
    );
    let help = "say which by its number: they are [0, 2], counted from 0";
    assert_eq!(error.help.as_deref(), Some(help));
}

#[test]
fn columns_are_chosen_by_name_or_number_and_one_has_no_name() {
    let text = "a,b,c\n1,2,3\n4,5,6\n";
    let chosen = |columns: Vec<Value>| [("columns", Value::List(columns))];
    check(text, &chosen(vec!["b".into()]), &[("", &[2.0, 5.0])]);
    check(
        text,
        &chosen(vec!["c".into(), 0.into()]),
        &[("c", &[3.0, 6.0]), ("a", &[1.0, 4.0])],
    );
    check(
        text,
        &chosen(vec![0.into(), 0.into()]),
        &[("a", &[1.0, 4.0]), ("a_2", &[1.0, 4.0])],
    );
    check(text, &[("columns", Value::from(2))], &[("", &[3.0, 6.0])]);
    let vector = [("as", Value::from("vector"))];
    check(text, &vector, &[("", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])]);
}

#[test]
fn a_file_without_a_header_has_numbered_ports() {
    check(
        "1,2\n3,4\n",
        &[],
        &[("c0", &[1.0, 3.0]), ("c1", &[2.0, 4.0])],
    );
    for header in [Value::from("true"), Value::from(true)] {
        check("1\n3\n", &[("header", header)], &[("", &[3.0])]);
    }
    check(
        "1\n3\n",
        &[("header", Value::from(false))],
        &[("", &[1.0, 3.0])],
    );
    check("a,b\n", &[], &[("a", &[]), ("b", &[])]);
}

#[test]
fn a_decimal_comma_is_read_where_it_is_said() {
    let comma = || {
        [
            ("delimiter", Value::from(";")),
            ("decimal", Value::from(",")),
        ]
    };
    let expected: &[(&str, &[f64])] = &[("a", &[1.5, -2e3]), ("b", &[0.25, 4.0])];
    check("a;b\n1,5;0,25\n-2,0e3;4\n", &comma(), expected);
    let nameless: &[(&str, &[f64])] = &[("c0", &[1.5]), ("c1", &[0.25])];
    check("1,5;0,25\n", &comma(), nameless);
    let typed = [&comma()[..], &[("types", Value::from(["f64", "f64"]))]].concat();
    check("a;b\n1,5;0,25\n", &typed, &[("a", &[1.5]), ("b", &[0.25])]);
    let error = refused(b"a,b\n1,2\n", None, &comma()[1..]);
    assert_eq!(error.param.as_deref(), Some("decimal"));
}

#[test]
fn what_other_programs_write_for_a_missing_number_is_missing() {
    let text = "a,b\n1,2\nNA,3\n,4\nnull,5\n";
    let missing = [("missing", Value::from("nan"))];
    let nan = f64::NAN;
    let expected: &[(&str, &[f64])] = &[("a", &[1.0, nan, nan, nan]), ("b", &[2.0, 3.0, 4.0, 5.0])];
    check(text, &missing, expected);
    assert!(fails(text.as_bytes(), None, &[]).contains("\"NA\""));
}

#[test]
fn plain_rows_and_others_are_read_alike() {
    let rows = [
        "1,2,a",
        " 1 , 2 , a ",
        "\"1\",2,a",
        "+1,2,a",
        "\" 1\",\"2\" , \"a\"",
        "1,2.0,a\r",
        "# no row",
        "",
        "01,2e0,\"a\"",
        "1.,20e-1,a",
        "1,2,\ta",
    ];
    let numbers = format!("x,y,s\n{}\n", rows.join("\n"));
    let count = rows.len() - 2;
    let columns = |names: &[&str]| Value::List(names.iter().map(|n| Value::from(*n)).collect());
    let both = [("columns", columns(&["y", "x"]))];
    check(
        &numbers,
        &both,
        &[("y", &vec![2.0; count]), ("x", &vec![1.0; count])],
    );
    let typed = [
        ("columns", columns(&["s", "x"])),
        ("types", columns(&["text", "f32"])),
    ];
    for chunks in CUTS {
        let (blueprint, _folder) = built(numbers.as_bytes(), None, &typed).unwrap();
        let streams = run(blueprint, &[], chunks, usize::MAX).unwrap();
        assert_eq!(crate::testing::texts(&streams[0]), vec!["a"; count]);
        assert_eq!(
            bytemuck::cast_slice::<u8, f32>(&streams[1]),
            vec![1.0; count]
        );
    }
}

#[test]
fn columns_of_several_types_stay_side_by_side() {
    let text = "n,name,x\n1,one,0.5\n-2,\"two, three\",\n3,,1e3\n";
    let types = |types: [&str; 3]| {
        let types = types.map(Value::from).to_vec();
        [
            ("types", Value::List(types)),
            ("missing", Value::from("nan")),
        ]
    };
    for chunks in CUTS {
        let given = types(["i64", "text", "f32"]);
        let error = built(text.as_bytes(), None, &given).unwrap_err();
        assert_eq!(error.message, "`missing` is nan, and i64 has none");
        let (reader, _folder) =
            built(text.as_bytes(), None, &types(["f64", "text", "f32"])).unwrap();
        let ports: Vec<String> = reader.outputs.iter().map(|o| o.name.clone()).collect();
        assert_eq!(ports, ["n", "name", "x"]);
        let streams = run(reader, &[], chunks, usize::MAX).unwrap();
        assert_eq!(items(&streams[0]), [1.0, -2.0, 3.0]);
        assert_eq!(
            crate::testing::texts(&streams[1]),
            ["one", "two, three", ""]
        );
        let x: &[f32] = bytemuck::cast_slice(&streams[2]);
        assert_eq!(format!("{x:?}"), "[0.5, NaN, 1000.0]");
    }
    let types = [(
        "types",
        Value::List(vec!["i16".into(), "text".into(), "f64".into()]),
    )];
    let message = fails(b"1,a,2\n70000,b,3\n", None, &types);
    assert_eq!(message, "t.csv:2: column 0 has \"70000\", which is no i16");
    let few = [("types", Value::from("text"))];
    let error = refused(b"1,a\n", None, &few);
    assert_eq!(error.message, "`types` has 1, and 2 columns are read");
}

#[test]
fn a_file_of_tabs_is_known_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.tsv"), "a\tb\n1\t2\n").unwrap();
    let reader = fixtures::source(&CSV_READ, folder.path(), "t.tsv", None, &[]).unwrap();
    let streams = run(reader, &[], Chunks::Whole, usize::MAX).unwrap();
    assert_eq!(items(&streams[1]), [2.0]);
}

#[test]
fn a_missing_cell_is_an_error_or_a_nan() {
    let text = "a,b\n1,\n,4\n";
    let nan = [("missing", Value::from("nan"))];
    check(
        text,
        &nan,
        &[("a", &[1.0, f64::NAN]), ("b", &[f64::NAN, 4.0])],
    );
    let column = [("columns", Value::from("a"))];
    assert_eq!(
        fails(text.as_bytes(), None, &column),
        "t.csv:3: column \"a\" is empty; `missing = \"nan\"` reads that as nan"
    );
    let error = refused(text.as_bytes(), Some("i32"), &nan);
    assert_eq!(error.message, "`missing` is nan, and i32 has none");
}

#[test]
fn what_is_no_number_is_named_with_its_line() {
    let cases: [(&[u8], &str, &str); 6] = [
        (
            b"a\n1\n\n# c\nx\n",
            "f64",
            "t.csv:5: column \"a\" has \"x\", which is no f64; `columns` can leave the column out, `types` read it as text",
        ),
        (
            b"a\r\n1\r\n1,5\r\n",
            "f64",
            "t.csv:3: 2 cells (\"1,5\"), and the first row has 1",
        ),
        (
            b"a\n1\n256\n",
            "u8",
            "t.csv:3: column \"a\" has \"256\", which is no u8",
        ),
        (
            b"1\n2.5\n",
            "i64",
            "t.csv:2: column 0 has \"2.5\", which is no i64",
        ),
        (
            b"a,b\n1,2\n3\n",
            "f64",
            "t.csv:3: 1 cell (\"3\"), and the first row has 2",
        ),
        (
            b"1\n\xff\n",
            "f32",
            "t.csv:2: column 0 has \"\u{fffd}\", which is no f32; `columns` can leave the column out, `types` read it as text",
        ),
    ];
    for (text, dtype, message) in cases {
        assert_eq!(fails(text, Some(dtype), &[]), message);
    }
}

#[test]
fn what_comes_before_a_bad_row_is_given_however_it_is_cut() {
    for chunks in CUTS {
        let (blueprint, _folder) = built(b"1\n2\nx\n", None, &[]).unwrap();
        let given = run(blueprint, &[], chunks, 2).unwrap();
        assert_eq!(
            given,
            [bytemuck::cast_slice::<f64, u8>(&[1.0, 2.0]).to_vec()]
        );
    }
}

#[test]
fn what_cannot_be_read_is_refused_before_the_run() {
    let columns = |c: &str| [("columns", Value::from(c))];
    let cases: [(&[u8], Params, &str); 6] = [
        (b"", &[], "is empty"),
        (b"# only words\n", &[], "is empty"),
        (b"a b c\nx y z\n", &[], "has no column of numbers"),
        (
            b"east,north\n1,2\n",
            &columns("nort"),
            "has no column \"nort\"",
        ),
        (b"1,2\n", &columns("a"), "has no header"),
        (
            b"1,2\n",
            &[("columns", Value::from(2))],
            "has 2 columns, and no number 2",
        ),
    ];
    for (text, params, message) in cases {
        let error = refused(text, None, params);
        assert!(error.message.contains(message), "{}", error.message);
    }
    let near = refused(b"east,north\n1,2\n", None, &columns("nort"));
    assert_eq!(
        near.help.as_deref(),
        Some("did you mean \"north\"? It has east, north")
    );
}

#[test]
fn a_missing_file_a_folder_and_a_pipe_without_columns_are_refused() {
    let refused = |path: &str| {
        let given = [("path".to_owned(), Value::from(path))];
        let args = Args::new(&CSV_READ, vec![], None, &given, Path::new("/")).unwrap();
        build(&args).unwrap_err().message
    };
    assert_eq!(
        refused("no-such.csv"),
        "/no-such.csv cannot be read: there is no such file or folder"
    );
    assert_eq!(refused("tmp"), "/tmp is a folder, and should be a file");
    assert!(refused("-").starts_with("standard input cannot be looked at"));
}

#[test]
fn a_pipe_is_read_as_its_bytes_come() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let given = [
        ("path".to_owned(), Value::from("pipe")),
        ("columns".to_owned(), Value::from("b")),
    ];
    let args = Args::new(&CSV_READ, vec![], None, &given, folder.path()).unwrap();
    let blueprint = build(&args).unwrap();
    let writer = std::thread::spawn(move || {
        let mut pipe = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        for piece in ["a,", "b\n1,2\n3,", "4\n5,6"] {
            pipe.write_all(piece.as_bytes()).unwrap();
            std::thread::yield_now();
        }
    });
    let given = run_waiting(blueprint);
    writer.join().unwrap();
    assert_eq!(given, [2.0, 4.0, 6.0]);
}

/// Calls a source of f64 until it is done, and sleeps where it waits for a descriptor.
fn run_waiting(mut blueprint: Blueprint) -> Vec<f64> {
    let mut state = Place::at(0);
    let bytes = bytemuck::bytes_of_mut(&mut state);
    blueprint.agent.attach(State::new(bytes)).unwrap();
    let mut items = Vec::new();
    loop {
        let mut room = [0.0f64; 8];
        // SAFETY: eight writable items that outlive the output and are touched through it alone.
        let output = unsafe { Output::new(room.as_mut_ptr().cast(), 8, items.len() as u64, 8) };
        let mut outputs = [output];
        let mut io = Io {
            inputs: &mut [],
            outputs: &mut outputs,
            state: State::new(bytes),
            dials: &[],
            draining: false,
        };
        let status = blueprint.agent.work(&mut io).unwrap();
        let given = outputs[0].produced();
        items.extend_from_slice(&room[..given]);
        match status {
            Status::Done => return items,
            Status::Wait(Wait::Readable(fd)) => {
                // SAFETY: the agent keeps the descriptor open as long as it lives.
                let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
                let readable = nix::poll::PollFd::new(fd, nix::poll::PollFlags::POLLIN);
                nix::poll::poll(&mut [readable], nix::poll::PollTimeout::NONE).unwrap();
            }
            _ => {}
        }
    }
}

#[test]
fn a_killed_reader_of_a_pipe_says_that_it_cannot_go_on() {
    let given = [
        ("path".to_owned(), Value::from("-")),
        ("columns".to_owned(), Value::from(0)),
    ];
    let args = Args::new(&CSV_READ, vec![], None, &given, Path::new(".")).unwrap();
    let mut state = Place::at(100);
    let state = State::new(bytemuck::bytes_of_mut(&mut state));
    let error = build(&args).unwrap().agent.attach(state).unwrap_err();
    assert!(
        error
            .message
            .starts_with("standard input cannot be read again")
    );
}

#[test]
fn files_of_other_programs_are_read() {
    for (file, names) in [
        ("savetxt.csv", ["n", "quarter", "square"]),
        ("excel.csv", ["n", "a_quarter", "the__square_"]),
    ] {
        let reader = fixtures::source(&CSV_READ, &fixtures::golden(), file, None, &[]).unwrap();
        let ports = reader.outputs.iter().map(|port| port.name.clone());
        assert_eq!(ports.collect::<Vec<_>>(), names);
        let streams = run(reader, &[], Chunks::Single, usize::MAX).unwrap();
        assert_eq!(items(&streams[0]), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(items(&streams[1]), [0.0, 0.25, 0.5, 0.75]);
        assert_eq!(items(&streams[2]), [0.0, 1.0, 4.0, 9.0]);
    }
}

#[test]
fn rows_across_chunks_of_the_file_are_whole() {
    let count = 60_000;
    let rows: String = (0..count).map(|n| format!("{n},{}.25\n", n * 7)).collect();
    let (blueprint, _folder) = built(rows.as_bytes(), None, &[("as", "vector".into())]).unwrap();
    let given = run(blueprint, &[], Chunks::Whole, usize::MAX).unwrap();
    let expected: Vec<f64> = (0..count)
        .flat_map(|n| [f64::from(n), f64::from(n * 7) + 0.25])
        .collect();
    assert!(given[0] == bytemuck::cast_slice::<f64, u8>(&expected));
}

#[test]
fn a_quote_that_is_never_closed_is_named_where_it_opens() {
    let check = |text: &[u8], expected: &str| {
        for types in [None, Some(["f64", "text"])] {
            let types = types.map(|types| ("types", Value::from(types)));
            let message = fails(text, None, types.as_slice());
            assert!(message.starts_with(expected), "{message}");
        }
    };
    let never = "t.csv: the quote that opens in line 3 is never closed; close it";
    check(b"a,b\n1,2\n3,\"4\n5,6\n7,8\n", never);
    check(b"a,b\r\n1,2\r\n3,\"4\r\n5,6", never);
    check(b"a,b\n1,2\n3,\"4", never);
    let mut long = b"a,b\n1,2\n3,\"".to_vec();
    long.resize(ROW_LEN_MAX + 100, b'2');
    check(
        &long,
        "t.csv: the quote that opens in line 3 is not closed within 4194304 bytes, the longest row",
    );
    check(
        b"a,b\n1,2\n3,\"4\n5,\"6\"\n7,8\n",
        "t.csv: the quote that opens in line 3 is not closed: the next one, in line 4, has text behind it",
    );
    let error = refused(b"a,\"b\n1,2\n", None, &[]);
    assert!(
        error
            .message
            .contains("the quote that opens in line 1 is never closed"),
        "{}",
        error.message
    );
}

#[test]
fn a_quoted_cell_goes_on_over_lines() {
    let text = "n,note\n1,\"one\ntwo \"\"three\"\"\n\"\n2,\"\nfour\"\n";
    let types = [("types", Value::from(["f64", "text"]))];
    for chunks in CUTS {
        let (reader, _folder) = built(text.as_bytes(), None, &types).unwrap();
        let streams = run(reader, &[], chunks, usize::MAX).unwrap();
        assert_eq!(items(&streams[0]), [1.0, 2.0]);
        let texts = crate::testing::texts(&streams[1]);
        assert_eq!(texts, ["one\ntwo \"three\"\n", "\nfour"]);
    }
}

#[test]
fn a_row_that_has_taken_in_others_says_which() {
    assert_eq!(
        fails(b"a,b\n1,2\n\"3,4\n5,\"\n", None, &[]),
        "t.csv:3: 1 cell (\"3,4\\n5,\"), and the first row has 2; quotes make one row of lines 3 to 4"
    );
    let types = [("types", Value::from(["f64", "f64"]))];
    let text = [&b"a,b\n1,\"x"[..], &[b'\n'; 100], b"x\"\n"].concat();
    let message = fails(&text, None, &types);
    assert!(
        message.ends_with("..\", which is no f64; quotes make one row of lines 2 to 102"),
        "{message}"
    );
}

#[test]
fn texts_come_back_as_they_were_written() {
    let texts = [
        " a ", "#x", "", "a\nb", "\"q\"", "a,b", "\r", "\t", "plain", "é", "[\\]",
    ];
    let folder = tempfile::tempdir().unwrap();
    let frames = [crate::testing::frames(texts)];
    for chunks in CUTS {
        let op = &crate::connectors::csv_write::CSV_WRITE;
        let writer = fixtures::sink(op, folder.path(), "t.csv", ("text", None), &[]).unwrap();
        run(writer, &frames, chunks, usize::MAX).unwrap();
        let types = [("types", Value::from("text"))];
        let reader = fixtures::source(&CSV_READ, folder.path(), "t.csv", None, &types).unwrap();
        let streams = run(reader, &[], chunks, usize::MAX).unwrap();
        assert_eq!(crate::testing::texts(&streams[0]), texts);
    }
}
