//! `window`: a function of the last few items, at regular places of the stream.

use super::by_row::map_rows;
use super::rows::{NoWindow, Windows};
use crate::agent::Blueprint;
use crate::types::Item;

/// Gives `f(w)` for each window `w` of `len` items: the k-th begins at item `k * step`.
///
/// A window is given as soon as it is full; what is left at the end of the stream and fills none
/// gives nothing. With a step below `len` windows overlap, above it items between them are skipped.
pub fn window<T, U, F>(len: usize, step: usize, mut f: F) -> Result<Blueprint, NoWindow>
where
    T: Item,
    U: Item,
    F: FnMut(&[T]) -> U + 'static,
{
    let windows = Windows::<T>::new(len, step)?;
    Ok(map_rows(windows, (), move |(), w: &[T]| f(w)))
}

#[cfg(test)]
mod tests {
    use super::super::judge::{check, stream};
    use super::*;
    use crate::closures::by_row::flat_map_rows;

    const ITEMS: u64 = 3000;

    fn check_sums(len: usize, step: usize) {
        let items: Vec<u64> = (0..ITEMS).map(|n| n * n % 1009).collect();
        let sums: Vec<u64> = (0..)
            .map(|k| k * step)
            .take_while(|begin| begin.saturating_add(len) <= items.len())
            .map(|begin| items[begin..begin + len].iter().sum())
            .collect();
        check(
            || window(len, step, |w: &[u64]| w.iter().sum::<u64>()).unwrap(),
            &[stream(items.iter().copied())],
            &[stream(sums)],
        );
    }

    #[test]
    fn windows_overlap_touch_and_leave_gaps() {
        for (len, step) in [(8, 4), (8, 1), (8, 8), (1, 1), (3, 7), (1, 5), (100, 99)] {
            check_sums(len, step);
        }
    }

    #[test]
    fn a_stream_of_just_one_window_gives_one_and_a_shorter_one_none() {
        check_sums(ITEMS as usize, 1);
        check_sums(ITEMS as usize + 1, 1);
        check_sums(5, usize::MAX);
    }

    #[test]
    fn a_window_sees_its_items_in_order() {
        check(
            || window(3, 2, |w: &[i32]| [w[0], w[1], w[2]]).unwrap(),
            &[stream(0..8)],
            &[stream([[0, 1, 2], [2, 3, 4], [4, 5, 6]])],
        );
    }

    #[test]
    fn a_window_of_nothing_and_one_that_stands_still_are_refused() {
        for (len, step) in [(0, 1), (4, 0)] {
            let refused = window(len, step, |w: &[f64]| w[0]).unwrap_err();
            assert_eq!(refused, NoWindow { len, step });
        }
    }

    #[test]
    fn windows_grow_until_they_are_full() {
        let growing = |len, step| {
            let windows = move || Windows::<u64>::new(len, step).unwrap().growing();
            let items: Vec<u64> = (0..ITEMS).collect();
            let ends = (step..=items.len()).step_by(step);
            let sums = ends.map(|end| items[end.saturating_sub(len)..end].iter().sum::<u64>());
            check(
                || map_rows(windows(), (), |(), w: &[u64]| w.iter().sum::<u64>()),
                &[stream(items.iter().copied())],
                &[stream(sums.collect::<Vec<u64>>())],
            );
        };
        for (len, step) in [(10, 3), (4, 1), (4, 4), (3, 7), (1, 1), (5000, 1)] {
            growing(len, step);
        }
    }

    #[test]
    fn a_window_knows_what_came_of_the_ones_before() {
        let items: Vec<i64> = (0..2000).map(|n| n * 7919 % 101).collect();
        let larger = |count: &mut i64, w: &[i64]| {
            *count += i64::from(w[2] > w[0]);
            *count
        };
        let mut count = 0;
        let expected: Vec<i64> = items.windows(3).map(|w| larger(&mut count, w)).collect();
        check(
            || map_rows(Windows::new(3, 1).unwrap(), 0, larger),
            &[stream(items.iter().copied())],
            &[stream(expected)],
        );
    }

    #[test]
    fn a_window_may_give_any_number_of_items() {
        let items: Vec<i32> = (0..500).collect();
        let ups = |seen: &mut u32, w: &[i32]| {
            *seen += 1;
            vec![w[0]; *seen as usize % 90]
        };
        let mut seen = 0;
        let windows = items.windows(5).step_by(2);
        let expected: Vec<i32> = windows.flat_map(|w| ups(&mut seen, w)).collect();
        check(
            || flat_map_rows(Windows::new(5, 2).unwrap(), 0, ups),
            &[stream(items.iter().copied())],
            &[stream(expected)],
        );
    }
}
