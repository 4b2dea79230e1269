//! Random expressions over items of every number type against a plain interpreter: the language as
//! `docs/graph-file.md` tells it, in Rust's own arithmetic, an item at a time.

use super::*;
use crate::agent::Input;
use crate::operators::numbers::{Number, with_number};
use crate::types::{ItemType, Scalar};

/// How many expressions are tried.
const EXPRESSIONS: u64 = if cfg!(miri) { 5 } else { 600 };

const SEED: u64 = 0x7468_616C;

/// A number of one of the kinds that expressions compute in.
#[derive(Clone, Copy, Debug)]
enum Num {
    Truth(bool),
    Signed(i64),
    Unsigned(u64),
    Single(f32),
    Double(f64),
}

use Num::{Double, Signed, Single, Truth, Unsigned};

/// A value, and whether it is made of numbers written out alone.
#[derive(Clone, Copy, Debug)]
struct Val {
    num: Num,
    is_written: bool,
}

/// An expression as a tree.
#[derive(Clone, Debug)]
enum Tree {
    Input(usize),
    Place,
    Whole(u64),
    Float(f64),
    Unary(&'static str, Box<Tree>),
    Binary(&'static str, Box<Tree>, Box<Tree>),
    Choice(Box<[Tree; 3]>),
}

/// Why there is no value: the expression is refused.
struct Refused;

impl Tree {
    fn text(&self) -> String {
        match self {
            Tree::Input(at) => NAMES[*at].to_owned(),
            Tree::Place => "n".to_owned(),
            Tree::Whole(n) => n.to_string(),
            Tree::Float(x) => format!("{x:?}").to_lowercase(),
            Tree::Unary(op @ ("-" | "!"), a) => format!("({op}{})", a.text()),
            Tree::Unary(f, a) => format!("{f}({})", a.text()),
            Tree::Binary(f @ ("min" | "max"), a, b) => format!("{f}({}, {})", a.text(), b.text()),
            Tree::Binary(op, a, b) => format!("({} {op} {})", a.text(), b.text()),
            Tree::Choice(of) => {
                let [c, a, b] = &**of;
                format!("({} ? {} : {})", c.text(), a.text(), b.text())
            }
        }
    }

    fn value(&self, items: &[Num], place: u64) -> Result<Val, Refused> {
        let computed = |num| Val {
            num,
            is_written: false,
        };
        let written = |num| Val {
            num,
            is_written: true,
        };
        Ok(match self {
            Tree::Input(at) => computed(items[*at]),
            Tree::Place => computed(Signed(place as i64)),
            Tree::Whole(n) => written(i64::try_from(*n).map_or(Unsigned(*n), Signed)),
            Tree::Float(x) => written(Double(*x)),
            Tree::Unary(op, a) => unary(op, a.value(items, place)?),
            Tree::Binary(op, a, b) => {
                let (a, b) = (a.value(items, place)?, b.value(items, place)?);
                binary(op, a, b)?
            }
            Tree::Choice(of) => {
                let [c, a, b] = &**of;
                let (c, a, b) = (
                    c.value(items, place)?,
                    a.value(items, place)?,
                    b.value(items, place)?,
                );
                beside(a, b)?;
                let kind = common(a, b);
                let chosen = if is_true(c.num) { a } else { b };
                Val {
                    num: cast(chosen.num, kind),
                    is_written: c.is_written && a.is_written && b.is_written,
                }
            }
        })
    }
}

const NAMES: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Copy, Debug, PartialEq)]
enum K {
    Truth,
    Signed,
    Unsigned,
    Single,
    Double,
}

fn kind(num: Num) -> K {
    match num {
        Truth(_) => K::Truth,
        Signed(_) => K::Signed,
        Unsigned(_) => K::Unsigned,
        Single(_) => K::Single,
        Double(_) => K::Double,
    }
}

/// What two values have in common: a number written out takes the type of what it meets.
fn common(a: Val, b: Val) -> K {
    let not_below_0 = |v: Val| v.is_written && matches!(v.num, Signed(0..));
    match (kind(a.num), kind(b.num)) {
        (one, other) if one == other => one,
        (K::Single, _) if b.is_written => K::Single,
        (_, K::Single) if a.is_written => K::Single,
        (K::Truth, other) | (other, K::Truth) => other,
        (K::Unsigned, K::Signed) if not_below_0(b) => K::Unsigned,
        (K::Signed, K::Unsigned) if not_below_0(a) => K::Unsigned,
        (K::Unsigned, K::Signed) | (K::Signed, K::Unsigned) => K::Signed,
        _ => K::Double,
    }
}

fn float(num: Num) -> f64 {
    match num {
        Truth(b) => f64::from(u8::from(b)),
        Signed(n) => n as f64,
        Unsigned(n) => n as f64,
        Single(x) => x.into(),
        Double(x) => x,
    }
}

fn bits(num: Num) -> i64 {
    match num {
        Truth(b) => b.into(),
        Signed(n) => n,
        Unsigned(n) => n as i64,
        Single(_) | Double(_) => unreachable!("floats become no integers by themselves"),
    }
}

fn wide(num: Num) -> Option<i128> {
    match num {
        Truth(b) => Some(b.into()),
        Signed(n) => Some(n.into()),
        Unsigned(n) => Some(n.into()),
        Single(_) | Double(_) => None,
    }
}

fn cast(num: Num, to: K) -> Num {
    match to {
        K::Truth => Truth(is_true(num)),
        K::Signed => Signed(bits(num)),
        K::Unsigned => Unsigned(bits(num) as u64),
        K::Single => Single(float(num) as f32),
        K::Double => Double(float(num)),
    }
}

fn is_true(num: Num) -> bool {
    float(num) != 0.0
}

/// A number that 64 bits of the other's kind do not hold is refused beside it.
fn beside(a: Val, b: Val) -> Result<(), Refused> {
    let is_large = |v: Val| v.is_written && matches!(v.num, Unsigned(_));
    let is_signed = |v: Val| !v.is_written && matches!(v.num, Signed(_));
    match is_large(a) && is_signed(b) || is_large(b) && is_signed(a) {
        true => Err(Refused),
        false => Ok(()),
    }
}

fn unary(op: &str, a: Val) -> Val {
    let number = match a.num {
        Truth(b) => Signed(b.into()),
        other => other,
    };
    let single_or_double = |f32s: fn(f32) -> f32, f64s: fn(f64) -> f64| match a.num {
        Single(x) => Single(f32s(x)),
        other => Double(f64s(float(other))),
    };
    let num = match (op, number) {
        ("!", _) => Truth(!is_true(a.num)),
        ("isnan", _) => Truth(float(a.num).is_nan()),
        ("sqrt", _) => single_or_double(f32::sqrt, f64::sqrt),
        ("-", Signed(n)) if a.is_written && !matches!(a.num, Truth(_)) => {
            match i64::try_from(-i128::from(n)) {
                Ok(n) => Signed(n),
                Err(_) => Unsigned(n.unsigned_abs()),
            }
        }
        ("-", Unsigned(n)) if a.is_written => match i64::try_from(-i128::from(n)) {
            Ok(n) => Signed(n),
            Err(_) => Double(-(n as f64)),
        },
        ("-", Unsigned(n)) => Signed((n as i64).wrapping_neg()),
        ("-", Signed(n)) => Signed(n.wrapping_neg()),
        ("-", _) => single_or_double(|x| -x, |x| -x),
        ("abs", Signed(n)) => Signed(n.wrapping_abs()),
        ("sign", Signed(n)) => Signed(n.signum()),
        ("sign", Unsigned(n)) => Unsigned(n.min(1)),
        (_, Signed(_) | Unsigned(_)) => number,
        ("abs", _) => single_or_double(f32::abs, f64::abs),
        ("floor", _) => single_or_double(f32::floor, f64::floor),
        ("ceil", _) => single_or_double(f32::ceil, f64::ceil),
        ("round", _) => single_or_double(f32::round_ties_even, f64::round_ties_even),
        ("trunc", _) => single_or_double(f32::trunc, f64::trunc),
        ("sign", _) => single_or_double(
            |x| {
                if x == 0.0 || x.is_nan() {
                    x
                } else {
                    x.signum()
                }
            },
            |x| {
                if x == 0.0 || x.is_nan() {
                    x
                } else {
                    x.signum()
                }
            },
        ),
        _ => unreachable!("{op} is none of these"),
    };
    Val {
        num,
        is_written: a.is_written,
    }
}

fn binary(op: &str, a: Val, b: Val) -> Result<Val, Refused> {
    let is_written = a.is_written && b.is_written;
    let of = |num| Ok(Val { num, is_written });
    let both_written = match (wide(a.num), wide(b.num)) {
        (Some(a_wide), Some(b_wide)) if is_written => {
            let is_truth = |v: Val| matches!(v.num, Truth(_));
            (!is_truth(a) && !is_truth(b)).then_some((a_wide, b_wide))
        }
        _ => None,
    };
    match op {
        "&&" => return of(Truth(is_true(a.num) && is_true(b.num))),
        "||" => return of(Truth(is_true(a.num) || is_true(b.num))),
        "==" | "!=" | "<" | "<=" | ">" | ">=" => return of(Truth(compared(op, a, b))),
        "^" => return of(power(a, b)),
        _ => {}
    }
    let is_whole = |v: Val| wide(v.num).is_some();
    if matches!(op, "//" | "%") && b.is_written && is_whole(a) && matches!(b.num, Signed(0)) {
        return Err(Refused);
    }
    if matches!(op, "+" | "-" | "*" | "//" | "%") {
        beside(a, b)?;
    }
    if let Some((a, b)) = both_written
        && let Some(exact) = exactly(op, a, b)
    {
        return of(match (i64::try_from(exact), u64::try_from(exact)) {
            (Ok(n), _) => Signed(n),
            (_, Ok(n)) => Unsigned(n),
            _ => floats(op, a as f64, b as f64),
        });
    }
    let kind = match (op, common(a, b)) {
        ("/", K::Truth | K::Signed | K::Unsigned) => K::Double,
        ("min" | "max", K::Signed) if kind(a.num) != kind(b.num) => {
            // One has a sign, and the other may have none.
            let (Some(x), Some(y)) = (wide(a.num), wide(b.num)) else {
                unreachable!("whole numbers");
            };
            let has_unsigned = matches!(a.num, Unsigned(_)) || matches!(b.num, Unsigned(_));
            return of(match (op, has_unsigned) {
                ("min", _) => Signed(x.min(y) as i64),
                (_, true) => Unsigned(x.max(y) as u64),
                (_, false) => Signed(x.max(y) as i64),
            });
        }
        (_, K::Truth) => K::Signed,
        (_, kind) => kind,
    };
    of(match (cast(a.num, kind), cast(b.num, kind)) {
        (Signed(a), Signed(b)) => Signed(match op {
            "+" => a.wrapping_add(b),
            "-" => a.wrapping_sub(b),
            "*" => a.wrapping_mul(b),
            "min" => a.min(b),
            "max" => a.max(b),
            _ if b == 0 => 0,
            _ => exactly(op, a.into(), b.into()).map_or(0, |n| n as i64),
        }),
        (Unsigned(a), Unsigned(b)) => Unsigned(match op {
            "+" => a.wrapping_add(b),
            "-" => a.wrapping_sub(b),
            "*" => a.wrapping_mul(b),
            "min" => a.min(b),
            "max" => a.max(b),
            "//" => a.checked_div(b).unwrap_or(0),
            _ => a.checked_rem(b).unwrap_or(0),
        }),
        (Single(a), Single(b)) => match op {
            "+" => Single(a + b),
            "-" => Single(a - b),
            "*" => Single(a * b),
            "/" => Single(a / b),
            "//" => Single(floor_divided_single(a, b)),
            "%" => Single(rest_single(a, b)),
            _ => Single(float(floats(op, a.into(), b.into())) as f32),
        },
        (a, b) => floats(op, float(a), float(b)),
    })
}

/// Whole numbers, rounded down as Python's.
fn exactly(op: &str, a: i128, b: i128) -> Option<i128> {
    Some(match op {
        "+" => a + b,
        "-" => a - b,
        "*" => a.checked_mul(b)?,
        "min" => a.min(b),
        "max" => a.max(b),
        "//" => (a - exactly("%", a, b)?) / b,
        "%" => {
            let rest = a.rem_euclid(b);
            if rest != 0 && b < 0 { rest + b } else { rest }
        }
        _ => return None,
    })
}

fn floats(op: &str, a: f64, b: f64) -> Num {
    Double(match op {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        "//" => floor_divided(a, b),
        "%" => rest(a, b),
        "min" | "max" if a.is_nan() || b.is_nan() => f64::NAN,
        "min" => {
            if a < b {
                a
            } else {
                b
            }
        }
        "max" => {
            if a > b {
                a
            } else {
                b
            }
        }
        _ => unreachable!("{op} is none of these"),
    })
}

macro_rules! of_python {
    ($($float:ident: $floor_divided:ident, $rest:ident;)*) => {$(
        /// `float_floor_div` of CPython.
        fn $floor_divided(a: $float, b: $float) -> $float {
            if b == 0.0 {
                return a / b;
            }
            let rest = a % b;
            let is_below = rest != 0.0 && (b < 0.0) != (rest < 0.0);
            let quotient = (a - rest) / b - if is_below { 1.0 } else { 0.0 };
            if quotient == 0.0 {
                return (0.0 as $float).copysign(a / b);
            }
            let floor = quotient.floor();
            if quotient - floor > 0.5 { floor + 1.0 } else { floor }
        }

        /// `float_rem` of CPython.
        fn $rest(a: $float, b: $float) -> $float {
            let rest = a % b;
            if rest == 0.0 {
                (0.0 as $float).copysign(b)
            } else if (b < 0.0) != (rest < 0.0) {
                rest + b
            } else {
                rest
            }
        }
    )*};
}

of_python! {
    f32: floor_divided_single, rest_single;
    f64: floor_divided, rest;
}

fn compared(op: &str, a: Val, b: Val) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let order = match (wide(a.num), wide(b.num)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => match common(a, b) {
            K::Single => (float(a.num) as f32).partial_cmp(&(float(b.num) as f32)),
            _ => float(a.num).partial_cmp(&float(b.num)),
        },
    };
    match op {
        "==" => order == Some(Equal),
        "!=" => order != Some(Equal),
        "<" => order == Some(Less),
        "<=" => matches!(order, Some(Less | Equal)),
        ">" => order == Some(Greater),
        _ => matches!(order, Some(Greater | Equal)),
    }
}

/// A power whose exponent is a whole number written out, from 0 to 4.
fn power(a: Val, b: Val) -> Num {
    let k = bits(b.num);
    match a.num {
        Signed(_) | Unsigned(_) if a.is_written => {
            let n = wide(a.num).unwrap_or(0);
            let exact = n.checked_pow(k as u32);
            match exact.map(|n| (i64::try_from(n), u64::try_from(n))) {
                Some((Ok(n), _)) => Signed(n),
                Some((_, Ok(n))) => Unsigned(n),
                _ => Double((n as f64).powf(k as f64)),
            }
        }
        Truth(b) => Signed(i64::from(b).wrapping_pow(k as u32)),
        Signed(n) => Signed(n.wrapping_pow(k as u32)),
        Unsigned(n) => Unsigned(n.wrapping_pow(k as u32)),
        // A cube is x * (x * x), a fourth power the square of the square.
        Single(x) => Single(match k {
            0 => 1.0,
            1 => x,
            2 => x * x,
            3 => x * (x * x),
            _ => (x * x) * (x * x),
        }),
        Double(x) => Double(match k {
            0 => 1.0,
            1 => x,
            2 => x * x,
            3 => x * (x * x),
            _ => (x * x) * (x * x),
        }),
    }
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        crate::operators::keys::mixed(self.0) % sides
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len() as u64) as usize]
    }

    fn tree(&mut self, depth: u64) -> Tree {
        const WHOLES: [u64; 10] = [
            0,
            1,
            2,
            3,
            7,
            255,
            1 << 53,
            i64::MAX as u64,
            1 << 63,
            u64::MAX,
        ];
        const FLOATS: [f64; 7] = [0.0, 0.5, 1.5, 3.0, 0.1, 1e300, f64::INFINITY];
        if depth == 0 || self.roll(6) == 0 {
            return match self.roll(8) {
                0 => Tree::Place,
                1 | 2 => Tree::Whole(self.pick(&WHOLES)),
                3 => Tree::Float(self.pick(&FLOATS)),
                at => Tree::Input(at as usize % NAMES.len()),
            };
        }
        let sub = |dice: &mut Dice| Box::new(dice.tree(depth - 1));
        const UNARY: [&str; 10] = [
            "-", "-", "!", "isnan", "abs", "sign", "floor", "ceil", "round", "trunc",
        ];
        const BINARY: [&str; 20] = [
            "+", "-", "*", "/", "//", "%", "+", "-", "*", "//", "%", "min", "max", "==", "!=", "<",
            "<=", ">", ">=", "&&",
        ];
        match self.roll(10) {
            0 => Tree::Unary(self.pick(&UNARY), sub(self)),
            1 => Tree::Unary(self.pick(&["sqrt", "-", "!"]), sub(self)),
            2 => Tree::Choice(Box::new([0; 3].map(|_| self.tree(depth - 1)))),
            3 => {
                let exponent = Box::new(Tree::Whole(self.roll(5)));
                Tree::Binary("^", sub(self), exponent)
            }
            4 => Tree::Binary("||", sub(self), sub(self)),
            _ => Tree::Binary(self.pick(&BINARY), sub(self), sub(self)),
        }
    }

    /// A number of this type: an edge of its range, or one that may be met.
    fn number(&mut self, scalar: Scalar) -> u64 {
        const EDGES: [u64; 8] = [0, 1, 2, 3, u64::MAX, 1 << 63, (1 << 63) - 1, u64::MAX - 4];
        const FLOATS: [f64; 10] = [
            0.0,
            -0.0,
            1.0,
            -2.5,
            0.1,
            1e10,
            -7.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ];
        match scalar {
            Scalar::F32 => u64::from((self.pick(&FLOATS) as f32).to_bits()),
            Scalar::F64 => self.pick(&FLOATS).to_bits(),
            _ => match self.roll(3) {
                0 => self.pick(&EDGES),
                1 => self.pick(&EDGES) >> (64 - 8 * scalar.len_bytes()),
                _ => self.roll(40).wrapping_sub(20),
            },
        }
    }
}

/// All but the complex ones, which come last.
const REALS: &[Scalar] = Scalar::ALL.split_at(10).0;

/// What a number of these low bits is read as.
fn read(scalar: Scalar, bits: u64) -> Num {
    match scalar {
        Scalar::U8 => Signed((bits as u8).into()),
        Scalar::I8 => Signed((bits as i8).into()),
        Scalar::U16 => Signed((bits as u16).into()),
        Scalar::I16 => Signed((bits as i16).into()),
        Scalar::U32 => Signed((bits as u32).into()),
        Scalar::I32 => Signed((bits as i32).into()),
        Scalar::U64 => Unsigned(bits),
        Scalar::I64 => Signed(bits as i64),
        Scalar::F32 => Single(f32::from_bits(bits as u32)),
        _ => Double(f64::from_bits(bits)),
    }
}

/// The bytes of a result as an item of this type: integers keep their low bits, floats are cut towards zero within the
/// range.
fn stored(num: Num, scalar: Scalar) -> Vec<u8> {
    with_number!(scalar, T => {
        let item = match num {
            Truth(b) => T::from_i64(b.into()),
            Signed(n) => T::from_i64(n),
            Unsigned(n) => T::from_u64(n),
            Single(x) => T::from_f64(x.into()),
            Double(x) => T::from_f64(x),
        };
        bytemuck::bytes_of(&item).to_vec()
    })
}

/// Equal bytes, or NaN both.
fn is_same(found: &[u8], expected: &[u8], scalar: Scalar) -> bool {
    let is_nan = |bytes: &[u8]| match scalar {
        Scalar::F32 => bytemuck::pod_read_unaligned::<f32>(bytes).is_nan(),
        Scalar::F64 => bytemuck::pod_read_unaligned::<f64>(bytes).is_nan(),
        _ => false,
    };
    found == expected || is_nan(found) && is_nan(expected)
}

const ITEMS: usize = 40;

fn judge(seed: u64) {
    let mut dice = Dice(seed);
    let depth = 1 + dice.roll(4);
    let tree = dice.tree(depth);
    let text = tree.text();
    let scalars = [0; 3].map(|_| dice.pick(REALS));
    let numbers: Vec<[u64; ITEMS]> = scalars
        .iter()
        .map(|scalar| [0; ITEMS].map(|_| dice.number(*scalar)))
        .collect();
    let about = format!("seed {seed}: {text} of {scalars:?}");
    let infos: Vec<InputInfo> = NAMES
        .iter()
        .zip(scalars)
        .map(|(name, scalar)| InputInfo {
            naming: Default::default(),
            name: (*name).to_owned(),
            item_type: ItemType::Scalar(scalar),
            rate: None,
            unit: None,
        })
        .collect();
    let items = |n: usize| {
        let read = |at: usize| read(scalars[at], numbers[at][n]);
        [read(0), read(1), read(2)]
    };
    let program = match (compile(&text, &infos, None), tree.value(&items(0), 0)) {
        (Ok(program), Ok(_)) => program,
        (Err(_), Err(Refused)) => return,
        (Ok(_), Err(Refused)) => panic!("{about}: taken, and should be refused"),
        (Err(refused), Ok(_)) => panic!("{about}: refused: {refused}"),
    };
    let own = program.item_type().scalar().unwrap();
    let packed: Vec<Vec<u64>> = numbers
        .iter()
        .zip(scalars)
        .map(|(numbers, scalar)| {
            let len = scalar.len_bytes();
            let mut words = vec![0u64; ITEMS];
            let bytes = bytemuck::cast_slice_mut::<u64, u8>(&mut words);
            for (slot, number) in bytes.chunks_exact_mut(len).zip(numbers) {
                slot.copy_from_slice(&number.to_ne_bytes()[..len]);
            }
            words
        })
        .collect();
    let inputs: Vec<Input> = packed
        .iter()
        .zip(scalars)
        .map(|(words, scalar)| {
            let len = scalar.len_bytes();
            // SAFETY: the words hold `ITEMS` items, aligned to 8, outlive the call and are only read.
            unsafe { Input::new(words.as_ptr().cast(), ITEMS, 0, 0, len, true) }
        })
        .collect();
    let mut machine = Machine::new(program);
    for scalar in [own, dice.pick(REALS)] {
        let mut words = vec![0u64; ITEMS];
        let len = scalar.len_bytes();
        let found = &mut bytemuck::cast_slice_mut::<u64, u8>(&mut words)[..ITEMS * len];
        machine.run(&inputs, 0, 0, ITEMS).write(scalar, found);
        for (n, found) in found.chunks_exact(len).enumerate() {
            let Ok(value) = tree.value(&items(n), n as u64) else {
                panic!("{about}: what is refused does not depend on items");
            };
            let expected = stored(value.num, scalar);
            assert!(
                is_same(found, &expected, scalar),
                "{about}: item {n}, {:?}, is {found:?} as {scalar}, and not {expected:?} of {value:?}",
                items(n)
            );
        }
        let is_own_kind = match tree.value(&items(0), 0).map(|value| kind(value.num)) {
            Ok(K::Truth) => own == Scalar::U8,
            Ok(K::Signed) => own == Scalar::I64,
            Ok(K::Unsigned) => own == Scalar::U64,
            Ok(K::Single) => own == Scalar::F32,
            Ok(K::Double) => own == Scalar::F64,
            Err(Refused) => false,
        };
        assert!(is_own_kind, "{about}: gives {own}");
    }
}

#[test]
fn random_expressions_are_what_a_plain_interpreter_says() {
    println!("seed {SEED:#x}");
    for nth in 0..EXPRESSIONS {
        judge(SEED + nth);
    }
}
