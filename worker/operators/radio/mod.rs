//! Radio: what turns a stream of complex samples into sound or symbols, and back, under GNU Radio's meanings.
//!
//! Each operator takes `f32` or `f64`, or the complex numbers made of them, computes in that precision where
//! items are independent and in `f64` where a loop feeds back, and gives the same precision. `OneToOne` is
//! the agent of all that give one item for each item.

use std::marker::PhantomData;

use bytemuck::Pod;
use num_complex::Complex;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, StateSpec, Status};
use crate::op::{Args, OpError};
use crate::operators::iir::RATE;
use crate::types::{Item, ItemType, Scalar};

pub mod access_code;
pub mod agc;
pub mod bits;
pub mod channelizer;
pub mod clock;
pub mod costas;
pub mod demod;
pub mod emphasis;
pub mod gardner;
pub mod modulate;
pub mod pll;
pub mod shift;
pub mod slice;
pub mod squelch;

mod angle;

/// What an operator's input is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Precision {
    Single,
    Double,
}

/// The precision of a complex input; refused unless its items are complex numbers.
fn complex(args: &Args) -> Result<Precision, OpError> {
    let input = args.input();
    match input.item_type {
        ItemType::Scalar(Scalar::Cf32) => Ok(Precision::Single),
        ItemType::Scalar(Scalar::Cf64) => Ok(Precision::Double),
        _ => Err(
            OpError::input_type(args.op().name, input, "complex numbers, cf32 or cf64")
                .or_help("`map expr=\"complex(x[0], x[1])\"` makes them of vectors of two, `complex(x, 0)` of numbers"),
        ),
    }
}

/// The precision of a real input; refused unless its items are floating-point numbers.
fn real(args: &Args) -> Result<Precision, OpError> {
    let input = args.input();
    match input.item_type {
        ItemType::F32 => Ok(Precision::Single),
        ItemType::F64 => Ok(Precision::Double),
        _ => Err(
            OpError::input_type(args.op().name, input, "numbers, f32 or f64")
                .or_help("`map expr=\"x\" dtype=\"f32\"` converts whole numbers, `re(x)` is the real part of a complex one"),
        ),
    }
}

/// A number, real or complex: what has a level.
trait Sample: Item {
    fn magnitude(self) -> f64;
    fn power(self) -> f64;
    fn scaled(self, factor: f64) -> Self;
}

macro_rules! samples {
    ($($real:ty),*) => {$(
        impl Sample for $real {
            #[inline(always)]
            fn magnitude(self) -> f64 {
                f64::from(self).abs()
            }

            #[inline(always)]
            fn power(self) -> f64 {
                f64::from(self) * f64::from(self)
            }

            #[inline(always)]
            fn scaled(self, factor: f64) -> $real {
                (f64::from(self) * factor) as $real
            }
        }

        impl Sample for Complex<$real> {
            #[inline(always)]
            fn magnitude(self) -> f64 {
                self.power().sqrt()
            }

            #[inline(always)]
            fn power(self) -> f64 {
                self.re.power() + self.im.power()
            }

            #[inline(always)]
            fn scaled(self, factor: f64) -> Self {
                Complex::new(self.re.scaled(factor), self.im.scaled(factor))
            }
        }
    )*};
}

samples! { f32, f64 }

/// Runs `$body` with `$X` as the type of the input's items; refused unless they are floating-point or complex numbers.
macro_rules! with_sample {
    ($args:expr, $X:ident => $body:expr) => {
        match $args.input().item_type.scalar() {
            Some($crate::types::Scalar::F32) => {
                type $X = f32;
                Ok($body)
            }
            Some($crate::types::Scalar::F64) => {
                type $X = f64;
                Ok($body)
            }
            Some($crate::types::Scalar::Cf32) => {
                type $X = num_complex::Complex<f32>;
                Ok($body)
            }
            Some($crate::types::Scalar::Cf64) => {
                type $X = num_complex::Complex<f64>;
                Ok($body)
            }
            _ => Err($crate::op::OpError::input_type(
                $args.op().name,
                $args.input(),
                "floating-point or complex numbers, f32, f64, cf32 or cf64",
            )),
        }
    };
}

use with_sample;

/// An agent that gives one `Y` for each `X`: `run` gets its state, the place in the stream of the first item,
/// the items and as much room. It must do with each item the same whichever call it comes in.
fn one_to_one<X: Item, Y: Item, S: Pod>(
    args: &Args,
    state: S,
    mut run: impl FnMut(&mut S, u64, &[X], &mut [Y]) + 'static,
) -> Blueprint {
    live_one_to_one(args, state, move |state, _, first, x, y| {
        run(state, first, x, y);
    })
}

/// As [`one_to_one`], for an agent with dials: `run` gets their values too. The caller adds them.
fn live_one_to_one<X: Item, Y: Item, S: Pod>(
    args: &Args,
    state: S,
    run: impl FnMut(&mut S, &[f64], u64, &[X], &mut [Y]) + 'static,
) -> Blueprint {
    let agent = OneToOne {
        run,
        _items: PhantomData,
    };
    Blueprint::new(agent)
        .input(InPort::new(X::item_type()))
        .output(OutPort::new(Y::item_type(), args.input().rate))
        .state(StateSpec::of(state))
}

struct OneToOne<X, Y, S, F> {
    run: F,
    _items: PhantomData<(X, Y, S)>,
}

impl<X, Y, S, F> Agent for OneToOne<X, Y, S, F>
where
    X: Item,
    Y: Item,
    S: Pod,
    F: FnMut(&mut S, &[f64], u64, &[X], &mut [Y]),
{
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = input.len().min(output.space());
        let (items, room) = (&input.items::<X>()[..n], &mut output.room::<Y>()[..n]);
        let state = io.state.get::<S>();
        (self.run)(state, io.dials, input.position(), items, room);
        input.consume(n);
        output.produce(n);
        Ok(Status::Ready)
    }
}

/// Runs a loop over independent items with the widest vectors that change no bit: no operation is fused.
#[inline(always)]
fn widest(run: impl FnOnce()) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has what the function is compiled for: just asked.
        return unsafe { with_avx2(run) };
    }
    run();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2(run: impl FnOnce()) {
    run();
}
