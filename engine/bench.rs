//! Figures of a machine: rings, graphs and operators, each beside a reference on the same cores.
//!
//! The reference is what a programmer would write by hand for that one purpose, so a figure says how far from
//! the metal the box is. Ours and the reference take turns within each round; every sample is kept, because
//! what two runs say of each other is decided by how much their samples spread.

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub mod cores;
pub mod graphs;
pub mod kernels;
pub mod ring;

pub mod compare;

/// One thing that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it belongs to: `ring`, `latency`, `pipeline`, `fanout`, `kernels`, `cores`.
    pub group: String,
    /// What it is.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Which way is better.
    pub better: Better,
    /// What was measured, round by round.
    pub ours: Vec<f64>,
    /// What it is held against.
    pub reference: Option<Reference>,
}

/// What a figure is held against, measured in the same rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// What it is.
    pub name: String,
    /// What was measured, round by round.
    pub samples: Vec<f64>,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Rates.
    More,
    /// Times.
    Less,
}

/// The middle of samples, and the range that half of them lie in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// A quarter of the samples are below.
    pub low: f64,
    /// The median.
    pub middle: f64,
    /// A quarter of the samples are above.
    pub high: f64,
}

impl Spread {
    /// Of samples in any order; of none it is 0.
    pub fn of(samples: &[f64]) -> Spread {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = share * sorted.len().saturating_sub(1) as f64;
            let below = sorted.get(place as usize).copied().unwrap_or(0.0);
            let above = sorted.get(place.ceil() as usize).copied().unwrap_or(0.0);
            below + (above - below) * place.fract()
        };
        Spread {
            low: at(0.25),
            middle: at(0.5),
            high: at(0.75),
        }
    }

    /// The width of the range as a share of the middle.
    pub fn relative(&self) -> f64 {
        match self.middle {
            0.0 => 0.0,
            middle => (self.high - self.low) / middle,
        }
    }

    /// True if the ranges have nothing in common.
    pub fn is_apart_from(&self, other: &Spread) -> bool {
        self.low > other.high || other.low > self.high
    }
}

impl Figure {
    /// Ours.
    pub fn spread(&self) -> Spread {
        Spread::of(&self.ours)
    }

    /// Ours to the reference, of each round.
    pub fn ratios(&self) -> Option<Spread> {
        let reference = self.reference.as_ref()?;
        let both = self.ours.iter().zip(&reference.samples);
        let ratios: Vec<f64> = both.map(|(ours, reference)| ours / reference).collect();
        Some(Spread::of(&ratios))
    }
}

/// How much time is spent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Rounds, after one for warmth.
    pub rounds: usize,
    /// About so long lasts a sample.
    pub sample: Duration,
}

impl Effort {
    /// How many units of work take about a sample's time, a multiple of `least`.
    fn amount(
        &self,
        least: u64,
        mut time: impl FnMut(u64) -> io::Result<Duration>,
    ) -> io::Result<u64> {
        let mut amount = least;
        loop {
            let taken = time(amount)?;
            if taken >= self.sample / 4 || amount > u64::MAX / 16 {
                let share = self.sample.as_secs_f64() / taken.as_secs_f64().max(1e-9);
                let times = (amount as f64 / least as f64 * share).round() as u64;
                return Ok(times.max(1) * least);
            }
            amount *= 4;
        }
    }

    /// Samples of both, in turn.
    fn in_turn(
        &self,
        mut ours: impl FnMut() -> io::Result<f64>,
        mut reference: impl FnMut() -> io::Result<f64>,
    ) -> io::Result<(Vec<f64>, Vec<f64>)> {
        ours()?;
        reference()?;
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds.max(1) {
            first.push(ours()?);
            second.push(reference()?);
        }
        Ok((first, second))
    }
}

/// Millions of items a second.
fn millions(items: u64, time: Duration) -> f64 {
    items as f64 / time.as_secs_f64().max(1e-9) / 1e6
}

const MILLIONS: &str = "M items/s";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_the_middle_half_of_the_samples() {
        let spread = |samples: &[f64]| {
            let Spread { low, middle, high } = Spread::of(samples);
            (low, middle, high)
        };
        assert_eq!(spread(&[5.0, 1.0, 4.0, 2.0, 3.0]), (2.0, 3.0, 4.0));
        assert_eq!(spread(&[1.0, 2.0]), (1.25, 1.5, 1.75));
        assert_eq!(spread(&[7.0]), (7.0, 7.0, 7.0));
        assert_eq!(spread(&[]), (0.0, 0.0, 0.0));
        let apart = |a: &[f64], b: &[f64]| Spread::of(a).is_apart_from(&Spread::of(b));
        assert!(apart(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]));
        assert!(!apart(&[1.0, 2.0, 9.0], &[4.0, 5.0, 6.0]));
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let figure = Figure {
            group: "ring".to_owned(),
            name: "x".to_owned(),
            unit: MILLIONS.to_owned(),
            better: Better::More,
            ours: vec![10.0, 20.0, 30.0],
            reference: Some(Reference {
                name: "by hand".to_owned(),
                samples: vec![20.0, 40.0, 60.0],
            }),
        };
        let ratios = figure.ratios().unwrap();
        assert_eq!((ratios.low, ratios.middle, ratios.high), (0.5, 0.5, 0.5));
    }

    #[test]
    fn an_amount_is_what_takes_a_sample_s_time() {
        let effort = Effort {
            rounds: 1,
            sample: Duration::from_millis(100),
        };
        // A microsecond a unit, and a start of a millisecond.
        let time = |amount| Ok(Duration::from_micros(1000 + amount));
        let amount = effort.amount(64, time).unwrap();
        assert!(amount.is_multiple_of(64), "{amount}");
        assert!((90_000..=110_000).contains(&amount), "{amount}");
    }
}
