//! Recordings that are a part of a longer one: their first sample has a number of its own (`core:offset`), and every
//! `core:sample_start` counts from where the longer one begins.

use serde_json::{Map, Value as Json, json};

const OFFSET: &str = "core:offset";
const START: &str = "core:sample_start";

/// The number of the first sample; what is wrong with it otherwise.
pub(super) fn of(global: &Map<String, Json>) -> Result<u64, String> {
    match global.get(OFFSET) {
        None => Ok(0),
        Some(value) => value
            .as_u64()
            .ok_or_else(|| format!("`{OFFSET}` is {value}, and should be a whole number from 0")),
    }
}

/// The entries of a list with their places counted from the first sample that is there. What is no place is left for who reads it.
pub(super) fn left_out(
    list: &str,
    mut entries: Vec<Json>,
    offset: u64,
) -> Result<Vec<Json>, String> {
    for (nth, entry) in entries.iter_mut().enumerate() {
        let Some(start) = entry.get_mut(START) else {
            continue;
        };
        let Some(absolute) = start.as_u64() else {
            continue;
        };
        let place = absolute.checked_sub(offset).ok_or_else(|| {
            format!("`{START}` of {list}[{nth}] is {absolute}, and the first sample there is, by `{OFFSET}`, is {offset}")
        })?;
        *start = json!(place);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_the_first_sample_that_is_there() {
        let list = || {
            vec![
                json!({"core:sample_start": 100}),
                json!({"a": 1}),
                json!({"core:sample_start": 107}),
            ]
        };
        let moved = left_out("captures", list(), 100).unwrap();
        assert_eq!(
            moved,
            [
                json!({"core:sample_start": 0}),
                json!({"a": 1}),
                json!({"core:sample_start": 7})
            ]
        );
        assert_eq!(left_out("captures", list(), 0).unwrap(), list());
        let error = left_out("annotations", list(), 101).unwrap_err();
        assert!(
            error.contains("of annotations[0] is 100, and the first sample there is"),
            "{error}"
        );
        let global = |offset: Json| Map::from_iter([(OFFSET.to_owned(), offset)]);
        assert_eq!(of(&Map::new()), Ok(0));
        assert_eq!(of(&global(json!(7))), Ok(7));
        assert!(of(&global(json!(-1))).is_err());
    }
}
