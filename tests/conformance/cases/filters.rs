//! Filters and generators: `BP_FIR`, `BP_IIR`, `generate_waves`.

use std::f64::consts::TAU;

use thalweg::prelude::*;

use super::elements::{floats, y};
use crate::judge::{Case, GraphFile, Instead, Kept, file, rust};
use crate::vector::Vector;

pub const CASES: &[Case] = &[
    rust(&["bandpass_fir_class"], |v, g| {
        let taps = op("fir").set("taps", v.param::<Vec<f64>>("b"));
        y(floats(v, g).apply::<f64>("y", taps))
    }),
    // The design, too: the same taps by their words.
    file(&["bandpass_fir_class"], |v| {
        let agent = "[agents.y]\nop = \"fir.bandpass\"\nin = \"x\"\nlow = 1.0\nhigh = 5.0\nnumtaps = 201\n\
                     window = \"blackmanharris\"\nrate = 50.0\n";
        GraphFile::of(agent).reads::<f64>(v, "x").writes("y", "y")
    }),
    rust(&["v2_bandpass_iir_order4"], |v, g| {
        y(floats(v, g).apply::<f64>("y", butterworth(v)))
    }),
    rust(&["bandpass_iir_feedback"], |v, g| {
        y(floats(v, g).apply::<f64>("y", butterworth(v)))
    })
    .instead(UNPRIMED.why, UNPRIMED.right),
    rust(&["lfilter_reference"], |v, g| {
        let x = floats(v, g);
        let design = op("fir.bandpass")
            .set("low", 1.0)
            .set("high", 5.0)
            .set("rate", 50.0);
        let design = design.set("numtaps", 201).set("window", "blackmanharris");
        let fir: Stream<f64> = x.apply("fir", design);
        Kept::one("iir", &x.apply::<f64>("iir", butterworth(v))).and("fir", &fir)
    }),
    rust(&["generate_waves"], |v, g| {
        let param = |name| v.param::<f64>(name);
        let (rate, amplitude, phase) = (
            param("sample_rate"),
            param("max_amplitude"),
            param("phase_shift"),
        );
        let items = (rate * param("time_duration")) as u64;
        let sine = || {
            ops::sine(param("frequency"))
                .rate(rate)
                .amplitude(amplitude)
                .items(items)
        };
        let cosine = g.source("cosine", sine().phase(phase + TAU / 4.0));
        let sine = g.source("sine", sine().phase(phase));
        // High for 45 % of each turn; the phase counts turns.
        let frequency = param("frequency");
        let square = g.source(
            "square",
            from_fn(move |n| {
                let turns = n as f64 * (1.0 / rate) * frequency + phase;
                let below = 0.45 - turns.fract();
                let height = if below == 0.0 { 0.0 } else { amplitude };
                (n < items).then_some(height.copysign(below))
            }),
        );
        Kept::one("sine", &sine)
            .and("cosine", &cosine)
            .and("square", &square)
    }),
];

pub const UNPRIMED: Instead = Instead {
    why: "the zeros that prime IoTPy's loop stay in its streams; here item n of the output belongs to item n of the input",
    right: |v| {
        let late = v.recorded()["y"].as_array().unwrap().clone();
        let primed = late.len() - v.fed::<f64>("x").len();
        vec![("y".to_owned(), late[primed..].to_vec().into())]
    },
};

/// The Butterworth band-pass that the vector's coefficients are of.
fn butterworth(v: &Vector) -> ops::Op {
    op("iir.bandpass")
        .set("low", v.param::<f64>("lowcut"))
        .set("high", v.param::<f64>("highcut"))
        .set("order", v.param::<i64>("order"))
        .set("rate", v.param::<f64>("fs"))
}
