//! The newest items of a stream, for a closure or a reader that looks back.
//!
//! A stream itself is not kept: its ring holds what its readers have not read. Who wants to ask for the last items, or
//! for those from some item on, keeps them.

use std::collections::VecDeque;

/// The newest `capacity` items and how many came before them. The oldest makes room for the newest.
///
/// ```
/// use thalweg_worker::recent::Recent;
///
/// let mut recent = Recent::new(3);
/// recent.extend([10, 20, 30, 40]);
/// assert_eq!(recent.latest(), Some(&40));
/// assert!(recent.last(2).eq(&[30, 40]));
/// assert_eq!((recent.first_index(), recent.count()), (1, 4));
/// assert!(recent.since(3).eq(&[40]));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Recent<T> {
    items: VecDeque<T>,
    capacity: usize,
    count: u64,
}

impl<T> Recent<T> {
    /// Keeps at most `capacity` items, at least one.
    pub fn new(capacity: usize) -> Recent<T> {
        Recent {
            items: VecDeque::new(),
            capacity: capacity.max(1),
            count: 0,
        }
    }

    /// One more item. Gives back the one that made room for it.
    pub fn push(&mut self, item: T) -> Option<T> {
        let oldest = match self.items.len() == self.capacity {
            true => self.items.pop_front(),
            false => None,
        };
        self.items.push_back(item);
        self.count += 1;
        oldest
    }

    /// Takes the oldest item that is kept.
    pub fn take_oldest(&mut self) -> Option<T> {
        self.items.pop_front()
    }

    /// Forgets all items, but not how many there were.
    pub fn clear(&mut self) {
        self.items.clear();
    }

    /// How many items came so far: the index of the next.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True when none is kept.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The index in the stream of the oldest item that is kept.
    pub fn first_index(&self) -> u64 {
        self.count - self.items.len() as u64
    }

    /// The newest item.
    pub fn latest(&self) -> Option<&T> {
        self.items.back()
    }

    /// The items that are kept, from the oldest to the newest.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.items.iter()
    }

    /// The newest `n` items, fewer where fewer are kept, from the oldest of them to the newest.
    pub fn last(&self, n: usize) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.items
            .range(self.items.len() - n.min(self.items.len())..)
    }

    /// The items from this index of the stream on, as far as they are kept.
    pub fn since(&self, index: u64) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        let skipped = index.saturating_sub(self.first_index());
        self.last(self.items.len() - (skipped as usize).min(self.items.len()))
    }

    /// The index in the stream of the first item for which `is_before` is false; `None` where it is true of all. It must
    /// be true of no item after one of which it is false: times that ascend, compared with one.
    pub fn first_not(&self, is_before: impl FnMut(&T) -> bool) -> Option<u64> {
        let before = self.items.partition_point(is_before);
        (before < self.items.len()).then(|| self.first_index() + before as u64)
    }
}

impl<T> Extend<T> for Recent<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        for item in items {
            self.push(item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room_for_the_newest() {
        let mut recent = Recent::new(2);
        assert_eq!((recent.latest(), recent.first_index()), (None, 0));
        assert_eq!(
            [recent.push('a'), recent.push('b'), recent.push('c')],
            [None, None, Some('a')]
        );
        assert!(recent.iter().eq(&['b', 'c']));
        assert_eq!(
            (recent.len(), recent.count(), recent.first_index()),
            (2, 3, 1)
        );
        assert_eq!(recent.take_oldest(), Some('b'));
        recent.clear();
        assert!(recent.is_empty());
        assert_eq!(recent.first_index(), 3);
    }

    #[test]
    fn what_is_asked_for_beyond_what_is_kept_is_what_is_kept() {
        let mut recent = Recent::new(4);
        recent.extend(0..10);
        assert!(recent.last(9).eq(&[6, 7, 8, 9]));
        assert!(recent.last(0).eq(&[0; 0]));
        assert!(recent.since(0).eq(&[6, 7, 8, 9]));
        assert!(recent.since(8).eq(&[8, 9]));
        assert!(recent.since(99).eq(&[0; 0]));
    }

    #[test]
    fn an_index_is_found_by_a_value_that_ascends() {
        let mut recent = Recent::new(3);
        recent.extend([1, 3, 3, 7]);
        assert_eq!(recent.first_not(|x| *x < 3), Some(1));
        assert_eq!(recent.first_not(|x| *x < 4), Some(3));
        assert_eq!(recent.first_not(|x| *x < 8), None);
    }
}
