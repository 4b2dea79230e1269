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
    let beta = args.float("beta");
    if let (Some(_), true) = (beta, name != "kaiser") {
        let message = format!("`beta` belongs to the window kaiser, and `window` is {name}");
        return Err(OpError::param("beta", message).with_help("leave out `beta`"));
    }
    let params = match name {
        "kaiser" => vec![beta.unwrap_or(14.0)],
        _ => given.clone().unwrap_or_default(),
    };
    let refused = |why: String| {
        let param = match (name, given) {
            ("kaiser", _) => "beta",
            (_, Some(_)) => "window_args",
            (_, None) => "window",
        };
        match param {
            "window" => OpError::param(param, why).with_help("give that as `window_args`"),
            _ => OpError::param(param, why),
        }
    };
    Taper::named(name, &params).map_err(refused)
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn a_window_has_its_other_names_of_scipy() {
        let x: Vec<f64> = (0..40).map(|n| f64::from(n % 7)).collect();
        let framed = |window: &str, args: Option<f64>| -> Vec<[f64; 9]> {
            let mut params: Vec<(&str, Value)> = vec![
                ("size", 16.into()),
                ("scaling", "spectrum".into()),
                ("window", window.into()),
            ];
            params.extend(args.map(|x| ("window_args", x.into())));
            output("spectrogram", &[given("f64", &x)], &params, None)
        };
        for (other, ours) in [("hanning", "hann"), ("rect", "boxcar"), ("sinc", "lanczos")] {
            assert_eq!(framed(other, None), framed(ours, None));
        }
        assert_eq!(framed("gauss", Some(2.0)), framed("gaussian", Some(2.0)));
        assert_ne!(framed("poisson", Some(2.0)), framed("poisson", None));
    }

    #[test]
    fn what_a_window_does_not_take_is_refused_and_what_it_lacks_is_named() {
        let refused = |params: &[(&'static str, Value)]| {
            let x = given::<f64>("f64", &[]).rate(100.0);
            build("stft", &[x], params, None).unwrap_err()
        };
        let beta = refused(&[("beta", 8.6.into())]);
        assert_eq!(beta.param.as_deref(), Some("beta"));
        assert_eq!(
            beta.message,
            "`beta` belongs to the window kaiser, and `window` is hann"
        );
        let gaussian = refused(&[("window", "gaussian".into())]);
        assert_eq!(
            gaussian.message,
            "the window gaussian takes a standard deviation above 0, and has none"
        );
        assert_eq!(gaussian.help.as_deref(), Some("give that as `window_args`"));
    }
}
