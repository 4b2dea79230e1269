//! `thalweg bench`: what this machine does, beside loops by hand.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use thalweg_ringbuf::measure::Cores;
use thalweg_worker::pin;

use super::apart::Apart;
use super::run::absolute;
use super::table::{Column, percent, table};
use super::{Failure, give, give_json, say};
use crate::bench::compare::{Comparison, compare};
use crate::bench::{Effort, Figure, Spread, cores, graphs, kernels, ring};
use crate::host::Host;

mod chart;

/// Measure this machine: rings, graphs and operators, each beside a loop by hand
///
/// Ours and the reference take turns on the same cores; what is printed are medians, the median of the rounds'
/// ratios, and the range of half of the samples as a share of the median.
#[derive(clap::Args, Debug)]
pub struct Bench {
    /// What to measure
    #[arg(value_enum, value_name = "WHAT", default_value_t = What::All)]
    what: What,
    /// The two cores to measure on; else the first two that this process may use
    #[arg(long, value_name = "A,B", value_delimiter = ',', num_args = 1)]
    cores: Vec<usize>,
    /// A tenth of the time, for a first look
    #[arg(long)]
    quick: bool,
    /// Samples of each figure
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    rounds: Option<u64>,
    /// Everything as JSON, with every sample
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// The table as CSV
    #[arg(long)]
    csv: bool,
    /// Draw it into this file, as SVG
    #[arg(long, value_name = "FILE", value_parser = absolute)]
    plot: Option<PathBuf>,
    /// Hold it against what an earlier `bench --json` gave
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// A ring between two processes, in steps of several lengths
    Ring,
    /// One word, one way
    Latency,
    /// Graphs of two workers
    Pipeline,
    /// One stream with several readers
    Fanout,
    /// Operators, without streams around them
    Kernels,
    /// From every core to every other
    Cores,
    /// All of these
    All,
}

/// One group of figures.
const GROUPS: [What; 6] = [
    What::Ring,
    What::Latency,
    What::Pipeline,
    What::Fanout,
    What::Kernels,
    What::Cores,
];

/// What `--json` gives, and `--compare` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sheet {
    machine: Host,
    figures: Vec<Figure>,
}

impl Bench {
    /// Measures, and prints what came out.
    ///
    /// # Errors
    /// Cores that are not to be had, a file that is no sheet (2); the environment refuses (3).
    pub fn run(&self) -> Result<(), Failure> {
        let then = self.then()?;
        let two = self.two_cores()?;
        let apart = Apart::new()?;
        let machine = Host::here();
        let mut figures = Vec::new();
        for what in self.groups(two.is_some())? {
            say(&format!("{} ..\n", what.name()));
            let measured = || {
                self.measure(what, two)
                    .map_err(|e| Failure::environment(format!("{}: {e}", what.name())))
            };
            figures.extend(apart.run::<Vec<Figure>>(measured)?);
        }
        let sheet = Sheet { machine, figures };
        let changes = then
            .as_ref()
            .map(|then| compare(&then.figures, &sheet.figures));
        if let Some(path) = &self.plot {
            chart::draw(path, &sheet.machine, &sheet.figures)
                .map_err(|e| Failure::environment(format!("chart {}: {e}", path.display())))?;
        }
        self.tell(&sheet, then.as_ref(), changes.as_deref())
    }

    /// The earlier sheet, before anything is measured.
    fn then(&self) -> Result<Option<Sheet>, Failure> {
        let Some(path) = &self.compare else {
            return Ok(None);
        };
        let refused = |what: String| {
            Failure::usage(format!(
                "{}: {what}; --compare takes what `thalweg bench --json` gave",
                path.display()
            ))
        };
        let text = std::fs::read(path).map_err(|e| refused(e.to_string()))?;
        let sheet = serde_json::from_slice(&text).map_err(|e| refused(e.to_string()))?;
        Ok(Some(sheet))
    }

    /// The two cores, if there are two.
    fn two_cores(&self) -> Result<Option<(usize, usize)>, Failure> {
        let allowed = pin::allowed_cores();
        match self.cores[..] {
            [] => Ok((allowed.len() > 1).then(|| (allowed[0], allowed[1]))),
            [a, b] if a != b && allowed.contains(&a) && allowed.contains(&b) => Ok(Some((a, b))),
            _ => Err(Failure::usage(format!(
                "--cores takes two cores of those that this process may use: {}",
                allowed
                    .iter()
                    .map(usize::to_string)
                    .collect::<Vec<_>>()
                    .join(", ")
            ))),
        }
    }

    /// What is measured: with one core only what takes one.
    fn groups(&self, two_cores: bool) -> Result<Vec<What>, Failure> {
        let takes_one = |what: What| what == What::Kernels;
        match self.what {
            What::All if two_cores => Ok(GROUPS.to_vec()),
            What::All => {
                say("only one core is to be had: what takes two is left out\n");
                Ok(GROUPS.into_iter().filter(|&what| takes_one(what)).collect())
            }
            what if two_cores || takes_one(what) => Ok(vec![what]),
            what => Err(Failure::environment(format!(
                "{} takes two cores, and this process may use one (taskset, cgroup cpuset)",
                what.name()
            ))),
        }
    }

    fn measure(&self, what: What, two: Option<(usize, usize)>) -> io::Result<Vec<Figure>> {
        let (a, b) = two.unwrap_or_default();
        let pair = Cores { child: a, here: b };
        let effort = |rounds: usize, milliseconds: u64| Effort {
            rounds: self.rounds.map_or(rounds, |n| n as usize),
            sample: Duration::from_millis(match self.quick {
                true => milliseconds.div_ceil(10),
                false => milliseconds,
            }),
        };
        match what {
            What::Ring => ring::throughput(pair, effort(11, 40)),
            What::Latency => ring::latency(pair, effort(15, 40)),
            What::Pipeline => graphs::pipeline((a, b), effort(7, 200)),
            What::Fanout => graphs::fanout((a, b), effort(7, 150)),
            What::Kernels => kernels::kernels(effort(11, 15)),
            What::Cores | What::All => cores::matrix(&pin::allowed_cores(), effort(5, 10)),
        }
    }

    fn tell(
        &self,
        sheet: &Sheet,
        then: Option<&Sheet>,
        changes: Option<&[Comparison]>,
    ) -> Result<(), Failure> {
        if self.json {
            let mut json = serde_json::to_value(sheet).unwrap_or_default();
            if let Some(changes) = changes {
                json["changes"] = serde_json::to_value(changes).unwrap_or_default();
            }
            return give_json(&json);
        }
        if self.csv {
            return give(&csv(&sheet.figures));
        }
        let mut text = sheet.machine.lines();
        for what in GROUPS {
            let of_group = sheet.figures.iter().filter(|f| f.group == what.name());
            let of_group: Vec<&Figure> = of_group.collect();
            match what {
                _ if of_group.is_empty() => {}
                What::Cores => text += &matrix(&of_group),
                _ => text += &format!("\n{}\n{}", what.name(), table(rows(&of_group), None)),
            }
        }
        if let (Some(then), Some(changes)) = (then, changes) {
            text += &format!("\nthen: {}", then.machine.lines());
            text += &table(changed(changes), None);
        }
        give(&text)
    }
}

impl What {
    fn name(self) -> &'static str {
        match self {
            What::Ring => "ring",
            What::Latency => "latency",
            What::Pipeline => "pipeline",
            What::Fanout => "fanout",
            What::Kernels => "kernels",
            What::Cores => "cores",
            What::All => "all",
        }
    }
}

fn rows(figures: &[&Figure]) -> Vec<Column> {
    let cells = |text: &dyn Fn(&Figure) -> String| figures.iter().map(|f| text(f)).collect();
    let reference = |text: &dyn Fn(&crate::bench::Reference) -> String| {
        cells(&|f| f.reference.as_ref().map_or("-".to_owned(), text))
    };
    vec![
        Column::words("what", cells(&|f| f.name.clone())),
        Column::words("unit", cells(&|f| f.unit.clone())),
        Column::numbers("ours", cells(&|f| number(f.spread().middle))),
        Column::numbers("spread", cells(&|f| percent(f.spread().relative()))),
        Column::numbers(
            "reference",
            reference(&|r| number(Spread::of(&r.samples).middle)),
        ),
        Column::numbers(
            "ratio",
            cells(&|f| {
                f.ratios()
                    .map_or("-".to_owned(), |r| format!("{:.2}", r.middle))
            }),
        ),
        Column::words("reference is", reference(&|r| r.name.clone())),
    ]
}

fn changed(changes: &[Comparison]) -> Vec<Column> {
    let cells = |text: &dyn Fn(&Comparison) -> String| changes.iter().map(text).collect();
    vec![
        Column::words("what", cells(&|c| format!("{}: {}", c.group, c.name))),
        Column::words("unit", cells(&|c| c.unit.clone())),
        Column::numbers("then", cells(&|c| number(c.then.middle))),
        Column::numbers("spread", cells(&|c| percent(c.then.relative()))),
        Column::numbers("now", cells(&|c| number(c.now.middle))),
        Column::numbers("spread", cells(&|c| percent(c.now.relative()))),
        Column::numbers("ratio", cells(&|c| format!("{:.2}", c.ratio))),
        Column::words("verdict", cells(&|c| c.verdict.words().to_owned())),
    ]
}

/// Every core to every other: a square, whose upper half was measured.
fn matrix(figures: &[&Figure]) -> String {
    let pairs = cores_of(figures);
    let mut cores: Vec<usize> = pairs.iter().flat_map(|&(a, b, _)| [a, b]).collect();
    cores.sort_unstable();
    cores.dedup();
    let cell = |a: usize, b: usize| {
        let pair = pairs
            .iter()
            .find(|&&(x, y, _)| (x, y) == (a, b) || (y, x) == (a, b));
        pair.map_or("-".to_owned(), |(.., ns)| format!("{ns:.0}"))
    };
    let width = cores
        .iter()
        .flat_map(|&a| cores.iter().map(move |&b| (a, b)))
        .map(|(a, b)| cell(a, b).len().max(a.to_string().len()))
        .max()
        .unwrap_or(1);
    let line = |head: String, cells: Vec<String>| {
        let cells: String = cells
            .iter()
            .map(|cell| format!("  {cell:>width$}"))
            .collect();
        format!("  {head:>width$}{cells}\n")
    };
    let mut text = "\ncores: a bare cache line one way, ns\n".to_owned();
    text += &line(String::new(), cores.iter().map(usize::to_string).collect());
    for &a in &cores {
        text += &line(a.to_string(), cores.iter().map(|&b| cell(a, b)).collect());
    }
    text
}

/// The two cores and the time of each figure of the matrix.
fn cores_of(figures: &[&Figure]) -> Vec<(usize, usize, f64)> {
    let pair = |f: &&Figure| {
        let (a, b) = f.name.split_once('-')?;
        Some((a.parse().ok()?, b.parse().ok()?, f.spread().middle))
    };
    figures.iter().filter_map(pair).collect()
}

fn csv(figures: &[Figure]) -> String {
    let mut text =
        "group,what,unit,ours,ours_low,ours_high,reference,ratio,reference_is\n".to_owned();
    for figure in figures {
        let ours = figure.spread();
        let reference = figure.reference.as_ref();
        let middle = reference.map(|r| Spread::of(&r.samples).middle.to_string());
        let ratio = figure.ratios().map(|r| r.middle.to_string());
        text += &format!(
            "{},\"{}\",{},{},{},{},{},{},\"{}\"\n",
            figure.group,
            figure.name,
            figure.unit,
            ours.middle,
            ours.low,
            ours.high,
            middle.unwrap_or_default(),
            ratio.unwrap_or_default(),
            reference.map_or("", |r| &r.name)
        );
    }
    text
}

/// A number of three digits or more.
fn number(n: f64) -> String {
    match n.abs() {
        n if n >= 99.95 => format!("{n:.0}"),
        n if n >= 9.995 => format!("{n:.1}"),
        n => format!("{n:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Better;

    fn figure(group: &str, name: &str, ours: f64) -> Figure {
        Figure {
            group: group.to_owned(),
            name: name.to_owned(),
            unit: "ns".to_owned(),
            better: Better::Less,
            ours: vec![ours],
            reference: None,
        }
    }

    #[test]
    fn pairs_of_cores_are_a_square() {
        let figures = [
            figure("cores", "0-2", 41.0),
            figure("cores", "0-10", 99.4),
            figure("cores", "2-10", 100.0),
        ];
        let expected = "\ncores: a bare cache line one way, ns
         0    2   10
    0    -   41   99
    2   41    -  100
   10   99  100    -
";
        assert_eq!(matrix(&figures.iter().collect::<Vec<_>>()), expected);
    }

    #[test]
    fn a_line_of_csv_has_a_cell_for_every_title() {
        let text = csv(&[figure("ring", "f64, steps of 1", 3.0)]);
        assert_eq!(
            text.lines().nth(1),
            Some("ring,\"f64, steps of 1\",ns,3,3,3,,,\"\"")
        );
    }

    #[test]
    fn a_chart_is_svg_with_every_name_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bench.svg");
        let figures = [
            figure("ring", "a < b", 3.0),
            figure("cores", "0-1", 50.0),
            figure("cores", "0-2", 90.0),
            figure("cores", "1-2", 90.0),
        ];
        chart::draw(&path, &Host::here(), &figures).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        assert!(svg.trim_end().ends_with("</svg>"));
        for words in ["a &lt; b", "cores, ns", "90"] {
            assert!(svg.contains(words), "{words} in {svg}");
        }
    }
}
