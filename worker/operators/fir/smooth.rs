//! `savgol`: a polynomial laid through each window.

use crate::agent::Blueprint;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::units::Unit;

use super::aligned::{Ends, Polynomial, aligned};
use super::{OUTPUTS, filter};

/// The row of the table.
pub const SAVGOL: OpDef = OpDef {
    name: "savgol",
    summary: "Savitzky-Golay smoothing, or a smooth derivative",
    doc: "`scipy.signal.savgol_filter(x, window_length, polyorder, deriv, delta, mode=mode, cval=cval)`. With a `mode` of SciPy's item n belongs to item n, and comes when \
`(window_length - 1) / 2` more have come, or the end. `mode = delayed`, the default, does not wait: item n of the output belongs to item \
`n - (window_length - 1) / 2` of the input, from rest: what is before the stream's beginning counts as 0, so the first `window_length - 1` items are those of \
`lfilter(savgol_coeffs(..), 1, x)`, and nothing is made up for the end. Here the taps are exact, from orthogonal polynomials; SciPy's own lose digits \
where windows are long for the order: they are off by 1e-9 with 21 items and order 8, 5e-8 with 31 and 8, 3e-8 with 51 and 6, 8e-9 with 201 and 4, and as much as themselves with 101 and 9. Source: Savitzky and Golay, Analytical Chemistry 36 (1964).",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        ParamDef {
            name: "window_length",
            kind: ParamKind::Int,
            default: None,
            unit: "items",
            doc: "Items in a window: an odd number, to 100001.",
        },
        ParamDef {
            name: "polyorder",
            kind: ParamKind::Int,
            default: None,
            unit: "",
            doc: "The polynomial's order, below `window_length` and at most 20.",
        },
        ParamDef {
            name: "deriv",
            kind: ParamKind::Int,
            default: Some("0"),
            unit: "",
            doc: "Which derivative, 0 is the value itself.",
        },
        ParamDef {
            name: "delta",
            kind: ParamKind::Float,
            default: Some("1"),
            unit: "",
            doc: "The distance of the items, for derivatives: 1 / rate makes them per second.",
        },
        ParamDef {
            name: "mode",
            kind: ParamKind::Choice(&["delayed", "interp", "mirror", "nearest", "constant"]),
            default: Some("delayed"),
            unit: "",
            doc: "What there is beyond the stream's ends: the polynomials of the first and the last window (`interp`, SciPy's default), the items backwards, \
the first and the last item, or `cval`. (SciPy's `wrap` needs the end first.) `delayed`: nothing is made up.",
        },
        ParamDef {
            name: "cval",
            kind: ParamKind::Float,
            default: Some("0"),
            unit: "",
            doc: "What is beyond the ends with `mode = constant`.",
        },
    ],
    example: "noise rate=100 items=1000 ! savgol window_length=11 polyorder=3 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let window = args.required_count("window_length", 1)?;
    if window % 2 == 0 || window > 100_001 {
        let message =
            format!("`window_length` is {window}, and must be an odd number of at most 100001");
        return Err(OpError::param("window_length", message));
    }
    let order = args.required_count("polyorder", 0)?;
    if order >= window || order > 20 {
        let message = format!(
            "`polyorder` is {order}, and must be below `window_length`, {window}, and at most 20"
        );
        return Err(OpError::param("polyorder", message));
    }
    let deriv = args.required_count("deriv", 0)?;
    if deriv > 20 {
        let message = format!("`deriv` is {deriv}, and must be at most 20");
        return Err(OpError::param("deriv", message));
    }
    let delta = args.float("delta").unwrap_or(1.0);
    if delta <= 0.0 {
        let message = format!("`delta` is {delta}, and must be above 0");
        return Err(OpError::param("delta", message));
    }
    let polynomial = Polynomial {
        window: window as usize,
        order: order as usize,
        deriv: deriv as usize,
        delta,
    };
    let ends = match args.text("mode") {
        Some("interp") => Some(Ends::Interp),
        Some("mirror") => Some(Ends::Mirror),
        Some("nearest") => Some(Ends::Nearest),
        Some("constant") => Some(Ends::Constant(args.float("cval").unwrap_or(0.0))),
        _ => None,
    };
    let blueprint = match ends {
        None => filter(args, &polynomial.taps(0.0), 1)?,
        Some(ends) => aligned(args, polynomial, ends)?,
    };
    Ok(match deriv {
        0 => blueprint,
        _ => blueprint.unit(Unit::Unknown),
    })
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{build, given, output, try_output};

    #[test]
    fn a_parabola_passes_as_it_is_delayed() {
        let x: Vec<f64> = (0..40).map(|n| f64::from(n * n)).collect();
        let params = [("window_length", 7.into()), ("polyorder", 2.into())];
        let y: Vec<f64> = output("savgol", &[given("f64", &x)], &params, None);
        for n in 6..40 {
            assert!((y[n] - x[n - 3]).abs() < 1e-9, "{n}: {}", y[n]);
        }
    }

    #[test]
    fn a_mode_lays_items_beside_those_they_belong_to() {
        let x: Vec<f64> = (0..40).map(|n| f64::from(n * n)).collect();
        let of = |x: &[f64], mode: &str| -> Vec<f64> {
            let params = [
                ("window_length", 7.into()),
                ("polyorder", 2.into()),
                ("mode", mode.into()),
            ];
            output("savgol", &[given("f64", x)], &params, None)
        };
        for (y, x) in of(&x, "interp").iter().zip(&x) {
            assert!((y - x).abs() < 1e-9, "{x}: {y}");
        }
        for mode in ["mirror", "nearest", "constant"] {
            let y = of(&x, mode);
            assert_eq!(y.len(), 40);
            assert!(
                y[3..37]
                    .iter()
                    .zip(&x[3..])
                    .all(|(y, x)| (y - x).abs() < 1e-9)
            );
            // Streams shorter than the window, and empty ones.
            assert_eq!((of(&x[..2], mode).len(), of(&[], mode).len()), (2, 0));
        }
        let input = [given("f64", &x[..6])];
        let params = [
            ("window_length", 7.into()),
            ("polyorder", 2.into()),
            ("mode", "interp".into()),
        ];
        let refused = try_output::<f64>("savgol", &input, &params, None).unwrap_err();
        assert!(refused.to_string().contains("window_length"), "{refused}");
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for (window, order, expected) in [(4, 2, "window_length"), (5, 5, "polyorder")] {
            let params = [
                ("window_length", window.into()),
                ("polyorder", order.into()),
            ];
            let error = build("savgol", &[given::<f64>("f64", &[])], &params, None).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(expected));
        }
    }
}
