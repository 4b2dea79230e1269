//! Spectra: what is in a stretch of a stream, frequency by frequency.
//!
//! All of them cut the stream into frames counted from its beginning and transform each frame by itself
//! (`frames.rs`), so where a batch begins changes nothing.

pub mod cepstrum;
pub mod cross;
pub mod dct;
pub mod detrend;
pub mod goertzel;
pub mod istft;
pub mod mel;
pub mod octaves;
pub mod rfft;
pub mod spectrogram;
pub mod stft;
pub mod welch;

mod bordered;
mod frames;
mod held;
mod vectors;
mod whole;
