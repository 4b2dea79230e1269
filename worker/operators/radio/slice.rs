//! `slice.binary` and `slice.qpsk`: the symbol that each item stands for.

use num_complex::Complex;

use crate::agent::Blueprint;
use crate::op::{Args, Arity, OpDef, OpError};
use crate::types::Item;

use super::{Precision, complex, one_to_one, real, widest};

/// The row of `slice.binary`.
pub const BINARY: OpDef = OpDef {
    name: "slice.binary",
    summary: "one bit of each number: its sign",
    doc: "1 for a number that is 0 or above, 0 for one below (and for a NaN): GNU Radio's `binary_slicer_fb`.",
    inputs: Arity::One,
    outputs: "one stream of u8",
    params: &[],
    example: "noise items=1000 ! slice.binary ! null",
    deterministic: true,
    build: binary,
};

/// The row of `slice.qpsk`.
pub const QPSK: OpDef = OpDef {
    name: "slice.qpsk",
    summary: "two bits of each complex number: its quadrant",
    doc: "1 where the real part is above 0, and 2 more where the imaginary part is: what the decision maker of GNU Radio's \
`constellation_qpsk` gives, whose points are -1-i, 1-i, -1+i and 1+i.",
    inputs: Arity::One,
    outputs: "one stream of u8, 0 to 3",
    params: &[],
    example: "sine freq=100 rate=1000 items=1000 dtype=cf32 ! slice.qpsk ! null",
    deterministic: true,
    build: qpsk,
};

fn binary(args: &Args) -> Result<Blueprint, OpError> {
    Ok(match real(args)? {
        Precision::Single => sliced(args, |x: f32| u8::from(x >= 0.0)),
        Precision::Double => sliced(args, |x: f64| u8::from(x >= 0.0)),
    })
}

fn qpsk(args: &Args) -> Result<Blueprint, OpError> {
    Ok(match complex(args)? {
        Precision::Single => sliced(args, |x: Complex<f32>| {
            u8::from(x.re > 0.0) + 2 * u8::from(x.im > 0.0)
        }),
        Precision::Double => sliced(args, |x: Complex<f64>| {
            u8::from(x.re > 0.0) + 2 * u8::from(x.im > 0.0)
        }),
    })
}

fn sliced<X: Item>(args: &Args, symbol: impl Fn(X) -> u8 + 'static) -> Blueprint {
    one_to_one(args, (), move |(), _, x: &[X], y| {
        widest(|| {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = symbol(x);
            }
        });
    })
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{build, given, output};

    #[test]
    fn a_bit_is_the_sign_and_a_symbol_the_quadrant() {
        let x = given("f64", &[-0.1, 0.0, -0.0, 3.0, f64::NAN]);
        assert_eq!(
            output::<u8>("slice.binary", &[x], &[], None),
            [0, 1, 1, 1, 0]
        );
        let x = given(
            "cf32",
            &[-1f32, -1.0, 1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 0.0, 0.0],
        );
        assert_eq!(output::<u8>("slice.qpsk", &[x], &[], None), [0, 1, 2, 3, 0]);
        for (op, item_type) in [("slice.binary", "cf32"), ("slice.qpsk", "f32")] {
            let refused = build(op, &[given::<u8>(item_type, &[])], &[], None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("in"));
        }
    }
}
