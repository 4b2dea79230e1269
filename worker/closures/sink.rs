//! `sink`: a function of each item that gives nothing.

use std::marker::PhantomData;

use bytemuck::Pod;

use super::unread::UntilUnread;
use super::{Keep, Kept};
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, Status};
use crate::types::Item;

/// Calls `f(state, x)` for each item `x`; the state starts as `init` and survives kills.
///
/// What `f` does outside the graph is done at least once: a step that is killed before its commit is
/// made again, with the same items in the same order. When `f` prints and nobody reads what it prints any
/// more, the sink is done: [`until_unread`](super::until_unread).
pub fn sink<T, S, F>(init: S, f: F) -> Blueprint
where
    T: Item,
    S: Pod,
    F: FnMut(&mut S, T) + 'static,
{
    sink_kept(Kept::value(init), f)
}

/// As [`sink`], with a state of any kind.
pub fn sink_kept<T, K, F>(kept: Kept<K>, f: F) -> Blueprint
where
    T: Item,
    K: Keep,
    F: for<'a> FnMut(&mut K::View<'a>, T) + 'static,
{
    let agent = Sink {
        keep: kept.keep,
        f,
        types: PhantomData::<fn(T)>,
    };
    Blueprint::new(UntilUnread(agent))
        .input(InPort::new(T::item_type()))
        .state(kept.spec)
}

struct Sink<K, F, Types> {
    keep: K,
    f: F,
    types: PhantomData<Types>,
}

impl<T, K, F> Agent for Sink<K, F, fn(T)>
where
    T: Item,
    K: Keep,
    F: for<'a> FnMut(&mut K::View<'a>, T),
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let input = &mut io.inputs[0];
        if input.is_empty() {
            return Ok(Status::Ready);
        }
        self.keep.lend(&mut io.state, |state| {
            for &x in input.items() {
                (self.f)(state, x);
            }
        })?;
        input.consume(input.len());
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::super::judge::stream;
    use super::*;
    use crate::testing::{Chunks, run};

    #[test]
    fn a_sink_sees_every_item_in_order() {
        for chunks in [Chunks::Whole, Chunks::Single] {
            let seen = Rc::new(RefCell::new(Vec::new()));
            let to = Rc::clone(&seen);
            let blueprint = sink((), move |(), x: u32| to.borrow_mut().push(x));
            run(blueprint, &[stream(0..1000u32)], chunks, usize::MAX).unwrap();
            assert!(seen.borrow().iter().copied().eq(0..1000), "{chunks:?}");
        }
    }

    #[test]
    fn its_state_counts_an_item_once_though_it_may_see_it_twice() {
        for seed in 0..40 {
            let last = Rc::new(RefCell::new((0, 0)));
            let to = Rc::clone(&last);
            let blueprint = sink(0u64, move |count: &mut u64, x: u64| {
                *count += 1;
                to.replace((x, *count));
            });
            let inputs = [stream(1..=1000u64)];
            run(blueprint, &inputs, Chunks::Random(seed), usize::MAX).unwrap();
            assert_eq!(*last.borrow(), (1000, 1000), "seed {seed}");
        }
    }
}
