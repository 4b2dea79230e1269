//! Runs a compiled expression over blocks of items.

use bytemuck::Pod;
use num_complex::Complex;

use crate::agent::Input;
use crate::operators::numbers::{Number, with_number};
use crate::types::{Element, Scalar};

use super::code::{Binary, Kind, Op, Operand, Place, Port, Program, Reduce, Unary};
use super::lanes::{Arithmetic, Lane, cast, compare, each, logic, room, select};
use super::place::{node_of, placed};
use super::reduce::{middles, reduce, spread_each};

/// The lanes that are worked on at once: a few registers of them stay in the first-level cache.
const LANES: usize = 512;

/// A program with the registers it runs on.
pub struct Machine {
    program: Program,
    registers: Vec<Vec<u64>>,
    run_ops: RunOps,
}

type RunOps = fn(&Program, &mut [Vec<u64>], &Block<'_>);

/// The items that one run is about.
#[derive(Clone, Copy)]
struct Block<'a> {
    inputs: &'a [Input],
    /// Unread items before the first.
    offset: usize,
    /// The place in the stream of the first.
    position: u64,
    items: usize,
}

impl Machine {
    /// A machine for this program.
    pub fn new(program: Program) -> Machine {
        let lanes = LANES.max(program.widest());
        let mut registers = vec![vec![0; lanes]; program.registers];
        let places = &program.places[program.ops.len()..];
        for (literal, place) in program.literals.iter().zip(places) {
            if let Place::Register(register) = *place {
                spread(*literal, &mut registers[register]);
            }
        }
        Machine {
            registers,
            program,
            run_ops: run_ops(),
        }
    }

    /// The most items of one run.
    pub fn items_max(&self) -> usize {
        (LANES / self.program.widest()).max(1)
    }

    /// Computes the results of up to [`Machine::items_max`] items: the unread ones from `offset` on, the
    /// first of which has this place in the stream.
    pub fn run<'a>(
        &'a mut self,
        inputs: &'a [Input],
        offset: usize,
        position: u64,
        items: usize,
    ) -> Results<'a> {
        debug_assert!(items <= self.items_max());
        let block = Block {
            inputs,
            offset,
            position,
            items,
        };
        (self.run_ops)(&self.program, &mut self.registers, &block);
        Results {
            lanes: Lanes {
                program: &self.program,
                registers: &self.registers,
                block,
                width: self.program.wide.unwrap_or(1),
            },
        }
    }
}

/// What a run gave.
pub struct Results<'a> {
    lanes: Lanes<'a>,
}

impl Results<'_> {
    /// Writes the results as numbers of this scalar, one item after the other.
    ///
    /// Floats become integers by cutting towards zero, within the range; integers keep their low bits. A
    /// complex result goes into a complex scalar only.
    pub fn write(&self, scalar: Scalar, to: &mut [u8]) {
        match scalar {
            Scalar::Cf32 => self.write_complex::<f32>(bytemuck::cast_slice_mut(to)),
            Scalar::Cf64 => self.write_complex::<f64>(bytemuck::cast_slice_mut(to)),
            real => with_number!(real, T => self.write_real::<T>(bytemuck::cast_slice_mut(to))),
        }
    }

    /// The results as truth values, a byte each. The program is a condition.
    pub fn truths(&self, to: &mut [u8]) {
        self.write_real::<u8>(to);
    }

    fn write_real<T: Number>(&self, to: &mut [T]) {
        self.each_part(0, to, |slot, number| *slot = number);
    }

    fn write_complex<P: Number>(&self, to: &mut [Complex<P>])
    where
        Complex<P>: Element,
    {
        self.each_part(0, to, |slot, re| slot.re = re);
        if self.lanes.program.is_complex() {
            self.each_part(1, to, |slot, im| slot.im = im);
        } else {
            to.iter_mut().for_each(|slot| slot.im = P::from_i64(0));
        }
    }

    fn each_part<T: Number, U>(&self, part: usize, to: &mut [U], put: impl Fn(&mut U, T)) {
        let (lanes, result) = (self.lanes, self.lanes.program.results[part]);
        match lanes.program.kind {
            Kind::Bool => put_each(to, lanes.get::<u8>(result), |x| T::from_i64(x.into()), put),
            Kind::I64 => put_each(to, lanes.get::<i64>(result), T::from_i64, put),
            Kind::F32 => put_each(to, lanes.get::<f32>(result), |x| T::from_f64(x.into()), put),
            Kind::F64 => put_each(to, lanes.get::<f64>(result), T::from_f64, put),
        }
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
        return |program, registers, block| {
            // SAFETY: the processor has AVX2, as was asked just before this was chosen.
            unsafe { run_ops_avx2(program, registers, block) }
        };
    }
    run_ops_inline
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_ops_avx2(program: &Program, registers: &mut [Vec<u64>], block: &Block<'_>) {
    run_ops_inline(program, registers, block);
}

#[inline(always)]
fn run_ops_inline(program: &Program, registers: &mut [Vec<u64>], block: &Block<'_>) {
    for ((op, &width), place) in program.ops.iter().zip(&program.widths).zip(&program.places) {
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
        run_op(op, lanes, lanes.count(), &mut to);
        registers[register] = to;
    }
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
    let mut machine = Machine::new(program);
    let lanes = machine.run(&[], 0, 0, 1).lanes;
    match lanes.program.places[0] {
        Place::Register(register) => lanes.registers[register][0],
        _ => unreachable!("an operation's result lies in a register"),
    }
}

/// Writes a literal to all lanes of a register.
fn spread((bits, kind): (u64, Kind), register: &mut [u64]) {
    let lanes = register.len();
    match kind {
        Kind::Bool => room::<u8>(register, lanes).fill(bits as u8),
        Kind::F32 => room::<u32>(register, lanes).fill(bits as u32),
        Kind::I64 | Kind::F64 => register.fill(bits),
    }
}

#[inline(always)]
fn run_op(op: &Op, lanes: Lanes<'_>, count: usize, to: &mut [u64]) {
    match *op {
        Op::Load {
            input,
            element,
            part,
        } => load(lanes, input, element, part, to),
        Op::Seconds { input } => {
            let times = lanes.numbers::<f64>(input).iter().step_by(2);
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
        Op::Cast { from, to: kind, a } => match from {
            Kind::Bool => cast::<u8>(to, count, kind, lanes.get(a)),
            Kind::I64 => cast::<i64>(to, count, kind, lanes.get(a)),
            Kind::F32 => cast::<f32>(to, count, kind, lanes.get(a)),
            Kind::F64 => cast::<f64>(to, count, kind, lanes.get(a)),
        },
        Op::Unary { op, kind, a } => match kind {
            Kind::Bool => each(room::<u8>(to, count), lanes.get::<u8>(a), |truth| truth ^ 1),
            Kind::I64 => unary::<i64>(op, lanes, count, a, to),
            Kind::F32 => unary::<f32>(op, lanes, count, a, to),
            Kind::F64 => unary::<f64>(op, lanes, count, a, to),
        },
        Op::Binary { op, kind, a, b } => match kind {
            Kind::Bool => logic(op, room(to, count), lanes.get(a), lanes.get(b)),
            Kind::I64 => binary::<i64>(op, lanes, count, (a, b), to),
            Kind::F32 => binary::<f32>(op, lanes, count, (a, b), to),
            Kind::F64 => binary::<f64>(op, lanes, count, (a, b), to),
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
                Kind::F32 => select::<f32>(room(to, count), condition, lanes.get(a), lanes.get(b)),
                Kind::F64 => select::<f64>(room(to, count), condition, lanes.get(a), lanes.get(b)),
            }
        }
        Op::Reduce { op, kind, a, width } => {
            let wide = Lanes { width, ..lanes };
            match kind {
                Kind::Bool => unreachable!("truth values are counted as whole numbers"),
                Kind::I64 => reduce::<i64>(op, to, count, wide.get(a), width),
                Kind::F32 => reduce::<f32>(op, to, count, wide.get(a), width),
                Kind::F64 if op == Reduce::Median => middles(room(to, count), wide.get(a), width),
                Kind::F64 => reduce::<f64>(op, to, count, wide.get(a), width),
            }
        }
        Op::Spread { kind, a, width } => {
            let narrow = Lanes { width: 1, ..lanes };
            match kind {
                Kind::Bool => spread_each::<u8>(room(to, count), narrow.get(a), width),
                Kind::I64 => spread_each::<i64>(room(to, count), narrow.get(a), width),
                Kind::F32 => spread_each::<f32>(room(to, count), narrow.get(a), width),
                Kind::F64 => spread_each::<f64>(room(to, count), narrow.get(a), width),
            }
        }
    }
}

#[inline(always)]
fn unary<T: Arithmetic>(op: Unary, lanes: Lanes<'_>, count: usize, a: Operand, to: &mut [u64]) {
    T::unary(op, room(to, count), lanes.get(a));
}

#[inline(always)]
fn binary<T: Arithmetic + PartialOrd>(
    op: Binary,
    lanes: Lanes<'_>,
    count: usize,
    (a, b): (Operand, Operand),
    to: &mut [u64],
) {
    let (a, b) = (lanes.get::<T>(a), lanes.get::<T>(b));
    if op.is_comparison() {
        compare(op, room(to, count), a, b);
    } else {
        T::binary(op, room(to, count), a, b);
    }
}

fn load(lanes: Lanes<'_>, input: usize, element: Option<usize>, part: usize, to: &mut [u64]) {
    let count = lanes.count();
    match lanes.program.ports[input].scalar {
        Scalar::U8 => load_as::<u8, i64>(lanes, input, element, room(to, count), i64::from),
        Scalar::I8 => load_as::<i8, i64>(lanes, input, element, room(to, count), i64::from),
        Scalar::U16 => load_as::<u16, i64>(lanes, input, element, room(to, count), i64::from),
        Scalar::I16 => load_as::<i16, i64>(lanes, input, element, room(to, count), i64::from),
        Scalar::U32 => load_as::<u32, i64>(lanes, input, element, room(to, count), i64::from),
        Scalar::I32 => load_as::<i32, i64>(lanes, input, element, room(to, count), i64::from),
        Scalar::U64 => load_as::<u64, i64>(lanes, input, element, room(to, count), |n| n as i64),
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
    let Port { width, .. } = lanes.program.ports[input];
    let numbers = lanes.numbers::<S>(input);
    let Some(element) = element else {
        for (slot, number) in to.iter_mut().zip(numbers) {
            *slot = convert(*number);
        }
        return;
    };
    for (slot, item) in to.iter_mut().zip(numbers.chunks_exact(width)) {
        *slot = convert(item[element]);
    }
}
