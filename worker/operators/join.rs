//! `join`: vectors of two streams that have the same key, side by side.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, Status};
use crate::closures::pairing;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::tags::Tags;
use crate::types::{ItemType, Scalar};

use super::numbers::refuse_frames;

/// The row of the table.
pub const JOIN: OpDef = OpDef {
    name: "join",
    summary: "joins two streams by a key",
    doc: "For each item of the first input that has a partner in the second, an item with the same key: a vector of the \
          first one's numbers and then the second one's without its key. Both inputs are numbers or vectors of one real \
          number type, and their keys ascend: one that does not ends the run with a sentence. A key may come again in the first input, each time with the same partner; of \
          equal keys in the second the first counts. With `missing = \"nan\"` an item without a partner is given too, \
          with NaN for the second one's numbers. It ends with the first input.",
    inputs: Arity::AtLeast(2),
    outputs: "one stream of vectors, of no known rate",
    params: &[
        ParamDef {
            name: "left",
            kind: ParamKind::Int,
            default: Some("0"),
            unit: "",
            doc: "Which element of the first input's items is the key.",
        },
        ParamDef {
            name: "right",
            kind: ParamKind::Int,
            default: Some("0"),
            unit: "",
            doc: "Which element of the second input's items is the key.",
        },
        ParamDef {
            name: "missing",
            kind: ParamKind::Choice(&["drop", "nan"]),
            default: Some("drop"),
            unit: "",
            doc: "What becomes of an item of the first input that has no partner.",
        },
    ],
    example: "n:counter items=1000 dtype=f64 ; m:counter items=100 step=7 dtype=f64 ; w:zip in=[m, m] ; join in=[n, w] ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    refuse_frames(args)?;
    let [a, b] = args.inputs() else {
        let found = args.inputs().len();
        let message = format!("`join` takes two inputs, and has {found}");
        return Err(
            OpError::param("in", message).with_help("join the first two, then that and the third")
        );
    };
    let real = |input: &crate::op::InputInfo| {
        let elements = input.item_type.elements();
        elements
            .filter(|(scalar, _)| !scalar.is_complex())
            .ok_or_else(|| OpError::input_type("join", input, "real numbers or vectors of them"))
    };
    let ((scalar, width), (other, more)) = (real(a)?, real(b)?);
    if scalar != other {
        let message = format!(
            "`join` takes numbers of one type, but {} is {} and {} is {}",
            a.called(),
            a.item_type,
            b.called(),
            b.item_type
        );
        return Err(OpError::param("in", message)
            .with_help("convert one of them: `map expr=\"x\"` with a `dtype`"));
    }
    let element = |name: &str, width: usize| match args.required_count(name, 0)? {
        n if n < width as u64 => Ok(n as usize),
        n => {
            let message = format!("`{name}` is {n}, and the elements are 0 to {}", width - 1);
            Err(OpError::param(name, message))
        }
    };
    let keeps = args.text("missing") == Some("nan");
    if keeps && !scalar.is_float() {
        let message = format!("`missing` is nan, and {scalar} has none");
        return Err(OpError::param("missing", message));
    }
    let len = scalar.len_bytes();
    let agent = Join {
        scalar,
        left: element("left", width)? * len,
        right: element("right", more)? * len,
        names: [a.name.clone(), b.name.clone()],
        missing: keeps.then(|| nans(scalar, more - 1)),
    };
    let item_type = ItemType::Vector(scalar, (width + more - 1) as u32);
    Ok(Blueprint::new(agent)
        .input(InPort::new(a.item_type.clone()).retain(1))
        .input(InPort::new(b.item_type.clone()).retain(1))
        .output(OutPort::new(item_type, None))
        .tags(Tags::Dropped))
}

fn nans(scalar: Scalar, count: usize) -> Vec<u8> {
    match scalar {
        Scalar::F32 => f32::NAN.to_ne_bytes().repeat(count),
        _ => f64::NAN.to_ne_bytes().repeat(count),
    }
}

struct Join {
    scalar: Scalar,
    /// The byte of the key in an item of the first input.
    left: usize,
    /// The byte of the key in an item of the second input.
    right: usize,
    /// The inputs' names.
    names: [String; 2],
    /// What stands for the second item where there is none; without it nothing is given.
    missing: Option<Vec<u8>>,
}

impl Agent for Join {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let [left, right] = &mut io.inputs[..] else {
            unreachable!("the blueprint has two inputs")
        };
        let output = &mut io.outputs[0];
        let (len, key) = (output.item_len(), self.scalar.len_bytes());
        loop {
            self.check_order(left, 0)?;
            self.check_order(right, 1)?;
            if left.is_exhausted() {
                return Ok(Status::Done);
            }
            if left.is_empty() || output.is_full() || (right.is_empty() && !right.is_ended()) {
                return Ok(Status::Ready);
            }
            let partner = match right.is_empty() {
                true => std::cmp::Ordering::Less,
                false => self.compare(left, right),
            };
            if partner.is_gt() {
                right.consume(1);
                continue;
            }
            let a = &left.bytes()[..left.item_len()];
            let slot = &mut output.bytes()[..len];
            let (first, rest) = slot.split_at_mut(a.len());
            first.copy_from_slice(a);
            if partner.is_eq() {
                let b = &right.bytes()[..right.item_len()];
                let (before, after) = rest.split_at_mut(self.right);
                before.copy_from_slice(&b[..self.right]);
                after.copy_from_slice(&b[self.right + key..]);
                output.produce(1);
            } else if let Some(nans) = &self.missing {
                rest.copy_from_slice(nans);
                output.produce(1);
            }
            left.consume(1);
        }
    }
}

impl Join {
    /// The next item's key is not below the one before: else partners would be passed over unseen.
    fn check_order(&self, input: &Input, which: usize) -> Result<(), AgentError> {
        let (bytes, past) = input.past_elements::<u8>();
        let len = input.item_len();
        if past == 0 || input.is_empty() {
            return Ok(());
        }
        let at = [self.left, self.right][which];
        let (before, next) = (&bytes[past - len + at..], &bytes[past + at..]);
        // A NaN has no place in any order, and no partner.
        let is_number = |key: &[u8]| self.order(key, key).is_eq();
        if !self.order(next, before).is_lt() || !is_number(next) || !is_number(before) {
            return Ok(());
        }
        Err(AgentError::new(format!(
            "the keys of `{}` must ascend, and item {} has {} after {}; sort them, or join by what ascends",
            self.names[which],
            input.position(),
            self.spelled(next),
            self.spelled(before),
        )))
    }

    fn compare(&self, left: &Input, right: &Input) -> std::cmp::Ordering {
        self.order(&left.bytes()[self.left..], &right.bytes()[self.right..])
    }

    fn spelled(&self, key: &[u8]) -> String {
        macro_rules! spelled {
            ($($case:ident => $number:ty),*) => {
                match self.scalar {
                    $(Scalar::$case => {
                        let key = &key[..size_of::<$number>()];
                        bytemuck::pod_read_unaligned::<$number>(key).to_string()
                    })*
                    other => unreachable!("{other} is refused where the agent is built"),
                }
            };
        }
        spelled! {
            U8 => u8, I8 => i8, U16 => u16, I16 => i16, U32 => u32, I32 => i32,
            U64 => u64, I64 => i64, F32 => f32, F64 => f64
        }
    }

    fn order(&self, a: &[u8], b: &[u8]) -> std::cmp::Ordering {
        macro_rules! compare {
            ($($case:ident => $number:ty),*) => {
                match self.scalar {
                    $(Scalar::$case => {
                        let read = |bytes: &[u8]| -> $number {
                            bytemuck::pod_read_unaligned(&bytes[..size_of::<$number>()])
                        };
                        pairing(&read(a), &read(b))
                    })*
                    other => unreachable!("{other} is refused where the agent is built"),
                }
            };
        }
        compare! {
            U8 => u8, I8 => i8, U16 => u16, I16 => i16, U32 => u32, I32 => i32,
            U64 => u64, I64 => i64, F32 => f32, F64 => f64
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};
    use crate::testing::{Chunks, run};

    #[test]
    fn items_with_the_same_key_stand_side_by_side() {
        let inputs = || {
            [
                given("f64[2]", &[10.0, 1.0, 20.0, 2.0, 30.0, 2.0, 40.0, 4.0]),
                given("f64[3]", &[0.5, 2.0, 0.7, 0.6, 3.0, 0.8]),
            ]
        };
        let keys = [("left", Value::from(1)), ("right", Value::from(1))];
        let found: Vec<[f64; 4]> = output("join", &inputs(), &keys, None);
        assert_eq!(found, [[20.0, 2.0, 0.5, 0.7], [30.0, 2.0, 0.5, 0.7]]);
        let all = [keys[0].clone(), keys[1].clone(), ("missing", "nan".into())];
        let found: Vec<[f64; 4]> = output("join", &inputs(), &all, None);
        assert_eq!(found.len(), 4);
        assert_eq!(found[3][..2], [40.0, 4.0]);
        assert!(found[3][2].is_nan() && found[0][3].is_nan());
    }

    #[test]
    fn numbers_are_their_own_keys() {
        let inputs = [given("u8", &[1_u8, 3, 5, 7]), given("u8", &[3_u8, 4, 7])];
        assert_eq!(output::<u8>("join", &inputs, &[], None), [3, 7]);
    }

    #[test]
    fn a_key_that_does_not_ascend_is_named() {
        let end = |left: &[f64], right: &[f64]| {
            let blueprint = build(
                "join",
                &[given("f64", left), given("f64", right)],
                &[],
                None,
            );
            let inputs = [left, right].map(|items| bytemuck::cast_slice(items).to_vec());
            let ended = run(blueprint.unwrap(), &inputs, Chunks::Single, 9);
            ended.map_err(|e| e.to_string())
        };
        let refused = end(&[1.0, 3.0, 2.5], &[1.0, 2.0, 9.0]).unwrap_err();
        assert!(refused.contains("item 2 has 2.5 after 3"), "{refused}");
        let refused = end(&[1.0, 8.0], &[4.0, 2.0, 9.0]).unwrap_err();
        assert!(refused.contains("item 1 has 2 after 4"), "{refused}");
        assert!(end(&[1.0, f64::NAN, 0.5, 0.5], &[0.5, 0.5]).is_ok());
    }

    #[test]
    fn what_cannot_be_joined_is_refused() {
        let of = |a: &str, b: &str, params: &[(&str, Value)]| {
            let inputs = [given::<u8>(a, &[]), given::<u8>(b, &[])];
            build("join", &inputs, params, None)
                .unwrap_err()
                .param
                .unwrap()
        };
        assert_eq!(of("f64", "f32", &[]), "in");
        assert_eq!(of("cf64", "cf64", &[]), "in");
        assert_eq!(of("f64[2]", "f64", &[("left", 2.into())]), "left");
        assert_eq!(of("f64[2]", "f64", &[("right", 1.into())]), "right");
        assert_eq!(of("i32", "i32", &[("missing", "nan".into())]), "missing");
    }
}
