//! Operations to a program: every value that is needed gets a place to lie in.

use std::collections::HashMap;

use crate::types::Scalar;

use super::code::{Binary, Kind, Op, Operand, Pair, Place, Port, Program};

/// The program of these operations, in whose operands and results literals may still stand.
pub(super) fn placed(
    (ops, widths): (Vec<Op>, Vec<usize>),
    kind: Kind,
    results: Vec<Operand>,
    ports: Vec<Port>,
    wide: Option<usize>,
) -> Program {
    let mut program = Program {
        ops,
        widths,
        literals: Vec::new(),
        places: Vec::new(),
        ports,
        kind,
        results,
        last: None,
        wide,
        registers: 0,
    };
    put_literals_last(&mut program.ops);
    pair_up(&mut program);
    number_literals(&mut program);
    place(&mut program);
    program.last = last(&program);
    program
}

/// `2 * x` becomes `x * 2`: the second operand is the one that may be a number without lanes.
fn put_literals_last(ops: &mut [Op]) {
    for op in ops {
        if let Op::Binary {
            op: binary,
            kind,
            a: a @ Operand::Literal(_),
            b,
        } = *op
            && let Some(exchanged) = binary.exchanged()
        {
            *op = Op::Binary {
                op: exchanged,
                kind,
                a: b,
                b: a,
            };
        }
    }
}

/// Makes one operation of two sums, differences or products of floats, where the second alone takes what the
/// first gives. The first is then not needed by anybody. Both round, as before.
fn pair_up(program: &mut Program) {
    let mut uses = vec![0; program.ops.len()];
    let operands = program.ops.iter().flat_map(|op| op.operands());
    for operand in operands.chain(program.results.iter().copied()) {
        if let Operand::Node(node) = operand {
            uses[node] += 1;
        }
    }
    for node in 0..program.ops.len() {
        let Some((then, kind, [a, b])) = paired(program.ops[node]) else {
            continue;
        };
        let first_of = |operand| match operand {
            Operand::Node(first) if uses[first] == 1 => paired(program.ops[first]),
            _ => None,
        };
        let (first, c, is_last_in_front) = match (first_of(a), first_of(b)) {
            (Some(first), _) => (first, b, false),
            (None, Some(first)) => (first, a, true),
            (None, None) => continue,
        };
        let (first, _, [a, b]) = first;
        let ops = Pair {
            first,
            then,
            is_last_in_front,
        };
        program.ops[node] = Op::Pair { ops, kind, a, b, c };
    }
}

/// An operation that may be one of two, with its operands.
fn paired(op: Op) -> Option<(Binary, Kind, [Operand; 2])> {
    match op {
        Op::Binary {
            op: op @ (Binary::Add | Binary::Sub | Binary::Mul),
            kind: kind @ (Kind::F32 | Kind::F64),
            a,
            b,
        } => Some((op, kind, [a, b])),
        _ => None,
    }
}

/// Makes nodes of the literals, equal ones the same.
fn number_literals(program: &mut Program) {
    let first = program.ops.len();
    let mut literals = Vec::new();
    let mut known = HashMap::new();
    let mut number = |operand, kind| match operand {
        Operand::Node(node) => Operand::Node(node),
        Operand::Literal(bits) => {
            let node = known.entry((bits, kind)).or_insert_with(|| {
                literals.push((bits, kind));
                first + literals.len() - 1
            });
            Operand::Node(*node)
        }
    };
    for op in &mut program.ops {
        *op = op.map_operands(&mut number);
    }
    for result in &mut program.results {
        *result = number(*result, program.kind);
    }
    program.literals = literals;
}

/// Gives every node that the results need a place, and a register to others after its last use.
fn place(program: &mut Program) {
    let last_uses = last_uses(program);
    let (op_uses, literal_uses) = last_uses.split_at(program.ops.len());
    let mut registers = Registers::default();
    // Literals are written once, before the first run, and keep their registers for ever.
    let literal_places: Vec<Place> = literal_uses
        .iter()
        .map(|last_use| match last_use {
            Some(_) => Place::Register(registers.take()),
            None => Place::Nowhere,
        })
        .collect();
    for (node, op) in program.ops.iter().enumerate() {
        let place = match op_uses[node] {
            None => Place::Nowhere,
            Some(_) => in_place(op, program).unwrap_or_else(|| Place::Register(registers.take())),
        };
        program.places.push(place);
        if place != Place::Nowhere {
            let mut ended: Vec<usize> = op.operands().map(node_of).collect();
            ended.retain(|operand| op_uses.get(*operand) == Some(&Some(node)));
            ended.sort_unstable();
            ended.dedup();
            registers.give_back(ended.into_iter().map(|operand| program.places[operand]));
        }
    }
    program.places.extend(literal_places);
    program.registers = registers.count;
}

/// The operation that computes the one result. Nothing that is needed comes after it.
fn last(program: &Program) -> Option<usize> {
    match program.results[..] {
        [Operand::Node(node)] if node < program.ops.len() => {
            matches!(program.places[node], Place::Register(_)).then_some(node)
        }
        _ => None,
    }
}

#[derive(Default)]
struct Registers {
    count: usize,
    free: Vec<usize>,
}

impl Registers {
    fn take(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        })
    }

    fn give_back(&mut self, places: impl Iterator<Item = Place>) {
        self.free.extend(places.filter_map(|place| match place {
            Place::Register(register) => Some(register),
            _ => None,
        }));
    }
}

/// For every node the last one that reads it; the results are read after all.
fn last_uses(program: &Program) -> Vec<Option<usize>> {
    let mut last_use = vec![None; program.ops.len() + program.literals.len()];
    for result in &program.results {
        last_use[node_of(*result)] = Some(usize::MAX);
    }
    for (node, op) in program.ops.iter().enumerate().rev() {
        if last_use[node].is_some() {
            for operand in op.operands() {
                last_use[node_of(operand)].get_or_insert(node);
            }
        }
    }
    last_use
}

/// The node of an operand whose literals have become nodes.
pub(super) fn node_of(operand: Operand) -> usize {
    match operand {
        Operand::Node(node) => node,
        Operand::Literal(bits) => unreachable!("literal {bits:#x} became a node"),
    }
}

/// Where the input's own bytes are the lanes there is nothing to load: `u64` too, which counts as
/// `i64` bit by bit.
fn in_place(op: &Op, program: &Program) -> Option<Place> {
    let Op::Load {
        input,
        element: None,
        part: 0,
    } = *op
    else {
        return None;
    };
    let port = program.ports[input];
    let is_lane = matches!(
        port.scalar,
        Scalar::F32 | Scalar::F64 | Scalar::I64 | Scalar::U64
    );
    (is_lane && port.skip == 0).then_some(Place::Input(input))
}
