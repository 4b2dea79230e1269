//! A place of its own for each test: files, a run directory, and everything that was started there.

use std::cell::Cell;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::unistd::Pid;
use serde_json::Value as Json;

/// The command under test.
pub const THALWEG: &str = env!("CARGO_BIN_EXE_thalweg");

/// How long anything may take before the test says that it hangs. No test measures time by it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A directory with the test's files and its run directory.
pub struct Site {
    dir: tempfile::TempDir,
    runs: Cell<u32>,
    outputs: Cell<u32>,
}

/// A command that has ended.
pub struct Ended {
    /// Exit code; 128 and the signal's number if one killed it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A command that goes on.
pub struct Going {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Site {
    pub fn new() -> Site {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("runtime")).unwrap();
        Site {
            dir,
            runs: Cell::new(0),
            outputs: Cell::new(0),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub fn read_text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// What tells this site's processes and segments from all others: in their environment, and
    /// at the start of their names.
    fn mark(&self) -> String {
        let name = self.dir.path().file_name().unwrap().to_string_lossy();
        let plain = name.chars().filter(char::is_ascii_alphanumeric);
        format!("e2e-{}", plain.collect::<String>())
    }

    /// A name for a run that no other test has.
    pub fn run_name(&self, nth: u32) -> String {
        format!("{}-{nth}", self.mark())
    }

    /// Any program, at this site.
    pub fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.dir.path())
            .env("XDG_RUNTIME_DIR", self.path("runtime"))
            .env("THALWEG_TEST_SITE", self.mark())
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null());
        // Under `nohup` the tests ignore a hangup, behind a shell's `&` Ctrl-C, and who ignores a signal hands that on.
        // SAFETY: setting a signal to its default is async-signal-safe, and no handler is replaced.
        unsafe {
            command.pre_exec(|| {
                for ignored in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT] {
                    signal(ignored, SigHandler::SigDfl)?;
                }
                Ok(())
            });
        }
        command
    }

    /// `thalweg` with these arguments; a run gets a name of this site.
    pub fn thalweg(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(THALWEG);
        command.args(arguments);
        let runs = matches!(arguments.first(), Some(&("run" | "record" | "replay")));
        if runs && !arguments.contains(&"--list") {
            let nth = self.runs.get();
            self.runs.set(nth + 1);
            command.args(["--name", &self.run_name(nth)]);
        }
        command
    }

    pub fn start(&self, mut command: Command) -> Going {
        let nth = self.outputs.get();
        self.outputs.set(nth + 1);
        let (out, err) = (
            self.path(&format!("out.{nth}")),
            self.path(&format!("err.{nth}")),
        );
        command.stdout(File::create(&out).unwrap());
        command.stderr(File::create(&err).unwrap());
        Going {
            child: command.spawn().unwrap(),
            out,
            err,
        }
    }

    fn tell(&self) {
        println!("processes: {:?}", self.processes(""));
        for nth in 0..self.outputs.get() {
            let said = fs::read(self.path(&format!("err.{nth}"))).unwrap_or_default();
            println!(
                "stderr of command {nth}: {}",
                String::from_utf8_lossy(&said)
            );
        }
    }

    /// Starts `thalweg run` and waits until all of its workers are there.
    pub fn start_run(&self, arguments: &[&str], workers: usize) -> Going {
        let going = self.start(self.thalweg(arguments));
        until("workers", || self.workers().len() >= workers);
        going
    }

    /// As [`Site::start_run`], of a line whose workers may die as often as they like.
    pub fn start_mortal(&self, line: &str, workers: usize) -> Going {
        let count = workers.to_string();
        let options = ["run", "-q", "--workers", &count, "--restart", "100000"];
        self.start_run(&[&options[..], &["-e", line]].concat(), workers)
    }

    /// A named pipe that takes some KiB and then no more: who writes to it never gets done.
    pub fn clogged_pipe(&self, name: &str) -> File {
        let path = self.path(name);
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        // Open for both, so that opening it for writing finds a reader.
        File::options().read(true).write(true).open(path).unwrap()
    }

    /// Waits until a pipe takes no more: who writes to it is in the middle of a step.
    pub fn until_full(&self, pipe: &File) {
        let is_full = || {
            let mut fds = [PollFd::new(pipe.as_fd(), PollFlags::POLLOUT)];
            poll(&mut fds, PollTimeout::ZERO) == Ok(0)
        };
        until("a full pipe", is_full);
    }

    /// Runs a command to its end.
    pub fn finish(&self, command: Command) -> Ended {
        self.start(command).wait()
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.finish(self.thalweg(arguments))
    }

    /// This site's processes whose names start so, by the kernel's word.
    pub fn processes(&self, name: &str) -> Vec<(Pid, String)> {
        let mark = format!("THALWEG_TEST_SITE={}\0", self.mark());
        let ours = |path: &Path| -> Option<(Pid, String)> {
            let pid: i32 = path.file_name()?.to_str()?.parse().ok()?;
            let environment = fs::read(path.join("environ")).ok()?;
            let found = environment
                .windows(mark.len())
                .any(|w| w == mark.as_bytes());
            let comm = fs::read_to_string(path.join("comm")).ok()?;
            (found && comm.starts_with(name)).then(|| (Pid::from_raw(pid), comm.trim().to_owned()))
        };
        let all = fs::read_dir("/proc").unwrap().flatten();
        all.filter_map(|entry| ours(&entry.path())).collect()
    }

    /// Its workers that are named `w0`, `w1`, ..
    pub fn workers(&self) -> Vec<(Pid, String)> {
        let mut workers = self.processes("thalweg:w");
        workers.retain(|(_, name)| name != "thalweg:warden");
        workers
    }

    /// The warden of the one run that goes on.
    pub fn warden(&self) -> Pid {
        until("warden", || !self.processes("thalweg:warden").is_empty());
        self.processes("thalweg:warden")[0].0
    }

    /// This site's segments.
    pub fn segments(&self) -> Vec<String> {
        let mark = format!("thalweg.{}", self.mark());
        let all = fs::read_dir("/dev/shm").unwrap().flatten();
        let names = all.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with(&mark)).collect()
    }

    /// This site's run files.
    pub fn run_files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("runtime/thalweg"));
        let names = entries.into_iter().flatten().flatten();
        names
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }

    /// Nothing is left: no process (they may take a moment to be gone), no segment, no run file.
    pub fn assert_clean(&self) {
        until("the end of all processes", || self.processes("").is_empty());
        assert_eq!(self.segments(), Vec::<String>::new());
        assert_eq!(self.run_files(), Vec::<String>::new());
    }
}

impl Drop for Site {
    /// A failed test leaves nothing either, but a word of what its runs said and which processes stood.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell();
        }
        for (pid, _) in self.processes("") {
            let _ = kill(pid, Signal::SIGKILL);
        }
        for segment in self.segments() {
            let _ = fs::remove_file(Path::new("/dev/shm").join(segment));
        }
        let runtime = self.path("runtime/thalweg");
        let _ = fs::set_permissions(runtime, fs::Permissions::from_mode(0o700));
    }
}

impl Going {
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    /// Has a signal been sent that the process has not taken yet?
    pub fn has_pending_signals(&self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let mut masks = status.lines().filter_map(|line| {
            let (name, mask) = line.split_once(':')?;
            matches!(name, "SigPnd" | "ShdPnd").then(|| mask.trim().to_owned())
        });
        masks.any(|mask| mask.contains(|digit| digit != '0'))
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    pub fn stderr(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// What it said, where somebody else has waited for it and got this status.
    pub fn ended(self, status: ExitStatus) -> Ended {
        Ended {
            code: status
                .code()
                .unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
            stdout: fs::read_to_string(&self.out).unwrap(),
            stderr: self.stderr(),
        }
    }

    pub fn wait(mut self) -> Ended {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("it hangs; so far it said:\n{}", self.stderr());
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        self.ended(status)
    }
}

impl Ended {
    /// Ended with this code, without a panic anywhere.
    #[track_caller]
    pub fn expect(self, code: i32) -> Ended {
        assert_eq!(self.code, code, "{}", self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// Said all of these on standard error.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Ended {
        for word in words {
            assert!(
                self.stderr.contains(word),
                "no {word:?} in:\n{}",
                self.stderr
            );
        }
        self
    }

    /// Standard output as JSON.
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}:\n{}", self.stdout))
    }
}

/// Waits until something is so.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "no {what} after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Numbers that look random, from a seed.
pub struct Random(pub u64);

impl Random {
    /// From the clock; the test prints it.
    pub fn seeded() -> Random {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let seed = now.unwrap().as_nanos() as u64 | 1;
        println!("seed {seed}");
        Random(seed)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}
