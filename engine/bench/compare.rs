//! Two runs of the same figures: what changed, and whether the samples can tell.
//!
//! Two figures differ if the middle halves of their samples have nothing in common; few samples have none. If the reference moved
//! as well, and ours in proportion to it did not, it is the machine that is another, not the program.

use serde::Serialize;

use super::{Better, Figure, Spread};

/// One figure, then and now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What it belongs to.
    pub group: String,
    /// What it is.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// As it was.
    pub then: Spread,
    /// As it is.
    pub now: Spread,
    /// Now to then, of the middles.
    pub ratio: f64,
    /// What that means.
    pub verdict: Verdict,
}

/// What a difference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// Better, beyond what the samples spread.
    #[serde(rename = "faster")]
    Faster,
    /// Worse, beyond what the samples spread.
    #[serde(rename = "slower")]
    Slower,
    /// The samples cannot tell.
    #[serde(rename = "within the noise")]
    Noise,
    /// The reference moved as much.
    #[serde(rename = "so did the reference")]
    Machine,
    /// There are fewer than tell anything, then or now.
    #[serde(rename = "too few samples")]
    TooFew,
}

impl Verdict {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::Faster => "faster",
            Verdict::Slower => "slower",
            Verdict::Noise => "within the noise",
            Verdict::Machine => "so did the reference",
            Verdict::TooFew => "too few samples",
        }
    }
}

/// The figures that are in both runs, in the order of now.
pub fn compare(then: &[Figure], now: &[Figure]) -> Vec<Comparison> {
    let same = |a: &Figure, b: &Figure| a.group == b.group && a.name == b.name && a.unit == b.unit;
    now.iter()
        .filter_map(|now| Some(of(then.iter().find(|then| same(then, now))?, now)))
        .collect()
}

/// So many samples have a middle half: one that is neither among the lowest quarter nor the highest.
const LEAST_SAMPLES: usize = 4;

fn of(then: &Figure, now: &Figure) -> Comparison {
    let (was, is) = (then.spread(), now.spread());
    let improved = match now.better {
        Better::More => is.middle > was.middle,
        Better::Less => is.middle < was.middle,
    };
    let in_proportion = match (then.ratios(), now.ratios()) {
        (Some(was), Some(is)) => !is.is_apart_from(&was),
        _ => false,
    };
    let is_few = |figure: &Figure| figure.ours.len() < LEAST_SAMPLES;
    let verdict = match (is.is_apart_from(&was), in_proportion, improved) {
        _ if is_few(then) || is_few(now) => Verdict::TooFew,
        (false, ..) => Verdict::Noise,
        (true, true, _) => Verdict::Machine,
        (true, false, true) => Verdict::Faster,
        (true, false, false) => Verdict::Slower,
    };
    Comparison {
        group: now.group.clone(),
        name: now.name.clone(),
        unit: now.unit.clone(),
        then: was,
        now: is,
        ratio: is.middle / was.middle,
        verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Reference;

    fn figure(better: Better, ours: [f64; 3], reference: Option<[f64; 3]>) -> Figure {
        Figure {
            group: "ring".to_owned(),
            name: "x".to_owned(),
            unit: "u".to_owned(),
            better,
            ours: ours.repeat(2),
            reference: reference.map(|samples| Reference {
                name: "by hand".to_owned(),
                samples: samples.repeat(2),
            }),
        }
    }

    #[test]
    fn a_verdict_is_what_the_samples_can_tell() {
        use Better::{Less, More};
        use Verdict::{Faster, Machine, Noise, Slower};
        let steady = Some([10.0, 10.0, 10.0]);
        let cases = [
            (
                More,
                ([9.0, 10.0, 11.0], steady),
                ([19.0, 20.0, 21.0], steady),
                Faster,
            ),
            (
                More,
                ([19.0, 20.0, 21.0], steady),
                ([9.0, 10.0, 11.0], steady),
                Slower,
            ),
            (
                Less,
                ([19.0, 20.0, 21.0], None),
                ([9.0, 10.0, 11.0], None),
                Faster,
            ),
            (
                Less,
                ([9.0, 10.0, 11.0], None),
                ([19.0, 20.0, 21.0], None),
                Slower,
            ),
            (
                More,
                ([9.0, 10.0, 11.0], steady),
                ([9.0, 11.0, 12.0], steady),
                Noise,
            ),
            (
                More,
                ([5.0, 10.0, 30.0], None),
                ([8.0, 20.0, 40.0], None),
                Noise,
            ),
            (
                More,
                ([9.0, 10.0, 11.0], steady),
                ([18.0, 20.0, 22.0], Some([20.0, 20.0, 20.0])),
                Machine,
            ),
        ];
        for (better, then, now, expected) in cases {
            let then = [figure(better, then.0, then.1)];
            let now = [figure(better, now.0, now.1)];
            let found = compare(&then, &now);
            assert_eq!(found[0].verdict, expected, "{then:?} {now:?}");
        }
    }

    #[test]
    fn few_samples_have_no_middle_half_to_be_judged_by() {
        let six = figure(Better::More, [1.0; 3], None);
        let three = Figure {
            ours: vec![9.0; 3],
            ..six.clone()
        };
        for (then, now) in [(&six, &three), (&three, &six)] {
            let found = compare(std::slice::from_ref(then), std::slice::from_ref(now));
            assert_eq!(found[0].verdict, Verdict::TooFew);
        }
    }

    #[test]
    fn what_is_in_one_run_only_is_left_out() {
        let one = figure(Better::More, [1.0; 3], None);
        let other = Figure {
            name: "y".to_owned(),
            ..one.clone()
        };
        let found = compare(std::slice::from_ref(&one), &[other, one.clone()]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].ratio), ("x", 1.0));
    }
}
