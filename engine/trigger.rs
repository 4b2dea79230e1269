//! Streams that say what of another stream goes on, and when.
//!
//! What in other engines is an agent that is called by one stream and reads another. Where both have times, or the
//! triggers are numbers, what comes out is a function of the items; [`Stream::drain_on`] asks what has
//! arrived, and the plan says that it is not deterministic.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("control");
//! let beat = |every: f64| move |n: u64| (n < 10).then_some(Timed { seconds: n as f64 * every, value: n });
//! let (fast, slow) = (g.source("fast", from_fn(beat(1.0))), g.source("slow", from_fn(beat(2.5))));
//! let seen = fast.sample_on("seen", &slow).collect("kept");
//! g.run_in_process()?;
//! assert_eq!(seen.items()[1], Timed { seconds: 2.5, value: 2 });
//! # Ok::<(), thalweg::Error>(())
//! ```

use thalweg_worker::agent::Blueprint;
use thalweg_worker::closures;
use thalweg_worker::types::{Item, Timed};

use crate::graph::{Placed, Work};
use crate::stream::Stream;

impl<T> Stream<Timed<T>>
where
    Timed<T>: Item,
{
    /// For each trigger the newest item whose time is not later, at the trigger's time; a trigger before the first
    /// item gives nothing. The times of both streams are to ascend. Ends with the triggers.
    #[track_caller]
    pub fn sample_on<U>(&self, name: &str, triggers: &Stream<Timed<U>>) -> Stream<Timed<T>>
    where
        Timed<U>: Item,
    {
        let blueprint = closures::sample(Timed::<T>::item_type(), Timed::<U>::item_type());
        self.controlled(name, "sample", triggers, blueprint)
    }

    /// The items wait in their stream; each trigger lets all pass that are not later than it. The times of both
    /// streams are to ascend. Ends with the triggers: what comes after the last one is not given.
    #[track_caller]
    pub fn release_on<U>(&self, name: &str, triggers: &Stream<Timed<U>>) -> Stream<Timed<T>>
    where
        Timed<U>: Item,
    {
        let blueprint = closures::release(Timed::<T>::item_type(), Timed::<U>::item_type());
        self.controlled(name, "release", triggers, blueprint)
    }
}

impl<T: Item> Stream<T> {
    /// The items wait in their stream; each number lets so many of them pass. Ends with the numbers, or with the
    /// items.
    #[track_caller]
    pub fn release_counted(&self, name: &str, numbers: &Stream<u64>) -> Stream<T> {
        let count = |bytes: &[u8]| Ok(bytemuck::pod_read_unaligned(bytes));
        let blueprint = closures::release_counted(T::item_type(), u64::item_type(), count);
        self.controlled(name, "release", numbers, blueprint)
    }

    /// The items wait in their stream; each trigger lets all pass that have arrived when it is seen. That depends
    /// on timing: the plan says that it is not deterministic. Ends with the triggers.
    #[track_caller]
    pub fn drain_on<U: Item>(&self, name: &str, triggers: &Stream<U>) -> Stream<T> {
        let blueprint = closures::drain(T::item_type(), U::item_type());
        self.controlled(name, "drain", triggers, blueprint)
    }

    /// The items that stand beside a flag other than 0. Ends with the shorter stream.
    #[track_caller]
    pub fn gate(&self, name: &str, flags: &Stream<u8>) -> Stream<T> {
        let blueprint = closures::gate(T::item_type(), u8::item_type(), |flag| flag[0] != 0);
        self.controlled(name, "gate", flags, blueprint)
    }

    #[track_caller]
    fn controlled<U: Item>(
        &self,
        name: &str,
        kind: &'static str,
        by: &Stream<U>,
        blueprint: Blueprint,
    ) -> Stream<T> {
        let draft = &self.handle().draft;
        let inputs = vec![
            draft.input(self.handle(), None),
            draft.input(by.handle(), None),
        ];
        let work = Work::Native {
            kind,
            step: None,
            blueprint: Some(blueprint),
        };
        Stream::new(draft.agent(name, work, inputs))
    }
}
