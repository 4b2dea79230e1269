//! `dynamic_window`: windows that grow, slide once they are long enough, and begin anew when a condition says so.

use std::collections::BTreeMap;

use bytemuck::cast_slice_mut;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, StateSpec, Status};
use crate::expr::Machine;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::sliding::dynamic::{Growth, Span};
use crate::types::Scalar;
use crate::units::{Unit, squared};

use super::carried::{Seen, is_kept};
use super::window::{FN, OfOne, check_len, of_one};
use super::window_scripts::{Programs, Scripts};

/// The row of the table.
pub const DYNAMIC_WINDOW: OpDef = OpDef {
    name: "dynamic_window",
    summary: "windows that grow to a largest size, and begin anew at the least one when a condition is true",
    doc: "The first window is the first `min` items. Each that follows ends `step` items behind the one before, and begins where that one \
began until it would have more than `max` items; from then on windows are the last `max` items. `reset` is asked of every window: where it is \
true of one of the largest size (or was of one before it, while it grew), the window that follows is the last `min` items with the same end, and grows from there. \
What a window becomes is a function or an expression, as of `window`: `fn=std`, `expr=\"x[-1] - mean(x)\"`; `reset` sees the window as the vector \
`x`, and what it has become as `y`: `reset=\"y > 3\"`, `reset=\"ptp(x) > 10 && len(x) > 4\"`. Of the language of `map`; `n` is the window's number. \
With `next` there is a state `s` that windows change, as items do that of `scan`; `expr` and `reset` see it as it was before the window. \
`reset=false` never begins anew. A window costs its length. Source: IoTPy's `dynamic_window_agent`.",
    inputs: Arity::One,
    outputs: "one stream of what windows become, of no rate: windows that begin anew come in between",
    params: &[
        ParamDef {
            name: "min",
            kind: ParamKind::Length,
            default: None,
            unit: "items",
            doc: "Items of the first window, and of each that begins anew.",
        },
        ParamDef {
            name: "max",
            kind: ParamKind::Length,
            default: None,
            unit: "items",
            doc: "Items of the largest window.",
        },
        ParamDef {
            name: "step",
            kind: ParamKind::Length,
            default: Some("1"),
            unit: "items",
            doc: "Items from one window's end to the next one's.",
        },
        ParamDef {
            name: "reset",
            kind: ParamKind::Expr,
            default: None,
            unit: "",
            doc: "Whether to begin anew: a condition over the window `x`, what it becomes `y`, and the state `s`.",
        },
        FN,
        ParamDef {
            name: "expr",
            kind: ParamKind::Expr,
            default: Some(""),
            unit: "",
            doc: "What a window becomes instead of `fn`: an expression over `x`, all its items as a vector, and the state `s`.",
        },
        ParamDef {
            name: "next",
            kind: ParamKind::Exprs,
            default: Some(""),
            unit: "",
            doc: "The state after a window: an expression over `x` and `s`, or a list with one for each number of the state. Default: no state.",
        },
        ParamDef {
            name: "init",
            kind: ParamKind::Values,
            default: Some("0"),
            unit: "",
            doc: "The state before the first window: a number for all its elements, or one for each.",
        },
        ParamDef {
            name: "names",
            kind: ParamKind::Texts,
            default: Some(""),
            unit: "",
            doc: "Names for the numbers of the state, in their order; `s` is all of them.",
        },
        ParamDef {
            name: "after",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "`expr` and `reset` see the state after the window instead.",
        },
    ],
    example: "noise items=1000 seed=3 ! dynamic_window min=4 max=32 step=4 fn=std reset=\"y > 1.1\" ! null",
    deterministic: true,
    build,
};

/// Numbers of windows whose programs are kept: of more lengths they are compiled again.
const KEPT_NUMBERS_MAX: u64 = 1 << 20;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let growth = growth(args)?;
    let scripts = Scripts::new(args, growth)?;
    let full = scripts.compiled(growth.max)?;
    let least = scripts.compiled(growth.min).map_err(|refused| {
        let words = format!("the first window has {} items, its `min`", growth.min);
        refused.or_help(&words)
    })?;
    if full.gives != least.gives {
        let message = format!(
            "a window of {} items gives {}, one of {} items {}",
            growth.min, least.gives, growth.max, full.gives
        );
        return Err(OpError::param("expr", message)
            .with_help("windows that grow give a number: `max(x) - x[0]`"));
    }
    let mut words = bytemuck::cast::<Span, [u64; 3]>(growth.first()).to_vec();
    words.extend_from_slice(&scripts.init);
    let function = scripts.function;
    let function = function.map(|what| of_one(what, scripts.scalar, scripts.width).1);
    let unit = match scripts.function {
        Some("var") => Unit::maybe(input.unit.as_deref().map(squared)),
        Some(_) => Unit::Of(0),
        None => Unit::maybe(None),
    };
    let (scalar, _) = full.gives.elements().unwrap_or((Scalar::F64, 1));
    let item_type = full.gives.clone();
    let agent = DynamicWindow {
        growth,
        function,
        scalar,
        after: args.flag("after"),
        seen: match &scripts.state {
            Some(state) => Seen::of(&state.item_type, state.names.len()),
            None => Seen::stateless(),
        },
        made: BTreeMap::from([(growth.max, Machines::new(full))]),
        kept_numbers: 0,
        scripts,
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()).retain(growth.max - 1))
        .output(OutPort::new(item_type, None).unit(unit))
        .state(StateSpec::slice(&words)))
}

fn growth(args: &Args) -> Result<Growth, OpError> {
    let (min, max) = (
        args.required_length("min", 1)?,
        args.required_length("max", 1)?,
    );
    let step = args.required_length("step", 1)?;
    if max < min {
        let message = format!("`max` is {max}, and must be at least `min`, which is {min}");
        return Err(OpError::param("max", message));
    }
    check_len("max", max, args.input())?;
    Ok(Growth {
        min: min as usize,
        max: max as usize,
        step: usize::try_from(step).unwrap_or(usize::MAX),
    })
}

/// What computes a window of one length.
struct Machines {
    given: Option<Machine>,
    reset: Option<Machine>,
    next: Vec<Machine>,
}

impl Machines {
    fn new(programs: Programs) -> Machines {
        Machines {
            given: programs.given.map(Machine::new),
            reset: Some(Machine::new(programs.reset)),
            next: programs.next.into_iter().map(Machine::new).collect(),
        }
    }
}

/// State: the next window, then the user's. Its fields are caches and scratch.
struct DynamicWindow {
    growth: Growth,
    scripts: Scripts,
    function: Option<OfOne>,
    /// Of what goes out.
    scalar: Scalar,
    /// `expr` and `reset` see the new state.
    after: bool,
    seen: Seen,
    made: BTreeMap<usize, Machines>,
    /// Numbers of the windows that machines were made for, but for the largest.
    kept_numbers: u64,
}

impl Agent for DynamicWindow {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let (own, state) = io.state.slice::<u64>().split_at_mut(3);
        let span: &mut Span = bytemuck::from_bytes_mut(cast_slice_mut(own));
        // Where the window's last item was left out, the window is.
        let left_out = (input.position() + 1).saturating_sub(span.end);
        (span.begin, span.end) = (span.begin + left_out, span.end + left_out);
        let (bytes, past) = input.past_elements::<u8>();
        let (item_len, len) = (input.item_len(), output.item_len());
        let oldest = input.position() - (past / item_len) as u64;
        let newest = input.position() + input.len() as u64;
        let at = |place: u64| (place - oldest) as usize * item_len;
        while span.end <= newest && !output.is_full() {
            let window = &bytes[at(span.begin)..at(span.end)];
            let items = (span.end - span.begin) as usize;
            let number = output.position();
            let room = &mut output.bytes()[..len];
            let again = self.window(window, items, number, state, room)?;
            self.growth.advance(span, again);
            output.produce(1);
        }
        let reach = newest.min(span.end - 1);
        input.consume(reach.saturating_sub(input.position()) as usize);
        self.seen.forget();
        Ok(Status::Ready)
    }
}

impl DynamicWindow {
    /// Writes what this window becomes to `room`, and says whether to begin anew.
    fn window(
        &mut self,
        window: &[u8],
        items: usize,
        number: u64,
        state: &mut [u64],
        room: &mut [u8],
    ) -> Result<bool, AgentError> {
        self.make(items)?;
        let machines = self.made.get_mut(&items).expect("made above");
        // SAFETY: one item, as long as the window, aligned as its numbers are, of a stream that goes on; nobody writes
        // it while the call that lent it goes on.
        let x = unsafe { Input::new(window.as_ptr(), 1, 0, number, window.len(), false) };
        if self.after {
            self.seen.inputs(&x, state);
            state.copy_from_slice(self.seen.following(&mut machines.next, number));
        }
        match (&mut machines.given, &mut self.function) {
            (Some(given), _) => given
                .run(self.seen.inputs(&x, state), 0, number, 1)
                .write(self.scalar, room),
            (None, Some(function)) => function(window, room),
            (None, None) => unreachable!("a window becomes something"),
        }
        // SAFETY: the item that was just written, as long and aligned as its type, which nobody writes while it is read.
        let y = unsafe { Input::new(room.as_ptr(), 1, 0, number, room.len(), false) };
        let seen = self.seen.inputs_and(&x, state, y);
        let again = is_kept(&mut machines.reset, seen, number);
        if !self.after {
            self.seen.inputs(&x, state);
            state.copy_from_slice(self.seen.following(&mut machines.next, number));
        }
        Ok(again)
    }

    /// Sees to it that there are machines for windows of so many items.
    fn make(&mut self, items: usize) -> Result<(), AgentError> {
        if self.made.contains_key(&items) {
            return Ok(());
        }
        if self.kept_numbers > KEPT_NUMBERS_MAX {
            self.made.retain(|items, _| *items == self.growth.max);
            self.kept_numbers = 0;
        }
        let programs = self.scripts.compiled(items).map_err(|refused| {
            AgentError::new(format!("a window of {items} items: {}", refused.message))
        })?;
        self.kept_numbers += (items * self.scripts.width) as u64;
        self.made.insert(items, Machines::new(programs));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn params(growth: [i64; 3], more: &[(&'static str, &str)]) -> Vec<(&'static str, Value)> {
        let lengths = ["min", "max", "step"]
            .into_iter()
            .zip(growth.map(Value::from));
        let words = more.iter().map(|(name, text)| (*name, Value::from(*text)));
        lengths.chain(words).collect()
    }

    fn numbers(growth: [i64; 3], items: i64, more: &[(&'static str, &str)]) -> Vec<i64> {
        let items: Vec<i64> = (0..items).collect();
        output(
            "dynamic_window",
            &[given("i64", &items)],
            &params(growth, more),
            None,
        )
    }

    #[test]
    fn windows_grow_slide_and_begin_anew() {
        let bounds = [("expr", "100 * x[0] + x[-1]"), ("reset", "x[0] == 4")];
        assert_eq!(
            numbers([2, 6, 2], 17, &bounds),
            [1, 3, 5, 207, 409, 809, 811, 813, 1015]
        );
        let early = [("expr", "100 * x[0] + x[-1]"), ("reset", "x[-1] == 2")];
        assert_eq!(
            numbers([2, 4, 1], 8, &early),
            [1, 2, 3, 203, 204, 205, 306, 407]
        );
        let never = [("expr", "len(x)"), ("reset", "false")];
        assert_eq!(numbers([2, 5, 2], 11, &never), [2, 4, 5, 5, 5]);
        assert_eq!(numbers([3, 5, 2], 2, &never), [0_i64; 0]);
    }

    #[test]
    fn what_a_window_becomes_may_be_asked_and_a_state_carried() {
        let by_result = [("fn", "sum"), ("reset", "y > 9")];
        assert_eq!(
            numbers([1, 4, 1], 8, &by_result),
            [0, 1, 3, 6, 10, 4, 9, 15, 22, 7]
        );
        let counted = [
            ("expr", "s"),
            ("next", "s + 1"),
            ("reset", "s % 3 == 2"),
            ("after", "true"),
        ];
        let mut counted = params([1, 2, 1], &counted);
        counted[6].1 = true.into();
        let items: Vec<i64> = (0..6).collect();
        let found: Vec<i64> = output("dynamic_window", &[given("i64", &items)], &counted, None);
        assert_eq!(found, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn functions_are_those_of_window() {
        let items: Vec<f32> = (0..60).map(|n| (n * n % 17) as f32 / 3.0).collect();
        for what in [
            "sum", "mean", "min", "max", "std", "var", "rms", "median", "ptp",
        ] {
            let growing = [
                ("fn", what.into()),
                ("size", 8.into()),
                ("step", 2.into()),
                ("growing", true.into()),
            ];
            let expected: Vec<[f32; 2]> =
                output("window", &[given("f32[2]", &items)], &growing, None);
            let never = params([2, 8, 2], &[("fn", what), ("reset", "false")]);
            let found: Vec<[f32; 2]> =
                output("dynamic_window", &[given("f32[2]", &items)], &never, None);
            assert_eq!(found.len(), 15);
            for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
                assert!((found - expected).abs() <= 1e-6 * expected.abs(), "{what}");
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused_before_the_run() {
        let refused = |growth, more: &[(&'static str, &str)]| {
            let input = [given::<f64>("f64", &[])];
            let refused = build("dynamic_window", &input, &params(growth, more), None);
            refused.unwrap_err().param.unwrap_or_default()
        };
        let never = ("reset", "false");
        assert_eq!(refused([3, 2, 1], &[never]), "max");
        assert_eq!(refused([1, 65_537, 1], &[never]), "max");
        assert_eq!(refused([1, 2, 0], &[never]), "step");
        assert_eq!(refused([1, 4, 1], &[never, ("expr", "2 * x")]), "expr");
        assert_eq!(refused([1, 4, 1], &[never, ("expr", "x[2]")]), "expr");
        assert_eq!(refused([1, 4, 1], &[("reset", "x > 3")]), "reset");
        assert_eq!(refused([1, 4, 1], &[never, ("next", "x")]), "next");
        let named = [never, ("next", "s + 1"), ("names", "y")];
        assert_eq!(refused([1, 4, 1], &named), "names");
        let both = [never, ("fn", "mean"), ("expr", "sum(x)")];
        assert_eq!(refused([1, 4, 1], &both), "fn");
        let complex = [given::<u64>("cf32", &[])];
        let error = build(
            "dynamic_window",
            &complex,
            &params([1, 2, 1], &[never]),
            None,
        );
        assert_eq!(error.unwrap_err().param.as_deref(), Some("in"));
    }
}
