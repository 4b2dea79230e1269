//! Typed operators beside the operators' table, and beside what a graph of them gives.

use std::collections::{BTreeMap, BTreeSet};

use thalweg_worker::op::Arity;
use thalweg_worker::operators;
use thalweg_worker::types::{Complex, Timed};

use super::rows::{Builder, Inputs};
use super::*;
use crate::prelude::{Graph, Stream, Text};
use crate::resolve::resolve;

/// Parameters that a method written by hand sets.
const BY_HAND: &[(&str, &str)] = &[("csv.read", "as")];

fn builders() -> Vec<Builder> {
    [
        sources::sources(),
        flow::operators(),
        arithmetic::operators(),
        windows::operators(),
        filters::operators(),
        spectra::operators(),
        super::tags::operators(),
        super::tags::writers(),
        radio::operators(),
        audio::operators(),
        detect::operators(),
        learn::operators(),
        texts::operators(),
        timed::operators(),
        files::sources(),
        files::writers(),
        sockets::sources(),
        sockets::writers(),
    ]
    .into_iter()
    .flatten()
    .chain(columnar())
    .collect()
}

fn columnar() -> Vec<Builder> {
    #[cfg(feature = "arrow")]
    return [super::columnar::sources(), super::columnar::writers()]
        .into_iter()
        .flatten()
        .collect();
    #[cfg(not(feature = "arrow"))]
    Vec::new()
}

#[test]
fn every_row_of_the_table_is_typed_with_its_parameters_and_no_others() {
    let mut typed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for builder in builders() {
        typed.entry(builder.op).or_default().extend(builder.params);
    }
    for (op, param) in BY_HAND {
        typed.entry(op).or_default().insert(param);
    }
    let rows = operators::table().iter();
    let rows: BTreeMap<&str, BTreeSet<&str>> = rows
        .map(|row| {
            (
                row.name,
                row.params.iter().map(|param| param.name).collect(),
            )
        })
        .collect();
    let names: BTreeSet<&str> = rows.keys().chain(typed.keys()).copied().collect();
    let differ: Vec<_> = names
        .into_iter()
        .filter(|op| rows.get(op) != typed.get(op))
        .map(|op| (op, rows.get(op), typed.get(op)))
        .collect();
    assert!(
        differ.is_empty(),
        "operator, the table's words, the typed: {differ:#?}"
    );
}

#[test]
fn what_is_typed_reads_as_many_streams_as_the_row() {
    for Builder { op, inputs, .. } in builders() {
        let fits = match operators::find(op).unwrap().inputs {
            Arity::Source => inputs == Inputs::None,
            Arity::One => inputs == Inputs::One,
            Arity::AtLeast(1) => inputs != Inputs::None,
            Arity::AtLeast(_) => inputs == Inputs::More,
        };
        assert!(fits, "`{op}`");
    }
}

#[test]
fn the_last_of_several_settings_holds() {
    let op = op("counter")
        .set("items", 5)
        .set("start", 1)
        .set("items", 7);
    let items = ("items".to_owned(), Value::Int(7));
    assert_eq!(op.params, [("start".to_owned(), Value::Int(1)), items]);
}

#[test]
fn files_are_named_by_texts_and_paths() {
    let path = || std::path::PathBuf::from("o.csv");
    for op in [
        csv_write::<f64>("o.csv").into_op(),
        csv_write::<f64>(format!("o.{}", "csv")).into_op(),
        csv_write::<f64>(path()).into_op(),
        csv_write::<f64>(&path()).into_op(),
        csv_write::<f64>(path().as_path()).into_op(),
    ] {
        assert_eq!(op.params, [("path".to_owned(), Value::from("o.csv"))]);
    }
    let no_text: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"caf\xe9.csv");
    let mut g = Graph::new("one");
    let x = g.source("x", constant(1.0).items(1));
    x.write("o", csv_write(std::path::Path::new(no_text)));
    let refused = resolve(g.into_decl().unwrap()).unwrap_err().to_string();
    assert!(refused.contains("caf"), "{refused}");
}

/// Resolves a graph that applies this to a constant stream of items `T`: what it gives is what its type says.
fn on<T: Kind, U: Kind>(operator: impl Operator<T, U>) {
    let mut g = Graph::new("one");
    let x: Stream<T> = g.source("x", constant(1.0).rate(1_000.0).dtype::<T>());
    apply(g, &x, operator);
}

/// As [`on`], of timed items, which are made.
fn on_timed<U: Kind>(make: impl FnOnce(&Stream<Timed<f64>>) -> Stream<U>) {
    let mut g = Graph::new("one");
    let x = g.source("x", constant(1.0).rate(1_000.0));
    make(&x.apply("t", timed()));
    checked(g, "timed");
}

/// As [`on`], of text.
fn on_text<U: Kind>(operator: impl Operator<Text, U>) {
    let mut g = Graph::new("one");
    let x = g.text("x", |_| None::<String>);
    apply(g, &x, operator);
}

fn apply<T: Kind, U: Kind>(g: Graph, x: &Stream<T>, operator: impl Operator<T, U>) {
    let operator = operator.into_op();
    let name = operator.name.clone();
    let _: Stream<U> = x.apply("y", operator);
    checked(g, &name);
}

fn checked(g: Graph, what: &str) {
    if let Err(refused) = resolve(g.into_decl().unwrap()) {
        panic!("{what}: {refused}");
    }
}

#[test]
fn what_is_filtered_keeps_its_shape_and_becomes_floating_point() {
    fn of<T: Numbers>() {
        on::<T, _>(iir_lowpass(10.0).order(3));
        on::<T, _>(iir_highpass(10.0).design("cheby1").ripple(1.0));
        on::<T, _>(iir_bandpass(10.0, 20.0));
        on::<T, _>(iir_bandstop(10.0, 20.0).design("bessel").norm("mag"));
        on::<T, _>(iir([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]).zi([0.5, 0.0]));
        on::<T, _>(lfilter([1.0, 0.5]).a([1.0, -0.5]).zi([0.25]));
        on::<T, _>(iir_biquad("peaking", 50.0).q(2.0).gain(3.0));
        on::<T, _>(iir_notch(50.0));
        on::<T, _>(iir_peak(50.0));
        on::<T, _>(iir_comb(50.0).ftype("peak"));
        on::<T, _>(dc_block());
        on::<T, _>(fir([0.5, 0.5]));
        on::<T, _>(fir_windowed([10.0, 20.0]).numtaps(11));
        on::<T, _>(fir_lowpass(10.0).numtaps(11).decimate(2));
        on::<T, _>(fir_highpass(10.0).numtaps(11));
        on::<T, _>(fir_bandpass(10.0, 20.0).numtaps(11));
        on::<T, _>(fir_bandstop(10.0, 20.0).numtaps(11));
        on::<T, _>(fir_firls([0.0, 10.0, 20.0, 500.0], [1, 1, 0, 0]));
        on::<T, _>(fir_remez([0.0, 100.0, 200.0, 500.0], [1, 0]).numtaps(11));
        on::<T, _>(fir_rrc(100.0));
        on::<T, _>(differentiator());
        on::<T, _>(savgol(5, 2).deriv(1).mode("interp"));
        on::<T, _>(resample().up(2).down(3));
        on::<T, _>(preemphasis().tau(0.01));
        on::<T, _>(deemphasis().tau(0.01));
    }
    of::<f64>();
    of::<f32>();
    of::<i16>();
    of::<[f32; 3]>();
    of::<[u8; 2]>();
    of::<Complex<f32>>();
}

#[test]
fn statistics_of_the_last_items_are_real() {
    fn of<T: Numbers>() {
        on::<T, _>(window(8).step(2));
        on::<T, _>(window("8 ms").function("std"));
        on::<T, _>(moving_average(8));
        on::<T, _>(median(5));
        on::<T, _>(ewma().alpha(0.5));
        on::<T, _>(kalman(0.1, 0.1));
        on::<T, _>(zscore(9));
        on::<T, _>(sta_lta(2, 20));
        on::<T, _>(sta_lta_recursive(2, 20));
        on::<T, _>(echo("10 ms"));
        on::<T, _>(pitch_shift(3.0));
        on::<T, _>(level(10).function("peak"));
    }
    of::<f64>();
    of::<f32>();
    of::<i32>();
    of::<[f32; 3]>();
    on::<i16, i64>(window_as(4).function("sum"));
    on::<u8, u8>(window_as(4).function("max"));
    on::<f32, _>(reverb());
    on::<[f32; 2], _>(reverb());
}

#[test]
fn spectra_are_vectors_as_long_as_the_stream_says() {
    type C = Complex<f64>;
    on::<f64, [C; 8]>(fft().size(8));
    on::<f32, [Complex<f32>; 8]>(fft().size(8));
    on::<[C; 8], [C; 8]>(ifft());
    on::<f64, [C; 5]>(rfft().size(8));
    on::<[C; 5], [f64; 8]>(irfft().size(8));
    on::<f64, [C; 9]>(stft().size(16).hop(8));
    on::<f32, [f32; 9]>(spectrogram().size(16));
    on::<f64, [f64; 9]>(welch().size(16).segments(2));
    on::<f64, [f64; 9]>(welch().size(16).average("median"));
    on::<[i16; 9], [f64; 9]>(detrend().kind("constant"));
    on::<f32, [f32; 9]>(dct().size(9).kind("3"));
    on::<[f32; 9], [f32; 4]>(mel(8_000.0).bands(4));
    on::<f64, [f64; 16]>(cepstrum().size(16));
    on::<f64, C>(goertzel(50.0, 100));
    on::<f64, [C; 2]>(goertzel([50.0, 60.0], 100));
    on::<f64, [f64; 3]>(octaves("1 s").low(63.0).high(250.0));
}

#[test]
fn radio_is_complex_on_one_side_and_real_on_the_other() {
    fn of<R: Numbers, C: Numbers>() {
        on::<R, _>(shift(10.0));
        on::<R, _>(hilbert());
        on::<R, _>(am_mod());
        on::<R, _>(fm_mod().sensitivity(0.1));
        on::<R, _>(pm_mod());
        on::<C, _>(shift(10.0));
        on::<C, _>(am_demod());
        on::<C, _>(fm_demod());
        on::<C, _>(pm_demod());
        on::<C, _>(pll(0.1));
        on::<C, _>(pll_reference(0.1));
        on::<C, _>(pll_freq(0.1));
        on::<C, _>(agc());
        on::<R, _>(agc());
        on::<C, _>(squelch(-40.0));
        on::<C, _>(correlate([1.0, -1.0]));
        on::<R, _>(clock_mm(4.0));
        on::<R, _>(slice_binary());
        on::<C, _>(slice_qpsk());
        on::<R, _>(gain(-3.0));
        on::<R, _>(loudness());
    }
    of::<f32, Complex<f32>>();
    of::<f64, Complex<f64>>();
}

#[test]
fn what_is_detected_and_learned_has_the_types_of_the_table() {
    on::<f32, _>(threshold(1.0));
    on::<f32, _>(threshold_state(1.0).off(0.5));
    on::<i16, _>(peaks().height([1.0, 5.0]).prominence(0.5).wlen(90));
    on::<f32, _>(peak_properties("0.5 s").width(["2 ms", "0.2 s"]));
    on::<f64, _>(zero_crossings());
    on::<f64, _>(cusum(3.0));
    on::<f64, _>(quench(3.0));
    on::<f32, _>(moments());
    on::<f64, _>(quantile().q(0.9));
    on::<f32, f64>(tdigest().q(0.9));
    on::<i16, [f64; 2]>(tdigest().q([0.1, 0.9]).compression(50));
    on::<[f64; 3], [f64; 5]>(regress_on());
    on::<[f64; 2], _>(regress());
    on::<f32, _>(regress().every(10));
    on::<[f64; 2], _>(kmeans(3));
    on::<[f64; 2], [f64; 6]>(kmeans_centers(3));
    on::<[f64; 3], [f64; 2]>(pca(2));
    on::<[f64; 3], [f64; 2]>(pca_variance(2));
    on::<[f64; 3], [f64; 6]>(pca_components(2));
    on::<u32, [i64; 4]>(misra_gries(2));
    on_text(misra_gries_texts(2).bytes(20));
    on_text(reservoir(5).bytes(20));
    on::<u32, _>(count_min());
    on::<u32, _>(bloom(100));
    on::<u32, _>(hyperloglog());
    on::<f64, _>(reservoir(5));
}

#[test]
fn what_passes_items_on_keeps_their_type() {
    fn of<T: Kind>() {
        on::<T, _>(copy());
        on::<T, _>(head(3));
        on::<T, _>(skip("1 ms"));
        on::<T, _>(throttle());
        on::<T, _>(decimate(2));
        on::<T, _>(changes());
        on::<T, _>(delay().items(3));
    }
    of::<f64>();
    of::<i16>();
    of::<[f32; 3]>();
    of::<Complex<f32>>();
    on::<f64, _>(filter("x > 0"));
    on::<f64, _>(skip_while("x > 0"));
    on::<f64, _>(take_while("x > 0"));
    on::<f64, _>(scale().factor(2.0));
    on::<i16, _>(diff());
    on::<f64, f32>(map("2 * x"));
    on::<f64, f64>(scan("s + x").init(1.0).keep("x > 0"));
    on::<f64, [f64; 2]>(scan(["p + x", "q + 1"]).names(["p", "q"]).init([0, 0]));
    on::<f64, [f64; 4]>(blocks(4));
    on::<f64, [f64; 4]>(blocks(4).step(1));
    on::<[f32; 4], _>(flatten());
    on::<[f32; 4], _>(norm().ord("1"));
    on::<[f32; 4], f32>(pick(2));
    on::<[f32; 4], [f32; 2]>(pick([2, 0]));
}

#[test]
fn several_streams_are_typed_too() {
    let mut g = Graph::new("several");
    let [x, y] = ["x", "y"].map(|name| g.source(name, constant(1.0).rate(1_000.0)));
    let _: Stream<f64> = x.apply("sum", zip([&y]).expr("a + b"));
    let _: Stream<f64> = x.apply("more", map("x * gain").live([("gain", 2.0)]));
    let _: Stream<[f64; 2]> = x.apply("pair", zip([&y]));
    let _: Stream<Timed<f64>> = x.apply("times", timed().with(&y));
    let flags = x.apply("flags", threshold_state(0.5));
    x.apply("open", gate(&flags));
    x.apply("few", release_counted(&y));
    x.apply("any", drain(&flags));
    let _: Stream<u32> = x.apply("merged", merge([&y]).index(true)).port("index");
    x.apply("woven", weave([&y]).counts([1, 2]));
    x.apply("both", concat([&y]));
    x.apply("mixed", mix([&y]).gains([0.5, 0.5]));
    let part: Stream<f64> = x.apply("parts", route("x > 0")).port("1");
    part.write("out", null().with(&x));
    let [v, w] = ["v", "w"]
        .map(|name| g.source(name, constant([1.0, 2.0]).rate(1_000.0).dtype::<[f64; 2]>()));
    let _: Stream<[f64; 3]> = v.apply("joined", join(&w).left(0));
    let _: Stream<f64> = v.apply("columns", unstack::<_, f64>()).port("0");
    x.apply("line", regress().with(&y));
    let rows: Stream<Timed<[f64; 2]>> = v.apply("rows", timed().times("rate"));
    let _: Stream<Timed<[f64; 2]>> = rows.apply("middles", timed_window_as(1.0).function("median"));
    checked(g, "several");
    on_timed(|t| t.apply("mean", timed_window(1.0).function("max")));
    on_timed(|t| t.apply("middle", timed_window(1.0).function("quantile").q(0.3)));
    on_timed(|t| t.apply("mixed", timed_mix([t])));
    on_timed(|t| t.apply::<[f64; 3]>("zipped", timed_zip([t])));
    on_timed(|t| t.apply("sampled", sample(t)));
    on_timed(|t| t.apply("released", release(t)));
}

#[test]
fn text_has_typed_operators() {
    on_text(lines());
    on_text(words().of("letters"));
    on_text(lower());
    on_text(upper());
    on_text(contains("a").invert(true));
    on_text(text_replace("a", "b").regex(true));
    on_text(text_length().of("bytes"));
    on_text(regex_match("a+"));
    on_text(regex_extract("(a+)"));
    on_text(regex_numbers::<u16>("([0-9]+)"));
    on_text(json_field("a.b"));
    on_text(json_numbers::<f32>("a.b").missing("error"));
    on_text(text_parse::<i64>().invalid("skip"));
    on_text(text_format("{x}!"));
    on_text(text_pack::<8>(8).longer("cut"));
    on::<[u8; 8], _>(text_unpack().missing("-"));
    on_text(window_items(3).step(2).bytes(99));
    on::<f64, _>(window_items(3));
    on_text(count_by().emit("change"));
    on_text(copy());
    on_text(count_min());
    on::<f64, _>(text_format("{x}!"));
}
