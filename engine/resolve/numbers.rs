//! Live numbers that are there for nothing.

use std::collections::HashSet;

use thalweg_worker::op::{ParamKind, Value};
use thalweg_worker::operators;

use crate::decl::{AgentDecl, At, WorkDecl};
use crate::diag::Diagnostic;

/// Live numbers that no expression of their agent uses.
pub(super) fn idle(agent: &AgentDecl) -> Vec<Diagnostic> {
    let WorkDecl::Op { op, params } = &agent.work else {
        return Vec::new();
    };
    let def = operators::find(&op.value);
    let kind = |name: &str| Some(def?.params.iter().find(|own| own.name == name)?.kind);
    let of = |kinds: &[ParamKind]| -> Vec<&(At<String>, At<Value>)> {
        let params = params.iter();
        let of = params.filter(|(key, _)| kind(&key.value).is_some_and(|of| kinds.contains(&of)));
        of.collect()
    };
    let mut words = HashSet::new();
    for (_, expr) in of(&[ParamKind::Expr, ParamKind::Exprs]) {
        words_of(&expr.value, &mut words);
    }
    let mut warnings = Vec::new();
    for (key, live) in of(&[ParamKind::Live]) {
        let Value::Table(numbers) = &live.value else {
            continue;
        };
        let span = if key.span.is_empty() {
            &agent.name.span
        } else {
            &key.span
        };
        let idle = numbers
            .iter()
            .filter(|(name, _)| !words.contains(name.as_str()));
        warnings.extend(idle.map(|(name, _)| {
            let agent = &agent.name.value;
            Diagnostic::new(format!(
                "no expression of `{agent}` uses its live number `{name}`"
            ))
            .at(span.clone(), "used nowhere")
        }));
    }
    warnings
}

/// The words of expressions: names, functions and what else is spelled in letters.
fn words_of<'a>(value: &'a Value, words: &mut HashSet<&'a str>) {
    match value {
        Value::Text(text) => words.extend(text.split(|c: char| !c.is_alphanumeric() && c != '_')),
        Value::List(items) => items.iter().for_each(|item| words_of(item, words)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::resolve::units::tests::resolved;

    #[test]
    fn a_live_number_that_no_expression_uses_is_a_warning() {
        for (agent, idle) in [
            ("op = \"map\", expr = \"x * gain\"", &["of"][..]),
            ("op = \"map\", expr = \"abs(x)\"", &["of", "gain"]),
            ("op = \"map\", expr = \"gain+of*x\"", &[]),
            ("op = \"scan\", next = \"s + of\", expr = \"s*gain\"", &[]),
            (
                "op = \"flat_map\", expr = [\"x\", \"of\"], when = [\"true\", \"x>gain\"]",
                &[],
            ),
        ] {
            let text = format!(
                "agents.c = {{ op = \"counter\", items = 9 }}\n\
                 agents.m = {{ in = \"c\", live = {{ of = 1, gain = 2 }}, {agent} }}\n\
                 agents.o = {{ op = \"null\", in = \"m\" }}\n"
            );
            let warned = resolved(&text, Path::new(".")).1;
            let expected: Vec<String> = idle
                .iter()
                .map(|name| format!("no expression of `m` uses its live number `{name}`"))
                .collect();
            assert_eq!(warned, expected, "{agent}");
        }
    }
}
