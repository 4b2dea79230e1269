//! Windows that slide from start-up: they grow until they are full, then they slide.
//!
//! The k-th window ends behind item `(k + 1) * step - 1` and is the last `size` items before its end, or all
//! there are.

use crate::sliding::{Folder, Windows};
use crate::wide::{View, Wide};

/// How many windows have ended when `items` items have been seen.
pub fn ended(windows: Windows, items: u64) -> u64 {
    items / windows.step
}

/// The position after the k-th window's last item. Saturates: that window never ends.
pub fn end(windows: Windows, k: u64) -> u64 {
    k.saturating_add(1).saturating_mul(windows.step)
}

/// Where a window that ends at `end` begins.
fn begin(windows: Windows, end: u64) -> u64 {
    end.saturating_sub(windows.size)
}

/// The folder of one window from its items; `width` numbers out.
pub type OneWindow<W> = Box<dyn FnMut(&[W], &mut [W])>;

/// Folds windows that grow: each that is not full from its items, and the full ones as those that slide, where
/// they begin at multiples of the step (else from their items, too).
pub struct Growing<W> {
    windows: Windows,
    width: usize,
    one: OneWindow<W>,
    full: Option<Box<dyn Folder<W>>>,
}

impl<W> Growing<W> {
    /// `full` folds windows that do not grow.
    pub fn new(
        windows: Windows,
        width: usize,
        one: OneWindow<W>,
        full: Box<dyn Folder<W>>,
    ) -> Growing<W> {
        Growing {
            windows,
            width,
            one,
            full: windows.size.is_multiple_of(windows.step).then_some(full),
        }
    }
}

impl<W: Wide> Folder<W> for Growing<W> {
    fn run(&mut self, view: &mut View<'_, W>, from: u64, to: u64, out: &mut [W]) {
        let (first, last) = (ended(self.windows, from), ended(self.windows, to));
        let partial = ended(self.windows, self.windows.size - 1);
        let by_hand = match self.full {
            Some(_) => first..last.min(partial).max(first),
            None => first..last,
        };
        let (slots, rest) = out.split_at_mut((by_hand.end - first) as usize * self.width);
        for (k, slot) in by_hand.zip(slots.chunks_exact_mut(self.width)) {
            let end = end(self.windows, k);
            (self.one)(view.range(begin(self.windows, end), end), slot);
        }
        // From one before the first full window's end on, so that it ends in there.
        let from = from.max(self.windows.size - 1);
        if let Some(full) = self.full.as_mut().filter(|_| to > from) {
            full.run(view, from, to, rest);
        }
    }
}
