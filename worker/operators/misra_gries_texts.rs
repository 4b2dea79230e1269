//! `misra_gries` of texts.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, StateSpec, Status, text_of};
use crate::op::{Args, OpError};
use crate::state::Table;
use crate::types::ItemType;

use super::json_lines::push_text;
use super::kept_texts::Places;
use super::pace::Pace;
use super::texts::taken_first;

/// Gives lines of JSON: `[["get",12],["put",3]]`.
pub(super) fn build(args: &Args, k: u64) -> Result<Blueprint, OpError> {
    let pace = Pace::of(args)?;
    let (places, words) = Places::of(args, k, 1)?;
    let agent = Texts {
        pace,
        places,
        k: k as usize,
        line: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(ItemType::Text))
        .output(pace.port(args, ItemType::Text))
        .state(StateSpec::head_and_table(0u64, &words)))
}

/// State: how many items are counted, and of each candidate its counter (0: free) and its text.
struct Texts {
    pace: Pace,
    places: Places,
    k: usize,
    /// Scratch: a line.
    line: Vec<u8>,
}

impl Agent for Texts {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let (counted, mut table) = io.state.head_and_table::<u64, u64>();
        let (mut taken, mut outcome) = (0, Ok(()));
        for text in input.frames() {
            let place = input.position() + taken as u64;
            // One that was counted and had no room for its line comes again.
            if *counted == place {
                if let Err(why) = self.places.check(text) {
                    outcome = Err(AgentError::new(format!("at item {place}: {why}")));
                    break;
                }
                self.count(&mut table, text);
                *counted = place + 1;
            }
            if self.pace.tells_after(place) {
                self.tell(table.as_slice())?;
                if !output.give(&self.line) {
                    break;
                }
            }
            taken += 1;
        }
        input.consume(taken);
        taken_first(outcome, taken)
    }
}

impl Texts {
    fn counter(&self, table: &[u64], place: usize) -> u64 {
        self.places.beside(table, place)[0]
    }

    fn count(&self, table: &mut Table<'_, u64>, text: &[u8]) {
        let mut free = None;
        for place in 0..self.k {
            if self.counter(table.as_slice(), place) == 0 {
                free = free.or(Some(place));
            } else if self.places.text(table.as_slice(), place) == text {
                self.places.beside_mut(table, place)[0] += 1;
                return;
            }
        }
        match free {
            Some(place) => {
                self.places.put(table, place, text);
                self.places.beside_mut(table, place)[0] = 1;
            }
            None => {
                (0..self.k).for_each(|place| self.places.beside_mut(table, place)[0] -= 1);
            }
        }
    }

    /// Writes the line of the candidates, largest counter first, of equals the smaller text.
    fn tell(&mut self, table: &[u64]) -> Result<(), AgentError> {
        let mut found: Vec<(u64, &[u8])> = (0..self.k)
            .map(|place| (self.counter(table, place), self.places.text(table, place)))
            .filter(|(counter, _)| *counter > 0)
            .collect();
        found.sort_unstable_by_key(|(counter, text)| (std::cmp::Reverse(*counter), *text));
        self.line.clear();
        self.line.push(b'[');
        for (nth, (counter, text)) in found.into_iter().enumerate() {
            self.line
                .extend_from_slice(if nth > 0 { b",[" } else { b"[" });
            push_text(text_of(text)?, &mut self.line);
            self.line
                .extend_from_slice(format!(",{counter}]").as_bytes());
        }
        self.line.push(b']');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{given, output, text_output, text_run, texts};
    use crate::testing::Chunks;

    #[test]
    fn texts_are_counted_as_integers_are() {
        let keys = [3i64, 2, 1, 3, 3, 3, 2, 2, 4, 4, 4, 4, 4, 4];
        let words = keys.map(|key| format!("<{key}>"));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let found = text_output("misra_gries", &words, &[("k", 2.into())]);
        let numbers = output::<[i64; 4]>(
            "misra_gries",
            &[given("i64", &keys)],
            &[("k", 2.into())],
            None,
        );
        let expected = numbers.into_iter().map(|row| {
            let pairs = row.chunks(2).filter(|pair| pair[1] > 0);
            let pairs = pairs.map(|pair| format!("[\"<{}>\",{}]", pair[0], pair[1]));
            format!("[{}]", pairs.collect::<Vec<_>>().join(","))
        });
        assert_eq!(found, expected.collect::<Vec<_>>());
        let last = text_output(
            "misra_gries",
            &words,
            &[("k", 2.into()), ("every", 14.into())],
        );
        assert_eq!(last, [found[13].as_str()]);
    }

    #[test]
    fn a_text_too_long_to_be_kept_is_named() {
        let params = [("k", Value::from(2)), ("bytes", 3.into())];
        let refused = text_run(
            "misra_gries",
            &[texts(&["abc", "abcd"])],
            &params,
            Chunks::Whole,
        );
        let message = refused.unwrap_err().message;
        assert!(
            message.contains("at item 1") && message.contains("`bytes = 4`"),
            "{message}"
        );
    }
}
