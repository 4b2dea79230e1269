//! How the cost of an item grows: with agents, workers, rings and items; and the FIR's share of the machine's rate.
//!
//! `cargo bench --bench growth [-- PART ..]`, parts `chain`, `ring`, `item`, `memory`, `fir`; each prints a table. Graphs
//! run through the command, commits on; of each point the best of some short runs counts. Ten seconds in all.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use thalweg_worker::agent::{Blueprint, Input, Io, Output, State};
use thalweg_worker::op::{Args, InputInfo};
use thalweg_worker::operators;

fn main() {
    let asked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let parts: [(&str, fn()); 5] = [
        ("chain", chain),
        ("ring", ring),
        ("item", item),
        ("memory", memory),
        ("fir", fir),
    ];
    for (name, part) in parts {
        if asked.is_empty() || asked.iter().any(|a| a == name) {
            part();
            println!();
        }
    }
}

/// Chains of agents over workers.
fn chain() {
    println!("const ! copy ! .. ! null of f32: ns an item and agent, by agents and workers");
    let workers = [1, 2, 4, 8];
    let heads = workers.map(|w| format!("{w:>8}"));
    println!("{:>8}{}", "agents", heads.concat());
    for agents in [2, 4, 8, 16, 32, 64] {
        let copies = " ! copy".repeat(agents - 2);
        let line = format!("const value=0.5 dtype=f32{copies} ! null");
        let cells = workers.map(|workers| match workers > agents {
            true => format!("{:>8}", "-"),
            false => {
                let rate = rate(&line, &["--workers", &workers.to_string()]);
                format!("{:>8.3}", 1e9 / rate / agents as f64)
            }
        });
        println!("{agents:>8}{}", cells.concat());
    }
}

/// Rings from the smallest to such as no cache holds.
fn ring() {
    println!("const ! copy ! null of f64 on two workers, by what each stream holds");
    println!("{:>10}{:>14}{:>10}", "bytes", "M items/s", "GB/s");
    for power in (12..=26).step_by(2) {
        let capacity = format!("{}B", 1u64 << power);
        let line = "const value=0.5 dtype=f64 ! copy ! null";
        let rate = rate(line, &["--workers", "2", "--capacity", &capacity]);
        println!(
            "{:>10}{:>14.1}{:>10.2}",
            1u64 << power,
            rate / 1e6,
            rate * 8.0 / 1e9
        );
    }
}

/// Items of a byte, and of pages.
fn item() {
    println!("const ! copy ! null on two workers, by the size of an item");
    println!("{:>10}{:>14}{:>10}", "bytes", "M items/s", "GB/s");
    for (item_type, bytes) in [
        ("u8", 1),
        ("u16", 2),
        ("f32", 4),
        ("f64", 8),
        ("f64[8]", 64),
        ("f64[64]", 512),
        ("f64[512]", 4096),
        ("f64[8192]", 65536),
    ] {
        let line = format!("const value=1 dtype={item_type} ! copy ! null");
        let rate = rate(&line, &["--workers", "2"]);
        println!(
            "{bytes:>10}{:>14.3}{:>10.2}",
            rate / 1e6,
            rate * f64::from(bytes) / 1e9
        );
    }
}

/// What streams and workers take.
fn memory() {
    println!(
        "const ! throttle ! copy ! .. ! null of f32: kB that the run shares, kB of its workers' own"
    );
    println!(
        "{:>8}{:>8}{:>10}{:>10}",
        "agents", "workers", "shared", "own"
    );
    for (agents, workers) in [(3, 1), (64, 1), (64, 2), (64, 8), (64, 64)] {
        let copies = " ! copy".repeat(agents - 3);
        let line = format!("const value=0.5 dtype=f32 ! throttle rate=1000{copies} ! null");
        let workers = workers.to_string();
        let plan = json(&["plan", "-e", &line, "--workers", &workers, "--json"]);
        let shared = plan["bytes"].as_u64().expect("a plan tells its length");
        let own = own_kb(&[
            "run",
            "-e",
            &line,
            "--workers",
            &workers,
            "--for",
            "1s",
            "-q",
        ]);
        println!("{agents:>8}{workers:>8}{:>10}{own:>10}", shared / 1024);
    }
}

/// The memory that the workers of a run share with nobody.
fn own_kb(args: &[&str]) -> u64 {
    let mut run = Command::new(COMMAND)
        .args(args)
        .spawn()
        .expect("the command runs");
    std::thread::sleep(Duration::from_millis(600));
    let id = run.id();
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    let children = children.expect("the kernel tells a process' children");
    let own = children.split_whitespace().map(|child| {
        // The warden has the run's own name; one that is gone has no memory.
        let name = std::fs::read_to_string(format!("/proc/{child}/comm")).unwrap_or_default();
        let rollup = format!("/proc/{child}/smaps_rollup");
        let rollup = std::fs::read_to_string(rollup).unwrap_or_default();
        match name.contains("warden") {
            true => 0,
            false => private_kb(&rollup),
        }
    });
    let own = own.sum();
    run.wait().expect("the run ends");
    own
}

fn private_kb(rollup: &str) -> u64 {
    let lines = rollup.lines().filter(|line| line.starts_with("Private_"));
    let numbers = lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    numbers.sum()
}

const COMMAND: &str = env!("CARGO_BIN_EXE_thalweg");

/// Items a second that reach the end of a graph: the best of some runs.
fn rate(line: &str, args: &[&str]) -> f64 {
    let mut all = vec!["run", "-e", line, "--for", "0.1s", "-q", "--json"];
    all.extend(args);
    let once = || {
        let report = json(&all);
        let edges = report["edges"]
            .as_array()
            .expect("a report tells its edges");
        let rate = edges.last().and_then(|edge| edge["rate"].as_f64());
        rate.expect("an edge tells its rate")
    };
    (0..3).map(|_| once()).fold(0.0, f64::max)
}

fn json(args: &[&str]) -> Value {
    let output = Command::new(COMMAND)
        .args(args)
        .output()
        .expect("the command runs");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        panic!("{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    })
}

/// The FIR beside as many fused multiply-adds as the core can do at all.
fn fir() {
    let peak = best(multiply_adds);
    println!(
        "fused multiply-adds of f32: {:.1} G/s, independent chains in registers",
        peak / 1e9
    );
    println!(
        "{:>8}{:>14}{:>14}{:>10}",
        "taps", "M items/s", "G taps/s", "share"
    );
    for taps in [8, 16, 64, 256, 1024] {
        let mut filter = Filter::new(taps);
        let rate = best(|| (filter.call(), ITEMS as f64));
        let per_second = rate * f64::from(taps);
        println!(
            "{taps:>8}{:>14.0}{:>14.1}{:>9.0}%",
            rate / 1e6,
            per_second / 1e9,
            100.0 * per_second / peak
        );
    }
}

/// The best rate of many calls, each of which tells its time and gives so many a call.
fn best(mut call: impl FnMut() -> (Duration, f64)) -> f64 {
    let until = Instant::now() + Duration::from_millis(300);
    let mut best = 0.0f64;
    while Instant::now() < until {
        let (time, count) = call();
        best = best.max(count / time.as_secs_f64());
    }
    best
}

const ITEMS: usize = 16 * 1024;

/// A FIR filter with memory for its ports.
struct Filter {
    blueprint: Blueprint,
    input: Vec<f32>,
    output: Vec<f32>,
    taps: usize,
}

impl Filter {
    fn new(taps: i32) -> Filter {
        let op = operators::find("fir.lowpass").expect("an operator of the table");
        let info = InputInfo {
            naming: Default::default(),
            name: "x".to_owned(),
            item_type: "f32".parse().expect("an item type"),
            rate: Some(1.0),
            unit: None,
        };
        let params = [
            ("cutoff".to_owned(), 0.1.into()),
            ("numtaps".to_owned(), i64::from(taps).into()),
        ];
        let args = Args::new(op, vec![info], None, &params, ".".as_ref()).expect("parameters");
        let taps = taps as usize;
        Filter {
            blueprint: (op.build)(&args).expect("an agent"),
            input: vec![0.5; ITEMS + taps],
            output: vec![0.0; ITEMS],
            taps,
        }
    }

    fn call(&mut self) -> Duration {
        let past = self.taps - 1;
        // SAFETY: `past + ITEMS` items lie at the vector's start, and nothing writes them during the call.
        let input = unsafe {
            let first = self.input.as_ptr().add(past).cast();
            Input::new(first, ITEMS, past, past as u64, 4, false)
        };
        // SAFETY: room for `ITEMS` items that only this call touches.
        let output = unsafe { Output::new(self.output.as_mut_ptr().cast(), ITEMS, past as u64, 4) };
        let mut io = Io {
            inputs: &mut [input],
            outputs: &mut [output],
            state: State::new(&mut []),
            dials: &[],
            draining: false,
        };
        let start = Instant::now();
        let status = self.blueprint.agent.work(&mut io);
        let time = start.elapsed();
        std::hint::black_box(status).expect("the agent works");
        time
    }
}

/// A while of multiply-adds that wait for nothing but their own chain; how many they were.
fn multiply_adds() -> (Duration, f64) {
    let start = Instant::now();
    let count = widest();
    (start.elapsed(), count as f64)
}

const TURNS: usize = 20_000;

/// In the longest vectors that the processor has.
fn widest() -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        use std::arch::x86_64::*;

        #[target_feature(enable = "avx512f")]
        fn avx512() -> usize {
            let factor = _mm512_set1_ps(std::hint::black_box(0.5));
            let mut chains = [factor; 24];
            for _ in 0..TURNS {
                for x in &mut chains {
                    *x = _mm512_fmadd_ps(*x, factor, factor);
                }
            }
            std::hint::black_box(chains);
            24 * 16 * TURNS
        }

        #[target_feature(enable = "avx2,fma")]
        fn avx2() -> usize {
            let factor = _mm256_set1_ps(std::hint::black_box(0.5));
            let mut chains = [factor; 12];
            for _ in 0..TURNS {
                for x in &mut chains {
                    *x = _mm256_fmadd_ps(*x, factor, factor);
                }
            }
            std::hint::black_box(chains);
            12 * 8 * TURNS
        }

        if has!("avx512f") {
            // SAFETY: the processor has what the function is compiled for: just asked.
            return unsafe { avx512() };
        }
        if has!("avx2") && has!("fma") {
            // SAFETY: as above.
            return unsafe { avx2() };
        }
    }
    let factor = std::hint::black_box(0.5f32);
    let mut chains = [factor; 32];
    for _ in 0..TURNS {
        for x in &mut chains {
            *x = *x * factor + factor;
        }
    }
    std::hint::black_box(chains);
    32 * TURNS
}
