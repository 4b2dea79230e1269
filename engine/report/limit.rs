//! The stage that limits: one sentence from the shares of a run.
//!
//! Pure, so that a table of runs judges it. The slowest stage of a stream is the one that is never
//! idle: what feeds it waits for room, what it feeds waits for items.

use super::{AgentReport, WorkerReport};

/// A worker busy for less of the time than this does not limit by itself.
const BUSY: f64 = 0.5;
/// A run shorter than this says nothing about its stages.
const SECONDS_LEAST: f64 = 0.005;

/// What limits, why, and what is next; `None` where nothing moved.
///
/// `started` is the share of the run that was over before the first item moved.
pub fn sentence(
    workers: &[WorkerReport],
    agents: &[AgentReport],
    seconds: f64,
    started: f64,
) -> Option<String> {
    let mut by_busy: Vec<&WorkerReport> = workers.iter().collect();
    by_busy.sort_by(|a, b| b.busy.total_cmp(&a.busy));
    let first = by_busy
        .first()
        .filter(|_| workers.iter().any(|w| w.steps > 0))?;
    if seconds < SECONDS_LEAST {
        return Some("nothing limits: over too soon to tell one stage from another".to_owned());
    }
    if first.busy >= BUSY {
        return Some(busy(first, by_busy.get(1).copied(), agents));
    }
    let outside = workers
        .iter()
        .max_by(|a, b| a.outside.total_cmp(&b.outside));
    if let Some(waiting) = outside.filter(|w| w.outside >= BUSY) {
        let busiest = match std::ptr::eq(*first, waiting) {
            true => "it was".to_owned(),
            false => format!("the busiest, {}, was", first.name),
        };
        return Some(format!(
            "the world outside limits: {} waited {} of the time for it{}; {busiest} busy {}",
            waiting.name,
            percent(waiting.outside),
            by_what(waiting, agents),
            percent(first.busy)
        ));
    }
    if started >= BUSY {
        return Some(format!(
            "the start limits: the first item moved after {} of the time",
            percent(started)
        ));
    }
    Some(format!(
        "handing over limits: no worker was busy more than {} of the time ({}); larger capacities or fewer workers may help",
        percent(first.busy),
        first.name
    ))
}

fn busy(first: &WorkerReport, next: Option<&WorkerReport>, agents: &[AgentReport]) -> String {
    let mut sentence = format!(
        "worker {} limits: busy {} of the time{}",
        first.name,
        percent(first.busy),
        mostly_in(first, agents)
    );
    // Who was killed did not book its last stretch of CPU time.
    if first.phase == "done" && first.cpu < first.busy / 2.0 {
        sentence += &format!(
            ", on the CPU only {}: files or a shared core hold it up",
            percent(first.cpu)
        );
    }
    match next {
        None => {}
        Some(next) if next.busy < first.busy / 10.0 => {
            sentence += &format!(
                "; nothing else comes near (next: {} at {})",
                next.name,
                percent(next.busy)
            );
        }
        Some(next) => {
            sentence += &format!(
                "; next is {} at {}, so easing {} gains at most {:.1}x",
                next.name,
                percent(next.busy),
                first.name,
                first.busy / next.busy
            );
        }
    }
    sentence
}

/// The agent that took most of a worker's time.
fn mostly_in(worker: &WorkerReport, agents: &[AgentReport]) -> String {
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
            set: Vec::new(),
            busy,
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
            let said = sentence(workers, &agents, seconds, started).unwrap();
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
        let said = sentence(&[stuck], &[agent("out", "a", 0.9, false)], 1.0, 0.0).unwrap();
        assert!(said.contains("on the CPU only 10 %"), "{said}");
    }

    #[test]
    fn where_nothing_moved_there_is_no_sentence() {
        let still = WorkerReport {
            steps: 0,
            ..worker("a", 0.0, 1.0)
        };
        assert_eq!(sentence(&[still], &[], 1.0, 1.0), None);
    }
}
