//! `savgol` that is not late: item n belongs to item n, and what there is at a stream's ends is made up as SciPy does it.
//!
//! An output waits for the half of its window that lies ahead. What has been given says which is the next, and its window is looked
//! back at, so there is no state.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, Status};
use crate::design::savgol::savgol_at;
use crate::op::{Args, OpError};
use crate::operators::iir::kernel::Numbers;
use crate::wide::{View, Wide};

/// What is beyond the ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ends {
    /// The polynomial of the first window, and of the last.
    Interp,
    /// The items backwards, without the last one again.
    Mirror,
    /// The last item again and again.
    Nearest,
    /// This number.
    Constant(f64),
}

/// The polynomial that is laid through each window.
pub(super) struct Polynomial {
    pub(super) window: usize,
    pub(super) order: usize,
    pub(super) deriv: usize,
    pub(super) delta: f64,
}

impl Polynomial {
    /// What the window's items are multiplied with, the newest first, for the item so far behind its middle.
    pub(super) fn taps(&self, behind: f64) -> Vec<f64> {
        let scale = self.delta.powi(self.deriv as i32);
        let taps = savgol_at(self.window, self.order, self.deriv, behind);
        taps.into_iter().map(|tap| tap / scale).collect()
    }
}

/// The agent that lays it through the input.
pub(super) fn aligned(
    args: &Args,
    polynomial: Polynomial,
    ends: Ends,
) -> Result<Blueprint, OpError> {
    let items = Numbers::of(args)?;
    let retain = polynomial.window;
    let agent = Aligned {
        middle: polynomial.taps(0.0),
        polynomial,
        ends,
        items,
        taken: Vec::new(),
        numbers: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(args.input().item_type.clone()).retain(retain))
        .output(items.out_port(args).paced(1, 1)))
}

struct Aligned {
    polynomial: Polynomial,
    ends: Ends,
    /// The taps where the whole window is there.
    middle: Vec<f64>,
    items: Numbers,
    taken: Vec<f64>,
    numbers: Vec<f64>,
}

/// The numbers of the items from `first` on, of a stream that is known to have `len` items where it has ended.
struct Known<'a> {
    numbers: &'a [f64],
    first: u64,
    len: Option<u64>,
}

impl Aligned {
    fn reach(&self) -> u64 {
        self.polynomial.window as u64 / 2
    }

    /// Adds item `n` of the output, an element after the other.
    fn add(&mut self, known: &Known<'_>, n: u64) {
        let reach = self.reach();
        let is_whole = n >= reach && known.len.is_none_or(|len| n + reach < len);
        if is_whole {
            let newest = n + reach;
            weighed(
                &self.middle,
                known,
                newest,
                self.items.width,
                &mut self.numbers,
            );
        } else if self.ends == Ends::Interp {
            let newest = match known.len {
                Some(len) if n >= reach => len - 1,
                _ => 2 * reach,
            };
            let taps = self.polynomial.taps(n as f64 - (newest - reach) as f64);
            weighed(&taps, known, newest, self.items.width, &mut self.numbers);
        } else {
            for element in 0..self.items.width {
                let terms = self.middle.iter().enumerate().map(|(back, tap)| {
                    let place = n as i64 + reach as i64 - back as i64;
                    tap * self.made_up(known, place, element)
                });
                self.numbers.push(terms.sum());
            }
        }
    }

    /// An element at a place that may be beyond the ends.
    fn made_up(&self, known: &Known<'_>, place: i64, element: usize) -> f64 {
        let last = known.len.map_or(i64::MAX, |len| len as i64 - 1);
        let place = match self.ends {
            Ends::Constant(c) if !(0..=last).contains(&place) => return c,
            Ends::Nearest => place.clamp(0, last),
            Ends::Mirror if last == 0 => 0,
            // Where the end is not known, only what is before the beginning is beyond.
            Ends::Mirror if last == i64::MAX => place.abs(),
            Ends::Mirror => {
                let turned = place.rem_euclid(2 * last);
                turned.min(2 * last - turned)
            }
            _ => place,
        };
        known.numbers[(place as u64 - known.first) as usize * self.items.width + element]
    }
}

/// Adds the sum of the items up to `newest` times the taps, of each element.
fn weighed(taps: &[f64], known: &Known<'_>, newest: u64, width: usize, into: &mut Vec<f64>) {
    let newest = (newest - known.first) as usize;
    let items = &known.numbers[(newest + 1 - taps.len()) * width..(newest + 1) * width];
    for element in 0..width {
        let back = items[element..].iter().step_by(width).rev();
        into.push(back.zip(taps).map(|(x, tap)| x * tap).sum());
    }
}

impl Agent for Aligned {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let (reach, window) = (self.reach(), self.polynomial.window as u64);
        let position = input.position();
        let end = position + input.len() as u64;
        let len = input.is_ended().then_some(end);
        let is_interp = self.ends == Ends::Interp;
        if is_interp && len.is_some_and(|len| (1..window).contains(&len)) {
            return Err(AgentError::new(format!(
                "`mode = interp` needs the {window} items of a window, and the stream has {end}: give a smaller `window_length` or another `mode`"
            )));
        }
        let reached = match len {
            Some(len) => len,
            None if is_interp && end < window => 0,
            None => end.saturating_sub(reach),
        };
        let first = output.position();
        let count = reached.saturating_sub(first).min(output.space() as u64);
        let next = first + count;
        if count > 0 {
            let tail = len
                .filter(|_| is_interp)
                .map_or(u64::MAX, |len| len - window);
            let from = first.saturating_sub(reach).min(tail);
            let to = end.min((next + reach).max(window));
            let mut taken = std::mem::take(&mut self.taken);
            let mut view = View::new(input, self.items.takes, &mut taken);
            let known = Known {
                numbers: view.range(from, to),
                first: from,
                len,
            };
            self.numbers.clear();
            (first..next).for_each(|n| self.add(&known, n));
            self.taken = taken;
            let item_len = output.item_len();
            let room = &mut output.bytes()[..count as usize * item_len];
            f64::store(&self.numbers, self.items.gives, room);
            output.produce(count as usize);
        }
        // The window of the next output stays in sight.
        let used = end.min((next + reach).max(window)).saturating_sub(position);
        input.consume(used as usize);
        match len.is_some() && next < reached {
            true => Ok(Status::More),
            false => Ok(Status::Ready),
        }
    }
}
