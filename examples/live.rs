//! A graph beside the program: one thread feeds it, another reads what it gives.
//!
//! `cargo run --release --example live` prints the running mean of the numbers on its standard input, a line each:
//!
//! ```text
//! seq 10 | cargo run --release --example live
//! ```

use std::error::Error;
use std::io::stdin;

use thalweg::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let mut g = Graph::new("live");
    let (mut feed, numbers) = g.feed::<f64>("numbers", 1024)?;
    let means = numbers.scan("means", [0.0; 2], |[count, sum]: &mut [f64; 2], x| {
        *count += 1.0;
        *sum += x;
        *sum / *count
    });
    let (queue, _) = means.queue("out", 1024)?;
    let running = g.start()?;
    let reader = std::thread::spawn(move || {
        for mean in queue {
            println!("{mean}");
        }
    });
    for line in stdin().lines() {
        feed.push(line?.trim().parse()?)?;
    }
    drop(feed);
    running.wait()?;
    reader.join().map_err(|_| "the reader panicked")?;
    Ok(())
}
