//! Audio: loudness, room, pitch.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("audio");
//! let voice = g.source("voice", ops::saw(220.0).rate(48_000.0).items("500 ms"));
//! let room = voice.apply("quiet", ops::gain(-6.0)).apply("room", ops::reverb().room(0.8).wet(0.3));
//! let level = room.apply("level", ops::level("100 ms").function("peak")).collect("kept");
//! g.run_in_process()?;
//! assert_eq!(level.items().len(), 5);
//! # Ok::<(), thalweg::Error>(())
//! ```

use super::kinds::{Length, Numbers, Real, RealOf};
use super::rows::operators;

operators! {
    struct Gain {}

    /// Louder or quieter by `db` decibels.
    ///
    /// Multiplies each number with 10^(db / 20), in the input's own precision. Floating-point and complex
    /// numbers, and vectors of them. `db` is live: a new value holds from an item on, without a ramp. `scale`
    /// takes a plain factor.
    fn gain[T: Numbers](db: f64) -> <T, T> = "gain";

    struct Echo {
        /// How loud an echo is beside the one before it: above -1 and below 1; 0 is one echo. `0.5` unless
        /// told otherwise.
        feedback: f64,
        /// How loud the first echo is. `0.5` unless told otherwise.
        wet: f64,
        /// How loud the sound itself is. `1` unless told otherwise.
        dry: f64,
    }

    /// A sound and its echoes, weaker each time.
    ///
    /// Gives dry * `x[n]` + wet * (`x[n - delay]` + feedback * `x[n - 2 delay]` + feedback^2 * `x[n - 3
    /// delay]` + ..): a feedback comb filter, `scipy.signal.lfilter` with the transfer function dry + wet
    /// z^-delay / (1 - feedback z^-delay).
    fn echo[T: Numbers](delay: impl Length) -> <T, Real<T>> = "echo";

    struct Reverb {
        /// How large the room is, 0 to 1: combs are fed back with 0.7 + 0.28 * room. `0.5` unless told
        /// otherwise.
        room: f64,
        /// How much its walls swallow of the treble, 0 to 1. `0.5` unless told otherwise.
        damp: f64,
        /// How far apart the ears are, 0 (they hear the same) to 1. `1` unless told otherwise.
        width: f64,
        /// How loud the reverberation is; 1 is Freeverb's own default (a slider of 1/3). `1` unless told
        /// otherwise.
        wet: f64,
        /// How loud the sound itself is. `1` unless told otherwise.
        dry: f64,
        /// Items per second, where the stream does not know it or knows it wrong.
        rate: f64,
    }

    /// The sound of a room: Freeverb.
    ///
    /// Adds the reverberation of a room: eight feedback combs with damping side by side, then four allpasses
    /// in a row, for each ear. Takes one channel and gives one, or two (left, right) and gives two.
    fn reverb[T: Numbers]() -> <T, Real<T>> = "reverb";

    struct PitchShift {
        /// Items in a frame, 16 to 65536: long frames for chords, short ones for beats. In items, `2048`
        /// unless told otherwise.
        size: impl Length,
        /// Items from one frame to the next, at most a quarter of `size`. Default: a quarter. In items.
        hop: impl Length,
    }

    /// A sound higher or lower by some semitones, as fast as it was.
    ///
    /// A phase vocoder: frames of `size`, each `hop` items, through a Hann window; each bin's frequency from
    /// its phase and the one before, moved by the factor 2^(semitones / 12) to the nearest bin, phases summed
    /// up anew; frames added up through the window again.
    fn pitch_shift[T: Numbers](semitones: f64) -> <T, Real<T>> = "pitch_shift";

    struct Level {
        /// Items from one window's beginning to the next one's. Default: `size`. In items.
        step: impl Length,
        /// Which level: `"rms"`, `"peak"`. `"rms"` unless told otherwise.
        function = "fn": &str,
    }

    /// Peak or RMS level of each window, in dBFS.
    ///
    /// The n-th window is the items `n * step .. n * step + size`; its level is out as soon as it is full.
    fn level[T: Numbers](size: impl Length) -> <T, Real<T>> = "level";

    struct Loudness {
        /// Items in a window, rounded to a multiple of `step`. In items, `400 ms` unless told otherwise.
        size: impl Length,
        /// Items from one window's beginning to the next one's. In items, `100 ms` unless told otherwise.
        step: impl Length,
    }

    /// Loudness of each window, in LUFS.
    ///
    /// ITU-R BS.1770: each channel goes through the K-weighting filter, and a window is -0.691 + 10 log10 of
    /// the sum over the channels of their mean squares.
    fn loudness[T: Numbers]() -> <T, RealOf<T>> = "loudness";
}
