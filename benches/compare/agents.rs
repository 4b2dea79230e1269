//! Twenty small agents in a row, as a program of its own: what `compare` runs for `agents20`. The variable `FUNCTIONS`
//! says how they know their functions: `seen`, `called` or `pointers`.

#[allow(dead_code, reason = "which ways are run is asked for")]
mod small;

use std::process::ExitCode;

use thalweg::prelude::*;

macro_rules! chain {
    (($stream:ident $how:ident) $($name:ident)*) => {{
        $(let $stream = $stream.map(stringify!($name), small::$how::$name);)*
        $stream
    }};
}

fn main() -> ExitCode {
    let mut graph = Graph::new("agents20");
    let stream: Stream<f64> = graph.apply("count", op("counter").dtype::<f64>());
    let stream = match std::env::var("FUNCTIONS").as_deref() {
        Ok("seen") => small::of_each!(chain!(stream seen)),
        Ok("called") => small::of_each!(chain!(stream called)),
        Ok("pointers") => {
            let named = small::pointers().into_iter().enumerate();
            named.fold(stream, |stream, (n, f)| stream.map(&format!("f{n}"), f))
        }
        _ => panic!("FUNCTIONS is to be `seen`, `called` or `pointers`"),
    };
    stream.write("null", ops::null());
    thalweg::cli(graph)
}
