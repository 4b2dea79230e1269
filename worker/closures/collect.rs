//! `collect`: items kept in a file of memory, for the program to have when the run is over.

use std::fs::File;
use std::marker::PhantomData;
use std::os::unix::fs::FileExt;

use bytemuck::Pod;

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, Outside, Status};
use crate::types::Item;

/// Writes every item to `into`, a file that this process and the worker share: a count (`u64`) in the
/// first 128 bytes, then the items side by side.
///
/// An item's place in the file is its place in the stream, so a step that is made again writes the same
/// bytes to the same place, and the count in the end is that of the last step.
pub fn collect<T: Item>(into: File) -> Blueprint {
    let agent = Collect {
        into,
        items: PhantomData::<fn(T)>,
    };
    Blueprint::new(agent).input(InPort::new(T::item_type()))
}

/// What [`collect`] has written to `from` so far.
///
/// # Errors
/// The file could not be read.
pub fn collected<T: Pod>(from: &File) -> std::io::Result<Vec<T>> {
    let mut count = 0u64;
    if from.metadata()?.len() >= HEAD_LEN_BYTES {
        from.read_exact_at(bytemuck::bytes_of_mut(&mut count), 0)?;
    }
    let mut items = vec![T::zeroed(); count as usize];
    from.read_exact_at(bytemuck::cast_slice_mut(&mut items), HEAD_LEN_BYTES)?;
    Ok(items)
}

/// Where the first item lies: the most any item is aligned to.
const HEAD_LEN_BYTES: u64 = 128;

struct Collect<Types> {
    into: File,
    items: PhantomData<Types>,
}

impl<T: Item> Agent for Collect<fn(T)> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let input = &mut io.inputs[0];
        let items = input.items::<T>();
        let at = HEAD_LEN_BYTES + input.position() * size_of::<T>() as u64;
        let count = input.position() + items.len() as u64;
        self.into
            .write_all_at(bytemuck::cast_slice(items), at)
            .and_then(|()| self.into.write_all_at(bytemuck::bytes_of(&count), 0))
            .map_err(|error| {
                AgentError::new(format!(
                    "collecting item {count}: {error}; collect less of the stream, or write it to a file"
                ))
            })?;
        input.consume(input.len());
        Ok(Status::Ready)
    }

    fn outside(&self, _state: &[u8]) -> Outside {
        Outside::Once {
            name: "what the program collects".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::stream;
    use super::*;
    use crate::testing::{Chunks, run};

    #[test]
    fn every_item_is_kept_once_though_steps_are_made_again() {
        for chunks in [Chunks::Whole, Chunks::Single, Chunks::Random(3)] {
            let file = tempfile::tempfile().unwrap();
            assert!(collected::<u32>(&file).unwrap().is_empty());
            let blueprint = collect::<u32>(file.try_clone().unwrap());
            run(blueprint, &[stream(0..1000u32)], chunks, usize::MAX).unwrap();
            let kept = collected::<u32>(&file).unwrap();
            assert!(kept.into_iter().eq(0..1000), "{chunks:?}");
        }
    }

    #[test]
    fn a_file_that_takes_nothing_is_an_error_with_its_reason() {
        let blueprint = collect::<u32>(File::open("/dev/null").unwrap());
        let error = run(blueprint, &[stream([1u32])], Chunks::Whole, usize::MAX).unwrap_err();
        assert!(error.message.contains("Bad file descriptor"), "{error}");
    }
}
