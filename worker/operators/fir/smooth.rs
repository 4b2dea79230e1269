//! `savgol`: a polynomial laid through each window.

use crate::agent::Blueprint;
use crate::design::savgol::savgol;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::units::Unit;

use super::{OUTPUTS, filter};

/// The row of the table.
pub const SAVGOL: OpDef = OpDef {
    name: "savgol",
    summary: "Savitzky-Golay smoothing, or a smooth derivative",
    doc: "`scipy.signal.savgol_filter(x, window_length, polyorder, deriv, delta)`, delayed: item n of the output belongs to item \
`n - (window_length - 1) / 2` of the input. From rest: what is before the stream's beginning counts as 0, so the first `window_length - 1` items are those of \
`lfilter(savgol_coeffs(..), 1, x)`, and nothing is made up for the end. Where orders are high (10 and more) SciPy's own coefficients are off, \
by as much as themselves: here they are exact, from orthogonal polynomials. Source: Savitzky and Golay, Analytical Chemistry 36 (1964).",
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
    let mut taps = savgol(window as usize, order as usize, deriv as usize);
    taps.iter_mut()
        .for_each(|tap| *tap /= delta.powi(deriv as i32));
    let blueprint = filter(args, &taps, 1)?;
    Ok(match deriv {
        0 => blueprint,
        _ => blueprint.unit(Unit::Unknown),
    })
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{build, given, output};

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
