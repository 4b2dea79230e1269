//! Spectra: Fourier transforms of blocks and of overlapping frames, single frequencies, bands.
//!
//! Vectors are as long as the stream says, which is compared with the parameters.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("spectra");
//! let x = g.source("x", ops::sine(1_000.0).rate(8_000.0).items(1_024));
//! let power: Stream<[f64; 129]> = x.apply("power", ops::spectrogram().size(256).hop(128));
//! let loudest = power.map("loudest", |p| (0..p.len()).max_by(|&a, &b| p[a].total_cmp(&p[b])).unwrap() as u64);
//! let loudest = loudest.collect("kept");
//! g.run_in_process()?;
//! assert_eq!(loudest.items(), [32; 7]);
//! # Ok::<(), thalweg::Error>(())
//! ```

use super::kinds::{CxOf, Float, Length, List, Numbers, RealOf};
use super::rows::operators;
use crate::stream::Stream;

operators! {
    struct Transform {
        /// Numbers in a block, 1 to 65536; products of 2, 3, 5 and 7 are quickest. Vector items are blocks
        /// already: their length is the size.
        size: u64,
    }

    /// Discrete Fourier transform of each block of `size` items.
    ///
    /// Each block of `size` numbers becomes one vector item of `size` complex numbers:
    /// `scipy.fft.fft(block)`, not scaled, frequency k * rate / size at index k (the upper half are the
    /// negative frequencies).
    fn fft[T: Numbers, U: Numbers<Number = CxOf<T>>]() -> <T, U> = "fft";

    /// Inverse discrete Fourier transform of each block of `size` items.
    ///
    /// `scipy.fft.ifft(block)`: as `fft`, with the other sign in the exponent, and scaled by 1 / size, so
    /// that it undoes `fft`.
    fn ifft[T: Numbers, U: Numbers<Number = CxOf<T>>]() -> <T, U> = "ifft";

    /// Discrete Fourier transform of each block of `size` real numbers.
    ///
    /// Each block of `size` numbers becomes one vector item of size / 2 + 1 complex numbers:
    /// `scipy.fft.rfft(block)`, not scaled, frequency k * rate / size at index k, from 0 to half the rate.
    /// Half the work of `fft`, which has the negative frequencies too.
    fn rfft[T: Numbers, U: Numbers<Number = CxOf<T>>]() -> <T, U> = "rfft";

    /// Inverse of `rfft`: blocks of real numbers from their spectra.
    ///
    /// Each vector of m complex numbers becomes one vector item of `size` real numbers:
    /// `scipy.fft.irfft(item, size)`, scaled by 1 / size, so that it undoes `rfft`.
    fn irfft[T: Numbers, U: Numbers<Number = RealOf<T>>]() -> <T, U> = "irfft";

    struct Stft {
        /// Items in a frame, at most 65536: SciPy's `nperseg`. In items, `256` unless told otherwise.
        size: impl Length,
        /// Items from one frame's beginning to the next one's: SciPy's `nperseg - noverlap`. Default: half of
        /// `size`, rounded up. In items.
        hop: impl Length,
        /// What a frame is multiplied with, in the periodic form that `scipy.signal.get_window` gives, under its
        /// name there: `"hamming"`, `"tukey"`, `"kaiser"` .. `"hann"` unless told otherwise.
        window: &str,
        /// The parameter of the window `kaiser`, 0 to 500; 14 without it.
        beta: f64,
        /// What follows the window's name in the tuple that `scipy.signal.get_window` takes: of gaussian the
        /// standard deviation in items, of tukey alpha, of taylor `[nbar, sll]` and so on.
        window_args: impl List,
        /// Length of the transform, if a frame is to be filled up with zeros; at most 65536. Default: `size`.
        nfft: u64,
        /// What is subtracted from a frame first, its mean or the straight line that fits it best:
        /// `"constant"`, `"linear"`, `"false"`. `"false"` unless told otherwise.
        detrend: &str,
        /// `spectrum`: divided by the window's sum, so that a complex sine shows its amplitude. `psd`: by the
        /// root of rate times the sum of its squares, so that squared magnitudes are densities. `none`: as
        /// transformed: `"spectrum"`, `"psd"`, `"none"`. `"spectrum"` unless told otherwise.
        scaling: &str,
        /// Items per second, where the stream does not know it or knows it wrong; a density needs one.
        rate: f64,
        /// `zeros`: half a frame of zeros before the stream and behind it, so that the n-th frame is around item
        /// n * hop: `"none"`, `"zeros"`. `"none"` unless told otherwise.
        boundary: &str,
        /// Whether the end is filled up with zeros to a whole frame. `false` unless told otherwise.
        padded: bool,
    }

    /// Short-time Fourier transform.
    ///
    /// The n-th frame, the items `n * hop .. n * hop + size`, is multiplied with the window and transformed:
    /// column n of `scipy.signal.stft(x, fs, window, nperseg=size, noverlap=size - hop, nfft=nfft,
    /// boundary=None, padded=False, scaling=..)[2]`.
    fn stft[T: Numbers, U: Numbers<Number = CxOf<T>>]() -> <T, U> = "stft";

    struct Istft {
        /// Items in a frame: SciPy's `nperseg`. Default: as many as the bins are of, 2 (bins - 1) of one side.
        size: u64,
        /// Items from one frame's beginning to the next one's: SciPy's `nperseg - noverlap`. Default: half of
        /// `size`, rounded up. In items.
        hop: u64,
        /// What frames were multiplied with, as for `stft`. `"hann"` unless told otherwise.
        window: &str,
        /// The parameter of the window `kaiser`, 0 to 500; 14 without it.
        beta: f64,
        /// What follows the window's name in the tuple that `scipy.signal.get_window` takes: of gaussian the
        /// standard deviation in items, of tukey alpha, of taylor `[nbar, sll]` and so on.
        window_args: impl List,
        /// Length of the transform, at most 65536. Default: as the bins say.
        nfft: u64,
        /// The bins are those of real numbers, from 0 to half the rate; else all nfft of complex ones. `true`
        /// unless told otherwise.
        onesided: bool,
        /// As the spectra were scaled by `stft`: `"spectrum"`, `"psd"`, `"none"`. `"spectrum"` unless told
        /// otherwise.
        scaling: &str,
        /// Items per second, where the stream does not know it or knows it wrong; a density needs one.
        rate: f64,
    }

    /// The signal of a short-time Fourier transform.
    ///
    /// The inverse of `stft` with the same parameters, `scipy.signal.istft`: each frame is transformed back,
    /// multiplied with the window and added where it belongs, each sum divided by that of the squared windows.
    fn istft[T: Numbers, U: Numbers]() -> <T, U> = "istft";

    struct Spectrogram {
        /// Items in a frame, at most 65536: SciPy's `nperseg`. In items, `256` unless told otherwise.
        size: impl Length,
        /// Items from one frame's beginning to the next one's: SciPy's `nperseg - noverlap`. Default: half of
        /// `size`, rounded up. In items.
        hop: impl Length,
        /// What a frame is multiplied with, in the periodic form that `scipy.signal.get_window` gives, under its
        /// name there: `"hamming"`, `"tukey"`, `"kaiser"` .. `"hann"` unless told otherwise.
        window: &str,
        /// The parameter of the window `kaiser`, 0 to 500; 14 without it.
        beta: f64,
        /// What follows the window's name in the tuple that `scipy.signal.get_window` takes: of gaussian the
        /// standard deviation in items, of tukey alpha, of taylor `[nbar, sll]` and so on.
        window_args: impl List,
        /// Length of the transform, if a frame is to be filled up with zeros; at most 65536. Default: `size`.
        nfft: u64,
        /// What is subtracted from a frame first, its mean or the straight line that fits it best:
        /// `"constant"`, `"linear"`, `"false"`. `"constant"` unless told otherwise.
        detrend: &str,
        /// `density`: power per Hz. `spectrum`: power, so that a sine of amplitude A shows A^2 / 2 (A^2 where
        /// it is complex): `"density"`, `"spectrum"`. `"density"` unless told otherwise.
        scaling: &str,
        /// `dB`: ten times the decimal logarithm of the power, -400 where it is 0 or less than that:
        /// `"power"`, `"dB"`. `"power"` unless told otherwise.
        scale: &str,
        /// Items per second, where the stream does not know it or knows it wrong; a density needs one.
        rate: f64,
    }

    /// Power of each frame, frequency by frequency.
    ///
    /// The n-th frame, the items `n * hop .. n * hop + size`, becomes a vector of powers: column n of
    /// `scipy.signal.spectrogram(x, fs, window, nperseg=size, noverlap=size - hop, nfft=nfft,
    /// detrend=detrend, scaling=scaling)[2]`.
    fn spectrogram[T: Numbers, U: Numbers<Number = RealOf<T>>]() -> <T, U> = "spectrogram";

    struct Welch {
        /// Items in a frame, at most 65536: SciPy's `nperseg`. In items, `256` unless told otherwise.
        size: impl Length,
        /// Items from one frame's beginning to the next one's: SciPy's `nperseg - noverlap`. Default: half of
        /// `size`, rounded up. In items.
        hop: impl Length,
        /// Frames in a mean; 8 without it. In frames.
        segments: u64,
        /// Frames from one mean's beginning to the next one's. Default: `segments`, no frame in two means. In
        /// frames.
        every: u64,
        /// One vector, when the stream has ended: the mean of all of its frames, as SciPy's function gives for a
        /// whole array. `false` unless told otherwise.
        whole: bool,
        /// What a frame is multiplied with, in the periodic form that `scipy.signal.get_window` gives, under its
        /// name there: `"hamming"`, `"tukey"`, `"kaiser"` .. `"hann"` unless told otherwise.
        window: &str,
        /// The parameter of the window `kaiser`, 0 to 500; 14 without it.
        beta: f64,
        /// What follows the window's name in the tuple that `scipy.signal.get_window` takes: of gaussian the
        /// standard deviation in items, of tukey alpha, of taylor `[nbar, sll]` and so on.
        window_args: impl List,
        /// Length of the transform, if a frame is to be filled up with zeros; at most 65536. Default: `size`.
        nfft: u64,
        /// What is subtracted from a frame first, its mean or the straight line that fits it best:
        /// `"constant"`, `"linear"`, `"false"`. `"constant"` unless told otherwise.
        detrend: &str,
        /// `density`: power per Hz. `spectrum`: power, so that a sine of amplitude A shows A^2 / 2 (A^2 where
        /// it is complex): `"density"`, `"spectrum"`. `"density"` unless told otherwise.
        scaling: &str,
        /// `median`: the middle one of the frames, bin by bin, over SciPy's factor for its bias: `"mean"`,
        /// `"median"`. `"mean"` unless told otherwise.
        average: &str,
        /// Items per second, where the stream does not know it or knows it wrong; a density needs one.
        rate: f64,
    }

    /// Power spectrum: the mean over some frames, again and again.
    ///
    /// Welch's method, running: frames as `spectrogram` has them, and for each `every` frames the mean of the
    /// powers of `segments` of them.
    fn welch[T: Numbers, U: Numbers<Number = RealOf<T>>]() -> <T, U> = "welch";

    /// Cross power spectrum of two streams: the mean over some frames, again and again.
    ///
    /// As [`welch()`], of the stream x that it is applied to and another one, y: the mean of conj(X) Y.
    fn csd[T: Numbers, U: Numbers<Number = CxOf<T>>](; y: &Stream<T>) -> <T, U> = "csd";

    struct Coherence {
        /// Items in a frame, at most 65536: SciPy's `nperseg`. In items, `256` unless told otherwise.
        size: impl Length,
        /// Items from one frame's beginning to the next one's: SciPy's `nperseg - noverlap`. Default: half of
        /// `size`, rounded up. In items.
        hop: impl Length,
        /// Frames in a mean; 8 without it. In frames.
        segments: u64,
        /// Frames from one mean's beginning to the next one's. Default: `segments`, no frame in two means. In
        /// frames.
        every: u64,
        /// One vector, when the stream has ended: the mean of all of its frames, as SciPy's function gives for a
        /// whole array. `false` unless told otherwise.
        whole: bool,
        /// What a frame is multiplied with, in the periodic form that `scipy.signal.get_window` gives, under its
        /// name there: `"hamming"`, `"tukey"`, `"kaiser"` .. `"hann"` unless told otherwise.
        window: &str,
        /// The parameter of the window `kaiser`, 0 to 500; 14 without it.
        beta: f64,
        /// What follows the window's name in the tuple that `scipy.signal.get_window` takes: of gaussian the
        /// standard deviation in items, of tukey alpha, of taylor `[nbar, sll]` and so on.
        window_args: impl List,
        /// Length of the transform, if a frame is to be filled up with zeros; at most 65536. Default: `size`.
        nfft: u64,
        /// What is subtracted from a frame first, its mean or the straight line that fits it best:
        /// `"constant"`, `"linear"`, `"false"`. `"constant"` unless told otherwise.
        detrend: &str,
    }

    /// How far two streams go together, frequency by frequency: 0 to 1.
    ///
    /// The squared magnitude of the cross spectrum over the product of the two power spectra, each the mean of
    /// `segments` frames: `scipy.signal.coherence` of that stretch.
    fn coherence[T: Numbers, U: Numbers<Number = RealOf<T>>](; y: &Stream<T>) -> <T, U> = "coherence";

    struct Dct {
        /// Numbers in a block, 1 to 65536. Vector items are blocks already.
        size: u64,
        /// `2`: to cosines, the usual one. `3`: from them. `2` unless told otherwise.
        kind = "type": &str,
        /// `backward`: not scaled. `ortho`: so that lengths stay. `forward`: divided by 2 size. `"backward"`
        /// unless told otherwise.
        norm: &str,
    }

    /// Discrete cosine transform of each block of `size` real numbers.
    ///
    /// Each block becomes one vector item of as many numbers: `scipy.fft.dct(block, type=kind, norm=norm)`.
    fn dct[T: Numbers, U: Numbers<Number = RealOf<T>>]() -> <T, U> = "dct";

    struct Mel {
        /// How many bands: librosa's `n_mels`. `128` unless told otherwise.
        bands: u64,
        /// Where the first band begins. In Hz, `0` unless told otherwise.
        fmin: f64,
        /// Where the last band ends. Default: half of `rate`. In Hz.
        fmax: f64,
        /// The scale of HTK, and not Slaney's. `false` unless told otherwise.
        htk: bool,
        /// `slaney`: each triangle has the area 1 Hz. `none`: the height 1. `"slaney"` unless told otherwise.
        norm: &str,
    }

    /// Mel bands of spectra: as the ear gathers frequencies; with [`dct()`], MFCCs.
    ///
    /// Each vector of powers at the frequencies 0 to rate / 2 becomes one of `bands` sums, weighted by
    /// triangles that overlap by half on the mel scale: those of `librosa.filters.mel`. `rate` is that of the
    /// signal that the spectra are of.
    fn mel[T: Numbers, U: Numbers<Number = RealOf<T>>](rate: f64) -> <T, U> = "mel";

    struct Detrend {
        /// `linear`: the line of least squares is taken off. `constant`: the mean. `"linear"` unless told
        /// otherwise.
        kind = "type": &str,
    }

    /// Takes a window's mean, or the straight line that fits it best, off it.
    ///
    /// `scipy.signal.detrend(window, type=kind)`, of each vector.
    fn detrend[T: Numbers]() -> <T, Float<T>> = "detrend";

    struct Cepstrum {
        /// Items in a frame, at most 65536: SciPy's `nperseg`. In items, `256` unless told otherwise.
        size: impl Length,
        /// Items from one frame's beginning to the next one's: SciPy's `nperseg - noverlap`. Default: half of
        /// `size`, rounded up. In items.
        hop: impl Length,
        /// What a frame is multiplied with, in the periodic form that `scipy.signal.get_window` gives, under its
        /// name there: `"hamming"`, `"tukey"`, `"kaiser"` .. `"hann"` unless told otherwise.
        window: &str,
        /// The parameter of the window `kaiser`, 0 to 500; 14 without it.
        beta: f64,
        /// What follows the window's name in the tuple that `scipy.signal.get_window` takes: of gaussian the
        /// standard deviation in items, of tukey alpha, of taylor `[nbar, sll]` and so on.
        window_args: impl List,
        /// Length of the transform, if a frame is to be filled up with zeros; at most 65536. Default: `size`.
        nfft: u64,
    }

    /// Real cepstrum of each frame.
    ///
    /// The n-th frame, the items `n * hop .. n * hop + size`, is multiplied with the window and becomes
    /// `scipy.fft.irfft(log(abs(scipy.fft.rfft(frame, nfft))), nfft)`: a vector of nfft real numbers.
    fn cepstrum[T: Numbers, U: Numbers<Number = RealOf<T>>]() -> <T, U> = "cepstrum";

    struct Goertzel {
        /// Items from one frame's beginning to the next one's. Default: `size`. In items.
        hop: impl Length,
        /// Items per second, where the stream does not know it or knows it wrong; a density needs one.
        rate: f64,
    }

    /// A few frequencies of each frame: tones, carriers.
    ///
    /// The n-th frame, the items `n * hop .. n * hop + size`, becomes for each frequency f the sum of `x[k]`
    /// exp(-2 pi i k f / rate), k counted from the frame's beginning: what `fft` has at that frequency, which
    /// need not be one of its bins.
    fn goertzel[T: Numbers, U: Numbers<Number = CxOf<T>>](freq: impl List, size: impl Length) -> <T, U> = "goertzel";

    struct Octaves {
        /// Bands in an octave: 1, 3 and so on to 24. `1` unless told otherwise.
        fraction: u64,
        /// A frequency in the lowest band. In Hz, `31.5` unless told otherwise.
        low: f64,
        /// A frequency in the highest band. Default: 16000, or as high as the rate allows. In Hz.
        high: f64,
        /// Order of each band's Butterworth prototype, 1 to 4. `3` unless told otherwise.
        order: u64,
        /// `dB`: 20 log10 of the root mean square, -200 for silence: `"rms"`, `"dB"`. `"rms"` unless told
        /// otherwise.
        scale: &str,
        /// Items per second, where the stream does not know it or knows it wrong; a density needs one.
        rate: f64,
    }

    /// The level of each octave band, a window at a time.
    ///
    /// Filters into bands of an octave, or a part of one, and gives for each `size` items a vector with the
    /// root mean square of each band, from the lowest to the highest.
    fn octaves[T: Numbers, U: Numbers<Number = RealOf<T>>](size: impl Length) -> <T, U> = "octaves";
}
