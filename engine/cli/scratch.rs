//! A folder for what the runs of a command write, which nobody's death leaves behind for good.
//!
//! An entry in the run directory says where it lies, before it is made, and is locked as long as anybody lives who
//! writes there; so whoever sweeps finds what a killed command left, wherever `TMPDIR` was at the time.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf, absolute};
use std::time::{SystemTime, UNIX_EPOCH};

use super::Failure;
use crate::runs::{self, RunsError};

/// A folder for temporary files (`TMPDIR`), removed at the end.
pub struct Scratch {
    folder: PathBuf,
    entry: PathBuf,
    /// Its lock goes with the last process that has it open.
    _lock: File,
    is_kept: bool,
}

impl Scratch {
    /// Makes it for this command, for us alone.
    ///
    /// # Errors
    /// The environment refuses (3).
    pub fn new(command: &str) -> Result<Scratch, Failure> {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        let micros = since_1970.map_or(0, |since| since.as_micros());
        let name = format!("{command}-{}-{micros:x}", std::process::id());
        let directory = runs::directory().map_err(|e| Failure::environment(e.to_string()))?;
        let entry = directory.join(&name).with_extension(EXTENSION);
        let folder = absolute(std::env::temp_dir().join(format!("{PREFIX}{name}")));
        let folder = folder.map_err(|e| Failure::environment(format!("TMPDIR: {e}")))?;
        let refuse = |path: &Path, e: std::io::Error| {
            Failure::environment(format!("folder {}: {e}", path.display()))
        };
        let taken = runs::take(&entry).map_err(|e| refuse(&entry, e))?;
        let mut lock = taken.ok_or_else(|| refuse(&entry, ErrorKind::WouldBlock.into()))?;
        let made = lock
            .write_all(folder.as_os_str().as_bytes())
            .and_then(|()| DirBuilder::new().mode(0o700).create(&folder));
        if let Err(error) = made {
            // There is no folder for it to tell of.
            let _ = fs::remove_file(&entry);
            return Err(refuse(&folder, error));
        }
        Ok(Scratch {
            folder,
            entry,
            _lock: lock,
            is_kept: false,
        })
    }

    /// A new, empty folder in it, whatever was there before.
    ///
    /// # Errors
    /// The environment refuses (3).
    pub fn folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.folder_of(name);
        // Not there yet: all is well.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder)
            .map_err(|e| Failure::environment(format!("folder {}: {e}", folder.display())))?;
        Ok(folder)
    }

    /// Where a folder lies that was made before.
    pub fn folder_of(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Leaves everything where it is, and says where.
    pub fn keep(&mut self) -> PathBuf {
        self.is_kept = true;
        self.folder.clone()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The entry goes last: what could not be removed is found by a sweep.
        if self.is_kept || is_gone(&self.folder) {
            let _ = fs::remove_file(&self.entry);
        }
    }
}

/// Of the entries in the run directory.
const EXTENSION: &str = "folder";
/// What every such folder's name begins with.
const PREFIX: &str = "thalweg-";

/// Removes the folders that dead commands left, and says which.
///
/// # Errors
/// The run directory cannot be used.
pub fn sweep() -> Result<Vec<PathBuf>, RunsError> {
    let directory = runs::directory()?;
    let entries = fs::read_dir(&directory).map_err(|e| RunsError::Directory {
        path: directory.clone(),
        error: e.to_string(),
    })?;
    let mut swept = Vec::new();
    for entry in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if entry.extension() != Some(OsStr::new(EXTENSION)) {
            continue;
        }
        // Held: the command lives.
        let Ok(Some(lock)) = runs::take(&entry) else {
            continue;
        };
        let folder = named_in(lock);
        let was_there = folder.as_ref().is_some_and(|folder| folder.exists());
        if folder.as_ref().is_none_or(|folder| is_gone(folder)) {
            // Gone already: all is well.
            let _ = fs::remove_file(&entry);
            swept.extend(folder.filter(|_| was_there));
        }
    }
    Ok(swept)
}

/// The folder that an entry tells of, if it is one of ours.
fn named_in(mut entry: File) -> Option<PathBuf> {
    let mut path = Vec::new();
    entry.read_to_end(&mut path).ok()?;
    let path = PathBuf::from(std::ffi::OsString::from_vec(path));
    let is_ours = path.file_name()?.as_bytes().starts_with(PREFIX.as_bytes());
    (is_ours && path.is_absolute()).then_some(path)
}

/// Takes a folder away. True if there is none any more.
fn is_gone(folder: &Path) -> bool {
    match fs::remove_dir_all(folder) {
        Ok(()) => true,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}
