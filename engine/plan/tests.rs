//! Tables of graphs, machines and options, and the plans they get.

use std::path::PathBuf;

use super::sizes::{INSIDE_BYTES, ROOMY_BYTES, STEP_BYTES};
use super::*;
use crate::{file, overflow, resolve};

pub(crate) fn graph(text: &str) -> Resolved {
    let decl = file::parse(text.to_owned(), "g.toml", "g", PathBuf::from(".")).unwrap();
    let mut graph = resolve::resolve(decl).unwrap().0;
    overflow::insert(&mut graph);
    graph
}

pub(crate) fn machine(cores: usize) -> Machine {
    let cores: Vec<usize> = (0..cores).collect();
    Machine {
        topology: Topology::flat(&cores),
        cores,
        shm_free: Some(1 << 30),
        fencing: Fencing::Symmetric,
    }
}

fn planned(text: &str, cores: usize, options: &Options) -> Plan {
    plan(&graph(text), &machine(cores), options).unwrap()
}

fn refusal(text: &str, options: &Options) -> String {
    match plan(&graph(text), &machine(2), options) {
        Err(PlanError::Refused(refused)) => refused.to_string(),
        Err(PlanError::Environment(words)) => words,
        Ok(plan) => panic!("planned: {plan:?}"),
    }
}

/// Five agents in a row, `a` to `e`, with what else the graph says.
fn chain(more: &str) -> String {
    let mut text = "agents.a = { op = \"counter\", items = 10 }\n".to_owned();
    for (agent, input) in [("b", "a"), ("c", "b"), ("d", "c")] {
        text += &format!("agents.{agent} = {{ op = \"copy\", in = \"{input}\" }}\n");
    }
    text += "agents.e = { op = \"null\", in = \"d\" }\n";
    text + more
}

fn placement(plan: &Plan) -> Vec<Vec<AgentIx>> {
    plan.workers.iter().map(|w| w.agents.clone()).collect()
}

#[test]
fn without_workers_a_graph_is_cut_into_even_stretches() {
    let cases = [
        (1, None, vec![vec![0, 1, 2, 3, 4]]),
        (2, None, vec![vec![0, 1], vec![2, 3, 4]]),
        (16, None, vec![vec![0, 1], vec![2, 3], vec![4]]),
        (2, Some(4), vec![vec![0], vec![1], vec![2, 3], vec![4]]),
        (2, Some(9), (0..5).map(|a| vec![a]).collect()),
    ];
    for (cores, workers, expected) in cases {
        let options = Options {
            workers,
            ..Options::default()
        };
        let plan = planned(&chain(""), cores, &options);
        assert_eq!(
            placement(&plan),
            expected,
            "{cores} cores, {workers:?} workers"
        );
    }
}

#[test]
fn agents_go_where_they_ask_to_and_the_others_beside_them() {
    let text = chain("workers.x = {}\nworkers.y = {}\n")
        .replace("in = \"b\"", "in = \"b\", worker = \"y\"")
        .replace("items = 10", "items = 10, worker = \"x\"");
    let plan = planned(&text, 2, &Options::default());
    assert_eq!(placement(&plan), [vec![0, 1], vec![2, 3, 4]]);
    let inside = Options {
        in_process: true,
        ..Options::default()
    };
    assert_eq!(
        placement(&planned(&text, 2, &inside)),
        [vec![0, 1, 2, 3, 4]]
    );
}

#[test]
fn workers_get_cores_of_their_own_while_there_are_enough() {
    let text = chain("workers.x = { core = 1 }\nworkers.y = {}\n")
        .replace("items = 10", "items = 10, worker = \"x\"")
        .replace("in = \"d\"", "in = \"d\", worker = \"y\"");
    let cores = |plan: &Plan| plan.workers.iter().map(|w| w.core).collect::<Vec<_>>();
    assert_eq!(
        cores(&planned(&text, 2, &Options::default())),
        [Some(1), Some(0)]
    );
    let unpinned = Options {
        unpinned: true,
        ..Options::default()
    };
    assert_eq!(cores(&planned(&text, 2, &unpinned)), [None, None]);
    let crowded = Options {
        workers: Some(3),
        ..Options::default()
    };
    let plan = planned(&chain(""), 2, &crowded);
    assert_eq!(cores(&plan), [None, None, None]);
    assert_eq!(plan.workers[0].idle, Patience::SLEEP);
    assert!(
        plan.notes[0].contains("3 workers share 2 cores"),
        "{:?}",
        plan.notes
    );
}

#[test]
fn workers_go_where_the_machine_lets_them_be_near() {
    // Two threads a core: 0 and 1, 2 and 3.
    let siblings = |name: &str| {
        let core = name
            .strip_prefix("cpu/cpu")?
            .strip_suffix("/topology/core_cpus_list")?;
        let first = core.parse::<usize>().ok()? / 2 * 2;
        Some(format!("{first}-{}", first + 1))
    };
    let machine = Machine {
        topology: Topology::read(&[0, 1, 2, 3], &siblings),
        ..machine(4)
    };
    let planned = |workers| {
        let options = Options {
            workers: Some(workers),
            ..Options::default()
        };
        plan(&graph(&chain("")), &machine, &options).unwrap()
    };
    let cores = |plan: &Plan| plan.workers.iter().map(|w| w.core).collect::<Vec<_>>();
    let two = planned(2);
    assert_eq!((cores(&two), two.notes), (vec![Some(0), Some(2)], vec![]));
    let three = planned(3);
    assert_eq!(cores(&three), [Some(0), Some(2), Some(1)]);
    assert!(three.notes[0].contains("w0 and w2 run on two threads of one core"));
}

#[test]
fn cores_that_are_given_hold_over_what_the_graph_says() {
    let text = chain("workers.x = { core = 1 }\nworkers.y = {}\n")
        .replace("items = 10", "items = 10, worker = \"x\"")
        .replace("in = \"d\"", "in = \"d\", worker = \"y\"");
    let cores = |given: &[Option<usize>]| {
        let options = Options {
            cores: Some(given.to_vec()),
            ..Options::default()
        };
        let plan = planned(&text, 3, &options);
        plan.workers.iter().map(|w| w.core).collect::<Vec<_>>()
    };
    assert_eq!(cores(&[Some(2), None]), [Some(2), None]);
    // Of another number of workers: they say nothing.
    assert_eq!(cores(&[Some(2)]), [Some(1), Some(0)]);
}

#[test]
fn with_real_time_priority_every_worker_has_a_core_of_its_own() {
    let realtime = |workers| Options {
        realtime: Some(10),
        workers: Some(workers),
        ..Options::default()
    };
    let words = refusal(&chain(""), &realtime(3));
    assert!(
        words.contains("worker `w0` has no core of its own"),
        "{words}"
    );
    let unpinned = Options {
        unpinned: true,
        ..realtime(1)
    };
    assert!(refusal(&chain(""), &unpinned).contains("--realtime"));
    let all = planned(&chain(""), 2, &realtime(2));
    assert!(all.workers.iter().all(|w| w.idle == Patience::SLEEP));
    let some = planned(&chain(""), 3, &realtime(2));
    assert!(some.workers.iter().all(|w| w.idle == Patience::SPIN));
}

#[test]
fn an_isolated_core_is_taken_by_who_names_it() {
    let isolated = |name: &str| (name == "cpu/isolated").then(|| "5\n".to_owned());
    let machine = Machine {
        topology: Topology::read(&[0, 1], &isolated),
        ..machine(2)
    };
    let text = chain("workers.x = { core = 5 }\n");
    let text = text.replace("items = 10", "items = 10, worker = \"x\"");
    let planned = plan(&graph(&text), &machine, &Options::default()).unwrap();
    assert_eq!(planned.workers[0].core, Some(5));
}

#[test]
fn a_core_that_is_not_there_is_refused_with_its_line() {
    let text = chain("workers.x = { core = 7 }\n");
    let text = text.replace("items = 10", "items = 10, worker = \"x\"");
    let words = refusal(&text, &Options::default());
    assert!(words.contains("worker `x` wants core 7"), "{words}");
    assert!(words.contains("g.toml:6:"), "{words}");
}

#[test]
fn streams_hold_what_they_are_asked_to_and_at_least_what_their_ends_need() {
    let window = |more: &str| {
        format!(
            "agents.a = {{ op = \"counter\", dtype = \"f64\", items = 10 }}\n\
             agents.w = {{ op = \"window\", in = \"a\", size = 1000, fn = \"mean\" }}\n\
             agents.e = {{ op = \"null\", in = \"w\" }}\n{more}"
        )
    };
    let capacity = |text: &str| planned(text, 1, &Options::default()).streams[0].capacity;
    assert_eq!(capacity(&window("")), INSIDE_BYTES / 8);
    assert_eq!(capacity(&window("streams.a = { capacity = 1000 }")), 1000);
    assert_eq!(
        capacity(&window("streams.a = { capacity = \"64 KiB\" }")),
        8192
    );
    let words = refusal(
        &window("streams.a = { capacity = 999 }"),
        &Options::default(),
    );
    assert!(
        words.contains("stream `a` holds 999 items, and `w` needs it to hold 1000"),
        "{words}"
    );
    assert!(words.contains("g.toml:4:"), "{words}");
}

#[test]
fn a_stream_longer_than_memory_can_be_is_refused_at_the_place_that_asks() {
    let check = |text: &str, options: &Options, words: &str, place: &str| {
        let found = refusal(text, options);
        assert!(found.contains(words) && found.contains(place), "{found}");
    };
    let wide = "agents.a = { op = \"counter\" }\n\
                agents.d = { op = \"delay\", in = \"a\", items = 9000000000000000000 }\n\
                agents.e = { op = \"null\", in = \"d\" }\n";
    let of = "`d` would hold 9000000000000000001 items of 8 bytes";
    check(wide, &Options::default(), of, "g.toml:2:");
    let asked = chain("streams.b = { capacity = 20000000000000 }");
    check(&asked, &Options::default(), "`b` would hold", "g.toml:6:");
    let all = Options {
        capacity: Some(Capacity::Items(9_000_000_000_000_000_000)),
        ..Options::default()
    };
    check(&chain(""), &all, "`a` would hold", "--capacity");
}

#[test]
fn where_branches_join_every_stream_holds_the_same_wherever_it_is_placed() {
    let text = chain("agents.z = { op = \"zip\", in = [\"a\", \"d\"], expr = \"a + b\" }\n");
    let capacities = |workers| {
        let options = Options {
            workers,
            ..Options::default()
        };
        let plan = planned(&text, 2, &options);
        plan.streams.iter().map(|s| s.capacity).collect::<Vec<_>>()
    };
    assert_eq!(capacities(Some(1)), vec![ROOMY_BYTES / 8; 5]);
    assert_eq!(capacities(Some(1)), capacities(Some(3)));
}

#[test]
fn a_stream_is_no_larger_than_its_only_reader_has_use_for() {
    let text = chain("").replace(
        "agents.b = { op = \"copy\"",
        "agents.b = { op = \"throttle\", rate = 200",
    );
    let plan = planned(&text, 1, &Options::default());
    assert_eq!(plan.streams[0].capacity, 3);
    let shared = text + "agents.f = { op = \"null\", in = \"a\" }\n";
    let plan = planned(&shared, 1, &Options::default());
    assert_eq!(plan.streams[0].capacity, INSIDE_BYTES / 8);
}

#[test]
fn beside_a_long_window_there_is_room_for_as_many_items_again() {
    let usual = INSIDE_BYTES / 8;
    let windows = [(64, usual), (6000, 6000 + 5999), (100_000, 100_000 + usual)];
    for (size, expected) in windows {
        let text = chain("").replace(
            "agents.b = { op = \"copy\"",
            &format!("agents.b = {{ op = \"window\", fn = \"max\", size = {size}"),
        );
        let plan = planned(&text, 1, &Options::default());
        assert_eq!(plan.streams[0].capacity, expected, "{size}");
    }
}

#[test]
fn steps_leave_the_other_end_something_to_do() {
    let plan = planned(&chain(""), 2, &Options::default());
    assert_eq!(plan.step_of[0], STEP_BYTES / 8);
    let small = Options {
        capacity: Some(Capacity::Items(8)),
        ..Options::default()
    };
    let plan = planned(&chain(""), 2, &small);
    // Between workers a quarter of the ring, inside all of it.
    assert_eq!((plan.step_of[0], plan.step_of[1]), (8, 2));
    let asked = Options {
        step: Some(3),
        ..Options::default()
    };
    assert!(
        planned(&chain(""), 2, &asked)
            .step_of
            .iter()
            .all(|&s| s == 3)
    );
}

#[test]
fn regions_of_the_segment_are_whole_pages_that_do_not_overlap() {
    let plan = planned(&chain(""), 2, &Options::default());
    let mut regions = vec![0..RUN_HEADER, plan.bells.clone()];
    assert!(plan.dismissals.is_empty(), "no loop");
    regions.extend(plan.workers.iter().map(|w| w.control.clone()));
    regions.extend(
        plan.workers
            .iter()
            .map(|w| w.desk.clone())
            .filter(|d| !d.is_empty()),
    );
    for stream in &plan.streams {
        regions.extend([stream.header.clone(), stream.data.clone()]);
    }
    regions.sort_by_key(|r| r.start);
    for pair in regions.windows(2) {
        assert_eq!(pair[0].end, pair[1].start);
        assert_eq!(pair[0].end % PAGE, 0);
    }
    assert_eq!(regions.last().unwrap().end, plan.len_bytes);
}

#[test]
fn shared_memory_that_is_too_small_is_refused_with_need_and_have() {
    let small = Machine {
        shm_free: Some(1000),
        ..machine(2)
    };
    let graph = graph(&chain(""));
    let refused = plan(&graph, &small, &Options::default());
    let Err(PlanError::Environment(words)) = refused else {
        panic!("{refused:?}");
    };
    assert!(
        words.contains("in /dev/shm and 1000 bytes are free; stream `"),
        "{words}"
    );
    let inside = Options {
        in_process: true,
        ..Options::default()
    };
    assert!(plan(&graph, &small, &inside).is_ok());
}

#[test]
fn the_stream_that_takes_most_of_too_little_memory_is_named_with_the_reason() {
    let long = graph(
        "[agents.a]\nop = \"counter\"\n[agents.w]\nop = \"window\"\nin = \"a\"\nsize = 1_000_000_000\nfn = \"mean\"\n[agents.out]\nop = \"null\"\nin = \"w\"\n",
    );
    let short = graph(&chain(""));
    let asked = Options {
        capacity: Some(Capacity::Bytes(100 << 30)),
        ..Options::default()
    };
    let roomy = Machine {
        shm_free: Some(1 << 30),
        ..machine(2)
    };
    for (one, options, wanted) in [
        (
            &long,
            Options::default(),
            "stream `a` takes 8192 MiB, of which `w` (g.toml:3:9) needs 1000000000 items at once; let `w` need fewer",
        ),
        (
            &short,
            asked,
            "takes 128 GiB (a power of two), by --capacity; give smaller capacities",
        ),
    ] {
        let Err(PlanError::Environment(words)) = plan(one, &roomy, &options) else {
            panic!("it is planned");
        };
        assert!(words.contains(wanted), "{words}");
    }
}

#[test]
fn a_lossy_edge_is_an_agent_beside_its_end() {
    let placed = |overflow: &str| {
        let text = chain("workers.x = {}\nworkers.y = {}\n")
            .replace("items = 10", "items = 10, worker = \"x\"")
            .replace("in = \"a\"", "in = \"a\", worker = \"y\"");
        let text = format!("{text}streams.a = {{ overflow = \"{overflow}\" }}\n");
        let graph = graph(&text);
        let plan = plan(&graph, &machine(2), &Options::default()).unwrap();
        let edge = graph.agents.iter().position(|a| a.edge.is_some()).unwrap();
        let stream = graph.streams.iter().position(|s| s.name == "a").unwrap();
        (plan.worker_of[edge], plan.streams[stream].readers[0].lossy)
    };
    assert_eq!(placed("drop-newest"), (0, false));
    assert_eq!(placed("latest"), (1, true));
}

#[test]
fn skipping_is_refused_where_it_is_not_clear_what_to_skip() {
    let source = chain("").replace("items = 10", "items = 10, on_error = \"skip\"");
    let words = refusal(&source, &Options::default());
    assert!(words.contains("agent `a` has on_error"), "{words}");
    assert!(words.contains("is a source"), "{words}");
    let two = |op: &str| {
        format!(
            "[agents]\na = {{ op = \"counter\" }}\nb = {{ op = \"counter\" }}\n\
             c = {{ op = \"{op}\", in = [\"a\", \"b\"], on_error = \"skip\" }}\n\
             d = {{ op = \"null\", in = \"c\" }}\n"
        )
    };
    let words = refusal(&two("merge"), &Options::default());
    assert!(words.contains("one by one"), "{words}");
    let together = planned(&two("zip"), 2, &Options::default());
    assert_eq!(together.worker_of.len(), 4);
}

#[test]
fn so_many_workers_are_refused() {
    for n in [0, WORKERS_MAX + 1] {
        let options = Options {
            workers: Some(n),
            ..Options::default()
        };
        assert!(refusal(&chain(""), &options).contains(&format!("`--workers` is {n}")));
    }
}

#[test]
fn more_readers_than_a_stream_can_have_are_told_so() {
    let read_by = |count: usize| {
        let readers =
            (0..count).map(|i| format!("agents.r{i} = {{ op = \"null\", in = \"s\" }}\n"));
        "agents.s = { op = \"counter\", items = 10 }\n".to_owned() + &readers.collect::<String>()
    };
    let refused = refusal(&read_by(255), &Options::default());
    assert!(
        refused.contains("stream `s` has 255 readers, and a stream can have 254"),
        "{refused}"
    );
    assert!(refused.contains("op = \"copy\""), "{refused}");
    planned(&read_by(254), 2, &Options::default());
}
