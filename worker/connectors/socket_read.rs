//! `tcp.read`, `unix.read`: what a peer sends, as lines or as numbers.

use crate::agent::{
    Agent, AgentError, Blueprint, Io, OutPort, Output, Outside, State, StateSpec, Status, Wait,
};
use crate::connectors;
use crate::connectors::lines::{self, Lines};
use crate::connectors::net::{CONNECT, LISTEN, Line, Peer, RETRY, UNIX_CONNECT, UNIX_LISTEN};
use crate::connectors::records::{Convert, count_of, in_order};
use crate::connectors::taken::Taken;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::ItemType;

const AGAIN: ParamDef = ParamDef {
    name: "again",
    kind: ParamKind::Bool,
    default: Some("false"),
    unit: "",
    doc: "When the peer has closed or its connection broke, or the worker was killed, connect (or wait) again instead of ending.",
};

const RATE: ParamDef = ParamDef {
    name: "rate",
    kind: ParamKind::Float,
    default: Some(""),
    unit: "Hz",
    doc: "Items per second of what is sent.",
};

/// The row of `tcp.read`.
pub const TCP_READ: OpDef = OpDef {
    name: "tcp.read",
    summary: "what a peer sends over TCP: lines, or numbers",
    doc: "Connects to a peer or listens for one, and gives what it sends: lines as text (or `dtype = \
          \"bytes\"`), as `text.read` does, or with `dtype` a number or a vector its bare bytes, \
          little-endian. The stream ends when the peer closes. What a killed worker had taken and not \
          committed is gone with its connection, and counted: at most once. Without `again` the run then ends with a sentence; with it \
          the graph goes on with what comes over the next connection.",
    inputs: Arity::Source,
    outputs: "one stream of text, or of `dtype`",
    params: &[
        CONNECT,
        LISTEN,
        RETRY,
        AGAIN,
        lines::LONGEST,
        lines::INVALID,
        RATE,
    ],
    example: "counter items=5 ! tcp.write connect=127.0.0.1:27400 retry=5 ; tcp.read listen=127.0.0.1:27400 dtype=i64 ! print",
    deterministic: true,
    build: build_tcp,
};

/// The row of `unix.read`.
pub const UNIX_READ: OpDef = OpDef {
    name: "unix.read",
    summary: "what a peer sends over a Unix socket: lines, or numbers",
    doc: "As `tcp.read`, over a stream socket with a path in the file system. A path that is listened at is \
          removed when the peer has come.",
    inputs: Arity::Source,
    outputs: "one stream of text, or of `dtype`",
    params: &[
        UNIX_CONNECT,
        UNIX_LISTEN,
        RETRY,
        AGAIN,
        lines::LONGEST,
        lines::INVALID,
        RATE,
    ],
    example: "counter items=5 ! unix.write connect=/tmp/thalweg-ops.sock retry=5 ; unix.read listen=/tmp/thalweg-ops.sock dtype=i64 ! print",
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
    let retry = args.float("retry").unwrap_or(0.0);
    let line = Line::to(Peer::of(args, is_tcp)?, retry)?;
    let (item_type, content) = content(args)?;
    let agent = SocketReader {
        line,
        taken: Taken::of(args)?,
        content,
        again: args.flag("again"),
        buffer: Vec::new(),
        start: 0,
    };
    let output = OutPort::new(item_type, connectors::rate(args)?);
    Ok(Blueprint::new(agent)
        .output(output)
        .state(StateSpec::of(0u64)))
}

/// How bytes become items.
enum Content {
    Lines(Lines),
    Records(usize, Convert),
}

fn content(args: &Args) -> Result<(ItemType, Content), OpError> {
    let elements = args.dtype().and_then(ItemType::elements);
    match (args.dtype(), elements) {
        (Some(dtype), Some((scalar, _))) => {
            let part = match scalar.is_complex() {
                true => scalar.len_bytes() / 2,
                false => scalar.len_bytes(),
            };
            let content = Content::Records(dtype.len_bytes(), in_order(false, part));
            Ok((dtype.clone(), content))
        }
        _ => Ok((lines::item_type(args)?, Content::Lines(Lines::of(args)?))),
    }
}

/// State: how many bytes were taken, over all connections (`u64`).
struct SocketReader {
    line: Line,
    /// Bytes that came, over all connections.
    taken: Taken,
    content: Content,
    again: bool,
    /// Bytes that came, from byte `start` on.
    buffer: Vec<u8>,
    start: u64,
}

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

impl Agent for SocketReader {
    fn outside(&self, _state: &[u8]) -> Outside {
        Outside::Once {
            name: format!("a connection with {}", self.line.name()),
        }
    }

    fn attach(&mut self, state: State<'_>) -> Result<(), AgentError> {
        let place = *state.view::<u64>();
        if (place > 0 || self.taken.has_begun()) && !self.again {
            return Err(AgentError::new(format!(
                "the connection with {} died with its worker, and {} that had come over it are gone; `again = true` goes on with the next one",
                self.line.name(),
                self.taken.beyond(place).of("bytes")
            )));
        }
        self.start = place;
        self.line.open()
    }

    fn toll(&self, state: &[u8]) -> Option<String> {
        let gone = self.taken.beyond(count_of(state)).any_of("bytes")?;
        let name = self.line.name();
        Some(format!(
            "{gone} that had come over connections with {name} are gone"
        ))
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let before = io.outputs[0].produced();
        match self.read(io) {
            // What came before the trouble is given first, however the calls are cut.
            Err(_) if io.outputs[0].produced() > before => Ok(Status::More),
            status => status,
        }
    }

    fn finish(&mut self, _state: State<'_>) -> Result<(), AgentError> {
        self.line.close();
        Ok(())
    }
}

impl SocketReader {
    fn read(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        if let Some(wait) = self.line.connect()? {
            return Ok(Status::Wait(wait));
        }
        self.taken.note_beginning();
        let (output, place) = (&mut io.outputs[0], io.state.get::<u64>());
        let mut is_last = false;
        loop {
            if !self.give(place, is_last, output)? {
                return Ok(Status::More);
            }
            if is_last {
                return self.ended(place);
            }
            self.buffer.drain(..(*place - self.start) as usize);
            self.start = *place;
            let len = self.buffer.len();
            self.buffer.resize(len + CHUNK, 0);
            self.taken.begin();
            let read = self.line.read(&mut self.buffer[len..], self.again);
            let came = *read.as_ref().unwrap_or(&None);
            self.taken.end(came.unwrap_or(0));
            self.buffer.truncate(len + came.unwrap_or(0));
            match read? {
                Some(0) => is_last = true,
                Some(_) => {}
                None => return Ok(Status::Wait(Wait::Readable(self.line.fd()))),
            }
        }
    }

    /// Gives what is whole from `place` on; false where there was no room for all of it.
    fn give(
        &mut self,
        place: &mut u64,
        is_last: bool,
        output: &mut Output,
    ) -> Result<bool, AgentError> {
        match &mut self.content {
            Content::Records(len, convert) => {
                let rest = &self.buffer[(*place - self.start) as usize..];
                let there = rest.len() / *len;
                let n = there.min(output.space());
                let len_bytes = n * *len;
                convert(&rest[..len_bytes], &mut output.bytes()[..len_bytes]);
                output.produce(n);
                *place += len_bytes as u64;
                Ok(n == there)
            }
            Content::Lines(lines) => loop {
                let rest = &self.buffer[(*place - self.start) as usize..];
                let peer = &self.line;
                let refusal = |bad, lines: &Lines| {
                    let whereabouts = format!("{}, the line at byte {place}", peer.name());
                    lines.refusal(bad, "it", &whereabouts, *place)
                };
                let line = lines.first(*place, rest, is_last);
                let Some(line) = line.map_err(|bad| refusal(bad, lines))? else {
                    return Ok(true);
                };
                let given = lines.item(&rest[..line.len], |item| output.give(item));
                if !given.map_err(|bad| refusal(bad, lines))? {
                    return Ok(false);
                }
                *place += line.whole as u64;
            },
        }
    }

    /// The peer has closed: what is left is part of an item, or nothing.
    fn ended(&mut self, place: &mut u64) -> Result<Status, AgentError> {
        let rest = self.buffer.len() - (*place - self.start) as usize;
        if rest > 0 && !self.again {
            return Err(AgentError::new(format!(
                "{} closed the connection within an item: {rest} bytes of one had come",
                self.line.name()
            )));
        }
        if !self.again {
            return Ok(Status::Done);
        }
        // The next connection begins with a whole item.
        self.buffer.clear();
        self.start = *place;
        self.line.open()?;
        Ok(match self.line.connect()? {
            Some(wait) => Status::Wait(wait),
            None => Status::More,
        })
    }
}
