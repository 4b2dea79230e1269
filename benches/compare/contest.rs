//! A contest: one work, ours and the rivals round by round in turn, medians, and the ratio within each round.

use serde_json::{Value, json};

/// What one run of a contestant gives: a figure in the contest's unit, and how it was set.
pub struct Figure {
    pub value: f64,
    pub settings: String,
}

impl Figure {
    pub fn new(value: f64, settings: impl Into<String>) -> Figure {
        Figure {
            value,
            settings: settings.into(),
        }
    }
}

/// Runs a contestant once; an error is a reason why it cannot take part.
pub type Runner = Box<dyn FnMut() -> Result<Figure, String>>;

#[derive(Clone, Copy, PartialEq)]
pub enum Unit {
    /// Millions of items a second: more is better.
    Rate,
    /// Nanoseconds: less is better.
    Time,
}

impl Unit {
    fn words(self) -> &'static str {
        match self {
            Unit::Rate => "M items/s",
            Unit::Time => "ns",
        }
    }
}

/// One work, and who does it.
pub struct Contest {
    pub name: &'static str,
    pub work: &'static str,
    pub unit: Unit,
    pub ours: Runner,
    pub rivals: Vec<Rival>,
}

pub struct Rival {
    pub name: &'static str,
    /// What ours to the rival's must come to; without one it is there to be seen.
    pub reach: Option<f64>,
    pub run: Runner,
}

impl Rival {
    pub fn new(
        name: &'static str,
        reach: impl Into<Option<f64>>,
        run: impl FnMut() -> Result<Figure, String> + 'static,
    ) -> Rival {
        Rival {
            name,
            reach: reach.into(),
            run: Box::new(run),
        }
    }
}

/// Ours beside one rival, over the rounds.
pub struct Row {
    name: &'static str,
    work: &'static str,
    rival: &'static str,
    unit: Unit,
    reach: Option<f64>,
    outcome: Result<Numbers, String>,
}

struct Numbers {
    ours: f64,
    rival: f64,
    /// Ours to the rival's, round by round, sorted.
    ratios: Vec<f64>,
    ours_settings: String,
    rival_settings: String,
}

impl Contest {
    /// Every contestant runs once before the first round, for warmth and for the settings that it chooses.
    pub fn hold(mut self, rounds: usize) -> Vec<Row> {
        let mut ours = Vec::new();
        let mut theirs: Vec<Result<Vec<Figure>, String>> =
            self.rivals.iter().map(|_| Ok(Vec::new())).collect();
        let mut ours_failed = (self.ours)().err();
        for (rival, figures) in self.rivals.iter_mut().zip(&mut theirs) {
            if let Err(why) = (rival.run)() {
                *figures = Err(why);
            }
        }
        for _ in 0..rounds {
            if ours_failed.is_some() {
                break;
            }
            match (self.ours)() {
                Ok(figure) => ours.push(figure),
                Err(why) => ours_failed = Some(why),
            }
            for (rival, figures) in self.rivals.iter_mut().zip(&mut theirs) {
                let Ok(seen) = figures else { continue };
                match (rival.run)() {
                    Ok(figure) => seen.push(figure),
                    Err(why) => *figures = Err(why),
                }
            }
        }
        let row = |(rival, figures): (&Rival, Result<Vec<Figure>, String>)| Row {
            name: self.name,
            work: self.work,
            rival: rival.name,
            unit: self.unit,
            reach: rival.reach,
            outcome: match &ours_failed {
                Some(why) => Err(format!("thalweg: {why}")),
                None => figures.map(|figures| Numbers::of(&ours, &figures)),
            },
        };
        self.rivals.iter().zip(theirs).map(row).collect()
    }
}

impl Numbers {
    fn of(ours: &[Figure], rival: &[Figure]) -> Numbers {
        let values = |figures: &[Figure]| figures.iter().map(|f| f.value).collect::<Vec<_>>();
        let settings = |figures: &[Figure]| figures[0].settings.clone();
        let pairs = ours.iter().zip(rival);
        let ratios = pairs.map(|(ours, rival)| ours.value / rival.value);
        Numbers {
            ours: median(&sorted(values(ours))),
            rival: median(&sorted(values(rival))),
            ratios: sorted(ratios.collect()),
            ours_settings: settings(ours),
            rival_settings: settings(rival),
        }
    }
}

impl Row {
    pub const HEAD: &str = "work                     rival                            ours       rival    ratio    reach   ratios of the rounds";

    /// As one line of the table.
    pub fn line(&self) -> String {
        let head = format!("{:<25}{:<27}", self.name, self.rival);
        let numbers = match &self.outcome {
            Ok(numbers) => numbers,
            Err(why) => return format!("{head}not compared: {why}"),
        };
        let ratio = median(&numbers.ratios);
        let (low, high) = (numbers.ratios[0], numbers.ratios[numbers.ratios.len() - 1]);
        let reach = self.reach.map_or("-".to_owned(), |reach| {
            format!(
                "{}{}",
                if self.unit == Unit::Rate { ">=" } else { "<=" },
                reach
            )
        });
        format!(
            "{head}{:>10}{:>12}{ratio:>9.2}{reach:>9} {} {low:.2} to {high:.2}",
            short(numbers.ours),
            short(numbers.rival),
            if self.is_reached() { " " } else { "!" },
        )
    }

    pub fn json(&self) -> Value {
        let mut row = json!({
            "name": self.name,
            "work": self.work,
            "rival": self.rival,
            "unit": self.unit.words(),
            "reach": self.reach,
        });
        match &self.outcome {
            Ok(numbers) => {
                row["ours"] = json!(numbers.ours);
                row["theirs"] = json!(numbers.rival);
                row["ratio"] = json!(median(&numbers.ratios));
                row["ratios"] = json!(numbers.ratios);
                row["reached"] = json!(self.is_reached());
                row["ours_settings"] = json!(numbers.ours_settings);
                row["rival_settings"] = json!(numbers.rival_settings);
            }
            Err(why) => row["not_compared"] = json!(why),
        }
        row
    }

    /// How the two were set, in words.
    pub fn settings(&self) -> Option<String> {
        let numbers = self.outcome.as_ref().ok()?;
        Some(format!(
            "{}, {} ({}): ours {}; {} {}",
            self.name,
            self.work,
            self.unit.words(),
            numbers.ours_settings,
            self.rival,
            numbers.rival_settings
        ))
    }

    fn is_reached(&self) -> bool {
        let (Ok(numbers), Some(reach)) = (&self.outcome, self.reach) else {
            return true;
        };
        let ratio = median(&numbers.ratios);
        match self.unit {
            Unit::Rate => ratio >= reach,
            Unit::Time => ratio <= reach,
        }
    }
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// Of sorted values.
fn median(values: &[f64]) -> f64 {
    values[values.len() / 2]
}

fn short(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        1.0.. => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}
