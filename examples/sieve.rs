//! Eratosthenes' sieve as a chain of agents, each on a worker of its own.
//!
//! `cargo run --release --example sieve` prints the primes below 121. The first number that comes to an agent is a
//! prime; the agent keeps it as its state and lets pass what it does not divide. What passes all four is prime too.

use thalweg::prelude::*;

/// 2, 3, 5 and 7 are all primes whose squares are below 121.
const STAGES: usize = 4;

fn main() -> thalweg::Result<()> {
    let mut g = Graph::new("sieve");
    let mut numbers = g.source("numbers", from_iter(|| 2..121u64));
    let mut found = Vec::new();
    for stage in 0..STAGES {
        let sieved = zip([&numbers]).with_state(0u64);
        let (prime, rest) = sieved.unzip(&format!("stage{stage}"), |prime: &mut u64, [n]| {
            if *prime == 0 {
                *prime = n;
                return (Some(n), None);
            }
            (None, (n % *prime != 0).then_some(n))
        });
        g.worker(&format!("worker{stage}")).host([&rest]);
        found.push(prime);
        numbers = rest;
    }
    let [two, three, five, seven] = &found[..] else {
        unreachable!("a prime for each stage");
    };
    let primes = two.concat("primes", [three, five, seven, &numbers]);
    primes.write("print", ops::print());
    g.run()?;
    Ok(())
}
