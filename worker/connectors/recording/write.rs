//! The agent that records: all its streams into one file, each item and each tag exactly once.
//!
//! What is committed is how far the file is written. A successor cuts off what lies beyond and goes on
//! there; the hashes, which no state holds, it takes anew of what the file has.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use memmap2::{MmapMut, MmapOptions};
use nix::errno::Errno;
use nix::fcntl::posix_fallocate;

use super::{
    Digest, END, EndWords, Head, MAGIC, PART, PartHead, Recorded, Recording, TAGS, VERSION, Words,
};
use super::{aligned, behind, sums};
use crate::agent::{
    Agent, AgentError, Blueprint, InPort, Input, Io, Outside, State, StateSpec, Status,
};
use crate::clock;
use crate::connectors::files::{failed, own, writable};
use crate::op::OpError;
use crate::tags::{Tag, Tags, companions};
use crate::types::ItemType;

/// An agent that records its inputs, in the order of [`Words::streams`], into this file.
///
/// # Errors
/// The file cannot be written.
pub fn recorder(path: &Path, words: &Words, types: &[ItemType]) -> Result<Blueprint, OpError> {
    writable(path)?;
    let recorder = Recorder {
        path: path.to_owned(),
        head: head_of(words),
        digests: digests(words.streams.len()),
        companions: vec![None; words.streams.len()],
        streams: words.streams.clone(),
        file: None,
    };
    let blueprint = Blueprint::new(recorder)
        .state(StateSpec::of(Committed::default()))
        .tags(Tags::Read);
    let inputs = types.iter().map(|item_type| InPort::new(item_type.clone()));
    Ok(inputs.fold(blueprint, Blueprint::input))
}

/// What is committed of a recording.
#[repr(C)]
#[derive(Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
struct Committed {
    /// Bytes of the file; 0 before the first item.
    len_bytes: u64,
    /// When it began and when its last part was written, ns of the monotonic clock.
    began_ns: u64,
    last_ns: u64,
}

struct Recorder {
    path: PathBuf,
    /// The file's first bytes.
    head: Vec<u8>,
    streams: Vec<Recorded>,
    /// Of the items of each stream, then of the tags of each.
    digests: Vec<Digest>,
    /// The inputs with the tags of each stream.
    companions: Vec<Option<usize>>,
    file: Option<Growing>,
}

/// Of nothing, for so many streams and their tags.
fn digests(streams: usize) -> Vec<Digest> {
    (0..2 * streams).map(|_| Digest::new()).collect()
}

/// The most bytes of a part, but for a frame that is longer.
const PART_LEN_BYTES: usize = 256 * 1024;

impl Recorder {
    /// Where the next part goes.
    fn len_bytes(&self, committed: &Committed) -> u64 {
        committed.len_bytes.max(self.head.len() as u64)
    }

    /// The hashes know what is committed and nothing else.
    fn catch_up(&mut self, committed: &Committed, inputs: &[Input]) -> Result<(), AgentError> {
        let items = inputs[..self.streams.len()].iter().map(Input::position);
        let tags = self.companions.iter();
        let tags = tags.map(|tags| tags.map_or(0, |t| inputs[t].position()));
        let positions = items.chain(tags);
        match self.digests.iter().map(|digest| digest.items).eq(positions) {
            true => Ok(()),
            false => self.read_again(self.len_bytes(committed)),
        }
    }

    /// Takes the hashes anew of the first `len_bytes` of the file.
    fn read_again(&mut self, len_bytes: u64) -> Result<(), AgentError> {
        let recording = Recording::open(&self.path).map_err(AgentError::new)?;
        for (parts, digest) in recording.parts.iter().zip(&mut self.digests) {
            *digest = Digest::new();
            let committed = parts.iter().filter(|part| (part.at as u64) < len_bytes);
            for part in committed {
                digest.add(part.items, recording.bytes(part).map_err(AgentError::new)?);
            }
        }
        Ok(())
    }

    /// Records the tags that are there of one stream; how many of its items are recorded with them. Where more tags
    /// wait than are visible, none of those is below the last one here.
    fn take_tags(
        &mut self,
        stream: usize,
        inputs: &mut [Input],
        committed: &mut Committed,
    ) -> Result<usize, AgentError> {
        let (items, position) = (inputs[stream].len(), inputs[stream].position());
        let Some(tags) = self.companions[stream].map(|input| &mut inputs[input]) else {
            return Ok(items);
        };
        let known = match (tags.is_whole(), tags.frames().last()) {
            (true, _) => items,
            (false, None) => 0,
            (false, Some(last)) => {
                let below = Tag::of_frame(last)?.position.saturating_sub(position);
                usize::try_from(below).map_or(items, |below| below.min(items))
            }
        };
        let count = tags.len();
        self.take(TAGS, stream, tags, count, committed)?;
        Ok(known)
    }

    /// Records the first `most` items, or tags, of one input.
    fn take(
        &mut self,
        magic: u32,
        stream: usize,
        input: &mut Input,
        mut most: usize,
        committed: &mut Committed,
    ) -> Result<(), AgentError> {
        while most > 0 {
            let (items, bytes) = first_items(input, most);
            let now = clock::now_ns();
            if committed.len_bytes == 0 {
                committed.began_ns = now;
            }
            committed.last_ns = now.max(committed.last_ns);
            let head = PartHead {
                magic,
                stream: stream as u32,
                position: input.position(),
                items: items as u64,
                len_bytes: bytes.len() as u64,
                time_ns: committed.last_ns - committed.began_ns,
                crc: 0,
                zero: 0,
            };
            let at = self.len_bytes(committed);
            let file = self.file.as_mut().expect("attached before the first call");
            file.write(at, &head.sealed(bytes), bytes)?;
            let lane = match magic {
                TAGS => self.streams.len() + stream,
                _ => stream,
            };
            self.digests[lane].add(items as u64, bytes);
            committed.len_bytes = behind(at as usize, bytes.len()) as u64;
            input.consume(items);
            most -= items;
        }
        Ok(())
    }
}

impl Agent for Recorder {
    fn tagged(&mut self, inputs: &[bool], _outputs: &[bool]) {
        self.companions = companions(inputs);
    }

    fn attach(&mut self, state: State<'_>) -> Result<(), AgentError> {
        let committed = *state.view::<Committed>();
        // What this process had open itself would be in its own way.
        self.file = None;
        let file = Growing::open(&self.path, committed.len_bytes)?;
        if committed.len_bytes == 0 {
            file.write_head(&self.head)?;
        } else {
            self.read_again(committed.len_bytes)?;
        }
        self.file = Some(file);
        Ok(())
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let tags = self.companions.iter().flatten();
        let rests = match tags.clone().all(|&tags| io.inputs[tags].is_whole()) {
            true => Status::Ready,
            // More tags wait than are visible: it is not done when the items are.
            false => Status::More,
        };
        if io.inputs.iter().all(|input| input.is_empty()) {
            return Ok(rests);
        }
        let committed = io.state.get::<Committed>();
        self.catch_up(committed, io.inputs)?;
        for stream in 0..self.streams.len() {
            let known = self.take_tags(stream, io.inputs, committed)?;
            self.take(PART, stream, &mut io.inputs[stream], known, committed)?;
        }
        Ok(rests)
    }

    /// Writes the end behind the last part, and cuts off what was reserved.
    fn finish(&mut self, state: State<'_>) -> Result<(), AgentError> {
        let at = self.len_bytes(state.view::<Committed>());
        let (items, tags) = self.digests.split_at(self.streams.len());
        let words = EndWords {
            streams: sums(&self.streams, items, tags),
        };
        let words = serde_json::to_vec(&words).expect("names and numbers");
        let head = PartHead {
            magic: END,
            stream: 0,
            position: 0,
            items: 0,
            len_bytes: words.len() as u64,
            time_ns: 0,
            crc: 0,
            zero: 0,
        };
        let file = self.file.as_mut().expect("attached before the end");
        file.write(at, &head.sealed(&words), &words)?;
        file.close(behind(at as usize, words.len()) as u64)
    }

    fn outside(&self, state: &[u8]) -> Outside {
        let committed: Committed = bytemuck::pod_read_unaligned(state);
        Outside::Writes {
            path: self.path.clone(),
            given: 0..committed.len_bytes,
        }
    }
}

/// The first items of an input that one part holds, at most so many: how many, and their bytes.
fn first_items(input: &Input, most: usize) -> (usize, &[u8]) {
    if !input.is_framed() {
        let items = most.min((PART_LEN_BYTES / input.item_len()).max(1));
        return (items, &input.bytes()[..items * input.item_len()]);
    }
    let mut frames = input.frames();
    let all = frames.rest();
    let (mut items, mut len) = (0, 0);
    while items < most && frames.next().is_some() {
        let end = all.len() - frames.rest().len();
        if items > 0 && end > PART_LEN_BYTES {
            break;
        }
        (items, len) = (items + 1, end);
    }
    (items, &all[..len])
}

/// The bytes of a recording before its first part.
pub(super) fn head_of(words: &Words) -> Vec<u8> {
    let words = serde_json::to_vec(words).expect("names, numbers and JSON");
    let head = Head {
        magic: MAGIC,
        version: VERSION,
        crc: crc32fast::hash(&words),
        words_len_bytes: words.len() as u64,
        zero: 0,
    };
    let mut bytes = [bytemuck::bytes_of(&head), &words].concat();
    bytes.resize(aligned(bytes.len() as u64) as usize, 0);
    bytes
}

/// A file that grows under a mapping: what is to be written is reserved on its device first, so a full
/// one is an error and never a fault.
struct Growing {
    name: String,
    file: File,
    len_bytes: u64,
    /// The part of the file from `start` on.
    map: Option<MmapMut>,
    start: u64,
}

/// How much is reserved at once: as much again as is there, within these bounds.
const RESERVED_LEN_BYTES: (u64, u64) = (1 << 20, 64 << 20);
/// Mappings begin at a multiple of this: of every page length there is.
const PAGE_LEN_BYTES: u64 = 1 << 16;

impl Growing {
    /// Opens a file of which the first `len_bytes` are kept.
    fn open(path: &Path, len_bytes: u64) -> Result<Growing, AgentError> {
        let name = path.display().to_string();
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        let file = opened.map_err(|e| failed(&name, "opened", &e))?;
        let found = file.metadata().map_err(|e| failed(&name, "opened", &e))?;
        if !found.is_file() {
            return Err(AgentError::new(format!(
                "{name} is no regular file, and a recording is one; name another"
            )));
        }
        own(&file, &name)?;
        let found = file.metadata().map_err(|e| failed(&name, "opened", &e))?;
        if found.len() < len_bytes {
            return Err(AgentError::new(format!(
                "{name} is {} bytes long, and {len_bytes} had been written: it was shortened or replaced during the run",
                found.len()
            )));
        }
        let cut = file.set_len(len_bytes);
        cut.map_err(|e| failed(&name, "cut to what is committed", &e))?;
        Ok(Growing {
            name,
            file,
            len_bytes,
            map: None,
            start: 0,
        })
    }

    /// Writes what is at the file's start, and nothing else yet.
    fn write_head(&self, head: &[u8]) -> Result<(), AgentError> {
        use std::os::unix::fs::FileExt;
        let written = self.file.write_all_at(head, 0);
        written.map_err(|e| failed(&self.name, "written", &e))
    }

    /// Writes a part at this byte of the file.
    fn write(&mut self, at: u64, head: &PartHead, bytes: &[u8]) -> Result<(), AgentError> {
        let head = bytemuck::bytes_of(head);
        let room = self.room(at, behind(at as usize, bytes.len()) as u64)?;
        room[..head.len()].copy_from_slice(head);
        room[head.len()..][..bytes.len()].copy_from_slice(bytes);
        room[head.len() + bytes.len()..].fill(0);
        Ok(())
    }

    /// The bytes of the file from `at` to `end`, to be written.
    fn room(&mut self, at: u64, end: u64) -> Result<&mut [u8], AgentError> {
        let is_mapped = |map: &MmapMut| at >= self.start && end <= self.start + map.len() as u64;
        if !self.map.as_ref().is_some_and(is_mapped) {
            self.map_from(at, end)?;
        }
        let (from, to) = ((at - self.start) as usize, (end - self.start) as usize);
        Ok(&mut self.map.as_mut().expect("mapped above")[from..to])
    }

    fn map_from(&mut self, at: u64, end: u64) -> Result<(), AgentError> {
        self.map = None;
        if self.len_bytes < end {
            let (least, most) = RESERVED_LEN_BYTES;
            let ample = end + end.clamp(least, most);
            let reserved = self.reserve(ample).or_else(|_| self.reserve(end));
            reserved.map_err(|e| failed(&self.name, "written", &e))?;
        }
        self.start = at / PAGE_LEN_BYTES * PAGE_LEN_BYTES;
        let len = (self.len_bytes - self.start) as usize;
        // SAFETY: a mapping of our own file, which only this agent writes, and which was given this length
        // and its room on the device above. Who cuts the file short meanwhile ends the worker, which says so.
        let map = unsafe {
            MmapOptions::new()
                .offset(self.start)
                .len(len)
                .map_mut(&self.file)
        };
        self.map = Some(map.map_err(|e| failed(&self.name, "mapped into memory", &e))?);
        Ok(())
    }

    /// Makes the file this long, with room on its device.
    fn reserve(&mut self, len_bytes: u64) -> io::Result<()> {
        let more = len_bytes.saturating_sub(self.len_bytes) as i64;
        loop {
            match posix_fallocate(&self.file, self.len_bytes as i64, more) {
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
                Ok(()) => break,
            }
        }
        self.len_bytes = len_bytes;
        Ok(())
    }

    /// The file has this length.
    fn close(&mut self, len_bytes: u64) -> Result<(), AgentError> {
        self.map = None;
        let cut = self.file.set_len(len_bytes);
        cut.map_err(|e| failed(&self.name, "cut to its length", &e))?;
        self.len_bytes = len_bytes;
        Ok(())
    }
}
