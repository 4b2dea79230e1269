//! `moving_average`, `median`, `zscore`: of the last items, one for each item.
//!
//! Where the whole window is in the stream its result is that of `window`; before, zeros stand for the
//! items that there never were, as in `lfilter` (a z-score is 0 there).

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, OutPort, Status};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::ranks::medians;
use crate::sliding::{Deviations, Folder, Sum, Windows, folder};
use crate::types::Scalar;
use crate::wide::View;

use super::each::OUTPUTS;
use super::stretches::Stretches;

const SIZE: ParamDef = ParamDef {
    name: "size",
    kind: ParamKind::Length,
    default: None,
    unit: "items",
    doc: "Items in a window, the newest one included.",
};

/// The row of the moving average.
pub const MOVING_AVERAGE: OpDef = OpDef {
    name: "moving_average",
    summary: "the mean of the last items, one for each item",
    doc: "`scipy.signal.lfilter(numpy.ones(size) / size, 1, x)`: from rest, items before the stream's beginning count as 0; delayed by `(size - 1) / 2` items. \
`window fn=mean` is the same without the first `size - 1` items. An item costs the same whatever `size` is, and nothing drifts: no sum is made by subtracting. \
f32 stays f32 (computed in f64), everything else becomes f64; vector items per element.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[SIZE],
    example: "noise rate=100 items=1000 ! moving_average size=20 ! null",
    deterministic: true,
    build: |args| build(args, What::Mean),
};

/// The row of the median filter.
pub const MEDIAN: OpDef = OpDef {
    name: "median",
    summary: "the median of the last items, one for each item",
    doc: "`scipy.signal.medfilt(x, size)`, delayed by `(size - 1) / 2` items: items before the stream's beginning count as 0. Of an even number, the mean of the two in the middle. \
`window fn=median` is the same without the first `size - 1` items. A NaN in a window makes its median NaN. f32 stays f32, everything else becomes f64; vector items per element.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[SIZE],
    example: "noise rate=100 items=1000 ! median size=5 ! null",
    deterministic: true,
    build: |args| build(args, What::Median),
};

/// The row of the z-score.
pub const ZSCORE: OpDef = OpDef {
    name: "zscore",
    summary: "how many standard deviations an item is from the mean of the last ones",
    doc: "`(x - mean) / std` of the window of `size` items that ends with x (ddof 0, as `scipy.stats.zscore` of the window, its last item). The first `size - 1` are 0, and \
so is an item whose window is constant. f32 stays f32 (computed in f64), everything else becomes f64; vector items per element.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[SIZE],
    example: "noise rate=100 items=1000 ! zscore size=50 ! null",
    deterministic: true,
    build: |args| build(args, What::Score),
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Mean,
    Median,
    Score,
}

fn build(args: &Args, what: What) -> Result<Blueprint, OpError> {
    let (op, input) = (args.op().name, args.input());
    let Some((scalar, width)) = input.item_type.elements().filter(|(s, _)| !s.is_complex()) else {
        return Err(OpError::input_type(
            op,
            input,
            "real numbers or vectors of them",
        ));
    };
    let size = args.required_length("size", 1)?;
    let gives = match scalar {
        Scalar::F32 => Scalar::F32,
        _ => Scalar::F64,
    };
    let windows = Windows { size, step: 1 };
    let agent = Moving {
        what,
        windows,
        width,
        takes: scalar,
        gives,
        results: match what {
            What::Median => medians(windows, width, scalar),
            _ => folder::<Sum<f64>>(windows, width),
        },
        deviations: folder::<Deviations>(windows, width),
        stretches: Stretches::default(),
        spread: Vec::new(),
    };
    let port = OutPort::new(input.item_type.with_scalar(gives), input.rate);
    Ok(Blueprint::new(agent)
        .input(InPort::new(input.item_type.clone()).retain(size as usize - 1))
        .output(match what {
            What::Score => port,
            What::Mean | What::Median => port.keeps_unit(),
        }))
}

/// Where it is follows from the input's position; its fields are caches and scratch.
struct Moving {
    what: What,
    windows: Windows,
    width: usize,
    takes: Scalar,
    gives: Scalar,
    results: Box<dyn Folder<f64>>,
    deviations: Box<dyn Folder<f64>>,
    stretches: Stretches,
    spread: Vec<f64>,
}

impl Moving {
    /// Makes `numbers` of the items `from .. to`.
    fn fill(&mut self, view: &mut View<'_, f64>, from: u64, to: u64, numbers: &mut Vec<f64>) {
        let (width, size) = (self.width, self.windows.size as f64);
        let full = (self.windows.ended(to) - self.windows.ended(from)) as usize * width;
        numbers.clear();
        numbers.resize((to - from) as usize * width, 0.0);
        let early = numbers.len() - full;
        if early > 0 && self.what != What::Score {
            let known = view.range(0, from + (early / width) as u64);
            for element in 0..width {
                let items = known.iter().skip(element).step_by(width).copied();
                let slots = numbers[..early].iter_mut().skip(element).step_by(width);
                match self.what {
                    What::Mean => means(items, size, from as usize, slots),
                    _ => medians_with_zeros(items, self.windows.size, from as usize, slots),
                }
            }
        }
        let whole = &mut numbers[early..];
        self.results.run(view, from, to, whole);
        match self.what {
            What::Median => {}
            What::Mean => whole.iter_mut().for_each(|sum| *sum /= size),
            What::Score => {
                self.spread.resize(full, 0.0);
                self.deviations.run(view, from, to, &mut self.spread);
                let items = view.range(to - (full / width) as u64, to);
                for ((slot, spread), x) in whole.iter_mut().zip(&self.spread).zip(items) {
                    let (mean, std) = (*slot / size, (spread / size).sqrt());
                    *slot = if std == 0.0 { 0.0 } else { (x - mean) / std };
                }
            }
        }
    }
}

/// The means of the windows that begin before the stream, the first `skip` of them left out.
fn means<'a>(
    items: impl Iterator<Item = f64>,
    size: f64,
    skip: usize,
    slots: impl Iterator<Item = &'a mut f64>,
) {
    let mut sum = 0.0;
    let sums = items.map(|x| {
        sum += x;
        sum
    });
    for (slot, sum) in slots.zip(sums.skip(skip)) {
        *slot = sum / size;
    }
}

/// The medians of the windows that begin before the stream, the first `skip` of them left out.
fn medians_with_zeros<'a>(
    items: impl Iterator<Item = f64>,
    size: u64,
    skip: usize,
    mut slots: impl Iterator<Item = &'a mut f64>,
) {
    let mut sorted = vec![0.0; size as usize];
    let mut has_nan = false;
    for (n, x) in items.enumerate() {
        has_nan |= x.is_nan();
        if !has_nan {
            let zero = sorted.partition_point(|y| *y < 0.0);
            sorted.remove(zero);
            sorted.insert(sorted.partition_point(|y| *y < x), x);
        }
        if n >= skip
            && let Some(slot) = slots.next()
        {
            let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
            *slot = if has_nan {
                f64::NAN
            } else {
                low + (high - low) / 2.0
            };
        }
    }
}

impl Agent for Moving {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let mut stretches = std::mem::take(&mut self.stretches);
        let types = (self.takes, self.gives);
        stretches.run(input, output, types, |view, from, to, numbers| {
            self.fill(view, from, to, numbers);
        });
        self.stretches = stretches;
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::operators::trial::{build, given, output};

    fn moved(op: &str, size: i64, x: &[f64]) -> Vec<f64> {
        output(op, &[given("f64", x)], &[("size", size.into())], None)
    }

    #[test]
    fn zeros_stand_for_the_items_that_there_never_were() {
        let x = [8.0, 4.0, -4.0, 0.0, 12.0];
        assert_eq!(moved("moving_average", 4, &x), [2.0, 3.0, 2.0, 2.0, 3.0]);
        assert_eq!(moved("median", 3, &x), [0.0, 4.0, 4.0, 0.0, 0.0]);
        assert_eq!(moved("median", 4, &x), [0.0, 2.0, 2.0, 2.0, 2.0]);
    }

    #[test]
    fn an_item_far_from_the_others_has_a_high_score() {
        let mut x = vec![1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 5.0];
        let score = moved("zscore", 9, &x);
        assert!(score[..8].iter().all(|z| *z == 0.0));
        let (mean, var) = (5.0 / 9.0, 33.0 / 9.0 - (5.0f64 / 9.0).powi(2));
        assert!((score[8] - (5.0 - mean) / var.sqrt()).abs() < 1e-12);
        x.fill(3.0);
        assert_eq!(moved("zscore", 4, &x), [0.0; 9]);
    }

    #[test]
    fn what_has_no_window_is_refused() {
        for op in ["moving_average", "median", "zscore"] {
            let error = build(op, &[given::<f64>("f64", &[])], &[("size", 0.into())], None);
            assert_eq!(error.unwrap_err().param.as_deref(), Some("size"));
        }
    }
}
