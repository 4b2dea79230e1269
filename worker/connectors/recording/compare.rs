//! The agent that holds a run's streams against a recording.
//!
//! It goes on to the end whatever it finds. The first difference of each stream is kept where the
//! coordinator sees it, which outlives the worker; a successor finds the same one at the same place.

use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use thalweg_ringbuf::Frames;

use super::{Cursor, Recording, Run};
use crate::agent::{Agent, AgentError, Blueprint, InPort, Input, Io, State, StateSpec, Status};
use crate::types::ItemType;

/// An agent whose inputs are these streams of the recording, and where it leaves what it finds.
///
/// # Errors
/// No memory to leave it in.
pub fn comparer(
    recording: &Arc<Recording>,
    streams: &[(usize, ItemType)],
) -> io::Result<(Blueprint, Arc<Findings>)> {
    let findings = Arc::new(Findings::new(streams.len())?);
    let comparer = Comparer {
        recording: Arc::clone(recording),
        cursors: streams.iter().map(|(nth, _)| Cursor::new(*nth)).collect(),
        findings: Arc::clone(&findings),
    };
    let read = vec![0u64; streams.len()];
    let blueprint = Blueprint::new(comparer).state(StateSpec::slice(&read));
    let inputs = streams.iter().map(|(_, of)| InPort::new(of.clone()));
    Ok((inputs.fold(blueprint, Blueprint::input), findings))
}

/// State: how many items of each stream were read (`u64` each).
struct Comparer {
    recording: Arc<Recording>,
    /// One for each input.
    cursors: Vec<Cursor>,
    findings: Arc<Findings>,
}

/// How a stream differs from what was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// This item of the run is another than the recorded one.
    Item {
        /// The item's place in the stream.
        position: u64,
        /// Its first bytes, at most [`SHOWN_BYTES`].
        found: Vec<u8>,
        /// Bytes of the whole item.
        len_bytes: u64,
    },
    /// The run gave this item, and the recording ended before it.
    Longer {
        /// The item's place in the stream.
        position: u64,
    },
    /// The run's stream ended before this recorded item.
    Shorter {
        /// The item's place in the stream.
        position: u64,
    },
}

/// Bytes of an item that a difference keeps.
pub const SHOWN_BYTES: usize = 64;

impl Comparer {
    /// Holds what is there of one input against the recording.
    fn compare(&mut self, nth: usize, input: &mut Input) -> Result<(), AgentError> {
        while !input.is_empty() && !self.findings.is_found(nth) {
            let position = input.position();
            let run = self.cursors[nth].at(&self.recording, position);
            let Some(run) = run.map_err(AgentError::new)? else {
                // What a cut-off recording has not got is not known.
                if self.recording.complaint().is_none() {
                    self.findings.note(nth, &Difference::Longer { position });
                }
                break;
            };
            let (same, other) = match input.is_framed() {
                true => same_frames(&run, input),
                false => same_items(&run, input),
            };
            if let Some(found) = other {
                let difference = Difference::Item {
                    position: position + same as u64,
                    found: found[..found.len().min(SHOWN_BYTES)].to_vec(),
                    len_bytes: found.len() as u64,
                };
                self.findings.note(nth, &difference);
            }
            input.consume(same);
        }
        input.consume(input.len());
        Ok(())
    }
}

/// How many items are the same, and the first that is not.
fn same_items<'a>(run: &Run<'_>, input: &'a Input) -> (usize, Option<&'a [u8]>) {
    let items = input.len().min(run.items as usize);
    let len = input.item_len();
    let (found, expected) = (&input.bytes()[..items * len], &run.bytes[..items * len]);
    if found == expected {
        return (items, None);
    }
    let mut pairs = found.chunks_exact(len).zip(expected.chunks_exact(len));
    let same = pairs.position(|(found, expected)| found != expected);
    let same = same.unwrap_or(items);
    (same, found.chunks_exact(len).nth(same))
}

/// As [`same_items`], of frames.
fn same_frames<'a>(run: &Run<'_>, input: &'a Input) -> (usize, Option<&'a [u8]>) {
    let mut same = 0;
    for (found, expected) in input.frames().zip(Frames::new(run.bytes)) {
        if found != expected {
            return (same, Some(found));
        }
        same += 1;
    }
    (same, None)
}

impl Agent for Comparer {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        for (nth, input) in io.inputs.iter_mut().enumerate() {
            self.compare(nth, input)?;
        }
        let read = io.state.slice::<u64>();
        for (read, input) in read.iter_mut().zip(io.inputs.iter()) {
            *read = input.position();
        }
        Ok(Status::Ready)
    }

    fn finish(&mut self, state: State<'_>) -> Result<(), AgentError> {
        for (nth, &position) in state.view_slice::<u64>().iter().enumerate() {
            if position < self.recording.items(self.cursors[nth].stream) {
                self.findings.note(nth, &Difference::Shorter { position });
            }
        }
        Ok(())
    }
}

/// The first difference of each stream, in memory that a worker shares with who forked it.
pub struct Findings {
    slots: NonNull<Slot>,
    len: usize,
}

/// Zero is what the kernel gives: nothing found.
#[repr(C)]
struct Slot {
    kind: AtomicU64,
    position: AtomicU64,
    len_bytes: AtomicU64,
    found: [AtomicU64; SHOWN_BYTES / 8],
}

const ITEM: u64 = 1;
const LONGER: u64 = 2;
const SHORTER: u64 = 3;

// SAFETY: all that it points to are atomics, which any thread may use; it is unmapped by who drops it last.
unsafe impl Send for Findings {}
// SAFETY: as above.
unsafe impl Sync for Findings {}

impl Findings {
    fn new(len: usize) -> io::Result<Findings> {
        let read_write = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that is there.
        let page = unsafe {
            mmap_anonymous(
                None,
                Findings::len_bytes(len),
                read_write,
                MapFlags::MAP_SHARED,
            )?
        };
        Ok(Findings {
            slots: page.cast(),
            len,
        })
    }

    fn len_bytes(len: usize) -> NonZeroUsize {
        NonZeroUsize::new(len * size_of::<Slot>()).unwrap_or(NonZeroUsize::MIN)
    }

    fn slots(&self) -> &[Slot] {
        // SAFETY: mapped with room for so many until drop, zeroed by the kernel (valid atomics), at the
        // start of a page, and only ever accessed as these atomics.
        unsafe { std::slice::from_raw_parts(self.slots.as_ptr(), self.len) }
    }

    fn is_found(&self, nth: usize) -> bool {
        // Relaxed: nothing of the slot is read by who asks.
        self.slots()[nth].kind.load(Relaxed) != 0
    }

    /// Notes a difference, unless one was noted before.
    fn note(&self, nth: usize, difference: &Difference) {
        if self.is_found(nth) {
            return;
        }
        let slot = &self.slots()[nth];
        let (kind, position) = match difference {
            Difference::Item {
                position,
                found,
                len_bytes,
            } => {
                let mut words = [0u64; SHOWN_BYTES / 8];
                bytemuck::cast_slice_mut(&mut words)[..found.len()].copy_from_slice(found);
                for (word, bytes) in slot.found.iter().zip(words) {
                    // Relaxed, as below: NOTE orders them.
                    word.store(bytes, Relaxed);
                }
                slot.len_bytes.store(*len_bytes, Relaxed);
                (ITEM, position)
            }
            Difference::Longer { position } => (LONGER, position),
            Difference::Shorter { position } => (SHORTER, position),
        };
        slot.position.store(*position, Relaxed);
        // NOTE (out, to `of`): what was found comes before that it was.
        slot.kind.store(kind, Release);
    }

    /// The first difference of the `nth` stream.
    pub fn of(&self, nth: usize) -> Option<Difference> {
        let slot = &self.slots()[nth];
        // NOTE (in, from `note`): the rest of the slot is whole.
        let kind = slot.kind.load(Acquire);
        // Relaxed: NOTE orders them.
        let position = slot.position.load(Relaxed);
        match kind {
            ITEM => {
                let words = slot.found.each_ref().map(|word| word.load(Relaxed));
                let len_bytes = slot.len_bytes.load(Relaxed);
                let shown = (len_bytes as usize).min(SHOWN_BYTES);
                Some(Difference::Item {
                    position,
                    found: bytemuck::cast_slice(&words)[..shown].to_vec(),
                    len_bytes,
                })
            }
            LONGER => Some(Difference::Longer { position }),
            SHORTER => Some(Difference::Shorter { position }),
            _ => None,
        }
    }
}

impl Drop for Findings {
    fn drop(&mut self) {
        // SAFETY: `new` mapped it with this length, and nobody borrows it any more.
        let _ = unsafe { munmap(self.slots.cast(), Findings::len_bytes(self.len).get()) };
    }
}

impl Recording {
    /// The bytes of one recorded item; `None` where there is none, or it is damaged.
    pub fn item(&self, stream: usize, position: u64) -> Option<Vec<u8>> {
        let run = Cursor::new(stream).at(self, position).ok()??;
        match self.words().streams[stream].item_len {
            0 => Frames::new(run.bytes).next().map(<[u8]>::to_vec),
            len => Some(run.bytes[..len].to_vec()),
        }
    }
}
