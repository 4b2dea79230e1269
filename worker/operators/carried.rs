//! States of expressions: what `next`, `init` and `names` say, of `scan` and of windows that begin anew.

use crate::agent::Input;
use crate::expr::{Machine, Program, compile};
use crate::op::{Args, InputInfo, Naming, OpError, Value};
use crate::types::{ItemType, Scalar};

use super::live_numbers::{check_name, live};
use super::numbers::element_bytes;

/// What makes the state, the type it has, and the names of its elements.
pub(super) struct Next {
    /// One for all elements, or one for each.
    pub programs: Vec<Program>,
    pub state: ItemType,
    pub names: Vec<String>,
}

/// Finds the state's type: the first that its own expressions keep.
/// `item` is what the expressions see as `x`.
pub(super) fn next(args: &Args, item: &InputInfo) -> Result<Next, OpError> {
    let timed = item.item_type.timed_values();
    let numbers = timed.or_else(|| item.item_type.elements());
    let Some((items, _)) = numbers.filter(|(s, _)| !s.is_complex()) else {
        let wanted = "real numbers, or vectors of them, with times or without";
        return Err(OpError::input_type(args.op().name, args.input(), wanted));
    };
    let holds = |scalar| {
        listed_init(args)
            .iter()
            .all(|n| element_bytes("init", n, scalar).is_ok())
    };
    let candidates = match (items.is_integer(), items) {
        (true, Scalar::U64) if holds(Scalar::U64) => &[Scalar::U64, Scalar::I64, Scalar::F64][..],
        (true, _) if holds(Scalar::I64) => &[Scalar::I64, Scalar::F64],
        (false, Scalar::F32) => &[Scalar::F32, Scalar::F64],
        _ => &[Scalar::F64],
    };
    let is_list = matches!(args.value("next"), Some(Value::List(_)));
    for scalar in candidates {
        let next = match is_list {
            true => listed(args, item, *scalar)?,
            false => single(args, item, *scalar)?,
        };
        let lossless = next.programs.iter().all(|program| {
            let (found, _) = program.item_type().elements().unwrap_or((Scalar::F64, 1));
            keeps(*scalar, found)
        });
        if lossless {
            return Ok(next);
        }
    }
    unreachable!("f64 keeps every real number")
}

/// One expression: a state of as many elements as it gives.
fn single(args: &Args, item: &InputInfo, scalar: Scalar) -> Result<Next, OpError> {
    let text = args.text("next").unwrap_or("");
    let mut state = ItemType::Scalar(scalar);
    // The names are told apart once it is known how many there may be.
    let mut program = compiled(args, item, text, &state, &names(args, None)?)?;
    let width = program.item_type().elements().map_or(1, |(_, width)| width);
    let names = names(args, Some(width))?;
    if width > 1 {
        state = ItemType::Vector(scalar, width as u32);
        program = compiled(args, item, text, &state, &names)?;
    }
    Ok(Next {
        programs: vec![program],
        state,
        names,
    })
}

/// A list of expressions: one for each element of the state.
fn listed(args: &Args, item: &InputInfo, scalar: Scalar) -> Result<Next, OpError> {
    let texts = args.texts("next").unwrap_or_default();
    if !(1..=STATE_MAX).contains(&texts.len()) {
        let message = format!(
            "`next` has {} expressions, and must have 1 to {STATE_MAX}",
            texts.len()
        );
        return Err(OpError::param("next", message));
    }
    let state = ItemType::Vector(scalar, texts.len() as u32);
    let names = names(args, Some(texts.len()))?;
    let mut programs = Vec::with_capacity(texts.len());
    for text in texts {
        let program = compiled(args, item, text, &state, &names)?;
        let found = program.item_type();
        if found.scalar().is_none() {
            let message =
                format!("`{text}` gives {found}, and each of several expressions one number");
            return Err(OpError::param("next", message).with_help(
                "a single expression may give a vector; `sum`, `max`, `x[0]` make one number of it",
            ));
        }
        programs.push(program);
    }
    Ok(Next {
        programs,
        state,
        names,
    })
}

/// The most numbers of a state that are computed one by one.
const STATE_MAX: usize = 64;

fn compiled(
    args: &Args,
    item: &InputInfo,
    text: &str,
    state: &ItemType,
    names: &[String],
) -> Result<Program, OpError> {
    let inputs = inputs_with_live(args, item, state, names)?;
    let program = compile(text, &inputs, item.rate).map_err(|e| e.of_param("next"))?;
    match program.is_complex() {
        true => Err(OpError::param(
            "next",
            "`next` gives complex numbers, and a state is real",
        )),
        false => Ok(program),
    }
}

/// The names of the state's elements: as many as it has, where that is known.
fn names(args: &Args, width: Option<usize>) -> Result<Vec<String>, OpError> {
    let names = args.texts("names").unwrap_or_default();
    let refused = |message: String| Err(OpError::param("names", message));
    for (i, name) in names.iter().enumerate() {
        check_name("names", name)?;
        if ["x", "s"].contains(name) || names[..i].contains(name) {
            return refused(format!("`{name}` is the name of something else already"));
        }
    }
    match width {
        Some(width) if !names.is_empty() && names.len() != width => refused(format!(
            "`names` has {}, and the state has {width} numbers",
            names.len()
        )),
        _ => Ok(names.into_iter().map(str::to_owned).collect()),
    }
}

/// A state of this scalar loses nothing of what its expression finds.
fn keeps(state: Scalar, found: Scalar) -> bool {
    match state {
        Scalar::U64 => matches!(found, Scalar::U64 | Scalar::U8),
        Scalar::I64 => found.is_integer(),
        Scalar::F32 => found != Scalar::F64,
        _ => true,
    }
}

/// The words of the state before the first item.
pub(super) fn init(args: &Args, state: &ItemType) -> Result<Vec<u64>, OpError> {
    let (scalar, width) = state.elements().unwrap_or((Scalar::F64, 1));
    let given = listed_init(args);
    if given.len() != 1 && given.len() != width {
        return Err(OpError::param(
            "init",
            format!(
                "`init` has {} numbers, and the state has {width}",
                given.len()
            ),
        ));
    }
    let mut words = vec![0u64; state.len_bytes().div_ceil(8)];
    let slots = bytemuck::cast_slice_mut::<_, u8>(&mut words).chunks_exact_mut(scalar.len_bytes());
    for (slot, number) in slots.take(width).zip(given.iter().cycle()) {
        slot.copy_from_slice(&element_bytes("init", number, scalar)?);
    }
    Ok(words)
}

fn listed_init(args: &Args) -> Vec<Value> {
    match args.value("init") {
        Some(Value::List(list)) => list.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    }
}

/// What the expressions see: the item, the state, and the state's elements by their names; behind them live numbers.
pub(super) fn inputs_with_live(
    args: &Args,
    input: &InputInfo,
    state: &ItemType,
    names: &[String],
) -> Result<Vec<InputInfo>, OpError> {
    let mut inputs = inputs(input, state, names);
    inputs.extend(live(args, &inputs)?);
    Ok(inputs)
}

/// What the expressions see where there are no live numbers.
pub(super) fn inputs(input: &InputInfo, state: &ItemType, names: &[String]) -> Vec<InputInfo> {
    let item = InputInfo {
        name: "x".to_owned(),
        ..input.clone()
    };
    let of_state = |name: &str, item_type: ItemType| InputInfo {
        name: name.to_owned(),
        naming: Naming::Alone,
        item_type,
        rate: None,
        unit: None,
    };
    let (scalar, _) = state.elements().unwrap_or((Scalar::F64, 1));
    let elements = names
        .iter()
        .map(|name| of_state(name, ItemType::Scalar(scalar)));
    [item, of_state("s", state.clone())]
        .into_iter()
        .chain(elements)
        .collect()
}

/// The inputs of the expressions for one item.
pub(super) struct Seen {
    scalar: Scalar,
    /// 0 where there is no state: then the item is all there is.
    state_len_bytes: usize,
    /// Elements of the state that have names.
    names: usize,
    /// Scratch: of one item, and empty between calls.
    inputs: Vec<Input>,
    /// Where the next state is made.
    fresh: Vec<u64>,
}

impl Seen {
    pub fn of(state: &ItemType, names: usize) -> Seen {
        Seen {
            scalar: state.elements().map_or(Scalar::F64, |(scalar, _)| scalar),
            state_len_bytes: state.len_bytes(),
            names,
            inputs: Vec::with_capacity(3 + names),
            fresh: vec![0; state.len_bytes().div_ceil(8)],
        }
    }

    /// Where there is no state.
    pub fn stateless() -> Seen {
        Seen {
            scalar: Scalar::F64,
            state_len_bytes: 0,
            names: 0,
            inputs: Vec::with_capacity(2),
            fresh: Vec::new(),
        }
    }

    /// The first unread item, the state, and its elements.
    pub fn inputs(&mut self, input: &Input, state: &[u64]) -> &[Input] {
        let position = input.position();
        let bytes: &[u8] = bytemuck::cast_slice(state);
        let len = self.scalar.len_bytes();
        let elements = bytes.chunks_exact(len).take(self.names);
        let whole = (self.state_len_bytes > 0).then_some((bytes.as_ptr(), self.state_len_bytes));
        let parts = [(input.bytes().as_ptr(), input.item_len())];
        let parts = parts
            .into_iter()
            .chain(whole)
            .chain(elements.map(|element| (element.as_ptr(), len)));
        self.inputs.clear();
        // SAFETY: one unread item is there (its caller looked), aligned and unchanged during the call; the state's
        // words are aligned for its numbers, as long as its type, and have an element for each name. All are read
        // before any changes: the state is written between the runs of the machines, and these are made anew.
        let seen = parts.map(|(at, len)| unsafe { Input::new(at, 1, 0, position, len, false) });
        self.inputs.extend(seen);
        &self.inputs
    }

    /// The same, and behind them one more.
    pub fn inputs_and(&mut self, input: &Input, state: &[u64], more: Input) -> &[Input] {
        self.inputs(input, state);
        self.inputs.push(more);
        &self.inputs
    }

    /// The state that follows on what was seen last.
    #[inline(always)]
    pub fn following(&mut self, next: &mut [Machine], position: u64) -> &[u64] {
        if next.is_empty() {
            return &[];
        }
        let slots = &mut bytemuck::cast_slice_mut(&mut self.fresh)[..self.state_len_bytes];
        let each = slots.len() / next.len();
        for (next, slot) in next.iter_mut().zip(slots.chunks_exact_mut(each)) {
            next.run(&self.inputs, 0, position, 1)
                .write(self.scalar, slot);
        }
        &self.fresh
    }

    /// Forgets what was seen: it is gone when the call ends.
    pub fn forget(&mut self) {
        self.inputs.clear();
    }
}

/// Whether the condition is true of these inputs, or there is none.
pub(super) fn is_kept(keep: &mut Option<Machine>, seen: &[Input], position: u64) -> bool {
    keep.as_mut().is_none_or(|keep| {
        let mut truth = [0];
        keep.run(seen, 0, position, 1).truths(&mut truth);
        truth[0] != 0
    })
}
