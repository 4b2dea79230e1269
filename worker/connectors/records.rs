//! Files of records: a header, then items of one length side by side, as raw, NPY and WAV files are.
//!
//! Where item `n` lies is known from `n` alone, so the only state is how many items were given or
//! taken. Formats differ in the header and in how a record's bytes become an item's.

use crate::agent::{Agent, AgentError, Input, Io, Outside, State, Status};
use crate::connectors::files::{Bytes, Filled, Reader, Readers, Target};
use crate::connectors::placed::Placed;

/// Makes items of records, or records of items: as many as both slices hold.
pub(super) type Convert = Box<dyn Fn(&[u8], &mut [u8])>;

/// Reverses the bytes of each number of `len_bytes`; a plain copy on a machine of that order already.
pub(super) fn in_order(is_big_endian: bool, len_bytes: usize) -> Convert {
    if is_big_endian == cfg!(target_endian = "big") || len_bytes == 1 {
        return Box::new(|from, to| to.copy_from_slice(from));
    }
    Box::new(move |from, to| match len_bytes {
        2 => reversed::<2>(from, to),
        4 => reversed::<4>(from, to),
        _ => reversed::<8>(from, to),
    })
}

fn reversed<const N: usize>(from: &[u8], to: &mut [u8]) {
    for (from, to) in from.chunks_exact(N).zip(to.chunks_exact_mut(N)) {
        to.copy_from_slice(from);
        to.reverse();
    }
}

/// How many records there are to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    /// As the header says; fewer is an error.
    Exactly(u64),
    /// Up to this many, fewer if the file ends.
    AtMost(u64),
}

/// Gives the items of a file of records. State: how many items were given (`u64`).
pub(super) struct RecordReader<R = Reader> {
    /// The file.
    pub(super) reader: R,
    /// The byte where the first record starts.
    pub(super) start: u64,
    /// Bytes of a record.
    pub(super) record_len: usize,
    /// How many there are.
    pub(super) count: Count,
    /// From records to items.
    pub(super) convert: Convert,
    /// Tags of the items.
    pub(super) tags: Placed,
}

impl<R: Bytes> RecordReader<R> {
    fn offset(&self, item: u64) -> u64 {
        self.start + item * self.record_len as u64
    }

    fn left(&self, given: u64) -> u64 {
        match self.count {
            Count::Exactly(n) | Count::AtMost(n) => n.saturating_sub(given),
        }
    }

    /// Gives items until there is no room, or no more bytes for now.
    fn read(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let given = io.state.get::<u64>();
        loop {
            let left = self.left(*given);
            let Some(before_tag) = self.tags.give(io.outputs, left == 0)? else {
                return Ok(Status::More);
            };
            if left == 0 {
                return Ok(Status::Done);
            }
            let left = left.min(before_tag);
            let output = &mut io.outputs[0];
            if output.is_full() {
                return Ok(Status::More);
            }
            let offset = self.offset(*given);
            self.reader.seek(offset)?;
            let records = self.reader.bytes(offset);
            let n = (records.len() / self.record_len)
                .min(output.space())
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            if n == 0 {
                match self.reader.fill(offset)? {
                    Filled::Grew => continue,
                    Filled::Ended => return self.ended(*given),
                    Filled::Waiting(wait) => return Ok(Status::Wait(wait)),
                }
            }
            let len_bytes = n * output.item_len();
            let items = &mut output.bytes()[..len_bytes];
            (self.convert)(&records[..n * self.record_len], items);
            output.produce(n);
            *given += n as u64;
        }
    }

    /// The file has no more bytes after `given` records.
    fn ended(&self, given: u64) -> Result<Status, AgentError> {
        let offset = self.offset(given);
        let (name, rest) = (self.reader.name(), self.reader.bytes(offset).len());
        match (self.count, rest) {
            (Count::Exactly(n), _) => Err(AgentError::new(format!(
                "{name} ends after {given} of the {n} items that its header promises: it was cut short"
            ))),
            (Count::AtMost(_), 0) => Ok(Status::Done),
            (Count::AtMost(_), _) => Err(AgentError::new(partial(
                &name,
                offset,
                rest,
                self.record_len,
            ))),
        }
    }
}

/// The file ends within an item.
pub(super) fn partial(name: &str, offset: u64, rest: usize, record_len: usize) -> String {
    format!(
        "{name} ends within an item: {rest} bytes are left at byte {offset}, and an item has {record_len}; is `dtype` (or `offset`) another?"
    )
}

impl<R: Bytes> Agent for RecordReader<R> {
    fn attach(&mut self, mut state: State<'_>) -> Result<(), AgentError> {
        let given = *state.get::<u64>();
        let offset = match given {
            0 => 0,
            _ => self.offset(given),
        };
        self.reader.open(offset)
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let before = io.outputs[0].produced();
        match self.read(io) {
            // What came before the trouble is given first, however the calls are cut.
            Err(_) if io.outputs[0].produced() > before => Ok(Status::More),
            status => status,
        }
    }

    fn outside(&self, state: &[u8]) -> Outside {
        let taken = self.start..self.offset(count_of(state));
        self.reader.outside(taken)
    }
}

/// What a state that is one count says.
pub(super) fn count_of(state: &[u8]) -> u64 {
    bytemuck::pod_read_unaligned(state)
}

/// Writes items to a file of records. State: how many items were taken (`u64`).
pub(super) struct RecordWriter {
    /// The file.
    pub(super) target: Target,
    /// The header of a file of so many items, always of `header_len` bytes; refuses more than fit.
    pub(super) header: Box<dyn Fn(u64) -> Result<Vec<u8>, AgentError>>,
    /// Bytes before the first record.
    pub(super) header_len: u64,
    /// Bytes of a record.
    pub(super) record_len: usize,
    /// From items to records.
    pub(super) convert: Convert,
    /// The file's length is filled up to a multiple of this, as a WAV file's to 2.
    pub(super) pad_to: u64,
    /// Scratch.
    pub(super) records: Vec<u8>,
}

/// Records converted and written at once, in bytes.
const AT_ONCE: usize = 256 * 1024;

impl RecordWriter {
    /// The byte where item `item` starts.
    pub(super) fn offset(&self, item: u64) -> u64 {
        self.header_len + item * self.record_len as u64
    }

    /// Writes all items of the input after the `taken` ones, and counts them.
    pub(super) fn take(
        &mut self,
        input: &mut Input,
        taken: &mut u64,
    ) -> Result<Readers, AgentError> {
        let most = (AT_ONCE / self.record_len).max(1);
        while !input.is_empty() {
            let n = input.len().min(most);
            self.records.resize(n * self.record_len, 0);
            (self.convert)(&input.bytes()[..n * input.item_len()], &mut self.records);
            let readers = self.target.write(self.offset(*taken), &self.records)?;
            *taken += n as u64;
            input.consume(n);
            if readers == Readers::Gone || self.write_header(*taken)? == Readers::Gone {
                return Ok(Readers::Gone);
            }
        }
        Ok(Readers::Some)
    }

    /// Bytes that were given with so many items.
    fn given(&self, items: u64) -> u64 {
        match items {
            0 => 0,
            items => self.offset(items),
        }
    }

    /// Makes the header say that there are `items`; a file without positions has it at its start only.
    fn write_header(&mut self, items: u64) -> Result<Readers, AgentError> {
        let header = (self.header)(items)?;
        match header.is_empty() || (items > 0 && !self.target.is_regular()) {
            true => Ok(Readers::Some),
            false => self.target.write(0, &header),
        }
    }
}

impl RecordWriter {
    /// Opens the file in the process that writes, at the `taken` items that are committed.
    pub(super) fn open(&mut self, taken: u64) -> Result<(), AgentError> {
        self.target.open(self.given(taken))?;
        // Whatever comes of this run, the file is one of its kind.
        match self.target.is_regular() {
            true => self.write_header(taken).map(|_| ()),
            false => Ok(()),
        }
    }

    /// Makes the file one of so many items.
    pub(super) fn complete(&mut self, taken: u64) -> Result<(), AgentError> {
        self.write_header(taken)?;
        let end = self.offset(taken);
        let filler = end.next_multiple_of(self.pad_to) - end;
        self.target.write(end, &vec![0; filler as usize])?;
        Ok(())
    }

    /// See [`Agent::toll`].
    pub(super) fn toll_of(&self, taken: u64) -> Option<String> {
        self.target.toll(self.given(taken))
    }

    /// See [`Agent::outside`].
    pub(super) fn outside_of(&self, taken: u64) -> Outside {
        self.target.outside(match taken {
            0 => 0..0,
            taken => self.header_len..self.offset(taken),
        })
    }
}

impl Agent for RecordWriter {
    fn attach(&mut self, mut state: State<'_>) -> Result<(), AgentError> {
        self.open(*state.get::<u64>())
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        if let Some(status) = self.target.wait(io)? {
            return Ok(status);
        }
        Ok(match self.take(&mut io.inputs[0], io.state.get::<u64>())? {
            Readers::Some => Status::Ready,
            Readers::Gone => Status::Done,
        })
    }

    fn finish(&mut self, mut state: State<'_>) -> Result<(), AgentError> {
        self.complete(*state.get::<u64>())
    }

    fn toll(&self, state: &[u8]) -> Option<String> {
        self.toll_of(count_of(state))
    }

    fn outside(&self, state: &[u8]) -> Outside {
        self.outside_of(count_of(state))
    }
}
