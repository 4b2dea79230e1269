//! Poison: the items a worker dies of, and the file that tells which of them were skipped.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use bytemuck::{Pod, pod_read_unaligned};
use serde_json::{Value as Json, json};
use thalweg_ringbuf::{FRAME_PREFIX_LEN_BYTES, Ring, payload_len_bytes_max};
use thalweg_worker::agent::Ends;
use thalweg_worker::types::{ItemType, Scalar};

use crate::decl::OnError;
use crate::diag::Diagnostic;
use crate::plan::Plan;
use crate::positions::Positions;
use crate::resolved::{AgentIx, Resolved, ResolvedAgent};
use crate::wire::Wired;

/// An item in a ring, with all that names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The stream.
    pub stream: String,
    /// Its place there.
    pub position: u64,
    /// Its place in the ring: `position`, or of a frame the byte where it begins.
    pub slot: u64,
    /// What it is.
    pub item_type: ItemType,
    /// It itself.
    pub bytes: Vec<u8>,
}

/// What a worker's successors are to leave out: one item of each input of an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Skip {
    /// The agent.
    pub agent: AgentIx,
    /// The items, one for each input.
    pub items: Vec<Item>,
    /// The last line its worker wrote to standard error.
    pub last_words: Option<String>,
}

impl Skip {
    /// Where the agent stands in its rings before it.
    pub fn positions(&self) -> Vec<u64> {
        self.items.iter().map(|item| item.slot).collect()
    }

    /// The record says that the agent has passed it.
    pub fn is_done(&self, positions: &Positions) -> bool {
        let reads = positions.read[self.agent].iter();
        let mut items = reads.zip(&self.items);
        items.all(|(&read, item)| read > item.slot)
    }
}

/// The items an agent stands before, one for each input. Its worker must be dead, and the agent must
/// have seen them: then they are whole, and stay as long as the agent does not pass them.
pub fn items_before(graph: &Resolved, plan: &Plan, wired: &Wired, agent: AgentIx) -> Vec<Item> {
    let positions = Positions::of(graph, plan, wired);
    let own = graph.own_inputs(agent);
    let inputs = graph.agents[agent].inputs[..own].iter().enumerate();
    let item = |(i, &s): (usize, &usize)| {
        let slot = positions.read[agent][i];
        let ring = &wired.rings[s];
        let item_type = graph.streams[s].item_type.clone();
        // Nobody writes the item: a reader that has not released it holds it, and where its producer
        // died with the reader, both are gone.
        let bytes = match item_type.is_framed() {
            true => {
                let len = slots(ring, slot, FRAME_PREFIX_LEN_BYTES);
                let len = u32::from_ne_bytes(len.try_into().unwrap_or_default()) as usize;
                let most = payload_len_bytes_max(ring.geometry().capacity);
                slots(ring, slot + FRAME_PREFIX_LEN_BYTES as u64, len.min(most))
            }
            false => slots(ring, slot, ring.geometry().item_len_bytes),
        };
        Item {
            stream: graph.streams[s].name.clone(),
            position: positions.items_read[agent][i],
            slot,
            item_type,
            bytes,
        }
    };
    inputs.map(item).collect()
}

/// `len` bytes of a ring from a slot on, which nobody writes now.
fn slots(ring: &Ring, slot: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    // SAFETY: an item at most, so within the mirror wherever it begins; callers hold the wiring, and know
    // that nobody writes it.
    unsafe {
        ring.slot_ptr(slot)
            .copy_to_nonoverlapping(bytes.as_mut_ptr(), len);
    }
    bytes
}

/// The most bytes of an item that a sentence shows.
pub const SHOWN_BYTES: usize = 64;

impl Item {
    /// `item 7 of `x` (f64 2.5, bytes 0000000000000440)`.
    pub fn words(&self) -> String {
        let Item {
            stream,
            position,
            slot: _,
            item_type,
            bytes,
        } = self;
        let spelled = spelled(item_type, bytes, bytes.len());
        format!("item {position} of `{stream}` ({spelled})")
    }
}

/// `f64 2.5, bytes 0000000000000440`: an item of `len_bytes` with these first bytes.
pub fn spelled(item_type: &ItemType, bytes: &[u8], len_bytes: usize) -> String {
    let more = if len_bytes > SHOWN_BYTES { ".." } else { "" };
    let value = match more {
        ".." if item_type.is_framed() => format!(" of {len_bytes} bytes"),
        ".." => String::new(),
        _ => match value(item_type, bytes) {
            Json::Null => String::new(),
            value => format!(" {value}"),
        },
    };
    let shown = hex(&bytes[..bytes.len().min(SHOWN_BYTES)]);
    format!("{item_type}{value}, bytes {shown}{more}")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The number or numbers an item is, `null` where only its bytes are known.
fn value(item_type: &ItemType, bytes: &[u8]) -> Json {
    match *item_type {
        ItemType::Scalar(scalar) => number(scalar, bytes),
        ItemType::Vector(scalar, _) => {
            let numbers = bytes.chunks_exact(scalar.len_bytes());
            numbers.map(|bytes| number(scalar, bytes)).collect()
        }
        ItemType::Timed(scalar) => json!({
            "seconds": float(read::<f64>(bytes)),
            "value": number(scalar, &bytes[8..]),
        }),
        ItemType::TimedVector(scalar, len) => json!({
            "seconds": float(read::<f64>(bytes)),
            "value": value(&ItemType::Vector(scalar, len), &bytes[8..][..len as usize * scalar.len_bytes()]),
        }),
        ItemType::Text => String::from_utf8_lossy(bytes).into(),
        ItemType::Bytes | ItemType::Pod { .. } => Json::Null,
    }
}

fn number(scalar: Scalar, bytes: &[u8]) -> Json {
    match scalar {
        Scalar::U8 => read::<u8>(bytes).into(),
        Scalar::I8 => read::<i8>(bytes).into(),
        Scalar::U16 => read::<u16>(bytes).into(),
        Scalar::I16 => read::<i16>(bytes).into(),
        Scalar::U32 => read::<u32>(bytes).into(),
        Scalar::I32 => read::<i32>(bytes).into(),
        Scalar::U64 => read::<u64>(bytes).into(),
        Scalar::I64 => read::<i64>(bytes).into(),
        Scalar::F32 => float(read::<f32>(bytes).into()),
        Scalar::F64 => float(read::<f64>(bytes)),
        Scalar::Cf32 => json!([number(Scalar::F32, bytes), number(Scalar::F32, &bytes[4..])]),
        Scalar::Cf64 => json!([number(Scalar::F64, bytes), number(Scalar::F64, &bytes[8..])]),
    }
}

fn read<T: Pod>(bytes: &[u8]) -> T {
    pod_read_unaligned(&bytes[..size_of::<T>()])
}

/// JSON has no word for what is not finite: it is given as text.
fn float(x: f64) -> Json {
    match x.is_finite() {
        true => x.into(),
        false => x.to_string().into(),
    }
}

/// The file for what was skipped: `GRAPH.dead-letters.jsonl` in the directory the run was started in.
/// It is made with the first letter, and added to by later runs.
pub struct Letters {
    path: PathBuf,
    run: String,
    file: Option<File>,
}

impl Letters {
    /// The file for a run of a graph. Nothing is made yet.
    pub fn new(graph: &str, run: &str) -> Letters {
        Letters {
            path: file_of(graph),
            run: run.to_owned(),
            file: None,
        }
    }

    /// Opens it, so that nothing is skipped that could not be told.
    ///
    /// # Errors
    /// The file, and what the system said.
    pub fn open(&mut self) -> Result<(), String> {
        if self.file.is_none() {
            let mut options = OpenOptions::new();
            let opened = options.create(true).append(true).open(&self.path);
            self.file = Some(opened.map_err(|e| self.refusal(&e))?);
        }
        Ok(())
    }

    /// Writes what was skipped, a line for each item.
    ///
    /// # Errors
    /// As [`Letters::open`].
    pub fn write(&mut self, agent: &str, skip: &Skip) -> Result<(), String> {
        let mut lines = String::new();
        for item in &skip.items {
            let line = json!({
                "run": self.run,
                "agent": agent,
                "stream": item.stream,
                "position": item.position,
                "type": item.item_type.to_string(),
                "bytes": hex(&item.bytes),
                "value": value(&item.item_type, &item.bytes),
                "last_words": skip.last_words,
            });
            // Writing to a string does not fail.
            let _ = writeln!(lines, "{line}");
        }
        self.open()?;
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let written = file.write_all(lines.as_bytes());
        written.map_err(|e| self.refusal(&e))
    }

    fn refusal(&self, error: &std::io::Error) -> String {
        format!(
            "dead letters {}: {error}; nothing is skipped that cannot be written down",
            self.path.display()
        )
    }
}

/// Where the letters of a graph go.
pub fn file_of(graph: &str) -> PathBuf {
    let plain = |c: char| match c {
        '/' | '\0' => '-',
        c => c,
    };
    let stem: String = graph.chars().map(plain).collect();
    format!("{stem}.dead-letters.jsonl").into()
}

/// An agent may skip items if it is clear which: one of its input, or one of each where it takes
/// them together.
pub fn refuse_unclear_skips(graph: &Resolved) -> Result<(), Diagnostic> {
    let skips = |a: &&ResolvedAgent| a.on_error == OnError::Skip;
    for (ix, agent) in graph.agents.iter().enumerate().filter(|(_, a)| skips(a)) {
        let (why, help) = match graph.own_inputs(ix) {
            0 => (
                "is a source: it has no item to skip",
                "leave it out here; an agent with an input can skip what it dies of",
            ),
            1 => continue,
            _ if agent.blueprint.ends == Ends::AnyInput => continue,
            _ => (
                "takes its inputs one by one, so which item it dies of is not known",
                "give on_error = \"skip\" to the agents before or behind it",
            ),
        };
        return Err(Diagnostic::new(format!(
            "agent `{}` has on_error = \"skip\" and {why}",
            agent.name
        ))
        .at(agent.span.clone(), "this agent")
        .help(help));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(item_type: &str, bytes: &[u8]) -> Item {
        Item {
            stream: "x".to_owned(),
            position: 7,
            slot: 7,
            item_type: item_type.parse().unwrap(),
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn an_item_is_named_with_place_value_and_bytes() {
        let cases = [
            (
                item("f64", &2.5f64.to_le_bytes()),
                "item 7 of `x` (f64 2.5, bytes 0000000000000440)",
            ),
            (
                item("f32", &f32::NAN.to_le_bytes()),
                "item 7 of `x` (f32 \"NaN\", bytes 0000c07f)",
            ),
            (
                item("u8[3]", &[1, 2, 255]),
                "item 7 of `x` (u8[3] [1,2,255], bytes 0102ff)",
            ),
            (
                item("text", b"a\"b"),
                "item 7 of `x` (text \"a\\\"b\", bytes 612262)",
            ),
            (item("bytes", &[1, 2]), "item 7 of `x` (bytes, bytes 0102)"),
        ];
        for (item, words) in cases {
            assert_eq!(item.words(), words);
        }
    }

    #[test]
    fn a_long_item_is_shown_by_its_first_bytes() {
        let words = item("u8[65]", &[0xab; 65]).words();
        let shown = "ab".repeat(64);
        assert_eq!(words, format!("item 7 of `x` (u8[65], bytes {shown}..)"));
        let words = item("text", &[b'a'; 300]).words();
        let shown = "61".repeat(64);
        assert_eq!(
            words,
            format!("item 7 of `x` (text of 300 bytes, bytes {shown}..)")
        );
    }

    #[test]
    fn times_and_complex_numbers_keep_their_parts() {
        let timed = [1.5f64, -2.0].map(f64::to_le_bytes).concat();
        assert_eq!(
            value(&"timed<f64>".parse().unwrap(), &timed),
            json!({"seconds": 1.5, "value": -2.0})
        );
        assert_eq!(value(&"cf64".parse().unwrap(), &timed), json!([1.5, -2.0]));
    }
}
