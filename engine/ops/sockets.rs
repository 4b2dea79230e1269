//! Sockets: TCP, UDP, Unix.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("relay");
//! let lines = g.source("lines", ops::tcp_read().listen("127.0.0.1:7000").again(true));
//! let errors = lines.apply("errors", ops::contains("ERROR"));
//! errors.write("out", ops::udp_write("127.0.0.1:7001"));
//! let numbers: Stream<f64> = g.source("numbers", ops::unix_read().connect("numbers.socket").dtype());
//! # drop(numbers.write("end", ops::null()));
//! # g.into_decl().unwrap();
//! ```

use super::kinds::Kind;
use super::rows::{sources, writers};
use crate::text::Text;

sources! {
    struct TcpRead by item {
        /// The peer's `host:port` to connect to.
        connect: &str,
        /// The `host:port` to wait at for one peer, instead of `connect`.
        listen: &str,
        /// For how long a peer that refuses is tried again. Default: once. `0` unless told otherwise.
        retry: f64,
        /// When the peer has closed, or the worker was killed, connect (or wait) again instead of ending.
        /// `false` unless told otherwise.
        again: bool,
        /// The longest line; a longer one ends the run. Its stream must hold twice as much. In bytes, `65536`
        /// unless told otherwise.
        longest: u64,
        /// What to do with a line that is no UTF-8: end the run, or put U+FFFD for what is wrong in it:
        /// `"error"`, `"replace"`. `"error"` unless told otherwise.
        invalid: &str,
        /// Items per second of what is sent.
        rate: f64,
    }

    /// What a peer sends over TCP: lines, or numbers.
    ///
    /// Connects to a peer or listens for one, and gives what it sends: lines as text (or `dtype = "bytes"`),
    /// as `text.read` does, or with `dtype` a number or a vector its bare bytes, little-endian. The stream
    /// ends when the peer closes.
    fn tcp_read() -> <Text> = "tcp.read";

    struct UnixRead by item {
        /// The peer's socket file to connect to, relative to the graph file.
        connect: &str,
        /// The socket file to make and to wait at for one peer, instead of `connect`. One that is left over
        /// is replaced.
        listen: &str,
        /// For how long a peer that refuses is tried again. Default: once. `0` unless told otherwise.
        retry: f64,
        /// When the peer has closed, or the worker was killed, connect (or wait) again instead of ending.
        /// `false` unless told otherwise.
        again: bool,
        /// The longest line; a longer one ends the run. Its stream must hold twice as much. In bytes, `65536`
        /// unless told otherwise.
        longest: u64,
        /// What to do with a line that is no UTF-8: end the run, or put U+FFFD for what is wrong in it:
        /// `"error"`, `"replace"`. `"error"` unless told otherwise.
        invalid: &str,
        /// Items per second of what is sent.
        rate: f64,
    }

    /// What a peer sends over a Unix socket: lines, or numbers.
    ///
    /// As `tcp.read`, over a stream socket with a path in the file system. A path that is listened at is
    /// removed when the peer has come.
    fn unix_read() -> <Text> = "unix.read";

    struct UdpRead by item {
        /// Ends when nothing came for so long. Default: never.
        idle: f64,
        /// What to do with a line that is no UTF-8: end the run, or put U+FFFD for what is wrong in it:
        /// `"error"`, `"replace"`. `"error"` unless told otherwise.
        invalid: &str,
    }

    /// The datagrams that come to a UDP port (not deterministic).
    ///
    /// A frame of text (or `dtype = "bytes"`) for each datagram, from whomever. UDP loses and reorders by
    /// itself, and the system drops what finds its buffer full while the graph is held back: at most once.
    fn udp_read(listen: &str) -> <Text> = "udp.read";
}

writers! {
    struct TcpWrite {
        /// The peer's `host:port` to connect to.
        connect: &str,
        /// The `host:port` to wait at for one peer, instead of `connect`.
        listen: &str,
        /// For how long a peer that refuses is tried again. Default: once. `0` unless told otherwise.
        retry: f64,
        /// When the peer has closed, or the worker was killed, connect (or wait) again and go on instead of
        /// ending the run. `false` unless told otherwise.
        again: bool,
        /// Whether a line feed follows each frame. `true` unless told otherwise.
        newline: bool,
    }

    /// Sends items to a peer over TCP: lines, or numbers.
    ///
    /// Connects to a peer or listens for one, and sends each frame of text or bytes as a line, or numbers and
    /// vectors as their bare bytes, little-endian. It waits for the peer as long as that takes no more: a
    /// slow peer holds the graph back, nothing is lost.
    fn tcp_write[T: Kind]() -> <T> = "tcp.write";

    struct UnixWrite {
        /// The peer's socket file to connect to, relative to the graph file.
        connect: &str,
        /// The socket file to make and to wait at for one peer, instead of `connect`. One that is left over
        /// is replaced.
        listen: &str,
        /// For how long a peer that refuses is tried again. Default: once. `0` unless told otherwise.
        retry: f64,
        /// When the peer has closed, or the worker was killed, connect (or wait) again and go on instead of
        /// ending the run. `false` unless told otherwise.
        again: bool,
        /// Whether a line feed follows each frame. `true` unless told otherwise.
        newline: bool,
    }

    /// Sends items to a peer over a Unix socket: lines, or numbers.
    ///
    /// As `tcp.write`, over a stream socket with a path in the file system. A path that is listened at is
    /// removed when the peer has come.
    fn unix_write[T: Kind]() -> <T> = "unix.write";

    struct UdpWrite {}

    /// Sends each frame as a UDP datagram.
    ///
    /// A datagram for each frame of text or bytes, at most 65507 bytes. Whether it arrives nobody knows; one
    /// that nobody listens for is not an error. A killed worker may send its last ones twice.
    fn udp_write[T: Kind](to: &str) -> <T> = "udp.write";
}
