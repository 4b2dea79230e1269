//! Recordings of runs, and runs of recordings: the agents for it, put into a graph.
//!
//! `thalweg record` adds one agent to a resolved graph: it reads streams as any sink does and writes all of
//! them into one file (`recorder` in the worker crate).
//! `thalweg replay` puts `replay.read` in the place of a declared graph's agents ([`feed`]), and
//! `--compare` adds an agent that holds streams of the run against the recorded ones.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use thalweg_worker::agent::Blueprint;
use thalweg_worker::connectors::recording::compare::{Difference, Findings, comparer};
use thalweg_worker::connectors::recording::write::recorder;
use thalweg_worker::connectors::recording::{Recorded, Recording, Words};
use thalweg_worker::op::{Value, nearest};
use thalweg_worker::types::ItemType;

use crate::decl::{AgentDecl, At, GraphDecl, OnError, WorkDecl};
use crate::recipe::Written;
use crate::resolve::names::split_stream;
use crate::resolve::whose;
use crate::resolved::{Resolved, ResolvedAgent, StreamIx};

mod another;

use another::{Piece, another};

/// What of a run is recorded, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The file, absolute.
    pub file: PathBuf,
    /// Streams, or agents for all of their streams; none: every stream of the graph.
    pub streams: Vec<String>,
}

/// What it takes to run a recorded graph again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The graph.
    pub written: Written,
    /// Every source ended after so many items.
    pub items: Option<u64>,
}

/// Puts the agent into the graph that records.
///
/// # Errors
/// A stream that there is not, or a file that cannot be written or that the graph itself uses.
pub fn insert(
    graph: &mut Resolved,
    record: &Record,
    origin: Option<&Origin>,
) -> Result<(), String> {
    let streams = chosen(graph, &record.streams)?;
    if let Some(whose) = whose(graph, &record.file) {
        return Err(format!(
            "{} is {whose}; record into another",
            record.file.display()
        ));
    }
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let words = Words {
        graph: graph.name.clone(),
        began: since_1970.map_or(0, |d| d.as_secs()),
        streams: streams.iter().map(|&s| recorded(graph, s)).collect(),
        origin: origin
            .map_or(Ok(Json::Null), serde_json::to_value)
            .map_err(|e| e.to_string())?,
    };
    let types = streams.iter().map(|&s| graph.streams[s].item_type.clone());
    let types: Vec<_> = types.collect();
    let blueprint = recorder(&record.file, &words, &types).map_err(|e| e.message)?;
    let writes = vec![record.file.clone()];
    add_sink(graph, "record", blueprint, &streams, writes, Vec::new());
    Ok(())
}

fn recorded(graph: &Resolved, stream: StreamIx) -> Recorded {
    let stream = &graph.streams[stream];
    Recorded::new(&stream.name, &stream.item_type, stream.rate).unit(stream.unit.clone())
}

/// The streams that these names mean.
fn chosen(graph: &Resolved, names: &[String]) -> Result<Vec<StreamIx>, String> {
    if graph.streams.is_empty() {
        return Err("the graph has no stream".to_owned());
    }
    let mut chosen: Vec<StreamIx> = match names.is_empty() {
        true => (0..graph.streams.len()).collect(),
        false => Vec::new(),
    };
    for name in names {
        let is_meant = |s: &StreamIx| {
            let stream = &graph.streams[*s];
            stream.name == *name || graph.agents[stream.producer.0].name == *name
        };
        let meant: Vec<StreamIx> = (0..graph.streams.len()).filter(is_meant).collect();
        if meant.is_empty() {
            return Err(no_stream(graph, name));
        }
        chosen.extend(meant);
    }
    let mut seen = HashSet::new();
    chosen.retain(|stream| seen.insert(*stream));
    Ok(chosen)
}

fn no_stream(graph: &Resolved, name: &str) -> String {
    let names: Vec<&str> = graph.streams.iter().map(|s| s.name.as_str()).collect();
    let name = name.escape_debug();
    match nearest(&name.to_string(), &names) {
        Some(near) => format!("there is no stream `{name}`; did you mean `{near}`?"),
        None => format!(
            "there is no stream `{name}`; there are {}",
            names.join(", ")
        ),
    }
}

/// Adds an agent of the engine's own that reads these streams, behind all others.
fn add_sink(
    graph: &mut Resolved,
    op: &str,
    blueprint: Blueprint,
    streams: &[StreamIx],
    writes: Vec<PathBuf>,
    reads: Vec<PathBuf>,
) {
    let agent = graph.agents.len();
    for (input, &stream) in streams.iter().enumerate() {
        graph.streams[stream].readers.push((agent, input));
    }
    graph.agents.push(ResolvedAgent {
        name: format!("{op}~"),
        op: op.to_owned(),
        blueprint,
        inputs: streams.to_vec(),
        outputs: Vec::new(),
        worker: None,
        restart: None,
        on_error: OnError::Stop,
        span: 0..0,
        writes,
        reads,
        edge: None,
    });
}

/// Puts the recording in the place of agents of the graph, and takes out who then works for nobody.
/// `names` are streams, or agents, that are given from the recording; none: every recorded one whose agent
/// is a source. Gives the streams that are fed.
///
/// # Errors
/// A name that the recording has not, or that no agent of the graph has.
pub fn feed(
    graph: &mut GraphDecl,
    recording: &Recording,
    names: &[String],
    pace: &str,
) -> Result<Vec<String>, String> {
    let before = read(graph);
    let mut fed = Vec::new();
    let mut replaced = HashSet::new();
    for at in 0..graph.agents.len() {
        let streams = streams_of(graph, recording, at);
        let agent = &graph.agents[at];
        let is_named = |name: &String| *name == agent.name.value || streams.contains(name);
        let is_fed = match names.is_empty() {
            true => agent.inputs.is_empty(),
            false => names.iter().any(is_named),
        };
        if is_fed && !streams.is_empty() {
            give_place(&mut graph.agents[at], recording, &streams, pace);
            replaced.insert(graph.agents[at].name.value.clone());
            fed.extend(streams);
        }
    }
    for name in names {
        if !fed.contains(name) && !replaced.contains(name) {
            return Err(unfed(recording, name));
        }
    }
    prune(graph, &before, &replaced);
    Ok(fed)
}

fn unfed(recording: &Recording, name: &str) -> String {
    let names = recording.words().streams.iter().map(|s| s.name.as_str());
    let there: Vec<&str> = names.collect();
    let file = recording.path().display();
    let shown = name.escape_debug();
    match (recording.find(name), nearest(name, &there)) {
        (Some(_), _) => format!("`{shown}` is in {file}, and the graph has no agent of this name"),
        (None, Some(near)) => format!("{file} has no stream `{shown}`; did you mean `{near}`?"),
        (None, None) => format!(
            "{file} has no stream `{shown}`; there are {}",
            there.join(", ")
        ),
    }
}

/// The recorded streams of an agent.
fn streams_of(graph: &GraphDecl, recording: &Recording, at: usize) -> Vec<String> {
    let is_agent = |name: &str| graph.agents.iter().any(|a| a.name.value == name);
    let own = &graph.agents[at].name.value;
    let names = recording.words().streams.iter().map(|s| &s.name);
    let names = names.filter(|name| split_stream(name, is_agent).0 == own.as_str());
    names.cloned().collect()
}

/// The agent gives what was recorded, with the ports it had.
fn give_place(agent: &mut AgentDecl, recording: &Recording, streams: &[String], pace: &str) {
    let own = agent.name.value.len();
    let port = |name: &String| name.get(own + 1..).unwrap_or_default().to_owned();
    let param = |key: &str, value: Value| (At::nowhere(key.to_owned()), At::nowhere(value));
    agent.inputs.clear();
    agent.dtype = None;
    agent.units = Vec::new();
    agent.on_error = None;
    agent.work = WorkDecl::Op {
        op: At::new("replay.read".to_owned(), agent.name.span.clone()),
        params: vec![
            param("path", recording.path().display().to_string().into()),
            param("streams", streams.to_vec().into()),
            param("ports", streams.iter().map(port).collect::<Vec<_>>().into()),
            param("pace", pace.into()),
        ],
    };
}

/// Takes out agents that were read before and are not now, but for those `replaced`.
fn prune(graph: &mut GraphDecl, before: &HashSet<String>, replaced: &HashSet<String>) {
    loop {
        let read = read(graph);
        let is_idle = |name: &String| {
            before.contains(name) && !read.contains(name) && !replaced.contains(name)
        };
        let names = graph.agents.iter().map(|a| &a.name.value);
        let idle: HashSet<String> = names.filter(|name| is_idle(name)).cloned().collect();
        if idle.is_empty() {
            return;
        }
        let is_agent = |name: &str| graph.agents.iter().any(|a| a.name.value == name);
        let streams = graph.streams.iter().map(|s| {
            let (agent, _) = split_stream(&s.name.value, is_agent);
            idle.contains(agent)
        });
        let mut gone = streams.collect::<Vec<bool>>().into_iter();
        graph.streams.retain(|_| !gone.next().unwrap_or(false));
        graph.agents.retain(|a| !idle.contains(&a.name.value));
    }
}

/// The agents that somebody reads.
fn read(graph: &GraphDecl) -> HashSet<String> {
    let is_agent = |name: &str| graph.agents.iter().any(|a| a.name.value == name);
    let inputs = graph.agents.iter().flat_map(|a| &a.inputs);
    let agents = inputs.map(|input| split_stream(&input.stream.value, is_agent).0.to_owned());
    agents.collect()
}

/// Streams of a run that are held against a recording while it goes on.
pub struct Comparison {
    recording: Arc<Recording>,
    findings: Arc<Findings>,
    /// Name, type, place in the recording.
    streams: Vec<Compared>,
}

struct Compared {
    name: String,
    item_type: ItemType,
    recorded: usize,
}

/// Puts the agent into the graph that compares: every recorded stream that the graph has and that is not
/// `fed` from the recording.
///
/// # Errors
/// There is none, or one has other items than were recorded.
pub fn compare(
    graph: &mut Resolved,
    recording: &Arc<Recording>,
    fed: &[String],
) -> Result<Comparison, String> {
    let (mut streams, mut compared) = (Vec::new(), Vec::new());
    for (ix, stream) in graph.streams.iter().enumerate() {
        let Some(recorded) = recording
            .find(&stream.name)
            .filter(|_| !fed.contains(&stream.name))
        else {
            continue;
        };
        let then = &recording.words().streams[recorded];
        let now = Recorded::new(&stream.name, &stream.item_type, stream.rate);
        if (&now.item_type, now.item_len) != (&then.item_type, then.item_len) {
            return Err(format!(
                "`{}` is {} and was {} when it was recorded",
                stream.name, now.item_type, then.item_type
            ));
        }
        streams.push(ix);
        compared.push(Compared {
            name: stream.name.clone(),
            item_type: stream.item_type.clone(),
            recorded,
        });
    }
    if streams.is_empty() {
        return Err(format!(
            "{} has no stream to compare with: it holds {}, and {} of them are given from it",
            recording.path().display(),
            names_in(recording),
            fed.len()
        ));
    }
    let pairs: Vec<_> = compared
        .iter()
        .map(|c| (c.recorded, c.item_type.clone()))
        .collect();
    let made = comparer(recording, &pairs);
    let (blueprint, findings) = made.map_err(|e| format!("no memory for what is found: {e}"))?;
    let reads = vec![recording.path().to_owned()];
    add_sink(graph, "compare", blueprint, &streams, Vec::new(), reads);
    Ok(Comparison {
        recording: Arc::clone(recording),
        findings,
        streams: compared,
    })
}

/// The names of the streams in a recording.
pub fn names_in(recording: &Recording) -> String {
    let names = recording.words().streams.iter().map(|s| s.name.as_str());
    names.collect::<Vec<_>>().join(", ")
}

impl Comparison {
    /// A sentence for each stream that differs.
    pub fn differences(&self) -> Vec<String> {
        let found = |(nth, stream): (usize, &Compared)| {
            let items = self.findings.of(nth);
            let items = items.map(|found| self.words(stream, &found));
            let tags = self.findings.of(self.streams.len() + nth);
            let tags = tags.map(|found| self.tag_words(stream, &found));
            let both = items.into_iter().chain(tags);
            let told: Vec<String> = both.map(|s| format!("`{}`: {s}", stream.name)).collect();
            Some(told.join("\n  ")).filter(|words| !words.is_empty())
        };
        self.streams.iter().enumerate().filter_map(found).collect()
    }

    /// How many streams are compared, and how many items and tags they had.
    pub fn extent(&self) -> (usize, u64, u64) {
        let recording = &self.recording;
        let streams = self.streams.iter();
        let items = streams.clone().map(|s| recording.items(s.recorded));
        let tags = streams.map(|s| recording.items(recording.tags_of(s.recorded)));
        (self.streams.len(), items.sum(), tags.sum())
    }

    /// As `words`, of a stream's tags.
    fn tag_words(&self, stream: &Compared, difference: &Difference) -> String {
        let tags = self.recording.tags_of(stream.recorded);
        let recorded = self.recording.items(tags);
        let recorded_tag = |nth| self.recording.item(tags, nth).map(|frame| Told::of(&frame));
        match difference {
            Difference::Item {
                position, found, ..
            } => differs(&Told::of(found), recorded_tag(*position), recorded),
            Difference::Shorter { position } | Difference::Longer { position } => {
                let missing = recorded_tag(*position);
                let missing = missing.map_or(String::new(), |tag| format!("{tag} is missing; "));
                format!("{missing}there are {position} tags, recorded were {recorded}")
            }
        }
    }

    fn words(&self, stream: &Compared, difference: &Difference) -> String {
        let recorded = self.recording.items(stream.recorded);
        match difference {
            Difference::Item {
                position,
                from,
                found,
                len_bytes,
            } => {
                let piece = Piece {
                    from: *from as usize,
                    bytes: found,
                    len_bytes: *len_bytes as usize,
                };
                let expected = self.recording.item(stream.recorded, *position);
                another(*position, &stream.item_type, piece, expected.as_deref())
            }
            Difference::Longer { position } => {
                format!("there is an item {position}; recorded were {recorded} items")
            }
            Difference::Shorter { position } => {
                format!("it ends after {position} items; recorded were {recorded}")
            }
        }
    }
}

/// What a tag's frame says, as far as there is of it.
struct Told {
    position: u64,
    key: String,
    value: String,
}

impl Told {
    fn of(frame: &[u8]) -> Told {
        let (position, words) = frame.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let (key_len, words) = words.split_first_chunk().unwrap_or((&[0; 2], &[]));
        let key_len = usize::from(u16::from_le_bytes(*key_len)).min(words.len());
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Told {
            position: u64::from_le_bytes(*position),
            key: text(&words[..key_len]),
            value: text(&words[key_len..]),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (position, value) = (self.position, &self.value);
        write!(
            f,
            "the tag `{}` = {value} at item {position}",
            self.key.escape_debug()
        )
    }
}

/// How a tag differs from the one that was recorded in its place, if one was.
fn differs(found: &Told, expected: Option<Told>, recorded: u64) -> String {
    let Some(expected) = expected else {
        return format!("there is {found}; recorded were {recorded} tags");
    };
    match found.position.cmp(&expected.position) {
        Ordering::Less => format!("there is {found}; recorded was none, the next was {expected}"),
        Ordering::Greater => format!("{expected} is missing; the next is {found}"),
        Ordering::Equal if found.key == expected.key => {
            format!("{found}; recorded was {}", expected.value)
        }
        Ordering::Equal => format!("{found}; recorded was {expected}"),
    }
}
