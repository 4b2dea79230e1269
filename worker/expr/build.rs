//! Values to operations: kinds follow from the operands, numbers fold, what was computed once is used again.

use std::collections::HashMap;

use crate::op::{InputInfo, Naming};
use crate::types::{ItemType, Scalar};

use super::code::{Binary, Kind, Op, Operand, Port, Program, Slice, Unary};
use super::eval::folded;
use super::lex::Refusal;
use super::place::placed;

/// What an expression is worth: a number, or a complex number's two parts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    Real(Real),
    Complex(Real, Real),
}

/// A number: written out, so that it takes the kind of what it meets, or computed, of a kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Real {
    Bool(bool),
    /// Of `i64` or `u64`.
    Int(i128),
    Float(f64),
    Node(usize, Kind),
}

impl Value {
    pub fn int(n: i128) -> Value {
        Value::Real(Real::Int(n))
    }

    pub fn float(x: f64) -> Value {
        Value::Real(Real::Float(x))
    }

    fn parts(self) -> (Real, Real) {
        match self {
            Value::Real(re) => (re, Real::Int(0)),
            Value::Complex(re, im) => (re, im),
        }
    }
}

impl Real {
    /// The kind it has where nothing else decides.
    fn kind(self) -> Kind {
        match self {
            Real::Bool(_) => Kind::Bool,
            Real::Int(n) if n > i64::MAX.into() => Kind::U64,
            Real::Int(_) => Kind::I64,
            Real::Float(_) => Kind::F64,
            Real::Node(_, kind) => kind,
        }
    }

    /// A whole number written out, where 64 bits hold it.
    fn whole(n: i128) -> Option<Real> {
        (i64::MIN.into()..=u64::MAX.into())
            .contains(&n)
            .then_some(Real::Int(n))
    }

    /// What a folded operation of this kind gave.
    fn folded(kind: Kind, bits: u64) -> Real {
        match kind {
            Kind::Bool => Real::Bool(bits != 0),
            Kind::I64 => Real::Int((bits as i64).into()),
            Kind::U64 => Real::Int(bits.into()),
            Kind::F32 => Real::Float(f32::from_bits(bits as u32).into()),
            Kind::F64 => Real::Float(f64::from_bits(bits)),
        }
    }
}

/// Every function with the fewest and the most arguments it takes.
const FUNCTIONS: &[(&str, usize, usize)] = &[
    ("abs", 1, 1),
    ("acos", 1, 1),
    ("all", 1, 1),
    ("any", 1, 1),
    ("arg", 1, 1),
    ("argmax", 1, 1),
    ("argmin", 1, 1),
    ("asin", 1, 1),
    ("atan", 1, 1),
    ("atan2", 2, 2),
    ("ceil", 1, 1),
    ("clamp", 3, 3),
    ("complex", 2, 2),
    ("conj", 1, 1),
    ("cos", 1, 1),
    ("cosh", 1, 1),
    ("exp", 1, 1),
    ("first", 1, 1),
    ("floor", 1, 1),
    ("hypot", 2, 2),
    ("if", 3, 3),
    ("im", 1, 1),
    ("isnan", 1, 1),
    ("last", 1, 1),
    ("len", 1, 1),
    ("ln", 1, 1),
    ("log", 1, 1),
    ("log10", 1, 1),
    ("log2", 1, 1),
    ("max", 2, usize::MAX),
    ("mean", 1, 1),
    ("median", 1, 1),
    ("min", 2, usize::MAX),
    ("pow", 2, 2),
    ("prod", 1, 1),
    ("ptp", 1, 1),
    ("re", 1, 1),
    ("rms", 1, 1),
    ("round", 1, 2),
    ("sign", 1, 1),
    ("sin", 1, 1),
    ("sinh", 1, 1),
    ("sqrt", 1, 1),
    ("std", 1, 1),
    ("sum", 1, 1),
    ("tan", 1, 1),
    ("tanh", 1, 1),
    ("trunc", 1, 1),
    ("var", 1, 1),
    ("xor", 2, 2),
];

/// Every function's name.
pub(super) fn function_names() -> Vec<&'static str> {
    FUNCTIONS.iter().map(|(name, ..)| *name).collect()
}

/// Every name of a value that is no input.
pub(super) const CONSTANTS: [&str; 9] = ["pi", "e", "tau", "true", "false", "inf", "nan", "n", "t"];

pub(super) type Built<T> = Result<T, Refusal>;

/// The operations so far.
pub(super) struct Builder<'a> {
    inputs: &'a [InputInfo],
    rate: Option<f64>,
    ops: Vec<(Op, Shape)>,
    known: HashMap<Op, usize>,
    /// The first two vectors of different lengths that met, as long as nobody was told.
    apart: Option<(Wide, Wide)>,
}

/// What one item has in an operation's result: one number (`None`), or a vector.
type Shape = Option<Wide>;

/// A vector's elements, and the input that it comes from.
#[derive(Clone, Copy)]
struct Wide {
    width: usize,
    input: usize,
}

impl<'a> Builder<'a> {
    pub fn new(inputs: &'a [InputInfo], rate: Option<f64>) -> Builder<'a> {
        Builder {
            inputs,
            rate,
            ops: Vec::new(),
            known: HashMap::new(),
            apart: None,
        }
    }

    pub fn is_input(&self, name: &str) -> bool {
        self.inputs.iter().any(|input| input.name == name)
    }

    pub fn input_names(&self) -> Vec<&'a str> {
        self.inputs
            .iter()
            .map(|input| input.name.as_str())
            .collect()
    }

    /// What the inputs are called here, and which streams they are.
    pub fn about_inputs(&self) -> String {
        let about = |input: &InputInfo| match input.stream() {
            Some(stream) if stream != input.name => format!("`{}` ({stream})", input.name),
            _ => format!("`{}`", input.name),
        };
        let is_live = |input: &&InputInfo| matches!(input.naming, Naming::Live { .. });
        let (live, inputs): (Vec<&InputInfo>, Vec<&InputInfo>) =
            self.inputs.iter().partition(is_live);
        let listed = |of: Vec<&InputInfo>| of.into_iter().map(about).collect::<Vec<_>>();
        let called = match listed(inputs).as_slice() {
            [only] => format!("the input is called {only}"),
            inputs => format!("the inputs are {}", inputs.join(", ")),
        };
        match listed(live).as_slice() {
            [] => called,
            [only] => format!("{called}, the live number {only}"),
            live => format!("{called}, the live numbers {}", live.join(", ")),
        }
    }

    /// True where the value is a vector.
    pub fn is_wide(&self, value: Value) -> bool {
        self.shape_of(value).is_some()
    }

    /// The elements of a value that is a vector.
    pub fn width(&self, value: Value) -> Option<usize> {
        self.shape_of(value).map(|wide| wide.width)
    }

    fn shape_of(&self, value: Value) -> Shape {
        let shape = |part| match part {
            Real::Node(node, _) => self.ops[node].1,
            _ => None,
        };
        let (re, im) = value.parts();
        shape(re).or(shape(im))
    }

    /// What was refused meanwhile: vectors of different lengths.
    pub fn checked(&mut self, value: Built<Value>) -> Built<Value> {
        let Some((one, other)) = self.apart.take() else {
            return value;
        };
        let name = |wide: Wide| &self.inputs[wide.input].name;
        let (a, b) = (name(one), name(other));
        let message = match one.input == other.input {
            true => format!(
                "{} elements of `{a}` meet {} of them",
                one.width, other.width
            ),
            false => format!(
                "`{a}` has {} elements and `{b}` has {}",
                one.width, other.width
            ),
        };
        Err(Refusal::from(message).with_help(format!("name one element: `{b}[0]`")))
    }

    /// The value of a name that is no input.
    pub fn constant(&mut self, name: &str) -> Option<Built<Value>> {
        Some(Ok(match name {
            "pi" => Value::float(std::f64::consts::PI),
            "e" => Value::float(std::f64::consts::E),
            "tau" => Value::float(std::f64::consts::TAU),
            "inf" => Value::float(f64::INFINITY),
            "nan" => Value::float(f64::NAN),
            "true" => Value::Real(Real::Bool(true)),
            "false" => Value::Real(Real::Bool(false)),
            "n" => Value::Real(self.emit(Op::Position, Kind::I64)),
            "t" => return Some(self.time()),
            _ => return None,
        }))
    }

    fn time(&mut self) -> Built<Value> {
        if let [input, others @ ..] = self.inputs
            && input.item_type.timed_values().is_some()
            && others.iter().all(|other| other.stream().is_none())
        {
            return Ok(Value::Real(self.emit(Op::Seconds { input: 0 }, Kind::F64)));
        }
        let rate = self.rate.ok_or_else(|| {
            Refusal::from("`t` needs the rate of the items, which is not known".to_owned())
                .with_help("give `rate` at the source, or use `n`")
        })?;
        let n = self.emit(Op::Position, Kind::I64);
        Ok(Value::Real(self.arithmetic(
            Binary::Div,
            n,
            Real::Float(rate),
        )))
    }

    /// An input's item, or one element of it.
    ///
    /// Elements are counted from 0, or from -1 backwards.
    pub fn input(&mut self, name: &str, element: Option<i128>) -> Built<Value> {
        let input = self.inputs.iter().position(|i| i.name == name).unwrap_or(0);
        if let Naming::Live { dial } = self.inputs[input].naming {
            return match element {
                None => Ok(Value::Real(self.emit(Op::Live { dial }, Kind::F64))),
                Some(_) => Err(format!("`{name}` is one number, which has no elements").into()),
            };
        }
        let item_type = &self.inputs[input].item_type;
        let Some((scalar, width)) = values(item_type) else {
            let message = format!("`{name}` is {item_type}, and expressions take numbers");
            let refusal = Refusal::from(message);
            return Err(match item_type.is_framed() {
                true => refusal.with_help(
                    "`n` is an item's place; `contains` and `regex.match` choose texts by what is in them, `text.length` and `text.parse` make numbers of them",
                ),
                false => refusal,
            });
        };
        let is_vector = matches!(item_type, ItemType::Vector(..) | ItemType::TimedVector(..));
        // The values of a timed item stand behind its time.
        let skip = numbers_skipped(item_type);
        let element = match element {
            Some(_) if !is_vector => {
                let message = format!("`{name}` is {item_type}, which has no elements");
                return Err(message.into());
            }
            Some(index) => {
                let from_the_first = if index < 0 {
                    index + width as i128
                } else {
                    index
                };
                if !(0..width as i128).contains(&from_the_first) {
                    let last = width - 1;
                    let message = format!("`{name}` has the elements 0 to {last}, and no {index}");
                    return Err(message.into());
                }
                Some(skip + from_the_first as usize)
            }
            None => (skip > 0 && !is_vector).then_some(skip),
        };
        let kind = match scalar {
            Scalar::F32 | Scalar::Cf32 => Kind::F32,
            Scalar::F64 | Scalar::Cf64 => Kind::F64,
            Scalar::U64 => Kind::U64,
            _ => Kind::I64,
        };
        let mut part = |part| {
            let load = Op::Load {
                input,
                element,
                part,
            };
            self.emit(load, kind)
        };
        Ok(match scalar.is_complex() {
            true => Value::Complex(part(0), part(1)),
            false => Value::Real(part(0)),
        })
    }

    /// Some elements of an input's items: from the first of these ends up to, but not at, the second, by steps of the third, as
    /// Python's.
    pub fn slice(&mut self, name: &str, [from, to, step]: [Option<i128>; 3]) -> Built<Value> {
        let whole = self.input(name, None)?;
        let Some(width) = self.width(whole) else {
            // It has no elements.
            return self.input(name, Some(0));
        };
        let step = step.unwrap_or(1);
        let Some(stride) = isize::try_from(step).ok().filter(|step| *step != 0) else {
            return Err(format!("{step} is no step of a slice").into());
        };
        let len = width as i128;
        // As Python's `slice.indices`.
        let (lowest, highest) = if step > 0 { (0, len) } else { (-1, len - 1) };
        let end = |given: Option<i128>, default: i128| match given {
            None => default,
            Some(k) if k < 0 => (k + len).max(lowest),
            Some(k) => k.min(highest),
        };
        let (start, stop) = match step > 0 {
            true => (end(from, lowest), end(to, highest)),
            false => (end(from, highest), end(to, lowest)),
        };
        let count = match step > 0 {
            true => (stop - start + step - 1).div_euclid(step),
            false => (start - stop - step - 1).div_euclid(-step),
        };
        if count <= 0 {
            let written = slice_text(name, [from, to, Some(step).filter(|step| *step != 1)]);
            let count = if width == 1 {
                "1 element"
            } else {
                &format!("{width} elements")
            };
            let refusal = Refusal::from(format!("`{written}` is empty: `{name}` has {count}"));
            // A longer vector has no such elements, either.
            let from = from.unwrap_or(if step > 0 { 0 } else { -1 });
            let is_empty_of_all = to.is_some_and(|to| {
                let has_way = if step > 0 { to > from } else { to < from };
                !has_way && (from < 0) == (to < 0)
            });
            return Err(match (is_empty_of_all, step > 0) {
                (false, _) => refusal,
                (true, true) => refusal.with_help(
                    "a slice goes up to its second index, and not to it: `x[1:3]` is two elements",
                ),
                (true, false) => refusal.with_help(
                    "a step below 0 goes down, from the greater index: `x[3:0:-1]` is three elements",
                ),
            });
        }
        let slice = Slice {
            first: start as usize,
            step: stride,
            count: count as usize,
        };
        Ok(self.each_part(whole, |b, part| {
            let kind = part.kind();
            let a = b.operand(part, kind);
            let op = Op::Slice {
                kind,
                a,
                width,
                slice,
            };
            b.emit(op, kind)
        }))
    }

    /// An operation on the bits of whole numbers, or of two truth values.
    pub fn bits(&mut self, op: Binary, mark: &str, a: Value, b: Value) -> Built<Value> {
        let [left, right] = match mark {
            "xor" => ["its first", "its second"],
            _ => ["the left", "the right"],
        };
        let a = self.whole_number(mark, left, a)?;
        let b = self.whole_number(mark, right, b)?;
        let is_shift = matches!(op, Binary::Shl | Binary::Shr);
        if let (Real::Int(a), Real::Int(b)) = (a, b) {
            let found = bits_written_out(op, a, b).and_then(Real::whole);
            return found
                .map(Value::Real)
                .ok_or_else(|| Refusal::from("this is no whole number of 64 bits".to_owned()));
        }
        if let (true, Real::Int(count)) = (is_shift, b)
            && !(0..64).contains(&count)
        {
            let message = format!("{count} is no number of bits to shift by: 0 to 63 are");
            return Err(message.into());
        }
        let kind = match (a, b) {
            // A number written out takes the type of what it meets; else how far one shifts does not decide it.
            (Real::Int(0..), Real::Node(_, Kind::U64)) if is_shift => Kind::U64,
            _ if is_shift => self.number_kind(a),
            // Of `~1`, too, the bits are meant.
            (Real::Int(_), Real::Node(_, Kind::U64)) | (Real::Node(_, Kind::U64), Real::Int(_)) => {
                Kind::U64
            }
            _ => {
                fits_beside(a, b)?;
                join(a, b)
            }
        };
        Ok(Value::Real(match (op, kind) {
            (Binary::BitAnd, Kind::Bool) => self.emit_binary(Binary::And, kind, a, b),
            (Binary::BitOr, Kind::Bool) => self.emit_binary(Binary::Or, kind, a, b),
            (_, Kind::Bool) => self.emit_binary(Binary::Ne, kind, a, b),
            _ => self.emit_binary(op, kind, a, b),
        }))
    }

    /// `~x`: every bit the other way round, of a truth value its opposite.
    pub fn inverted(&mut self, value: Value) -> Built<Value> {
        let real = self.whole_number("~", "this", value)?;
        let all = match real.kind() {
            Kind::Bool => return self.not(value),
            Kind::U64 => u64::MAX.into(),
            _ => -1,
        };
        self.binary(Binary::Sub, Value::int(all), value)
    }

    /// A number whose bits count: a whole one, or a truth value. `which` of the operands it is.
    fn whole_number(&self, mark: &str, which: &str, value: Value) -> Built<Real> {
        let found = match value {
            Value::Real(real) if is_whole(real.kind()) => return Ok(real),
            Value::Real(Real::Float(x)) => format!("{x:?}"),
            Value::Real(real) => name_of(real.kind()).to_owned(),
            Value::Complex(..) => "a complex number".to_owned(),
        };
        let joins = match mark {
            "&" => "`&&` or `and` joins conditions; ",
            "|" => "`||` or `or` joins conditions; ",
            _ => "",
        };
        let refusal = Refusal::from(format!(
            "`{mark}` is of whole numbers, and {which} is {found}"
        ));
        Err(match (self.live_behind(value), value) {
            (Some(name), _) => refusal.with_help(format!(
                "{joins}`{name}` is a live number, and these are f64: a whole number is written out here"
            )),
            (None, Value::Real(Real::Float(_))) => {
                refusal.with_help(format!("{joins}a whole number has no point and no exponent"))
            }
            (None, _) => refusal.with_help(format!(
                "{joins}a `map` with `dtype = \"i64\"` before this makes whole numbers"
            )),
        })
    }

    /// The name of a live number that this value is made of.
    fn live_behind(&self, value: Value) -> Option<&'a str> {
        let Value::Real(Real::Node(last, _)) = value else {
            return None;
        };
        let mut is_needed = vec![false; last + 1];
        is_needed[last] = true;
        // Operands come before what is made of them.
        for node in (0..=last).rev() {
            if !is_needed[node] {
                continue;
            }
            if let (Op::Live { dial: found }, _) = self.ops[node] {
                let is_this = |input: &&InputInfo| matches!(input.naming, Naming::Live { dial } if dial == found);
                return self
                    .inputs
                    .iter()
                    .find(is_this)
                    .map(|input| input.name.as_str());
            }
            for operand in self.ops[node].0.operands() {
                if let Operand::Node(before) = operand {
                    is_needed[before] = true;
                }
            }
        }
        None
    }

    pub fn negated(&mut self, value: Value) -> Built<Value> {
        Ok(self.each_part(value, Builder::negative))
    }

    /// Of what has no sign, too, one that has.
    fn negative(&mut self, real: Real) -> Real {
        match real {
            Real::Int(n) => Real::whole(-n).unwrap_or(Real::Float(-(n as f64))),
            Real::Node(_, Kind::U64) => self.unary(Unary::Neg, Kind::I64, real),
            other => self.unary(Unary::Neg, self.number_kind(other), other),
        }
    }

    pub fn not(&mut self, value: Value) -> Built<Value> {
        let truth = self.truth(value)?;
        Ok(Value::Real(self.unary(Unary::Not, Kind::Bool, truth)))
    }

    /// The value as a truth value: everything but 0 is true.
    pub fn condition(&mut self, value: Value) -> Built<Value> {
        self.truth(value).map(Value::Real)
    }

    pub fn logic(&mut self, op: Binary, a: Value, b: Value) -> Built<Value> {
        let (a, b) = (self.truth(a)?, self.truth(b)?);
        Ok(Value::Real(self.emit_binary(op, Kind::Bool, a, b)))
    }

    /// Arithmetic and comparisons.
    pub fn binary(&mut self, op: Binary, a: Value, b: Value) -> Built<Value> {
        match (a, b) {
            (Value::Real(a), Value::Real(Real::Int(0)))
                if matches!(op, Binary::FloorDiv | Binary::Mod) && is_whole(a.kind()) =>
            {
                let refusal = Refusal::from("this divides whole numbers by 0".to_owned());
                Err(refusal.with_help("`/` gives floats, and by 0 infinity"))
            }
            (Value::Real(a), Value::Real(b)) => {
                if !op.is_comparison() && op != Binary::Div {
                    fits_beside(a, b)?;
                }
                Ok(Value::Real(self.arithmetic(op, a, b)))
            }
            _ => self.complex_binary(op, a, b),
        }
    }

    fn complex_binary(&mut self, op: Binary, a: Value, b: Value) -> Built<Value> {
        let ((ar, ai), (br, bi)) = (a.parts(), b.parts());
        match op {
            Binary::Add | Binary::Sub => Ok(Value::Complex(
                self.arithmetic(op, ar, br),
                self.arithmetic(op, ai, bi),
            )),
            Binary::Mul => Ok(self.product(a, b)),
            Binary::Div => Ok(self.quotient(a, b)),
            Binary::Eq | Binary::Ne => {
                let joined = if op == Binary::Eq {
                    Binary::And
                } else {
                    Binary::Or
                };
                let (re, im) = (self.arithmetic(op, ar, br), self.arithmetic(op, ai, bi));
                Ok(Value::Real(self.emit_binary(joined, Kind::Bool, re, im)))
            }
            Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge => {
                let refusal = Refusal::from("complex numbers have no order".to_owned());
                Err(refusal.with_help("compare `abs(..)`, `re(..)` or `im(..)`"))
            }
            _ => Err("this takes no complex number".to_owned().into()),
        }
    }

    fn product(&mut self, a: Value, b: Value) -> Value {
        match (a, b) {
            (Value::Complex(ar, ai), Value::Complex(br, bi)) => {
                let (rr, ii) = (self.times(ar, br), self.times(ai, bi));
                let (ri, ir) = (self.times(ar, bi), self.times(ai, br));
                Value::Complex(
                    self.arithmetic(Binary::Sub, rr, ii),
                    self.arithmetic(Binary::Add, ri, ir),
                )
            }
            (Value::Real(a), Value::Real(b)) => Value::Real(self.times(a, b)),
            (complex, Value::Real(scale)) | (Value::Real(scale), complex) => {
                self.each_part(complex, |b, part| b.times(part, scale))
            }
        }
    }

    fn quotient(&mut self, a: Value, b: Value) -> Value {
        let Value::Complex(br, bi) = b else {
            let (divisor, _) = b.parts();
            return self.each_part(a, |b, part| b.arithmetic(Binary::Div, part, divisor));
        };
        let minus_bi = self.negative(bi);
        let dividend = self.product(a, Value::Complex(br, minus_bi));
        let divisor = self.square_sum(br, bi);
        self.each_part(dividend, |b, part| b.arithmetic(Binary::Div, part, divisor))
    }

    fn square_sum(&mut self, a: Real, b: Real) -> Real {
        let (aa, bb) = (self.times(a, a), self.times(b, b));
        self.arithmetic(Binary::Add, aa, bb)
    }

    /// `base ^ exponent`. Small whole exponents multiply, 0.5 is a square root, as in NumPy.
    pub fn power(&mut self, base: Value, exponent: Value) -> Built<Value> {
        let Value::Real(exponent) = exponent else {
            return Err("an exponent must be a real number".to_owned().into());
        };
        let whole = match exponent {
            Real::Int(k) => i64::try_from(k).ok(),
            Real::Float(x) if x.fract() == 0.0 && x.abs() <= 64.0 => Some(x as i64),
            _ => None,
        };
        match (base, whole) {
            (Value::Real(base), _) => Ok(Value::Real(self.real_power(base, exponent, whole))),
            (complex, Some(k @ 1..=64)) => Ok(self.repeated_product(complex, k)),
            _ => Err(Refusal::from(
                "a complex number is raised to whole exponents of 1 to 64".to_owned(),
            )
            .with_help("use `exp` and `log`")),
        }
    }

    fn real_power(&mut self, base: Real, exponent: Real, whole: Option<i64>) -> Real {
        let kind = match join(base, exponent) {
            kind if is_whole(kind) && matches!(exponent, Real::Int(0..=0xFFFF_FFFF)) => {
                self.number_kind(base)
            }
            Kind::F32 => Kind::F32,
            _ => Kind::F64,
        };
        match (base, exponent) {
            (Real::Int(n), Real::Int(k @ 0..)) => {
                let power = u32::try_from(k).ok().and_then(|k| n.checked_pow(k));
                let float = || Real::Float((n as f64).powf(k as f64));
                power.and_then(Real::whole).unwrap_or_else(float)
            }
            (_, Real::Float(0.5)) => self.unary(Unary::Sqrt, kind, base),
            _ => match whole {
                Some(k @ 1..=4) => {
                    let base = self.cast(base, kind);
                    self.repeated_product(Value::Real(base), k).parts().0
                }
                _ => self.emit_binary(Binary::Pow, kind, base, exponent),
            },
        }
    }

    /// `base` to an exponent of at least 1, by squaring: always in the same order.
    fn repeated_product(&mut self, base: Value, mut exponent: i64) -> Value {
        let mut square = base;
        let mut product: Option<Value> = None;
        loop {
            if exponent % 2 == 1 {
                product = Some(match product {
                    None => square,
                    Some(so_far) => self.product(so_far, square),
                });
            }
            exponent /= 2;
            match product {
                Some(power) if exponent == 0 => return power,
                _ => square = self.product(square, square),
            }
        }
    }

    pub fn select(&mut self, condition: Value, a: Value, b: Value) -> Built<Value> {
        let condition = self.truth(condition)?;
        if let (Value::Real(a), Value::Real(b)) = (a, b) {
            fits_beside(a, b)?;
            return Ok(Value::Real(self.either(condition, a, b)));
        }
        let ((ar, ai), (br, bi)) = (a.parts(), b.parts());
        Ok(Value::Complex(
            self.either(condition, ar, br),
            self.either(condition, ai, bi),
        ))
    }

    fn either(&mut self, condition: Real, a: Real, b: Real) -> Real {
        self.either_of(join(a, b), condition, a, b)
    }

    fn either_of(&mut self, kind: Kind, condition: Real, a: Real, b: Real) -> Real {
        let select = Op::Select {
            kind,
            condition: self.operand(condition, Kind::Bool),
            a: self.operand(a, kind),
            b: self.operand(b, kind),
        };
        self.emit(select, kind)
    }

    /// A function by its name, which is one of [`FUNCTIONS`].
    pub fn call(&mut self, name: &str, arguments: &[Value]) -> Built<Value> {
        if let [vector] = *arguments
            && let Some(value) = self.reduced(name, vector)
        {
            return value;
        }
        check_count(name, arguments.len())?;
        match *arguments {
            [condition, a, b] if name == "if" => self.select(condition, a, b),
            [base, exponent] if name == "pow" => self.power(base, exponent),
            [a, b] if name == "xor" => self.bits(Binary::BitXor, "xor", a, b),
            [x, places] if name == "round" => self.rounded(x, places),
            [z] if name == "conj" => Ok(match z {
                Value::Complex(re, im) => Value::Complex(re, self.negative(im)),
                real => real,
            }),
            [z] if name == "re" => Ok(Value::Real(z.parts().0)),
            [z] if name == "im" => Ok(Value::Real(z.parts().1)),
            [z] if name == "arg" => {
                let (re, im) = z.parts();
                Ok(Value::Real(self.float_binary(Binary::Atan2, im, re)))
            }
            [Value::Complex(re, im)] => self.call_complex(name, re, im),
            _ => {
                let mut reals = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    let Value::Real(real) = *argument else {
                        return Err(takes_no_complex(name));
                    };
                    reals.push(real);
                }
                self.call_real(name, &reals)
            }
        }
    }

    /// `x` to so many places after the point (before it, where there is a minus), as NumPy's `round`: `round(x * 100) / 100`.
    fn rounded(&mut self, x: Value, places: Value) -> Built<Value> {
        let Value::Real(Real::Int(places @ -300..=300)) = places else {
            let message = "`round` takes a number, and places as a whole number written out, from -300 to 300";
            return Err(Refusal::from(message.to_owned()).with_help("`round(x, 2)`"));
        };
        Ok(self.each_part(x, |b, part| match part {
            Real::Float(_) | Real::Node(_, Kind::F32 | Kind::F64) => b.rounded_float(part, places),
            _ => b.rounded_whole(part, places),
        }))
    }

    /// Exactly, whatever there is of digits.
    fn rounded_whole(&mut self, x: Real, places: i128) -> Real {
        let kind = self.number_kind(x);
        // Half of a greater one is more than 64 bits hold.
        let step = match places {
            0.. => return self.cast(x, kind),
            -19..0 => 10_u64.pow(places.unsigned_abs() as u32),
            _ => return self.emit_binary(Binary::Mul, kind, x, Real::Int(0)),
        };
        match x {
            Real::Int(n) => {
                let step = i128::from(step);
                let (times, rest) = (n.div_euclid(step), n.rem_euclid(step) * 2);
                let is_up = rest > step || (rest == step && times % 2 != 0);
                let rounded = (times + i128::from(is_up)) * step;
                Real::whole(rounded).unwrap_or(Real::Float(rounded as f64))
            }
            _ => self.emit_binary(Binary::RoundTo, kind, x, Real::Int(step.into())),
        }
    }

    fn rounded_float(&mut self, x: Real, places: i128) -> Real {
        let scale = Real::Float(10f64.powi(places.unsigned_abs() as i32));
        let (there, back) = match places >= 0 {
            true => (Binary::Mul, Binary::Div),
            false => (Binary::Div, Binary::Mul),
        };
        let scaled = self.arithmetic(there, x, scale);
        let whole = self.unary(Unary::Round, float_kind(scaled), scaled);
        self.arithmetic(back, whole, scale)
    }

    fn call_complex(&mut self, name: &str, re: Real, im: Real) -> Built<Value> {
        Ok(match name {
            "abs" => Value::Real(self.modulus(re, im)),
            "exp" => {
                let size = self.unary(Unary::Exp, float_kind(re), re);
                let cos = self.unary(Unary::Cos, float_kind(im), im);
                let sin = self.unary(Unary::Sin, float_kind(im), im);
                Value::Complex(self.times(size, cos), self.times(size, sin))
            }
            "round" => self.each_part(Value::Complex(re, im), |b, part| {
                b.unary(Unary::Round, b.number_kind(part), part)
            }),
            "log" | "ln" => {
                let size = self.modulus(re, im);
                let log = self.unary(Unary::Ln, float_kind(size), size);
                Value::Complex(log, self.float_binary(Binary::Atan2, im, re))
            }
            _ => return Err(takes_no_complex(name)),
        })
    }

    fn modulus(&mut self, re: Real, im: Real) -> Real {
        let sum = self.square_sum(re, im);
        self.unary(Unary::Sqrt, float_kind(sum), sum)
    }

    fn call_real(&mut self, name: &str, arguments: &[Real]) -> Built<Value> {
        let first = arguments[0];
        if let Some(op) = float_function(name) {
            return Ok(Value::Real(self.unary(op, float_kind(first), first)));
        }
        if let Some(op) = rounding_function(name) {
            return Ok(Value::Real(self.unary(op, self.number_kind(first), first)));
        }
        Ok(Value::Real(match (name, arguments) {
            ("isnan", _) => self.arithmetic(Binary::Ne, first, first),
            ("complex", [re, im]) => return Ok(Value::Complex(*re, *im)),
            ("atan2", [y, x]) => self.float_binary(Binary::Atan2, *y, *x),
            ("hypot", [a, b]) => self.float_binary(Binary::Hypot, *a, *b),
            ("clamp", [x, low, high]) => {
                let above = self.arithmetic(Binary::Max, *x, *low);
                self.arithmetic(Binary::Min, above, *high)
            }
            (_, [first, rest @ ..]) => {
                let op = if name == "min" {
                    Binary::Min
                } else {
                    Binary::Max
                };
                rest.iter()
                    .fold(*first, |best, next| self.arithmetic(op, best, *next))
            }
            (_, []) => return Err(takes_no_complex(name)),
        }))
    }

    /// All the operations that `result` needs, placed.
    pub fn finish(mut self, result: Value) -> Program {
        let shape = self.shape_of(result);
        let (kind, parts) = match result {
            Value::Real(real) => (real.kind(), vec![real]),
            Value::Complex(re, im) => match join(re, im) {
                Kind::F32 => (Kind::F32, vec![re, im]),
                _ => (Kind::F64, vec![re, im]),
            },
        };
        let results: Vec<Operand> = parts
            .iter()
            .map(|part| {
                let part = self.operand(*part, kind);
                self.leveled(part, kind, shape)
            })
            .collect();
        let ports = self.inputs.iter().map(|input| {
            let (scalar, _) = values(&input.item_type).unwrap_or((Scalar::U8, 1));
            let item_len = input.item_type.len_bytes();
            Port {
                scalar,
                width: item_len / scalar.len_bytes(),
                skip: numbers_skipped(&input.item_type),
                item_len,
            }
        });
        let ports = ports.collect();
        let width = |shape: Shape| shape.map(|wide| wide.width);
        let ops = self.ops.into_iter();
        let ops = ops
            .map(|(op, shape)| (op, width(shape).unwrap_or(1)))
            .unzip();
        placed(ops, kind, results, ports, width(shape))
    }

    fn each_part(&mut self, value: Value, mut f: impl FnMut(&mut Self, Real) -> Real) -> Value {
        match value {
            Value::Real(re) => Value::Real(f(self, re)),
            Value::Complex(re, im) => Value::Complex(f(self, re), f(self, im)),
        }
    }

    fn truth(&mut self, value: Value) -> Built<Real> {
        match value {
            Value::Real(real) if real.kind() == Kind::Bool => Ok(real),
            Value::Real(real) => Ok(self.arithmetic(Binary::Ne, real, Real::Int(0))),
            Value::Complex(..) => Err(Refusal::from(
                "a complex number is neither true nor false".to_owned(),
            )
            .with_help("compare it: `abs(..) > 0`")),
        }
    }

    fn times(&mut self, a: Real, b: Real) -> Real {
        self.arithmetic(Binary::Mul, a, b)
    }

    /// Any operation but powers, in the kind that its operands have in common.
    pub fn arithmetic(&mut self, op: Binary, a: Real, b: Real) -> Real {
        if let (Real::Int(a), Real::Int(b)) = (a, b) {
            return written_out(op, a, b).unwrap_or_else(|| {
                self.arithmetic(op, Real::Float(a as f64), Real::Float(b as f64))
            });
        }
        let mixed = is_mixed(a, b);
        match (op, join(a, b)) {
            (Binary::Div, kind) if is_whole(kind) => self.emit_binary(op, Kind::F64, a, b),
            (Binary::Min | Binary::Max, Kind::I64) if mixed => {
                let op = if op == Binary::Min {
                    Binary::Lt
                } else {
                    Binary::Gt
                };
                let first = self.mixed_comparison(op, a, b);
                // The smaller is at most the one with a sign, the greater at least the one without.
                let kind = match op {
                    Binary::Lt => Kind::I64,
                    _ => Kind::U64,
                };
                self.either_of(kind, first, a, b)
            }
            (op, Kind::I64) if mixed && op.is_comparison() => self.mixed_comparison(op, a, b),
            (op, Kind::Bool) if !op.is_comparison() => self.emit_binary(op, Kind::I64, a, b),
            (_, kind) => self.emit_binary(op, kind, a, b),
        }
    }

    /// Compares a number that has no sign with one that has: below 0 is below all.
    fn mixed_comparison(&mut self, op: Binary, a: Real, b: Real) -> Real {
        let (other, op, signed) = match a.kind() {
            Kind::U64 => (a, op, b),
            _ => (b, mirrored(op), a),
        };
        let magnitude = self.emit_binary(op, Kind::U64, other, signed);
        // `other` is above a negative one, and above is the truth of these.
        if matches!(op, Binary::Ne | Binary::Gt | Binary::Ge) {
            let below = self.emit_binary(Binary::Lt, Kind::I64, signed, Real::Int(0));
            self.emit_binary(Binary::Or, Kind::Bool, magnitude, below)
        } else {
            let not_below = self.emit_binary(Binary::Ge, Kind::I64, signed, Real::Int(0));
            self.emit_binary(Binary::And, Kind::Bool, magnitude, not_below)
        }
    }

    fn float_binary(&mut self, op: Binary, a: Real, b: Real) -> Real {
        let kind = match join(a, b) {
            Kind::F32 => Kind::F32,
            _ => Kind::F64,
        };
        self.emit_binary(op, kind, a, b)
    }

    /// The kind arithmetic has on it: truth values count.
    pub fn number_kind(&self, real: Real) -> Kind {
        match real.kind() {
            Kind::Bool => Kind::I64,
            kind => kind,
        }
    }

    pub fn unary(&mut self, op: Unary, kind: Kind, a: Real) -> Real {
        let a = self.operand(a, kind);
        self.emit(Op::Unary { op, kind, a }, kind)
    }

    fn emit_binary(&mut self, op: Binary, kind: Kind, a: Real, b: Real) -> Real {
        let (a, b) = (self.operand(a, kind), self.operand(b, kind));
        let result = if op.is_comparison() { Kind::Bool } else { kind };
        self.emit(Op::Binary { op, kind, a, b }, result)
    }

    pub fn cast(&mut self, real: Real, kind: Kind) -> Real {
        match self.operand(real, kind) {
            Operand::Node(node) => Real::Node(node, kind),
            Operand::Literal(bits) => Real::folded(kind, bits),
        }
    }

    /// The value in this kind, converted where it is of another.
    pub fn operand(&mut self, real: Real, to: Kind) -> Operand {
        let (from, a) = match real {
            Real::Node(node, kind) => (kind, Operand::Node(node)),
            Real::Bool(b) => (Kind::Bool, Operand::Literal(b.into())),
            Real::Int(n) => (real.kind(), Operand::Literal(n as u64)),
            Real::Float(x) => (Kind::F64, Operand::Literal(x.to_bits())),
        };
        if from == to {
            return a;
        }
        let op = Op::Cast { from, to, a };
        match a {
            Operand::Literal(_) => Operand::Literal(folded(op, to)),
            Operand::Node(_) => Operand::Node(self.intern(op)),
        }
    }

    /// An operation of numbers alone is done here; one that is there already is used again.
    pub fn emit(&mut self, op: Op, result: Kind) -> Real {
        let is_source = matches!(
            op,
            Op::Load { .. } | Op::Seconds { .. } | Op::Position | Op::Live { .. }
        );
        let is_literal = |operand| matches!(operand, Operand::Literal(_));
        if !is_source && op.operands().all(is_literal) {
            return Real::folded(result, folded(op, result));
        }
        Real::Node(self.intern(op), result)
    }

    fn intern(&mut self, op: Op) -> usize {
        let (op, shape) = self.shaped(op);
        *self.known.entry(op).or_insert_with(|| {
            self.ops.push((op, shape));
            self.ops.len() - 1
        })
    }

    /// The operation on operands that are all as wide as the widest of them, and what that is.
    fn shaped(&mut self, op: Op) -> (Op, Shape) {
        let shape = match op {
            Op::Reduce { .. } | Op::Seconds { .. } | Op::Position | Op::Live { .. } => {
                return (op, None);
            }
            Op::Slice { a, slice, .. } => {
                let wide = match a {
                    Operand::Node(node) => self.ops[node].1,
                    Operand::Literal(_) => None,
                };
                let width = slice.count;
                return (op, wide.map(|wide| Wide { width, ..wide }));
            }
            Op::Spread { .. } => unreachable!("what is spread has been told its width"),
            Op::Load { input, element, .. } => {
                return (op, self.vector(input).filter(|_| element.is_none()));
            }
            _ => self.common(op),
        };
        (
            op.map_operands(|a, kind| self.leveled(a, kind, shape)),
            shape,
        )
    }

    fn vector(&self, input: usize) -> Shape {
        match self.inputs[input].item_type {
            ItemType::Vector(_, width) | ItemType::TimedVector(_, width) => Some(Wide {
                width: width as usize,
                input,
            }),
            _ => None,
        }
    }

    /// The shape of the operands that are vectors; they must agree.
    fn common(&mut self, op: Op) -> Shape {
        let mut found: Shape = None;
        for operand in op.operands() {
            let Operand::Node(node) = operand else {
                continue;
            };
            let Some(wide) = self.ops[node].1 else {
                continue;
            };
            match found {
                Some(first) if first.width != wide.width => {
                    self.apart.get_or_insert((first, wide));
                }
                Some(_) => {}
                None => found = Some(wide),
            }
        }
        found
    }

    /// One number for each item becomes a vector where the shape is one. Literals lie in all lanes anyway.
    fn leveled(&mut self, a: Operand, kind: Kind, shape: Shape) -> Operand {
        let (Operand::Node(node), Some(wide)) = (a, shape) else {
            return a;
        };
        if self.ops[node].1.is_some() {
            return a;
        }
        let width = wide.width;
        let op = Op::Spread { kind, a, width };
        Operand::Node(*self.known.entry(op).or_insert_with(|| {
            self.ops.push((op, shape));
            self.ops.len() - 1
        }))
    }
}

/// The kind two values have in common: literals follow what they meet.
fn join(a: Real, b: Real) -> Kind {
    let is_literal = |real| !matches!(real, Real::Node(..));
    match (a.kind(), b.kind()) {
        (one, other) if one == other => one,
        (Kind::F32, _) if is_literal(b) => Kind::F32,
        (_, Kind::F32) if is_literal(a) => Kind::F32,
        (Kind::Bool, kind) | (kind, Kind::Bool) => kind,
        (Kind::U64, Kind::I64) if matches!(b, Real::Int(0..)) => Kind::U64,
        (Kind::I64, Kind::U64) if matches!(a, Real::Int(0..)) => Kind::U64,
        (Kind::U64, Kind::I64) | (Kind::I64, Kind::U64) => Kind::I64,
        _ => Kind::F64,
    }
}

pub(super) fn is_whole(kind: Kind) -> bool {
    matches!(kind, Kind::Bool | Kind::I64 | Kind::U64)
}

/// The comparison that gives the same with its operands exchanged.
fn mirrored(op: Binary) -> Binary {
    match op {
        Binary::Lt => Binary::Gt,
        Binary::Le => Binary::Ge,
        Binary::Gt => Binary::Lt,
        Binary::Ge => Binary::Le,
        other => other,
    }
}

fn float_kind(real: Real) -> Kind {
    match real.kind() {
        Kind::F32 => Kind::F32,
        _ => Kind::F64,
    }
}

/// The numbers that an expression sees of an item: all, or those of a timed item's value.
fn values(item_type: &ItemType) -> Option<(Scalar, usize)> {
    let values = item_type.timed_values();
    let values = values.filter(|(scalar, _)| !scalar.is_complex());
    values.or_else(|| item_type.elements())
}

/// How many numbers as long as those would lie before them in an item: where a timed item has its time.
fn numbers_skipped(item_type: &ItemType) -> usize {
    let scalar = item_type.timed_values().map(|(scalar, _)| scalar);
    scalar.map_or(0, |scalar| 8 / scalar.len_bytes().min(8))
}

/// What whole numbers written out give; `None` where that is no whole number of 64 bits: then they are floats, as
/// nobody means a wrap.
fn written_out(op: Binary, a: i128, b: i128) -> Option<Real> {
    let rest = |b: i128| {
        let rest = a % b;
        if rest != 0 && (rest < 0) != (b < 0) {
            rest + b
        } else {
            rest
        }
    };
    match op {
        Binary::Add => Real::whole(a + b),
        Binary::Sub => Real::whole(a - b),
        Binary::Mul => Real::whole(a.checked_mul(b)?),
        Binary::FloorDiv => Real::whole((a - rest(b)) / b),
        Binary::Mod => Real::whole(rest(b)),
        Binary::Min => Real::whole(a.min(b)),
        Binary::Max => Real::whole(a.max(b)),
        Binary::Eq => Some(Real::Bool(a == b)),
        Binary::Ne => Some(Real::Bool(a != b)),
        Binary::Lt => Some(Real::Bool(a < b)),
        Binary::Le => Some(Real::Bool(a <= b)),
        Binary::Gt => Some(Real::Bool(a > b)),
        Binary::Ge => Some(Real::Bool(a >= b)),
        _ => None,
    }
}

/// What a type's numbers are called.
fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "a truth value",
        Kind::I64 => "i64",
        Kind::U64 => "u64",
        Kind::F32 => "f32",
        Kind::F64 => "f64",
    }
}

/// A slice as it is written.
fn slice_text(name: &str, ends: [Option<i128>; 3]) -> String {
    let [from, to, step] = ends.map(|end| end.map_or_else(String::new, |k| k.to_string()));
    let mark = if step.is_empty() { "" } else { ":" };
    format!("{name}[{from}:{to}{mark}{step}]")
}

/// What an operation gives on the bits of whole numbers written out; nothing where one shifts by no number of bits.
fn bits_written_out(op: Binary, a: i128, b: i128) -> Option<i128> {
    let count = u32::try_from(b).ok().filter(|count| *count < 64);
    match op {
        Binary::BitAnd => Some(a & b),
        Binary::BitOr => Some(a | b),
        Binary::BitXor => Some(a ^ b),
        Binary::Shl => a.checked_shl(count?),
        _ => a.checked_shr(count?),
    }
}

/// Refuses a number written out that the `i64` it meets cannot hold: what comes of it would wrap.
fn fits_beside(a: Real, b: Real) -> Built<()> {
    let (Real::Int(n), Real::Node(_, Kind::I64)) = (a, b) else {
        return match (b, a) {
            (Real::Int(_), Real::Node(..)) => fits_beside(b, a),
            _ => Ok(()),
        };
    };
    match i64::try_from(n) {
        Ok(_) => Ok(()),
        Err(_) => Err(Refusal::from(format!(
            "{n} is more than i64 holds, as which this is computed"
        ))
        .with_help(format!(
            "`{n}.0` makes floats of it; of u64 items it stays whole"
        ))),
    }
}

/// True where one of them has a sign and the other has none.
fn is_mixed(a: Real, b: Real) -> bool {
    matches!(
        (a.kind(), b.kind()),
        (Kind::U64, Kind::I64) | (Kind::I64, Kind::U64)
    )
}

fn check_count(name: &str, found: usize) -> Built<()> {
    let (least, most) = FUNCTIONS
        .iter()
        .find(|(f, ..)| *f == name)
        .map_or((0, 0), |(_, least, most)| (*least, *most));
    if (least..=most).contains(&found) {
        return Ok(());
    }
    let wanted = match (least, most) {
        (1, 1) => "one argument".to_owned(),
        (1, 2) => "one argument or two".to_owned(),
        (least, most) if least == most => format!("{least} arguments"),
        (least, _) => format!("at least {least} arguments or a vector"),
    };
    Err(format!("`{name}` takes {wanted}, and has {found}").into())
}

pub(super) fn takes_no_complex(name: &str) -> Refusal {
    Refusal::from(format!("`{name}` takes no complex number"))
        .with_help("take a part of it first: `abs(..)`, `re(..)`, `im(..)`, `arg(..)`")
}

/// Functions whose result is a float whatever they are given.
fn float_function(name: &str) -> Option<Unary> {
    Some(match name {
        "acos" => Unary::Acos,
        "asin" => Unary::Asin,
        "atan" => Unary::Atan,
        "cos" => Unary::Cos,
        "cosh" => Unary::Cosh,
        "exp" => Unary::Exp,
        "ln" | "log" => Unary::Ln,
        "log10" => Unary::Log10,
        "log2" => Unary::Log2,
        "sin" => Unary::Sin,
        "sinh" => Unary::Sinh,
        "sqrt" => Unary::Sqrt,
        "tan" => Unary::Tan,
        "tanh" => Unary::Tanh,
        _ => return None,
    })
}

/// Functions whose result is of the kind they are given.
fn rounding_function(name: &str) -> Option<Unary> {
    Some(match name {
        "abs" => Unary::Abs,
        "ceil" => Unary::Ceil,
        "floor" => Unary::Floor,
        "round" => Unary::Round,
        "sign" => Unary::Sign,
        "trunc" => Unary::Trunc,
        _ => return None,
    })
}
