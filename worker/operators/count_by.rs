//! `count.by`: how often each text comes.

use bytemuck::{Pod, Zeroable};

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::state::Table;
use crate::types::{ItemType, Scalar};

use super::texts;

/// The row of the table.
pub const COUNT_BY: OpDef = OpDef {
    name: "count.by",
    summary: "how often each text comes",
    doc: "Counts equal texts. `emit = \"end\"`: when the input has ended, each text with its count, the most \
          frequent first and equally frequent ones in the order they first came; `top` gives that many. `emit = \
          \"change\"`: for each item at once the text and its count so far. Counts are exact. The table is bounded: \
          one text more than `keys`, or more than `bytes` of them together, ends the run. It is committed with \
          the stream's place, so that no kill loses or doubles a count. (`csv.write in = [\"NAME.key\", \
          \"NAME.count\"]` writes both side by side.)",
    inputs: Arity::One,
    outputs: "two streams side by side: `key` of text and `count` of u64",
    params: &[
        ParamDef {
            name: "emit",
            kind: ParamKind::Choice(&["end", "change"]),
            default: Some("end"),
            unit: "",
            doc: "When counts are given.",
        },
        ParamDef {
            name: "top",
            kind: ParamKind::Int,
            default: Some(""),
            unit: "items",
            doc: "With `emit = \"end\"`, how many at most. Default: all.",
        },
        ParamDef {
            name: "keys",
            kind: ParamKind::Int,
            default: Some("65536"),
            unit: "items",
            doc: "The most different texts there may be.",
        },
        ParamDef {
            name: "bytes",
            kind: ParamKind::Int,
            default: Some(""),
            unit: "bytes",
            doc: "The most bytes they may have together. Default: 32 for each of `keys`.",
        },
    ],
    example: "text.read path=examples/data/access.log ! words ! counts:count.by top=5 ; csv.write in=[counts.key, counts.count] path=-",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    texts::refuse_others(args)?;
    let keys = args.required_count("keys", 1)?;
    let bytes = args.count("bytes", 1)?.unwrap_or(keys.saturating_mul(32));
    if keys > KEYS_MAX || bytes > BYTES_MAX {
        return Err(OpError::op(format!(
            "`count.by` holds at most {KEYS_MAX} keys and {BYTES_MAX} bytes of them, and {keys} keys and {bytes} bytes are asked for"
        )));
    }
    let top = args.count("top", 0)?.unwrap_or(u64::MAX);
    let at_end = args.text("emit") != Some("change");
    let counts = Layout::new(keys, bytes);
    let table = vec![0u64; counts.words()];
    let agent = CountBy {
        counts,
        at_end,
        top,
        order: None,
    };
    let count = ItemType::Scalar(Scalar::U64);
    let rate = args.input().rate.filter(|_| !at_end);
    Ok(Blueprint::new(agent)
        .input(InPort::new(ItemType::Text))
        .output(OutPort::named("key", ItemType::Text, rate))
        .output(OutPort::named("count", count, rate))
        .state(StateSpec::head_and_table(Head::zeroed(), &table)))
}

const KEYS_MAX: u64 = 1 << 26;
const BYTES_MAX: u64 = 1 << 32;

/// What is true of the whole table.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Head {
    /// How many keys there are.
    keys: u64,
    /// Bytes of them.
    bytes: u64,
    /// How many of them were given at the end.
    given: u64,
}

/// How the table lies in `u64` words.
///
/// ```text
/// | slots: 0, or a key's number + 1 | entries, 3 words a key: hash, count, first byte << 32 | bytes | texts |
/// ```
///
/// Slots are looked through from the hash on (open addressing, at most half full). Keys are numbered in
/// the order they first came.
#[derive(Clone, Copy)]
struct Layout {
    slots: usize,
    keys: usize,
    bytes: usize,
}

const ENTRY: usize = 3;

impl Layout {
    fn new(keys: u64, bytes: u64) -> Layout {
        Layout {
            slots: (2 * keys).next_power_of_two() as usize,
            keys: keys as usize,
            bytes: bytes as usize,
        }
    }

    fn words(&self) -> usize {
        self.texts() + self.bytes.div_ceil(8)
    }

    fn entry(&self, key: usize) -> usize {
        self.slots + ENTRY * key
    }

    fn texts(&self) -> usize {
        self.entry(self.keys)
    }

    /// The slot of a text, and its number if it has one.
    fn find(&self, table: &[u64], hash: u64, text: &[u8]) -> (usize, Option<usize>) {
        let mut slot = hash as usize & (self.slots - 1);
        loop {
            match table[slot] {
                0 => return (slot, None),
                number => {
                    let key = number as usize - 1;
                    if table[self.entry(key)] == hash && self.text(table, key) == text {
                        return (slot, Some(key));
                    }
                }
            }
            slot = (slot + 1) & (self.slots - 1);
        }
    }

    fn text<'a>(&self, table: &'a [u64], key: usize) -> &'a [u8] {
        let place = table[self.entry(key) + 2];
        let (first, len) = ((place >> 32) as usize, place as u32 as usize);
        &bytemuck::cast_slice(&table[self.texts()..])[first..first + len]
    }

    fn count(&self, table: &[u64], key: usize) -> u64 {
        table[self.entry(key) + 1]
    }

    /// Counts a text once more; its count. The error says what there is no room for.
    fn add(
        &self,
        head: &mut Head,
        table: &mut Table<'_, u64>,
        text: &[u8],
    ) -> Result<u64, AgentError> {
        let hash = hash(text);
        let (slot, key) = self.find(table.as_slice(), hash, text);
        if let Some(key) = key {
            let count = &mut table[self.entry(key) + 1];
            *count += 1;
            return Ok(*count);
        }
        if head.keys as usize == self.keys {
            return Err(full("keys", self.keys, "different texts"));
        }
        if head.bytes as usize + text.len() > self.bytes {
            return Err(full("bytes", self.bytes, "bytes of different texts"));
        }
        let (key, first) = (head.keys as usize, head.bytes as usize);
        table[slot] = key as u64 + 1;
        let entry = self.entry(key);
        let place = (first as u64) << 32 | text.len() as u64;
        table
            .range_mut(entry..entry + ENTRY)
            .copy_from_slice(&[hash, 1, place]);
        let words = self.texts() + first / 8..self.texts() + (first + text.len()).div_ceil(8);
        let room: &mut [u8] = bytemuck::cast_slice_mut(table.range_mut(words));
        room[first % 8..][..text.len()].copy_from_slice(text);
        head.keys += 1;
        head.bytes += text.len() as u64;
        Ok(1)
    }

    /// The keys, the most frequent first.
    fn by_count(&self, head: &Head, table: &[u64]) -> Vec<u32> {
        let mut keys: Vec<u32> = (0..head.keys as u32).collect();
        // Stable: equally frequent ones stay in the order they came.
        keys.sort_by_key(|&key| std::cmp::Reverse(self.count(table, key as usize)));
        keys
    }
}

fn full(param: &str, most: usize, what: &str) -> AgentError {
    AgentError::new(format!(
        "there are more than {most} {what}; `{param} = ..` takes more, at the cost of memory"
    ))
}

/// FNV-1a of the text, its bits mixed (SplitMix64's finish), so that the low ones depend on all.
fn hash(text: &[u8]) -> u64 {
    let fnv = text.iter().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    let z = (fnv ^ (fnv >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// State: a [`Head`] and the table of a [`Layout`].
struct CountBy {
    counts: Layout,
    at_end: bool,
    top: u64,
    /// In which order keys are given, once the input has ended.
    order: Option<Vec<u32>>,
}

impl Agent for CountBy {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let outcome = match self.at_end {
            true => self.count(io),
            false => self.count_and_give(io),
        };
        match outcome {
            // What came before the trouble is given first, however the calls are cut.
            Err(_) if io.inputs[0].consumed() > 0 => Ok(Status::Ready),
            Err(error) => Err(error),
            Ok(()) if self.at_end && io.is_ended() => Ok(self.give(io)),
            Ok(()) => Ok(Status::Ready),
        }
    }
}

impl CountBy {
    fn count(&mut self, io: &mut Io<'_>) -> Result<(), AgentError> {
        let input = &mut io.inputs[0];
        let (head, mut table) = io.state.head_and_table::<Head, u64>();
        let mut taken = 0;
        let mut outcome = Ok(0);
        for text in input.frames() {
            outcome = self.counts.add(head, &mut table, text);
            if outcome.is_err() {
                break;
            }
            taken += 1;
        }
        input.consume(taken);
        outcome.map(|_| ())
    }

    fn count_and_give(&mut self, io: &mut Io<'_>) -> Result<(), AgentError> {
        let (input, [keys, counts]) = (&mut io.inputs[0], &mut io.outputs[..]) else {
            return Ok(());
        };
        let (head, mut table) = io.state.head_and_table::<Head, u64>();
        while let Some(text) = input.frame() {
            if counts.is_full() || !keys.fits(text.len()) {
                break;
            }
            counts.push(self.counts.add(head, &mut table, text)?);
            keys.give(text);
            input.consume(1);
        }
        Ok(())
    }

    /// Gives the counts from where the state says.
    fn give(&mut self, io: &mut Io<'_>) -> Status {
        let [keys, counts] = &mut io.outputs[..] else {
            return Status::Done;
        };
        let (head, table) = io.state.head_and_table::<Head, u64>();
        let table = table.as_slice();
        let order = self
            .order
            .get_or_insert_with(|| self.counts.by_count(head, table));
        let most = order
            .len()
            .min(usize::try_from(self.top).unwrap_or(usize::MAX));
        while (head.given as usize) < most {
            let key = order[head.given as usize] as usize;
            let text = self.counts.text(table, key);
            if counts.is_full() || !keys.fits(text.len()) {
                return Status::More;
            }
            keys.give(text);
            counts.push(self.counts.count(table, key));
            head.given += 1;
        }
        Status::Done
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use crate::op::Value;
    use crate::operators::trial::{build, text_run, texts};
    use crate::testing::{self, Chunks, run};

    fn counted(given: &[&str], params: &[(&str, Value)], chunks: Chunks) -> Vec<(String, u64)> {
        let blueprint = build("count.by", &[texts(given)], params, None).unwrap();
        let streams = run(blueprint, &[testing::frames(given)], chunks, usize::MAX).unwrap();
        let counts = streams[1].as_chunks::<8>().0.iter();
        let counts: Vec<u64> = counts.map(|bytes| u64::from_le_bytes(*bytes)).collect();
        let keys = testing::texts(&streams[0]);
        assert_eq!(keys.len(), counts.len());
        keys.into_iter().map(str::to_owned).zip(counts).collect()
    }

    #[test]
    fn counts_come_at_the_end_the_most_frequent_first() {
        let given = &["b", "a", "", "c", "a", "b", "a", ""];
        let expected = [("a", 3), ("b", 2), ("", 2), ("c", 1)];
        let expected = expected.map(|(key, n)| (key.to_owned(), n));
        for chunks in (0..30)
            .map(Chunks::Random)
            .chain([Chunks::Whole, Chunks::Single])
        {
            assert_eq!(counted(given, &[], chunks), expected, "{chunks:?}");
            let top = [("top", Value::from(2))];
            assert_eq!(counted(given, &top, chunks), expected[..2], "{chunks:?}");
        }
        assert_eq!(counted(&[], &[], Chunks::Whole), []);
    }

    #[test]
    fn counts_come_with_each_item_if_so_asked() {
        let change = [("emit", Value::from("change"))];
        let found = counted(&["x", "y", "x"], &change, Chunks::Random(1));
        let expected = [("x", 1), ("y", 1), ("x", 2)];
        assert_eq!(found, expected.map(|(key, n)| (key.to_owned(), n)));
    }

    #[test]
    fn many_keys_are_each_counted_exactly() {
        let words: Vec<String> = (0..5000u64).map(|n| format!("{}", n * n % 997)).collect();
        let given: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut expected: HashMap<&str, u64> = HashMap::new();
        for word in &given {
            *expected.entry(word).or_default() += 1;
        }
        let found = counted(&given, &[("keys", Value::from(600))], Chunks::Random(3));
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().all(|(key, n)| expected[key.as_str()] == *n));
        assert!(found.is_sorted_by(|a, b| a.1 >= b.1));
    }

    #[test]
    fn a_full_table_says_how_to_make_it_larger() {
        let given = [texts(&["a", "b", "a", "c"])];
        let keys = [("keys", Value::from(2))];
        let error = text_run("count.by", &given, &keys, Chunks::Single).unwrap_err();
        assert_eq!(
            error.message,
            "there are more than 2 different texts; `keys = ..` takes more, at the cost of memory"
        );
        let bytes = [("bytes", Value::from(2))];
        let error = text_run("count.by", &given, &bytes, Chunks::Whole).unwrap_err();
        assert!(
            error
                .message
                .contains("more than 2 bytes of different texts"),
            "{error}"
        );
    }
}
