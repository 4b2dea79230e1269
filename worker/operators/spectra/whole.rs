//! Means over all frames of a stream, given at its end: `welch`, `csd` and `coherence` with `whole`.

use super::frames::{AT_ONCE, Part, Seen, Shape};
use super::held::{Of, Products};
use crate::agent::{Agent, AgentError, Blueprint, Ends, InPort, Io, StateSpec, Status};
use crate::op::{Args, OpError, ParamDef, ParamKind};
use crate::sliding::Windows;
use crate::types::ItemType;

pub(super) const WHOLE: ParamDef = ParamDef {
    name: "whole",
    kind: ParamKind::Bool,
    default: Some("false"),
    unit: "",
    doc: "One vector, when the stream has ended: the mean of all of its frames, as SciPy's function gives for a whole array.",
};

/// The agent that gives the mean of all frames.
pub(super) fn blueprint(args: &Args, shape: &Shape, of: Of) -> Result<Blueprint, OpError> {
    if let Some(name) = ["segments", "every"]
        .into_iter()
        .find(|name| args.value(name).is_some())
    {
        let message = format!("`{name}` says which frames are in a mean, and with `whole` all are");
        return Err(OpError::param(name, message).with_help(format!("leave out `{name}`")));
    }
    // A coherence has no `average`.
    if of != Of::Coherence && args.text("average") == Some("median") {
        let message = "the median of all frames of a stream would keep them all";
        return Err(OpError::param("average", message)
            .with_help("give `segments` instead of `whole`: as many as there may be"));
    }
    let scales = of.scales(args, shape)?;
    let sums = vec![0.0f64; shape.bins() * of.width()];
    let blueprint = match shape.is_single() {
        true => Blueprint::new(Whole::<f32>::new(args, shape, of, scales)),
        false => Blueprint::new(Whole::<f64>::new(args, shape, of, scales)),
    };
    let blueprint = blueprint
        .output(of.output(args, shape, None))
        .state(StateSpec::slice(&sums))
        .ends(Ends::AnyInput);
    let frames = shape.windows;
    // Of several inputs any item is taken as it comes: a tag goes by the item that it stands at.
    let news = match args.inputs() {
        [_] => frames.step.min(AT_ONCE) as usize,
        _ => 1,
    };
    let port = |item_type: &ItemType| {
        let port = InPort::new(item_type.clone());
        port.retain(frames.size as usize - 1).at_least(news)
    };
    let inputs = args.inputs().iter();
    Ok(inputs.fold(blueprint, |blueprint, input| {
        blueprint.input(port(&input.item_type))
    }))
}

/// State: what the frames have come to, summed up from the first one on. How many there were, the position says.
struct Whole<T: Part> {
    frames: Windows,
    products: Products<T>,
    row: Vec<f64>,
}

impl<T: Part> Whole<T> {
    fn new(args: &Args, shape: &Shape, of: Of, scales: Vec<f64>) -> Whole<T> {
        Whole {
            frames: shape.windows,
            row: vec![0.0; shape.bins() * of.width()],
            products: Products::new(args, shape, of, scales),
        }
    }
}

impl<T: Part> Agent for Whole<T> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let from = io.inputs[0].position();
        let seen: Vec<Seen<'_>> = io.inputs.iter().map(Seen::of).collect();
        let to = seen.iter().map(|seen| seen.end).min().unwrap_or(from);
        let sums = io.state.slice::<f64>();
        for n in self.frames.ended(from)..self.frames.ended(to) {
            self.products.frame(&seen, n, &mut self.row);
            sums.iter_mut()
                .zip(&self.row)
                .for_each(|(sum, x)| *sum += x);
        }
        let is_last = io
            .inputs
            .iter()
            .zip(&seen)
            .any(|(input, seen)| input.is_ended() && seen.end == to);
        drop(seen);
        for input in io.inputs.iter_mut() {
            input.consume((to - from) as usize);
        }
        let (output, count) = (&mut io.outputs[0], self.frames.ended(to));
        if !is_last || count == 0 || output.position() > 0 {
            return Ok(Status::Ready);
        }
        if output.space() == 0 {
            return Ok(Status::More);
        }
        let mean = sums.iter().map(|sum| sum / count as f64);
        let item_len = output.item_len();
        self.row.clear();
        self.row.extend(mean);
        self.products
            .store(&self.row, &mut output.bytes()[..item_len]);
        output.produce(1);
        Ok(Status::Done)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn params(rest: &[(&'static str, Value)]) -> Vec<(&'static str, Value)> {
        let mut params = vec![("size", Value::Int(8)), ("hop", Value::Int(3))];
        params.extend(rest.iter().cloned());
        params
    }

    #[test]
    fn the_mean_of_all_frames_is_that_of_as_many_segments() {
        let x: Vec<f64> = (0..60).map(|n| f64::from(n * 7919 % 101) - 50.0).collect();
        let y: Vec<f64> = (0..57).map(|n| f64::from(n * 104_729 % 97)).collect();
        let whole = params(&[("whole", true.into())]);
        let alone: Vec<[f64; 5]> = output("welch", &[given("f64", &x).rate(9.0)], &whole, None);
        let counted = params(&[("segments", 18.into())]);
        let same: Vec<[f64; 5]> = output("welch", &[given("f64", &x).rate(9.0)], &counted, None);
        assert_eq!((alone.len(), &alone), (1, &same));
        for op in ["csd", "coherence"] {
            // The shorter one ends it: it has 17 frames.
            let of = |params: &[(&'static str, Value)]| -> Vec<u8> {
                let inputs = [given("f64", &x).rate(9.0), given("f64", &y).rate(9.0)];
                output(op, &inputs, params, None)
            };
            let counted = params(&[("segments", 17.into())]);
            assert_eq!(of(&whole), of(&counted), "{op}");
        }
        let short = [given("f64", &x[..7]).rate(9.0)];
        assert!(output::<[f64; 5]>("welch", &short, &whole, None).is_empty());
    }

    #[test]
    fn what_says_which_frames_there_are_is_refused() {
        let cases = [
            ("segments", Value::Int(3)),
            ("every", Value::Int(3)),
            ("average", "median".into()),
        ];
        for case in cases {
            let params = params(&[("whole", true.into()), case.clone()]);
            let x = given::<f64>("f64", &[]).rate(9.0);
            let refused = build("welch", &[x], &params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(case.0));
        }
    }
}
