//! `thalweg chaos`: kills workers of a graph at random, and looks whether its files come out the same.
//!
//! The graph runs undisturbed once, then again and again with kills, until there were enough. Its files
//! are written to two folders of our own, so those the graph names are left alone. Every run has a process
//! of its own for coordinator, forked from this one, which holds the graph as it was written.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use thalweg_worker::op::nearest;

use super::apart::Apart;
use super::outputs::{self, Output};
use super::plan::planned;
use super::run::{capacity, duration};
use super::scratch::Scratch;
use super::{Failure, GraphArg, give, give_json, refused_as_json, say, warn};
use crate::chaos::{Disturbance, Toll};
use crate::compose;
use crate::decl::{Capacity, GraphDecl};
use crate::diag::Refused;
use crate::plan::Options;
use crate::resolve;
use compare::{Difference, first_difference};
use rehearse::{Rehearsal, rehearse};
use verdict::{Outcome, Uncompared};

mod rehearse;

mod compare;
mod verdict;

/// Kill workers at random, and compare the files with those of an undisturbed run
///
/// The graph runs undisturbed once, then again with SIGKILLs until there were enough; it must end by
/// itself, or be given --items. Its output files go to folders of our own. Exit code 0: every file came
/// out the same each time; 1: one did not, or a run failed.
#[derive(clap::Args, Debug)]
pub struct Chaos {
    #[command(flatten)]
    pub(super) graph: GraphArg,
    /// So many kills, in as many runs as that takes; 100 where there is no --for either
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    kills: Option<u64>,
    /// Kills for so long: 10s, 2min
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    lasts: Option<Duration>,
    /// Kills a second on average; else about five a run, between 20 and 200
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// Decides who is killed when; else from the clock, and printed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Only this worker is killed; may be given again
    #[arg(long = "worker", value_name = "NAME")]
    only: Vec<String>,
    /// So many worker processes, whatever the graph says
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Every source ends after so many items
    #[arg(long, value_name = "N")]
    items: Option<u64>,
    /// The most items an agent takes in one step
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    step: Option<u64>,
    /// What a stream holds that does not say so itself: items, or bytes as 64KiB
    #[arg(long, value_name = "SIZE", value_parser = capacity)]
    capacity: Option<Capacity>,
    /// The outcome as JSON
    #[arg(long)]
    json: bool,
    /// No words while it goes on
    #[arg(short, long)]
    quiet: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok();
    rate.filter(|rate| *rate > 0.0 && *rate <= 1e6)
        .ok_or_else(|| "a rate is a number of kills a second, such as 20".to_owned())
}

const KILLS: u64 = 100;
const RATES: (f64, f64) = (20.0, 200.0);
const KILLS_A_RUN: f64 = 5.0;

/// Between two lines about how far it is.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// What the graph is, found out by a process of its own: resolving takes a graph's closures out of it.
#[derive(Serialize, Deserialize)]
struct Outline {
    name: String,
    workers: Vec<String>,
    /// Agents that end a branch, with their operators.
    ends: Vec<(String, String)>,
    /// Agents whose items depend on timing, each with the reason.
    by_chance: BTreeMap<String, String>,
    /// Sources that cannot be read twice, each with its path.
    once: Vec<(String, String)>,
    /// A source that nothing ends.
    unended: Option<String>,
}

impl Chaos {
    /// Runs the graph again and again.
    ///
    /// # Errors
    /// A difference, or a run that failed (1); a graph that is refused or has nothing to compare (2).
    pub fn run(&self) -> Result<(), Failure> {
        let apart = Apart::new()?;
        let declared = self.graph.declare().and_then(|mut graph| {
            // Files are written by the agents of sub-graphs too.
            compose::expand(&mut graph)?;
            Ok(graph)
        });
        let graph = match declared {
            Err(refused) if self.json => return Err(refused_as_json(&refused)),
            other => other?,
        };
        let outputs = outputs::of(&graph);
        let senders = outputs::senders(&graph);
        let graph = RefCell::new(Some(graph));
        let outline = apart.run(|| self.outline(&graph))?;
        self.check_workers(&outline)?;
        if let Some((agent, op)) = senders.first() {
            return Err(Failure::usage(format!(
                "agent `{agent}` ({op}) sends to another program: the graph runs several times, and all would be sent each time; let the stream end in a file instead"
            )));
        }
        if let Some(source) = &outline.unended {
            return Err(Failure::usage(format!(
                "source `{source}` never ends, and the graph runs several times from its beginning to its end: give it `items`, or all sources --items N"
            )));
        }
        let (compared, uncompared) = sorted_out(&outputs, &outline)?;
        let mut outcome = Outcome::new(&outline.name, self.seed(), &compared, uncompared);
        if !self.quiet {
            say(&format!("seed {}\n", outcome.seed));
        }
        let mut scratch = Scratch::new("chaos")?;
        let undisturbed = scratch.folder("undisturbed")?;
        // What is not compared is written all the same.
        let job = || rehearse(&graph, &outputs, &undisturbed, self.options(), None);
        let first = apart.run(job)?;
        outcome.rate = self.rate_for(&first);
        let files = (&outputs[..], &compared[..]);
        self.disturb(&apart, &graph, &scratch, &mut outcome, files)?;
        if outcome.difference.is_some() {
            outcome.kept = Some(scratch.keep());
        }
        self.tell(&outcome)
    }

    /// Disturbs runs until there were kills enough or a file differs, of those that are compared.
    fn disturb(
        &self,
        apart: &Apart,
        graph: &RefCell<Option<GraphDecl>>,
        scratch: &Scratch,
        outcome: &mut Outcome,
        (outputs, compared): (&[Output], &[Output]),
    ) -> Result<(), Failure> {
        let wanted = match (self.kills, self.lasts) {
            (Some(kills), _) => kills,
            (None, Some(_)) => u64::MAX,
            (None, None) => KILLS,
        };
        let began = Instant::now();
        let mut next_line = began + BETWEEN_LINES;
        while outcome.kills < wanted && outcome.difference.is_none() {
            let left = self
                .lasts
                .map(|lasts| lasts.saturating_sub(began.elapsed()));
            if left == Some(Duration::ZERO) {
                break;
            }
            let disturbance = Disturbance {
                seed: outcome.seed.wrapping_add(outcome.runs),
                rate: outcome.rate,
                kills: wanted - outcome.kills,
                lasts: left,
                workers: self.only.clone(),
            };
            let folder = scratch.folder("disturbed")?;
            let job = || rehearse(graph, outputs, &folder, self.options(), Some(disturbance));
            let run = apart.run(job)?;
            outcome.count(run);
            outcome.compare(&scratch.folder_of("undisturbed"), &folder, compared)?;
            if !self.quiet && Instant::now() >= next_line {
                next_line = Instant::now() + BETWEEN_LINES;
                say(&outcome.so_far());
            }
        }
        Ok(())
    }

    fn options(&self) -> Options {
        Options {
            workers: self.workers,
            items: self.items,
            step: self.step.and_then(|n| usize::try_from(n).ok()),
            capacity: self.capacity,
            ..Options::default()
        }
    }

    fn seed(&self) -> u64 {
        let clock = || SystemTime::now().duration_since(UNIX_EPOCH);
        // What fits a number that every reader of JSON keeps whole.
        let clock = || clock().map_or(0, |now| now.as_micros() as u64 % (1 << 53));
        self.seed.unwrap_or_else(clock)
    }

    fn rate_for(&self, undisturbed: &Rehearsal) -> f64 {
        let (least, most) = RATES;
        let usual = (KILLS_A_RUN / undisturbed.seconds).clamp(least, most);
        self.rate.unwrap_or(usual)
    }

    /// Resolves and plans the graph as `run` would. In a process of its own.
    fn outline(&self, graph: &RefCell<Option<GraphDecl>>) -> Result<Outline, Failure> {
        let refuse = |refused: Refused| match self.json {
            true => refused_as_json(&refused),
            false => refused.into(),
        };
        let graph = graph.take().unwrap_or_default();
        let endless = match self.items {
            Some(_) => Vec::new(),
            None => outputs::endless(&graph),
        };
        let (mut graph, warnings) = resolve::resolve(graph).map_err(refuse)?;
        if !self.quiet {
            warn(&warnings, &graph);
        }
        let by_chance = outputs::by_chance(&graph);
        let once = outputs::readable_once(&graph);
        let unended = outputs::unended(&graph, &endless);
        let ends = graph.agents.iter().filter(|a| a.outputs.is_empty());
        let ends = ends.map(|a| (a.name.clone(), a.op.clone())).collect();
        let plan = match planned(&mut graph, &self.options()) {
            Err(Failure::Refused(refused)) => return Err(refuse(refused)),
            other => other?,
        };
        Ok(Outline {
            name: graph.name.clone(),
            workers: plan.workers.iter().map(|w| w.name.clone()).collect(),
            ends,
            by_chance,
            once,
            unended,
        })
    }

    fn check_workers(&self, outline: &Outline) -> Result<(), Failure> {
        let names: Vec<&str> = outline.workers.iter().map(String::as_str).collect();
        let unknown = self
            .only
            .iter()
            .find(|name| !outline.workers.contains(name));
        match unknown {
            None => Ok(()),
            Some(name) => Err(Failure::usage(match nearest(name, &names) {
                Some(near) => format!("no worker named `{name}`; did you mean `{near}`?"),
                None => format!("no worker named `{name}`; there are {}", names.join(", ")),
            })),
        }
    }

    fn tell(&self, outcome: &Outcome) -> Result<(), Failure> {
        match self.json {
            true => give_json(&outcome.as_json())?,
            false => give(&outcome.as_text())?,
        }
        match &outcome.difference {
            None => Ok(()),
            Some(_) => Err(Failure::Told(1)),
        }
    }
}

/// The outputs that must come out the same, and those that cannot be compared.
fn sorted_out(
    outputs: &[Output],
    outline: &Outline,
) -> Result<(Vec<Output>, Vec<Uncompared>), Failure> {
    if let Some((agent, what)) = outline.once.first() {
        return Err(Failure::usage(format!(
            "agent `{agent}` reads {what}: the graph runs several times, and that can be read once only; write it to a file first"
        )));
    }
    let written = |agent: &str| outputs.iter().any(|o| o.agent == agent);
    let no_file = outline.ends.iter().filter(|(agent, _)| !written(agent));
    let mut uncompared: Vec<Uncompared> = no_file
        .map(|(agent, op)| Uncompared {
            agent: agent.clone(),
            why: format!("`{op}` here writes no file"),
        })
        .collect();
    let mut compared = Vec::new();
    for output in outputs {
        match outline.by_chance.get(&output.agent) {
            Some(why) => uncompared.push(Uncompared {
                agent: output.agent.clone(),
                why: why.clone(),
            }),
            None => compared.push(output.clone()),
        }
    }
    match compared.is_empty() {
        false => Ok((compared, uncompared)),
        true => {
            let reasons = uncompared.iter().map(|u| format!("\n  {u}"));
            Err(Failure::usage(format!(
                "there is nothing to compare{}\nlet a deterministic stream end in a file: csv.write, raw.write, npy.write, wav.write",
                reasons.collect::<String>()
            )))
        }
    }
}
