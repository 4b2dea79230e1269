//! Arrays of rows that lie column by column (`fortran_order`): rows are gathered from all columns.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::Header;
use crate::agent::{Agent, AgentError, Io, Outside, State, Status};
use crate::connectors::files::{Reader, failed};
use crate::connectors::raw::part_len;
use crate::connectors::records::{Convert, in_order};

/// Bytes of rows that are gathered at once, one row at least.
const AT_ONCE: usize = 1 << 20;

/// The elements of an array, wherever they are.
pub(in crate::connectors) trait Elements: 'static {
    /// Opens them in the process that reads.
    fn open(&mut self) -> Result<(), AgentError>;

    /// Fills `bytes` with those that are `at` bytes behind the first element.
    fn read_at(&self, bytes: &mut [u8], at: u64) -> Result<(), AgentError>;

    /// What a snapshot must know of so many bytes.
    fn outside(&self, len_bytes: u64) -> Outside;
}

/// The elements of an `.npy` file.
pub(super) struct InFile {
    pub(super) reader: Reader,
    /// The byte where the first column starts.
    pub(super) start: u64,
    pub(super) file: Option<File>,
}

impl Elements for InFile {
    fn open(&mut self) -> Result<(), AgentError> {
        let file = self.reader.look().map_err(|e| AgentError::new(e.message))?;
        self.file = Some(file);
        Ok(())
    }

    fn read_at(&self, bytes: &mut [u8], at: u64) -> Result<(), AgentError> {
        let file = self.file.as_ref().expect("attached before the first call");
        let at = self.start + at;
        file.read_exact_at(bytes, at)
            .map_err(|e| failed(&self.reader.name(), &format!("read at byte {at}"), &e))
    }

    fn outside(&self, len_bytes: u64) -> Outside {
        self.reader.outside(self.start..self.start + len_bytes)
    }
}

/// State: how many rows were given (`u64`).
pub(in crate::connectors) struct ColumnsReader<E> {
    elements: E,
    rows: u64,
    /// Columns.
    width: usize,
    /// Bytes of an element.
    element_len: usize,
    /// From the file's order of bytes to the machine's.
    convert: Convert,
    /// Some elements of one column.
    column: Vec<u8>,
    /// Rows as the file has their bytes.
    gathered: Vec<u8>,
}

impl<E: Elements> ColumnsReader<E> {
    /// Of an array with this header.
    pub(in crate::connectors) fn new(elements: E, header: &Header) -> ColumnsReader<E> {
        ColumnsReader {
            elements,
            rows: header.items(),
            width: header.width() as usize,
            element_len: header.scalar.len_bytes(),
            convert: in_order(header.is_big_endian, part_len(header.scalar)),
            column: Vec::new(),
            gathered: Vec::new(),
        }
    }

    /// Gathers `n` rows from `first` on.
    fn gather(&mut self, first: u64, n: usize) -> Result<(), AgentError> {
        let (len, row_len) = (self.element_len, self.element_len * self.width);
        self.column.resize(n * len, 0);
        self.gathered.resize(n * row_len, 0);
        for k in 0..self.width {
            let before = k as u64 * self.rows + first;
            self.elements
                .read_at(&mut self.column, before * len as u64)?;
            let rows = self.gathered.chunks_exact_mut(row_len);
            for (row, element) in rows.zip(self.column.chunks_exact(len)) {
                row[k * len..][..len].copy_from_slice(element);
            }
        }
        Ok(())
    }
}

impl<E: Elements> Agent for ColumnsReader<E> {
    fn attach(&mut self, _: State<'_>) -> Result<(), AgentError> {
        self.elements.open()
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let given = io.state.get::<u64>();
        let output = &mut io.outputs[0];
        loop {
            let left = self.rows - *given;
            if left == 0 {
                return Ok(Status::Done);
            }
            if output.is_full() {
                return Ok(Status::More);
            }
            let most = (AT_ONCE / output.item_len()).max(1);
            let n = output
                .space()
                .min(most)
                .min(usize::try_from(left).unwrap_or(most));
            if let Err(error) = self.gather(*given, n) {
                // What came before the trouble is given first, however the calls are cut.
                return match output.produced() {
                    0 => Err(error),
                    _ => Ok(Status::More),
                };
            }
            let len_bytes = self.gathered.len();
            (self.convert)(&self.gathered, &mut output.bytes()[..len_bytes]);
            output.produce(n);
            *given += n as u64;
        }
    }

    /// Rows are taken from all over the array.
    fn outside(&self, _: &[u8]) -> Outside {
        let len_bytes = self.rows * (self.element_len * self.width) as u64;
        self.elements.outside(len_bytes)
    }
}
