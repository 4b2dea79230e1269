//! Files that can only be made when everything is there: archives, and tables whose index is at their end.
//!
//! During the run items go to a file of parts beside the wanted one (`NAME.parts`), chunk after chunk, each
//! with the input it came from; where the next chunk goes is committed with the streams. At the end the file is made of the parts
//! under a third name (`NAME.making`), takes the wanted one's place at once, and the parts go. A successor
//! that finds no parts and the file finds it made. Where the run fails for good both others go.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use crate::agent::{Agent, AgentError, Input, Io, Outside, State, Status};
use crate::connectors::files::Target;
use crate::op::{Args, OpError};

/// Makes the file of the parts.
pub(super) type Assemble = Box<dyn Fn(&mut Parts, File) -> io::Result<()>>;

/// Takes items of several inputs and makes a file of them at the end. State: bytes of the parts (`u64`).
pub(super) struct Staged {
    path: PathBuf,
    parts: Target,
    /// All inputs go on side by side.
    in_rows: bool,
    assemble: Assemble,
    /// The file was made, and the agent's end was not committed.
    is_made: bool,
    chunks: Vec<u8>,
}

impl Staged {
    /// A writer to the parameter `path`. Refused where that, or the parts beside it, could not be written.
    pub(super) fn of(args: &Args, in_rows: bool, assemble: Assemble) -> Result<Staged, OpError> {
        Target::seekable(args)?;
        let path = args.path("path").unwrap_or_default();
        Ok(Staged {
            parts: Target::checked(beside(&path, "parts"))?,
            path,
            in_rows,
            assemble,
            is_made: false,
            chunks: Vec::new(),
        })
    }

    fn make(&self, len_bytes: u64) -> io::Result<()> {
        let parts = beside(&self.path, "parts");
        let making = beside(&self.path, "making");
        let mut chunks = Parts {
            file: BufReader::with_capacity(CHUNK, File::open(&parts)?),
            len_bytes,
            left: len_bytes,
        };
        (self.assemble)(&mut chunks, File::create(&making)?)?;
        fs::rename(&making, &self.path)?;
        fs::remove_file(&parts)
    }

    fn failed(&self, verb: &str, error: &io::Error) -> AgentError {
        AgentError::new(format!("{} cannot be {verb}: {error}", self.path.display()))
    }
}

/// The path with an ending.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

/// Before each chunk: its input and its bytes, both `u64`, little-endian.
const HEAD_LEN: usize = 16;

/// Bytes read at once.
const CHUNK: usize = 256 * 1024;

impl Agent for Staged {
    fn attach(&mut self, mut state: State<'_>) -> Result<(), AgentError> {
        let written = *state.get::<u64>();
        let has_parts = beside(&self.path, "parts").exists();
        self.is_made = written > 0 && !has_parts && self.path.exists();
        if self.is_made {
            return Ok(());
        }
        if written == 0 && self.path.is_file() {
            fs::remove_file(&self.path).map_err(|e| self.failed("replaced", &e))?;
        }
        self.parts.open(written)
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let rows = io.inputs.iter().map(|input| input.len()).min();
        self.chunks.clear();
        for (k, input) in io.inputs.iter_mut().enumerate() {
            let n = match self.in_rows {
                true => rows.unwrap_or(0),
                false => input.len(),
            };
            if n > 0 {
                let bytes = bytes_of(input, n);
                self.chunks.extend_from_slice(&(k as u64).to_le_bytes());
                self.chunks
                    .extend_from_slice(&(bytes.len() as u64).to_le_bytes());
                self.chunks.extend_from_slice(bytes);
                input.consume(n);
            }
        }
        let written = io.state.get::<u64>();
        // What a dead worker took last, and did not commit, is in the file that it made.
        if !self.is_made {
            self.parts.write(*written, &self.chunks)?;
        }
        *written += self.chunks.len() as u64;
        Ok(Status::Ready)
    }

    fn finish(&mut self, mut state: State<'_>) -> Result<(), AgentError> {
        if self.is_made {
            return Ok(());
        }
        let made = self.make(*state.get::<u64>());
        made.map_err(|e| self.failed("made of its parts", &e))?;
        self.is_made = true;
        Ok(())
    }

    fn outside(&self, state: &[u8]) -> Outside {
        let written: u64 = bytemuck::pod_read_unaligned(state);
        self.parts.outside(0..written)
    }

    fn scraps(&self) -> Vec<PathBuf> {
        ["parts", "making"]
            .map(|ending| beside(&self.path, ending))
            .into()
    }
}

/// The first `n` items as they lie in the stream.
fn bytes_of(input: &Input, n: usize) -> &[u8] {
    if !input.is_framed() {
        return &input.bytes()[..n * input.item_len()];
    }
    let mut frames = input.frames();
    let all = frames.rest();
    frames.by_ref().take(n).for_each(drop);
    &all[..all.len() - frames.rest().len()]
}

/// The chunks of the inputs, in the order they came.
pub(super) struct Parts {
    file: BufReader<File>,
    len_bytes: u64,
    left: u64,
}

impl Parts {
    /// Reads the next chunk: the input it is of. `None` at the end.
    pub(super) fn next(&mut self, chunk: &mut Vec<u8>) -> io::Result<Option<usize>> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut head = [0; HEAD_LEN];
        self.file.read_exact(&mut head)?;
        let word = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("8 bytes"));
        let (input, len) = (word(0), word(8));
        let whole = len.saturating_add(HEAD_LEN as u64);
        if whole > self.left {
            return Err(io::Error::other("its parts were changed during the run"));
        }
        chunk.resize(len as usize, 0);
        self.file.read_exact(chunk)?;
        self.left -= whole;
        Ok(Some(input as usize))
    }

    /// Goes back to the first chunk.
    pub(super) fn rewind(&mut self) -> io::Result<()> {
        self.left = self.len_bytes;
        self.file.rewind()
    }
}

#[cfg(test)]
mod tests {
    use crate::agent::StateSpec;
    use crate::connectors::fixtures::{CUTS, bytes, sink};
    use crate::testing::{Chunks, run};

    use super::*;

    #[test]
    fn items_that_are_in_the_made_file_and_were_not_committed_are_taken_again() {
        let writers = [
            &crate::connectors::npz::NPZ_WRITE,
            #[cfg(feature = "arrow")]
            &crate::connectors::columnar::PARQUET_WRITE,
            #[cfg(feature = "arrow")]
            &crate::connectors::columnar::ARROW_WRITE,
        ];
        let items: Vec<f64> = (0..300).map(f64::from).collect();
        let committed = 200;
        for (op, chunks) in writers.into_iter().flat_map(|op| CUTS.map(|cut| (op, cut))) {
            let folder = tempfile::tempdir().unwrap();
            let writer = || sink(op, folder.path(), "w", ("f64", None), &[]).unwrap();
            run(writer(), &[bytes(&items)], Chunks::Whole, usize::MAX).unwrap();
            let made = fs::read(folder.path().join("w")).unwrap();
            let mut next = writer();
            next.state = StateSpec::of((HEAD_LEN + committed * size_of::<f64>()) as u64);
            let rest = bytes(&items[committed..]);
            run(next, &[rest], chunks, usize::MAX).unwrap();
            let files = fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(files, 1, "{} {chunks:?}", op.name);
            let found = fs::read(folder.path().join("w")).unwrap();
            assert!(found == made, "{} {chunks:?}", op.name);
        }
    }
}
