//! Whole graphs on two cores, as `thalweg run` runs them: commits on, processes that are forked again.
//!
//! A pipeline is held against one plain loop on one core that does the same to blocks that stay in the cache;
//! several readers of a stream are held against one.

use std::hint::black_box;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Better, Effort, Figure, MILLIONS, Reference, millions};
use crate::resolved::Resolved;
use crate::run::{self, RunError, Wanted};
use crate::spawn::Nursery;
use crate::supervise::{Verdict, Watch};
use crate::{file, resolve};

/// Items that a plain loop has in hand.
const BLOCK: usize = 2048;
const TAPS: usize = 64;
/// Graphs are asked for a multiple of so many items.
const LEAST: u64 = 1 << 16;

/// A graph beside a plain loop.
struct Work {
    name: &'static str,
    /// The agents after the source, a table's line each.
    agents: String,
    dtype: &'static str,
    /// The same on a block: what came in, where it goes.
    plain: fn(u64),
}

/// Pipelines of two workers. In a process that does nothing else.
///
/// # Errors
/// A run that could not be made.
pub fn pipeline(cores: (usize, usize), effort: Effort) -> io::Result<Vec<Figure>> {
    let works = works();
    works
        .iter()
        .map(|work| beside_plain(work, cores, effort))
        .collect()
}

fn works() -> Vec<Work> {
    let taps = vec![format!("{}", 1.0 / TAPS as f64); TAPS].join(", ");
    vec![
        Work {
            name: "counter, copy | copy, null",
            agents: "b = { op = \"copy\", in = \"a\", worker = \"front\" }\n\
                     c = { op = \"copy\", in = \"b\", worker = \"back\" }\n\
                     d = { op = \"null\", in = \"c\", worker = \"back\" }\n"
                .to_owned(),
            dtype: "f64",
            plain: plain_copies,
        },
        Work {
            name: "counter, map | map, null",
            agents: "b = { op = \"map\", in = \"a\", expr = \"2 * x + 1\", worker = \"front\" }\n\
                     c = { op = \"map\", in = \"b\", expr = \"sqrt(x)\", worker = \"back\" }\n\
                     d = { op = \"null\", in = \"c\", worker = \"back\" }\n"
                .to_owned(),
            dtype: "f64",
            plain: plain_maps,
        },
        Work {
            name: "counter | fir of 64 taps, null",
            agents: format!(
                "b = {{ op = \"fir\", in = \"a\", taps = [{taps}], worker = \"back\" }}\n\
                 c = {{ op = \"null\", in = \"b\", worker = \"back\" }}\n"
            ),
            dtype: "f32",
            plain: plain_fir,
        },
    ]
}

fn beside_plain(work: &Work, cores: (usize, usize), effort: Effort) -> io::Result<Figure> {
    let text = graph(cores, work.dtype, &work.agents);
    let once = |items| run_once(&text, items);
    let items = effort.amount(LEAST, once)?;
    let plain = |items| {
        let start = Instant::now();
        (work.plain)(black_box(items));
        Ok(start.elapsed())
    };
    // As long, not as many: a plain loop may be much slower.
    let plain_items = effort.amount(LEAST, plain)?;
    let (ours, samples) = effort.in_turn(
        || once(items).map(|time| millions(items, time)),
        || plain(plain_items).map(|time| millions(plain_items, time)),
    )?;
    Ok(Figure {
        group: "pipeline".to_owned(),
        name: work.name.to_owned(),
        unit: MILLIONS.to_owned(),
        better: Better::More,
        ours,
        reference: Some(Reference {
            name: "plain loop, 1 core".to_owned(),
            samples,
        }),
    })
}

/// One stream read by several agents of another worker. In a process that does nothing else.
///
/// # Errors
/// As [`pipeline`].
pub fn fanout(cores: (usize, usize), effort: Effort) -> io::Result<Vec<Figure>> {
    let readers = [2, 4, 8].into_iter();
    readers
        .map(|readers| of_readers(readers, cores, effort))
        .collect()
}

fn of_readers(readers: usize, cores: (usize, usize), effort: Effort) -> io::Result<Figure> {
    let text = |readers: usize| {
        let agent = |n| format!("r{n} = {{ op = \"null\", in = \"a\", worker = \"back\" }}\n");
        graph(cores, "f64", &(0..readers).map(agent).collect::<String>())
    };
    let (many, one) = (text(readers), text(1));
    let items = effort.amount(LEAST, |items| run_once(&one, items))?;
    let rate = |time| millions(items, time);
    let (ours, samples) = effort.in_turn(
        || run_once(&many, items).map(rate),
        || run_once(&one, items).map(rate),
    )?;
    Ok(Figure {
        group: "fanout".to_owned(),
        name: format!("{readers} readers of one stream"),
        unit: MILLIONS.to_owned(),
        better: Better::More,
        ours,
        reference: Some(Reference {
            name: "1 reader".to_owned(),
            samples,
        }),
    })
}

/// A graph of two workers whose source is `a`.
fn graph(cores: (usize, usize), dtype: &str, agents: &str) -> String {
    format!(
        "workers.front = {{ core = {} }}\nworkers.back = {{ core = {} }}\n[agents]\n\
         a = {{ op = \"counter\", dtype = \"{dtype}\", worker = \"front\" }}\n{agents}",
        cores.0, cores.1
    )
}

/// Runs a graph until its source has given so many items.
fn run_once(text: &str, items: u64) -> io::Result<Duration> {
    let text = text.replace(
        "op = \"counter\",",
        &format!("op = \"counter\", items = {items},"),
    );
    let refused = |words: String| io::Error::other(words);
    let decl = file::parse(text, "bench.toml", "bench", PathBuf::from("."));
    let decl = decl.map_err(|e| refused(e.to_string()))?;
    let (graph, _) = resolve::resolve(decl).map_err(|e| refused(e.to_string()))?;
    let finished = run::run(graph, &Wanted::default(), &mut Silence)
        .map_err(|e: RunError| refused(e.to_string()))?;
    match finished.verdict {
        Verdict::Done => Ok(Duration::from_secs_f64(finished.report.seconds)),
        other => Err(refused(format!(
            "a measured graph ended otherwise: {other:?}"
        ))),
    }
}

/// Says nothing.
struct Silence;

impl Watch for Silence {
    fn tick(&mut self, _graph: &Resolved, _nursery: &Nursery<'_>, _restarts: &[u64]) {}

    fn line(&mut self, _worker: &str, _line: &str) {}

    fn note(&mut self, _words: &str) {}
}

fn plain_copies(items: u64) {
    let mut blocks = [[0.0; BLOCK]; 3];
    for block in 0..items / BLOCK as u64 {
        let [a, b, c] = &mut blocks;
        count(a, block);
        b.copy_from_slice(black_box(a));
        c.copy_from_slice(black_box(b));
        black_box(c);
    }
}

fn plain_maps(items: u64) {
    let mut blocks = [[0.0; BLOCK]; 3];
    for block in 0..items / BLOCK as u64 {
        let [a, b, c] = &mut blocks;
        count(a, block);
        for (y, x) in b.iter_mut().zip(black_box(&*a)) {
            *y = 2.0 * x + 1.0;
        }
        for (y, x) in c.iter_mut().zip(black_box(&*b)) {
            *y = f64::sqrt(*x);
        }
        black_box(c);
    }
}

fn plain_fir(items: u64) {
    let taps = black_box([1.0 / TAPS as f32; TAPS]);
    let mut x = [0.0_f32; TAPS - 1 + BLOCK];
    let mut y = [0.0_f32; BLOCK];
    for block in 0..items / BLOCK as u64 {
        x.copy_within(BLOCK.., 0);
        for (n, x) in x[TAPS - 1..].iter_mut().enumerate() {
            *x = (block * BLOCK as u64 + n as u64) as f32;
        }
        for (y, window) in y.iter_mut().zip(black_box(&x).windows(TAPS)) {
            *y = window.iter().zip(&taps).map(|(x, tap)| x * tap).sum();
        }
        black_box(&y);
    }
}

fn count(block: &mut [f64], nth: u64) {
    for (n, x) in block.iter_mut().enumerate() {
        *x = (nth * BLOCK as u64 + n as u64) as f64;
    }
}
