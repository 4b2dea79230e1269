//! `fir.rrc`: a root-raised cosine, to shape symbols or as their matched filter.

use crate::agent::Blueprint;
use crate::design::rrc::root_raised_cosine;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::iir;

use super::{DECIMATE, OUTPUTS, RATE, decimation, filter};

/// The row of the table.
pub const RRC: OpDef = OpDef {
    name: "fir.rrc",
    summary: "root-raised cosine: shapes symbols, or matches their shape",
    doc: "`fir` with the taps of GNU Radio's `firdes.root_raised_cosine(gain, rate, symbol_rate, alpha, numtaps)`: used at both ends, no symbol \
is heard at the moment of another. Delayed by `(numtaps - 1) / 2` items.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        ParamDef {
            name: "symbol_rate",
            kind: ParamKind::Float,
            default: None,
            unit: "Hz",
            doc: "Symbols per second, at most the rate.",
        },
        ParamDef {
            name: "alpha",
            kind: ParamKind::Float,
            default: Some("0.35"),
            unit: "",
            doc: "The roll-off: by what part the band is wider than it must be, 0 to 1.",
        },
        ParamDef {
            name: "numtaps",
            kind: ParamKind::Int,
            default: Some(""),
            unit: "",
            doc: "How many taps, an odd number up to 1000001; 11 symbols without it.",
        },
        ParamDef {
            name: "gain",
            kind: ParamKind::Float,
            default: Some("1"),
            unit: "",
            doc: "The gain at 0 Hz: the sum of the taps.",
        },
        RATE,
        DECIMATE,
    ],
    example: "noise rate=4000 items=6000 ! fir.rrc symbol_rate=1000 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let rate = iir::rate(args)?;
    let number = |name: &str| args.float(name).unwrap_or(0.0);
    let (symbol_rate, alpha) = (number("symbol_rate"), number("alpha"));
    if !(symbol_rate > 0.0 && symbol_rate <= rate) {
        let message = format!(
            "`symbol_rate` is {symbol_rate} Hz, and must be above 0 and at most the rate, {rate} Hz"
        );
        return Err(OpError::param("symbol_rate", message));
    }
    if !(0.0..=1.0).contains(&alpha) {
        let message = format!("`alpha` is {alpha}, and must be 0 to 1");
        return Err(OpError::param("alpha", message));
    }
    let span = rate / symbol_rate;
    let usual = 11.0 * span;
    let given = args.count("numtaps", 1)?;
    if given.is_none() && usual > 1e6 {
        let message = format!(
            "`symbol_rate` is {symbol_rate} Hz: 11 symbols have {usual} items, and 1000001 taps are the most"
        );
        return Err(OpError::param("symbol_rate", message)
            .with_help("`numtaps` says how many of them are enough"));
    }
    let numtaps = given.unwrap_or(usual as u64 | 1);
    if numtaps > 1_000_001 || numtaps.is_multiple_of(2) {
        let message = format!("`numtaps` is {numtaps}, and must be an odd number up to 1000001");
        return Err(OpError::param("numtaps", message));
    }
    let taps = root_raised_cosine(numtaps as usize, span, alpha, number("gain"));
    filter(args, &taps, decimation(args)?)
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given};

    #[test]
    fn what_makes_no_pulse_is_refused() {
        let cases = [
            ("symbol_rate", Value::from(0)),
            ("symbol_rate", Value::from(101)),
            ("symbol_rate", Value::from(1e-5)),
            ("alpha", Value::from(1.1)),
            ("numtaps", Value::from(10)),
            ("decimate", Value::from(0)),
        ];
        for (name, value) in cases {
            let mut params = vec![("symbol_rate", Value::from(10))];
            params.retain(|(n, _)| *n != name);
            params.push((name, value));
            let x = given::<u8>("f32", &[]).rate(100.0);
            let refused = build("fir.rrc", &[x], &params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(name));
        }
    }
}
