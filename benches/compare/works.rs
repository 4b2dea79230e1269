//! The works that are compared, a function each, in the order of the table.

use std::process::Command;
use std::time::Duration;

use crate::channels::{iceoryx2_bounces, iceoryx2_items, iceoryx2_steps, ipc_channel_items};
use crate::contest::{Contest, Figure, Rival, Unit};
use crate::ours::{self, ByHand};
use crate::outside::{Server, beside, graph_rate, last_rate, report_of};
use crate::pinned::Cores;
use crate::small;
use crate::threads::{crossbeam_items, rtrb_items, rtrb_steps};

/// How each whole program runs that is no library.
pub struct Works {
    cores: Cores,
    quick: bool,
    gnuradio: Server,
    futuresdr: Server,
    scipy: Server,
    iotpy: Server,
}

impl Works {
    pub fn new(cores: Cores, quick: bool) -> Works {
        let script = |name: &str| format!("{}/rivals/{name}", env!("CARGO_MANIFEST_DIR"));
        // Debian's GNU Radio belongs to Debian's Python; the others to the one that run.sh made.
        let python = std::env::var("COMPARE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        Works {
            cores,
            quick,
            gnuradio: Server::new(["/usr/bin/python3", &script("gnuradio_flows.py")]),
            futuresdr: Server::new([beside("futuresdr-flows").display().to_string()]),
            scipy: Server::new([python.as_str(), &script("scipy_calls.py")]),
            iotpy: Server::new([python.as_str(), &script("iotpy_three.py")]),
        }
    }

    /// Those that took part, in their own words.
    pub fn versions(&self) -> Vec<String> {
        let servers = [&self.gnuradio, &self.futuresdr, &self.scipy, &self.iotpy];
        let mut versions = vec![
            "iceoryx2 0.10.0".to_owned(),
            "rtrb 0.4.1".to_owned(),
            "crossbeam-channel 0.5.17".to_owned(),
            "ipc-channel 0.23.1".to_owned(),
        ];
        versions.extend(servers.into_iter().filter_map(Server::version));
        versions
    }

    pub fn all(&self) -> Vec<Contest> {
        let mut all = vec![self.steps(), self.items(), self.latency()];
        all.extend([1, 6].map(|stages| self.copies(stages)));
        all.extend([1, 6].map(|stages| self.filters(stages)));
        all.extend([1024, 4096].map(|size| self.ffts(size)));
        all.push(self.iir());
        all.extend(["mean", "max", "median"].map(|what| self.windows(what)));
        all.push(self.three_processes());
        all.extend([
            self.agents20_called(),
            self.agents20_pointers(),
            self.agents20_fused(),
        ]);
        all.push(self.fan_out());
        all.push(self.frames());
        all
    }

    /// How many of what goes at about `per_second`: a quarter of a second's worth, or a twentieth.
    fn count(&self, per_second: u64) -> u64 {
        if self.quick {
            per_second / 20
        } else {
            per_second / 4
        }
    }

    /// How long a flow runs.
    fn seconds(&self) -> f64 {
        if self.quick { 0.15 } else { 0.4 }
    }

    fn steps(&self) -> Contest {
        const STEP: usize = 4096;
        let cores = self.cores;
        let source = ours::items(STEP);
        let items = self.count(4_000_000_000) / STEP as u64 * STEP as u64;
        let sum = ours::fold(0, &source).wrapping_mul(items / STEP as u64);
        let rival = |name,
                     reach,
                     run: fn(Cores, &[u64], u64) -> (Duration, u64),
                     settings: &'static str| {
            let source = source.clone();
            Rival::new(name, reach, move || {
                rate(run(cores, &source, items), items, sum, settings)
            })
        };
        Contest {
            name: "steps4096",
            work: "f64 between two processes, steps of 4096",
            unit: Unit::Rate,
            ours: {
                let source = source.clone();
                Box::new(move || {
                    rate(
                        ours::ring_steps(cores, &source, items),
                        items,
                        sum,
                        "ring of 16 Ki items, spinning",
                    )
                })
            },
            rivals: vec![
                rival(
                    "by hand, same memory",
                    Some(0.97),
                    ByHand::steps,
                    "a loop over the same mirrored memory",
                ),
                rival(
                    "iceoryx2 slices",
                    Some(1.5),
                    |c, s, n| iceoryx2_steps(c, s, n, 4),
                    "4 slices wait at most, polling",
                ),
                rival(
                    "rtrb chunks, threads",
                    Some(1.5),
                    |c, s, n| rtrb_steps(c, s, n, 16 * 1024),
                    "16 Ki items",
                ),
            ],
        }
    }

    fn items(&self) -> Contest {
        const ITEM: u64 = 3;
        let cores = self.cores;
        let rival = |name,
                     reach,
                     run: fn(Cores, u64, u64) -> (Duration, u64),
                     per_second,
                     settings: &'static str| {
            let items = self.count(per_second);
            Rival::new(name, reach, move || {
                rate(run(cores, ITEM, items), items, ITEM * items, settings)
            })
        };
        let items = self.count(100_000_000);
        Contest {
            name: "message",
            work: "one u64 a message, ring alone",
            unit: Unit::Rate,
            ours: Box::new(move || {
                rate(
                    ours::ring_items(cores, ITEM, items),
                    items,
                    ITEM * items,
                    "ring of 16 Ki items, spinning",
                )
            }),
            rivals: vec![
                rival(
                    "iceoryx2",
                    Some(100.0),
                    |c, i, n| iceoryx2_items(c, i, n, 1024),
                    3_000_000,
                    "1024 samples wait at most, polling",
                ),
                rival(
                    "crossbeam bounded, threads",
                    Some(4.0),
                    |c, i, n| crossbeam_items(c, i, n, Some(16 * 1024)),
                    20_000_000,
                    "16 Ki items",
                ),
                rival(
                    "crossbeam unbounded, threads",
                    Some(4.0),
                    |c, i, n| crossbeam_items(c, i, n, None),
                    20_000_000,
                    "",
                ),
                rival("ipc-channel", Some(100.0), ipc_channel_items, 400_000, ""),
                rival(
                    "by hand, same memory",
                    None,
                    ByHand::items,
                    100_000_000,
                    "a loop over the same mirrored memory",
                ),
                rival(
                    "rtrb, threads",
                    Some(0.9),
                    |c, i, n| rtrb_items(c, i, n, 16 * 1024),
                    100_000_000,
                    "16 Ki items",
                ),
            ],
        }
    }

    fn latency(&self) -> Contest {
        let cores = self.cores;
        let bounces = self.count(2_000_000);
        let one_way = move |time: Duration, settings: &str| {
            let nanos = time.as_secs_f64() * 1e9 / (2 * bounces) as f64;
            Ok(Figure::new(nanos, settings))
        };
        Contest {
            name: "latency",
            work: "one u64 one way, spinning",
            unit: Unit::Time,
            ours: Box::new(move || {
                one_way(ours::ring_bounces(cores, bounces), "two rings, spinning")
            }),
            rivals: vec![
                Rival::new("bare ping-pong", 1.15, move || {
                    one_way(ByHand::bounces(cores, bounces), "two cache lines")
                }),
                Rival::new("iceoryx2", 0.4, move || {
                    one_way(iceoryx2_bounces(cores, bounces), "two services, polling")
                }),
            ],
        }
    }

    fn copies(&self, stages: usize) -> Contest {
        let line = chain("const value=0 dtype=f32", &vec!["copy"; stages].join(" ! "));
        let (name, work, reach) = match stages {
            1 => ("copy1", "f32 through 1 copy", 1.2),
            _ => ("copy6", "f32 through 6 copies", 1.5),
        };
        Contest {
            name,
            work,
            unit: Unit::Rate,
            ours: self.graph(line, 2, 1.0),
            rivals: vec![
                self.ask(&self.gnuradio, "GNU Radio", 10.0, format!("copy {stages}")),
                self.ask(
                    &self.futuresdr,
                    "FutureSDR",
                    reach,
                    format!("copy {stages}"),
                ),
            ],
        }
    }

    fn filters(&self, stages: usize) -> Contest {
        let fir = "fir.lowpass cutoff=0.1 rate=1 numtaps=64";
        let line = chain("const value=0.5 dtype=f32", &vec![fir; stages].join(" ! "));
        let (name, work, reach) = match stages {
            1 => ("fir1", "64-tap FIR, f32", 8.0),
            _ => ("fir6", "6 64-tap FIRs, f32", 15.0),
        };
        Contest {
            name,
            work,
            unit: Unit::Rate,
            ours: self.graph(line, 2, 1.0),
            rivals: vec![
                self.ask(
                    &self.gnuradio,
                    "GNU Radio fir_filter",
                    reach,
                    format!("fir {stages}"),
                ),
                self.ask(
                    &self.gnuradio,
                    "GNU Radio fft_filter",
                    None,
                    format!("fftfir {stages}"),
                ),
                self.ask(&self.futuresdr, "FutureSDR", 2.0, format!("fir {stages}")),
            ],
        }
    }

    fn ffts(&self, size: usize) -> Contest {
        let line = chain("const value=0.5 dtype=cf32", &format!("fft size={size}"));
        let (name, work) = match size {
            1024 => ("fft1024", "FFT of 1024 cf32"),
            _ => ("fft4096", "FFT of 4096 cf32"),
        };
        Contest {
            name,
            work,
            unit: Unit::Rate,
            ours: self.graph(line, 2, size as f64),
            rivals: vec![
                self.ask(
                    &self.gnuradio,
                    "GNU Radio, vectors",
                    1.5,
                    format!("fft {size}"),
                ),
                self.ask(
                    &self.gnuradio,
                    "GNU Radio, streams",
                    1.5,
                    format!("fftstream {size}"),
                ),
            ],
        }
    }

    fn iir(&self) -> Contest {
        let line = chain(
            "const value=0.5 dtype=f32[4]",
            "iir.lowpass cutoff=0.1 rate=1 order=8",
        );
        Contest {
            name: "iir",
            work: "8th-order low-pass, f32, 4 channels",
            unit: Unit::Rate,
            ours: self.graph(line, 2, 4.0),
            rivals: vec![
                self.ask(
                    &self.scipy,
                    "SciPy sosfilt, one call",
                    2.0,
                    "iir 4".to_owned(),
                ),
                self.ask(
                    &self.gnuradio,
                    "GNU Radio, 4 blocks",
                    2.0,
                    "iir 4".to_owned(),
                ),
            ],
        }
    }

    fn windows(&self, what: &'static str) -> Contest {
        let (name, work) = match what {
            "mean" => ("mean1001", "sliding mean of 1001 f32"),
            "max" => ("max1001", "sliding maximum of 1001 f32"),
            _ => ("median1001", "sliding median of 1001 f32"),
        };
        // A mean takes as long whatever the numbers are, and GNU Radio's source makes zeros.
        let source = match what {
            "mean" => "const value=0.5 dtype=f32",
            _ => "noise dist=uniform dtype=f32",
        };
        let line = chain(source, &format!("window size=1001 fn={what}"));
        let mut rivals = vec![self.ask(
            &self.scipy,
            "SciPy ndimage, one call",
            2.0,
            format!("{what} 1001"),
        )];
        if what == "mean" {
            rivals.push(self.ask(&self.gnuradio, "GNU Radio", 2.0, "mean 1001".to_owned()));
        }
        Contest {
            name,
            work,
            unit: Unit::Rate,
            ours: self.graph(line, 2, 1.0),
            rivals,
        }
    }

    fn three_processes(&self) -> Contest {
        let line =
            "counter dtype=f64 items=10000000 ! map expr=\"x + 1\" ! map expr=\"2 * x\" ! null";
        Contest {
            name: "three",
            work: "10 M floats through map, map, sink, a process each",
            unit: Unit::Rate,
            ours: Box::new(move || graph_rate(line, &["--workers", "3"], 1.0)),
            rivals: vec![self.ask(
                &self.iotpy,
                "IoTPy, lists",
                100.0,
                "three 10000000".to_owned(),
            )],
        }
    }

    fn agents20_called(&self) -> Contest {
        let plain = |x| small::of_each!(fold!(x called));
        self.agents20(
            "agents20",
            "20 small agents in one worker, functions of another crate, an item and agent",
            "called",
            Some(1.3),
            (40_000_000, plain),
        )
    }

    fn agents20_pointers(&self) -> Contest {
        let functions = small::pointers();
        let plain = move |x| functions.iter().fold(x, |x, f| f(x));
        self.agents20(
            "agents20pointers",
            "the same through pointers",
            "pointers",
            None,
            (40_000_000, plain),
        )
    }

    fn agents20_fused(&self) -> Contest {
        let plain = |x| small::of_each!(fold!(x seen));
        self.agents20(
            "agents20fused",
            "the same, seen by the compiler, which makes one loop of the rival's twenty",
            "seen",
            None,
            (1_000_000_000, plain),
        )
    }

    /// Agents that know their functions so, beside a loop that does; `plain` goes through about so many items a second.
    fn agents20(
        &self,
        name: &'static str,
        work: &'static str,
        functions: &'static str,
        reach: Option<f64>,
        (per_second, plain): (u64, impl Fn(f64) -> f64 + 'static),
    ) -> Contest {
        let duration = format!("{}s", self.seconds());
        let items = self.count(per_second);
        Contest {
            name,
            work,
            unit: Unit::Time,
            ours: Box::new(move || {
                let mut program = Command::new(beside("agents20"));
                program.env("FUNCTIONS", functions);
                let report = report_of(program, &["--in-process", "--for", &duration])?;
                Ok(Figure::new(
                    1e3 / last_rate(&report, 20.0)?,
                    "--in-process, commits on",
                ))
            }),
            rivals: vec![Rival::new("a plain loop", reach, move || {
                Ok(Figure::new(through(items, &plain), "one thread"))
            })],
        }
    }

    fn fan_out(&self) -> Contest {
        let graph = |readers: usize| {
            let nulls = (0..readers)
                .map(|n| format!("[agents.n{n}]\nop = \"null\"\nin = \"c\"\nworker = \"back\"\n"));
            let front = "[workers.front]\n[workers.back]\n[agents.c]\nop = \"counter\"\nworker = \"front\"\n";
            front.to_owned() + &nulls.collect::<String>()
        };
        let run = |readers: usize| {
            let text = graph(readers);
            let duration = format!("{}s", self.seconds());
            move || crate::outside::text_rate(&text, &["--for", &duration])
        };
        Contest {
            name: "fanout4",
            work: "f64 from one worker to 4 readers in another",
            unit: Unit::Rate,
            ours: Box::new(run(4)),
            rivals: vec![Rival::new("one reader", 0.8, run(1))],
        }
    }

    fn frames(&self) -> Contest {
        let cores = self.cores;
        let count = self.count(4_000_000);
        let per_second = move |time: Duration, settings| {
            Ok(Figure::new(
                count as f64 / time.as_secs_f64() / 1e6,
                settings,
            ))
        };
        let source = vec![1; 13];
        Contest {
            name: "frames",
            work: "frames of 100 bytes",
            unit: Unit::Rate,
            ours: Box::new(move || {
                per_second(
                    ours::ring_frames(cores, &[1; 100], count),
                    "ring of 256 KiB, spinning",
                )
            }),
            rivals: vec![Rival::new("13 words by hand", None, move || {
                per_second(
                    ByHand::steps(cores, &source, count * 13).0,
                    "no length, no end: a fixed step of 104 bytes",
                )
            })],
        }
    }

    /// A graph of one line on so many workers for a while; an item is `each` numbers.
    fn graph(&self, line: String, workers: usize, each: f64) -> crate::contest::Runner {
        let (workers, duration) = (workers.to_string(), format!("{}s", self.seconds()));
        Box::new(move || graph_rate(&line, &["--workers", &workers, "--for", &duration], each))
    }

    fn ask(
        &self,
        server: &Server,
        name: &'static str,
        reach: impl Into<Option<f64>>,
        work: String,
    ) -> Rival {
        let (server, request) = (server.clone(), format!("{work} {}", self.seconds()));
        Rival::new(name, reach, move || server.ask(&request))
    }
}

fn chain(source: &str, stages: &str) -> String {
    format!("{source} ! {stages} ! null")
}

/// A rate in millions a second, of a run whose taker told the right sum.
fn rate(
    (time, sum): (Duration, u64),
    items: u64,
    expected: u64,
    settings: &str,
) -> Result<Figure, String> {
    if sum != expected {
        return Err(format!("the items add up to {sum} and not to {expected}"));
    }
    Ok(Figure::new(
        items as f64 / time.as_secs_f64() / 1e6,
        settings,
    ))
}

/// What the functions give one after another.
macro_rules! fold {
    (($x:ident $how:ident) $($name:ident)*) => {{
        $(let $x = small::$how::$name($x);)*
        $x
    }};
}
use fold;

/// Nanoseconds an item and function, for twenty functions over an array of numbers into another, again and again.
fn through(items: u64, each: impl Fn(f64) -> f64) -> f64 {
    let numbers: Vec<f64> = (0..4096).map(f64::from).collect();
    let mut out = vec![0.0; numbers.len()];
    let times = items.div_ceil(numbers.len() as u64);
    let start = std::time::Instant::now();
    for _ in 0..times {
        for (y, &x) in out.iter_mut().zip(std::hint::black_box(&numbers)) {
            *y = each(x);
        }
        std::hint::black_box(&mut out);
    }
    let made = times * numbers.len() as u64;
    start.elapsed().as_secs_f64() * 1e9 / (20 * made) as f64
}
