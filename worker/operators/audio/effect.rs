//! What effects have in common: real numbers are computed in `f64`, past ones lie in lines in the state.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status, Table};
use crate::op::{Args, OpError};
use crate::types::Scalar;
use crate::wide::{View, Wide};

/// What a sound's items are.
#[derive(Clone, Copy)]
pub(super) struct Sound {
    /// The scalar of its numbers, a real one.
    pub(super) takes: Scalar,
    /// The scalar that effects give: f32 for f32, f64 for all else.
    pub(super) gives: Scalar,
    /// Its channels.
    pub(super) width: usize,
}

impl Sound {
    /// The only input's; refused unless it is one of real numbers.
    pub(super) fn of(args: &Args) -> Result<Sound, OpError> {
        let input = args.input();
        let real = input.item_type.elements().filter(|(s, _)| !s.is_complex());
        let Some((takes, width)) = real else {
            let wanted = "real numbers or vectors of them";
            return Err(OpError::input_type(args.op().name, input, wanted));
        };
        let gives = match takes {
            Scalar::F32 => Scalar::F32,
            _ => Scalar::F64,
        };
        Ok(Sound {
            takes,
            gives,
            width,
        })
    }
}

/// What a sound becomes, in place. It must not matter how the sound is cut.
pub(super) trait Effect: 'static {
    /// Items at once at most.
    fn stretch(&self) -> usize;

    /// Changes the numbers of at least one item and at most [`Effect::stretch`]; the first is at place `first`.
    fn run(&mut self, first: u64, numbers: &mut [f64], state: &mut Table<'_, f64>);
}

/// An effect with so many numbers of state, as an agent.
pub(super) fn blueprint(args: &Args, sound: Sound, effect: impl Effect, state: usize) -> Blueprint {
    let input = args.input();
    let agent = Effected {
        sound,
        effect,
        taken: Vec::new(),
        numbers: Vec::new(),
    };
    Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .output(OutPort::new(input.item_type.with_scalar(sound.gives), input.rate).keeps_unit())
        .state(StateSpec::slice(&vec![0.0f64; state]))
}

struct Effected<E> {
    sound: Sound,
    effect: E,
    taken: Vec<f64>,
    numbers: Vec<f64>,
}

impl<E: Effect> Agent for Effected<E> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let mut state = io.state.table::<f64>();
        let (from, count) = (input.position(), input.len().min(output.space()));
        let mut view = View::new(input, self.sound.takes, &mut self.taken);
        let item_len = output.item_len();
        let room = &mut output.bytes()[..count * item_len];
        let stretch = self.effect.stretch();
        for (k, room) in room.chunks_mut(stretch * item_len).enumerate() {
            let at = from + (k * stretch) as u64;
            let to = at + (room.len() / item_len) as u64;
            self.numbers.clear();
            self.numbers.extend_from_slice(view.range(at, to));
            self.effect.run(at, &mut self.numbers, &mut state);
            f64::store(&self.numbers, self.sound.gives, room);
        }
        input.consume(count);
        output.produce(count);
        Ok(Status::Ready)
    }
}

/// The last `len` numbers of something, at `start` of the state, where number n is at n modulo `len`.
#[derive(Clone, Copy)]
pub(super) struct Line {
    /// Where it begins.
    pub(super) start: usize,
    /// How many there are.
    pub(super) len: usize,
}

impl Line {
    /// Numbers `n - len ..`, at most `len` of them.
    pub(super) fn read(self, n: u64, state: &Table<'_, f64>, into: &mut [f64]) {
        let (at, before) = self.split(n, into.len());
        let line = &state.as_slice()[self.start..self.start + self.len];
        let (head, tail) = into.split_at_mut(before);
        head.copy_from_slice(&line[at..at + before]);
        tail.copy_from_slice(&line[..tail.len()]);
    }

    /// Writes numbers `n ..`, at most `len` of them.
    pub(super) fn write(self, n: u64, state: &mut Table<'_, f64>, numbers: &[f64]) {
        let (at, before) = self.split(n, numbers.len());
        let (head, tail) = numbers.split_at(before);
        let start = self.start + at;
        state.range_mut(start..start + before).copy_from_slice(head);
        let tail_end = self.start + tail.len();
        state.range_mut(self.start..tail_end).copy_from_slice(tail);
    }

    /// Where number `n` lies, and how many of `count` come before the line's end.
    fn split(self, n: u64, count: usize) -> (usize, usize) {
        debug_assert!(count <= self.len);
        let at = (n % self.len as u64) as usize;
        (at, count.min(self.len - at))
    }
}

/// Denormal numbers are slow, and what goes round fades into them: what is that small becomes 0.
#[inline(always)]
pub(super) fn faded(x: f64) -> f64 {
    if x.abs() < 1e-290 { 0.0 } else { x }
}
