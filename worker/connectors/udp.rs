//! `udp.read`, `udp.write`: datagrams, each an item.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use crate::agent::{
    Agent, AgentError, Blueprint, InPort, Io, OutPort, Outside, State, StateSpec, Status, Wait,
};
use crate::connectors::lines::{self, INVALID, Lines};
use crate::connectors::net::{bound, host_port, sending};
use crate::connectors::records::count_of;
use crate::connectors::taken::Taken;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::ItemType;

/// The row of `udp.read`.
pub const UDP_READ: OpDef = OpDef {
    name: "udp.read",
    summary: "the datagrams that come to a UDP port (not deterministic)",
    doc: "A frame of text (or `dtype = \"bytes\"`) for each datagram, from whomever. UDP loses and reorders by \
          itself, and the system drops what finds its buffer full while the graph is held back, which is counted and said at the end: at most once. \
          A killed worker loses what it had taken and not committed, which is counted, and goes on. It ends when \
          nothing came for `idle` seconds, or when the run does.",
    inputs: Arity::Source,
    outputs: "one stream of text, or of bytes",
    params: &[
        ParamDef {
            name: "listen",
            kind: ParamKind::Text,
            default: None,
            unit: "",
            doc: "The `host:port` to receive at; `0.0.0.0` is every address of this machine.",
        },
        ParamDef {
            name: "idle",
            kind: ParamKind::Float,
            default: Some(""),
            unit: "s",
            doc: "Ends when nothing came for so long. Default: never.",
        },
        INVALID,
    ],
    example: "udp.read listen=127.0.0.1:27402 idle=0.5 ! print ; counter items=3 ! text.format format=\"{x}\" ! udp.write to=127.0.0.1:27402",
    deterministic: false,
    build: build_read,
};

/// The row of `udp.write`.
pub const UDP_WRITE: OpDef = OpDef {
    name: "udp.write",
    summary: "sends each frame as a UDP datagram",
    doc: "A datagram for each frame of text or bytes, at most 65507 bytes. Whether it arrives nobody knows; one \
          that nobody listens for is not an error. A killed worker may send its last ones twice.",
    inputs: Arity::One,
    outputs: "nothing",
    params: &[ParamDef {
        name: "to",
        kind: ParamKind::Text,
        default: None,
        unit: "",
        doc: "The `host:port` to send to.",
    }],
    example: "counter items=3 ! text.format format=\"{x}\" ! udp.write to=127.0.0.1:27403",
    deterministic: true,
    build: build_write,
};

fn build_read(args: &Args) -> Result<Blueprint, OpError> {
    let idle = match args.float("idle").map(Duration::try_from_secs_f64) {
        None => None,
        Some(Ok(idle)) => Some(idle),
        Some(Err(_)) => {
            return Err(OpError::param("idle", "`idle` should be seconds from 0 on"));
        }
    };
    let agent = UdpReader {
        at: host_port("listen", args.text("listen").unwrap_or_default())?,
        lines: Lines::of_pieces(args)?,
        taken: Taken::of(args)?,
        dropped: Taken::of(args)?,
        seen: 0,
        idle,
        socket: None,
        datagram: Vec::new(),
        last: Instant::now(),
    };
    Ok(Blueprint::new(agent)
        .output(OutPort::new(lines::item_type(args)?, None))
        .state(StateSpec::of(0u64))
        .not_deterministic())
}

/// State: how many datagrams were given (`u64`).
struct UdpReader {
    at: String,
    lines: Lines,
    /// Datagrams that came.
    taken: Taken,
    /// Those that found the system's buffer full, over all workers' sockets.
    dropped: Taken,
    /// How many of these its own socket has had.
    seen: u32,
    idle: Option<Duration>,
    socket: Option<UdpSocket>,
    /// One that came and had no room yet; empty: none.
    datagram: Vec<u8>,
    /// When the last one came.
    last: Instant,
}

/// The longest datagram there is, and one byte more.
const LONGEST: usize = 65_536;

impl Agent for UdpReader {
    fn outside(&self, _state: &[u8]) -> Outside {
        Outside::Once {
            name: format!("datagrams to {}", self.at),
        }
    }

    fn attach(&mut self, _state: State<'_>) -> Result<(), AgentError> {
        self.socket = Some(bound(&self.at)?);
        self.seen = 0;
        self.last = Instant::now();
        Ok(())
    }

    fn toll(&self, state: &[u8]) -> Option<String> {
        let gone = self.taken.beyond(count_of(state)).any_of("datagrams")?;
        Some(format!("{gone} that had come to {} are gone", self.at))
    }

    fn lost(&self) -> Option<String> {
        let dropped = self.dropped.beyond(0).any_of("datagrams")?;
        Some(format!(
            "{dropped} to {} found the system's buffer full and were dropped; a larger `net.core.rmem_default` holds more",
            self.at
        ))
    }

    fn finish(&mut self, _state: State<'_>) -> Result<(), AgentError> {
        self.count_drops();
        Ok(())
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        self.count_drops();
        let output = &mut io.outputs[0];
        let socket = self.socket.as_ref().expect("bound when attached");
        let mut buffer = [0; LONGEST];
        loop {
            if !self.datagram.is_empty() {
                let given = self.lines.item(&self.datagram, |item| output.give(item));
                let given = given.map_err(|bad| {
                    let whereabouts = format!("a datagram to {}", self.at);
                    self.lines.refusal(bad, "it", &whereabouts, 0)
                })?;
                if !given {
                    return Ok(Status::More);
                }
                *io.state.get::<u64>() += 1;
                self.datagram.clear();
            }
            self.taken.begin();
            let came = socket.recv(&mut buffer);
            self.taken.end(usize::from(came.is_ok()));
            match came {
                // An empty datagram is an empty frame, which needs little room.
                Ok(0) if !output.give(&[]) => return Ok(Status::More),
                Ok(0) => *io.state.get::<u64>() += 1,
                Ok(n) => self.datagram.extend_from_slice(&buffer[..n]),
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(self.wait(socket)),
                Err(e) => {
                    return Err(AgentError::new(format!("{} cannot be read: {e}", self.at)));
                }
            }
            self.last = Instant::now();
        }
    }
}

impl UdpReader {
    /// Adds what the system has dropped since the last look.
    fn count_drops(&mut self) {
        let drops = self.socket.as_ref().and_then(drops);
        if let Some(drops) = drops.filter(|drops| *drops != self.seen) {
            self.dropped.begin();
            self.dropped.end(drops.wrapping_sub(self.seen) as usize);
            self.seen = drops;
        }
    }

    fn wait(&self, socket: &UdpSocket) -> Status {
        match self.idle {
            Some(idle) if self.last.elapsed() >= idle => Status::Done,
            _ => Status::Wait(Wait::Readable(socket.as_raw_fd())),
        }
    }
}

/// How many datagrams found the socket's buffer full; `None` where the system does not tell.
fn drops(socket: &UdpSocket) -> Option<u32> {
    /// What `SO_MEMINFO` gives, and which of it are the drops: `SK_MEMINFO_VARS` and `SK_MEMINFO_DROPS` of Linux.
    const VARS: usize = 9;
    const DROPS: usize = 8;
    let mut info = [0u32; VARS];
    let mut len = size_of_val(&info) as libc::socklen_t;
    // SAFETY: `info` is writable over `len` bytes, and `len` is what it says it is.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            info.as_mut_ptr().cast(),
            &mut len,
        )
    };
    (outcome == 0 && len as usize >= size_of_val(&info)).then_some(info[DROPS])
}

fn build_write(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    if !matches!(input.item_type, ItemType::Text | ItemType::Bytes) {
        return Err(OpError::input_type("udp.write", input, "text or bytes")
            .or_help("`text.format` makes text of numbers"));
    }
    let agent = UdpWriter {
        to: host_port("to", args.text("to").unwrap_or_default())?,
        socket: None,
    };
    Ok(Blueprint::new(agent).input(InPort::new(input.item_type.clone())))
}

struct UdpWriter {
    to: String,
    socket: Option<(UdpSocket, SocketAddr)>,
}

impl Agent for UdpWriter {
    fn attach(&mut self, _state: State<'_>) -> Result<(), AgentError> {
        self.socket = Some(sending(&self.to)?);
        Ok(())
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let input = &mut io.inputs[0];
        let (socket, address) = self.socket.as_ref().expect("opened when attached");
        for frame in input.frames() {
            match socket.send_to(frame, address) {
                Ok(_) => {}
                // Nobody listened to an earlier one: that is how datagrams are.
                Err(e) if e.kind() == ErrorKind::ConnectionRefused => {}
                Err(e) => {
                    return Err(AgentError::new(format!(
                        "{} cannot be sent {} bytes: {e}",
                        self.to,
                        frame.len()
                    )));
                }
            }
        }
        input.consume(input.len());
        Ok(Status::Ready)
    }
}
