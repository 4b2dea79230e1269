//! Rings between real processes: this test binary runs itself again, with a role.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use thalweg_ringbuf::{
    Access, EndError, IdleStrategy, MappedRing, PAGE_LEN_BYTES, RingSpec, Segment, SegmentError,
    SharedRing, Woken,
};

const PATIENCE: Duration = Duration::from_secs(60);
const ITEMS: u64 = 200_000;

/// Waits by sleeping at once, and for long: a wake-up that is lost is a test that does not end.
const SLEEPER: IdleStrategy = IdleStrategy {
    spins: 0,
    yields: 0,
    sleep: Some(PATIENCE),
};

#[test]
fn a_stream_crosses_to_another_process_item_by_item() {
    if let Some(name) = role("reader") {
        let ring = SharedRing::attach_within(&name, PATIENCE).unwrap();
        let mut consumer = ring.consumer::<u64>(0).unwrap().idle(SLEEPER);
        let mut expected = 0..ITEMS;
        for item in consumer.items() {
            assert_eq!(Some(item.unwrap()), expected.next());
        }
        assert_eq!(expected.next(), None);
        return;
    }
    let name = Name::new("cross");
    // Started first: it waits until the ring is there and whole.
    let reader = again(
        "a_stream_crosses_to_another_process_item_by_item",
        "reader",
        &name,
    );
    let ring = SharedRing::create(&name.0, &RingSpec::of::<u64>(100)).unwrap();
    let mut producer = ring.producer::<u64>().unwrap().idle(SLEEPER);
    for item in 0..ITEMS {
        producer.push(item).unwrap();
    }
    drop(producer);
    succeeds(reader);
}

#[test]
fn frames_cross_to_another_process() {
    if let Some(name) = role("reader") {
        let ring = SharedRing::attach_within(&name, PATIENCE).unwrap();
        let mut consumer = ring.frame_consumer(0).unwrap();
        let mut count = 0;
        while let Some(frame) = consumer.next_frame().unwrap() {
            assert_eq!(frame, record(count));
            count += 1;
        }
        assert_eq!(count, 20_000);
        return;
    }
    let name = Name::new("frames");
    let reader = again("frames_cross_to_another_process", "reader", &name);
    let ring = SharedRing::create(&name.0, &RingSpec::frames(5000)).unwrap();
    let mut producer = ring.frame_producer().unwrap();
    for n in 0..20_000 {
        producer.push(&record(n)).unwrap();
    }
    drop(producer);
    succeeds(reader);
}

fn record(n: usize) -> Vec<u8> {
    format!("{n}:").repeat(n % 40).into_bytes()
}

#[test]
fn a_killed_reader_is_followed_by_one_that_goes_on_where_it_had_released() {
    if let Some(name) = role("reader") {
        let ring = SharedRing::attach(&name).unwrap();
        let mut consumer = ring.consumer::<u64>(0).unwrap();
        assert_eq!(consumer.wait_for(50).unwrap().len(), 100);
        consumer.release(30);
        println!("released");
        loop {
            thread::park();
        }
    }
    let name = Name::new("killed");
    let ring = SharedRing::create(&name.0, &RingSpec::of::<u64>(100)).unwrap();
    let mut producer = ring.producer::<u64>().unwrap();
    producer.push_slice(&(0..100).collect::<Vec<_>>()).unwrap();
    let mut reader = again(
        "a_killed_reader_is_followed_by_one_that_goes_on_where_it_had_released",
        "reader",
        &name,
    );
    await_line(&mut reader, "released");
    let taken = ring.consumer::<u64>(0).unwrap_err();
    assert_eq!(
        taken,
        EndError::Taken {
            end: "reader 0".into(),
            pid: reader.id()
        }
    );
    reader.kill().unwrap();
    reader.wait().unwrap();
    let mut successor = ring.consumer::<u64>(0).unwrap();
    drop(producer);
    let rest: Vec<u64> = successor.items().collect::<Result<_, _>>().unwrap();
    assert!(rest.into_iter().eq(30..100));
}

#[test]
fn a_killed_producer_is_followed_by_one_that_goes_on_behind_it() {
    if let Some(name) = role("producer") {
        let ring = SharedRing::attach(&name).unwrap();
        let mut producer = ring.producer::<u64>().unwrap();
        producer.push_slice(&[0, 1, 2]).unwrap();
        producer.reserve(5).unwrap().fill(99);
        println!("pushed");
        loop {
            thread::park();
        }
    }
    let name = Name::new("heir");
    let ring = SharedRing::create(&name.0, &RingSpec::of::<u64>(100)).unwrap();
    let mut producer = again(
        "a_killed_producer_is_followed_by_one_that_goes_on_behind_it",
        "producer",
        &name,
    );
    await_line(&mut producer, "pushed");
    producer.kill().unwrap();
    producer.wait().unwrap();
    let mut consumer = ring.consumer::<u64>(0).unwrap();
    let mut heir = ring.producer::<u64>().unwrap();
    assert_eq!(heir.position(), 3);
    heir.push_slice(&[3, 4]).unwrap();
    drop(heir);
    let all: Vec<u64> = consumer.items().collect::<Result<_, _>>().unwrap();
    assert_eq!(all, [0, 1, 2, 3, 4]);
}

#[test]
fn dead_readers_can_be_evicted_so_that_the_producer_goes_on() {
    if let Some(name) = role("reader") {
        let ring = SharedRing::attach(&name).unwrap();
        let consumer = ring.join::<u64>().unwrap();
        println!("joined {}", consumer.reader());
        loop {
            thread::park();
        }
    }
    let name = Name::new("evict");
    let ring = SharedRing::create(
        &name.0,
        &RingSpec::of::<u64>(10).readers(0).spare_readers(1),
    )
    .unwrap();
    let mut producer = ring.producer::<u64>().unwrap();
    let mut reader = again(
        "dead_readers_can_be_evicted_so_that_the_producer_goes_on",
        "reader",
        &name,
    );
    await_line(&mut reader, "joined 0");
    assert_eq!(producer.reserve(100).unwrap().len(), 10);
    producer.commit(10);
    assert_eq!(producer.reserve(1).unwrap().len(), 0);
    assert_eq!(ring.evict_dead_readers(), Ok(0));
    reader.kill().unwrap();
    reader.wait().unwrap();
    assert_eq!(ring.evict_dead_readers(), Ok(1));
    assert!(!producer.has_readers());
    assert_eq!(producer.reserve(1).unwrap().len(), 1);
}

#[test]
fn a_read_only_tap_in_another_process_counts_what_it_reads_and_misses() {
    if let Some(name) = role("tap") {
        let ring = SharedRing::attach_read_only(&name).unwrap();
        assert_eq!(ring.consumer::<u64>(0).unwrap_err(), EndError::ReadOnly);
        assert_eq!(ring.producer::<u64>().unwrap_err(), EndError::ReadOnly);
        let mut tap = ring.tap::<u64>().unwrap();
        println!("tapping");
        let mut out = [0; 64];
        let (mut read, mut next) = (0, tap.position());
        while !tap.is_ended() {
            let lost = tap.lost();
            let count = tap.read(&mut out);
            next += tap.lost() - lost;
            for item in &out[..count] {
                assert_eq!(*item, next);
                next += 1;
            }
            read += count as u64;
        }
        assert_eq!(read + tap.lost(), ITEMS);
        return;
    }
    let name = Name::new("tap");
    let ring = SharedRing::create(&name.0, &RingSpec::of::<u64>(600).readers(0)).unwrap();
    let mut producer = ring.producer::<u64>().unwrap();
    let mut tap = again(
        "a_read_only_tap_in_another_process_counts_what_it_reads_and_misses",
        "tap",
        &name,
    );
    await_line(&mut tap, "tapping");
    let mut item = 0;
    while item < ITEMS {
        let slots = producer.reserve((ITEMS - item).min(37) as usize).unwrap();
        for slot in slots.iter_mut() {
            *slot = item;
            item += 1;
        }
        let count = slots.len();
        producer.commit(count);
    }
    drop(producer);
    succeeds(tap);
}

#[test]
fn a_stray_store_into_a_protected_ring_ends_the_process_and_leaves_the_data() {
    if let Some(name) = role("stray") {
        let segment = Arc::new(Segment::attach(&name).unwrap());
        let mapped = MappedRing::open(&segment, 0).unwrap();
        // SAFETY: this process only reads the ring from here on.
        unsafe { mapped.protect(Access::ReadWrite, Access::ReadOnly) }.unwrap();
        // SAFETY: the handle is used while the ring is mapped; there is no other end.
        let slot = unsafe { mapped.ring() }.slot_ptr(0);
        // SAFETY: mapped and readable.
        assert_eq!(unsafe { slot.read_volatile() }, 7);
        println!("storing");
        // SAFETY: mapped, and not writable: the kernel ends this process here, as the test wants.
        unsafe { slot.write_volatile(1) };
        unreachable!("the store went through");
    }
    let name = Name::new("stray");
    let ring = SharedRing::create(&name.0, &RingSpec::of::<u8>(100)).unwrap();
    ring.producer::<u8>().unwrap().push(7).unwrap();
    let mut stray = again(
        "a_stray_store_into_a_protected_ring_ends_the_process_and_leaves_the_data",
        "stray",
        &name,
    );
    await_line(&mut stray, "storing");
    assert_eq!(stray.wait().unwrap().signal(), Some(11));
    assert_eq!(ring.consumer::<u8>(0).unwrap().pop(), Ok(Some(7)));
}

#[test]
fn a_segment_kept_from_children_is_not_there_for_them() {
    if let Some(name) = role("parent") {
        let segment = Segment::create(&name, PAGE_LEN_BYTES).unwrap();
        segment.unlink().unwrap();
        segment.keep_from_children().unwrap();
        let word = segment.as_ptr();
        // SAFETY: the child only stores and ends, whatever the threads of this process hold.
        let child = match unsafe { fork() }.unwrap() {
            ForkResult::Parent { child } => child,
            ForkResult::Child => {
                // SAFETY: not mapped here: the kernel ends this process, as the test wants.
                unsafe { word.write_volatile(1) };
                // SAFETY: ends this process at once.
                unsafe { libc::_exit(0) }
            }
        };
        let ended = waitpid(child, None).unwrap();
        assert!(
            matches!(ended, WaitStatus::Signaled(_, Signal::SIGSEGV, _)),
            "{ended:?}"
        );
        // SAFETY: mapped here, and nobody else stores.
        assert_eq!(unsafe { word.read_volatile() }, 0);
        return;
    }
    let name = Name::new("children");
    succeeds(again(
        "a_segment_kept_from_children_is_not_there_for_them",
        "parent",
        &name,
    ));
}

#[test]
fn huge_pages_are_a_wish_and_the_ring_works_either_way() {
    let ring = RingSpec::of::<u64>(1 << 20);
    let segment = Arc::new(Segment::anonymous(16 << 20).unwrap());
    println!("huge pages: {}", segment.prefer_huge_pages());
    // SAFETY: the segment is new.
    let mapped = unsafe { MappedRing::format(&segment, 0, &ring) }.unwrap();
    // SAFETY: used while the ring lives, by nobody else.
    let mut producer = unsafe { mapped.ring() }.producer();
    assert_eq!(producer.free(0), Ok(1 << 20));
    // SAFETY: the slot is free.
    unsafe { producer.slots((1 << 20) - 1, 1).cast::<u64>().write(5) };
}

#[test]
fn a_full_shared_memory_is_refused_with_need_and_have_and_nothing_is_left() {
    if let Some(name) = role("small") {
        // A ring that fits, then one that does not.
        let fits = SharedRing::create(&name, &RingSpec::of::<u64>(10_000)).unwrap();
        fits.unlink().unwrap();
        drop(fits);
        let refused = Segment::create(&name, 4 << 20).unwrap_err();
        let SegmentError::NoSpace { need, have, .. } = refused else {
            panic!("{refused}")
        };
        assert_eq!(need, 4 << 20);
        assert!(have <= 1 << 20, "{have}");
        assert_eq!(std::fs::read_dir("/dev/shm").unwrap().count(), 0);
        println!("refused");
        return;
    }
    let name = Name::new("small");
    let mount = "mount -t tmpfs -o size=1m tmpfs /dev/shm || exit 77; exec \"$0\" \"$@\"";
    let mut command = Command::new("unshare");
    command
        .args(["-m", "sh", "-c", mount])
        .arg(std::env::current_exe().unwrap());
    let test = "a_full_shared_memory_is_refused_with_need_and_have_and_nothing_is_left";
    let output = with_role(&mut command, test, "small", &name).output();
    match output {
        Ok(output)
            if output.status.code() == Some(77)
                || !output.status.success() && output.stdout.is_empty() =>
        {
            println!(
                "skipped: no mount namespace here: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success() && said.contains("refused"),
                "{said}{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Err(error) => println!("skipped: no `unshare` here: {error}"),
    }
}

#[test]
fn a_segment_is_for_this_user_alone_whatever_the_umask() {
    if let Some(name) = role("maker") {
        // SAFETY: changes a number of this process.
        unsafe { libc::umask(0o777) };
        let ring = SharedRing::create(&name, &RingSpec::of::<u64>(10)).unwrap();
        // SAFETY: as above.
        let outer_umask = unsafe { libc::umask(0) };
        assert_eq!(outer_umask, 0o777, "the umask was not put back");
        let mode = std::fs::metadata(format!("/dev/shm{name}"))
            .unwrap()
            .permissions()
            .mode();
        ring.unlink().unwrap();
        assert_eq!(mode & 0o777, 0o600);
        return;
    }
    let name = Name::new("umask");
    succeeds(again(
        "a_segment_is_for_this_user_alone_whatever_the_umask",
        "maker",
        &name,
    ));
}

#[test]
fn two_that_sleep_in_turn_wake_each_other_every_time() {
    const ROUNDS: u64 = 5_000;
    let spec = RingSpec::of::<u64>(1);
    let segment = Arc::new(Segment::anonymous(1 << 20).unwrap());
    // SAFETY: the segment is new; the two rings lie apart.
    let there = Arc::new(unsafe { MappedRing::format(&segment, 0, &spec) }.unwrap());
    // SAFETY: as above.
    let back = Arc::new(unsafe { MappedRing::format(&segment, 1 << 19, &spec) }.unwrap());
    let (ping, pong) = (there.clone(), back.clone());
    let echo = thread::spawn(move || bounce(&pong, &ping, ROUNDS, false));
    bounce(&there, &back, ROUNDS, true);
    echo.join().unwrap();
}

/// Publishes on `out` and awaits on `inward`, in turn, always asleep in between if it comes to that.
fn bounce(out: &MappedRing, inward: &MappedRing, rounds: u64, first: bool) {
    // SAFETY: the rings outlive the handles; one producer and one reader each.
    let (out, inward) = unsafe { (out.ring(), inward.ring()) };
    let mut consumer = inward.reader(0).unwrap();
    for round in 0..rounds {
        let publish = || {
            out.publish(round + 1);
            out.reader_bell(0).ring();
        };
        if first {
            publish();
        }
        while consumer.available(round).unwrap() == 0 {
            let ready = || inward.written() > round;
            assert_ne!(
                inward.reader_bell(0).sleep_unless(ready, PATIENCE),
                Woken::TimedOut,
                "round {round}"
            );
        }
        consumer.release(round + 1);
        if !first {
            publish();
        }
    }
}

/// A segment's name of this process, taken away at the end of the test however it ends.
struct Name(String);

impl Name {
    fn new(test: &str) -> Self {
        Self(format!("/thalweg-test-{test}-{}", std::process::id()))
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        // Tests that never made it are fine.
        let _ = Segment::unlink_name(&self.0);
    }
}

/// The segment's name, if this process was started for `role`.
fn role(role: &str) -> Option<String> {
    let given = std::env::var("THALWEG_TEST_ROLE").ok()?;
    assert_eq!(given, role);
    std::env::var("THALWEG_TEST_NAME").ok()
}

fn again(test: &str, role: &str, name: &Name) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    with_role(&mut command, test, role, name)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn with_role<'a>(command: &'a mut Command, test: &str, role: &str, name: &Name) -> &'a mut Command {
    command.args(["--exact", test, "--nocapture"]);
    command
        .env("THALWEG_TEST_ROLE", role)
        .env("THALWEG_TEST_NAME", &name.0)
}

/// Reads what the child says until it says `line`.
fn await_line(child: &mut Child, line: &str) {
    let mut said = String::new();
    let mut byte = [0];
    let out = child.stdout.as_mut().unwrap();
    while !said.contains(line) {
        assert_eq!(out.read(&mut byte).unwrap(), 1, "ended after: {said}");
        said.push(byte[0] as char);
    }
}

fn succeeds(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}
