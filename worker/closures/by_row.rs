//! Functions of rows: one item out for each row, any number, or cells for several outputs.
//!
//! The state of each starts as `init` and survives kills.

use std::iter::Peekable;
use std::marker::PhantomData;

use bytemuck::{Pod, Zeroable};

use super::cells::{Cells, numbered};
use super::keep::with_local;
use super::rows::Rows;
use crate::agent::{
    Agent, AgentError, Blueprint, Ends, Io, OutPort, Output, State, StateSpec, Status,
};
use crate::types::Item;

/// Gives `f(state, row)` for each row. Ends with the shortest stream.
pub fn map_rows<R, S, U, F>(rows: R, init: S, f: F) -> Blueprint
where
    R: Rows,
    S: Pod,
    U: Item,
    F: for<'a> FnMut(&mut S, R::Args<'a>) -> U + 'static,
{
    let agent = MapRows {
        rows,
        f,
        types: PhantomData::<fn(&mut S) -> U>,
    };
    let ports = agent.rows.ports();
    let blueprint = Blueprint::new(agent)
        .output(OutPort::new(U::item_type(), None))
        .state(StateSpec::of(init));
    reading(blueprint, ports)
}

/// Gives the cells of `f(state, row)` for each row, each to its output: an item, or nothing where it is
/// `None`. Ends with the shortest stream.
pub fn give_rows<R, S, C, F>(rows: R, init: S, f: F) -> Blueprint
where
    R: Rows,
    S: Pod,
    C: Cells,
    F: for<'a> FnMut(&mut S, R::Args<'a>) -> C + 'static,
{
    let agent = GiveRows {
        rows,
        f,
        types: PhantomData::<fn(&mut S) -> C>,
    };
    let ports = agent.rows.ports();
    let blueprint = Blueprint::new(agent).state(StateSpec::of(init));
    let blueprint = C::ports().into_iter().fold(blueprint, Blueprint::output);
    reading(blueprint, ports)
}

/// Gives all items of `f(state, row)` for each row, in order. Ends with the shortest stream.
///
/// Where the items of one row do not fit the room, the rest follows in later calls. A successor calls `f`
/// again with the state it had, and skips what is out: `f` must give the same items for the same arguments.
pub fn flat_map_rows<R, S, I, F>(rows: R, init: S, f: F) -> Blueprint
where
    R: Rows,
    S: Pod,
    I: IntoIterator + 'static,
    I::Item: Item,
    F: for<'a> FnMut(&mut S, R::Args<'a>) -> I + 'static,
{
    let agent = FlatMapRows {
        rows,
        f,
        half_done: None::<HalfDone<S, I>>,
    };
    let ports = agent.rows.ports();
    let state = with_own::spec(&init, &UnderWay::zeroed());
    let blueprint = Blueprint::new(agent)
        .output(OutPort::new(<I::Item as Item>::item_type(), None))
        .state(state);
    reading(blueprint, ports)
}

/// Calls `f(state, row, cells)` for each row with `outputs` empty cells; what it puts into them goes to the
/// outputs `0 1 2 ..`. An error of `f` ends the run, after all that came before it is out.
pub fn scatter_rows<R, S, U, F>(rows: R, init: S, outputs: usize, f: F) -> Blueprint
where
    R: Rows,
    S: Pod,
    U: Item,
    F: for<'a> FnMut(&mut S, R::Args<'a>, &mut [Option<U>]) -> Result<(), String> + 'static,
{
    let agent = ScatterRows {
        rows,
        f,
        cells: vec![None::<U>; outputs],
        types: PhantomData::<fn(&mut S)>,
    };
    let ports = agent.rows.ports();
    let blueprint = Blueprint::new(agent).state(StateSpec::of(init));
    let outputs = numbered::<U>(outputs).into_iter();
    reading(outputs.fold(blueprint, Blueprint::output), ports)
}

fn reading(blueprint: Blueprint, ports: Vec<crate::agent::InPort>) -> Blueprint {
    let blueprint = ports.into_iter().fold(blueprint, Blueprint::input);
    blueprint.ends(Ends::AnyInput)
}

/// How many rows can be taken: those from `first` on that are whole and have room in every output.
fn takeable<R: Rows>(rows: &R, io: &Io<'_>, first: u64) -> usize {
    let room = io.outputs.iter().map(Output::space).min();
    let ready = rows.ready(io.inputs, first);
    usize::try_from(ready)
        .unwrap_or(usize::MAX)
        .min(room.unwrap_or(usize::MAX))
}

struct MapRows<R, F, Types> {
    rows: R,
    f: F,
    types: PhantomData<Types>,
}

impl<R, S, U, F> Agent for MapRows<R, F, fn(&mut S) -> U>
where
    R: Rows,
    S: Pod,
    U: Item,
    F: for<'a> FnMut(&mut S, R::Args<'a>) -> U,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let first = self.rows.first(io.inputs);
        let n = takeable(&self.rows, io, first);
        let view = self.rows.view(io.inputs, first, n);
        let room = &mut io.outputs[0].room::<U>()[..n];
        with_local(&mut io.state, |state: &mut S| {
            for (i, y) in room.iter_mut().enumerate() {
                *y = (self.f)(state, R::at(&view, i));
            }
        });
        io.outputs[0].produce(n);
        drop(view);
        self.rows.consume(io.inputs, first + n as u64);
        Ok(Status::Ready)
    }
}

struct GiveRows<R, F, Types> {
    rows: R,
    f: F,
    types: PhantomData<Types>,
}

impl<R, S, C, F> Agent for GiveRows<R, F, fn(&mut S) -> C>
where
    R: Rows,
    S: Pod,
    C: Cells,
    F: for<'a> FnMut(&mut S, R::Args<'a>) -> C,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        // However little a round gave, the next one goes on.
        loop {
            let first = self.rows.first(io.inputs);
            let n = takeable(&self.rows, io, first);
            let view = self.rows.view(io.inputs, first, n);
            let mut rooms = C::rooms(io.outputs);
            with_local(&mut io.state, |state: &mut S| {
                for i in 0..n {
                    (self.f)(state, R::at(&view, i)).give(&mut rooms);
                }
            });
            let made = C::made(rooms);
            for (output, made) in io.outputs.iter_mut().zip(made) {
                output.produce(made);
            }
            drop(view);
            self.rows.consume(io.inputs, first + n as u64);
            if n == 0 {
                return Ok(Status::Ready);
            }
        }
    }
}

struct FlatMapRows<R, F, S, I: IntoIterator> {
    rows: R,
    f: F,
    half_done: Option<HalfDone<S, I>>,
}

/// The items of one row that had no room yet, and the state once they are out.
struct HalfDone<S, I: IntoIterator> {
    at: UnderWay,
    rest: Peekable<I::IntoIter>,
    after: S,
}

/// The row under way and how many of its items are out.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
struct UnderWay {
    row: u64,
    given: u64,
}

impl<R, S, I, F> Agent for FlatMapRows<R, F, S, I>
where
    R: Rows,
    S: Pod,
    I: IntoIterator + 'static,
    I::Item: Item,
    F: for<'a> FnMut(&mut S, R::Args<'a>) -> I + 'static,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let first = self.rows.first(io.inputs);
        let ready = usize::try_from(self.rows.ready(io.inputs, first)).unwrap_or(usize::MAX);
        let view = self.rows.view(io.inputs, first, ready);
        let (state, under_way) = with_own::parts::<S, UnderWay>(&mut io.state);
        let output = &mut io.outputs[0];
        let mut taken = 0;
        while taken < ready && !output.is_full() {
            let row = first + taken as u64;
            let given = match under_way.row == row {
                true => under_way.given,
                false => 0,
            };
            let at = UnderWay { row, given };
            // The iterator kept from the last call is taken only if it stands just there: a call that
            // was thrown away has led it too far.
            let half = match self.half_done.take() {
                Some(half) if half.at == at => half,
                _ => self.begin(*state, R::at(&view, taken), at),
            };
            let (mut rest, room) = (half.rest, output.room());
            let n = fill(room, &mut rest);
            let is_full = n == room.len();
            output.produce(n);
            let given = given + n as u64;
            if is_full && rest.peek().is_some() {
                *under_way = UnderWay { row, given };
                self.half_done = Some(HalfDone {
                    at: *under_way,
                    rest,
                    after: half.after,
                });
                break;
            }
            *state = half.after;
            taken += 1;
        }
        drop(view);
        self.rows.consume(io.inputs, first + taken as u64);
        Ok(Status::Ready)
    }
}

impl<R, S, I, F> FlatMapRows<R, F, S, I>
where
    R: Rows,
    S: Pod,
    I: IntoIterator + 'static,
    F: for<'a> FnMut(&mut S, R::Args<'a>) -> I + 'static,
{
    /// The row's items that are not out.
    fn begin(&mut self, before: S, args: R::Args<'_>, at: UnderWay) -> HalfDone<S, I> {
        let mut after = before;
        let mut items = (self.f)(&mut after, args).into_iter();
        if let Some(last) = at.given.checked_sub(1) {
            items.nth(last as usize);
        }
        HalfDone {
            at,
            rest: items.peekable(),
            after,
        }
    }
}

/// A user's state and beside it the agent's own.
pub(super) mod with_own {
    use super::{Pod, State, StateSpec};

    /// Both as they start.
    pub fn spec<S: Pod, P: Pod>(init: &S, own: &P) -> StateSpec {
        let mut bytes = bytemuck::bytes_of(init).to_vec();
        bytes.resize(offset::<S>(), 0);
        bytes.extend_from_slice(bytemuck::bytes_of(own));
        StateSpec { init: bytes }
    }

    /// Both in a call.
    pub fn parts<'a, S: Pod, P: Pod>(state: &'a mut State<'_>) -> (&'a mut S, &'a mut P) {
        const { assert!(align_of::<S>() <= 64, "states lie at multiples of 64 bytes") };
        const {
            assert!(
                align_of::<P>() <= 8,
                "the second part lies at a multiple of 8"
            )
        };
        let (first, second) = state.slice::<u8>().split_at_mut(offset::<S>());
        let first = bytemuck::from_bytes_mut(&mut first[..size_of::<S>()]);
        (
            first,
            bytemuck::from_bytes_mut(&mut second[..size_of::<P>()]),
        )
    }

    fn offset<S>() -> usize {
        size_of::<S>().next_multiple_of(8)
    }
}

/// Moves items into the room until either ends; how many.
fn fill<Y>(room: &mut [Y], items: &mut impl Iterator<Item = Y>) -> usize {
    let mut n = 0;
    while n < room.len() {
        let Some(item) = items.next() else { break };
        room[n] = item;
        n += 1;
    }
    n
}

struct ScatterRows<R, F, U, Types> {
    rows: R,
    f: F,
    /// Scratch: one row's cells.
    cells: Vec<Option<U>>,
    types: PhantomData<Types>,
}

impl<R, S, U, F> Agent for ScatterRows<R, F, U, fn(&mut S)>
where
    R: Rows,
    S: Pod,
    U: Item,
    F: for<'a> FnMut(&mut S, R::Args<'a>, &mut [Option<U>]) -> Result<(), String>,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        loop {
            let first = self.rows.first(io.inputs);
            let n = takeable(&self.rows, io, first);
            let view = self.rows.view(io.inputs, first, n);
            let state = io.state.get::<S>();
            let mut taken = 0;
            let mut refused = None;
            for i in 0..n {
                self.cells.fill(None);
                let mut after = *state;
                if let Err(why) = (self.f)(&mut after, R::at(&view, i), &mut self.cells) {
                    let row = first + i as u64;
                    refused = Some(AgentError::new(format!("at item {row}: {why}")));
                    break;
                }
                *state = after;
                taken += 1;
                for (cell, output) in self.cells.iter().zip(io.outputs.iter_mut()) {
                    if let Some(item) = *cell {
                        output.push(item);
                    }
                }
            }
            drop(view);
            self.rows.consume(io.inputs, first + taken);
            match refused {
                // What came before the trouble is given first, however the calls are cut.
                Some(error) if taken == 0 => return Err(error),
                Some(_) => return Ok(Status::More),
                None if n == 0 => return Ok(Status::Ready),
                None => {}
            }
        }
    }
}
