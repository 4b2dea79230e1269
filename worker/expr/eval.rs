//! Runs a compiled expression over blocks of items.

use bytemuck::Pod;
use num_complex::Complex;

use crate::agent::Input;
use crate::operators::numbers::{Number, with_number};
use crate::types::Scalar;

use super::code::{Binary, Kind, Op, Operand, Pair, Place, Port, Program, Reduce, Unary};
use super::lanes::{Arithmetic, Lane, Many, cast, compare, each, logic, room, select};
use super::place::{node_of, placed};
use super::reduce::{middles, reduce, slice_each, spread_each};

/// The lanes of all registers together: they stay in the first-level cache.
const LANES_TOTAL: usize = 2048;

/// The fewest lanes that are worked on at once: choosing an operation costs little beside that.
const LANES_MIN: usize = 512;

/// A program with the registers it runs on.
pub struct Machine {
    program: Program,
    /// Those of one register.
    lanes: usize,
    registers: Vec<Vec<u64>>,
    /// The values of the agent's dials.
    dials: Vec<f64>,
    run_ops: RunOps,
}

type RunOps = fn(&Program, &mut [Vec<u64>], &Block<'_>, Scalar, &mut [u8]);

/// The items that one run is about.
#[derive(Clone, Copy)]
struct Block<'a> {
    inputs: &'a [Input],
    /// Unread items before the first.
    offset: usize,
    /// The place in the stream of the first.
    position: u64,
    items: usize,
    dials: &'a [f64],
}

impl Machine {
    /// A machine for this program.
    pub fn new(program: Program) -> Machine {
        let lanes = (LANES_TOTAL / program.registers.max(1)).max(LANES_MIN);
        let lanes = lanes.max(program.widest());
        let mut registers = vec![vec![0; lanes]; program.registers];
        let places = &program.places[program.ops.len()..];
        for (literal, place) in program.literals.iter().zip(places) {
            if let Place::Register(register) = *place {
                spread(*literal, &mut registers[register]);
            }
        }
        Machine {
            lanes,
            registers,
            program,
            dials: Vec::new(),
            run_ops: run_ops(),
        }
    }

    /// From now on live numbers have the values of these dials: all of the agent's, in their order. Told before the first
    /// run of a program that has any.
    pub fn turn(&mut self, dials: &[f64]) {
        self.dials.clear();
        self.dials.extend_from_slice(dials);
    }

    /// The most items of one run.
    pub fn items_max(&self) -> usize {
        self.lanes / self.program.widest()
    }

    /// Numbers in a result.
    pub fn width(&self) -> usize {
        self.program.wide.unwrap_or(1)
    }

    /// Up to [`Machine::items_max`] items to compute the results of: the unread ones from `offset` on, the
    /// first of which has this place in the stream. They are computed where they are to be written.
    pub fn run<'a>(
        &'a mut self,
        inputs: &'a [Input],
        offset: usize,
        position: u64,
        items: usize,
    ) -> Run<'a> {
        debug_assert!(items <= self.items_max());
        Run {
            machine: self,
            block: Block {
                inputs,
                offset,
                position,
                items,
                dials: &[],
            },
        }
    }
}

/// A run over a block of items.
pub struct Run<'a> {
    machine: &'a mut Machine,
    block: Block<'a>,
}

impl Run<'_> {
    /// Computes the results and writes them as numbers of this scalar, one item after the other.
    ///
    /// Floats become integers by cutting towards zero, within the range; integers keep their low bits. A
    /// complex result goes into a complex scalar only.
    pub fn write(self, scalar: Scalar, to: &mut [u8]) {
        let Machine {
            program,
            registers,
            dials,
            run_ops,
            ..
        } = self.machine;
        let block = Block {
            dials,
            ..self.block
        };
        run_ops(program, registers, &block, scalar, to);
    }

    /// The results as truth values, a byte each. The program is a condition.
    pub fn truths(self, to: &mut [u8]) {
        self.write(Scalar::U8, to);
    }
}

#[inline(always)]
fn write(lanes: Lanes<'_>, scalar: Scalar, to: &mut [u8]) {
    match scalar {
        Scalar::Cf32 => write_complex::<f32>(lanes, bytemuck::cast_slice_mut(to)),
        Scalar::Cf64 => write_complex::<f64>(lanes, bytemuck::cast_slice_mut(to)),
        real => with_number!(real, T => write_real::<T>(lanes, bytemuck::cast_slice_mut(to))),
    }
}

#[inline(always)]
fn write_real<T: Number>(lanes: Lanes<'_>, to: &mut [T]) {
    each_part(lanes, 0, to, |slot, number| *slot = number);
}

#[inline(always)]
fn write_complex<P: Number>(lanes: Lanes<'_>, to: &mut [Complex<P>]) {
    each_part(lanes, 0, to, |slot, re| slot.re = re);
    if lanes.program.is_complex() {
        each_part(lanes, 1, to, |slot, im| slot.im = im);
    } else {
        to.iter_mut().for_each(|slot| slot.im = P::from_i64(0));
    }
}

#[inline(always)]
fn each_part<T: Number, U>(lanes: Lanes<'_>, part: usize, to: &mut [U], put: impl Fn(&mut U, T)) {
    let result = lanes.program.results[part];
    match lanes.program.kind {
        Kind::Bool => put_each(to, lanes.get::<u8>(result), |x| T::from_i64(x.into()), put),
        Kind::I64 => put_each(to, lanes.get::<i64>(result), T::from_i64, put),
        Kind::U64 => put_each(to, lanes.get::<u64>(result), T::from_u64, put),
        Kind::F32 => put_each(to, lanes.get::<f32>(result), |x| T::from_f64(x.into()), put),
        Kind::F64 => put_each(to, lanes.get::<f64>(result), T::from_f64, put),
    }
}

#[inline(always)]
fn put_each<S: Copy, T, U>(
    to: &mut [U],
    from: &[S],
    convert: impl Fn(S) -> T,
    put: impl Fn(&mut U, T),
) {
    for (slot, lane) in to.iter_mut().zip(from) {
        put(slot, convert(*lane));
    }
}

/// Where operands are found during a run.
#[derive(Clone, Copy)]
struct Lanes<'a> {
    program: &'a Program,
    registers: &'a [Vec<u64>],
    block: Block<'a>,
    /// Lanes of an item.
    width: usize,
}

impl<'a> Lanes<'a> {
    #[inline(always)]
    fn get<T: Lane>(self, operand: Operand) -> &'a [T] {
        match self.program.places[node_of(operand)] {
            Place::Register(register) => {
                &bytemuck::cast_slice(&self.registers[register])[..self.count()]
            }
            Place::Input(input) => &self.numbers::<T>(input)[..self.count()],
            Place::Nowhere => unreachable!("what is read has a place"),
        }
    }

    #[inline(always)]
    fn many<T: Lane>(self, operand: Operand) -> Many<'a, T> {
        let literal = node_of(operand).checked_sub(self.program.ops.len());
        Many {
            lanes: self.get(operand),
            literal: literal.map(|n| T::of_bits(self.program.literals[n].0)),
        }
    }

    /// Lanes of this block.
    #[inline(always)]
    fn count(self) -> usize {
        self.block.items * self.width
    }

    /// The block's numbers of an input.
    #[inline(always)]
    fn numbers<T: Pod>(self, input: usize) -> &'a [T] {
        let len = self.program.ports[input].item_len;
        let bytes = self.block.inputs[input].bytes();
        let first = self.block.offset * len;
        bytemuck::cast_slice(&bytes[first..first + self.block.items * len])
    }
}

/// The operations' loops, compiled for what this processor has.
fn run_ops() -> RunOps {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return |program, registers, block, scalar, results| {
            // SAFETY: the processor has AVX2, as was asked just before this was chosen.
            unsafe { run_ops_avx2(program, registers, block, scalar, results) }
        };
    }
    run_ops_inline
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_ops_avx2(
    program: &Program,
    registers: &mut [Vec<u64>],
    block: &Block<'_>,
    scalar: Scalar,
    results: &mut [u8],
) {
    run_ops_inline(program, registers, block, scalar, results);
}

/// Runs all operations. The last one, where it gives the results as they are asked for, writes them itself.
#[inline(always)]
fn run_ops_inline(
    program: &Program,
    registers: &mut [Vec<u64>],
    block: &Block<'_>,
    scalar: Scalar,
    results: &mut [u8],
) {
    let last = program.last.filter(|_| program.is_stored_as(scalar));
    let ops = program.ops.iter().zip(&program.widths);
    for (node, ((op, &width), place)) in ops.zip(&program.places).enumerate() {
        let Place::Register(register) = *place else {
            continue;
        };
        // No operand lies in the register that the result goes to, so it can be taken out meanwhile.
        let mut to = std::mem::take(&mut registers[register]);
        let lanes = Lanes {
            program,
            registers,
            block: *block,
            width,
        };
        let is_last = last == Some(node);
        let room = match is_last {
            true => &mut *results,
            false => bytemuck::cast_slice_mut(&mut to),
        };
        run_op(op, lanes, lanes.count(), room);
        registers[register] = to;
        if is_last {
            return;
        }
    }
    let lanes = Lanes {
        program,
        registers,
        block: *block,
        width: program.wide.unwrap_or(1),
    };
    write(lanes, scalar, results);
}

/// The bits that an operation on literals alone gives, in the kind that it has.
pub(super) fn folded(op: Op, result: Kind) -> u64 {
    let program = placed(
        (vec![op], vec![1]),
        result,
        vec![Operand::Node(0)],
        Vec::new(),
        None,
    );
    let scalar = program.scalar();
    let mut bits = 0;
    let room = &mut bytemuck::bytes_of_mut(&mut bits)[..scalar.len_bytes()];
    Machine::new(program).run(&[], 0, 0, 1).write(scalar, room);
    bits
}

/// Writes a literal to all lanes of a register.
fn spread((bits, kind): (u64, Kind), register: &mut [u64]) {
    let lanes = register.len();
    match kind {
        Kind::Bool => bytemuck::cast_slice_mut(register)[..lanes].fill(bits as u8),
        Kind::F32 => bytemuck::cast_slice_mut(register)[..lanes].fill(bits as u32),
        Kind::I64 | Kind::U64 | Kind::F64 => register.fill(bits),
    }
}

#[inline(always)]
fn run_op(op: &Op, lanes: Lanes<'_>, count: usize, to: &mut [u8]) {
    match *op {
        Op::Load {
            input,
            element,
            part,
        } => load(lanes, input, element, part, to),
        Op::Seconds { input } => {
            let words = lanes.program.ports[input].item_len / 8;
            let times = lanes.numbers::<f64>(input).iter().step_by(words);
            for (slot, &time) in room::<f64>(to, count).iter_mut().zip(times) {
                *slot = time;
            }
        }
        Op::Position => {
            let first = lanes.block.position as i64;
            for (item, slot) in (first..).zip(room::<i64>(to, count)) {
                *slot = item;
            }
        }
        Op::Live { dial } => room::<f64>(to, count).fill(lanes.block.dials[dial]),
        Op::Cast { from, to: kind, a } => match from {
            Kind::Bool => cast::<u8>(to, count, kind, lanes.get(a)),
            Kind::I64 => cast::<i64>(to, count, kind, lanes.get(a)),
            Kind::U64 => cast::<u64>(to, count, kind, lanes.get(a)),
            Kind::F32 => cast::<f32>(to, count, kind, lanes.get(a)),
            Kind::F64 => cast::<f64>(to, count, kind, lanes.get(a)),
        },
        Op::Unary { op, kind, a } => match kind {
            Kind::Bool => each(room::<u8>(to, count), lanes.get::<u8>(a), |truth| truth ^ 1),
            Kind::I64 => unary::<i64>(op, lanes, count, a, to),
            Kind::U64 => unary::<u64>(op, lanes, count, a, to),
            Kind::F32 => unary::<f32>(op, lanes, count, a, to),
            Kind::F64 => unary::<f64>(op, lanes, count, a, to),
        },
        Op::Binary { op, kind, a, b } => match kind {
            Kind::Bool => logic(op, room(to, count), lanes.get(a), lanes.many(b)),
            Kind::I64 => binary::<i64>(op, lanes, count, (a, b), to),
            Kind::U64 => binary::<u64>(op, lanes, count, (a, b), to),
            Kind::F32 => binary::<f32>(op, lanes, count, (a, b), to),
            Kind::F64 => binary::<f64>(op, lanes, count, (a, b), to),
        },
        Op::Pair { ops, kind, a, b, c } => match kind {
            Kind::F32 => pair::<f32>(ops, lanes, count, [a, b, c], to),
            Kind::F64 => pair::<f64>(ops, lanes, count, [a, b, c], to),
            Kind::Bool | Kind::I64 | Kind::U64 => unreachable!("pairs are of floats"),
        },
        Op::Select {
            kind,
            condition,
            a,
            b,
        } => {
            let condition = lanes.get::<u8>(condition);
            match kind {
                Kind::Bool => select::<u8>(room(to, count), condition, lanes.get(a), lanes.get(b)),
                Kind::I64 => select::<i64>(room(to, count), condition, lanes.get(a), lanes.get(b)),
                Kind::U64 => select::<u64>(room(to, count), condition, lanes.get(a), lanes.get(b)),
                Kind::F32 => select::<f32>(room(to, count), condition, lanes.get(a), lanes.get(b)),
                Kind::F64 => select::<f64>(room(to, count), condition, lanes.get(a), lanes.get(b)),
            }
        }
        Op::Reduce { op, kind, a, width } => {
            let wide = Lanes { width, ..lanes };
            match kind {
                Kind::Bool => unreachable!("truth values are counted as whole numbers"),
                Kind::I64 => reduce::<i64>(op, to, count, wide.get(a), width),
                Kind::U64 => reduce::<u64>(op, to, count, wide.get(a), width),
                Kind::F32 => reduce::<f32>(op, to, count, wide.get(a), width),
                Kind::F64 if op == Reduce::Median => middles(room(to, count), wide.get(a), width),
                Kind::F64 => reduce::<f64>(op, to, count, wide.get(a), width),
            }
        }
        Op::Slice {
            kind,
            a,
            width,
            slice,
        } => {
            let wide = Lanes { width, ..lanes };
            match kind {
                Kind::Bool => slice_each::<u8>(room(to, count), wide.get(a), width, slice),
                Kind::I64 => slice_each::<i64>(room(to, count), wide.get(a), width, slice),
                Kind::U64 => slice_each::<u64>(room(to, count), wide.get(a), width, slice),
                Kind::F32 => slice_each::<f32>(room(to, count), wide.get(a), width, slice),
                Kind::F64 => slice_each::<f64>(room(to, count), wide.get(a), width, slice),
            }
        }
        Op::Spread { kind, a, width } => {
            let narrow = Lanes { width: 1, ..lanes };
            match kind {
                Kind::Bool => spread_each::<u8>(room(to, count), narrow.get(a), width),
                Kind::I64 => spread_each::<i64>(room(to, count), narrow.get(a), width),
                Kind::U64 => spread_each::<u64>(room(to, count), narrow.get(a), width),
                Kind::F32 => spread_each::<f32>(room(to, count), narrow.get(a), width),
                Kind::F64 => spread_each::<f64>(room(to, count), narrow.get(a), width),
            }
        }
    }
}

#[inline(always)]
fn unary<T: Arithmetic>(op: Unary, lanes: Lanes<'_>, count: usize, a: Operand, to: &mut [u8]) {
    T::unary(op, room(to, count), lanes.get(a));
}

#[inline(always)]
fn binary<T: Arithmetic + PartialOrd>(
    op: Binary,
    lanes: Lanes<'_>,
    count: usize,
    (a, b): (Operand, Operand),
    to: &mut [u8],
) {
    let (a, b) = (lanes.get::<T>(a), lanes.many::<T>(b));
    if op.is_comparison() {
        compare(op, room(to, count), a, b);
    } else {
        T::binary(op, room(to, count), a, b);
    }
}

#[inline(always)]
fn pair<T: Arithmetic>(
    ops: Pair,
    lanes: Lanes<'_>,
    count: usize,
    [a, b, c]: [Operand; 3],
    to: &mut [u8],
) {
    let (a, b, c) = (lanes.get(a), lanes.many(b), lanes.many(c));
    T::pair(ops, room(to, count), a, b, c);
}

fn load(lanes: Lanes<'_>, input: usize, element: Option<usize>, part: usize, to: &mut [u8]) {
    let count = lanes.count();
    match lanes.program.ports[input].scalar {
        Scalar::U8 => load_as::<u8, i64>(lanes, input, element, room(to, count), i64::from),
        Scalar::I8 => load_as::<i8, i64>(lanes, input, element, room(to, count), i64::from),
        Scalar::U16 => load_as::<u16, i64>(lanes, input, element, room(to, count), i64::from),
        Scalar::I16 => load_as::<i16, i64>(lanes, input, element, room(to, count), i64::from),
        Scalar::U32 => load_as::<u32, i64>(lanes, input, element, room(to, count), i64::from),
        Scalar::I32 => load_as::<i32, i64>(lanes, input, element, room(to, count), i64::from),
        Scalar::U64 => load_as::<u64, u64>(lanes, input, element, room(to, count), |n| n),
        Scalar::I64 => load_as::<i64, i64>(lanes, input, element, room(to, count), |n| n),
        Scalar::F32 => load_as::<f32, f32>(lanes, input, element, room(to, count), |x| x),
        Scalar::F64 => load_as::<f64, f64>(lanes, input, element, room(to, count), |x| x),
        Scalar::Cf32 => {
            load_as::<[f32; 2], f32>(lanes, input, element, room(to, count), |z| z[part]);
        }
        Scalar::Cf64 => {
            load_as::<[f64; 2], f64>(lanes, input, element, room(to, count), |z| z[part]);
        }
    }
}

/// All numbers of the items, or one of each.
fn load_as<S: Pod, T: Copy>(
    lanes: Lanes<'_>,
    input: usize,
    element: Option<usize>,
    to: &mut [T],
    convert: impl Fn(S) -> T,
) {
    let Port { width, skip, .. } = lanes.program.ports[input];
    let numbers = lanes.numbers::<S>(input);
    let Some(element) = element else {
        if skip == 0 {
            for (slot, number) in to.iter_mut().zip(numbers) {
                *slot = convert(*number);
            }
            return;
        }
        let items = numbers.chunks_exact(width);
        for (slots, item) in to.chunks_exact_mut(lanes.width).zip(items) {
            for (slot, number) in slots.iter_mut().zip(&item[skip..]) {
                *slot = convert(*number);
            }
        }
        return;
    };
    for (slot, item) in to.iter_mut().zip(numbers.chunks_exact(width)) {
        *slot = convert(item[element]);
    }
}
