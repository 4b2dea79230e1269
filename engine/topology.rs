//! Which cores are near which: threads of one core, caches that are shared, packages, nodes.
//!
//! Read from what the kernel says below `/sys/devices/system`, by a function of a file's name, so that tables of
//! machines judge it. Choosing is pure: workers get physical cores of their own first, fast ones before slow
//! ones, and who exchanges items stays behind one cache while that has cores left.

use std::cmp::Reverse;

/// The cores this process may use, and how they hang together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// In the order of their numbers.
    pub cores: Vec<Core>,
    /// Cores that the scheduler leaves alone (`isolcpus`), those included that this process was not put on.
    pub isolated: Vec<usize>,
}

/// One core as the kernel counts them: a thread of a physical core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Core {
    /// Its number.
    pub number: usize,
    /// The first thread of its physical core.
    pub physical: usize,
    /// The first core behind the same last cache.
    pub cache: usize,
    /// The package it sits in.
    pub package: usize,
    /// The node whose memory is near.
    pub node: usize,
    /// It is clearly slower than the fastest: a small one of a mixed processor.
    pub slow: bool,
    /// The scheduler puts nobody there.
    pub isolated: bool,
}

/// Where a worker is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On this core.
    At(usize),
    /// On a core that is to be chosen.
    Chosen,
    /// On none.
    Anywhere,
}

/// A core whose capacity is below this share of the largest is slow.
const SLOW_PERCENT: u64 = 85;

impl Topology {
    /// As this machine's kernel tells it, of these cores.
    pub fn here(cores: &[usize]) -> Topology {
        Topology::read(cores, &|name| {
            std::fs::read_to_string(format!("/sys/devices/system/{name}")).ok()
        })
    }

    /// As `file` tells it, of these cores. What is not told is taken to be one thread a core, one cache, one
    /// package, one node, and all equally fast.
    pub fn read(cores: &[usize], file: &dyn Fn(&str) -> Option<String>) -> Topology {
        let isolated = file("cpu/isolated").map_or(Vec::new(), |text| list(&text));
        let capacities: Vec<Option<u64>> = cores.iter().map(|&n| capacity(n, file)).collect();
        let most = capacities.iter().flatten().max().copied().unwrap_or(0);
        let nodes = nodes(file);
        let first = |text: Option<String>| text.and_then(|text| list(&text).first().copied());
        let core = |(&number, capacity): (&usize, &Option<u64>)| {
            let topology = |name: &str| file(&format!("cpu/cpu{number}/topology/{name}"));
            let siblings = topology("core_cpus_list").or_else(|| topology("thread_siblings_list"));
            let package = topology("physical_package_id");
            let package = package.and_then(|id| id.trim().parse().ok()).unwrap_or(0);
            let node = nodes.iter().find(|(_, cores)| cores.contains(&number));
            Core {
                number,
                physical: first(siblings).unwrap_or(number),
                cache: first(last_cache(number, file)).unwrap_or(package),
                package,
                node: node.map_or(0, |(node, _)| *node),
                slow: capacity.is_some_and(|c| c * 100 < most * SLOW_PERCENT),
                isolated: isolated.contains(&number),
            }
        };
        Topology {
            cores: cores.iter().zip(&capacities).map(core).collect(),
            isolated,
        }
    }

    /// Cores of which nothing is known but their numbers.
    pub fn flat(cores: &[usize]) -> Topology {
        Topology::read(cores, &|_| None)
    }

    /// These cores of it alone.
    pub fn restricted(&self, cores: &[usize]) -> Topology {
        let known = |number: &usize| self.core(*number).copied();
        let flat = Topology::flat(cores);
        let both = cores.iter().zip(flat.cores);
        Topology {
            cores: both.map(|(n, flat)| known(n).unwrap_or(flat)).collect(),
            isolated: self.isolated.clone(),
        }
    }

    /// What is known of a core.
    pub fn core(&self, number: usize) -> Option<&Core> {
        self.cores.iter().find(|core| core.number == number)
    }

    /// How many of something there are: physical cores, caches, nodes.
    pub fn count(&self, of: impl Fn(&Core) -> usize) -> usize {
        let mut all: Vec<usize> = self.cores.iter().map(of).collect();
        all.sort_unstable();
        all.dedup();
        all.len()
    }

    /// A core for each worker that wants one chosen. `near` has a pair of workers for each stream between them.
    /// There must be enough: who finds none left gets none.
    pub fn choose(&self, places: &[Place], near: &[(usize, usize)]) -> Vec<Option<usize>> {
        let given = |place: &Place| match place {
            Place::At(core) => Some(*core),
            Place::Chosen | Place::Anywhere => None,
        };
        let mut chosen: Vec<Option<usize>> = places.iter().map(given).collect();
        for worker in 0..places.len() {
            if places[worker] == Place::Chosen {
                chosen[worker] = self.next(worker, &chosen, near);
            }
        }
        chosen
    }

    /// The best core that is left for one worker.
    fn next(
        &self,
        worker: usize,
        chosen: &[Option<usize>],
        near: &[(usize, usize)],
    ) -> Option<usize> {
        let taken: Vec<Core> = chosen
            .iter()
            .flatten()
            .filter_map(|&n| self.core(n).copied())
            .collect();
        let is_free = |core: &&Core| taken.iter().all(|t| t.number != core.number);
        let neighbours = near.iter().filter_map(|&(a, b)| match worker {
            _ if a == worker => chosen[b],
            _ if b == worker => chosen[a],
            _ => None,
        });
        let neighbours: Vec<&Core> = neighbours.filter_map(|n| self.core(n)).collect();
        let room = |core: &Core| {
            let inside = self.cores.iter().filter(|c| c.cache == core.cache);
            let mut physical: Vec<usize> = inside
                .filter(|c| taken.iter().all(|t| t.physical != c.physical))
                .map(|c| c.physical)
                .collect();
            physical.sort_unstable();
            physical.dedup();
            physical.len()
        };
        let key = |core: &&Core| {
            let shared = taken.iter().any(|t| t.physical == core.physical);
            let far: u32 = neighbours.iter().map(|n| distance(core, n)).sum();
            (
                shared,
                !core.isolated,
                core.slow,
                far,
                Reverse(room(core)),
                core.number,
            )
        };
        let best = self.cores.iter().filter(is_free).min_by_key(key);
        best.map(|core| core.number)
    }
}

/// What lies between two cores: nothing but a cache, a package's inside, or the way between packages.
fn distance(a: &Core, b: &Core) -> u32 {
    match (
        a.cache == b.cache && a.package == b.package,
        a.node == b.node,
    ) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 3,
    }
}

/// What a core can do, in whatever unit the kernel has for all of them.
fn capacity(core: usize, file: &dyn Fn(&str) -> Option<String>) -> Option<u64> {
    let number = |name: &str| file(&format!("cpu/cpu{core}/{name}"))?.trim().parse().ok();
    number("cpu_capacity").or_else(|| number("cpufreq/cpuinfo_max_freq"))
}

/// The cores behind the last cache of a core.
fn last_cache(core: usize, file: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let index = |n: usize, name: &str| file(&format!("cpu/cpu{core}/cache/index{n}/{name}"));
    let caches = (0..8).filter_map(|n| {
        let level: u32 = index(n, "level")?.trim().parse().ok()?;
        Some((level, index(n, "shared_cpu_list")?))
    });
    caches.max_by_key(|(level, _)| *level).map(|(_, list)| list)
}

/// The nodes and their cores.
fn nodes(file: &dyn Fn(&str) -> Option<String>) -> Vec<(usize, Vec<usize>)> {
    let online = file("node/online").map_or(Vec::new(), |text| list(&text));
    let cores = |node: usize| file(&format!("node/node{node}/cpulist"));
    let all = online.into_iter();
    all.filter_map(|node| Some((node, list(&cores(node)?))))
        .collect()
}

/// A list as the kernel writes it: `0-3,8`.
pub fn list(text: &str) -> Vec<usize> {
    let ranges = text.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.trim().parse::<usize>().ok()?..=last.trim().parse().ok()?)
    });
    ranges.flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A made-up `/sys/devices/system`.
    #[derive(Default)]
    struct Tree(BTreeMap<String, String>);

    impl Tree {
        fn with(mut self, name: &str, text: impl Into<String>) -> Tree {
            self.0.insert(name.to_owned(), text.into());
            self
        }

        /// Lists of threads, caches and packages, each for the cores that are in it.
        fn machine(threads: &[&str], caches: &[&str], packages: &[&str]) -> Tree {
            let mut tree = Tree::default();
            let mut each = |lists: &[&str], name: &str, text: &dyn Fn(usize, &str) -> String| {
                for (nth, list) in lists.iter().enumerate() {
                    for core in super::list(list) {
                        let name = format!("cpu/cpu{core}/{name}");
                        tree.0.insert(name, text(nth, list));
                    }
                }
            };
            let same = |_: usize, list: &str| format!("{list}\n");
            each(threads, "topology/thread_siblings_list", &same);
            each(threads, "cache/index0/shared_cpu_list", &same);
            each(threads, "cache/index0/level", &|_, _| "1\n".to_owned());
            each(caches, "cache/index3/shared_cpu_list", &same);
            each(caches, "cache/index3/level", &|_, _| "3\n".to_owned());
            each(packages, "topology/physical_package_id", &|nth, _| {
                format!("{nth}\n")
            });
            for (nth, list) in packages.iter().enumerate() {
                tree = tree.with(&format!("node/node{nth}/cpulist"), format!("{list}\n"));
            }
            let nodes: Vec<String> = (0..packages.len()).map(|n| n.to_string()).collect();
            tree.with("node/online", nodes.join(","))
        }

        fn topology(&self, cores: &str) -> Topology {
            Topology::read(&list(cores), &|name| self.0.get(name).cloned())
        }
    }

    /// Two cores of a virtual machine behind one cache.
    fn small() -> Tree {
        Tree::machine(&["0", "1"], &["0-1"], &["0-1"])
    }

    /// Eight cores of two threads, the second ones numbered behind all first ones.
    fn threads() -> Tree {
        let pairs: Vec<String> = (0..8).map(|n| format!("{n},{}", n + 8)).collect();
        let pairs: Vec<&str> = pairs.iter().map(String::as_str).collect();
        Tree::machine(&pairs, &["0-15"], &["0-15"])
    }

    /// Two groups of four cores, each behind a cache of its own.
    fn two_caches() -> Tree {
        let single = ["0", "1", "2", "3", "4", "5", "6", "7"];
        Tree::machine(&single, &["0-3", "4-7"], &["0-7"])
    }

    /// Two packages of four cores.
    fn two_packages() -> Tree {
        let single = ["0", "1", "2", "3", "4", "5", "6", "7"];
        Tree::machine(&single, &["0-3", "4-7"], &["0-3", "4-7"])
    }

    /// Four small cores, then two large ones, and no last cache for all.
    fn mixed() -> Tree {
        let mut tree = Tree::machine(&["0", "1", "2", "3", "4", "5"], &["0-5"], &["0-5"]);
        for core in 0..6 {
            let capacity = if core < 4 { "446" } else { "1024" };
            tree = tree.with(&format!("cpu/cpu{core}/cpu_capacity"), capacity);
        }
        tree
    }

    /// A chain of so many workers, all to be placed.
    fn chain(workers: usize) -> (Vec<Place>, Vec<(usize, usize)>) {
        let near = (1..workers).map(|w| (w - 1, w)).collect();
        (vec![Place::Chosen; workers], near)
    }

    fn chosen(tree: &Tree, cores: &str, workers: usize) -> Vec<usize> {
        let (places, near) = chain(workers);
        let chosen = tree.topology(cores).choose(&places, &near);
        chosen.into_iter().flatten().collect()
    }

    #[test]
    fn workers_get_physical_cores_first_and_neighbours_a_common_cache() {
        for (tree, cores, workers, expected) in [
            (small(), "0-1", 2, &[0, 1][..]),
            (small(), "1", 1, &[1]),
            (threads(), "0-15", 3, &[0, 1, 2]),
            // The second threads only when every core has a worker.
            (threads(), "0-15", 9, &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
            (threads(), "0,1,8,9", 2, &[0, 1]),
            (threads(), "0,8,1", 2, &[0, 1]),
            (two_caches(), "0-7", 4, &[0, 1, 2, 3]),
            // A chain is cut once.
            (two_caches(), "0-7", 6, &[0, 1, 2, 3, 4, 5]),
            // The cache with room for all of them.
            (two_caches(), "2-7", 3, &[4, 5, 6]),
            (two_packages(), "0-7", 5, &[0, 1, 2, 3, 4]),
            (two_packages(), "3-6", 2, &[4, 5]),
            // The large ones first.
            (mixed(), "0-5", 2, &[4, 5]),
            (mixed(), "0-5", 3, &[4, 5, 0]),
        ] {
            assert_eq!(
                chosen(&tree, cores, workers),
                expected,
                "{cores}, {workers} workers"
            );
        }
    }

    #[test]
    fn who_is_placed_draws_its_neighbours() {
        let topology = two_packages().topology("0-7");
        let places = [Place::Chosen, Place::At(6), Place::Anywhere, Place::Chosen];
        let chosen = topology.choose(&places, &[(0, 1), (1, 3), (2, 3)]);
        assert_eq!(chosen, [Some(4), Some(6), None, Some(5)]);
    }

    #[test]
    fn isolated_cores_are_taken_first_where_the_process_was_put_on_them() {
        let tree = two_caches().with("cpu/isolated", "2-3\n");
        assert_eq!(chosen(&tree, "0-3", 3), [2, 3, 0]);
        let without = tree.topology("0-1");
        assert_eq!(without.isolated, [2, 3]);
        assert_eq!(without.cores.len(), 2);
    }

    #[test]
    fn where_nothing_is_told_cores_are_taken_in_order() {
        let (places, near) = chain(3);
        let topology = Topology::flat(&[3, 5, 8, 9]);
        assert_eq!(topology.choose(&places, &near), [Some(3), Some(5), Some(8)]);
        let alone = Topology::flat(&[3]).choose(&places, &near);
        assert_eq!(alone, [Some(3), None, None]);
    }

    #[test]
    fn a_part_of_a_machine_keeps_what_is_known() {
        let whole = two_packages().topology("0-7");
        let part = whole.restricted(&[1, 6, 99]);
        assert_eq!(
            part.cores.iter().map(|c| c.node).collect::<Vec<_>>(),
            [0, 1, 0]
        );
        assert_eq!(part.count(|c| c.number), 3);
        assert_eq!(whole.count(|c| c.cache), 2);
        assert_eq!(threads().topology("0-15").count(|c| c.physical), 8);
    }

    #[test]
    fn lists_are_read_as_the_kernel_writes_them() {
        assert_eq!(list("0-3,8,10-11\n"), [0, 1, 2, 3, 8, 10, 11]);
        assert!(list("\n").is_empty());
        assert!(list("no").is_empty());
    }
}
