//! How near a ring is to what a programmer would write by hand for one purpose, on the same memory.
//!
//! ```text
//! cargo bench -p thalweg-ringbuf --bench ring [-- [--quick] [PART OF A LINE'S NAME]]
//! ```
//!
//! How it is measured, and against what: `ringbuf/measure.rs`. Reference and ring take turns within each
//! round; what is printed are medians over the rounds, and the median and the best of each round's ratio.

use std::process::ExitCode;
use std::time::Duration;

use bytemuck::{Pod, Zeroable};
use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;
use thalweg_ringbuf::measure::Cores;

fn main() -> ExitCode {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let Some(cores) = two_cores() else {
        println!("ring: needs two cores to run on, skipped");
        return ExitCode::SUCCESS;
    };
    let (rounds, scale) = if quick { (3, 1) } else { (15, 4) };
    let only = std::env::args()
        .skip(1)
        .find(|arg| !arg.starts_with("--"))
        .unwrap_or_default();
    let bench = Bench {
        cores,
        rounds,
        scale,
        only,
    };
    println!(
        "cores {} and {}, {rounds} rounds, medians; ratio: ring to reference",
        cores.child, cores.here
    );
    head("throughput, M items/s", "reference");
    let steps = [
        (1, 1, "0.80"),
        (8, 4, "-"),
        (64, 12, "0.90"),
        (512, 16, "0.90"),
        (4096, 16, "0.90"),
    ];
    for (step, items, reach) in steps {
        bench.throughput::<f64>(&format!("f64, steps of {step}"), step, items, reach, |n| {
            n as f64
        });
    }
    for (step, items) in [(1, 1), (64, 4), (512, 4)] {
        let record = |n: u64| Record {
            time: n,
            value: n as f64,
            quality: 1,
        };
        bench.throughput::<Record>(
            &format!("24-byte records, {step}"),
            step,
            items,
            "-",
            record,
        );
    }
    head("latency, ns one way", "ping-pong");
    bench.latency();
    println!("\n{:<28}{:>12}{:>12}", "frames", "ns each", "GB/s");
    for payload_len_bytes in [16, 64, 256, 1024, 4096, 16384, 65536] {
        bench.frames(payload_len_bytes);
    }
    ExitCode::SUCCESS
}

/// An item of three words, as a timed sample would be.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Record {
    time: u64,
    value: f64,
    quality: u64,
}

struct Bench {
    cores: Cores,
    rounds: usize,
    scale: u64,
    only: String,
}

impl Bench {
    /// `items` counts quarters of a million, times the scale.
    fn throughput<T: Pod>(
        &self,
        name: &str,
        step: usize,
        items: u64,
        reach: &str,
        make: fn(u64) -> T,
    ) {
        if !name.contains(&self.only) {
            return;
        }
        let items = items * self.scale * (1 << 18);
        let source: Vec<T> = (0..step as u64).map(make).collect();
        let per_second = |time: Duration| items as f64 / time.as_secs_f64() / 1e6;
        let round = |_| {
            let reference = self.cores.ring_by_hand(&source, items);
            let ring = self.cores.ring(&source, items);
            (
                per_second(reference.expect("a time")),
                per_second(ring.expect("a time")),
            )
        };
        let (reference, ring): (Vec<f64>, Vec<f64>) = (0..self.rounds).map(round).unzip();
        row(name, &reference, &ring, f64::max, reach);
    }

    fn latency(&self) {
        let name = "one u64, there and back";
        if !name.contains(&self.only) {
            return;
        }
        let bounces = 50_000 * self.scale;
        let one_way = |time: Duration| time.as_secs_f64() * 1e9 / (2 * bounces) as f64;
        let round = |_| {
            let reference = self.cores.ping_pong_by_hand(bounces);
            let ring = self.cores.ping_pong(bounces);
            (
                one_way(reference.expect("a time")),
                one_way(ring.expect("a time")),
            )
        };
        let (reference, ring): (Vec<f64>, Vec<f64>) = (0..self.rounds).map(round).unzip();
        row(name, &reference, &ring, f64::min, "1.30");
    }

    fn frames(&self, payload_len_bytes: usize) {
        let name = format!("{payload_len_bytes} bytes");
        if !name.contains(&self.only) {
            return;
        }
        let count = (self.scale << 24).div_ceil(payload_len_bytes as u64 + 200);
        let payload = vec![1; payload_len_bytes];
        let round = |_| {
            let time = self.cores.frames(&payload, count).expect("a time");
            time.as_secs_f64() / count as f64
        };
        let time = median((0..self.rounds).map(round).collect());
        let gigabytes = payload_len_bytes as f64 / time / 1e9;
        println!("{name:<28}{:>12.1}{gigabytes:>12.2}", time * 1e9);
    }
}

fn head(name: &str, reference: &str) {
    println!(
        "\n{name:<28}{reference:>12}{:>12}{:>9}{:>9}{:>9}",
        "ring", "ratio", "best", "reach"
    );
}

fn row(name: &str, reference: &[f64], ring: &[f64], best: fn(f64, f64) -> f64, reach: &str) {
    let ratios: Vec<f64> = ring
        .iter()
        .zip(reference)
        .map(|(ring, reference)| ring / reference)
        .collect();
    let best = ratios.iter().copied().reduce(best).unwrap_or(f64::NAN);
    let (reference, ring, ratio) = (
        median(reference.to_vec()),
        median(ring.to_vec()),
        median(ratios),
    );
    println!("{name:<28}{reference:>12.1}{ring:>12.1}{ratio:>9.2}{best:>9.2}{reach:>9}");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn two_cores() -> Option<Cores> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).ok()?;
    let mut cores = (0..CpuSet::count()).filter(|&core| allowed.is_set(core).unwrap_or(false));
    Some(Cores {
        child: cores.next()?,
        here: cores.next()?,
    })
}
