//! `channelizer`: a band parted into channels side by side, by a polyphase filter bank.

use std::sync::Arc;

use bytemuck::Pod;
use num_complex::Complex;
use rustfft::{Fft, FftNum, FftPlanner};

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::design::firwin::{Firwin, firwin};
use crate::design::taper::Taper;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

use super::{Precision, complex};

/// The row of the table.
pub const CHANNELIZER: OpDef = OpDef {
    name: "channelizer",
    summary: "parts a band into channels side by side (polyphase filter bank)",
    doc: "Each vector of the output has an item of each of `channels` channels, rate / channels apart and at rate / channels each: \
element k is what `shift freq = -k rate / channels ! fir taps = [..] decimate = channels` gives, all of them for about the cost of one such filter and a Fourier transform \
(harris, Multirate Signal Processing, chapter 6). Element 0 is the channel around 0 Hz, the upper half are those below it, as in `fft`. `unstack` makes a stream of each. \
The filter is a low-pass of half a channel's width, of `taps_per_channel` times `channels` taps and as `firwin(.., window = (\"kaiser\", 8))`, or `taps`. \
GNU Radio's `pfb_channelizer_ccf` without oversampling, which begins its first vector with the item `channels - 1`.",
    inputs: Arity::One,
    outputs: "one stream of vectors of `channels` complex numbers, of rate / channels",
    params: &[
        ParamDef {
            name: "channels",
            kind: ParamKind::Int,
            default: None,
            unit: "",
            doc: "How many, 2 to 8192; products of 2, 3, 5 and 7 are quickest.",
        },
        ParamDef {
            name: "taps",
            kind: ParamKind::Floats,
            default: Some(""),
            unit: "",
            doc: "The low-pass at the input's rate, instead of the one that is designed; at most 1000000.",
        },
        ParamDef {
            name: "taps_per_channel",
            kind: ParamKind::Int,
            default: Some("16"),
            unit: "",
            doc: "How long the designed low-pass is: more is steeper. 1 to 1000.",
        },
    ],
    example: "sine freq=3000 rate=48000 items=48000 dtype=cf32 ! channelizer channels=8 ! pick index=3 ! null",
    deterministic: true,
    build,
};

const CHANNELS_MAX: u64 = 8192;
const TAPS_MAX: usize = 1_000_000;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let precision = complex(args)?;
    let channels = args.required_count("channels", 2)?;
    if channels > CHANNELS_MAX {
        let message = format!("`channels` is {channels}, and must be 2 to {CHANNELS_MAX}");
        return Err(OpError::param("channels", message));
    }
    let channels = channels as usize;
    let taps = match args.floats("taps") {
        Some(taps) => given(&taps)?,
        None => designed(args, channels)?,
    };
    let (scalar, blueprint) = match precision {
        Precision::Single => (
            Scalar::Cf32,
            Blueprint::new(Bank::<f32>::new(channels, &taps)),
        ),
        Precision::Double => (
            Scalar::Cf64,
            Blueprint::new(Bank::<f64>::new(channels, &taps)),
        ),
    };
    let input = args.input();
    let rate = input.rate.map(|rate| rate / channels as f64);
    let weight = taps.len().div_ceil(channels) as u64 + 8;
    Ok(blueprint
        .weight(weight)
        .input(InPort::new(input.item_type.clone()).retain(taps.len() - 1))
        .output(OutPort::new(ItemType::Vector(scalar, channels as u32), rate).keeps_unit()))
}

fn given(taps: &[f64]) -> Result<Vec<f64>, OpError> {
    match taps.len() {
        0 => Err(OpError::param(
            "taps",
            "`taps` is empty, and a filter has at least one",
        )),
        1..=TAPS_MAX if taps.iter().all(|tap| tap.is_finite()) => Ok(taps.to_vec()),
        1..=TAPS_MAX => Err(OpError::param(
            "taps",
            "`taps` has a number that is not finite",
        )),
        count => Err(OpError::param(
            "taps",
            format!("`taps` has {count} numbers, and {TAPS_MAX} are the most"),
        )),
    }
}

fn designed(args: &Args, channels: usize) -> Result<Vec<f64>, OpError> {
    let per_channel = args.required_count("taps_per_channel", 1)?;
    let numtaps = (per_channel as usize).saturating_mul(channels);
    if per_channel > 1000 || numtaps > TAPS_MAX {
        let message = format!(
            "`taps_per_channel` is {per_channel}, and must be 1 to 1000, and {TAPS_MAX} taps in all at most"
        );
        return Err(OpError::param("taps_per_channel", message));
    }
    let design = Firwin {
        numtaps,
        cutoff: &[0.5],
        pass_zero: true,
        window: Taper::Kaiser(8.0),
        scale: true,
        rate: channels as f64,
    };
    firwin(&design).map_err(|e| OpError::param("taps_per_channel", e.to_string()))
}

/// Vector j is the inverse transform of the branches' sums: branch r takes the taps r, r + channels, .. and the items that
/// they meet at item j * channels.
struct Bank<T: FftNum> {
    /// The taps, filled up with zeros to whole rows of `channels`.
    taps: Vec<T>,
    channels: usize,
    fft: Arc<dyn Fft<T>>,
    scratch: Vec<Complex<T>>,
}

impl<T: FftNum> Bank<T> {
    fn new(channels: usize, taps: &[f64]) -> Bank<T> {
        let fft = FftPlanner::new().plan_fft_inverse(channels);
        let mut row: Vec<T> = taps
            .iter()
            .map(|tap| T::from_f64(*tap).unwrap_or(T::zero()))
            .collect();
        row.resize(taps.len().next_multiple_of(channels), T::zero());
        Bank {
            taps: row,
            channels,
            scratch: vec![Complex::new(T::zero(), T::zero()); fft.get_inplace_scratch_len()],
            fft,
        }
    }

    /// The vector at item `at` of these, which begin where the stream begins or as far back as the taps reach.
    fn vector(&mut self, items: &[Complex<T>], at: usize, out: &mut [Complex<T>]) {
        out.fill(Complex::new(T::zero(), T::zero()));
        for (row, taps) in self.taps.chunks_exact(self.channels).enumerate() {
            let Some(newest) = at.checked_sub(row * self.channels) else {
                break;
            };
            let before = items[..=newest].iter().rev();
            for ((sum, tap), item) in out.iter_mut().zip(taps).zip(before) {
                *sum = Complex::new(sum.re + item.re * *tap, sum.im + item.im * *tap);
            }
        }
        self.fft.process_with_scratch(out, &mut self.scratch);
    }
}

impl<T: FftNum + Pod> Agent for Bank<T>
where
    Complex<T>: Pod,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let channels = self.channels as u64;
        let end = input.position() + input.len() as u64;
        let first = output.position();
        let there = end.div_ceil(channels).saturating_sub(first);
        let vectors = usize::try_from(there).map_or(output.space(), |n| n.min(output.space()));
        let (items, past) = input.past_elements::<Complex<T>>();
        let start = input.position() - past as u64;
        let room = output
            .elements::<Complex<T>>()
            .chunks_exact_mut(self.channels);
        for (at, out) in (first..).zip(room).take(vectors) {
            self.vector(items, (at * channels - start) as usize, out);
        }
        // The item of the next vector is not passed.
        let next = (first + vectors as u64) * channels;
        let consumed = next.min(end) - input.position();
        input.consume(consumed as usize);
        output.produce(vectors);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    /// The angle that a channel's centre turns by from an item to the next.
    fn turn(channel: usize, channels: usize) -> f64 {
        std::f64::consts::TAU * channel as f64 / channels as f64
    }

    fn items() -> Vec<Complex<f64>> {
        let item = |n: i32| {
            let n = f64::from(n);
            Complex::new((0.37 * n).sin() + 0.1 * n.sqrt(), (0.011 * n * n).cos())
        };
        (0..700).map(item).collect()
    }

    /// A channel alone: turned to 0 Hz, filtered, one item of `channels`.
    fn channel(
        items: &[Complex<f64>],
        taps: &[f64],
        k: usize,
        channels: usize,
    ) -> Vec<Complex<f64>> {
        let turned = |n: usize| items[n] * Complex::cis(-turn(k, channels) * (n % channels) as f64);
        let filtered = |n: usize| -> Complex<f64> {
            let met = taps.iter().enumerate().take(n + 1);
            met.map(|(t, tap)| turned(n - t) * tap).sum()
        };
        (0..items.len()).step_by(channels).map(filtered).collect()
    }

    #[test]
    fn each_channel_is_what_a_shift_and_a_filter_give() {
        for (channels, taps) in [(2, 7), (5, 12), (8, 64), (16, 3)] {
            let taps: Vec<f64> = (0..taps)
                .map(|n| (0.3 * f64::from(n)).cos() / 9.0)
                .collect();
            let params = [
                ("channels", Value::from(channels as i64)),
                ("taps", taps.clone().into()),
            ];
            let found: Vec<Complex<f64>> =
                output("channelizer", &[given("cf64", &items())], &params, None);
            assert_eq!(found.len(), items().len().div_ceil(channels) * channels);
            for k in 0..channels {
                let expected = channel(&items(), &taps, k, channels);
                let found = found.iter().skip(k).step_by(channels);
                assert!(
                    found.zip(&expected).all(|(a, b)| (a - b).norm() < 1e-12),
                    "{k} of {channels}"
                );
            }
        }
    }

    #[test]
    fn what_is_designed_keeps_channels_apart() {
        // A tone in the middle of channel 3 of 8.
        let tone: Vec<Complex<f32>> = (0..4000)
            .map(|n| Complex::cis((turn(3, 8) * f64::from(n % 8)) as f32))
            .collect();
        let found: Vec<Complex<f32>> = output(
            "channelizer",
            &[given("cf32", &tone)],
            &[("channels", 8.into())],
            None,
        );
        let settled = &found[8 * 40..8 * 400];
        for (n, y) in settled.iter().enumerate() {
            let expected = if n % 8 == 3 { 1.0 } else { 0.0 };
            assert!((y.norm() - expected).abs() < 1e-3, "channel {}: {y}", n % 8);
        }
    }

    #[test]
    fn what_is_no_bank_is_refused() {
        let refused = |item_type: &str, params: &[(&str, Value)]| {
            let refused =
                build("channelizer", &[given::<u8>(item_type, &[])], params, None).unwrap_err();
            refused.param.unwrap_or_default()
        };
        assert_eq!(refused("cf32", &[("channels", 1.into())]), "channels");
        assert_eq!(refused("cf32", &[("channels", 9000.into())]), "channels");
        let channels = ("channels", Value::from(8));
        assert_eq!(refused("f32", std::slice::from_ref(&channels)), "in");
        assert_eq!(
            refused("cf32", &[channels.clone(), ("taps_per_channel", 0.into())]),
            "taps_per_channel"
        );
        assert_eq!(
            refused("cf32", &[channels, ("taps", [f64::NAN].into())]),
            "taps"
        );
    }
}
