//! Names that are none, and those that may be meant.

/// What to say of a name that is none of these: which of them is meant, else which there are.
pub fn meant(name: &str, there: &[&str]) -> String {
    let all = match there {
        there if there.len() > LISTED => format!("{} ..", there[..LISTED].join(", ")),
        _ => there.join(", "),
    };
    match nearest(name, there) {
        Some(near) => format!("did you mean {near:?}? It has {all}"),
        None => format!("it has {all}"),
    }
}

/// So many names are listed.
const LISTED: usize = 20;

/// The candidate most like `name`, if any is near enough to be meant.
pub fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    candidates
        .iter()
        .map(|c| {
            (
                strsim::damerau_levenshtein(&name.to_lowercase(), &c.to_lowercase()),
                *c,
            )
        })
        .filter(|(distance, c)| {
            let shorter = c.chars().count().min(name.chars().count());
            *distance <= slips(shorter)
        })
        .min()
        .map(|(_, c)| c)
        .or_else(|| nearest_part(name, candidates))
        .or_else(|| nearest_tail(name, candidates))
}

/// How many letters of a word of this length may be wrong: of a single one nothing is left when it is changed, and two
/// of three make another word.
fn slips(letters: usize) -> usize {
    match letters {
        0..=1 => 0,
        2..=4 => 1,
        5..=8 => 2,
        _ => 3,
    }
}

/// The candidate whose part behind the dot is most like `name`.
fn nearest_tail<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let tails = candidates
        .iter()
        .filter_map(|c| Some((c.rsplit_once('.')?.1, *c)));
    let distance = |tail: &str| strsim::damerau_levenshtein(name, tail);
    let (tail, whole) = tails.min_by_key(|(tail, _)| distance(tail))?;
    (name.chars().count() > 3 && distance(tail) == 1).then_some(whole)
}

/// The shortest candidate that begins or ends with `name`, or the longest that `name` begins or ends with.
fn nearest_part<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    const LEAST: usize = 3;
    let is_part = |part: &str, of: &str| {
        part.chars().count() >= LEAST && (of.starts_with(part) || of.ends_with(part))
    };
    let by_length = |c: &&&str| c.chars().count();
    let whole = candidates.iter().filter(|c| is_part(name, c));
    let part = candidates.iter().filter(|c| is_part(c, name));
    whole
        .min_by_key(by_length)
        .or_else(|| part.max_by_key(by_length))
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_offered_and_a_far_one_is_not() {
        let names = ["cutoff", "order", "low", "high"];
        assert_eq!(nearest("cutof", &names), Some("cutoff"));
        assert_eq!(nearest("Order", &names), Some("order"));
        assert_eq!(nearest("frequency", &names), None);
    }

    #[test]
    fn nothing_is_like_a_single_letter_but_itself() {
        assert_eq!(nearest("q", &["x", "y", "xy"]), None);
        assert_eq!(nearest("X", &["x"]), Some("x"));
        assert_eq!(nearest("in", &["k", "n"]), None);
        assert_eq!(nearest("foo", &["cos", "floor"]), None);
        assert_eq!(nearest("avg", &["var"]), None);
        assert_eq!(nearest("conts", &["const"]), Some("const"));
    }

    #[test]
    fn the_longer_form_of_a_name_is_offered_and_the_shorter_one_too() {
        assert_eq!(nearest("frequency", &["rate", "freq"]), Some("freq"));
        assert_eq!(nearest("sample_rate", &["rate", "freq"]), Some("rate"));
        let ops = ["fir.lowpass", "iir.lowpass", "sine"];
        assert_eq!(nearest("lowpass", &ops), Some("fir.lowpass"));
        assert_eq!(nearest("lowpas", &ops), Some("fir.lowpass"));
    }
}
