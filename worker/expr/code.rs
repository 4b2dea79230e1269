//! A compiled expression: operations in order, without branches, and where their results lie.

use crate::types::{ItemType, Scalar};

/// What the lanes of a value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Truth values, a byte each: 0 or 1.
    Bool,
    I64,
    /// What has been read from `u64`, and what is computed of that and of numbers without a sign.
    U64,
    F32,
    F64,
}

/// An operand: a number for all lanes (its bits, in the kind that the operation works on), or a node: what
/// an earlier operation gave. A finished program has nodes only: its literals follow its operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Operand {
    Literal(u64),
    Node(usize),
}

/// One operation over all lanes of a block. `kind` is that of the operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Op {
    /// The numbers of an input: all, or one element of each item. `part` 1 is the imaginary part.
    Load {
        input: usize,
        element: Option<usize>,
        part: usize,
    },
    /// The times of an input of timed items.
    Seconds {
        input: usize,
    },
    /// The item's place in the stream.
    Position,
    /// The value of a dial.
    Live {
        dial: usize,
    },
    Cast {
        from: Kind,
        to: Kind,
        a: Operand,
    },
    Unary {
        op: Unary,
        kind: Kind,
        a: Operand,
    },
    Binary {
        op: Binary,
        kind: Kind,
        a: Operand,
        b: Operand,
    },
    /// Two operations, of which the second takes what the first gave: that never leaves the processor.
    Pair {
        ops: Pair,
        kind: Kind,
        a: Operand,
        b: Operand,
        c: Operand,
    },
    Select {
        kind: Kind,
        condition: Operand,
        a: Operand,
        b: Operand,
    },
    /// The elements of each item of `a`, of which it has `width`, as one number.
    Reduce {
        op: Reduce,
        kind: Kind,
        a: Operand,
        width: usize,
    },
    /// So many of the elements of each item of `a`, of which it has `width`: from `first` on, every `step`-th.
    Slice {
        kind: Kind,
        a: Operand,
        width: usize,
        slice: Slice,
    },
    /// The one number of each item of `a` as each of `width` elements.
    Spread {
        kind: Kind,
        a: Operand,
        width: usize,
    },
}

/// Some elements of a vector, in their order or backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Slice {
    pub first: usize,
    pub step: isize,
    pub count: usize,
}

/// `(a first b) then c`, or `c then (a first b)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    pub first: Binary,
    pub then: Binary,
    pub is_last_in_front: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Unary {
    Neg,
    Not,
    Abs,
    Sign,
    Floor,
    Ceil,
    Round,
    Trunc,
    Sqrt,
    Exp,
    Ln,
    Log10,
    Log2,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
    Min,
    Max,
    Atan2,
    Hypot,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    And,
    Or,
    BitAnd,
    BitOr,
    BitXor,
    Shl,
    Shr,
    /// Of whole numbers: the multiple of the second that is nearest, the even one of two. The second counts as one without
    /// a sign.
    RoundTo,
}

/// What a vector becomes. `ArgMin` and `ArgMax` give whole numbers, the others what they are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reduce {
    Sum,
    Product,
    Min,
    Max,
    /// Of `F64` only.
    Median,
    ArgMin,
    ArgMax,
    /// One of the elements.
    At(usize),
}

impl Reduce {
    /// The kind of the result where the elements are of `kind`.
    pub fn gives(self, kind: Kind) -> Kind {
        match self {
            Reduce::ArgMin | Reduce::ArgMax => Kind::I64,
            _ => kind,
        }
    }
}

impl Binary {
    /// True where the result is a truth value, whatever the operands are.
    pub fn is_comparison(self) -> bool {
        use Binary::{Eq, Ge, Gt, Le, Lt, Ne};
        matches!(self, Eq | Ne | Lt | Le | Gt | Ge)
    }

    /// The operation that gives the same with its operands exchanged, where there is one.
    pub fn exchanged(self) -> Option<Binary> {
        use Binary::{Add, Eq, Ge, Gt, Le, Lt, Mul, Ne};
        Some(match self {
            Add | Mul | Eq | Ne => self,
            Lt => Gt,
            Le => Ge,
            Gt => Lt,
            Ge => Le,
            _ => return None,
        })
    }
}

impl Op {
    /// The same operation on other operands: `f` gets each of them and the kind it is used in.
    pub fn map_operands(self, mut f: impl FnMut(Operand, Kind) -> Operand) -> Op {
        match self {
            Op::Load { .. } | Op::Seconds { .. } | Op::Position | Op::Live { .. } => self,
            Op::Cast { from, to, a } => Op::Cast {
                from,
                to,
                a: f(a, from),
            },
            Op::Unary { op, kind, a } => Op::Unary {
                op,
                kind,
                a: f(a, kind),
            },
            Op::Binary { op, kind, a, b } => Op::Binary {
                op,
                kind,
                a: f(a, kind),
                b: f(b, kind),
            },
            Op::Pair { ops, kind, a, b, c } => Op::Pair {
                ops,
                kind,
                a: f(a, kind),
                b: f(b, kind),
                c: f(c, kind),
            },
            Op::Select {
                kind,
                condition,
                a,
                b,
            } => Op::Select {
                kind,
                condition: f(condition, Kind::Bool),
                a: f(a, kind),
                b: f(b, kind),
            },
            Op::Reduce { op, kind, a, width } => Op::Reduce {
                op,
                kind,
                a: f(a, kind),
                width,
            },
            Op::Slice {
                kind,
                a,
                width,
                slice,
            } => Op::Slice {
                kind,
                a: f(a, kind),
                width,
                slice,
            },
            Op::Spread { kind, a, width } => Op::Spread {
                kind,
                a: f(a, kind),
                width,
            },
        }
    }

    pub fn operands(self) -> impl Iterator<Item = Operand> {
        let all = match self {
            Op::Load { .. } | Op::Seconds { .. } | Op::Position | Op::Live { .. } => [None; 3],
            Op::Cast { a, .. }
            | Op::Unary { a, .. }
            | Op::Reduce { a, .. }
            | Op::Slice { a, .. }
            | Op::Spread { a, .. } => [Some(a), None, None],
            Op::Binary { a, b, .. } => [Some(a), Some(b), None],
            Op::Pair { a, b, c, .. } => [Some(a), Some(b), Some(c)],
            Op::Select {
                condition, a, b, ..
            } => [Some(condition), Some(a), Some(b)],
        };
        all.into_iter().flatten()
    }
}

/// Where the result of a node lies during a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    /// No operation needs it.
    Nowhere,
    Register(usize),
    /// The input's own items, in place.
    Input(usize),
}

/// One input of a program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Port {
    pub scalar: Scalar,
    /// Numbers in an item.
    pub width: usize,
    /// Those of them that lie before the first that counts.
    pub skip: usize,
    pub item_len: usize,
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) ops: Vec<Op>,
    /// The lanes that an item takes in what each operation gives.
    pub(super) widths: Vec<usize>,
    /// Numbers for all lanes, written once: the nodes after those of the operations.
    pub(super) literals: Vec<(u64, Kind)>,
    /// Of every node.
    pub(super) places: Vec<Place>,
    pub(super) ports: Vec<Port>,
    pub(super) kind: Kind,
    /// The result, or its real and imaginary parts.
    pub(super) results: Vec<Operand>,
    /// The operation that gives the result, where one does, as a number and not a part of one.
    pub(super) last: Option<usize>,
    /// Elements of a result item; `None` where it is one number.
    pub(super) wide: Option<usize>,
    pub(super) registers: usize,
}

impl Program {
    /// The type that the result has by itself: truth values are `u8`.
    pub fn item_type(&self) -> ItemType {
        match self.wide {
            Some(width) => ItemType::Vector(self.scalar(), width as u32),
            None => ItemType::Scalar(self.scalar()),
        }
    }

    /// The scalar of that type.
    pub(super) fn scalar(&self) -> Scalar {
        match (self.kind, self.is_complex()) {
            (Kind::Bool, _) => Scalar::U8,
            (Kind::I64, false) => Scalar::I64,
            (Kind::U64, false) => Scalar::U64,
            (Kind::F32, false) => Scalar::F32,
            (Kind::F64, false) => Scalar::F64,
            (Kind::F32, true) => Scalar::Cf32,
            (_, true) => Scalar::Cf64,
        }
    }

    /// True of a number written out, which takes the type of what it meets.
    pub(crate) fn is_literal(&self) -> bool {
        self.kind != Kind::Bool && self.ops.is_empty()
    }

    /// True of a whole number written without a minus.
    pub(crate) fn is_count(&self) -> bool {
        match (self.kind, &self.literals[..]) {
            (Kind::U64, [_]) => self.is_literal(),
            (Kind::I64, [(bits, _)]) => self.is_literal() && *bits as i64 >= 0,
            _ => false,
        }
    }

    /// The most lanes that an item takes anywhere.
    pub(super) fn widest(&self) -> usize {
        self.widths.iter().copied().max().unwrap_or(1)
    }

    /// True where lanes of the result are numbers of this scalar, bit by bit.
    pub(super) fn is_stored_as(&self, scalar: Scalar) -> bool {
        let is_whole = matches!(self.kind, Kind::I64 | Kind::U64);
        scalar == self.scalar() || (is_whole && matches!(scalar, Scalar::I64 | Scalar::U64))
    }

    /// True where the result has an imaginary part.
    pub fn is_complex(&self) -> bool {
        self.results.len() == 2
    }
}
