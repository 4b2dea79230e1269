//! FutureSDR's part: flow graphs whose throughput is counted by their sink.
//!
//! A line server. A request is a line `WORK STAGES SECONDS`; the answer is `ITEMS_PER_SECOND<tab>SETTINGS`.
//! The first request for a work tries every setting for a moment and keeps the best: the schedulers (smol's
//! with pinned threads, FutureSDR's own, two local domains pinned to the two cores with buffers of one thread
//! inside) and the sizes of buffers. The rate is that of the sink over a window in the middle of the run.

use std::collections::HashMap;
use std::io::{self, BufRead};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use futuresdr::blocks::{Copy, Fir, FirBuilder, NullSource};
use futuresdr::futuredsp::FirFilter;
use futuresdr::runtime::config;
use futuresdr::runtime::dev::prelude::*;
use futuresdr::runtime::scheduler::{FlowScheduler, Scheduler, SmolScheduler};

const TRIAL: Duration = Duration::from_millis(150);

fn main() -> io::Result<()> {
    config::set("ctrlport_enable", false);
    config::set("log_level", "warn");
    println!("FutureSDR 0.10.0");
    let mut chosen = HashMap::new();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words[..] {
            [work, stages, seconds] => answer(work, stages, seconds, &mut chosen),
            _ => Err(format!("not WORK STAGES SECONDS: {line}")),
        };
        match answer {
            Ok((rate, setting)) => println!("{rate}\t{setting}"),
            Err(error) => println!("error\t{error}"),
        }
    }
    Ok(())
}

fn answer(
    work: &str,
    stages: &str,
    seconds: &str,
    chosen: &mut HashMap<(String, String), Setting>,
) -> Result<(f64, String), String> {
    let number = |e| format!("{stages} {seconds}: {e}");
    let chain = Chain {
        work: Work::named(work)?,
        stages: stages.parse().map_err(|e| format!("{stages}: {e}"))?,
    };
    let window = Duration::from_secs_f64(
        seconds
            .parse()
            .map_err(|e: std::num::ParseFloatError| number(e.to_string()))?,
    );
    let key = (work.to_owned(), stages.to_owned());
    let setting = match chosen.get(&key) {
        Some(setting) => *setting,
        None => {
            let best = best_setting(chain).map_err(|e| e.to_string())?;
            chosen.insert(key, best);
            best
        }
    };
    let rate = rate(chain, setting, window).map_err(|e| e.to_string())?;
    Ok((rate, setting.to_string()))
}

#[derive(Clone, Copy)]
struct Chain {
    work: Work,
    stages: usize,
}

#[derive(Clone, Copy)]
enum Work {
    Copy,
    Fir,
}

impl Work {
    fn named(name: &str) -> Result<Work, String> {
        match name {
            "copy" => Ok(Work::Copy),
            "fir" => Ok(Work::Fir),
            other => Err(format!("no work of the name {other}")),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Threads {
    Smol,
    Flow,
    Domains,
}

#[derive(Clone, Copy)]
struct Setting {
    threads: Threads,
    buffer_len_bytes: u64,
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let threads = match self.threads {
            Threads::Smol => "smol scheduler, 2 pinned threads",
            Threads::Flow => "flow scheduler",
            Threads::Domains => "two pinned local domains",
        };
        write!(
            f,
            "{threads}, buffers of {} KiB",
            self.buffer_len_bytes / 1024
        )
    }
}

fn best_setting(chain: Chain) -> Result<Setting> {
    let mut best: Option<(f64, Setting)> = None;
    for threads in [Threads::Smol, Threads::Flow, Threads::Domains] {
        for kib in [32, 128, 512] {
            let setting = Setting {
                threads,
                buffer_len_bytes: kib * 1024,
            };
            let rate = rate(chain, setting, TRIAL)?;
            if best.is_none_or(|(most, _)| rate > most) {
                best = Some((rate, setting));
            }
        }
    }
    Ok(best.expect("settings were tried").1)
}

/// Items per second at the sink of `source ! stages ! sink`.
fn rate(chain: Chain, setting: Setting, window: Duration) -> Result<f64> {
    config::set("buffer_size", setting.buffer_len_bytes);
    let count = Arc::new(AtomicU64::new(0));
    match setting.threads {
        Threads::Smol => measure(
            SmolScheduler::with_config(2, true),
            normal(chain, &count)?,
            &count,
            window,
        ),
        Threads::Flow => measure(FlowScheduler::new(), normal(chain, &count)?, &count, window),
        Threads::Domains => measure(
            SmolScheduler::with_config(1, false),
            domains(chain, &count)?,
            &count,
            window,
        ),
    }
}

fn measure<S: Scheduler + Sync>(
    scheduler: S,
    graph: Flowgraph,
    count: &AtomicU64,
    window: Duration,
) -> Result<f64> {
    let runtime = Runtime::with_scheduler(scheduler);
    let running = runtime.start(graph)?;
    std::thread::sleep(window.min(Duration::from_millis(100)));
    // Relaxed: a counter that nothing else hangs on.
    let (before, start) = (count.load(Relaxed), Instant::now());
    std::thread::sleep(window);
    let (after, time) = (count.load(Relaxed), start.elapsed());
    block_on(running.handle().stop())?;
    running.wait()?;
    Ok((after - before) as f64 / time.as_secs_f64())
}

/// Every block scheduled by the runtime.
fn normal(chain: Chain, count: &Arc<AtomicU64>) -> Result<Flowgraph> {
    let mut graph = Flowgraph::new();
    let source = graph.add(NullSource::<f32>::new())?;
    let sink = graph.add(Count::<DefaultCpuReader<f32>>::new(count))?;
    macro_rules! chain {
        ($stage:expr) => {{
            let first = graph.add($stage)?;
            graph.stream(&source, |b| b.output(), &first, |b| b.input())?;
            let mut last = first;
            for _ in 1..chain.stages {
                let next = graph.add($stage)?;
                graph.stream(&last, |b| b.output(), &next, |b| b.input())?;
                last = next;
            }
            graph.stream(&last, |b| b.output(), &sink, |b| b.input())?;
        }};
    }
    match chain.work {
        Work::Copy => chain!(Copy::<f32>::new()),
        Work::Fir => chain!(FirBuilder::fir::<f32, f32, _>(taps())),
    }
    Ok(graph)
}

type LocalReader = DefaultLocalCpuReader<f32>;
type LocalWriter = DefaultLocalCpuWriter<f32>;
type Filter<R, W> = Fir<f32, f32, f32, FirFilter<f32, f32, Vec<f32>>, R, W>;

/// The first half of the stages beside the source on the first core, the others beside the sink on the second.
fn domains(chain: Chain, count: &Arc<AtomicU64>) -> Result<Flowgraph> {
    let mut graph = Flowgraph::new();
    let (front, back) = (graph.local_domain_pinned(0)?, graph.local_domain_pinned(1)?);
    let front_stages = chain.stages.div_ceil(2);
    let back_stages = chain.stages - front_stages;
    let count = Arc::clone(count);
    macro_rules! halves {
        ($stage:ident, $make:expr) => {{
            let last = graph.with_local_domain(front, move |ctx| {
                let source = ctx.add(NullSource::<f32, LocalWriter>::new());
                let last: $stage<LocalReader, DefaultCpuWriter<f32>> = $make;
                let last = ctx.add(last);
                if front_stages == 1 {
                    ctx.stream_local(&source, |b| b.output(), &last, |b| b.input())?;
                    return Ok(last);
                }
                let first: $stage<LocalReader, LocalWriter> = $make;
                let mut at = ctx.add(first);
                ctx.stream_local(&source, |b| b.output(), &at, |b| b.input())?;
                for _ in 2..front_stages {
                    let next: $stage<LocalReader, LocalWriter> = $make;
                    let next = ctx.add(next);
                    ctx.stream_local(&at, |b| b.output(), &next, |b| b.input())?;
                    at = next;
                }
                ctx.stream_local(&at, |b| b.output(), &last, |b| b.input())?;
                Ok(last)
            })?;
            if back_stages == 0 {
                let sink = graph.with_local_domain(back, move |ctx| {
                    Ok(ctx.add(Count::<DefaultCpuReader<f32>>::new(&count)))
                })?;
                graph.stream(&last, |b| b.output(), &sink, |b| b.input())?;
            } else {
                let first = graph.with_local_domain(back, move |ctx| {
                    let first: $stage<DefaultCpuReader<f32>, LocalWriter> = $make;
                    let first = ctx.add(first);
                    let sink = ctx.add(Count::<LocalReader>::new(&count));
                    if back_stages == 1 {
                        ctx.stream_local(&first, |b| b.output(), &sink, |b| b.input())?;
                        return Ok(first);
                    }
                    let second: $stage<LocalReader, LocalWriter> = $make;
                    let mut at = ctx.add(second);
                    ctx.stream_local(&first, |b| b.output(), &at, |b| b.input())?;
                    for _ in 2..back_stages {
                        let next: $stage<LocalReader, LocalWriter> = $make;
                        let next = ctx.add(next);
                        ctx.stream_local(&at, |b| b.output(), &next, |b| b.input())?;
                        at = next;
                    }
                    ctx.stream_local(&at, |b| b.output(), &sink, |b| b.input())?;
                    Ok(first)
                })?;
                graph.stream(&last, |b| b.output(), &first, |b| b.input())?;
            }
        }};
    }
    type CopyOf<R, W> = Copy<f32, R, W>;
    match chain.work {
        Work::Copy => halves!(CopyOf, Copy::new()),
        Work::Fir => halves!(Filter, Fir::new(FirFilter::new(taps()))),
    }
    Ok(graph)
}

fn taps() -> Vec<f32> {
    (0..64).map(|n| (n as f32 * 0.1).sin() / 64.0).collect()
}

/// Drops samples as `NullSink` does, and says while it runs how many.
#[derive(Block)]
struct Count<I: CpuBufferReader<Item = f32>> {
    #[input]
    input: I,
    count: Arc<AtomicU64>,
}

impl<I: CpuBufferReader<Item = f32>> Count<I> {
    fn new(count: &Arc<AtomicU64>) -> Count<I> {
        Count {
            input: I::default(),
            count: Arc::clone(count),
        }
    }
}

impl<I: CpuBufferReader<Item = f32>> Kernel for Count<I> {
    async fn work(&mut self, io: &mut WorkIo, _: &mut MessageOutputs, _: &BlockMeta) -> Result<()> {
        let items = self.input().slice().len();
        if items > 0 {
            // Relaxed: a counter that nothing else hangs on.
            self.count.fetch_add(items as u64, Relaxed);
            self.input().consume(items);
        }
        if self.input().finished() {
            io.finished = true;
        }
        Ok(())
    }
}
