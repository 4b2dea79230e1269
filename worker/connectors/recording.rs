//! Recordings: streams of a run in one file, to be given again.
//!
//! ```text
//! | head: magic, version, length and CRC-32 of the words | words: JSON, streams and where they are from | 0.. |
//! | part: stream, place of its first item, items, bytes, time, CRC-32 | items as they lay in the ring     | 0.. |
//! | tags: as a part, of the tags of a stream; its places count them | frames as they lay in the companion    | 0.. |
//! | part ..                                                                                            | 0.. |
//! | end:  as a part, of no stream                     | words: JSON, items, bytes and hash of each stream | 0.. |
//! ```
//!
//! Each begins at a multiple of 16 bytes, so that items are read in place. Parts lie in the order in
//! which items arrived; those of one stream are in its order and without a gap, and so are those of its tags, which lie
//! before the items that they stand at. Version 1 had no tags. A recording without an
//! end was cut off, and is read up to its last whole part. Numbers are in this machine's byte order.

use std::fs::{self, File};
use std::io::Read;
use std::mem::offset_of;
use std::path::{Path, PathBuf};

use bytemuck::{Pod, Zeroable};
use memmap2::Mmap;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use thalweg_ringbuf::Frames;
use xxhash_rust::xxh3::Xxh3;

use crate::tags::Tag;
use crate::types::ItemType;

pub mod compare;
pub mod replay;
pub mod write;

const MAGIC: [u8; 8] = *b"thalrec\n";
const VERSION: u32 = 2;
/// The first version that keeps tags; version 1 is read, too.
const VERSION_WITH_TAGS: u32 = 2;

/// The first bytes of a recording.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Head {
    magic: [u8; 8],
    version: u32,
    /// CRC-32 of the words.
    crc: u32,
    words_len_bytes: u64,
    zero: u64,
}

/// What lies before the items of a part.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct PartHead {
    /// [`PART`] of items, [`TAGS`], or [`END`] of the last.
    magic: u32,
    /// A place in the head's list of streams.
    stream: u32,
    /// The place in the stream of the first item, or among the stream's tags of the first tag.
    position: u64,
    /// Items, or tags.
    items: u64,
    len_bytes: u64,
    /// Since the recording began.
    time_ns: u64,
    /// CRC-32 of this head, with 0 here, and of the bytes behind it.
    crc: u32,
    zero: u32,
}

const PART: u32 = u32::from_le_bytes(*b"part");
const TAGS: u32 = u32::from_le_bytes(*b"tags");
const END: u32 = u32::from_le_bytes(*b"end\n");
const ALIGN: u64 = 16;

const _: () = assert!(size_of::<Head>() == 32 && offset_of!(Head, words_len_bytes) == 16);
const _: () = assert!(size_of::<PartHead>() == 48 && offset_of!(PartHead, crc) == 40);

impl PartHead {
    /// The head of a part with these bytes.
    fn sealed(mut self, bytes: &[u8]) -> PartHead {
        self.crc = self.crc_over(bytes);
        self
    }

    fn is_whole(&self, bytes: &[u8]) -> bool {
        self.crc_over(bytes) == self.crc
    }

    fn crc_over(mut self, bytes: &[u8]) -> u32 {
        self.crc = 0;
        let mut crc = crc32fast::Hasher::new();
        crc.update(bytemuck::bytes_of(&self));
        crc.update(bytes);
        crc.finalize()
    }
}

/// What a recording says of itself before its items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Words {
    /// The graph's name.
    pub graph: String,
    /// When the recording began, in seconds since 1970.
    pub began: u64,
    /// The streams, in the order in which parts count them.
    pub streams: Vec<Recorded>,
    /// What it takes to run the graph again, for who made the recording; `null` where there is nothing.
    pub origin: Json,
}

/// A stream in a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// As in the graph: `AGENT` or `AGENT.PORT`.
    pub name: String,
    /// What its items are, as graph files spell it.
    #[serde(rename = "type")]
    pub item_type: String,
    /// Bytes of an item; 0 of frames.
    pub item_len: usize,
    /// Items per second, where known.
    pub rate: Option<f64>,
    /// What its numbers measure, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

impl Recorded {
    /// A stream of these items.
    pub fn new(name: &str, item_type: &ItemType, rate: Option<f64>) -> Recorded {
        Recorded {
            name: name.to_owned(),
            item_type: item_type.to_string(),
            item_len: match item_type.is_framed() {
                true => 0,
                false => item_type.len_bytes(),
            },
            rate,
            unit: None,
        }
    }

    /// The same, of numbers that measure this.
    pub fn unit(self, unit: Option<String>) -> Recorded {
        Recorded { unit, ..self }
    }

    fn is_framed(&self) -> bool {
        self.item_len == 0
    }

    /// Does its length fit its type, and can its rate be one? Of a type that only a Rust program knows,
    /// the length is its word.
    fn is_sound(&self) -> bool {
        let item_len = match self.item_type.parse() {
            Ok(item_type) => Recorded::new("", &item_type, None).item_len,
            Err(_) => self.item_len.max(1),
        };
        let is_rate = |rate: f64| rate.is_finite() && rate > 0.0;
        self.item_len == item_len && self.rate.is_none_or(is_rate) && !self.name.is_empty()
    }

    /// Are these bytes so many items? Of frames: whole ones, and UTF-8 where they are text.
    fn are_items(&self, bytes: &[u8], items: u64) -> bool {
        if !self.is_framed() {
            return items.checked_mul(self.item_len as u64) == Some(bytes.len() as u64);
        }
        let is_text = self.item_type == "text";
        let is_good = |frame: &[u8]| !is_text || std::str::from_utf8(frame).is_ok();
        let mut frames = Frames::new(bytes);
        let mut found = 0;
        let all_good = frames.by_ref().inspect(|_| found += 1).all(is_good);
        all_good && found == items && frames.rest().is_empty()
    }
}

/// How much there is of a stream, and what tells it from another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// The stream's name.
    pub name: String,
    /// Items.
    pub items: u64,
    /// Bytes of the items: of frames with the length before each and the zeros behind it.
    pub bytes: u64,
    /// XXH3-128 of these bytes, in hexadecimal digits.
    pub xxh3: String,
    /// Tags.
    #[serde(default, skip_serializing_if = "is_none")]
    pub tags: u64,
    /// XXH3-128 of their frames; empty where there are no tags.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tags_xxh3: String,
}

fn is_none(tags: &u64) -> bool {
    *tags == 0
}

/// What the end of a recording says.
#[derive(Serialize, Deserialize)]
struct EndWords {
    streams: Vec<Sum>,
}

/// Bytes of a stream counted and hashed, one part after the other.
struct Digest {
    items: u64,
    bytes: u64,
    hash: Xxh3,
}

impl Digest {
    fn new() -> Digest {
        Digest {
            items: 0,
            bytes: 0,
            hash: Xxh3::new(),
        }
    }

    fn add(&mut self, items: u64, bytes: &[u8]) {
        self.items += items;
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
    }

    fn xxh3(&self) -> String {
        format!("{:032x}", self.hash.digest128())
    }
}

/// What there is of each stream, by the digests of its items and, in `tags`, of its tags.
fn sums(streams: &[Recorded], items: &[Digest], tags: &[Digest]) -> Vec<Sum> {
    let both = items.iter().zip(tags);
    let sum = |(stream, (items, tags)): (&Recorded, (&Digest, &Digest))| Sum {
        name: stream.name.clone(),
        items: items.items,
        bytes: items.bytes,
        xxh3: items.xxh3(),
        tags: tags.items,
        tags_xxh3: match tags.items {
            0 => String::new(),
            _ => tags.xxh3(),
        },
    };
    streams.iter().zip(both).map(sum).collect()
}

/// A file of a recording, mapped.
pub struct Recording {
    path: PathBuf,
    map: Mmap,
    version: u32,
    words: Words,
    /// The byte where the first part begins.
    first: usize,
    /// The parts of each stream, then those of each stream's tags: see [`Recording::tags_of`].
    parts: Vec<Vec<Part>>,
    sums: Option<Vec<Sum>>,
    complaint: Option<String>,
}

/// A part of a stream.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// The byte of the file where its head is.
    at: usize,
    position: u64,
    items: u64,
    len_bytes: usize,
    time_ns: u64,
}

impl Recording {
    /// Opens a recording: looks at its head, at the head of every part, and at its end. The items are
    /// held against their checksums when they are read; those of a recording without an end at once.
    ///
    /// # Errors
    /// What is no recording, of another version, or damaged before its first part.
    pub fn open(path: &Path) -> Result<Recording, String> {
        let name = path.display();
        let refused = |what: String| format!("{name} {what}");
        let file = File::open(path).map_err(|e| refused(format!("cannot be read: {e}")))?;
        let metadata = file
            .metadata()
            .map_err(|e| refused(format!("cannot be read: {e}")))?;
        if !metadata.is_file() || metadata.len() < size_of::<Head>() as u64 {
            return Err(refused(NO_RECORDING.to_owned()));
        }
        // SAFETY: the mapping is only read, and any bytes are values of what is read from it. A file that
        // is written to meanwhile gives other bytes; one that is cut short ends the process, which says so.
        let map = unsafe { Mmap::map(&file) }
            .map_err(|e| refused(format!("cannot be mapped into memory: {e}")))?;
        let (version, words, first) = words_of(&map).map_err(refused)?;
        let mut recording = Recording {
            path: path.to_owned(),
            parts: vec![Vec::new(); 2 * words.streams.len()],
            map,
            version,
            words,
            first,
            sums: None,
            complaint: None,
        };
        recording.look_through(first);
        Ok(recording)
    }

    /// Finds the parts from byte `at` on, and the end.
    fn look_through(&mut self, mut at: usize) {
        let stopped = loop {
            match self.part_at(at) {
                Err(stopped) => break stopped,
                Ok((head, bytes)) if head.magic == END => {
                    let words: Option<EndWords> = match head.is_whole(bytes) {
                        true => serde_json::from_slice(bytes).ok(),
                        false => None,
                    };
                    match words {
                        Some(words) if self.is_end(&words) => {
                            self.sums = Some(words.streams);
                            return;
                        }
                        _ => break format!("what ends it at byte {at} is damaged"),
                    }
                }
                Ok((head, bytes)) => {
                    let part = Part {
                        at,
                        position: head.position,
                        items: head.items,
                        len_bytes: bytes.len(),
                        time_ns: head.time_ns,
                    };
                    at = behind(at, part.len_bytes);
                    let lane = self.lane(&head);
                    self.parts[lane].push(part);
                }
            }
        };
        self.complaint = Some(match self.keep_whole_parts() {
            None => stopped,
            Some(damaged) => damaged,
        });
    }

    /// The part, or the end, that begins at a byte.
    fn part_at(&self, at: usize) -> Result<(PartHead, &[u8]), String> {
        let cut_off = || format!("it was cut off at byte {at}");
        let head = self.map.get(at..at + size_of::<PartHead>());
        let head: PartHead = bytemuck::pod_read_unaligned(head.ok_or_else(cut_off)?);
        if head.magic == 0 {
            return Err(cut_off());
        }
        let start = at + size_of::<PartHead>();
        let end = usize::try_from(head.len_bytes)
            .ok()
            .and_then(|len| start.checked_add(len));
        let bytes = end.and_then(|end| self.map.get(start..end));
        let bytes = bytes.ok_or_else(cut_off)?;
        match head.magic {
            END => Ok((head, bytes)),
            PART | TAGS if self.follows(&head) => Ok((head, bytes)),
            _ => Err(format!("what lies at byte {at} is no part of it")),
        }
    }

    /// Is this part the next of its stream?
    fn follows(&self, head: &PartHead) -> bool {
        if head.stream as usize >= self.words.streams.len() {
            return false;
        }
        let lane = self.lane(head);
        let least = head.items.checked_mul(self.item_len(lane).max(1) as u64);
        let fits = least.is_some_and(|least| least <= head.len_bytes);
        head.items > 0 && fits && head.position == self.items(lane)
    }

    /// Which of `parts` it belongs to.
    fn lane(&self, head: &PartHead) -> usize {
        match head.magic {
            TAGS => self.tags_of(head.stream as usize),
            _ => head.stream as usize,
        }
    }

    /// What to call the tags of a stream where a stream is asked for.
    pub fn tags_of(&self, stream: usize) -> usize {
        self.words.streams.len() + stream
    }

    /// Bytes of an item; 0 of frames, as tags are.
    fn item_len(&self, stream: usize) -> usize {
        self.words.streams.get(stream).map_or(0, |s| s.item_len)
    }

    /// Tags are in it, where there were any. Older recordings have none.
    pub fn keeps_tags(&self) -> bool {
        self.version >= VERSION_WITH_TAGS
    }

    /// The end tells of what is there.
    fn is_end(&self, words: &EndWords) -> bool {
        let streams = self.words.streams.iter().enumerate();
        let mut told = words.streams.iter();
        words.streams.len() == self.words.streams.len()
            && streams.into_iter().all(|(nth, stream)| {
                let tags = self.items(self.tags_of(nth));
                let there = (&stream.name, self.items(nth), tags);
                let sum = told.next();
                sum.is_some_and(|sum| (&sum.name, sum.items, sum.tags) == there)
            })
    }

    /// Leaves out the parts from the first on that is not whole; says where that is.
    fn keep_whole_parts(&mut self) -> Option<String> {
        let parts = self.parts.iter().flatten();
        let damaged = parts
            .filter(|part| self.bytes(part).is_err())
            .map(|part| part.at)
            .min()?;
        for parts in &mut self.parts {
            parts.retain(|part| part.at < damaged);
        }
        Some(format!("it was cut off in its part at byte {damaged}"))
    }

    /// The bytes of a part, held against its checksum.
    fn bytes(&self, part: &Part) -> Result<&[u8], String> {
        let start = part.at + size_of::<PartHead>();
        let head: PartHead = bytemuck::pod_read_unaligned(&self.map[part.at..start]);
        let bytes = &self.map[start..start + part.len_bytes];
        let is_good = match self.words.streams.get(self.lane(&head)) {
            Some(stream) => stream.are_items(bytes, part.items),
            None => are_tags(bytes, part.items),
        };
        match head.is_whole(bytes) && is_good {
            true => Ok(bytes),
            false => Err(format!(
                "{} is damaged: the part at byte {} is not what was written there",
                self.path.display(),
                part.at
            )),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says of itself.
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// The place of a stream in [`Words::streams`].
    pub fn find(&self, name: &str) -> Option<usize> {
        self.words.streams.iter().position(|s| s.name == name)
    }

    /// How many items of a stream, or tags ([`Recording::tags_of`]), there are.
    pub fn items(&self, stream: usize) -> u64 {
        self.parts[stream]
            .last()
            .map_or(0, |part| part.position + part.items)
    }

    /// How long it took, in ns.
    pub fn duration_ns(&self) -> u64 {
        let last = self.parts.iter().filter_map(|parts| parts.last());
        last.map(|part| part.time_ns).max().unwrap_or(0)
    }

    /// Where and how it was cut off; `None` for a recording with its end.
    pub fn complaint(&self) -> Option<&str> {
        self.complaint.as_deref()
    }

    /// Reads everything, and gives what there is of each stream.
    ///
    /// # Errors
    /// A part that is damaged, or a stream that is not what the end tells of.
    pub fn verify(&self) -> Result<Vec<Sum>, String> {
        let mut digests = Vec::new();
        for parts in &self.parts {
            let mut digest = Digest::new();
            for part in parts {
                digest.add(part.items, self.bytes(part)?);
            }
            digests.push(digest);
        }
        let (items, tags) = digests.split_at(self.words.streams.len());
        let found = sums(&self.words.streams, items, tags);
        match &self.sums {
            Some(told) if *told != found => Err(format!(
                "{} is damaged: a stream's hash is not the one that its end tells of",
                self.path.display()
            )),
            _ => Ok(found),
        }
    }
}

/// Whether nothing is lost when a recording takes the place of this file: it begins as one, or is empty.
/// What is no regular file keeps nothing that could be lost.
pub fn may_replace(file: &Path) -> bool {
    let is_kept = fs::metadata(file).is_ok_and(|found| found.is_file());
    let mut start = Vec::new();
    let read = File::open(file).and_then(|f| f.take(MAGIC.len() as u64).read_to_end(&mut start));
    !is_kept || (read.is_ok() && (start.is_empty() || start == MAGIC))
}

const NO_RECORDING: &str = "is no recording: `thalweg record` makes one";

/// Are these bytes so many frames, and each a tag?
fn are_tags(bytes: &[u8], tags: u64) -> bool {
    let mut frames = Frames::new(bytes);
    let mut found = 0;
    let is_tag = |frame: &[u8]| Tag::of_frame(frame).is_ok();
    let all_good = frames.by_ref().inspect(|_| found += 1).all(is_tag);
    all_good && found == tags && frames.rest().is_empty()
}

/// The version and the words in the head, and the byte where the first part begins.
fn words_of(map: &[u8]) -> Result<(u32, Words, usize), String> {
    let head: Head = bytemuck::pod_read_unaligned(&map[..size_of::<Head>()]);
    if head.magic != MAGIC {
        return Err(NO_RECORDING.to_owned());
    }
    if !(1..=VERSION).contains(&head.version) {
        return Err(format!(
            "is a recording of version {}, and this program reads versions up to {VERSION}",
            head.version
        ));
    }
    let start = size_of::<Head>();
    let end = usize::try_from(head.words_len_bytes)
        .ok()
        .and_then(|len| start.checked_add(len));
    let words = end.and_then(|end| map.get(start..end));
    let words = words.filter(|words| crc32fast::hash(words) == head.crc);
    let words = words.ok_or("is a recording whose head is damaged")?;
    let read = serde_json::from_slice(words);
    let read: Words = read.map_err(|e| format!("is a recording whose head is damaged: {e}"))?;
    if let Some(stream) = read.streams.iter().find(|stream| !stream.is_sound()) {
        let Recorded {
            name, item_type, ..
        } = stream;
        return Err(format!(
            "is a recording whose head is damaged: `{name}` cannot be a stream of {item_type}"
        ));
    }
    let first = aligned((start + words.len()) as u64) as usize;
    Ok((head.version, read, first))
}

fn aligned(at: u64) -> u64 {
    at.next_multiple_of(ALIGN)
}

/// Where the next part begins behind one of so many bytes at `at`.
fn behind(at: usize, len_bytes: usize) -> usize {
    aligned((at + size_of::<PartHead>() + len_bytes) as u64) as usize
}

/// A place in a stream of a recording, or among its tags.
struct Cursor {
    /// As [`Recording::items`] counts them.
    stream: usize,
    /// The part, items and bytes of it before the place; the part was found whole.
    part: usize,
    items: u64,
    bytes: usize,
    is_checked: bool,
}

/// Items of a stream that lie one behind the other.
struct Run<'a> {
    bytes: &'a [u8],
    items: u64,
    /// When they were recorded.
    time_ns: u64,
}

impl Cursor {
    fn new(stream: usize) -> Cursor {
        Cursor {
            stream,
            part: 0,
            items: 0,
            bytes: 0,
            is_checked: false,
        }
    }

    /// The items from a place of the stream to the end of their part; `None` at the stream's end.
    ///
    /// # Errors
    /// The part is damaged.
    fn at<'a>(
        &mut self,
        recording: &'a Recording,
        position: u64,
    ) -> Result<Option<Run<'a>>, String> {
        let parts = &recording.parts[self.stream];
        let is_here = |part: &Part| (part.position..part.position + part.items).contains(&position);
        if !parts.get(self.part).is_some_and(is_here) {
            self.part = parts.partition_point(|part| part.position + part.items <= position);
            (self.items, self.bytes, self.is_checked) = (0, 0, false);
        }
        let Some(part) = parts.get(self.part) else {
            return Ok(None);
        };
        let bytes = match self.is_checked {
            true => &recording.map[part.at + size_of::<PartHead>()..][..part.len_bytes],
            false => recording.bytes(part)?,
        };
        self.is_checked = true;
        self.step_to(position - part.position, recording, bytes);
        Ok(Some(Run {
            bytes: &bytes[self.bytes..],
            items: part.items - self.items,
            time_ns: part.time_ns,
        }))
    }

    /// Goes to the `nth` item of the part.
    fn step_to(&mut self, nth: u64, recording: &Recording, bytes: &[u8]) {
        let item_len = recording.item_len(self.stream);
        if item_len > 0 {
            self.bytes = nth as usize * item_len;
        } else if nth != self.items {
            if nth < self.items {
                (self.items, self.bytes) = (0, 0);
            }
            let mut frames = Frames::new(&bytes[self.bytes..]);
            frames
                .by_ref()
                .take((nth - self.items) as usize)
                .for_each(drop);
            self.bytes = bytes.len() - frames.rest().len();
        }
        self.items = nth;
    }

    /// When the item at this place of the stream was recorded; `None` at the stream's end.
    fn time_of(&self, recording: &Recording, position: u64) -> Option<u64> {
        let parts = &recording.parts[self.stream];
        let part = parts.partition_point(|part| part.position + part.items <= position);
        parts.get(part).map(|part| part.time_ns)
    }
}

#[cfg(test)]
mod tests;
