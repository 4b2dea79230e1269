//! How typed operators are written down: what the tables of this folder's files become.
//!
//! A table has `struct`s, each the parameters that some operators share, and the functions that make
//! them, one for each operator or for each thing that an operator can give:
//!
//! ```text
//! struct Shared { a parameter: its type, another = "its word in graph files": its type }
//! fn name[generics](required parameters; further inputs) -> Shared<reads, gives> = "op", fixed = "word"; dtype item type
//! ```

use thalweg_worker::types::ItemType;

use super::Op;
use crate::graph::Hosted;
use crate::stream::Stream;

/// A typed operator as the tests compare it with the operators' table.
#[cfg(test)]
pub(super) struct Builder {
    pub op: &'static str,
    /// The parameters that its function and the methods of its type set.
    pub params: Vec<&'static str>,
    /// How many streams its function takes besides the one that it is applied to.
    pub inputs: Inputs,
}

/// What a typed operator reads.
#[cfg(test)]
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Inputs {
    None,
    One,
    More,
}

/// Operators without an input: `by` says what their `dtype` is for items `T`.
macro_rules! sources {
    ($(
        struct $name:ident by $dtype:ident $params:tt

        $(
            $(#[$what:meta])*
            fn $function:ident($($required:ident: $type:ty),*) -> <$gives:ty> = $op:literal;
        )+
    )*) => {
        $(
            #[doc = concat!($("Made by [`", stringify!($function), "()`].\n\n"),+)]
            pub struct $name<T> {
                op: $crate::ops::Op,
                gives: std::marker::PhantomData<fn() -> T>,
            }

            $crate::ops::rows::params! { [T] $name<T> $params }

            impl<T> $name<T> {
                /// Gives items of the type `U` instead.
                pub fn dtype<U: $crate::ops::Kind>(self) -> $name<U> {
                    $name { op: self.op, gives: std::marker::PhantomData }
                }

                /// Says what its numbers measure (`V`, `m/s^2`): the key `unit` of graph files.
                pub fn unit(self, unit: impl Into<String>) -> $name<T> {
                    $name { op: self.op.unit(unit), ..self }
                }
            }

            impl<T: $crate::ops::Kind> $crate::ops::Source<T> for $name<T> {
                fn into_work(self) -> $crate::graph::Work {
                    $crate::graph::Work::Op($crate::ops::Op {
                        dtype: $crate::ops::rows::$dtype(T::kind()),
                        ..self.op
                    })
                }
            }

            $(
                $(#[$what])*
                pub fn $function($($required: $type),*) -> $name<$gives> {
                    $name {
                        op: $crate::ops::op($op)$(.set(stringify!($required), $required))*,
                        gives: std::marker::PhantomData,
                    }
                }
            )+
        )*

        #[cfg(test)]
        pub(super) fn sources() -> Vec<$crate::ops::rows::Builder> {
            vec![$($($crate::ops::rows::Builder {
                op: $op,
                params: [&[$(stringify!($required)),*], $name::<()>::PARAMS].concat(),
                inputs: $crate::ops::rows::Inputs::None,
            },)+)*]
        }
    };
}

/// Operators with an input: what they read, and what they give.
macro_rules! operators {
    ($(
        struct $name:ident $params:tt

        $(
            $(#[$what:meta])*
            fn $function:ident[$($generics:tt)*](
                $($required:ident: $type:ty),* $(; $input:ident: $input_type:ty)?
            ) -> <$reads:ty, $gives:ty> = $op:literal
            $(, $fixed:ident = $word:literal)* $(; dtype $dtype:ty)?;
        )+
    )*) => {
        $(
            #[doc = concat!($("Made by [`", stringify!($function), "()`].\n\n"),+)]
            pub struct $name<T, U> {
                op: $crate::ops::Op,
                kinds: std::marker::PhantomData<fn(T) -> U>,
            }

            $crate::ops::rows::params! { [T, U] $name<T, U> $params }

            impl<T, U> $name<T, U> {
                /// Says what its numbers measure (`V`, `m/s^2`): the key `unit` of graph files.
                pub fn unit(self, unit: impl Into<String>) -> $name<T, U> {
                    $name { op: self.op.unit(unit), ..self }
                }
            }

            impl<T: $crate::ops::Kind, U: $crate::ops::Kind> $crate::ops::Operator<T, U> for $name<T, U> {
                fn into_op(self) -> $crate::ops::Op {
                    self.op
                }
            }

            $(
                $(#[$what])*
                pub fn $function<$($generics)*>(
                    $($required: $type,)* $($input: $input_type)?
                ) -> $name<$reads, $gives> {
                    let op = $crate::ops::op($op)
                        $(.set(stringify!($required), $required))*
                        $(.set(stringify!($fixed), $word))*;
                    $(let op = $crate::ops::rows::Joined::join($input, op);)?
                    $(let op = op.dtype::<$dtype>();)?
                    $name { op, kinds: std::marker::PhantomData }
                }
            )+
        )*

        #[cfg(test)]
        pub(super) fn operators() -> Vec<$crate::ops::rows::Builder> {
            vec![$($($crate::ops::rows::Builder {
                op: $op,
                params: [
                    &[$(stringify!($required),)* $(stringify!($fixed),)*],
                    $name::<(), ()>::PARAMS,
                ].concat(),
                inputs: match [$(stringify!($input),)? ""].len() {
                    1 => $crate::ops::rows::Inputs::One,
                    _ => $crate::ops::rows::Inputs::More,
                },
            },)+)*]
        }
    };
}

/// Operators that give nothing.
macro_rules! writers {
    ($(
        struct $name:ident $params:tt

        $(
            $(#[$what:meta])*
            fn $function:ident[$($generics:tt)*]($($required:ident: $type:ty),*) -> <$reads:ty> = $op:literal;
        )+
    )*) => {
        $(
            #[doc = concat!($("Made by [`", stringify!($function), "()`].\n\n"),+)]
            pub struct $name<T> {
                op: $crate::ops::Op,
                reads: std::marker::PhantomData<fn(T)>,
            }

            $crate::ops::rows::params! { [T] $name<T> $params }

            impl<T: $crate::ops::Kind> $crate::ops::Writer<T> for $name<T> {
                fn into_op(self) -> $crate::ops::Op {
                    self.op
                }
            }

            $(
                $(#[$what])*
                pub fn $function<$($generics)*>($($required: $type),*) -> $name<$reads> {
                    $name {
                        op: $crate::ops::op($op)$(.set(stringify!($required), $required))*,
                        reads: std::marker::PhantomData,
                    }
                }
            )+
        )*

        #[cfg(test)]
        pub(super) fn writers() -> Vec<$crate::ops::rows::Builder> {
            vec![$($($crate::ops::rows::Builder {
                op: $op,
                params: [&[$(stringify!($required)),*], $name::<()>::PARAMS].concat(),
                inputs: $crate::ops::rows::Inputs::One,
            },)+)*]
        }
    };
}

/// A method for each parameter that can be left out; `..with` is for operators of any number of inputs.
macro_rules! params {
    ([$($generics:ident),*] $type:ty {
        $($(#[$doc:meta])* $set:ident $(= $word:literal)?: $set_type:ty,)*
        $(.. $also:ident)?
    }) => {
        impl<$($generics),*> $type {
            #[cfg(test)]
            const PARAMS: &'static [&'static str] =
                &[$($crate::ops::rows::word!($set $($word)?)),*];

            $(
                $(#[$doc])*
                pub fn $set(mut self, $set: $set_type) -> Self {
                    self.op = self.op.set($crate::ops::rows::word!($set $($word)?), $set);
                    self
                }
            )*

            $(
                /// A further input, after the stream that the operator is applied to.
                pub fn $also(mut self, input: &dyn $crate::graph::Hosted) -> Self {
                    self.op = self.op.with(input);
                    self
                }
            )?
        }
    };
}

/// A parameter's word in graph files.
macro_rules! word {
    ($set:ident) => {
        stringify!($set)
    };
    ($set:ident $word:literal) => {
        $word
    };
}

pub(super) use {operators, params, sources, word, writers};

/// The operator's `dtype` is the item's type.
pub(super) fn item(kind: ItemType) -> Option<ItemType> {
    Some(kind)
}

/// The operator's `dtype` is that of the numbers an item is made of.
pub(super) fn element(kind: ItemType) -> Option<ItemType> {
    let (scalar, _) = kind.elements()?;
    Some(ItemType::Scalar(scalar))
}

/// The operator takes no `dtype`: what it reads has a type.
pub(super) fn found(_: ItemType) -> Option<ItemType> {
    None
}

/// Streams that an operator reads besides the one it is applied to.
pub(super) trait Joined {
    fn join(self, op: Op) -> Op;
}

impl<T> Joined for &Stream<T> {
    fn join(self, op: Op) -> Op {
        op.with(self)
    }
}

impl<T, const N: usize> Joined for [&Stream<T>; N] {
    fn join(self, op: Op) -> Op {
        self.into_iter().fold(op, |op, input| op.with(input))
    }
}

impl<const N: usize> Joined for [&dyn Hosted; N] {
    fn join(self, op: Op) -> Op {
        self.into_iter().fold(op, |op, input| op.with(input))
    }
}
