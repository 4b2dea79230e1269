//! `hyperloglog`: how many different keys there have been.

use bytemuck::{Pod, Zeroable};

use super::keys::Keys;
use super::pace::{EVERY, Pace};
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::ItemType;

/// The row of the table.
pub const HYPERLOGLOG: OpDef = OpDef {
    name: "hyperloglog",
    summary: "HyperLogLog: about how many different keys have come so far",
    doc: "Flajolet, Fusy, Gandouet and Meunier (AofA 2007), with a hash of 64 bits and the estimator of Ertl (arXiv:1702.01284, 2017), which \
has no bias at small and middle numbers. Standard error 1.04 / sqrt(2^precision): 0.8 % at the default of 14, with 16 KiB. Keys are integers of any \
type, or text. A kill loses nothing of it.",
    inputs: Arity::One,
    outputs: "f64: the estimated number of different keys",
    params: &[
        ParamDef {
            name: "precision",
            kind: ParamKind::Int,
            default: Some("14"),
            unit: "bits",
            doc: "The registers are 2 to the power of this, 4 to 18.",
        },
        EVERY,
    ],
    example: "counter items=10000 ! hyperloglog every=1000 ! print",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let keys = Keys::of(args, None)?;
    let precision = args.required_count("precision", 4)?;
    if precision > 18 {
        let message = format!("`precision` is {precision}, and must be 4 to 18");
        return Err(OpError::param("precision", message));
    }
    let registers = 1usize << precision;
    let mut ranks = Ranks::zeroed();
    ranks.having[0] = registers as u64;
    let pace = Pace::of(args)?;
    let agent = HyperLogLog {
        keys,
        pace,
        precision: precision as u32,
        read: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(args.input().item_type.clone()))
        .output(pace.port(args, ItemType::F64))
        .state(StateSpec::head_and_table(ranks, &vec![0u8; registers])))
}

/// How many registers have each rank: the estimate needs no more.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Ranks {
    having: [u64; 64],
}

impl Ranks {
    /// Ertl's improved raw estimator, of registers for `64 - precision` bits.
    fn estimate(&self, precision: u32) -> f64 {
        let registers = (1u64 << precision) as f64;
        let last = (64 - precision) as usize;
        let share = |rank: usize| self.having[rank] as f64 / registers;
        let mut sum = registers * tau(1.0 - share(last + 1));
        for rank in (1..=last).rev() {
            sum = 0.5 * (sum + self.having[rank] as f64);
        }
        sum += registers * sigma(share(0));
        registers * registers / (2.0 * std::f64::consts::LN_2 * sum)
    }
}

/// x + x^2 + 2 x^4 + 4 x^8 .., of the share of empty registers.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut sum, mut factor) = (x, 1.0);
    loop {
        x *= x;
        let before = sum;
        sum += x * factor;
        factor += factor;
        if sum == before {
            return sum;
        }
    }
}

/// The same for the registers that are full.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut sum, mut factor) = (1.0 - x, 1.0);
    loop {
        x = x.sqrt();
        let before = sum;
        factor *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * factor;
        if sum == before {
            return sum / 3.0;
        }
    }
}

struct HyperLogLog {
    keys: Keys,
    pace: Pace,
    precision: u32,
    read: Vec<(u64, i64)>,
}

impl Agent for HyperLogLog {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = self.pace.takes(input, output);
        self.keys.read(input, n, &mut self.read);
        let (ranks, mut registers) = io.state.head_and_table::<Ranks, u8>();
        let precision = self.precision;
        let read = &self.read;
        // Most keys change no register, and so no estimate.
        let mut estimate = None;
        self.pace.visit(input.position(), n, |i, tells| {
            let key = read[i].0;
            let register = (key >> (64 - precision)) as usize;
            // The rest of the bits, and a one behind them: a rank is at most 64 - precision + 1.
            let rest = (key << precision) | (1 << (precision - 1));
            let rank = rest.leading_zeros() as u8 + 1;
            let known = registers[register];
            if rank > known {
                registers[register] = rank;
                ranks.having[known as usize] -= 1;
                ranks.having[rank as usize] += 1;
                estimate = None;
            }
            if tells {
                output.push(*estimate.get_or_insert_with(|| ranks.estimate(precision)));
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
    fn estimates_are_within_four_standard_errors_and_repetition_changes_nothing() {
        let keys: Vec<u64> = (0..200_000).map(|n| n % 100_000).collect();
        for precision in [8, 14] {
            let params = [("precision", precision.into()), ("every", 1000.into())];
            let found = output::<f64>("hyperloglog", &[given("u64", &keys)], &params, None);
            let most = 4.0 * 1.04 / f64::from(1 << precision).sqrt();
            for (nth, found) in found.iter().enumerate() {
                let truth = (1000.0 * (nth + 1) as f64).min(100_000.0);
                assert!(
                    (found / truth - 1.0).abs() < most,
                    "{precision}: {found} of {truth}"
                );
            }
            assert_eq!(found[99], found[199]);
        }
    }

    #[test]
    fn the_first_keys_are_nearly_exact() {
        let found = output::<f64>("hyperloglog", &[given("i8", &[5i8, -5, 5, 7])], &[], None);
        let rounded: Vec<f64> = found.iter().map(|x| x.round()).collect();
        assert_eq!(rounded, [1.0, 2.0, 2.0, 3.0]);
        let refused = build(
            "hyperloglog",
            &[given("u8", &[0u8])],
            &[("precision", 19.into())],
            None,
        );
        assert_eq!(refused.unwrap_err().param.as_deref(), Some("precision"));
    }
}
