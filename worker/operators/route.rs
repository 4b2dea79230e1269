//! `route`: each item to one of several ports, as an expression says.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Output, Status};
use crate::expr::{Machine, compile};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

use super::live_numbers::{LIVE, with_dials, with_live};

/// The row of the table.
pub const ROUTE: OpDef = OpDef {
    name: "route",
    summary: "parts a stream: each item goes to the port an expression names",
    doc: "Gives every item unchanged on one of the ports `0 1 2 ..`: the one that `expr` says, a whole number counted from 0 \
          (a truth value is 0 or 1; a fraction is cut off). The expressions are those of `map`. A number that names no port, and NaN, \
          goes to the last one with `other = \"last\"`, is dropped with `\"drop\"`, and otherwise ends the run with the item's \
          place. Each port's items keep their order. Texts and bytes are routed by `n`; by what is in them `contains` and `regex.match` \
          choose.",
    inputs: Arity::One,
    outputs: "`ports` streams of the input's type, of no known rate",
    params: &[
        ParamDef {
            name: "expr",
            kind: ParamKind::Expr,
            default: None,
            unit: "",
            doc: "The port's number, over `x`.",
        },
        ParamDef {
            name: "ports",
            kind: ParamKind::Int,
            default: Some("2"),
            unit: "",
            doc: "How many ports there are, 2 to 256.",
        },
        ParamDef {
            name: "other",
            kind: ParamKind::Choice(&["error", "last", "drop"]),
            default: Some("error"),
            unit: "",
            doc: "Where an item goes whose number names no port.",
        },
        LIVE,
    ],
    example: "x:counter items=1000 ; s:route in=x expr=\"x % 3\" ports=3 ; null in=s.0 ; null in=s.1 ; null in=s.2",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let ports = args.required_count("ports", 2)?;
    if ports > 256 {
        let message = format!("`ports` is {ports}, and 256 are the most");
        return Err(OpError::param("ports", message));
    }
    let text = args.text("expr").unwrap_or("");
    let program = compile(text, &with_live(args)?, input.rate).map_err(|e| e.of_param("expr"))?;
    if program.is_complex() || program.item_type().elements().map(|(_, width)| width) != Some(1) {
        let message = format!(
            "`expr` gives {}, and should give one number",
            program.item_type()
        );
        return Err(OpError::param("expr", message));
    }
    if let ItemType::Vector(..) = program.item_type() {
        let message = "`expr` gives a vector of one number: name its element, `x[0]`".to_owned();
        return Err(OpError::param("expr", message));
    }
    let scalar = program.item_type().scalar();
    let is_float = scalar.is_some_and(Scalar::is_float);
    let machine = Machine::new(program);
    let agent = Route {
        numbers: vec![0.0; if is_float { machine.items_max() } else { 0 }],
        targets: vec![0; machine.items_max()],
        machine,
        other: args.text("other").unwrap_or("error").to_owned(),
    };
    let blueprint = Blueprint::new(agent).input(InPort::new(input.item_type.clone()));
    let blueprint = (0..ports).fold(blueprint, |blueprint, port| {
        let port = OutPort::named(port.to_string(), input.item_type.clone(), None);
        blueprint.output(port.keeps_unit())
    });
    Ok(with_dials(blueprint, args))
}

/// The number of no port.
const NOWHERE: i64 = -1;

struct Route {
    machine: Machine,
    /// What a block's expressions gave, where that is floats.
    numbers: Vec<f64>,
    /// Port numbers of a block.
    targets: Vec<i64>,
    other: String,
}

impl Agent for Route {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        self.machine.turn(io.dials);
        loop {
            // All of a block may go to one port, so no more is looked at than each has room for. Frames are tried
            // one by one.
            let room = io.outputs.iter().map(Output::space).min().unwrap_or(0);
            let items = io.inputs[0].len().min(room).min(self.targets.len());
            if items == 0 {
                return Ok(Status::Ready);
            }
            let position = io.inputs[0].position();
            let results = self.machine.run(io.inputs, 0, position, items);
            let targets = &mut self.targets[..items];
            if self.numbers.is_empty() {
                results.write(Scalar::I64, bytemuck::cast_slice_mut(targets));
            } else {
                let numbers = &mut self.numbers[..items];
                results.write(Scalar::F64, bytemuck::cast_slice_mut(numbers));
                for (target, number) in targets.iter_mut().zip(numbers) {
                    *target = if number.is_nan() {
                        NOWHERE
                    } else {
                        *number as i64
                    };
                }
            }
            let Dealt { taken, ends } = match io.inputs[0].is_framed() {
                true => self.deal_frames(io, items),
                false => self.deal(io, items),
            };
            io.inputs[0].consume(taken);
            if ends == End::Full {
                return Ok(Status::Ready);
            }
            if taken == 0 {
                let ports = io.outputs.len();
                let port = match self.numbers.first() {
                    Some(number) => number.to_string(),
                    None => self.targets[0].to_string(),
                };
                return Err(AgentError::new(format!(
                    "item {position} is to go to port {port}, and there are {ports}, counted from 0: say where it goes with `other`"
                )));
            }
            if taken < items {
                // What came before the trouble is given first, however the calls are cut.
                return Ok(Status::More);
            }
        }
    }
}

impl Route {
    /// The port of an item that goes to `target`: none where it is dropped.
    fn port(&self, target: i64, ports: usize) -> Result<Option<usize>, End> {
        match usize::try_from(target) {
            Ok(port) if port < ports => Ok(Some(port)),
            _ if self.other == "last" => Ok(Some(ports - 1)),
            _ if self.other == "drop" => Ok(None),
            _ => Err(End::Nowhere),
        }
    }

    /// Gives the first frames to their ports.
    fn deal_frames(&self, io: &mut Io<'_>, items: usize) -> Dealt {
        let ports = io.outputs.len();
        let coming = io.inputs[0].frames().zip(&self.targets[..items]);
        for (taken, (frame, &target)) in coming.enumerate() {
            let ends = match self.port(target, ports) {
                Ok(Some(port)) if !io.outputs[port].give(frame) => End::Full,
                Ok(_) => continue,
                Err(ends) => ends,
            };
            return Dealt { taken, ends };
        }
        Dealt::all(items)
    }

    /// Gives the first items to their ports.
    fn deal(&self, io: &mut Io<'_>, items: usize) -> Dealt {
        let len = io.inputs[0].item_len();
        let bytes = io.inputs[0].bytes();
        let ports = io.outputs.len();
        for (n, (item, &target)) in bytes
            .chunks_exact(len)
            .zip(&self.targets[..items])
            .enumerate()
        {
            let port = match self.port(target, ports) {
                Ok(Some(port)) => port,
                Ok(None) => continue,
                Err(ends) => return Dealt { taken: n, ends },
            };
            let output = &mut io.outputs[port];
            output.bytes()[..len].copy_from_slice(item);
            output.produce(1);
        }
        Dealt::all(items)
    }
}

/// How many items were given or dropped, and why no more were.
struct Dealt {
    taken: usize,
    ends: End,
}

impl Dealt {
    fn all(taken: usize) -> Dealt {
        Dealt {
            taken,
            ends: End::All,
        }
    }
}

#[derive(PartialEq)]
enum End {
    All,
    /// The next one's port has no room.
    Full,
    /// The next one has no port.
    Nowhere,
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, outputs, texts, try_output};
    use crate::testing::{Chunks, frames, run};

    fn params(expr: &str, ports: i64, other: &str) -> [(&'static str, Value); 3] {
        [
            ("expr", expr.into()),
            ("ports", ports.into()),
            ("other", other.into()),
        ]
    }

    #[test]
    fn every_item_goes_to_its_port_in_order() {
        let input = || [given("i32", &[5, 3, -1, 7, 1, 0, 9])];
        let cases = [
            (
                "x % 3",
                3,
                "error",
                vec![vec![3, 0, 9], vec![7, 1], vec![5, -1]],
            ),
            ("x > 2", 2, "error", vec![vec![-1, 1, 0], vec![5, 3, 7, 9]]),
            ("x", 2, "last", vec![vec![0], vec![5, 3, -1, 7, 1, 9]]),
            ("x", 4, "drop", vec![vec![0], vec![1], vec![], vec![3]]),
        ];
        for (expr, ports, other, expected) in cases {
            let found: Vec<Vec<i32>> = outputs("route", &input(), &params(expr, ports, other));
            assert_eq!(found, expected, "{expr}");
        }
    }

    #[test]
    fn texts_are_routed_by_their_place() {
        let words: Vec<String> = (0..60).map(|n| "word ".repeat(n % 11)).collect();
        for chunks in (0..20).map(Chunks::Random).chain([Chunks::Single]) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let input = [texts(&words)];
            let blueprint = build("route", &input, &params("n % 3", 2, "drop"), None).unwrap();
            let found = run(blueprint, &[frames(&words)], chunks, usize::MAX).unwrap();
            for (port, found) in found.iter().enumerate() {
                let expected: Vec<&str> = words.iter().copied().skip(port).step_by(3).collect();
                assert_eq!(crate::testing::texts(found), expected, "{chunks:?}");
            }
        }
    }

    #[test]
    fn a_port_that_is_not_there_ends_the_run_with_the_item_s_place() {
        let input = [given("i32", &[1, 0, 2])];
        let refused =
            try_output::<i32>("route", &input, &params("x", 2, "error"), None).unwrap_err();
        assert!(
            refused.message.starts_with("item 2 is to go to port 2"),
            "{refused}"
        );
    }

    #[test]
    fn what_is_no_number_names_no_port() {
        let items = [0.0, f64::NAN, 1.9, f64::INFINITY, -0.5];
        let input = || [given("f64", &items)];
        let whole = |ports: Vec<Vec<f64>>| -> Vec<Vec<f64>> { ports };
        let found = whole(outputs("route", &input(), &params("x", 2, "drop")));
        assert_eq!(found, [vec![0.0, -0.5], vec![1.9]]);
        let found = whole(outputs("route", &input(), &params("x", 3, "last")));
        assert_eq!(found[0], [0.0, -0.5]);
        assert!(found[2][0].is_nan() && found[2][1].is_infinite());
        let refused = try_output::<f64>("route", &input(), &params("x", 2, "error"), None);
        let refused = refused.unwrap_err();
        assert!(
            refused.message.starts_with("item 1 is to go to port NaN"),
            "{refused}"
        );
    }

    #[test]
    fn a_port_is_one_number() {
        for (item_type, expr) in [("f64[2]", "x"), ("cf64", "x"), ("f64[1]", "x")] {
            let input = [given::<u8>(item_type, &[])];
            let refused = build("route", &input, &params(expr, 2, "error"), None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("expr"), "{refused}");
        }
    }
}
