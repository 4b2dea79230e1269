//! The stage that limits: one sentence from the shares of a run.
//!
//! Pure, so that a table of runs judges it. The slowest stage of a stream is the one that is never
//! idle: what feeds it waits for room, what it feeds waits for items.

use super::{AgentReport, WorkerReport};

/// A worker busy for less of the time than this does not limit by itself.
const BUSY: f64 = 0.5;
/// A run shorter than this says nothing about its stages.
const SECONDS_LEAST: f64 = 0.005;

/// What limits a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// The stage, why, what is next and at which gain.
    pub sentence: String,
    /// What may be done about it.
    pub advice: Option<String>,
}

impl Diagnosis {
    fn of(sentence: String, advice: Option<&str>) -> Option<Diagnosis> {
        let advice = advice.map(str::to_owned);
        Some(Diagnosis { sentence, advice })
    }
}

/// What limits; `None` where nothing moved.
///
/// `started` is the share of the run that was over before the first item moved.
pub fn diagnose(
    workers: &[WorkerReport],
    agents: &[AgentReport],
    seconds: f64,
    started: f64,
) -> Option<Diagnosis> {
    let mut by_busy: Vec<&WorkerReport> = workers.iter().collect();
    by_busy.sort_by(|a, b| b.busy.total_cmp(&a.busy));
    let first = by_busy
        .first()
        .filter(|_| workers.iter().any(|w| w.steps > 0))?;
    if seconds < SECONDS_LEAST {
        let words = "nothing limits: over too soon to tell one stage from another";
        return Diagnosis::of(words.to_owned(), None);
    }
    if first.busy >= BUSY {
        let stage = Stage::of(first, by_busy.get(1).copied(), agents, seconds);
        return Some(Diagnosis {
            sentence: stage.sentence(),
            advice: stage.advice(),
        });
    }
    let outside = workers
        .iter()
        .max_by(|a, b| a.outside.total_cmp(&b.outside));
    if let Some(waiting) = outside.filter(|w| w.outside >= BUSY) {
        let busiest = match std::ptr::eq(*first, waiting) {
            true => "it was".to_owned(),
            false => format!("the busiest, {}, was", first.name),
        };
        let sentence = format!(
            "the world outside limits: {} waited {} of the time for it{}; {busiest} busy {}",
            waiting.name,
            percent(waiting.outside),
            by_what(waiting, agents),
            percent(first.busy)
        );
        let advice = "nothing in the graph is to be eased: it keeps up with what comes";
        return Diagnosis::of(sentence, Some(advice));
    }
    if started >= BUSY {
        let sentence = format!(
            "the start limits: the first item moved after {} of the time",
            percent(started)
        );
        return Diagnosis::of(sentence, Some("a longer run will tell more"));
    }
    let sentence = format!(
        "handing over limits: the busiest worker, {}, was busy {} of the time; larger capacities or fewer workers may help",
        first.name,
        percent(first.busy)
    );
    Diagnosis::of(
        sentence,
        Some("try --capacity 1MiB, or --workers with one less"),
    )
}

/// The busiest worker, what in it is busy, and who is next.
struct Stage<'a> {
    worker: &'a WorkerReport,
    next: Option<&'a WorkerReport>,
    /// Its agents, and the one that took most of its time.
    agents: Vec<&'a AgentReport>,
    most: Option<&'a AgentReport>,
    seconds: f64,
}

impl<'a> Stage<'a> {
    fn of(
        worker: &'a WorkerReport,
        next: Option<&'a WorkerReport>,
        agents: &'a [AgentReport],
        seconds: f64,
    ) -> Stage<'a> {
        let inside = agents.iter().filter(|a| a.worker == worker.name);
        let agents: Vec<&AgentReport> = inside.collect();
        let most = agents.iter().copied();
        Stage {
            worker,
            next,
            most: most.max_by(|a, b| a.busy.total_cmp(&b.busy)),
            agents,
            seconds,
        }
    }

    fn sentence(&self) -> String {
        let first = self.worker;
        let mut sentence = format!(
            "worker {} limits: busy {} of the time{}{}",
            first.name,
            percent(first.busy),
            mostly_in(first, &self.agents),
            self.most.map_or(String::new(), |most| self.at(most, 1.0)),
        );
        if self.is_held_up() {
            sentence += &format!(
                ", on the CPU only {}: files or a shared core hold it up",
                percent(first.cpu)
            );
        }
        match self.next {
            None => {}
            Some(next) if next.busy < first.busy / 10.0 => {
                sentence += &format!(
                    "; nothing else comes near (next: {} at {})",
                    next.name,
                    percent(next.busy)
                );
            }
            Some(next) => {
                let gain = first.busy / next.busy;
                sentence += &format!(
                    "; next is {} at {}, so easing {} gains at most {gain:.1}x{}",
                    next.name,
                    percent(next.busy),
                    first.name,
                    self.most.map_or(String::new(), |most| self.at(most, gain)),
                );
            }
        }
        sentence
    }

    /// `, at 12.3 M items/s`: what goes through an agent, or would.
    fn at(&self, agent: &AgentReport, gain: f64) -> String {
        let items = match agent.items_in {
            0 => agent.items_out,
            items => items,
        };
        match items {
            0 => String::new(),
            items => format!(", at {}", rate(items as f64 / self.seconds * gain)),
        }
    }

    /// Who was killed did not book its last stretch of CPU time.
    fn is_held_up(&self) -> bool {
        self.worker.phase == "done" && self.worker.cpu < self.worker.busy / 2.0
    }

    fn advice(&self) -> Option<String> {
        let most = self.most?;
        let (name, worker) = (&most.name, &self.worker.name);
        if self.is_held_up() {
            return Some(format!(
                "give {worker} a core of its own (`thalweg doctor` looks at the machine) or `{name}` a faster file"
            ));
        }
        let all: f64 = self.agents.iter().map(|a| a.busy).sum();
        if all <= 0.0 {
            return None;
        }
        let share = most.busy / all;
        let next = self.next.map_or(0.0, |next| next.busy);
        let left = (share.max(1.0 - share) * self.worker.busy).max(next);
        let gain = self.worker.busy / left;
        Some(match gain >= WORTH {
            true => format!("with a worker of its own for `{name}` it gains at most {gain:.1}x"),
            false if share >= BUSY => format!(
                "`{name}` must be cheaper, see fewer items, or be shared out among several agents"
            ),
            false => format!("spread the agents of {worker} over more workers"),
        })
    }
}

/// A gain of less is not worth a worker.
const WORTH: f64 = 1.1;

/// The agent that took most of a worker's time.
fn mostly_in(worker: &WorkerReport, agents: &[&AgentReport]) -> String {
    let inside = || agents.iter().filter(|a| a.worker == worker.name);
    let all: f64 = inside().map(|a| a.busy).sum();
    let Some(most) = inside().max_by(|a, b| a.busy.total_cmp(&b.busy)) else {
        return String::new();
    };
    match inside().count() {
        1 => format!(", all of it in `{}` ({})", most.name, most.op),
        _ if all <= 0.0 => String::new(),
        _ => format!(
            ", {} of that in `{}` ({})",
            percent(most.busy / all),
            most.name,
            most.op
        ),
    }
}

/// What a worker that waited for the world outside waited with, if there is no doubt.
fn by_what(worker: &WorkerReport, agents: &[AgentReport]) -> String {
    let mut waiting = agents
        .iter()
        .filter(|a| a.worker == worker.name && a.faces_outside);
    match (waiting.next(), waiting.next()) {
        (Some(agent), None) => format!(", in `{}` ({})", agent.name, agent.op),
        _ => String::new(),
    }
}

fn rate(per_second: f64) -> String {
    match per_second {
        r if r >= 0.95e9 => format!("{:.1} G items/s", r / 1e9),
        r if r >= 0.95e6 => format!("{:.1} M items/s", r / 1e6),
        r if r >= 0.95e3 => format!("{:.1} k items/s", r / 1e3),
        r => format!("{r:.1} items/s"),
    }
}

fn percent(share: f64) -> String {
    match 100.0 * share {
        some if some > 0.0 && some < 1.0 => "under 1 %".to_owned(),
        some => format!("{some:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(name: &str, busy: f64, outside: f64) -> WorkerReport {
        WorkerReport {
            name: name.to_owned(),
            core: None,
            phase: "done",
            busy,
            starved: 0.0,
            blocked: 0.0,
            outside,
            cpu: busy,
            cpu_seconds: 0.0,
            steps: 100,
            parks: 0,
            restarts: 0,
        }
    }

    fn agent(name: &str, worker: &str, busy: f64, faces_outside: bool) -> AgentReport {
        AgentReport {
            name: name.to_owned(),
            op: "op".to_owned(),
            worker: worker.to_owned(),
            items_in: 0,
            items_out: 0,
            skipped: 0,
            toll: None,
            remarks: Vec::new(),
            lost_outside: None,
            set: Vec::new(),
            busy,
            step: 1,
            step_mean: 1.0,
            faces_outside,
        }
    }

    #[test]
    fn the_sentence_names_what_limits() {
        let agents = [
            agent("src", "a", 0.1, true),
            agent("fir", "b", 0.6, false),
            agent("out", "b", 0.2, false),
        ];
        let check = |workers: &[WorkerReport], seconds, started, expected: &[&str]| {
            let said = diagnose(workers, &agents, seconds, started)
                .unwrap()
                .sentence;
            for part in expected {
                assert!(said.contains(part), "{said:?} lacks {part:?}");
            }
        };
        let busy = [worker("a", 0.1, 0.0), worker("b", 0.9, 0.0)];
        check(
            &busy,
            1.0,
            0.0,
            &[
                "worker b limits: busy 90 %",
                "75 % of that in `fir`",
                "gains at most 9.0x",
            ],
        );
        let alone = [worker("a", 0.01, 0.0), worker("b", 0.9, 0.0)];
        check(
            &alone,
            1.0,
            0.0,
            &["worker b limits", "nothing else comes near"],
        );
        let slow = [worker("a", 0.001, 0.95), worker("b", 0.05, 0.0)];
        check(
            &slow,
            1.0,
            0.0,
            &[
                "the world outside limits: a waited 95 %",
                "in `src`",
                "b, was busy 5 %",
            ],
        );
        check(
            &[worker("a", 0.2, 0.1)],
            1.0,
            0.7,
            &["the start limits", "70 %"],
        );
        check(&[worker("a", 0.2, 0.1)], 1.0, 0.1, &["handing over limits"]);
        check(&busy, 0.001, 0.0, &["too soon"]);
    }

    #[test]
    fn a_busy_worker_off_the_cpu_is_told_so() {
        let stuck = WorkerReport {
            cpu: 0.1,
            ..worker("a", 0.9, 0.0)
        };
        let said = diagnose(&[stuck], &[agent("out", "a", 0.9, false)], 1.0, 0.0)
            .unwrap()
            .sentence;
        assert!(said.contains("on the CPU only 10 %"), "{said}");
    }

    #[test]
    fn where_nothing_moved_there_is_no_sentence() {
        let still = WorkerReport {
            steps: 0,
            ..worker("a", 0.0, 1.0)
        };
        assert_eq!(diagnose(&[still], &[], 1.0, 1.0), None);
    }

    #[test]
    fn rates_are_those_of_the_busiest_agent_as_they_are_and_as_they_may_be() {
        let with_items = AgentReport {
            items_in: 3_000_000,
            ..agent("fir", "b", 0.6, false)
        };
        let workers = [worker("a", 0.45, 0.0), worker("b", 0.9, 0.0)];
        let found = diagnose(&workers, &[with_items], 2.0, 0.0).unwrap();
        for part in [
            "(op), at 1.5 M items/s;",
            "gains at most 2.0x, at 3.0 M items/s",
        ] {
            assert!(found.sentence.contains(part), "{found:?} lacks {part}");
        }
        for (per_second, expected) in [(12.34, "12.3 items/s"), (2.5e9, "2.5 G items/s")] {
            assert_eq!(rate(per_second), expected);
        }
    }

    #[test]
    fn advice_is_a_worker_of_its_own_where_that_gains_something() {
        let check = |agents: &[AgentReport], workers: &[WorkerReport], expected: &str| {
            let found = diagnose(workers, agents, 1.0, 0.0).unwrap();
            let advice = found.advice.unwrap();
            assert!(advice.contains(expected), "{advice:?} lacks {expected:?}");
        };
        let two = [agent("fir", "b", 0.5, false), agent("iir", "b", 0.4, false)];
        let alone = [worker("b", 0.9, 0.0)];
        check(
            &two,
            &alone,
            "a worker of its own for `fir` it gains at most 1.8x",
        );
        check(&two[..1], &alone, "`fir` must be cheaper");
        let others = [worker("a", 0.88, 0.0), worker("b", 0.9, 0.0)];
        let many: Vec<AgentReport> = ["x", "y", "z"]
            .map(|name| agent(name, "b", 0.3, false))
            .to_vec();
        check(&many, &others, "spread the agents of b");
        let stuck = WorkerReport {
            cpu: 0.1,
            ..worker("b", 0.9, 0.0)
        };
        check(&two, &[stuck], "a core of its own");
        check(&two, &[worker("b", 0.01, 0.95)], "keeps up with what comes");
    }
}
