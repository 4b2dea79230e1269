//! Sockets: addresses, connecting and listening, and the bytes of a peer, without ever blocking.
//!
//! A peer's bytes come once. What a worker had taken of them and not committed when it was killed is
//! gone with it, and so is its connection: these connectors are at most once at the source and at least
//! once at the sink, and a killed one ends the run with a sentence unless it may connect again.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::agent::{AgentError, Wait};
use crate::op::{Args, OpError, ParamDef, ParamKind};

/// The parameter `connect` of TCP connectors.
pub(super) const CONNECT: ParamDef = ParamDef {
    name: "connect",
    kind: ParamKind::Text,
    default: Some(""),
    unit: "",
    doc: "The peer's `host:port` to connect to.",
};

/// The parameter `listen` of TCP connectors.
pub(super) const LISTEN: ParamDef = ParamDef {
    name: "listen",
    kind: ParamKind::Text,
    default: Some(""),
    unit: "",
    doc: "The `host:port` to wait at for one peer, instead of `connect`.",
};

/// The parameter `path` of connectors of Unix sockets.
pub(super) const UNIX_CONNECT: ParamDef = ParamDef {
    name: "connect",
    kind: ParamKind::Text,
    default: Some(""),
    unit: "",
    doc: "The peer's socket file to connect to, relative to the graph file.",
};

/// The parameter `listen` of connectors of Unix sockets.
pub(super) const UNIX_LISTEN: ParamDef = ParamDef {
    name: "listen",
    kind: ParamKind::Text,
    default: Some(""),
    unit: "",
    doc: "The socket file to make and to wait at for one peer, instead of `connect`. One that is left over is replaced.",
};

/// The parameter `retry` of connectors that connect.
pub(super) const RETRY: ParamDef = ParamDef {
    name: "retry",
    kind: ParamKind::Float,
    default: Some("0"),
    unit: "s",
    doc: "For how long a peer that refuses is tried again. Default: once.",
};

/// Whom to talk to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// TCP, by us.
    TcpConnect(String),
    /// TCP, by it.
    TcpListen(String),
    /// A Unix socket, by us.
    UnixConnect(PathBuf),
    /// A Unix socket, by it.
    UnixListen(PathBuf),
}

impl Peer {
    /// As the parameters `connect` and `listen` have it.
    pub(super) fn of(args: &Args, is_tcp: bool) -> Result<Peer, OpError> {
        match (args.text("connect"), args.text("listen")) {
            (Some(at), None) if is_tcp => Ok(Peer::TcpConnect(host_port("connect", at)?)),
            (None, Some(at)) if is_tcp => Ok(Peer::TcpListen(host_port("listen", at)?)),
            (Some(at), None) => Ok(Peer::UnixConnect(socket_path(args, "connect", at)?)),
            (None, Some(at)) => Ok(Peer::UnixListen(socket_path(args, "listen", at)?)),
            (None, None) => Err(OpError::op(format!(
                "`{}` needs `connect` or `listen`",
                args.op().name
            ))),
            (Some(_), Some(_)) => Err(OpError::param(
                "listen",
                "`connect` and `listen` are both given: a socket does one of them",
            )),
        }
    }

    fn name(&self) -> String {
        match self {
            Peer::TcpConnect(at) | Peer::TcpListen(at) => at.clone(),
            Peer::UnixConnect(path) | Peer::UnixListen(path) => path.display().to_string(),
        }
    }
}

/// Refuses what cannot be a host and a port.
pub(super) fn host_port(param: &str, at: &str) -> Result<String, OpError> {
    let port = at.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    match port {
        Some(Ok(_)) => Ok(at.to_owned()),
        _ => Err(OpError::param(
            param,
            format!("`{param}` is {at:?}, and should be a host and a port"),
        )
        .with_help("such as \"localhost:7000\" or \"0.0.0.0:7000\"")),
    }
}

/// The longest path of a socket (`sun_path`).
const SOCKET_PATH_MAX: usize = 107;

fn socket_path(args: &Args, param: &str, at: &str) -> Result<PathBuf, OpError> {
    let path = args.base().join(at);
    match path.as_os_str().len() {
        1..=SOCKET_PATH_MAX if !at.is_empty() => Ok(path),
        len => Err(OpError::param(
            param,
            format!(
                "`{param}` is {at:?}: a socket's path has 1 to {SOCKET_PATH_MAX} bytes, and this one {len}"
            ),
        )),
    }
}

/// A connection, as far as it has come.
pub(super) struct Line {
    peer: Peer,
    retry: Duration,
    state: Stage,
}

enum Stage {
    Closed,
    /// Refused so far; to be tried until the second moment, next at the first.
    Trying(Instant, Instant),
    Waiting(Door),
    Open(Socket),
}

enum Door {
    Tcp(TcpListener),
    Unix(UnixListener),
}

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// How often a peer that refuses is tried again.
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

impl Line {
    /// A line to this peer, not yet opened. `retry`: seconds.
    pub(super) fn to(peer: Peer, retry: f64) -> Result<Line, OpError> {
        let retry = Duration::try_from_secs_f64(retry).map_err(|_| {
            OpError::param(
                "retry",
                format!("`retry` is {retry}, and should be seconds from 0 on"),
            )
        })?;
        Ok(Line {
            peer,
            retry,
            state: Stage::Closed,
        })
    }

    /// The peer's address, as messages name it.
    pub(super) fn name(&self) -> String {
        self.peer.name()
    }

    /// Begins to connect, or opens the door.
    pub(super) fn open(&mut self) -> Result<(), AgentError> {
        let now = Instant::now();
        self.state = match &self.peer {
            Peer::TcpConnect(_) | Peer::UnixConnect(_) => Stage::Trying(now, now + self.retry),
            Peer::TcpListen(at) => {
                let door = TcpListener::bind(at.as_str())
                    .and_then(|door| door.set_nonblocking(true).map(|()| door))
                    .map_err(|e| self.failed("listened at", &e))?;
                Stage::Waiting(Door::Tcp(door))
            }
            Peer::UnixListen(path) => {
                remove_left_over(path);
                let door = UnixListener::bind(path)
                    .and_then(|door| door.set_nonblocking(true).map(|()| door))
                    .map_err(|e| self.failed("listened at", &e))?;
                Stage::Waiting(Door::Unix(door))
            }
        };
        Ok(())
    }

    /// Goes on connecting: `None` when the peer is there, else what to wait for.
    pub(super) fn connect(&mut self) -> Result<Option<Wait>, AgentError> {
        match &self.state {
            Stage::Open(_) => Ok(None),
            Stage::Closed => unreachable!("opened when the agent was attached"),
            Stage::Trying(next, until) => {
                let (next, until) = (*next, *until);
                if Instant::now() < next {
                    return Ok(Some(Wait::Until(next)));
                }
                match self.try_to_connect() {
                    Ok(socket) => {
                        self.state = Stage::Open(socket);
                        Ok(None)
                    }
                    Err(_) if Instant::now() < until => {
                        let next = Instant::now() + BETWEEN_TRIES;
                        self.state = Stage::Trying(next, until);
                        Ok(Some(Wait::Until(next)))
                    }
                    Err(e) => Err(self.failed("connected to", &e)),
                }
            }
            Stage::Waiting(door) => match door.accept() {
                Ok(socket) => {
                    // One peer: who comes later is refused by the system.
                    self.state = Stage::Open(socket);
                    self.forget_path();
                    Ok(None)
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(Some(Wait::Readable(door.fd()))),
                Err(e) => Err(self.failed("waited at", &e)),
            },
        }
    }

    fn try_to_connect(&self) -> io::Result<Socket> {
        match &self.peer {
            Peer::UnixConnect(path) => {
                let socket = UnixStream::connect(path)?;
                socket.set_nonblocking(true)?;
                Ok(Socket::Unix(socket))
            }
            Peer::TcpConnect(at) => {
                let mut last = io::Error::other("its name has no address");
                for address in at.to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                        Ok(socket) => {
                            socket.set_nodelay(true)?;
                            socket.set_nonblocking(true)?;
                            return Ok(Socket::Tcp(socket));
                        }
                        Err(e) => last = e,
                    }
                }
                Err(last)
            }
            Peer::TcpListen(_) | Peer::UnixListen(_) => Err(io::Error::other("it listens")),
        }
    }

    /// What has come: so many bytes, 0 at the peer's end of the stream, `None` where nothing has. A connection that
    /// broke is an error, or as one that the peer has closed.
    pub(super) fn read(
        &mut self,
        to: &mut [u8],
        broken_is_closed: bool,
    ) -> Result<Option<usize>, AgentError> {
        let read = match &mut self.state {
            Stage::Open(Socket::Tcp(socket)) => retried(|| socket.read(to)),
            Stage::Open(Socket::Unix(socket)) => retried(|| socket.read(to)),
            _ => Ok(0),
        };
        match read {
            Ok(n) => Ok(Some(n)),
            Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(e) if broken_is_closed && is_gone(&e) => Ok(Some(0)),
            Err(e) => Err(self.failed("read from", &e)),
        }
    }

    /// Writes what there is room for now; how much, `None` if the peer is gone.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<Option<usize>, AgentError> {
        let mut written = 0;
        while written < bytes.len() {
            let rest = &bytes[written..];
            let outcome = match &mut self.state {
                Stage::Open(Socket::Tcp(socket)) => retried(|| socket.write(rest)),
                Stage::Open(Socket::Unix(socket)) => retried(|| socket.write(rest)),
                _ => return Ok(None),
            };
            match outcome {
                Ok(n) => written += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if is_gone(&e) => return Ok(None),
                Err(e) => return Err(self.failed("written to", &e)),
            }
        }
        Ok(Some(written))
    }

    /// Hangs up: the peer sees the end of what was sent.
    pub(super) fn close(&mut self) {
        if let Stage::Waiting(_) = self.state {
            self.forget_path();
        }
        self.state = Stage::Closed;
    }

    /// What becomes readable when more has come.
    pub(super) fn fd(&self) -> RawFd {
        match &self.state {
            Stage::Open(Socket::Tcp(socket)) => socket.as_raw_fd(),
            Stage::Open(Socket::Unix(socket)) => socket.as_raw_fd(),
            Stage::Waiting(door) => door.fd(),
            _ => -1,
        }
    }

    /// The peer has come: nobody else is to find the socket file.
    fn forget_path(&self) {
        if let Peer::UnixListen(path) = &self.peer {
            remove_left_over(path);
        }
    }

    fn failed(&self, verb: &str, error: &io::Error) -> AgentError {
        let name = self.name();
        let what = match (error.kind(), &self.peer) {
            (ErrorKind::ConnectionRefused, _) => {
                "nobody listens there; start the peer first, or say `retry = ..` seconds".to_owned()
            }
            (ErrorKind::NotFound, Peer::UnixConnect(_)) => {
                "there is no such socket; start the peer first, or say `retry = ..` seconds"
                    .to_owned()
            }
            (ErrorKind::AddrInUse, _) => "another program has it; choose another".to_owned(),
            (ErrorKind::AddrNotAvailable, _) => "it is no address of this machine".to_owned(),
            (ErrorKind::PermissionDenied, Peer::TcpListen(_)) => {
                "it is not allowed; ports below 1024 need a privilege".to_owned()
            }
            _ => error.to_string(),
        };
        AgentError::new(format!("{name} cannot be {verb}: {what}"))
    }
}

/// How long a peer that does not answer is waited for at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Removes a socket file; anything else stays.
fn remove_left_over(path: &std::path::Path) {
    use std::os::unix::fs::FileTypeExt;
    if std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket()) {
        // If it cannot be removed, binding says so.
        let _ = std::fs::remove_file(path);
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BrokenPipe
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::TimedOut
    )
}

fn retried(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

impl Door {
    fn accept(&self) -> io::Result<Socket> {
        match self {
            Door::Tcp(door) => {
                let (socket, _) = door.accept()?;
                socket.set_nodelay(true)?;
                socket.set_nonblocking(true)?;
                Ok(Socket::Tcp(socket))
            }
            Door::Unix(door) => {
                let (socket, _) = door.accept()?;
                socket.set_nonblocking(true)?;
                Ok(Socket::Unix(socket))
            }
        }
    }

    fn fd(&self) -> RawFd {
        match self {
            Door::Tcp(door) => door.as_raw_fd(),
            Door::Unix(door) => door.as_raw_fd(),
        }
    }
}

/// A UDP socket bound to this `host:port`, not blocking.
pub(super) fn bound(at: &str) -> Result<UdpSocket, AgentError> {
    let failed = |e: io::Error| {
        let what = match e.kind() {
            ErrorKind::AddrInUse => "another program has it; choose another".to_owned(),
            _ => e.to_string(),
        };
        AgentError::new(format!("{at} cannot be listened at: {what}"))
    };
    let socket = UdpSocket::bind(at).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    Ok(socket)
}

/// The first address of a `host:port`, and a UDP socket that can send there.
pub(super) fn sending(to: &str) -> Result<(UdpSocket, SocketAddr), AgentError> {
    let failed = |e: io::Error| AgentError::new(format!("{to} cannot be sent to: {e}"));
    let mut addresses = to.to_socket_addrs().map_err(failed)?;
    let address = addresses.next().ok_or_else(|| {
        AgentError::new(format!("{to} cannot be sent to: its name has no address"))
    })?;
    let any = if address.is_ipv6() {
        "[::]:0"
    } else {
        "0.0.0.0:0"
    };
    let socket = UdpSocket::bind(any).map_err(failed)?;
    Ok((socket, address))
}
