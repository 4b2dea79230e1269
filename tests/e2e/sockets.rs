//! Sockets: what is sent arrives, ends end the stream, and what is wrong is named.

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener;

use nix::sys::signal::{Signal, kill};

use crate::site::{Site, until};

/// An address that nobody has now.
fn free() -> String {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    held.local_addr().unwrap().to_string()
}

const WAYS: [&[&str]; 3] = [&["--in-process"], &["--workers", "1"], &["--workers", "4"]];

#[test]
fn what_one_end_sends_the_other_gives() {
    let site = Site::new();
    let lines: String = (0..3000).map(|n| format!("line {n} größe\n")).collect();
    site.write("in.txt", &lines);
    let numbers: Vec<u8> = (0..5000i64).flat_map(i64::to_le_bytes).collect();
    for way in WAYS {
        for (kind, at) in [("tcp", free()), ("unix", "peer.sock".to_owned())] {
            let graph = format!(
                "text.read path=in.txt ! {kind}.write connect=\"{at}\" retry=20 ; \
                 {kind}.read listen=\"{at}\" ! text.write path=out.txt"
            );
            site.run(&[&["run", "-q"], way, &["-e", &graph]].concat())
                .expect(0);
            assert!(site.read_text("out.txt") == lines, "{kind} {way:?}");
        }
        for (kind, at) in [("tcp", free()), ("unix", "peer.sock".to_owned())] {
            let graph = format!(
                "counter items=5000 ! {kind}.write listen=\"{at}\" ; \
                 {kind}.read connect=\"{at}\" retry=20 dtype=i64 ! raw.write path=out.raw"
            );
            site.run(&[&["run", "-q"], way, &["-e", &graph]].concat())
                .expect(0);
            assert!(site.read("out.raw") == numbers, "{kind} {way:?}");
        }
    }
    assert!(!site.path("peer.sock").exists());
    site.assert_clean();
}

#[test]
fn a_peer_that_closes_ends_the_stream() {
    let site = Site::new();
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = peer.local_addr().unwrap();
    let graph = format!("tcp.read connect={at} ! text.write path=o.txt");
    let going = site.start(site.thalweg(&["run", "-q", "-e", &graph]));
    let (mut socket, _) = peer.accept().unwrap();
    socket.write_all(b"one\ntwo\nno end").unwrap();
    drop(socket);
    going.wait().expect(0);
    assert_eq!(site.read_text("o.txt"), "one\ntwo\nno end\n");

    let graph = format!("tcp.read connect={at} dtype=f64 ! raw.write path=o.raw");
    let going = site.start(site.thalweg(&["run", "-q", "-e", &graph]));
    let (mut socket, _) = peer.accept().unwrap();
    socket.write_all(&[0; 11]).unwrap();
    drop(socket);
    going
        .wait()
        .expect(1)
        .says(&["closed the connection within an item: 3 bytes of one had come"]);
    assert_eq!(site.read("o.raw"), [0; 8]);
    site.assert_clean();
}

#[test]
fn a_connection_that_breaks_is_followed_by_another_or_named() {
    // With nothing to wait for, closing breaks the connection off.
    let break_off = |socket: std::net::TcpStream| {
        let at_once = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        let (fd, len) = (socket.as_raw_fd(), size_of_val(&at_once) as libc::socklen_t);
        // SAFETY: the descriptor is open, and the option is read from a `linger` of this length.
        let set = unsafe {
            let value = (&raw const at_once).cast();
            libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_LINGER, value, len)
        };
        assert_eq!(set, 0);
    };
    for (again, code, expected) in [("true", 0, "one\ntwo\n"), ("false", 1, "one\n")] {
        let site = Site::new();
        let peer = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = peer.local_addr().unwrap();
        let graph =
            format!("tcp.read connect={at} again={again} ! head items=2 ! text.write path=o.txt");
        let going = site.start(site.thalweg(&["run", "-q", "-e", &graph]));
        let (mut socket, _) = peer.accept().unwrap();
        socket.write_all(b"one\n").unwrap();
        until("the line", || {
            site.path("o.txt").exists() && site.read("o.txt") == b"one\n"
        });
        break_off(socket);
        if again == "true" {
            let (mut socket, _) = peer.accept().unwrap();
            socket.write_all(b"two\n").unwrap();
            going.wait().expect(code);
        } else {
            going.wait().expect(code).says(&["cannot be read from"]);
        }
        assert_eq!(site.read_text("o.txt"), expected);
        site.assert_clean();
    }
}

#[test]
fn a_connection_comes_again_if_so_asked() {
    let site = Site::new();
    let peer = UnixListener::bind(site.path("peer.sock")).unwrap();
    let graph = "unix.read connect=peer.sock again=true ! head items=3 ! text.write path=o.txt";
    let going = site.start(site.thalweg(&["run", "-q", "-e", graph]));
    for words in ["one\ntwo\n", "three\nfour\n"] {
        let (mut socket, _) = peer.accept().unwrap();
        socket.write_all(words.as_bytes()).unwrap();
    }
    going.wait().expect(0);
    assert_eq!(site.read_text("o.txt"), "one\ntwo\nthree\n");

    // The first reader may have come once more, before it was done.
    let peer = UnixListener::bind(site.path("other.sock")).unwrap();
    let graph = "counter items=5 ! text.format format=\"{x}\" ! unix.write connect=other.sock";
    let going = site.start(site.thalweg(&["run", "-q", "-e", graph]));
    let (mut socket, _) = peer.accept().unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    assert_eq!(text, "0\n1\n2\n3\n4\n");
    going.wait().expect(0);
    site.assert_clean();
}

#[test]
fn what_is_wrong_with_an_address_is_named() {
    let site = Site::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    let nobody = free();
    let cases = [
        (
            format!("tcp.read connect={nobody}"),
            1,
            "nobody listens there; start the peer first",
        ),
        (
            format!("tcp.read listen={taken}"),
            1,
            "another program has it; choose another",
        ),
        (
            "tcp.read connect=no.such.host.invalid:1".to_owned(),
            1,
            "cannot be connected to",
        ),
        (
            "unix.read connect=none.sock".to_owned(),
            1,
            "there is no such socket",
        ),
        (
            "tcp.read connect=localhost".to_owned(),
            2,
            "should be a host and a port",
        ),
        (
            "tcp.read retry=1".to_owned(),
            2,
            "needs `connect` or `listen`",
        ),
        (
            format!("tcp.read connect={nobody} listen={nobody}"),
            2,
            "are both given",
        ),
        (format!("udp.read listen={nobody} idle=-1"), 2, "`idle`"),
    ];
    for (source, code, words) in cases {
        let ended = site.run(&["run", "-q", "-e", &format!("{source} ! null")]);
        ended.expect(code).says(&[words]);
    }
    site.assert_clean();
}

#[test]
fn datagrams_are_items() {
    let site = Site::new();
    let at = {
        let held = UdpSocket::bind("127.0.0.1:0").unwrap();
        held.local_addr().unwrap()
    };
    let graph = format!("udp.read listen={at} ! head items=3 ! text.write path=o.txt");
    let mut going = site.start(site.thalweg(&["run", "-q", "-e", &graph]));
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sent = 0;
    // Until it listens, nobody does: datagrams are lost.
    until("three datagrams", || {
        let _ = sender.send_to(format!("datagram {sent}").as_bytes(), at);
        sent += 1;
        going.is_over()
    });
    going.wait().expect(0);
    let text = site.read_text("o.txt");
    let numbers = text
        .lines()
        .map(|line| line.strip_prefix("datagram ").unwrap());
    let numbers: Vec<u32> = numbers.map(|n| n.parse().unwrap()).collect();
    assert!(numbers.len() == 3 && numbers.is_sorted(), "{text}");

    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = receiver.local_addr().unwrap();
    let graph = format!("counter items=3 ! text.format format=\"{{x}}\" ! udp.write to={at}");
    site.run(&["run", "-q", "-e", &graph]).expect(0);
    for n in 0..3 {
        let mut datagram = [0; 16];
        let len = receiver.recv(&mut datagram).unwrap();
        assert_eq!(&datagram[..len], n.to_string().as_bytes());
    }
    site.assert_clean();
}

/// A graph whose source holds more than its ring of 64 items takes, and writes them slowly.
fn slow(source: &str) -> String {
    format!("{source} ! throttle rate=2000 ! raw.write path=o.raw")
}

/// The numbers that a peer sends.
fn numbers(range: std::ops::Range<i64>) -> Vec<u8> {
    range.flat_map(i64::to_le_bytes).collect()
}

/// Kills the worker of the source as soon as something has come out at the end.
fn kill_the_source(site: &Site, output: &str) {
    until("the first items", || {
        std::fs::metadata(site.path(output)).is_ok_and(|file| file.len() > 0)
    });
    let source = site
        .workers()
        .into_iter()
        .min_by_key(|(_, name)| name.clone());
    kill(source.expect("a worker").0, Signal::SIGKILL).unwrap();
}

const APART: [&str; 6] = ["run", "--workers", "2", "--capacity", "64", "-e"];

#[test]
fn what_a_killed_reader_had_taken_is_counted() {
    let site = Site::new();
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = peer.local_addr().unwrap();
    let graph = slow(&format!("tcp.read connect={at} dtype=i64 again=true"));
    let going = site.start(site.thalweg(&[&APART[..], &[&graph]].concat()));
    let (mut first, _) = peer.accept().unwrap();
    first.write_all(&numbers(0..5000)).unwrap();
    kill_the_source(&site, "o.raw");
    let (mut second, _) = peer.accept().unwrap();
    second.write_all(&numbers(10_000..10_100)).unwrap();
    until("what came over the second connection", || {
        site.read("o.raw").ends_with(&numbers(10_099..10_100))
    });
    going.signal(Signal::SIGINT);
    let ended = going.wait().expect(0);
    let out = site.read("o.raw");
    let kept = out.len() as i64 / 8 - 100;
    assert!(kept < 5000, "nothing was lost");
    assert!(out == [numbers(0..kept), numbers(10_000..10_100)].concat());
    let gone = 8 * (5000 - kept);
    let words = format!("{gone} bytes that had come over connections with {at} are gone");
    ended.says(&[
        "it is forked again",
        &words,
        "deaths of the worker of `tcp_read`",
    ]);
    site.assert_clean();
}

#[test]
fn a_killed_reader_that_may_not_connect_again_ends_the_run() {
    let site = Site::new();
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = peer.local_addr().unwrap();
    let graph = slow(&format!("tcp.read connect={at} dtype=i64"));
    let going = site.start(site.thalweg(&[&APART[..], &[&graph]].concat()));
    let (mut socket, _) = peer.accept().unwrap();
    socket.write_all(&numbers(0..5000)).unwrap();
    kill_the_source(&site, "o.raw");
    let ended = going.wait();
    let died = format!("the connection with {at} died with its worker, and ");
    ended
        .expect(1)
        .says(&[&died, "bytes that had come over it are gone"]);
    site.assert_clean();
}

#[test]
fn what_a_killed_writer_had_sent_is_counted() {
    let site = Site::new();
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = peer.local_addr().unwrap();
    let graph = format!("counter ! tcp.write connect={at} again=true");
    let going = site.start(site.thalweg(&["run", "--workers", "2", "-e", &graph]));
    let (first, _) = peer.accept().unwrap();
    // It reads nothing, so the writer comes to stand within a batch.
    until("a full connection", || is_stuck(&site));
    let writer = site
        .workers()
        .into_iter()
        .max_by_key(|(_, name)| name.clone());
    kill(writer.expect("a worker").0, Signal::SIGKILL).unwrap();
    let (mut second, _) = peer.accept().unwrap();
    drop(first);
    let mut number = [0; 8];
    second.read_exact(&mut number).unwrap();
    let committed = i64::from_le_bytes(number);
    assert!(committed > 0, "nothing had been sent");
    going.signal(Signal::SIGINT);
    // The rest drains into a peer that takes it.
    std::io::copy(&mut second, &mut std::io::sink()).unwrap();
    let ended = going.wait().expect(0);
    let words = format!("items that had been sent to {at} are sent again");
    ended.says(&["at least ", &words]);
    site.assert_clean();
}

/// True once the run has produced no more for a while, looked at often: a worker on a busy machine stands for long, too.
fn is_stuck(site: &Site) -> bool {
    let produced = || site.run(&["ps", "--json"]).stdout;
    let before = produced();
    !before.is_empty()
        && (0..5).all(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            before == produced()
        })
}

#[test]
fn a_datagram_in_the_hands_of_a_killed_worker_is_counted() {
    let site = Site::new();
    let at = {
        let held = UdpSocket::bind("127.0.0.1:0").unwrap();
        held.local_addr().unwrap()
    };
    let graph = format!("udp.read listen={at} ! throttle rate=20 ! text.write path=o.txt");
    let arguments = ["run", "--workers", "2", "--capacity", "4096", "-e", &graph];
    let going = site.start(site.thalweg(&arguments));
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    until("more datagrams than the ring holds", || {
        for _ in 0..100 {
            let _ = sender.send_to(&[b'x'; 1000], at);
        }
        std::fs::metadata(site.path("o.txt")).is_ok_and(|file| file.len() > 8000)
    });
    kill_the_source(&site, "o.txt");
    until("the successor", || {
        going.stderr().contains("it is forked again")
    });
    going.signal(Signal::SIGINT);
    let words = format!("1 datagrams that had come to {at} are gone");
    going.wait().expect(0).says(&[&words]);
    site.assert_clean();
}

#[test]
fn datagrams_that_find_the_system_s_buffer_full_are_counted() {
    const SENT: u64 = 20_000;
    let site = Site::new();
    let at = {
        let held = UdpSocket::bind("127.0.0.1:0").unwrap();
        held.local_addr().unwrap()
    };
    let graph = format!("udp.read listen={at} idle=1 ! text.write path=o.txt");
    let going = site.start_run(&["run", "--json", "--workers", "1", "-e", &graph], 1);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    until("somebody who listens", || {
        let _ = sender.send_to(b"x", at);
        site.path("o.txt").exists() && site.read("o.txt").len() > 1
    });
    let (worker, _) = &site.workers()[0];
    let came = || {
        site.read_text("o.txt")
            .lines()
            .filter(|line| line.len() > 1)
            .count() as u64
    };
    // Held still, its buffer runs over.
    kill(*worker, Signal::SIGSTOP).unwrap();
    let datagram = [b'y'; 1000];
    let sent = (0..SENT)
        .filter(|_| sender.send_to(&datagram, at).is_ok())
        .count() as u64;
    kill(*worker, Signal::SIGCONT).unwrap();
    let report = going.wait().expect(0).json();
    let words = report["agents"][0]["lost_outside"]
        .as_str()
        .unwrap_or_default();
    let lost: u64 = words.split(' ').next().unwrap().parse().unwrap_or_default();
    assert!(
        lost > 0 && lost + came() == sent,
        "{sent} sent, {} came: {words}",
        came()
    );
    assert!(words.contains("found the system's buffer full"), "{words}");
    site.assert_clean();
}

#[test]
fn a_peer_that_died_having_read_half_is_told_of_and_the_next_one_goes_on() {
    let site = Site::new();
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = peer.local_addr().unwrap();
    let graph = format!("counter items=300000 ! tcp.write connect={at} again=true");
    let going = site.start(site.thalweg(&["run", "--workers", "2", "-e", &graph]));
    let (mut first, _) = peer.accept().unwrap();
    let mut half = vec![0; 8 * 1000];
    first.read_exact(&mut half).unwrap();
    // Closed with unread bytes: a reset.
    drop(first);
    let (mut second, _) = peer.accept().unwrap();
    let mut rest = Vec::new();
    second.read_to_end(&mut rest).unwrap();
    let numbers = |bytes: &[u8]| -> Vec<i64> {
        let items = bytes.chunks_exact(8);
        items
            .map(|b| i64::from_le_bytes(b.try_into().unwrap()))
            .collect()
    };
    let (half, rest) = (numbers(&half), numbers(&rest));
    assert!(half.iter().copied().eq(0..1000));
    // Whole items, in order, up to the last one: what is missing between the two lay with the dead.
    assert!(
        rest.iter().copied().eq(rest[0]..300_000),
        "from {}",
        rest[0]
    );
    let words = format!("to {at} was closed by its peer 1 times: what the peer had not read");
    going
        .wait()
        .expect(0)
        .says(&["lost outside, at `tcp_write`: ", &words[3..]]);
    site.assert_clean();
}

#[test]
fn what_a_killed_writer_had_put_into_a_pipe_is_counted() {
    let site = Site::new();
    let pipe = site.path("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // Opened for both, so that nobody waits for the other end.
    let both = std::fs::File::options().read(true).write(true).open(&pipe);
    let mut reader = both.unwrap();
    let graph = "counter ! raw.write path=pipe";
    let going = site.start(site.thalweg(&["run", "--workers", "2", "-e", graph]));
    until("a full pipe", || is_stuck(&site));
    let writer = site
        .workers()
        .into_iter()
        .max_by_key(|(_, name)| name.clone());
    kill(writer.expect("a worker").0, Signal::SIGKILL).unwrap();
    until("the successor", || going.stderr().contains("come again"));
    going.signal(Signal::SIGINT);
    // The rest drains into a pipe that is read, until the run is over.
    let drained = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while reader.read(&mut bytes).unwrap() == bytes.len() {}
    });
    let ended = going.wait().expect(0);
    ended.says(&["at least ", "bytes that had been written to ", "come again"]);
    std::fs::write(&pipe, b"over").unwrap();
    drained.join().unwrap();
    site.assert_clean();
}
