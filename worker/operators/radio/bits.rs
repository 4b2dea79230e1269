//! `differential.encode`, `differential.decode`, `scramble`, `descramble`: symbols and bits, each with those before it.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::ItemType;

use super::one_to_one;

const MODULUS: ParamDef = ParamDef {
    name: "modulus",
    kind: ParamKind::Int,
    default: Some("2"),
    unit: "",
    doc: "How many symbols there are, 2 to 256: 0 to modulus - 1.",
};

/// The row of `differential.encode`.
pub const ENCODE: OpDef = OpDef {
    name: "differential.encode",
    summary: "symbols as steps from one to the next",
    doc: "y[n] = (x[n] + y[n - 1]) modulo `modulus`, from y = 0 before the first: `differential.decode` gives x again, whatever constant was added to all symbols \
meanwhile (a carrier's phase that a loop found turned). GNU Radio's `diff_encoder_bb`.",
    inputs: Arity::One,
    outputs: "one stream of u8",
    params: &[MODULUS],
    example: "noise items=1000 ! slice.binary ! differential.encode ! null",
    deterministic: true,
    build: encode,
};

/// The row of `differential.decode`.
pub const DECODE: OpDef = OpDef {
    name: "differential.decode",
    summary: "symbols of the steps from one to the next",
    doc: "y[n] = (x[n] - x[n - 1]) modulo `modulus`, from x = 0 before the first: undoes `differential.encode`. GNU Radio's `diff_decoder_bb`.",
    inputs: Arity::One,
    outputs: "one stream of u8",
    params: &[MODULUS],
    example: "noise items=1000 ! slice.binary ! differential.encode ! differential.decode ! null",
    deterministic: true,
    build: decode,
};

const REGISTER: [ParamDef; 3] = [
    ParamDef {
        name: "mask",
        kind: ParamKind::Int,
        default: None,
        unit: "",
        doc: "Which bits of the register are fed back: 33 (0x21) with a length of 16 is that of G3RUH (the polynomial 1 + x^12 + x^17).",
    },
    ParamDef {
        name: "length",
        kind: ParamKind::Int,
        default: None,
        unit: "bits",
        doc: "The place at which bits enter the register, 0 to 62, as GNU Radio counts: one less than it has bits.",
    },
    ParamDef {
        name: "seed",
        kind: ParamKind::Int,
        default: Some("0"),
        unit: "",
        doc: "The register before the first bit.",
    },
];

/// The row of `scramble`.
pub const SCRAMBLE: OpDef = OpDef {
    name: "scramble",
    summary: "bits mixed with those before them, by a shift register",
    doc: "Of each item (u8) the lowest bit counts. The register's lowest bit is given; the bit that enters it at place `length` as it is shifted down is the item's, \
exclusive-or the parity of the bits that `mask` names. So a bit comes out `length` items later. `descramble` undoes it and finds into step by itself. GNU Radio's `scrambler_bb`.",
    inputs: Arity::One,
    outputs: "one stream of u8, 0 or 1",
    params: &REGISTER,
    example: "noise items=1000 ! slice.binary ! scramble mask=33 length=16 ! null",
    deterministic: true,
    build: scramble,
};

/// The row of `descramble`.
pub const DESCRAMBLE: OpDef = OpDef {
    name: "descramble",
    summary: "undoes `scramble`",
    doc: "Of each item (u8) the lowest bit counts. What is given is the item's bit, exclusive-or the parity of the bits of the register that `mask` names; then the item's bit enters \
the register at place `length` as it is shifted down. After length + 1 bits it is in step with any `scramble` of the same mask. GNU Radio's `descrambler_bb`.",
    inputs: Arity::One,
    outputs: "one stream of u8, 0 or 1",
    params: &REGISTER,
    example: "noise items=1000 ! slice.binary ! scramble mask=33 length=16 ! descramble mask=33 length=16 ! null",
    deterministic: true,
    build: descramble,
};

fn symbols(args: &Args) -> Result<(), OpError> {
    match args.input().item_type {
        ItemType::U8 => Ok(()),
        _ => Err(
            OpError::input_type(args.op().name, args.input(), "bytes, u8, one symbol each")
                .or_help("`slice.binary` and `slice.qpsk` make symbols; `map expr=\"x\" dtype=\"u8\"` converts numbers"),
        ),
    }
}

fn modulus(args: &Args) -> Result<u16, OpError> {
    symbols(args)?;
    match args.required_count("modulus", 2)? {
        modulus if modulus <= 256 => Ok(modulus as u16),
        modulus => {
            let message = format!("`modulus` is {modulus}, and must be 2 to 256");
            Err(OpError::param("modulus", message))
        }
    }
}

fn encode(args: &Args) -> Result<Blueprint, OpError> {
    let modulus = modulus(args)?;
    Ok(one_to_one(
        args,
        0u8,
        move |last, _, x: &[u8], y: &mut [u8]| {
            for (y, &x) in y.iter_mut().zip(x) {
                *last = ((u16::from(x) + u16::from(*last)) % modulus) as u8;
                *y = *last;
            }
        },
    ))
}

fn decode(args: &Args) -> Result<Blueprint, OpError> {
    let modulus = modulus(args)?;
    let input = args.input();
    Ok(Blueprint::new(Decode { modulus })
        .weight(1)
        .input(InPort::new(input.item_type.clone()).retain(1))
        .output(OutPort::new(ItemType::U8, input.rate)))
}

/// The symbol before is read again.
struct Decode {
    modulus: u16,
}

impl Agent for Decode {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let n = input.len().min(output.space());
        let (all, past) = input.past::<u8>();
        let mut last = past.checked_sub(1).map_or(0, |at| all[at]);
        for (y, &x) in output.room::<u8>()[..n].iter_mut().zip(&all[past..]) {
            let back = self.modulus - u16::from(last) % self.modulus;
            *y = ((u16::from(x) + back) % self.modulus) as u8;
            last = x;
        }
        input.consume(n);
        output.produce(n);
        Ok(Status::Ready)
    }
}

/// A shift register, all but its content.
#[derive(Clone, Copy)]
struct Register {
    mask: u64,
    length: u32,
}

impl Register {
    /// The register, and what is in it first.
    fn of(args: &Args) -> Result<(Register, u64), OpError> {
        symbols(args)?;
        let length = args.required_count("length", 0)?;
        if length > 62 {
            let message = format!("`length` is {length}, and must be 0 to 62");
            return Err(OpError::param("length", message));
        }
        let within = |name: &str, least: u64| match args.required_count(name, least)? {
            value if value >> (length + 1) == 0 => Ok(value),
            value => {
                let message = format!(
                    "`{name}` is {value}, and a register of length {length} has {} bits",
                    length + 1
                );
                Err(OpError::param(name, message))
            }
        };
        let register = Register {
            mask: within("mask", 1)?,
            length: length as u32,
        };
        Ok((register, within("seed", 0)?))
    }

    fn parity(self, bits: u64) -> u8 {
        ((bits & self.mask).count_ones() & 1) as u8
    }

    fn enter(self, bits: &mut u64, bit: u8) {
        *bits = *bits >> 1 | u64::from(bit) << self.length;
    }
}

fn scramble(args: &Args) -> Result<Blueprint, OpError> {
    let (register, seed) = Register::of(args)?;
    Ok(one_to_one(
        args,
        seed,
        move |bits, _, x: &[u8], y: &mut [u8]| {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = (*bits & 1) as u8;
                register.enter(bits, register.parity(*bits) ^ (x & 1));
            }
        },
    ))
}

fn descramble(args: &Args) -> Result<Blueprint, OpError> {
    let (register, seed) = Register::of(args)?;
    Ok(one_to_one(
        args,
        seed,
        move |bits, _, x: &[u8], y: &mut [u8]| {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = register.parity(*bits) ^ (x & 1);
                register.enter(bits, x & 1);
            }
        },
    ))
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn symbols(modulus: u64) -> Vec<u8> {
        (0..500u64)
            .map(|n| (((n * 2_654_435_761) >> 9) % modulus) as u8)
            .collect()
    }

    #[test]
    fn steps_of_symbols_are_taken_and_undone() {
        let encoded = output::<u8>(
            "differential.encode",
            &[given("u8", &[1u8, 0, 1, 1, 1])],
            &[],
            None,
        );
        assert_eq!(encoded, [1, 1, 0, 1, 0]);
        let decoded = output::<u8>(
            "differential.decode",
            &[given("u8", &[3u8, 1, 1, 0])],
            &[("modulus", 4.into())],
            None,
        );
        assert_eq!(decoded, [3, 2, 0, 3]);
        for modulus in [2i64, 4, 8, 256] {
            let params = [("modulus", modulus.into())];
            let x = symbols(modulus as u64);
            let mut sent: Vec<u8> =
                output("differential.encode", &[given("u8", &x)], &params, None);
            // Whatever was added to all of them.
            sent.iter_mut()
                .for_each(|y| *y = ((i64::from(*y) + 1) % modulus) as u8);
            let back: Vec<u8> = output("differential.decode", &[given("u8", &sent)], &params, None);
            assert_eq!(back[1..], x[1..], "{modulus}");
        }
    }

    /// GNU Radio's `lfsr`, as it is written there.
    fn lfsr(bits: &[u8], mask: u64, seed: u64, length: u32, descramble: bool) -> Vec<u8> {
        let mut register = seed;
        let step = |&bit: &u8| {
            let parity = (register & mask).count_ones() as u64 & 1;
            let (given, new) = match descramble {
                true => (parity ^ u64::from(bit), u64::from(bit)),
                false => (register & 1, parity ^ u64::from(bit)),
            };
            register = (register >> 1) | (new << length);
            given as u8
        };
        bits.iter().map(step).collect()
    }

    #[test]
    fn a_register_scrambles_as_gnu_radio_s_and_finds_back_by_itself() {
        let x = symbols(2);
        for (mask, length, seed) in [(0x21, 16, 0), (0x8A, 7, 0x7F), (1, 0, 1)] {
            let params = [
                ("mask", Value::from(mask)),
                ("length", Value::from(length)),
                ("seed", Value::from(seed)),
            ];
            let sent: Vec<u8> = output("scramble", &[given("u8", &x)], &params, None);
            assert_eq!(
                sent,
                lfsr(&x, mask as u64, seed as u64, length as u32, false)
            );
            let back: Vec<u8> = output("descramble", &[given("u8", &sent)], &params[..2], None);
            assert_eq!(back, lfsr(&sent, mask as u64, 0, length as u32, true));
            let late = length as usize + 1;
            assert_eq!(
                back[2 * late..],
                x[late..][..x.len() - 2 * late],
                "{mask:x}"
            );
        }
    }

    #[test]
    fn what_is_no_register_and_no_symbol_is_refused() {
        let cases = [
            ("differential.encode", "modulus", 1),
            ("differential.decode", "modulus", 257),
            ("scramble", "length", 63),
            ("scramble", "mask", 0x400),
            ("descramble", "seed", 0x400),
            ("descramble", "mask", 0),
        ];
        for (op, name, value) in cases {
            let mut params = match op.starts_with("diff") {
                true => vec![],
                false => vec![("mask", Value::from(3)), ("length", Value::from(9))],
            };
            params.retain(|(n, _)| *n != name);
            params.push((name, value.into()));
            let refused = build(op, &[given::<u8>("u8", &[])], &params, None).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(name), "{op}");
        }
        let refused = build("differential.encode", &[given::<u8>("f32", &[])], &[], None);
        assert_eq!(refused.unwrap_err().param.as_deref(), Some("in"));
    }
}
