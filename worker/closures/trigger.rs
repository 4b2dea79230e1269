//! `sample`, `release`, `drain`, `gate`: one stream says what of another goes on, and when.
//!
//! Where the two streams' items have times, or are counted, what comes out is a function of the items. [`drain`]
//! alone asks what has arrived, and says so.
//!
//! Items are passed on as bytes; a timed item begins with its time, an `f64`.

use crate::agent::{
    Agent, AgentError, Blueprint, Ends, InPort, Input, Io, OutPort, Output, StateSpec, Status,
    pass_on,
};
use crate::tags::Tags;
use crate::timed::{check_after, check_order, seconds_of, time_of};
use crate::types::ItemType;

/// For each trigger the newest item of the first input that is not later, at the trigger's time. A trigger before the
/// first item gives nothing. Both inputs are timed, their times ascend: one that does not, or is NaN, is an error. Ends
/// with the triggers.
pub fn sample(items: ItemType, triggers: ItemType) -> Blueprint {
    Blueprint::new(Sample)
        .input(InPort::new(items.clone()).retain(1))
        .input(InPort::new(triggers).retain(1))
        .output(OutPort::new(items, None).keeps_unit())
        .tags(Tags::Dropped)
}

/// Each trigger lets all items of the first input pass that are not later than it. Both inputs are timed, their times
/// ascend: one that does not, or is NaN, is an error. Ends with the triggers: items after the last one are not given.
pub fn release(items: ItemType, triggers: ItemType) -> Blueprint {
    Blueprint::new(Release)
        .input(InPort::new(items.clone()).retain(1))
        .input(InPort::new(triggers).retain(1))
        .output(OutPort::new(items, None).keeps_unit())
        .tags(Tags::Dropped)
}

/// Each trigger is a number, and lets so many items of the first input pass. `count` reads it, and gives what is none
/// as an error that ends the run. Ends with the triggers, or with the items.
pub fn release_counted(
    items: ItemType,
    triggers: ItemType,
    count: impl Fn(&[u8]) -> Result<u64, f64> + 'static,
) -> Blueprint {
    Blueprint::new(Counted { count })
        .input(InPort::new(items.clone()))
        .input(InPort::new(triggers))
        .output(OutPort::new(items, None).keeps_unit())
        .state(StateSpec::of(0u64))
}

/// Each trigger lets all items of the first input pass that have arrived when it is seen: this depends on timing.
/// Ends with the triggers.
pub fn drain(items: ItemType, triggers: ItemType) -> Blueprint {
    Blueprint::new(Drain)
        .input(InPort::new(items.clone()))
        .input(InPort::new(triggers))
        .output(OutPort::new(items, None).keeps_unit())
        .state(StateSpec::of(0u64))
        .not_deterministic()
}

/// The items of the first input that stand beside a number other than 0 in the second, which `is_open` reads. Ends
/// with the shorter.
pub fn gate(
    items: ItemType,
    flags: ItemType,
    is_open: impl Fn(&[u8]) -> bool + 'static,
) -> Blueprint {
    Blueprint::new(Gate { is_open })
        .input(InPort::new(items.clone()))
        .input(InPort::new(flags))
        .output(OutPort::new(items, None).keeps_unit())
        .ends(Ends::AnyInput)
}

/// The time of the next trigger, which must ascend.
fn next_trigger(triggers: &Input) -> Result<Option<f64>, AgentError> {
    check_order(triggers, "the triggers")?;
    Ok(time_of(triggers))
}

/// How many of the unread items, whose times must ascend, are not later than `seconds`, `most` at most.
fn until(input: &Input, seconds: f64, most: usize) -> Result<usize, AgentError> {
    let len = input.item_len();
    let (bytes, past) = input.past_elements::<u8>();
    let mut before = (past > 0).then(|| seconds_of(&bytes[past - len..]));
    for (nth, item) in bytes[past..].chunks_exact(len).enumerate() {
        let time = seconds_of(item);
        check_after(before, time, input.position() + nth as u64, "the items")?;
        if nth == most || time > seconds {
            return Ok(nth);
        }
        before = Some(time);
    }
    Ok(input.len())
}

/// Nothing that is not later than `seconds` will follow what was consumed.
fn is_past(input: &Input, seconds: f64) -> bool {
    time_of(input).map_or(input.is_exhausted(), |first| first > seconds)
}

fn ended_with(triggers: &Input) -> Status {
    match triggers.is_exhausted() {
        true => Status::Done,
        false => Status::Ready,
    }
}

struct Sample;

impl Agent for Sample {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let [items, triggers] = io.inputs else {
            unreachable!("two inputs, as built");
        };
        let output = &mut io.outputs[0];
        while let Some(seconds) = next_trigger(triggers)? {
            let due = until(items, seconds, usize::MAX)?;
            items.consume(due);
            if !is_past(items, seconds) || output.is_full() {
                return Ok(Status::Ready);
            }
            give_newest(items, seconds, output);
            triggers.consume(1);
        }
        Ok(ended_with(triggers))
    }
}

/// Gives the last item that was consumed, at this time.
fn give_newest(items: &Input, seconds: f64, output: &mut Output) {
    let len = items.item_len();
    let (bytes, past) = items.past_elements::<u8>();
    if past == 0 {
        return;
    }
    let newest = &bytes[past - len..past];
    let room = &mut output.bytes()[..len];
    room.copy_from_slice(newest);
    room[..8].copy_from_slice(&seconds.to_le_bytes());
    output.produce(1);
}

struct Release;

impl Agent for Release {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let [items, triggers] = io.inputs else {
            unreachable!("two inputs, as built");
        };
        let output = &mut io.outputs[0];
        while let Some(seconds) = next_trigger(triggers)? {
            let due = until(items, seconds, output.space())?;
            pass_on(items, output, due);
            if !is_past(items, seconds) {
                return Ok(Status::Ready);
            }
            triggers.consume(1);
        }
        Ok(ended_with(triggers))
    }
}

struct Counted<F> {
    count: F,
}

impl<F: Fn(&[u8]) -> Result<u64, f64>> Agent for Counted<F> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let [items, triggers] = io.inputs else {
            unreachable!("two inputs, as built");
        };
        let output = &mut io.outputs[0];
        let left = io.state.get::<u64>();
        let first = triggers.position();
        loop {
            let most = usize::try_from(*left).unwrap_or(usize::MAX);
            *left -= pass_on(items, output, most) as u64;
            if *left > 0 {
                let is_over = items.is_exhausted();
                return Ok(if is_over { Status::Done } else { Status::Ready });
            }
            if triggers.is_empty() {
                return Ok(ended_with(triggers));
            }
            match (self.count)(&triggers.bytes()[..triggers.item_len()]) {
                Ok(count) => *left = count,
                // What came before the trouble is given first, however the calls are cut.
                Err(_) if triggers.position() > first || items.consumed() > 0 => {
                    return Ok(Status::More);
                }
                Err(found) => {
                    return Err(AgentError::new(format!(
                        "trigger {first} is {found}, and says how many items pass: a whole number from 0 up"
                    )));
                }
            }
            triggers.consume(1);
        }
    }
}

struct Drain;

impl Agent for Drain {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let [items, triggers] = io.inputs else {
            unreachable!("two inputs, as built");
        };
        let until = io.state.get::<u64>();
        if !triggers.is_empty() {
            triggers.consume(triggers.len());
            *until = items.position() + items.len() as u64;
        }
        let due = until.saturating_sub(items.position());
        pass_on(items, &mut io.outputs[0], due as usize);
        Ok(match *until > items.position() {
            true => Status::Ready,
            false => ended_with(triggers),
        })
    }
}

struct Gate<F> {
    is_open: F,
}

impl<F: Fn(&[u8]) -> bool> Agent for Gate<F> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let [items, flags] = io.inputs else {
            unreachable!("two inputs, as built");
        };
        let output = &mut io.outputs[0];
        while !items.is_empty() && !flags.is_empty() {
            let is_open = (self.is_open)(&flags.bytes()[..flags.item_len()]);
            match is_open {
                // A frame may not fit although there is room.
                true if pass_on(items, output, 1) == 0 => return Ok(Status::Ready),
                true => {}
                false => items.consume(1),
            }
            flags.consume(1);
        }
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::{check, stream};
    use super::*;
    use crate::testing::{Chunks, run};
    use crate::types::{Item, Timed};

    fn timed(times: &[f64]) -> Vec<u8> {
        stream(times.iter().map(|t| at(*t, 10.0 * t)))
    }

    fn at(seconds: f64, value: f64) -> Timed<f64> {
        Timed { seconds, value }
    }

    fn item() -> ItemType {
        Timed::<f64>::item_type()
    }

    #[test]
    fn a_sample_is_the_newest_item_not_later_than_its_trigger() {
        let items = timed(&[1.0, 2.0, 2.0, 5.0]);
        let triggers = timed(&[0.5, 1.0, 2.0, 4.0, 9.0]);
        let expected = [at(1.0, 10.0), at(2.0, 20.0), at(4.0, 20.0), at(9.0, 50.0)];
        check(
            || sample(item(), item()),
            &[items, triggers],
            &[stream(expected)],
        );
    }

    #[test]
    fn a_trigger_releases_what_is_not_later() {
        let items = timed(&[0.0, 1.0, 1.0, 2.0, 3.0, 8.0]);
        let triggers = timed(&[1.0, 1.5, 4.0]);
        let expected = timed(&[0.0, 1.0, 1.0, 2.0, 3.0]);
        check(|| release(item(), item()), &[items, triggers], &[expected]);
    }

    #[test]
    fn times_that_do_not_ascend_are_named() {
        let rising = || timed(&[1.0, 2.0, 2.0, 5.0]);
        let falling = || timed(&[1.0, 3.0, 2.5]);
        for make in [sample, release] {
            for (inputs, words) in [
                (
                    [falling(), rising()],
                    "the times of the items must ascend, and item 2 has 2.5 s after 3 s",
                ),
                (
                    [rising(), falling()],
                    "the times of the triggers must ascend, and item 2",
                ),
                (
                    [timed(&[0.0, f64::NAN]), rising()],
                    "item 1 of the items has no time",
                ),
                (
                    [rising(), timed(&[f64::NAN])],
                    "item 0 of the triggers has no time",
                ),
            ] {
                for chunks in [Chunks::Whole, Chunks::Single, Chunks::Random(7)] {
                    let blueprint = make(item(), item());
                    let refused = run(blueprint, &inputs, chunks, usize::MAX).unwrap_err();
                    assert!(refused.message.contains(words), "{chunks:?}: {refused}");
                }
            }
        }
    }

    #[test]
    fn a_number_releases_so_many() {
        let numbers = stream([2i64, 0, 3, 100]);
        let count = |bytes: &[u8]| {
            let number: i64 = bytemuck::pod_read_unaligned(bytes);
            u64::try_from(number).map_err(|_| number as f64)
        };
        let make = || release_counted(u32::item_type(), i64::item_type(), count);
        for chunks in [Chunks::Whole, Chunks::Single, Chunks::Random(3)] {
            let inputs = [stream(0..50u32), stream([2i64, 1, -7, 3])];
            let refused = run(make(), &inputs, chunks, usize::MAX).unwrap_err();
            assert!(
                refused.message.starts_with("trigger 2 is -7, and"),
                "{refused}"
            );
        }
        check(
            make,
            &[stream(0..50u32), numbers.clone()],
            &[stream(0..50u32)],
        );
        check(
            make,
            &[stream(0..50u32), stream([2i64, 3])],
            &[stream(0..5u32)],
        );
        check(make, &[stream(0..50u32), vec![]], &[vec![]]);
    }

    #[test]
    fn a_drain_gives_items_in_their_order_and_all_that_came_before_the_last_trigger() {
        for chunks in [Chunks::Whole, Chunks::Single, Chunks::Random(4)] {
            let inputs = [stream(0..100u32), stream([1u8; 100])];
            let blueprint = drain(u32::item_type(), u8::item_type());
            assert!(!blueprint.deterministic);
            let outputs = run(blueprint, &inputs, chunks, usize::MAX).unwrap();
            let given: &[u32] = bytemuck::cast_slice(&outputs[0]);
            assert!(
                given.iter().copied().eq(0..given.len() as u32),
                "{chunks:?}"
            );
        }
    }

    #[test]
    fn a_gate_passes_what_stands_beside_an_open_flag() {
        let flags = stream((0..70u8).map(|n| n % 3));
        let expected = stream((0..70u32).filter(|n| n % 3 != 0));
        let is_open = |flag: &[u8]| flag[0] != 0;
        let make = || gate(u32::item_type(), u8::item_type(), is_open);
        check(make, &[stream(0..100u32), flags], &[expected]);
    }
}
