//! Filter design: from frequencies to coefficients, with the numbers that SciPy gives.

pub mod firls;
pub mod firwin;
pub mod iirfilter;
pub mod prototypes;
pub mod remez;
pub mod rrc;
pub mod savgol;
pub mod taper;
pub mod zpk;

mod double;
mod elliptic;
mod rounding;

/// What a filter lets through. Frequencies are in Hz, between 0 and half the rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Band {
    /// Everything below this frequency.
    Low(f64),
    /// Everything above this frequency.
    High(f64),
    /// Everything between the two.
    Pass(f64, f64),
    /// Everything but what is between the two.
    Stop(f64, f64),
}

/// No filter can be made of this.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DesignError {
    /// A frequency that the stream cannot carry.
    #[error(
        "{frequency} Hz is outside the stream's band, which is above 0 and below {nyquist} Hz (half of its rate)"
    )]
    OutsideBand {
        /// The frequency that was asked for, in Hz.
        frequency: f64,
        /// Half the rate, in Hz.
        nyquist: f64,
    },
    /// Frequencies that do not grow.
    #[error("{low} Hz is not below {high} Hz")]
    NotRising {
        /// The one that should be lower, in Hz.
        low: f64,
        /// The one that should be higher, in Hz.
        high: f64,
    },
    /// The coefficients cannot be held in `f64`: a pole is too near the unit circle, or the gain too near 0.
    #[error("a filter of order {order} so narrow for the rate is beyond double precision")]
    Precision {
        /// The order that was asked for.
        order: usize,
    },
    /// The sections amplify what rounding leaves between them.
    #[error(
        "the sections of a filter of order {order} for this band amplify the rounding of f64 until it is heard: a lower order helps, or edges further from 0 and from half the rate"
    )]
    Rounding {
        /// The order that was asked for.
        order: usize,
    },
    /// The exchange of extremes does not come to an end: the bands or weights are too far apart for `f64`.
    #[error(
        "no best filter of {numtaps} taps is found: fewer taps, wider transitions or more even weights may help"
    )]
    NotConverged {
        /// The number of taps that was asked for.
        numtaps: usize,
    },
    /// Outside the bands anything may be, and so much of that is left that rounding decides the taps.
    #[error(
        "the bands leave so much free that rounding decides the {numtaps} taps: cover more with bands, narrow the gaps between them, or take fewer taps"
    )]
    TooFree {
        /// The number of taps that was asked for.
        numtaps: usize,
    },
    /// An even number of taps is always silent at half the rate.
    #[error(
        "{numtaps} taps, an even number, let nothing through at half the rate, and this filter should"
    )]
    EvenTaps {
        /// The number that was asked for.
        numtaps: usize,
    },
}

/// Refuses frequencies that are not inside the band or do not grow.
fn check_frequencies(frequencies: &[f64], rate: f64) -> Result<(), DesignError> {
    let nyquist = rate / 2.0;
    for &frequency in frequencies {
        if !(frequency > 0.0 && frequency < nyquist) {
            return Err(DesignError::OutsideBand { frequency, nyquist });
        }
    }
    match frequencies.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => Err(DesignError::NotRising {
            low: pair[0],
            high: pair[1],
        }),
        None => Ok(()),
    }
}

/// Refuses bands that are not inside 0 to half the rate, do not grow or lie over each other.
fn check_bands(bands: impl Iterator<Item = [f64; 2]>, rate: f64) -> Result<(), DesignError> {
    let nyquist = rate / 2.0;
    let mut last = f64::NEG_INFINITY;
    for [low, high] in bands {
        for frequency in [low, high] {
            if !(0.0..=nyquist).contains(&frequency) {
                return Err(DesignError::OutsideBand { frequency, nyquist });
            }
        }
        if low < last {
            return Err(DesignError::NotRising {
                low: last,
                high: low,
            });
        }
        if low >= high {
            return Err(DesignError::NotRising { low, high });
        }
        last = high;
    }
    Ok(())
}
