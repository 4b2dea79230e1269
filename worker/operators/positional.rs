//! Sources whose n-th item is a function of n alone: they need no state, a kill costs them nothing.

use bytemuck::Pod;

use crate::agent::{Agent, AgentError, Blueprint, Io, OutPort, State, StateSpec, Status};
use crate::op::{Args, OpError, ParamDef, ParamKind, Value, seconds};
use crate::types::ItemType;

/// The parameter `items` of a source.
pub(crate) const ITEMS: ParamDef = ParamDef {
    name: "items",
    kind: ParamKind::Length,
    default: Some(""),
    unit: "items",
    doc: "How many items, or a duration where `rate` is given; without it the stream never ends.",
};

/// The optional parameter `rate` of a source.
pub(crate) const RATE: ParamDef = ParamDef {
    name: "rate",
    kind: ParamKind::Float,
    default: Some(""),
    unit: "Hz",
    doc: "Items per second of the stream's own time: what durations and frequencies downstream refer to. It does not slow the stream (`throttle` does).",
};

/// A source of `T` items, which `fill` writes: the place of the first in the stream, room for as many as wanted.
///
/// `width` is the number of `T` that make one item. Reads the parameters `items` and `rate`.
pub(crate) fn blueprint<T: Pod>(
    args: &Args,
    item_type: ItemType,
    mut fill: impl FnMut(u64, &mut [T]) + 'static,
) -> Result<Blueprint, OpError> {
    with_dials(args, item_type, move |first, room, _| fill(first, room))
}

/// As [`blueprint`], for a source with dials: `fill` gets their values too. The caller adds them.
pub(crate) fn with_dials<T: Pod>(
    args: &Args,
    item_type: ItemType,
    mut fill: impl FnMut(u64, &mut [T], &[f64]) + 'static,
) -> Result<Blueprint, OpError> {
    with_state(
        args,
        item_type,
        StateSpec::none(),
        move |first, room, dials, _| fill(first, room, dials),
    )
}

/// Has it said where a tone of this frequency would sound as another one.
pub(crate) fn above_half(blueprint: Blueprint, freq: f64, rate: f64) -> Blueprint {
    match freq.abs() > rate / 2.0 {
        true => blueprint.remarks(|_| {
            Some("has a frequency above half its rate, and sounds as a lower one".to_owned())
        }),
        false => blueprint,
    }
}

/// As [`with_dials`], for a source whose dials leave a state: `fill` gets that too.
pub(crate) fn with_state<T: Pod>(
    args: &Args,
    item_type: ItemType,
    state: StateSpec,
    fill: impl FnMut(u64, &mut [T], &[f64], &mut State<'_>) + 'static,
) -> Result<Blueprint, OpError> {
    let rate = rate(args)?;
    let items = items(args, rate)?;
    let agent = Positional {
        items: items.unwrap_or(u64::MAX),
        fill,
        _item: std::marker::PhantomData,
    };
    let output = OutPort::new(item_type, rate);
    Ok(Blueprint::new(agent).output(output).state(state))
}

/// The parameter `rate`, refused unless it is positive.
pub(crate) fn rate(args: &Args) -> Result<Option<f64>, OpError> {
    match args.float("rate") {
        Some(rate) if rate <= 0.0 => Err(OpError::param(
            "rate",
            format!("`rate` is {rate} Hz, and must be above 0"),
        )),
        other => Ok(other),
    }
}

/// The parameter `items`, a duration made a number of items.
pub(crate) fn items(args: &Args, rate: Option<f64>) -> Result<Option<u64>, OpError> {
    let Some(Value::Text(text)) = args.value("items") else {
        return args.count("items", 0);
    };
    let duration = seconds(text).unwrap_or(0.0);
    let rate = rate.ok_or_else(|| {
        OpError::param(
            "items",
            format!("`items` is the duration {text:?}, and `rate` is not given"),
        )
        .with_help("give `rate`, or `items` as a whole number")
    })?;
    Ok(Some((duration * rate).round() as u64))
}

struct Positional<T, F> {
    items: u64,
    fill: F,
    _item: std::marker::PhantomData<T>,
}

impl<T: Pod, F: FnMut(u64, &mut [T], &[f64], &mut State<'_>)> Agent for Positional<T, F> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let output = &mut io.outputs[0];
        let position = output.position();
        let left = self.items - position;
        let n = left.min(output.space() as u64) as usize;
        let width = output.item_len() / size_of::<T>();
        let room = &mut output.elements::<T>()[..n * width];
        (self.fill)(position, room, io.dials, &mut io.state);
        output.produce(n);
        match n as u64 == left {
            true => Ok(Status::Done),
            false => Ok(Status::Ready),
        }
    }
}
