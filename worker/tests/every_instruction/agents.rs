//! The agents of the proof: salted, so that a redo never gives the same items again.
//!
//! An engine that shows an item too early, or reads one twice, goes unnoticed where a redo repeats
//! the item. Here each value is drawn anew in each process, and what was emitted is hashed in the
//! state of who emitted it: it must hash to the same where it arrived.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use thalweg_worker::agent::{
    Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, State, StateSpec, Status,
};
use thalweg_worker::encoded::Encoded;
use thalweg_worker::types::ItemType;

/// One item: its number, its value, a salt, and filler that says whether it is whole. It is so long
/// that a page holds eight: a ring of eight is then really written over.
pub type Item = [u64; 64];

/// Bytes a sink writes for an item: number, value, salt.
pub const LINE: u64 = 24;
/// How many items the source gives.
pub const ITEMS: u64 = 20;
/// How many past items the windowed agent looks at.
const PAST: usize = 2;

static SALT: AtomicU64 = AtomicU64::new(0);

/// This process draws salts that no process of another serial number draws.
pub fn draw_as(serial: u64) {
    // Relaxed: one thread.
    SALT.store(serial << 32, Relaxed);
}

fn salt() -> u64 {
    mix(0, SALT.fetch_add(1, Relaxed))
}

/// A hash of a hash and the next number (SplitMix64's finish).
pub fn mix(hash: u64, next: u64) -> u64 {
    let mut z = (hash.rotate_left(7) ^ next).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn item(number: u64, value: u64, salt: u64) -> Item {
    let mut item = [mix(value, salt); 64];
    item[..3].copy_from_slice(&[number, value, salt]);
    item
}

fn is_whole(item: &Item, number: u64) -> bool {
    let filler = mix(item[1], item[2]);
    item[0] == number && item[3..].iter().all(|&word| word == filler)
}

/// What the source keeps: the hash of the values it gave, apart for items of different [`class`].
pub type Given = BTreeMap<u64, u64>;

/// Into how many classes items fall.
pub const CLASSES: u64 = 3;

fn class(number: u64) -> u64 {
    number % CLASSES
}

/// The source's end of what it keeps, and what that is before the first item.
pub fn given() -> (Encoded<Given>, StateSpec) {
    let none = (0..CLASSES).map(|class| (class, 0)).collect();
    let longest = 1 + CLASSES as usize * (1 + 10);
    Encoded::new(&none, longest).expect("room for three")
}

/// Numbers 0, 1, 2 .. with drawn values. State: hashes of them, encoded.
struct Source(Encoded<Given>);

impl Agent for Source {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        self.0.update(&mut io.state, |given| {
            while !output.is_full() && output.position() < ITEMS {
                let (number, value) = (output.position(), salt());
                output.push(item(number, value, 0));
                let hash = given.get_mut(&class(number)).expect("each class");
                *hash = mix(*hash, value);
            }
        })?;
        Ok(match output.position() == ITEMS {
            true => Status::Done,
            false => Status::Ready,
        })
    }
}

/// What the windowed agent keeps.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Folded {
    /// The hash of the values it took, class by class.
    pub taken: [u64; CLASSES as usize],
    /// The hash of the values it gave.
    pub given: u64,
    /// Items that were not whole, not in order, or with another past than the one seen before.
    pub wrong: u64,
    recent: [u64; PAST],
}

// SAFETY: u64s alone, no padding; any bits are a value.
unsafe impl bytemuck::Zeroable for Folded {}
// SAFETY: as above.
unsafe impl bytemuck::Pod for Folded {}

/// The sum of a window over three items, salted.
struct Fold;

impl Agent for Fold {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        while !io.inputs[0].is_empty() && !io.outputs[0].is_full() {
            let number = io.inputs[0].position();
            let (items, past) = io.inputs[0].past::<Item>();
            let now = &items[past];
            let folded = io.state.get::<Folded>();
            folded.wrong += u64::from(!is_whole(now, number));
            for back in 1..=PAST.min(number as usize) {
                let seen = past >= back && items[past - back][1] == folded.recent[back - 1];
                folded.wrong += u64::from(!seen);
            }
            let sum = items[past.saturating_sub(PAST)..=past]
                .iter()
                .fold(salt(), |sum, item| sum.wrapping_add(item[1]));
            let taken = &mut folded.taken[class(number) as usize];
            *taken = mix(*taken, now[1]);
            folded.given = mix(folded.given, sum);
            folded.recent = [now[1], folded.recent[0]];
            io.outputs[0].push(item(number, sum, 0));
            io.inputs[0].consume(1);
        }
        Ok(Status::Ready)
    }
}

/// Values of the table that [`Tint`] keeps: eight blocks of 64 bytes.
pub const TABLE: usize = 64;

/// The place in the table of an item of this number: five places, in blocks of their own.
pub fn place(number: u64) -> usize {
    (number % 5) as usize * 13
}

/// Passes values on and adds a salt. State: a table, of which an item writes one place.
struct Tint;

impl Agent for Tint {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        while !io.inputs[0].is_empty() && !io.outputs[0].is_full() {
            let number = io.inputs[0].position();
            let taken = &io.inputs[0].items::<Item>()[0];
            // An item that is not whole is passed on with a number that the sinks refuse.
            let number = if is_whole(taken, number) { number } else { !0 };
            let given = item(number, taken[1], salt());
            let hash = &mut io.state.table::<u64>()[place(io.inputs[0].position())];
            *hash = mix(*hash, taken[1]);
            io.outputs[0].push(given);
            io.inputs[0].consume(1);
        }
        Ok(Status::Ready)
    }
}

/// Writes its file at the length its state says.
struct Counted(Rc<File>);

impl Agent for Counted {
    fn attach(&mut self, mut state: State<'_>) -> Result<(), AgentError> {
        let length = *state.get::<u64>();
        self.0.set_len(length * LINE).map_err(failed)
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let length = io.state.get::<u64>();
        *length += write_items(&self.0, &mut io.inputs[0], *length)?;
        Ok(Status::Ready)
    }
}

/// Writes its file where its place in the stream says. No state.
struct Placed(Rc<File>);

impl Agent for Placed {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let at = io.inputs[0].position();
        write_items(&self.0, &mut io.inputs[0], at)?;
        Ok(Status::Ready)
    }
}

/// Makes a frame of each item: its number, its value, a salt, and as much filler as the salt says, so that
/// a redo gives frames of other lengths. State: the hash of the salts.
struct Letter;

impl Agent for Letter {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        while let Some(taken) = io.inputs[0].items::<Item>().first() {
            let salt = salt();
            let letter = letter(taken[0], taken[1], salt);
            if !io.outputs[0].give(bytemuck::cast_slice(&letter)) {
                break;
            }
            let hash = io.state.get::<u64>();
            *hash = mix(*hash, salt);
            io.inputs[0].consume(1);
        }
        Ok(Status::Ready)
    }
}

fn letter(number: u64, value: u64, salt: u64) -> Vec<u64> {
    let mut words = vec![mix(value, salt); 3 + (salt % 60) as usize];
    words[..3].copy_from_slice(&[number, value, salt]);
    words
}

/// Writes a line for each frame where its state says.
struct Posted(Rc<File>);

impl Agent for Posted {
    fn attach(&mut self, mut state: State<'_>) -> Result<(), AgentError> {
        let length = *state.get::<u64>();
        self.0.set_len(length * LINE).map_err(failed)
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let input = &mut io.inputs[0];
        let length = io.state.get::<u64>();
        let (mut bytes, mut number) = (Vec::new(), input.position());
        for frame in input.frames() {
            let words: Vec<u64> = frame
                .chunks_exact(8)
                .map(bytemuck::pod_read_unaligned)
                .collect();
            let whole = words.len() >= 3 && words == letter(number, words[1], words[2]);
            let line = if whole {
                [number, words[1], words[2]]
            } else {
                [!0; 3]
            };
            bytes.extend_from_slice(bytemuck::bytes_of(&line));
            number += 1;
        }
        let n = input.len();
        self.0
            .write_all_at(&bytes, *length * LINE)
            .map_err(failed)?;
        *length += n as u64;
        input.consume(n);
        Ok(Status::Ready)
    }
}

fn write_items(file: &File, input: &mut Input, at: u64) -> Result<u64, AgentError> {
    let mut bytes = Vec::new();
    for item in input.items::<Item>() {
        let whole = is_whole(item, item[0]);
        let number = if whole { item[0] } else { !0 };
        bytes.extend_from_slice(bytemuck::bytes_of(&[number, item[1], item[2]]));
    }
    file.write_all_at(&bytes, at * LINE).map_err(failed)?;
    let n = input.len();
    input.consume(n);
    Ok(n as u64)
}

fn failed(error: std::io::Error) -> AgentError {
    AgentError::new(error.to_string())
}

/// The agents of each worker, as built.
pub fn blueprints(worker: usize, files: &[Rc<File>; 3]) -> Vec<Blueprint> {
    let items = || ItemType::Pod {
        name: "Item",
        len_bytes: size_of::<Item>() as u32,
        align: 8,
    };
    let (input, output) = (|| InPort::new(items()), || OutPort::new(items(), None));
    match worker {
        0 => vec![
            Blueprint::new(Source(given().0))
                .output(output())
                .state(given().1),
        ],
        1 => vec![
            Blueprint::new(Fold)
                .input(input().retain(PAST))
                .output(output())
                .state(StateSpec::of(<Folded as bytemuck::Zeroable>::zeroed())),
            Blueprint::new(Tint)
                .input(input())
                .output(output())
                .state(StateSpec::slice(&[0u64; TABLE])),
            Blueprint::new(Letter)
                .input(input())
                .output(OutPort::new(ItemType::Bytes, None))
                .state(StateSpec::of(0u64)),
        ],
        2 => vec![
            Blueprint::new(Counted(files[0].clone()))
                .input(input())
                .state(StateSpec::of(0u64)),
        ],
        3 => vec![Blueprint::new(Placed(files[1].clone())).input(input())],
        _ => vec![
            Blueprint::new(Posted(files[2].clone()))
                .input(InPort::new(ItemType::Bytes))
                .state(StateSpec::of(0u64)),
        ],
    }
}
