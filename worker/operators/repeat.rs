//! `repeat` and `keep_m_in_n`: items again, and stretches of items.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

use super::numbers::refuse_frames;

/// The row of `repeat`.
pub const REPEAT: OpDef = OpDef {
    name: "repeat",
    summary: "each item several times",
    doc: "Item n of the output is item n // `times` of the input: NumPy's `repeat`, GNU Radio's `repeat`. The rate becomes rate times `times`. It does not \
filter: `resample` gives values between.",
    inputs: Arity::One,
    outputs: "one stream of the input's type",
    params: &[ParamDef {
        name: "times",
        kind: ParamKind::Int,
        default: None,
        unit: "items",
        doc: "How often each item is given; at least 1.",
    }],
    example: "counter items=100 ! repeat times=3 ! null",
    deterministic: true,
    build: repeat,
};

/// The row of `keep_m_in_n`.
pub const KEEP_M_IN_N: OpDef = OpDef {
    name: "keep_m_in_n",
    summary: "keeps `m` items in a row of every `n`",
    doc: "Keeps the items whose position is offset, offset + 1 .. offset + m - 1 beyond a multiple of `n`: a slot of a frame of fixed length. GNU Radio's \
`keep_m_in_n`; with m = 1 it is `decimate`. The rate becomes rate m / n.",
    inputs: Arity::One,
    outputs: "one stream of the input's type",
    params: &[
        ParamDef {
            name: "m",
            kind: ParamKind::Int,
            default: None,
            unit: "items",
            doc: "How many are kept; at least 1.",
        },
        ParamDef {
            name: "n",
            kind: ParamKind::Int,
            default: None,
            unit: "items",
            doc: "Of how many; at least m.",
        },
        ParamDef {
            name: "offset",
            kind: ParamKind::Int,
            default: Some("0"),
            unit: "items",
            doc: "Where the kept ones begin; at most n - m.",
        },
    ],
    example: "counter items=1000 ! keep_m_in_n m=20 n=100 offset=5 ! null",
    deterministic: true,
    build: keep,
};

fn repeat(args: &Args) -> Result<Blueprint, OpError> {
    refuse_frames(args)?;
    let input = args.input();
    let times = args.required_count("times", 1)?;
    let rate = input.rate.map(|rate| rate * times as f64);
    Ok(Blueprint::new(Repeat { times })
        .weight(1)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(input.item_type.clone(), rate).keeps_unit()))
}

/// Which item is the next and how often it was given, the output's position tells.
struct Repeat {
    times: u64,
}

impl Agent for Repeat {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let len = input.item_len();
        let mut more = false;
        while !input.is_empty() {
            let end = (input.position() + 1).saturating_mul(self.times);
            let left = end - output.position();
            let count = usize::try_from(left).map_or(output.space(), |n| n.min(output.space()));
            let item = &input.bytes()[..len];
            for room in output.bytes()[..count * len].chunks_exact_mut(len) {
                room.copy_from_slice(item);
            }
            output.produce(count);
            if (count as u64) < left {
                more = true;
                break;
            }
            input.consume(1);
        }
        Ok(match more {
            true => Status::More,
            false => Status::Ready,
        })
    }
}

fn keep(args: &Args) -> Result<Blueprint, OpError> {
    refuse_frames(args)?;
    let input = args.input();
    let (m, n) = (args.required_count("m", 1)?, args.required_count("n", 1)?);
    if m > n {
        let message = format!("`m` is {m}, and must be at most `n`, which is {n}");
        return Err(OpError::param("m", message));
    }
    let offset = args.required_count("offset", 0)?;
    if offset > n - m {
        let message = format!(
            "`offset` is {offset}, and must be at most n - m, which is {}",
            n - m
        );
        return Err(OpError::param("offset", message));
    }
    let rate = input.rate.map(|rate| rate * m as f64 / n as f64);
    Ok(Blueprint::new(Keep { m, n, offset })
        .weight(1)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(input.item_type.clone(), rate).keeps_unit()))
}

struct Keep {
    m: u64,
    n: u64,
    offset: u64,
}

impl Keep {
    /// From this position on: how many items are left out, and how many are kept behind them.
    fn next(&self, position: u64) -> (u64, u64) {
        let at = position % self.n;
        match at.checked_sub(self.offset) {
            None => (self.offset - at, self.m),
            Some(within) if within < self.m => (0, self.m - within),
            Some(_) => (self.n - at + self.offset, self.m),
        }
    }
}

impl Agent for Keep {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let len = input.item_len();
        let within = |n: u64, most: usize| usize::try_from(n).map_or(most, |n| n.min(most));
        while !input.is_empty() {
            let (left_out, kept) = self.next(input.position());
            input.consume(within(left_out, input.len()));
            let kept = within(kept, input.len().min(output.space()));
            output.bytes()[..kept * len].copy_from_slice(&input.bytes()[..kept * len]);
            input.consume(kept);
            output.produce(kept);
            if kept == 0 {
                break;
            }
        }
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn each_item_comes_so_often() {
        let items: Vec<i16> = (0..40).collect();
        for times in [1, 3, 50] {
            let found: Vec<i16> = output(
                "repeat",
                &[given("i16", &items)],
                &[("times", times.into())],
                None,
            );
            let expected = items
                .iter()
                .flat_map(|x| std::iter::repeat_n(*x, times as usize));
            assert!(found.into_iter().eq(expected), "{times}");
        }
        let vectors: Vec<f32> = output(
            "repeat",
            &[given("f32[2]", &[1f32, 2.0])],
            &[("times", 2.into())],
            None,
        );
        assert_eq!(vectors, [1.0, 2.0, 1.0, 2.0]);
    }

    #[test]
    fn a_slot_of_each_frame_is_kept() {
        let items: Vec<u32> = (0..230).collect();
        for (m, n, offset) in [(1, 10, 3), (4, 7, 2), (7, 7, 0), (3, 100, 97)] {
            let params = [
                ("m", Value::from(m)),
                ("n", n.into()),
                ("offset", offset.into()),
            ];
            let found: Vec<u32> = output("keep_m_in_n", &[given("u32", &items)], &params, None);
            let is_kept = |x: &u32| (offset..offset + m).contains(&(i64::from(*x) % n));
            let expected = items.iter().copied().filter(is_kept);
            assert!(found.into_iter().eq(expected), "{m} of {n} from {offset}");
        }
        let rate = build(
            "keep_m_in_n",
            &[given::<u8>("f32", &[]).rate(1000.0)],
            &[("m", 20.into()), ("n", 100.into())],
            None,
        );
        assert_eq!(rate.unwrap().outputs[0].rate, Some(200.0));
    }

    #[test]
    fn what_keeps_or_repeats_nothing_is_refused() {
        let refused = |op, params: &[(&str, Value)]| {
            let refused = build(op, &[given::<u8>("f32", &[])], params, None).unwrap_err();
            refused.param.unwrap_or_default()
        };
        assert_eq!(refused("repeat", &[("times", 0.into())]), "times");
        let keep = |m: i64, n: i64, offset: i64| {
            refused(
                "keep_m_in_n",
                &[("m", m.into()), ("n", n.into()), ("offset", offset.into())],
            )
        };
        assert_eq!(
            [keep(0, 5, 0), keep(6, 5, 0), keep(3, 5, 3)],
            ["m", "m", "offset"]
        );
    }
}
