//! `count_min`: how often a key has been seen, for any number of keys, in a table of fixed size.

use super::keys::{Keys, nth_hash};
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

/// The row of the table.
pub const COUNT_MIN: OpDef = OpDef {
    name: "count_min",
    summary: "count-min sketch: about how often each item's key has come so far",
    doc: "Cormode and Muthukrishnan (J. Algorithms 55, 2005): `depth` rows of `width` counters; a key adds to one counter of each row, and its \
count is the least of them. Never below the truth; above it by more than e n / width, n the sum of all that was added, with a \
probability of at most exp(-depth). Keys are integers of any type, or text. An item of two integers is a key and what to add: (key, 0) asks \
without counting. Memory: 8 bytes times width times depth, twice; a kill loses nothing of it.",
    inputs: Arity::One,
    outputs: "u64: the estimated count of the item's key, itself included",
    params: &[
        ParamDef {
            name: "width",
            kind: ParamKind::Int,
            default: Some("4096"),
            unit: "",
            doc: "Counters in a row.",
        },
        ParamDef {
            name: "depth",
            kind: ParamKind::Int,
            default: Some("5"),
            unit: "",
            doc: "Rows, at most 64.",
        },
    ],
    example: "noise items=10000 ! map expr=\"floor(9 * x)\" dtype=i32 ! count_min ! print every=1000",
    deterministic: true,
    build,
};

/// The most counters: 256 MiB in two copies.
const MOST: u64 = 1 << 24;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let keys = Keys::of(args, Some("what to add"))?;
    let width = args.required_count("width", 1)?;
    let depth = args.required_count("depth", 1)?;
    if depth > 64 {
        return Err(OpError::param(
            "depth",
            format!("`depth` is {depth}, and must be at most 64"),
        ));
    }
    if width > MOST / depth {
        let message = format!("`width` is {width}, and at most {MOST} counters fit in all rows");
        return Err(OpError::param("width", message));
    }
    let agent = CountMin {
        keys,
        width,
        depth: depth as usize,
        read: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(args.input().item_type.clone()))
        .output(OutPort::new(
            ItemType::Scalar(Scalar::U64),
            args.input().rate,
        ))
        .state(StateSpec::slice(&vec![0u64; (width * depth) as usize])))
}

struct CountMin {
    keys: Keys,
    width: u64,
    depth: usize,
    read: Vec<(u64, i64)>,
}

impl Agent for CountMin {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = input.len().min(output.space());
        let at = input.position();
        self.keys.read(input, n, &mut self.read);
        let mut counters = io.state.table::<u64>();
        for (i, &(key, add)) in self.read.iter().enumerate() {
            let add = u64::try_from(add).map_err(|_| {
                AgentError::new(format!(
                    "item {} adds {add}: a count does not go down",
                    at + i as u64
                ))
            })?;
            let mut least = u64::MAX;
            for row in 0..self.depth {
                let slot = row * self.width as usize + nth_hash(key, row, self.width) as usize;
                let count = counters[slot].saturating_add(add);
                if add > 0 {
                    counters[slot] = count;
                }
                least = least.min(count);
            }
            output.push(least);
        }
        input.consume(n);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{build, given, output, try_output};

    #[test]
    fn few_keys_are_counted_exactly_and_asked_without_counting() {
        // IoTPy's example: a 1, b 2, c 3, d 4, e 5; (key, 0) asks.
        let pairs: [i64; 26] = [
            1, 1, 2, 1, 1, 1, 3, 0, 4, 1, 1, 0, 3, 1, 2, 0, 1, 0, 3, 0, 5, 0, 1, 1, 1, 0,
        ];
        let params = [("width", 1000.into()), ("depth", 20.into())];
        let found = output::<u64>("count_min", &[given("i64[2]", &pairs)], &params, None);
        assert_eq!(found, [1, 1, 2, 0, 1, 2, 1, 1, 2, 1, 0, 3, 3]);
    }

    #[test]
    fn counts_are_never_below_the_truth_and_seldom_far_above() {
        let keys: Vec<u32> = (0..20_000u32)
            .map(|n| n.wrapping_mul(2_654_435_761) >> 20)
            .collect();
        let params = [("width", 512.into()), ("depth", 4.into())];
        let found = output::<u64>("count_min", &[given("u32", &keys)], &params, None);
        let mut truth = std::collections::HashMap::new();
        let mut far = 0;
        for (nth, (key, count)) in keys.iter().zip(found).enumerate() {
            let exact = truth.entry(key).or_insert(0u64);
            *exact += 1;
            assert!(count >= *exact, "item {nth}");
            far += u64::from((count - *exact) as f64 > std::f64::consts::E * nth as f64 / 512.0);
        }
        assert!((far as f64) < 20_000.0 * (-4.0f64).exp(), "{far}");
    }

    #[test]
    fn a_count_does_not_go_down() {
        let refused = try_output::<u64>("count_min", &[given("i32[2]", &[1, 1, 1, -1])], &[], None);
        assert!(refused.unwrap_err().message.contains("item 1 adds -1"));
        let refused = build("count_min", &[given("f64", &[1.0])], &[], None).unwrap_err();
        assert!(refused.help.unwrap().contains("map"));
    }
}
