//! `split`, `unzip` and `route`: one stream becomes several.

use std::marker::PhantomData;

use super::by_row::{give_rows, scatter_rows};
use super::cells::Cells;
use super::rows::Each;
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
        .output(OutPort::named("yes", T::item_type(), None).keeps_unit())
        .output(OutPort::named("no", T::item_type(), None).keeps_unit())
}

/// Gives the cells of `f(x)` for each item `x`, each on a port of its own: a tuple's on the ports `a b c ..`,
/// an array's on `0 1 2 ..`. A cell is an item, or an `Option` of one.
pub fn unzip<T, C, F>(mut f: F) -> Blueprint
where
    T: Item,
    C: Cells,
    F: FnMut(T) -> C + 'static,
{
    give_rows(Each::<T>::new(), (), move |(), x| f(x))
}

/// Gives each item `x` on the port `port(x)` of the ports `0 .. ports`. Another number ends the run with
/// an error that names the item, after all that came before it is out.
pub fn route<T, F>(ports: usize, mut port: F) -> Blueprint
where
    T: Item,
    F: FnMut(&T) -> usize + 'static,
{
    scatter_rows(Each::<T>::new(), (), ports, move |(), x, cells| {
        let port = port(&x);
        let count = cells.len();
        let cell = cells.get_mut(port).ok_or_else(|| {
            format!("it is to go to port {port}, and there are {count}, counted from 0")
        })?;
        *cell = Some(x);
        Ok(())
    })
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

#[cfg(test)]
mod tests {
    use super::super::judge::{check, stream};
    use super::*;
    use crate::testing::{Chunks, run};

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

    #[test]
    fn an_unzip_may_leave_outputs_without_an_item() {
        check(
            || {
                unzip(|x: u32| match x % 3 {
                    0 => (Some(x), None, x as u8),
                    1 => (None, Some(f64::from(x)), 0),
                    _ => (None, None, 1),
                })
            },
            &[stream(0..3000u32)],
            &[
                stream((0..3000u32).step_by(3)),
                stream((1..3000).step_by(3).map(f64::from)),
                stream((0..3000u32).map(|x| match x % 3 {
                    0 => x as u8,
                    1 => 0,
                    _ => 1,
                })),
            ],
        );
        check(
            || unzip(|x: u32| [(x < 5).then_some(x), None, Some(2 * x)]),
            &[stream(0..100u32)],
            &[stream(0..5u32), vec![], stream((0..200u32).step_by(2))],
        );
    }

    #[test]
    fn a_route_takes_each_item_to_one_port() {
        check(
            || route(3, |x: &u64| (x * x % 3) as usize),
            &[stream(0..2000u64)],
            &[
                stream((0..2000u64).filter(|x| x * x % 3 == 0)),
                stream((0..2000u64).filter(|x| x * x % 3 == 1)),
                vec![],
            ],
        );
    }

    #[test]
    fn a_port_that_is_not_there_ends_the_run_and_is_named() {
        for chunks in [Chunks::Whole, Chunks::Single, Chunks::Random(3)] {
            let blueprint = route(2, |x: &u8| usize::from(*x / 100));
            let refused = run(blueprint, &[stream(0..=255u8)], chunks, usize::MAX).unwrap_err();
            assert_eq!(
                refused.message,
                "at item 200: it is to go to port 2, and there are 2, counted from 0"
            );
        }
    }
}
