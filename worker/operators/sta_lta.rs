//! `sta_lta`: the mean power of a short window over that of a long one, the classic trigger of seismology.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::sliding::{Folder, Squares, Windows, scan};
use crate::types::Scalar;
use crate::wide::View;

use super::stretches::Stretches;

/// The row of the table.
pub const STA_LTA: OpDef = OpDef {
    name: "sta_lta",
    summary: "short-time over long-time average of the squares",
    doc: "The mean of the squares of the last `sta` items over that of the last `lta` items: what \
`obspy.signal.trigger.classic_sta_lta` gives. One item out for each item in; the first `lta - 1` are 0, and so is an item \
whose long window is silent (a mean of squares below 2.2e-308; ObsPy's C code gives NaN there). f32 stays f32 (computed in f64), everything else \
becomes f64; vector items give a ratio per element. The sums never drift: nothing is subtracted from them. \
Source: Withers et al., Bulletin of the Seismological Society of America 88 (1998).",
    inputs: Arity::One,
    outputs: "one stream of f64 (f32 for f32) of the input's shape",
    params: &[
        ParamDef {
            name: "sta",
            kind: ParamKind::Length,
            default: None,
            unit: "items",
            doc: "The short window, not longer than the long one.",
        },
        ParamDef {
            name: "lta",
            kind: ParamKind::Length,
            default: None,
            unit: "items",
            doc: "The long window.",
        },
    ],
    example: "noise rate=100 items=6000 ! sta_lta sta=\"0.5 s\" lta=\"10 s\" ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let Some((scalar, width)) = input.item_type.elements().filter(|(s, _)| !s.is_complex()) else {
        let wanted = "real numbers or vectors of them";
        return Err(OpError::input_type("sta_lta", input, wanted));
    };
    let sta = args.required_length("sta", 1)?;
    let lta = args.required_length("lta", 1)?;
    if sta > lta {
        return Err(OpError::param(
            "sta",
            format!("`sta` is {sta} items, longer than `lta`, which is {lta}"),
        ));
    }
    let gives = match scalar {
        Scalar::F32 => Scalar::F32,
        _ => Scalar::F64,
    };
    let agent = StaLta {
        sta,
        lta,
        width,
        takes: scalar,
        gives,
        short: scan::folder::<Squares>(each(sta), width),
        long: scan::folder::<Squares>(each(lta), width),
        stretches: Stretches::default(),
        sums: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()).retain(lta as usize - 1))
        .output(OutPort::new(input.item_type.with_scalar(gives), input.rate)))
}

fn each(size: u64) -> Windows {
    Windows { size, step: 1 }
}

/// Where it is follows from the input's position; its fields are caches and scratch.
struct StaLta {
    sta: u64,
    lta: u64,
    width: usize,
    takes: Scalar,
    gives: Scalar,
    short: Box<dyn Folder<f64>>,
    long: Box<dyn Folder<f64>>,
    stretches: Stretches,
    sums: Vec<f64>,
}

impl StaLta {
    /// Makes `ratios` of the items `from .. to`.
    fn fill(&mut self, view: &mut View<'_, f64>, from: u64, to: u64, ratios: &mut Vec<f64>) {
        let width = self.width;
        let ended = |size: u64| (each(size).ended(to) - each(size).ended(from)) as usize * width;
        let (short, long) = (ended(self.sta), ended(self.lta));
        ratios.clear();
        ratios.resize((to - from) as usize * width, 0.0);
        let silent = ratios.len() - long;
        self.sums.resize(short.max(long), 0.0);
        self.short.run(view, from, to, &mut self.sums[..short]);
        let full = &mut ratios[silent..];
        full.copy_from_slice(&self.sums[short - long..short]);
        self.long.run(view, from, to, &mut self.sums[..long]);
        let (sta, lta) = (self.sta as f64, self.lta as f64);
        for (ratio, &power) in full.iter_mut().zip(&self.sums) {
            let (short, long) = (*ratio / sta, power / lta);
            *ratio = if long < f64::MIN_POSITIVE {
                0.0
            } else {
                short / long
            };
        }
    }
}

impl Agent for StaLta {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let mut stretches = std::mem::take(&mut self.stretches);
        let types = (self.takes, self.gives);
        stretches.run(input, output, types, |view, from, to, ratios| {
            self.fill(view, from, to, ratios);
        });
        self.stretches = stretches;
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn lengths(sta: i64, lta: i64) -> [(&'static str, Value); 2] {
        [("sta", sta.into()), ("lta", lta.into())]
    }

    #[test]
    fn it_is_0_until_the_long_window_is_full_and_then_the_ratio_of_the_means() {
        let x = given("f64", &[1.0, 1.0, 1.0, 3.0, 0.0]);
        let y: Vec<f64> = output("sta_lta", &[x], &lengths(1, 3), None);
        assert_eq!(y, [0.0, 0.0, 1.0, 9.0 / (11.0 / 3.0), 0.0]);
    }

    #[test]
    fn silence_is_0() {
        let x = given("i32", &[0i32, 0, 0, 5, 0, 0, 0]);
        let y: Vec<f64> = output("sta_lta", &[x], &lengths(2, 3), None);
        assert_eq!(y, [0.0, 0.0, 0.0, 1.5, 1.5, 0.0, 0.0]);
    }

    #[test]
    fn a_short_window_longer_than_the_long_one_is_refused() {
        let x = given::<f64>("f64", &[]);
        let error = build("sta_lta", &[x], &lengths(5, 4), None).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("sta"));
        let x = given::<u64>("cf32", &[]);
        let error = build("sta_lta", &[x], &lengths(1, 4), None).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("in"));
    }
}
