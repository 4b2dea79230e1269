//! From core to core: how long a bare cache line takes one way, for every pair.

use std::io;
use std::time::Duration;

use thalweg_ringbuf::measure::Cores;

use super::ring::one_way_ns;
use super::{Better, Effort, Figure};

/// All pairs together take about so long.
const TOTAL: Duration = Duration::from_secs(10);
/// The most cores that are looked at: beyond, the first so many.
pub const CORES_MAX: usize = 64;

/// A figure for every pair of these cores, named `0-1`. In a process that does nothing else.
///
/// # Errors
/// No memory, no process, or a core that is not to be had.
pub fn matrix(cores: &[usize], effort: Effort) -> io::Result<Vec<Figure>> {
    let cores = &cores[..cores.len().min(CORES_MAX)];
    let firsts = cores.iter().enumerate();
    let pairs: Vec<Cores> = firsts
        .flat_map(|(nth, &here)| {
            cores[nth + 1..]
                .iter()
                .map(move |&child| Cores { child, here })
        })
        .collect();
    let each = TOTAL / pairs.len().max(1) as u32 / (effort.rounds.max(1) as u32 + 1);
    let effort = Effort {
        sample: effort.sample.min(each),
        ..effort
    };
    pairs
        .into_iter()
        .map(|pair| of_pair(pair, effort))
        .collect()
}

fn of_pair(pair: Cores, effort: Effort) -> io::Result<Figure> {
    let bounces = effort.amount(256, |bounces| pair.ping_pong_by_hand(bounces))?;
    let once = |_| {
        let time = pair.ping_pong_by_hand(bounces)?;
        Ok(one_way_ns(time, bounces))
    };
    Ok(Figure {
        group: "cores".to_owned(),
        name: format!("{}-{}", pair.here, pair.child),
        unit: "ns".to_owned(),
        better: Better::Less,
        ours: (0..effort.rounds.max(1))
            .map(once)
            .collect::<io::Result<_>>()?,
        reference: None,
    })
}
