//! The door: a socket beside the run's file, at which another process asks a living run for something.
//!
//! Who may come in is settled by the run directory, which is its owner's alone. A question is one line of
//! JSON, so is the answer; then the door closes. The coordinator never waits for anybody here: it looks
//! when there is something to see.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Question {
    /// A snapshot, into this file.
    Snapshot(PathBuf),
    /// How it goes: what limits it by now.
    Report,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// A snapshot was taken and lies on the disk.
    Taken(Taken),
    /// The keys of a report that say what limits.
    Report(serde_json::Value),
    /// Nothing was done.
    Refused {
        /// The exit code that goes with it.
        code: u8,
        /// What was found, what to do.
        words: String,
    },
}

/// A snapshot that was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    /// Length of the file.
    pub bytes: u64,
    /// How long the workers stood still.
    pub pause_seconds: f64,
    /// Items that each source had given and each sink had taken: agent, items.
    pub positions: Vec<(String, u64)>,
}

/// The door of a run that lives.
pub struct Door {
    listener: UnixListener,
    waiting: Vec<Caller>,
}

/// Somebody who came in, and what was heard so far.
pub struct Caller {
    stream: UnixStream,
    heard: Vec<u8>,
}

/// The longest question.
const LONGEST: usize = 64 * 1024;

impl Door {
    /// Opens the door at `path`, in place of one that a dead process left.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn open(path: &Path) -> io::Result<Door> {
        match fs::remove_file(path) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let listener = by_short_path(path, |path| UnixListener::bind(path))?;
        listener.set_nonblocking(true)?;
        Ok(Door {
            listener,
            waiting: Vec::new(),
        })
    }

    /// What to wait on.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let callers = self.waiting.iter().map(|caller| caller.stream.as_fd());
        callers.chain([self.listener.as_fd()])
    }

    /// Questions that have been asked by now, each with who waits for the answer.
    pub fn questions(&mut self) -> Vec<(Question, Caller)> {
        while let Ok((stream, _)) = self.listener.accept() {
            if stream.set_nonblocking(true).is_ok() {
                let heard = Vec::new();
                self.waiting.push(Caller { stream, heard });
            }
        }
        let mut asked = Vec::new();
        for mut caller in std::mem::take(&mut self.waiting) {
            match caller.listen() {
                Heard::Whole(question) => asked.push((question, caller)),
                Heard::Part => self.waiting.push(caller),
                Heard::Nonsense => caller.answer(&Answer::Refused {
                    code: 2,
                    words: "the run does not know that question: is it of another version?"
                        .to_owned(),
                }),
                Heard::Gone => {}
            }
        }
        asked
    }
}

enum Heard {
    Whole(Question),
    Part,
    Nonsense,
    Gone,
}

impl Caller {
    fn listen(&mut self) -> Heard {
        let mut bytes = [0; 4096];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return Heard::Gone,
                Ok(n) => self.heard.extend_from_slice(&bytes[..n]),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Heard::Part,
                Err(_) => return Heard::Gone,
            }
            if self.heard.ends_with(b"\n") {
                let question = serde_json::from_slice(&self.heard);
                return question.map_or(Heard::Nonsense, Heard::Whole);
            }
            if self.heard.len() > LONGEST {
                return Heard::Nonsense;
            }
        }
    }

    /// Answers. If the caller has gone, nobody is told.
    pub fn answer(mut self, answer: &Answer) {
        if let Ok(mut text) = serde_json::to_vec(answer) {
            text.push(b'\n');
            // A short line fits into the socket; a caller who has gone is nobody's loss.
            let _ = self.stream.write_all(&text);
        }
    }
}

/// Asks at the door at `path`, and waits for the answer; `None` if the run ended first.
///
/// # Errors
/// Nobody is there.
pub fn ask(path: &Path, question: &Question) -> io::Result<Option<Answer>> {
    let mut stream = by_short_path(path, |path| UnixStream::connect(path))?;
    let mut text = serde_json::to_vec(question)?;
    text.push(b'\n');
    let mut heard = Vec::new();
    let talked = stream
        .write_all(&text)
        .and_then(|()| stream.read_to_end(&mut heard));
    match talked {
        Err(e) if !matches!(e.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => Err(e),
        _ if heard.ends_with(b"\n") => Ok(Some(serde_json::from_slice(&heard)?)),
        _ => Ok(None),
    }
}

/// A socket's path has 108 bytes at most, so it is named from its folder, held open.
fn by_short_path<T>(path: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(ErrorKind::InvalidInput.into());
    };
    let folder = fs::File::open(folder)?;
    let own = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    act(&own.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question::Snapshot(PathBuf::from("/a/b"))
    }

    fn refused(words: &str) -> Answer {
        Answer::Refused {
            code: 3,
            words: words.to_owned(),
        }
    }

    /// Asks from a thread; `serve` is called with the door until the answer is there.
    fn asked(mut serve: impl FnMut(&mut Door) + Send) -> Option<Answer> {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(120));
        fs::create_dir(&deep).unwrap();
        let path = deep.join("r.door");
        fs::write(&path, b"what a dead one left").unwrap();
        let mut door = Door::open(&path).unwrap();
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| ask(&path, &question()).unwrap());
            while !asking.is_finished() {
                serve(&mut door);
                std::thread::yield_now();
            }
            asking.join().unwrap()
        })
    }

    #[test]
    fn a_question_is_answered_behind_a_long_path() {
        let answer = asked(|door| {
            for (heard, caller) in door.questions() {
                assert_eq!(heard, question());
                caller.answer(&refused("not today"));
            }
        });
        assert_eq!(answer, Some(refused("not today")));
    }

    #[test]
    fn who_is_not_answered_knows_that_it_ended() {
        let answer = asked(|door| drop(door.questions()));
        assert_eq!(answer, None);
    }

    #[test]
    fn nonsense_and_silence_hold_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.door");
        let mut door = Door::open(&path).unwrap();
        let _silent = UnixStream::connect(&path).unwrap();
        let mut loud = UnixStream::connect(&path).unwrap();
        loud.write_all(b"what time is it?\n").unwrap();
        let mut endless = UnixStream::connect(&path).unwrap();
        let shouting = std::thread::spawn(move || endless.write_all(&vec![b'x'; 4 * LONGEST]));
        while !shouting.is_finished() {
            assert!(door.questions().is_empty());
        }
        let mut answer = String::new();
        loud.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("another version"), "{answer}");
        assert_eq!(door.waiting.len(), 1, "the silent one still may speak");
    }
}
