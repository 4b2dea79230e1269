//! The first of an input's unread items, as an input of their own: for an agent around another, which shows
//! that one no more than it wants to.

use super::Input;
use super::frames::len_bytes_of;

impl Input {
    /// The first `n` unread items, the last `past` consumed ones before them. What is consumed of it is to be
    /// consumed here, too.
    ///
    /// # Safety
    /// It sees the same memory as this input, and lives no longer.
    pub(crate) unsafe fn front(&self, n: usize, past: usize, ended: bool) -> Input {
        debug_assert!(n <= self.len() && past <= self.past + self.consumed);
        let position = self.position();
        if self.framed.is_some() {
            let len_bytes = len_bytes_of(self.frames(), n);
            // SAFETY: the first `n` of the unread frames take so many bytes.
            return unsafe {
                Input::of_frames(self.unread.add(self.at), len_bytes, n, position, ended)
            };
        }
        // SAFETY: `new` was promised `len` items from `unread` and `past` before it; `consume` keeps
        // `consumed <= len`, so what is asked for lies within these.
        unsafe {
            let unread = self.unread.add(self.consumed * self.item_len);
            Input::new(unread, n, past, position, self.item_len, ended)
        }
    }

    /// How many items were retained before the unread ones when the call began.
    pub(crate) fn held(&self) -> usize {
        self.past
    }
}
