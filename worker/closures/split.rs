//! `split` and `unzip`: one stream becomes two.

use std::marker::PhantomData;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::types::Item;

/// Gives the items for which `is_first` is true on the port `yes`, the others on the port `no`.
pub fn split<T, F>(is_first: F) -> Blueprint
where
    T: Item,
    F: FnMut(&T) -> bool + 'static,
{
    let agent = Split {
        f: is_first,
        types: PhantomData::<fn(&T)>,
    };
    Blueprint::new(agent)
        .input(InPort::new(T::item_type()))
        .output(OutPort::named("yes", T::item_type(), None))
        .output(OutPort::named("no", T::item_type(), None))
}

/// Gives both parts of `f(x)` for each item `x`: the first on the port `a`, the second on the port `b`.
pub fn unzip<T, A, B, F>(f: F) -> Blueprint
where
    T: Item,
    A: Item,
    B: Item,
    F: FnMut(T) -> (A, B) + 'static,
{
    let agent = Unzip {
        f,
        types: PhantomData::<fn(T) -> (A, B)>,
    };
    Blueprint::new(agent)
        .input(InPort::new(T::item_type()))
        .output(OutPort::named("a", A::item_type(), None))
        .output(OutPort::named("b", B::item_type(), None))
}

struct Split<F, Types> {
    f: F,
    types: PhantomData<Types>,
}

impl<T, F> Agent for Split<F, fn(&T)>
where
    T: Item,
    F: FnMut(&T) -> bool,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let input = &mut io.inputs[0];
        let [yes, no] = &mut io.outputs[..] else {
            unreachable!("the blueprint has two outputs")
        };
        // Each round leaves room for its last item on either side.
        loop {
            let n = input.len().min(yes.space()).min(no.space());
            if n == 0 {
                return Ok(Status::Ready);
            }
            let (yes_room, no_room) = (yes.room::<T>(), no.room::<T>());
            let (mut to_yes, mut to_no) = (0, 0);
            for &x in &input.items::<T>()[..n] {
                // Written to both sides, then counted on one: no branch to mispredict.
                yes_room[to_yes] = x;
                no_room[to_no] = x;
                let is_first = (self.f)(&x);
                to_yes += usize::from(is_first);
                to_no += usize::from(!is_first);
            }
            input.consume(n);
            yes.produce(to_yes);
            no.produce(to_no);
        }
    }
}

struct Unzip<F, Types> {
    f: F,
    types: PhantomData<Types>,
}

impl<T, A, B, F> Agent for Unzip<F, fn(T) -> (A, B)>
where
    T: Item,
    A: Item,
    B: Item,
    F: FnMut(T) -> (A, B),
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let input = &mut io.inputs[0];
        let [a, b] = &mut io.outputs[..] else {
            unreachable!("the blueprint has two outputs")
        };
        let n = input.len().min(a.space()).min(b.space());
        let rooms = a.room().iter_mut().zip(b.room());
        for ((a, b), &x) in rooms.zip(&input.items()[..n]) {
            (*a, *b) = (self.f)(x);
        }
        input.consume(n);
        a.produce(n);
        b.produce(n);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::{check, stream};
    use super::*;

    #[test]
    fn a_split_gives_every_item_to_just_one_side() {
        check(
            || split(|x: &u32| x.is_multiple_of(5)),
            &[stream(0..3000u32)],
            &[
                stream((0..3000).filter(|x: &u32| x.is_multiple_of(5))),
                stream((0..3000).filter(|x: &u32| !x.is_multiple_of(5))),
            ],
        );
    }

    #[test]
    fn an_unzip_gives_both_parts_in_step() {
        check(
            || unzip(|x: i32| (f64::from(x), x as u8)),
            &[stream(0..3000)],
            &[
                stream((0..3000).map(f64::from)),
                stream((0..3000).map(|x| x as u8)),
            ],
        );
    }
}
