//! `timed_window`, `timed_zip` and `timed_mix`: functions of items by their times.

use std::marker::PhantomData;

use bytemuck::Pod;

use super::by_row::with_own;
use super::cells::Cell;
use crate::agent::{Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, Output, Status};
use crate::tags::Tags;
use crate::timed::{Gave, Progress, Windowing, check_order, earliest, is_due};
use crate::types::{Item, ItemType, Timed};

/// Gives `f(state, [begin, end], items)` for each window of time that has items, as soon as it is complete: when
/// an item has come that is [`Windowing::wait`] past its end. An `Option` gives nothing where it is `None`.
///
/// A window holds the items from its beginning up to, but not at, its end, in the order they came.
/// Windows without items are skipped. An item that comes when all of its windows are given is left out.
/// The state starts as `init` and survives kills.
pub fn timed_window<T, S, C, F>(windowing: Windowing, init: S, mut f: F) -> Blueprint
where
    Timed<T>: Item,
    T: 'static,
    S: Pod,
    C: Cell,
    F: FnMut(&mut S, [f64; 2], &[Timed<T>]) -> C + 'static,
{
    let output = OutPort::new(C::Item::item_type(), None);
    windows(
        windowing,
        init,
        output,
        move |output, state, bounds, items| {
            let cell = f(state, bounds, items).into_option();
            cell.into_iter().for_each(|y| output.push(y));
            Gave::It {
                has_room: !output.is_full(),
            }
        },
    )
}

/// Gives the frame `f(state, [begin, end], items)` for each window of time that has items, as [`timed_window`] does items.
/// Where there is no room for a frame its window comes again, to the state it met before.
pub fn timed_window_frames<T, S, B, F>(
    windowing: Windowing,
    init: S,
    item_type: ItemType,
    mut f: F,
) -> Blueprint
where
    Timed<T>: Item,
    T: 'static,
    S: Pod,
    B: AsRef<[u8]> + 'static,
    F: FnMut(&mut S, [f64; 2], &[Timed<T>]) -> B + 'static,
{
    let output = OutPort::new(item_type, None);
    windows(
        windowing,
        init,
        output,
        move |output, state, bounds, items| {
            let mut next = *state;
            if !output.give(f(&mut next, bounds, items).as_ref()) {
                return Gave::NoRoom;
            }
            *state = next;
            Gave::It { has_room: true }
        },
    )
}

/// An agent that hands each window of time that is complete to `give(output, state, [begin, end], items)`.
fn windows<T, S, G>(windowing: Windowing, init: S, output: OutPort, give: G) -> Blueprint
where
    Timed<T>: Item,
    T: 'static,
    S: Pod,
    G: FnMut(&mut Output, &mut S, [f64; 2], &[Timed<T>]) -> Gave + 'static,
{
    let agent = TimedWindow {
        windowing,
        gives_frames: output.item_type.is_framed(),
        give,
        scratch: Vec::new(),
        types: PhantomData::<fn(&mut S, T)>,
    };
    Blueprint::new(agent)
        .input(InPort::new(Timed::<T>::item_type()).retain(windowing.most))
        .output(output)
        .state(with_own::spec(&init, &Progress::new()))
}

struct TimedWindow<G, Types> {
    windowing: Windowing,
    /// Whether there is room is seen when one is given.
    gives_frames: bool,
    give: G,
    scratch: Vec<u64>,
    types: PhantomData<Types>,
}

impl<T, S, G> Agent for TimedWindow<G, fn(&mut S, T)>
where
    Timed<T>: Item,
    T: 'static,
    S: Pod,
    G: FnMut(&mut Output, &mut S, [f64; 2], &[Timed<T>]) -> Gave,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let (state, progress) = with_own::parts::<S, Progress>(&mut io.state);
        let has_room = self.gives_frames || !output.is_full();
        let give = |bounds: [f64; 2], items: &[Timed<T>]| (self.give)(output, state, bounds, items);
        let came = self
            .windowing
            .go_on(input, progress, &mut self.scratch, has_room, give)?;
        Ok(came.status())
    }
}

/// Gives `f(seconds, items)` for each time at which any of several streams has an item: those that have one there,
/// `None` of the others.
///
/// The times of each stream ascend: one that does not, or is NaN, is an error; of several items of a stream at one time each comes in a row of its
/// own. While a stream that has not ended shows no item nothing is given, for its next may be the earliest.
/// Ends when all have. `T` is an array of timed types, or a tuple of two to four.
pub fn timed_zip<T, U, F>(streams: T, f: F) -> Blueprint
where
    T: TimedRow,
    U: Item,
    F: FnMut(f64, T::Row) -> U + 'static,
{
    let ports = streams.ports();
    let agent = TimedZip {
        streams,
        f,
        types: PhantomData::<fn() -> U>,
    };
    let blueprint = Blueprint::new(agent)
        .output(OutPort::new(U::item_type(), None))
        .tags(Tags::Dropped);
    ports.into_iter().fold(blueprint, Blueprint::input)
}

/// The values of one time: `Some` for the streams that have an item there.
pub trait TimedRow: 'static {
    /// An array or a tuple of `Option`s.
    type Row;

    /// The inputs as the plan sees them.
    fn ports(&self) -> Vec<InPort>;

    /// Takes the items at this time.
    fn take(&self, inputs: &mut [Input], seconds: f64) -> Self::Row;
}

/// A stream of timed values `T`.
pub struct TimedEach<T> {
    values: PhantomData<fn() -> T>,
}

impl<T> TimedEach<T> {
    /// A stream's values, each in the row of its time.
    #[expect(
        clippy::new_without_default,
        reason = "columns are made, not defaulted"
    )]
    pub fn new() -> TimedEach<T> {
        TimedEach {
            values: PhantomData,
        }
    }
}

fn take<T: Copy>(input: &mut Input, seconds: f64) -> Option<T>
where
    Timed<T>: Item,
{
    is_due(input, seconds).then(|| {
        let value = input.items::<Timed<T>>()[0].value;
        input.consume(1);
        value
    })
}

impl<T: Copy + 'static, const N: usize> TimedRow for [TimedEach<T>; N]
where
    Timed<T>: Item,
{
    type Row = [Option<T>; N];

    fn ports(&self) -> Vec<InPort> {
        self.iter()
            .map(|_| InPort::new(Timed::<T>::item_type()).retain(1))
            .collect()
    }

    fn take(&self, inputs: &mut [Input], seconds: f64) -> [Option<T>; N] {
        std::array::from_fn(|k| take(&mut inputs[k], seconds))
    }
}

/// A row is a `Vec`, made anew for each: an array is faster where the number of streams is known.
impl<T: Copy + 'static> TimedRow for Vec<TimedEach<T>>
where
    Timed<T>: Item,
{
    type Row = Vec<Option<T>>;

    fn ports(&self) -> Vec<InPort> {
        let port = |_| InPort::new(Timed::<T>::item_type()).retain(1);
        self.iter().map(port).collect()
    }

    fn take(&self, inputs: &mut [Input], seconds: f64) -> Vec<Option<T>> {
        let taken = inputs.iter_mut().map(|input| take(input, seconds));
        taken.collect()
    }
}

macro_rules! tuples {
    ($(($($value:ident $at:tt),+))*) => {$(
        impl<$($value: Copy + 'static),+> TimedRow for ($(TimedEach<$value>,)+)
        where
            $(Timed<$value>: Item),+
        {
            type Row = ($(Option<$value>,)+);

            fn ports(&self) -> Vec<InPort> {
                vec![$(InPort::new(Timed::<$value>::item_type()).retain(1)),+]
            }

            fn take(&self, inputs: &mut [Input], seconds: f64) -> Self::Row {
                ($(take(&mut inputs[$at], seconds),)+)
            }
        }
    )*};
}

tuples! {
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
}

/// Refuses an input's next item if its time does not ascend.
fn check_orders(inputs: &[Input]) -> Result<(), AgentError> {
    let mut inputs = inputs.iter().enumerate();
    inputs.try_for_each(|(nth, input)| check_order(input, format_args!("input {nth}")))
}

struct TimedZip<T, F, Types> {
    streams: T,
    f: F,
    types: PhantomData<Types>,
}

impl<T, U, F> Agent for TimedZip<T, F, fn() -> U>
where
    T: TimedRow,
    U: Item,
    F: FnMut(f64, T::Row) -> U,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        while !output.is_full() {
            check_orders(io.inputs)?;
            let Some(seconds) = earliest(io.inputs) else {
                break;
            };
            let row = self.streams.take(io.inputs, seconds);
            output.push((self.f)(seconds, row));
        }
        Ok(Status::Ready)
    }
}

/// Gives `f(input, item)` for the items of several streams in the order of their times: of items at one time
/// those of an earlier input first. The times of each stream ascend: one that does not, or is NaN, is an error. While a stream that has not
/// ended shows no item nothing is given. Ends when all have.
pub fn timed_mix<T, U, F>(inputs: usize, f: F) -> Blueprint
where
    Timed<T>: Item,
    U: Item,
    F: FnMut(usize, Timed<T>) -> U + 'static,
{
    let agent = TimedMix {
        f,
        types: PhantomData::<fn(Timed<T>) -> U>,
    };
    let blueprint = Blueprint::new(agent)
        .output(OutPort::new(U::item_type(), None))
        .tags(Tags::Dropped);
    (0..inputs).fold(blueprint, |blueprint, _| {
        blueprint.input(InPort::new(Timed::<T>::item_type()).retain(1))
    })
}

struct TimedMix<F, Types> {
    f: F,
    types: PhantomData<Types>,
}

impl<T, U, F> Agent for TimedMix<F, fn(Timed<T>) -> U>
where
    Timed<T>: Item,
    U: Item,
    F: FnMut(usize, Timed<T>) -> U,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        while !output.is_full() {
            check_orders(io.inputs)?;
            let Some(seconds) = earliest(io.inputs) else {
                break;
            };
            let due = io.inputs.iter_mut().enumerate();
            let due = due.filter(|(_, input)| is_due(input, seconds)).take(1);
            for (from, input) in due {
                output.push((self.f)(from, input.items::<Timed<T>>()[0]));
                input.consume(1);
            }
        }
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::{check, stream};
    use super::*;
    use crate::testing::{Chunks, run};
    use crate::timed::TimeWindows;

    fn at(times: &[f64]) -> Vec<u8> {
        stream(times.iter().map(|&seconds| Timed {
            seconds,
            value: (10.0 * seconds).round() as i64,
        }))
    }

    fn windowing(start: f64, step: f64, duration: f64) -> Windowing {
        Windowing {
            windows: TimeWindows::new(start, step, duration).unwrap(),
            wait: 0.0,
            flush: false,
            most: 100,
        }
    }

    /// Windows as `[end, number of items, sum of their values]`.
    fn check_windows(windowing: Windowing, times: &[f64], expected: &[[f64; 3]]) {
        let row = |(): &mut (), [_, end]: [f64; 2], items: &[Timed<i64>]| {
            let sum: i64 = items.iter().map(|item| item.value).sum();
            [end, items.len() as f64, sum as f64]
        };
        check(
            || timed_window(windowing, (), row),
            &[at(times)],
            &[stream(expected.iter().copied())],
        );
    }

    const IRREGULAR: [f64; 14] = [
        0.0, 1.0, 3.0, 4.0, 5.0, 11.0, 12.0, 13.0, 17.0, 18.0, 30.0, 31.0, 32.0, 50.0,
    ];

    #[test]
    fn a_window_has_its_beginning_and_not_its_end_and_empty_ones_are_skipped() {
        check_windows(
            windowing(2.0, 4.0, 4.0),
            &IRREGULAR,
            &[
                [6.0, 3.0, 120.0],
                [14.0, 3.0, 360.0],
                [18.0, 1.0, 170.0],
                [22.0, 1.0, 180.0],
                [34.0, 3.0, 930.0],
            ],
        );
        check_windows(
            windowing(0.0, 10.0, 20.0),
            &IRREGULAR,
            &[
                [20.0, 10.0, 840.0],
                [30.0, 5.0, 710.0],
                [40.0, 3.0, 930.0],
                [50.0, 3.0, 930.0],
            ],
        );
        check_windows(
            windowing(0.0, 4.0, 2.0),
            &IRREGULAR,
            &[
                [2.0, 2.0, 10.0],
                [6.0, 2.0, 90.0],
                [14.0, 2.0, 250.0],
                [18.0, 1.0, 170.0],
                [34.0, 1.0, 320.0],
            ],
        );
    }

    #[test]
    fn what_is_open_at_the_end_is_given_where_asked_for() {
        let flush = |windowing| Windowing {
            flush: true,
            ..windowing
        };
        check_windows(
            flush(windowing(0.0, 4.0, 4.0)),
            &[1.0, 2.0, 9.0],
            &[[4.0, 2.0, 30.0], [12.0, 1.0, 90.0]],
        );
        check_windows(
            flush(windowing(0.0, 1.0, 3.0)),
            &[4.5],
            &[[5.0, 1.0, 45.0], [6.0, 1.0, 45.0], [7.0, 1.0, 45.0]],
        );
        check_windows(flush(windowing(0.0, 1.0, 3.0)), &[], &[]);
    }

    #[test]
    fn steps_of_a_fraction_put_every_item_into_one_window() {
        let times: Vec<f64> = (0..3000).map(|n| f64::from(n) / 30.0).collect();
        let mut plan = windowing(0.0, 0.1, 0.1);
        plan.flush = true;
        let count = |(): &mut (), _: [f64; 2], items: &[Timed<i64>]| items.len() as u64;
        let counts = run(
            timed_window(plan, (), count),
            &[at(&times)],
            Chunks::Whole,
            usize::MAX,
        );
        let counts: Vec<u64> = bytemuck::cast_slice(&counts.unwrap()[0]).to_vec();
        assert_eq!(counts.iter().sum::<u64>(), 3000);
        check(
            || timed_window(plan, (), count),
            &[at(&times)],
            &[stream(counts)],
        );
    }

    #[test]
    fn a_late_item_is_left_out_and_a_wait_lets_it_in() {
        let times = [0.0, 5.0, 2.0, 9.0, 3.0, 20.0];
        check_windows(
            windowing(0.0, 4.0, 4.0),
            &times,
            &[[4.0, 1.0, 0.0], [8.0, 1.0, 50.0], [12.0, 1.0, 90.0]],
        );
        let patient = Windowing {
            wait: 6.0,
            ..windowing(0.0, 4.0, 4.0)
        };
        check_windows(
            patient,
            &times,
            &[[4.0, 3.0, 50.0], [8.0, 1.0, 50.0], [12.0, 1.0, 90.0]],
        );
    }

    #[test]
    fn a_long_gap_and_times_since_1970_cost_nothing() {
        let now = 1_700_000_000.0;
        check_windows(
            windowing(0.0, 0.5, 1.0),
            &[0.2, now + 0.7, now + 2.0],
            &[
                [1.0, 1.0, 2.0],
                [now + 1.0, 1.0, ((now + 0.7) * 10.0).round()],
                [now + 1.5, 1.0, ((now + 0.7) * 10.0).round()],
            ],
        );
    }

    #[test]
    fn a_state_goes_from_window_to_window() {
        let step = |seen: &mut i64, [_, end]: [f64; 2], items: &[Timed<i64>]| {
            *seen += 1;
            let value = items.len() as i64 + *seen - 1;
            (value % 2 == 1).then_some(Timed {
                seconds: end,
                value,
            })
        };
        let rows: [(f64, i64); 6] = [
            (4.0, 3),
            (8.0, 3),
            (12.0, 3),
            (16.0, 5),
            (32.0, 7),
            (36.0, 7),
        ];
        check(
            || timed_window(windowing(0.0, 4.0, 4.0), 0i64, step),
            &[at(&IRREGULAR)],
            &[stream(
                rows.map(|(seconds, value)| Timed { seconds, value }),
            )],
        );
    }

    #[test]
    fn more_items_than_a_window_may_hold_and_a_time_that_is_none_end_the_run() {
        let small = Windowing {
            most: 3,
            ..windowing(0.0, 4.0, 4.0)
        };
        for (times, words) in [
            (&[0.0, 1.0, 1.5, 2.0, 3.0][..], "`most` = 3"),
            (&[0.0, f64::NAN][..], "item 1 of its input has no time"),
            (&[1e300][..], "the time of item 0"),
        ] {
            for chunks in [Chunks::Whole, Chunks::Single, Chunks::Random(4)] {
                let count = |(): &mut (), _: [f64; 2], items: &[Timed<i64>]| items.len() as u64;
                let agent = timed_window(small, (), count);
                let refused = run(agent, &[at(times)], chunks, usize::MAX).unwrap_err();
                assert!(refused.message.contains(words), "{refused}");
            }
        }
    }

    #[test]
    fn a_timed_zip_has_a_row_for_each_time() {
        let a = [1.0, 3.0, 10.0, 15.0, 17.0, 21.0];
        let b = [2.0, 3.0, 9.0, 20.0, 21.0, 21.0];
        let row = |t: f64, [a, b]: [Option<i64>; 2]| {
            [
                t,
                a.map_or(-1.0, |x| x as f64),
                b.map_or(-1.0, |x| x as f64),
            ]
        };
        check(
            || timed_zip([(); 2].map(|()| TimedEach::<i64>::new()), row),
            &[at(&a), at(&b)],
            &[stream([
                [1.0, 10.0, -1.0],
                [2.0, -1.0, 20.0],
                [3.0, 30.0, 30.0],
                [9.0, -1.0, 90.0],
                [10.0, 100.0, -1.0],
                [15.0, 150.0, -1.0],
                [17.0, 170.0, -1.0],
                [20.0, -1.0, 200.0],
                [21.0, 210.0, 210.0],
                [21.0, -1.0, 210.0],
            ])],
        );
        let streams = || (TimedEach::<i64>::new(), TimedEach::<f64>::new());
        check(
            || {
                timed_zip(streams(), |t, (a, b): (Option<i64>, Option<f64>)| {
                    [t, a.unwrap_or(0) as f64 + b.unwrap_or(0.0)]
                })
            },
            &[at(&a[..2]), vec![]],
            &[stream([[1.0, 10.0], [3.0, 30.0]])],
        );
    }

    #[test]
    fn a_timed_mix_is_in_the_order_of_times_and_then_of_inputs() {
        let inputs = [at(&[0.0, 3.0, 4.0, 6.0]), at(&[1.0, 3.0, 5.0]), at(&[3.0])];
        let expected = [
            (0, 0),
            (1, 10),
            (0, 30),
            (1, 30),
            (2, 30),
            (0, 40),
            (1, 50),
            (0, 60),
        ];
        check(
            || timed_mix(3, |from, item: Timed<i64>| [from as i64, item.value]),
            &inputs,
            &[stream(expected.map(|(from, value)| [from as i64, value]))],
        );
    }
}
