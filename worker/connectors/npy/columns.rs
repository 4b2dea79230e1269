//! Arrays of rows that lie column by column (`fortran_order`): rows are gathered from all columns.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::agent::{Agent, AgentError, Io, Outside, State, Status};
use crate::connectors::files::{Reader, failed};
use crate::connectors::records::Convert;

/// Bytes of rows that are gathered at once, one row at least.
const AT_ONCE: usize = 1 << 20;

/// State: how many rows were given (`u64`).
pub(super) struct ColumnsReader {
    pub(super) reader: Reader,
    /// The byte where the first column starts.
    pub(super) start: u64,
    pub(super) rows: u64,
    /// Columns.
    pub(super) width: usize,
    /// Bytes of an element.
    pub(super) element_len: usize,
    /// From the file's order of bytes to the machine's.
    pub(super) convert: Convert,
    pub(super) file: Option<File>,
    /// Some elements of one column.
    pub(super) column: Vec<u8>,
    /// Rows as the file has their bytes.
    pub(super) gathered: Vec<u8>,
}

impl ColumnsReader {
    /// Gathers `n` rows from `first` on.
    fn gather(&mut self, first: u64, n: usize) -> Result<(), AgentError> {
        let (len, row_len) = (self.element_len, self.element_len * self.width);
        let file = self.file.as_ref().expect("attached before the first call");
        self.column.resize(n * len, 0);
        self.gathered.resize(n * row_len, 0);
        for k in 0..self.width {
            let before = k as u64 * self.rows + first;
            let at = self.start + before * len as u64;
            file.read_exact_at(&mut self.column, at)
                .map_err(|e| failed(&self.reader.name(), &format!("read at byte {at}"), &e))?;
            let rows = self.gathered.chunks_exact_mut(row_len);
            for (row, element) in rows.zip(self.column.chunks_exact(len)) {
                row[k * len..][..len].copy_from_slice(element);
            }
        }
        Ok(())
    }
}

impl Agent for ColumnsReader {
    fn attach(&mut self, _: State<'_>) -> Result<(), AgentError> {
        let file = self.reader.look().map_err(|e| AgentError::new(e.message))?;
        self.file = Some(file);
        Ok(())
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
        self.reader.outside(self.start..self.start + len_bytes)
    }
}
