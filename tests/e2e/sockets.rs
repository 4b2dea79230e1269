//! Sockets: what is sent arrives, ends end the stream, and what is wrong is named.

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;

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
