//! Windows that remember: one whose result is updated item by item, and ones that decide where the next begins.

use std::marker::PhantomData;

use bytemuck::Pod;

use super::by_row::with_own;
use super::rows::{Column, NoWindow, Windows};
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::sliding::dynamic::Span;
use crate::types::Item;

pub use crate::sliding::dynamic::{Growth, NoGrowth};

/// Gives `get(state)` for each window, whose state `add` and `remove` keep up to date: each item is added
/// once when it comes into the window and removed once when it leaves, however large the window is.
///
/// The state starts as `init`, which is that of an empty window, and survives kills. Floating-point sums that
/// are added to and subtracted from drift: the error grows with the length of the stream, not of the window
/// (integers do not drift; where windows do not overlap the state starts anew with each, and nothing does).
pub fn running<T, S, U>(
    windows: Windows<T>,
    init: S,
    add: impl FnMut(&mut S, &T) + 'static,
    remove: impl FnMut(&mut S, &T) + 'static,
    get: impl FnMut(&S) -> U + 'static,
) -> Blueprint
where
    T: Item,
    S: Pod,
    U: Item,
{
    let port = windows.port();
    let agent = Running {
        windows,
        empty: init,
        add,
        remove,
        get,
        types: PhantomData::<fn() -> U>,
    };
    Blueprint::new(agent)
        .input(port)
        .output(OutPort::new(U::item_type(), None))
        .state(with_own::spec(&init, &0u64))
}

/// State: the user's, then the number of the row it is made for.
struct Running<T, S, Add, Remove, Get, Types> {
    windows: Windows<T>,
    empty: S,
    add: Add,
    remove: Remove,
    get: Get,
    types: PhantomData<Types>,
}

impl<T, S, U, Add, Remove, Get> Agent for Running<T, S, Add, Remove, Get, fn() -> U>
where
    T: Item,
    S: Pod,
    U: Item,
    Add: FnMut(&mut S, &T),
    Remove: FnMut(&mut S, &T),
    Get: FnMut(&S) -> U,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let first = self.windows.done(input.position());
        let newest = input.position() + input.len() as u64;
        let ready = self.windows.done(newest).saturating_sub(first);
        let n = usize::try_from(ready)
            .unwrap_or(usize::MAX)
            .min(output.space());
        let view = self.windows.view(input, first, n);
        let (state, made) = with_own::parts::<S, u64>(&mut io.state);
        // A copy, so that the loop keeps it in registers.
        let mut local = *state;
        for (i, y) in output.room::<U>()[..n].iter_mut().enumerate() {
            let row = first + i as u64;
            *y = self.step(&mut local, row, *made, Windows::at(&view, i));
            *made = row + 1;
        }
        *state = local;
        output.produce(n);
        let reach = newest.min(self.windows.end(first + n as u64) - 1);
        input.consume(reach.saturating_sub(input.position()) as usize);
        Ok(Status::Ready)
    }
}

impl<T, S, U, Add, Remove, Get> Running<T, S, Add, Remove, Get, fn() -> U>
where
    T: Item,
    S: Pod,
    Add: FnMut(&mut S, &T),
    Remove: FnMut(&mut S, &T),
    Get: FnMut(&S) -> U,
{
    /// Adds what came into the window of this row, gives its result, removes what the next one does not have.
    /// Before it windows up to `made` were made: one that was left out is made up for.
    fn step(&mut self, state: &mut S, row: u64, made: u64, items: &[T]) -> U {
        let (begin, end) = self.windows.span(row);
        let known = match row.checked_sub(1) {
            Some(last) if made == row => self.windows.end(last).max(begin),
            _ => {
                *state = self.empty;
                begin
            }
        };
        let fresh = &items[(known - begin) as usize..];
        fresh.iter().for_each(|x| (self.add)(state, x));
        let result = (self.get)(state);
        let next = self.windows.span(row + 1).0;
        if next >= end {
            *state = self.empty;
        } else {
            let gone = &items[..(next - begin) as usize];
            gone.iter().for_each(|x| (self.remove)(state, x));
        }
        result
    }
}

/// Windows of `len` items whose function says how far to move on: `f(state, w)` gives an item, or nothing,
/// and the number of items from this window's beginning to the next one's.
///
/// A window is given once it is full; a rest at the end that fills none is not. A move by 0 items ends the run
/// with an error. The state starts as `init` and survives kills.
pub fn striding<T, S, U, F>(len: usize, init: S, f: F) -> Result<Blueprint, NoWindow>
where
    T: Item,
    S: Pod,
    U: Item,
    F: FnMut(&mut S, &[T]) -> (Option<U>, usize) + 'static,
{
    strides(len, init, false, f)
}

/// As [`striding`], and once the stream has ended `f` sees what is left, too: less than `len` items, less each
/// time, until nothing is left or it moves by 0.
pub fn striding_to_the_end<T, S, U, F>(len: usize, init: S, f: F) -> Result<Blueprint, NoWindow>
where
    T: Item,
    S: Pod,
    U: Item,
    F: FnMut(&mut S, &[T]) -> (Option<U>, usize) + 'static,
{
    strides(len, init, true, f)
}

fn strides<T, S, U, F>(len: usize, init: S, rest: bool, mut f: F) -> Result<Blueprint, NoWindow>
where
    T: Item,
    S: Pod,
    U: Item,
    F: FnMut(&mut S, &[T]) -> (Option<U>, usize) + 'static,
{
    if len == 0 {
        return Err(NoWindow { len, step: 1 });
    }
    let first = Span {
        begin: 0,
        end: len as u64,
        mark: 0,
    };
    let step = move |state: &mut S, items: &[T], span: &mut Span| {
        let (y, step) = f(state, items);
        if step == 0 && items.len() < len {
            // Of the rest it wants no more.
            span.begin = u64::MAX;
            return Ok(y);
        }
        if step == 0 {
            let at = span.begin;
            return Err(format!(
                "the window at item {at} is to move by 0 items: it would come again for ever; move by at least 1"
            ));
        }
        span.begin = span.begin.saturating_add(step as u64);
        span.end = span.begin.saturating_add(len as u64);
        Ok(y)
    };
    Ok(moving(len, first, init, rest, step))
}

/// Growing windows that can be set back: `f(state, w)` gives an item, and true to begin anew.
///
/// Windows begin at the same item while they grow from `min` by `step` to `max`, each with its end `step` items further; then
/// they are the last `max` items, every `step`. When `f` has asked for it, at the largest size or before, the window
/// that follows the next (or this) one of the largest size is of the last `min` items again, with the same
/// end, and grows from there. The state starts as `init` and survives kills.
pub fn dynamic<T, S, U, F>(growth: Growth, init: S, mut f: F) -> Result<Blueprint, NoGrowth>
where
    T: Item,
    S: Pod,
    U: Item,
    F: FnMut(&mut S, &[T]) -> (U, bool) + 'static,
{
    let growth = growth.checked()?;
    let step = move |state: &mut S, items: &[T], span: &mut Span| {
        let (y, again) = f(state, items);
        growth.advance(span, again);
        Ok(Some(y))
    };
    Ok(moving(growth.max, growth.first(), init, false, step))
}

/// Windows of at most `most` items, the first at `span`; `f` moves the span, whose end never goes back. With `rest`
/// it sees what the stream's end leaves of a window, too.
fn moving<T, S, U, F>(most: usize, span: Span, init: S, rest: bool, f: F) -> Blueprint
where
    T: Item,
    S: Pod,
    U: Item,
    F: FnMut(&mut S, &[T], &mut Span) -> Result<Option<U>, String> + 'static,
{
    let agent = Moving {
        f,
        rest,
        types: PhantomData::<fn(&mut S, T) -> U>,
    };
    Blueprint::new(agent)
        .input(InPort::new(T::item_type()).retain(most - 1))
        .output(OutPort::new(U::item_type(), None))
        .state(with_own::spec(&init, &span))
}

struct Moving<F, Types> {
    f: F,
    rest: bool,
    types: PhantomData<Types>,
}

impl<T, S, U, F> Agent for Moving<F, fn(&mut S, T) -> U>
where
    T: Item,
    S: Pod,
    U: Item,
    F: FnMut(&mut S, &[T], &mut Span) -> Result<Option<U>, String>,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let (state, span) = with_own::parts::<S, Span>(&mut io.state);
        // Where the window's last item was left out, the window is.
        let left_out = (input.position() + 1).saturating_sub(span.end);
        (span.begin, span.end) = (span.begin + left_out, span.end + left_out);
        let (items, past) = input.past::<T>();
        let oldest = input.position() - past as u64;
        let newest = oldest + items.len() as u64;
        let mut refused = None;
        let gives_rest = self.rest && input.is_ended();
        let is_ready = |span: &Span| span.end <= newest || (gives_rest && span.begin < newest);
        while is_ready(span) && !output.is_full() {
            let end = span.end.min(newest);
            let window = &items[(span.begin - oldest) as usize..(end - oldest) as usize];
            let mut after = (*state, *span);
            match (self.f)(&mut after.0, window, &mut after.1) {
                Err(why) => {
                    refused = Some(AgentError::new(why));
                    break;
                }
                Ok(given) => {
                    given.into_iter().for_each(|item| output.push(item));
                    (*state, *span) = after;
                }
            }
        }
        let has_more = is_ready(span);
        let reach = newest.min(span.end - 1);
        let taken = reach.saturating_sub(input.position()) as usize;
        input.consume(taken);
        match refused {
            // What came before the trouble is given first, however the calls are cut.
            Some(error) if taken == 0 && output.produced() == 0 => Err(error),
            Some(_) => Ok(Status::More),
            None if gives_rest && has_more => Ok(Status::More),
            None => Ok(Status::Ready),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::{check, stream};
    use super::*;
    use crate::agent::{Input, Output, State};
    use crate::testing::{Chunks, run};

    /// What the agent gives for the items `from .. to` of 0, 1, 2, .., of which all before are still retained.
    fn call(agent: &mut Blueprint, state: &mut [u64], [from, to]: [u64; 2]) -> Vec<u64> {
        let items: Vec<u64> = (0..to).collect();
        let mut room = [0u64; 20];
        let (past, len) = (from as usize, (to - from) as usize);
        // SAFETY: `to` items that outlive the call, read only, of which `from` are retained.
        let input = unsafe {
            let unread = items.as_ptr().add(past).cast();
            Input::new(unread, len, past, from, 8, false)
        };
        // SAFETY: twenty items, borrowed for the call alone.
        let output = unsafe { Output::new(room.as_mut_ptr().cast(), 20, 0, 8) };
        let mut io = Io {
            inputs: &mut [input],
            outputs: &mut [output],
            state: State::new(bytemuck::cast_slice_mut(state)),
            draining: false,
            dials: &[],
        };
        agent.agent.work(&mut io).unwrap();
        let given = io.outputs[0].produced();
        room[..given].to_vec()
    }

    #[test]
    fn a_running_window_does_not_count_an_item_that_was_left_out_of_the_sums_alone() {
        let windows = Windows::<u64>::new(3, 1).unwrap();
        let add = |sum: &mut u64, x: &u64| *sum += x;
        let mut agent = running(windows, 0, add, |sum, x| *sum -= x, |sum| *sum);
        let mut state = [0u64; 2];
        assert_eq!(call(&mut agent, &mut state, [0, 5]), [3, 6, 9]);
        // Item 5 is left out, and with it the window that it completes.
        assert_eq!(call(&mut agent, &mut state, [6, 9]), [15, 18, 21]);
    }

    #[test]
    fn a_window_that_moves_by_itself_goes_on_behind_an_item_that_was_left_out() {
        let mut agent = striding(3, (), |(), w: &[u64]| (Some(w[0]), 1)).unwrap();
        let mut state = [0, 3, 0u64];
        assert_eq!(call(&mut agent, &mut state, [0, 5]), [0, 1, 2]);
        assert_eq!(call(&mut agent, &mut state, [6, 9]), [4, 5, 6]);
    }

    #[test]
    fn what_the_end_leaves_is_seen_by_who_wants_it() {
        // Records: how many values follow, and these.
        let items: Vec<i64> = [2, 10, 20, 1, 30, 3, 1, 2, 3, 0, 1, 7, 4, 8].to_vec();
        let sums = |(): &mut (), w: &[i64]| {
            let n = w[0] as usize;
            match w.get(1..=n) {
                Some(values) => (Some(values.iter().sum::<i64>()), n + 1),
                None => (None, 0),
            }
        };
        let make = move || striding_to_the_end(4, (), sums).unwrap();
        let expected = [bytemuck::cast_slice(&[30_i64, 30, 6, 0, 7]).to_vec()];
        check(make, &[stream(items)], &expected);
        let all = || striding_to_the_end(5, (), |(), w: &[i64]| (Some(w.len() as i64), 1)).unwrap();
        let expected = [bytemuck::cast_slice(&[5_i64, 5, 5, 4, 3, 2, 1]).to_vec()];
        check(all, &[stream(0..7_i64)], &expected);
        check(all, &[stream(0..0_i64)], &[Vec::new()]);
    }

    fn sums_of(windows: impl Fn() -> Windows<i64>) {
        let items: Vec<i64> = (0..2000).map(|n| n * 7919 % 1013 - 500).collect();
        let sum = |w: &[i64]| w.iter().sum::<i64>();
        let from_scratch = super::super::by_row::map_rows(windows(), (), move |(), w| sum(w));
        let input = [stream(items)];
        let expected = run(from_scratch, &input, Chunks::Whole, usize::MAX).unwrap();
        check(
            || {
                running(
                    windows(),
                    0i64,
                    |sum, x| *sum += x,
                    |sum, x| *sum -= x,
                    |sum| *sum,
                )
            },
            &input,
            &expected,
        );
    }

    #[test]
    fn a_running_window_adds_what_comes_and_removes_what_leaves() {
        for (len, step) in [(8, 1), (8, 3), (8, 8), (3, 10), (1, 1), (500, 7)] {
            sums_of(|| Windows::new(len, step).unwrap());
            sums_of(|| Windows::new(len, step).unwrap().growing());
        }
    }

    #[test]
    fn a_window_may_say_how_far_it_moves() {
        // Runs of equal items: each is looked at whole, then stepped over.
        let items: Vec<u32> = (0..300u32)
            .flat_map(|n| vec![n; n as usize % 5 + 1])
            .collect();
        let leap = |count: &mut u32, w: &[u32]| {
            *count += 1;
            let run = w.iter().take_while(|&&x| x == w[0]).count();
            ((run > 2).then_some([*count, w[0], run as u32]), run)
        };
        let runs = (0..300u32).map(|n| [n + 1, n, n % 5 + 1]);
        let whole = runs.filter(|row| row[2] > 2 && row[1] < 298);
        check(
            || striding(10, 0u32, leap).unwrap(),
            &[stream(items.iter().copied())],
            &[stream(whole.collect::<Vec<_>>())],
        );
    }

    #[test]
    fn a_window_that_would_stand_still_ends_the_run() {
        for chunks in [Chunks::Whole, Chunks::Single, Chunks::Random(5)] {
            let stuck = striding(2, (), |(), w: &[u8]| (Some(w[0]), usize::from(w[0] < 9)));
            let input = [stream(0..50u8)];
            let refused = run(stuck.unwrap(), &input, chunks, usize::MAX).unwrap_err();
            assert!(refused.message.contains("at item 9 "), "{refused}");
        }
    }

    #[test]
    fn a_dynamic_window_grows_slides_and_begins_anew() {
        let growth = Growth {
            min: 2,
            max: 6,
            step: 2,
        };
        let bounds = |(): &mut (), w: &[u64]| ([w[0], w[w.len() - 1]], w[0] == 4);
        check(
            || dynamic(growth, (), bounds).unwrap(),
            &[stream(0..17u64)],
            &[stream([
                [0u64, 1],
                [0, 3],
                [0, 5],
                [2, 7],
                [4, 9],
                [8, 9],
                [8, 11],
                [8, 13],
                [10, 15],
            ])],
        );
        let items: Vec<u64> = (0..3000).map(|n| n * n % 997).collect();
        let sum = |all: &mut u64, w: &[u64]| {
            *all = all.wrapping_mul(31).wrapping_add(w.iter().sum());
            (*all, all.is_multiple_of(7))
        };
        let make = || {
            let (min, max, step) = (3, 50, 4);
            dynamic(Growth { min, max, step }, 0, sum).unwrap()
        };
        let input = [stream(items)];
        let expected = run(make(), &input, Chunks::Whole, usize::MAX).unwrap();
        assert!(expected[0].len() > 4000);
        check(make, &input, &expected);
    }

    #[test]
    fn windows_of_nothing_are_refused() {
        assert!(striding(0, (), |(), w: &[u8]| (Some(w[0]), 1)).is_err());
        for (min, max, step) in [(0, 5, 1), (3, 2, 1), (1, 2, 0)] {
            let growth = Growth { min, max, step };
            assert!(dynamic(growth, (), |(), w: &[u8]| (w[0], false)).is_err());
        }
    }
}
