//! The summary at the end of a run.

use crate::cli::table::{Column, count, percent, rate, table, time};
use crate::poison::file_of;
use crate::report::{AgentReport, EdgeReport, Report, WorkerReport};

/// The summary as text: edges, workers, losses, and the sentence that says what limits.
///
/// `columns`: as wide as it may be, if that matters. `verbose`: agents and capacities too.
pub fn text(report: &Report, verbose: bool, columns: Option<usize>) -> String {
    let mut text = headline(report);
    text += &table(edges(&report.edges, verbose), columns);
    text.push('\n');
    text += &table(workers(&report.workers), columns);
    if verbose {
        text.push('\n');
        text += &table(agents(report), columns);
    }
    text.push('\n');
    text += &losses(report);
    text += &lost_outside(report);
    text += &skips(report);
    text += &tolls(report);
    text += &remarks(report);
    text += &sets(report);
    text += &snapshots(report);
    if let Some(limit) = &report.limit {
        text += &format!("{limit}\n");
    }
    if let (true, Some(advice)) = (verbose, &report.advice) {
        text += &format!("{advice}\n");
    }
    text
}

fn headline(report: &Report) -> String {
    let Report { graph, run, .. } = report;
    let ended = match report.ended {
        "done" => "done",
        "stopped" => "stopped and drained",
        other => other,
    };
    let first = match report.first_item_seconds {
        Some(seconds) => format!("first item after {}", time(seconds)),
        None => "no item moved".to_owned(),
    };
    let seconds = time(report.elapsed_seconds);
    format!("{graph} (run {run}): {ended} after {seconds}, {first}\n\n")
}

fn edges(edges: &[EdgeReport], verbose: bool) -> Vec<Column> {
    let cells = |text: &dyn Fn(&EdgeReport) -> String| edges.iter().map(text).collect();
    let number =
        |count: fn(&EdgeReport) -> u64| edges.iter().map(|e| count(e).to_string()).collect();
    let wait = |seconds: &dyn Fn(&EdgeReport) -> Option<f64>| {
        let cell = |e| seconds(e).map_or("-".to_owned(), time);
        edges.iter().map(cell).collect()
    };
    // A quantile of fewer samples than it takes to have one beyond it says nothing.
    let quantile = |e: &EdgeReport, least: u64, which: fn(&crate::report::Waits) -> f64| {
        e.wait.filter(|w| w.samples >= least).map(|w| which(&w))
    };
    let mut table = vec![
        Column::words(
            "stream",
            cells(&|e| format!("{} -> {}", e.stream, reader(e))),
        ),
        Column::words("type", cells(&|e| e.item_type.clone())).rank(5),
        Column::numbers("in", number(|e| e.written)),
        Column::numbers("out", number(|e| e.read)),
        Column::numbers("left", number(|e| e.left)),
        Column::numbers("lost", number(|e| e.lost)),
    ];
    if edges.iter().any(|e| e.overflow != "block") {
        table.push(Column::words("when full", cells(&|e| e.overflow.to_owned())).rank(1));
    }
    table.extend([
        Column::numbers("rate", cells(&|e| rate(e.rate))).rank(1),
        Column::numbers("fullest", cells(&fullest)).rank(3),
        Column::numbers("wait p50", wait(&|e| quantile(e, 1, |w| w.p50))).rank(2),
        Column::numbers("p99", wait(&|e| quantile(e, 100, |w| w.p99))).rank(4),
        Column::numbers("p99.9", wait(&|e| quantile(e, 1000, |w| w.p999))).rank(4),
    ]);
    if verbose {
        table.push(Column::numbers("capacity", number(|e| e.capacity)).rank(6));
        table.push(Column::words("between", cells(&between)).rank(6));
    }
    table
}

fn reader(edge: &EdgeReport) -> &str {
    match edge.to.as_str() {
        "" => "(nobody)",
        reader => reader,
    }
}

fn fullest(edge: &EdgeReport) -> String {
    match edge.to.as_str() {
        "" => "-".to_owned(),
        _ => percent(edge.high_water as f64 / edge.capacity.max(1) as f64),
    }
}

fn between(edge: &EdgeReport) -> String {
    match edge.crosses {
        true => "workers".to_owned(),
        false => "inside".to_owned(),
    }
}

fn workers(workers: &[WorkerReport]) -> Vec<Column> {
    let cells = |text: &dyn Fn(&WorkerReport) -> String| workers.iter().map(text).collect();
    let share =
        |share: fn(&WorkerReport) -> f64| workers.iter().map(|w| percent(share(w))).collect();
    let number =
        |count: fn(&WorkerReport) -> u64| workers.iter().map(|w| count(w).to_string()).collect();
    vec![
        Column::words("worker", cells(&|w| w.name.clone())),
        Column::numbers(
            "core",
            cells(&|w| w.core.map_or("any".to_owned(), |c| c.to_string())),
        )
        .rank(2),
        Column::numbers("busy", share(|w| w.busy)),
        Column::numbers("starved", share(|w| w.starved)).rank(1),
        Column::numbers("blocked", share(|w| w.blocked)).rank(1),
        Column::numbers("outside", share(|w| w.outside)).rank(1),
        Column::numbers("CPU", cells(&|w| time(w.cpu_seconds))).rank(2),
        Column::numbers("of a core", share(|w| w.cpu)).rank(3),
        Column::numbers("steps", number(|w| w.steps)).rank(4),
        Column::numbers("sleeps", number(|w| w.parks)).rank(4),
        Column::numbers("restarts", number(|w| w.restarts)).rank(2),
    ]
}

fn agents(report: &Report) -> Vec<Column> {
    let agents = &report.agents;
    vec![
        Column::words("agent", agents.iter().map(|a| a.name.clone()).collect()),
        Column::words("op", agents.iter().map(|a| a.op.clone()).collect()).rank(1),
        Column::words("worker", agents.iter().map(|a| a.worker.clone()).collect()).rank(1),
        Column::numbers(
            "in",
            agents.iter().map(|a| a.items_in.to_string()).collect(),
        ),
        Column::numbers(
            "out",
            agents.iter().map(|a| a.items_out.to_string()).collect(),
        ),
        Column::numbers(
            "busy about",
            agents.iter().map(|a| percent(a.busy)).collect(),
        ),
        Column::numbers("step", agents.iter().map(|a| a.step.to_string()).collect()).rank(2),
        Column::numbers(
            "on average",
            agents
                .iter()
                .map(|a| format!("{:.0}", a.step_mean))
                .collect(),
        )
        .rank(2),
    ]
}

/// What was left out, by whom, and where it is written down.
fn skips(report: &Report) -> String {
    let agents = report.agents.iter().filter(|a| a.skipped > 0);
    let agents: Vec<String> = agents
        .map(|a| format!("{} by `{}`", a.skipped, a.name))
        .collect();
    match report.skipped {
        0 => String::new(),
        skipped => format!(
            "skipped {}: {}; see {}\n",
            count(skipped, "item"),
            agents.join(", "),
            file_of(&report.graph).display()
        ),
    }
}

/// What deaths of workers cost outside of the graph.
fn tolls(report: &Report) -> String {
    let agents = report.agents.iter();
    let tolls = agents.filter_map(|agent| Some((&agent.name, agent.toll.as_ref()?)));
    tolls
        .map(|(agent, toll)| format!("deaths of the worker of `{agent}`: {toll}\n"))
        .collect()
}

/// What there is to be said of agents.
fn remarks(report: &Report) -> String {
    let of = |agent: &AgentReport| -> String {
        let remarks = agent.remarks.iter();
        remarks
            .map(|remark| format!("`{}` {remark}\n", agent.name))
            .collect()
    };
    report.agents.iter().map(of).collect()
}

/// What never came into the graph, or never arrived where it went.
fn lost_outside(report: &Report) -> String {
    let agents = report.agents.iter();
    let lost = agents.filter_map(|agent| Some((&agent.name, agent.lost_outside.as_ref()?)));
    lost.map(|(agent, lost)| format!("lost outside, at `{agent}`: {lost}\n"))
        .collect()
}

/// What was changed while the run went on.
fn sets(report: &Report) -> String {
    let mut text = String::new();
    for agent in &report.agents {
        for set in &agent.set {
            text += &format!(
                "{}.{} was set to {} from item {} on ({}): not deterministic\n",
                agent.name,
                set.param,
                set.value,
                set.since,
                match set.times {
                    1 => "set once".to_owned(),
                    times => format!("set {times} times"),
                }
            );
        }
    }
    text
}

/// How many there are, and what they cost.
fn snapshots(report: &Report) -> String {
    match report.snapshots {
        0 => String::new(),
        n => format!(
            "took {}, the workers stood still for {} at most\n",
            count(n, "snapshot"),
            time(report.longest_pause_seconds)
        ),
    }
}

/// Said even when there are none: silence would not tell a lossless run from an unwatched one.
fn losses(report: &Report) -> String {
    let mut lossy: Vec<String> = Vec::new();
    for edge in report.edges.iter().filter(|e| e.lost > 0) {
        let words = match edge.overflow {
            // What a stream drops, all of its readers lack.
            "drop-newest" => format!("{} on {} (drop-newest)", edge.lost, edge.stream),
            how => format!(
                "{} on {} -> {} ({how})",
                edge.lost,
                edge.stream,
                reader(edge)
            ),
        };
        if !lossy.contains(&words) {
            lossy.push(words);
        }
    }
    let tags = match report.lost_tags {
        0 => String::new(),
        tags => format!(", and {tags} tags with them"),
    };
    match report.lost {
        0 => format!("lost 0 items{tags}\n"),
        n => format!("lost {}{tags}: {}\n", count(n, "item"), lossy.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let edge = EdgeReport {
            stream: "src".to_owned(),
            item_type: "f64".to_owned(),
            unit: None,
            from: "src".to_owned(),
            to: "out".to_owned(),
            crosses: true,
            written: 1000,
            read: 900,
            left: 60,
            lost: 40,
            lost_tags: 0,
            overflow: "latest",
            rate: 2000.0,
            capacity: 512,
            high_water: 256,
            frame_bytes: None,
            wait: None,
        };
        let worker = WorkerReport {
            name: "w0".to_owned(),
            core: Some(1),
            phase: "done",
            busy: 0.5,
            starved: 0.25,
            blocked: 0.0,
            outside: 0.0,
            cpu: 0.75,
            cpu_seconds: 0.375,
            steps: 17,
            parks: 3,
            restarts: 0,
        };
        Report {
            graph: "g".to_owned(),
            run: "g-1".to_owned(),
            ended: "done",
            seconds: 0.5,
            elapsed_seconds: 0.5,
            workers: vec![worker],
            agents: Vec::new(),
            edges: vec![edge],
            lost: 40,
            lost_tags: 0,
            skipped: 0,
            restarts: 0,
            snapshots: 0,
            longest_pause_seconds: 0.0,
            first_item_seconds: Some(0.012),
            limit: Some("worker w0 limits".to_owned()),
            advice: Some("ease it".to_owned()),
        }
    }

    #[test]
    fn the_summary_reads_as_a_page() {
        let expected = "\
g (run g-1): done after 500 ms, first item after 12.0 ms

  stream      type    in  out  left  lost  when full     rate  fullest  wait p50  p99  p99.9
  src -> out  f64   1000  900    60    40  latest     2000 /s     50 %         -    -      -

  worker  core  busy  starved  blocked  outside     CPU  of a core  steps  sleeps  restarts
  w0         1  50 %     25 %      0 %      0 %  375 ms       75 %     17       3         0

lost 40 items: 40 on src -> out (latest)
worker w0 limits
";
        assert_eq!(text(&report(), false, None), expected);
    }

    #[test]
    fn a_narrow_terminal_gets_lines_that_fit() {
        let narrow = text(&report(), true, Some(60));
        for line in narrow.lines().filter(|line| line.starts_with("  ")) {
            assert!(line.len() <= 60, "{line:?}");
        }
    }

    #[test]
    fn what_was_skipped_is_said_with_the_file_that_tells_of_it() {
        let agent = |name: &str, skipped| AgentReport {
            name: name.to_owned(),
            op: "map".to_owned(),
            worker: "w0".to_owned(),
            items_in: 1000,
            items_out: 1000 - skipped,
            skipped,
            toll: None,
            remarks: Vec::new(),
            lost_outside: None,
            set: Vec::new(),
            busy: 0.5,
            step: 2048,
            step_mean: 100.0,
            faces_outside: false,
        };
        let skipping = Report {
            skipped: 3,
            agents: vec![agent("a", 2), agent("b", 0), agent("c", 1)],
            ..report()
        };
        let words = "skipped 3 items: 2 by `a`, 1 by `c`; see g.dead-letters.jsonl\n";
        assert!(text(&skipping, false, None).contains(words));
        assert!(!text(&report(), false, None).contains("skipped"));
    }

    #[test]
    fn losses_are_said_even_when_there_are_none() {
        let lossless = Report {
            lost: 0,
            lost_tags: 0,
            edges: Vec::new(),
            ..report()
        };
        assert!(text(&lossless, false, None).contains("lost 0 items\n"));
    }
}
