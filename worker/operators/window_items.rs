//! `window` and `timed.window` with `fn = "items"`: a window becomes the items it has, a line of JSON.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use crate::op::InputInfo;
use crate::timed::{Gave, Progress, Windowing};
use crate::types::{ItemType, Scalar};

use super::json_lines::{Numbers, push_json, push_list};
use super::window::Wanted;

/// The items of windows of so many items: `[1,2,3]`, vectors as lists of their own.
pub(super) fn counted(input: &InputInfo, windows: Wanted, numbers: Numbers) -> Blueprint {
    let agent = Counted {
        windows,
        numbers,
        line: Vec::new(),
    };
    Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()).retain(windows.full.size as usize - 1))
        .output(OutPort::new(ItemType::Text, None))
}

/// The items of windows of time: `{"end":2.0,"t":[0.5,1.0],"x":[7,8]}`.
pub(super) fn timed(input: &InputInfo, windowing: Windowing, numbers: Numbers) -> Blueprint {
    let agent = TimedItems {
        windowing,
        numbers,
        scratch: Vec::new(),
        line: Vec::new(),
    };
    Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()).retain(windowing.most))
        .output(OutPort::new(ItemType::Text, None))
        .state(StateSpec::of(Progress::new()))
}

struct Counted {
    windows: Wanted,
    numbers: Numbers,
    /// Scratch: a window's line.
    line: Vec<u8>,
}

/// Where it is follows from the streams' positions, as for the functions of `window`.
impl Agent for Counted {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let seen = input.position() + input.len() as u64;
        while self.windows.end(output.position()) <= seen {
            let window = self.windows.items(output.position(), input);
            self.line.clear();
            let items = window.chunks_exact(input.item_len());
            push_list(items, self.numbers, &mut self.line);
            if !output.give(&self.line) {
                break;
            }
        }
        // The item that completes the next window stays: with it gone, that window's first would be no longer retained.
        let reach = seen.min(self.windows.end(output.position()) - 1);
        input.consume(reach.saturating_sub(input.position()) as usize);
        Ok(Status::Ready)
    }
}

struct TimedItems {
    windowing: Windowing,
    numbers: Numbers,
    /// Scratch: items of a window between which others came.
    scratch: Vec<u64>,
    /// Scratch: a window's line.
    line: Vec<u8>,
}

impl Agent for TimedItems {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let progress = io.state.get::<Progress>();
        let (len, (line, numbers)) = (input.item_len(), (&mut self.line, self.numbers));
        let values_len = numbers.0.len_bytes() * numbers.1;
        let give = |[_, end]: [f64; 2], items: &[u8]| {
            let items = items.chunks_exact(len);
            line.clear();
            line.extend_from_slice(b"{\"end\":");
            push_json(Scalar::F64, &end.to_ne_bytes(), line);
            line.extend_from_slice(b",\"t\":");
            push_list(items.clone().map(|item| &item[..8]), (Scalar::F64, 1), line);
            line.extend_from_slice(b",\"x\":");
            push_list(items.map(|item| &item[8..8 + values_len]), numbers, line);
            line.push(b'}');
            match output.give(line) {
                true => Gave::It { has_room: true },
                false => Gave::NoRoom,
            }
        };
        let came = self
            .windowing
            .go_on_rows(input, progress, &mut self.scratch, true, give)?;
        Ok(came.status())
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, text_run};
    use crate::testing::Chunks;

    #[test]
    fn a_window_is_the_list_of_its_items() {
        let params = |growing: bool| {
            [
                ("size", Value::from(3)),
                ("step", 2.into()),
                ("fn", "items".into()),
                ("growing", growing.into()),
            ]
        };
        let items = || [given("i64", &[1_i64, 2, 3, 4, 5, 6, 7])];
        let lists = text_run("window", &items(), &params(false), Chunks::Whole).unwrap();
        assert_eq!(lists, ["[1,2,3]", "[3,4,5]", "[5,6,7]"]);
        let lists = text_run("window", &items(), &params(true), Chunks::Whole).unwrap();
        assert_eq!(lists, ["[1,2]", "[2,3,4]", "[4,5,6]"]);
        let rows = [given(
            "f64[2]",
            &[1.0, f64::NAN, 0.5, -2.0, 3.0, f64::INFINITY],
        )];
        let lists = text_run("window", &rows, &params(false), Chunks::Whole).unwrap();
        assert_eq!(lists, ["[[1.0,null],[0.5,-2.0],[3.0,null]]"]);
    }

    #[test]
    fn a_window_of_time_has_its_end_the_times_and_the_values() {
        let rows = [0.5, 1.0, 1.5, 2.0, 4.0, 3.0];
        let params = [
            ("duration", Value::from(2)),
            ("fn", "items".into()),
            ("flush", true.into()),
        ];
        let lines = text_run(
            "timed.window",
            &[given("timed<f64>", &rows)],
            &params,
            Chunks::Whole,
        )
        .unwrap();
        let expected = [
            "{\"end\":2.0,\"t\":[0.5,1.5],\"x\":[1.0,2.0]}",
            "{\"end\":6.0,\"t\":[4.0],\"x\":[3.0]}",
        ];
        assert_eq!(lines, expected);
        let both = [
            ("duration", Value::from(2)),
            ("fn", "items".into()),
            ("expr", "sum(x)".into()),
        ];
        let refused = build("timed.window", &[given("timed<f64>", &rows)], &both, None);
        assert!(refused.unwrap_err().message.contains("each say"));
    }
}
