//! Snapshots on disk: the new one is whole before the older one makes room, and the older one is kept.
//!
//! A snapshot is written to `FILE.tmp`, forced to the disk, and then takes the name `FILE`; what had that
//! name becomes `FILE.prev`, if it is a whole snapshot. At every moment, a power cut included, the
//! newest whole one is under one of the two names. [`load`] takes `FILE`, else `FILE.prev`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use thalweg_worker::connectors::folder_of;

use super::format::{self, Contents, HEAD_LEN, MAGIC};

/// What is done to the disk, in the words of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// A file or folder is opened, or made.
    Open,
    /// Bytes are written.
    Write,
    /// What was written is forced to the disk.
    Sync,
    /// A file takes another name.
    Rename,
}

/// Asked before each call; what it refuses is not done. Tests refuse each call in turn.
pub type Gate<'a> = &'a mut dyn FnMut(Call) -> io::Result<()>;

/// Refuses nothing.
pub fn open_gate(_call: Call) -> io::Result<()> {
    Ok(())
}

/// A call on the disk that failed.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be {}: {error}{}", path.display(), verb(*call), room(error))]
pub struct DiskError {
    /// Which call.
    pub call: Call,
    /// On what.
    pub path: PathBuf,
    /// What the system said.
    pub error: io::Error,
}

fn verb(call: Call) -> &'static str {
    match call {
        Call::Open => "opened",
        Call::Write => "written",
        Call::Sync => "forced to the disk",
        Call::Rename => "renamed",
    }
}

fn room(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; make room, or choose another disk",
        _ => "",
    }
}

/// Does one call, if the gate lets it.
fn attempt<T>(
    gate: Gate<'_>,
    call: Call,
    path: &Path,
    act: impl FnOnce() -> io::Result<T>,
) -> Result<T, DiskError> {
    gate(call).and_then(|()| act()).map_err(|error| DiskError {
        call,
        path: path.to_owned(),
        error,
    })
}

/// The older snapshot beside this one.
pub fn previous(file: &Path) -> PathBuf {
    with_suffix(file, ".prev")
}

fn draft(file: &Path) -> PathBuf {
    with_suffix(file, ".tmp")
}

/// Takes away what a writer that was killed had begun. If there is nothing, all is well.
pub fn remove_draft(file: &Path) {
    let _ = fs::remove_file(draft(file));
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// May a snapshot get this name? Looked at before anything is made; what is not a snapshot is never
/// replaced.
///
/// # Errors
/// What is in the way, and what to do.
pub fn check_place(file: &Path) -> Result<(), String> {
    let name = file.display();
    let folder = folder_of(file);
    if !folder.is_dir() {
        let folder = folder.display();
        return Err(format!(
            "{name} cannot be made: there is no folder {folder}"
        ));
    }
    match fs::symlink_metadata(file) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(format!("{name}: {e}")),
        Ok(found) if found.is_dir() => Err(format!("{name} is a folder: name a file in it")),
        Ok(found) if !found.is_file() => {
            Err(format!("{name} is no regular file: choose another name"))
        }
        Ok(_) if begins_as_one(file) => Ok(()),
        Ok(_) => Err(format!(
            "{name} is no snapshot, and one would replace it: choose another name"
        )),
    }
}

/// An empty file is nobody's loss.
fn begins_as_one(file: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(file).and_then(|f| f.take(8).read_to_end(&mut start));
    read.is_ok() && (start.is_empty() || start == MAGIC)
}

/// Forces a file that others wrote to the disk, and its name.
///
/// # Errors
/// The call that failed.
pub fn force(path: &Path, gate: Gate<'_>) -> Result<(), DiskError> {
    let file = attempt(gate, Call::Open, path, || open_regular(path))?;
    attempt(gate, Call::Sync, path, || file.sync_all())?;
    force_folder(path, gate)
}

/// Opens what may be anything by now: nothing is waited for, and nothing but a file is taken.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no regular file")),
    }
}

/// Forces the names in a file's folder to the disk.
fn force_folder(file: &Path, gate: Gate<'_>) -> Result<(), DiskError> {
    let path = folder_of(file);
    let folder = attempt(gate, Call::Open, path, || File::open(path))?;
    attempt(gate, Call::Sync, path, || folder.sync_all())
}

/// Writes a snapshot to `file`. What was there before is kept as [`previous`], if it is whole.
///
/// # Errors
/// The call that failed. The newest whole snapshot is then where [`load`] finds it.
pub fn write<B: AsRef<[u8]>>(
    file: &Path,
    contents: &Contents<B>,
    gate: Gate<'_>,
) -> Result<(), DiskError> {
    let draft = draft(file);
    let written = write_draft(&draft, contents, gate).and_then(|()| {
        if load_one(file).is_ok() {
            let previous = previous(file);
            attempt(gate, Call::Rename, file, || fs::rename(file, previous))?;
        }
        attempt(gate, Call::Rename, &draft, || fs::rename(&draft, file))
    });
    if let Err(error) = written {
        // It was never a snapshot; if it cannot be taken away either, the next one replaces it.
        remove_draft(file);
        return Err(error);
    }
    force_folder(file, gate)
}

fn write_draft<B: AsRef<[u8]>>(
    draft: &Path,
    contents: &Contents<B>,
    gate: Gate<'_>,
) -> Result<(), DiskError> {
    let mut file = attempt(gate, Call::Open, draft, || {
        // What a killed writer left is in the way, a link even more so.
        match fs::remove_file(draft) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(draft)
    })?;
    contents.write(|bytes| attempt(gate, Call::Write, draft, || file.write_all(bytes)))?;
    attempt(gate, Call::Sync, draft, || file.sync_all())
}

/// A snapshot that was read whole and judged.
#[derive(Debug)]
pub struct Loaded {
    /// Where it was.
    pub path: PathBuf,
    /// Why it is not the newest.
    pub complaint: Option<String>,
    bytes: Vec<u8>,
}

impl Loaded {
    /// What it holds.
    pub fn contents(&self) -> Contents<&[u8]> {
        format::read(&self.bytes).expect("it was judged when it was loaded")
    }
}

/// The newest whole snapshot of this name.
///
/// # Errors
/// What is wrong with each.
pub fn load(file: &Path) -> Result<Loaded, String> {
    let newest = match load_one(file) {
        Ok(loaded) => return Ok(loaded),
        Err(what) => what,
    };
    let previous = previous(file);
    match load_one(&previous) {
        Ok(loaded) => Ok(Loaded {
            complaint: Some(newest),
            ..loaded
        }),
        Err(_) if !previous.exists() => Err(format!(
            "{newest}; there is no older one ({})",
            previous.display()
        )),
        Err(older) => Err(format!("{newest}; the older one: {older}")),
    }
}

fn load_one(path: &Path) -> Result<Loaded, String> {
    let refuse = |what: String| format!("{}: {what}", path.display());
    let bytes = read_whole(path).map_err(refuse)?;
    format::read(&bytes).map_err(|damage| refuse(damage.to_string()))?;
    Ok(Loaded {
        path: path.to_owned(),
        complaint: None,
        bytes,
    })
}

/// The bytes of a file whose head is good; no more of them than the head tells of are taken in.
fn read_whole(path: &Path) -> Result<Vec<u8>, String> {
    let mut file = open_regular(path).map_err(|e| e.to_string())?;
    let found = file.metadata().map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    let mut take = |bytes: &mut Vec<u8>, len: u64| {
        let part = Read::by_ref(&mut file).take(len);
        { part }.read_to_end(bytes).map_err(|e| e.to_string())
    };
    take(&mut bytes, HEAD_LEN as u64)?;
    let told = format::judge_head(&bytes).map_err(|damage| damage.to_string())?;
    if told.len_bytes != found.len() {
        let (found, told) = (found.len(), told.len_bytes);
        return Err(format::Damage::Length { found, told }.to_string());
    }
    take(&mut bytes, found.len())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::format::tests::contents;

    fn numbered(number: u64) -> Contents<Vec<u8>> {
        Contents {
            number,
            ..contents()
        }
    }

    fn found(file: &Path) -> u64 {
        load(file).unwrap().contents().number
    }

    #[test]
    fn the_one_before_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s");
        for number in 1..=3 {
            write(&file, &numbered(number), &mut open_gate).unwrap();
        }
        assert_eq!(found(&file), 3);
        assert_eq!(found(&previous(&file)), 2);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn whichever_call_fails_the_newest_whole_one_is_found_and_the_call_named() {
        let mut nth = 0;
        loop {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("s");
            for number in 1..=2 {
                write(&file, &numbered(number), &mut open_gate).unwrap();
            }
            let (mut calls, mut refused) = (0, None);
            let mut gate = |call| {
                calls += 1;
                if calls <= nth {
                    return Ok(());
                }
                refused.get_or_insert(call);
                Err(io::Error::from_raw_os_error(libc::ENOSPC))
            };
            let Err(error) = write(&file, &numbered(3), &mut gate) else {
                assert!(nth > 10, "only {nth} calls");
                return;
            };
            assert_eq!(Some(error.call), refused);
            assert!(error.to_string().contains(verb(error.call)), "{error}");
            assert!(error.to_string().contains("make room"), "{error}");
            let newest = found(&file);
            assert!(newest == 2 || newest == 3, "{newest} after call {nth}");
            // Only when it has its name may the last look at the folder fail.
            assert_eq!(
                newest == 3,
                load_one(&file).is_ok_and(|l| l.contents().number == 3)
            );
            assert!(!draft(&file).exists());
            // And the next one is written as if nothing had been.
            write(&file, &numbered(4), &mut open_gate).unwrap();
            assert_eq!((found(&file), found(&previous(&file))), (4, newest));
            nth += 1;
        }
    }

    #[test]
    fn a_damaged_newest_falls_back_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s");
        write(&file, &numbered(1), &mut open_gate).unwrap();
        write(&file, &numbered(2), &mut open_gate).unwrap();
        let mut bytes = fs::read(&file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&file, &bytes).unwrap();
        let loaded = load(&file).unwrap();
        assert_eq!(loaded.contents().number, 1);
        let complaint = loaded.complaint.unwrap();
        assert!(complaint.contains("section 4"), "{complaint}");
        // A damaged one does not push the good one out.
        write(&file, &numbered(3), &mut open_gate).unwrap();
        assert_eq!((found(&file), found(&previous(&file))), (3, 1));
        fs::write(&file, b"THALSNAP").unwrap();
        fs::write(previous(&file), b"").unwrap();
        let refused = load(&file).unwrap_err();
        assert!(
            refused.contains("too short") && refused.contains("older one"),
            "{refused}"
        );
    }

    #[test]
    fn a_file_that_says_it_is_huge_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s");
        write(&file, &numbered(1), &mut open_gate).unwrap();
        OpenOptions::new()
            .append(true)
            .open(&file)
            .unwrap()
            .set_len(1 << 40)
            .unwrap();
        let refused = load(&file).unwrap_err();
        assert!(refused.contains("1099511627776 bytes long"), "{refused}");
    }

    #[test]
    fn only_a_snapshot_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("thesis.pdf");
        assert_eq!(check_place(&file), Ok(()));
        fs::write(&file, b"years of work").unwrap();
        assert!(check_place(&file).unwrap_err().contains("no snapshot"));
        assert!(check_place(folder.path()).unwrap_err().contains("a folder"));
        let nowhere = folder.path().join("no/such/s");
        assert!(check_place(&nowhere).unwrap_err().contains("no folder"));
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(check_place(&fifo).unwrap_err().contains("no regular file"));
        assert!(load(&fifo).unwrap_err().contains("no regular file"));
        let good = folder.path().join("s");
        write(&good, &numbered(1), &mut open_gate).unwrap();
        assert_eq!(check_place(&good), Ok(()));
    }
}
