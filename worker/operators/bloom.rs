//! `bloom`: has this key been seen before, for millions of keys in a few bits each.

use super::keys::{Keys, nth_hash};
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::ItemType;

/// The row of the table.
pub const BLOOM: OpDef = OpDef {
    name: "bloom",
    summary: "Bloom filter: 1 for an item whose key has come before (perhaps), 0 for a new one (for sure)",
    doc: "Bloom (CACM 13(7), 1970), with m = -n ln(p) / ln(2)^2 bits and m / n ln(2) hashes for n = `items` keys and p = `error`: a key that came \
before always gives 1, a new one gives 1 with a probability of about `error` when `items` keys are in, and more beyond. Keys are integers of \
any type, or text. An item of two integers is a key and whether to add it: (key, 0) asks only. Memory: about 10 bits a key at \
1 %, twice; a kill loses nothing of it.",
    inputs: Arity::One,
    outputs: "u8: 1 if the item's key was (perhaps) there before it, else 0",
    params: &[
        ParamDef {
            name: "items",
            kind: ParamKind::Int,
            default: None,
            unit: "",
            doc: "How many different keys are expected.",
        },
        ParamDef {
            name: "error",
            kind: ParamKind::Float,
            default: Some("0.01"),
            unit: "",
            doc: "The share of new keys that may be taken for old ones, above 0 and below 1.",
        },
    ],
    example: "noise items=10000 ! map expr=\"floor(9 * x)\" dtype=i32 ! bloom items=100 ! print every=1000",
    deterministic: true,
    build,
};

/// The most bits: 128 MiB in two copies.
const MOST_BITS: f64 = (1u64 << 29) as f64;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let keys = Keys::of(args, Some("whether to add it"))?;
    let items = args.required_count("items", 1)? as f64;
    let error = args.float("error").unwrap_or(0.01);
    if !(error > 0.0 && error < 1.0) {
        let message = format!("`error` is {error}, and must be above 0 and below 1");
        return Err(OpError::param("error", message));
    }
    let ln2 = std::f64::consts::LN_2;
    let bits = (-items * error.ln() / (ln2 * ln2)).ceil().max(1.0);
    if bits > MOST_BITS {
        let message =
            format!("`items` is {items}: that takes {bits} bits, and at most {MOST_BITS} fit");
        return Err(OpError::param("items", message));
    }
    let agent = Bloom {
        keys,
        bits: bits as u64,
        hashes: ((bits / items * ln2).round() as usize).clamp(1, 64),
        read: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(args.input().item_type.clone()))
        .output(OutPort::new(ItemType::U8, args.input().rate))
        .state(StateSpec::slice(&vec![0u64; (bits as usize).div_ceil(64)])))
}

struct Bloom {
    keys: Keys,
    bits: u64,
    hashes: usize,
    read: Vec<(u64, i64)>,
}

impl Agent for Bloom {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = input.len().min(output.space());
        self.keys.read(input, n, &mut self.read);
        let mut words = io.state.table::<u64>();
        for &(key, add) in &self.read {
            let mut known = true;
            for nth in 0..self.hashes {
                let bit = nth_hash(key, nth, self.bits);
                let (word, mask) = ((bit / 64) as usize, 1 << (bit % 64));
                if words[word] & mask == 0 {
                    known = false;
                    if add == 0 {
                        break;
                    }
                    words[word] |= mask;
                }
            }
            output.push(u8::from(known));
        }
        input.consume(n);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{build, given, output};

    #[test]
    fn a_key_that_came_before_is_always_known_and_asking_adds_nothing() {
        // IoTPy's example: a 1, b 2, c 3, d 4, e 5; (key, 0) asks.
        let pairs: [i64; 24] = [
            1, 1, 2, 1, 1, 1, 3, 0, 4, 1, 1, 0, 3, 1, 2, 0, 1, 0, 3, 0, 5, 0, 1, 1,
        ];
        let params = [("items", 1000.into()), ("error", 0.05.into())];
        let found = output::<u8>("bloom", &[given("i64[2]", &pairs)], &params, None);
        assert_eq!(found, [0, 0, 1, 0, 0, 1, 0, 1, 1, 1, 0, 1]);
    }

    #[test]
    fn as_many_new_keys_are_mistaken_as_was_asked_for() {
        let keys: Vec<u32> = (0..10_000)
            .chain(0..10_000)
            .chain(1_000_000..1_010_000)
            .collect();
        let params = [("items", 10_000.into()), ("error", 0.02.into())];
        let found = output::<u8>("bloom", &[given("u32", &keys)], &params, None);
        assert!(
            found[10_000..20_000].iter().all(|known| *known == 1),
            "a false negative"
        );
        // The last third goes in beyond what was expected: judged by its first thousand.
        let mistaken = found[20_000..21_000]
            .iter()
            .filter(|known| **known == 1)
            .count();
        assert!((5..45).contains(&mistaken), "{mistaken} of 1000 at 2 %");
    }

    #[test]
    fn a_filter_larger_than_memory_is_refused() {
        let params = [("items", 1_000_000_000.into())];
        let refused = build("bloom", &[given("u8", &[0u8])], &params, None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("items"));
    }
}
