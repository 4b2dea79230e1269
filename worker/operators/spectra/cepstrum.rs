//! `cepstrum`: the spectrum of a spectrum's logarithm.

use bytemuck::cast_slice_mut;
use num_complex::Complex;
use realfft::RealFftPlanner;

use super::frames::{BETA, Framed, HOP, NFFT, Part, SIZE, Shape, Spectrum, WINDOW};
use crate::agent::{Agent, Blueprint, OutPort};
use crate::op::{Args, Arity, OpDef, OpError};
use crate::operators::tapers::WINDOW_ARGS;
use crate::types::ItemType;

/// The row of the table.
pub const CEPSTRUM: OpDef = OpDef {
    name: "cepstrum",
    summary: "real cepstrum of each frame",
    doc: "The n-th frame, the items `n * hop .. n * hop + size`, is multiplied with the window and becomes \
`scipy.fft.irfft(log(abs(scipy.fft.rfft(frame, nfft))), nfft)`: a vector of nfft real numbers. A periodic frame, such as a voice, \
shows a peak at its period in items; echoes show at their delays; the first few numbers are the envelope of the spectrum. \
A magnitude of 0 counts as 2.2e-308 (1.2e-38 for f32). Real numbers only; f32 gives f32, others f64. \
Source: Bogert, Healy and Tukey (1963), as Oppenheim and Schafer, Discrete-Time Signal Processing, define the real cepstrum.",
    inputs: Arity::One,
    outputs: "one stream of real vectors of nfft, of rate / hop",
    params: &[SIZE, HOP, WINDOW, BETA, WINDOW_ARGS, NFFT],
    example: "sine freq=200 rate=8000 items=8000 ! cepstrum size=512 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let shape = Shape::of(args)?;
    if shape.is_two_sided() {
        return Err(OpError::input_type(
            "cepstrum",
            args.input(),
            "real numbers",
        ));
    }
    let blueprint = match shape.is_single() {
        true => Blueprint::new(agent::<f32>(&shape, f32::MIN_POSITIVE)),
        false => Blueprint::new(agent::<f64>(&shape, f64::MIN_POSITIVE)),
    };
    let gives = ItemType::Vector(shape.real(), shape.nfft as u32);
    Ok(blueprint
        .input(shape.in_port(args))
        .output(OutPort::new(gives, shape.frame_rate(args))))
}

/// `least`: what a magnitude counts as at least.
fn agent<T: Part>(shape: &Shape, least: T) -> impl Agent + 'static {
    let inverse = RealFftPlanner::<T>::new().plan_fft_inverse(shape.nfft);
    let mut scratch = inverse.make_scratch_vec();
    let scale = 1.0 / shape.nfft as f64;
    let finish = move |bins: &mut [Complex<T>], item: &mut [u8]| {
        for x in bins.iter_mut() {
            let magnitude = x.re.wide().hypot(x.im.wide()).max(least.wide());
            *x = Complex::new(T::near(magnitude.ln() * scale), T::zero());
        }
        inverse
            .process_with_scratch(bins, cast_slice_mut(item), &mut scratch)
            .expect("slices of the lengths that were planned, real at both ends");
    };
    Framed::new(shape.windows, Spectrum::new(shape), finish)
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn an_echo_shows_at_its_delay() {
        let mut x = vec![0.0; 128];
        (x[0], x[20]) = (1.0, 0.5);
        let params = [("size", Value::Int(128)), ("window", "boxcar".into())];
        let found: Vec<[f64; 128]> = output("cepstrum", &[given("f64", &x)], &params, None);
        // The even part of the logarithm's series in 0.5 z^-20, but for what lies beyond its length.
        for (delay, expected) in [
            (20, 0.25),
            (40, -0.0625),
            (60, 0.5f64.powi(3) / 6.0),
            (7, 0.0),
        ] {
            let apart = (found[0][delay] - expected).abs();
            assert!(apart < 0.02, "{delay}: {}", found[0][delay]);
        }
    }

    #[test]
    fn silence_is_finite_and_complex_numbers_are_refused() {
        let params = [("size", Value::Int(4))];
        let silent = given("f32", &[0.0f32; 4]);
        let found: Vec<[f32; 4]> = output("cepstrum", &[silent], &params, None);
        assert_eq!(found[0][0], f32::MIN_POSITIVE.ln());
        assert!(build("cepstrum", &[given::<u64>("cf32", &[])], &params, None).is_err());
    }
}
