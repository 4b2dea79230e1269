//! `access_code`: finds the bits that a frame begins with, and tags what follows.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::tags::{Tag, Tags, WORDS_LEN_BYTES_MAX};
use crate::types::ItemType;

/// The row of the table.
pub const ACCESS_CODE: OpDef = OpDef {
    name: "access_code",
    summary: "passes bits on, with a tag behind each place where a code stands",
    doc: "One item out for each item in, the same bytes. Of each item (u8) the lowest bit counts. Where the last bits are those of `code` but for at most `threshold` of them, \
the item behind gets a tag: its value is how many bits were wrong. Codes may overlap. GNU Radio's `correlate_access_code_tag_bb`. What tags are, and where they go: docs/tags.md.",
    inputs: Arity::One,
    outputs: "one stream of u8, tagged",
    params: &[
        ParamDef {
            name: "code",
            kind: ParamKind::Text,
            default: None,
            unit: "",
            doc: "The bits, first bit first: 1 to 64 of `0` and `1`.",
        },
        ParamDef {
            name: "threshold",
            kind: ParamKind::Int,
            default: Some("0"),
            unit: "bits",
            doc: "How many of them may be wrong; fewer than there are.",
        },
        ParamDef {
            name: "key",
            kind: ParamKind::Text,
            default: Some("access_code"),
            unit: "",
            doc: "The tags' key.",
        },
    ],
    example: "noise items=1000 seed=1 ! slice.binary ! access_code code=\"11100\" threshold=1 ! tags.write path=-",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    if input.item_type != ItemType::U8 {
        return Err(
            OpError::input_type("access_code", input, "bits, u8, one each")
                .or_help("`slice.binary` makes bits"),
        );
    }
    let code = args.text("code").unwrap_or_default();
    let is_code =
        (1..=64).contains(&code.len()) && code.bytes().all(|bit| matches!(bit, b'0' | b'1'));
    if !is_code {
        let message = format!(
            "`code` is `{}`, and must be 1 to 64 of `0` and `1`",
            code.escape_debug()
        );
        return Err(OpError::param("code", message));
    }
    let threshold = args.required_count("threshold", 0)?;
    if threshold >= code.len() as u64 {
        let message = format!(
            "`threshold` is {threshold}, and must be below the code's {} bits",
            code.len()
        );
        return Err(OpError::param("threshold", message));
    }
    let key = args.text("key").unwrap_or_default().to_owned();
    if key.len() + 2 > WORDS_LEN_BYTES_MAX {
        return Err(OpError::param(
            "key",
            format!(
                "`key` has {} bytes, and a tag takes at most {WORDS_LEN_BYTES_MAX}",
                key.len()
            ),
        ));
    }
    let bits = code
        .bytes()
        .fold(0, |bits, bit| bits << 1 | u64::from(bit == b'1'));
    let agent = AccessCode {
        code: bits,
        mask: u64::MAX >> (64 - code.len()),
        len: code.len() as u64,
        threshold: threshold as u32,
        key,
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(ItemType::U8))
        .output(OutPort::new(ItemType::U8, input.rate))
        .state(StateSpec::of(0u64))
        .tags(Tags::Made))
}

/// State: the last bits (`u64`).
struct AccessCode {
    code: u64,
    mask: u64,
    len: u64,
    threshold: u32,
    key: String,
}

impl AccessCode {
    /// How many bits are wrong, if the code stands here: `count` bits have come.
    fn wrong(&self, bits: u64, count: u64) -> Option<u32> {
        let wrong = ((bits ^ self.code) & self.mask).count_ones();
        (count >= self.len && wrong <= self.threshold).then_some(wrong)
    }
}

impl Agent for AccessCode {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let bits = io.state.get::<u64>();
        let (output, companion) = io.outputs.split_at_mut(1);
        let (input, output) = (&mut io.inputs[0], &mut output[0]);
        let mut companion = companion.first_mut();
        let n = input.len().min(output.space());
        let mut passed = 0;
        for (&item, position) in input.items::<u8>()[..n].iter().zip(input.position() + 1..) {
            let next = *bits << 1 | u64::from(item & 1);
            if let (Some(wrong), Some(companion)) =
                (self.wrong(next, position), companion.as_deref_mut())
            {
                let tag = Tag {
                    position,
                    key: &self.key,
                    value: &wrong.to_string(),
                };
                if !tag.give(companion) {
                    break;
                }
            }
            *bits = next;
            passed += 1;
        }
        output.bytes()[..passed].copy_from_slice(&input.bytes()[..passed]);
        input.consume(passed);
        output.produce(passed);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use thalweg_ringbuf::Frames;

    use crate::op::Value;
    use crate::operators::trial::{build, given};
    use crate::tags::Tag;
    use crate::testing::{Chunks, run};

    #[test]
    fn what_follows_the_code_is_tagged_however_it_comes() {
        let bits: Vec<u8> = (0..400u64)
            .map(|n| ((n * n * 2_654_435_761) >> 11) as u8)
            .collect();
        for (code, threshold) in [("1011", 0), ("1011", 1), ("111000111000", 3), ("0", 0)] {
            let params = [("code", Value::from(code)), ("threshold", threshold.into())];
            let wrong_at = |end: usize| {
                let last = bits[end - code.len()..end].iter();
                last.zip(code.bytes())
                    .filter(|(bit, code)| **bit & 1 != code & 1)
                    .count() as i64
            };
            let expected: Vec<(u64, i64)> = (code.len()..=bits.len())
                .map(|end| (end as u64, wrong_at(end)))
                .filter(|(_, wrong)| *wrong <= threshold)
                .collect();
            assert!(expected.len() > 3, "{code}");
            for chunks in [
                Chunks::Whole,
                Chunks::Single,
                Chunks::Random(3),
                Chunks::Random(4),
            ] {
                let blueprint = build("access_code", &[given("u8", &bits)], &params, None).unwrap();
                let outputs = run(
                    blueprint.tagged(&[false], &[true]),
                    std::slice::from_ref(&bits),
                    chunks,
                    usize::MAX,
                )
                .unwrap();
                assert_eq!(outputs[0], bits);
                let tags = Frames::new(&outputs[1]).map(|frame| Tag::of_frame(frame).unwrap());
                let tags: Vec<(u64, i64)> = tags
                    .map(|tag| (tag.position, tag.value.parse().unwrap()))
                    .collect();
                assert_eq!(tags, expected, "{code} {chunks:?}");
            }
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        let long = "1".repeat(65);
        let cases = [
            ("", 0, "code"),
            ("012", 0, "code"),
            (&long, 0, "code"),
            ("101", 3, "threshold"),
            ("101", -1, "threshold"),
        ];
        for (code, threshold, param) in cases {
            let params = [("code", Value::from(code)), ("threshold", threshold.into())];
            let refused =
                build("access_code", &[given::<u8>("u8", &[])], &params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(param), "{code}");
        }
    }
}
