//! What operators on text share: one frame after the other, and numbers made of text.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Output, Status, text_of};
use crate::op::{Args, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};

use super::numbers::{dtype_scalar, with_number};

/// Refuses an input that is not text.
pub(super) fn refuse_others(args: &Args) -> Result<(), OpError> {
    let input = args.input();
    match input.item_type {
        ItemType::Text => Ok(()),
        ItemType::Bytes => Err(OpError::input_type(args.op().name, input, "text")
            .with_help("read it as text: leave out `dtype = \"bytes\"` at the source")),
        _ => Err(OpError::input_type(args.op().name, input, "text")),
    }
}

/// An agent that calls `f` with each text by itself: it gives what it gives, and says false where there
/// was no room for it.
pub(super) fn each<F>(args: &Args, outputs: Vec<OutPort>, f: F) -> Result<Blueprint, OpError>
where
    F: FnMut(&str, &mut [Output]) -> Result<bool, AgentError> + 'static,
{
    refuse_others(args)?;
    let blueprint = Blueprint::new(Each(f)).input(InPort::new(ItemType::Text));
    Ok(outputs.into_iter().fold(blueprint, Blueprint::output))
}

/// As [`each`], for one output of text at the input's rate.
pub(super) fn each_to_text<F>(args: &Args, f: F) -> Result<Blueprint, OpError>
where
    F: FnMut(&str, &mut Output) -> bool + 'static,
{
    let mut f = f;
    let output = OutPort::new(ItemType::Text, args.input().rate);
    each(args, vec![output], move |text, outputs| {
        Ok(f(text, &mut outputs[0]))
    })
}

/// As [`each`], for those texts of which `keep` is true.
pub(super) fn kept<F>(args: &Args, keep: F) -> Result<Blueprint, OpError>
where
    F: Fn(&str) -> bool + 'static,
{
    let output = OutPort::new(ItemType::Text, None);
    each(args, vec![output], move |text, outputs| {
        Ok(!keep(text) || outputs[0].give_text(text))
    })
}

struct Each<F>(F);

impl<F> Agent for Each<F>
where
    F: FnMut(&str, &mut [Output]) -> Result<bool, AgentError>,
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let input = &mut io.inputs[0];
        let mut taken = 0;
        let mut outcome = Ok(true);
        for frame in input.frames() {
            outcome = text_of(frame).and_then(|text| (self.0)(text, io.outputs));
            if !matches!(outcome, Ok(true)) {
                break;
            }
            taken += 1;
        }
        input.consume(taken);
        let outcome = outcome.map_err(|error| of_item(input.position(), &error));
        taken_first(outcome, taken)
    }
}

/// How the call of an agent ends that took so many items, one by one, until there was trouble or no room: what came before the trouble is
/// taken first, however the calls are cut.
pub(super) fn taken_first<T>(
    outcome: Result<T, AgentError>,
    taken: usize,
) -> Result<Status, AgentError> {
    match outcome {
        Err(error) if taken == 0 => Err(error),
        _ => Ok(Status::Ready),
    }
}

/// The trouble with the item at this place.
pub(super) fn of_item(place: u64, error: &AgentError) -> AgentError {
    AgentError::new(format!("item {place} of its input: {error}"))
}

/// The parameter `invalid` of operators that make numbers of text.
pub(super) const INVALID: ParamDef = ParamDef {
    name: "invalid",
    kind: ParamKind::Choice(&["error", "skip", "nan"]),
    default: Some("error"),
    unit: "",
    doc: "What to do with a text that is no number: end the run, leave the item out, or give a nan.",
};

/// What is made of a piece of text, as the agent's `dtype` says: text, or a number.
#[derive(Clone, Copy)]
pub(super) struct Making {
    /// `None`: text as it is.
    pub(super) scalar: Option<Scalar>,
    invalid: Invalid,
}

/// What to do with text that is no number.
#[derive(Clone, Copy, PartialEq)]
enum Invalid {
    Error,
    Skip,
    Nan,
}

/// A piece of text as an item.
#[derive(Clone, Copy)]
pub(super) enum Made<'a> {
    /// It as it is.
    Text(&'a str),
    /// A number's bytes, and how many they are.
    Number([u8; 8], usize),
}

/// The types of numbers that are made of text.
pub(super) const NUMBERS: [Scalar; 10] = [
    Scalar::F64,
    Scalar::F32,
    Scalar::I64,
    Scalar::U64,
    Scalar::I32,
    Scalar::U32,
    Scalar::I16,
    Scalar::U16,
    Scalar::I8,
    Scalar::U8,
];

impl Making {
    /// Text unless `dtype` is a number.
    pub(super) fn of(args: &Args) -> Result<Making, OpError> {
        match args.dtype() {
            None | Some(ItemType::Text) => Ok(Making {
                scalar: None,
                invalid: Invalid::Error,
            }),
            Some(_) => Making::number(args),
        }
    }

    /// A number: f64 unless `dtype` is another.
    pub(super) fn number(args: &Args) -> Result<Making, OpError> {
        let scalar = dtype_scalar(args.op().name, args.dtype(), Scalar::F64, &NUMBERS)?;
        let invalid = match args.text("invalid") {
            Some("skip") => Invalid::Skip,
            Some("nan") if !scalar.is_float() => {
                let message = format!("`invalid` is nan, and {scalar} has none");
                return Err(OpError::param("invalid", message).with_help("dtype = \"f64\" has"));
            }
            Some("nan") => Invalid::Nan,
            _ => Invalid::Error,
        };
        Ok(Making {
            scalar: Some(scalar),
            invalid,
        })
    }

    /// The type of what is made.
    pub(super) fn item_type(self) -> ItemType {
        self.scalar.map_or(ItemType::Text, ItemType::Scalar)
    }

    /// An item of a piece of text; `None` where it is to be left out.
    pub(super) fn make<'a>(self, text: &'a str) -> Result<Option<Made<'a>>, AgentError> {
        let Some(scalar) = self.scalar else {
            return Ok(Some(Made::Text(text)));
        };
        match (number(scalar, text.trim()), self.invalid) {
            (Some(number), _) => Ok(Some(number)),
            (None, Invalid::Skip) => Ok(None),
            (None, Invalid::Nan) => Ok(number_nan(scalar)),
            (None, Invalid::Error) => Err(AgentError::new(format!(
                "{text:?} is no {scalar}; `invalid = \"skip\"` leaves such items out"
            ))),
        }
    }
}

/// The number of this scalar that a text spells.
pub(super) fn number(scalar: Scalar, text: &str) -> Option<Made<'static>> {
    with_number!(scalar, T => {
        let number = text.parse::<T>().ok()?;
        Some(number_of(bytemuck::bytes_of(&number)))
    })
}

fn number_nan(scalar: Scalar) -> Option<Made<'static>> {
    number(scalar, "nan")
}

fn number_of(bytes: &[u8]) -> Made<'static> {
    let mut number = [0; 8];
    let len = bytes.len().min(8);
    number[..len].copy_from_slice(&bytes[..len]);
    Made::Number(number, len)
}

impl Made<'_> {
    /// Whether an output has room for it.
    pub(super) fn fits(&self, output: &mut Output) -> bool {
        match self {
            Made::Text(text) => output.fits(text.len()),
            Made::Number(..) => !output.is_full(),
        }
    }

    /// Gives it to an output in which it [fits](Made::fits).
    pub(super) fn give(&self, output: &mut Output) {
        match self {
            Made::Text(text) => {
                output.give_text(text);
            }
            Made::Number(bytes, len) => {
                output.bytes()[..*len].copy_from_slice(&bytes[..*len]);
                output.produce(1);
            }
        }
    }
}
