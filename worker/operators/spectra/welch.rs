//! `welch`: power spectrum, the mean over some frames.

use bytemuck::cast_slice_mut;

use super::frames::{
    BETA, DETREND, HOP, NFFT, Part, RATE, SCALING, SIZE, Seen, Shape, Spectrum, WINDOW,
};
use super::held::{self, AVERAGE, EVERY, Of, SEGMENTS};
use super::spectrogram::power;
use super::whole::{self, WHOLE};
use crate::agent::{Agent, AgentError, Blueprint, Io, OutPort, StateSpec, Status, Table};
use crate::op::{Args, Arity, OpDef, OpError};
use crate::operators::tapers::WINDOW_ARGS;
use crate::sliding::Windows;
use crate::types::ItemType;

/// The row of the table.
pub const WELCH: OpDef = OpDef {
    name: "welch",
    summary: "power spectrum: the mean over some frames, again and again",
    doc: "Welch's method, running: frames as `spectrogram` has them, and for each `every` frames the mean of the powers of `segments` of them. \
The n-th vector is `scipy.signal.welch(x[a : b], fs, window, nperseg=size, noverlap=size - hop, nfft=nfft, detrend=detrend, scaling=scaling, average=average)[1]` \
with a = n * every * hop and b = a + (segments - 1) * hop + size, and is out when item b - 1 is here. With `every = 1` it is a \
moving average. With `whole` there is one vector, of all frames, when the stream has ended: `scipy.signal.welch(x, ..)[1]`. Bins and types are those of `spectrogram`; sums are in f64, from the oldest frame to the newest, so nothing drifts. \
`csd` and `coherence` compare two streams. \
Source: Welch, IEEE Transactions on Audio and Electroacoustics 15 (1967).",
    inputs: Arity::One,
    outputs: "one stream of real vectors, of rate / (hop * every)",
    params: &[
        SIZE,
        HOP,
        SEGMENTS,
        EVERY,
        WHOLE,
        WINDOW,
        BETA,
        WINDOW_ARGS,
        NFFT,
        DETREND,
        SCALING,
        AVERAGE,
        RATE,
    ],
    example: "noise rate=48000 items=48000 ! welch size=1024 segments=20 ! null",
    deterministic: true,
    build,
};

/// So many of its parameters say which frames there are and what is taken off them; the others, what is made of them.
pub(super) const OF_FRAMES: usize = 10;

/// Numbers of state at most: 32 MiB.
const NUMBERS_MAX: u64 = 1 << 22;

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let shape = Shape::of(args)?;
    if args.flag("whole") {
        return whole::blueprint(args, &shape, Of::Power);
    }
    let means = held::means(args)?;
    let segments = means.size;
    if args.text("average") == Some("median") {
        return held::blueprint(args, &shape, Of::Power);
    }
    // Means that have begun and not ended.
    let open = segments.div_ceil(means.step);
    if open.saturating_mul(shape.bins() as u64) > NUMBERS_MAX {
        let words = format!(
            "means of {segments} frames, one for every {}, are {open} sums of {} bins at a time, and {NUMBERS_MAX} numbers can be kept",
            means.step,
            shape.bins()
        );
        let help = "give a larger `every`, or fewer `segments`";
        return Err(OpError::param("segments", words).with_help(help));
    }
    let scales = shape.power_scale(args)?;
    let sums = vec![0.0f64; open as usize * shape.bins()];
    let blueprint = match shape.is_single() {
        true => Blueprint::new(Welch::<f32>::new(&shape, means, scales)),
        false => Blueprint::new(Welch::<f64>::new(&shape, means, scales)),
    };
    let gives = ItemType::Vector(shape.real(), shape.bins() as u32);
    let rate = shape.frame_rate(args).map(|rate| rate / means.step as f64);
    let span = (means.size - 1).saturating_mul(shape.windows.step);
    Ok(blueprint
        .input(
            shape
                .in_port(args)
                .gives_after(span.saturating_add(shape.windows.size)),
        )
        .output(OutPort::new(gives, rate).unit(shape.power_unit(args)))
        .state(StateSpec::slice(&sums)))
}

/// State: the sums of the means that have begun and not ended, mean n at row n modulo their number.
struct Welch<T: Part> {
    frames: Windows,
    /// Which frames are in a mean, as windows over frames.
    means: Windows,
    spectrum: Spectrum<T>,
    scales: Vec<f64>,
}

impl<T: Part> Welch<T> {
    fn new(shape: &Shape, means: Windows, scales: Vec<f64>) -> Welch<T> {
        Welch {
            frames: shape.windows,
            means,
            spectrum: Spectrum::new(shape),
            scales,
        }
    }

    /// Adds the powers of frame `n` to all means it is in.
    fn add(&mut self, n: u64, frame: &[u8], sums: &mut Table<'_, f64>) {
        let (width, Windows { size, step }) = (self.scales.len(), self.means);
        let rows = (sums.len() / width) as u64;
        let bins = self.spectrum.of(frame);
        for mean in (n + 1).saturating_sub(size).div_ceil(step)..=n / step {
            if mean * step + size <= n {
                // In the gap between two means.
                continue;
            }
            let row = (mean % rows) as usize * width;
            let sum = sums.range_mut(row..row + width);
            let powers = bins.iter().zip(&self.scales).map(|(x, s)| power(*x) * s);
            match mean * step == n {
                true => sum.iter_mut().zip(powers).for_each(|(sum, p)| *sum = p),
                false => sum.iter_mut().zip(powers).for_each(|(sum, p)| *sum += p),
            }
        }
    }

    fn give(&self, mean: u64, sums: &Table<'_, f64>, item: &mut [u8]) {
        let width = self.scales.len();
        let row = mean as usize % (sums.len() / width) * width;
        let sums = &sums.as_slice()[row..row + width];
        for (y, sum) in cast_slice_mut::<_, T>(item).iter_mut().zip(sums) {
            *y = T::near(sum / self.means.size as f64);
        }
    }
}

impl<T: Part> Agent for Welch<T> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let from = input.position();
        let seen = Seen::of(input);
        // The frame that would end the first mean there is no room for.
        let stop = self.means.end(output.position() + output.space() as u64) - 1;
        let to = seen.end.min(self.frames.end(stop) - 1);
        let mut sums = io.state.table::<f64>();
        let item_len = output.item_len();
        for n in self.frames.ended(from)..self.frames.ended(to) {
            self.add(n, seen.frame(self.frames, n), &mut sums);
            let mean = output.position();
            if self.means.end(mean) == n + 1 {
                self.give(mean, &sums, &mut output.bytes()[..item_len]);
                output.produce(1);
            }
        }
        input.consume((to - from) as usize);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};

    fn params(segments: i64, every: i64) -> Vec<(&'static str, Value)> {
        vec![
            ("size", Value::Int(8)),
            ("hop", Value::Int(4)),
            ("segments", Value::Int(segments)),
            ("every", Value::Int(every)),
            ("scaling", "spectrum".into()),
        ]
    }

    #[test]
    fn a_mean_is_that_of_its_frames() {
        let x: Vec<f64> = (0..60).map(|n| f64::from(n * 7919 % 101) - 50.0).collect();
        let frames: Vec<[f64; 5]> = output("welch", &[given("f64", &x)], &params(1, 1), None);
        assert_eq!(frames.len(), 14);
        for (segments, every) in [(3, 3), (4, 1), (5, 2), (2, 5)] {
            let given = [given("f64", &x)];
            let means: Vec<[f64; 5]> = output("welch", &given, &params(segments, every), None);
            let windows = frames.windows(segments as usize).step_by(every as usize);
            assert_eq!(means.len(), windows.len());
            for (mean, frames) in means.iter().zip(windows) {
                for (bin, mean) in mean.iter().enumerate() {
                    let sum: f64 = frames.iter().map(|frame| frame[bin]).sum();
                    assert_eq!(*mean, sum / segments as f64, "{segments} {every}");
                }
            }
        }
    }

    #[test]
    fn more_sums_at_a_time_than_can_be_kept_are_refused() {
        let mut many = params(1 << 30, 1);
        let input = || [given::<f64>("f64", &[])];
        let refused = build("welch", &input(), &many, None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("segments"));
        many.retain(|(name, _)| *name != "every");
        assert!(build("welch", &input(), &many, None).is_ok());
    }
}
