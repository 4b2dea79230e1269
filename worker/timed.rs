//! Items with times: which windows of time there are, and how streams are taken in the order of their times.
//!
//! Times are seconds from a zero of the stream's own. Nothing here looks at a clock: what comes out is a
//! function of the items.

use std::fmt::Display;

use bytemuck::{Pod, Zeroable};

use crate::agent::{AgentError, Input, Status};
use crate::types::{Item, Timed};

/// Which windows of time are wanted: the k-th is `start + k * step` up to `duration` later, that end excluded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeWindows {
    /// When the first window begins, in seconds.
    pub start: f64,
    /// Seconds from one window's beginning to the next one's.
    pub step: f64,
    /// Seconds in a window.
    pub duration: f64,
    /// How many steps a duration is, where it is a whole number of them: a window then ends exactly where
    /// another begins.
    steps: Option<u64>,
    /// All three as whole numbers of a decimal part of a second, where they are written so.
    decimal: Option<Decimal>,
}

/// Whole numbers of `1 / parts` seconds, `parts` a power of ten: 0.1 s is one tenth, and three of them are 0.3.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Decimal {
    start: i64,
    step: i64,
    duration: i64,
    parts: i64,
}

impl Decimal {
    /// These with at most nine decimals, and none beyond what `f64` counts by ones.
    fn of(start: f64, step: f64, duration: f64) -> Option<Decimal> {
        (0..=9).map(|digits| 10i64.pow(digits)).find_map(|parts| {
            Some(Decimal {
                start: whole(start, parts)?,
                step: whole(step, parts)?,
                duration: whole(duration, parts)?,
                parts,
            })
        })
    }

    /// When window `k` begins, `later` parts later, as the nearest `f64` to that decimal; `None` beyond what `f64`
    /// counts by ones.
    fn after(self, k: u64, later: i64) -> Option<f64> {
        let steps = self.step.checked_mul(i64::try_from(k).ok()?)?;
        let parts = steps.checked_add(self.start)?.checked_add(later)?;
        (parts.unsigned_abs() < 1 << 53).then_some(parts as f64 / self.parts as f64)
    }
}

/// The whole number of parts that is written as these seconds.
fn whole(seconds: f64, parts: i64) -> Option<i64> {
    let count = (seconds * parts as f64).round();
    (count.abs() < WINDOWS_MAX && count / parts as f64 == seconds).then_some(count as i64)
}

/// Beyond so many steps from the start windows could not be told apart.
const WINDOWS_MAX: f64 = 9_007_199_254_740_992.0;

impl TimeWindows {
    /// These windows; `None` unless both lengths are positive and all three finite.
    pub fn new(start: f64, step: f64, duration: f64) -> Option<TimeWindows> {
        let is_length = |x: f64| x.is_finite() && x > 0.0;
        if !start.is_finite() || !is_length(step) || !is_length(duration) {
            return None;
        }
        let whole = (duration / step).round();
        let is_whole = whole >= 1.0 && (whole * step - duration).abs() <= 1e-9 * step;
        Some(TimeWindows {
            start,
            step,
            duration,
            steps: (is_whole && whole < WINDOWS_MAX).then_some(whole as u64),
            decimal: Decimal::of(start, step, duration),
        })
    }

    /// When window `k` begins. Multiplied out, in decimals where start and step are: the third step of 0.1 s
    /// is at 0.3, where an item of that time is, and errors do not add up.
    pub fn begin(&self, k: u64) -> f64 {
        let decimal = self.decimal.and_then(|decimal| decimal.after(k, 0));
        decimal.unwrap_or(self.start + k as f64 * self.step)
    }

    /// When window `k` ends.
    pub fn end(&self, k: u64) -> f64 {
        match self.steps {
            Some(steps) => self.begin(k.saturating_add(steps)),
            None => {
                let decimal = self.decimal.and_then(|d| d.after(k, d.duration));
                decimal.unwrap_or_else(|| self.begin(k) + self.duration)
            }
        }
    }

    /// The first window that ends after `seconds`; `None` for a time that is none, or out of reach.
    fn first_ending_after(&self, seconds: f64) -> Option<u64> {
        let guess = ((seconds - self.start - self.duration) / self.step).floor() + 1.0;
        if guess.is_nan() || guess > WINDOWS_MAX {
            return None;
        }
        let mut k = guess.max(0.0) as u64;
        while k > 0 && self.end(k - 1) > seconds {
            k -= 1;
        }
        while self.end(k) <= seconds {
            k += 1;
        }
        Some(k)
    }
}

/// How windows of time are made of a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Windowing {
    /// The windows.
    pub windows: TimeWindows,
    /// A window is given when an item has come that is so many seconds past its end.
    pub wait: f64,
    /// At the end of the stream the windows that have items and are not given yet are given, too.
    pub flush: bool,
    /// At most so many items are in windows that are not given yet.
    pub most: usize,
}

/// How far the windows of a stream have come: an agent's committed state.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(crate) struct Progress {
    /// The next window to be given.
    window: u64,
    /// The place of the oldest item that may be in it.
    oldest: u64,
    /// The latest time seen.
    latest: f64,
}

impl Progress {
    /// Before the first item.
    pub(crate) fn new() -> Progress {
        Progress {
            window: 0,
            oldest: 0,
            latest: f64::NEG_INFINITY,
        }
    }
}

/// What [`Windowing::go_on`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// All that is there is in windows, or was given.
    ToTheEnd,
    /// A window is full and has no room.
    ToFullOutput,
}

impl Came {
    /// What the agent says of its call.
    pub(crate) fn status(self) -> Status {
        match self {
            Came::ToTheEnd => Status::Ready,
            Came::ToFullOutput => Status::More,
        }
    }
}

/// What became of a window.
pub(crate) enum Gave {
    /// It is given. Whether there is room for another one.
    It {
        /// False where that is known not to be.
        has_room: bool,
    },
    /// There was no room for it.
    NoRoom,
}

impl Windowing {
    /// As [`Windowing::go_on_rows`], for items of a type that is known.
    pub(crate) fn go_on<T>(
        &self,
        input: &mut Input,
        progress: &mut Progress,
        scratch: &mut Vec<u64>,
        has_room: bool,
        mut give: impl FnMut([f64; 2], &[Timed<T>]) -> Gave,
    ) -> Result<Came, AgentError>
    where
        Timed<T>: Item,
    {
        self.go_on_rows(input, progress, scratch, has_room, |bounds, items| {
            give(bounds, bytemuck::cast_slice(items))
        })
    }

    /// Takes items of `input` and calls `give` with the bounds and the items of each window that is complete
    /// and has any, in the order they came, as long as `give` says that there is room for another one; a window for which there
    /// was none comes again.
    ///
    /// An item is consumed once every window that it completes is given; the input retains [`Windowing::most`]
    /// items. One that comes when all of its windows are given (it is late), and one from before the
    /// start, are in no window.
    pub(crate) fn go_on_rows(
        &self,
        input: &mut Input,
        progress: &mut Progress,
        scratch: &mut Vec<u64>,
        mut has_room: bool,
        mut give: impl FnMut([f64; 2], &[u8]) -> Gave,
    ) -> Result<Came, AgentError> {
        let (bytes, past) = input.past_elements::<u8>();
        let len = input.item_len();
        let (items, past) = (Rows { bytes, len }, past / len);
        let first = input.position() - past as u64;
        let newest = first + items.count() as u64;
        let index = |place: u64| (place - first) as usize;
        // Only where an item was left out is less retained than was wanted.
        progress.oldest = progress.oldest.max(first);
        let (mut at, mut gave) = (input.position(), false);
        let came = loop {
            let open = items.part(index(progress.oldest), index(at));
            let watermark = match (at < newest).then(|| items.at(index(at))) {
                Some(seconds) => seconds.max(progress.latest) - self.wait,
                None if input.is_ended() && self.flush && open.count() > 0 => f64::INFINITY,
                None => break Ok(Came::ToTheEnd),
            };
            if at < newest
                && let Err(why) = self.check(items.at(index(at)), at)
            {
                break Err(why);
            }
            if self.windows.end(progress.window) <= watermark {
                let bounds = [
                    self.windows.begin(progress.window),
                    self.windows.end(progress.window),
                ];
                let found = within(open, bounds, scratch);
                let is_empty = found.is_empty();
                if !is_empty {
                    if !has_room {
                        break Ok(Came::ToFullOutput);
                    }
                    match give(bounds, found) {
                        Gave::NoRoom => break Ok(Came::ToFullOutput),
                        Gave::It { has_room: more } => has_room = more,
                    }
                    gave = true;
                }
                self.advance(progress, open, watermark, is_empty);
                continue;
            }
            let begin = self.windows.begin(progress.window);
            let gone = open.seconds().take_while(|&time| time < begin).count();
            progress.oldest += gone as u64;
            if at + 1 - progress.oldest > self.most as u64 {
                break Err(self.too_many(progress));
            }
            progress.latest = items.at(index(at)).max(progress.latest);
            at += 1;
        };
        let consumed = (at - input.position()) as usize;
        input.consume(consumed);
        match came {
            // What came before the trouble is taken first, however the calls are cut.
            Err(_) if consumed > 0 || gave => Ok(Came::ToFullOutput),
            came => came,
        }
    }

    fn check(&self, seconds: f64, place: u64) -> Result<(), AgentError> {
        if seconds.is_nan() {
            return Err(no_time(place, "its input"));
        }
        match seconds.is_finite() && self.windows.first_ending_after(seconds).is_some() {
            true => Ok(()),
            false => Err(AgentError::new(format!(
                "the time of item {place} is {seconds} s: windows every {} s reach up to 2^53 of them from {} s on",
                self.windows.step, self.windows.start
            ))),
        }
    }

    fn too_many(&self, progress: &Progress) -> AgentError {
        AgentError::new(format!(
            "more than `most` = {} items are in windows that are not complete, from the window at {} s on: raise `most`, or lessen the duration or the wait",
            self.most,
            self.windows.begin(progress.window)
        ))
    }

    /// Goes on to the next window that may have an item.
    fn advance(&self, progress: &mut Progress, open: Rows<'_>, watermark: f64, was_empty: bool) {
        progress.window += 1;
        let begin = self.windows.begin(progress.window);
        let gone = open.seconds().take_while(|&time| time < begin).count();
        progress.oldest += gone as u64;
        if gone < open.count() && !was_empty {
            return;
        }
        // Nothing that is here is before `next`, and nothing that will come in time is before the watermark.
        let waiting = open.seconds().skip(gone);
        let waiting = waiting.filter(|&seconds| seconds >= begin);
        let next = waiting.fold(watermark, f64::min);
        let jump = self.windows.first_ending_after(next);
        progress.window = jump.map_or(progress.window, |k| k.max(progress.window));
    }
}

/// Timed items of one length, whatever their values are.
#[derive(Clone, Copy)]
struct Rows<'a> {
    bytes: &'a [u8],
    /// Bytes of an item.
    len: usize,
}

impl<'a> Rows<'a> {
    fn count(self) -> usize {
        self.bytes.len() / self.len
    }

    /// The time of the k-th.
    fn at(self, k: usize) -> f64 {
        bytemuck::pod_read_unaligned(&self.bytes[k * self.len..][..8])
    }

    fn part(self, from: usize, to: usize) -> Rows<'a> {
        Rows {
            bytes: &self.bytes[from * self.len..to * self.len],
            ..self
        }
    }

    fn seconds(self) -> impl DoubleEndedIterator<Item = f64> + ExactSizeIterator {
        (0..self.count()).map(move |k| self.at(k))
    }
}

/// The items of a window: a part of what is there, or a copy where others came in between.
fn within<'a>(open: Rows<'a>, [begin, end]: [f64; 2], scratch: &'a mut Vec<u64>) -> &'a [u8] {
    let is_in = |time: f64| (begin..end).contains(&time);
    let (Some(first), Some(last)) = (
        open.seconds().position(is_in),
        open.seconds().rposition(is_in),
    ) else {
        return &[];
    };
    let span = open.part(first, last + 1);
    if span.seconds().all(is_in) {
        return span.bytes;
    }
    // Timed items are whole words long.
    scratch.clear();
    for (item, time) in span.bytes.chunks_exact(span.len).zip(span.seconds()) {
        if is_in(time) {
            scratch.extend(
                item.chunks_exact(8)
                    .map(bytemuck::pod_read_unaligned::<u64>),
            );
        }
    }
    bytemuck::cast_slice(scratch)
}

/// The earliest time at which one of these inputs of timed items has its next one; `None` while that
/// is not known, because one that has not ended shows none, or all have ended.
pub(crate) fn earliest(inputs: &[Input]) -> Option<f64> {
    let mut earliest: Option<f64> = None;
    for input in inputs {
        match time_of(input) {
            Some(seconds) => {
                let known = earliest.unwrap_or(seconds);
                earliest = Some(if seconds.total_cmp(&known).is_lt() {
                    seconds
                } else {
                    known
                });
            }
            None if input.is_ended() => {}
            None => return None,
        }
    }
    earliest
}

/// The time of an input's next item: the first eight bytes of every timed item.
pub(crate) fn time_of(input: &Input) -> Option<f64> {
    let bytes = input.bytes().first_chunk::<8>()?;
    Some(f64::from_ne_bytes(*bytes))
}

/// Refuses the next item of an input, of which one is retained, if its time is below the one before, or none: what
/// joins streams by their times would give it at a wrong place, unseen.
pub(crate) fn check_order(input: &Input, name: impl Display) -> Result<(), AgentError> {
    let (bytes, past) = input.past_elements::<u8>();
    let len = input.item_len();
    let before = (past > 0).then(|| seconds_of(&bytes[past - len..]));
    match time_of(input) {
        Some(time) => check_after(before, time, input.position(), name),
        None => Ok(()),
    }
}

/// Refuses the time of the item at `position` if it does not ascend.
pub(crate) fn check_after(
    before: Option<f64>,
    time: f64,
    position: u64,
    name: impl Display,
) -> Result<(), AgentError> {
    if time.is_nan() {
        return Err(no_time(position, name));
    }
    match before {
        Some(before) if time < before => Err(AgentError::new(format!(
            "the times of {name} must ascend, and item {position} has {time} s after {before} s; sort them"
        ))),
        _ => Ok(()),
    }
}

fn no_time(position: u64, name: impl Display) -> AgentError {
    AgentError::new(format!(
        "item {position} of {name} has no time: it is NaN; leave such items out (`filter` with `t == t`)"
    ))
}

/// The time that a timed item begins with.
pub(crate) fn seconds_of(item: &[u8]) -> f64 {
    item.first_chunk()
        .map_or(f64::NAN, |bytes| f64::from_ne_bytes(*bytes))
}

/// True when the next item of this input has this time.
pub(crate) fn is_due(input: &Input, seconds: f64) -> bool {
    time_of(input).is_some_and(|time| time.total_cmp(&seconds).is_eq())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_tenths_begin_at_tenths() {
        for (start, step) in [
            (0.0, 0.1),
            (0.3, 0.1),
            (-1.7, 0.01),
            (0.0, 0.25),
            (5.0, 3e-6),
        ] {
            let windows = TimeWindows::new(start, step, step).unwrap();
            for k in 0..100_000u64 {
                let exact = |x: f64| (x * 1e9).round() as i128;
                let parts = exact(start) + i128::from(k) * exact(step);
                let (seconds, rest) = (parts / 1_000_000_000, parts % 1_000_000_000);
                let sign = if parts < 0 { "-" } else { "" };
                let text = format!("{sign}{}.{:09}", seconds.abs(), rest.abs());
                assert_eq!(
                    windows.begin(k),
                    text.parse::<f64>().unwrap(),
                    "{start} {step} {k}"
                );
            }
        }
        let longer = TimeWindows::new(0.1, 0.2, 0.5).unwrap();
        assert_eq!([0, 1, 2].map(|k| longer.end(k)), [0.6, 0.8, 1.0]);
        // No decimal of nine digits: multiplied.
        let thirds = TimeWindows::new(0.0, 1.0 / 3.0, 1.0).unwrap();
        assert_eq!(thirds.begin(7), 7.0 * (1.0 / 3.0));
        // Beyond what is counted by ones.
        let far = TimeWindows::new(0.0, 0.1, 0.1).unwrap();
        assert_eq!(far.begin(1 << 60), (1u64 << 60) as f64 * 0.1);
    }

    #[test]
    fn a_window_ends_exactly_where_another_begins() {
        for (step, duration, apart) in [(0.1, 0.1, 1), (0.1, 0.7, 7), (1.0 / 3.0, 1.0, 3)] {
            let windows = TimeWindows::new(0.3, step, duration).unwrap();
            for k in 0..10_000 {
                assert_eq!(windows.end(k), windows.begin(k + apart), "{step} {k}");
            }
        }
    }

    #[test]
    fn the_first_window_that_ends_after_a_time_is_found_at_once() {
        for (start, step, duration) in [(0.0, 1.0, 4.0), (2.5, 0.1, 0.1), (-7.0, 0.3, 0.01)] {
            let windows = TimeWindows::new(start, step, duration).unwrap();
            for n in -100..2000 {
                let seconds = f64::from(n) * 0.05;
                let k = windows.first_ending_after(seconds).unwrap();
                assert!(windows.end(k) > seconds);
                assert!(k == 0 || windows.end(k - 1) <= seconds, "{seconds}");
            }
        }
        let windows = TimeWindows::new(0.0, 1.0, 1.0).unwrap();
        assert_eq!(windows.first_ending_after(1.7e9), Some(1_700_000_000));
        assert_eq!(windows.first_ending_after(1e300), None);
        assert_eq!(windows.first_ending_after(f64::NAN), None);
    }

    #[test]
    fn windows_without_length_are_none() {
        for (start, step, duration) in [
            (0.0, 0.0, 1.0),
            (0.0, 1.0, -1.0),
            (f64::NAN, 1.0, 1.0),
            (0.0, f64::INFINITY, 1.0),
        ] {
            assert_eq!(TimeWindows::new(start, step, duration), None);
        }
    }
}
