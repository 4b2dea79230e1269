//! What a file has behind its sound: tags, and what comes after the last block that is whole. The decoder passes over blocks whose checksums are wrong; at the end of
//! a file nothing comes after them that would show the gap, so it is looked for here.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use symphonia::core::io::MediaSource;

/// The largest block there can be, by the format's field for it.
const BLOCK_LEN_MAX: u64 = 1 << 24;

/// The byte where a block begins that was not decoded, if there is one behind `last`, the bytes of the last block that was.
/// Without any it is the first behind the header.
/// `len` is where the sound ends.
pub(super) fn undecoded(file: &File, len: u64, last: &[u8]) -> io::Result<Option<u64>> {
    let start = match last {
        [] => match sound_start(file)? {
            Some(start) => start,
            None => return Ok(None),
        },
        last => match end_of(file, len, last)? {
            Some(end) => end,
            None => return Ok(Some(len.saturating_sub(BLOCK_LEN_MAX))),
        },
    };
    let mut sync = [0; 2];
    let is_block = len >= start + 2 && {
        file.read_exact_at(&mut sync, start)?;
        sync[0] == 0xff && sync[1] & 0xfc == 0xf8
    };
    // A damaged first byte is a block's, too: behind the last there is nothing, or a tag.
    let is_other = matches!(&sync, b"TA" | b"AP" | b"ID") || sync == [0; 2];
    let is_short = len > start && len < start + 2;
    Ok((is_block || is_short || len > start && !is_other).then_some(start))
}

/// The byte where the tags begin that some programs put behind the sound, as in MP3 files: ID3v1, the last 128 bytes, and
/// APEv2 before it, whose footer of 32 bytes says its length and whether it has a header as long. Without any the file's length.
pub(super) fn sound_end(file: &File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut mark = [0; 3];
    if end >= 128 && fill(file, &mut mark, end - 128)? && &mark == b"TAG" {
        end -= 128;
    }
    let mut footer = [0; 32];
    if end >= 32 && fill(file, &mut footer, end - 32)? && footer.starts_with(b"APETAGEX") {
        let word = |at: usize| u32::from_le_bytes(footer[at..at + 4].try_into().expect("4 bytes"));
        let header_len = u64::from(word(20) >> 31) * 32;
        end = end.saturating_sub(u64::from(word(12)) + header_len);
    }
    Ok(end)
}

/// A file up to where its sound ends: a decoder takes a tag behind it for a part of the last block.
pub(super) struct Sounding {
    file: File,
    at: u64,
    end: u64,
}

impl Sounding {
    pub(super) fn new(file: File, end: u64) -> Sounding {
        Sounding { file, at: 0, end }
    }
}

impl Read for Sounding {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = bytes.len().min(left);
        let read = self.file.read_at(&mut bytes[..most], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Sounding {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.end.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl MediaSource for Sounding {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.end)
    }
}

/// Where these bytes end, which are not far from the file's end.
fn end_of(file: &File, len: u64, bytes: &[u8]) -> io::Result<Option<u64>> {
    let from = len.saturating_sub(BLOCK_LEN_MAX + bytes.len() as u64);
    let mut tail = vec![0; (len - from) as usize];
    file.read_exact_at(&mut tail, from)?;
    let found = memchr::memmem::rfind(&tail, bytes);
    Ok(found.map(|at| from + (at + bytes.len()) as u64))
}

/// The byte behind the header: its blocks each say their length. `None` where the file is no FLAC file.
pub(super) fn sound_start(file: &File) -> io::Result<Option<u64>> {
    let mut at = header_start(file)?;
    let mut mark = [0; 4];
    if !fill(file, &mut mark, at)? || &mark != b"fLaC" {
        return Ok(None);
    }
    at += 4;
    loop {
        let mut head = [0; 4];
        if !fill(file, &mut head, at)? {
            return Ok(None);
        }
        at += 4 + u64::from(u32::from_be_bytes([0, head[1], head[2], head[3]]));
        if head[0] & 0x80 != 0 {
            return Ok(Some(at));
        }
    }
}

/// The byte behind an ID3 tag, which some programs put in front.
pub(super) fn header_start(file: &File) -> io::Result<u64> {
    let mut head = [0; 10];
    Ok(
        match fill(file, &mut head, 0)? && head.starts_with(b"ID3") {
            true => {
                let digits = head[6..].iter().map(|byte| u64::from(byte & 0x7f));
                10 + digits.fold(0, |len, digit| len << 7 | digit)
            }
            false => 0,
        },
    )
}

fn fill(file: &File, bytes: &mut [u8], at: u64) -> io::Result<bool> {
    match file.read_exact_at(bytes, at) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}
