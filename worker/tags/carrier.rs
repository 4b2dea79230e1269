//! The agent around an agent that knows nothing of tags: it carries them past it.
//!
//! Where no tag is waiting, the agent is called as if nothing stood around it. Else it is called with the
//! items before the next tag of each input until it rests: it moves nothing, has nothing more to give, and there is room. Of
//! one input, what it has given then is what follows from the items before the tag, whatever it left
//! unread (a block that is not whole), so the tag goes there. Of several inputs another may be late: then a tag goes where the
//! outputs stood when the item behind it was taken, which is tried with one item more of that input, and,
//! where that moves nothing, of all inputs that stand at a tag. An agent whose order is that of arrival gets its tags so, too.
//!
//! The words of a tag pass as they are, but for a count of items in an object, which follows the rate.
//!
//! It keeps nothing: which tag is the next is the companion's position. A call that moves nothing leaves the agent's
//! state as it was, or so that the same call made again does not mind.

use std::path::PathBuf;

use super::extent::{GROWTH_LEN_BYTES, Ratio};
use super::{Tags, placed};
use crate::agent::{
    Agent, AgentError, Blueprint, Ends, Input, Io, Output, Outside, State, Status, len_bytes_of,
};

/// An agent, and the tags that are carried past it.
pub(super) struct Carrier {
    inner: Box<dyn Agent>,
    inputs: Vec<Reading>,
    outputs: Vec<Writing>,
    /// How many outputs the agent within is given: a maker of tags is given companions, too.
    given: usize,
    /// It throws away what does not fit, tags as items.
    drops: bool,
    /// It takes from its inputs in an order that is a function of what they hold.
    ordered: bool,
    /// It is done when any of its inputs has ended, whatever stands on the others.
    ends_with_any: bool,
    /// What the agent within is shown of its inputs.
    seen: Vec<Input>,
}

/// An input of the agent within.
struct Reading {
    /// Its companion, an index of all inputs.
    tags: Option<usize>,
    retain: usize,
    at_least: usize,
    /// Consumed items that are still retained.
    past: usize,
    /// Something was consumed, or kept, in this call.
    moved: bool,
    /// The position of the last tag that was carried in this call.
    last: u64,
    /// For each output how a count of this input's items changes.
    ratios: Vec<Option<Ratio>>,
}

impl Reading {
    /// The bytes that this many of its tags may take, which take so many here.
    fn grown(&self, len_bytes: usize, count: usize) -> usize {
        match self.ratios.iter().any(Option::is_some) {
            true => len_bytes + count * GROWTH_LEN_BYTES,
            false => len_bytes,
        }
    }
}

/// An output of the agent within.
struct Writing {
    /// Its companion, an index of all outputs.
    tags: Option<usize>,
    at_least: usize,
    pace: Option<[u64; 2]>,
}

impl Writing {
    /// Where a tag at `position` goes, if the output stands `at` this one.
    fn place(&self, position: u64, at: u64) -> u64 {
        match self.pace {
            None => at,
            Some([up, down]) => {
                let place = u128::from(position) * u128::from(up);
                at.max(place.div_ceil(u128::from(down)) as u64)
            }
        }
    }
}

/// How much of an input is shown.
#[derive(Clone, Copy)]
struct Shown {
    items: usize,
    ended: bool,
    /// The position of the next tag; none: no tag is waiting.
    tag: Option<u64>,
    /// Nothing is held back.
    all: bool,
}

/// What became of the tags when the agent within came to rest.
#[derive(PartialEq)]
enum Settled {
    /// Some were carried, or something moved.
    Moved,
    /// None can be carried now.
    Waits,
    /// The agent within is done.
    Done,
}

impl Carrier {
    /// Puts itself around an agent. `inputs` and `outputs` say which of its streams have companions, whose ports
    /// come behind the agent's own.
    pub(super) fn around(blueprint: Blueprint, inputs: &[bool], outputs: &[bool]) -> Blueprint {
        let mut next_in = inputs.len()..;
        let mut next_out = outputs.len()..;
        let readings = blueprint.inputs.iter().zip(inputs);
        let readings = readings.map(|(port, tagged)| Reading {
            tags: tagged.then(|| next_in.next()).flatten(),
            retain: port.retain,
            at_least: port.at_least,
            past: 0,
            moved: false,
            last: 0,
            ratios: (blueprint.outputs.iter())
                .map(|output| Ratio::of(output.pace, output.rate, port.rate))
                .collect(),
        });
        let writings = blueprint.outputs.iter().zip(outputs);
        let writings = writings.map(|(port, tagged)| Writing {
            tags: tagged.then(|| next_out.next()).flatten(),
            at_least: port.at_least.max(1),
            pace: port.pace,
        });
        let (readings, writings): (Vec<_>, Vec<_>) = (readings.collect(), writings.collect());
        let makes = blueprint.tags == Tags::Made;
        let carrier = Carrier {
            inner: blueprint.agent,
            inputs: readings,
            outputs: writings,
            given: match makes {
                true => outputs.len() + outputs.iter().filter(|tagged| **tagged).count(),
                false => outputs.len(),
            },
            drops: blueprint.drops_when_full,
            ordered: blueprint.deterministic,
            ends_with_any: blueprint.ends == Ends::AnyInput,
            seen: Vec::new(),
        };
        Blueprint {
            agent: Box::new(carrier),
            ..blueprint
        }
    }

    /// Calls the agent within as if nothing stood around it.
    fn pass(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        self.inner.work(&mut Io {
            inputs: &mut io.inputs[..self.inputs.len()],
            outputs: &mut io.outputs[..self.given],
            state: io.state.reborrow(),
            dials: io.dials,
            draining: io.draining,
        })
    }

    /// Carries what can be carried now.
    fn carry(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        loop {
            let shown = self.look(io.inputs)?;
            let (status, moved) = self.call(io, &shown)?;
            if status == Status::Done {
                return Ok(status);
            }
            if moved {
                continue;
            }
            let held_back = shown.iter().any(|s| !s.all);
            if !held_back || status != Status::Ready || !self.has_room(io.outputs) {
                return Ok(self.unfinished(io.inputs, &shown, status));
            }
            match self.settle(io, &shown)? {
                Settled::Moved => {}
                Settled::Waits => return Ok(self.unfinished(io.inputs, &shown, status)),
                Settled::Done => return Ok(Status::Done),
            }
        }
    }

    /// While a tag waits it is not done, even if its inputs have ended; unless one that ends it has, and all tags
    /// of items that were taken are carried.
    fn unfinished(&self, inputs: &[Input], shown: &[Shown], status: Status) -> Status {
        let mut both = inputs.iter().zip(shown);
        let is_over = both.any(|(input, shown)| shown.all && input.is_exhausted());
        let held_back = shown.iter().any(|s| !s.all);
        let ends = self.ends_with_any && is_over && !self.has_late_tags(inputs);
        match status {
            Status::Ready if held_back && !ends => Status::More,
            status => status,
        }
    }

    /// Tags of items that were taken wait, or may: more of them stand there than can be seen at once.
    fn has_late_tags(&self, inputs: &[Input]) -> bool {
        let is_late = |(reading, input): (&Reading, &Input)| {
            let Some(tags) = reading.tags.map(|t| &inputs[t]) else {
                return false;
            };
            match tags.frame().map(placed) {
                Some(Ok((position, _))) => position < input.position(),
                Some(Err(_)) => false,
                None => !tags.is_whole(),
            }
        };
        self.inputs.iter().zip(inputs).any(is_late)
    }

    /// How much of each input is shown: the items before its next tag. Where the companion may hold more than
    /// is visible, no tag below the last one can follow, and nothing from there on is shown.
    fn look(&self, inputs: &[Input]) -> Result<Vec<Shown>, AgentError> {
        let look = |(reading, input): (&Reading, &Input)| {
            let whole = Shown {
                items: input.len(),
                ended: input.is_ended(),
                tag: None,
                all: true,
            };
            let Some(tags) = reading.tags.map(|t| &inputs[t]) else {
                return Ok(whole);
            };
            let tag = tags.frame().map(placed).transpose()?;
            let tag = tag.map(|(position, _)| position);
            let end = match tag {
                None if tags.is_whole() => return Ok(whole),
                None => reading.last,
                Some(position) => position,
            };
            let before = end.saturating_sub(input.position());
            let is_last = input.is_ended() && end >= input.position() + input.len() as u64;
            if tag.is_some() && is_last && self.ends_with_any && self.inputs.len() > 1 {
                // Behind the last item: whether another input ends there too is a matter of time.
                return Ok(whole);
            }
            Ok(Shown {
                items: usize::try_from(before).map_or(input.len(), |n| n.min(input.len())),
                ended: false,
                tag,
                all: false,
            })
        };
        self.inputs.iter().zip(inputs).map(look).collect()
    }

    /// Calls the agent within with so much of its inputs. True if anything moved.
    fn call(&mut self, io: &mut Io<'_>, shown: &[Shown]) -> Result<(Status, bool), AgentError> {
        self.seen.clear();
        for ((reading, input), shown) in self.inputs.iter().zip(&*io.inputs).zip(shown) {
            // SAFETY: it is replaced or dropped before the next call, and not looked at after this one.
            let front = unsafe { input.front(shown.items, reading.past, shown.ended) };
            self.seen.push(front);
        }
        let produced = |outputs: &[Output]| outputs.iter().map(Output::produced).sum::<usize>();
        let before = produced(io.outputs);
        let status = self.inner.work(&mut Io {
            inputs: &mut self.seen,
            outputs: &mut io.outputs[..self.given],
            state: io.state.reborrow(),
            dials: io.dials,
            draining: io.draining,
        })?;
        let mut moved = produced(io.outputs) > before;
        let both = self.inputs.iter_mut().zip(&mut *io.inputs);
        for ((reading, input), seen) in both.zip(&self.seen) {
            moved |= seen.consumed() > 0;
            input.consume(seen.consumed());
            if seen.consumed() > 0 || seen.kept().is_some() {
                let keep = seen.kept().unwrap_or(reading.retain);
                reading.past = keep.min(reading.past + seen.consumed());
                reading.moved = true;
            }
        }
        self.seen.clear();
        Ok((status, moved))
    }

    /// Each output has room for whatever the agent within would still give.
    fn has_room(&self, outputs: &[Output]) -> bool {
        let roomy = |(writing, output): (&Writing, &Output)| output.space() >= writing.at_least;
        let own = self.outputs.iter().zip(outputs).all(roomy);
        // A maker of tags may wait for room on companions.
        self.drops || (own && outputs.iter().all(|output| output.wanted_bytes() == 0))
    }

    /// The agent within rests: tags whose place is known now are carried.
    fn settle(&mut self, io: &mut Io<'_>, shown: &[Shown]) -> Result<Settled, AgentError> {
        for (i, shown) in shown.iter().enumerate() {
            if shown.tag.is_some_and(|tag| self.is_placed(io, i, tag)) {
                return self.carry_one(io, i);
            }
        }
        if self.inputs.len() == 1 || !self.ordered {
            return Ok(Settled::Waits);
        }
        self.try_more(io, shown)
    }

    /// The tag's place on the outputs is where they stand now.
    fn is_placed(&self, io: &Io<'_>, i: usize, tag: u64) -> bool {
        let input = &io.inputs[i];
        let before = tag.saturating_sub(input.position());
        match self.inputs.len() {
            1 => before <= input.len() as u64 || input.is_exhausted(),
            _ if !self.ordered => before == 0 || input.is_exhausted(),
            // Late, since more tags stood at one place than can be seen at once.
            _ => tag < input.position(),
        }
    }

    /// Carries the next tag of an input to where the outputs stand.
    fn carry_one(&mut self, io: &mut Io<'_>, i: usize) -> Result<Settled, AgentError> {
        let companion = self.companion(i);
        let len_bytes = len_bytes_of(io.inputs[companion].frames(), 1);
        let len_bytes = self.inputs[i].grown(len_bytes, 1);
        if self.fit(io.outputs, len_bytes) {
            let at = self.positions(io.outputs);
            self.give(io, i, 1, &at)?;
        } else if self.drops {
            // Lost, as an item would be.
            io.inputs[companion].consume(1);
        } else {
            return Ok(Settled::Waits);
        }
        Ok(Settled::Moved)
    }

    /// Of several inputs: shows one item more of those that stand at a tag, or their end, of each alone, then of all.
    /// What moves then takes the items behind the tags, which therefore go where the outputs stood before.
    fn try_more(&mut self, io: &mut Io<'_>, shown: &[Shown]) -> Result<Settled, AgentError> {
        let standing = self.standing(io.inputs, shown)?;
        let alone = standing.iter().map(std::slice::from_ref);
        let all = Some(&standing[..]).filter(|all| all.len() > 1);
        for group in alone.chain(all) {
            let len_bytes = group.iter().map(|s| s.len_bytes).sum();
            if !self.fit(io.outputs, len_bytes) {
                return Ok(Settled::Waits);
            }
            let mut more = shown.to_vec();
            for standing in group {
                more[standing.input].items = standing.items;
                more[standing.input].ended = standing.ended;
            }
            let at = self.positions(io.outputs);
            let (status, moved) = self.call(io, &more)?;
            let acted = moved || status == Status::Done;
            for standing in group {
                let input = standing.input;
                let is_taken = io.inputs[input].position() > standing.tag;
                if is_taken || (standing.items == 0 && acted) {
                    self.give(io, input, standing.count, &at)?;
                }
            }
            if status == Status::Done {
                return Ok(Settled::Done);
            }
            if moved {
                return Ok(Settled::Moved);
            }
        }
        let over = io.inputs[..self.inputs.len()]
            .iter()
            .all(Input::is_exhausted);
        match standing.iter().find(|_| over) {
            // Nothing follows on any input.
            Some(standing) => self.carry_one(io, standing.input),
            None => Ok(Settled::Waits),
        }
    }

    /// The inputs whose next item, or block of items, stands behind a tag and is visible with it.
    fn standing(&self, inputs: &[Input], shown: &[Shown]) -> Result<Vec<Standing>, AgentError> {
        let mut standing = Vec::new();
        for (i, shown) in shown.iter().enumerate() {
            let Some(tag) = shown.tag else { continue };
            let (input, reading) = (&inputs[i], &self.inputs[i]);
            let before = tag.saturating_sub(input.position()) as usize;
            let wanted = reading.at_least.max(before + 1);
            let visible = wanted <= input.len() || input.is_ended();
            if before >= reading.at_least || !visible {
                continue;
            }
            let tags = &inputs[self.companion(i)];
            let mut count = 0;
            for frame in tags.frames() {
                if placed(frame)?.0 != tag {
                    break;
                }
                count += 1;
            }
            standing.push(Standing {
                input: i,
                tag,
                count,
                len_bytes: self.inputs[i].grown(len_bytes_of(tags.frames(), count), count),
                items: wanted.min(input.len()),
                ended: input.is_ended() && wanted >= input.len() && count == tags.len(),
            });
        }
        Ok(standing)
    }

    /// Gives the next `count` tags of an input to outputs that stand `at` these positions.
    fn give(
        &mut self,
        io: &mut Io<'_>,
        i: usize,
        count: usize,
        at: &[u64],
    ) -> Result<(), AgentError> {
        let companion = self.companion(i);
        for frame in io.inputs[companion].frames().take(count) {
            let (position, words) = placed(frame)?;
            self.inputs[i].last = position;
            let ratios = &self.inputs[i].ratios;
            for ((writing, at), ratio) in self.outputs.iter().zip(at).zip(ratios) {
                let Some(o) = writing.tags else { continue };
                let scaled = ratio.and_then(|ratio| ratio.scaled(frame));
                let words = scaled.as_deref().unwrap_or(words);
                let frame = [&writing.place(position, *at).to_le_bytes(), words].concat();
                let given = io.outputs[o].give(&frame);
                debug_assert!(given, "asked before");
            }
        }
        io.inputs[companion].consume(count);
        Ok(())
    }

    /// Every companion behind has room for frames of so many bytes.
    fn fit(&self, outputs: &mut [Output], len_bytes: usize) -> bool {
        let companions = self.outputs.iter().filter_map(|writing| writing.tags);
        let full = companions.filter(|&o| !outputs[o].fits_together(len_bytes));
        full.count() == 0
    }

    /// The input with a tag is not without a companion.
    fn companion(&self, i: usize) -> usize {
        self.inputs[i].tags.expect("an input with a tag")
    }

    fn positions(&self, outputs: &[Output]) -> Vec<u64> {
        let own = &outputs[..self.outputs.len()];
        own.iter().map(Output::position).collect()
    }
}

/// An input that stands at tags.
struct Standing {
    input: usize,
    tag: u64,
    /// How many tags stand there, and what they take in a ring.
    count: usize,
    len_bytes: usize,
    /// What to show of it so that the item behind them is taken; 0 where there is none, but the end.
    items: usize,
    ended: bool,
}

impl Agent for Carrier {
    fn attach(&mut self, state: State<'_>) -> Result<(), AgentError> {
        self.inner.attach(state)
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let is_clear = |tags: &Input| tags.is_empty() && tags.is_whole();
        if io.inputs[self.inputs.len()..].iter().all(is_clear) {
            return self.pass(io);
        }
        for (reading, input) in self.inputs.iter_mut().zip(&*io.inputs) {
            reading.past = input.held();
            (reading.moved, reading.last) = (false, 0);
        }
        let status = self.carry(io);
        for (reading, input) in self.inputs.iter().zip(&mut *io.inputs) {
            if reading.moved {
                input.keep(reading.past);
            }
        }
        status
    }

    fn finish(&mut self, state: State<'_>) -> Result<(), AgentError> {
        self.inner.finish(state)
    }

    fn toll(&self, state: &[u8]) -> Option<String> {
        self.inner.toll(state)
    }

    fn outside(&self, state: &[u8]) -> Outside {
        self.inner.outside(state)
    }

    fn scraps(&self) -> Vec<PathBuf> {
        self.inner.scraps()
    }
}
