//! Functions of a vector that give one number: sums, means, extremes.
//!
//! They are made of few operations: `std` is the root of a mean of squares of differences to a mean.

use super::build::{Builder, Built, Real, Value, is_whole, takes_no_complex};
use super::code::{Binary, Kind, Op, Reduce, Unary};
use super::lex::Refusal;

impl Builder<'_> {
    /// The value of a function of one vector; `None` where the function is none of these, or one of several numbers
    /// as well and this is no vector.
    pub fn reduced(&mut self, name: &str, vector: Value) -> Option<Built<Value>> {
        if !is_reduction(name) {
            return None;
        }
        let Some(width) = self.width(vector) else {
            return match name {
                "min" | "max" => None,
                _ => Some(Err(takes_a_vector(name))),
            };
        };
        Some(match (name, vector) {
            ("len", _) => Ok(Value::int(width as i128)),
            (_, Value::Real(x)) => Ok(Value::Real(self.reduced_real(name, x, width))),
            ("sum" | "mean" | "first" | "last", Value::Complex(re, im)) => Ok(Value::Complex(
                self.reduced_real(name, re, width),
                self.reduced_real(name, im, width),
            )),
            _ => Err(takes_no_complex(name)),
        })
    }

    fn reduced_real(&mut self, name: &str, x: Real, width: usize) -> Real {
        let kind = self.number_kind(x);
        match name {
            "first" => self.reduce(Reduce::At(0), kind, x, width),
            "last" => self.reduce(Reduce::At(width - 1), kind, x, width),
            "min" => self.reduce(Reduce::Min, kind, x, width),
            "max" => self.reduce(Reduce::Max, kind, x, width),
            "argmin" => self.reduce(Reduce::ArgMin, kind, x, width),
            "argmax" => self.reduce(Reduce::ArgMax, kind, x, width),
            "ptp" => {
                let high = self.reduce(Reduce::Max, kind, x, width);
                let low = self.reduce(Reduce::Min, kind, x, width);
                self.arithmetic(Binary::Sub, high, low)
            }
            "any" | "all" => {
                let truth = self.arithmetic(Binary::Ne, x, Real::Int(0));
                let op = if name == "any" {
                    Reduce::Max
                } else {
                    Reduce::Min
                };
                let one = self.reduce(op, Kind::I64, truth, width);
                self.arithmetic(Binary::Ne, one, Real::Int(0))
            }
            "sum" if is_whole(kind) => self.reduce(Reduce::Sum, kind, x, width),
            "prod" if is_whole(kind) => self.reduce(Reduce::Product, kind, x, width),
            _ => {
                let value = self.moment(name, x, width);
                match kind {
                    Kind::F32 => self.cast(value, Kind::F32),
                    _ => value,
                }
            }
        }
    }

    /// What is computed in f64 whatever is given.
    fn moment(&mut self, name: &str, x: Real, width: usize) -> Real {
        let x = self.cast(x, Kind::F64);
        match name {
            "sum" => self.reduce(Reduce::Sum, Kind::F64, x, width),
            "prod" => self.reduce(Reduce::Product, Kind::F64, x, width),
            "median" => self.reduce(Reduce::Median, Kind::F64, x, width),
            "rms" => {
                let squares = self.mean_square(x, width);
                self.unary(Unary::Sqrt, Kind::F64, squares)
            }
            "var" | "std" => {
                let mean = self.mean(x, width);
                let apart = self.arithmetic(Binary::Sub, x, mean);
                let var = self.mean_square(apart, width);
                match name {
                    "std" => self.unary(Unary::Sqrt, Kind::F64, var),
                    _ => var,
                }
            }
            _ => self.mean(x, width),
        }
    }

    fn mean(&mut self, x: Real, width: usize) -> Real {
        let sum = self.reduce(Reduce::Sum, Kind::F64, x, width);
        self.arithmetic(Binary::Div, sum, Real::Float(width as f64))
    }

    fn mean_square(&mut self, x: Real, width: usize) -> Real {
        let squares = self.arithmetic(Binary::Mul, x, x);
        self.mean(squares, width)
    }

    fn reduce(&mut self, op: Reduce, kind: Kind, x: Real, width: usize) -> Real {
        let a = self.operand(x, kind);
        self.emit(Op::Reduce { op, kind, a, width }, op.gives(kind))
    }
}

fn is_reduction(name: &str) -> bool {
    matches!(
        name,
        "all"
            | "any"
            | "argmax"
            | "argmin"
            | "first"
            | "last"
            | "len"
            | "max"
            | "mean"
            | "median"
            | "min"
            | "prod"
            | "ptp"
            | "rms"
            | "std"
            | "sum"
            | "var"
    )
}

fn takes_a_vector(name: &str) -> Refusal {
    Refusal::from(format!("`{name}` takes a vector, and this is one number"))
        .with_help("`blocks` makes vectors of so many items, `zip` of so many streams")
}
