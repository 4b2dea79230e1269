//! `spectrogram`: the power of each frame, frequency by frequency.

use bytemuck::cast_slice_mut;
use num_complex::Complex;

use super::frames::{
    BETA, DETREND, Framed, HOP, NFFT, Part, RATE, SCALING, SIZE, Shape, Spectrum, WINDOW,
};
use crate::agent::{Agent, Blueprint, OutPort};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::tapers::WINDOW_ARGS;
use crate::types::ItemType;
use crate::units::Unit;

/// The row of the table.
pub const SPECTROGRAM: OpDef = OpDef {
    name: "spectrogram",
    summary: "power of each frame, frequency by frequency",
    doc: "The n-th frame, the items `n * hop .. n * hop + size`, becomes a vector of powers: column n of \
`scipy.signal.spectrogram(x, fs, window, nperseg=size, noverlap=size - hop, nfft=nfft, detrend=detrend, scaling=scaling)[2]`. \
The window and `hop` have defaults of their own here. Real numbers give the nfft / 2 + 1 bins of the frequencies k * rate / nfft \
from 0 to half the rate, in which the power of the negative frequencies is included; complex ones all nfft, the upper half being the negative \
frequencies. SciPy's `mode = complex` is `stft detrend=constant` (`scaling=psd` for density), `magnitude` and `angle` are `abs(x)` and `arg(x)` of it. \
f32 and cf32 give f32, other numbers f64. `png.write` draws it. Source: the crates realfft and rustfft.",
    inputs: Arity::One,
    outputs: "one stream of real vectors, of rate / hop",
    params: &[
        SIZE,
        HOP,
        WINDOW,
        BETA,
        WINDOW_ARGS,
        NFFT,
        DETREND,
        SCALING,
        ParamDef {
            name: "scale",
            kind: ParamKind::Choice(&["power", "dB"]),
            default: Some("power"),
            unit: "",
            doc: "`dB`: ten times the decimal logarithm of the power, -400 where it is 0 or less than that.",
        },
        RATE,
    ],
    example: "sine freq=1000 rate=48000 items=48000 ! spectrogram size=512 hop=128 scale=dB ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let shape = Shape::of(args)?;
    let scales = shape.power_scale(args)?;
    let is_decibels = args.text("scale") == Some("dB");
    let blueprint = match shape.is_single() {
        true => Blueprint::new(agent::<f32>(&shape, scales, is_decibels)),
        false => Blueprint::new(agent::<f64>(&shape, scales, is_decibels)),
    };
    let unit = match is_decibels {
        true => Unit::Is("dB".to_owned()),
        false => shape.power_unit(args),
    };
    let gives = ItemType::Vector(shape.real(), shape.bins() as u32);
    Ok(blueprint
        .input(shape.in_port(args))
        .output(OutPort::new(gives, shape.frame_rate(args)).unit(unit)))
}

fn agent<T: Part>(shape: &Shape, scales: Vec<f64>, is_decibels: bool) -> impl Agent + 'static {
    let finish = move |bins: &mut [Complex<T>], item: &mut [u8]| {
        let powers = cast_slice_mut::<_, T>(item);
        for ((y, x), scale) in powers.iter_mut().zip(bins).zip(&scales) {
            *y = T::near(power(*x) * scale);
        }
        if is_decibels {
            powers
                .iter_mut()
                .for_each(|y| *y = T::near(decibels(y.wide())));
        }
    };
    Framed::new(shape.windows, Spectrum::new(shape), finish)
}

/// The squared magnitude.
pub(super) fn power<T: Part>(x: Complex<T>) -> f64 {
    let (re, im) = (x.re.wide(), x.im.wide());
    re * re + im * im
}

/// So many decibels; a power of 0 has no logarithm, and is as the least one that is told apart.
fn decibels(power: f64) -> f64 {
    10.0 * power.max(1e-40).log10()
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{given, output};

    #[test]
    fn a_sine_shows_its_power_and_silence_has_a_floor() {
        let turn = std::f64::consts::TAU * 4.0 / 32.0;
        let mut x: Vec<f64> = (0..32).map(|n| 6.0 * (turn * f64::from(n)).sin()).collect();
        x.extend([7.0; 32]);
        let params = |scale: &str| {
            let size = [("size", Value::Int(32)), ("hop", Value::Int(32))];
            let rest = [("scaling", "spectrum".into()), ("scale", scale.into())];
            [size, rest].concat()
        };
        let powers: Vec<[f64; 17]> =
            output("spectrogram", &[given("f64", &x)], &params("power"), None);
        assert!((powers[0][4] - 18.0).abs() < 1e-12, "{}", powers[0][4]);
        assert_eq!(powers[1], [0.0; 17]);
        let decibels: Vec<[f64; 17]> =
            output("spectrogram", &[given("f64", &x)], &params("dB"), None);
        assert!((decibels[0][4] - 10.0 * 18.0f64.log10()).abs() < 1e-12);
        assert_eq!(decibels[1], [-400.0; 17]);
    }
}
