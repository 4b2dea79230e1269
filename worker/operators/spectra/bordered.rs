//! Frames that reach beyond a stream's ends: `stft` with `boundary = zeros`, and with `padded`.
//!
//! The n-th frame begins `border` items earlier than without one. Which are due follows from the positions, so there is no state.

use num_complex::Complex;

use super::frames::{Part, Seen, Spectrum};
use crate::agent::{Agent, AgentError, Io, Status};
use crate::sliding::Windows;

/// What is made up at the ends, in items that are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Borders {
    /// So many before the first item, and behind the last.
    pub(super) border: u64,
    /// As many more as fill the last frame.
    pub(super) padded: bool,
}

impl Borders {
    /// How many frames a stream of so many items has.
    fn frames(self, windows: Windows, items: u64) -> u64 {
        if items == 0 {
            return 0;
        }
        let all = items + 2 * self.border;
        match (self.padded, all.checked_sub(windows.size)) {
            (true, rest) => rest.unwrap_or(0).div_ceil(windows.step) + 1,
            (false, _) => windows.ended(all),
        }
    }
}

/// Gives one item for each frame: the bytes that `finish` makes of its transform.
pub(super) struct Bordered<T: Part, F> {
    windows: Windows,
    borders: Borders,
    spectrum: Spectrum<T>,
    finish: F,
    frame: Vec<u8>,
}

impl<T: Part, F> Bordered<T, F> {
    pub(super) fn new(
        windows: Windows,
        borders: Borders,
        spectrum: Spectrum<T>,
        finish: F,
    ) -> Bordered<T, F> {
        Bordered {
            windows,
            borders,
            spectrum,
            finish,
            frame: Vec::new(),
        }
    }

    /// The position after the last item of frame `n`.
    fn end(&self, n: u64) -> u64 {
        self.windows.end(n).saturating_sub(self.borders.border)
    }

    /// Makes the n-th frame of what there is of it.
    fn take(&mut self, seen: &Seen<'_>, n: u64, item_len: usize) {
        self.frame.clear();
        self.frame.resize(self.windows.size as usize * item_len, 0);
        let start = n * self.windows.step;
        let from = start.max(self.borders.border);
        let there = seen.items(from - self.borders.border, self.end(n).min(seen.end));
        let at = (from - start) as usize * item_len;
        self.frame[at..at + there.len()].copy_from_slice(there);
    }
}

impl<T: Part, F: FnMut(&mut [Complex<T>], &mut [u8])> Agent for Bordered<T, F> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let (from, done) = (input.position(), output.position());
        let room = done + output.space() as u64;
        let is_ended = input.is_ended();
        let seen = Seen::of(input);
        let (in_len, out_len) = (seen.item_len(), output.item_len());
        // Of a frame that has no room yet nothing is let go.
        let to = seen.end.min(self.end(room).saturating_sub(1)).max(from);
        let is_last = is_ended && to == seen.end;
        let all = self.borders.frames(self.windows, seen.end);
        let slots = output.bytes().chunks_exact_mut(out_len);
        let mut given = 0;
        for (n, slot) in (done..room).zip(slots) {
            let is_due = match is_last {
                true => n < all,
                false => self.end(n) <= to,
            };
            if !is_due {
                break;
            }
            self.take(&seen, n, in_len);
            (self.finish)(self.spectrum.of(&self.frame), slot);
            given += 1;
        }
        input.consume((to - from) as usize);
        output.produce(given);
        Ok(match is_last && done + (given as u64) < all {
            true => Status::More,
            false => Status::Ready,
        })
    }
}

#[cfg(test)]
mod tests {
    use num_complex::Complex;

    use crate::op::Value;
    use crate::operators::trial::{given, output};

    type Frames = Vec<[Complex<f64>; 5]>;

    fn frames(x: &[f64], hop: i64, more: &[(&'static str, Value)]) -> Frames {
        let mut params = vec![("size", Value::Int(8)), ("hop", Value::Int(hop))];
        params.extend(more.iter().cloned());
        output("stft", &[given("f64", x)], &params, None)
    }

    #[test]
    fn borders_are_zeros_around_the_stream() {
        for len in [1, 3, 8, 9, 40, 41, 47] {
            let x: Vec<f64> = (1..=len).map(|n| f64::from(n * 7919 % 101)).collect();
            for hop in [1, 3, 4, 8, 11] {
                let zeros = |count: usize| vec![0.0; count];
                let framed = [zeros(4), x.clone(), zeros(4)].concat();
                let bordered = [("boundary", "zeros".into())];
                assert_eq!(
                    frames(&x, hop, &bordered),
                    frames(&framed, hop, &[]),
                    "{len} {hop}"
                );
                // SciPy's `padded`: as many zeros as a whole number of hops lacks.
                let padded = |x: &[f64]| {
                    let over = x.len().saturating_sub(8) % hop as usize;
                    let lacks = if over == 0 { 0 } else { hop as usize - over };
                    [
                        x.to_vec(),
                        zeros(lacks.max(8_usize.saturating_sub(x.len()))),
                    ]
                    .concat()
                };
                let both = [("boundary", "zeros".into()), ("padded", true.into())];
                assert_eq!(frames(&x, hop, &both), frames(&padded(&framed), hop, &[]));
                let alone = [("padded", true.into())];
                assert_eq!(frames(&x, hop, &alone), frames(&padded(&x), hop, &[]));
            }
        }
        assert!(frames(&[], 4, &[("boundary", "zeros".into())]).is_empty());
    }
}
