//! `tags.add`: tags at places that are known beforehand.

use super::{KEY, VALUE, Words, maker};
use crate::agent::{Agent, AgentError, Blueprint, Io, Status, pass_on};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::tags::Tag;

/// The row of the table.
pub const ADD: OpDef = OpDef {
    name: "tags.add",
    summary: "passes its input on, with tags at given places",
    doc: "One item out for each item in, the same bytes, of any type. Items at `at` get a tag, or every so many from \
          the first on (`every`). Places that the stream does not reach get none. Tags that the input has stay, before \
          those added at the same place. What tags are, and where they go: docs/tags.md.",
    inputs: Arity::One,
    outputs: "one stream of the input's type, tagged",
    params: &[
        ParamDef {
            name: "at",
            kind: ParamKind::Floats,
            default: Some(""),
            unit: "items",
            doc: "Positions, the first item's is 0.",
        },
        ParamDef {
            name: "every",
            kind: ParamKind::Length,
            default: Some(""),
            unit: "items",
            doc: "A tag at the first item and every so many from there on, instead of `at`; or a duration.",
        },
        KEY,
        VALUE,
    ],
    example: "sine freq=440 rate=48000 items=9600 ! tags.add at=[0, 4800] key=burst value=1.5 ! decimate factor=4 ! tags.write path=-",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let agent = Add {
        places: Places::of(args)?,
        words: Words::of(args)?,
    };
    Ok(maker(args, agent))
}

/// Where tags go.
enum Places {
    /// At these positions, ascending.
    At(Vec<u64>),
    /// At the multiples of this.
    Every(u64),
}

impl Places {
    fn of(args: &Args) -> Result<Places, OpError> {
        match (args.floats("at"), args.length("every", 1)?) {
            (Some(at), None) => Places::at(&at),
            (None, Some(every)) => Ok(Places::Every(every)),
            (None, None) => Err(OpError::op("`tags.add` needs places for its tags")
                .with_help("add `at = [..]` (positions) or `every = ..`")),
            (Some(_), Some(_)) => Err(OpError::param(
                "every",
                "`every` and `at` both say where the tags go",
            )
            .with_help("leave one of them out")),
        }
    }

    fn at(at: &[f64]) -> Result<Places, OpError> {
        let is_place = |x: &f64| *x >= 0.0 && x.fract() == 0.0 && *x < 2f64.powi(53);
        if let Some(wrong) = at.iter().find(|x| !is_place(x)) {
            return Err(OpError::param(
                "at",
                format!("`at` has {wrong}, and a position is a whole number from 0 on"),
            ));
        }
        let mut at: Vec<u64> = at.iter().map(|x| *x as u64).collect();
        at.sort_unstable();
        Ok(Places::At(at))
    }

    /// The place of the `n`th tag.
    fn nth(&self, n: u64) -> Option<u64> {
        match self {
            Places::At(at) => at.get(usize::try_from(n).ok()?).copied(),
            Places::Every(every) => n.checked_mul(*every),
        }
    }
}

/// State: how many tags were given (`u64`).
struct Add {
    places: Places,
    words: Words,
}

impl Agent for Add {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let given = io.state.get::<u64>();
        let (output, companion) = io.outputs.split_at_mut(1);
        let (input, output) = (&mut io.inputs[0], &mut output[0]);
        let Some(companion) = companion.first_mut() else {
            pass_on(input, output, usize::MAX);
            return Ok(Status::Ready);
        };
        loop {
            let place = self.places.nth(*given).unwrap_or(u64::MAX);
            let before = place - output.position();
            pass_on(input, output, usize::try_from(before).unwrap_or(usize::MAX));
            // Its item is there: who has carried tags to it has done so before it was shown.
            if output.position() < place || input.is_empty() {
                return Ok(Status::Ready);
            }
            let tag = Tag {
                position: place,
                key: &self.words.key,
                value: &self.words.value,
            };
            if !tag.give(companion) {
                return Ok(Status::Ready);
            }
            *given += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{build, given};

    #[test]
    fn places_are_whole_numbers_in_any_order() {
        let items = || [given("f64", &[1.0])];
        let at = |at: &[f64]| [("at", at.to_vec().into())];
        assert!(build("tags.add", &items(), &at(&[7.0, 0.0]), None).is_ok());
        for wrong in [&[-1.0][..], &[0.5], &[0.0, 1e300]] {
            let refused = build("tags.add", &items(), &at(wrong), None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("at"), "{wrong:?}");
        }
        let refused = build("tags.add", &items(), &[], None).unwrap_err();
        assert_eq!(refused.message, "`tags.add` needs places for its tags");
        let both = [("at", [1.0].into()), ("every", 2.into())];
        assert!(build("tags.add", &items(), &both, None).is_err());
        let long = [("every", 2.into()), ("value", "x".repeat(5000).into())];
        let refused = build("tags.add", &items(), &long, None).unwrap_err();
        assert!(refused.message.contains("at most 4096"), "{refused}");
    }
}
