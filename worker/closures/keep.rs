//! How the state of a closure is kept: as a value, as a table, or encoded.

use std::marker::PhantomData;

use bytemuck::Pod;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::agent::{AgentError, State, StateSpec, Table};
use crate::encoded::{Encoded, NotEncoded};

/// A way of keeping a state, and the state it starts with.
pub struct Kept<K> {
    pub(super) keep: K,
    pub(super) spec: StateSpec,
}

/// A way of keeping a state between calls: what a closure sees of it.
pub trait Keep: 'static {
    /// What a closure gets `&mut` of.
    type View<'a>;

    /// Lends the state to `f`, in a call that has items for it.
    fn lend<R>(
        &mut self,
        state: &mut State<'_>,
        f: impl FnOnce(&mut Self::View<'_>) -> R,
    ) -> Result<R, AgentError>;
}

/// One `Pod` value. A call costs its length, some ns up to 512 bytes.
pub struct Value<S>(PhantomData<fn() -> S>);

/// A table of `Pod` values. A call costs what it writes.
pub struct Tabled<S>(PhantomData<fn() -> S>);

impl<S: Pod> Kept<Value<S>> {
    /// One `Pod` value that starts as `init`.
    pub fn value(init: S) -> Kept<Value<S>> {
        const { assert!(align_of::<S>() <= 64, "states lie at multiples of 64 bytes") };
        Kept {
            keep: Value(PhantomData),
            spec: StateSpec::of(init),
        }
    }

    /// What it starts as.
    pub fn init(&self) -> S {
        bytemuck::pod_read_unaligned(&self.spec.init[..size_of::<S>()])
    }
}

impl<S: Pod> Kept<Tabled<S>> {
    /// A table of `Pod` values that starts as `init`; its length never changes.
    pub fn table(init: &[S]) -> Kept<Tabled<S>> {
        const { assert!(align_of::<S>() <= 64, "states lie at multiples of 64 bytes") };
        Kept {
            keep: Tabled(PhantomData),
            spec: StateSpec::slice(init),
        }
    }
}

impl<S: Serialize + DeserializeOwned> Kept<Encoded<S>> {
    /// A value of any type that serde knows. It starts as `init` and never takes more than `bound`
    /// bytes as encoded. A call costs the encoding of the whole: see [`encoded`](crate::encoded).
    pub fn encoded(init: &S, bound: usize) -> Result<Kept<Encoded<S>>, NotEncoded> {
        let (keep, spec) = Encoded::new(init, bound)?;
        Ok(Kept { keep, spec })
    }
}

impl<S: Pod> Keep for Value<S> {
    type View<'a> = S;

    /// A small state is lent as a local value: a loop then keeps it in registers.
    fn lend<R>(
        &mut self,
        state: &mut State<'_>,
        f: impl FnOnce(&mut S) -> R,
    ) -> Result<R, AgentError> {
        Ok(with_local(state, f))
    }
}

/// Runs `f` on the state as a local value where it is small.
pub(super) fn with_local<S: Pod, R>(state: &mut State<'_>, f: impl FnOnce(&mut S) -> R) -> R {
    let committed = state.get::<S>();
    if size_of::<S>() > LOCAL_LEN_BYTES_MAX {
        return f(committed);
    }
    let mut local = *committed;
    let result = f(&mut local);
    *committed = local;
    result
}

const LOCAL_LEN_BYTES_MAX: usize = 256;

impl<S: Pod> Keep for Tabled<S> {
    type View<'a> = Table<'a, S>;

    fn lend<R>(
        &mut self,
        state: &mut State<'_>,
        f: impl FnOnce(&mut Table<'_, S>) -> R,
    ) -> Result<R, AgentError> {
        Ok(f(&mut state.table()))
    }
}

impl<S: Serialize + DeserializeOwned + 'static> Keep for Encoded<S> {
    type View<'a> = S;

    fn lend<R>(
        &mut self,
        state: &mut State<'_>,
        f: impl FnOnce(&mut S) -> R,
    ) -> Result<R, AgentError> {
        Ok(self.update(state, f)?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::judge::{check, stream};
    use super::super::{filter_map_kept, scan_kept, sink_kept, zip_scan_kept};
    use super::*;
    use crate::testing::{Chunks, run};

    const KEYS: u64 = 300;

    fn keys() -> impl Iterator<Item = u64> {
        (0..3000u64).map(|n| n * n % KEYS)
    }

    /// How often each key was seen, itself included.
    fn counts() -> Vec<u64> {
        let mut counts = HashMap::new();
        let count = |key| {
            let count = counts.entry(key).or_insert(0u64);
            *count += 1;
            *count
        };
        keys().map(count).collect()
    }

    fn table() -> Kept<Tabled<u64>> {
        Kept::table(&[0u64; KEYS as usize])
    }

    fn tally(counts: &mut Table<'_, u64>, key: u64) -> u64 {
        counts[key as usize] += 1;
        counts[key as usize]
    }

    fn map() -> Kept<Encoded<HashMap<u64, u64>>> {
        Kept::encoded(&HashMap::new(), 2000).unwrap()
    }

    fn enter(counts: &mut HashMap<u64, u64>, key: u64) -> u64 {
        let count = counts.entry(key).or_default();
        *count += 1;
        *count
    }

    #[test]
    fn a_table_and_a_map_count_alike() {
        let expected = [stream(counts())];
        check(|| scan_kept(table(), tally), &[stream(keys())], &expected);
        check(|| scan_kept(map(), enter), &[stream(keys())], &expected);
    }

    #[test]
    fn keys_are_dropped_by_what_is_kept_of_them() {
        let expected = [stream(
            keys()
                .zip(counts())
                .filter(|(_, n)| n % 2 == 1)
                .map(|(key, _)| key),
        )];
        check(
            || {
                filter_map_kept(table(), |seen: &mut Table<'_, u64>, key| {
                    (tally(seen, key) % 2 == 1).then_some(key)
                })
            },
            &[stream(keys())],
            &expected,
        );
        check(
            || {
                filter_map_kept(map(), |seen: &mut HashMap<u64, u64>, key| {
                    (enter(seen, key) % 2 == 1).then_some(key)
                })
            },
            &[stream(keys())],
            &expected,
        );
    }

    #[test]
    fn two_streams_share_a_table() {
        let both = |counts: &mut Table<'_, u64>, a: u64, b: u64| {
            tally(counts, a);
            tally(counts, b)
        };
        let expected = counts().into_iter().map(|n| 2 * n);
        check(
            || zip_scan_kept(table(), both),
            &[stream(keys()), stream(keys())],
            &[stream(expected)],
        );
    }

    #[test]
    fn a_state_that_outgrows_its_bound_ends_the_agent_with_both_lengths() {
        let small = || Kept::encoded(&HashMap::new(), 100).unwrap();
        let kept = |counts: &mut HashMap<u64, u64>, key: u64| {
            enter(counts, key);
        };
        for chunks in [Chunks::Whole, Chunks::Single, Chunks::Random(7)] {
            let error = run(sink_kept(small(), kept), &[stream(keys())], chunks, 1).unwrap_err();
            assert!(error.message.contains("its bound is 100"), "{error}");
        }
    }
}
