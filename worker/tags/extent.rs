//! How long that is which a tag begins: a count of items, which changes where the rate does.
//!
//! The value of such a tag is an object with `core:sample_count`, as annotations of SigMF have it.

use serde_json::{Map, Value as Json};

use super::Tag;

/// The field of a tag's value that counts items from the tag on.
const COUNT: &str = "core:sample_count";
/// Bytes that a frame may grow by.
pub(super) const GROWTH_LEN_BYTES: usize = 32;

/// So many items of an output for so many of an input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ratio {
    up: f64,
    down: f64,
}

impl Ratio {
    /// The ratio of a port that says it, or of these rates; `None` where nothing changes or it is not known.
    pub(super) fn of(
        pace: Option<[u64; 2]>,
        gives: Option<f64>,
        takes: Option<f64>,
    ) -> Option<Ratio> {
        let (up, down) = match pace {
            Some([up, down]) => (up as f64, down as f64),
            None => (gives?, takes?),
        };
        let is_change = up != down && up > 0.0 && down > 0.0;
        is_change.then_some(Ratio { up, down })
    }

    /// The first item of the output at or behind an input's item. Rates are rounded, so what is an item but for that is one.
    fn place(self, position: f64) -> f64 {
        let place = position * self.up / self.down;
        match (place - place.round()).abs() < 1e-6 {
            true => place.round(),
            false => place.ceil(),
        }
    }

    /// What a tag at this position says of so many items: those up to where a tag behind them would go, one at least.
    fn count(self, position: u64, count: u64) -> u64 {
        let (first, end) = (position as f64, (position as f64) + count as f64);
        let scaled = (self.place(end) - self.place(first)) as u64;
        scaled.max(u64::from(count > 0))
    }

    /// The words of the frame of a tag, behind its position, where they count items; `None`: they stay.
    pub(super) fn scaled(self, frame: &[u8]) -> Option<Vec<u8>> {
        let tag = Tag::of_frame(frame).ok().filter(|tag| counts(tag.value))?;
        let mut fields: Map<String, Json> = serde_json::from_str(tag.value).ok()?;
        let field = fields.get_mut(COUNT)?;
        *field = self.count(tag.position, field.as_u64()?).into();
        let value = Json::Object(fields).to_string();
        let scaled = Tag {
            value: &value,
            ..tag
        };
        Some(scaled.frame()[size_of::<u64>()..].to_vec())
    }
}

/// True if a value may count items.
fn counts(value: &str) -> bool {
    value.starts_with('{') && value.contains(COUNT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_the_items_up_to_where_a_tag_behind_them_would_go() {
        let cases = [
            (Ratio::of(Some([1, 4]), None, None), 10, 20, 5),
            (Ratio::of(Some([3, 2]), None, None), 10, 20, 30),
            // Items 4 and 5 of the output are those of 16 and 20: what ends before 18 has the first of them.
            (Ratio::of(Some([1, 4]), None, None), 16, 2, 1),
            (Ratio::of(Some([1, 4]), None, None), 17, 1, 1),
            (Ratio::of(Some([1, 4]), None, None), 17, 0, 0),
            (
                Ratio::of(None, Some(7350.0), Some(44_100.0)),
                12,
                60_000,
                10_000,
            ),
            (Ratio::of(None, Some(1e6 / 3.0), Some(1e6)), 3, 300, 100),
        ];
        for (ratio, position, count, expected) in cases {
            assert_eq!(ratio.unwrap().count(position, count), expected, "{ratio:?}");
        }
        assert_eq!(Ratio::of(None, Some(8.0), Some(8.0)), None);
        assert_eq!(Ratio::of(None, None, Some(8.0)), None);
    }

    #[test]
    fn only_a_count_of_a_tags_own_is_changed() {
        let half = Ratio::of(Some([1, 2]), None, None).unwrap();
        let scaled = |value| {
            let tag = Tag {
                position: 4,
                key: "burst",
                value,
            };
            let words = half.scaled(&tag.frame())?;
            let frame = [&2u64.to_le_bytes()[..], &words].concat();
            Some(Tag::of_frame(&frame).unwrap().value.to_owned())
        };
        assert_eq!(
            scaled(r#"{"core:sample_count":10,"core:freq_lower_edge":0.1}"#).unwrap(),
            r#"{"core:sample_count":5,"core:freq_lower_edge":0.1}"#
        );
        for other in [
            "10",
            "true",
            r#""core:sample_count""#,
            r#"{"core:sample_count":"ten"}"#,
            r#"{"a":{"core:sample_count":10}}"#,
        ] {
            assert_eq!(scaled(other), None, "{other}");
        }
    }
}
