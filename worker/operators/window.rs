//! `window`: one number for each window of items.
//!
//! The n-th window is the items `n * step .. n * step + size`; its result goes out as soon as the last of
//! them is here. There is no partial window, neither at the start nor at the end.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, Status};
use crate::op::{Args, Arity, InputInfo, OpDef, OpError, ParamDef, ParamKind};
use crate::ranks::{median_of, medians};
use crate::sliding::growing::{self, Growing};
use crate::sliding::{
    Deviations, Fold, Folder, Max, Min, Range, Squares, Sum, Windows, folder, scan,
};
use crate::types::{ItemType, Scalar, VECTOR_LEN_MAX};
use crate::units::{Unit, squared};
use crate::wide::{View, Wide};

use super::live_numbers::{LIVE, without_expr};
use super::window_expr;
use super::window_items;
use super::window_texts;

/// The row of the table.
pub const WINDOW: OpDef = OpDef {
    name: "window",
    summary: "sum, mean, min, max, std, var, rms, median or ptp of each window",
    doc: "The n-th window is the items `n * step .. n * step + size`, and its result is out as soon as it is full. \
There is no partial window at either end, but with `growing`, whose windows grow until they are full (each of those costs its length); `step` may be smaller than `size` (windows overlap), equal or larger (items are \
skipped). `fn` is as in NumPy: `std` and `var` divide by `size` (ddof 0), `rms` is the root of the mean square, `ptp` the \
largest minus the smallest; a NaN in a window makes its result NaN. Vector items give one number per element. \
Types: `min`, `max` and `ptp` keep the input's; a `sum` of integers is i64 or u64 and wraps, the `ptp` of signed integers stops \
at the type's largest value; everything else is f64, or f32 for f32 (computed in f64). An item costs the same whatever `size` is \
(the median: beyond 4096 items its square root), and nothing drifts: no sum is ever made by subtracting. \
With `expr` the window is a vector, and becomes what the expression (as of `map`) makes of it: `expr=\"max(x) - x[0]\"`; vector items \
lie in it one after the other. That costs the window's length. \
Source: van Herk (1992), Gil and Werman (1993), on blocks counted in absolute positions.",
    inputs: Arity::One,
    outputs: "one stream of `rate / step`, of the input's shape",
    params: &[
        SIZE,
        ParamDef {
            name: "step",
            kind: ParamKind::Length,
            default: Some("1"),
            unit: "items",
            doc: "Items from one window's beginning to the next one's.",
        },
        ParamDef {
            name: "fn",
            kind: ParamKind::Choice(&[
                "sum", "mean", "min", "max", "std", "var", "rms", "median", "ptp", "items",
            ]),
            default: Some("mean"),
            unit: "",
            doc: "What a window becomes; `items`: the text `[1,2,3]`, all it has, as JSON. The only one for texts.",
        },
        ParamDef {
            name: "expr",
            kind: ParamKind::Expr,
            default: Some(""),
            unit: "",
            doc: "What a window becomes instead of `fn`: an expression over `x`, all its items as a vector.",
        },
        ParamDef {
            name: "growing",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "Slide from start-up: the k-th window ends behind item `(k + 1) * step - 1` and is the last `size` items, or all there are.",
        },
        ParamDef {
            name: "bytes",
            kind: ParamKind::Int,
            default: Some("65536"),
            unit: "bytes",
            doc: "Of texts, how many bytes those of a window may take (each with its quotes and 4 more); more end the run.",
        },
        LIVE,
    ],
    example: "counter items=1000 ! window size=8 step=4 fn=mean ! null",
    deterministic: true,
    build,
};

/// How long windows are, of every operator that says it in items.
pub(crate) const SIZE: ParamDef = ParamDef {
    name: "size",
    kind: ParamKind::Length,
    default: None,
    unit: "items",
    doc: "Items in a window.",
};

/// What a window becomes.
pub(super) const FN: ParamDef = ParamDef {
    name: "fn",
    kind: ParamKind::Choice(&[
        "sum", "mean", "min", "max", "std", "var", "rms", "median", "ptp",
    ]),
    default: Some("mean"),
    unit: "",
    doc: "What a window becomes.",
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let windows = Wanted {
        full: Windows {
            size: args.required_length("size", 1)?,
            step: args.required_length("step", 1)?,
        },
        growing: args.flag("growing"),
    };
    if let Some(text) = expression(args)? {
        return window_expr::build(args, text, windows);
    }
    if input.item_type == ItemType::Text {
        return match args.text("fn") {
            Some("items") => window_texts::counted(args, windows),
            _ => Err(
                OpError::input_type("window", input, "numbers, unless `fn = \"items\"`")
                    .with_help("`text.length` and `text.parse` make numbers of texts; `fn = \"items\"` gives all texts of a window as a line of JSON"),
            ),
        };
    }
    let Some((scalar, width)) = input.item_type.elements().filter(|(s, _)| !s.is_complex()) else {
        return Err(
            OpError::input_type("window", input, "real numbers or vectors of them")
                .or_help("map complex items to real ones first, for example `map expr=\"abs(x)\"`"),
        );
    };
    let what = args.text("fn").unwrap_or("mean");
    if what == "items" {
        return Ok(window_items::counted(input, windows, (scalar, width)));
    }
    let gives = gives(what, scalar);
    let size = windows.full.size as f64;
    match what {
        "sum" | "min" | "max" | "ptp" if scalar.is_float() => {
            let folder = picked::<f64>(what, windows, width);
            assemble(args, windows, scalar, gives, folder, Finish::Nothing)
        }
        "sum" | "min" | "max" | "ptp" if is_signed(scalar) => {
            let folder = picked::<i64>(what, windows, width);
            assemble(args, windows, scalar, gives, folder, Finish::Nothing)
        }
        "sum" | "min" | "max" | "ptp" => {
            let folder = picked::<u64>(what, windows, width);
            assemble(args, windows, scalar, gives, folder, Finish::Nothing)
        }
        _ => {
            let (folder, finish) = match what {
                "median" => {
                    let full = medians(windows.full, width, scalar);
                    (windows.folder(width, middles(width), full), Finish::Nothing)
                }
                "rms" => (sliding::<Squares>(windows, width), Finish::RootOver(size)),
                "var" => (deviations(windows, width), Finish::Over(size)),
                "std" => (deviations(windows, width), Finish::RootOver(size)),
                _ => (sliding::<Sum<f64>>(windows, width), Finish::Over(size)),
            };
            assemble(args, windows, scalar, gives, folder, finish)
        }
    }
}

/// The expression of what a window becomes, where there is one. Refused where `fn` says it as well, and so are live
/// numbers without it.
pub(super) fn expression(args: &Args) -> Result<Option<&str>, OpError> {
    let text = args.text("expr").filter(|text| !text.is_empty());
    if text.is_some() && args.is_given("fn") {
        let refused = "`fn` and `expr` each say what a window becomes";
        return Err(OpError::param("fn", refused).or_help("give one of them"));
    }
    if text.is_none() {
        without_expr(args)?;
    }
    Ok(text)
}

/// Refuses a parameter that makes windows longer than an expression's vectors.
pub(super) fn check_len(name: &str, items: u64, input: &InputInfo) -> Result<(), OpError> {
    let width = input
        .item_type
        .elements()
        .map_or(1, |(_, width)| width as u64);
    if items.saturating_mul(width) <= VECTOR_LEN_MAX as u64 {
        return Ok(());
    }
    let message = format!(
        "`{name}` is {items}, and an expression sees at most {} items of {}",
        VECTOR_LEN_MAX as u64 / width,
        input.item_type
    );
    Err(OpError::param(name, message))
}

/// The type of what a function makes of windows of this one.
fn gives(what: &str, scalar: Scalar) -> Scalar {
    match what {
        "min" | "max" | "ptp" => scalar,
        "sum" if scalar.is_float() => scalar,
        "sum" if is_signed(scalar) => Scalar::I64,
        "sum" => Scalar::U64,
        _ if scalar == Scalar::F32 => Scalar::F32,
        _ => Scalar::F64,
    }
}

/// What makes a number of one window of any length, from the bytes of its items; for each of `width` elements one.
pub(super) type OfOne = Box<dyn FnMut(&[u8], &mut [u8])>;

/// A function of one window, and the type of what it gives: as `window` has it.
pub(super) fn of_one(what: &str, scalar: Scalar, width: usize) -> (Scalar, OfOne) {
    let gives = gives(what, scalar);
    let typed = Typed {
        takes: scalar,
        gives,
    };
    let made = match what {
        "sum" | "min" | "max" | "ptp" if scalar.is_float() => one(
            typed,
            width,
            picked_one::<f64>(what, width),
            Finish::Nothing,
        ),
        "sum" | "min" | "max" | "ptp" if is_signed(scalar) => one(
            typed,
            width,
            picked_one::<i64>(what, width),
            Finish::Nothing,
        ),
        "sum" | "min" | "max" | "ptp" => one(
            typed,
            width,
            picked_one::<u64>(what, width),
            Finish::Nothing,
        ),
        "median" => one(typed, width, middles(width), Finish::Nothing),
        "rms" => one(
            typed,
            width,
            one_of::<Squares>(width),
            Finish::RootOver(1.0),
        ),
        "var" => one(typed, width, one_of::<Deviations>(width), Finish::Over(1.0)),
        "std" => one(
            typed,
            width,
            one_of::<Deviations>(width),
            Finish::RootOver(1.0),
        ),
        _ => one(typed, width, one_of::<Sum<f64>>(width), Finish::Over(1.0)),
    };
    (gives, made)
}

/// The types of a function's items and of what it gives.
#[derive(Clone, Copy)]
struct Typed {
    takes: Scalar,
    gives: Scalar,
}

fn one<W: Finishing>(
    Typed { takes, gives }: Typed,
    width: usize,
    mut fold: growing::OneWindow<W>,
    how: Finish,
) -> OfOne {
    let (mut taken, mut given) = (Vec::new(), vec![W::zeroed(); width]);
    Box::new(move |bytes, slot| {
        W::load(takes, bytes, &mut taken);
        fold(&taken, &mut given);
        W::finish(&mut given, how.of((taken.len() / width) as u64));
        W::store(&given, gives, slot);
    })
}

fn picked_one<W: crate::sliding::Arithmetic>(what: &str, width: usize) -> growing::OneWindow<W> {
    match what {
        "min" => one_of::<Min<W>>(width),
        "max" => one_of::<Max<W>>(width),
        "ptp" => one_of::<Range<W>>(width),
        _ => one_of::<Sum<W>>(width),
    }
}

fn is_signed(scalar: Scalar) -> bool {
    matches!(scalar, Scalar::I8 | Scalar::I16 | Scalar::I32 | Scalar::I64)
}

/// Which windows, and whether they grow at first.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// As they are once they are full.
    pub(super) full: Windows,
    pub(super) growing: bool,
}

impl Wanted {
    /// `full`, or what also folds windows that grow.
    fn folder<W: Wide>(
        self,
        width: usize,
        one: growing::OneWindow<W>,
        full: Box<dyn Folder<W>>,
    ) -> Box<dyn Folder<W>> {
        match self.growing {
            true => Box::new(Growing::new(self.full, width, one, full)),
            false => full,
        }
    }

    /// How many windows have ended when `items` items have been seen.
    pub(super) fn ended(self, items: u64) -> u64 {
        match self.growing {
            true => growing::ended(self.full, items),
            false => self.full.ended(items),
        }
    }

    /// The position of the n-th window's first item.
    pub(super) fn begin(self, n: u64) -> u64 {
        self.end(n).saturating_sub(self.full.size)
    }

    /// The position after the n-th window's last item.
    pub(super) fn end(self, n: u64) -> u64 {
        match self.growing {
            true => growing::end(self.full, n),
            false => self.full.end(n),
        }
    }

    /// The items of the n-th window as they lie in the stream, of an input that shows them all.
    pub(super) fn items(self, n: u64, input: &Input) -> &[u8] {
        let item_len = input.item_len();
        let (bytes, past) = input.past_elements::<u8>();
        let oldest = input.position() - (past / item_len) as u64;
        let at = |place: u64| (place - oldest) as usize * item_len;
        &bytes[at(self.begin(n))..at(self.end(n))]
    }
}

/// The folder of a function whose result is of the type it computes in.
fn picked<W: crate::sliding::Arithmetic>(
    what: &str,
    windows: Wanted,
    width: usize,
) -> Box<dyn Folder<W>> {
    match what {
        "min" => sliding::<Min<W>>(windows, width),
        "max" => sliding::<Max<W>>(windows, width),
        "ptp" => sliding::<Range<W>>(windows, width),
        _ => sliding::<Sum<W>>(windows, width),
    }
}

fn sliding<F: scan::Scan>(windows: Wanted, width: usize) -> Box<dyn Folder<F::Item>> {
    let full = scan::folder::<F>(windows.full, width);
    windows.folder(width, one_of::<F>(width), full)
}

fn deviations(windows: Wanted, width: usize) -> Box<dyn Folder<f64>> {
    let full = folder::<Deviations>(windows.full, width);
    windows.folder(width, one_of::<Deviations>(width), full)
}

/// Folds one window from its items.
fn one_of<F: Fold>(width: usize) -> growing::OneWindow<F::Item> {
    Box::new(move |items, out| {
        for (c, slot) in out.iter_mut().enumerate() {
            *slot = F::at_once(items[c..].iter().step_by(width).copied());
        }
    })
}

/// The median of one window.
fn middles(width: usize) -> growing::OneWindow<f64> {
    let mut keys = Vec::new();
    Box::new(move |items, out| {
        for (c, slot) in out.iter_mut().enumerate() {
            *slot = median_of(items[c..].iter().step_by(width).copied(), &mut keys);
        }
    })
}

fn assemble<W: Finishing>(
    args: &Args,
    windows: Wanted,
    takes: Scalar,
    gives: Scalar,
    folder: Box<dyn Folder<W>>,
    finish: Finish,
) -> Result<Blueprint, OpError> {
    let input = args.input();
    let width = input.item_type.elements().map_or(1, |(_, width)| width);
    let rate = input.rate.map(|rate| rate / windows.full.step as f64);
    let unit = match args.text("fn") {
        Some("var") => Unit::maybe(input.unit.as_deref().map(squared)),
        _ => Unit::Of(0),
    };
    let agent = Window {
        windows,
        width,
        takes,
        gives,
        folder,
        finish,
        taken: Vec::new(),
        given: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()).retain(windows.full.size as usize - 1))
        .output(OutPort::new(input.item_type.with_scalar(gives), rate).unit(unit)))
}

/// What turns a fold into the function's value.
#[derive(Clone, Copy)]
enum Finish {
    Nothing,
    /// A mean: divides by the window's size.
    Over(f64),
    /// The root of a mean.
    RootOver(f64),
}

impl Finish {
    /// The same for a window of another size.
    fn of(self, size: u64) -> Finish {
        match self {
            Finish::Nothing => Finish::Nothing,
            Finish::Over(_) => Finish::Over(size as f64),
            Finish::RootOver(_) => Finish::RootOver(size as f64),
        }
    }
}

trait Finishing: Wide {
    fn finish(values: &mut [Self], how: Finish);
}

impl Finishing for f64 {
    fn finish(values: &mut [f64], how: Finish) {
        match how {
            Finish::Nothing => {}
            Finish::Over(size) => over(values, size),
            Finish::RootOver(size) => root_over(values, size),
        }
    }
}

compiled_for_vectors! {
    fn over(values: &mut [f64], size: f64) {
        values.iter_mut().for_each(|x| *x /= size);
    }
}

compiled_for_vectors! {
    fn root_over(values: &mut [f64], size: f64) {
        values.iter_mut().for_each(|x| *x = (*x / size).sqrt());
    }
}

impl Finishing for i64 {
    fn finish(_: &mut [i64], _: Finish) {}
}

impl Finishing for u64 {
    fn finish(_: &mut [u64], _: Finish) {}
}

/// Finishes the windows from the `first` on: those that are not full by the items they have.
fn finish<W: Finishing>(values: &mut [W], windows: Wanted, width: usize, how: Finish, first: u64) {
    let Windows { size, .. } = windows.full;
    let partial = match windows.growing {
        true => windows.ended(size - 1).saturating_sub(first),
        false => 0,
    };
    let partial = values.len().min(partial as usize * width);
    let (growing, full) = values.split_at_mut(partial);
    for (k, value) in (first..).zip(growing.chunks_exact_mut(width)) {
        W::finish(value, how.of(windows.end(k)));
    }
    W::finish(full, how);
}

/// Where it is follows from the streams' positions; its fields are caches and scratch.
///
/// Between calls every window that ended with a consumed item has been given: items are
/// consumed up to one before the end of the first window that found no room.
struct Window<W> {
    windows: Wanted,
    width: usize,
    takes: Scalar,
    gives: Scalar,
    folder: Box<dyn Folder<W>>,
    finish: Finish,
    taken: Vec<W>,
    given: Vec<W>,
}

impl<W: Finishing> Agent for Window<W> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let mut view = View::new(input, self.takes, &mut self.taken);
        let (from, done) = (input.position(), output.position());
        let most = done + output.space() as u64;
        let to = view.end().min(self.windows.end(most) - 1);
        let count = (self.windows.ended(to) - done) as usize;
        let len = count * self.width;
        if self.gives == W::SCALAR {
            let room = &mut output.elements::<W>()[..len];
            self.folder.run(&mut view, from, to, room);
            finish(room, self.windows, self.width, self.finish, done);
        } else {
            self.given.resize(len, W::zeroed());
            self.folder.run(&mut view, from, to, &mut self.given);
            let given = &mut self.given;
            finish(given, self.windows, self.width, self.finish, done);
            let len_bytes = count * output.item_len();
            W::store(&self.given, self.gives, &mut output.bytes()[..len_bytes]);
        }
        input.consume((to - from) as usize);
        output.produce(count);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use bytemuck::Pod;

    use crate::op::Value;
    use crate::operators::trial::{Given, build, given, output};

    fn params(what: &str, size: i64, step: i64) -> [(&'static str, Value); 3] {
        [
            ("fn", what.into()),
            ("size", size.into()),
            ("step", step.into()),
        ]
    }

    fn window<T: Pod>(x: Given, what: &str, size: i64, step: i64) -> Vec<T> {
        output("window", &[x], &params(what, size, step), None)
    }

    #[test]
    fn every_function_of_one_window() {
        let cases = [
            ("sum", 12.0),
            ("mean", 3.0),
            ("min", 1.0),
            ("max", 6.0),
            ("var", 3.5),
            ("std", 3.5f64.sqrt()),
            ("rms", 12.5f64.sqrt()),
            ("median", 2.5),
            ("ptp", 5.0),
        ];
        for (what, expected) in cases {
            let x = given("f64", &[6.0, 1.0, 2.0, 3.0]);
            assert_eq!(window::<f64>(x, what, 4, 1), [expected], "{what}");
        }
    }

    #[test]
    fn windows_overlap_touch_or_leave_gaps_and_are_never_partial() {
        let x = || given("i64", &[1i64, 2, 3, 4, 5, 6, 7]);
        assert_eq!(window::<i64>(x(), "sum", 3, 1), [6, 9, 12, 15, 18]);
        assert_eq!(window::<i64>(x(), "sum", 3, 3), [6, 15]);
        assert_eq!(window::<i64>(x(), "sum", 2, 5), [3, 13]);
        assert_eq!(window::<i64>(x(), "sum", 8, 1), [0i64; 0]);
    }

    #[test]
    fn windows_that_grow_are_those_that_slide_once_they_are_full() {
        let numbers: Vec<f64> = (0..200)
            .map(|n| f64::from((n * 7919) % 1009 - 500))
            .collect();
        for what in [
            "sum", "mean", "min", "max", "std", "var", "rms", "median", "ptp",
        ] {
            for (size, step) in [(10, 1), (10, 3), (40, 4), (4, 4), (3, 5), (1, 1), (300, 7)] {
                let mut params = params(what, size, step).to_vec();
                params.push(("growing", true.into()));
                let found: Vec<f64> = output("window", &[given("f64", &numbers)], &params, None);
                assert_eq!(found.len(), 200 / step as usize, "{what} {size} {step}");
                for (k, &y) in found.iter().enumerate() {
                    let end = (k + 1) * step as usize;
                    let items = &numbers[end.saturating_sub(size as usize)..end];
                    let len = items.len() as i64;
                    let alone: Vec<f64> = window(given("f64", items), what, len, len);
                    let apart = (y - alone[0]).abs();
                    assert!(apart <= 1e-12 * alone[0].abs(), "{what} {size} {step} {k}");
                }
            }
        }
    }

    #[test]
    fn a_sliding_fold_is_the_fold_of_each_window() {
        let numbers: Vec<i32> = (0..500).map(|n| (n * 7919) % 1009 - 500).collect();
        for what in ["sum", "min", "max", "ptp", "median", "var", "rms"] {
            for (size, step) in [(17, 1), (64, 3), (499, 1)] {
                let x = given(
                    "f64",
                    &numbers.iter().map(|&n| f64::from(n)).collect::<Vec<_>>(),
                );
                let sliding: Vec<f64> = window(x, what, size, step);
                let starts = (0..=500 - size).step_by(step as usize);
                assert_eq!(sliding.len(), starts.clone().count());
                for (found, start) in sliding.iter().zip(starts) {
                    let items = &numbers[start as usize..(start + size) as usize];
                    let items: Vec<f64> = items.iter().map(|&n| f64::from(n)).collect();
                    let alone: Vec<f64> = window(given("f64", &items), what, size, size);
                    let apart = (found - alone[0]).abs();
                    assert!(
                        apart <= 1e-12 * alone[0].abs(),
                        "{what} {size} {step} {start}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_sliding_median_is_the_middle_of_each_window_in_order() {
        let mut random = 3u64;
        let numbers: Vec<f64> = (0..1500)
            .map(|n| {
                random = random
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                match random >> 58 {
                    0 if n > 1200 => f64::NAN,
                    0..=9 => f64::from(n % 7),
                    10 | 11 => -0.0,
                    12 => f64::NEG_INFINITY,
                    _ => (random >> 40) as f64 / 1e7 - 0.7,
                }
            })
            .collect();
        let narrow: Vec<f32> = numbers.iter().map(|&x| x as f32).collect();
        for (size, step) in [(3, 1), (8, 1), (17, 2), (100, 1), (300, 7), (601, 1)] {
            let wide: Vec<f64> = window(given("f64", &numbers), "median", size, step);
            let less: Vec<f32> = window(given("f32", &narrow), "median", size, step);
            assert_eq!(wide.len(), (1500 - size as usize) / step as usize + 1);
            assert_eq!(less.len(), wide.len());
            for (n, (&wide, &less)) in wide.iter().zip(&less).enumerate() {
                let items = n * step as usize..n * step as usize + size as usize;
                let middle = |mut items: Vec<f64>| {
                    items.sort_unstable_by(f64::total_cmp);
                    let (low, high) = (items[(items.len() - 1) / 2], items[items.len() / 2]);
                    match items.iter().any(|x| x.is_nan()) {
                        true => f64::NAN,
                        false if low == high => low,
                        false => low / 2.0 + high / 2.0,
                    }
                };
                let expected = middle(numbers[items.clone()].to_vec());
                let narrowed = narrow[items].iter().map(|&x| f64::from(x)).collect();
                let narrowed = middle(narrowed) as f32;
                let same =
                    wide.to_bits() == expected.to_bits() || wide.is_nan() && expected.is_nan();
                assert!(same, "{size} {step} {n}: {wide} and not {expected}");
                let same =
                    less.to_bits() == narrowed.to_bits() || less.is_nan() && narrowed.is_nan();
                assert!(same, "{size} {step} {n}: {less} and not {narrowed}");
            }
        }
    }

    #[test]
    fn a_nan_or_an_infinity_leaves_with_its_item() {
        for bad in [f64::NAN, f64::INFINITY] {
            let mut numbers = vec![1.0; 100];
            numbers[30] = bad;
            for what in ["sum", "mean", "std", "rms", "median", "max", "ptp"] {
                for size in [4, 20] {
                    let x = given("f64", &numbers);
                    let found: Vec<f64> = window(x, what, size as i64, 1);
                    let usual = found[0];
                    let clear = |n: usize| !(n..n + size).contains(&30);
                    for (n, &y) in found.iter().enumerate().filter(|(n, _)| clear(*n)) {
                        assert_eq!(y, usual, "{what} {size} {n}");
                    }
                    if what != "median" {
                        assert!(!found[30].is_finite(), "{what} {size}");
                    }
                }
            }
        }
    }

    #[test]
    fn elements_of_vectors_have_windows_of_their_own() {
        let x = given("u16[2]", &[1u16, 100, 2, 300, 3, 200]);
        assert_eq!(window::<[u16; 2]>(x, "max", 2, 1), [[2, 300], [3, 300]]);
    }

    #[test]
    fn results_have_the_types_that_are_documented() {
        let gives = |input: &str, what: &str| {
            let blueprint = build(
                "window",
                &[given::<u8>(input, &[])],
                &params(what, 4, 2),
                None,
            );
            blueprint.unwrap().outputs[0].item_type.to_string()
        };
        let cases = [
            ("i16", "sum", "i64"),
            ("u8", "sum", "u64"),
            ("i16", "ptp", "i16"),
            ("i16", "mean", "f64"),
            ("f32", "std", "f32"),
            ("f32", "sum", "f32"),
            ("u32[3]", "median", "f64[3]"),
        ];
        for (input, what, expected) in cases {
            assert_eq!(gives(input, what), expected, "{what} of {input}");
        }
    }

    #[test]
    fn the_range_of_signed_integers_stops_at_their_largest_value() {
        let x = given("i8", &[-100i8, 100]);
        assert_eq!(window::<i8>(x, "ptp", 2, 1), [127]);
        let x = given("u8", &[0u8, 200]);
        assert_eq!(window::<u8>(x, "ptp", 2, 1), [200]);
    }

    #[test]
    fn lengths_may_be_durations_and_the_rate_is_divided_by_the_step() {
        let lengths = [("size", "1 s".into()), ("step", "0.5 s".into())];
        let x = given::<f64>("f64", &[]).rate(100.0);
        let blueprint = build("window", &[x], &lengths, None).unwrap();
        assert_eq!(blueprint.inputs[0].retain, 99);
        assert_eq!(blueprint.outputs[0].rate, Some(2.0));
    }

    #[test]
    fn a_window_becomes_what_fn_or_expr_says_and_not_both() {
        let both = [
            ("size", 3.into()),
            ("fn", "mean".into()),
            ("expr", "sum(x)".into()),
        ];
        let refused = build("window", &[given("f64", &[0.0])], &both, None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("fn"));
        assert!(build("window", &[given("f64", &[0.0])], &both[..2], None).is_ok());
    }

    #[test]
    fn complex_items_and_empty_windows_are_refused() {
        let x = given::<u64>("cf32", &[]);
        let error = build("window", &[x], &params("sum", 4, 1), None).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("in"));
        for (size, step, param) in [(0, 1, "size"), (1, 0, "step")] {
            let x = given::<f64>("f64", &[]);
            let error = build("window", &[x], &params("sum", size, step), None).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(param));
        }
    }
}
