//! `replay.read`: gives the streams of a recording again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use thalweg_ringbuf::Frames;

use super::{Cursor, Recorded, Recording, Run};
use crate::agent::{Agent, AgentError, Blueprint, Io, OutPort, Output, Outside, Status, Wait};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind, nearest};
use crate::tags::{Tag, Tags, companions};
use crate::types::ItemType;
use crate::units::{Unit, from_file};

/// The row of `replay.read`.
pub const REPLAY_READ: OpDef = OpDef {
    name: "replay.read",
    summary: "gives streams of a recording again",
    doc: "Each output is a recorded stream, with the type and rate it had, its tags at their places; the only one is called as the agent, of \
          several each as the last part of its name (`trace.z` is the output `z`). Every part is held against \
          its checksum before its items are given. A recording that was cut off ends with its last whole part. \
          `thalweg record` makes recordings, `thalweg replay` runs a graph with one in the place of its sources.",
    inputs: Arity::Source,
    outputs: "a stream for each of `streams`, as recorded",
    params: &[
        ParamDef {
            name: "path",
            kind: ParamKind::ReadPath,
            default: None,
            unit: "",
            doc: "The recording, relative to the graph file.",
        },
        ParamDef {
            name: "streams",
            kind: ParamKind::Texts,
            default: Some(""),
            unit: "",
            doc: "Which of its streams. Default: all.",
        },
        ParamDef {
            name: "ports",
            kind: ParamKind::Texts,
            default: Some(""),
            unit: "",
            doc: "What the outputs are called, in the order of `streams`.",
        },
        ParamDef {
            name: "pace",
            kind: ParamKind::Choice(&["full", "recorded"]),
            default: Some("full"),
            unit: "",
            doc: "As fast as they are taken, or each item no sooner after the first than it was recorded. What a \
                  killed worker's successor gives is due anew from its first item on.",
        },
    ],
    example: "replay.read path=examples/data/pulse.rec streams=pulse ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let path = args.path("path").unwrap_or_default();
    let recording = Recording::open(&path).map_err(|words| OpError::param("path", words))?;
    let chosen = match args.texts("streams") {
        None => (0..recording.words().streams.len()).collect(),
        Some(names) => chosen(&recording, &names)?,
    };
    if chosen.is_empty() {
        let name = path.display();
        return Err(OpError::param(
            "streams",
            format!("{name}: no stream of it is wanted"),
        ));
    }
    let names = match args.texts("ports") {
        Some(names) if names.len() == chosen.len() => names.iter().map(|n| n.to_string()).collect(),
        Some(names) => {
            let (found, wanted) = (names.len(), chosen.len());
            return Err(OpError::param(
                "ports",
                format!("`ports` has {found} names, and there are {wanted} streams"),
            ));
        }
        None => port_names(&recording, &chosen)?,
    };
    let mut outputs = Vec::new();
    for (stream, name) in chosen.iter().zip(names) {
        let recorded = &recording.words().streams[*stream];
        let unit = recorded.unit.as_deref().and_then(from_file);
        let port = OutPort::named(name, item_type(recorded)?, recorded.rate);
        outputs.push(port.unit(Unit::maybe(unit)));
    }
    let tags = chosen.iter().map(|&stream| recording.tags_of(stream));
    let tags: Vec<usize> = tags.collect();
    let has_tags = tags.iter().any(|&tags| recording.items(tags) > 0);
    let replay = Replay {
        companions: vec![None; chosen.len()],
        tags: tags.into_iter().map(Cursor::new).collect(),
        cursors: chosen.into_iter().map(Cursor::new).collect(),
        recording: Arc::new(recording),
        is_paced: args.text("pace") == Some("recorded"),
        began: None,
    };
    let blueprint = Blueprint::new(replay).tags(match has_tags {
        true => Tags::Made,
        false => Tags::Carried,
    });
    Ok(outputs.into_iter().fold(blueprint, Blueprint::output))
}

fn chosen(recording: &Recording, names: &[&str]) -> Result<Vec<usize>, OpError> {
    let find = |name: &&str| {
        recording
            .find(name)
            .ok_or_else(|| no_stream(recording, name))
    };
    names.iter().map(find).collect()
}

fn no_stream(recording: &Recording, name: &str) -> OpError {
    let path = recording.path().display();
    let there: Vec<&str> = recording
        .words()
        .streams
        .iter()
        .map(|s| s.name.as_str())
        .collect();
    let help = match nearest(name, &there) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", there.join(", ")),
    };
    OpError::param("streams", format!("{path} has no stream `{name}`")).with_help(help)
}

/// What outputs are called without `ports`.
fn port_names(recording: &Recording, chosen: &[usize]) -> Result<Vec<String>, OpError> {
    if chosen.len() == 1 {
        return Ok(vec![String::new()]);
    }
    let last = |stream: &usize| {
        let name = &recording.words().streams[*stream].name;
        name.rsplit('.').next().unwrap_or(name).to_owned()
    };
    let names: Vec<String> = chosen.iter().map(last).collect();
    let twice = names
        .iter()
        .enumerate()
        .find(|(nth, name)| names[..*nth].contains(name));
    match twice {
        None => Ok(names),
        Some((_, name)) => Err(OpError::param(
            "streams",
            format!("two of the streams would be the output `{name}`"),
        )
        .with_help("name the outputs: ports = [..], one for each stream")),
    }
}

/// The type a recorded stream has here; a type of a Rust program has no name that tells what it is.
fn item_type(recorded: &Recorded) -> Result<ItemType, OpError> {
    recorded.item_type.parse().map_err(|_| {
        let Recorded {
            name, item_type, ..
        } = recorded;
        OpError::param(
            "streams",
            format!(
                "`{name}` has items of the Rust type {item_type}, which only its program knows"
            ),
        )
        .with_help("name other streams: streams = [..]")
    })
}

/// Gives streams of a recording, each as far as there is room. How far each is, its output knows.
struct Replay {
    recording: Arc<Recording>,
    /// One for each output.
    cursors: Vec<Cursor>,
    /// One for the tags of each.
    tags: Vec<Cursor>,
    /// The outputs that take the tags of each.
    companions: Vec<Option<usize>>,
    is_paced: bool,
    /// When, by the recording's own time, it would have begun: with this process's first call.
    began: Option<Instant>,
}

/// What a stream waits for.
enum Waiting {
    Room,
    Moment(Instant),
    Nothing,
}

impl Replay {
    /// The moment the recording would have begun, if what comes next came now.
    fn began(&mut self, outputs: &[Output]) -> Instant {
        let now = Instant::now();
        *self.began.get_or_insert_with(|| {
            let next = self.cursors.iter().zip(outputs);
            let begins = next.clone().all(|(_, output)| output.position() == 0);
            let due = next.filter_map(|(c, output)| c.time_of(&self.recording, output.position()));
            let passed = due.min().filter(|_| !begins).unwrap_or(0);
            now.checked_sub(Duration::from_nanos(passed)).unwrap_or(now)
        })
    }

    /// Gives what there is room for, and what is due.
    fn give(
        &mut self,
        nth: usize,
        outputs: &mut [Output],
        began: Option<Instant>,
    ) -> Result<Waiting, AgentError> {
        let recording = Arc::clone(&self.recording);
        loop {
            let position = outputs[nth].position();
            let run = self.cursors[nth].at(&recording, position);
            let Some(run) = run.map_err(AgentError::new)? else {
                // Whatever tags are left stand behind the last item.
                let before_tag = self.give_tags(nth, outputs, u64::MAX)?;
                return Ok(match before_tag {
                    Some(_) => Waiting::Nothing,
                    None => Waiting::Room,
                });
            };
            let due = began.map(|began| began + Duration::from_nanos(run.time_ns));
            if let Some(due) = due.filter(|due| *due > Instant::now()) {
                return Ok(Waiting::Moment(due));
            }
            let Some(before_tag) = self.give_tags(nth, outputs, position)? else {
                return Ok(Waiting::Room);
            };
            let items = run.items.min(before_tag);
            let given = match recording.words.streams[self.cursors[nth].stream].is_framed() {
                true => give_frames(&run, items, &mut outputs[nth]),
                false => give_items(&run, items, &mut outputs[nth]),
            };
            if given < items {
                return Ok(Waiting::Room);
            }
        }
    }

    /// Gives the tags of a stream that stand at this place or before it. How many items come before the next one;
    /// `None` while tags wait for room.
    fn give_tags(
        &mut self,
        nth: usize,
        outputs: &mut [Output],
        position: u64,
    ) -> Result<Option<u64>, AgentError> {
        let Some(companion) = self.companions[nth] else {
            return Ok(Some(u64::MAX));
        };
        let at = outputs[nth].position();
        let companion = &mut outputs[companion];
        loop {
            let run = self.tags[nth].at(&self.recording, companion.position());
            let Some(run) = run.map_err(AgentError::new)? else {
                return Ok(Some(u64::MAX));
            };
            for frame in Frames::new(run.bytes) {
                let tag = Tag::of_frame(frame)?;
                if tag.position > position {
                    return Ok(Some(tag.position - position));
                }
                let tag = Tag {
                    position: at,
                    ..tag
                };
                if !tag.give(companion) {
                    return Ok(None);
                }
            }
        }
    }
}

/// Gives the first items of a run, at most so many; how many.
fn give_items(run: &Run<'_>, most: u64, output: &mut Output) -> u64 {
    let items = output.space().min(most as usize);
    let len_bytes = items * output.item_len();
    output.bytes()[..len_bytes].copy_from_slice(&run.bytes[..len_bytes]);
    output.produce(items);
    items as u64
}

/// As [`give_items`], of frames.
fn give_frames(run: &Run<'_>, most: u64, output: &mut Output) -> u64 {
    let frames = Frames::new(run.bytes).take(most as usize);
    frames.take_while(|frame| output.give(frame)).count() as u64
}

impl Agent for Replay {
    fn tagged(&mut self, _inputs: &[bool], outputs: &[bool]) {
        self.companions = companions(outputs);
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let began = self.is_paced.then(|| self.began(io.outputs));
        let (mut has_more, mut next) = (false, None::<Instant>);
        let given = |io: &Io<'_>| io.outputs.iter().any(|output| output.produced() > 0);
        for nth in 0..self.cursors.len() {
            match self.give(nth, io.outputs, began) {
                Ok(Waiting::Nothing) => {}
                Ok(Waiting::Room) => has_more = true,
                Ok(Waiting::Moment(due)) => next = Some(next.map_or(due, |next| next.min(due))),
                // What came before the trouble is given first.
                Err(_) if given(io) => has_more = true,
                Err(error) => return Err(error),
            }
        }
        Ok(match (has_more, next) {
            (_, Some(due)) => Status::Wait(Wait::Until(due)),
            (true, None) => Status::More,
            (false, None) => Status::Done,
        })
    }

    /// Its parts have checksums of their own; the head tells whether it is the same recording.
    fn outside(&self, _state: &[u8]) -> Outside {
        Outside::Reads {
            path: self.recording.path().to_owned(),
            taken: 0..self.recording.first as u64,
        }
    }
}
