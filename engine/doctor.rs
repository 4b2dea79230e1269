//! The machine as a run finds it: what is well, what costs speed, what would keep a run from starting.
//!
//! [`Facts`] are gathered once; judging them is pure, so a table of machines judges it. Each finding has
//! what was found and, where it is not well, what to do.

use std::fs;

use nix::sys::resource::{Resource, getrlimit, rlim_t};
use nix::sys::statvfs::statvfs;
use serde::Serialize;
use thalweg_ringbuf::{RingSpec, SharedRing};
use thalweg_worker::pin;

use crate::runs;
use crate::topology::{Topology, list};

/// One line of the findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub what: &'static str,
    /// How it is.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be, or as it mostly is.
    Ok,
    /// It costs speed, or will be in the way of something.
    Warn,
    /// A run cannot start.
    Bad,
}

/// What the findings are made of. What cannot be known is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The cores this process may use.
    pub topology: Topology,
    /// Cores that are switched on.
    pub online: usize,
    /// Cores without a tick while one process runs.
    pub tickless: Vec<usize>,
    /// Two threads a core.
    pub threads: Option<bool>,
    /// How the clock rate is chosen.
    pub governor: Option<String>,
    /// Processes that wanted to run, over the last minute.
    pub load: Option<f64>,
    /// Bytes of `/dev/shm`: all, free.
    pub shm: Option<(u64, u64)>,
    /// Why a ring in shared memory could not be made and mapped twice.
    pub ring: Option<String>,
    /// Why the run directory cannot be used.
    pub directory: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// What the kernel tells the time by.
    pub clock: Option<String>,
    /// Soft limits: open files, processes, bytes of locked memory, real-time priority.
    pub limits: Limits,
    /// The process may set priorities (CAP_SYS_NICE).
    pub may_nice: bool,
    /// The process may lock memory (CAP_IPC_LOCK).
    pub may_lock: bool,
    /// The process is root's.
    pub is_root: bool,
    /// Huge pages of shared memory: the kernel's setting.
    pub huge: Option<String>,
    /// Shared memory of a user goes when the last session ends.
    pub removes_ipc: bool,
    /// CPU time the cgroup grants, in cores.
    pub quota: Option<f64>,
    /// Bytes of memory the cgroup grants.
    pub memory: Option<u64>,
}

/// Soft limits; `u64::MAX` is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Open files.
    pub files: u64,
    /// Processes of the user.
    pub processes: u64,
    /// Bytes of locked memory.
    pub locked: u64,
    /// Real-time priority.
    pub priority: u64,
}

const NONE: u64 = u64::MAX;
/// A modest run: a few dozen descriptors, a handful of processes, a MiB of rings.
const FILES: u64 = 64;
const FILES_MANY: u64 = 1024;
const PROCESSES: u64 = 16;
const SHM: u64 = 1 << 20;
const SHM_AMPLE: u64 = 64 << 20;
/// pidfd_open.
const KERNEL: (u32, u32) = (5, 3);

/// Every finding, the worst not first but in the order of the machine.
pub fn findings(facts: &Facts) -> Vec<Finding> {
    let lines = [
        cores(facts),
        isolation(facts),
        governor(facts),
        load(facts),
        clock(facts),
        kernel(facts),
        shm(facts),
        tried(
            "ring",
            &facts.ring,
            "made, mapped twice, written and read",
            "allow shared memory for this process (container, seccomp, mount of /dev/shm)",
        ),
        tried(
            "run directory",
            &facts.directory,
            "there, and ours",
            "set XDG_RUNTIME_DIR to a directory of this user's own",
        ),
        files(facts),
        processes(facts),
        priority(facts),
        locked(facts),
        huge(facts),
        removal(facts),
        quota(facts),
        memory(facts),
    ];
    lines.into_iter().flatten().collect()
}

fn ok(what: &'static str, found: impl Into<String>) -> Option<Finding> {
    Some(Finding {
        what,
        state: State::Ok,
        found: found.into(),
        advice: None,
    })
}

fn not_ok(
    what: &'static str,
    state: State,
    found: impl Into<String>,
    advice: &str,
) -> Option<Finding> {
    Some(Finding {
        what,
        state,
        found: found.into(),
        advice: Some(advice.to_owned()),
    })
}

fn cores(facts: &Facts) -> Option<Finding> {
    let topology = &facts.topology;
    let usable = topology.cores.len();
    let found = format!(
        "{usable} of {} usable; physical cores {}, last caches {}, nodes {}{}",
        facts.online,
        topology.count(|c| c.physical),
        topology.count(|c| c.cache),
        topology.count(|c| c.node),
        match facts.threads {
            Some(true) => ", two threads a core",
            _ => "",
        }
    );
    match usable {
        0 | 1 => not_ok(
            "cores",
            State::Warn,
            found,
            "with one core workers take turns: use --in-process, or give it more (taskset, cgroup cpuset)",
        ),
        _ if usable < facts.online => not_ok(
            "cores",
            State::Warn,
            found,
            "others are kept from it by taskset or a cgroup cpuset; widen that if it was not meant",
        ),
        _ => ok("cores", found),
    }
}

fn isolation(facts: &Facts) -> Option<Finding> {
    let names = |cores: &[usize]| {
        cores
            .iter()
            .map(usize::to_string)
            .collect::<Vec<_>>()
            .join(",")
    };
    let isolated = &facts.topology.isolated;
    let tickless = match facts.tickless.is_empty() {
        true => String::new(),
        false => format!("; no tick on {}", names(&facts.tickless)),
    };
    match isolated.is_empty() {
        true => ok("isolation", format!("no isolated cores{tickless}")),
        false => ok(
            "isolation",
            format!(
                "cores {} are isolated: name them (core = {}), or start it there (taskset -c {}){tickless}",
                names(isolated),
                isolated[0],
                names(isolated)
            ),
        ),
    }
}

fn governor(facts: &Facts) -> Option<Finding> {
    match facts.governor.as_deref() {
        None => ok("governor", "none: the clock rate is not ours to choose"),
        Some("performance") => ok("governor", "performance"),
        Some(other) => not_ok(
            "governor",
            State::Warn,
            other,
            "cpupower frequency-set -g performance, for steady figures",
        ),
    }
}

fn load(facts: &Facts) -> Option<Finding> {
    let load = facts.load?;
    let cores = facts.topology.cores.len() as f64;
    let found = format!("{load:.2} on {cores} cores");
    match load > cores / 2.0 {
        true => not_ok(
            "load",
            State::Warn,
            found,
            "others want the cores too: figures will be low and unsteady; look with `top`",
        ),
        false => ok("load", found),
    }
}

fn clock(facts: &Facts) -> Option<Finding> {
    match facts.clock.as_deref()? {
        fast @ ("tsc" | "arch_sys_counter" | "kvm-clock") => ok("clock", fast),
        slow => not_ok(
            "clock",
            State::Warn,
            slow,
            "reading it takes a system call: boot with clocksource=tsc if the processor's counter is steady",
        ),
    }
}

fn kernel(facts: &Facts) -> Option<Finding> {
    let release = facts.kernel.clone()?;
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|n| n.parse().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    match version < KERNEL {
        true => not_ok(
            "kernel",
            State::Bad,
            release,
            "runs need Linux 5.3 or later (pidfd_open)",
        ),
        false => ok("kernel", format!("Linux {release}")),
    }
}

fn shm(facts: &Facts) -> Option<Finding> {
    let Some((size, free)) = facts.shm else {
        return not_ok(
            "/dev/shm",
            State::Bad,
            "not there",
            "mount -t tmpfs tmpfs /dev/shm; or run --in-process",
        );
    };
    let found = format!("{} free of {}", bytes(free), bytes(size));
    let enlarge = "mount -o remount,size=1G /dev/shm (docker: --shm-size=1g); `thalweg clean` removes what dead runs left";
    match free {
        _ if free < SHM => not_ok("/dev/shm", State::Bad, found, enlarge),
        _ if free < SHM_AMPLE => not_ok("/dev/shm", State::Warn, found, enlarge),
        _ => ok("/dev/shm", found),
    }
}

fn tried(
    what: &'static str,
    failure: &Option<String>,
    well: &str,
    advice: &str,
) -> Option<Finding> {
    match failure {
        None => ok(what, well),
        Some(failure) => not_ok(what, State::Bad, failure.clone(), advice),
    }
}

fn files(facts: &Facts) -> Option<Finding> {
    let limit = facts.limits.files;
    let found = format!("{} open files", many(limit));
    let advice = "ulimit -n 4096, or LimitNOFILE= of the unit: a run takes some descriptors and two a worker";
    match limit {
        _ if limit < FILES => not_ok("nofile", State::Bad, found, advice),
        _ if limit < FILES_MANY => not_ok("nofile", State::Warn, found, advice),
        _ => ok("nofile", found),
    }
}

fn processes(facts: &Facts) -> Option<Finding> {
    let limit = facts.limits.processes;
    let found = format!("{} processes", many(limit));
    match limit < PROCESSES && !facts.is_root {
        true => not_ok(
            "nproc",
            State::Bad,
            found,
            "ulimit -u 1024, or LimitNPROC= of the unit: a run has two processes and one a worker",
        ),
        false => ok("nproc", found),
    }
}

fn priority(facts: &Facts) -> Option<Finding> {
    match (facts.may_nice, facts.limits.priority) {
        (true, _) => ok("rtprio", "CAP_SYS_NICE: --realtime may be used"),
        (false, 0) => ok(
            "rtprio",
            "none: --realtime is refused (ulimit -r 50, limits.conf rtprio, or CAP_SYS_NICE)",
        ),
        (false, most) => ok("rtprio", format!("--realtime up to {}", many(most))),
    }
}

fn locked(facts: &Facts) -> Option<Finding> {
    match (facts.may_lock, facts.limits.locked) {
        (true, _) | (_, NONE) => ok("memlock", "no limit: --lock-memory may be used"),
        (false, limit) => ok(
            "memlock",
            format!(
                "{}: --lock-memory is refused beyond it (ulimit -l unlimited, or CAP_IPC_LOCK)",
                bytes(limit)
            ),
        ),
    }
}

fn huge(facts: &Facts) -> Option<Finding> {
    let setting = facts.huge.as_deref()?;
    let chosen = setting
        .split_whitespace()
        .find(|word| word.starts_with('['));
    let chosen = chosen.map_or(setting, |word| word.trim_matches(['[', ']']));
    match chosen {
        "never" | "deny" => ok(
            "huge pages",
            format!(
                "{chosen} in shared memory; for rings of many MiB: echo advise > /sys/kernel/mm/transparent_hugepage/shmem_enabled"
            ),
        ),
        _ => ok("huge pages", format!("{chosen} in shared memory")),
    }
}

fn removal(facts: &Facts) -> Option<Finding> {
    match facts.removes_ipc && !facts.is_root {
        true => not_ok(
            "RemoveIPC",
            State::Warn,
            "yes: segments go when this user's last session ends, under runs that go on",
            "RemoveIPC=no in /etc/systemd/logind.conf, or loginctl enable-linger, or run as a system user",
        ),
        false => ok("RemoveIPC", "no, or not for this user"),
    }
}

fn quota(facts: &Facts) -> Option<Finding> {
    let quota = facts.quota?;
    let cores = facts.topology.cores.len() as f64;
    let found = format!("{quota:.1} cores' time of {cores}");
    match quota < cores {
        true => not_ok(
            "cgroup cpu",
            State::Warn,
            found,
            "workers that spin use it up and are stopped for the rest of each period: raise cpu.max, or keep to fewer workers (--workers)",
        ),
        false => ok("cgroup cpu", found),
    }
}

fn memory(facts: &Facts) -> Option<Finding> {
    let memory = facts.memory?;
    let found = format!("{} for all of it, shared memory included", bytes(memory));
    match memory < SHM_AMPLE {
        true => not_ok(
            "cgroup memory",
            State::Warn,
            found,
            "raise memory.max: a worker that runs out of it is killed and forked again",
        ),
        false => ok("cgroup memory", found),
    }
}

fn many(limit: u64) -> String {
    match limit {
        NONE => "any number of".to_owned(),
        limit => limit.to_string(),
    }
}

/// A number of bytes in the unit that leaves two digits or more.
pub(crate) fn bytes(n: u64) -> String {
    match n {
        _ if n >= 10 << 30 => format!("{} GiB", n >> 30),
        _ if n >= 10 << 20 => format!("{} MiB", n >> 20),
        _ if n >= 10 << 10 => format!("{} KiB", n >> 10),
        _ => format!("{n} bytes"),
    }
}

impl Facts {
    /// Of this machine, for this process.
    pub fn gather() -> Facts {
        let file = |path: &str| fs::read_to_string(path).ok();
        let line = |path: &str| {
            let text = file(path)?;
            Some(text.lines().next()?.trim().to_owned())
        };
        let cpu = |name: &str| line(&format!("/sys/devices/system/cpu/{name}"));
        let status = file("/proc/self/status").unwrap_or_default();
        let cores = pin::allowed_cores();
        let limit = |which| getrlimit(which).map_or(NONE, |(soft, _)| unlimited(soft));
        let is_root = nix::unistd::geteuid().is_root();
        Facts {
            online: cpu("online").map_or(cores.len(), |text| list(&text).len()),
            tickless: cpu("nohz_full").map_or(Vec::new(), |text| list(&text)),
            threads: cpu("smt/active").map(|text| text == "1"),
            governor: crate::host::governor(),
            load: line("/proc/loadavg").and_then(|l| l.split(' ').next()?.parse().ok()),
            topology: Topology::here(&cores),
            shm: shm_bytes(),
            ring: ring_failure(),
            directory: runs::directory().err().map(|e| e.to_string()),
            kernel: line("/proc/sys/kernel/osrelease"),
            clock: line("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
            limits: Limits {
                files: limit(Resource::RLIMIT_NOFILE),
                processes: limit(Resource::RLIMIT_NPROC),
                locked: limit(Resource::RLIMIT_MEMLOCK),
                priority: limit(Resource::RLIMIT_RTPRIO),
            },
            may_nice: has_capability(&status, CAP_SYS_NICE),
            may_lock: has_capability(&status, CAP_IPC_LOCK),
            is_root,
            huge: line("/sys/kernel/mm/transparent_hugepage/shmem_enabled"),
            removes_ipc: fs::exists("/run/systemd/system").unwrap_or(false)
                && removes_ipc(&logind_files()),
            quota: cgroup("cpu.max").and_then(|text| quota_of(&text)),
            memory: cgroup("memory.max").and_then(|text| text.trim().parse().ok()),
        }
    }
}

fn unlimited(limit: rlim_t) -> u64 {
    match limit {
        libc::RLIM_INFINITY => NONE,
        limit => limit,
    }
}

fn shm_bytes() -> Option<(u64, u64)> {
    let found = statvfs("/dev/shm").ok()?;
    let unit = found.fragment_size();
    Some((found.blocks() * unit, found.blocks_available() * unit))
}

/// Makes a small ring as a run does, and sends a word through it.
fn ring_failure() -> Option<String> {
    let ring = match SharedRing::anonymous(&RingSpec::of::<u64>(512)) {
        Ok(ring) => ring,
        Err(error) => return Some(error.to_string()),
    };
    let (mut producer, mut consumer) = match (ring.producer::<u64>(), ring.consumer::<u64>(0)) {
        (Ok(producer), Ok(consumer)) => (producer, consumer),
        (Err(error), _) | (_, Err(error)) => return Some(error.to_string()),
    };
    match (producer.push(7), consumer.pop()) {
        (Ok(()), Ok(Some(7))) => None,
        other => Some(format!("a word did not come through: {other:?}")),
    }
}

/// Bits of a capability set (linux/capability.h).
pub(crate) const CAP_IPC_LOCK: u32 = 14;
pub(crate) const CAP_SYS_NICE: u32 = 23;

/// True if the effective set in `/proc/self/status` has it.
pub(crate) fn has_capability(status: &str, which: u32) -> bool {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let set = line.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    set.is_some_and(|set| set >> which & 1 == 1)
}

/// logind's settings in the order in which they are read: later ones win.
fn logind_files() -> String {
    let mut paths = vec![
        "/usr/lib/systemd/logind.conf".to_owned(),
        "/etc/systemd/logind.conf".to_owned(),
    ];
    for folder in [
        "/usr/lib/systemd/logind.conf.d",
        "/etc/systemd/logind.conf.d",
    ] {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|e| e.path().display().to_string()).collect();
        names.sort();
        paths.extend(names);
    }
    let texts = paths
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok());
    texts.collect::<Vec<_>>().join("\n")
}

/// What logind does: it removes, unless it is told not to.
fn removes_ipc(settings: &str) -> bool {
    let mut values = settings
        .lines()
        .filter_map(|line| line.trim().strip_prefix("RemoveIPC="));
    let no = |value: &str| matches!(value.trim(), "no" | "false" | "off" | "0");
    values.next_back().is_none_or(|value| !no(value))
}

/// A limit of this process's cgroup: the file of the unified hierarchy, of the cgroup or one above it.
fn cgroup(name: &str) -> Option<String> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mut folder = std::path::PathBuf::from(format!("/sys/fs/cgroup{path}"));
    while folder.starts_with("/sys/fs/cgroup") {
        match fs::read_to_string(folder.join(name)) {
            Ok(text) if !text.starts_with("max") => return Some(text),
            _ => folder.pop(),
        };
    }
    None
}

/// `200000 100000` is the time of two cores.
fn quota_of(text: &str) -> Option<f64> {
    let mut numbers = text.split_whitespace().map(str::parse::<f64>);
    let (quota, period) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    (period > 0.0).then(|| quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine with nothing to say about it.
    fn well() -> Facts {
        Facts {
            topology: Topology::flat(&[0, 1, 2, 3]),
            online: 4,
            tickless: Vec::new(),
            threads: Some(false),
            governor: Some("performance".to_owned()),
            load: Some(0.1),
            shm: Some((1 << 30, 1 << 30)),
            ring: None,
            directory: None,
            kernel: Some("6.1.0-9-amd64".to_owned()),
            clock: Some("tsc".to_owned()),
            limits: Limits {
                files: 4096,
                processes: 4096,
                locked: NONE,
                priority: 0,
            },
            may_nice: false,
            may_lock: false,
            is_root: false,
            huge: Some("always within_size [advise] never deny force".to_owned()),
            removes_ipc: false,
            quota: None,
            memory: None,
        }
    }

    #[test]
    fn of_a_machine_that_is_well_everything_is_ok() {
        let findings = findings(&well());
        assert!(findings.len() > 12);
        for finding in findings {
            assert_eq!(
                (finding.state, &finding.advice),
                (State::Ok, &None),
                "{finding:?}"
            );
        }
    }

    #[test]
    fn what_is_not_well_is_said_with_what_to_do() {
        use State::{Bad, Warn};
        type Change = fn(&mut Facts);
        let cases: [(&str, State, &str, Change); 16] = [
            ("cores", Warn, "1 of 4 usable;", |f| {
                f.topology = Topology::flat(&[2])
            }),
            ("cores", Warn, "2 of 4 usable", |f| {
                f.topology = Topology::flat(&[2, 3])
            }),
            ("governor", Warn, "powersave", |f| {
                f.governor = Some("powersave".to_owned())
            }),
            ("load", Warn, "3.50 on 4 cores", |f| f.load = Some(3.5)),
            ("clock", Warn, "hpet", |f| f.clock = Some("hpet".to_owned())),
            ("kernel", Bad, "4.19.0", |f| {
                f.kernel = Some("4.19.0".to_owned())
            }),
            ("kernel", Bad, "5.2.1-x", |f| {
                f.kernel = Some("5.2.1-x".to_owned())
            }),
            ("/dev/shm", Bad, "not there", |f| f.shm = None),
            ("/dev/shm", Bad, "4096 bytes free of 64 MiB", |f| {
                f.shm = Some((64 << 20, 4096))
            }),
            ("/dev/shm", Warn, "32 MiB free", |f| {
                f.shm = Some((64 << 20, 32 << 20))
            }),
            ("ring", Bad, "refused", |f| {
                f.ring = Some("refused".to_owned())
            }),
            ("nofile", Bad, "10 open files", |f| f.limits.files = 10),
            ("nproc", Bad, "3 processes", |f| f.limits.processes = 3),
            ("RemoveIPC", Warn, "last session", |f| f.removes_ipc = true),
            ("cgroup cpu", Warn, "1.5 cores' time of 4", |f| {
                f.quota = Some(1.5)
            }),
            ("cgroup memory", Warn, "20 MiB", |f| {
                f.memory = Some(20 << 20)
            }),
        ];
        for (what, state, words, change) in cases {
            let mut facts = well();
            change(&mut facts);
            let found = findings(&facts);
            let ill: Vec<&Finding> = found.iter().filter(|f| f.state != State::Ok).collect();
            assert_eq!(ill.len(), 1, "{what}: {ill:?}");
            assert_eq!((ill[0].what, ill[0].state), (what, state));
            assert!(
                ill[0].found.contains(words) && ill[0].advice.is_some(),
                "{ill:?}"
            );
        }
    }

    #[test]
    fn settings_are_read_as_those_write_them_who_own_them() {
        assert!(removes_ipc("[Login]\n#RemoveIPC=no\n"));
        assert!(!removes_ipc("RemoveIPC=yes\n RemoveIPC=no\n"));
        assert_eq!(quota_of("150000 100000\n"), Some(1.5));
        assert_eq!(quota_of("max 100000\n"), None);
        let status = "Name:\tx\nCapEff:\t0000000000804000\n";
        assert!(has_capability(status, CAP_SYS_NICE) && has_capability(status, CAP_IPC_LOCK));
        assert!(!has_capability(status, 0) && !has_capability("", CAP_SYS_NICE));
    }

    #[test]
    fn this_machine_can_be_looked_at() {
        let facts = Facts::gather();
        assert_eq!((&facts.ring, facts.kernel.is_some()), (&None, true));
        assert!(facts.limits.files > 0 && !facts.topology.cores.is_empty());
    }
}
