//! `collect`: items kept in a file of memory, for the program to have when the run is over.

use std::fs::File;
use std::marker::PhantomData;
use std::os::unix::fs::FileExt;

use bytemuck::Pod;

use super::Framed;
use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, Outside, StateSpec, Status};
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

/// Writes every frame to `into`: the bytes that follow (`u64`) in the first 128 bytes, then each frame behind its
/// length (`u32`).
///
/// How many bytes there are is the agent's state, so a step that is made again writes the same bytes to the
/// same place.
pub fn collect_frames<K: Framed>(into: File) -> Blueprint {
    let agent = CollectFrames {
        into,
        written: Vec::new(),
    };
    Blueprint::new(agent)
        .input(InPort::new(K::item_type()))
        .state(StateSpec::of(0u64))
}

/// What [`collect_frames`] has written to `from` so far.
///
/// # Errors
/// The file could not be read.
pub fn collected_frames(from: &File) -> std::io::Result<Vec<Vec<u8>>> {
    let all: Vec<u8> = collected(from)?;
    let mut rest = &all[..];
    let mut frames = Vec::new();
    while let Some((len, bytes)) = rest.split_first_chunk() {
        let (frame, behind) = bytes.split_at(u32::from_ne_bytes(*len) as usize);
        frames.push(frame.to_vec());
        rest = behind;
    }
    Ok(frames)
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
            .map_err(|error| refused(&format!("item {count}"), &error))?;
        input.consume(input.len());
        Ok(Status::Ready)
    }

    fn outside(&self, _state: &[u8]) -> Outside {
        outside()
    }
}

/// State: how many bytes were written behind the head (`u64`).
struct CollectFrames {
    into: File,
    /// Scratch: the frames of a call, each behind its length.
    written: Vec<u8>,
}

impl Agent for CollectFrames {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, len_bytes) = (&mut io.inputs[0], io.state.get::<u64>());
        self.written.clear();
        let mut count = 0;
        for frame in input.frames() {
            // A frame is shorter than its ring, whose length fits.
            self.written
                .extend_from_slice(&(frame.len() as u32).to_ne_bytes());
            self.written.extend_from_slice(frame);
            count += 1;
        }
        write_behind(&self.into, *len_bytes, &self.written)?;
        *len_bytes += self.written.len() as u64;
        input.consume(count);
        Ok(Status::Ready)
    }

    fn outside(&self, _state: &[u8]) -> Outside {
        outside()
    }
}

/// Writes `bytes` so many bytes behind the head, then how many there are then.
fn write_behind(into: &File, at: u64, bytes: &[u8]) -> Result<(), AgentError> {
    let len_bytes = at + bytes.len() as u64;
    into.write_all_at(bytes, HEAD_LEN_BYTES + at)
        .and_then(|()| into.write_all_at(bytemuck::bytes_of(&len_bytes), 0))
        .map_err(|error| refused(&format!("byte {len_bytes}"), &error))
}

fn refused(what: &str, error: &std::io::Error) -> AgentError {
    AgentError::new(format!(
        "collecting {what}: {error}; collect less of the stream, or write it to a file"
    ))
}

fn outside() -> Outside {
    Outside::Once {
        name: "what the program collects".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::stream;
    use super::*;
    use crate::testing::{Chunks, run};
    use crate::types::ItemType;

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

    struct Bytes;

    impl Framed for Bytes {
        type Frame = [u8];

        fn item_type() -> ItemType {
            ItemType::Bytes
        }

        fn frame(bytes: &[u8]) -> Result<&[u8], AgentError> {
            Ok(bytes)
        }
    }

    #[test]
    fn every_frame_is_kept_once_though_steps_are_made_again() {
        let frames = || (0..500).map(|n| b"ab".repeat(n % 7));
        for chunks in [Chunks::Whole, Chunks::Single, Chunks::Random(5)] {
            let file = tempfile::tempfile().unwrap();
            let blueprint = collect_frames::<Bytes>(file.try_clone().unwrap());
            let inputs = [crate::testing::frames(frames())];
            run(blueprint, &inputs, chunks, usize::MAX).unwrap();
            let kept = collected_frames(&file).unwrap();
            assert!(kept.into_iter().eq(frames()), "{chunks:?}");
        }
    }

    #[test]
    fn a_file_that_takes_nothing_is_an_error_with_its_reason() {
        let blueprint = collect::<u32>(File::open("/dev/null").unwrap());
        let error = run(blueprint, &[stream([1u32])], Chunks::Whole, usize::MAX).unwrap_err();
        assert!(error.message.contains("Bad file descriptor"), "{error}");
    }
}
