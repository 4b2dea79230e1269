//! Agents that learn from every item and tell what they know at every n-th: when to tell, and how far to go.

use crate::agent::{Input, OutPort, Output};
use crate::op::{Args, OpError, ParamDef, ParamKind};
use crate::types::ItemType;

/// The parameter `every`.
pub(crate) const EVERY: ParamDef = ParamDef {
    name: "every",
    kind: ParamKind::Length,
    default: Some("1"),
    unit: "items",
    doc: "One item out after every so many in, or a duration where the input's rate is known.",
};

/// One item out for every so many in, counted from the stream's start.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    every: u64,
}

impl Pace {
    /// From the parameter `every`.
    pub fn of(args: &Args) -> Result<Pace, OpError> {
        let every = args.length("every", 1)?.unwrap_or(1);
        Ok(Pace { every })
    }

    /// The output, with the rate that is left.
    pub fn port(self, args: &Args, item_type: ItemType) -> OutPort {
        let rate = args.input().rate;
        OutPort::new(item_type, rate.map(|rate| rate / self.every as f64))
    }

    /// How many of the items that are there can be taken, with room for what is told on the way.
    pub fn takes(self, input: &Input, output: &Output) -> usize {
        let at = input.position();
        let told = (at / self.every).saturating_add(output.space() as u64);
        let most = told.saturating_add(1).saturating_mul(self.every) - 1 - at;
        (input.len() as u64).min(most) as usize
    }

    /// Whether something is told after the item at this place.
    pub fn tells_after(self, place: u64) -> bool {
        (place + 1).is_multiple_of(self.every)
    }

    /// Visits `n` items from position `at` on: which one, and whether something is told after it.
    pub fn visit(self, at: u64, n: usize, mut visit: impl FnMut(usize, bool)) {
        let mut left = self.every - at % self.every;
        for i in 0..n {
            left -= 1;
            visit(i, left == 0);
            if left == 0 {
                left = self.every;
            }
        }
    }
}
