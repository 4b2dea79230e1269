//! Long filters by Fourier transforms: overlap-save.
//!
//! The stream is cut into blocks that begin at multiples of their length, counted from its beginning. A block's outputs come from one
//! transform of its items and of those before it that the taps reach, so they are the same bits whatever the
//! batches; and they come when the block is whole, or the stream has ended. Source: Oppenheim and Schafer,
//! Discrete-Time Signal Processing, section 8.7.3.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, FftNum, RealFftPlanner, RealToComplex};

use crate::agent::{Agent, AgentError, Io, Status};
use crate::operators::live::Live;
use crate::types::Scalar;

use super::Loaded;
use super::kernel::Number;

/// A filter of long taps.
pub(super) struct Overlap<E> {
    /// How many items the taps reach back.
    reach: usize,
    /// Items in a block.
    block: usize,
    takes: Scalar,
    /// Numbers per item.
    stride: usize,
    /// The taps' transform, over the transform's length.
    response: Vec<Complex<E>>,
    /// What the agent's dials make of the taps.
    live: Option<Live<Vec<f64>>>,
    forward: Arc<dyn RealToComplex<E>>,
    back: Arc<dyn ComplexToReal<E>>,
    /// Which block `done` holds.
    held: Option<u64>,
    done: Vec<E>,
    known: Vec<E>,
    numbers: Vec<E>,
    spectrum: Vec<Complex<E>>,
}

/// Items in a block for so many taps.
pub(super) fn block_len(taps: usize) -> usize {
    transform_len(taps) - (taps - 1)
}

/// About four times the taps: longer transforms cost hardly less an item, and wait longer.
fn transform_len(taps: usize) -> usize {
    (4 * taps).next_power_of_two()
}

/// The taps' transform, over the transform's length.
fn response<E: Number>(taps: &[f64]) -> Vec<Complex<E>> {
    let len = transform_len(taps.len());
    let mut padded = taps.to_vec();
    padded.resize(len, 0.0);
    let transform = RealFftPlanner::<f64>::new().plan_fft_forward(len);
    let mut response = transform.make_output_vec();
    transform
        .process(&mut padded, &mut response)
        .expect("the lengths are the planner's own");
    let scaled = |h: &Complex<f64>| {
        Complex::new(E::nearest(h.re / len as f64), E::nearest(h.im / len as f64))
    };
    response.iter().map(scaled).collect()
}

impl<E: Number + FftNum> Overlap<E> {
    pub(super) fn new(
        taps: &[f64],
        takes: Scalar,
        stride: usize,
        live: Option<Live<Vec<f64>>>,
    ) -> Overlap<E> {
        let len = transform_len(taps.len());
        let mut planner = RealFftPlanner::<E>::new();
        Overlap {
            reach: taps.len() - 1,
            block: block_len(taps.len()),
            takes,
            stride,
            response: response(taps),
            live,
            forward: planner.plan_fft_forward(len),
            back: planner.plan_fft_inverse(len),
            held: None,
            done: Vec::new(),
            known: Vec::new(),
            numbers: Vec::new(),
            spectrum: Vec::new(),
        }
    }

    /// The taps for these values of its dials, from here on: what is left of a block is made anew.
    fn follow(&mut self, dials: &[f64]) {
        if let Some(taps) = self.live.as_mut().and_then(|live| live.turned(dials)) {
            self.response = response(&taps);
            self.held = None;
        }
    }

    /// Makes `done` of `known`: as many items of the block as there are, after those the taps reach.
    fn filter(&mut self) {
        let (stride, reach) = (self.stride, self.reach);
        let len = self.block + reach;
        let items = self.known.len() / stride;
        self.done.clear();
        self.done
            .resize(self.known.len() - reach * stride, E::zeroed());
        self.spectrum
            .resize(self.response.len(), Complex::new(E::zeroed(), E::zeroed()));
        for channel in 0..stride {
            self.numbers.clear();
            self.numbers
                .extend(self.known.iter().skip(channel).step_by(stride));
            self.numbers.resize(len, E::zeroed());
            self.forward
                .process(&mut self.numbers, &mut self.spectrum)
                .expect("the lengths are the planner's own");
            for (x, h) in self.spectrum.iter_mut().zip(&self.response) {
                *x = *x * *h;
            }
            // Of a real stream: what rounding left there is not.
            self.spectrum[0].im = E::zeroed();
            let last = self.spectrum.len() - 1;
            self.spectrum[last].im = E::zeroed();
            self.back
                .process(&mut self.spectrum, &mut self.numbers)
                .expect("the lengths are the planner's own");
            let filtered = &self.numbers[reach..items];
            for (slot, y) in self
                .done
                .iter_mut()
                .skip(channel)
                .step_by(stride)
                .zip(filtered)
            {
                *slot = *y;
            }
        }
    }
}

impl<E: Number + Loaded + FftNum> Agent for Overlap<E> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        self.follow(io.dials);
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        let (stride, block) = (self.stride, self.block as u64);
        loop {
            let at = input.position();
            let end = at + input.len() as u64;
            let number = at / block;
            let start = number * block;
            let stop = end.min(start + block);
            let is_whole = stop == start + block || input.is_ended();
            let count = (stop - at).min(output.space() as u64) as usize;
            if !is_whole || count == 0 {
                return Ok(Status::Ready);
            }
            if self.held != Some(number) {
                let (bytes, past_bytes) = input.past_elements::<u8>();
                let item_len = input.item_len();
                let known_from = at - (past_bytes / item_len) as u64;
                let from = start.saturating_sub(self.reach as u64);
                let place = |position: u64| (position - known_from) as usize * item_len;
                E::load(
                    self.takes,
                    &bytes[place(from)..place(stop)],
                    &mut self.known,
                );
                let missing = self.reach - (start - from) as usize;
                let zeros = std::iter::repeat_n(E::zeroed(), missing * stride);
                self.known.splice(0..0, zeros);
                self.filter();
                self.held = Some(number);
            }
            let first = (at - start) as usize * stride;
            let ready = &self.done[first..first + count * stride];
            output.elements::<E>()[..ready.len()].copy_from_slice(ready);
            input.consume(count);
            output.produce(count);
        }
    }
}
