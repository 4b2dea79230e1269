//! The run directory: one small file a run, locked as long as anybody of the run lives.
//!
//! The file says what the run is and which segment it has; the lock says whether it lives. The lock
//! is on the open file, which every process of the run inherits, so it lasts until the last one is
//! gone, whoever dies first. What is judged here is judged by the lock, never by a process number.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use thalweg_ringbuf::Segment;

/// What a run's file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    /// The run's name, unique among the living.
    pub run: String,
    /// The graph's name.
    pub graph: String,
    /// Where the graph came from.
    pub source: String,
    /// The coordinator.
    pub pid: u32,
    /// When it began: seconds since 1970.
    pub started: u64,
    /// The name of its segment, empty for a run inside one process.
    pub segment: String,
    /// The workers' names.
    pub workers: Vec<String>,
}

/// A run of our own: its file, and the lock on it.
pub struct RunFile {
    path: PathBuf,
    lock: Flock<File>,
}

/// Why a run could not be entered in the directory.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    /// The directory cannot be used.
    #[error("run directory {}: {error}; set XDG_RUNTIME_DIR to a directory of your own", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What was found.
        error: String,
    },
    /// A living run has the name.
    #[error("a run named `{run}` is going on; choose another --name, or `thalweg stop {run}`")]
    Taken {
        /// The name.
        run: String,
    },
    /// Not a name for a run.
    #[error(
        "`{run}` is no name for a run: 1 to 64 letters, digits, `-`, `_` or `.`, not starting with `.`"
    )]
    Name {
        /// What was given.
        run: String,
    },
    /// The run's file cannot be made.
    #[error("run file {}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

/// The directory: `$XDG_RUNTIME_DIR/thalweg`, else `/tmp/thalweg-UID`; made if need be, ours alone.
pub fn directory() -> Result<PathBuf, RunsError> {
    let uid = nix::unistd::geteuid();
    let path = match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(dir) if Path::new(&dir).is_absolute() => Path::new(&dir).join("thalweg"),
        _ => PathBuf::from(format!("/tmp/thalweg-{uid}")),
    };
    let refuse = |error: String| RunsError::Directory {
        path: path.clone(),
        error,
    };
    match DirBuilder::new().mode(0o700).create(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(refuse(e.to_string()));
        }
        _ => {}
    }
    let found = fs::symlink_metadata(&path).map_err(|e| refuse(e.to_string()))?;
    if !found.is_dir() {
        return Err(refuse("it is not a directory".to_owned()));
    }
    if found.uid() != uid.as_raw() || found.mode() & 0o077 != 0 {
        return Err(refuse(format!(
            "it belongs to user {} with mode {:03o}, and must be ours alone (700)",
            found.uid(),
            found.mode() & 0o777
        )));
    }
    Ok(path)
}

/// True for what may be a run's name.
fn is_name(run: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=64).contains(&run.len()) && !run.starts_with('.') && run.chars().all(good)
}

impl RunFile {
    /// Enters a run and takes its lock. `info.run` must not be the name of a living run.
    pub fn enter(info: &RunInfo) -> Result<RunFile, RunsError> {
        let run = info.run.clone();
        if !is_name(&run) {
            return Err(RunsError::Name { run });
        }
        let path = directory()?.join(format!("{run}.run"));
        let refuse = |error| RunsError::File {
            path: path.clone(),
            error,
        };
        let file = open(&path, true).map_err(refuse)?;
        let taken = |(_, _)| RunsError::Taken { run: run.clone() };
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(taken)?;
        sweep_file(&lock);
        let mut entered = RunFile {
            path: path.clone(),
            lock,
        };
        entered.write(info).map_err(refuse)?;
        Ok(entered)
    }

    fn write(&mut self, info: &RunInfo) -> std::io::Result<()> {
        let text = serde_json::to_string(info)?;
        let file: &mut File = &mut self.lock;
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(text.as_bytes())
    }

    /// Takes the run out of the directory.
    pub fn remove(&self) {
        // If it is gone already, all is well.
        let _ = fs::remove_file(&self.path);
    }
}

fn open(path: &Path, create: bool) -> std::io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(create)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(path)
}

/// Every run in the directory, and whether it lives.
pub fn list() -> Result<Vec<(RunInfo, bool)>, RunsError> {
    let mut runs = Vec::new();
    for path in run_files()? {
        let Ok(mut file) = open(&path, false) else {
            continue;
        };
        let Some(info) = read(&mut file) else {
            continue;
        };
        let alive = Flock::lock(file, FlockArg::LockSharedNonblock).is_err();
        runs.push((info, alive));
    }
    runs.sort_by_key(|(info, _)| (info.started, info.run.clone()));
    Ok(runs)
}

fn run_files() -> Result<Vec<PathBuf>, RunsError> {
    let path = directory()?;
    let entries = fs::read_dir(&path).map_err(|e| RunsError::Directory {
        path: path.clone(),
        error: e.to_string(),
    })?;
    let paths = entries.filter_map(|e| Some(e.ok()?.path()));
    Ok(paths
        .filter(|p| p.extension().is_some_and(|e| e == "run"))
        .collect())
}

fn read(file: &mut File) -> Option<RunInfo> {
    let mut text = String::new();
    file.take(1 << 20).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Removes what dead runs left: segments and files. Gives the names of the runs.
pub fn sweep() -> Result<Vec<String>, RunsError> {
    let mut swept = Vec::new();
    for path in run_files()? {
        let Ok(file) = open(&path, false) else {
            continue;
        };
        // The lock is held while we clean up, so that nobody starts a run of that name meanwhile.
        let Ok(lock) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else {
            continue;
        };
        sweep_file(&lock);
        let _ = fs::remove_file(&path);
        let stem = path.file_stem().unwrap_or_default();
        swept.push(stem.to_string_lossy().into_owned());
    }
    Ok(swept)
}

/// Removes the segment that a dead run's file names. The caller holds the lock.
fn sweep_file(lock: &Flock<File>) {
    let Ok(mut file) = lock.try_clone() else {
        return;
    };
    if file.rewind().is_err() {
        return;
    }
    if let Some(info) = read(&mut file).filter(|i| i.segment.starts_with("/thalweg.")) {
        // Gone already: all is well.
        let _ = Segment::unlink_name(&info.segment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_runs_are_plain_words() {
        for good in ["quake", "quake-1a2b", "a.b_c"] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            ".x",
            "a/b",
            "a b",
            "ä",
            "x\0",
            &"x".repeat(65),
        ] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
