//! `reservoir`: a fair sample of a whole stream.

use super::kept_texts::{BYTES, Places};
use super::keys::{below, mixed};
use super::texts::taken_first;
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

/// The row of the table.
pub const RESERVOIR: OpDef = OpDef {
    name: "reservoir",
    summary: "k items drawn from the whole stream, each as likely as any other, given at its end",
    doc: "Algorithm R (Vitter, ACM TOMS 11(1), 1985): the n-th item takes the place of a drawn one with probability k / n. The draws are a \
function of `seed` and the item's place alone, so the sample is the same whatever the placement, and after a kill. Items of any \
kind; a stream of at most k items is given whole, in order.",
    inputs: Arity::One,
    outputs: "one stream of the input's type: at most k items, when the input has ended",
    params: &[
        ParamDef {
            name: "k",
            kind: ParamKind::Int,
            default: None,
            unit: "items",
            doc: "How many items are drawn; at most 64 MiB of them.",
        },
        ParamDef {
            name: "seed",
            kind: ParamKind::Int,
            default: Some("0"),
            unit: "",
            doc: "Another seed, another sample.",
        },
        BYTES,
    ],
    example: "counter items=10000 ! reservoir k=5 ! print",
    deterministic: true,
    build,
};

/// The most bytes of the sample.
const MOST_BYTES: u64 = 64 << 20;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let item_type = &args.input().item_type;
    let k = args.required_count("k", 1)?;
    let seed = mixed(args.int("seed").unwrap_or(0) as u64);
    if item_type.is_framed() {
        let (places, words) = Places::of(args, k, 0)?;
        let drawn = Drawn { k, seed };
        return Ok(Blueprint::new(OfFrames { drawn, places })
            .input(InPort::new(item_type.clone()))
            .output(OutPort::new(item_type.clone(), None))
            .state(StateSpec::slice(&words)));
    }
    let len_bytes = k.saturating_mul(item_type.len_bytes() as u64);
    if len_bytes > MOST_BYTES {
        let message =
            format!("`k` is {k}: that is {len_bytes} bytes, and at most {MOST_BYTES} fit");
        return Err(OpError::param("k", message));
    }
    Ok(Blueprint::new(Reservoir(Drawn { k, seed }))
        .input(InPort::new(item_type.clone()))
        .output(OutPort::new(item_type.clone(), None).keeps_unit())
        .state(StateSpec::slice(&vec![0u8; len_bytes as usize])))
}

/// Which items are drawn.
struct Drawn {
    k: u64,
    seed: u64,
}

impl Drawn {
    /// Which place the item at `position` takes, if it is drawn.
    fn place(&self, position: u64) -> Option<usize> {
        let place = match position {
            first if first < self.k => first,
            later => below(mixed(self.seed ^ mixed(later)), later + 1),
        };
        (place < self.k).then_some(place as usize)
    }
}

struct Reservoir(Drawn);

impl Agent for Reservoir {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let len = input.item_len();
        let at = input.position();
        let mut sample = io.state.table::<u8>();
        for (nth, item) in input.bytes().chunks_exact(len).enumerate() {
            if let Some(place) = self.0.place(at + nth as u64) {
                let start = place * len;
                sample.range_mut(start..start + len).copy_from_slice(item);
            }
        }
        input.consume(input.len());
        if !input.is_ended() {
            return Ok(Status::Ready);
        }
        // Where it is in giving the sample is the output's position.
        let drawn = self.0.k.min(input.position());
        let given = output.position();
        let n = output.space().min((drawn - given) as usize);
        let from = given as usize * len;
        output.bytes()[..n * len].copy_from_slice(&sample.as_slice()[from..from + n * len]);
        output.produce(n);
        match given + (n as u64) < drawn {
            true => Ok(Status::More),
            false => Ok(Status::Ready),
        }
    }
}

/// As [`Reservoir`], of texts or bytes.
struct OfFrames {
    drawn: Drawn,
    places: Places,
}

impl Agent for OfFrames {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let mut sample = io.state.table::<u64>();
        let (mut taken, mut outcome) = (0, Ok(()));
        for frame in input.frames() {
            let at = input.position() + taken as u64;
            if let Some(place) = self.drawn.place(at) {
                if let Err(why) = self.places.check(frame) {
                    outcome = Err(AgentError::new(format!("at item {at}: {why}")));
                    break;
                }
                self.places.put(&mut sample, place, frame);
            }
            taken += 1;
        }
        input.consume(taken);
        if outcome.is_err() || !input.is_ended() {
            return taken_first(outcome, taken);
        }
        let drawn = self.drawn.k.min(input.position());
        while output.position() < drawn {
            let place = output.position() as usize;
            if !output.give(self.places.text(sample.as_slice(), place)) {
                return Ok(Status::More);
            }
        }
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{build, given, output, text_output, text_run, texts};
    use crate::testing::Chunks;

    #[test]
    fn texts_are_drawn_as_numbers_are() {
        let numbers: Vec<u16> = (0..200).collect();
        let words: Vec<String> = numbers.iter().map(|n| format!("word {n}")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let params = [("k", 7.into()), ("seed", 3.into())];
        let drawn = output::<u16>("reservoir", &[given("u16", &numbers)], &params, None);
        let expected: Vec<String> = drawn.iter().map(|n| format!("word {n}")).collect();
        assert_eq!(text_output("reservoir", &words, &params), expected);
        assert_eq!(text_output("reservoir", &words[..2], &params), words[..2]);
        let short = [("k", 7.into()), ("bytes", 4.into())];
        let refused = text_run(
            "reservoir",
            &[texts(&["four", "fifth"])],
            &short,
            Chunks::Whole,
        );
        assert!(refused.unwrap_err().message.contains("at item 1"));
    }

    #[test]
    fn every_item_is_as_likely_as_any_other() {
        let items: Vec<u16> = (0..100).collect();
        let mut drawn = [0u32; 100];
        for seed in 0..2000 {
            let params = [("k", 10.into()), ("seed", seed.into())];
            let sample = output::<u16>("reservoir", &[given("u16", &items)], &params, None);
            assert_eq!(sample.len(), 10);
            sample
                .iter()
                .for_each(|&item| drawn[usize::from(item)] += 1);
        }
        // 200 expected, standard deviation 13.4.
        let off = drawn
            .iter()
            .map(|&n| (f64::from(n) - 200.0) / 13.4)
            .fold(0.0, |a: f64, b| a.max(b.abs()));
        assert!(off < 4.5, "{drawn:?}");
    }

    #[test]
    fn a_short_stream_is_given_whole() {
        let x = [given("f64[2]", &[1.0, 2.0, 3.0, 4.0])];
        assert_eq!(
            output::<[f64; 2]>("reservoir", &x, &[("k", 5.into())], None),
            [[1.0, 2.0], [3.0, 4.0]]
        );
        let none = output::<u8>(
            "reservoir",
            &[given::<u8>("u8", &[])],
            &[("k", 5.into())],
            None,
        );
        assert!(none.is_empty());
        let refused = build("reservoir", &x, &[("k", 1_000_000_000.into())], None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("k"));
    }
}
