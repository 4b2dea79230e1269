//! Recordings: streams of a run in one file, to be given again.
//!
//! ```text
//! | head: magic, version, length and CRC-32 of the words | words: JSON, streams and where they are from | 0.. |
//! | part: stream, place of its first item, items, bytes, time, CRC-32 | items as they lay in the ring     | 0.. |
//! | part ..                                                                                            | 0.. |
//! | end:  as a part, of no stream                     | words: JSON, items, bytes and hash of each stream | 0.. |
//! ```
//!
//! Each begins at a multiple of 16 bytes, so that items are read in place. Parts lie in the order in
//! which items arrived; those of one stream are in its order and without a gap. A recording without an
//! end was cut off, and is read up to its last whole part. Numbers are in this machine's byte order.

use std::fs::File;
use std::mem::offset_of;
use std::path::{Path, PathBuf};

use bytemuck::{Pod, Zeroable};
use memmap2::Mmap;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use thalweg_ringbuf::Frames;
use xxhash_rust::xxh3::Xxh3;

use crate::types::ItemType;

pub mod compare;
pub mod replay;
pub mod write;

const MAGIC: [u8; 8] = *b"thalrec\n";
const VERSION: u32 = 1;

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
    /// [`PART`], or [`END`] of the last.
    magic: u32,
    /// A place in the head's list of streams.
    stream: u32,
    /// The place in the stream of the first item.
    position: u64,
    items: u64,
    len_bytes: u64,
    /// Since the recording began.
    time_ns: u64,
    /// CRC-32 of this head, with 0 here, and of the bytes behind it.
    crc: u32,
    zero: u32,
}

const PART: u32 = u32::from_le_bytes(*b"part");
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

    fn sum(&self, name: &str) -> Sum {
        Sum {
            name: name.to_owned(),
            items: self.items,
            bytes: self.bytes,
            xxh3: format!("{:032x}", self.hash.digest128()),
        }
    }
}

/// A file of a recording, mapped.
pub struct Recording {
    path: PathBuf,
    map: Mmap,
    words: Words,
    /// The byte where the first part begins.
    first: usize,
    /// The parts of each stream.
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
        let (words, first) = words_of(&map).map_err(refused)?;
        let mut recording = Recording {
            path: path.to_owned(),
            parts: words.streams.iter().map(|_| Vec::new()).collect(),
            map,
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
                    self.parts[head.stream as usize].push(part);
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
            PART if self.follows(&head) => Ok((head, bytes)),
            _ => Err(format!("what lies at byte {at} is no part of it")),
        }
    }

    /// Is this part the next of its stream?
    fn follows(&self, head: &PartHead) -> bool {
        let stream = head.stream as usize;
        let Some(recorded) = self.words.streams.get(stream) else {
            return false;
        };
        let least = head.items.checked_mul(recorded.item_len.max(1) as u64);
        let fits = least.is_some_and(|least| least <= head.len_bytes);
        head.items > 0 && fits && head.position == self.items(stream)
    }

    /// The end tells of what is there.
    fn is_end(&self, words: &EndWords) -> bool {
        let streams = self.words.streams.iter().enumerate();
        let mut told = words.streams.iter();
        words.streams.len() == self.parts.len()
            && streams.into_iter().all(|(nth, stream)| {
                let sum = told.next();
                sum.is_some_and(|sum| sum.name == stream.name && sum.items == self.items(nth))
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
        let stream = &self.words.streams[head.stream as usize];
        match head.is_whole(bytes) && stream.are_items(bytes, part.items) {
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

    /// How many items of a stream there are.
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
        let mut found = Vec::new();
        for (stream, parts) in self.words.streams.iter().zip(&self.parts) {
            let mut digest = Digest::new();
            for part in parts {
                digest.add(part.items, self.bytes(part)?);
            }
            found.push(digest.sum(&stream.name));
        }
        match &self.sums {
            Some(told) if *told != found => Err(format!(
                "{} is damaged: a stream's hash is not the one that its end tells of",
                self.path.display()
            )),
            _ => Ok(found),
        }
    }
}

const NO_RECORDING: &str = "is no recording: `thalweg record` makes one";

/// The words in the head, and the byte where the first part begins.
fn words_of(map: &[u8]) -> Result<(Words, usize), String> {
    let head: Head = bytemuck::pod_read_unaligned(&map[..size_of::<Head>()]);
    if head.magic != MAGIC {
        return Err(NO_RECORDING.to_owned());
    }
    if head.version != VERSION {
        return Err(format!(
            "is a recording of version {}, and this program reads version {VERSION}",
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
    Ok((read, aligned((start + words.len()) as u64) as usize))
}

fn aligned(at: u64) -> u64 {
    at.next_multiple_of(ALIGN)
}

/// Where the next part begins behind one of so many bytes at `at`.
fn behind(at: usize, len_bytes: usize) -> usize {
    aligned((at + size_of::<PartHead>() + len_bytes) as u64) as usize
}

/// A place in a stream of a recording.
struct Cursor {
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
        let stream = &recording.words.streams[self.stream];
        if !stream.is_framed() {
            self.bytes = nth as usize * stream.item_len;
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
mod tests {
    use thalweg_ringbuf::Frames;
    use xxhash_rust::xxh3::xxh3_128;

    use super::compare::{Difference, comparer};
    use super::replay::REPLAY_READ;
    use super::write::recorder;
    use super::*;
    use crate::agent::Blueprint;
    use crate::connectors::fixtures::{CUTS, bytes, source};
    use crate::op::{OpError, Value};
    use crate::testing::{Chunks, frames, run};

    /// Streams of every kind, with their bytes.
    fn streams() -> Vec<(&'static str, &'static str, Vec<u8>)> {
        let numbers: Vec<f64> = (0..900).map(|n| f64::from(n) * 0.5).collect();
        vec![
            ("band", "f64", bytes(&numbers)),
            ("trace.e", "i16[3]", bytes(&[-7i16; 300])),
            ("trace.n", "u8", vec![9; 77]),
            ("lines", "text", frames((0..200).map(|n| "ä".repeat(n % 9)))),
            ("never", "cf32", Vec::new()),
        ]
    }

    fn types() -> Vec<ItemType> {
        streams().iter().map(|s| s.1.parse().unwrap()).collect()
    }

    fn record(path: &Path, chunks: Chunks) -> Recording {
        let words = Words {
            graph: "g".to_owned(),
            began: 7,
            streams: streams()
                .iter()
                .zip(types())
                .map(|((name, _, _), item_type)| Recorded::new(name, &item_type, Some(2.5)))
                .collect(),
            origin: Json::Null,
        };
        let recorder = recorder(path, &words, &types()).unwrap();
        let inputs: Vec<Vec<u8>> = streams().into_iter().map(|s| s.2).collect();
        run(recorder, &inputs, chunks, usize::MAX).unwrap();
        Recording::open(path).unwrap()
    }

    fn replay(path: &Path, params: &[(&str, Value)]) -> Result<Blueprint, OpError> {
        let folder = path.parent().unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        source(&REPLAY_READ, folder, name, None, params)
    }

    #[test]
    fn what_is_recorded_is_given_again_however_it_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.rec");
        for chunks in CUTS {
            let recording = record(&path, chunks);
            assert_eq!(recording.complaint(), None);
            let sums = recording.verify().unwrap();
            for (sum, (name, _, bytes)) in sums.iter().zip(streams()) {
                assert_eq!((sum.name.as_str(), sum.bytes), (name, bytes.len() as u64));
                assert_eq!(sum.xxh3, format!("{:032x}", xxh3_128(&bytes)));
            }
            let items: Vec<u64> = sums.iter().map(|sum| sum.items).collect();
            assert_eq!(items, [900, 100, 77, 200, 0]);
            for again in CUTS {
                let given = run(replay(&path, &[]).unwrap(), &[], again, usize::MAX).unwrap();
                let expected: Vec<Vec<u8>> = streams().into_iter().map(|s| s.2).collect();
                assert!(given == expected, "{chunks:?} {again:?}");
            }
        }
    }

    #[test]
    fn outputs_are_called_as_the_streams_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.rec");
        drop(record(&path, Chunks::Whole));
        let ports = |params: &[(&str, Value)]| -> Vec<String> {
            let outputs = replay(&path, params).unwrap().outputs;
            assert!(outputs.iter().all(|out| out.rate == Some(2.5)));
            outputs.into_iter().map(|out| out.name).collect()
        };
        assert_eq!(ports(&[]), ["band", "e", "n", "lines", "never"]);
        assert_eq!(ports(&[("streams", "trace.n".into())]), [""]);
        let named = [("streams", "trace.n".into()), ("ports", "n".into())];
        assert_eq!(ports(&named), ["n"]);
        let refused = |params: &[(&str, Value)]| replay(&path, params).unwrap_err();
        let error = refused(&[("streams", "trace.m".into())]);
        assert!(
            error.message.ends_with("r.rec has no stream `trace.m`"),
            "{error:?}"
        );
        assert_eq!(error.help.as_deref(), Some("did you mean `trace.e`?"));
        let twice = refused(&[("streams", ["band", "band"].into())]);
        assert_eq!(
            twice.message,
            "two of the streams would be the output `band`"
        );
        let short = refused(&[("ports", ["a", "b"].into())]);
        assert_eq!(
            short.message,
            "`ports` has 2 names, and there are 5 streams"
        );
    }

    #[test]
    fn a_recording_cut_off_anywhere_is_read_to_its_last_whole_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.rec");
        drop(record(&path, Chunks::Random(5)));
        let whole = std::fs::read(&path).unwrap();
        let mut items_before = [0; 2];
        let steps = (0..whole.len()).step_by(101).chain([whole.len() - 1]);
        for (len, reserved) in steps.flat_map(|len| [(len, 0), (len, 1)]) {
            let cut = folder.path().join("cut.rec");
            // What was reserved and not written is zeros.
            let rest = vec![0; reserved * (whole.len() - len)];
            std::fs::write(&cut, [&whole[..len], &rest].concat()).unwrap();
            let Ok(recording) = Recording::open(&cut) else {
                assert_eq!(items_before[reserved], 0, "cut at {len}");
                continue;
            };
            let items: u64 = (0..5).map(|nth| recording.items(nth)).sum();
            assert!(items >= items_before[reserved], "cut at {len}");
            items_before[reserved] = items;
            if recording.complaint().is_none() {
                // What is missing was zeros.
                assert!(whole[len..].iter().all(|byte| *byte == 0), "cut at {len}");
            }
            let given = run(replay(&cut, &[]).unwrap(), &[], Chunks::Whole, usize::MAX).unwrap();
            for (given, (name, _, all)) in given.iter().zip(streams()) {
                assert!(all.starts_with(given), "{name} cut at {len}");
            }
        }
        assert_eq!(items_before, [1277; 2]);
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.rec");
        let sums = record(&path, Chunks::Random(6)).verify().unwrap();
        let whole = std::fs::read(&path).unwrap();
        let mut noticed = 0;
        for at in (0..whole.len()).step_by(31) {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            std::fs::write(&path, &changed).unwrap();
            let found = Recording::open(&path).and_then(|recording| match recording.complaint() {
                Some(complaint) => Err(complaint.to_owned()),
                None => recording.verify(),
            });
            match found {
                // Zeros between parts.
                Ok(found) => assert!(found == sums && whole[at] == 0, "byte {at}"),
                Err(_) => noticed += 1,
            }
        }
        assert!(noticed > whole.len() / 31 * 9 / 10, "{noticed}");
    }

    /// A recording of one stream by nobody's hand, with good checksums.
    fn forged(stream: &Recorded, items: u64, bytes: &[u8]) -> Result<Vec<Sum>, String> {
        let words = Words {
            graph: "g".to_owned(),
            began: 0,
            streams: vec![stream.clone()],
            origin: Json::Null,
        };
        let part = PartHead {
            magic: PART,
            stream: 0,
            position: 0,
            items,
            len_bytes: bytes.len() as u64,
            time_ns: u64::MAX,
            crc: 0,
            zero: 0,
        };
        let part = part.sealed(bytes);
        let file = [&write::head_of(&words), bytemuck::bytes_of(&part), bytes].concat();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.rec");
        std::fs::write(&path, file).unwrap();
        let recording = Recording::open(&path)?;
        let sums = recording.verify()?;
        let given = run(
            replay(&path, &[]).unwrap(),
            &[],
            Chunks::Random(1),
            usize::MAX,
        );
        assert_eq!(given.unwrap()[0].len() as u64, sums[0].bytes);
        Ok(sums)
    }

    #[test]
    fn a_forged_recording_gives_nothing_that_is_no_item() {
        let stream = |item_type: &str| {
            let item_type: ItemType = item_type.parse().unwrap();
            Recorded::new("x", &item_type, None)
        };
        let items = |stream: &Recorded, items, bytes: &[u8]| {
            forged(stream, items, bytes).map(|sums| sums[0].items)
        };
        let (f64s, texts) = (stream("f64"), stream("text"));
        assert_eq!(items(&f64s, 2, &[0; 16]), Ok(2));
        assert_eq!(items(&f64s, 1, &[0; 16]), Ok(0));
        assert_eq!(items(&f64s, u64::MAX / 4, &[0; 16]), Ok(0));
        let two = frames(["a", "b"]);
        assert_eq!(items(&texts, 2, &two), Ok(2));
        assert_eq!(items(&texts, 1, &two), Ok(0));
        assert_eq!(items(&texts, 3, &two), Ok(0));
        assert_eq!(items(&texts, 2, &two[..12]), Ok(0));
        assert_eq!(items(&texts, 1, &frames([[0xffu8]])), Ok(0));
        let wrong = |change: fn(&mut Recorded)| {
            let mut stream = stream("f64");
            change(&mut stream);
            let refused = items(&stream, 2, &[0; 16]).unwrap_err();
            assert!(refused.contains("whose head is damaged"), "{refused}");
        };
        wrong(|stream| stream.item_len = 3);
        wrong(|stream| stream.item_len = 0);
        wrong(|stream| stream.rate = Some(-1.0));
        wrong(|stream| stream.name.clear());
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.rec");
        let refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Recording::open(&path).err().unwrap()
        };
        assert!(refused(b"").ends_with(NO_RECORDING));
        assert!(refused(&[b'x'; 100]).ends_with(NO_RECORDING));
        drop(record(&path, Chunks::Whole));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[8] = 9;
        assert!(refused(&bytes).ends_with("version 9, and this program reads version 1"));
        assert!(Recording::open(folder.path()).is_err());
    }

    /// What a comparison of streams with what was recorded finds, under every cut.
    fn found(change: impl Fn(&mut Vec<Vec<u8>>)) -> Vec<Option<Difference>> {
        let folder = tempfile::tempdir().unwrap();
        let recording = record(&folder.path().join("r.rec"), Chunks::Random(8));
        let recording = std::sync::Arc::new(recording);
        let mut inputs: Vec<Vec<u8>> = streams().into_iter().map(|s| s.2).collect();
        change(&mut inputs);
        let pairs: Vec<_> = types().into_iter().enumerate().collect();
        let found = CUTS.map(|chunks| {
            let (blueprint, findings) = comparer(&recording, &pairs).unwrap();
            run(blueprint, &inputs, chunks, usize::MAX).unwrap();
            (0..5).map(|nth| findings.of(nth)).collect::<Vec<_>>()
        });
        assert!(found.iter().all(|other| *other == found[0]), "{found:?}");
        found[0].clone()
    }

    #[test]
    fn the_first_difference_of_each_stream_is_found() {
        assert_eq!(found(|_| ()), [const { None }; 5]);
        let differences = found(|streams| {
            streams[0][8 * 450..][..8].copy_from_slice(&1.0f64.to_ne_bytes());
            streams[0][8 * 600] ^= 1;
            streams[1].truncate(6 * 99);
            let mut lines: Vec<Vec<u8>> = Frames::new(&streams[3]).map(<[u8]>::to_vec).collect();
            lines[100] = vec![b'z'; 100];
            streams[3] = frames(lines);
            streams[4] = vec![0; 8];
        });
        let changed = Difference::Item {
            position: 450,
            found: 1.0f64.to_ne_bytes().to_vec(),
            len_bytes: 8,
        };
        let line = Difference::Item {
            position: 100,
            found: vec![b'z'; 64],
            len_bytes: 100,
        };
        let shorter = Difference::Shorter { position: 99 };
        let longer = Difference::Longer { position: 0 };
        let expected = [Some(changed), Some(shorter), None, Some(line), Some(longer)];
        assert_eq!(differences, expected);
    }

    #[test]
    fn a_recorder_keeps_to_regular_files_and_says_so() {
        let words = Words {
            graph: "g".to_owned(),
            began: 0,
            streams: vec![Recorded::new("x", &ItemType::U8, None)],
            origin: Json::Null,
        };
        let types = [ItemType::U8];
        let blueprint = recorder(Path::new("/dev/null"), &words, &types).unwrap();
        let error = run(blueprint, &[vec![1]], Chunks::Whole, 1).unwrap_err();
        assert!(
            error.message.contains("/dev/null is no regular file"),
            "{error}"
        );
        let nowhere = recorder(Path::new("/nowhere/r.rec"), &words, &types);
        assert!(nowhere.unwrap_err().message.contains("/nowhere"));
    }
}
