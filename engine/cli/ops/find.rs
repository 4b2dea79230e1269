//! `thalweg ops --find WORD`: the operators whose names or texts have a word, and what it is called here if it is another
//! library's.

use thalweg_worker::op::{OpDef, ParamKind};
use thalweg_worker::operators::elsewhere::called_here;

/// The operators that have all words of `wanted`, those first whose names and summaries have them; and what is to be said of
/// it as another library's name.
pub(super) fn find<'a>(table: &[&'a OpDef], wanted: &str) -> (Vec<&'a OpDef>, Option<String>) {
    let words: Vec<String> = wanted.split_whitespace().map(joined).collect();
    let has_all = |text: &str| !words.is_empty() && words.iter().all(|word| has(text, word));
    let hint = called_here(wanted.trim());
    let is_named = |op: &OpDef| {
        hint.as_ref()
            .is_some_and(|hint| hint.contains(&format!("`{}`", op.name)))
    };
    let rank = |op: &OpDef| match () {
        () if has_all(&format!("{} {}", op.name, op.summary)) => Some(0),
        () if is_named(op) => Some(1),
        () => has_all(&text(op)).then_some(2),
    };
    let ranked = table.iter().filter_map(|op| Some((rank(op)?, *op)));
    let mut ranked: Vec<(u8, &OpDef)> = ranked.collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    (ranked.into_iter().map(|(_, op)| op).collect(), hint)
}

/// All that is said of an operator.
fn text(op: &OpDef) -> String {
    let mut text = format!("{} {} {}", op.name, op.summary, op.doc);
    for param in op.params {
        text += &format!(" {} {}", param.name, param.doc);
        // The names of all windows say nothing of an operator that can have one of them.
        if let ParamKind::Choice(choices) = param.kind
            && param.name != "window"
        {
            text += &format!(" {}", choices.join(" "));
        }
    }
    text
}

/// True if a word of the text begins with `word`: `low-pass`, `low_pass` and `fir.lowpass` have `lowpass`, and `pass`.
fn has(text: &str, word: &str) -> bool {
    let text = text.to_lowercase();
    let apart = text.replace(['-', '_', '.'], " ");
    begins_a_word(&joined(&text), word) || begins_a_word(&apart, word)
}

fn begins_a_word(text: &str, word: &str) -> bool {
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(char::is_alphanumeric))
}

/// In lower case, without what stands between the parts of a word.
fn joined(text: &str) -> String {
    text.to_lowercase().replace(['-', '_', '.'], "")
}

#[cfg(test)]
mod tests {
    use thalweg_worker::operators;

    use super::*;

    #[test]
    fn a_word_finds_the_operators_that_have_it() {
        let cases = [
            ("pink", "noise", 3),
            ("comb", "iir.comb", 1),
            ("lowpass", "fir.lowpass", 3),
            ("low-pass", "iir.lowpass", 3),
            ("hysteresis", "threshold", 1),
            ("find_peaks", "peaks", 1),
            ("median", "median", 1),
            ("butterworth", "iir.lowpass", 5),
            ("octave band", "octaves", 1),
            ("SigMF", "sigmf.read", 4),
        ];
        for (word, expected, within) in cases {
            let (found, _) = find(operators::table(), word);
            let names: Vec<&str> = found.iter().map(|op| op.name).take(within).collect();
            assert!(names.contains(&expected), "{word}: {names:?}");
        }
    }

    #[test]
    fn names_come_before_texts_and_what_nobody_says_is_not_found() {
        let (found, hint) = find(operators::table(), "kalman");
        assert_eq!(found[0].name, "kalman");
        assert_eq!(hint, None);
        let (_, hint) = find(operators::table(), "medfilt");
        assert!(hint.unwrap().contains("`median`"));
        for nothing in ["zebra", " ", "ink"] {
            let (found, _) = find(operators::table(), nothing);
            let names: Vec<&str> = found.iter().map(|op| op.name).collect();
            assert!(names.is_empty(), "{nothing}: {names:?}");
        }
    }
}
