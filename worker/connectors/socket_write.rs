//! `tcp.write`, `unix.write`: sends items to a peer, as lines or as numbers.

use std::time::{Duration, Instant};

use crate::agent::{
    Agent, AgentError, Blueprint, InPort, Input, Io, State, StateSpec, Status, Wait,
};
use crate::connectors::net::{CONNECT, LISTEN, Line, Peer, RETRY, UNIX_CONNECT, UNIX_LISTEN};
use crate::connectors::records::{Convert, count_of, in_order};
use crate::connectors::taken::Taken;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

const AGAIN: ParamDef = ParamDef {
    name: "again",
    kind: ParamKind::Bool,
    default: Some("false"),
    unit: "",
    doc: "When the peer has closed, or the worker was killed, connect (or wait) again and go on instead of ending the run.",
};

const NEWLINE: ParamDef = ParamDef {
    name: "newline",
    kind: ParamKind::Bool,
    default: Some("true"),
    unit: "",
    doc: "Whether a line feed follows each frame.",
};

/// The row of `tcp.write`.
pub const TCP_WRITE: OpDef = OpDef {
    name: "tcp.write",
    summary: "sends items to a peer over TCP: lines, or numbers",
    doc: "Connects to a peer or listens for one, and sends each frame of text or bytes as a line, or numbers and \
          vectors as their bare bytes, little-endian. It waits for the peer as long as that takes no more: \
          a slow peer holds the graph back, nothing is lost. A peer that closes ends the run with a sentence. With \
          `again` both a peer that closed and a killed worker mean a new connection. What was sent since the last commit is sent \
          again, so a killed worker loses nothing and may repeat: at least once, for a peer that lives. A peer that dies takes with it what it had not read \
          of what the system had taken for it, which nobody can count: how often that was is said at the end.",
    inputs: Arity::One,
    outputs: "nothing",
    params: &[CONNECT, LISTEN, RETRY, AGAIN, NEWLINE],
    example: "counter items=5 ! text.format format=\"{x}\" ! tcp.write listen=127.0.0.1:27401 ; tcp.read connect=127.0.0.1:27401 retry=5 ! print",
    deterministic: true,
    build: build_tcp,
};

/// The row of `unix.write`.
pub const UNIX_WRITE: OpDef = OpDef {
    name: "unix.write",
    summary: "sends items to a peer over a Unix socket: lines, or numbers",
    doc: "As `tcp.write`, over a stream socket with a path in the file system. A path that is listened at is \
          removed when the peer has come.",
    inputs: Arity::One,
    outputs: "nothing",
    params: &[UNIX_CONNECT, UNIX_LISTEN, RETRY, AGAIN, NEWLINE],
    example: "counter items=5 ! unix.write connect=/tmp/thalweg-ops-2.sock retry=5 ; unix.read listen=/tmp/thalweg-ops-2.sock dtype=i64 ! print",
    deterministic: true,
    build: build_unix,
};

fn build_tcp(args: &Args) -> Result<Blueprint, OpError> {
    build(args, true)
}

fn build_unix(args: &Args) -> Result<Blueprint, OpError> {
    build(args, false)
}

fn build(args: &Args, is_tcp: bool) -> Result<Blueprint, OpError> {
    let input = args.input();
    let convert = match (input.item_type.is_framed(), input.item_type.elements()) {
        (true, _) => None,
        (false, Some((scalar, _))) => {
            let halves = if scalar.is_complex() { 2 } else { 1 };
            Some(in_order(false, scalar.len_bytes() / halves))
        }
        (false, None) => {
            let wanted = "text, bytes, numbers and vectors of them";
            return Err(OpError::input_type(args.op().name, input, wanted));
        }
    };
    let retry = args.float("retry").unwrap_or(0.0);
    let agent = SocketWriter {
        line: Line::to(Peer::of(args, is_tcp)?, retry)?,
        given: Taken::of(args)?,
        closed: Taken::of(args)?,
        convert,
        newline: args.flag("newline"),
        again: args.flag("again"),
        bytes: Vec::new(),
        sent: 0,
        items: 0,
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()))
        .state(StateSpec::of(0u64)))
}

/// State: how many items were sent (`u64`).
struct SocketWriter {
    line: Line,
    /// Items that were sent, over all connections.
    given: Taken,
    /// How often a peer closed.
    closed: Taken,
    /// `None`: frames.
    convert: Option<Convert>,
    newline: bool,
    again: bool,
    /// What is on its way, and how much of it is sent.
    bytes: Vec<u8>,
    sent: usize,
    /// How many items that is; 0: none are on their way.
    items: usize,
}

/// How soon a peer that takes nothing more is looked at again.
const PAUSE: Duration = Duration::from_millis(1);

impl Agent for SocketWriter {
    fn attach(&mut self, state: State<'_>) -> Result<(), AgentError> {
        if (*state.view::<u64>() > 0 || self.given.has_begun()) && !self.again {
            return Err(AgentError::new(format!(
                "the connection with {} died with its worker; `again = true` goes on over the next one",
                self.line.name()
            )));
        }
        self.line.open()
    }

    fn toll(&self, state: &[u8]) -> Option<String> {
        let again = self.given.beyond(count_of(state)).any_of("items")?;
        let name = self.line.name();
        Some(format!(
            "{again} that had been sent to {name} are sent again"
        ))
    }

    fn lost(&self) -> Option<String> {
        let closed = self.closed.beyond(0).any_of("times")?;
        Some(format!(
            "{} was closed by its peer {closed}: what the peer had not read then of what was sent is lost",
            self.line.name()
        ))
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        match self.line.connect()? {
            None => {}
            Some(_) if io.draining => {
                return Err(AgentError::new(format!(
                    "the run was told to end, and {} has not come: {} items and more are not sent",
                    self.line.name(),
                    io.inputs[0].len()
                )));
            }
            Some(wait) => return Ok(Status::Wait(wait)),
        }
        self.given.note_beginning();
        if self.items == 0 {
            self.take_up(&io.inputs[0]);
        }
        self.given.begin();
        let Some(sent) = self.line.write(&self.bytes[self.sent..])? else {
            self.items = 0;
            if !self.again {
                return Err(AgentError::new(format!(
                    "{} closed the connection after {} items; `again = true` would wait for it to come back",
                    self.line.name(),
                    io.state.view::<u64>()
                )));
            }
            self.closed.end(1);
            self.line.open()?;
            return Ok(match self.line.connect()? {
                Some(wait) => Status::Wait(wait),
                None => Status::More,
            });
        };
        self.sent += sent;
        if self.sent < self.bytes.len() {
            return Ok(Status::Wait(Wait::Until(Instant::now() + PAUSE)));
        }
        self.given.end(self.items);
        *io.state.get::<u64>() += self.items as u64;
        io.inputs[0].consume(self.items);
        self.items = 0;
        Ok(Status::Ready)
    }

    fn finish(&mut self, _state: State<'_>) -> Result<(), AgentError> {
        self.line.close();
        Ok(())
    }
}

impl SocketWriter {
    /// Makes bytes of all that is unread.
    fn take_up(&mut self, input: &Input) {
        self.bytes.clear();
        (self.sent, self.items) = (0, input.len());
        match &self.convert {
            Some(convert) => {
                self.bytes.resize(input.bytes().len(), 0);
                convert(input.bytes(), &mut self.bytes);
            }
            None => {
                for frame in input.frames() {
                    self.bytes.extend_from_slice(frame);
                    if self.newline {
                        self.bytes.push(b'\n');
                    }
                }
            }
        }
    }
}
