//! `timed.window` with an expression: a window's values are a vector, its times another, and any expression of them is
//! what the window becomes.
//!
//! Windows have as many items as came, and the expression is compiled for each number of them that comes.

use std::collections::HashMap;

use crate::agent::{AgentError, Input};
use crate::expr::{Machine, compile};
use crate::op::{Args, InputInfo, Naming, OpError};
use crate::types::{ItemType, Scalar, VECTOR_LEN_MAX};

use super::live_numbers::live;

/// So many programs are kept, for as many numbers of items.
const PROGRAMS_MAX: usize = 256;

/// An expression of windows, and the window at hand.
pub(super) struct TimedExpr {
    text: String,
    /// Values of an item.
    width: usize,
    /// What it gives, in f64.
    gives: usize,
    is_vector: bool,
    programs: HashMap<usize, Machine>,
    values: Vec<f64>,
    times: Vec<f64>,
    live: Vec<InputInfo>,
    /// The values of the agent's dials.
    dials: Vec<f64>,
}

impl TimedExpr {
    /// This expression of windows of at most so many items of so many values each; an error where it is none of a window
    /// of one item, or gives longer vectors of longer windows.
    /// `args` are the agent's, for its live numbers.
    pub fn new(
        text: &str,
        width: usize,
        items_max: usize,
        args: &Args,
    ) -> Result<TimedExpr, OpError> {
        let live = live(args, &seen(width, 1, &[]))?;
        if items_max.saturating_mul(width) > VECTOR_LEN_MAX as usize {
            let message = format!(
                "`most` is {items_max}, and an expression sees at most {} items of {width} values",
                VECTOR_LEN_MAX as usize / width
            );
            return Err(OpError::param("most", message));
        }
        let of = |items: usize| {
            compile(text, &seen(width, items, &live), None).map_err(|e| e.of_param("expr"))
        };
        let one = of(1).map_err(|refused| {
            refused.or_help(
                "a window may have one item only: `x[0]` is its first value, `x[-1]` its last",
            )
        })?;
        let (gives, two) = (one.item_type(), of(2)?.item_type());
        if gives != two {
            let message = format!("a window of one item gives {gives}, one of two {two}");
            return Err(OpError::param("expr", message)
                .with_help("windows become numbers, or vectors of one length: `max(x) - x[0]`"));
        }
        if one.is_complex() {
            let message = format!("the expression gives {gives}, and a timed item has real values");
            return Err(OpError::param("expr", message));
        }
        Ok(TimedExpr {
            text: text.to_owned(),
            width,
            gives: gives.elements().map_or(1, |(_, width)| width),
            is_vector: gives.scalar().is_none(),
            programs: HashMap::new(),
            values: Vec::new(),
            times: Vec::new(),
            live,
            dials: Vec::new(),
        })
    }

    /// What comes out.
    pub fn item_type(&self) -> ItemType {
        match self.is_vector {
            true => ItemType::TimedVector(Scalar::F64, self.gives as u32),
            false => ItemType::Timed(Scalar::F64),
        }
    }

    /// From now on live numbers have the values of these dials.
    pub fn turn(&mut self, dials: &[f64]) {
        self.dials.clear();
        self.dials.extend_from_slice(dials);
    }

    /// A window without items.
    pub fn clear(&mut self) {
        self.values.clear();
        self.times.clear();
    }

    /// The time of the window's next item.
    pub fn push_time(&mut self, time: f64) {
        self.times.push(time);
    }

    /// The next of its values.
    pub fn push(&mut self, value: f64) {
        self.values.push(value);
    }

    /// What the window becomes, `k` being its place among those that are given.
    pub fn make(&mut self, k: u64, row: &mut [f64]) -> Result<(), AgentError> {
        let items = self.times.len();
        if !self.programs.contains_key(&items) {
            let seen = seen(self.width, items, &self.live);
            let program = compile(&self.text, &seen, None).map_err(|e| {
                let why = e.of_param("expr").message;
                AgentError::new(format!("a window of {items} items: {why}"))
            })?;
            if self.programs.len() == PROGRAMS_MAX {
                self.programs.clear();
            }
            self.programs.insert(items, Machine::new(program));
        }
        // SAFETY: an item each, of as many numbers as the vectors hold, which nobody changes before `seen` is dropped.
        let seen = [&self.values, &self.times].map(|numbers| unsafe {
            let len_bytes = size_of_val(&numbers[..]);
            Input::new(numbers.as_ptr().cast(), 1, 0, k, len_bytes, false)
        });
        if let Some(machine) = self.programs.get_mut(&items) {
            machine.turn(&self.dials);
            let row = bytemuck::cast_slice_mut(row);
            machine.run(&seen, 0, k, 1).write(Scalar::F64, row);
        }
        Ok(())
    }
}

/// What expressions of windows of so many items see.
fn seen(width: usize, items: usize, live: &[InputInfo]) -> Vec<InputInfo> {
    let vector = |name: &str, len: usize| InputInfo {
        name: name.to_owned(),
        naming: Naming::Alone,
        item_type: ItemType::Vector(Scalar::F64, len as u32),
        rate: None,
        unit: None,
    };
    let window = [vector("x", items * width), vector("t", items)];
    [&window[..], live].concat()
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn params(expr: &str) -> [(&'static str, Value); 4] {
        [
            ("duration", 2.into()),
            ("step", 1.into()),
            ("flush", true.into()),
            ("expr", expr.into()),
        ]
    }

    const ROWS: [f64; 10] = [0.0, 1.0, 0.5, 4.0, 1.5, -2.0, 4.0, 8.0, 4.5, 9.0];

    #[test]
    fn a_window_of_any_number_of_items_becomes_what_the_expression_says() {
        let cases = [
            (
                "sum(x * x) + len(x)",
                [[2.0, 24.0], [3.0, 5.0], [5.0, 147.0], [6.0, 147.0]],
            ),
            (
                "x[-1] - x[0]",
                [[2.0, -3.0], [3.0, 0.0], [5.0, 1.0], [6.0, 1.0]],
            ),
            (
                "t[-1] - t[0]",
                [[2.0, 1.5], [3.0, 0.0], [5.0, 0.5], [6.0, 0.5]],
            ),
            (
                "sum(x > 0)",
                [[2.0, 2.0], [3.0, 0.0], [5.0, 2.0], [6.0, 2.0]],
            ),
            ("n", [[2.0, 0.0], [3.0, 1.0], [5.0, 2.0], [6.0, 3.0]]),
        ];
        for (expr, expected) in cases {
            let timed = [given("timed<f64>", &ROWS)];
            let found: Vec<[f64; 2]> = output("timed.window", &timed, &params(expr), None);
            assert_eq!(found, expected, "{expr}");
        }
    }

    #[test]
    fn items_of_several_values_are_one_vector_row_after_row() {
        let rows = [0.0, 1.0, 10.0, 1.0, 5.0, 20.0];
        let timed = [given("timed<f64[2]>", &rows)];
        let found: Vec<[f64; 2]> = output(
            "timed.window",
            &timed,
            &params("sum(x) + 1000 * len(t)"),
            None,
        );
        assert_eq!(found, [[2.0, 2036.0], [3.0, 1025.0]]);
    }

    #[test]
    fn what_not_every_window_has_is_refused_before_the_run() {
        let refused = |expr: &str| {
            let refused = build(
                "timed.window",
                &[given("timed<f64>", &ROWS)],
                &params(expr),
                None,
            );
            refused.unwrap_err()
        };
        let short = refused("x[1]");
        assert_eq!(short.param.as_deref(), Some("expr"));
        assert!(
            short
                .help
                .is_some_and(|help| help.contains("one item only"))
        );
        assert!(refused("2 * x").message.contains("one of two f64[2]"));
        assert!(refused("sqrt(cplx(x[0], 1))").param.is_some());
        let mut params = params("sum(x)").to_vec();
        params.push(("fn", "max".into()));
        let both = build("timed.window", &[given("timed<f64>", &ROWS)], &params, None);
        assert!(both.unwrap_err().message.contains("each say"));
        params.pop();
        params.push(("most", 100_000.into()));
        let long = build("timed.window", &[given("timed<f64>", &ROWS)], &params, None);
        assert_eq!(long.unwrap_err().param.as_deref(), Some("most"));
    }
}
