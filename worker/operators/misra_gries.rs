//! `misra_gries`: the keys that come most often, with few counters.

use super::kept_texts::BYTES;
use super::keys::{TO_INTEGERS, integers};
use super::misra_gries_texts;
use super::pace::{EVERY, Pace};
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

/// The row of the table.
pub const MISRA_GRIES: OpDef = OpDef {
    name: "misra_gries",
    summary: "heavy hitters: every key that is more than 1/(k+1) of all items is among its k candidates",
    doc: "Misra and Gries (Science of Computer Programming 2, 1982): a key that has a counter is counted, a new one takes a free counter, and \
where there is none all counters go down by one. A counter is at most the key's true count, and at least that less n / (k + 1) after n \
items. Keys are integers of any type, u64 by their bits, or texts: those give a line of JSON, `[[\"get\",12],[\"put\",3]]`, which \
`json.field path=\"[0][0]\"` reads. An answer for any key has `count_min`.",
    inputs: Arity::One,
    outputs: "i64[2 k]: key and counter of each candidate, largest counter first (of equals the smaller key), then zeros; of texts a line of JSON with them",
    params: &[
        ParamDef {
            name: "k",
            kind: ParamKind::Int,
            default: None,
            unit: "",
            doc: "How many counters, at most 1024.",
        },
        EVERY,
        BYTES,
    ],
    example: "noise items=10000 ! map expr=\"floor(x)\" dtype=i64 ! misra_gries k=3 every=1000 ! print",
    deterministic: true,
    build,
};

/// The most counters.
const MOST: u64 = 1024;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let k = args.required_count("k", 1)?;
    if k > MOST {
        return Err(OpError::param(
            "k",
            format!("`k` is {k}, and at most {MOST} counters fit"),
        ));
    }
    let scalar = match input.item_type {
        ItemType::Scalar(scalar) if scalar.is_integer() => scalar,
        ItemType::Text => return misra_gries_texts::build(args, k),
        _ => {
            let wanted = "integers or texts";
            return Err(OpError::input_type("misra_gries", input, wanted).with_help(TO_INTEGERS));
        }
    };
    let pace = Pace::of(args)?;
    Ok(Blueprint::new(MisraGries { pace, scalar })
        .input(InPort::new(input.item_type.clone()))
        .output(pace.port(args, ItemType::Vector(Scalar::I64, 2 * k as u32)))
        .state(StateSpec::slice(&vec![[0i64; 2]; k as usize])))
}

/// State: key and counter of each candidate; a free counter is 0.
struct MisraGries {
    pace: Pace,
    scalar: Scalar,
}

fn count(candidates: &mut [[i64; 2]], key: i64) {
    let mut free = None;
    for (at, candidate) in candidates.iter_mut().enumerate() {
        if candidate[1] == 0 {
            free = free.or(Some(at));
        } else if candidate[0] == key {
            candidate[1] += 1;
            return;
        }
    }
    match free {
        Some(at) => candidates[at] = [key, 1],
        None => candidates
            .iter_mut()
            .for_each(|candidate| candidate[1] -= 1),
    }
}

fn tell(candidates: &[[i64; 2]], room: &mut [[i64; 2]]) {
    room.copy_from_slice(candidates);
    for pair in room.iter_mut().filter(|pair| pair[1] == 0) {
        *pair = [0, 0];
    }
    room.sort_unstable_by_key(|[key, counter]| (std::cmp::Reverse(*counter), *key));
}

impl Agent for MisraGries {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = self.pace.takes(input, output);
        let candidates = io.state.slice::<[i64; 2]>();
        let keys = integers(self.scalar, &input.bytes()[..n * input.item_len()]);
        self.pace.visit(input.position(), n, |i, tells| {
            count(candidates, keys[i]);
            if tells {
                let room = bytemuck::cast_slice_mut(output.bytes());
                tell(candidates, &mut room[..candidates.len()]);
                output.produce(1);
            }
        });
        input.consume(n);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{build, given, output};

    #[test]
    fn candidates_after_each_item_are_those_of_the_paper() {
        // IoTPy's example (N = 3 there is k + 1), after each item.
        let x = given("i64", &[3i64, 2, 1, 3, 3, 3, 2, 2, 4, 4, 4, 4, 4, 4]);
        let found = output::<[i64; 4]>("misra_gries", &[x], &[("k", 2.into())], None);
        let expected = [
            [3, 1, 0, 0],
            [2, 1, 3, 1],
            [0, 0, 0, 0],
            [3, 1, 0, 0],
            [3, 2, 0, 0],
            [3, 3, 0, 0],
            [3, 3, 2, 1],
            [3, 3, 2, 2],
            [3, 2, 2, 1],
            [3, 1, 0, 0],
            [3, 1, 4, 1],
            [4, 2, 3, 1],
            [4, 3, 3, 1],
            [4, 4, 3, 1],
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn counters_keep_their_bounds() {
        let keys: Vec<u8> = (0..5000u32).map(|n| (n * n % 251 % 23) as u8).collect();
        let params = [("k", 5.into()), ("every", 5000.into())];
        let found = output::<[i64; 10]>("misra_gries", &[given("u8", &keys)], &params, None)[0];
        for pair in found.chunks_exact(2).filter(|pair| pair[1] > 0) {
            let truth = keys
                .iter()
                .filter(|key| i64::from(**key) == pair[0])
                .count() as i64;
            assert!(
                pair[1] <= truth && pair[1] >= truth - 5000 / 6,
                "{pair:?} of {truth}"
            );
        }
        let refused = build(
            "misra_gries",
            &[given("u8", &keys)],
            &[("k", 2000.into())],
            None,
        );
        assert_eq!(refused.unwrap_err().param.as_deref(), Some("k"));
    }
}
