//! A snapshot's bytes: written in order, and judged before anything of them is used.
//!
//! ```text
//! offset  head
//!      0  magic "THALSNAP"
//!      8  format: u32, workers: u32, streams: u32, zero: u32
//!     24  len_bytes: u64                length of the whole file
//!     32  layout_hash: u64              of the shape of the segment
//!     40  graph_hash: u64               of the graph's text, or of the program that has it
//!     48  number: u64                   which snapshot of its run it is, from 1
//!     56  taken: u64                    when: seconds since 1970
//!     64  run: [u8; 64]                 the run's name, padded with zeros
//!    128  crc: u32                      of the bytes 0 to 127
//!    132  zero: u32
//!    136  sections                      the kept words, then one for each worker, then one for each stream
//! ```
//!
//! A section is a line (`kind: u32, nth: u32, len_bytes: u64, crc: u32, zero: u32`), its bytes, and zeros up
//! to a multiple of 8. Its CRC-32 is of the line's first 16 bytes and of its own. A stream's section
//! begins with [`StreamLine`]; its items follow. All numbers in the order of a little-endian machine.
//!
//! Reading is pure, allocates nothing but two lists as long as the file's own sections, and never panics.

use std::mem::{offset_of, size_of};

use bytemuck::{Pod, Zeroable};
use crc32fast::Hasher;

/// Moves with every change of these bytes, and of what they mean.
pub const FORMAT: u32 = 1;
/// How every snapshot begins.
pub const MAGIC: [u8; 8] = *b"THALSNAP";
const RUN_LEN: usize = 64;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
struct Head {
    magic: [u8; 8],
    format: u32,
    workers: u32,
    streams: u32,
    zero: u32,
    len_bytes: u64,
    layout_hash: u64,
    graph_hash: u64,
    number: u64,
    taken: u64,
    run: [u8; RUN_LEN],
    crc: u32,
    zero_too: u32,
}

const _: () = assert!(offset_of!(Head, run) == 64);
const _: () = assert!(offset_of!(Head, crc) == 128);
const _: () = assert!(size_of::<Head>() == 136);

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
struct SectionLine {
    kind: u32,
    nth: u32,
    len_bytes: u64,
    crc: u32,
    zero: u32,
}

const _: () = assert!(size_of::<SectionLine>() == 24);

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum Kind {
    Words = 1,
    Worker = 2,
    Stream = 3,
}

/// What is kept of a stream beside its items.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct StreamLine {
    /// Position of the first item that is kept.
    pub first: u64,
    /// Position behind the last one: committed by the producer.
    pub written: u64,
    /// How far slots may have been written over.
    pub claimed: u64,
    /// Bytes of an item.
    pub item_len: u64,
}

/// A snapshot's contents; `B` holds bytes: its own, or those of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents<B> {
    /// Hash of the shape of the segment.
    pub layout_hash: u64,
    /// Hash of the graph's text or program.
    pub graph_hash: u64,
    /// Which snapshot of its run it is, from 1.
    pub number: u64,
    /// When it was taken: seconds since 1970.
    pub taken: u64,
    /// The run's name.
    pub run: String,
    /// What it takes to make graph and plan again, and what lies outside.
    pub words: B,
    /// What is kept of each worker's control block.
    pub workers: Vec<B>,
    /// What is kept of each stream.
    pub streams: Vec<(StreamLine, B)>,
}

/// Why bytes are no snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Shorter than a head.
    #[error("it is {found} bytes long, too short for a snapshot")]
    Short {
        /// Its length.
        found: u64,
    },
    /// Does not begin as snapshots do.
    #[error("it does not begin as a snapshot does")]
    Magic,
    /// Another version's.
    #[error("its format is version {found}, this program's is {FORMAT}")]
    Format {
        /// Found.
        found: u32,
    },
    /// The head's check does not fit.
    #[error("its head is damaged: the check does not fit the bytes")]
    Head,
    /// Cut short, or something was added.
    #[error("it is {found} bytes long, and its head says {told}")]
    Length {
        /// Found.
        found: u64,
        /// Told.
        told: u64,
    },
    /// A section's check does not fit.
    #[error("its section {nth} is damaged: {what}")]
    Section {
        /// Which, from 0.
        nth: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// What a whole head tells: enough to ask for the rest.
pub struct Told {
    /// Length of the whole file.
    pub len_bytes: u64,
}

/// Bytes of a head.
pub const HEAD_LEN: usize = size_of::<Head>();

/// Judges a head alone.
///
/// # Errors
/// What is wrong with it.
pub fn judge_head(bytes: &[u8]) -> Result<Told, Damage> {
    head(bytes).map(|head| Told {
        len_bytes: head.len_bytes,
    })
}

fn head(bytes: &[u8]) -> Result<Head, Damage> {
    let short = Damage::Short {
        found: bytes.len() as u64,
    };
    let bytes = bytes.get(..HEAD_LEN).ok_or(short)?;
    let head: Head = bytemuck::pod_read_unaligned(bytes);
    if head.magic != MAGIC {
        return Err(Damage::Magic);
    }
    if head.crc != crc32fast::hash(&bytes[..offset_of!(Head, crc)]) {
        return Err(Damage::Head);
    }
    if head.format != FORMAT {
        return Err(Damage::Format { found: head.format });
    }
    match (head.zero, head.zero_too) {
        (0, 0) => Ok(head),
        _ => Err(Damage::Head),
    }
}

/// Reads a whole file.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn read(bytes: &[u8]) -> Result<Contents<&[u8]>, Damage> {
    let head = head(bytes)?;
    let found = bytes.len() as u64;
    if head.len_bytes != found {
        let told = head.len_bytes;
        return Err(Damage::Length { found, told });
    }
    let name = std::str::from_utf8(&head.run).map_err(|_| Damage::Head)?;
    let mut sections = Sections {
        rest: &bytes[HEAD_LEN..],
        nth: 0,
    };
    let words = sections.next(Kind::Words, 0)?;
    // As many as are there, whatever the head promises: a list grows with the bytes that were read.
    let mut workers = Vec::new();
    for nth in 0..head.workers {
        workers.push(sections.next(Kind::Worker, nth)?);
    }
    let mut streams = Vec::new();
    for nth in 0..head.streams {
        streams.push(sections.next_stream(nth)?);
    }
    sections.end()?;
    Ok(Contents {
        layout_hash: head.layout_hash,
        graph_hash: head.graph_hash,
        number: head.number,
        taken: head.taken,
        run: name.trim_end_matches('\0').to_owned(),
        words,
        workers,
        streams,
    })
}

struct Sections<'a> {
    rest: &'a [u8],
    nth: usize,
}

impl<'a> Sections<'a> {
    fn damaged(&self, what: &'static str) -> Damage {
        Damage::Section {
            nth: self.nth,
            what,
        }
    }

    /// About the section that was taken last.
    fn passed(&self, what: &'static str) -> Damage {
        Damage::Section {
            nth: self.nth - 1,
            what,
        }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Damage> {
        let cut = self.damaged("it goes beyond the end");
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(cut)?;
        self.rest = rest;
        Ok(taken)
    }

    fn next(&mut self, kind: Kind, nth: u32) -> Result<&'a [u8], Damage> {
        let line_bytes = self.take(size_of::<SectionLine>())?;
        let line: SectionLine = bytemuck::pod_read_unaligned(line_bytes);
        if (line.kind, line.nth, line.zero) != (kind as u32, nth, 0) {
            return Err(self.damaged("it is another than belongs here"));
        }
        let len = usize::try_from(line.len_bytes).unwrap_or(usize::MAX);
        let bytes = self.take(len)?;
        if line.crc != section_crc(line_bytes, [bytes]) {
            return Err(self.damaged("the check does not fit the bytes"));
        }
        if self.take(filler(len))?.iter().any(|&byte| byte != 0) {
            return Err(self.damaged("there is something behind it"));
        }
        self.nth += 1;
        Ok(bytes)
    }

    fn next_stream(&mut self, nth: u32) -> Result<(StreamLine, &'a [u8]), Damage> {
        let bytes = self.next(Kind::Stream, nth)?;
        let (line, items) = bytes
            .split_at_checked(size_of::<StreamLine>())
            .ok_or(self.passed("it has no positions"))?;
        let line: StreamLine = bytemuck::pod_read_unaligned(line);
        let items_len = line.written.checked_sub(line.first);
        let len = items_len.and_then(|items| items.checked_mul(line.item_len));
        match len == Some(items.len() as u64) {
            true => Ok((line, items)),
            false => Err(self.passed("its items are not those between its positions")),
        }
    }

    fn end(&self) -> Result<(), Damage> {
        match self.rest.is_empty() {
            true => Ok(()),
            false => Err(self.damaged("it is one too many")),
        }
    }
}

/// Of a section's line, but for the check itself, and of its bytes.
fn section_crc<'a>(line: &[u8], parts: impl IntoIterator<Item = &'a [u8]>) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&line[..offset_of!(SectionLine, crc)]);
    parts.into_iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}

/// Zeros behind a section of this length.
fn filler(len: usize) -> usize {
    len.wrapping_neg() % 8
}

impl<B: AsRef<[u8]>> Contents<B> {
    /// Bytes of the whole file.
    pub fn len_bytes(&self) -> u64 {
        let section = |len: usize| (size_of::<SectionLine>() + len + filler(len)) as u64;
        let of_stream =
            |(_, items): &(StreamLine, B)| section(size_of::<StreamLine>() + items.as_ref().len());
        HEAD_LEN as u64
            + section(self.words.as_ref().len())
            + self
                .workers
                .iter()
                .map(|w| section(w.as_ref().len()))
                .sum::<u64>()
            + self.streams.iter().map(of_stream).sum::<u64>()
    }

    /// Gives the file's bytes in order.
    ///
    /// # Errors
    /// What `put` says.
    pub fn write<E>(&self, mut put: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        put(bytemuck::bytes_of(&self.head()))?;
        write_section(&mut put, Kind::Words, 0, &[self.words.as_ref()])?;
        for (nth, worker) in self.workers.iter().enumerate() {
            write_section(&mut put, Kind::Worker, nth, &[worker.as_ref()])?;
        }
        for (nth, (line, items)) in self.streams.iter().enumerate() {
            let parts = [bytemuck::bytes_of(line), items.as_ref()];
            write_section(&mut put, Kind::Stream, nth, &parts)?;
        }
        Ok(())
    }

    fn head(&self) -> Head {
        let mut run = [0; RUN_LEN];
        let name = self.run.as_bytes();
        let len = name.len().min(RUN_LEN);
        run[..len].copy_from_slice(&name[..len]);
        let mut head = Head {
            magic: MAGIC,
            format: FORMAT,
            workers: self.workers.len() as u32,
            streams: self.streams.len() as u32,
            zero: 0,
            len_bytes: self.len_bytes(),
            layout_hash: self.layout_hash,
            graph_hash: self.graph_hash,
            number: self.number,
            taken: self.taken,
            run,
            crc: 0,
            zero_too: 0,
        };
        head.crc = crc32fast::hash(&bytemuck::bytes_of(&head)[..offset_of!(Head, crc)]);
        head
    }
}

fn write_section<E>(
    put: &mut impl FnMut(&[u8]) -> Result<(), E>,
    kind: Kind,
    nth: usize,
    parts: &[&[u8]],
) -> Result<(), E> {
    let len = parts.iter().map(|part| part.len()).sum();
    let mut line = SectionLine {
        kind: kind as u32,
        nth: nth as u32,
        len_bytes: len as u64,
        crc: 0,
        zero: 0,
    };
    line.crc = section_crc(bytemuck::bytes_of(&line), parts.iter().copied());
    put(bytemuck::bytes_of(&line))?;
    for part in parts {
        put(part)?;
    }
    put(&[0; 8][..filler(len)])
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::snapshot) fn contents() -> Contents<Vec<u8>> {
        let line = |first: u64, written: u64, item_len: u64| StreamLine {
            first,
            written,
            claimed: written + 4,
            item_len,
        };
        Contents {
            layout_hash: 1,
            graph_hash: 2,
            number: 3,
            taken: 4,
            run: "quake-1".to_owned(),
            words: b"{}".to_vec(),
            workers: vec![vec![1; 24], vec![2; 40]],
            streams: vec![(line(5, 8, 4), vec![7; 12]), (line(9, 9, 8), Vec::new())],
        }
    }

    fn bytes_of(contents: &Contents<Vec<u8>>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let put = |part: &[u8]| {
            bytes.extend_from_slice(part);
            Ok::<(), ()>(())
        };
        contents.write(put).unwrap();
        bytes
    }

    fn own(read: Contents<&[u8]>) -> Contents<Vec<u8>> {
        Contents {
            layout_hash: read.layout_hash,
            graph_hash: read.graph_hash,
            number: read.number,
            taken: read.taken,
            run: read.run,
            words: read.words.to_vec(),
            workers: read.workers.into_iter().map(<[u8]>::to_vec).collect(),
            streams: read
                .streams
                .into_iter()
                .map(|(line, items)| (line, items.to_vec()))
                .collect(),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let bytes = bytes_of(&contents());
        assert_eq!(bytes.len() as u64, contents().len_bytes());
        assert_eq!(read(&bytes).map(own), Ok(contents()));
        assert_eq!(judge_head(&bytes).unwrap().len_bytes, bytes.len() as u64);
    }

    #[test]
    fn cut_short_at_any_byte_or_longer_it_is_refused() {
        let mut bytes = bytes_of(&contents());
        for len in 0..bytes.len() {
            assert!(read(&bytes[..len]).is_err(), "{len} bytes");
        }
        bytes.push(0);
        let damage = read(&bytes).unwrap_err();
        assert!(matches!(damage, Damage::Length { .. }), "{damage}");
    }

    #[test]
    fn every_changed_bit_is_refused() {
        let good = bytes_of(&contents());
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&bytes).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn bytes_of_one_kind_are_refused_at_any_length() {
        for byte in [0, 0xff, b'T'] {
            for len in [0, 1, 8, HEAD_LEN - 1, HEAD_LEN, 4096] {
                assert!(read(&vec![byte; len]).is_err(), "{len} times {byte:#x}");
            }
        }
    }

    /// The head of the good one with something changed and its check made to fit.
    fn with_head(change: impl FnOnce(&mut Head)) -> Vec<u8> {
        let mut bytes = bytes_of(&contents());
        let mut head: Head = bytemuck::pod_read_unaligned(&bytes[..HEAD_LEN]);
        change(&mut head);
        head.crc = crc32fast::hash(&bytemuck::bytes_of(&head)[..offset_of!(Head, crc)]);
        bytes[..HEAD_LEN].copy_from_slice(bytemuck::bytes_of(&head));
        bytes
    }

    #[test]
    fn a_head_whose_check_fits_is_still_not_believed() {
        type Change = fn(&mut Head);
        let changes: [Change; 11] = [
            |h| h.magic = *b"THALSNAQ",
            |h| h.format = 0,
            |h| h.format = FORMAT + 1,
            |h| h.workers = 1,
            |h| h.workers = u32::MAX,
            |h| h.streams = 1,
            |h| h.streams = u32::MAX,
            |h| h.zero = 1,
            |h| h.len_bytes = u64::MAX,
            |h| h.len_bytes = 0,
            |h| h.run = [0xff; RUN_LEN],
        ];
        for (nth, change) in changes.into_iter().enumerate() {
            assert!(read(&with_head(change)).is_err(), "change {nth}");
        }
        assert_eq!(
            read(&with_head(|h| h.format = 7)),
            Err(Damage::Format { found: 7 })
        );
    }

    /// The good one with a section's line changed and its check made to fit where it can be.
    fn with_line(section: usize, change: impl FnOnce(&mut SectionLine)) -> Vec<u8> {
        let mut bytes = bytes_of(&contents());
        let lens = [2usize, 24, 40, 44, 32];
        let before: usize = lens[..section]
            .iter()
            .map(|len| 24 + len + filler(*len))
            .sum();
        let at = HEAD_LEN + before;
        let mut line: SectionLine = bytemuck::pod_read_unaligned(&bytes[at..at + 24]);
        assert_eq!(line.len_bytes, lens[section] as u64);
        change(&mut line);
        let end = (at + 24)
            .saturating_add(line.len_bytes as usize)
            .min(bytes.len());
        line.crc = section_crc(bytemuck::bytes_of(&line), [&bytes[at + 24..end]]);
        bytes[at..at + 24].copy_from_slice(bytemuck::bytes_of(&line));
        bytes
    }

    #[test]
    fn a_section_whose_check_fits_is_still_not_believed() {
        type Change = fn(&mut SectionLine);
        let changes: [Change; 8] = [
            |l| l.kind = 0,
            |l| l.kind = 4,
            |l| l.nth += 1,
            |l| l.zero = 1,
            |l| l.len_bytes = 0,
            |l| l.len_bytes += 8,
            |l| l.len_bytes = u64::MAX,
            |l| l.len_bytes = 1 << 40,
        ];
        for section in 0..5 {
            for (nth, change) in changes.into_iter().enumerate() {
                let bytes = with_line(section, change);
                assert!(read(&bytes).is_err(), "section {section}, change {nth}");
            }
        }
    }

    #[test]
    fn items_that_do_not_fit_their_positions_are_refused() {
        for (first, written, item_len) in [(9, 8, 4), (5, 9, 4), (5, 8, 5), (0, u64::MAX, 2)] {
            let mut wrong = contents();
            wrong.streams[0].0 = StreamLine {
                first,
                written,
                claimed: 0,
                item_len,
            };
            let damage = read(&bytes_of(&wrong)).map(|_| ()).unwrap_err();
            assert!(matches!(damage, Damage::Section { nth: 3, .. }), "{damage}");
        }
    }
}
