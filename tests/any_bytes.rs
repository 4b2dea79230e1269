//! Any bytes are judged without a panic: good examples, mutated from a seed that is printed.
//!
//! The targets are those that `cargo fuzz` drives (`tests/fuzz`). `THALWEG_FUZZ_CASES` sets how many mutations each
//! gets (200 here), `THALWEG_FUZZ_SEED` gives the same ones again.

use std::panic::catch_unwind;

#[path = "fuzz/targets.rs"]
mod targets;

use targets::TARGETS;

#[test]
fn any_bytes_are_judged_without_a_panic() {
    let number = |name: &str, usual: u64| match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}={text}: a number")),
        Err(_) => usual,
    };
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let seed = number("THALWEG_FUZZ_SEED", now | 1);
    let cases = number("THALWEG_FUZZ_CASES", 200);
    println!("THALWEG_FUZZ_SEED={seed}");
    for target in &TARGETS {
        let mut random = Random(seed);
        let examples = (target.examples)();
        for example in &examples {
            (target.run)(example);
        }
        for case in 0..cases {
            let bytes = random.mutated(&examples);
            let judged = catch_unwind(|| (target.run)(&bytes));
            assert!(
                judged.is_ok(),
                "{} panics, case {case} of seed {seed}: {:?}",
                target.name,
                String::from_utf8_lossy(&bytes)
            );
        }
    }
}

/// Numbers that look random, from a seed (xorshift).
struct Random(u64);

/// What stands at the edges of what numbers may be, and what means something somewhere.
const WORDS: [&[u8]; 16] = [
    b"0",
    b"-1",
    b"1e400",
    b"nan",
    b"18446744073709551616",
    b"9223372036854775807",
    b"\0",
    b"\xff\xff\xff\xff",
    b"\"",
    b"[",
    b"(",
    b"\n",
    b" ! ",
    b"=",
    b"\xc3\xa9",
    b"x",
];

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    /// One to four changes to one of the examples, or to two of them joined.
    fn mutated(&mut self, examples: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = examples[self.below(examples.len())].clone();
        for _ in 0..1 + self.below(4) {
            let at = self.below(bytes.len() + 1);
            match self.below(8) {
                0 => bytes.truncate(at),
                1 | 2 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                3 if at < bytes.len() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
                4 => drop(bytes.splice(at..at, WORDS[self.below(WORDS.len())].iter().copied())),
                5 => {
                    let end = at + self.below(bytes.len() - at + 1);
                    bytes.drain(at..end.min(at + 64));
                }
                6 => {
                    let end = (at + self.below(64)).min(bytes.len());
                    let piece = bytes[at..end].to_vec();
                    let to = self.below(bytes.len() + 1);
                    bytes.splice(to..to, piece);
                }
                _ => {
                    let other = &examples[self.below(examples.len())];
                    let from = self.below(other.len() + 1);
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[from..]);
                }
            }
        }
        bytes
    }
}
