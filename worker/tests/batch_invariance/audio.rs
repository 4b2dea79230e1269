//! Sound: effects, levels, mixing.

use super::{Case, case};

/// Items of an input: more than the lines of these effects hold, often.
const SOME: usize = 800;

pub(crate) fn cases() -> Vec<Case> {
    [effects(), levels(), mixes()]
        .into_iter()
        .flatten()
        .collect()
}

fn effects() -> Vec<Case> {
    let mut all = Vec::new();
    for item_type in ["f64", "f32[2]", "i16"] {
        let input = |op| case(op).input_of(item_type, SOME);
        for delay in [1, 7, 130] {
            all.push(input("echo").param("delay", delay));
        }
        for rate in [100, 3000] {
            let reverb = input("reverb").param("rate", rate).param("damp", 0.9);
            all.push(reverb.param("room", 1).param("width", 0.5));
        }
    }
    for (size, hop) in [(32, 8), (45, 10), (16, 1)] {
        let shift = case("pitch_shift").input_of("f64", 333).param("size", size);
        all.push(shift.param("hop", hop).param("semitones", -3.5));
    }
    let shift = case("pitch_shift")
        .input_of("f32[2]", 333)
        .param("size", 64);
    all.push(shift.param("semitones", 7));
    for item_type in ["f64", "f32[3]", "cf32", "cf64"] {
        all.push(case("gain").input_of(item_type, SOME).param("db", -3.5));
    }
    all
}

fn levels() -> Vec<Case> {
    let mut all = Vec::new();
    for item_type in ["f64", "f32[2]", "i16"] {
        for (size, step) in [(100, 1), (16, 16), (5, 40)] {
            for what in ["rms", "peak"] {
                let case = case("level").input_of(item_type, SOME).param("fn", what);
                all.push(case.param("size", size).param("step", step));
            }
        }
    }
    for item_type in ["f64", "f32[2]", "f32[6]"] {
        for (size, step) in [(40, 10), (7, 7), (90, 1)] {
            let case = case("loudness").input_of(item_type, SOME);
            all.push(case.param("size", size).param("step", step));
        }
    }
    all
}

fn mixes() -> Vec<Case> {
    let two = |item_type, length| {
        let case = case("mix")
            .input_of(item_type, SOME)
            .input_of(item_type, 300);
        case.param("length", length)
    };
    vec![
        two("f64", "shortest"),
        two("f32[2]", "longest").param("gains", vec![0.5, -1.5]),
        two("cf64", "longest")
            .input_of("cf64", 0)
            .input_of("cf64", 900),
        case("mix").input_of("f32", SOME),
    ]
}
