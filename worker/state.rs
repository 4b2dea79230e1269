//! What an agent keeps: bytes in the segment, in two copies, of which the commit says which one holds.
//!
//! A call writes the copy that does not hold, the *spare*. Before that the spare is brought up to date
//! with the other; what has to be copied for it is what the last call wrote, and nothing else differs.
//! [`Changes`] notes that, in blocks of 64 bytes:
//!
//! ```text
//! call 1   holds A   spare B := A, writes block 2 of B     changes {2}    commit: B holds
//! call 2   holds B   spare A := block 2 of B, writes 5     changes {5}    commit: A holds
//! call 3   holds A   spare B := block 5 of A, ..
//! ```
//!
//! The notes lie in the worker's own memory and die with it. A successor does not know what its
//! predecessor wrote, so its first call copies whole. Until the commit the copy that holds is only
//! read, so a kill at any instruction finds it as it was committed.
//!
//! # What it costs
//!
//! [`State::get`] and [`State::slice`] hand out everything for writing, so everything counts as written:
//! a copy of the whole state at the next call (some ns up to 512 bytes, 50 at 4 KiB, in proportion above:
//! `docs/performance.md`). A large state is a [`Table`]: its cost is that of the blocks written, whatever its length. An
//! agent that only looks ([`State::view`]) or is not called copies nothing.
//!
//! ```
//! use thalweg_worker::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
//! use thalweg_worker::types::Item;
//!
//! /// How often each key has been seen. A million counters, and a call costs what it touches.
//! struct Count;
//!
//! impl Agent for Count {
//!     fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
//!         let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
//!         let n = input.len().min(output.space());
//!         let mut counts = io.state.table::<u32>();
//!         for (&key, y) in input.items::<u32>()[..n].iter().zip(output.room()) {
//!             let count = &mut counts[key as usize % (1 << 20)];
//!             *count += 1;
//!             *y = *count;
//!         }
//!         input.consume(n);
//!         output.produce(n);
//!         Ok(Status::Ready)
//!     }
//! }
//!
//! let count = Blueprint::new(Count)
//!     .input(InPort::new(u32::item_type()))
//!     .output(OutPort::new(u32::item_type(), None))
//!     .state(StateSpec::slice(&vec![0u32; 1 << 20]));
//! # let keys = [7u32, 8, 7];
//! # let keys = bytemuck::cast_slice(&keys).to_vec();
//! # let chunks = thalweg_worker::testing::Chunks::Random(1);
//! # let counts = thalweg_worker::testing::run(count, &[keys], chunks, 9).unwrap();
//! # assert_eq!(counts[0], bytemuck::cast_slice::<u32, u8>(&[1, 1, 2]));
//! ```

use std::ops::{Index, IndexMut, Range};

use bytemuck::{AnyBitPattern, NoUninit, Pod};

/// An agent's committed state during a call: bytes in the segment, read and written as `Pod` values.
///
/// What is written here becomes true with the worker's commit, together with the positions; in a call
/// that moves nothing and does not end the agent it is forgotten.
pub struct State<'a> {
    bytes: &'a mut [u8],
    changes: Option<&'a mut Changes>,
}

impl<'a> State<'a> {
    /// A state over these bytes, aligned to 64, whose changes nobody wants to know.
    pub fn new(bytes: &'a mut [u8]) -> State<'a> {
        State {
            bytes,
            changes: None,
        }
    }

    /// A state over these bytes, aligned to 64, that notes what is written.
    pub fn noted(bytes: &'a mut [u8], changes: &'a mut Changes) -> State<'a> {
        State {
            bytes,
            changes: Some(changes),
        }
    }

    /// The whole state as one value, for writing. Its length is what [`StateSpec::of`] reserved.
    pub fn get<T: Pod>(&mut self) -> &mut T {
        self.note_all();
        bytemuck::from_bytes_mut(&mut self.bytes[..size_of::<T>()])
    }

    /// The whole state as a slice of values, for writing.
    pub fn slice<T: NoUninit + AnyBitPattern>(&mut self) -> &mut [T] {
        self.note_all();
        bytemuck::cast_slice_mut(self.bytes)
    }

    /// The whole state as one value, to look at.
    pub fn view<T: Pod>(&self) -> &T {
        bytemuck::from_bytes(&self.bytes[..size_of::<T>()])
    }

    /// The whole state as a slice of values, to look at.
    pub fn view_slice<T: Pod>(&self) -> &[T] {
        bytemuck::cast_slice(self.bytes)
    }

    /// The whole state as a table of values: what is written in it costs, not how long it is.
    pub fn table<T: Pod>(&mut self) -> Table<'_, T> {
        Table {
            items: bytemuck::cast_slice_mut(self.bytes),
            changes: self.changes.as_deref_mut(),
            start: 0,
        }
    }

    /// One value, for writing, and the table after it: what [`StateSpec::head_and_table`] reserved.
    pub fn head_and_table<H: Pod, T: Pod>(&mut self) -> (&mut H, Table<'_, T>) {
        let start = size_of::<H>().next_multiple_of(BLOCK);
        let mut changes = self.changes.as_deref_mut();
        if let Some(changes) = &mut changes {
            changes.note(0..size_of::<H>());
        }
        let (head, rest) = self.bytes.split_at_mut(start);
        let table = Table {
            items: bytemuck::cast_slice_mut(rest),
            changes,
            start,
        };
        (bytemuck::from_bytes_mut(&mut head[..size_of::<H>()]), table)
    }

    /// The same state for a shorter time.
    pub fn reborrow(&mut self) -> State<'_> {
        State {
            bytes: self.bytes,
            changes: self.changes.as_deref_mut(),
        }
    }

    /// All bytes, for a writer that notes afterwards which ones it wrote.
    pub(crate) fn unnoted(&mut self) -> &mut [u8] {
        self.bytes
    }

    /// These bytes were written.
    pub(crate) fn note(&mut self, bytes: Range<usize>) {
        if let Some(changes) = &mut self.changes {
            changes.note(bytes);
        }
    }

    fn note_all(&mut self) {
        if let Some(changes) = &mut self.changes {
            changes.whole = true;
        }
    }
}

/// A state of many values of which a call writes few.
///
/// `table[i]` reads, `table[i] = x` and `table[i] += 1` note the block that `i` is in.
pub struct Table<'a, T> {
    items: &'a mut [T],
    changes: Option<&'a mut Changes>,
    start: usize,
}

impl<T: Pod> Table<'_, T> {
    /// How many values there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// All values, to look at.
    pub fn as_slice(&self) -> &[T] {
        self.items
    }

    /// Values that lie side by side, for writing: all of them count as written.
    pub fn range_mut(&mut self, range: Range<usize>) -> &mut [T] {
        let items = &mut self.items[range.clone()];
        if let Some(changes) = &mut self.changes {
            let byte = |i: usize| self.start + i * size_of::<T>();
            changes.note(byte(range.start)..byte(range.end));
        }
        items
    }
}

impl<T> Index<usize> for Table<'_, T> {
    type Output = T;

    fn index(&self, i: usize) -> &T {
        &self.items[i]
    }
}

impl<T> IndexMut<usize> for Table<'_, T> {
    #[inline]
    fn index_mut(&mut self, i: usize) -> &mut T {
        let item = &mut self.items[i];
        if let Some(changes) = &mut self.changes {
            let byte = self.start + i * size_of::<T>();
            if const { is_in_one_block(size_of::<T>()) } {
                changes.note_block(byte / BLOCK);
            } else {
                changes.note(byte..byte + size_of::<T>());
            }
        }
        item
    }
}

/// Values of this length never lie across two blocks (a table starts at a block).
const fn is_in_one_block(len: usize) -> bool {
    len > 0 && BLOCK.is_multiple_of(len)
}

/// What is noted, and copied, at once: a cache line.
const BLOCK: usize = 64;

/// Where the two copies of a state differ: what was written into one since the other was equal.
///
/// A bit for each block, and a bit for each 64 of those: marking is two stores however much is marked,
/// and looking for what is marked skips 4 KiB a bit. Bounded: a bit for each 64 bytes of state.
#[derive(Debug)]
pub struct Changes {
    whole: bool,
    blocks: Vec<u64>,
    groups: Vec<u64>,
}

impl Changes {
    /// The copies of a state of this length may differ anywhere: what a process starts from, which did
    /// not see what was written before.
    pub fn anywhere(len_bytes: usize) -> Changes {
        let words = len_bytes.div_ceil(BLOCK).div_ceil(64);
        Changes {
            whole: true,
            blocks: vec![0; words],
            groups: vec![0; words.div_ceil(64)],
        }
    }

    /// The copies are taken for equal from now on.
    #[inline(always)]
    pub fn forget(&mut self) {
        self.whole = false;
        if self.groups.iter().any(|&group| group != 0) {
            self.each_run(|_| {});
        }
    }

    /// Makes `spare` equal to `current` where they differ, and forgets that they did.
    #[inline(always)]
    pub fn bring_up(&mut self, current: &[u8], spare: &mut [u8]) {
        if !self.whole {
            return self.bring_up_blocks(current, spare);
        }
        match (current.as_array::<BLOCK>(), spare.as_mut_array::<BLOCK>()) {
            (Some(from), Some(to)) => *to = *from,
            _ => spare.copy_from_slice(current),
        }
        self.forget();
    }

    fn bring_up_blocks(&mut self, current: &[u8], spare: &mut [u8]) {
        self.each_run(|blocks| {
            let start = blocks.start * BLOCK;
            let from = current[start..].first_chunk::<BLOCK>();
            let to = spare[start..].first_chunk_mut::<BLOCK>();
            match (blocks.len(), from, to) {
                // Most often: a copy of a length known beforehand.
                (1, Some(from), Some(to)) => *to = *from,
                _ => {
                    let end = current.len().min(blocks.end * BLOCK);
                    spare[start..end].copy_from_slice(&current[start..end]);
                }
            }
        });
    }

    /// Visits the marked blocks, neighbours together, and unmarks them.
    fn each_run(&mut self, mut visit: impl FnMut(Range<usize>)) {
        for (g, group) in self.groups.iter_mut().enumerate() {
            while *group != 0 {
                let w = g * 64 + group.trailing_zeros() as usize;
                *group &= *group - 1;
                let mut word = std::mem::take(&mut self.blocks[w]);
                while word != 0 {
                    let first = word.trailing_zeros();
                    let len = (word >> first).trailing_ones();
                    let run = u64::MAX >> (64 - len) << first;
                    word &= !run;
                    let block = w * 64 + first as usize;
                    visit(block..block + len as usize);
                }
            }
        }
    }

    /// These bytes are being written.
    fn note(&mut self, bytes: Range<usize>) {
        if bytes.is_empty() {
            return;
        }
        let (first, last) = (bytes.start / BLOCK, (bytes.end - 1) / BLOCK);
        for w in first / 64..=last / 64 {
            let from = first.max(w * 64) % 64;
            let to = last.min(w * 64 + 63) % 64;
            self.blocks[w] |= u64::MAX << from & u64::MAX >> (63 - to);
            self.groups[w / 64] |= 1 << (w % 64);
        }
    }

    #[inline]
    fn note_block(&mut self, block: usize) {
        self.blocks[block / 64] |= 1 << (block % 64);
        self.groups[block / 4096] |= 1 << (block / 64 % 64);
    }
}

/// The bytes of state an agent starts with; their number never changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateSpec {
    /// The state before the first item.
    pub init: Vec<u8>,
}

impl StateSpec {
    /// No state.
    pub fn none() -> StateSpec {
        StateSpec::default()
    }

    /// One `Pod` value.
    pub fn of<T: Pod>(init: T) -> StateSpec {
        StateSpec {
            init: bytemuck::bytes_of(&init).to_vec(),
        }
    }

    /// A slice of `Pod` values, to be used as a slice or as a table.
    pub fn slice<T: Pod>(init: &[T]) -> StateSpec {
        StateSpec {
            init: bytemuck::cast_slice(init).to_vec(),
        }
    }

    /// One `Pod` value, which every call may write, and a table.
    pub fn head_and_table<H: Pod, T: Pod>(head: H, table: &[T]) -> StateSpec {
        let mut init = bytemuck::bytes_of(&head).to_vec();
        init.resize(init.len().next_multiple_of(BLOCK), 0);
        init.extend_from_slice(bytemuck::cast_slice(table));
        StateSpec { init }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    #[test]
    fn what_a_call_wrote_is_what_the_next_one_finds() {
        for seed in 0..60 {
            let mut random = Random::new(seed);
            let len = 1 + random.below(5000) as usize;
            let mut copies = [vec![0u64; len], vec![!0u64; len]];
            let mut expected = vec![0u64; len];
            let mut changes = Changes::anywhere(8 * len);
            for call in 0..50 {
                let [current, spare] = &mut copies;
                let spare = bytemuck::cast_slice_mut(spare);
                changes.bring_up(bytemuck::cast_slice(current), spare);
                let mut written = expected.clone();
                let mut state = State::noted(spare, &mut changes);
                assert_eq!(
                    state.view_slice::<u64>(),
                    expected,
                    "seed {seed}, call {call}"
                );
                for _ in 0..random.below(20) {
                    write_somewhere(&mut random, &mut state, &mut written);
                }
                // One call in four moves nothing, and is forgotten.
                if random.below(4) > 0 {
                    copies.swap(0, 1);
                    expected = written;
                }
            }
        }
    }

    fn write_somewhere(random: &mut Random, state: &mut State<'_>, written: &mut [u64]) {
        let value = random.below(u64::MAX);
        let at = random.below(written.len() as u64) as usize;
        let end = at + random.below((written.len() - at) as u64 + 1) as usize;
        match random.below(40) {
            0 => state.slice::<u64>()[at] = value,
            1 => state.reborrow().slice::<u64>()[at] = value,
            2..10 => {
                state.table().range_mut(at..end).fill(value);
                written[at..end].fill(value);
                return;
            }
            _ => state.table()[at] = value,
        }
        written[at] = value;
    }

    #[test]
    fn only_blocks_that_were_written_are_copied() {
        let current = [1u64; 1000];
        let mut spare = [2u64; 1000];
        let mut changes = Changes::anywhere(8000);
        changes.forget();
        let mut scratch = [0u64; 1000];
        let mut state = State::noted(bytemuck::cast_slice_mut(&mut scratch), &mut changes);
        let mut table = state.table::<u64>();
        table[17] = 3;
        table[999] += 1;
        table.range_mut(63..65).fill(4);
        table.range_mut(500..500).fill(5);
        assert_eq!(table[500], 0);
        changes.bring_up(
            bytemuck::cast_slice(&current),
            bytemuck::cast_slice_mut(&mut spare),
        );
        let copied = (0..1000).filter(|&i| spare[i] == 1);
        let expected = (16..24).chain(56..72).chain(992..1000);
        assert!(copied.eq(expected), "{spare:?}");
    }

    #[test]
    fn values_across_two_blocks_mark_both() {
        let (current, mut spare) = ([1u8; 192], [2u8; 192]);
        let mut changes = Changes::anywhere(192);
        changes.forget();
        let mut scratch = [0u8; 192];
        State::noted(&mut scratch, &mut changes).table::<[u8; 24]>()[5][0] = 9;
        changes.bring_up(&current, &mut spare);
        assert!(spare[..64].iter().all(|&byte| byte == 2));
        assert!(spare[64..].iter().all(|&byte| byte == 1));
    }

    #[test]
    fn a_head_counts_as_written_and_the_table_after_it_only_where_it_is() {
        let spec = StateSpec::head_and_table(7u64, &[1u32; 64]);
        assert_eq!(spec.init.len(), 64 + 256);
        let mut current = spec.init.clone();
        let mut changes = Changes::anywhere(320);
        changes.forget();
        let mut state = State::noted(&mut current, &mut changes);
        let (head, mut table) = state.head_and_table::<u64, u32>();
        assert_eq!((*head, table.len(), table[63]), (7, 64, 1));
        *head = 8;
        table[63] = 2;
        let mut spare = vec![0u8; 320];
        changes.bring_up(&current, &mut spare);
        assert_eq!(spare[..64], current[..64]);
        assert_eq!(spare[256..], current[256..]);
        assert!(spare[64..256].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn who_only_looks_writes_nothing() {
        let mut bytes = [5u8; 128];
        let mut changes = Changes::anywhere(128);
        changes.forget();
        let mut state = State::noted(&mut bytes, &mut changes);
        assert_eq!(*state.view::<[u8; 3]>(), [5; 3]);
        assert_eq!(state.view_slice::<u8>(), [5; 128]);
        assert_eq!(state.table::<u8>().as_slice(), [5; 128]);
        let mut spare = [0u8; 128];
        changes.bring_up(&[5; 128], &mut spare);
        assert_eq!(spare, [0; 128]);
    }
}
