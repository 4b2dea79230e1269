//! What a peak must be to be given, as `scipy.signal.find_peaks` has it: pairs of bounds, and the surroundings.

use bytemuck::cast_slice;

use crate::agent::Input;
use crate::op::{Args, OpError, Value, seconds};
use crate::types::Scalar;

/// Least and most, both allowed.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    least: f64,
    most: f64,
}

impl Bounds {
    /// The bounds that a parameter gives: one number is the least, a list of two both.
    pub(super) fn of(args: &Args, name: &str) -> Result<Option<Bounds>, OpError> {
        let Some(value) = args.value(name) else {
            return Ok(None);
        };
        let listed = match value {
            Value::List(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        let bound = |value: &Value| bound(args, name, value);
        let bounds = match listed {
            [least] => Bounds {
                least: bound(least)?,
                most: f64::INFINITY,
            },
            [least, most] => Bounds {
                least: bound(least)?,
                most: bound(most)?,
            },
            _ => {
                let words = format!("`{name}` has {} bounds", listed.len());
                let help = "give the least, or both: [LEAST, MOST]; -inf or inf for none";
                return Err(OpError::param(name, words).with_help(help));
            }
        };
        match bounds.least <= bounds.most {
            true => Ok(Some(bounds)),
            false => Err(OpError::param(
                name,
                format!(
                    "`{name}` is {} to {}: nothing is between them",
                    bounds.least, bounds.most
                ),
            )),
        }
    }

    pub(super) fn has(self, x: f64) -> bool {
        self.least <= x && x <= self.most
    }

    /// True if the smaller one is not below the least, and the larger one not above the most.
    pub(super) fn has_both(self, a: f64, b: f64) -> bool {
        self.has(a) && self.has(b)
    }
}

/// A bound as a number: a duration is as many items.
fn bound(args: &Args, name: &str, value: &Value) -> Result<f64, OpError> {
    let number = match value {
        Value::Int(n) => Some(*n as f64),
        Value::Float(x) => Some(*x),
        Value::Text(text) => match (Value::spelled(text), seconds(text), args.input().rate) {
            (Some(spelled), ..) => return bound(args, name, &spelled),
            (None, Some(seconds), Some(rate)) => Some(seconds * rate),
            (None, Some(_), None) => {
                let words = format!("`{name}` is a duration, and the stream's rate is not known");
                return Err(OpError::param(name, words).with_help("give items"));
            }
            _ => None,
        },
        _ => None,
    };
    number.filter(|x| !x.is_nan()).ok_or_else(|| {
        let words = format!("`{name}` is {}, and should be a number", value.describe());
        OpError::param(name, words)
    })
}

/// How a peak stands out from what is around it.
#[derive(Clone, Copy)]
pub(super) struct Measured {
    pub(super) prominence: f64,
    pub(super) width: f64,
}

impl Measured {
    /// A peak whose surroundings are as high as itself.
    pub(super) const FLAT: Measured = Measured {
        prominence: 0.0,
        width: 0.0,
    };
}

/// The items that can be seen, by position.
pub(super) struct Around<'a> {
    bytes: &'a [u8],
    scalar: Scalar,
    item_len: usize,
    first: u64,
}

impl<'a> Around<'a> {
    pub(super) fn new(input: &'a Input, scalar: Scalar) -> Around<'a> {
        let (bytes, past_bytes) = input.past_elements::<u8>();
        let item_len = input.item_len();
        Around {
            bytes,
            scalar,
            item_len,
            first: input.position() - (past_bytes / item_len) as u64,
        }
    }

    /// The item at this position, which can be seen.
    fn at(&self, position: u64) -> f64 {
        let start = (position - self.first) as usize * self.item_len;
        let item = &self.bytes[start..start + self.item_len];
        match self.scalar {
            Scalar::F64 => cast_slice::<_, f64>(item)[0],
            Scalar::F32 => f64::from(cast_slice::<_, f32>(item)[0]),
            Scalar::U8 => f64::from(item[0]),
            Scalar::I8 => f64::from(item[0] as i8),
            Scalar::U16 => f64::from(cast_slice::<_, u16>(item)[0]),
            Scalar::I16 => f64::from(cast_slice::<_, i16>(item)[0]),
            Scalar::U32 => f64::from(cast_slice::<_, u32>(item)[0]),
            Scalar::I32 => f64::from(cast_slice::<_, i32>(item)[0]),
            Scalar::U64 => cast_slice::<_, u64>(item)[0] as f64,
            Scalar::I64 => cast_slice::<_, i64>(item)[0] as f64,
            complex => unreachable!("{complex} is refused where the agent is built"),
        }
    }

    /// Prominence and width of the peak at `place`, from the items `first ..= last`, as `scipy.signal.peak_prominences` and
    /// `peak_widths` have them.
    pub(super) fn measure(&self, place: u64, first: u64, last: u64, rel_height: f64) -> Measured {
        let top = self.at(place);
        let (left, left_base) = self.base(top, (first..=place).rev());
        let (right, right_base) = self.base(top, place..=last);
        let prominence = top - left.max(right);
        let height = top - prominence * rel_height;
        let at_left = self.crossing(height, (left_base..=place).rev());
        let at_right = self.crossing(height, place..=right_base);
        let (from, up_from) = at_left;
        let (to, up_to) = at_right;
        // Of places in the stream, as SciPy: of whole numbers many a width lies on a bound, but for the last bit.
        Measured {
            prominence,
            width: (to as f64 - up_to) - (from as f64 + up_from),
        }
    }

    /// The lowest item on a way away from the peak, as far as none is higher than its top, and where it is first.
    fn base(&self, top: f64, way: impl Iterator<Item = u64>) -> (f64, u64) {
        let mut way = way.peekable();
        let place = *way.peek().expect("the peak itself");
        let mut lowest = (top, place);
        for at in way {
            let x = self.at(at);
            if x.is_nan() || x > top {
                break;
            }
            if x < lowest.0 {
                lowest = (x, at);
            }
        }
        lowest
    }

    /// Where a way down from the peak comes to `height`: the item there, and how far before it that is.
    fn crossing(&self, height: f64, way: impl Iterator<Item = u64>) -> (u64, f64) {
        let mut before = (0, f64::NAN);
        for at in way {
            let x = self.at(at);
            if height >= x || height.is_nan() {
                let over = match x < height {
                    true => (height - x) / (before.1 - x),
                    false => 0.0,
                };
                return (at, over);
            }
            before = (at, x);
        }
        (before.0, 0.0)
    }
}
