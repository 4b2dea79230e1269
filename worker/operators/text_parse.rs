//! `text.parse`: the number that each text is.

use crate::agent::{Blueprint, OutPort};
use crate::op::{Args, Arity, OpDef, OpError};

use super::texts::{self, INVALID, Making};

/// The row of the table.
pub const TEXT_PARSE: OpDef = OpDef {
    name: "text.parse",
    summary: "the number that each text is",
    doc: "One number for each text, white space around it left out. Floats as `1`, `-2.5e3`, `nan`, `inf`; \
          whole numbers must fit the type. A text that is no number ends the run with its place, unless \
          `invalid` says otherwise.",
    inputs: Arity::One,
    outputs: "one stream of `dtype`: f64 (default), f32 or an integer type",
    params: &[INVALID],
    example: "counter items=5 ! text.format format=\"{x}.5\" ! text.parse ! print",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let making = Making::number(args)?;
    let rate = match args.text("invalid") {
        Some("skip") => None,
        _ => args.input().rate,
    };
    let output = OutPort::new(making.item_type(), rate);
    texts::each(args, vec![output], move |text, outputs| {
        let Some(made) = making.make(text)? else {
            return Ok(true);
        };
        let fits = made.fits(&mut outputs[0]);
        if fits {
            made.give(&mut outputs[0]);
        }
        Ok(fits)
    })
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, output, texts, try_output};

    #[test]
    fn numbers_are_read_and_others_are_refused_skipped_or_nan() {
        let input = [texts(&["1", " -2.5e3 ", "x", "inf"])];
        let error = try_output::<f64>("text.parse", &input, &[], None).unwrap_err();
        assert_eq!(
            error.message,
            "item 2 of its input: \"x\" is no f64; `invalid = \"skip\"` leaves such items out"
        );
        let skip = [("invalid", Value::from("skip"))];
        let read: Vec<f64> = output("text.parse", &input, &skip, None);
        assert_eq!(read, [1.0, -2500.0, f64::INFINITY]);
        let nan = [("invalid", Value::from("nan"))];
        let read: Vec<f32> = output("text.parse", &input, &nan, Some("f32"));
        assert!(read.len() == 4 && read[2].is_nan());
    }

    #[test]
    fn whole_numbers_must_fit_their_type() {
        let input = [texts(&["255", "256", "-1", "+7"])];
        let skip = [("invalid", Value::from("skip"))];
        let read: Vec<u8> = output("text.parse", &input, &skip, Some("u8"));
        assert_eq!(read, [255, 7]);
        let nan = [("invalid", Value::from("nan"))];
        let refused = build("text.parse", &input, &nan, Some("u8")).unwrap_err();
        assert_eq!(refused.message, "`invalid` is nan, and u8 has none");
    }
}
