//! `iir`: a filter of given second-order sections.

use crate::agent::Blueprint;
use crate::design::zpk::Section;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};

use super::transfer::{self, Transfer};
use super::{OUTPUTS, kernel};

/// The row of the table.
pub const IIR: OpDef = OpDef {
    name: "iir",
    summary: "recursive filter of given second-order sections",
    doc: "`scipy.signal.sosfilt(sos, x, zi=zi)`, one item out for each item in. A filter whose poles are not inside the unit circle \
grows without bound, as it does in SciPy. Types as `iir.lowpass`: f32, f64, cf32 and cf64 keep theirs, integers become f64, vector items are filtered per \
element, and all is computed in f64.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        ParamDef {
            name: "sos",
            kind: ParamKind::Floats,
            default: None,
            unit: "",
            doc: "The sections one after the other, six numbers each: b0, b1, b2, a0, a1, a2 (SciPy's rows).",
        },
        ParamDef {
            name: "zi",
            kind: ParamKind::Floats,
            default: Some(""),
            unit: "",
            doc: "What the sections remember at first, of every element: two numbers a section, as `scipy.signal.sosfilt_zi` gives them. Default: 0, at rest.",
        },
    ],
    example: "sine freq=440 rate=48000 items=4800 ! iir sos=[0.1, 0, 0, 1, -0.9, 0] ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let numbers = args.floats("sos").unwrap_or_default();
    let (rows, rest) = numbers.as_chunks::<6>();
    if rows.is_empty() || !rest.is_empty() {
        let message = format!(
            "`sos` has {} numbers, and must have six a section",
            numbers.len()
        );
        return Err(OpError::param("sos", message));
    }
    let sections: Vec<Section> = rows.iter().map(section).collect();
    if !sections.iter().all(is_finite) {
        let message = "`sos` has a section whose a0 is 0 or too small";
        return Err(OpError::param("sos", message));
    }
    if args.value("zi").is_none() {
        return kernel::filter(args, &sections);
    }
    let zi = transfer::first_state(args, 2 * sections.len(), "two for each section")?;
    let transfer = |s: &Section| Transfer::new(&s.b, &[1.0, s.a[0], s.a[1]]);
    transfer::filter(args, sections.iter().map(transfer).collect(), &zi)
}

fn section(&[b0, b1, b2, a0, a1, a2]: &[f64; 6]) -> Section {
    Section {
        b: [b0, b1, b2].map(|b| b / a0),
        a: [a1, a2].map(|a| a / a0),
    }
}

fn is_finite(section: &Section) -> bool {
    section.b.iter().chain(&section.a).all(|c| c.is_finite())
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    #[test]
    fn the_response_to_one_1_is_that_of_the_recurrence() {
        let x = given("f64", &[1.0, 0.0, 0.0, 0.0]);
        let sos = vec![2.0, 0.0, 0.0, 2.0, -1.0, 0.0];
        let y: Vec<f64> = output("iir", &[x], &[("sos", sos.into())], None);
        assert_eq!(y, [1.0, 0.5, 0.25, 0.125]);
    }

    #[test]
    fn sections_begin_with_what_they_are_to_remember() {
        let sos = vec![2.0, 0.0, 0.0, 2.0, -1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0];
        let zi = |of: Vec<f64>| [("sos", Value::from(sos.clone())), ("zi", of.into())];
        let x = || given("f64", &[1.0, 0.0, 0.0]);
        let y: Vec<f64> = output("iir", &[x()], &zi(vec![0.0; 4]), None);
        assert_eq!(y, [1.0, 0.5, 1.25]);
        let y: Vec<f64> = output("iir", &[x()], &zi(vec![4.0, 0.0, 0.0, 8.0]), None);
        assert_eq!(y, [5.0, 10.5, 6.25]);
        let refused = build("iir", &[x()], &zi(vec![0.0; 3]), None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("zi"));
    }

    #[test]
    fn what_is_no_section_is_refused() {
        for sos in [vec![], vec![1.0; 5], vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0]] {
            let sos = Value::List(sos.into_iter().map(Value::Float).collect());
            let error = build("iir", &[given::<f64>("f64", &[])], &[("sos", sos)], None);
            assert_eq!(error.unwrap_err().param.as_deref(), Some("sos"));
        }
    }
}
