//! The window functions of designs and of frames: their parameters, read the same way everywhere.

use crate::design::taper::Taper;
use crate::op::{Args, OpError, ParamDef, ParamKind};

/// The parameter beside `window`.
pub(super) const WINDOW_ARGS: ParamDef = ParamDef {
    name: "window_args",
    kind: ParamKind::Number,
    default: Some(""),
    unit: "",
    doc: "What follows the window's name in the tuple that `scipy.signal.get_window` takes: of gaussian the standard deviation in items, of tukey \
          alpha (0.5 without it), of exponential tau in items (1), of general_gaussian [p, sig], of general_hamming alpha, of general_cosine its weights (1 to 8), of \
          taylor [nbar, sll] (4, 30), of chebwin the attenuation in dB.",
};

/// The window that `window` (else `default`), `window_args` and, for kaiser, `beta` say.
pub(super) fn taper(args: &Args, default: &str) -> Result<Taper, OpError> {
    let name = args.text("window").unwrap_or(default);
    let given = args.floats("window_args");
    if name == "kaiser" && given.is_some() {
        let message = "the window kaiser has its parameter in `beta`";
        return Err(OpError::param("window_args", message));
    }
    let params = match name {
        "kaiser" => args.float("beta").into_iter().collect(),
        _ => given.clone().unwrap_or_default(),
    };
    let refused = |why: String| {
        let param = match (name, given) {
            ("kaiser", _) if !params.is_empty() => "beta",
            (_, Some(_)) => "window_args",
            (_, None) => "window",
        };
        OpError::param(param, why)
    };
    Taper::named(name, &params).map_err(refused)
}
