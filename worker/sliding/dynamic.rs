//! Windows that grow until they are as long as they may be, then slide, and begin anew when they are asked to.

use bytemuck::{Pod, Zeroable};

/// How a dynamic window grows: `min` items, then `step` more each time, up to `max`; then it moves by `step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// Items of the first window.
    pub min: usize,
    /// Items of the largest.
    pub max: usize,
    /// Items that come in each time.
    pub step: usize,
}

/// A window that could not grow so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("grows from {} to {} items by {}; all must be at least 1, and the first not above the second", .0.min, .0.max, .0.step)]
pub struct NoGrowth(pub Growth);

impl Growth {
    /// The same, if windows can grow so.
    pub fn checked(self) -> Result<Growth, NoGrowth> {
        match self.min == 0 || self.step == 0 || self.max < self.min {
            true => Err(NoGrowth(self)),
            false => Ok(self),
        }
    }

    /// The first window.
    pub fn first(self) -> Span {
        Span {
            begin: 0,
            end: self.min as u64,
            mark: 0,
        }
    }

    /// Moves `span` on to the next window; with `again` one is to begin anew at the least size.
    ///
    /// The order of things is that of IoTPy's `dynamic_window_agent`: a wish is heard where the window is of its largest
    /// size, and kept till then; the window that follows has the same end.
    pub fn advance(self, span: &mut Span, again: bool) {
        let (min, max, step) = (self.min as u64, self.max as u64, self.step as u64);
        span.mark |= if again { ASKED } else { 0 };
        if span.mark & LARGEST == 0 {
            span.end += step;
            if span.end - span.begin >= max {
                span.begin = span.end - max;
                span.mark |= LARGEST;
            }
        } else if span.mark & ASKED == 0 {
            span.begin += step;
            span.end += step;
        } else {
            span.begin = span.end - min;
            span.mark = 0;
        }
    }
}

/// The next window: the places of its first item and of the one behind its last, and marks that who moves it sets.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Span {
    /// The place of its first item.
    pub begin: u64,
    /// The place behind its last item.
    pub end: u64,
    /// What else is to be remembered.
    pub mark: u64,
}

/// Marks of a dynamic window: one is to begin anew; this one is of the largest size.
const ASKED: u64 = 1;
const LARGEST: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    /// The windows of `0 .. items`, of which those that `asks` says ask for a new beginning.
    fn windows(growth: [usize; 3], items: u64, asks: impl Fn(&Span) -> bool) -> Vec<[u64; 2]> {
        let [min, max, step] = growth;
        let growth = Growth { min, max, step }.checked().unwrap();
        let mut span = growth.first();
        let mut all = Vec::new();
        while span.end <= items {
            all.push([span.begin, span.end]);
            let again = asks(&span);
            growth.advance(&mut span, again);
        }
        all
    }

    #[test]
    fn windows_are_those_of_iotpy() {
        // What `dynamic_window_agent` gives when its function sets `state[2]` where these ask.
        let never = |_: &Span| false;
        assert_eq!(
            windows([2, 5, 2], 11, never),
            [[0, 2], [0, 4], [1, 6], [3, 8], [5, 10]],
        );
        assert_eq!(windows([1, 1, 3], 8, never), [[0, 1], [3, 4], [6, 7]]);
        let early = |span: &Span| span.end == 3;
        assert_eq!(
            windows([2, 4, 1], 8, early),
            [
                [0, 2],
                [0, 3],
                [0, 4],
                [2, 4],
                [2, 5],
                [2, 6],
                [3, 7],
                [4, 8]
            ],
        );
        let always = |_: &Span| true;
        assert_eq!(
            windows([2, 4, 2], 8, always),
            [[0, 2], [0, 4], [2, 4], [2, 6], [4, 6], [4, 8], [6, 8]],
        );
        assert_eq!(
            windows([2, 2, 1], 5, always),
            [[0, 2], [1, 3], [1, 3], [2, 4], [2, 4], [3, 5], [3, 5]],
        );
    }
}
