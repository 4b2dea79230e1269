//! Every system call of a run fails in its turn, or is the last that its process makes.
//!
//! The coordinator's calls are looked at from where it asks what the machine has, a child's from its birth. By
//! default a share of the points is tried; `THALWEG_EVERY_CALL=1` tries all of them, with each error that a call
//! can give, for some minutes.

use std::fs;
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use nix::errno::Errno;

use crate::site::{Ended, Site};
use crate::tracer::{Call, Fate, Who, trace};

const ITEMS: i64 = 1000;
const LINE: &str = "raw.read path=in.bin dtype=i64 ! copy ! raw.write path=o.bin";
const RUN: [&str; 5] = ["run", "--workers", "2", "-e", LINE];
/// Both workers. The first process that is forked is the warden.
const WORKERS: [Who; 2] = [Who::Child(1), Who::Child(2)];

/// The errors that a call can well give; none for one that cannot fail, or whose failure no program can
/// survive (its own heap's).
fn errors_of(call: &Call) -> &'static [Errno] {
    use Errno::*;
    match call.number {
        libc::SYS_openat => &[EMFILE, ENOSPC, EACCES],
        libc::SYS_pipe2 | libc::SYS_signalfd4 => &[EMFILE, ENOMEM],
        libc::SYS_pidfd_open => &[EMFILE, ENOSYS],
        libc::SYS_clone => &[EAGAIN, ENOMEM],
        libc::SYS_mmap if is_heap(call) => &[],
        libc::SYS_mmap | libc::SYS_mprotect | libc::SYS_madvise => &[ENOMEM, EAGAIN],
        libc::SYS_munmap | libc::SYS_sigaltstack | libc::SYS_getdents64 => &[ENOMEM],
        libc::SYS_fallocate => &[ENOSPC, EINTR, EOPNOTSUPP],
        libc::SYS_ftruncate | libc::SYS_pwrite64 => &[ENOSPC, EINTR],
        libc::SYS_write => &[ENOSPC, EINTR, EIO],
        libc::SYS_read | libc::SYS_pread64 => &[EINTR, EIO],
        libc::SYS_poll | libc::SYS_futex => &[EINTR, ENOMEM],
        libc::SYS_wait4 => &[EINTR],
        libc::SYS_flock => &[EINTR, ENOLCK],
        libc::SYS_mkdir => &[ENOSPC, EROFS],
        libc::SYS_statx | libc::SYS_newfstatat | libc::SYS_fstat => &[ENOMEM],
        libc::SYS_statfs | libc::SYS_membarrier => &[ENOSYS],
        libc::SYS_fcntl if call.arguments[1] == libc::F_DUPFD_CLOEXEC as u64 => &[EMFILE],
        libc::SYS_close => &[EINTR],
        libc::SYS_unlink => &[ENOMEM],
        libc::SYS_dup2 => &[EBUSY],
        libc::SYS_prctl | libc::SYS_rt_sigaction | libc::SYS_sched_setaffinity => &[EINVAL],
        libc::SYS_setpgid | libc::SYS_setsid | libc::SYS_sched_getaffinity => &[EPERM],
        _ => &[],
    }
}

/// Memory that the allocator asks for: it has no file, and can be read and written.
fn is_heap(call: &Call) -> bool {
    let [_, _, access, flags, ..] = call.arguments;
    flags & libc::MAP_ANONYMOUS as u64 != 0 && access != libc::PROT_NONE as u64
}

/// Is every point to be tried?
fn every_call() -> bool {
    std::env::var_os("THALWEG_EVERY_CALL").is_some()
}

/// The first of the coordinator's calls that are looked at: it asks what the machine has, or listens to signals. What
/// comes before is the loader, the standard library and the graph.
const FIRST: [i64; 2] = [libc::SYS_statfs, libc::SYS_signalfd4];

/// A site with the file that the run copies.
fn site() -> Site {
    let site = Site::new();
    site.write("in.bin", counted());
    site
}

/// What befell one call of a run.
struct Blow {
    /// Its number among those that can fail.
    nth: usize,
    /// Which of its errors: this one, counted around.
    variant: usize,
    /// The later calls of its kind fail as well, but for interrupted ones.
    lasting: bool,
}

/// A command of which a call fails. The call and its error, if it was made, and how the command ended.
fn struck(site: &Site, command: Command, who: Who, blow: &Blow) -> (Option<(Call, Errno)>, Ended) {
    let (mut begun, mut so_far) = (who != Who::Coordinator, 0);
    let mut met: Option<(Call, Errno)> = None;
    let ended = trace(site, command, who, &mut |call| {
        begun |= FIRST.contains(&call.number);
        let errors = errors_of(call);
        if let Some((first, error)) = &met {
            let same = first.number == call.number && !errors.is_empty();
            let again = blow.lasting && same && *error != Errno::EINTR;
            return again.then_some(Fate::Fail(*error));
        }
        if !begun || errors.is_empty() {
            return None;
        }
        so_far += 1;
        (so_far > blow.nth).then(|| {
            let error = errors[blow.variant % errors.len()];
            met = Some((*call, error));
            Fate::Fail(error)
        })
    });
    (met, ended)
}

/// What is wrong with how a run ended in which a call failed.
fn judge(
    site: &Site,
    scene: &Scene,
    call: &Call,
    lasting: bool,
    ended: &Ended,
) -> Result<(), String> {
    // Nothing is begun before all workers are there; a run inside one process has none of them.
    let codes: &[i32] = match scene.who {
        _ if scene.arguments.contains(&"--in-process") => &[3, 1],
        Who::Coordinator if call.forked <= WORKERS.len() => &[3],
        _ => &[1],
    };
    match ended.code {
        0 if site.read("o.bin") == counted() => Ok(()),
        0 => Err("not the same bytes".to_owned()),
        // Nothing can be said where no write succeeds.
        code if codes.contains(&code) && lasting && call.number == libc::SYS_write => Ok(()),
        code if codes.contains(&code) => check_words(&ended.stderr),
        code => Err(format!("exit code {code}")),
    }
}

fn check_words(stderr: &str) -> Result<(), String> {
    let said = stderr.lines().any(|line| line.starts_with("error: "));
    match said && !stderr.contains("panicked") {
        true => Ok(()),
        false => Err("no sentence".to_owned()),
    }
}

fn counted() -> Vec<u8> {
    (0..ITEMS).flat_map(i64::to_le_bytes).collect()
}

/// Removes what is left, as a user would, and says what it was.
fn take_away_what_is_left(site: &Site) -> Vec<String> {
    let left = [site.segments(), site.run_files()].concat();
    if !left.is_empty() {
        site.run(&["clean"]).expect(0);
    }
    left
}

/// Whose calls fail, and in which run.
struct Scene<'a> {
    who: Who,
    arguments: &'a [&'a str],
}

/// Lets a call fail, and looks at how the run ends. The call; `None` if there are not so many.
fn strike(site: &Site, scene: &Scene, blow: &Blow) -> Option<Result<Call, String>> {
    let _ = fs::remove_file(site.path("o.bin"));
    let who = scene.who;
    let (met, ended) = struck(site, site.thalweg(scene.arguments), who, blow);
    let (call, error) = met?;
    let judged = judge(site, scene, &call, blow.lasting, &ended);
    // Whoever cannot lock a file, look at it or remove it leaves it to the next sweep.
    let of_files = [libc::SYS_unlink, libc::SYS_flock, libc::SYS_statx];
    let swept = blow.lasting || of_files.contains(&call.number);
    let left = match take_away_what_is_left(site) {
        left if left.is_empty() || swept => Ok(()),
        left => Err(format!("left {left:?}")),
    };
    let judged = judged.and(left).map(|()| call);
    Some(judged.map_err(|what| {
        let nth = blow.nth;
        let all = if blow.lasting { " and on" } else { "" };
        format!(
            "{who:?}, call {nth}{all}: {call:?} fails with {error}: {what}\n{}",
            ended.stderr
        )
    }))
}

/// Lets every call of `who` fail in its turn.
fn strike_each(who: Who, arguments: &[&str]) {
    let scene = Scene { who, arguments };
    let site = site();
    let mut tried = 0;
    let mut wrong = Vec::new();
    'calls: for nth in 0.. {
        let usual = [(nth, nth % 2 == 1)];
        let all = (0..3).flat_map(|variant| [(variant, false), (variant, true)]);
        let ways: Vec<(usize, bool)> = if every_call() {
            all.collect()
        } else {
            usual.to_vec()
        };
        for (variant, lasting) in ways {
            let blow = Blow {
                nth,
                variant,
                lasting,
            };
            match strike(&site, &scene, &blow) {
                None => break 'calls,
                Some(Ok(_)) => {}
                Some(Err(what)) => wrong.push(what),
            }
            tried += 1;
        }
    }
    println!("{who:?}: {tried} failures tried");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    site.assert_clean();
    assert!(tried > 20, "{who:?} made {tried} calls");
}

#[test]
fn each_call_of_the_coordinator_fails_in_its_turn() {
    strike_each(Who::Coordinator, &RUN);
}

#[test]
fn each_call_of_a_run_inside_one_process_fails_in_its_turn() {
    strike_each(Who::Coordinator, &["run", "--in-process", "-e", LINE]);
}

/// Leaves a dead run that can be resumed: its coordinator was killed as it began to wait. Its name.
fn leave_a_dead_run(site: &Site) -> String {
    let command = site.thalweg(&[&RUN[..], &["--resumable"]].concat());
    let ended = trace(site, command, Who::Coordinator, &mut |call| {
        let waits = call.number == libc::SYS_poll && call.forked > WORKERS.len();
        waits.then_some(Fate::KillBefore)
    });
    ended.expect(128 + 9);
    let runs = site.run(&["ps", "--json"]).expect(0).json();
    runs[0]["run"].as_str().unwrap().to_owned()
}

#[test]
fn a_resume_of_which_a_call_fails_can_be_tried_again() {
    let stride = if every_call() { 1 } else { 6 };
    let mut again = 0;
    for nth in (0..).step_by(stride) {
        let site = site();
        let name = leave_a_dead_run(&site);
        let blow = Blow {
            nth,
            variant: nth,
            lasting: false,
        };
        let (met, ended) = struck(
            &site,
            site.thalweg(&["resume", &name]),
            Who::Coordinator,
            &blow,
        );
        let code = ended.code;
        if code != 0 {
            assert_eq!(
                check_words(&ended.stderr),
                Ok(()),
                "{met:?}: {}",
                ended.stderr
            );
        }
        match code {
            0 => {}
            // Refused, or its graph was: a file of it could not be looked at.
            2 | 3 => {
                site.run(&["resume", &name]).expect(0);
                again += 1;
            }
            // Its workers had begun: as any run, it has failed.
            1 => continue,
            _ => panic!("{met:?}: exit code {code}: {}", ended.stderr),
        }
        assert!(
            site.read("o.bin") == counted(),
            "{met:?}: not the same bytes"
        );
        site.run(&["clean"]).expect(0);
        site.assert_clean();
        if met.is_none() {
            break;
        }
    }
    println!("{again} resumes tried again");
    assert!(again > 0);
}

#[test]
fn each_call_of_a_worker_fails_in_its_turn() {
    for worker in WORKERS {
        strike_each(worker, &RUN);
    }
}

#[test]
fn a_warden_whose_waiting_fails_waits_again() {
    let site = Site::new();
    let line = "counter ! throttle rate=1000 ! null";
    let arguments = ["run", "--workers", "2", "--for", "2s", "-e", line];
    let mut calls = Vec::new();
    let ended = trace(
        &site,
        site.thalweg(&arguments),
        Who::Child(0),
        &mut |call| {
            calls.push(call.number);
            let fails = call.number == libc::SYS_poll && calls.len() < 100;
            fails.then_some(Fate::Fail(Errno::ENOMEM))
        },
    );
    ended.expect(0);
    let waits = calls.iter().filter(|&&call| call == libc::SYS_poll).count();
    assert!(waits > 1, "{calls:?}");
    assert!(!calls.contains(&libc::SYS_unlink), "{calls:?}");
    site.assert_clean();
}

/// What a run is made to do until the `nth` call of one of its processes, which is the last one it makes. The
/// call, if there was one.
fn killed(
    site: &Site,
    arguments: &[&str],
    who: Who,
    nth: usize,
    fate: Fate,
) -> (Option<Call>, Ended) {
    let _ = fs::remove_file(site.path("o.bin"));
    let (mut begun, mut so_far, mut met) = (who != Who::Coordinator, 0, None);
    let ended = trace(site, site.thalweg(arguments), who, &mut |call| {
        begun |= FIRST.contains(&call.number);
        so_far += usize::from(begun);
        (so_far > nth).then(|| {
            met = Some(*call);
            fate
        })
    });
    (met, ended)
}

/// Kills at every call, before it and inside it; by default at every so many-th. `check` is told the call.
fn kill_at_each(
    arguments: &[&str],
    who: Who,
    usual_stride: usize,
    mut check: impl FnMut(&Site, &Call, Ended),
) {
    let site = site();
    let stride = if every_call() { 1 } else { usual_stride };
    let mut tried = 0;
    for nth in 0.. {
        let fate = [Fate::KillBefore, Fate::KillInside][nth % 2];
        let (met, ended) = killed(&site, arguments, who, nth / 2 * stride, fate);
        let Some(call) = met else {
            break;
        };
        if call.number == libc::SYS_exit_group {
            // Who is inside has left already.
            continue;
        }
        check(&site, &call, ended);
        tried += 1;
    }
    println!("{who:?}: {tried} kills");
    assert!(tried > 5, "{who:?} was killed {tried} times");
}

#[test]
fn a_worker_killed_at_each_of_its_calls_changes_no_byte() {
    for who in WORKERS {
        kill_at_each(&RUN, who, 4, |site, _, ended| {
            ended.expect(0);
            assert!(site.read("o.bin") == counted(), "not the same bytes");
            site.assert_clean();
        });
    }
}

#[test]
fn a_worker_killed_while_it_reads_a_pipe_loses_nothing_unsaid() {
    let line = "raw.read path=pipe dtype=i64 ! head items=1000 ! raw.write path=o.bin";
    let run = ["run", "--workers", "2", "-e", line];
    let (mut whole, mut said) = (0, 0);
    let stride = if every_call() { 1 } else { 5 };
    for nth in (0..).step_by(stride) {
        let site = Site::new();
        let mut pipe = site.clogged_pipe("pipe");
        // Late, so that the worker waits for it.
        let fed = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            pipe.write_all(&counted()).unwrap();
            pipe
        });
        let (met, ended) = killed(&site, &run, WORKERS[0], nth, Fate::KillInside);
        drop(fed.join().unwrap());
        if met.is_none_or(|call| call.number == libc::SYS_exit_group) {
            break;
        }
        match ended.code {
            0 => {
                assert!(site.read("o.bin") == counted(), "not the same bytes");
                whole += 1;
            }
            code => {
                assert_eq!((code, check_words(&ended.stderr)), (1, Ok(())));
                said += 1;
            }
        }
        site.assert_clean();
    }
    println!("{whole} went on, {said} said that they could not");
    assert!(whole > 0, "{said}");
}

#[test]
fn a_coordinator_killed_at_each_of_its_calls_leaves_nothing() {
    kill_at_each(&RUN, Who::Coordinator, 6, |site, call, ended| {
        ended.expect(128 + 9);
        assert_eq!(site.segments(), Vec::<String>::new());
        // Until there is a warden, the run's file is left to the next sweep.
        if call.forked == 0 {
            site.run(&["clean"]).expect(0);
        }
        site.assert_clean();
    });
}

#[test]
fn a_resumable_run_goes_on_wherever_its_coordinator_was_killed() {
    let arguments = [&RUN[..], &["--resumable"]].concat();
    let mut resumed = 0;
    kill_at_each(&arguments, Who::Coordinator, 6, |site, _, ended| {
        ended.expect(128 + 9);
        let runs = site.run(&["ps", "--json"]).expect(0).json();
        for run in runs.as_array().unwrap() {
            let name = run["run"].as_str().unwrap();
            if run["resumable"] == true {
                site.run(&["resume", name]).expect(0);
                assert!(site.read("o.bin") == counted(), "not the same bytes");
                resumed += 1;
            }
        }
        site.run(&["clean"]).expect(0);
        site.assert_clean();
    });
    assert!(resumed > 0, "no run was to be resumed");
}
