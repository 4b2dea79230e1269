//! `text.pack` and `text.unpack`: texts as items of one length, and back.
//!
//! What needs items of one length (times, samples, windows of time) takes packed texts as any vector of bytes.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status, text_of};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

use super::texts::{self, of_item, taken_first};
use super::timed::read_numbers;

/// The row of `text.pack`.
pub const PACK: OpDef = OpDef {
    name: "text.pack",
    summary: "each text as a vector of so many bytes",
    doc: "The bytes (UTF-8) of each text, zeros behind them. Items of one length have what texts alone have not: `timed` gives them times, `timed.mix`, \
          `timed.zip`, `sample` and `release` join them by time, `repeat`, `keep_m_in_n` and Rust's closures take them; `text.unpack` makes texts of them again. A longer text ends the run with its \
          place, or is cut between two characters, or left out. A text with a zero byte (U+0000) ends the run: it could not be told from what fills up.",
    inputs: Arity::One,
    outputs: "one stream of u8[bytes], of the input's rate (of no known one with `longer = \"skip\"`)",
    params: &[
        ParamDef {
            name: "bytes",
            kind: ParamKind::Int,
            default: None,
            unit: "bytes",
            doc: "How long the longest text may be; at most 65536.",
        },
        ParamDef {
            name: "longer",
            kind: ParamKind::Choice(&["error", "cut", "skip"]),
            default: Some("error"),
            unit: "",
            doc: "What to do with a longer text: end the run, cut it, or leave it out.",
        },
    ],
    example: "text.read path=examples/data/access.log ! words ! text.pack bytes=64 longer=cut ! repeat times=2 ! text.unpack ! head items=6 ! print",
    deterministic: true,
    build: pack,
};

/// The row of `text.unpack`.
pub const UNPACK: OpDef = OpDef {
    name: "text.unpack",
    summary: "the text that each vector of bytes is",
    doc: "Makes texts of what `text.pack` gave: the bytes up to the zeros at the end. Elements of any real type are taken as bytes; an item of NaN alone is \
          nothing (as `timed.zip` has it where an input has no item at a time), and becomes the text `missing`, or is left out without it. Timed items become two streams, \
          `NAME.t` with the times and `NAME.x` with the texts. Bytes that are no UTF-8, and numbers that are no bytes, end the run with their place, the former unless `invalid` says otherwise.",
    inputs: Arity::One,
    outputs: "one stream of text, of the input's rate where nothing can be left out; of timed items two streams side by side: `t` of f64, and `x` of text",
    params: &[
        ParamDef {
            name: "missing",
            kind: ParamKind::Text,
            default: Some(""),
            unit: "",
            doc: "The text for an item of NaN. Default: it is left out.",
        },
        ParamDef {
            name: "invalid",
            kind: ParamKind::Choice(&["error", "replace"]),
            default: Some("error"),
            unit: "",
            doc: "What to do with bytes that are no UTF-8: end the run, or put U+FFFD for what is wrong in them.",
        },
    ],
    example: "text.read path=examples/data/access.log ! text.pack bytes=200 ! text.unpack ! head items=3 ! print",
    deterministic: true,
    build: unpack,
};

fn pack(args: &Args) -> Result<Blueprint, OpError> {
    texts::refuse_others(args)?;
    let bytes = args.required_count("bytes", 1)?;
    if bytes > 65_536 {
        let message = format!("`bytes` is {bytes}, and items have at most 65536 numbers");
        return Err(OpError::param("bytes", message));
    }
    let longer = match args.text("longer") {
        Some("cut") => Longer::Cut,
        Some("skip") => Longer::Skip,
        _ => Longer::Error,
    };
    let item_type = match bytes {
        1 => ItemType::Scalar(Scalar::U8),
        _ => ItemType::Vector(Scalar::U8, bytes as u32),
    };
    let rate = args.input().rate.filter(|_| longer != Longer::Skip);
    Ok(Blueprint::new(Pack { longer })
        .input(InPort::new(ItemType::Text))
        .output(OutPort::new(item_type, rate)))
}

#[derive(Clone, Copy, PartialEq)]
enum Longer {
    Error,
    Cut,
    Skip,
}

struct Pack {
    longer: Longer,
}

impl Agent for Pack {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let len = output.item_len();
        let (mut taken, mut outcome) = (0, Ok(()));
        for frame in input.frames() {
            if output.is_full() {
                break;
            }
            let packed = text_of(frame).and_then(|text| self.fitting(text, len));
            match packed {
                Ok(Some(text)) => {
                    let slot = &mut output.bytes()[..len];
                    slot[..text.len()].copy_from_slice(text.as_bytes());
                    slot[text.len()..].fill(0);
                    output.produce(1);
                }
                Ok(None) => {}
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
            taken += 1;
        }
        input.consume(taken);
        let outcome = outcome.map_err(|error| of_item(input.position(), &error));
        taken_first(outcome, taken)
    }
}

impl Pack {
    /// What of a text is packed; `None` where it is left out.
    fn fitting<'a>(&self, text: &'a str, len: usize) -> Result<Option<&'a str>, AgentError> {
        if text.contains('\0') {
            return Err(AgentError::new(
                "it has a zero byte (U+0000), which could not be told from what fills up",
            ));
        }
        match self.longer {
            _ if text.len() <= len => Ok(Some(text)),
            Longer::Cut => Ok(Some(&text[..text.floor_char_boundary(len)])),
            Longer::Skip => Ok(None),
            Longer::Error => Err(AgentError::new(format!(
                "it has {} bytes, and {len} fit; `bytes = {}` takes it, `longer = \"cut\"` cuts it",
                text.len(),
                text.len()
            ))),
        }
    }
}

fn unpack(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let timed = input.item_type.timed_values();
    let numbers = timed.or_else(|| input.item_type.elements());
    let Some((scalar, width)) = numbers.filter(|(scalar, _)| !scalar.is_complex()) else {
        return Err(OpError::input_type(
            "text.unpack",
            input,
            "vectors of bytes, with times or without",
        )
        .or_help("`text.pack` gives them"));
    };
    let missing = args.text("missing").map(str::to_owned);
    let rate = input
        .rate
        .filter(|_| missing.is_some() || !scalar.is_float());
    let agent = Unpack {
        scalar,
        width,
        missing,
        replaces: args.text("invalid") == Some("replace"),
        text: Vec::with_capacity(width),
    };
    let blueprint = Blueprint::new(agent).input(InPort::new(input.item_type.clone()));
    Ok(match timed {
        None => blueprint.output(OutPort::new(ItemType::Text, rate)),
        Some(_) => blueprint
            .output(OutPort::named("t", ItemType::Scalar(Scalar::F64), rate))
            .output(OutPort::named("x", ItemType::Text, rate)),
    })
}

struct Unpack {
    scalar: Scalar,
    /// How many bytes a text may have.
    width: usize,
    missing: Option<String>,
    /// What is no UTF-8 becomes U+FFFD.
    replaces: bool,
    /// Scratch: a text.
    text: Vec<u8>,
}

impl Agent for Unpack {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let input = &mut io.inputs[0];
        let (times, texts) = io.outputs.split_at_mut(io.outputs.len() - 1);
        let (mut times, texts) = (times.first_mut(), &mut texts[0]);
        let (mut taken, mut outcome) = (0, Ok(()));
        for item in input.bytes().chunks_exact(input.item_len()) {
            let (time, values) = item.split_at(if times.is_some() { 8 } else { 0 });
            let text = match self.read(values) {
                Ok(true) => Some(&self.text[..]),
                Ok(false) => self.missing.as_deref().map(str::as_bytes),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            };
            if let Some(text) = text {
                let has_room = times.as_ref().is_none_or(|times| !times.is_full());
                if !has_room || !texts.give(text) {
                    break;
                }
                if let Some(times) = &mut times {
                    times.bytes()[..8].copy_from_slice(time);
                    times.produce(1);
                }
            }
            taken += 1;
        }
        input.consume(taken);
        let outcome = outcome.map_err(|error| of_item(input.position(), &error));
        taken_first(outcome, taken)
    }
}

impl Unpack {
    /// Reads an item's text; false where it is nothing.
    fn read(&mut self, item: &[u8]) -> Result<bool, AgentError> {
        self.text.clear();
        let (text, mut nothing, mut odd) = (&mut self.text, 0, None);
        let values = &item[..self.width * self.scalar.len_bytes()];
        read_numbers(self.scalar, values, |_, number| {
            match (
                number.is_nan(),
                (0.0..256.0).contains(&number) && number.fract() == 0.0,
            ) {
                (true, _) => nothing += 1,
                (_, true) => text.push(number as u8),
                _ => odd = odd.or(Some(number)),
            }
        });
        if text.is_empty() && nothing > 0 && odd.is_none() {
            return Ok(false);
        }
        if let Some(number) = odd.or((nothing > 0).then_some(f64::NAN)) {
            return Err(AgentError::new(format!(
                "{number} is no byte of a text (0 to 255)"
            )));
        }
        let end = text
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |at| at + 1);
        text.truncate(end);
        match std::str::from_utf8(text) {
            Ok(_) => Ok(true),
            Err(_) if self.replaces => {
                *text = String::from_utf8_lossy(text).into_owned().into_bytes();
                Ok(true)
            }
            Err(e) => Err(AgentError::new(format!(
                "its bytes are no UTF-8 from byte {} on",
                e.valid_up_to()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output, text_run, texts, try_output};
    use crate::testing::{self, Chunks, run};

    #[test]
    fn texts_are_packed_and_unpacked() {
        let words = ["ab", "", "größe", "x"];
        let packed: Vec<[u8; 8]> =
            output("text.pack", &[texts(&words)], &[("bytes", 8.into())], None);
        assert_eq!(packed[0], *b"ab\0\0\0\0\0\0");
        let back = text_run(
            "text.unpack",
            &[given("u8[8]", &packed)],
            &[],
            Chunks::Random(1),
        );
        assert_eq!(back.unwrap(), words);
        let params = |longer: &str| [("bytes", Value::from(4)), ("longer", longer.into())];
        let cut: Vec<[u8; 4]> = output(
            "text.pack",
            &[texts(&["größe", "grün", "a"])],
            &params("cut"),
            None,
        );
        let back = text_run("text.unpack", &[given("u8[4]", &cut)], &[], Chunks::Whole).unwrap();
        assert_eq!(back, ["grö", "grü", "a"]);
        let kept: Vec<[u8; 4]> = output(
            "text.pack",
            &[texts(&["größe", "a"])],
            &params("skip"),
            None,
        );
        assert_eq!(kept, [*b"a\0\0\0"]);
    }

    #[test]
    fn numbers_are_bytes_and_nan_is_nothing() {
        let rows = [
            72.0,
            105.0,
            0.0,
            f64::NAN,
            f64::NAN,
            f64::NAN,
            33.0,
            0.0,
            0.0,
        ];
        let input = || [given("f64[3]", &rows)];
        let left_out = text_run("text.unpack", &input(), &[], Chunks::Single).unwrap();
        assert_eq!(left_out, ["Hi", "!"]);
        let timed: Vec<[u64; 2]> =
            vec![[1.5_f64.to_bits(), u64::from_le_bytes(*b"Hi\0\0\0\0\0\0")]];
        let blueprint = build("text.unpack", &[given("timed<u8[3]>", &timed)], &[], None).unwrap();
        let streams = run(
            blueprint,
            &[bytemuck::cast_slice(&timed).to_vec()],
            Chunks::Single,
            usize::MAX,
        );
        let streams = streams.unwrap();
        assert_eq!(streams[0], 1.5_f64.to_le_bytes());
        assert_eq!(testing::texts(&streams[1]), ["Hi"]);
        let missing = [("missing", Value::from("-"))];
        let named = text_run("text.unpack", &input(), &missing, Chunks::Whole).unwrap();
        assert_eq!(named, ["Hi", "-", "!"]);
    }

    #[test]
    fn what_is_no_text_is_named_with_its_place() {
        for (rows, words) in [
            (vec![65.0, 300.0], "300 is no byte"),
            (vec![65.0, f64::NAN], "NaN is no byte"),
            (vec![255.0, 0.0], "no UTF-8 from byte 0"),
        ] {
            let input = [given("f64[2]", &[vec![65.0, 66.0], rows].concat())];
            let refused = text_run("text.unpack", &input, &[], Chunks::Whole).unwrap_err();
            assert!(
                refused.message.contains(words) && refused.message.contains("item 1"),
                "{refused}"
            );
        }
        for (text, words) in [("abc", "`bytes = 3`"), ("\0", "zero byte")] {
            let refused = try_output::<u8>(
                "text.pack",
                &[texts(&["a", text])],
                &[("bytes", 2.into())],
                None,
            );
            let message = refused.unwrap_err().message;
            assert!(
                message.contains(words) && message.contains("item 1"),
                "{message}"
            );
        }
    }
}
