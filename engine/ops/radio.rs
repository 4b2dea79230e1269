//! Radio: frequency shift, modulation and demodulation, loops, symbols.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("radio");
//! let audio = g.source("audio", ops::sine(400.0).rate(48_000.0).items(4_800).dtype::<f32>());
//! let sent = audio.apply("sent", ops::fm_mod().deviation(5_000.0));
//! let moved = sent.apply("moved", ops::shift(10_000.0));
//! let back = moved.apply("back", ops::shift(-10_000.0));
//! let heard = back.apply("heard", ops::fm_demod().deviation(5_000.0)).collect("kept");
//! g.run_in_process()?;
//! let f32s: Vec<f32> = heard.items();
//! assert_eq!(f32s.len(), 4_800);
//! # Ok::<(), thalweg::Error>(())
//! ```

use super::kinds::{Cx, Float, Length, List, Number, Numbers, Real};
use super::rows::operators;

operators! {
    struct Shift {
        /// The angle that the first item is turned by. In rad, `0` unless told otherwise.
        phase: f64,
        /// Items per second, where the stream does not know it or knows it wrong.
        rate: f64,
    }

    /// Shifts the spectrum: times a complex tone.
    ///
    /// Item n times exp(i (2 pi freq n / rate + phase)): what lay at 0 Hz lies at `freq` then. To bring a
    /// station at f to 0 Hz, shift by -f. GNU Radio's `rotator_cc` with a phase increment of 2 pi freq /
    /// rate.
    fn shift[T: Numbers](freq: f64) -> <T, Cx<T>> = "shift";

    struct AmMod {
        /// What each number is multiplied with. `1` unless told otherwise.
        depth: f64,
        /// The carrier's level. `1` unless told otherwise.
        carrier: f64,
    }

    /// Amplitude modulation of a carrier at 0 Hz.
    ///
    /// Gives carrier + depth x as complex numbers. `shift` brings it to its place; without a carrier both
    /// side bands alone are left.
    fn am_mod[T: Numbers]() -> <T, Cx<T>> = "am.mod";

    struct AmDemod {
        /// The carrier's level, taken away from the envelope. `0` unless told otherwise.
        carrier: f64,
    }

    /// Amplitude demodulation: the envelope.
    ///
    /// The absolute value of each item, less `carrier`. GNU Radio's `complex_to_mag`; with `carrier = 1` its
    /// `am_demod_cf`, without the low-pass that follows there.
    fn am_demod[T: Numbers]() -> <T, Real<T>> = "am.demod";

    struct FmMod {
        /// The angle that 1 turns by from an item to the next; 1 without it. In rad.
        sensitivity: f64,
        /// Instead of `sensitivity`: the frequency that 1 stands for (75000 in broadcasting). In Hz.
        deviation: f64,
        /// Items per second, where the stream does not know it or knows it wrong.
        rate: f64,
    }

    /// Frequency modulation of a carrier at 0 Hz.
    ///
    /// exp(i p), where p is the sum of `sensitivity` times all items up to this one: GNU Radio's
    /// `frequency_modulator_fc`. With `deviation` the sensitivity is 2 pi deviation / rate: 1 turns at that
    /// frequency.
    fn fm_mod[T: Numbers]() -> <T, Cx<T>> = "fm.mod";

    struct FmDemod {
        /// What each angle is multiplied with; 1 without it. In 1/rad.
        gain: f64,
        /// Instead of `gain`: the frequency that gives 1 (75000 in broadcasting). In Hz.
        deviation: f64,
        /// Items per second, where the stream does not know it or knows it wrong.
        rate: f64,
    }

    /// Frequency demodulation: the angle from each item to the next.
    ///
    /// `gain` times the angle of `x[n]` conj(`x[n - 1]`), the item before the first being 0: GNU Radio's
    /// `quadrature_demod_cf`.
    fn fm_demod[T: Numbers]() -> <T, Real<T>> = "fm.demod";

    struct PmMod {
        /// The angle that 1 stands for. In rad, `1` unless told otherwise.
        sensitivity: f64,
    }

    /// Phase modulation of a carrier at 0 Hz.
    ///
    /// exp(i sensitivity x): GNU Radio's `phase_modulator_fc`. A number that is not finite gives the angle 0.
    fn pm_mod[T: Numbers]() -> <T, Cx<T>> = "pm.mod";

    struct PmDemod {
        /// What each angle is multiplied with. In 1/rad, `1` unless told otherwise.
        gain: f64,
        /// Whether the angle goes on beyond a turn. `false` unless told otherwise.
        unwrap: bool,
    }

    /// Phase demodulation: the angle of each item.
    ///
    /// `gain` times the angle of each item, within -pi and pi: GNU Radio's `complex_to_arg`. With `unwrap`
    /// whole turns are added such that no step is larger than half a turn, as `numpy.unwrap(numpy.angle(x))`
    /// does; the turns are counted, so nothing drifts.
    fn pm_demod[T: Numbers]() -> <T, Real<T>> = "pm.demod";

    struct Pll {
        /// The highest frequency of the loop; half the rate without it. In Hz.
        max_freq: f64,
        /// The lowest frequency of the loop; minus half the rate without it. In Hz.
        min_freq: f64,
        /// The loop's damping, above 0; sqrt(2) / 2 without it.
        damping: f64,
        /// Items per second, where the stream does not know it or knows it wrong.
        rate: f64,
    }

    /// Phase-locked loop: follows a carrier.
    ///
    /// The loop has a phase and a frequency.
    ///
    /// Gives the item times exp(-i phase): the carrier at 0 Hz.
    fn pll[T: Numbers](bandwidth: f64) -> <T, T> = "pll", output = "carrier";

    /// The oscillator of a phase-locked loop, exp(i phase): see [`pll()`].
    fn pll_reference[T: Numbers](bandwidth: f64) -> <T, T> = "pll", output = "reference";

    /// The frequency of a phase-locked loop in Hz: see [`pll()`].
    fn pll_freq[T: Numbers](bandwidth: f64) -> <T, Real<T>> = "pll", output = "freq";

    struct Costas {
        /// How many phases the symbols have: 2, 4 or 8. `4` unless told otherwise.
        order: u64,
    }

    /// Costas loop: takes the carrier's phase off keyed symbols.
    ///
    /// Each item is turned back by the loop's phase, then the loop follows what is left of the symbols' phase: GNU
    /// Radio's `costas_loop_cc`. The bandwidth is in radians per item, 2 pi / 100 is usual.
    fn costas[T: Numbers](bandwidth: f64) -> <T, T> = "costas", output = "symbols";

    /// The frequency of a Costas loop in radians per item: see [`costas()`].
    fn costas_freq[T: Numbers](bandwidth: f64) -> <T, Real<T>> = "costas", output = "freq";

    struct Channelizer {
        /// The low-pass at the input's rate, instead of the one that is designed.
        taps: impl List,
        /// How long the designed low-pass is: more is steeper. `16` unless told otherwise.
        taps_per_channel: u64,
    }

    /// Parts a band into channels side by side (polyphase filter bank).
    ///
    /// Each vector has an item of each of so many channels, rate / channels apart and at rate / channels each; element
    /// 0 is the channel around 0 Hz: GNU Radio's `pfb_channelizer_ccf`. `unstack` makes a stream of each.
    fn channelizer[E: Number, const N: usize](channels: u64) -> <E, [E; N]> = "channelizer";

    struct DifferentialEncode {
        /// How many symbols there are, 2 to 256. `2` unless told otherwise.
        modulus: u64,
    }

    /// Symbols as steps from one to the next: GNU Radio's `diff_encoder_bb`.
    fn differential_encode[]() -> <u8, u8> = "differential.encode";

    struct DifferentialDecode {
        /// How many symbols there are, 2 to 256. `2` unless told otherwise.
        modulus: u64,
    }

    /// Symbols of the steps from one to the next: GNU Radio's `diff_decoder_bb`.
    fn differential_decode[]() -> <u8, u8> = "differential.decode";

    struct Scramble {
        /// The register before the first bit. `0` unless told otherwise.
        seed: u64,
    }

    /// Bits mixed with those before them, by a shift register: GNU Radio's `scrambler_bb`.
    fn scramble[](mask: u64, length: u64) -> <u8, u8> = "scramble";

    struct Descramble {
        /// The register before the first bit. `0` unless told otherwise.
        seed: u64,
    }

    /// Undoes [`scramble()`]: GNU Radio's `descrambler_bb`.
    fn descramble[](mask: u64, length: u64) -> <u8, u8> = "descramble";

    struct AccessCode {
        /// How many of the bits may be wrong. `0` unless told otherwise.
        threshold: u64,
        /// The tags' key. `access_code` unless told otherwise.
        key: &str,
    }

    /// Passes bits on, with a tag behind each place where a code stands: GNU Radio's `correlate_access_code_tag_bb`.
    ///
    /// The code's bits are `0` and `1`, at most 64 of them.
    fn access_code[](code: &str) -> <u8, u8> = "access_code";

    struct Agc {
        /// How fast the gain follows; above 0. It settles within some 1 / rate items of level 1. In per item,
        /// `0.0001` unless told otherwise.
        rate: f64,
        /// The level to reach. `1` unless told otherwise.
        reference: f64,
        /// The gain to begin with. `1` unless told otherwise.
        gain: f64,
        /// The gain is never above it; 0: no limit. `0` unless told otherwise.
        max_gain: f64,
    }

    /// Automatic gain control: keeps the level at `reference`.
    ///
    /// Gives y = gain x, and after each item changes the gain by rate (reference - |y|), at most to
    /// `max_gain`: GNU Radio's `agc_cc` for complex numbers, `agc_ff` for real ones. The gain is kept in f64.
    /// An item that is not finite leaves the gain as it was.
    fn agc[T: Numbers]() -> <T, T> = "agc";

    struct Squelch {
        /// How much of the smoothed power each item makes: above 0, at most 1. `0.0001` unless told
        /// otherwise.
        alpha: f64,
        /// How long the signal fades in and out, at most 1000000 items. `0` unless told otherwise.
        ramp: impl Length,
        /// Whether items below the threshold are left out instead of silenced. `false` unless told otherwise.
        gate: bool,
    }

    /// Silence, or nothing, while the power is below a threshold.
    ///
    /// The power is that of the items, smoothed: p = alpha |x|^2 + (1 - alpha) p, from 0 on. While it is
    /// below `threshold` the items become 0, or with `gate` are left out. With `ramp` the signal fades in and
    /// out by a raised cosine of that many items.
    fn squelch[T: Numbers](threshold: f64) -> <T, T> = "squelch";

    struct Correlate {
        /// The pattern's imaginary part, as many numbers.
        pattern_im: impl List,
        /// Whether the loudness is taken out. `false` unless told otherwise.
        normalize: bool,
    }

    /// Correlation with a pattern: its matched filter.
    ///
    /// Item n is the sum over k of conj(`pattern[k]`) `x[n - (L - 1) + k]`, L the pattern's length: the
    /// pattern's last item has just come. Items before the stream's beginning count as 0.
    fn correlate[T: Numbers](pattern: impl List) -> <T, T> = "correlate";

    struct ClockMm {
        /// How fast omega follows; a fourth of the square of `gain_mu` is usual. Not below 0. `0.0076` unless
        /// told otherwise.
        gain_omega: f64,
        /// Where between the fourth item and the fifth the first symbol is looked for, 0 to 1. In items,
        /// `0.5` unless told otherwise.
        mu: f64,
        /// How fast the moment follows. Not below 0. `0.175` unless told otherwise.
        gain_mu: f64,
        /// By what part of itself omega may be off, 0 to below 1. `0.005` unless told otherwise.
        omega_relative_limit: f64,
    }

    /// Clock recovery after Mueller and Muller: one item for each symbol.
    ///
    /// Looks for a symbol every `omega` items and gives the signal's value there, between items by a filter
    /// of 8 taps.
    fn clock_mm[T: Numbers](omega: f64) -> <T, T> = "clock.mm";

    struct ClockGardner {
        /// How fast the loop follows: its natural frequency, above 0 and up to 1. In radians per symbol, `0.045`
        /// unless told otherwise.
        bandwidth: f64,
        /// Of the loop, above 0 and up to 10; 1 follows without swinging over. `1` unless told otherwise.
        damping: f64,
        /// By how much the symbols' distance may differ from `sps`; less than half of it. In items, `1.5` unless
        /// told otherwise.
        max_deviation: f64,
    }

    /// Clock recovery after Gardner: one item for each symbol.
    ///
    /// Looks for a symbol every `sps` items, and for the value half way to it, which should be the mean of the two:
    /// whatever the carrier's phase.
    fn clock_gardner[T: Numbers](sps: f64) -> <T, T> = "clock.gardner";

    struct SliceBinary {}

    /// One bit of each number: its sign.
    ///
    /// 1 for a number that is 0 or above, 0 for one below (and for a NaN): GNU Radio's `binary_slicer_fb`.
    fn slice_binary[T: Numbers]() -> <T, u8> = "slice.binary";

    struct SliceQpsk {}

    /// Two bits of each complex number: its quadrant.
    ///
    /// 1 where the real part is above 0, and 2 more where the imaginary part is: what the decision maker of
    /// GNU Radio's `constellation_qpsk` gives, whose points are -1-i, 1-i, -1+i and 1+i.
    fn slice_qpsk[T: Numbers]() -> <T, u8> = "slice.qpsk";

    struct Preemphasis {
        /// The time constant: 75e-6 in America and Korea, 50e-6 elsewhere. `0.000075` unless told otherwise.
        tau: f64,
        /// From where on it raises no more, below half the rate; 0.925 times that without it. In Hz.
        high: f64,
        /// Items per second, where the stream does not know it or knows it wrong.
        rate: f64,
    }

    /// FM pre-emphasis: raises the treble as a receiver will lower it.
    ///
    /// A filter with a zero at 1 / (2 pi tau) Hz and a pole at `high`, by the bilinear transform with both
    /// kept, gain 1 at 0 Hz: GNU Radio's `fm_preemph`. Types and state as `iir.lowpass`.
    fn preemphasis[T: Numbers]() -> <T, Float<T>> = "preemphasis";

    struct Deemphasis {
        /// The time constant: 75e-6 in America and Korea, 50e-6 elsewhere. `0.000075` unless told otherwise.
        tau: f64,
        /// Items per second, where the stream does not know it or knows it wrong.
        rate: f64,
    }

    /// FM de-emphasis: a low-pass with a time constant.
    ///
    /// A filter of one pole at 1 / (2 pi tau) Hz, by the bilinear transform with that frequency kept, gain 1
    /// at 0 Hz: GNU Radio's `fm_deemph`. Types and state as `iir.lowpass`.
    fn deemphasis[T: Numbers]() -> <T, Float<T>> = "deemphasis";
}
