//! Cells: what a function gives for a row, one for each output.
//!
//! A [`Cell`] is an item, or an `Option` of one: nothing where it is `None`. [`Cells`] are none of them (a
//! sink), a tuple of up to eight, or an array.

use crate::agent::{OutPort, Output};
use crate::types::Item;

/// What one output gets of a row: an item, or perhaps one.
pub trait Cell: 'static {
    /// What the output's stream is made of.
    type Item: Item;

    /// True where every row gives one.
    const ALWAYS: bool;

    /// The item, if there is one.
    fn into_option(self) -> Option<Self::Item>;

    /// Gives it.
    fn give(self, room: &mut Room<'_, Self::Item>);
}

impl<T: Item> Cell for T {
    type Item = T;
    const ALWAYS: bool = true;

    fn into_option(self) -> Option<T> {
        Some(self)
    }

    fn give(self, room: &mut Room<'_, T>) {
        room.push(self);
    }
}

impl<T: Item> Cell for Option<T> {
    type Item = T;
    const ALWAYS: bool = false;

    fn into_option(self) -> Option<T> {
        self
    }

    fn give(self, room: &mut Room<'_, T>) {
        if let Some(item) = self {
            room.push(item);
        }
    }
}

/// The room of one output, and how much of it is filled.
pub struct Room<'a, T> {
    items: &'a mut [T],
    made: usize,
}

impl<'a, T: Item> Room<'a, T> {
    fn of(output: &'a mut Output) -> Room<'a, T> {
        Room {
            items: output.room(),
            made: 0,
        }
    }

    fn push(&mut self, item: T) {
        self.items[self.made] = item;
        self.made += 1;
    }
}

/// What a function gives for a row: a cell for each output.
pub trait Cells: 'static {
    /// The rooms of all outputs.
    type Rooms<'a>;

    /// The outputs as the plan sees them: `a b c ..` of a tuple, `0 1 2 ..` of an array.
    fn ports() -> Vec<OutPort>;

    /// The rooms of these outputs.
    fn rooms(outputs: &mut [Output]) -> Self::Rooms<'_>;

    /// Gives each cell to its output, which has room.
    fn give(self, rooms: &mut Self::Rooms<'_>);

    /// How much of each room is filled.
    fn made(rooms: Self::Rooms<'_>) -> Vec<usize>;
}

/// A sink's: it gives nothing.
impl Cells for () {
    type Rooms<'a> = ();

    fn ports() -> Vec<OutPort> {
        Vec::new()
    }

    fn rooms(_: &mut [Output]) {}

    fn give(self, (): &mut ()) {}

    fn made((): ()) -> Vec<usize> {
        Vec::new()
    }
}

/// The only output of an agent: its port has no name of its own.
impl<C: Cell> Cells for (C,) {
    type Rooms<'a> = Room<'a, C::Item>;

    fn ports() -> Vec<OutPort> {
        vec![OutPort::new(C::Item::item_type(), None)]
    }

    fn rooms(outputs: &mut [Output]) -> Room<'_, C::Item> {
        Room::of(&mut outputs[0])
    }

    fn give(self, room: &mut Room<'_, C::Item>) {
        self.0.give(room);
    }

    fn made(room: Room<'_, C::Item>) -> Vec<usize> {
        vec![room.made]
    }
}

macro_rules! tuples {
    ($(($($cell:ident $at:tt $name:literal),+))*) => {$(
        impl<$($cell: Cell),+> Cells for ($($cell,)+) {
            type Rooms<'a> = ($(Room<'a, $cell::Item>,)+);

            fn ports() -> Vec<OutPort> {
                vec![$(OutPort::named($name, $cell::Item::item_type(), None)),+]
            }

            fn rooms(outputs: &mut [Output]) -> Self::Rooms<'_> {
                let mut outputs = outputs.iter_mut();
                let mut next = || outputs.next().expect("an output for each cell");
                ($(Room::<$cell::Item>::of(next()),)+)
            }

            fn give(self, rooms: &mut Self::Rooms<'_>) {
                $(self.$at.give(&mut rooms.$at);)+
            }

            fn made(rooms: Self::Rooms<'_>) -> Vec<usize> {
                vec![$(rooms.$at.made),+]
            }
        }
    )*};
}

tuples! {
    (A 0 "a", B 1 "b")
    (A 0 "a", B 1 "b", C 2 "c")
    (A 0 "a", B 1 "b", C 2 "c", D 3 "d")
    (A 0 "a", B 1 "b", C 2 "c", D 3 "d", E 4 "e")
    (A 0 "a", B 1 "b", C 2 "c", D 3 "d", E 4 "e", F 5 "f")
    (A 0 "a", B 1 "b", C 2 "c", D 3 "d", E 4 "e", F 5 "f", G 6 "g")
    (A 0 "a", B 1 "b", C 2 "c", D 3 "d", E 4 "e", F 5 "f", G 6 "g", H 7 "h")
}

impl<C: Cell, const N: usize> Cells for [C; N] {
    type Rooms<'a> = [Room<'a, C::Item>; N];

    fn ports() -> Vec<OutPort> {
        numbered::<C::Item>(N)
    }

    fn rooms(outputs: &mut [Output]) -> Self::Rooms<'_> {
        let mut outputs = outputs.iter_mut();
        std::array::from_fn(|_| Room::of(outputs.next().expect("an output for each cell")))
    }

    fn give(self, rooms: &mut Self::Rooms<'_>) {
        for (cell, room) in self.into_iter().zip(rooms) {
            cell.give(room);
        }
    }

    fn made(rooms: Self::Rooms<'_>) -> Vec<usize> {
        rooms.iter().map(|room| room.made).collect()
    }
}

/// Outputs of items `T` that are named `0 1 2 ..`.
pub(super) fn numbered<T: Item>(count: usize) -> Vec<OutPort> {
    let port = |n: usize| OutPort::named(n.to_string(), T::item_type(), None);
    (0..count).map(port).collect()
}
