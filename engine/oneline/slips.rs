//! A word that stands alone where `key=value` should: what was most likely meant.

use thalweg_worker::operators;

use crate::decl::At;
use crate::keys::Node;

/// What to write instead of a lone word behind an operator and its keys; `before` is the text in front of the word.
pub(super) fn instead_of(
    word: &str,
    before: &str,
    op: &str,
    keys: &[(At<String>, Node)],
) -> String {
    let op = operators::find(op);
    let bare = word.trim_start_matches('-');
    let is_param = |name: &str| op.is_some_and(|op| op.params.iter().any(|p| p.name == name));
    if ["|", "->", "=>", "|>", ">", ">>", "then", "to"].contains(&word) {
        return "agents are joined by a `!` between spaces: `counter items=5 ! print`".to_owned();
    }
    if word == "as" {
        return "an agent's name stands before its operator: `a:counter`".to_owned();
    }
    if bare.len() < word.len() && is_param(bare) {
        return format!("write {bare}=.., without a dash");
    }
    if let Some((name, value)) = word.split_once(':').filter(|(name, _)| is_param(name)) {
        return format!("write {name}={value}");
    }
    if let Some((key, value)) = keys.last().filter(|(_, value)| is_cut(before, word, value)) {
        let end = value.span.end;
        let front = before.get(value.span.start..end).unwrap_or_default();
        return format!(
            "a value with spaces goes in quotes: {}=\"{front} {word} ..\"",
            key.value
        );
    }
    let required = op.and_then(|op| op.params.iter().find(|param| param.default.is_none()));
    match required.filter(|param| keys.is_empty() && param.name != word) {
        Some(param) => format!("did you mean `{}={word}`?", param.name),
        None => "write key=value without spaces around the `=`, or ` ! ` before the next agent"
            .to_owned(),
    }
}

/// True for a word that goes on with an expression whose quotes are missing.
fn is_cut(before: &str, word: &str, value: &Node) -> bool {
    const SIGNS: [char; 11] = ['+', '-', '*', '/', '%', '<', '>', '=', '&', '?', '^'];
    let written = before.get(value.span.clone()).unwrap_or_default();
    !written.starts_with(['"', '\'', '['])
        && (word.starts_with(SIGNS) || word.starts_with("||") || written.ends_with(SIGNS))
}
