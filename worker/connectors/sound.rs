//! Samples of sound: how files keep them, and what items they become. Shared by the readers of sound files.
//!
//! Scales are those of libsndfile's reader: a full-scale integer is 1.

use bytemuck::{AnyBitPattern, NoUninit};

use crate::connectors::records::Convert;
use crate::op::{Args, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

/// The parameter `channel` of readers of sound files.
pub(super) const CHANNEL: ParamDef = ParamDef {
    name: "channel",
    kind: ParamKind::Int,
    default: Some(""),
    unit: "",
    doc: "Reads this channel alone, counting from 0. Default: all.",
};

/// How a sample is kept in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Unsigned, 128 is silence.
    U8,
    /// Signed.
    I16,
    /// Signed, three bytes.
    I24,
    /// Signed.
    I32,
    /// Floats, 1 is full scale.
    F32,
    /// The same, of double precision.
    F64,
}

impl Encoding {
    /// Bytes of one sample.
    pub(super) fn len_bytes(self) -> usize {
        match self {
            Encoding::U8 => 1,
            Encoding::I16 => 2,
            Encoding::I24 => 3,
            Encoding::I32 | Encoding::F32 => 4,
            Encoding::F64 => 8,
        }
    }
}

/// The parameter `channel` of a source with so many channels.
pub(super) fn chosen_channel(args: &Args, channels: u16) -> Result<Option<usize>, OpError> {
    match args.count("channel", 0)? {
        Some(k) if k >= u64::from(channels) => Err(OpError::param(
            "channel",
            format!("`channel` is {k}, and the file has {channels} (they count from 0)"),
        )),
        k => Ok(k.map(|k| k as usize)),
    }
}

/// What samples are read as: f32, or the agent's `dtype`.
pub(super) fn read_scalar(args: &Args, encoding: Encoding) -> Result<Scalar, OpError> {
    let is_float = matches!(encoding, Encoding::F32 | Encoding::F64);
    match args.dtype() {
        None => Ok(Scalar::F32),
        Some(ItemType::Scalar(scalar @ (Scalar::F32 | Scalar::F64))) => Ok(*scalar),
        Some(ItemType::Scalar(scalar @ (Scalar::I16 | Scalar::I32))) if !is_float => Ok(*scalar),
        Some(other) => Err(OpError::param(
            "dtype",
            format!(
                "`dtype` is {other}, and samples of this file are read as f32 or f64{}",
                if is_float { "" } else { ", i16 or i32" }
            ),
        )),
    }
}

/// The item that a frame of so many channels, or the one that was chosen, becomes.
pub(super) fn item_type(scalar: Scalar, channel: Option<usize>, channels: u16) -> ItemType {
    match (channel, channels) {
        (Some(_), _) | (None, 1) => ItemType::Scalar(scalar),
        (None, channels) => ItemType::Vector(scalar, u32::from(channels)),
    }
}

/// From frames of the file to items; `channel`: this one of so many.
pub(super) fn read_convert(
    encoding: Encoding,
    scalar: Scalar,
    channel: Option<(usize, u16)>,
) -> Convert {
    match (encoding, scalar) {
        (Encoding::F32, Scalar::F64) => {
            picked(channel, |b: [u8; 4]| f64::from(f32::from_le_bytes(b)))
        }
        (Encoding::F32, _) => picked(channel, f32::from_le_bytes),
        (Encoding::F64, Scalar::F64) => picked(channel, f64::from_le_bytes),
        (Encoding::F64, _) => picked(channel, |b: [u8; 8]| f64::from_le_bytes(b) as f32),
        (Encoding::U8, _) => read_pcm(scalar, channel, |[b]: [u8; 1]| (i32::from(b) - 128) << 24),
        (Encoding::I16, _) => read_pcm(scalar, channel, |b: [u8; 2]| {
            i32::from(i16::from_le_bytes(b)) << 16
        }),
        (Encoding::I24, _) => read_pcm(scalar, channel, |[a, b, c]: [u8; 3]| {
            i32::from_le_bytes([0, a, b, c])
        }),
        (Encoding::I32, _) => read_pcm(scalar, channel, i32::from_le_bytes),
    }
}

/// From PCM samples, which `full` makes 32 bits wide with full scale at full scale.
fn read_pcm<const N: usize>(
    scalar: Scalar,
    channel: Option<(usize, u16)>,
    full: impl Fn([u8; N]) -> i32 + Copy + 'static,
) -> Convert {
    match scalar {
        Scalar::I16 => picked(channel, move |b| (full(b) >> 16) as i16),
        Scalar::I32 => picked(channel, full),
        Scalar::F64 => picked(channel, move |b| f64::from(full(b)) / HALF_RANGE),
        _ => picked(channel, move |b| (f64::from(full(b)) / HALF_RANGE) as f32),
    }
}

/// Full scale of 32-bit PCM.
pub(super) const HALF_RANGE: f64 = 2_147_483_648.0;

/// Applies `sample` to every sample, or to those of one channel.
pub(super) fn picked<const N: usize, T: NoUninit + AnyBitPattern>(
    channel: Option<(usize, u16)>,
    sample: impl Fn([u8; N]) -> T + 'static,
) -> Convert {
    let (first, step) = channel.map_or((0, 1), |(k, channels)| (k, usize::from(channels)));
    Box::new(move |frames, items| {
        let (samples, _) = frames.as_chunks::<N>();
        let items = bytemuck::cast_slice_mut::<u8, T>(items);
        match step {
            1 => items
                .iter_mut()
                .zip(samples)
                .for_each(|(item, s)| *item = sample(*s)),
            _ => {
                let samples = samples.iter().skip(first).step_by(step);
                items
                    .iter_mut()
                    .zip(samples)
                    .for_each(|(item, s)| *item = sample(*s));
            }
        }
    })
}
