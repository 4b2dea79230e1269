//! Filling a stream that other cores read: straight into the ring, or beside it and then by one long copy.
//!
//! A store to a line that another core has read waits until that core lets go of it. One long `memcpy` asks for many
//! lines at once; the stores of an operator's loop, which come a vector at a time, may take several times as
//! long, or less, depending on how far the cores are from each other and on what the loop does. So nobody guesses:
//! of the calls that are timed anyhow, some take the other way, and the quicker one is kept.
//!
//! What is filled beside is copied before the commit, into slots that nobody sees before it, as an agent's own
//! stores would be: a kill in between leaves what it always leaves.

use crate::agent::Output;

/// Shorter calls are not worth a choice, bytes.
const SHORTEST_LEN_BYTES: usize = 8 << 10;
/// So many timed calls take turns at first; then one in so many takes the other way.
const TURNS: u32 = 8;
const LOOKS: u32 = 32;
/// Of so many calls each way the quickest counts: the others were disturbed.
const RECENT: usize = 4;
/// What the other way must save to be taken: a tenth.
const WORTH: f64 = 0.9;

/// The outputs of an agent that have the choice, and go the same way.
pub(super) struct Beside {
    rooms: Vec<Room>,
    /// The way that is quicker, as far as is known.
    chosen: Way,
    /// The way of this call.
    way: Way,
    timed: u32,
    /// ns a byte of the last timed calls, by way.
    recent: [[f64; RECENT]; 2],
}

/// Where an output may be filled.
struct Room {
    output: usize,
    /// As many as the longest call so far took.
    lines: Vec<Line>,
    /// This call was long enough.
    taken: bool,
}

/// Bytes as the kernels like them: on a line's boundary.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line {
    _bytes: [u8; 64],
}

const EMPTY: Line = Line { _bytes: [0; 64] };

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Straight = 0,
    Beside = 1,
}

impl Way {
    fn other(self) -> Way {
        match self {
            Way::Straight => Way::Beside,
            Way::Beside => Way::Straight,
        }
    }
}

impl Beside {
    /// The choice for these outputs; none where there are none.
    pub(super) fn of(outputs: impl Iterator<Item = usize>) -> Option<Box<Beside>> {
        let room = |output| Room {
            output,
            lines: Vec::new(),
            taken: false,
        };
        let rooms: Vec<Room> = outputs.map(room).collect();
        if rooms.is_empty() {
            return None;
        }
        Some(Box::new(Beside {
            rooms,
            chosen: Way::Straight,
            way: Way::Straight,
            timed: 0,
            recent: [[f64::INFINITY; RECENT]; 2],
        }))
    }

    /// The call to come is timed: some of them try the other way. True if it goes beside.
    pub(super) fn will_be_timed(&mut self) -> bool {
        self.timed = self.timed.wrapping_add(1);
        let tries = match self.timed <= TURNS {
            true => self.timed.is_multiple_of(2),
            false => self.timed.is_multiple_of(LOOKS),
        };
        self.way = match tries {
            true => self.chosen.other(),
            false => self.chosen,
        };
        self.way == Way::Beside
    }

    /// The call took `ns` and filled these. True if the next ones go beside.
    pub(super) fn was_timed(&mut self, ns: u64, outputs: &[Output]) -> bool {
        let given = |room: &Room| {
            let output = &outputs[room.output];
            output.produced() * output.item_len()
        };
        let len_bytes: usize = self.rooms.iter().map(given).sum();
        if len_bytes >= SHORTEST_LEN_BYTES {
            self.learn(ns as f64 / len_bytes as f64);
        }
        self.way = self.chosen;
        self.way == Way::Beside
    }

    fn learn(&mut self, ns_a_byte: f64) {
        let recent = &mut self.recent[self.way as usize];
        recent.rotate_right(1);
        recent[0] = ns_a_byte;
        let least = |way: Way| {
            let recent = self.recent[way as usize];
            recent.into_iter().fold(f64::INFINITY, f64::min)
        };
        let other = self.chosen.other();
        if least(other) < WORTH * least(self.chosen) {
            self.chosen = other;
        }
    }

    /// Puts the room of long calls beside their rings.
    pub(super) fn move_aside(&mut self, outputs: &mut [Output]) {
        for room in &mut self.rooms {
            let output = &mut outputs[room.output];
            let len_bytes = output.room_len_bytes();
            room.taken = len_bytes >= SHORTEST_LEN_BYTES;
            if !room.taken {
                continue;
            }
            let lines = len_bytes.div_ceil(size_of::<Line>());
            if room.lines.len() < lines {
                room.lines.resize(lines, EMPTY);
            }
            // SAFETY: a line's boundary, as long as the room it stands for, initialised, and touched by
            // nobody else until `bring_back`.
            unsafe { output.lie_at(room.lines.as_mut_ptr().cast()) };
        }
    }

    /// Copies what the call gave to where it belongs: `slot(output)` is where its room was before.
    ///
    /// # Safety
    /// The outputs are those that were moved aside last, and for this call.
    pub(super) unsafe fn bring_back(&self, outputs: &[Output], slot: impl Fn(usize) -> *mut u8) {
        for room in self.rooms.iter().filter(|room| room.taken) {
            let output = &outputs[room.output];
            let len_bytes = output.produced() * output.item_len();
            let from = room.lines.as_ptr().cast();
            // SAFETY: `move_aside` made the room long enough; the slots are this agent's alone until they
            // are published.
            unsafe { std::ptr::copy_nonoverlapping(from, slot(room.output), len_bytes) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: usize = SHORTEST_LEN_BYTES;

    /// One output with room for so many bytes in `ring`.
    fn output(ring: &mut [u8]) -> Output {
        // SAFETY: bytes, writable as long as the test looks.
        unsafe { Output::new(ring.as_mut_ptr(), ring.len(), 0, 1) }
    }

    /// A timed call that takes so many ns, by the way it goes; what is in the ring then, and whether it was filled
    /// aside.
    fn call(beside: &mut Beside, ns: [u64; 2], len_bytes: usize) -> (Vec<u8>, bool) {
        let mut ring = vec![0u8; len_bytes];
        let slots = ring.as_mut_ptr();
        let mut outputs = [output(&mut ring)];
        let aside = beside.will_be_timed();
        if aside {
            beside.move_aside(&mut outputs);
        }
        let room = outputs[0].bytes();
        let in_the_ring = room.as_ptr() == slots.cast_const();
        assert_eq!(in_the_ring, !aside || len_bytes < SHORTEST_LEN_BYTES);
        room[..len_bytes - 1].fill(7);
        outputs[0].produce(len_bytes - 1);
        if aside {
            // SAFETY: moved aside above.
            unsafe { beside.bring_back(&outputs, |_| slots) };
        }
        let ns = ns[beside.way as usize];
        beside.was_timed(ns, &outputs);
        (ring, !in_the_ring)
    }

    #[test]
    fn the_quicker_way_is_kept_and_another_day_the_other() {
        let mut beside = Beside::of(0..1).unwrap();
        for _ in 0..TURNS {
            call(&mut beside, [1000, 500], LONG + 1);
        }
        assert_eq!(beside.chosen, Way::Beside);
        for _ in 0..LOOKS + TURNS {
            call(&mut beside, [500, 1000], LONG + 1);
        }
        assert_eq!(beside.chosen, Way::Straight);
    }

    #[test]
    fn a_small_difference_changes_nothing() {
        let mut beside = Beside::of(0..1).unwrap();
        for _ in 0..4 * LOOKS {
            call(&mut beside, [1000, 950], LONG + 1);
        }
        assert_eq!(beside.chosen, Way::Straight);
    }

    #[test]
    fn what_was_given_is_in_the_ring_whichever_way() {
        let mut beside = Beside::of(0..1).unwrap();
        let mut aside = 0;
        for len_bytes in [LONG + 1, LONG - 1, 3 * LONG, LONG + 64] {
            for _ in 0..TURNS {
                let (ring, was_aside) = call(&mut beside, [1000, 100], len_bytes);
                aside += usize::from(was_aside);
                assert_eq!(ring[..len_bytes - 1], vec![7; len_bytes - 1]);
                assert_eq!(
                    ring[len_bytes - 1],
                    0,
                    "what was not given is left as it was"
                );
            }
        }
        assert!(aside > TURNS as usize);
    }

    #[test]
    fn without_others_there_is_no_choice() {
        assert!(Beside::of(0..0).is_none());
    }
}
