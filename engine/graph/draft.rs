//! A graph while it is put together: what its handles share, and how each adds to it.
//!
//! Every call of the program is a place, as a line of a graph file is one: what is refused names it.

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use thalweg_worker::agent::Blueprint;
use thalweg_worker::types::ItemType;

use crate::decl::{AgentDecl, At, Claim, GraphDecl, InputDecl, Span, StreamDecl, WorkDecl};
use crate::diag::Diagnostic;
use crate::ops::Op;
use crate::program::Error;
use crate::resolve::names::{AGENT_NAME, misnamed};

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
    pub(super) agent: usize,
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
const OURS: &str = file!().split_at(file!().len() - "/graph/draft.rs".len()).0;

/// A graph being made, shared by all handles on it.
#[derive(Clone, Default)]
pub(crate) struct Draft {
    parts: Rc<RefCell<Parts>>,
}

#[derive(Default)]
pub(crate) struct Parts {
    pub(super) decl: GraphDecl,
    pub(super) problems: Vec<Diagnostic>,
    /// Agents that were made by [`Graph::feedback`](super::Graph::feedback) and read nothing yet.
    pub(super) open_loops: Vec<usize>,
    /// What goes before the names of agents now: `left.`, `left.inner.`.
    scope: String,
    pub(super) life: Option<Life>,
}

/// A pipe that nobody writes to: its reading end is hung up when all who hold the other one are gone.
pub(super) struct Life {
    watched: Arc<OwnedFd>,
    pub(super) held: OwnedFd,
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
    pub(super) fn scoped<R>(&self, name: &str, make: impl FnOnce() -> R) -> R {
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

    pub(super) fn foreign(&self, handle: &Handle, what: &str, here: Span) {
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

    pub(super) fn is(&self, other: &Draft) -> bool {
        Rc::ptr_eq(&self.parts, &other.parts)
    }

    pub(super) fn edit<R>(&self, change: impl FnOnce(&mut Parts) -> R) -> R {
        change(&mut self.parts.borrow_mut())
    }
}
