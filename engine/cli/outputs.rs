//! What a graph writes, and what of it must come out the same each time.

use std::collections::BTreeMap;
use std::path::Path;

use thalweg_worker::agent::{Ends, Outside};
use thalweg_worker::op::{Arity, ParamDef, ParamKind, Value};
use thalweg_worker::operators;

use crate::decl::{AgentDecl, GraphDecl, Overflow, WorkDecl};
use crate::resolved::{AgentIx, Resolved};

/// A file that an agent writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The agent.
    pub agent: String,
    /// The parameter that names it.
    param: String,
    /// As the graph names it.
    pub path: String,
    /// What it is called in a folder of ours: the same name behind a number.
    pub file: String,
}

/// The files a graph writes, as written there.
pub fn of(graph: &GraphDecl) -> Vec<Output> {
    let mut outputs = Vec::new();
    for agent in &graph.agents {
        for (param, path) in written(agent) {
            let name = Path::new(path).file_name().unwrap_or_default();
            outputs.push(Output {
                agent: agent.name.value.clone(),
                param: param.to_owned(),
                path: path.to_owned(),
                file: format!("{}-{}", outputs.len(), name.to_string_lossy()),
            });
        }
    }
    outputs
}

/// The parameters of an agent that name files to write; `-` is none.
fn written(agent: &AgentDecl) -> impl Iterator<Item = (&str, &str)> {
    let (op, params) = match &agent.work {
        WorkDecl::Op { op, params } => (operators::find(&op.value), &params[..]),
        WorkDecl::Native { .. } => (None, &[][..]),
    };
    let is_file = move |param: &str| {
        let params = op.map_or(&[][..], |op| op.params);
        let def = params.iter().find(|def| def.name == param);
        def.is_some_and(|def| def.kind == ParamKind::WritePath)
    };
    params
        .iter()
        .filter_map(move |(param, value)| match &value.value {
            Value::Text(path) if path != "-" && is_file(&param.value) => {
                Some((param.value.as_str(), path.as_str()))
            }
            _ => None,
        })
}

/// True if an operator writes to a file that it names, be it standard output.
pub fn is_file_writer(op: &str) -> bool {
    let params = operators::find(op).map_or(&[][..], |op| op.params);
    params.iter().any(|def| def.kind == ParamKind::WritePath)
}

/// The agents that send to another program, each with its operator: writers that name no file.
pub fn senders(graph: &GraphDecl) -> Vec<(String, String)> {
    let op = |agent: &AgentDecl| match &agent.work {
        WorkDecl::Op { op, .. } => Some(op.value.clone()),
        WorkDecl::Native { .. } => None,
    };
    let is_sender = |op: &String| op.ends_with(".write") && !is_file_writer(op);
    let agents = graph.agents.iter();
    agents
        .filter_map(|agent| Some((agent.name.value.clone(), op(agent).filter(is_sender)?)))
        .collect()
}

/// Has the graph write to `folder` instead.
pub fn redirect(graph: &mut GraphDecl, outputs: &[Output], folder: &Path) {
    for agent in &mut graph.agents {
        let WorkDecl::Op { params, .. } = &mut agent.work else {
            continue;
        };
        let own = outputs.iter().filter(|o| o.agent == agent.name.value);
        for output in own {
            let named = params
                .iter_mut()
                .filter(|(name, _)| name.value == output.param);
            for (_, value) in named {
                let path = folder.join(&output.file);
                value.value = Value::Text(path.to_string_lossy().into_owned());
            }
        }
    }
}

/// The agents whose items depend on timing, each with the reason: itself, or one above it.
pub fn by_chance(graph: &Resolved) -> BTreeMap<String, String> {
    let mut why: Vec<Option<String>> = graph.agents.iter().map(|_| None).collect();
    // Once more for every agent is enough for any order of them, cycles included.
    for _ in &graph.agents {
        for agent in 0..graph.agents.len() {
            if why[agent].is_none() {
                why[agent] = reason(graph, agent, &why);
            }
        }
    }
    let named = graph.agents.iter().zip(why);
    named
        .filter_map(|(agent, why)| Some((agent.name.clone(), why?)))
        .collect()
}

fn reason(graph: &Resolved, agent: AgentIx, why: &[Option<String>]) -> Option<String> {
    let here = &graph.agents[agent];
    if !here.blueprint.deterministic {
        return Some(format!(
            "`{}` ({}) is not deterministic",
            here.name, here.op
        ));
    }
    here.inputs.iter().find_map(|&s| {
        let stream = &graph.streams[s];
        match stream.overflow {
            Overflow::Block => why[stream.producer.0].clone(),
            _ => Some(format!("stream `{}` may lose items", stream.name)),
        }
    })
}

/// The operators that may be done before what they read is.
const END_EARLY: [&str; 3] = ["head", "take_while", "join"];

/// The sources that make so many `items` as they are told, and were not told how many.
pub fn endless(graph: &GraphDecl) -> Vec<String> {
    let is_endless = |agent: &&AgentDecl| match &agent.work {
        WorkDecl::Op { op, params } => operators::find(&op.value).is_some_and(|op| {
            let counts = |def: &ParamDef| def.name == "items" && def.kind == ParamKind::Length;
            let given = params.iter().any(|(name, _)| name.value == "items");
            op.inputs == Arity::Source && op.params.iter().any(counts) && !given
        }),
        WorkDecl::Native { .. } => false,
    };
    let agents = graph.agents.iter().filter(is_endless);
    agents.map(|agent| agent.name.value.clone()).collect()
}

/// Of these sources one whose items reach a sink without anything between them that may end.
pub fn unended(graph: &Resolved, endless: &[String]) -> Option<String> {
    let agents = &graph.agents;
    let mut from: Vec<Option<&String>> = agents
        .iter()
        .map(|agent| endless.iter().find(|name| **name == agent.name))
        .collect();
    // Once more for every agent is enough for any order of them, cycles included.
    for _ in agents {
        for (nth, agent) in agents.iter().enumerate() {
            let mut above = agent
                .inputs
                .iter()
                .map(|&s| from[graph.streams[s].producer.0]);
            let goes_on = match agent.blueprint.ends {
                Ends::AllInputs => above.find_map(|source| source),
                Ends::AnyInput => above
                    .collect::<Option<Vec<_>>>()
                    .and_then(|all| all.first().copied()),
            };
            let op = agent.op.as_str();
            if operators::find(op).is_some() && !END_EARLY.contains(&op) {
                from[nth] = from[nth].or(goes_on);
            }
        }
    }
    let sinks = agents
        .iter()
        .zip(from)
        .filter(|(agent, _)| agent.outputs.is_empty());
    sinks.filter_map(|(_, source)| source).next().cloned()
}

/// The sources whose items come only once (standard input, a pipe, a socket), each with what it holds on to.
pub fn readable_once(graph: &Resolved) -> Vec<(String, String)> {
    let once = graph.agents.iter().filter_map(|agent| {
        let blueprint = &agent.blueprint;
        match blueprint.agent.outside(&blueprint.state.init) {
            Outside::Once { name } => Some((agent.name.clone(), name)),
            _ => None,
        }
    });
    once.collect()
}
