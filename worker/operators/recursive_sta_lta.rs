//! `sta_lta.recursive`: the trigger of seismology with averages that forget.

use crate::agent::Blueprint;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

use super::each::{self, OUTPUTS};

/// The row of the table.
pub const RECURSIVE: OpDef = OpDef {
    name: "sta_lta.recursive",
    summary: "short-time over long-time average of the squares, both forgetting",
    doc: "What `obspy.signal.trigger.recursive_sta_lta` gives: two exponentially weighted averages of the squares, of weight 1 / `sta` and 1 / `lta`, \
and their ratio. One item out for each item in; the first `lta` are 0 (ObsPy leaves them where there are no more than `lta` in all), the very first item counts for nothing (as in ObsPy), and an item whose long \
average is below 2.2e-308 is 0. f32 stays f32 (computed in f64), everything else becomes f64; vector items give a ratio per element. \
Source: Withers et al., Bulletin of the Seismological Society of America 88 (1998).",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        ParamDef {
            name: "sta",
            kind: ParamKind::Length,
            default: None,
            unit: "items",
            doc: "The short memory, not longer than the long one.",
        },
        ParamDef {
            name: "lta",
            kind: ParamKind::Length,
            default: None,
            unit: "items",
            doc: "The long memory.",
        },
    ],
    example: "noise rate=100 items=6000 ! sta_lta.recursive sta=\"0.5 s\" lta=\"10 s\" ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let sta = args.required_length("sta", 1)?;
    let lta = args.required_length("lta", 1)?;
    if sta > lta {
        let message = format!("`sta` is {sta} items, longer than `lta`, which is {lta}");
        return Err(OpError::param("sta", message));
    }
    let lta_items = lta;
    let (short, long) = (1.0 / sta as f64, 1.0 / lta as f64);
    each::blueprint(args, [0.0f64; 2], move |n, averages, x| {
        if n == 0 {
            return 0.0;
        }
        let [sta, lta] = averages;
        *sta = short * (x * x) + (1.0 - short) * *sta;
        *lta = long * (x * x) + (1.0 - long) * *lta;
        // Faded: slow denormal numbers would be all that is left.
        for average in [&mut *sta, &mut *lta] {
            if *average < f64::MIN_POSITIVE {
                *average = 0.0;
            }
        }
        match n < lta_items || *lta == 0.0 {
            true => 0.0,
            false => *sta / *lta,
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{build, given, output};

    #[test]
    fn steady_noise_is_1_and_silence_0() {
        let params = [("sta", 2.into()), ("lta", 10.into())];
        let x: Vec<f64> = (0..4000).map(|n| if n < 500 { 3.0 } else { 0.0 }).collect();
        let y: Vec<f64> = output("sta_lta.recursive", &[given("f64", &x)], &params, None);
        assert!(y[..10].iter().all(|y| *y == 0.0));
        assert!((y[499] - 1.0).abs() < 1e-12);
        assert!(y[550] < 1e-6);
        assert!(y.iter().all(|y| y.is_finite()));
    }

    #[test]
    fn a_short_memory_longer_than_the_long_one_is_refused() {
        let params = [("sta", 5.into()), ("lta", 4.into())];
        let error = build(
            "sta_lta.recursive",
            &[given::<f64>("f64", &[])],
            &params,
            None,
        );
        assert_eq!(error.unwrap_err().param.as_deref(), Some("sta"));
    }
}
