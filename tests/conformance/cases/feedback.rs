//! Streams that lead back: echoes, reverberation, loops between processes.

use thalweg::prelude::*;

use super::elements::{floats, ints};
use crate::judge::{Case, GraphFile, Kept, file, rust};

pub const CASES: &[Case] = &[
    rust(&["echo", "echo_prepend"], |v, g| {
        let spoken = floats(v, g);
        Kept::one("heard", &echo(g, &spoken, v.param("D"), v.param("A")))
    }),
    file(&["echo"], |v| {
        let agents = "[agents.heard]\nop = \"zip\"\nin = { spoken = \"x\", echo = \"echo\" }\nexpr = \"spoken + 0.5 * echo\"\n
            [agents.echo]\nop = \"delay\"\nin = \"heard\"\nitems = 1\n";
        GraphFile::of(agents)
            .reads::<f64>(v, "x")
            .writes("heard", "heard")
    }),
    rust(&["multicore_echo_feedback"], |v, g| {
        let made = g.source("x", v.fed::<f64>("made"));
        let heard = echo(g, &made, v.param("delay"), v.param("attenuation"));
        g.worker("mouth").host([&made]);
        g.worker("ear").host([&heard]);
        Kept::one("heard", &heard)
    }),
    // The echo is a dot product of what was heard, and comes back `delay` items later.
    rust(&["reverb_dispersive"], |v, g| {
        let weights = v.param::<[f64; 5]>("attenuation_vector");
        let spoken = floats(v, g);
        let back = g.feedback::<f64>("back", v.param("delay"), 0.0);
        let echo = back.stream();
        let heard = spoken.zip(&echo).map("heard", |x, echo| x + echo);
        let dot = move |w: &[f64]| {
            w.iter()
                .zip(weights)
                .map(|(x, weight)| x * weight)
                .sum::<f64>()
        };
        back.close(&heard.window(5).map("dispersed", dot));
        Kept::one("heard", &heard).and("echo", &echo)
    }),
    // What a function appends to its own input is what it gives again and again from one item on.
    rust(&["self_feedback"], |v, g| {
        let successors = |x| std::iter::successors(Some(x), |x| (*x < 5).then_some(x + 1));
        Kept::one("x", &ints(v, g).flat_map("y", successors))
    }),
];

/// What is spoken, and what was heard `delay` items ago, weaker.
fn echo(g: &mut Graph, spoken: &Stream<f64>, delay: u64, attenuation: f64) -> Stream<f64> {
    let back = g.feedback::<f64>("echo", delay, 0.0);
    let heard = spoken.zip(&back.stream());
    let heard = heard.map("heard", move |x, echo| x + attenuation * echo);
    back.close(&heard);
    heard
}
