//! `csv.write`: writes a row of text for each item.

use crate::agent::{
    Agent, AgentError, Blueprint, Ends, InPort, Io, Outside, State, StateSpec, Status,
};
use crate::connectors::files::Readers;
use crate::connectors::grown::Grown;
use crate::connectors::params::WRITE;
use crate::connectors::text::{self, Quotes, Rows, push_text};
use crate::op::{Args, Arity, InputInfo, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

/// The row of the table.
pub const CSV_WRITE: OpDef = OpDef {
    name: "csv.write",
    summary: "writes items as rows of a CSV file",
    doc: "A row for each item; of several inputs a row has one item each, and the shortest ends the file. \
          Columns: one for a number, one per element of a vector, two for a complex number (real, \
          imaginary) and for a timed item (seconds, value). A text is one cell, in quotes where it has a \
          delimiter, a quote, a line's end or spaces around it, begins with `#` or is a row's only cell and empty. Floats are the shortest decimal that reads back \
          as the same value, `nan`, `inf` and `-inf` included; lines end in a line feed. An existing file is replaced. \
          A regular file is written exactly once whatever is killed: a successor goes on at the byte that \
          was committed. `-` is standard output; there and into pipes a killed worker may repeat its last \
          rows, and when nobody reads any more the agent is done.",
    inputs: Arity::AtLeast(1),
    outputs: "nothing",
    params: &[
        WRITE,
        ParamDef {
            name: "header",
            kind: ParamKind::Bool,
            default: Some("true"),
            unit: "",
            doc: "Whether the first row has the columns' names.",
        },
        ParamDef {
            name: "columns",
            kind: ParamKind::Texts,
            default: Some(""),
            unit: "",
            doc: "The columns' names. Without it `value` (`value0 value1 ..` of a vector), of a single input, and the names of the streams, or those that a table `in` gives.",
        },
        text::DELIMITER,
        ParamDef {
            name: "units",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "Whether the header has units behind the names, `speed [m/s]`, where they are known. A bracket or a backslash of a unit has a backslash before it.",
        },
    ],
    example: "counter items=5 ! csv.write path=-",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let rows = Rows::of(args)?;
    let delimiter = text::delimiter(args)?;
    let header = match args.flag("header") {
        true => header(&names(args, &rows)?, delimiter),
        false => Vec::new(),
    };
    let writer = CsvWriter {
        rows,
        delimiter,
        header,
        file: Grown::of(args)?,
    };
    let blueprint = Blueprint::new(writer)
        .state(StateSpec::of(0u64))
        .ends(Ends::AnyInput);
    Ok(args.inputs().iter().fold(blueprint, |blueprint, input| {
        blueprint.input(InPort::new(input.item_type.clone()))
    }))
}

fn names(args: &Args, rows: &Rows) -> Result<Vec<String>, OpError> {
    let mut names = bare_names(args, rows)?;
    if args.flag("units") {
        let units = args.inputs().iter().flat_map(units);
        for (name, unit) in names.iter_mut().zip(units) {
            *name = text::with_unit(name, unit);
        }
    }
    Ok(names)
}

/// The unit of each cell that an input's items fill.
fn units(input: &InputInfo) -> Vec<Option<&str>> {
    let own = input.unit.as_deref();
    let cells = |scalar: Scalar| if scalar.is_complex() { 2 } else { 1 };
    match input.item_type {
        ItemType::Timed(scalar) => [vec![Some("s")], vec![own; cells(scalar)]].concat(),
        _ => match input.item_type.elements() {
            Some((scalar, count)) => vec![own; count * cells(scalar)],
            None => vec![own],
        },
    }
}

fn bare_names(args: &Args, rows: &Rows) -> Result<Vec<String>, OpError> {
    let Some(given) = args.texts("columns") else {
        return Ok(rows.names().to_vec());
    };
    let (found, needed) = (given.len(), rows.names().len());
    if found != needed {
        let message = format!("`columns` has {found} names, and a row has {needed} cells");
        let help = format!("without `columns` they are {}", rows.names().join(", "));
        return Err(OpError::param("columns", message).with_help(help));
    }
    Ok(given.into_iter().map(str::to_owned).collect())
}

/// The names as a row; those that hold a delimiter, a quote or a line's end are quoted.
fn header(names: &[String], delimiter: u8) -> Vec<u8> {
    let mut line = Vec::new();
    for name in names {
        push_text(name.as_bytes(), delimiter, Quotes::WhereNeeded, &mut line);
        line.push(delimiter);
    }
    line.pop();
    line.push(b'\n');
    line
}

/// State: how many bytes are written (`u64`).
struct CsvWriter {
    rows: Rows,
    delimiter: u8,
    header: Vec<u8>,
    file: Grown,
}

impl Agent for CsvWriter {
    fn attach(&mut self, state: State<'_>) -> Result<(), AgentError> {
        self.file.open(&self.header, state)
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        if let Some(status) = self.file.wait(io)? {
            return Ok(status);
        }
        let n = io.inputs.iter().map(|input| input.len()).min().unwrap_or(0);
        let written = io.state.get::<u64>();
        self.file.text.clear();
        if *written == 0 && n > 0 {
            self.file.text.extend_from_slice(&self.header);
        }
        let mut items = self.rows.items(io.inputs);
        for row in 0..n {
            let (delimiter, quotes) = (self.delimiter, Quotes::WhereNeeded);
            self.rows
                .push(&mut items, row, delimiter, quotes, &mut self.file.text);
            self.file.text.push(b'\n');
            let is_last = row + 1 == n;
            if (self.file.is_due() || is_last) && self.file.write(written)? == Readers::Gone {
                return Ok(Status::Done);
            }
        }
        io.inputs.iter_mut().for_each(|input| input.consume(n));
        Ok(Status::Ready)
    }

    fn finish(&mut self, state: State<'_>) -> Result<(), AgentError> {
        self.file.finish(&self.header, state)
    }

    fn toll(&self, state: &[u8]) -> Option<String> {
        self.file.toll(state)
    }

    fn outside(&self, state: &[u8]) -> Outside {
        self.file.outside(state)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::connectors::fixtures::{CUTS, bytes};
    use crate::op::Value;
    use crate::testing::{Chunks, run};

    fn args(
        inputs: &[(&str, &str)],
        params: &[(&str, Value)],
        base: &Path,
    ) -> Result<Args, OpError> {
        let inputs = inputs.iter().map(|(name, item_type)| InputInfo {
            naming: Default::default(),
            name: name.to_string(),
            item_type: item_type.parse().unwrap(),
            rate: None,
            unit: None,
        });
        let params: Vec<_> = params
            .iter()
            .map(|(k, v)| (k.to_string(), v.clone()))
            .collect();
        Args::new(&CSV_WRITE, inputs.collect(), None, &params, base)
    }

    /// What the file holds under every cut, calls made again included.
    fn check(
        inputs: &[(&str, &str)],
        streams: &[Vec<u8>],
        params: &[(&str, Value)],
        expected: &str,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut params = params.to_vec();
        params.push(("path", Value::from("out.csv")));
        for chunks in CUTS {
            let blueprint = build(&args(inputs, &params, folder.path()).unwrap()).unwrap();
            run(blueprint, streams, chunks, usize::MAX).unwrap();
            let text = std::fs::read_to_string(folder.path().join("out.csv")).unwrap();
            assert_eq!(text, expected, "{chunks:?}");
        }
    }

    #[test]
    fn a_row_per_item_under_a_header() {
        let items = bytes(&[0.1, 2.0, f64::NAN]);
        check(
            &[("x", "f64")],
            std::slice::from_ref(&items),
            &[],
            "value\n0.1\n2.0\nnan\n",
        );
        let plain = [("header", Value::from(false))];
        check(&[("x", "f64")], &[items], &plain, "0.1\n2.0\nnan\n");
    }

    #[test]
    fn several_inputs_go_in_lockstep_and_the_shortest_ends_the_file() {
        let streams = [bytes(&[1u8, 2, 3]), bytes(&[0.5f32, 1.5])];
        check(
            &[("a", "u8"), ("b", "f32")],
            &streams,
            &[("delimiter", Value::from(";"))],
            "a;b\n1;0.5\n2;1.5\n",
        );
    }

    #[test]
    fn vectors_complex_numbers_and_timed_items_take_several_columns() {
        check(
            &[("x", "i16[2]")],
            &[bytes(&[1i16, 2, 3, 4])],
            &[],
            "value0,value1\n1,2\n3,4\n",
        );
        check(
            &[("z", "cf64")],
            &[bytes(&[0.5, -1.0])],
            &[],
            "z_re,z_im\n0.5,-1.0\n",
        );
        check(
            &[("x", "timed<f64>")],
            &[bytes(&[3.0, 4.0])],
            &[],
            "t,value\n3.0,4.0\n",
        );
    }

    #[test]
    fn an_empty_stream_leaves_the_header_alone() {
        let names = [("columns", Value::from(vec!["a \"b\", c"]))];
        check(&[("x", "f64")], &[vec![]], &names, "\"a \"\"b\"\", c\"\n");
    }

    #[test]
    fn what_cannot_be_written_is_refused_before_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |path: &str| {
            let params = [("path", Value::from(path))];
            build(&args(&[("x", "f64")], &params, folder.path()).unwrap()).unwrap_err()
        };
        assert!(refused(".").message.contains("is a folder"));
        assert!(
            refused("no/such/out.csv")
                .message
                .contains("there is no folder")
        );
        assert!(refused("").message.contains("is empty"));
    }

    #[test]
    fn a_full_device_is_an_error_that_says_so() {
        let params = [("path", Value::from("/dev/full"))];
        let args = args(&[("x", "f64")], &params, Path::new(".")).unwrap();
        let error = run(
            build(&args).unwrap(),
            &[bytes(&[1.0])],
            Chunks::Whole,
            usize::MAX,
        );
        let message = error.unwrap_err().message;
        assert!(
            message.starts_with("/dev/full cannot be written: no space left"),
            "{message}"
        );
    }

    #[test]
    fn a_wrong_number_of_names_and_a_wide_delimiter_are_refused() {
        let refused = |params: &[(&str, Value)]| {
            let mut params = params.to_vec();
            params.push(("path", Value::from("-")));
            build(&args(&[("x", "f64[2]")], &params, Path::new(".")).unwrap()).unwrap_err()
        };
        let names = refused(&[("columns", Value::from(vec!["a"]))]);
        assert_eq!(
            names.message,
            "`columns` has 1 names, and a row has 2 cells"
        );
        let delimiter = refused(&[("delimiter", Value::from("::"))]);
        assert_eq!(delimiter.param.as_deref(), Some("delimiter"));
    }
}
