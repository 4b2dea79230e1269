//! A graph made in Rust: the same thing a graph file makes, with closures as agents.
//!
//! [`Graph`] collects agents and workers; the streams it hands out ([`Stream`]) add to it too, so a
//! program reads in the direction of the flow. Nothing runs and nothing is refused while it is put
//! together: what is wrong (a name used twice, a stream of another graph) is found with the rest when
//! the whole is resolved.
//!
//! ```no_run
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("smooth");
//! let raw = g.source("ramp", from_fn(|n| (n < 1000).then_some(n as f64)));
//! let mean = raw.window(8).step(4).map("mean", |w: &[f64]| w.iter().sum::<f64>() / 8.0);
//! let total = mean.scan("total", 0.0, |acc: &mut f64, x| { *acc += x; *acc });
//! let print = total.sink("print", |x| println!("{x}"));
//! g.worker("front").core(0).host([&raw]);
//! g.worker("back").core(1).host([&mean, &total, &print]);
//! g.run()?;
//! # Ok::<(), thalweg::Error>(())
//! ```
//!
//! Items are numbers, complex numbers, arrays of them, and any `Pod` type that says it is one:
//!
//! ```
//! use thalweg::prelude::*;
//!
//! #[derive(Clone, Copy, Pod, Zeroable)]
//! #[bytemuck(crate = "thalweg::bytemuck")]
//! #[repr(C)]
//! struct Trade {
//!     price: f64,
//!     volume: f64,
//! }
//!
//! impl Item for Trade {}
//!
//! let mut g = Graph::new("trades");
//! let trades = g.source("trades", vec![Trade { price: 2.0, volume: 10.0 }]);
//! let turnover = trades.map("turnover", |t| t.price * t.volume);
//! # g.into_decl().unwrap();
//! ```
//!
//! A composition that is used more than once is a function from streams to streams:
//!
//! ```
//! use thalweg::prelude::*;
//!
//! fn smoothed(x: &Stream<f64>) -> Stream<f64> {
//!     let mean = x.window(8).map("mean", |w: &[f64]| w.iter().sum::<f64>() / 8.0);
//!     mean.map("level", |x| 10.0 * x.log10())
//! }
//!
//! let mut g = Graph::new("levels");
//! let x: Stream<f64> = g.source("x", ops::sine(50.0).rate(1_000.0).offset(2.0));
//! let once = g.scope("once", |_| smoothed(&x)); // agents `once.mean` and `once.level`
//! let twice = g.scope("twice", |_| smoothed(&once));
//! # g.into_decl().unwrap();
//! ```
//!
//! Each agent is called by its name, and refusals show the line of the program that added it:
//!
//! ```text
//! error: two agents are called `mean`
//!  --> src/main.rs:12:20
//!  --> src/main.rs:11:20
//! ```
//!
//! # Which closures are safe under a kill
//!
//! A worker may be killed at any instruction; it is forked again and goes on from its last commit, with the
//! closures as they were when the run began. A step that was cut off is made again, so a closure may be
//! called twice with the same items; what it gave the first time, nobody saw.
//!
//! | what a closure depends on | after a kill |
//! | --- | --- |
//! | its arguments, captured constants, tables made before the run | as without the kill |
//! | captured scratch: buffers, planned transforms, caches that change no result | as without the kill; made anew |
//! | state of [`scan`](Stream::scan), [`with_state`](Stream::with_state): a `Pod` value | as without the kill: it is committed with the positions |
//! | state of [`scan_table`](Stream::scan_table), [`with_table`](Stream::with_table): a table of `Pod` values, a step costs what it writes | the same |
//! | state of [`scan_serde`](Stream::scan_serde), [`with_serde`](Stream::with_serde): any type that serde knows, with a bound; a step costs the encoding of the whole | the same; only a map's order of iteration may differ, as between two runs |
//! | captured variables that a call changes and a later one reads (`let mut n = 0; .. move \|x\| { n += 1; .. }`) | **lost**: back to what it was when the run began, and counted twice where a step was made again |
//! | the clock, random numbers, threads, the world outside | not repeated: items already given stay as they are, later ones come from what is then |
//!
//! | a closure that | after a kill |
//! | --- | --- |
//! | makes items: [`from_fn`](crate::ops::from_fn) | goes on at the item it was at; `f(n)` is to depend on `n` alone |
//! | makes an iterator: [`from_iter`](crate::ops::from_iter) | is called again, and the items already given are skipped: it is to give the same ones |
//! | fans out: [`flat_map`](Stream::flat_map) | is called again for the item it was at, and what was given is skipped: likewise |
//! | has an effect outside: [`sink`](Stream::sink) | at least once: it may be called again with the last step's items, in the same order; its state has them once |
//!
//! A closure that needs what it must not capture has a place for it in the state. So does one whose result is
//! not a function of its arguments: what was committed stays, because state and items move together.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use thalweg_worker::closures::{self, Feed};
use thalweg_worker::op::Value;
use thalweg_worker::types::Item;

use crate::decl::{At, Core, GraphDecl, OnError, SourceText, WorkerDecl};
use crate::diag::{Diagnostic, Refused};
use crate::ops::{Kind, Op, Source, op};
use crate::program::Error;
use crate::stream::Stream;

mod draft;

pub(crate) use draft::Draft;
pub use draft::{Handle, Placed, Work};

/// Agents, streams and workers of one program.
pub struct Graph {
    pub(crate) draft: Draft,
}

impl Graph {
    /// An empty graph of this name.
    pub fn new(name: impl Into<String>) -> Graph {
        let draft = Draft::default();
        draft.edit(|parts| {
            parts.decl.name = name.into();
            parts.decl.base = PathBuf::from(".");
            parts.decl.source = Some(SourceText::built());
        });
        Graph { draft }
    }

    /// Adds an agent that reads nothing: a generator or reader of [`ops`](crate::ops), a function of
    /// the item's place ([`from_fn`](crate::ops::from_fn)), an iterator
    /// ([`from_iter`](crate::ops::from_iter)), a `Vec`.
    #[track_caller]
    pub fn source<T: Kind>(&mut self, name: &str, source: impl Source<T>) -> Stream<T> {
        Stream::claimed(self.source_of(name, source.into_work()))
    }

    /// Adds an agent without inputs.
    #[track_caller]
    pub(crate) fn source_of(&mut self, name: &str, work: Work) -> Handle {
        self.draft.agent(name, work, Vec::new())
    }

    /// Adds a stream that this program feeds while the graph runs, and gives the end to feed it by: see
    /// [`Graph::start`]. `capacity` items wait in between; then [`Feed::push`] waits. Dropping the [`Feed`] ends the
    /// stream.
    ///
    /// # Errors
    /// There is no memory, or no descriptor, for the ring in between.
    #[track_caller]
    pub fn feed<T: Item>(
        &mut self,
        name: &str,
        capacity: u64,
    ) -> crate::Result<(Feed<T>, Stream<T>)> {
        let (feed, blueprint) = closures::feed(capacity, self.draft.life()?)
            .map_err(|error| Error::Environment(format!("the feed `{name}`: {error}")))?;
        let work = Work::Native {
            kind: "feed",
            step: None,
            blueprint: Some(blueprint),
        };
        let stream = Stream::new(self.draft.agent(name, work, Vec::new()));
        Ok((feed, stream))
    }

    /// Adds an operator that takes all its inputs from [`Op::with`] and [`Op::with_as`].
    #[track_caller]
    pub fn apply<T: Kind>(&mut self, name: &str, op: Op) -> Stream<T> {
        Stream::claimed(self.draft.agent(name, Work::Op(op), Vec::new()))
    }

    /// Adds a `delay` whose input comes later: the way to close a cycle.
    ///
    /// Its stream starts with `items` times `initial`, then follows what [`Feedback::close`] gives it.
    #[track_caller]
    pub fn feedback<T: Item>(
        &mut self,
        name: &str,
        items: u64,
        initial: impl Into<Value>,
    ) -> Feedback<T> {
        let delay = op("delay")
            .set("items", items)
            .set("initial", initial)
            .dtype::<T>();
        let stream = self.apply(name, delay);
        let agent = stream.handle().agent;
        self.draft.edit(|parts| parts.open_loops.push(agent));
        Feedback { stream }
    }

    /// Calls `make`, and puts `NAME.` before the names of all agents that it adds: what makes agents of fixed names can
    /// be called several times, `g.scope("left", |_| smooth(&x))`. Scopes may nest.
    ///
    /// ```
    /// # use thalweg::prelude::*;
    /// /// A composition: a function from streams to streams.
    /// fn energy(x: &Stream<f64>) -> Stream<f64> {
    ///     let square = x.map("square", |x: f64| x * x);
    ///     square.window(2).step(2).map("mean", |w: &[f64]| (w[0] + w[1]) / 2.0)
    /// }
    ///
    /// let mut g = Graph::new("both");
    /// let x = g.source("x", vec![1.0, 2.0, 3.0, 4.0]);
    /// let y = g.source("y", vec![5.0, 6.0, 7.0, 8.0]);
    /// let left = g.scope("left", |_| energy(&x));
    /// let right = g.scope("right", |_| energy(&y));
    /// assert_eq!((left.name(), right.name()), ("left.mean", "right.mean"));
    /// ```
    #[track_caller]
    pub fn scope<R>(&mut self, name: &str, make: impl FnOnce(&mut Graph) -> R) -> R {
        let draft = self.draft.clone();
        draft.scoped(name, || make(self))
    }

    /// The worker of this name, for placing agents; made if there is none yet.
    pub fn worker(&mut self, name: &str) -> Seats<'_> {
        let worker = self.draft.edit(|parts| {
            let workers = &mut parts.decl.workers;
            workers
                .iter()
                .position(|w| w.name.value == name)
                .unwrap_or_else(|| {
                    workers.push(WorkerDecl {
                        name: At::nowhere(name.to_owned()),
                        core: At::nowhere(Core::Auto),
                        restart: None,
                    });
                    workers.len() - 1
                })
        });
        Seats {
            draft: &self.draft,
            worker,
        }
    }

    /// The folder that relative paths of operators start from; without this the current one.
    pub fn base(&mut self, folder: impl Into<PathBuf>) {
        self.draft.edit(|parts| parts.decl.base = folder.into());
    }

    /// What tells the program's ends of feeds and queues that no process of the run lives any more: it is closed
    /// when the last of those that inherited it is gone.
    pub(crate) fn take_life(&self) -> Option<OwnedFd> {
        self.draft
            .edit(|parts| parts.life.take().map(|life| life.held))
    }

    /// The graph as written, for what resolves and runs it.
    ///
    /// Refused are handles that were mixed up: a stream of another graph, an agent on two workers, a
    /// window of no items, a loop that was not closed. Handles still held belong to nothing afterwards.
    pub fn into_decl(self) -> Result<GraphDecl, Refused> {
        let mut parts = self.draft.edit(std::mem::take);
        for agent in parts.open_loops {
            let name = &parts.decl.agents[agent].name;
            let open = Diagnostic::new(format!("the loop through `{}` is not closed", name.value))
                .at(name.span.clone(), "opened here");
            let help = "give it the stream that it follows: `feedback.close(&stream)`";
            parts.problems.push(open.help(help));
        }
        if parts.problems.is_empty() {
            return Ok(parts.decl);
        }
        Err(Refused {
            diagnostics: parts.problems,
            source: parts.decl.source,
        })
    }
}

/// A worker on which agents are placed.
pub struct Seats<'g> {
    draft: &'g Draft,
    worker: usize,
}

impl Seats<'_> {
    /// Pins the worker: a core's number, [`Core::Auto`] (the plan chooses; as without this) or
    /// [`Core::None`].
    pub fn core(self, core: impl Into<Core>) -> Self {
        let core = At::nowhere(core.into());
        self.edit(|worker| worker.core = core);
        self
    }

    /// Forgives the worker so many deaths without progress.
    pub fn restart(self, tries: u32) -> Self {
        self.edit(|worker| worker.restart = Some(At::nowhere(tries)));
        self
    }

    /// Places these agents on it, each known by its stream or sink. Agents placed nowhere are placed
    /// by the plan.
    #[track_caller]
    pub fn host<const N: usize>(self, agents: [&dyn Hosted; N]) -> Self {
        for agent in agents {
            self.place(agent.handle());
        }
        self
    }

    #[track_caller]
    fn place(&self, handle: &Handle) {
        let here = self.draft.here();
        if !handle.draft.is(self.draft) {
            return self.draft.foreign(handle, "is hosted here", here);
        }
        self.draft.edit(|parts| {
            let worker = parts.decl.workers[self.worker].name.value.clone();
            let agent = &mut parts.decl.agents[handle.agent];
            let before = agent.worker.replace(At::nowhere(worker.clone()));
            if let Some(before) = before.filter(|before| before.value != worker) {
                parts.problems.push(
                    Diagnostic::new(format!(
                        "the agent `{}` is placed on the workers `{}` and `{worker}`",
                        agent.name.value, before.value
                    ))
                    .at(here, "and here")
                    .help("an agent runs on one worker; host it once"),
                );
            }
        });
    }

    fn edit(&self, change: impl FnOnce(&mut WorkerDecl)) {
        self.draft
            .edit(|parts| change(&mut parts.decl.workers[self.worker]));
    }
}

/// A stream that leads back: readable now, fed later.
pub struct Feedback<T> {
    stream: Stream<T>,
}

impl<T: Item> Feedback<T> {
    /// The delayed stream.
    pub fn stream(&self) -> Stream<T> {
        self.stream.clone()
    }

    /// Feeds it from this stream, which may depend on it.
    #[track_caller]
    pub fn close(self, input: &Stream<T>) {
        let to = self.stream.handle();
        to.draft
            .edit(|parts| parts.open_loops.retain(|agent| *agent != to.agent));
        let input = to.draft.input(input.handle(), None);
        to.edit(|agent| agent.inputs.push(input));
    }
}

/// An agent known by what it left in the program's hands: its [`Stream`] or its
/// [`Sink`](crate::stream::Sink).
pub trait Hosted: Placed {
    /// Forgives the agent's worker so many deaths without progress.
    fn restart(&self, tries: u32) -> Self
    where
        Self: Sized + Clone,
    {
        self.handle()
            .edit(|agent| agent.restart = Some(At::nowhere(tries)));
        self.clone()
    }

    /// Says what happens to an item that kills the agent's worker again and again.
    fn on_error(&self, what: OnError) -> Self
    where
        Self: Sized + Clone,
    {
        self.handle()
            .edit(|agent| agent.on_error = Some(At::nowhere(what)));
        self.clone()
    }
}

impl<H: Placed> Hosted for H {}

#[cfg(test)]
mod tests;
