//! Random graphs of loops, beside what a few lines say they give: they always end, and nothing is lost.

use std::fmt::Write;

use crate::kills::kill_workers;
use crate::site::{Random, Site};

const GRAPHS: u64 = 32;
/// As far as the reference follows a stream that never ends.
const FAR: usize = 600;

/// What is known of a stream's items.
#[derive(Clone, PartialEq)]
enum Known {
    /// Each, in order.
    Each,
    /// Which, in no order.
    Which,
    /// That there are enough.
    Some,
    /// Nothing: how many are left depends on which they are.
    Nothing,
}

/// A stream, and what it gives.
#[derive(Clone)]
struct Given {
    name: String,
    items: Vec<i64>,
    known: Known,
    /// It goes on after `items`.
    endless: bool,
    is_read: bool,
    /// Streams of one family may wait for each other, and are not joined again.
    family: usize,
}

impl Given {
    /// What is known of those of its items that meet a condition.
    fn chosen_from(&self) -> Known {
        match self.known {
            Known::Some if !self.endless => Known::Nothing,
            ref known => known.clone(),
        }
    }
}

/// A graph that grows agent by agent, and what its files must hold.
struct Growing<'a> {
    random: &'a mut Random,
    text: String,
    agents: usize,
    workers: u64,
    streams: Vec<Given>,
    files: Vec<(String, Vec<i64>, Known)>,
}

impl Growing<'_> {
    /// One more agent, in a worker of chance; gives its name.
    fn add(&mut self, op: &str, rest: &str) -> String {
        let name = format!("a{}", self.agents);
        self.put(&name, op, rest);
        name
    }

    fn put(&mut self, name: &str, op: &str, rest: &str) {
        self.agents += 1;
        let worker = self.random.below(self.workers);
        writeln!(
            self.text,
            "agents.{name} = {{ op = \"{op}\", worker = \"w{worker}\", {rest} }}"
        )
        .unwrap();
    }

    fn stream(&mut self, name: String, items: Vec<i64>, known: Known, of: &Given) -> usize {
        let given = Given {
            name,
            items,
            known,
            is_read: false,
            ..of.clone()
        };
        self.streams.push(given);
        self.streams.len() - 1
    }

    fn begin(&mut self) {
        let family = self.streams.len();
        let of = |endless| Given {
            name: String::new(),
            items: Vec::new(),
            known: Known::Each,
            endless,
            is_read: false,
            family,
        };
        match self.random.below(3) {
            0 => {
                let n = self.random.below(FAR as u64);
                let name = self.add("counter", &format!("items = {n}"));
                self.stream(name, (0..n as i64).collect(), Known::Each, &of(false));
            }
            1 => {
                let name = self.add("counter", "start = 1");
                self.stream(name, (1..=FAR as i64).collect(), Known::Each, &of(true));
            }
            _ => {
                // A loop that nothing feeds.
                let (first, back) = (
                    self.random.below(100) as i64,
                    format!("a{}", self.agents + 1),
                );
                let name = self.add("map", &format!("in = \"{back}\", expr = \"{NEXT}\""));
                self.put(
                    &back,
                    "delay",
                    &format!("in = \"{name}\", initial = {first}, dtype = \"i64\""),
                );
                let items = std::iter::successors(Some(next(first)), |&x| Some(next(x)));
                self.stream(name, items.take(FAR).collect(), Known::Each, &of(true));
            }
        }
    }

    /// One more agent, or loop, that reads a stream of chance.
    fn go_on(&mut self) {
        let ix = self.random.below(self.streams.len() as u64) as usize;
        let of = self.streams[ix].clone();
        let each = of.known == Known::Each;
        let input = format!("in = \"{}\"", of.name);
        let made = match self.random.below(8) {
            0 => {
                let name = self.add("map", &format!("{input}, expr = \"{NEXT}\""));
                let items = of.items.iter().map(|&x| next(x)).collect();
                self.stream(name, items, of.known.clone(), &of)
            }
            1 => {
                let name = self.add("filter", &format!("{input}, expr = \"x % 3 != 0\""));
                let items = of.items.iter().copied().filter(|x| x % 3 != 0).collect();
                self.stream(name, items, of.chosen_from(), &of)
            }
            2 => self.head(&of),
            // A loop that is fed through `zip`.
            3 if each => {
                let (lag, back) = (1 + self.random.below(7), format!("a{}", self.agents + 1));
                let name = self.add(
                    "zip",
                    &format!(
                        "in = {{ x = \"{}\", y = \"{back}\" }}, expr = \"(x + 3 * y) % 101\"",
                        of.name
                    ),
                );
                self.put(
                    &back,
                    "delay",
                    &format!("in = \"{name}\", items = {lag}, initial = 5, dtype = \"i64\""),
                );
                let mut items: Vec<i64> = Vec::new();
                for (n, x) in of.items.iter().enumerate() {
                    let y = n.checked_sub(lag as usize).map_or(5, |n| items[n]);
                    items.push((x + 3 * y).rem_euclid(101));
                }
                self.stream(name, items, Known::Each, &of)
            }
            4 | 5 => self.halving(&of),
            // One number that goes around for ever, or for a while.
            6 if each => {
                let one = self.add("head", &format!("{input}, items = 1"));
                let (all, on) = (
                    format!("a{}", self.agents + 1),
                    format!("a{}", self.agents + 2),
                );
                let back = self.add(
                    "delay",
                    &format!("in = \"{on}\", items = 0, dtype = \"i64\""),
                );
                self.put(&all, "merge", &format!("in = [\"{one}\", \"{back}\"]"));
                self.put(&on, "map", &format!("in = \"{all}\", expr = \"{NEXT}\""));
                let items =
                    std::iter::successors(of.items.first().map(|&x| next(x)), |&x| Some(next(x)));
                let items: Vec<i64> = items.take(FAR).collect();
                let endless = !items.is_empty();
                let ix = self.stream(on, items, Known::Each, &of);
                self.streams[ix].endless = endless;
                ix
            }
            _ => {
                let others = self
                    .streams
                    .iter()
                    .position(|s| s.family != of.family && s.known == Known::Each);
                let Some(other) = others.filter(|_| each) else {
                    return;
                };
                let with = self.streams[other].clone();
                let name = self.add(
                    "zip",
                    &format!(
                        "in = {{ x = \"{}\", y = \"{}\" }}, expr = \"x - y\"",
                        of.name, with.name
                    ),
                );
                let items = of.items.iter().zip(&with.items).map(|(x, y)| x - y);
                let ix = self.stream(name, items.collect(), Known::Each, &of);
                self.streams[ix].endless = of.endless && with.endless;
                self.streams[other].is_read = true;
                for stream in &mut self.streams {
                    if stream.family == with.family {
                        stream.family = of.family;
                    }
                }
                ix
            }
        };
        self.streams[ix].is_read = true;
        assert_eq!(made, self.streams.len() - 1);
    }

    fn head(&mut self, of: &Given) -> usize {
        let n = self.random.below(of.items.len() as u64 + 1) as usize;
        let name = self.add("head", &format!("in = \"{}\", items = {n}", of.name));
        let items = of.items[..n].to_vec();
        let known = match of.known {
            Known::Each => Known::Each,
            Known::Nothing => Known::Nothing,
            _ => Known::Some,
        };
        let ix = self.stream(name, items, known, of);
        self.streams[ix].endless = false;
        ix
    }

    /// A loop through `merge` in which each number goes around as often as it has digits.
    fn halving(&mut self, of: &Given) -> usize {
        let names = |n: usize| format!("a{}", self.agents + n);
        let (all, half, on, back) = (names(0), names(1), names(2), names(3));
        self.put(
            &all,
            "merge",
            &format!("in = [\"{}\", \"{back}\"]", of.name),
        );
        self.put(
            &half,
            "map",
            &format!("in = \"{all}\", expr = \"abs(x) // 2\""),
        );
        self.put(&on, "filter", &format!("in = \"{half}\", expr = \"x > 0\""));
        self.put(
            &back,
            "delay",
            &format!("in = \"{on}\", items = 0, dtype = \"i64\""),
        );
        let around =
            |x: &i64| std::iter::successors(Some(x.abs() / 2), |&x| (x > 0).then_some(x / 2));
        let items = of.items.iter().flat_map(around).collect();
        let known = match of.chosen_from() {
            Known::Nothing => Known::Nothing,
            _ if of.endless => Known::Some,
            _ => Known::Which,
        };
        self.stream(half, items, known, of)
    }

    /// What nobody reads, and now and then what somebody reads, is written to a file.
    fn end(&mut self) {
        for ix in 0..self.streams.len() {
            if self.streams[ix].is_read && self.random.below(3) > 0 {
                continue;
            }
            let ix = match self.streams[ix].endless {
                true => self.head(&self.streams[ix].clone()),
                false => ix,
            };
            let of = self.streams[ix].clone();
            let file = format!("{}.bin", of.name);
            self.add(
                "raw.write",
                &format!("in = \"{}\", path = \"{file}\"", of.name),
            );
            self.files.push((file, of.items, of.known));
        }
    }
}

/// One step of a sequence that never ends.
const NEXT: &str = "(5 * x + 3) % 97";

fn next(x: i64) -> i64 {
    (5 * x + 3).rem_euclid(97)
}

#[test]
fn random_loops_end_and_give_what_they_should() {
    let mut random = Random::seeded();
    for graph in 0..GRAPHS {
        let workers = 1 + random.below(3);
        let mut growing = Growing {
            random: &mut random,
            text: String::new(),
            agents: 0,
            workers,
            streams: Vec::new(),
            files: Vec::new(),
        };
        for _ in 0..1 + growing.random.below(3) {
            growing.begin();
        }
        for _ in 0..1 + growing.random.below(6) {
            growing.go_on();
        }
        growing.end();
        let (mut text, files) = (growing.text, growing.files);
        for worker in (0..workers).map(|w| format!("w{w}")) {
            if text.contains(&format!("\"{worker}\"")) {
                writeln!(text, "workers.{worker} = {{}}").unwrap();
            }
        }
        println!("graph {graph}:\n{text}");
        let site = Site::new();
        site.write("g.toml", &text);
        let mut arguments = vec!["run", "g.toml", "--restart", "1000", "-q"];
        match random.below(3) {
            0 => arguments.extend(["--capacity", "32"]),
            1 => arguments.push("--in-process"),
            _ => {}
        }
        let mut going = site.start(site.thalweg(&arguments));
        if !arguments.contains(&"--in-process") && random.below(2) == 0 {
            kill_workers(&site, &mut going, &mut random, 5, 40_000);
        }
        going.wait().expect(0);
        for (file, mut expected, known) in files {
            let bytes = site.read(&file);
            let items = bytes.chunks_exact(8);
            let mut items: Vec<i64> = items
                .map(|b| i64::from_le_bytes(b.try_into().unwrap()))
                .collect();
            if known == Known::Which {
                items.sort_unstable();
                expected.sort_unstable();
            }
            match known {
                Known::Nothing => {}
                Known::Some => assert_eq!(items.len(), expected.len(), "{file}"),
                _ => assert_eq!(items, expected, "{file}"),
            }
        }
        site.assert_clean();
    }
}
