//! `iir.comb`: takes a frequency and all its multiples out, or leaves them.
//!
//! A filter of order N = rate / w0 of which only the first and the last coefficient are not 0. Its state is N
//! numbers per element, read and written in turn: where, the position says.

use std::f64::consts::PI;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::wide::{View, Wide};

use super::kernel::Numbers;
use super::{OUTPUTS, RATE, frequency, positive, rate};

/// The row of the table.
pub const COMB: OpDef = OpDef {
    name: "iir.comb",
    summary: "takes a frequency and its multiples out, or leaves them",
    doc: "`scipy.signal.iircomb(w0, q, ftype=ftype, fs=rate, pass_zero=pass_zero)`, applied by `lfilter` from rest: one item out for each item in. \
The rate must be a multiple of `w0`, and at most 1000000 of it. Types as `iir.lowpass`; computed in f64. A state that has faded below 1e-290 becomes 0. \
Source: Orfanidis, Introduction to Signal Processing, section 11.5.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        ParamDef {
            name: "w0",
            kind: ParamKind::Float,
            default: None,
            unit: "Hz",
            doc: "The fundamental: the distance of the comb's teeth.",
        },
        ParamDef {
            name: "q",
            kind: ParamKind::Float,
            default: Some("30"),
            unit: "",
            doc: "The frequency over the width between the two places where the gain is down by 3 dB.",
        },
        ParamDef {
            name: "ftype",
            kind: ParamKind::Choice(&["notch", "peak"]),
            default: Some("notch"),
            unit: "",
            doc: "Whether the teeth are taken out or left.",
        },
        ParamDef {
            name: "pass_zero",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "Whether frequency 0 passes: a tooth of a peak, between two teeth of a notch.",
        },
        RATE,
    ],
    example: "sine freq=50 rate=1000 items=4000 ! iir.comb w0=50 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let items = Numbers::of(args)?;
    let coefficients = design(args)?;
    let init = vec![0.0f64; coefficients.order * items.width];
    let agent = Comb {
        coefficients,
        items,
        numbers: Vec::new(),
        taken: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(args.input().item_type.clone()))
        .output(items.out_port(args))
        .state(StateSpec::slice(&init)))
}

/// `y[n] = first x[n] + last x[n - order] - back y[n - order]`.
struct Coefficients {
    order: usize,
    first: f64,
    last: f64,
    back: f64,
}

fn design(args: &Args) -> Result<Coefficients, OpError> {
    let rate = rate(args)?;
    let w0 = frequency(args, "w0", rate)?;
    let order = (rate / w0).round();
    if (w0 - rate / order).abs() / rate > 1e-14 || order > 1e6 {
        let message = format!(
            "`w0` is {w0} Hz, and the rate {rate} Hz is no multiple of it, or more than a million of it"
        );
        return Err(OpError::param("w0", message).with_help(format!(
            "the nearest that divides the rate is {} Hz",
            rate / order
        )));
    }
    let half_width = order * (2.0 * PI * w0 / rate) / positive(args, "q")? / 4.0;
    if half_width >= PI / 2.0 {
        let q = args.float("q").unwrap_or(f64::NAN);
        let message = format!("`q` is {q}: the teeth are wider than they are apart");
        return Err(OpError::param("q", message).with_help("make `q` larger than 1"));
    }
    let beta = half_width.tan();
    let is_peak = args.text("ftype") == Some("peak");
    let back = (1.0 - beta) / (1.0 + beta);
    let (first, last) = match is_peak {
        true => (beta / (1.0 + beta), -beta / (1.0 + beta)),
        false => (1.0 / (1.0 + beta), 1.0 / (1.0 + beta)),
    };
    let sign = if is_peak == args.flag("pass_zero") {
        -1.0
    } else {
        1.0
    };
    Ok(Coefficients {
        order: order as usize,
        first,
        last: sign * last,
        back: sign * back,
    })
}

struct Comb {
    coefficients: Coefficients,
    items: Numbers,
    numbers: Vec<f64>,
    taken: Vec<f64>,
}

/// Items filtered at once, at most.
const STRETCH: u64 = 512;

impl Agent for Comb {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let mut state = io.state.table::<f64>();
        let Coefficients {
            order,
            first,
            last,
            back,
        } = self.coefficients;
        let Numbers {
            takes,
            gives,
            width,
        } = self.items;
        let mut at = input.position();
        let count = input.len().min(output.space());
        let to = at + count as u64;
        let mut view = View::new(input, takes, &mut self.taken);
        let mut done = 0;
        while at < to {
            let place = (at % order as u64) as usize;
            let stop = to.min(at + STRETCH).min(at + (order - place) as u64);
            let len = (stop - at) as usize;
            self.numbers.clear();
            self.numbers.extend_from_slice(view.range(at, stop));
            let delayed = state.range_mut(place * width..(place + len) * width);
            for (number, slot) in self.numbers.iter_mut().zip(delayed) {
                let (x, y) = (*number, first * *number + *slot);
                let next = last * x - back * y;
                *slot = if next.abs() < 1e-290 { 0.0 } else { next };
                *number = y;
            }
            let len_bytes = len * output.item_len();
            f64::store(
                &self.numbers,
                gives,
                &mut output.bytes()[done..done + len_bytes],
            );
            done += len_bytes;
            at = stop;
        }
        input.consume(count);
        output.produce(count);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn w0(f: f64) -> (&'static str, Value) {
        ("w0", Value::Float(f))
    }

    #[test]
    fn a_signal_that_repeats_is_taken_out_by_the_notch_and_left_by_the_peak() {
        let x: Vec<f64> = (0..2000).map(|n| [3.0, -1.0, 0.5, -2.5][n % 4]).collect();
        let last = |ftype: &str| -> Vec<f64> {
            let pass_zero = ("pass_zero", Value::Bool(ftype == "peak"));
            let params = [
                w0(25.0),
                ("q", 4.0.into()),
                ("ftype", ftype.into()),
                pass_zero,
            ];
            let y: Vec<f64> = output("iir.comb", &[given("f64", &x).rate(100.0)], &params, None);
            y[1996..].to_vec()
        };
        assert!(last("notch").iter().all(|y| y.abs() < 1e-9));
        for (y, x) in last("peak").iter().zip([3.0, -1.0, 0.5, -2.5]) {
            assert!((y - x).abs() < 1e-9, "{y}");
        }
    }

    #[test]
    fn a_frequency_that_does_not_divide_the_rate_is_refused() {
        let x = given::<f64>("f64", &[]).rate(100.0);
        let error = build("iir.comb", &[x], &[w0(30.0)], None).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("w0"));
        let x = given::<f64>("f64", &[]).rate(100.0);
        let error = build("iir.comb", &[x], &[w0(20.0), ("q", 0.4.into())], None).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("q"));
    }
}
