//! Chaos: who is killed when, and how long it took to recover.
//!
//! The supervisor kills, because it alone knows which processes are its children; here is what it asks.
//! Moments are those of a Poisson process, so no part of a step or of a restart is spared.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::plan::Plan;

/// How a run is disturbed.
#[derive(Clone, Debug)]
pub struct Disturbance {
    /// Who and when: the same numbers in the same order from the same seed.
    pub seed: u64,
    /// Kills a second, on average.
    pub rate: f64,
    /// After so many, nobody is killed any more.
    pub kills: u64,
    /// After so long, nobody is killed any more.
    pub lasts: Option<Duration>,
    /// The workers that may be killed, by name; empty: all.
    pub workers: Vec<String>,
}

/// What a disturbance cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toll {
    /// Workers that died of it.
    pub kills: u64,
    /// From each kill to the successor's first commit, in ns. A successor that was killed before it
    /// committed anything, or that had nothing left to commit, has none.
    pub restart_ns: Vec<u64>,
}

/// The next kill of a run, and the toll so far.
pub struct Chaos {
    random: Random,
    rate: f64,
    kills_left: u64,
    until: Option<Instant>,
    next: Instant,
    may_die: Vec<bool>,
    killed_ns: Vec<Option<u64>>,
    toll: Toll,
}

impl Chaos {
    /// The chaos of one run, beginning now.
    pub fn new(disturbance: &Disturbance, plan: &Plan) -> Chaos {
        let named =
            |name: &String| disturbance.workers.is_empty() || disturbance.workers.contains(name);
        let may_die = plan.workers.iter().map(|w| named(&w.name)).collect();
        Chaos::among(disturbance, may_die, Instant::now())
    }

    fn among(disturbance: &Disturbance, may_die: Vec<bool>, now: Instant) -> Chaos {
        let mut chaos = Chaos {
            random: Random(disturbance.seed),
            rate: disturbance.rate,
            kills_left: disturbance.kills,
            until: disturbance.lasts.map(|lasts| now + lasts),
            next: now,
            killed_ns: vec![None; may_die.len()],
            may_die,
            toll: Toll::default(),
        };
        chaos.look_ahead(now);
        chaos
    }

    /// When somebody is to be killed, if anybody is.
    pub fn next(&self) -> Option<Instant> {
        let over = self.kills_left == 0 || self.until.is_some_and(|until| self.next >= until);
        (!over).then_some(self.next)
    }

    /// Who of the living is to be killed now. The moment is used up, whether there is one or not.
    pub fn choose(&mut self, now: Instant, alive: &[usize]) -> Option<usize> {
        self.look_ahead(now);
        let may_die = alive.iter().copied().filter(|&w| self.may_die[w]);
        let may_die: Vec<usize> = may_die.collect();
        let count = may_die.len() as u64;
        let chosen = self.random.next().checked_rem(count)?;
        self.kills_left = self.kills_left.saturating_sub(1);
        Some(may_die[chosen as usize])
    }

    /// A worker died of the kill that was sent at `ns`.
    pub fn killed(&mut self, worker: usize, ns: u64) {
        self.toll.kills += 1;
        self.killed_ns[worker] = Some(ns);
    }

    /// A worker's process is gone that committed its first step at `moved_ns`; 0,
    /// or its predecessor's if it did not live long enough to say so: it committed none.
    pub fn recovered(&mut self, worker: usize, moved_ns: u64) {
        if let Some(killed_ns) = self.killed_ns[worker].take()
            && moved_ns > killed_ns
        {
            self.toll.restart_ns.push(moved_ns - killed_ns);
        }
    }

    /// What it cost so far.
    pub fn toll(&self) -> &Toll {
        &self.toll
    }

    /// The next moment: exponentially distributed from now.
    fn look_ahead(&mut self, now: Instant) {
        let seconds = -self.random.unit().ln() / self.rate;
        // A rate of next to nothing: beyond the end of any run.
        self.next = now
            + Duration::try_from_secs_f64(seconds)
                .unwrap_or(NEVER)
                .min(NEVER);
    }
}

const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Above 0, up to 1.
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disturbance() -> Disturbance {
        Disturbance {
            seed: 7,
            rate: 100.0,
            kills: u64::MAX,
            lasts: None,
            workers: Vec::new(),
        }
    }

    #[test]
    fn kills_come_at_the_rate_and_only_to_those_who_may_die() {
        let mut now = Instant::now();
        let began = now;
        let mut chaos = Chaos::among(&disturbance(), vec![true, false, true], now);
        let mut chosen = [0; 3];
        for _ in 0..10_000 {
            now = chaos.next().unwrap();
            chosen[chaos.choose(now, &[0, 1, 2]).unwrap()] += 1;
        }
        assert_eq!(chosen[1], 0);
        assert!(chosen[0] > 4_700 && chosen[2] > 4_700, "{chosen:?}");
        let seconds = (now - began).as_secs_f64();
        assert!((95.0..105.0).contains(&seconds), "{seconds}");
    }

    #[test]
    fn the_same_seed_chooses_the_same() {
        let now = Instant::now();
        let mut twins = [0, 1].map(|_| Chaos::among(&disturbance(), vec![true; 5], now));
        for _ in 0..100 {
            let [a, b] = &mut twins;
            assert_eq!(a.next(), b.next());
            assert_eq!(a.choose(now, &[0, 2, 3]), b.choose(now, &[0, 2, 3]));
        }
    }

    #[test]
    fn it_ends_after_so_many_kills_and_after_so_long() {
        let now = Instant::now();
        let twice = Disturbance {
            kills: 2,
            ..disturbance()
        };
        let mut chaos = Chaos::among(&twice, vec![true], now);
        for alive in [&[0][..], &[], &[0]] {
            assert!(chaos.next().is_some());
            chaos.choose(now, alive);
        }
        assert_eq!(chaos.next(), None);
        let short = Disturbance {
            lasts: Some(Duration::ZERO),
            ..disturbance()
        };
        assert_eq!(Chaos::among(&short, vec![true], now).next(), None);
    }

    #[test]
    fn a_recovery_counts_from_the_kill_to_the_first_commit() {
        let mut chaos = Chaos::among(&disturbance(), vec![true; 2], Instant::now());
        chaos.recovered(0, 50); // Before any kill: its usual beginning.
        chaos.killed(0, 100);
        chaos.recovered(1, 120);
        chaos.recovered(0, 150);
        chaos.killed(1, 200);
        chaos.recovered(1, 0); // Committed nothing.
        let toll = Toll {
            kills: 2,
            restart_ns: vec![50],
        };
        assert_eq!(*chaos.toll(), toll);
    }
}
