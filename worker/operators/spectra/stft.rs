//! `stft`: the short-time Fourier transform.

use bytemuck::cast_slice_mut;
use num_complex::Complex;

use super::bordered::{Bordered, Borders};
use super::frames::{BETA, DETREND, Framed, HOP, NFFT, Part, RATE, SIZE, Shape, Spectrum, WINDOW};
use crate::agent::{Blueprint, OutPort};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::iir;
use crate::operators::tapers::WINDOW_ARGS;
use crate::types::ItemType;
use crate::units::Unit;

/// The row of the table.
pub const STFT: OpDef = OpDef {
    name: "stft",
    summary: "short-time Fourier transform",
    doc: "The n-th frame, the items `n * hop .. n * hop + size`, is multiplied with the window and transformed: column n of \
`scipy.signal.stft(x, fs, window, nperseg=size, noverlap=size - hop, nfft=nfft, detrend=detrend, boundary=boundary, padded=padded, scaling=..)[2]`. \
A frame is out when its last item is here; without `boundary` and `padded`, which SciPy has and here are off, there is no partial frame at either end. Real numbers give the nfft / 2 + 1 bins \
of the frequencies k * rate / nfft from 0 to half the rate, complex ones all nfft (the upper half are the negative frequencies, \
as `fft` has them). f32 and cf32 give cf32, other numbers cf64. Source: the crates realfft and rustfft.",
    inputs: Arity::One,
    outputs: "one stream of complex vectors, of rate / hop",
    params: &[
        SIZE,
        HOP,
        WINDOW,
        BETA,
        WINDOW_ARGS,
        NFFT,
        ParamDef {
            default: Some("false"),
            ..DETREND
        },
        ParamDef {
            name: "scaling",
            kind: ParamKind::Choice(&["spectrum", "psd", "none"]),
            default: Some("spectrum"),
            unit: "",
            doc: "`spectrum`: divided by the window's sum, so that a complex sine shows its amplitude. `psd`: by the root of rate times \
the sum of its squares, so that squared magnitudes are densities. `none`: as transformed.",
        },
        RATE,
        ParamDef {
            name: "boundary",
            kind: ParamKind::Choice(&["none", "zeros"]),
            default: Some("none"),
            unit: "",
            doc: "`zeros`: half a frame of zeros before the stream and behind it, so that the n-th frame is around item n * hop.",
        },
        ParamDef {
            name: "padded",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "Whether the end is filled up with zeros to a whole frame.",
        },
    ],
    example: "sine freq=1000 rate=48000 items=48000 ! stft size=1024 hop=256 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let shape = Shape::of(args)?;
    let scale = match args.text("scaling") {
        Some("none") => 1.0,
        Some("psd") => {
            let squares: f64 = shape.taper.iter().map(|w| w * w).sum();
            1.0 / (iir::rate(args)? * squares).sqrt()
        }
        _ => 1.0 / shape.taper.iter().sum::<f64>(),
    };
    let borders = Borders {
        border: match args.text("boundary") {
            Some("zeros") => shape.windows.size / 2,
            _ => 0,
        },
        padded: args.flag("padded"),
    };
    let blueprint = match shape.is_single() {
        true => agent::<f32>(&shape, borders, scale),
        false => agent::<f64>(&shape, borders, scale),
    };
    let unit = match args.text("scaling") {
        Some("spectrum") => Unit::Of(0),
        _ => Unit::Unknown,
    };
    let gives = ItemType::Vector(shape.complex(), shape.bins() as u32);
    Ok(blueprint
        .input(shape.in_port(args))
        .output(OutPort::new(gives, shape.frame_rate(args)).unit(unit)))
}

fn agent<T: Part>(shape: &Shape, borders: Borders, scale: f64) -> Blueprint {
    let scale = T::near(scale);
    let finish = move |bins: &mut [Complex<T>], item: &mut [u8]| {
        for (y, x) in cast_slice_mut::<_, Complex<T>>(item).iter_mut().zip(bins) {
            *y = x.scale(scale);
        }
    };
    let spectrum = Spectrum::new(shape);
    match borders == Borders::default() {
        true => Blueprint::new(Framed::new(shape.windows, spectrum, finish)),
        false => Blueprint::new(Bordered::new(shape.windows, borders, spectrum, finish)),
    }
}

#[cfg(test)]
mod tests {
    use num_complex::Complex;

    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn a_complex_sine_shows_its_amplitude_in_its_bin() {
        let turn =
            |n: usize| Complex::from_polar(3.0, std::f64::consts::TAU * 5.0 * n as f64 / 32.0);
        let x: Vec<Complex<f64>> = (0..64).map(turn).collect();
        let params = [("size", Value::Int(32)), ("hop", Value::Int(16))];
        let frames: Vec<[Complex<f64>; 32]> = output("stft", &[given("cf64", &x)], &params, None);
        assert_eq!(frames.len(), 3);
        for frame in frames {
            assert!((frame[5].norm() - 3.0).abs() < 1e-12, "{}", frame[5]);
            assert!(frame[8].norm() < 1e-12, "{}", frame[8]);
        }
    }

    #[test]
    fn shapes_and_rates_follow_the_parameters() {
        let port = |input: &str, params: &[(&str, Value)]| {
            let input = given::<u64>(input, &[]).rate(1000.0);
            let port = build("stft", &[input], params, None)
                .unwrap()
                .outputs
                .remove(0);
            (port.item_type.to_string(), port.rate.unwrap())
        };
        assert_eq!(port("i16", &[]), ("cf64[129]".to_owned(), 1000.0 / 128.0));
        let params = [
            ("size", "10 ms".into()),
            ("hop", Value::Int(4)),
            ("nfft", Value::Int(64)),
        ];
        assert_eq!(port("f32", &params), ("cf32[33]".to_owned(), 250.0));
        assert_eq!(port("cf32", &params), ("cf32[64]".to_owned(), 250.0));
    }

    #[test]
    fn lengths_that_cannot_be_are_refused() {
        let cases = [
            ("size", Value::Int(0), "size"),
            ("size", Value::Int(65_537), "size"),
            ("nfft", Value::Int(255), "nfft"),
            ("nfft", Value::Int(65_537), "nfft"),
            ("hop", Value::Int(0), "hop"),
        ];
        for (name, value, param) in cases {
            let input = given::<f64>("f64", &[]);
            let refused = build("stft", &[input], &[(name, value)], None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(param), "{refused}");
        }
        let input = given::<f64>("f64", &[]);
        let psd = [("scaling", "psd".into())];
        let refused = build("stft", &[input], &psd, None).unwrap_err();
        assert!(refused.message.contains("rate"), "{refused}");
        let vectors = given::<f64>("f64[2]", &[]);
        assert!(build("stft", &[vectors], &[], None).is_err());
    }
}
