//! `csd`, `coherence`: what two streams have in common, frequency by frequency.

use super::frames::Shape;
use super::held::{self, Of};
use super::welch::{OF_FRAMES, WELCH};
use super::whole;
use crate::agent::Blueprint;
use crate::op::{Args, Arity, OpDef, OpError};

/// The row of the cross spectrum.
pub const CSD: OpDef = OpDef {
    name: "csd",
    summary: "cross power spectrum of two streams: the mean over some frames, again and again",
    doc: "As `welch`, of two streams x and y, the first and the second of `in`: the n-th vector is \
`scipy.signal.csd(x[a : b], y[a : b], fs, window, nperseg=size, noverlap=size - hop, nfft=nfft, detrend=detrend, scaling=scaling, average=average)[1]` \
with a = n * every * hop and b = a + (segments - 1) * hop + size: the mean of conj(X) Y, whose argument is the phase of y beyond that of x. \
With `whole` there is one vector, of all frames, at the end. \
Both streams are of one type; f32 and cf32 give cf32, other numbers cf64. It ends with the shorter one. \
Source: Welch, IEEE Transactions on Audio and Electroacoustics 15 (1967).",
    inputs: Arity::AtLeast(2),
    outputs: "one stream of complex vectors, of rate / (hop * every)",
    params: WELCH.params,
    example: "x:noise rate=48000 items=48000 ; y:fir in=x taps=[0, 1, 0.5] ; csd in=[x, y] size=1024 segments=20 ! null",
    deterministic: true,
    build: |args| two(args, Of::Cross),
};

/// The row of the coherence.
pub const COHERENCE: OpDef = OpDef {
    name: "coherence",
    summary: "how far two streams go together, frequency by frequency: 0 to 1",
    doc: "The squared magnitude of the cross spectrum over the product of the two power spectra, each the mean of `segments` frames as `welch` has them: the n-th vector is \
`scipy.signal.coherence(x[a : b], y[a : b], fs, window, nperseg=size, noverlap=size - hop, nfft=nfft, detrend=detrend)[1]` \
with a = n * every * hop and b = a + (segments - 1) * hop + size. With `segments = 1` it is 1 everywhere. With `whole` there is one vector, of all frames, at the end. \
Both streams are of one type; f32 and cf32 give f32, other numbers f64. It ends with the shorter one. \
Source: Carter, Knapp and Nuttall, IEEE Transactions on Audio and Electroacoustics 21 (1973).",
    inputs: Arity::AtLeast(2),
    outputs: "one stream of real vectors, of rate / (hop * every)",
    params: WELCH.params.split_at(OF_FRAMES).0,
    example: "x:noise rate=48000 items=48000 ; y:fir in=x taps=[0, 1, 0.5] ; coherence in=[x, y] size=1024 segments=20 ! null",
    deterministic: true,
    build: |args| two(args, Of::Coherence),
};

fn two(args: &Args, of: Of) -> Result<Blueprint, OpError> {
    let op = args.op().name;
    let [x, y] = args.inputs() else {
        let words = format!(
            "`{op}` compares two streams, and has {}",
            args.inputs().len()
        );
        return Err(OpError::param("in", words).with_help("name two: in = [\"x\", \"y\"]"));
    };
    let shape = Shape::of(args)?;
    if x.item_type != y.item_type {
        let words = format!(
            "`{op}` needs two streams of one type: {} is {}, {} is {}",
            x.called(),
            x.item_type,
            y.called(),
            y.item_type
        );
        let help = "`map expr=\"x\"` with a `dtype` makes one of the other";
        return Err(OpError::param("in", words).with_help(help));
    }
    match args.flag("whole") {
        true => whole::blueprint(args, &shape, of),
        false => held::blueprint(args, &shape, of),
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn params() -> Vec<(&'static str, Value)> {
        vec![("size", Value::Int(8)), ("segments", Value::Int(3))]
    }

    #[test]
    fn a_stream_goes_together_with_itself_and_with_its_multiples() {
        let x: Vec<f64> = (0..60).map(|n| f64::from(n * 7919 % 101) - 50.0).collect();
        let y: Vec<f64> = x.iter().map(|x| -3.0 * x).collect();
        let inputs = [given("f64", &x), given("f64", &y)];
        let all: Vec<[f64; 5]> = output("coherence", &inputs, &params(), None);
        assert_eq!(all.len(), 4);
        // The mean has been taken off: there is nothing at frequency 0.
        for bins in all {
            assert!(
                bins[1..].iter().all(|c| (c - 1.0).abs() < 1e-12),
                "{bins:?}"
            );
        }
    }

    #[test]
    fn a_coherence_has_no_scale() {
        let names = |op: &crate::op::OpDef| op.params.iter().map(|p| p.name).collect::<Vec<_>>();
        assert_eq!(names(&super::COHERENCE).last(), Some(&"detrend"));
        assert_eq!(
            names(&super::CSD)[super::OF_FRAMES..],
            ["scaling", "average", "rate"]
        );
    }

    #[test]
    fn inputs_that_cannot_be_compared_are_refused() {
        let of = |types: &[&str]| {
            let inputs: Vec<_> = types
                .iter()
                .map(|t| given::<u64>(t, &[]).rate(9.0))
                .collect();
            build("csd", &inputs, &params(), None).map(|_| ())
        };
        assert!(of(&["f64", "f64"]).is_ok());
        for types in [&["f64", "f32"][..], &["f64", "f64", "f64"], &["f64"]] {
            let refused = of(types).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("in"), "{refused}");
        }
        let huge = [
            ("size", Value::Int(65_536)),
            ("segments", Value::Int(1 << 20)),
        ];
        let inputs = [given::<f64>("f64", &[]), given::<f64>("f64", &[])];
        let refused = build("coherence", &inputs, &huge, None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("segments"));
    }
}
