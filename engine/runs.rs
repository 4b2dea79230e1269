//! The run directory: one small file a run, locked as long as anybody of the run lives.
//!
//! The file says what the run is and which segment it has; the lock says whether it lives. The lock
//! is on the open file, which every process of the run inherits, so it lasts until the last one is
//! gone, whoever dies first. What is judged here is judged by the lock, never by a process number.
//!
//! Beside the file of a resumable run lies its recipe, from the moment its segment is whole until the run
//! ends in order. A dead run that has one is left alone by the sweep.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use thalweg_ringbuf::Segment;

use crate::door::{self, Answer, Question};
use crate::live::LiveWorker;
use crate::recipe::Recipe;
use crate::spawn::pidfd_open;

/// What a run's file says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Its agents, each with its operator.
    #[serde(default)]
    pub agents: Vec<(String, String)>,
    /// What may be changed while it goes on.
    #[serde(default)]
    pub live: Vec<LiveWorker>,
}

/// The longest file of a run that is read, in bytes: a graph of thousands of agents has long ones.
const LONGEST: u64 = 64 << 20;

/// A run of our own: its file, and the lock on it.
pub struct RunFile {
    path: PathBuf,
    /// Its lock goes with the last process that has it open.
    lock: File,
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
    /// A dead run has the name, and can be resumed.
    #[error(
        "run `{run}` is dead and can be resumed: `thalweg resume {run}`, or `thalweg clean {run}` to remove it"
    )]
    Resumable {
        /// The name.
        run: String,
    },
    /// No run has the name.
    #[error("no run named `{run}`; `thalweg ps` lists them")]
    Unknown {
        /// The name.
        run: String,
    },
    /// The run lives.
    #[error("run `{run}` is going on (process {pid})")]
    Living {
        /// The name.
        run: String,
        /// Its coordinator.
        pid: u32,
    },
    /// Processes of a run whose coordinator is dead do not end.
    #[error(
        "the coordinator of run `{run}` is dead, and others of its processes are not: try again"
    )]
    Lingering {
        /// The name.
        run: String,
    },
    /// The run is dead and nothing was kept of it.
    #[error(
        "run `{run}` is dead and cannot be resumed: it was started without --resumable, or died before its workers started, or as it ended; `thalweg clean` removes it"
    )]
    NotResumable {
        /// The name.
        run: String,
    },
    /// What was kept of a run cannot be used.
    #[error("{}: {error}; `thalweg clean {run}` removes the run", path.display())]
    Recipe {
        /// The run.
        run: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: String,
    },
    /// Not a name for a run.
    #[error("`{run}` is no name for a run: {}", NAMES)]
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
        Err(e) if e.kind() != ErrorKind::AlreadyExists => {
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

/// What may be a run's name.
pub const NAMES: &str = "1 to 64 letters, digits, `-`, `_` or `.`, not starting with `.`";

/// True for what may be a run's name.
pub fn is_name(run: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=64).contains(&run.len()) && !run.starts_with('.') && run.chars().all(good)
}

impl RunFile {
    /// Enters a run and takes its lock. `info.run` must not be the name of a run that lives or can be
    /// resumed.
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
        let lock = take(&path)
            .map_err(refuse)?
            .ok_or_else(|| RunsError::Taken { run: run.clone() })?;
        if recipe_of(&path).exists() {
            return Err(RunsError::Resumable { run });
        }
        sweep_file(&lock);
        let mut entered = RunFile {
            path: path.clone(),
            lock,
        };
        match entered.write(info) {
            Ok(()) => Ok(entered),
            Err(error) => {
                entered.remove();
                Err(refuse(error))
            }
        }
    }

    /// Says anew what the run is: whoever reads meanwhile, or finds it after a kill, finds the old
    /// words or the new ones, so it is one write, with blanks over what was longer.
    fn write(&mut self, info: &RunInfo) -> std::io::Result<()> {
        let mut text = serde_json::to_string(info)?;
        let file = &mut self.lock;
        let before = file.metadata()?.len() as usize;
        text.extend(std::iter::repeat_n(' ', before.saturating_sub(text.len())));
        file.rewind()?;
        file.write_all(text.as_bytes())
    }

    /// The run has a process again: this one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn take_over(&mut self, info: &RunInfo) -> Result<(), RunsError> {
        let path = self.path.clone();
        self.write(info)
            .map_err(|error| RunsError::File { path, error })
    }

    /// Makes the run resumable: keeps its recipe, all of it at once.
    ///
    /// # Errors
    /// The recipe cannot be written.
    pub fn keep(&self, recipe: &Recipe) -> Result<(), RunsError> {
        let path = recipe_of(&self.path);
        let draft = path.with_extension("draft");
        let write = || {
            let text = serde_json::to_vec(recipe)?;
            let mut file = open(&draft, true)?;
            file.set_len(0)?;
            file.write_all(&text)?;
            fs::rename(&draft, &path)
        };
        write().map_err(|error| RunsError::File {
            path: path.clone(),
            error,
        })
    }

    /// True from [`RunFile::keep`] until [`RunFile::forget`].
    pub fn is_resumable(&self) -> bool {
        recipe_of(&self.path).exists()
    }

    /// The run cannot be resumed any more: it has come to its end.
    pub fn forget(&self) {
        // What is left of it goes with the run's file.
        let _ = forget(&self.path);
    }

    /// Where it is asked for something.
    pub fn door(&self) -> PathBuf {
        door_of(&self.path)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the run out of the directory.
    pub fn remove(&self) {
        remove(&self.path);
    }
}

/// Where the recipe of the run with this file lies.
fn recipe_of(path: &Path) -> PathBuf {
    path.with_extension("recipe")
}

/// Where the door of the run with this file is.
fn door_of(path: &Path) -> PathBuf {
    path.with_extension("door")
}

/// Takes away the recipe of the run with this file. True if there is none any more.
fn forget(path: &Path) -> bool {
    let recipe = recipe_of(path);
    is_gone(&recipe.with_extension("draft")) & is_gone(&recipe)
}

/// Takes away all that belongs to the run with this file. As long as some of it is left the file stays, and tells
/// whoever sweeps next of it.
fn remove(path: &Path) {
    if forget(path) & is_gone(&door_of(path)) {
        // Gone already: all is well.
        let _ = fs::remove_file(path);
    }
}

/// Takes a file away. True if there is none any more.
fn is_gone(path: &Path) -> bool {
    match fs::remove_file(path) {
        Ok(()) => true,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// Opens or makes the file at `path` and takes its lock; `None` if somebody alive holds it.
pub(crate) fn take(path: &Path) -> std::io::Result<Option<File>> {
    for _ in 0..ATTEMPTS {
        let file = open(path, true)?;
        match file.try_lock() {
            // Between opening and locking, a sweep may have taken the file out of the directory.
            Ok(()) if is_at(&file, path)? => return Ok(Some(file)),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN_ATTEMPTS),
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Interrupted => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(None)
}

/// A lock that is held this long is a run's own, not that of somebody who only looks.
const ATTEMPTS: u32 = 20;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(5);

/// True if `file` is what lies at `path`.
fn is_at(file: &File, path: &Path) -> std::io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(found) => is_same(file, &found),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// True if both are one file.
fn is_same(file: &File, found: &fs::Metadata) -> std::io::Result<bool> {
    let ours = file.metadata()?;
    Ok((ours.dev(), ours.ino()) == (found.dev(), found.ino()))
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

/// How a run in the directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A process of it lives.
    Alive,
    /// All its processes are gone, and `resume` can go on with it.
    Resumable,
    /// All its processes are gone.
    Dead,
}

/// Every run in the directory, and how it is.
pub fn list() -> Result<Vec<(RunInfo, State)>, RunsError> {
    let mut runs = Vec::new();
    for path in run_files()? {
        let Ok(mut file) = open(&path, false) else {
            continue;
        };
        let Some(info) = read(&mut file) else {
            continue;
        };
        let state = match file.try_lock_shared() {
            Err(_) => State::Alive,
            Ok(()) if recipe_of(&path).exists() => State::Resumable,
            Ok(()) => State::Dead,
        };
        runs.push((info, state));
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
    file.rewind().ok()?;
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// A run that lived when it was found, and what it takes to ask it to end.
pub struct Living {
    file: File,
    process: OwnedFd,
    info: RunInfo,
}

/// The living run of that name, if there is one.
///
/// # Errors
/// The directory cannot be used.
pub fn find(run: &str) -> Result<Option<Living>, RunsError> {
    if !is_name(run) {
        return Ok(None);
    }
    let Ok(mut file) = open(&directory()?.join(format!("{run}.run")), false) else {
        return Ok(None);
    };
    let Some(info) = read(&mut file) else {
        return Ok(None);
    };
    let Some(pid) = i32::try_from(info.pid).ok().filter(|pid| *pid > 0) else {
        return Ok(None);
    };
    let Ok(process) = pidfd_open(Pid::from_raw(pid)) else {
        return Ok(None);
    };
    let living = Living {
        file,
        process,
        info,
    };
    Ok(living.is_alive().then_some(living))
}

impl Living {
    /// True while any process of the run holds its lock.
    pub fn is_alive(&self) -> bool {
        // A lock that we get is given back at once: the descriptor of its own is closed.
        let own = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        match File::open(own) {
            Ok(file) => file.try_lock_shared().is_err(),
            Err(_) => false,
        }
    }

    /// What its file says.
    pub fn info(&self) -> &RunInfo {
        &self.info
    }

    /// Waits until this process alone may give the run orders; it may until the value is dropped, or the
    /// process ends.
    ///
    /// # Errors
    /// The process of that number is not the run's coordinator (any more), or the lock is refused.
    pub fn take_charge(&self) -> Result<Charge, String> {
        if !self.is_coordinator() {
            return Err(format!(
                "process {} does not hold the run's file",
                self.info.pid
            ));
        }
        // A description of its own: the lock is of this value, not of the process.
        let own = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(own)
            .map_err(|e| e.to_string())?;
        let whole = libc::flock {
            l_type: libc::F_WRLCK as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: 0,
            l_len: 0,
            l_pid: 0,
        };
        // Beside the run's own lock, which is another kind (flock) and held for as long as it lives.
        fcntl(&file, FcntlArg::F_OFD_SETLKW(&whole)).map_err(|e| e.desc().to_owned())?;
        Ok(Charge(file))
    }

    /// Asks the coordinator something and waits for the answer; `None` if the run ended first.
    ///
    /// # Errors
    /// Nobody is there to be asked.
    pub fn ask(&self, question: &Question) -> Result<Option<Answer>, String> {
        if self.info.segment.is_empty() {
            return Err("it is inside one process, which only does its own work".to_owned());
        }
        if !self.is_coordinator() {
            return Err(format!(
                "process {} does not hold the run's file: it is not its coordinator; what is left of the run ends by itself",
                self.info.pid
            ));
        }
        let door = directory().map_err(|e| e.to_string())?;
        let door = door.join(format!("{}.door", self.info.run));
        door::ask(&door, question).map_err(|e| format!("{}: {e}", door.display()))
    }

    /// Sends the coordinator SIGTERM: the first drains the run, the second kills it.
    ///
    /// # Errors
    /// The process of that number is not the run's coordinator (any more), or may not be signalled.
    pub fn terminate(&self) -> Result<(), String> {
        if !self.is_coordinator() {
            return Err(format!(
                "process {} does not hold the run's file: it is not its coordinator; what is left of the run ends by itself",
                self.info.pid
            ));
        }
        // SAFETY: the descriptor is a pidfd; no information goes with the signal.
        let sent = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.process.as_raw_fd(),
                libc::SIGTERM,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        nix::errno::Errno::result(sent)
            .map(drop)
            .map_err(|e| format!("process {}: {}", self.info.pid, e.desc()))
    }

    /// The number may have been given to another process since: the run's own has its file open.
    fn is_coordinator(&self) -> bool {
        let Ok(open) = fs::read_dir(format!("/proc/{}/fd", self.info.pid)) else {
            return false;
        };
        let same = |fd: fs::DirEntry| is_same(&self.file, &fs::metadata(fd.path()).ok()?).ok();
        open.flatten().any(|fd| same(fd) == Some(true))
    }
}

/// The right to give a run orders, one process at a time.
pub struct Charge(
    #[expect(dead_code, reason = "the lock is held as long as the file is open")] File,
);

/// A dead run that is ours now, to go on with.
pub struct Claimed {
    /// Its file, with the lock.
    pub file: RunFile,
    /// What the file says.
    pub info: RunInfo,
    /// What was kept of it.
    pub recipe: Recipe,
}

/// Takes the lock of a dead, resumable run. Processes that are about to die are waited for.
///
/// # Errors
/// No such run, it lives, or nothing usable was kept of it. Nothing was changed then.
pub fn claim(run: &str) -> Result<Claimed, RunsError> {
    let (path, lock) = take_dead(run)?;
    let unusable = |path: &Path, error: String| RunsError::Recipe {
        run: run.to_owned(),
        path: path.to_owned(),
        error,
    };
    let kept = recipe_of(&path);
    let mut file = open(&kept, false).map_err(|e| match e.kind() {
        ErrorKind::NotFound => RunsError::NotResumable {
            run: run.to_owned(),
        },
        _ => unusable(&kept, e.to_string()),
    })?;
    let mut text = Vec::new();
    let recipe = file
        .read_to_end(&mut text)
        .map_err(|e| e.to_string())
        .and_then(|_| serde_json::from_slice(&text).map_err(|e| e.to_string()))
        .map_err(|e| unusable(&kept, e))?;
    let mut words = lock
        .try_clone()
        .map_err(|e| unusable(&path, e.to_string()))?;
    let info = read(&mut words)
        .filter(|info| info.run == run)
        .ok_or_else(|| unusable(&path, "it does not tell of this run".to_owned()))?;
    Ok(Claimed {
        file: RunFile { path, lock },
        info,
        recipe,
    })
}

/// How long processes of a run are waited for whose coordinator is dead already.
const DYING: Duration = Duration::from_secs(10);

/// The lock of a run that must be dead.
fn take_dead(run: &str) -> Result<(PathBuf, File), RunsError> {
    let unknown = || RunsError::Unknown {
        run: run.to_owned(),
    };
    if !is_name(run) {
        return Err(unknown());
    }
    let path = directory()?.join(format!("{run}.run"));
    let until = Instant::now() + DYING;
    loop {
        let file = open(&path, false).map_err(|_| unknown())?;
        match file.try_lock() {
            Ok(()) if is_at(&file, &path).unwrap_or(false) => return Ok((path, file)),
            Ok(()) => return Err(unknown()),
            Err(_) => {}
        }
        if let Some(living) = find(run)?.filter(Living::is_coordinator) {
            return Err(RunsError::Living {
                run: run.to_owned(),
                pid: living.info.pid,
            });
        }
        if Instant::now() >= until {
            return Err(RunsError::Lingering {
                run: run.to_owned(),
            });
        }
        std::thread::sleep(BETWEEN_ATTEMPTS);
    }
}

/// Removes a dead run, whether it can be resumed or not.
///
/// # Errors
/// No such run, or it lives.
pub fn clean(run: &str) -> Result<Swept, RunsError> {
    let (path, lock) = take_dead(run)?;
    Ok(take_away(&path, &lock))
}

/// What was left of a dead run, and is gone now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// The run.
    pub run: String,
    /// Its segment, if it was still there.
    pub segment: Option<String>,
}

/// Which dead runs a sweep removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// Those that nobody can go on with.
    Useless,
    /// The resumable ones as well.
    All,
}

/// Removes what dead runs left: segments and files.
pub fn sweep(which: Sweep) -> Result<Vec<Swept>, RunsError> {
    let mut swept = Vec::new();
    for path in run_files()? {
        let Ok(file) = open(&path, false) else {
            continue;
        };
        // The lock is held while we clean up, so that nobody starts a run of that name meanwhile.
        if file.try_lock().is_err() {
            continue;
        }
        // Another sweep may have been faster, and a new run may have the name by now.
        let kept = which == Sweep::Useless && recipe_of(&path).exists();
        if is_at(&file, &path).unwrap_or(false) && !kept {
            swept.push(take_away(&path, &file));
        }
    }
    Ok(swept)
}

/// Removes all of the dead run with this file. The caller holds the lock.
fn take_away(path: &Path, lock: &File) -> Swept {
    // First: without its segment there is nothing to resume. What is left of it goes with the file.
    let _ = forget(path);
    let segment = sweep_file(lock);
    remove(path);
    let stem = path.file_stem().unwrap_or_default();
    Swept {
        run: stem.to_string_lossy().into_owned(),
        segment,
    }
}

/// Removes the segment that a dead run's file names, and gives its name if there was one. The
/// caller holds the lock.
fn sweep_file(lock: &File) -> Option<String> {
    let mut file = lock.try_clone().ok()?;
    let info = read(&mut file).filter(|i| i.segment.starts_with("/thalweg."))?;
    // Gone already: all is well.
    Segment::unlink_name(&info.segment)
        .ok()
        .map(|()| info.segment)
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
