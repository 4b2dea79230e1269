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

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use thalweg_worker::agent::Blueprint;
use thalweg_worker::closures::{self, Feed};
use thalweg_worker::op::Value;
use thalweg_worker::types::{Item, ItemType};

use crate::decl::{
    AgentDecl, At, Claim, Core, GraphDecl, InputDecl, OnError, SourceText, Span, StreamDecl,
    WorkDecl, WorkerDecl,
};
use crate::diag::{Diagnostic, Refused};
use crate::ops::{Kind, Op, Source, op};
use crate::program::Error;
use crate::resolve::names::{AGENT_NAME, misnamed};
use crate::stream::Stream;

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

/// Knows its agent. Only this crate's handles do.
pub trait Placed {
    #[doc(hidden)]
    fn handle(&self) -> &Handle;
}

/// An agent's place in the graph being made, and the stream that is meant.
#[doc(hidden)]
#[derive(Clone)]
pub struct Handle {
    pub(crate) draft: Draft,
    agent: usize,
    stream: String,
}

impl Handle {
    /// The stream's name: `AGENT` or `AGENT.PORT`.
    pub(crate) fn stream(&self) -> &str {
        &self.stream
    }

    /// One of the agent's other streams.
    pub(crate) fn port(&self, port: &str) -> Handle {
        let agent = self.edit(|agent| agent.name.value.clone());
        Handle {
            stream: format!("{agent}.{port}"),
            ..self.clone()
        }
    }

    pub(crate) fn edit<R>(&self, change: impl FnOnce(&mut AgentDecl) -> R) -> R {
        self.draft
            .edit(|parts| change(&mut parts.decl.agents[self.agent]))
    }

    /// Writes down what the program takes the stream to hold.
    pub(crate) fn claim(&self, item_type: ItemType) {
        let stream = self.stream.clone();
        self.draft
            .edit(|parts| parts.decl.claims.push(Claim { stream, item_type }));
    }

    /// Changes the settings of the stream, which is written down on its first change.
    pub(crate) fn edit_stream(&self, change: impl FnOnce(&mut StreamDecl)) {
        self.draft.edit(|parts| {
            let streams = &mut parts.decl.streams;
            let known = streams.iter().position(|s| s.name.value == self.stream);
            let index = known.unwrap_or_else(|| {
                streams.push(StreamDecl {
                    name: At::nowhere(self.stream.clone()),
                    capacity: None,
                    overflow: At::nowhere(crate::decl::Overflow::default()),
                });
                streams.len() - 1
            });
            change(&mut streams[index]);
        });
    }
}

/// What an agent of a draft does.
#[doc(hidden)]
pub enum Work {
    /// An operator of the table, with the inputs it brings along.
    Op(Op),
    /// An agent around a closure.
    Native {
        kind: &'static str,
        /// See [`WorkDecl::Native`].
        step: Option<u64>,
        /// `None` where it could not be made, which is noted as a problem.
        blueprint: Option<Blueprint>,
    },
}

/// The folder of this crate's sources, as the compiler calls it.
const OURS: &str = file!().split_at(file!().len() - "/graph.rs".len()).0;

/// A graph being made, shared by all handles on it.
#[derive(Clone, Default)]
pub(crate) struct Draft {
    parts: Rc<RefCell<Parts>>,
}

#[derive(Default)]
pub(crate) struct Parts {
    decl: GraphDecl,
    problems: Vec<Diagnostic>,
    /// Agents that were made by [`Graph::feedback`] and read nothing yet.
    open_loops: Vec<usize>,
    /// What goes before the names of agents now: `left.`, `left.inner.`.
    scope: String,
    life: Option<Life>,
}

/// A pipe that nobody writes to: its reading end is hung up when all who hold the other one are gone.
struct Life {
    watched: Arc<OwnedFd>,
    held: OwnedFd,
}

impl Draft {
    /// Adds an agent that reads `inputs`, then what its operator brings along.
    #[track_caller]
    pub fn agent(&self, name: &str, work: Work, inputs: Vec<InputDecl>) -> Handle {
        let here = self.here();
        let at = |value| At::new(value, here.clone());
        let mut inputs = inputs;
        // They may have been made where no call of the program can be seen.
        for input in &mut inputs {
            input.stream.span = here.clone();
        }
        let (mut dtype, mut units) = (None, Vec::new());
        let work = match work {
            Work::Native {
                kind,
                step,
                blueprint,
            } => WorkDecl::Native {
                kind,
                step,
                blueprint: RefCell::new(blueprint),
            },
            Work::Op(op) => {
                for (name, handle) in &op.inputs {
                    inputs.push(self.input(handle, name.clone()));
                }
                dtype = op.dtype.map(|dtype| At::new(dtype, here.clone()));
                units = op.units.into_iter().map(at).collect();
                let params = op.params.into_iter();
                WorkDecl::Op {
                    op: at(op.name),
                    params: params
                        .map(|(name, value)| (at(name), At::new(value, here.clone())))
                        .collect(),
                }
            }
        };
        let (agent, stream) = self.edit(|parts| {
            let name = format!("{}{name}", parts.scope);
            parts.decl.agents.push(AgentDecl {
                name: at(name.clone()),
                scope_len: parts.scope.len(),
                work,
                inputs,
                worker: None,
                dtype,
                units,
                restart: None,
                on_error: None,
            });
            (parts.decl.agents.len() - 1, name)
        });
        Handle {
            draft: self.clone(),
            agent,
            stream,
        }
    }

    /// The call of the program that we are in, as a place; nowhere, where the call is one of ours.
    #[track_caller]
    pub fn here(&self) -> Span {
        let site = Location::caller();
        if Path::new(site.file()).starts_with(OURS) {
            return 0..0;
        }
        self.edit(|parts| {
            let source = parts.decl.source.as_mut();
            source.map_or(0..0, |source| source.keep_site(site))
        })
    }

    /// Calls `make` with `name.` before the names of agents.
    #[track_caller]
    fn scoped<R>(&self, name: &str, make: impl FnOnce() -> R) -> R {
        if let Some(why) = misnamed(name, AGENT_NAME) {
            let shown = name.escape_debug();
            let problem = Diagnostic::new(format!("`{shown}` cannot name a scope: {why}"));
            self.problem(problem.at(self.here(), why));
        }
        let outer = self.edit(|parts| {
            let inner = format!("{}{name}.", parts.scope);
            std::mem::replace(&mut parts.scope, inner)
        });
        let made = make();
        self.edit(|parts| parts.scope = outer);
        made
    }

    /// An input from this stream; a stream of another graph is noted as a problem.
    #[track_caller]
    pub fn input(&self, from: &Handle, name: Option<String>) -> InputDecl {
        self.input_at(from, name, self.here())
    }

    /// As [`Draft::input`], where the call of the program is known.
    fn input_at(&self, from: &Handle, name: Option<String>, here: Span) -> InputDecl {
        if !from.draft.is(self) {
            self.foreign(from, "is read here", here.clone());
        }
        InputDecl {
            stream: At::new(from.stream.clone(), here),
            name,
        }
    }

    /// Inputs from these streams.
    #[track_caller]
    pub fn inputs<'a>(&self, from: impl IntoIterator<Item = &'a Handle>) -> Vec<InputDecl> {
        let here = self.here();
        let input = |handle| self.input_at(handle, None, here.clone());
        from.into_iter().map(input).collect()
    }

    /// Shows to feeds and queues whether the run lives.
    pub fn life(&self) -> crate::Result<Arc<OwnedFd>> {
        self.edit(|parts| {
            if let Some(life) = &parts.life {
                return Ok(life.watched.clone());
            }
            let (watched, held) = pipe2(OFlag::O_CLOEXEC)
                .map_err(|error| Error::Environment(format!("a pipe: {}", error.desc())))?;
            let watched = Arc::new(watched);
            parts.life = Some(Life {
                watched: watched.clone(),
                held,
            });
            Ok(watched)
        })
    }

    /// A name that no agent has: the stem, or the stem and a number. Names differ in more than case.
    pub fn fresh(&self, stem: &str) -> String {
        self.edit(|parts| {
            let agents = &parts.decl.agents;
            let is_taken = |name: &str| {
                let whole = format!("{}{name}", parts.scope);
                agents
                    .iter()
                    .any(|agent| agent.name.value.eq_ignore_ascii_case(&whole))
            };
            let numbered = (2..).map(|n: u64| format!("{stem}{n}"));
            let mut names = std::iter::once(stem.to_owned()).chain(numbered);
            names.find(|name| !is_taken(name)).unwrap_or_default()
        })
    }

    /// Notes what `into_decl` will refuse.
    pub fn problem(&self, problem: Diagnostic) {
        self.edit(|parts| parts.problems.push(problem));
    }

    fn foreign(&self, handle: &Handle, what: &str, here: Span) {
        let home = handle.draft.edit(|parts| parts.decl.name.clone());
        let own = self.edit(|parts| parts.decl.name.clone());
        self.problem(
            Diagnostic::new(format!(
                "`{}` {what}, in the graph `{own}`, and belongs to the graph `{home}`",
                handle.stream
            ))
            .at(here, "here")
            .help("streams join agents of one graph: make both with the same `Graph`"),
        );
    }

    fn is(&self, other: &Draft) -> bool {
        Rc::ptr_eq(&self.parts, &other.parts)
    }

    fn edit<R>(&self, change: impl FnOnce(&mut Parts) -> R) -> R {
        change(&mut self.parts.borrow_mut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decl::{Capacity, Overflow};
    use crate::prelude::*;
    use crate::resolve::resolve;

    /// The agents in one line each: `NAME: WORK(INPUTS) @ WORKER`.
    fn lines(decl: &GraphDecl) -> Vec<String> {
        decl.agents.iter().map(line).collect()
    }

    fn line(agent: &AgentDecl) -> String {
        let work = match &agent.work {
            WorkDecl::Native { kind, step, .. } => {
                let step = step.map_or("".to_owned(), |step| format!(" per {step}"));
                format!("{{{kind}{step}}}")
            }
            WorkDecl::Op { op, params } => {
                let params = params
                    .iter()
                    .map(|(name, value)| format!(" {}={:?}", name.value, value.value));
                let dtype = agent.dtype.as_ref().map(|d| format!(" dtype={}", d.value));
                let params: String = params.chain(dtype).collect();
                format!("{}{params}", op.value)
            }
        };
        let inputs = agent.inputs.iter().map(|input| match &input.name {
            Some(name) => format!("{name}={}", input.stream.value),
            None => input.stream.value.clone(),
        });
        let inputs: Vec<String> = inputs.collect();
        let worker = agent.worker.as_ref();
        let worker = worker.map_or(String::new(), |w| format!(" @ {}", w.value));
        let name = &agent.name.value;
        format!("{name}: {work}({}){worker}", inputs.join(", "))
    }

    fn refusals(graph: Graph) -> Vec<String> {
        let refused = graph.into_decl().unwrap_err();
        refused.diagnostics.into_iter().map(|d| d.message).collect()
    }

    #[test]
    fn a_program_makes_what_a_graph_file_makes() {
        let mut g = Graph::new("smooth");
        let raw = g.source("sensor", ops::sine(1_000.0).rate(48_000.0));
        let mean = raw
            .window(8)
            .step(4)
            .map("mean", |w: &[f64]| w.iter().sum::<f64>() / 8.0);
        let total = mean.scan("total", 0.0, |acc: &mut f64, x| {
            *acc += x;
            *acc
        });
        total.sink("print", |x| println!("{x}"));
        g.worker("front").core(0).host([&raw]);
        g.worker("back").core(1).restart(5).host([&mean, &total]);

        let decl = g.into_decl().unwrap();
        assert_eq!(decl.name, "smooth");
        assert_eq!(
            lines(&decl),
            [
                "sensor: sine freq=Float(1000.0) rate=Float(48000.0) dtype=f64() @ front",
                "mean: {window per 4}(sensor) @ back",
                "total: {scan per 1}(mean) @ back",
                "print: {sink}(total)",
            ]
        );
        let workers = decl.workers.iter();
        let workers: Vec<_> = workers
            .map(|w| (w.name.value.as_str(), w.core.value))
            .collect();
        assert_eq!(
            workers,
            [("front", Core::Number(0)), ("back", Core::Number(1))]
        );
        assert_eq!(decl.workers[1].restart, Some(At::nowhere(5)));
    }

    #[test]
    fn several_streams_meet_and_part() {
        let mut g = Graph::new("meet");
        let a = g.source("a", vec![1.0, 2.0, 3.0]);
        let b = g.source("b", from_iter(|| 0..10u32).rate(50.0));
        let c = g.source("c", ops::constant(2.0).dtype::<f32>());
        a.zip(&b).map("two", |a, b| a * f64::from(b));
        a.zip(&b).zip(&c).map("three", |a, _, c| a * f64::from(c));
        a.weave("turns", [&a.delay("late", 3), &a]);
        a.merge("any", [&a]);
        let (_, odd) = b.split("parity", |x| x.is_multiple_of(2));
        let (low, high) = odd.unzip("bytes", |x| (x as u8, (x >> 8) as u8));
        high.sink("high", |_| {});
        low.write("low", ops::print().every(2));
        let sum: Stream<f64> = a.apply("sum", op("zip").with_as("other", &c));
        assert_eq!(sum.name(), "sum");

        assert_eq!(
            lines(&g.into_decl().unwrap()),
            [
                "a: {from_fn}()",
                "b: {from_iter}()",
                "c: const value=Float(2.0) dtype=f32()",
                "two: {zip per 1}(a, b)",
                "three: {zip per 1}(a, b, c)",
                "late: delay items=Int(3)(a)",
                "turns: {weave}(a, late, a)",
                "any: merge(a, a)",
                "parity: {split}(b)",
                "bytes: {unzip per 1}(parity.no)",
                "high: {sink}(bytes.b)",
                "low: print every=Int(2)(bytes.a)",
                "sum: zip(a, other=c)",
            ]
        );
    }

    #[test]
    fn rows_are_of_items_and_of_windows() {
        let mut g = Graph::new("rows");
        let a = g.source("a", vec![1.0, 2.0, 3.0]);
        let b = g.source("b", from_iter(|| 0..10u32));
        zip((&a, b.window(3).step(2), &a)).map("mixed", |(x, w, _)| x + f64::from(w[2]));
        zip([&a, &a.delay("late", 1)]).flat_map("both", |pair: [f64; 2]| pair);
        zip((a.window(4).step(2), b.window(3))).scan("last", 0.0, |sum: &mut f64, (v, w)| {
            *sum += v[3] * f64::from(w[2]);
            *sum
        });
        let (_, big) = zip((&a, &b)).unzip("parts", |(x, n)| (x, (n > 5).then_some(n)));
        big.changes("new").sink("end", |_| {});
        let [low, high] = a.unzip("cut", |x| [x.min(0.0), x.max(0.0)]);
        a.zip_all(&[low, high])
            .map("sum", |x: Vec<f64>| x.iter().sum::<f64>());
        a.window(2)
            .growing()
            .with_state(0u64)
            .sink("count", |n, w| *n += w.len() as u64);
        b.route("third", 3, |x| *x as usize % 3);
        b.weave_runs("pairs", 2, [(&b, 1)]);
        assert_eq!(
            lines(&g.into_decl().unwrap()),
            [
                "a: {from_fn}()",
                "b: {from_iter}()",
                "mixed: {zip per 1}(a, b, a)",
                "late: delay items=Int(1)(a)",
                "both: {zip}(a, late)",
                "last: {zip per 2}(a, b)",
                "parts: {zip}(a, b)",
                "new: {window}(parts.b)",
                "end: {sink}(new)",
                "cut: {unzip per 1}(a)",
                "sum: {zip per 1}(a, cut.0, cut.1)",
                "count: {window}(a)",
                "third: {route}(b)",
                "pairs: {weave}(b, b)",
            ]
        );
    }

    #[test]
    fn operators_make_agents_with_names_of_their_own() {
        let mut g = Graph::new("sums");
        let a = g.source("a", vec![1.0, 2.0, 3.0]);
        let b = g.source("Add", vec![5.0]);
        let sum = &a + &b;
        let ratio: Stream<f64> = (2.0 * sum - 1.0) / -&a;
        ratio.gt(&b).sink("end", |_| {});
        assert_eq!(
            lines(&g.into_decl().unwrap()),
            [
                "a: {from_fn}()",
                "Add: {from_fn}()",
                "add2: {zip per 1}(a, Add)",
                "mul: {map per 1}(add2)",
                "sub: {map per 1}(mul)",
                "neg: {map per 1}(a)",
                "div: {zip per 1}(sub, neg)",
                "gt: {zip per 1}(div, Add)",
                "end: {sink}(gt)",
            ]
        );
    }

    #[test]
    fn windows_that_are_none_are_refused_wherever_they_stand() {
        let mut g = Graph::new("none");
        let x = g.source("x", vec![1.0]);
        zip((&x, x.window(0))).map("pairs", |(x, _)| x);
        zip([x.window(3).step(0), x.window(3)]).map("list", |[w, _]| w[0]);
        x.striding("far", 0, (), |(), w: &[f64]| (Some(w[0]), 1));
        let growth = Growth {
            min: 3,
            max: 2,
            step: 1,
        };
        x.dynamic_window("tide", growth, (), |(), w: &[f64]| (w[0], false));
        let timed = x.map("timed", |seconds| Timed {
            seconds,
            value: seconds,
        });
        timed.timed_window(0.0).map("second", |w| w[0].value);
        timed
            .timed_window(1.0)
            .wait(-1.0)
            .map("late", |w| w[0].value);
        assert_eq!(
            refusals(g),
            [
                "`pairs` is a window of 0 items every 1 items; both must be at least 1",
                "`list` is a window of 3 items every 0 items; both must be at least 1",
                "`far` is a window of 0 items every 1 items; both must be at least 1",
                "`tide` grows from 3 to 2 items by 1; all must be at least 1, and the first not above the second",
                "`second` is windows of 0 s every 0 s from 0 s on, with a wait of 0 s, of at most 16384 items",
                "`late` is windows of 1 s every 1 s from 0 s on, with a wait of -1 s, of at most 16384 items",
            ]
        );
    }

    #[test]
    fn a_closure_agent_has_the_item_types_of_its_closure() {
        let mut g = Graph::new("types");
        let a = g.source("a", from_fn(|n| Some(n as f32)));
        a.map("pair", |x| [f64::from(x), 0.0]);
        let decl = g.into_decl().unwrap();
        let WorkDecl::Native { blueprint, .. } = &decl.agents[1].work else {
            panic!("a closure's agent is native");
        };
        let blueprint = blueprint.take().unwrap();
        assert_eq!(blueprint.inputs[0].item_type.to_string(), "f32");
        assert_eq!(blueprint.outputs[0].item_type.to_string(), "f64[2]");
    }

    #[test]
    fn a_cycle_is_closed_through_a_delay() {
        let mut g = Graph::new("echo");
        let x = g.source("x", ops::counter().items(5).dtype::<f64>());
        let back = g.feedback::<f64>("back", 2, 0.0);
        let echo = x.zip(&back.stream()).map("echo", |x, y| x + y / 2.0);
        back.close(&echo);
        assert_eq!(
            lines(&g.into_decl().unwrap()),
            [
                "x: counter items=Int(5) dtype=f64()",
                "back: delay items=Int(2) initial=Float(0.0) dtype=f64(echo)",
                "echo: {zip per 1}(x, back)",
            ]
        );
    }

    #[test]
    fn a_cycle_that_is_not_closed_is_refused() {
        let mut g = Graph::new("open");
        let [left, right] = ["left", "right"].map(|name| g.feedback::<f64>(name, 1, 0.0));
        right.close(&left.stream());
        assert_eq!(refusals(g), ["the loop through `left` is not closed"]);
    }

    #[test]
    fn settings_of_a_stream_and_of_an_agent_are_written_down_once() {
        let mut g = Graph::new("settings");
        let x = g
            .source("x", ops::counter())
            .capacity(4096)
            .overflow(Overflow::Latest)
            .restart(2)
            .on_error(OnError::Skip);
        x.sink("end", |_| {}).restart(1);
        let decl = g.into_decl().unwrap();
        let [stream] = &decl.streams[..] else {
            panic!("one stream has settings: {:?}", decl.streams);
        };
        assert_eq!(stream.name.value, "x");
        assert_eq!(stream.capacity, Some(At::nowhere(Capacity::Items(4096))));
        assert_eq!(stream.overflow.value, Overflow::Latest);
        assert_eq!(decl.agents[0].restart, Some(At::nowhere(2)));
        assert_eq!(decl.agents[0].on_error, Some(At::nowhere(OnError::Skip)));
        assert_eq!(decl.agents[1].restart, Some(At::nowhere(1)));
    }

    #[test]
    fn handles_that_are_mixed_up_are_refused_and_named() {
        let mut other = Graph::new("other");
        let foreign = other.source("foreign", ops::counter());
        let mut g = Graph::new("here");
        let x = g.source("x", ops::counter());
        x.zip(&foreign).map("pairs", |a, b| a + b);
        g.worker("front").host([&foreign, &x]);
        g.worker("back").host([&x]);
        x.window(0).map("nothing", |w: &[i64]| w[0]);
        assert_eq!(
            refusals(g),
            [
                "`foreign` is read here, in the graph `here`, and belongs to the graph `other`",
                "`foreign` is hosted here, in the graph `here`, and belongs to the graph `other`",
                "the agent `x` is placed on the workers `front` and `back`",
                "`nothing` is a window of 0 items every 1 items; both must be at least 1",
            ]
        );
    }

    #[test]
    fn types_and_rates_travel_through_closures() {
        let mut g = Graph::new("rates");
        let raw = g.source("raw", ops::sine(1_000.0).rate(48_000.0).dtype::<f32>());
        let mean = raw.window(8).step(4).map("mean", |w: &[f32]| w[0]);
        let wide = mean.map("wide", f64::from);
        let half = wide.apply("half", ops::decimate(2));
        let some = half.filter("some", |x| *x > 0.0);
        half.zip(&some)
            .map("pair", |a, b| [a, b])
            .sink("end", |_| {});
        let (resolved, warnings) = resolve(g.into_decl().unwrap()).unwrap();
        assert_eq!(warnings, []);
        let streams = resolved.streams.iter().map(|s| {
            let rate = s.rate.map_or("unknown".to_owned(), |rate| rate.to_string());
            format!("{}: {} at {rate}", s.name, s.item_type)
        });
        let mut streams: Vec<String> = streams.collect();
        streams.sort();
        assert_eq!(
            streams,
            [
                "half: f64 at 6000",
                "mean: f32 at 12000",
                "pair: f64[2] at 6000",
                "raw: f32 at 48000",
                "some: f64 at unknown",
                "wide: f64 at 12000",
            ]
        );
    }

    #[test]
    fn what_is_made_within_scopes_has_their_names() {
        fn pass(x: &Stream<f64>) -> Stream<f64> {
            let y = x.map("y", |x| x);
            &y + 1.0
        }
        let mut g = Graph::new("scopes");
        let x = g.source("x", vec![1.0]);
        let left = g.scope("left", |_| pass(&x));
        let right = g.scope("right", |g| g.scope("inner", |_| pass(&left)));
        right.sink("y", |_| {});
        let decl = g.into_decl().unwrap();
        assert_eq!(
            lines(&decl),
            [
                "x: {from_fn}()",
                "left.y: {map per 1}(x)",
                "left.add: {map per 1}(left.y)",
                "right.inner.y: {map per 1}(left.add)",
                "right.inner.add: {map per 1}(right.inner.y)",
                "y: {sink}(right.inner.add)",
            ]
        );
        resolve(decl).unwrap();
    }

    #[test]
    fn names_that_scopes_cannot_have_are_refused() {
        let mut g = Graph::new("scopes");
        g.scope("a.b", |_| ());
        assert!(refusals(g)[0].contains("`a.b` cannot name a scope"));

        let refused = |make: fn(&mut Graph, &Stream<f64>)| {
            let mut g = Graph::new("scopes");
            let x = g.source("x", vec![1.0]);
            make(&mut g, &x);
            let refused = resolve(g.into_decl().unwrap()).unwrap_err();
            let first = &refused.diagnostics[0];
            format!(
                "{} / {}",
                first.message,
                first.help.as_deref().unwrap_or("")
            )
        };
        let twice = refused(|g, x| {
            g.scope("s", |_| x.sink("y", |_| {}));
            g.scope("s", |_| x.sink("y", |_| {}));
        });
        assert!(twice.contains("two agents are called `s.y`"), "{twice}");
        assert!(twice.contains("g.scope("), "{twice}");
        let taken = refused(|g, x| {
            g.scope("x", |_| x.sink("y", |_| {}));
        });
        assert!(taken.contains("`x` is called as a scope"), "{taken}");
        let dotted = refused(|g, x| {
            g.scope("s", |_| x.sink("y.z", |_| {}));
        });
        assert!(dotted.contains("cannot name an agent"), "{dotted}");
        let long = refused(|g, x| {
            let name = "s".repeat(40);
            g.scope(&name, |_| x.sink(&"y".repeat(40), |_| {}));
        });
        assert!(long.contains("at most 64"), "{long}");
    }

    #[test]
    fn every_method_that_names_an_agent_tells_who_called_it() {
        let sources = [
            include_str!("graph.rs"),
            include_str!("stream.rs"),
            include_str!("text.rs"),
            include_str!("trigger.rs"),
            include_str!("joins.rs"),
            include_str!("rows.rs"),
            include_str!("timed.rs"),
        ];
        let mut seen = 0;
        for source in sources {
            let ours = source.split("#[cfg(test)]").next().unwrap();
            let lines: Vec<&str> = ours.lines().collect();
            for (nth, line) in lines.iter().enumerate() {
                let signature: String = lines[nth..].iter().take(12).copied().collect();
                let head = signature.split('{').next().unwrap();
                let is_made = [
                    "Stream<",
                    "Sink",
                    "Streams",
                    "Collected<",
                    "Feedback<",
                    "Queue<",
                ];
                if line.trim_start().starts_with("pub fn ")
                    && head.contains("name: &str")
                    && is_made.iter().any(|made| head.contains(made))
                {
                    seen += 1;
                    assert_eq!(lines[nth - 1].trim(), "#[track_caller]", "{line}");
                }
            }
        }
        assert!(seen > 40, "{seen}");
    }

    #[test]
    fn a_stream_of_another_type_than_the_closure_takes_is_refused() {
        let mut g = Graph::new("types");
        let x: Stream<f64> = g.source("x", op("counter").dtype::<u8>());
        x.map("double", |x| 2.0 * x).sink("end", |_| {});
        let named_alike = g.source("x", ops::counter());
        named_alike.sink("End", |_| {});
        let refused = resolve(g.into_decl().unwrap()).unwrap_err();
        let messages: Vec<&str> = refused
            .diagnostics
            .iter()
            .map(|d| d.message.as_str())
            .collect();
        for words in [
            ["`double`", "f64", "u8"],
            ["`x`", "`x`", ""],
            ["`End`", "`end`", ""],
        ] {
            assert!(
                messages.iter().any(|m| words.iter().all(|w| m.contains(w))),
                "{words:?} in {messages:#?}"
            );
        }
    }

    #[test]
    fn a_cycle_carries_the_type_of_its_closures() {
        let mut g = Graph::new("cycle");
        let x = g.source("x", ops::counter().dtype::<f32>());
        let back = g.feedback::<f32>("back", 2, 0.0);
        let echo = x.zip(&back.stream()).map("echo", |x, y| x + y / 2.0);
        echo.write("end", ops::null());
        back.close(&echo);
        let (resolved, _) = resolve(g.into_decl().unwrap()).unwrap();
        let back = resolved.streams.iter().find(|s| s.name == "back").unwrap();
        assert_eq!(back.item_type.to_string(), "f32");
    }
}
