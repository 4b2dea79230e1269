//! What `dynamic_window` computes: programs for windows of every length that comes up.

use crate::expr::{ExprError, Program, compile, compile_condition};
use crate::op::{Args, InputInfo, Naming, OpError, ParamKind};
use crate::sliding::dynamic::Growth;
use crate::types::{ItemType, Scalar};

use super::carried::{Next, init, inputs, next};
use super::map::output_type;
use super::window::{FN, expression, of_one};

/// What is to be computed of windows of any length.
pub(super) struct Scripts {
    /// The item, of which windows are made.
    item: InputInfo,
    pub scalar: Scalar,
    /// Numbers of an item.
    pub width: usize,
    /// A function, where there is no expression.
    pub function: Option<&'static str>,
    expr: String,
    reset: String,
    dtype: Option<ItemType>,
    pub state: Option<Carried>,
    /// The words of the state before the first window.
    pub init: Vec<u64>,
}

/// A state: its expressions, its type, and the names of its elements.
pub(super) struct Carried {
    next: Vec<String>,
    pub item_type: ItemType,
    pub names: Vec<String>,
}

/// The programs for windows of one length.
pub(super) struct Programs {
    pub gives: ItemType,
    pub given: Option<Program>,
    pub reset: Program,
    pub next: Vec<Program>,
}

impl Scripts {
    pub fn new(args: &Args, growth: Growth) -> Result<Scripts, OpError> {
        let input = args.input();
        let is_plain = input.item_type.timed_values().is_none();
        let Some((scalar, width)) = input.item_type.elements().filter(|_| is_plain) else {
            let wanted = "numbers or vectors of them";
            return Err(OpError::input_type(args.op().name, input, wanted));
        };
        let expr = expression(args)?.unwrap_or("").to_owned();
        let what = args.text("fn").unwrap_or("mean");
        let ParamKind::Choice(functions) = FN.kind else {
            unreachable!("`fn` is a choice");
        };
        let mut scripts = Scripts {
            item: input.clone(),
            scalar,
            width,
            function: functions
                .iter()
                .copied()
                .find(|function| expr.is_empty() && *function == what),
            expr,
            reset: args.text("reset").unwrap_or("false").to_owned(),
            dtype: args.dtype().cloned(),
            state: None,
            init: Vec::new(),
        };
        if scripts.function.is_some() && scalar.is_complex() {
            return Err(OpError::input_type(
                args.op().name,
                input,
                "real numbers or vectors of them",
            )
            .or_help("an expression may be of complex ones: `expr=\"abs(sum(x))\"`"));
        }
        if scripts.function.is_some() && scripts.dtype.is_some() {
            return Err(OpError::param(
                "dtype",
                "`dtype` is of expressions, and `fn` has types of its own",
            )
            .with_help("write the function as an expression: `expr=\"mean(x)\"`"));
        }
        if args.value("next").is_some() {
            let Next {
                programs: _,
                state: item_type,
                names,
            } = next(args, &scripts.window(growth.max))?;
            if names.iter().any(|name| name == "y") {
                let message = "`y` is the name of something else already: of what a window becomes";
                return Err(OpError::param("names", message));
            }
            scripts.init = init(args, &item_type)?;
            scripts.state = Some(Carried {
                next: args
                    .texts("next")
                    .unwrap_or_default()
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
                item_type,
                names,
            });
        }
        Ok(scripts)
    }

    /// A window of so many items as an input.
    fn window(&self, items: usize) -> InputInfo {
        InputInfo {
            name: "x".to_owned(),
            item_type: ItemType::Vector(self.scalar, (items * self.width) as u32),
            rate: None,
            ..self.item.clone()
        }
    }

    pub fn compiled(&self, items: usize) -> Result<Programs, OpError> {
        let window = self.window(items);
        let mut seen = match &self.state {
            Some(state) => inputs(&window, &state.item_type, &state.names),
            None => vec![window],
        };
        let of = |name: &'static str| move |e: ExprError| e.of_param(name);
        let next = match &self.state {
            Some(state) => {
                let made = state.next.iter().map(|text| compile(text, &seen, None));
                made.collect::<Result<Vec<_>, _>>().map_err(of("next"))?
            }
            None => Vec::new(),
        };
        self.check_next(items, &next)?;
        let (gives, given) = match self.function {
            Some(what) => {
                let (scalar, _) = of_one(what, self.scalar, self.width);
                (self.item.item_type.with_scalar(scalar), None)
            }
            None => {
                let program = compile(&self.expr, &seen, None).map_err(of("expr"))?;
                (output_type(&program, self.dtype.as_ref())?, Some(program))
            }
        };
        seen.push(InputInfo {
            name: "y".to_owned(),
            naming: Naming::Alone,
            item_type: gives.clone(),
            rate: None,
            unit: None,
        });
        let reset = compile_condition(&self.reset, &seen, None).map_err(of("reset"))?;
        Ok(Programs {
            gives,
            given,
            reset,
            next,
        })
    }

    /// A single expression gives the whole state, whatever the window's length.
    fn check_next(&self, items: usize, next: &[Program]) -> Result<(), OpError> {
        let (Some(state), [single]) = (&self.state, next) else {
            return Ok(());
        };
        let width = |item_type: &ItemType| item_type.elements().map_or(1, |(_, width)| width);
        if width(&single.item_type()) == width(&state.item_type) {
            return Ok(());
        }
        let message = format!(
            "`next` gives {} of a window of {items} items, and the state has {} numbers",
            single.item_type(),
            width(&state.item_type)
        );
        Err(OpError::param("next", message)
            .with_help("windows that grow make numbers: `max(s, max(x))`"))
    }
}
