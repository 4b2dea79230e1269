//! `shift`: moves a spectrum up or down, by a numerically controlled oscillator.

use crate::agent::Blueprint;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::counter::{GRID, blocks};
use crate::operators::course::Course;
use crate::operators::iir;
use crate::operators::sine::{angle, turns};
use crate::types::ItemType;
use crate::units::Unit;

use super::angle::{Real, product};
use super::{Precision, RATE, complex, live_one_to_one, real, widest};

/// The row of the table.
pub const SHIFT: OpDef = OpDef {
    name: "shift",
    summary: "shifts the spectrum: times a complex tone",
    doc: "Item n times exp(i (2 pi freq n / rate + phase)): what lay at 0 Hz lies at `freq` then. To bring a station at f to 0 Hz, \
shift by -f. GNU Radio's `rotator_cc` with a phase increment of 2 pi freq / rate. The turns freq n / rate \
are kept as a 128-bit fraction, so the phase is exact at any place in the stream and has no drift; between anchors every 512 items the \
angle addition theorem is used. Real numbers become complex ones. `freq` may be negative, and aliases beyond rate / 2.",
    inputs: Arity::One,
    outputs: "one stream of complex numbers in the input's precision",
    params: &[
        ParamDef {
            name: "freq",
            kind: ParamKind::Dial,
            default: None,
            unit: "Hz",
            doc: "How far up. When it is turned the phase goes on where it was.",
        },
        ParamDef {
            name: "phase",
            kind: ParamKind::Float,
            default: Some("0"),
            unit: "rad",
            doc: "The angle that the first item is turned by.",
        },
        RATE,
    ],
    example: "sine freq=1000 rate=48000 items=4800 dtype=cf32 ! shift freq=-1000 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let rate = iir::rate(args)?;
    let freq = args.float("freq").unwrap_or(0.0);
    let phase = args.float("phase").unwrap_or(0.0);
    let is_complex = matches!(args.input().item_type, ItemType::Scalar(s) if s.is_complex());
    let precision = match is_complex {
        true => complex(args)?,
        false => real(args)?,
    };
    let made = match (precision, is_complex) {
        (Precision::Single, true) => shifted::<f32>(args, Tone::new(freq, rate, phase)),
        (Precision::Double, true) => shifted::<f64>(args, Tone::new(freq, rate, phase)),
        (Precision::Single, false) => lifted::<f32>(args, Tone::new(freq, rate, phase)),
        (Precision::Double, false) => lifted::<f64>(args, Tone::new(freq, rate, phase)),
    };
    Ok(made
        .unit(Unit::Of(0))
        .dial("freq", freq, f64::MIN..=f64::MAX))
}

fn shifted<R: Real>(args: &Args, mut tone: Tone<R>) -> Blueprint {
    let course = Course::new(tone.freq);
    live_one_to_one(
        args,
        course,
        move |course, dials, first, x: &[R::Complex], y| {
            tone.turn(course, dials[0], first);
            tone.each(first, y, |i, tone| product(R::parts(x[i]), tone));
        },
    )
}

fn lifted<R: Real>(args: &Args, mut tone: Tone<R>) -> Blueprint {
    let course = Course::new(tone.freq);
    live_one_to_one(args, course, move |course, dials, first, x: &[R], y| {
        tone.turn(course, dials[0], first);
        tone.each(first, y, |i, (re, im)| (x[i] * re, x[i] * im));
    })
}

/// A complex tone: an anchor every [`GRID`] items and the turns from there to each of the items after it.
struct Tone<R> {
    freq: f64,
    rate: f64,
    turns_per_item: u128,
    /// Turns at item 0.
    origin: u128,
    phase: f64,
    after: Box<[(R, R); GRID as usize]>,
    /// The last anchor used, and its position.
    anchor: (u64, (R, R)),
}

impl<R: Real> Tone<R> {
    fn new(freq: f64, rate: f64, phase: f64) -> Tone<R> {
        let turns_per_item = turns(freq, rate);
        let after = |i: usize| polar(angle(turns_per_item.wrapping_mul(i as u128)));
        Tone {
            freq,
            rate,
            turns_per_item,
            origin: 0,
            phase,
            after: Box::new(std::array::from_fn(after)),
            anchor: (0, polar(phase)),
        }
    }

    /// Takes the frequency that holds from item `first` on.
    fn turn(&mut self, course: &mut Course, freq: f64, first: u64) {
        let origin = course.at(freq, self.rate, first);
        if (freq, origin) != (self.freq, self.origin) {
            *self = Tone::new(freq, self.rate, self.phase);
            self.origin = origin;
            // No block begins there: the next anchor is made anew.
            self.anchor.0 = u64::MAX;
        }
    }

    /// Fills the room for the items from position `first` on with what `item` makes of the index and the tone.
    fn each(
        &mut self,
        first: u64,
        room: &mut [R::Complex],
        item: impl Fn(usize, (R, R)) -> (R, R),
    ) {
        for (base, range) in blocks(first, room.len()) {
            let anchor = self.anchor_at(base);
            let offset = (first + range.start as u64 - base) as usize;
            let after = &self.after[offset..offset + range.len()];
            let start = range.start;
            let room = &mut room[range];
            widest(|| {
                for (i, (slot, &after)) in room.iter_mut().zip(after).enumerate() {
                    let (re, im) = item(start + i, product(anchor, after));
                    *slot = R::complex(re, im);
                }
            });
        }
    }

    fn anchor_at(&mut self, base: u64) -> (R, R) {
        if self.anchor.0 != base {
            let turned = self.turns_per_item.wrapping_mul(u128::from(base));
            let angle = self.phase + angle(self.origin.wrapping_add(turned));
            self.anchor = (base, polar(angle));
        }
        self.anchor.1
    }
}

fn polar<R: Real>(angle: f64) -> (R, R) {
    let (sin, cos) = angle.sin_cos();
    (R::nearest(cos), R::nearest(sin))
}

#[cfg(test)]
mod tests {
    use num_complex::Complex;

    use crate::operators::trial::{build, given, output};

    #[test]
    fn a_tone_is_brought_to_0_hz_and_stays_there() {
        let tone = |n: usize| Complex::cis(0.3 + std::f64::consts::TAU * 0.123 * n as f64);
        let x: Vec<Complex<f64>> = (0..3000).map(tone).collect();
        let params = [("freq", (-12.3).into())];
        let y: Vec<Complex<f64>> = output("shift", &[given("cf64", &x).rate(100.0)], &params, None);
        assert!(y.iter().all(|y| (y - Complex::cis(0.3)).norm() < 1e-9));
        let x: Vec<Complex<f32>> = x
            .iter()
            .map(|x| Complex::new(x.re as f32, x.im as f32))
            .collect();
        let y: Vec<Complex<f32>> = output("shift", &[given("cf32", &x).rate(100.0)], &params, None);
        assert!(y.iter().all(|y| (y - Complex::cis(0.3)).norm() < 1e-6));
    }

    #[test]
    fn real_numbers_become_a_turning_tone() {
        let params = [("freq", 25.into()), ("phase", std::f64::consts::PI.into())];
        let y: Vec<Complex<f32>> = output(
            "shift",
            &[given("f32", &[2f32; 4]).rate(100.0)],
            &params,
            None,
        );
        for (y, (re, im)) in y
            .iter()
            .zip([(-2.0, 0.0), (0.0, -2.0), (2.0, 0.0), (0.0, 2.0)])
        {
            assert!((y - Complex::new(re, im)).norm() < 1e-6, "{y}");
        }
    }

    #[test]
    fn whole_numbers_and_a_stream_without_a_rate_are_refused() {
        let params = [("freq", 25.into())];
        let whole = build("shift", &[given("i16", &[1i16]).rate(1.0)], &params, None);
        assert_eq!(whole.unwrap_err().param.as_deref(), Some("in"));
        let unknown = build("shift", &[given("f32", &[1f32])], &params, None);
        assert!(unknown.unwrap_err().message.contains("rate is not known"));
    }
}
