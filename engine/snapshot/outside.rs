//! Files beside a snapshot: how far each was read or written at the cut, and whether it is still that file.
//!
//! A file is known again by its length and by a CRC-32 of what it held before the cut: the last bytes that
//! were read or written, and of a file that is read the first ones too. Device and inode say nothing: after
//! a restored backup they are others.

use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thalweg_worker::agent::Outside;

use super::disk::{self, Call, DiskError, Gate};

/// How many bytes are looked at before a place.
const WINDOW: u64 = 4096;

/// What is done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Use {
    Read,
    Written,
}

/// A file as it was at the cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    agent: String,
    path: PathBuf,
    role: Use,
    /// The bytes that were taken or given.
    settled: Range<u64>,
    /// Length of a file that is read, when it was looked at.
    len: u64,
    crc: u32,
}

/// Looks at what an agent holds outside and forces what it wrote to the disk. `None` where there is nothing
/// to find again.
///
/// # Errors
/// A file cannot be looked at or forced, or is not what the agent has.
pub fn keep(agent: &str, outside: &Outside, gate: Gate<'_>) -> Result<Option<KeptFile>, String> {
    let (path, settled, role) = match outside {
        Outside::Nothing => return Ok(None),
        Outside::Once { name } => {
            return Err(format!("agent `{agent}`: {name} is gone with the run"));
        }
        Outside::Writes { given, .. } if given.is_empty() => return Ok(None),
        Outside::Writes { path, given } => (path, given, Use::Written),
        Outside::Reads { path, taken } => (path, taken, Use::Read),
    };
    let failed = |e: DiskError| format!("agent `{agent}`: {e}");
    if role == Use::Written {
        disk::force(path, gate).map_err(failed)?;
    }
    let mut kept = KeptFile {
        agent: agent.to_owned(),
        path: path.clone(),
        role,
        settled: settled.clone(),
        len: 0,
        crc: 0,
    };
    let seen = gate(Call::Open).and_then(|()| kept.look());
    let seen = seen.map_err(|error| {
        failed(DiskError {
            call: Call::Open,
            path: path.clone(),
            error,
        })
    })?;
    if seen.len < settled.end {
        return Err(format!(
            "agent `{agent}`: {} is {} bytes long, and {} were {}: it was shortened or replaced during the run",
            path.display(),
            seen.len,
            settled.end,
            kept.verb()
        ));
    }
    (kept.len, kept.crc) = (seen.len, seen.crc);
    Ok(Some(kept))
}

/// A file now.
struct Seen {
    len: u64,
    crc: u32,
}

impl KeptFile {
    /// The agent whose it is.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// Is it what the agent says it goes on with?
    pub fn is_of(&self, outside: &Outside) -> bool {
        match (outside, self.role) {
            (Outside::Reads { path, taken }, Use::Read) => {
                (path, taken) == (&self.path, &self.settled)
            }
            (Outside::Writes { path, given }, Use::Written) => {
                (path, given) == (&self.path, &self.settled)
            }
            _ => false,
        }
    }

    /// Is the file still the one of the cut, or a longer one that begins so?
    ///
    /// # Errors
    /// What is there instead, and what to do.
    pub fn check(&self) -> Result<(), String> {
        let (agent, path) = (&self.agent, self.path.display());
        let goes_on = format!(
            "the snapshot goes on after the {} bytes that were {}",
            self.settled.end,
            self.verb()
        );
        let seen = match self.look() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(format!(
                    "agent `{agent}`: {path} is gone, and {goes_on}: put it back, or run the graph from its start"
                ));
            }
            seen => seen.map_err(|e| format!("agent `{agent}`: {path} cannot be read: {e}"))?,
        };
        let needed = match self.role {
            Use::Read => self.len,
            Use::Written => self.settled.end,
        };
        if seen.len < needed {
            return Err(format!(
                "agent `{agent}`: {path} is {} bytes long and was {needed}; {goes_on}: put the file of that time back, or run the graph from its start",
                seen.len
            ));
        }
        if seen.crc != self.crc {
            return Err(format!(
                "agent `{agent}`: {path} holds other bytes than at that time; {goes_on}: put the file of that time back, or run the graph from its start"
            ));
        }
        Ok(())
    }

    fn verb(&self) -> &'static str {
        match self.role {
            Use::Read => "read",
            Use::Written => "written",
        }
    }

    /// The bytes it is known by.
    fn windows(&self) -> [Range<u64>; 2] {
        let Range { start, end } = self.settled;
        let last = end.saturating_sub(WINDOW).max(start)..end;
        match self.role {
            Use::Read => [0..end.min(WINDOW), last],
            Use::Written => [0..0, last],
        }
    }

    fn look(&self) -> io::Result<Seen> {
        let file = disk::open_regular(&self.path)?;
        let len = file.metadata()?.len();
        let mut hasher = crc32fast::Hasher::new();
        for window in self.windows() {
            let mut bytes = vec![0; (window.end.min(len).saturating_sub(window.start)) as usize];
            file.read_exact_at(&mut bytes, window.start)?;
            hasher.update(&bytes);
        }
        Ok(Seen {
            len,
            crc: hasher.finalize(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::snapshot::disk::open_gate;

    fn bytes(len: usize) -> Vec<u8> {
        (0..len).map(|n| (n % 251) as u8).collect()
    }

    fn kept(outside: &Outside) -> KeptFile {
        keep("a", outside, &mut open_gate).unwrap().unwrap()
    }

    #[test]
    fn a_written_file_may_grow_and_its_head_may_change_but_not_what_was_given() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("o");
        fs::write(&path, bytes(10_000)).unwrap();
        let outside = Outside::Writes {
            path: path.clone(),
            given: 44..9000,
        };
        let kept = kept(&outside);
        assert!(kept.is_of(&outside));
        let mut longer = bytes(20_000);
        longer[9000..].fill(1);
        longer[..44].fill(2);
        fs::write(&path, &longer).unwrap();
        assert_eq!(kept.check(), Ok(()));
        longer[8999] ^= 1;
        fs::write(&path, &longer).unwrap();
        assert!(kept.check().unwrap_err().contains("other bytes"));
        fs::write(&path, bytes(8999)).unwrap();
        let shorter = kept.check().unwrap_err();
        assert!(
            shorter.contains("8999 bytes long and was 9000"),
            "{shorter}"
        );
        fs::remove_file(&path).unwrap();
        assert!(kept.check().unwrap_err().contains("is gone"));
        fs::create_dir(&path).unwrap();
        assert!(kept.check().unwrap_err().contains("no regular file"));
    }

    #[test]
    fn a_read_file_may_only_grow() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("i");
        fs::write(&path, bytes(30_000)).unwrap();
        let kept = kept(&Outside::Reads {
            path: path.clone(),
            taken: 0..20_000,
        });
        fs::write(&path, bytes(30_001)).unwrap();
        assert_eq!(kept.check(), Ok(()));
        for at in [0, 4095, 16_000, 19_999] {
            let mut changed = bytes(30_000);
            changed[at] ^= 1;
            fs::write(&path, &changed).unwrap();
            assert!(kept.check().unwrap_err().contains("other bytes"), "{at}");
        }
        fs::write(&path, bytes(29_999)).unwrap();
        assert!(kept.check().unwrap_err().contains("29999 bytes long"));
    }

    #[test]
    fn what_is_shorter_than_what_was_written_to_it_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("o");
        fs::write(&path, bytes(10)).unwrap();
        let outside = Outside::Writes { path, given: 0..11 };
        let refused = keep("a", &outside, &mut open_gate).unwrap_err();
        assert!(refused.contains("shortened or replaced"), "{refused}");
    }

    #[test]
    fn whichever_call_on_an_output_fails_it_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("o");
        fs::write(&path, bytes(10)).unwrap();
        let outside = Outside::Writes { path, given: 0..10 };
        for nth in 0..5 {
            let mut calls = 0;
            let mut gate = |_| {
                calls += 1;
                match calls > nth {
                    true => Err(io::Error::from_raw_os_error(libc::EIO)),
                    false => Ok(()),
                }
            };
            let refused = keep("a", &outside, &mut gate).unwrap_err();
            assert!(refused.contains("os error 5"), "{nth}: {refused}");
        }
    }
}
