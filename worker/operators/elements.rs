//! `pick`, `unstack` and `norm`: what is done with the elements of vector items.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Output, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};
use crate::wide::Wide;

/// The row of `pick`.
pub const PICK: OpDef = OpDef {
    name: "pick",
    summary: "some elements of vector items",
    doc: "Gives the elements at `index`, counted from 0, of every item: one number gives a stream of numbers, a list a stream \
          of vectors with the elements in that order (an element may come more than once).",
    inputs: Arity::One,
    outputs: "one stream of numbers, or of vectors",
    params: &[ParamDef {
        name: "index",
        kind: ParamKind::Number,
        default: None,
        unit: "",
        doc: "An element's number, or a list of them.",
    }],
    example: "const value=[1, 2, 3] items=1000 ! pick index=[2, 0] ! null",
    deterministic: true,
    build: pick,
};

/// The row of `unstack`.
pub const UNSTACK: OpDef = OpDef {
    name: "unstack",
    summary: "a stream for each element of vector items",
    doc: "Gives element k of every item on the port `k`, counted from 0; `zip` without `expr` is the way back. Of timed items \
          it gives the times on the port `t` and the values on the port `x`; `timed` is the way back.",
    inputs: Arity::One,
    outputs: "a stream of numbers for each element, of the input's rate",
    params: &[],
    example: "v:const value=[1, 2] items=1000 ; u:unstack in=v ; null in=u.0 ; null in=u.1",
    deterministic: true,
    build: unstack,
};

/// The row of `norm`.
pub const NORM: OpDef = OpDef {
    name: "norm",
    summary: "the length of vector items",
    doc: "One number for each vector, as NumPy's `linalg.norm` with `ord`: 2 is the root of the sum of the squares, 1 the sum \
          of the absolute values, `inf` the largest of them. Sums are made from the first element to the last, in f64. \
          A NaN in a vector makes its norm NaN. The result is f64, or f32 for f32.",
    inputs: Arity::One,
    outputs: "one stream of f64, or f32, of the input's rate",
    params: &[ParamDef {
        name: "ord",
        kind: ParamKind::Choice(&["2", "1", "inf"]),
        default: Some("2"),
        unit: "",
        doc: "Which norm.",
    }],
    example: "const value=[3, 4] items=1000 ! norm ! null",
    deterministic: true,
    build: norm,
};

/// The input's scalar and width; refused unless its items are vectors.
fn vector(args: &Args) -> Result<(Scalar, usize), OpError> {
    let input = args.input();
    match input.item_type {
        ItemType::Vector(scalar, width) => Ok((scalar, width as usize)),
        _ => Err(OpError::input_type(args.op().name, input, "vectors")
            .or_help("`zip` without `expr` makes vectors of several streams")),
    }
}

fn pick(args: &Args) -> Result<Blueprint, OpError> {
    let (scalar, width) = vector(args)?;
    let input = args.input();
    let index = args.floats("index").unwrap_or_default();
    let bad = |x: &&f64| x.fract() != 0.0 || !(0.0..width as f64).contains(*x);
    if let Some(bad) = index.iter().find(bad) {
        let message = format!("`index` has {bad}, and the elements are 0 to {}", width - 1);
        return Err(OpError::param("index", message));
    }
    let count = u32::try_from(index.len())
        .ok()
        .filter(|n| (1..=65_536).contains(n));
    let Some(count) = count else {
        let message = format!("`index` has {} numbers: 1 to 65536 can be", index.len());
        return Err(OpError::param("index", message));
    };
    let is_list = matches!(args.value("index"), Some(crate::op::Value::List(_)));
    let item_type = match is_list {
        true => ItemType::Vector(scalar, count),
        false => ItemType::Scalar(scalar),
    };
    let len = scalar.len_bytes();
    let agent = Pick {
        offsets: index.iter().map(|x| *x as usize * len).collect(),
        len,
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(item_type, input.rate).keeps_unit()))
}

fn unstack(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    if let ItemType::Timed(scalar) = input.item_type {
        return Ok(parted(args, &[("t", 0, Scalar::F64), ("x", 8, scalar)]));
    }
    let time = [("t", 0, Scalar::F64)];
    let (time, (scalar, width)) = match input.item_type.timed_values() {
        Some(values) => (&time[..], values),
        None => (&[][..], vector(args)?),
    };
    let first = 8 * time.len();
    if width > 256 {
        let message = format!(
            "`unstack` has at most 256 ports, and the input is {}",
            input.item_type
        );
        return Err(
            OpError::param("in", message).with_help("`pick` takes the elements that are wanted")
        );
    }
    let names: Vec<String> = (0..width).map(|element| element.to_string()).collect();
    let parts = names.iter().enumerate();
    let parts = parts.map(|(k, name)| (name.as_str(), first + k * scalar.len_bytes(), scalar));
    Ok(parted(
        args,
        &time.iter().copied().chain(parts).collect::<Vec<_>>(),
    ))
}

/// A port for each part of an item: its name, the byte where it begins, its type.
fn parted(args: &Args, parts: &[(&str, usize, Scalar)]) -> Blueprint {
    let input = args.input();
    let agent = Unstack {
        parts: parts
            .iter()
            .map(|(_, at, scalar)| (*at, scalar.len_bytes()))
            .collect(),
    };
    let blueprint = Blueprint::new(agent).input(InPort::new(input.item_type.clone()));
    parts
        .iter()
        .fold(blueprint, |blueprint, (name, _, scalar)| {
            blueprint
                .output(OutPort::named(*name, ItemType::Scalar(*scalar), input.rate).keeps_unit())
        })
}

fn norm(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let (scalar, width) = vector(args)?;
    if scalar.is_complex() {
        return Err(
            OpError::input_type("norm", input, "vectors of real numbers")
                .or_help("map them to real ones first, for example `map expr=\"abs(x)\"`"),
        );
    }
    let gives = match scalar {
        Scalar::F32 => Scalar::F32,
        _ => Scalar::F64,
    };
    let agent = Norm {
        ord: match args.text("ord") {
            Some("1") => Ord::One,
            Some("inf") => Ord::Infinite,
            _ => Ord::Two,
        },
        takes: scalar,
        gives,
        width,
        taken: Vec::new(),
        norms: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(ItemType::Scalar(gives), input.rate).keeps_unit()))
}

struct Pick {
    /// The byte of each element in an item.
    offsets: Vec<usize>,
    len: usize,
}

impl Agent for Pick {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = input.len().min(output.space());
        let (from, to) = (input.item_len(), output.item_len());
        let items = input.bytes().chunks_exact(from);
        let slots = output.bytes()[..n * to].chunks_exact_mut(to);
        for (item, slot) in items.zip(slots) {
            for (element, &at) in slot.chunks_exact_mut(self.len).zip(&self.offsets) {
                element.copy_from_slice(&item[at..at + self.len]);
            }
        }
        input.consume(n);
        output.produce(n);
        Ok(Status::Ready)
    }
}

struct Unstack {
    /// Where each output's number begins in an item, and how many bytes it has.
    parts: Vec<(usize, usize)>,
}

impl Agent for Unstack {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let input = &mut io.inputs[0];
        let room = io.outputs.iter().map(Output::space).min().unwrap_or(0);
        let n = input.len().min(room);
        let item_len = input.item_len();
        let items = &input.bytes()[..n * item_len];
        for (output, &(at, len)) in io.outputs.iter_mut().zip(&self.parts) {
            let slots = output.bytes()[..n * len].chunks_exact_mut(len);
            for (slot, item) in slots.zip(items.chunks_exact(item_len)) {
                slot.copy_from_slice(&item[at..at + len]);
            }
            output.produce(n);
        }
        input.consume(n);
        Ok(Status::Ready)
    }
}

#[derive(Clone, Copy)]
enum Ord {
    One,
    Two,
    Infinite,
}

struct Norm {
    ord: Ord,
    takes: Scalar,
    gives: Scalar,
    width: usize,
    taken: Vec<f64>,
    norms: Vec<f64>,
}

impl Agent for Norm {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = input.len().min(output.space());
        f64::load(
            self.takes,
            &input.bytes()[..n * input.item_len()],
            &mut self.taken,
        );
        let vectors = self.taken.chunks_exact(self.width);
        self.norms.clear();
        match self.ord {
            Ord::One => self
                .norms
                .extend(vectors.map(|v| v.iter().fold(0.0, |sum, x| sum + x.abs()))),
            Ord::Two => {
                let norms = vectors.map(|v| v.iter().fold(0.0, |sum, x| sum + x * x).sqrt());
                self.norms.extend(norms);
            }
            Ord::Infinite => self.norms.extend(vectors.map(|v| {
                let largest = |most: f64, x: &f64| {
                    if x.abs() > most || x.is_nan() {
                        x.abs()
                    } else {
                        most
                    }
                };
                v.iter().fold(0.0, largest)
            })),
        }
        let len_bytes = n * output.item_len();
        f64::store(&self.norms, self.gives, &mut output.bytes()[..len_bytes]);
        input.consume(n);
        output.produce(n);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output, outputs};

    #[test]
    fn elements_are_picked_by_number_in_the_order_asked_for() {
        let input = || [given("i16[3]", &[1_i16, 2, 3, 4, 5, 6])];
        let one = [("index", Value::from(1))];
        assert_eq!(output::<i16>("pick", &input(), &one, None), [2, 5]);
        let list = [("index", Value::from([2, 0, 2]))];
        let found: Vec<[i16; 3]> = output("pick", &input(), &list, None);
        assert_eq!(found, [[3, 1, 3], [6, 4, 6]]);
        let types = [(&one, "i16"), (&list, "i16[3]")];
        for (params, expected) in types {
            let blueprint = build("pick", &input(), params, None).unwrap();
            assert_eq!(blueprint.outputs[0].item_type.to_string(), expected);
        }
        for bad in [
            Value::from(3),
            Value::from(-1),
            Value::from(0.5),
            Value::List(vec![]),
        ] {
            let refused = build("pick", &input(), &[("index", bad)], None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("index"));
        }
    }

    #[test]
    fn each_element_has_a_stream() {
        let input = [given("f32[2]", &[1_f32, 2.0, 3.0, 4.0]).rate(5.0)];
        let found: Vec<Vec<f32>> = outputs("unstack", &input, &[]);
        assert_eq!(found, [[1.0, 3.0], [2.0, 4.0]]);
        let blueprint = build("unstack", &input, &[], None).unwrap();
        let ports = blueprint.outputs.iter().map(|port| port.name.as_str());
        assert_eq!(ports.collect::<Vec<_>>(), ["0", "1"]);
        assert_eq!(blueprint.outputs[1].rate, Some(5.0));
    }

    #[test]
    fn times_and_values_have_a_stream_each() {
        let items = [0.5f64.to_bits(), 7, 1.5f64.to_bits(), 9];
        let blueprint = build("unstack", &[given("timed<u16>", &items)], &[], None).unwrap();
        let ports = blueprint.outputs.iter();
        let ports = ports.map(|port| format!("{} {}", port.name, port.item_type));
        assert_eq!(ports.collect::<Vec<_>>(), ["t f64", "x u16"]);
        let found: Vec<Vec<f64>> = outputs("unstack", &[given("timed<f64>", &[0.5, 7.0])], &[]);
        assert_eq!(found, [[0.5], [7.0]]);
    }

    #[test]
    fn norms_are_numpy_s() {
        let cases = [("2", 13.0), ("1", 19.0), ("inf", 12.0)];
        for (ord, expected) in cases {
            let input = [given("f64[3]", &[3.0, -4.0, 12.0, f64::NAN, 0.0, 1.0])];
            let found: Vec<f64> = output("norm", &input, &[("ord", ord.into())], None);
            assert_eq!(found[0], expected, "{ord}");
            assert!(found[1].is_nan(), "{ord}");
        }
        let input = [given("i8[2]", &[-128_i8, 0])];
        assert_eq!(output::<f64>("norm", &input, &[], None), [128.0]);
    }

    #[test]
    fn what_has_no_elements_is_refused() {
        for op in ["pick", "unstack", "norm"] {
            let params: &[_] = if op == "pick" {
                &[("index", Value::from(0))]
            } else {
                &[]
            };
            let refused = build(op, &[given("f64", &[1.0])], params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("in"), "{op}");
        }
    }
}
