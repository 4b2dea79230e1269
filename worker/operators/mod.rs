//! The operators: one file each, one row each in [`table`].

use std::sync::OnceLock;

use crate::connectors;
use crate::op::OpDef;

pub mod constant;
pub mod contains;
pub mod copy;
pub mod count_by;
pub mod counter;
pub mod decimate;
pub mod delay;
pub mod elements;
pub mod fft;
pub mod filter;
pub mod fir;
pub mod flow;
pub mod head;
pub mod iir;
pub mod join;
pub mod json_field;
pub mod letter_case;
pub mod lines;
pub mod map;
pub mod merge;
pub mod noise;
pub mod regex;
pub mod route;
pub mod scale;
pub mod scan;
pub mod sine;
pub mod sta_lta;
pub mod text_format;
pub mod text_length;
pub mod text_parse;
pub mod threshold;
pub mod throttle;
pub mod timed;
pub mod weave;
pub mod window;
pub mod words;
pub mod zip;

pub(crate) mod numbers;
mod positional;
mod texts;
#[cfg(test)]
pub(crate) mod trial;

/// Every operator, sorted by name.
pub fn table() -> &'static [&'static OpDef] {
    static TABLE: OnceLock<Vec<&'static OpDef>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let both = OPERATORS.iter().chain(connectors::CONNECTORS);
        let mut rows: Vec<&'static OpDef> = both.copied().collect();
        rows.sort_by_key(|op| op.name);
        rows
    })
}

/// The operator of this name.
pub fn find(name: &str) -> Option<&'static OpDef> {
    table().iter().find(|op| op.name == name).copied()
}

const OPERATORS: &[&OpDef] = &[
    &constant::CONST,
    &contains::CONTAINS,
    &copy::COPY,
    &count_by::COUNT_BY,
    &counter::COUNTER,
    &decimate::DECIMATE,
    &delay::DELAY,
    &elements::NORM,
    &elements::PICK,
    &elements::UNSTACK,
    &fft::FFT,
    &fft::IFFT,
    &filter::FILTER,
    &fir::BANDPASS,
    &fir::BANDSTOP,
    &fir::FIR,
    &fir::HIGHPASS,
    &fir::LOWPASS,
    &flow::CHANGES,
    &flow::DIFF,
    &flow::SKIP,
    &flow::SKIP_WHILE,
    &flow::TAKE_WHILE,
    &head::HEAD,
    &iir::BANDPASS,
    &iir::BANDSTOP,
    &iir::HIGHPASS,
    &iir::LOWPASS,
    &join::JOIN,
    &json_field::JSON_FIELD,
    &letter_case::LOWER,
    &letter_case::UPPER,
    &lines::LINES,
    &map::MAP,
    &merge::MERGE,
    &noise::NOISE,
    &regex::EXTRACT,
    &regex::MATCH,
    &regex::REPLACE,
    &route::ROUTE,
    &scale::SCALE,
    &scan::SCAN,
    &sine::SINE,
    &sta_lta::STA_LTA,
    &text_format::TEXT_FORMAT,
    &text_length::TEXT_LENGTH,
    &text_parse::TEXT_PARSE,
    &threshold::THRESHOLD,
    &throttle::THROTTLE,
    &timed::MIX,
    &timed::TIMED,
    &timed::WINDOW,
    &timed::ZIP,
    &weave::CONCAT,
    &weave::WEAVE,
    &window::WINDOW,
    &words::WORDS,
    &zip::ZIP,
];
