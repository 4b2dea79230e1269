//! `window` with an expression: the window is a vector, and any expression of it is what the window becomes.
//!
//! While windows grow, each has a length of its own, and the expression is compiled for each: a length comes
//! once in a stream's life. From the first full window on there is one program.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, Status};
use crate::expr::{ExprError, Machine, Program, compile};
use crate::op::{Args, InputInfo, OpError};
use crate::types::{ItemType, Scalar};

use super::live_numbers::{live, with_dials};
use super::map::output_type;
use super::window::{Wanted, check_len};

pub(super) fn build(args: &Args, text: &str, windows: Wanted) -> Result<Blueprint, OpError> {
    let input = args.input();
    let of = Of::new(text, input, windows, live(args, args.inputs())?)?;
    let full = of.program(windows.full.size)?;
    let item_type = output_type(&full, args.dtype())?;
    if windows.growing {
        let first = windows.full.step.min(windows.full.size);
        let shortest = of.program(first).map_err(|refused| {
            let words = format!("the first window that grows has {first} items, its `step`");
            refused.or_help(&words)
        })?;
        let found = output_type(&shortest, args.dtype())?;
        if found != item_type {
            let message =
                format!("a window of {first} items gives {found}, a full one {item_type}");
            return Err(OpError::param("expr", message)
                .with_help("windows that grow give a number: `max(x) - x[0]`"));
        }
    }
    let (scalar, _) = item_type.elements().unwrap_or((Scalar::F64, 1));
    let agent = WindowExpr {
        dials: Vec::new(),
        windows,
        full: Machine::new(full),
        of,
        scalar,
    };
    let blueprint = Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()).retain(windows.full.size as usize - 1))
        .output(OutPort::new(
            item_type,
            input.rate.map(|rate| rate / windows.full.step as f64),
        ));
    Ok(with_dials(blueprint, args))
}

/// An expression of windows of any length.
struct Of {
    text: String,
    window: InputInfo,
    scalar: Scalar,
    /// Numbers of an item.
    width: u64,
    live: Vec<InputInfo>,
}

impl Of {
    fn new(
        text: &str,
        input: &InputInfo,
        windows: Wanted,
        live: Vec<InputInfo>,
    ) -> Result<Of, OpError> {
        let is_plain = input.item_type.timed_values().is_none();
        let Some((scalar, width)) = input.item_type.elements().filter(|_| is_plain) else {
            return Err(OpError::input_type(
                "window",
                input,
                "numbers or vectors of them",
            ));
        };
        let width = width as u64;
        check_len("size", windows.full.size, input)?;
        Ok(Of {
            text: text.to_owned(),
            window: InputInfo {
                rate: input.rate.map(|rate| rate / windows.full.step as f64),
                ..input.clone()
            },
            scalar,
            width,
            live,
        })
    }

    /// The program for windows of so many items.
    fn program(&self, items: u64) -> Result<Program, OpError> {
        self.compiled(items).map_err(|e| e.of_param("expr"))
    }

    fn compiled(&self, items: u64) -> Result<Program, ExprError> {
        let window = InputInfo {
            item_type: ItemType::Vector(self.scalar, (items * self.width) as u32),
            ..self.window.clone()
        };
        let seen = [&[window][..], &self.live].concat();
        compile(&self.text, &seen, self.window.rate)
    }
}

/// Where it is follows from the streams' positions, as for the functions of `window`.
struct WindowExpr {
    windows: Wanted,
    of: Of,
    full: Machine,
    scalar: Scalar,
    /// The values of its dials.
    dials: Vec<f64>,
}

impl Agent for WindowExpr {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        self.full.turn(io.dials);
        self.dials = io.dials.to_vec();
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let (from, done) = (input.position(), output.position());
        let seen = from + input.len() as u64;
        let to = seen.min(self.windows.end(done + output.space() as u64) - 1);
        let count = self.windows.ended(to) - done;
        let len = output.item_len();
        let room = &mut output.bytes()[..count as usize * len];
        for (k, slot) in (done..).zip(room.chunks_exact_mut(len)) {
            self.compute(k, input, slot)?;
        }
        input.consume((to - from) as usize);
        output.produce(count as usize);
        Ok(Status::Ready)
    }
}

impl WindowExpr {
    /// Computes the k-th window.
    fn compute(&mut self, k: u64, input: &Input, slot: &mut [u8]) -> Result<(), AgentError> {
        let window = self.windows.items(k, input);
        let items = (window.len() / input.item_len()) as u64;
        // SAFETY: one item, as long as the window, aligned as its numbers are, of a stream that goes on;
        // nobody writes it while `input` is borrowed.
        let window = [unsafe { Input::new(window.as_ptr(), 1, 0, k, window.len(), false) }];
        let run =
            |machine: &mut Machine, slot| machine.run(&window, 0, k, 1).write(self.scalar, slot);
        if items == self.windows.full.size {
            run(&mut self.full, slot);
            return Ok(());
        }
        let program = self.of.compiled(items).map_err(|e| {
            AgentError::new(format!(
                "a window of {items} items: {}",
                e.of_param("expr").message
            ))
        })?;
        let mut machine = Machine::new(program);
        machine.turn(&self.dials);
        run(&mut machine, slot);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn params(expr: &str, size: i64, step: i64, growing: bool) -> [(&'static str, Value); 4] {
        [
            ("expr", expr.into()),
            ("size", size.into()),
            ("step", step.into()),
            ("growing", growing.into()),
        ]
    }

    #[test]
    fn a_window_becomes_what_the_expression_says() {
        let items: Vec<i32> = (0..20).map(|n| n * n % 7).collect();
        for (size, step) in [(4, 1), (4, 3), (3, 5), (1, 1)] {
            let params = params("max(x) - x[0] + len(x)", size, step, false);
            let found: Vec<i64> = output("window", &[given("i32", &items)], &params, None);
            let windows = items.windows(size as usize).step_by(step as usize);
            let expected = windows.map(|w| i64::from(w.iter().max().unwrap() - w[0]) + size);
            assert_eq!(found, expected.collect::<Vec<i64>>(), "{size} {step}");
        }
    }

    #[test]
    fn windows_that_grow_are_as_long_as_they_are() {
        let items: Vec<f64> = (0..30).map(|n| f64::from(n * n % 11)).collect();
        for (size, step) in [(4, 1), (10, 3), (4, 4), (2, 5)] {
            let params = params("x[-1] - x[0] + 100 * len(x) + n", size, step, true);
            let found: Vec<f64> = output("window", &[given("f64", &items)], &params, None);
            let ends = (step as usize..=items.len()).step_by(step as usize);
            let expected = ends.enumerate().map(|(k, end)| {
                let w = &items[end.saturating_sub(size as usize)..end];
                w[w.len() - 1] - w[0] + (100 * w.len() + k) as f64
            });
            assert_eq!(found, expected.collect::<Vec<f64>>(), "{size} {step}");
        }
    }

    #[test]
    fn rows_are_one_vector_and_results_may_be_vectors() {
        let rows: Vec<f32> = (0..12).map(|n| n as f32).collect();
        let found: Vec<f32> = output(
            "window",
            &[given("f32[3]", &rows)],
            &params("sum(x)", 2, 2, false),
            None,
        );
        assert_eq!(found, [15.0, 51.0]);
        let found: Vec<[i64; 2]> = output(
            "window",
            &[given("i64", &[5_i64, 6, 7])],
            &params("10 * x", 2, 1, false),
            None,
        );
        assert_eq!(found, [[50, 60], [60, 70]]);
    }

    #[test]
    fn what_a_short_window_has_not_is_refused_before_the_run() {
        let input = || [given::<f64>("f64", &[])];
        let refused = build("window", &input(), &params("x[3]", 4, 1, true), None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("expr"));
        let help = refused.help.unwrap();
        assert!(help.contains("has 1 items, its `step`"), "{help}");
        let refused = build("window", &input(), &params("2 * x", 4, 1, true), None).unwrap_err();
        assert!(refused.message.contains("f64[4]"), "{refused}");
        let refused = build(
            "window",
            &input(),
            &params("sum(x)", 65_537, 1, false),
            None,
        );
        assert_eq!(refused.unwrap_err().param.as_deref(), Some("size"));
    }
}
