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
use crate::tags::{Tags, companions};
use crate::types::ItemType;

/// An agent whose inputs are these streams of the recording, and where it leaves what it finds.
///
/// # Errors
/// No memory to leave it in.
pub fn comparer(
    recording: &Arc<Recording>,
    streams: &[(usize, ItemType)],
) -> io::Result<(Blueprint, Arc<Findings>)> {
    let findings = Arc::new(Findings::new(2 * streams.len())?);
    let items = streams.iter().map(|(nth, _)| *nth);
    let tags = items.clone().map(|nth| recording.tags_of(nth));
    let comparer = Comparer {
        recording: Arc::clone(recording),
        cursors: items.chain(tags).map(Cursor::new).collect(),
        companions: vec![None; streams.len()],
        findings: Arc::clone(&findings),
    };
    let read = vec![0u64; 2 * streams.len()];
    let tags = match recording.keeps_tags() {
        true => Tags::Read,
        false => Tags::Dropped,
    };
    let blueprint = Blueprint::new(comparer)
        .state(StateSpec::slice(&read))
        .tags(tags);
    let inputs = streams.iter().map(|(_, of)| InPort::new(of.clone()));
    Ok((inputs.fold(blueprint, Blueprint::input), findings))
}

/// State: how many items of each stream were read, then how many tags of each (`u64` each).
struct Comparer {
    recording: Arc<Recording>,
    /// One for each stream, then one for the tags of each.
    cursors: Vec<Cursor>,
    /// The inputs with the tags of each stream.
    companions: Vec<Option<usize>>,
    findings: Arc<Findings>,
}

/// How a stream differs from what was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// This item, or tag, of the run is another than the recorded one. A tag may be none of the recorded ones.
    Item {
        /// The item's place in the stream, or the tag's among the tags.
        position: u64,
        /// Where in the item `found` begins: at most [`AHEAD_BYTES`] before the first byte that differs, 0 of a short one and of a tag.
        from: u64,
        /// Its bytes from there on, at most [`SHOWN_BYTES`], or [`TAG_BYTES`] of a tag's frame.
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
/// Bytes before the first that differs among them, of a long item: an element of any type lies whole in what is kept.
pub const AHEAD_BYTES: usize = 16;
/// Bytes of a tag's frame that a difference keeps.
pub const TAG_BYTES: usize = 512;

impl Comparer {
    /// Holds what is there of one input against the recording: `nth` counts streams, then their tags.
    fn compare(&mut self, nth: usize, input: &mut Input) -> Result<(), AgentError> {
        let is_tags = nth >= self.companions.len();
        while !input.is_empty() && !self.findings.is_found(nth) {
            let position = input.position();
            let run = self.cursors[nth].at(&self.recording, position);
            let Some(run) = run.map_err(AgentError::new)? else {
                // What a cut-off recording has not got is not known.
                if self.recording.complaint().is_none() {
                    let difference = match is_tags.then(|| input.frame()).flatten() {
                        Some(tag) => differing_tag(position, tag),
                        None => Difference::Longer { position },
                    };
                    self.findings.note(nth, &difference);
                }
                break;
            };
            let (same, other) = match input.is_framed() {
                true => same_frames(&run, input),
                false => same_items(&run, input),
            };
            if let Some((found, expected)) = other {
                let position = position + same as u64;
                let difference = match is_tags {
                    true => differing_tag(position, found),
                    false => differing(position, found, expected),
                };
                self.findings.note(nth, &difference);
            }
            input.consume(same);
        }
        input.consume(input.len());
        Ok(())
    }
}

/// The item at this place is this one, and was that.
fn differing(position: u64, found: &[u8], expected: &[u8]) -> Difference {
    let pairs = found.iter().zip(expected);
    let same = pairs.take_while(|(found, expected)| found == expected);
    let from = match found.len() > SHOWN_BYTES {
        true => same.count().saturating_sub(AHEAD_BYTES),
        false => 0,
    };
    let shown = &found[from..];
    Difference::Item {
        position,
        from: from as u64,
        found: shown[..shown.len().min(SHOWN_BYTES)].to_vec(),
        len_bytes: found.len() as u64,
    }
}

/// The tag at this place is this one.
fn differing_tag(position: u64, found: &[u8]) -> Difference {
    Difference::Item {
        position,
        from: 0,
        found: found[..found.len().min(TAG_BYTES)].to_vec(),
        len_bytes: found.len() as u64,
    }
}

/// An item of a run, and the one that was recorded in its place.
type Pair<'a> = (&'a [u8], &'a [u8]);

/// How many items are the same, and the first that is not.
fn same_items<'a>(run: &Run<'a>, input: &'a Input) -> (usize, Option<Pair<'a>>) {
    let items = input.len().min(run.items as usize);
    let len = input.item_len();
    let (found, expected) = (&input.bytes()[..items * len], &run.bytes[..items * len]);
    if found == expected {
        return (items, None);
    }
    let mut pairs = found.chunks_exact(len).zip(expected.chunks_exact(len));
    let same = pairs.position(|(found, expected)| found != expected);
    let same = same.unwrap_or(items);
    let mut pairs = found.chunks_exact(len).zip(expected.chunks_exact(len));
    (same, pairs.nth(same))
}

/// As [`same_items`], of frames.
fn same_frames<'a>(run: &Run<'a>, input: &'a Input) -> (usize, Option<Pair<'a>>) {
    let mut same = 0;
    for (found, expected) in input.frames().zip(Frames::new(run.bytes)) {
        if found != expected {
            return (same, Some((found, expected)));
        }
        same += 1;
    }
    (same, None)
}

impl Agent for Comparer {
    fn tagged(&mut self, inputs: &[bool], _outputs: &[bool]) {
        self.companions = companions(inputs);
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let read = io.state.slice::<u64>();
        let streams = self.companions.len();
        let mut is_whole = true;
        for nth in 0..streams {
            let tags = self.companions[nth].map(|input| (streams + nth, input));
            for (nth, input) in [(nth, nth)].into_iter().chain(tags) {
                self.compare(nth, &mut io.inputs[input])?;
                read[nth] = io.inputs[input].position();
            }
            is_whole &= tags.is_none_or(|(_, input)| io.inputs[input].is_whole());
        }
        Ok(match is_whole {
            true => Status::Ready,
            // More tags wait than were visible.
            false => Status::More,
        })
    }

    fn finish(&mut self, state: State<'_>) -> Result<(), AgentError> {
        let read = state.view_slice::<u64>().iter().enumerate();
        let known = match self.recording.keeps_tags() {
            true => read.len(),
            false => self.companions.len(),
        };
        // Of a recording that was cut off the streams do not end at one moment: one that ends sooner now may be what the
        // others, as far as they are there, come to.
        let is_cut_off = self.recording.complaint().is_some();
        for (nth, &position) in read.take(known).filter(|_| !is_cut_off) {
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
    from: AtomicU64,
    len_bytes: AtomicU64,
    /// Bytes of `found` that are of it.
    shown: AtomicU64,
    found: [AtomicU64; TAG_BYTES / 8],
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
                from,
                found,
                len_bytes,
            } => {
                let mut words = [0u64; TAG_BYTES / 8];
                bytemuck::cast_slice_mut(&mut words)[..found.len()].copy_from_slice(found);
                for (word, bytes) in slot.found.iter().zip(words) {
                    // Relaxed, as below: NOTE orders them.
                    word.store(bytes, Relaxed);
                }
                slot.from.store(*from, Relaxed);
                slot.len_bytes.store(*len_bytes, Relaxed);
                slot.shown.store(found.len() as u64, Relaxed);
                (ITEM, position)
            }
            Difference::Longer { position } => (LONGER, position),
            Difference::Shorter { position } => (SHORTER, position),
        };
        slot.position.store(*position, Relaxed);
        // NOTE (out, to `of`): what was found comes before that it was.
        slot.kind.store(kind, Release);
    }

    /// The first difference of the `nth` stream; behind the last, of the tags of the first, and so on.
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
                let shown = (slot.shown.load(Relaxed) as usize).min(TAG_BYTES);
                Some(Difference::Item {
                    position,
                    from: slot.from.load(Relaxed),
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
    /// The bytes of one recorded item, or of a tag's frame; `None` where there is none, or it is damaged.
    pub fn item(&self, stream: usize, position: u64) -> Option<Vec<u8>> {
        let run = Cursor::new(stream).at(self, position).ok()??;
        match self.item_len(stream) {
            0 => Frames::new(run.bytes).next().map(<[u8]>::to_vec),
            len => Some(run.bytes[..len].to_vec()),
        }
    }
}
