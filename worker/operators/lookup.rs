//! `lookup`: what a table says of each item.

use std::collections::HashMap;

use crate::agent::{
    Agent, AgentError, Blueprint, InPort, Io, OutPort, Output, Outside, Status, text_of,
};
use crate::connectors::csv_read::{Whole, whole};
use crate::connectors::text::{DELIMITER, delimiter};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind, Value, meant};
use crate::types::{ItemType, Scalar};

use super::keys::integers;
use super::numbers::dtype_scalar;
use super::texts::{Made, NUMBERS, number, of_item, taken_first};

/// The row of the table.
pub const LOOKUP: OpDef = OpDef {
    name: "lookup",
    summary: "what a table says of each item",
    doc: "For each item the `value` of the row of a CSV file whose `key` is the item: a number or a text, in any order, each key once. \
          The whole file is read before the run. Keys are whole numbers where the items are, else floats that are equal bit by bit (0 \
          and -0 alike, NaN never found), or texts, spaces around cells left out. Columns are numbers from 0, or names, which are then the first row's, each once. Values are f64, or what `dtype` says: \
          a number, or `text`. An item that no row has as its key ends the run with its place, unless `missing` or `default` says \
          otherwise. `join` joins two streams by a key.",
    inputs: Arity::One,
    outputs: "one stream of f64, or of `dtype`; of no known rate where items are skipped",
    params: &[
        ParamDef {
            name: "path",
            kind: ParamKind::ReadPath,
            default: None,
            unit: "",
            doc: "The table, a CSV file.",
        },
        ParamDef {
            name: "key",
            kind: ParamKind::Column,
            default: Some("0"),
            unit: "",
            doc: "The column of keys: its number, counted from 0, or its name.",
        },
        ParamDef {
            name: "value",
            kind: ParamKind::Column,
            default: Some("1"),
            unit: "",
            doc: "The column of values: its number, counted from 0, or its name.",
        },
        ParamDef {
            name: "missing",
            kind: ParamKind::Choice(&["error", "skip"]),
            default: Some("error"),
            unit: "",
            doc: "What to do with an item that is no key: end the run, or leave it out.",
        },
        ParamDef {
            name: "default",
            kind: ParamKind::Scalar,
            default: Some(""),
            unit: "",
            doc: "What an item becomes that is no key, instead.",
        },
        DELIMITER,
    ],
    example: "counter items=6 start=200 step=100 ! lookup path=examples/data/status.csv key=code value=meaning dtype=text default=\"?\" ! print",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let scalar = input
        .item_type
        .scalar()
        .filter(|scalar| !scalar.is_complex());
    if scalar.is_none() && input.item_type != ItemType::Text {
        return Err(OpError::input_type("lookup", input, "real numbers or text")
            .or_help("`pick` takes an element of a vector, `unstack` parts times and values"));
    }
    let gives = match args.dtype() {
        Some(ItemType::Text) => None,
        dtype => Some(dtype_scalar("lookup", dtype, Scalar::F64, &NUMBERS)?),
    };
    let table = Table::read(args, scalar, gives)?;
    let rate = input
        .rate
        .filter(|_| !matches!(table.missing, Missing::Skip));
    let output = OutPort::new(gives.map_or(ItemType::Text, ItemType::Scalar), rate);
    Ok(Blueprint::new(Lookup { scalar, table })
        .input(InPort::new(input.item_type.clone()))
        .output(output))
}

/// What rows are found by.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    /// A number's bits: a whole one's as i64, a float's as f64.
    Number(u64),
    Text(String),
}

impl Key {
    /// The key that a cell spells for items of this type; texts without one.
    fn of(cell: &str, scalar: Option<Scalar>) -> Option<Key> {
        let cell = cell.trim();
        Some(match scalar {
            None => Key::Text(cell.to_owned()),
            Some(Scalar::U64) => Key::Number(cell.parse().ok()?),
            Some(scalar) if scalar.is_integer() => Key::Number(cell.parse::<i64>().ok()? as u64),
            Some(Scalar::F32) => Key::float(cell.parse::<f32>().ok()?.into()),
            Some(_) => Key::float(cell.parse().ok()?),
        })
    }

    fn float(x: f64) -> Key {
        // Both zeros are one key.
        Key::Number((x + 0.0).to_bits())
    }
}

/// A value of the table.
enum Entry {
    Number(Made<'static>),
    Text(String),
}

impl Entry {
    /// What a cell spells: a number of this scalar, or without one the text.
    fn of(cell: &str, gives: Option<Scalar>) -> Result<Entry, String> {
        match gives {
            None => Ok(Entry::Text(cell.to_owned())),
            Some(scalar) => match number(scalar, cell.trim()) {
                Some(made) => Ok(Entry::Number(made)),
                None => Err(format!("{cell:?} is no {scalar}")),
            },
        }
    }

    fn made(&self) -> Made<'_> {
        match self {
            Entry::Number(made) => *made,
            Entry::Text(text) => Made::Text(text),
        }
    }
}

/// What an item becomes that is no key.
enum Missing {
    Error,
    Skip,
    Default(Entry),
}

struct Table {
    file: String,
    values: HashMap<Key, Entry>,
    missing: Missing,
    outside: Outside,
}

impl Table {
    fn read(args: &Args, scalar: Option<Scalar>, gives: Option<Scalar>) -> Result<Table, OpError> {
        let missing = match (args.value("default"), args.text("missing")) {
            (Some(_), _) if args.is_given("missing") => {
                let message =
                    "`default` and `missing` each say what an item becomes that is no key";
                return Err(OpError::param("default", message).with_help("give one of them"));
            }
            (Some(value), _) => {
                let entry = Entry::of(&value.written(), gives);
                let refused = |why| OpError::param("default", format!("`default`: {why}"));
                Missing::Default(entry.map_err(refused)?)
            }
            (None, Some("skip")) => Missing::Skip,
            (None, _) => Missing::Error,
        };
        let is_name = |name| matches!(args.value(name), Some(Value::Text(_)));
        let has_names = is_name("key") || is_name("value");
        let path = args.path("path").unwrap_or_default();
        let rows = whole(path, delimiter(args)?, has_names)?;
        let (key, value) = (column(args, "key", &rows)?, column(args, "value", &rows)?);
        let mut table = Table {
            file: rows.file,
            values: HashMap::with_capacity(rows.rows.len()),
            missing,
            outside: rows.outside,
        };
        for (at, cells) in rows.rows {
            table.insert(&at, &cells, [key, value], [scalar, gives])?;
        }
        Ok(table)
    }

    fn insert(
        &mut self,
        at: &str,
        cells: &[String],
        [key, value]: [usize; 2],
        [scalar, gives]: [Option<Scalar>; 2],
    ) -> Result<(), OpError> {
        let refused = |message: String| OpError::param("path", format!("{at}: {message}"));
        let (Some(own), Some(value)) = (cells.get(key), cells.get(value)) else {
            let message = format!("the row has {} cells", cells.len());
            let help = format!("`key` is column {key} and `value` column {value}, counted from 0");
            return Err(refused(message).with_help(help));
        };
        let key = own;
        let Some(found) = Key::of(key, scalar) else {
            let scalar = scalar.map_or("text", Scalar::name);
            return Err(
                refused(format!("the key {key:?} is no {scalar}, as the items are")).with_help(
                    "where the first row has names, `key` and `value` say which: key = \"code\"",
                ),
            );
        };
        let entry = Entry::of(value, gives).map_err(|why| {
            let is_float =
                gives.is_some_and(Scalar::is_integer) && value.trim().parse::<f64>().is_ok();
            let dtype = if is_float { "f64" } else { "text" };
            refused(format!("the value {why}"))
                .with_help(format!("`dtype` says what values are: dtype = \"{dtype}\""))
        })?;
        match self.values.insert(found, entry) {
            None => Ok(()),
            Some(_) => Err(refused(format!(
                "the key {key:?} stands in a row before this one, too"
            ))),
        }
    }

    /// What the key becomes; nothing where it is left out. `item` is how it is written.
    fn find(
        &self,
        key: &Key,
        item: impl FnOnce() -> String,
    ) -> Result<Option<Made<'_>>, AgentError> {
        match (self.values.get(key), &self.missing) {
            (Some(entry), _) | (None, Missing::Default(entry)) => Ok(Some(entry.made())),
            (None, Missing::Skip) => Ok(None),
            (None, Missing::Error) => Err(AgentError::new(format!(
                "{} is no key of {}; `missing = \"skip\"` leaves such items out, `default` gives them a value",
                item(),
                self.file
            ))),
        }
    }
}

/// The number of the column that a parameter names.
fn column(args: &Args, param: &str, table: &Whole) -> Result<usize, OpError> {
    let file = &table.file;
    match (args.value(param), &table.names) {
        (Some(Value::Text(name)), Some(names)) => {
            let mut found = (0..names.len()).filter(|&at| names[at] == *name);
            match (found.next(), found.next()) {
                (Some(at), None) => Ok(at),
                (Some(at), Some(other)) => Err(OpError::param(
                    param,
                    format!("{file} has two columns {name:?}, {at} and {other}, counted from 0"),
                )
                .with_help("give each column of the file a name of its own")),
                (None, _) => {
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    Err(
                        OpError::param(param, format!("{file} has no column {name:?}"))
                            .with_help(meant(name, &names)),
                    )
                }
            }
        }
        (Some(Value::Text(name)), None) => Err(OpError::param(
            "path",
            format!("{file} is empty: it has no column {name:?}"),
        )
        .with_help("the first row has the columns' names")),
        _ => Ok(args.required_count(param, 0)? as usize),
    }
}

struct Lookup {
    /// The items' type; `None`: text.
    scalar: Option<Scalar>,
    table: Table,
}

impl Agent for Lookup {
    fn outside(&self, _: &[u8]) -> Outside {
        self.table.outside.clone()
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let mut taken = 0;
        let outcome = match self.scalar {
            None => input.frames().try_for_each(|frame| {
                let text = text_of(frame)?;
                let key = Key::Text(text.trim().to_owned());
                self.table
                    .give(&key, output, &mut taken, || format!("{text:?}"))
            }),
            Some(scalar) => {
                let len = input.item_len();
                let mut items = input.bytes().chunks_exact(len);
                items.try_for_each(|item| {
                    let key = key_of(scalar, item);
                    let written = || written(scalar, &key);
                    self.table.give(&key, output, &mut taken, written)
                })
            }
        };
        input.consume(taken);
        let outcome = match outcome {
            Err(Stop::For(error)) => Err(of_item(input.position(), &error)),
            Err(Stop::NoRoom) | Ok(()) => Ok(()),
        };
        taken_first(outcome, taken)
    }
}

/// Why no more items are taken.
enum Stop {
    NoRoom,
    For(AgentError),
}

impl From<AgentError> for Stop {
    fn from(error: AgentError) -> Stop {
        Stop::For(error)
    }
}

impl Table {
    /// Gives what the key becomes, and counts it as taken. `item` is how it is written.
    fn give(
        &self,
        key: &Key,
        output: &mut Output,
        taken: &mut usize,
        item: impl FnOnce() -> String,
    ) -> Result<(), Stop> {
        if let Some(found) = self.find(key, item)? {
            if !found.fits(output) {
                return Err(Stop::NoRoom);
            }
            found.give(output);
        }
        *taken += 1;
        Ok(())
    }
}

/// The key that an item of this type is.
fn key_of(scalar: Scalar, item: &[u8]) -> Key {
    match scalar {
        Scalar::F32 => Key::float(bytemuck::pod_read_unaligned::<f32>(item).into()),
        Scalar::F64 => Key::float(bytemuck::pod_read_unaligned(item)),
        whole => Key::Number(integers(whole, item)[0] as u64),
    }
}

/// How a number is written.
fn written(scalar: Scalar, key: &Key) -> String {
    match (key, scalar) {
        (Key::Text(text), _) => text.clone(),
        (Key::Number(bits), Scalar::U64) => bits.to_string(),
        (Key::Number(bits), scalar) if scalar.is_integer() => (*bits as i64).to_string(),
        (Key::Number(bits), _) => f64::from_bits(*bits).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::op::{OpError, Value};
    use crate::operators::trial::{Given, build, given, output, text_run, texts, try_output};
    use crate::testing::Chunks;

    const TABLE: &str =
        "key,word,level\n7, seven ,0.5\n-3,minus,1e3\n\n\"2\",\"a \"\"b\"\"\",-0.25\n";

    /// The table in a file, and parameters that name it.
    fn params(
        table: &str,
        more: &[(&'static str, Value)],
    ) -> (tempfile::TempDir, Vec<(&'static str, Value)>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        fs::write(&path, table).unwrap();
        let path = Value::from(path.to_str().unwrap());
        (folder, [&[("path", path)], more].concat())
    }

    fn named(value: &str) -> [(&'static str, Value); 2] {
        [("key", "key".into()), ("value", value.into())]
    }

    #[test]
    fn numbers_are_found_in_any_order() {
        let (_folder, params) = params(TABLE, &named("level"));
        let ints = [given("i16", &[2_i16, 7, 7, -3])];
        let found: Vec<f64> = output("lookup", &ints, &params, None);
        assert_eq!(found, [-0.25, 0.5, 0.5, 1000.0]);
        let floats = [given("f32", &[-3.0_f32, 2.0])];
        let found: Vec<f32> = output("lookup", &floats, &params, Some("f32"));
        assert_eq!(found, [1000.0, -0.25]);
    }

    #[test]
    fn texts_are_found_and_given() {
        let (_folder, params) = params("ab;1\nc;2\n;3\n", &[("delimiter", ";".into())]);
        let found: Vec<i64> = output("lookup", &[texts(&["c", " ab ", ""])], &params, Some("i64"));
        assert_eq!(found, [2, 1, 3]);
        let (_folder, params) = self::params(TABLE, &named("word"));
        let mut params = params;
        params.push(("default", "none".into()));
        let dtype = build("lookup", &[given("i64", &[7_i64])], &params, Some("text")).unwrap();
        assert_eq!(dtype.outputs[0].item_type.to_string(), "text");
        let bytes = [bytemuck::cast_slice(&[7_i64, 9, 2]).to_vec()];
        let given = crate::testing::run(dtype, &bytes, Chunks::Random(7), usize::MAX).unwrap();
        assert_eq!(
            crate::testing::texts(&given[0]),
            ["seven", "none", "a \"b\""]
        );
    }

    #[test]
    fn an_item_without_a_row_ends_the_run_is_left_out_or_has_a_default() {
        let items = || [given("f64", &[7.0, 0.5, f64::NAN, -3.0])];
        let under = |more: &[(&'static str, Value)]| {
            let (_folder, params) = params(TABLE, &[&named("level"), more].concat());
            try_output::<f64>("lookup", &items(), &params, None)
        };
        let error = under(&[]).unwrap_err();
        assert!(
            error
                .message
                .starts_with("item 1 of its input: 0.5 is no key of "),
            "{error}"
        );
        assert_eq!(under(&[("missing", "skip".into())]).unwrap(), [0.5, 1000.0]);
        assert_eq!(
            under(&[("default", 9.into())]).unwrap(),
            [0.5, 9.0, 9.0, 1000.0]
        );
        let (_folder, words) = params("a,1\n", &[]);
        let error = text_run("lookup", &[texts(&["a", "b"])], &words, Chunks::Whole);
        let message = error.unwrap_err().message;
        assert!(
            message.contains("item 1 of its input: \"b\" is no key"),
            "{message}"
        );
    }

    #[test]
    fn tables_that_say_nothing_or_two_things_are_refused() {
        let refused = |table: &str, input: Given, more: &[(&'static str, Value)]| -> OpError {
            let (_folder, params) = params(table, more);
            build("lookup", &[input], &params, None).unwrap_err()
        };
        let x = || given("i64", &[1_i64]);
        let cases = [
            (TABLE, x(), &[][..], "the key \"key\" is no i64"),
            (
                TABLE,
                x(),
                &named("word")[..],
                ":2: the value \"seven\" is no f64",
            ),
            (TABLE, x(), &named("wrd")[..], "has no column \"wrd\""),
            (
                "1,2\n1,3\n",
                x(),
                &[],
                ":2: the key \"1\" stands in a row before",
            ),
            ("1\n", x(), &[], ":1: the row has 1 cells"),
            (
                "1,2\n",
                given("cf64", &[1.0, 2.0]),
                &[],
                "`lookup` takes real numbers or text",
            ),
            (
                "1,2\n",
                x(),
                &[("default", "much".into())],
                "\"much\" is no f64",
            ),
            ("1,2\n", x(), &[("key", (-1).into())], "`key` is -1"),
            (
                "1,2\n",
                x(),
                &[("key", 1.5.into())],
                "`key` is the number 1.5",
            ),
            (
                "1,2\n",
                x(),
                &[("key", true.into())],
                "`key` is true, and should be the name or the number of a column",
            ),
            (
                "",
                x(),
                &named("level"),
                "is empty: it has no column \"key\"",
            ),
            (
                "key,level,key\n1,2,3\n",
                x(),
                &named("level"),
                "has two columns \"key\", 0 and 2",
            ),
        ];
        for (table, input, more, words) in cases {
            let refused = refused(table, input, more);
            assert!(refused.message.contains(words), "{refused}");
        }
        let of_ints = |cell: &str| {
            let (_folder, params) = params(&format!("1,{cell}\n"), &[]);
            build("lookup", &[x()], &params, Some("i64"))
                .unwrap_err()
                .help
                .unwrap()
        };
        assert!(of_ints("0.5").ends_with("dtype = \"f64\""));
        assert!(of_ints("half").ends_with("dtype = \"text\""));
        let both = [("default", 1.into()), ("missing", "skip".into())];
        assert_eq!(
            refused("1,2\n", x(), &both).param.as_deref(),
            Some("default")
        );
    }
}
