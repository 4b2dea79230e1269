//! Filters: recursive (`iir_`) and finite (`fir_`), smoothers, another rate.
//!
//! Integers are filtered as `f64`, vectors element by element; a filter starts from rest and gives an item for each item.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("filters");
//! let x = g.source("x", ops::noise(1).rate(8_000.0).items(4_000));
//! let band = x.apply("band", ops::iir_bandpass(300.0, 3_000.0).order(6).design("cheby1").ripple(0.5));
//! let low = x.apply("low", ops::fir_lowpass(500.0).numtaps(101).window("blackman").decimate(4));
//! let other = low.apply("other", ops::resample().up(3).down(2)).collect("kept");
//! # band.write("end", ops::null());
//! g.run_in_process()?;
//! assert_eq!(other.items().len(), 1_500);
//! # Ok::<(), thalweg::Error>(())
//! ```

use super::kinds::{Cx, Float, List, Numbers};
use super::rows::operators;

operators! {
    struct IirDesign {
        /// Order of the prototype, 1 to 64 (bessel: to 25). A band filter has twice as many poles, as in
        /// SciPy. `4` unless told otherwise.
        order: u64,
        /// The family, as SciPy calls it: flat, rippling in the pass band, in the stop band, in both, or of
        /// even delay: `"butter"`, `"cheby1"`, `"cheby2"`, `"ellip"`, `"bessel"`. `"butter"` unless told
        /// otherwise.
        design: &str,
        /// How far the pass band goes below 1 (cheby1 and ellip): `rp` of SciPy, above 0. In dB.
        ripple: f64,
        /// How far the stop band is down at least (cheby2 and ellip): `rs` of SciPy, above 0. In dB.
        attenuation: f64,
        /// What a bessel filter's frequency is about, as in SciPy: the phase's middle (the default), the
        /// delay, or -3 dB: `"phase"`, `"delay"`, `"mag"`.
        norm: &str,
        /// Items per second, where the stream does not know it or knows it wrong.
        rate: f64,
    }

    /// Low-pass: Butterworth, Chebyshev, elliptic or Bessel.
    ///
    /// A filter in second-order sections, the numbers of `scipy.signal.sosfilt(sos, x)`, where `sos` is
    /// `scipy.signal.butter(order, .., output="sos", fs=rate)`, or `cheby1(order, ripple, ..)`,
    /// `cheby2(order, attenuation, ..)`, `ellip(order, ripple, attenuation, ..)`, `bessel(order, ..,
    /// norm=norm)`: it starts from rest and gives one item per item.
    fn iir_lowpass[T: Numbers](cutoff: f64) -> <T, Float<T>> = "iir.lowpass";

    /// High-pass: Butterworth, Chebyshev, elliptic or Bessel.
    ///
    /// As [`iir_lowpass()`].
    fn iir_highpass[T: Numbers](cutoff: f64) -> <T, Float<T>> = "iir.highpass";

    /// Band-pass: Butterworth, Chebyshev, elliptic or Bessel.
    ///
    /// As [`iir_lowpass()`].
    fn iir_bandpass[T: Numbers](low: f64, high: f64) -> <T, Float<T>> = "iir.bandpass";

    /// Band-stop: Butterworth, Chebyshev, elliptic or Bessel.
    ///
    /// As [`iir_lowpass()`].
    fn iir_bandstop[T: Numbers](low: f64, high: f64) -> <T, Float<T>> = "iir.bandstop";

    struct Lfilter {
        /// The denominator's coefficients; the first is not 0. `1` unless told otherwise.
        a: impl List,
        /// What the filter remembers at first, of every element: as many numbers as the longer of `a` and `b`
        /// less one. Default: 0, at rest.
        zi: impl List,
    }

    /// Filter of given numerator and denominator.
    ///
    /// `scipy.signal.lfilter(b, a, x, zi=zi)`, in direct form II transposed with SciPy's order of additions,
    /// one item out for each item in.
    fn lfilter[T: Numbers](b: impl List) -> <T, Float<T>> = "lfilter";

    struct Iir {
        /// What the sections remember at first, of every element: two numbers a section. Default: 0, at rest.
        zi: impl List,
    }

    /// Recursive filter of given second-order sections.
    ///
    /// `scipy.signal.sosfilt(sos, x, zi=zi)`, one item out for each item in. A filter whose poles are not
    /// inside the unit circle grows without bound, as it does in SciPy.
    fn iir[T: Numbers](sos: impl List) -> <T, Float<T>> = "iir";

    struct IirBiquad {
        /// The quality factor: more is narrower, steeper. `0.7071067811865476` unless told otherwise.
        q: f64,
        /// How far a peak or shelf is raised, negative ones lowered: -200 to 200. In dB.
        gain: f64,
        /// Items per second, where the stream does not know it or knows it wrong.
        rate: f64,
    }

    /// One section of the audio cookbook: pass, shelf, peak, notch, all-pass.
    ///
    /// The filters of Robert Bristow-Johnson's Cookbook formulae for audio equalizer biquad filter
    /// coefficients, from rest, one item out for each item in.
    fn iir_biquad[T: Numbers](kind: &str, freq: f64) -> <T, Float<T>> = "iir.biquad";

    struct IirResonator {
        /// The frequency over the width between the two places where the gain is down by 3 dB. `30` unless
        /// told otherwise.
        q: f64,
        /// Items per second, where the stream does not know it or knows it wrong.
        rate: f64,
    }

    /// Takes one frequency out.
    ///
    /// `scipy.signal.iirnotch(w0, q, fs=rate)`, applied by `lfilter` from rest: a section whose gain is 0 at
    /// `w0` and 1 far from it. Types as `iir.lowpass`. Source: Orfanidis, Introduction to Signal Processing,
    /// section 11.3.
    fn iir_notch[T: Numbers](w0: f64) -> <T, Float<T>> = "iir.notch";

    /// Leaves one frequency.
    ///
    /// `scipy.signal.iirpeak(w0, q, fs=rate)`, applied by `lfilter` from rest: a section whose gain is 1 at
    /// `w0` and 0 far from it. Types as `iir.lowpass`. Source: Orfanidis, Introduction to Signal Processing,
    /// section 11.3.
    fn iir_peak[T: Numbers](w0: f64) -> <T, Float<T>> = "iir.peak";

    struct IirComb {
        /// The frequency over the width between the two places where the gain is down by 3 dB. `30` unless
        /// told otherwise.
        q: f64,
        /// Whether the teeth are taken out or left: `"notch"`, `"peak"`. `"notch"` unless told otherwise.
        ftype: &str,
        /// Whether frequency 0 passes: a tooth of a peak, between two teeth of a notch. `false` unless told
        /// otherwise.
        pass_zero: bool,
        /// Items per second, where the stream does not know it or knows it wrong.
        rate: f64,
    }

    /// Takes a frequency and its multiples out, or leaves them.
    ///
    /// `scipy.signal.iircomb(w0, q, ftype=ftype, fs=rate, pass_zero=pass_zero)`, applied by `lfilter` from
    /// rest: one item out for each item in. The rate must be a multiple of `w0`, and at most 1000000 of it.
    /// Types as `iir.lowpass`; computed in f64.
    fn iir_comb[T: Numbers](w0: f64) -> <T, Float<T>> = "iir.comb";

    struct DcBlock {
        /// How long it remembers, 0 to below 1: more is a lower edge. `0.995` unless told otherwise.
        pole: f64,
    }

    /// Takes the constant part out.
    ///
    /// `y[n] = x[n] - x[n-1] + pole y[n-1]`: a zero at frequency 0 and a pole beside it; the gain is down by
    /// 3 dB near `(1 - pole) rate / (2 pi)` Hz. From rest, one item out for each item in; types as
    /// `iir.lowpass`. Source: J. O.
    fn dc_block[T: Numbers]() -> <T, Float<T>> = "dc_block";

    struct FirDesign {
        /// How many taps a design has, 1 to 1000000; 101 without it. A filter that passes half the rate needs
        /// an odd number.
        numtaps: u64,
        /// The window function of a design, as `scipy.signal.get_window` calls it: `"hann"`, `"tukey"`,
        /// `"kaiser"` .. `"hamming"` unless told otherwise.
        window: &str,
        /// The parameter of the window `kaiser`, 0 to 500: more is a wider transition and lower side lobes.
        beta: f64,
        /// What follows the window's name in the tuple that `scipy.signal.get_window` takes: of gaussian the
        /// standard deviation in items, of tukey alpha, of taylor `[nbar, sll]` and so on.
        window_args: impl List,
        /// How far a design may be off in its pass and stop bands, 8 to 500 dB below 1: with `width` it sets
        /// the window kaiser, its beta and the number of taps as `scipy.signal.kaiserord` does (one tap more
        /// where an odd number is needed).
        ripple: f64,
        /// The width of a design's transitions; goes with `ripple`. In Hz.
        width: f64,
        /// How long filters are computed. direct: tap by tap, each output as soon as its item is here. fft:
        /// overlap-save by Fourier transforms, in blocks of about three times the taps; a block's outputs
        /// come when the block is whole. auto: fft from 1024 taps on, where nothing is decimated: `"auto"`,
        /// `"direct"`, `"fft"`. `"auto"` unless told otherwise.
        method: &str,
        /// Whether a design's gain is made exactly 1 in the middle of its first pass band (at 0 or half the
        /// rate if the band ends there). `true` unless told otherwise.
        scale: bool,
        /// Items per second, where the stream does not know it or knows it wrong.
        rate: f64,
        /// Of how many items of the filtered stream one is given, `y[::decimate]`, and only that one is
        /// computed; 1 to 1000000000. The rate becomes rate / decimate. `1` unless told otherwise.
        decimate: u64,
    }

    /// Windowed-sinc low-pass.
    ///
    /// `fir` with taps designed by a windowed sinc, the numbers of `scipy.signal.firwin(numtaps, ..,
    /// window=window, scale=scale, fs=rate)` (or as many as `ripple` and `width` ask for): linear phase,
    /// delayed by `(numtaps - 1) / 2` items.
    fn fir_lowpass[T: Numbers](cutoff: f64) -> <T, Float<T>> = "fir.lowpass";

    /// Windowed-sinc high-pass.
    ///
    /// As [`fir_lowpass()`].
    fn fir_highpass[T: Numbers](cutoff: f64) -> <T, Float<T>> = "fir.highpass";

    /// Windowed-sinc band-pass.
    ///
    /// As [`fir_lowpass()`].
    fn fir_bandpass[T: Numbers](low: f64, high: f64) -> <T, Float<T>> = "fir.bandpass";

    /// Windowed-sinc band-stop.
    ///
    /// As [`fir_lowpass()`].
    fn fir_bandstop[T: Numbers](low: f64, high: f64) -> <T, Float<T>> = "fir.bandstop";

    struct Fir {
        /// A design's edge, or several growing ones: the gain there is one half. In Hz.
        cutoff: impl List,
        /// How many taps a design has, 1 to 1000000; 101 without it. A filter that passes half the rate needs
        /// an odd number.
        numtaps: u64,
        /// The window function of a design, as `scipy.signal.get_window` calls it: `"hann"`, `"tukey"`,
        /// `"kaiser"` .. `"hamming"` unless told otherwise.
        window: &str,
        /// The parameter of the window `kaiser`, 0 to 500: more is a wider transition and lower side lobes.
        beta: f64,
        /// What follows the window's name in the tuple that `scipy.signal.get_window` takes: of gaussian the
        /// standard deviation in items, of tukey alpha, of taylor `[nbar, sll]` and so on.
        window_args: impl List,
        /// How far a design may be off in its pass and stop bands, 8 to 500 dB below 1: with `width` it sets
        /// the window kaiser, its beta and the number of taps as `scipy.signal.kaiserord` does (one tap more
        /// where an odd number is needed).
        ripple: f64,
        /// The width of a design's transitions; goes with `ripple`. In Hz.
        width: f64,
        /// How long filters are computed. direct: tap by tap, each output as soon as its item is here. fft:
        /// overlap-save by Fourier transforms, in blocks of about three times the taps; a block's outputs
        /// come when the block is whole. auto: fft from 1024 taps on, where nothing is decimated: `"auto"`,
        /// `"direct"`, `"fft"`. `"auto"` unless told otherwise.
        method: &str,
        /// What a design passes: `"true"` (so without it), frequency 0, which is lowpass for one edge and bandstop
        /// for two; `"false"`, what is beyond the first edge; or by its name, `"lowpass"`, `"highpass"`,
        /// `"bandpass"`, `"bandstop"`.
        pass_zero: &str,
        /// Whether a design's gain is made exactly 1 in the middle of its first pass band (at 0 or half the
        /// rate if the band ends there). `true` unless told otherwise.
        scale: bool,
        /// Items per second, where the stream does not know it or knows it wrong.
        rate: f64,
        /// Of how many items of the filtered stream one is given, `y[::decimate]`, and only that one is
        /// computed; 1 to 1000000000. The rate becomes rate / decimate. `1` unless told otherwise.
        decimate: u64,
    }

    /// A finite filter of given taps: item n is `taps[0] x[n] + taps[1] x[n-1] + ..`.
    fn fir[T: Numbers](taps: impl List) -> <T, Float<T>> = "fir";

    struct FirWindowed {
        /// How many taps a design has, 1 to 1000000; 101 without it. A filter that passes half the rate needs
        /// an odd number.
        numtaps: u64,
        /// The window function of a design, as `scipy.signal.get_window` calls it: `"hann"`, `"tukey"`,
        /// `"kaiser"` .. `"hamming"` unless told otherwise.
        window: &str,
        /// The parameter of the window `kaiser`, 0 to 500: more is a wider transition and lower side lobes.
        beta: f64,
        /// What follows the window's name in the tuple that `scipy.signal.get_window` takes: of gaussian the
        /// standard deviation in items, of tukey alpha, of taylor `[nbar, sll]` and so on.
        window_args: impl List,
        /// How far a design may be off in its pass and stop bands, 8 to 500 dB below 1: with `width` it sets
        /// the window kaiser, its beta and the number of taps as `scipy.signal.kaiserord` does (one tap more
        /// where an odd number is needed).
        ripple: f64,
        /// The width of a design's transitions; goes with `ripple`. In Hz.
        width: f64,
        /// How long filters are computed. direct: tap by tap, each output as soon as its item is here. fft:
        /// overlap-save by Fourier transforms, in blocks of about three times the taps; a block's outputs
        /// come when the block is whole. auto: fft from 1024 taps on, where nothing is decimated: `"auto"`,
        /// `"direct"`, `"fft"`. `"auto"` unless told otherwise.
        method: &str,
        /// What a design passes: `"true"` (so without it), frequency 0, which is lowpass for one edge and bandstop
        /// for two; `"false"`, what is beyond the first edge; or by its name, `"lowpass"`, `"highpass"`,
        /// `"bandpass"`, `"bandstop"`.
        pass_zero: &str,
        /// Whether a design's gain is made exactly 1 in the middle of its first pass band (at 0 or half the
        /// rate if the band ends there). `true` unless told otherwise.
        scale: bool,
        /// Items per second, where the stream does not know it or knows it wrong.
        rate: f64,
        /// Of how many items of the filtered stream one is given, `y[::decimate]`, and only that one is
        /// computed; 1 to 1000000000. The rate becomes rate / decimate. `1` unless told otherwise.
        decimate: u64,
    }

    /// A windowed-sinc design as SciPy's `firwin`: one cutoff, or several for bands.
    ///
    /// `fir_lowpass` and its kin are the same for one band.
    fn fir_windowed[T: Numbers](cutoff: impl List) -> <T, Float<T>> = "fir";

    struct FirFirls {
        /// How many taps: an odd number, 3 to 2001. `101` unless told otherwise.
        numtaps: u64,
        /// How much each band's errors count, above 0; without it all alike.
        weight: impl List,
        /// Items per second, where the stream does not know it or knows it wrong.
        rate: f64,
    }

    /// Least-squares filter.
    ///
    /// `fir` with the taps of `scipy.signal.firls(numtaps, bands, desired, weight=weight, fs=rate)`: the
    /// weighted mean of the squared errors is as small as it can be. Delayed by `(numtaps - 1) / 2` items.
    fn fir_firls[T: Numbers](bands: impl List, desired: impl List) -> <T, Float<T>> = "fir.firls";

    struct FirRemez {
        /// How many taps, 3 to 2001. `101` unless told otherwise.
        numtaps: u64,
        /// How much each band's errors count, above 0; without it all alike.
        weight: impl List,
        /// Symmetric taps, or antisymmetric ones: `"bandpass"`, `"differentiator"`, `"hilbert"`. `"bandpass"`
        /// unless told otherwise.
        kind = "type": &str,
        /// Items per second, where the stream does not know it or knows it wrong.
        rate: f64,
    }

    /// Equiripple filter (Parks-McClellan).
    ///
    /// `fir` with the taps of `scipy.signal.remez(numtaps, bands, desired, weight=weight, type=type,
    /// fs=rate)`: the largest weighted error is as small as it can be. Delayed by `(numtaps - 1) / 2` items.
    fn fir_remez[T: Numbers](bands: impl List, desired: impl List) -> <T, Float<T>> = "fir.remez";

    struct FirRrc {
        /// The roll-off: by what part the band is wider than it must be, 0 to 1. `0.35` unless told
        /// otherwise.
        alpha: f64,
        /// How many taps, an odd number up to 1000001; 11 symbols without it.
        numtaps: u64,
        /// The gain at 0 Hz: the sum of the taps. `1` unless told otherwise.
        gain: f64,
        /// Items per second, where the stream does not know it or knows it wrong.
        rate: f64,
        /// Of how many items of the filtered stream one is given, `y[::decimate]`, and only that one is
        /// computed; 1 to 1000000000. The rate becomes rate / decimate. `1` unless told otherwise.
        decimate: u64,
    }

    /// Root-raised cosine: shapes symbols, or matches their shape.
    ///
    /// `fir` with the taps of GNU Radio's `firdes.root_raised_cosine(gain, rate, symbol_rate, alpha,
    /// numtaps)`: used at both ends, no symbol is heard at the moment of another. Delayed by `(numtaps - 1) /
    /// 2` items.
    fn fir_rrc[T: Numbers](symbol_rate: f64) -> <T, Float<T>> = "fir.rrc";

    struct Differentiator {
        /// How many taps: an odd number, 3 to 2001. `21` unless told otherwise.
        numtaps: u64,
        /// The window function of a design, as `scipy.signal.get_window` calls it: `"hann"`, `"tukey"`,
        /// `"kaiser"` .. `"hamming"` unless told otherwise.
        window: &str,
        /// The parameter of the window `kaiser`, 0 to 500: more is a wider transition and lower side lobes.
        beta: f64,
        /// What follows the window's name in the tuple that `scipy.signal.get_window` takes: of gaussian the
        /// standard deviation in items, of tukey alpha, of taylor `[nbar, sll]` and so on.
        window_args: impl List,
    }

    /// The derivative, smooth and delayed.
    ///
    /// The derivative per second where the rate is known, else per item: `fir` with the taps of an ideal
    /// differentiator, `(-1)^k / k` at k items from the middle, faded out by a window and scaled so that a
    /// straight line gives its slope.
    fn differentiator[T: Numbers]() -> <T, Float<T>> = "differentiator";

    struct Savgol {
        /// Which derivative, 0 is the value itself. `0` unless told otherwise.
        deriv: u64,
        /// The distance of the items, for derivatives: 1 / rate makes them per second. `1` unless told
        /// otherwise.
        delta: f64,
        /// What there is beyond the stream's ends: `"interp"`, `"mirror"`, `"nearest"`, `"constant"`, as SciPy
        /// has them; `"delayed"`: nothing is made up, and nothing waited for. `"delayed"` unless told otherwise.
        mode: &str,
        /// What is beyond the ends with `mode("constant")`. `0` unless told otherwise.
        cval: f64,
    }

    /// Savitzky-Golay smoothing, or a smooth derivative.
    ///
    /// `scipy.signal.savgol_filter(x, window_length, polyorder, deriv, delta, mode=mode, cval=cval)`; without a
    /// `mode` delayed: item n of the output belongs to item `n - (window_length - 1) / 2` of the input.
    fn savgol[T: Numbers](window_length: u64, polyorder: u64) -> <T, Float<T>> = "savgol";

    struct Hilbert {
        /// How many taps: an odd number, 3 to 2001. `65` unless told otherwise.
        numtaps: u64,
        /// The window function of a design, as `scipy.signal.get_window` calls it: `"hann"`, `"tukey"`,
        /// `"kaiser"` .. `"hamming"` unless told otherwise.
        window: &str,
        /// The parameter of the window `kaiser`, 0 to 500: more is a wider transition and lower side lobes.
        beta: f64,
        /// What follows the window's name in the tuple that `scipy.signal.get_window` takes: of gaussian the
        /// standard deviation in items, of tukey alpha, of taylor `[nbar, sll]` and so on.
        window_args: impl List,
    }

    /// The analytic signal: a quarter of a turn later beside the signal itself.
    ///
    /// Complex items: the real part is the input delayed by `(numtaps - 1) / 2` items, the imaginary part its
    /// Hilbert transform, by the ideal taps `2 / (pi k)` at odd distances k from the middle, faded out by a
    /// window (GNU Radio's `hilbert_fc` does the same, and then scales the taps to gain 1 in the middle of the
    /// band; these are not scaled).
    fn hilbert[T: Numbers]() -> <T, Cx<T>> = "hilbert";

    struct Resample {
        /// How many times the rate is raised, 1 to 100000. `1` unless told otherwise.
        up: u64,
        /// How many times it is then lowered, 1 to 100000. `1` unless told otherwise.
        down: u64,
        /// The parameter of the window kaiser, 0 to 500. `5` unless told otherwise.
        beta: f64,
        /// A filter at the raised rate instead, an odd number of taps of gain 1: they are multiplied by `up`.
        taps: impl List,
    }

    /// Another rate: up / down times as many items.
    ///
    /// `scipy.signal.resample_poly(x, up, down, window=("kaiser", beta))`, item for item, or with `taps` of
    /// one's own (`window=taps`): filtered at the rate `up` times higher by a windowed sinc of 20 max(up,
    /// down) + 1 taps, of which one of `down` items is kept.
    fn resample[T: Numbers]() -> <T, Float<T>> = "resample";
}
