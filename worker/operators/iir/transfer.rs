//! `lfilter`, and sections that begin elsewhere than at rest: given coefficients, in the order of additions that SciPy has.
//!
//! Direct form II transposed: what a filter remembers is a number for each order, for every element of an item, and
//! the order of additions is that of `scipy.signal.lfilter`, so that filters near the limit of f64 err as they do there.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, StateSpec, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

use super::OUTPUTS;
use super::kernel::{Numbers, Stretches};

/// The row of the table.
pub const LFILTER: OpDef = OpDef {
    name: "lfilter",
    summary: "filter of given numerator and denominator",
    doc: "`scipy.signal.lfilter(b, a, x, zi=zi)`: `a[0] y[n] = b[0] x[n] + b[1] x[n-1] + .. - a[1] y[n-1] - ..`, in direct form II transposed with SciPy's \
order of additions, one item out for each item in. A filter whose poles are not inside the unit circle grows without bound, and one of high order loses digits, as in SciPy: \
`iir` with `sos`, or a design such as `iir.lowpass`, does not. `filtfilt` needs the end of the signal first, so no stream has it. Of an `a` of one number `fir` is faster. \
Types as `iir.lowpass`: f32, f64, cf32 and cf64 keep theirs, integers become f64, vector items are filtered per element, and all is computed in f64.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        ParamDef {
            name: "b",
            kind: ParamKind::Number,
            default: None,
            unit: "",
            doc: "The numerator's coefficients, that of the newest item first, at most 4096.",
        },
        ParamDef {
            name: "a",
            kind: ParamKind::Number,
            default: Some("1"),
            unit: "",
            doc: "The denominator's coefficients, at most 4096; the first is not 0, and all are divided by it.",
        },
        ParamDef {
            name: "zi",
            kind: ParamKind::Number,
            default: Some(""),
            unit: "",
            doc: "What the filter remembers at first, of every element: as many numbers as the longer of `a` and `b` less one, as `scipy.signal.lfilter_zi` and `lfiltic` give them. Default: 0, at rest.",
        },
    ],
    example: "sine freq=440 rate=48000 items=4800 ! lfilter b=[0.1] a=[1, -0.9] ! null",
    deterministic: true,
    build,
};

/// Coefficients at most.
const LEN_MAX: usize = 4096;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let coefficients = |name: &str| {
        let found = args.floats(name).unwrap_or_default();
        match found.len() {
            1..=LEN_MAX => Ok(found),
            len => Err(OpError::param(
                name,
                format!("`{name}` has {len} coefficients, and must have 1 to {LEN_MAX}"),
            )),
        }
    };
    let (b, a) = (coefficients("b")?, coefficients("a")?);
    if a[0] == 0.0 {
        let words = "`a` begins with 0: the newest output's coefficient";
        return Err(OpError::param("a", words).with_help(
            "leave the zeros before the first other coefficient out, of `b` as many too",
        ));
    }
    let transfer = Transfer::new(&b, &a);
    if !transfer.b.iter().chain(&transfer.a).all(|c| c.is_finite()) {
        let words = format!("`a` begins with {}: too small to divide by", a[0]);
        return Err(OpError::param("a", words));
    }
    let zi = first_state(args, transfer.order(), "the longer of `a` and `b` less one")?;
    filter(args, vec![transfer], &zi)
}

/// The parameter `zi` of a filter that remembers so many numbers.
pub(super) fn first_state(args: &Args, len: usize, why: &str) -> Result<Vec<f64>, OpError> {
    match args.floats("zi") {
        None => Ok(vec![0.0; len]),
        Some(zi) if zi.len() == len => Ok(zi),
        Some(zi) => Err(OpError::param(
            "zi",
            format!("`zi` has {} numbers, and must have {len}: {why}", zi.len()),
        )),
    }
}

/// A rational transfer function, whose denominator begins with 1; as many coefficients above as below.
pub(super) struct Transfer {
    b: Vec<f64>,
    a: Vec<f64>,
}

impl Transfer {
    pub(super) fn new(b: &[f64], a: &[f64]) -> Transfer {
        let len = b.len().max(a.len());
        let filled = |of: &[f64]| -> Vec<f64> {
            let divided = of.iter().map(|c| c / a[0]);
            divided.chain(std::iter::repeat(0.0)).take(len).collect()
        };
        Transfer {
            b: filled(b),
            a: filled(a),
        }
    }

    /// Numbers that it remembers of each element.
    fn order(&self) -> usize {
        self.b.len() - 1
    }

    /// Filters every `width`-th of `numbers`.
    fn filter(&self, numbers: &mut [f64], width: usize, state: &mut [f64]) {
        let (b, a, order) = (&self.b[..], &self.a[..], self.order());
        let Some(last) = order.checked_sub(1) else {
            numbers.iter_mut().step_by(width).for_each(|x| *x *= b[0]);
            return;
        };
        let state = &mut state[..order];
        for number in numbers.iter_mut().step_by(width) {
            let x = *number;
            let y = state[0] + b[0] * x;
            for n in 0..last {
                state[n] = state[n + 1] + x * b[n + 1] - y * a[n + 1];
            }
            state[last] = x * b[order] - y * a[order];
            *number = y;
        }
    }
}

/// An agent that filters its input by one after the other; `zi` is what they remember at first, in turn, of every real element
/// and of real parts.
pub(super) fn filter(
    args: &Args,
    cascade: Vec<Transfer>,
    zi: &[f64],
) -> Result<Blueprint, OpError> {
    let numbers = Numbers::of(args)?;
    let parts = if numbers.takes.is_complex() { 2 } else { 1 };
    let begins = |number: usize| match number % parts {
        0 => zi.to_vec(),
        _ => vec![0.0; zi.len()],
    };
    let init: Vec<f64> = (0..numbers.width).flat_map(begins).collect();
    let agent = Given {
        cascade,
        stretches: Stretches::of(numbers),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(args.input().item_type.clone()))
        .output(numbers.out_port(args))
        .state(StateSpec::slice(&init)))
}

/// State: what the filters remember, of one element after the other.
struct Given {
    cascade: Vec<Transfer>,
    stretches: Stretches,
}

impl Agent for Given {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let state = io.state.slice::<f64>();
        let (cascade, width) = (&self.cascade, self.stretches.numbers.width);
        let filter = |numbers: &mut [f64], state: &mut [f64]| {
            let len = state.len() / width;
            for element in 0..width {
                let mut rest = &mut state[element * len..(element + 1) * len];
                for transfer in cascade {
                    let (own, others) = rest.split_at_mut(transfer.order());
                    transfer.filter(&mut numbers[element..], width, own);
                    rest = others;
                }
            }
        };
        self.stretches.run(input, output, state, filter);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn the_response_to_one_1_is_that_of_the_recurrence() {
        let params = [
            ("b", Value::from(vec![2.0, 0.0, 4.0])),
            ("a", vec![2.0, -1.0].into()),
        ];
        let x = given("i16", &[1i16, 0, 0, 0]);
        let y: Vec<f64> = output("lfilter", &[x], &params, None);
        assert_eq!(y, [1.0, 0.5, 2.25, 1.125]);
        let x = given("f64", &[3.0, 5.0]);
        let y: Vec<f64> = output("lfilter", &[x], &[("b", Value::Float(0.5))], None);
        assert_eq!(y, [1.5, 2.5]);
    }

    #[test]
    fn what_it_remembers_at_first_is_of_each_element_and_of_real_parts() {
        let params = [
            ("b", Value::from(vec![1.0])),
            ("a", vec![1.0, -0.5].into()),
            ("zi", vec![8.0].into()),
        ];
        let y: Vec<[f64; 2]> = output(
            "lfilter",
            &[given("f64[2]", &[[0.0, 1.0], [0.0, 0.0]])],
            &params,
            None,
        );
        assert_eq!(y, [[8.0, 9.0], [4.0, 4.5]]);
        let y: Vec<[f64; 2]> = output(
            "lfilter",
            &[given("cf64", &[[0.0, 1.0], [0.0, 0.0]])],
            &params,
            None,
        );
        assert_eq!(y, [[8.0, 1.0], [4.0, 0.5]]);
    }

    #[test]
    fn what_is_no_filter_is_refused_by_its_parameter() {
        let list = |of: &[f64]| Value::from(of.to_vec());
        let one = list(&[1.0]);
        let cases = [
            (vec![("b", list(&[]))], "b"),
            (vec![("b", one.clone()), ("a", list(&[0.0, 1.0]))], "a"),
            (vec![("b", one.clone()), ("a", list(&[1e-320]))], "a"),
            (vec![("b", one.clone()), ("zi", one.clone())], "zi"),
        ];
        for (params, expected) in cases {
            let refused = build("lfilter", &[given::<f64>("f64", &[])], &params, None);
            assert_eq!(refused.unwrap_err().param.as_deref(), Some(expected));
        }
    }
}
