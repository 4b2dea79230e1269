//! Paths, readers and writers: what every file connector needs of the file system, and how it says no.
//!
//! A *regular* file is read and written at positions of the agent's choice: those are committed with
//! the stream, so a killed worker's successor goes on at the very byte. Anything else (`-`, a FIFO, a
//! terminal, a device) has no positions: bytes go in order, once each, and what a killed worker had
//! taken or given and not committed is lost or repeated.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{AccessFlags, access};

use super::follow::{self, After, Following, Place};
use super::kind;
use super::taken::Taken;
use crate::agent::{AgentError, Io, Outside, Status, Wait};
use crate::op::{Args, OpError};

/// What a source reads, a chunk at a time.
pub(super) struct Reader {
    path: PathBuf,
    /// What was taken of what has no positions, in bytes. `None` for a regular file.
    taken: Option<Taken>,
    file: Option<File>,
    /// `buffer[..len]` are the bytes from `start` on.
    buffer: Vec<u8>,
    start: u64,
    len: usize,
    /// A file's end is not the stream's.
    following: Option<Following>,
}

/// Bytes that are read in order and can be gone back to: those of a regular file, or what is packed in one.
pub(super) trait Bytes: 'static {
    /// The file as messages name it.
    fn name(&self) -> String;

    /// Opens it in the process that reads, which goes on at `offset`.
    fn open(&mut self, offset: u64) -> Result<(), AgentError>;

    /// What comes next is at `offset`.
    fn seek(&mut self, offset: u64) -> Result<(), AgentError>;

    /// What is buffered from `offset` on, maybe nothing: then [`Bytes::fill`].
    fn bytes(&self, offset: u64) -> &[u8];

    /// Reads on; what lies before `offset` may be forgotten.
    fn fill(&mut self, offset: u64) -> Result<Filled, AgentError>;

    /// What a snapshot must know of it when these bytes have been taken.
    fn outside(&self, taken: Range<u64>) -> Outside;
}

impl Bytes for Reader {
    fn name(&self) -> String {
        self.name()
    }

    fn open(&mut self, offset: u64) -> Result<(), AgentError> {
        self.open(offset)
    }

    fn seek(&mut self, offset: u64) -> Result<(), AgentError> {
        self.seek(offset);
        Ok(())
    }

    fn bytes(&self, offset: u64) -> &[u8] {
        self.bytes(offset)
    }

    fn fill(&mut self, offset: u64) -> Result<Filled, AgentError> {
        self.fill(offset)
    }

    fn outside(&self, taken: Range<u64>) -> Outside {
        self.outside(taken)
    }
}

/// What [`Reader::fill`] found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Filled {
    /// More bytes than before.
    Grew,
    /// There are no more bytes, and none will come.
    Ended,
    /// Nothing has come yet.
    Waiting(Wait),
}

/// Bytes read at once.
pub(super) const CHUNK: usize = 256 * 1024;

impl Reader {
    /// The file named by the parameter `path`, `-` and pipes included. Refused where it cannot be read.
    pub(super) fn of(args: &Args) -> Result<Reader, OpError> {
        let path = required_path(args)?;
        kind::unpacked(args, &path)?;
        Reader::at(path)
    }

    /// As [`Reader::of`], of this path.
    pub(super) fn at(path: PathBuf) -> Result<Reader, OpError> {
        let is_regular = !is_standard(&path) && readable(&path)?.is_file();
        let taken = match is_regular {
            true => None,
            false => Some(Taken::new().map_err(|e| refused(&path, "read", &e))?),
        };
        Ok(Reader {
            path,
            taken,
            file: None,
            buffer: Vec::new(),
            start: 0,
            len: 0,
            following: None,
        })
    }

    /// As [`Reader::of`], of what grows while it is read, where the parameter `follow` says so.
    pub(super) fn following(args: &Args) -> Result<Reader, OpError> {
        let reader = Reader::of(args)?;
        let following = Following::of(args);
        if following.is_some() && !reader.is_regular() {
            let name = reader.name();
            let message =
                format!("{name} is no regular file: a pipe is read until its writers are gone");
            return Err(OpError::param("follow", message).with_help("leave out `follow`"));
        }
        Ok(Reader {
            following,
            ..reader
        })
    }

    /// As [`Reader::of`], for formats whose header is read before the run: regular files only.
    pub(super) fn regular(args: &Args) -> Result<Reader, OpError> {
        let reader = Reader::of(args)?;
        match reader.is_regular() {
            true => Ok(reader),
            false => Err(OpError::param(
                "path",
                format!("{} is no regular file, and `{}` needs one: its header is looked at before the run", reader.name(), args.op().name),
            )
            .with_help(match args.op().name {
                "wav.read" | "flac.read" | "ogg.read" => "write it to a file first, or feed the bare items to `raw.read`: `ffmpeg -i - -f s16le -ac 1 -ar 48000 - | thalweg run ..`, with op = \"raw.read\", path = \"-\", dtype = \"i16\", rate = 48000",
                _ => "write it to a file first, or feed the bare items to `raw.read`",
            })),
        }
    }

    /// The path as messages name it.
    pub(super) fn name(&self) -> String {
        name_of(&self.path, "standard input")
    }

    /// True for a file with positions, false for `-` and pipes.
    pub(super) fn is_regular(&self) -> bool {
        self.taken.is_none()
    }

    /// Bytes of a regular file.
    pub(super) fn len(&self) -> Result<u64, OpError> {
        Ok(readable(&self.path)?.len())
    }

    /// Opens a regular file for a look before the run.
    pub(super) fn look(&self) -> Result<File, OpError> {
        File::open(&self.path).map_err(|e| refused(&self.path, "read", &e))
    }

    /// What a snapshot must know of it when these bytes have been taken.
    pub(super) fn outside(&self, taken: Range<u64>) -> Outside {
        match self.is_regular() {
            true => Outside::Reads {
                path: self.path.clone(),
                taken,
            },
            false => Outside::Once { name: self.name() },
        }
    }

    /// As [`Reader::outside`], when it has come to a place: of files that were followed, what was taken of the last.
    pub(super) fn outside_at(&self, place: &Place) -> Outside {
        self.outside(0..place.at - place.base)
    }

    /// Opens it in the process that reads, which goes on at `offset`.
    pub(super) fn open(&mut self, offset: u64) -> Result<(), AgentError> {
        // Committed or not: a reader that died has begun.
        let taken = self.taken.as_ref();
        if let Some(taken) = taken.filter(|taken| offset > 0 || taken.has_begun()) {
            return Err(AgentError::new(format!(
                "{} cannot be read again: the worker that died had taken {} from it that are gone; feed the graph from a file to survive this",
                self.name(),
                taken.beyond(offset).of("bytes")
            )));
        }
        let file = match is_standard(&self.path) {
            true => io::stdin().as_fd().try_clone_to_owned().map(File::from),
            false => OpenOptions::new()
                .read(true)
                .custom_flags(libc::O_NONBLOCK)
                .open(&self.path),
        };
        self.file = Some(file.map_err(|e| self.failed("opened", &e))?);
        self.forget(offset);
        Ok(())
    }

    /// As [`Reader::open`], of what may be followed.
    pub(super) fn open_at(&mut self, place: &Place) -> Result<(), AgentError> {
        let Some(following) = self.following.as_mut() else {
            return self.open(place.at);
        };
        let path = following.resume(&self.path, place);
        self.open_followed(&path)?;
        self.forget(place.at);
        Ok(())
    }

    fn open_followed(&mut self, path: &Path) -> Result<(), AgentError> {
        let file = File::open(path).and_then(|file| {
            self.following
                .as_mut()
                .map_or(Ok(()), |following| following.opened(&file))?;
            Ok(file)
        });
        self.file = Some(file.map_err(|e| self.failed("opened", &e))?);
        Ok(())
    }

    /// Notes in a place which file it is in.
    pub(super) fn note(&self, place: &mut Place) {
        if let Some(following) = &self.following {
            following.note(place);
        }
    }

    /// Where the file that is read begins: further on than 0 where others were read before it.
    pub(super) fn base(&self) -> u64 {
        self.following.as_ref().map_or(0, Following::base)
    }

    /// True where the file's end is waited at for more.
    pub(super) fn follows(&self) -> bool {
        self.following.is_some()
    }

    /// What the death of a reader at this place has cost, in words.
    pub(super) fn toll(&self, place: &Place) -> Option<String> {
        self.following.as_ref()?;
        follow::toll(&self.path, &self.name(), place)
    }

    /// Closes it after a look before the run.
    pub(super) fn close(&mut self) {
        self.file = None;
        self.buffer = Vec::new();
        self.forget(0);
    }

    /// What comes next is at `offset`: kept where it is buffered, else read again. A pipe only goes on.
    pub(super) fn seek(&mut self, offset: u64) {
        let is_buffered = (self.start..=self.start + self.len as u64).contains(&offset);
        if self.is_regular() && !is_buffered {
            self.forget(offset);
        }
    }

    /// What is buffered from `offset` on, maybe nothing: then [`Reader::fill`].
    pub(super) fn bytes(&self, offset: u64) -> &[u8] {
        let skipped = (offset - self.start).min(self.len as u64) as usize;
        &self.buffer[skipped..self.len]
    }

    /// How many lines end before byte `offset`. Reads the file again: only errors need it.
    pub(super) fn lines_before(&self, offset: u64) -> u64 {
        let Ok(file) = self.look() else { return 0 };
        let in_file = offset - self.base();
        let bytes = io::BufReader::with_capacity(CHUNK, file.take(in_file)).bytes();
        bytes
            .map_while(Result::ok)
            .filter(|byte| *byte == b'\n')
            .count() as u64
    }

    /// Reads on; what lies before `offset` may be forgotten.
    pub(super) fn fill(&mut self, offset: u64) -> Result<Filled, AgentError> {
        let unused = offset.saturating_sub(self.start).min(self.len as u64) as usize;
        self.buffer.copy_within(unused..self.len, 0);
        self.start += unused as u64;
        self.len -= unused;
        if self.buffer.len() < self.len + CHUNK {
            self.buffer.resize(self.len + CHUNK, 0);
        }
        if let Some(wait) = self.go_over()? {
            return Ok(Filled::Waiting(wait));
        }
        match self.read_some() {
            Ok(Some(0)) => self.at_the_end(),
            Ok(Some(n)) => {
                self.len += n;
                if let Some(following) = self.following.as_mut() {
                    following.grew();
                }
                Ok(Filled::Grew)
            }
            Ok(None) => Ok(Filled::Waiting(Wait::Readable(self.opened().as_raw_fd()))),
            Err(e) => {
                let at = self.start + self.len as u64 - self.base();
                Err(self.failed(&format!("read at byte {at}"), &e))
            }
        }
    }

    /// Nothing is behind the last byte.
    fn at_the_end(&mut self) -> Result<Filled, AgentError> {
        let at = self.start + self.len as u64;
        let (Some(following), Some(file)) = (self.following.as_mut(), &self.file) else {
            return Ok(Filled::Ended);
        };
        let after = following.after(file, &self.path, at);
        match after.map_err(|e| self.failed("looked at", &e))? {
            After::Later(moment) => Ok(Filled::Waiting(Wait::Until(moment))),
            After::Another if self.len > 0 => {
                // What stood there without an end is a line.
                self.buffer[self.len] = b'\n';
                self.len += 1;
                Ok(Filled::Grew)
            }
            After::Another => Ok(Filled::Waiting(Wait::Until(Instant::now()))),
        }
    }

    /// Opens the next file where the one before is over and used up; what is waited for while it is not there.
    fn go_over(&mut self) -> Result<Option<Wait>, AgentError> {
        let is_due = self.following.as_ref().is_some_and(Following::is_over) && self.len == 0;
        if !is_due {
            return Ok(None);
        }
        if !self.path.exists() {
            return Ok(Some(Wait::Until(
                Instant::now() + Duration::from_millis(50),
            )));
        }
        let (path, base) = (self.path.clone(), self.start);
        self.open_followed(&path)?;
        if let Some(following) = self.following.as_mut() {
            following.go_over(base);
        }
        Ok(None)
    }

    /// How many bytes came; `None` where nothing has come yet.
    fn read_some(&mut self) -> io::Result<Option<usize>> {
        let end = self.start + self.len as u64 - self.base();
        let room = &mut self.buffer[self.len..];
        let mut file = self.file.as_ref().expect("attached before the first call");
        loop {
            let outcome = match &self.taken {
                None => file.read_at(room, end),
                Some(_) if !is_readable(file)? => return Ok(None),
                Some(taken) => {
                    taken.begin();
                    let outcome = file.read(room);
                    taken.end(*outcome.as_ref().unwrap_or(&0));
                    outcome
                }
            };
            match outcome {
                Ok(n) => return Ok(Some(n)),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(e) => return Err(e),
            }
        }
    }

    fn opened(&self) -> &File {
        self.file.as_ref().expect("attached before the first call")
    }

    fn forget(&mut self, offset: u64) {
        self.start = offset;
        self.len = 0;
    }

    fn failed(&self, verb: &str, error: &io::Error) -> AgentError {
        failed(&self.name(), verb, error)
    }
}

/// True when a read would return at once.
fn is_readable(file: &File) -> io::Result<bool> {
    let mut readiness = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    match poll(&mut readiness, PollTimeout::ZERO) {
        Ok(ready) => Ok(ready > 0),
        Err(nix::errno::Errno::EINTR) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// Where a sink writes.
pub(super) struct Target {
    path: PathBuf,
    open: Option<Open>,
    /// Bytes that were given to what has no positions.
    given: Option<Taken>,
}

struct Open {
    file: File,
    is_regular: bool,
}

/// Whether somebody still reads what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// The bytes were taken.
    Some,
    /// The pipe's reading end is gone: nothing will ever be taken again.
    Gone,
}

impl Target {
    /// The file at this path, not yet opened; `-` is standard output.
    pub(super) fn at(path: impl Into<PathBuf>) -> Target {
        Target {
            path: path.into(),
            open: None,
            given: None,
        }
    }

    /// The file named by the parameter `path`. Refused where it could not be written; nothing is created yet.
    pub(super) fn of(args: &Args) -> Result<Target, OpError> {
        Target::checked(required_path(args)?)
    }

    /// As [`Target::of`], of this path.
    pub(super) fn checked(path: PathBuf) -> Result<Target, OpError> {
        if !is_standard(&path) {
            writable(&path)?;
        }
        let is_other = is_standard(&path) || fs::metadata(&path).is_ok_and(|m| !m.is_file());
        let given = is_other.then(Taken::new).transpose();
        let given = given.map_err(|e| refused(&path, "written", &e))?;
        Ok(Target {
            given,
            ..Target::at(path)
        })
    }

    /// What deaths of the worker cost that had committed so many bytes: what was given beyond comes again.
    pub(super) fn toll(&self, committed: u64) -> Option<String> {
        let again = self.given.as_ref()?.beyond(committed).any_of("bytes")?;
        let name = self.name();
        Some(format!(
            "{again} that had been written to {name} come again"
        ))
    }

    /// As [`Target::of`], for formats whose header is completed at the end: no pipe.
    pub(super) fn seekable(args: &Args) -> Result<Target, OpError> {
        let target = Target::of(args)?;
        match target.is_pipe() || is_standard(&target.path) {
            false => Ok(target),
            true => Err(OpError::param(
                "path",
                format!("{} is no regular file, and `{}` needs one: the header's length is completed at the end", target.name(), args.op().name),
            )
            .with_help("name a file, or write the bare items with `raw.write`")),
        }
    }

    /// The path as messages name it.
    pub(super) fn name(&self) -> String {
        name_of(&self.path, "standard output")
    }

    /// True, once open, for a file with positions.
    pub(super) fn is_regular(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.is_regular)
    }

    /// What a snapshot must know of it when these bytes have been given. A pipe or a terminal is given
    /// again what came after the snapshot.
    pub(super) fn outside(&self, given: Range<u64>) -> Outside {
        let is_other = fs::metadata(&self.path).is_ok_and(|m| !m.is_file());
        match is_standard(&self.path) || is_other {
            true => Outside::Nothing,
            false => Outside::Writes {
                path: self.path.clone(),
                given,
            },
        }
    }

    /// Opens it in the process that writes; of a regular file the first `len_bytes` are kept.
    pub(super) fn open(&mut self, len_bytes: u64) -> Result<(), AgentError> {
        // What this process had open itself would be in its own way.
        self.open = None;
        // Opening a named pipe must not wait for its reader: nothing else of the worker would be heard meanwhile.
        let flags = if self.is_pipe() { libc::O_NONBLOCK } else { 0 };
        let file = match is_standard(&self.path) {
            true => io::stdout().as_fd().try_clone_to_owned().map(File::from),
            false => OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .custom_flags(flags)
                .open(&self.path),
        };
        let file = match file {
            Err(e) if flags != 0 && e.raw_os_error() == Some(libc::ENXIO) => return Ok(()),
            file => file.map_err(|e| self.failed("opened", &e))?,
        };
        let metadata = file.metadata().map_err(|e| self.failed("opened", &e))?;
        let is_regular = metadata.is_file() && !is_standard(&self.path);
        if is_regular {
            own(&file, &self.name())?;
            let metadata = file.metadata().map_err(|e| self.failed("opened", &e))?;
            self.check_committed(metadata.len(), len_bytes)?;
            file.set_len(len_bytes)
                .map_err(|e| self.failed("cut to what is committed", &e))?;
        }
        self.open = Some(Open { file, is_regular });
        Ok(())
    }

    fn is_pipe(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|m| m.file_type().is_fifo())
    }

    /// What an agent says while nobody has opened the named pipe to read; `None` once it can be written to. A run that is told to
    /// end waits no more.
    pub(super) fn wait(&mut self, io: &Io<'_>) -> Result<Option<Status>, AgentError> {
        if self.open.is_none() {
            self.open(0)?;
        }
        match self.open {
            Some(_) => Ok(None),
            None if io.draining => Err(AgentError::new(format!(
                "the run was told to end, and nobody has opened {} to read it: {} items and more are not written",
                self.name(),
                io.inputs[0].len()
            ))),
            None => Ok(Some(Status::Wait(Wait::Until(Instant::now() + FOR_READER)))),
        }
    }

    /// As [`Target::wait`], when nothing was written at all: a short while.
    fn wait_at_the_end(&mut self) -> Result<(), AgentError> {
        let until = Instant::now() + LET_GO;
        while self.open.is_none() && Instant::now() < until {
            thread::sleep(FOR_READER);
            self.open(0)?;
        }
        Ok(())
    }

    /// Writes all of `bytes`: at `offset` of a regular file, else after what was written before.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<Readers, AgentError> {
        self.wait_at_the_end()?;
        // Nobody came to read: as if they had gone.
        let Some(open) = self.open.as_mut() else {
            return Ok(Readers::Gone);
        };
        let outcome = match open.is_regular {
            true => open.file.write_all_at(bytes, offset),
            false => {
                let given = self.given.as_ref();
                given.inspect(|given| given.begin());
                let outcome = write_in_order(&mut open.file, bytes);
                given.inspect(|given| given.end(bytes.len()));
                outcome
            }
        };
        match outcome {
            Ok(()) => Ok(Readers::Some),
            Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(Readers::Gone),
            Err(e) => Err(self.failed("written", &e)),
        }
    }

    /// Ends a regular file here: what a call that was thrown away wrote behind it goes.
    pub(super) fn cut(&mut self, len_bytes: u64) -> Result<(), AgentError> {
        let open = self.open.as_ref().expect("attached before the first call");
        match open.is_regular {
            true => open.file.set_len(len_bytes),
            false => Ok(()),
        }
        .map_err(|e| self.failed("cut", &e))
    }

    fn check_committed(&self, found: u64, committed: u64) -> Result<(), AgentError> {
        if found >= committed {
            return Ok(());
        }
        Err(AgentError::new(format!(
            "{} is {found} bytes long, and {committed} had been written: it was shortened or replaced during the run",
            self.name()
        )))
    }

    fn failed(&self, verb: &str, error: &io::Error) -> AgentError {
        failed(&self.name(), verb, error)
    }
}

/// How soon it is looked again whether a named pipe has a reader.
const FOR_READER: Duration = Duration::from_millis(20);

/// How long a process that was killed may take to let go of its files.
const LET_GO: Duration = Duration::from_secs(1);

/// Takes a file for this process alone, among those that ask: no second run writes into what the first one writes.
/// It is let go when the process ends, however it does. Where files cannot be taken (some network file systems)
/// nothing is asked.
pub(super) fn own(file: &File, name: &str) -> Result<(), AgentError> {
    let start = Instant::now();
    while let Err(TryLockError::WouldBlock) = file.try_lock() {
        if start.elapsed() > LET_GO {
            return Err(AgentError::new(format!(
                "{name} is being written by another process, perhaps another run of this graph (`thalweg ps` shows the runs): \
                 nothing was changed in it; wait for its end, or name another file"
            )));
        }
        thread::sleep(LET_GO / 100);
    }
    Ok(())
}

/// As `write_all`, and waits where the other end made the pipe non-blocking.
fn write_in_order(file: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                let room = PollFd::new(file.as_fd(), PollFlags::POLLOUT);
                match poll(&mut [room], PollTimeout::NONE) {
                    Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                    Err(e) => return Err(e.into()),
                }
            }
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn required_path(args: &Args) -> Result<PathBuf, OpError> {
    match args.text("path") {
        Some("") | None => Err(OpError::param(
            "path",
            "`path` is empty, and should name a file",
        )),
        Some(_) => Ok(args.path("path").expect("a text was found")),
    }
}

/// True for `-`: standard input or output.
fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

fn name_of(path: &Path, standard: &str) -> String {
    match is_standard(path) {
        true => standard.to_owned(),
        false => path.display().to_string(),
    }
}

/// What the file to read is; refused where it is a folder or may not be read.
fn readable(path: &Path) -> Result<Metadata, OpError> {
    let metadata = fs::metadata(path).map_err(|e| refused(path, "read", &e))?;
    if metadata.is_dir() {
        return Err(is_a_folder(path));
    }
    access(path, AccessFlags::R_OK).map_err(|e| refused(path, "read", &e.into()))?;
    Ok(metadata)
}

/// Refused where the file, or the folder it would be made in, may not be written.
pub(super) fn writable(path: &Path) -> Result<(), OpError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(is_a_folder(path)),
        Ok(_) => access(path, AccessFlags::W_OK).map_err(|e| refused(path, "written", &e.into())),
        Err(e) if e.kind() == ErrorKind::NotFound => makeable(path),
        Err(e) => Err(refused(path, "written", &e)),
    }
}

/// Refused where the folder that a new file would be in is missing or may not be written.
fn makeable(path: &Path) -> Result<(), OpError> {
    let folder = folder_of(path);
    if !folder.is_dir() {
        let (file, folder) = (path.display(), folder.display());
        let message = format!("{file} cannot be made: there is no folder {folder}");
        return Err(OpError::param("path", message).with_help(format!("mkdir -p {folder}")));
    }
    access(folder, AccessFlags::W_OK | AccessFlags::X_OK)
        .map_err(|e| refused(path, "made", &e.into()))
}

/// The folder that a file of this name is in.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn is_a_folder(path: &Path) -> OpError {
    let message = format!("{} is a folder, and should be a file", path.display());
    OpError::param("path", message).with_help("name a file in it")
}

/// A refusal before the run, about the parameter `path`.
fn refused(path: &Path, verb: &str, error: &io::Error) -> OpError {
    OpError::param(
        "path",
        failed(&path.display().to_string(), verb, error).message,
    )
}

/// "NAME cannot be WRITTEN: what the system said; what to do".
pub(super) fn failed(name: &str, verb: &str, error: &io::Error) -> AgentError {
    AgentError::new(format!(
        "{name} cannot be {verb}: {}",
        what_and_remedy(error)
    ))
}

/// What the system said in words, and what would mend it where that is known.
fn what_and_remedy(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        ErrorKind::PermissionDenied => "no permission for this user".to_owned(),
        ErrorKind::StorageFull => {
            "no space left on its device; free some or write elsewhere".to_owned()
        }
        ErrorKind::QuotaExceeded => {
            "the user's disk quota is used up; free some or write elsewhere".to_owned()
        }
        ErrorKind::ReadOnlyFilesystem => "its file system is read-only; write elsewhere".to_owned(),
        ErrorKind::FileTooLarge => {
            "the file system or `ulimit -f` allows no larger file".to_owned()
        }
        _ => error.to_string(),
    }
}
