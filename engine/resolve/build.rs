//! Each agent is made with the types and rates that its inputs have.

use std::collections::BTreeMap;
use std::path::PathBuf;

use thalweg_worker::agent::{Blueprint, InPort, OutPort};
use thalweg_worker::connectors::advised;
use thalweg_worker::op::{Args, InputInfo, Naming, OpDef, OpError, ParamKind, Value, nearest};
use thalweg_worker::operators::elsewhere::word_here;
use thalweg_worker::types::ItemType;

use super::files;
use super::link::{Link, Reads, some_of};
use super::names::split_stream;
use super::order::Order;
use super::rates;
use super::units;
use crate::decl::{AgentDecl, At, GraphDecl, Span, WorkDecl};
use crate::diag::{Diagnostic, legible, place};
use crate::keys::{AGENT_KEYS, live_names};

/// How often a graph with cycles is built until its types settle.
const ROUNDS: usize = 8;

/// An agent as built.
pub(super) struct Built {
    /// `None` for an agent made in Rust: its blueprint is taken from the graph at the end.
    pub blueprint: Option<Blueprint>,
    /// It goes on with an item of any input.
    takes_any: bool,
    /// Its inputs as it declares them.
    pub inputs: Vec<InPort>,
    /// Its outputs as it declares them.
    pub outputs: Vec<OutPort>,
    /// What the numbers of each output measure.
    pub units: Vec<Option<String>>,
    /// Two of its inputs whose units should have been the same.
    pub clash: Option<(usize, usize)>,
    /// Files it writes: the parameter's place and the path.
    pub writes: Vec<(Span, PathBuf)>,
    /// Files it reads.
    pub reads: Vec<(Span, PathBuf)>,
}

/// What a stream carries.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Carries {
    pub(super) item_type: ItemType,
    pub(super) rate: Option<f64>,
    pub(super) unit: Option<String>,
}

/// What the delays that open cycles are taken to read, by agent.
type Assumed = BTreeMap<usize, Carries>;

/// Builds every agent that can be; `None` for one that cannot, or that reads from one that cannot.
pub(super) fn build(
    graph: &GraphDecl,
    links: &[Link],
    order: &Order,
    found: &mut Vec<Diagnostic>,
) -> Vec<Option<Built>> {
    let (mut built, mut findings) = settle(graph, links, order, &ItemType::F64);
    if !findings.is_empty() && order.opens_cycle.contains(&true) {
        // f64 was a guess; what is around the cycle may be what goes through it.
        for guess in types_of(&built) {
            let (other, none) = settle(graph, links, order, &guess);
            if none.is_empty() {
                (built, findings) = (other, none);
                break;
            }
        }
    }
    found.append(&mut findings);
    built
}

/// The types of the streams there are, each once, but for f64.
fn types_of(built: &[Option<Built>]) -> Vec<ItemType> {
    const MOST: usize = 8;
    let mut types = Vec::new();
    for port in built.iter().flatten().flat_map(|built| &built.outputs) {
        let new = port.item_type != ItemType::F64 && !types.contains(&port.item_type);
        if new && types.len() < MOST {
            types.push(port.item_type.clone());
        }
    }
    types
}

/// Builds until what arrives at the delays that open cycles is what they were taken to read.
fn settle(
    graph: &GraphDecl,
    links: &[Link],
    order: &Order,
    guess: &ItemType,
) -> (Vec<Option<Built>>, Vec<Diagnostic>) {
    let mut assumed = first_guess(graph, order, guess);
    let mut round = 0;
    loop {
        round += 1;
        let mut found = Vec::new();
        let built = build_all(graph, links, order, &assumed, &mut found);
        idle_delays(graph, links, &built, &assumed, &mut found);
        let mut arrived = arriving(links, &assumed, &built);
        if round > ROUNDS / 2 {
            // A rate that changes on its way around a cycle is no rate.
            arrived.values_mut().for_each(|carries| carries.rate = None);
            assumed.values_mut().for_each(|carries| carries.rate = None);
        }
        if arrived == assumed || !found.is_empty() || round == ROUNDS {
            check_edges(graph, links, &built, &mut found);
            return (built, found);
        }
        assumed = arrived;
    }
}

/// True for a `delay` whose initial items are texts.
fn begins_with_text(agent: &AgentDecl) -> bool {
    let is_text = |value: &Value| match value {
        Value::Text(text) => Value::spelled(text).is_none(),
        _ => false,
    };
    let WorkDecl::Op { params, .. } = &agent.work else {
        return false;
    };
    let initial = params.iter().find(|(key, _)| key.value == "initial");
    initial.is_some_and(|(_, initial)| match &initial.value {
        Value::List(list) => list.iter().any(is_text),
        one => is_text(one),
    })
}

fn first_guess(graph: &GraphDecl, order: &Order, guess: &ItemType) -> Assumed {
    let opening = (0..graph.agents.len()).filter(|at| order.opens_cycle[*at]);
    opening
        .map(|at| {
            let dtype = graph.agents[at].dtype.as_ref();
            let item_type = match dtype {
                Some(dtype) => dtype.value.clone(),
                None if begins_with_text(&graph.agents[at]) => ItemType::Text,
                None => guess.clone(),
            };
            (
                at,
                Carries {
                    item_type,
                    rate: None,
                    unit: None,
                },
            )
        })
        .collect()
}

/// A delay of no items opens no cycle, unless an agent in it goes on without: each would wait for the other.
fn idle_delays(
    graph: &GraphDecl,
    links: &[Link],
    built: &[Option<Built>],
    assumed: &Assumed,
    found: &mut Vec<Diagnostic>,
) {
    for at in assumed.keys() {
        let agent = &graph.agents[*at];
        if built[*at].as_ref().is_some_and(|built| !starts(built)) && waits(links, built, *at) {
            let message = format!(
                "agent `{}` is in a cycle and delays by 0 items: nothing would ever start",
                agent.name.value
            );
            let idle = Diagnostic::new(message).at(agent.name.span.clone(), "`items` is 0");
            found.push(idle.help(
                "the agents of the cycle wait for each other's first item: give initial items (`items = 1`, `initial`), \
                 or let what comes from outside into the cycle by `merge`, which waits for no input",
            ));
        }
    }
}

/// It gives items before it takes any, or takes those of any input.
fn starts(built: &Built) -> bool {
    built.takes_any || built.outputs.iter().any(|out| out.ahead > 0)
}

/// Does an agent wait for itself, over agents that wait for what they read?
fn waits(links: &[Link], built: &[Option<Built>], from: usize) -> bool {
    let mut seen = vec![false; links.len()];
    let mut stack = vec![from];
    while let Some(at) = stack.pop() {
        for producer in links[at].inputs.iter().map(|reads| reads.producer) {
            if producer == from {
                return true;
            }
            let waits = built[producer].as_ref().is_some_and(|built| !starts(built));
            if waits && !std::mem::replace(&mut seen[producer], true) {
                stack.push(producer);
            }
        }
    }
    false
}

/// What really arrives at the delays that open cycles; as assumed where that cannot be known.
fn arriving(links: &[Link], assumed: &Assumed, built: &[Option<Built>]) -> Assumed {
    let at_delay = |(at, guess): (&usize, &Carries)| {
        let input = links[*at].inputs.first();
        let real = input.and_then(|reads| carried(built, reads));
        (*at, real.unwrap_or_else(|| guess.clone()))
    };
    assumed.iter().map(at_delay).collect()
}

pub(super) fn carried(built: &[Option<Built>], reads: &Reads) -> Option<Carries> {
    let producer = built[reads.producer].as_ref()?;
    let nth = port_of(producer, reads.port.as_deref())?;
    let port = &producer.outputs[nth];
    Some(Carries {
        item_type: port.item_type.clone(),
        rate: port.rate,
        unit: producer.units[nth].clone(),
    })
}

/// Which output a name means: none names the only one, or the one of several that has no name.
pub(super) fn port_of(producer: &Built, port: Option<&str>) -> Option<usize> {
    match port {
        None if producer.outputs.len() == 1 => Some(0),
        None => producer.outputs.iter().position(|out| out.name.is_empty()),
        Some("") => None,
        Some(port) => producer.outputs.iter().position(|out| out.name == port),
    }
}

fn build_all(
    graph: &GraphDecl,
    links: &[Link],
    order: &Order,
    assumed: &Assumed,
    found: &mut Vec<Diagnostic>,
) -> Vec<Option<Built>> {
    let mut built: Vec<Option<Built>> = graph.agents.iter().map(|_| None).collect();
    for &at in &order.agents {
        let agent = &graph.agents[at];
        let inputs = match assumed.get(&at) {
            Some(carries) => Ok(vec![carries.clone()]),
            None => inputs_of(graph, links, &built, at, found),
        };
        let (true, Ok(inputs)) = (links[at].whole, inputs) else {
            continue;
        };
        let before = found.len();
        let result = match (&agent.work, links[at].op) {
            (WorkDecl::Op { params, .. }, Some(op)) => {
                build_op(graph, at, op, params, inputs, found)
            }
            (
                WorkDecl::Native {
                    blueprint, step, ..
                },
                _,
            ) => match blueprint.borrow().as_ref() {
                Some(blueprint) => {
                    let rate = inputs.first().and_then(|input| input.rate);
                    let rate = rate.zip(*step).map(|(rate, step)| rate / step as f64);
                    build_native(agent, blueprint, rate, &inputs, found)
                }
                None => {
                    let taken = format!("agent `{}` was resolved before", agent.name.value);
                    found.push(Diagnostic::new(taken).at(agent.name.span.clone(), "taken"));
                    None
                }
            },
            (WorkDecl::Op { .. }, None) => None,
        };
        for refusal in &mut found[before..] {
            if refusal.message.contains("rate is not known") {
                refusal.help = rates::why_unknown(graph, links, &built, at).or(refusal.help.take());
            }
        }
        built[at] = result;
        if let Some(built) = &mut built[at] {
            units::declared(agent, built, found);
        }
    }
    built
}

/// An input's producer could not be built; that was said at the producer.
struct Poisoned;

fn inputs_of(
    graph: &GraphDecl,
    links: &[Link],
    built: &[Option<Built>],
    at: usize,
    found: &mut Vec<Diagnostic>,
) -> Result<Vec<Carries>, Poisoned> {
    let mut inputs = Vec::new();
    let before = found.len();
    for reads in &links[at].inputs {
        let producer = built[reads.producer].as_ref().ok_or(Poisoned)?;
        match carried(built, reads) {
            Some(carries) => inputs.push(carries),
            None => found.push(no_port(graph, at, reads, producer)),
        }
    }
    match found.len() == before {
        true => Ok(inputs),
        false => Err(Poisoned),
    }
}

fn no_port(graph: &GraphDecl, at: usize, reads: &Reads, producer: &Built) -> Diagnostic {
    let reader = &graph.agents[at].name.value;
    let name = &graph.agents[reads.producer].name.value;
    let ports: Vec<String> = producer
        .outputs
        .iter()
        .map(|port| stream_name(name, &port.name))
        .collect();
    let ports: Vec<&str> = ports.iter().map(String::as_str).collect();
    let (message, words, help) = match (&reads.port, ports.as_slice()) {
        (_, []) => (
            format!("agent `{reader}` reads `{name}`, which gives nothing"),
            "a sink has no output",
            None,
        ),
        (None, _) => (
            format!(
                "agent `{reader}` reads `{name}`, which has {} outputs",
                ports.len()
            ),
            "which of them?",
            Some(format!("there are {}", some_of(&ports))),
        ),
        (Some(port), _) => {
            let wanted = format!("{name}.{port}");
            let help = match (nearest(&wanted, &ports), ports.as_slice()) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, [only]) => format!("it has one output: in = \"{only}\""),
                (None, _) => format!("there are {}", some_of(&ports)),
            };
            (
                format!("agent `{reader}` reads `{wanted}`, and `{name}` has no output `{port}`"),
                "no such output",
                Some(help),
            )
        }
    };
    Diagnostic::new(message)
        .at(reads.span.clone(), words)
        .at(
            graph.agents[reads.producer].name.span.clone(),
            format!("`{name}`"),
        )
        .maybe_help(help)
}

/// `AGENT`, or `AGENT.PORT` where the output has a name.
pub(super) fn stream_name(agent: &str, port: &str) -> String {
    match port {
        "" => agent.to_owned(),
        port => format!("{agent}.{port}"),
    }
}

fn build_op(
    graph: &GraphDecl,
    at: usize,
    op: &'static OpDef,
    params: &[(At<String>, At<Value>)],
    inputs: Vec<Carries>,
    found: &mut Vec<Diagnostic>,
) -> Option<Built> {
    let agent = &graph.agents[at];
    let before = found.len();
    for (key, value) in params {
        match op.params.iter().find(|p| p.name == key.value) {
            None => found.push(unknown_param(agent, op, key)),
            Some(param) => {
                if let Err(error) = param.check(&value.value) {
                    let refusal = op_refusal(graph, at, &[], error);
                    found.push(refusal.maybe_help(nearest_word(param.kind, &value.value)));
                }
            }
        }
    }
    if found.len() > before {
        return None;
    }
    let inputs = infos(agent, inputs);
    let given: Vec<(String, Value)> = params
        .iter()
        .map(|(key, value)| (key.value.clone(), value.value.clone()))
        .collect();
    let dtype = agent.dtype.as_ref().map(|dtype| dtype.value.clone());
    let made = Args::new(op, inputs.clone(), dtype, &given, &graph.base).and_then(|args| {
        let touched = files::touched(agent, &args)?;
        let built = (op.build)(&args).map_err(|error| advised(error, &args))?;
        Ok((built, touched))
    });
    match made {
        Err(error) => {
            found.push(op_refusal(graph, at, &inputs, error));
            None
        }
        Ok((blueprint, _)) if ignores_dtype(agent, &blueprint) => {
            found.push(ignored_dtype(graph, at, &inputs, &blueprint));
            None
        }
        Ok((blueprint, touched)) => Some(Built {
            units: units::followed(&blueprint.outputs, &units::of(&inputs)),
            clash: units::clash(&blueprint.outputs, &units::of(&inputs)),
            takes_any: blueprint.takes_any,
            inputs: blueprint.inputs.clone(),
            outputs: blueprint.outputs.clone(),
            blueprint: Some(blueprint),
            writes: touched.writes,
            reads: touched.reads,
        }),
    }
}

/// A `dtype` was asked for, and no output has it.
fn ignores_dtype(agent: &AgentDecl, blueprint: &Blueprint) -> bool {
    let Some(dtype) = agent.dtype.as_ref().map(|dtype| &dtype.value) else {
        return false;
    };
    let has_it = |port: &OutPort| match (dtype, &port.item_type) {
        (ItemType::Scalar(wanted), ItemType::Vector(scalar, _) | ItemType::Timed(scalar)) => {
            wanted == scalar
        }
        (wanted, given) => wanted == given,
    };
    !blueprint.outputs.iter().any(has_it)
}

fn ignored_dtype(
    graph: &GraphDecl,
    at: usize,
    inputs: &[InputInfo],
    blueprint: &Blueprint,
) -> Diagnostic {
    let agent = &graph.agents[at];
    let (WorkDecl::Op { op, .. }, Some(dtype)) = (&agent.work, &agent.dtype) else {
        unreachable!("an operator with a `dtype`, as was asked");
    };
    let (op, dtype) = (&op.value, &dtype.value);
    let error = match blueprint.outputs.first() {
        None => OpError::param(
            "dtype",
            format!("`{op}` gives nothing that could be {dtype}"),
        )
        .with_help("leave `dtype` out"),
        Some(port) => {
            let message = format!("`{op}` gives {} here, and not {dtype}", port.item_type);
            let error = OpError::param("dtype", message);
            match (dtype.elements(), port.item_type.elements()) {
                (Some((scalar, _)), Some(_)) => error.with_help(format!(
                    "leave `dtype` out, and convert before or behind it: op = \"map\", expr = \"x\", dtype = \"{scalar}\""
                )),
                _ => error.with_help("leave `dtype` out"),
            }
        }
    };
    op_refusal(graph, at, inputs, error)
}

/// "did you mean", for a parameter that takes one of some words.
fn nearest_word(kind: ParamKind, value: &Value) -> Option<String> {
    match (kind, value) {
        (ParamKind::Choice(words), Value::Text(text)) => {
            word_here(text, words).map(|near| format!("did you mean \"{near}\"?"))
        }
        _ => None,
    }
}

/// `rate` is what an output has whose port knows none.
fn build_native(
    agent: &AgentDecl,
    blueprint: &Blueprint,
    rate: Option<f64>,
    inputs: &[Carries],
    found: &mut Vec<Diagnostic>,
) -> Option<Built> {
    if blueprint.inputs.len() != agent.inputs.len() {
        let message = format!(
            "agent `{}` has {} inputs, and is made for {}",
            agent.name.value,
            agent.inputs.len(),
            blueprint.inputs.len()
        );
        found.push(Diagnostic::new(message).at(agent.name.span.clone(), "this agent"));
        return None;
    }
    let mut outputs = blueprint.outputs.clone();
    for output in &mut outputs {
        output.rate = output.rate.or(rate);
    }
    let inputs: Vec<Option<&str>> = inputs.iter().map(|c| c.unit.as_deref()).collect();
    Some(Built {
        blueprint: None,
        units: units::followed(&outputs, &inputs),
        clash: units::clash(&outputs, &inputs),
        takes_any: blueprint.takes_any,
        inputs: blueprint.inputs.clone(),
        outputs,
        writes: Vec::new(),
        reads: Vec::new(),
    })
}

/// The inputs with the names expressions know them by: the table's, `x` for the only one, else `a b c ..`.
pub(super) fn infos(agent: &AgentDecl, inputs: Vec<Carries>) -> Vec<InputInfo> {
    let alone = inputs.len() == 1;
    let named = |nth: usize| {
        let input = agent.inputs.get(nth);
        let stream = input.map_or_else(String::new, |input| input.stream.value.clone());
        match (input.and_then(|input| input.name.clone()), alone) {
            (Some(name), _) => (name, Naming::Given { stream }),
            (None, true) => ("x".to_owned(), Naming::Placed { stream }),
            (None, false) => (letters(nth), Naming::Placed { stream }),
        }
    };
    inputs
        .into_iter()
        .enumerate()
        .map(|(nth, carries)| {
            let (name, naming) = named(nth);
            InputInfo {
                name,
                naming,
                item_type: carries.item_type,
                rate: carries.rate,
                unit: carries.unit,
            }
        })
        .collect()
}

/// `a` .. `z`, `aa`, `ab` ..
fn letters(nth: usize) -> String {
    let last = char::from(b'a' + (nth % 26) as u8);
    match nth / 26 {
        0 => last.to_string(),
        more => letters(more - 1) + &last.to_string(),
    }
}

/// What others call the key that names an agent's inputs.
const READS: [&str; 7] = [
    "input", "inputs", "from", "source", "reads", "stream", "streams",
];

fn unknown_param(agent: &AgentDecl, op: &OpDef, key: &At<String>) -> Diagnostic {
    let own: Vec<&str> = op.params.iter().map(|p| p.name).collect();
    // Keys that every agent has are near too much to be guessed of a few letters, or of another first one.
    let keys = AGENT_KEYS
        .into_iter()
        .filter(|own| key.value.len() > 2 && own.chars().next() == key.value.chars().next());
    let keys: Vec<&str> = keys.collect();
    let live = live_names(agent);
    let near =
        |names: &[&str]| nearest(&key.value, names).map(|near| format!("did you mean `{near}`?"));
    let help = near(&live)
        .or_else(|| op.meant(&key.value))
        .or_else(|| near(&keys));
    let help = match (help, own.is_empty()) {
        _ if key.value == "name" => format!(
            "the name stands before the agent: [agents.NAME] in a file, `NAME:{}` in a line",
            op.name
        ),
        _ if READS.contains(&key.value.as_str()) => {
            "what an agent reads is its `in`: in = \"AGENT\"".to_owned()
        }
        (Some(meant), _) => meant,
        (None, true) => format!("`{}` takes no parameter", op.name),
        (None, false) if live.is_empty() => format!("`{}` takes {}", op.name, own.join(", ")),
        (None, false) => format!(
            "`{}` takes {}; its live numbers are {}",
            op.name,
            own.join(", "),
            live.join(", ")
        ),
    };
    let message = format!(
        "agent `{}`: `{}` has no parameter `{}`",
        agent.name.value,
        op.name,
        key.value.escape_debug()
    );
    Diagnostic::new(message)
        .at(somewhere(agent, &key.span), "unknown parameter")
        .help(help)
}

/// The place, or where the agent was written for what `--set` gave.
fn somewhere(agent: &AgentDecl, span: &Span) -> Span {
    match span.is_empty() {
        true => agent.name.span.clone(),
        false => span.clone(),
    }
}

/// An operator's refusal, pointing at the parameter, the input or the agent it is about.
fn op_refusal(graph: &GraphDecl, at: usize, inputs: &[InputInfo], error: OpError) -> Diagnostic {
    let agent = &graph.agents[at];
    let (op, params) = match &agent.work {
        WorkDecl::Op { op, params } => (op.span.clone(), params.as_slice()),
        WorkDecl::Native { .. } => (agent.name.span.clone(), [].as_slice()),
    };
    let message = legible(&error.message);
    let refusal = Diagnostic::new(format!("agent `{}`: {message}", agent.name.value));
    let refusal = match error.param.as_deref() {
        Some("in") => at_inputs(refusal, graph, agent, inputs),
        Some("dtype") => {
            let span = agent.dtype.as_ref().map_or(&op, |dtype| &dtype.span);
            refusal.at(somewhere(agent, span), "this type")
        }
        Some(name) => {
            let value = params.iter().find(|(key, _)| key.value == name);
            match value {
                Some((_, value)) => refusal.at(somewhere(agent, &value.span), "this value"),
                None => refusal.at(somewhere(agent, &op), format!("without `{name}`")),
            }
        }
        None => refusal.at(somewhere(agent, &op), "this agent"),
    };
    refusal.maybe_help(error.help)
}

/// Points at both ends: what the agent reads, and where that comes from with its type.
fn at_inputs(
    mut refusal: Diagnostic,
    graph: &GraphDecl,
    agent: &AgentDecl,
    inputs: &[InputInfo],
) -> Diagnostic {
    const MOST: usize = 4;
    let Some(first) = agent.inputs.first() else {
        return refusal.at(agent.name.span.clone(), "this agent");
    };
    refusal = refusal.at(somewhere(agent, &first.stream.span), "read here");
    for (input, info) in agent.inputs.iter().zip(inputs).take(MOST) {
        let agent_of = |name: &str| graph.agents.iter().find(|a| a.name.value == name);
        let (name, _) = split_stream(&input.stream.value, |name| agent_of(name).is_some());
        if let Some(producer) = agent_of(name) {
            let words = format!("`{}` is {}", input.stream.value, info.item_type);
            refusal = refusal.at(producer.name.span.clone(), words);
        }
    }
    let are_numbers = |info: &InputInfo| info.item_type.elements().is_some();
    match !inputs.is_empty() && inputs.iter().all(are_numbers) {
        true => refusal.help("`map` with `expr` and `dtype` converts numbers: op = \"map\", expr = \"x\", dtype = \"f64\""),
        false => refusal,
    }
}

/// What each agent declares to read against what the stream carries.
fn check_edges(
    graph: &GraphDecl,
    links: &[Link],
    built: &[Option<Built>],
    found: &mut Vec<Diagnostic>,
) {
    for (at, link) in links.iter().enumerate() {
        let Some(reader) = &built[at] else { continue };
        for (nth, reads) in link.inputs.iter().enumerate() {
            let Some(producer) = &built[reads.producer] else {
                continue;
            };
            match carried(built, reads) {
                None => {
                    let refusal = no_port(graph, at, reads, producer);
                    if !found.contains(&refusal) {
                        found.push(refusal);
                    }
                }
                Some(carries) => {
                    let wanted = &reader.inputs[nth].item_type;
                    if *wanted != carries.item_type {
                        found.push(mismatch(graph, at, nth, reads, wanted, &carries.item_type));
                    }
                }
            }
        }
    }
}

fn mismatch(
    graph: &GraphDecl,
    at: usize,
    nth: usize,
    reads: &Reads,
    wanted: &ItemType,
    given: &ItemType,
) -> Diagnostic {
    let (reader, producer) = (&graph.agents[at], &graph.agents[reads.producer]);
    let stream = &reader.inputs[nth].stream.value;
    let source = graph.source.as_ref();
    let here = |span: &Span| place(source, span).map_or(String::new(), |at| format!(" ({at})"));
    let message = format!(
        "agent `{}`{} reads {wanted}, and `{stream}`{} is {given}",
        reader.name.value,
        here(&reads.span),
        here(&producer.name.span),
    );
    let help = match (wanted.scalar(), given.scalar()) {
        (Some(scalar), Some(_)) => Some(format!(
            "put a conversion between them: op = \"map\", in = \"{stream}\", expr = \"x\", dtype = \"{scalar}\""
        )),
        _ => None,
    };
    Diagnostic::new(message)
        .at(reads.span.clone(), format!("{wanted} is read here"))
        .at(producer.name.span.clone(), format!("{given} is given here"))
        .maybe_help(help)
}
