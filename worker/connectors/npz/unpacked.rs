//! The bytes of an array in an archive, in order: unpacked, and held against the archive's checksum at their end.

use std::cmp::Ordering;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use flate2::read::DeflateDecoder;
use rawzip::CompressionMethod;

use super::entry::Entry;
use crate::agent::{AgentError, Outside};
use crate::connectors::files::{Bytes, CHUNK, Filled, Reader};
use crate::connectors::npy::columns::Elements;
use crate::op::OpError;

/// Going back is unpacking again from the start.
pub(super) struct Unpacked {
    reader: Reader,
    /// The archive's length.
    archive_len: u64,
    entry: Entry,
    packed: Option<Box<dyn Read>>,
    /// `buffer` are the unpacked bytes from `start` on.
    start: u64,
    buffer: Vec<u8>,
    checksum: crc32fast::Hasher,
    /// Found once: nothing behind `buffer` is given any more.
    is_damaged: bool,
}

/// The bytes of an entry as they were before they were packed.
pub(super) fn unpacked(reader: &Reader, entry: &Entry) -> Result<Box<dyn Read>, OpError> {
    let mut file = reader.look()?;
    file.seek(SeekFrom::Start(entry.start))
        .map_err(|e| OpError::param("path", format!("{} cannot be read: {e}", reader.name())))?;
    let packed = file.take(entry.packed_len);
    Ok(match entry.method {
        CompressionMethod::STORE => Box::new(packed),
        _ => Box::new(DeflateDecoder::new(packed)),
    })
}

impl Unpacked {
    pub(super) fn new(reader: Reader, archive_len: u64, entry: Entry) -> Unpacked {
        Unpacked {
            reader,
            archive_len,
            entry,
            packed: None,
            start: 0,
            buffer: Vec::new(),
            checksum: crc32fast::Hasher::new(),
            is_damaged: false,
        }
    }

    /// All bytes from `start` on, unpacked at once.
    pub(super) fn all(&mut self, start: u64) -> Result<Vec<u8>, AgentError> {
        self.restart()?;
        while self.unpack()? {}
        if self.end() < self.entry.len {
            return Err(self.damaged());
        }
        let mut bytes = std::mem::take(&mut self.buffer);
        bytes.drain(..start as usize);
        Ok(bytes)
    }

    fn end(&self) -> u64 {
        self.start + self.buffer.len() as u64
    }

    fn restart(&mut self) -> Result<(), AgentError> {
        let packed = unpacked(&self.reader, &self.entry);
        self.packed = Some(packed.map_err(|e| AgentError::new(e.message))?);
        self.start = 0;
        self.buffer.clear();
        self.checksum = crc32fast::Hasher::new();
        self.is_damaged = false;
        Ok(())
    }

    /// Unpacks some more; false at the end. What is damaged stays so, and none of it is in `buffer`: a caller
    /// that has given what came before asks again.
    fn unpack(&mut self) -> Result<bool, AgentError> {
        let before = self.buffer.len();
        let more = match self.is_damaged {
            true => Err(self.damaged()),
            false => self.read_more(),
        };
        if more.is_err() {
            self.buffer.truncate(before);
            self.is_damaged = true;
        }
        more
    }

    fn read_more(&mut self) -> Result<bool, AgentError> {
        let before = self.buffer.len();
        self.buffer.resize(before + CHUNK, 0);
        let packed = self
            .packed
            .as_mut()
            .expect("attached before the first call");
        let read = match packed.read(&mut self.buffer[before..]) {
            Ok(read) => read,
            Err(e) if is_bad_code(&e) => return Err(self.damaged()),
            Err(e) => {
                let name = self.reader.name();
                return Err(AgentError::new(format!("{name} cannot be read: {e}")));
            }
        };
        self.buffer.truncate(before + read);
        self.checksum.update(&self.buffer[before..]);
        let is_damaged = match self.end().cmp(&self.entry.len) {
            Ordering::Less => false,
            Ordering::Equal => self.checksum.clone().finalize() != self.entry.crc,
            Ordering::Greater => true,
        };
        match is_damaged {
            true => Err(self.damaged()),
            false => Ok(read > 0),
        }
    }

    fn damaged(&self) -> AgentError {
        AgentError::new(format!(
            "{}: the array {:?} is damaged between byte {} and {} of the file: its length or checksum is another; get the file again",
            self.reader.name(),
            self.entry.name,
            self.entry.start,
            self.entry.start + self.entry.packed_len
        ))
    }
}

/// The elements of an array that is unpacked at once.
pub(super) struct InMemory {
    array: Unpacked,
    /// The byte where the elements start.
    start: u64,
    elements: Vec<u8>,
}

impl InMemory {
    pub(super) fn new(array: Unpacked, start: u64) -> InMemory {
        InMemory {
            array,
            start,
            elements: Vec::new(),
        }
    }
}

impl Elements for InMemory {
    fn open(&mut self) -> Result<(), AgentError> {
        self.elements = self.array.all(self.start)?;
        Ok(())
    }

    fn read_at(&self, bytes: &mut [u8], at: u64) -> Result<(), AgentError> {
        bytes.copy_from_slice(&self.elements[at as usize..][..bytes.len()]);
        Ok(())
    }

    fn outside(&self, _: u64) -> Outside {
        self.array.outside(0..0)
    }
}

/// Whether bytes were read that are no packed ones.
pub(super) fn is_bad_code(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
    )
}

impl Bytes for Unpacked {
    fn name(&self) -> String {
        self.reader.name()
    }

    fn open(&mut self, _: u64) -> Result<(), AgentError> {
        self.restart()
    }

    fn seek(&mut self, offset: u64) -> Result<(), AgentError> {
        match offset < self.start {
            true => self.restart(),
            false => Ok(()),
        }
    }

    fn bytes(&self, offset: u64) -> &[u8] {
        let skipped = (offset - self.start).min(self.buffer.len() as u64) as usize;
        &self.buffer[skipped..]
    }

    fn fill(&mut self, offset: u64) -> Result<Filled, AgentError> {
        loop {
            let unused = (offset - self.start).min(self.buffer.len() as u64) as usize;
            self.buffer.drain(..unused);
            self.start += unused as u64;
            if !self.unpack()? {
                return match self.end() < self.entry.len {
                    true => Err(self.damaged()),
                    false => Ok(Filled::Ended),
                };
            }
            if self.end() > offset {
                return Ok(Filled::Grew);
            }
        }
    }

    fn outside(&self, _: Range<u64>) -> Outside {
        self.reader.outside(0..self.archive_len)
    }
}
