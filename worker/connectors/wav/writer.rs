//! The agent that writes a sound, and counts the samples that it clips.

use std::cell::Cell;
use std::rc::Rc;

use bytemuck::{Pod, Zeroable, pod_read_unaligned};

use crate::agent::{Agent, AgentError, Io, Outside, State, Status};
use crate::connectors::records::RecordWriter;

/// State: [`Written`].
pub(super) struct SoundWriter {
    pub(super) frames: RecordWriter,
    /// Samples that the conversions of this call clipped.
    pub(super) clipped: Rc<Cell<u64>>,
}

/// What was written so far.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Written {
    frames: u64,
    /// Samples that lay beyond full scale, and were clipped to it.
    clipped: u64,
}

impl Written {
    pub(super) fn of(state: &[u8]) -> Written {
        pod_read_unaligned(state)
    }

    pub(super) fn remark(self) -> Option<String> {
        match self.clipped {
            0 => None,
            1 => Some("clipped 1 sample that lay beyond full scale".to_owned()),
            n => Some(format!("clipped {n} samples that lay beyond full scale")),
        }
    }
}

impl Agent for SoundWriter {
    fn attach(&mut self, mut state: State<'_>) -> Result<(), AgentError> {
        self.frames.open(state.get::<Written>().frames)
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let written = io.state.get::<Written>();
        self.clipped.set(0);
        self.frames.take(&mut io.inputs[0], &mut written.frames)?;
        written.clipped += self.clipped.get();
        Ok(Status::Ready)
    }

    fn finish(&mut self, mut state: State<'_>) -> Result<(), AgentError> {
        self.frames.complete(state.get::<Written>().frames)
    }

    fn outside(&self, state: &[u8]) -> Outside {
        self.frames.outside_of(Written::of(state).frames)
    }
}

#[cfg(test)]
mod tests {
    use crate::connectors::fixtures::{CUTS, bytes, sink};
    use crate::connectors::wav::WAV_WRITE;
    use crate::op::Value;
    use crate::testing;

    #[test]
    fn samples_beyond_full_scale_are_counted_whatever_is_cut_and_repeated() {
        let remark = |format: &str, items: &[f32]| {
            let found = CUTS.map(|chunks| {
                let folder = tempfile::tempdir().unwrap();
                let params = [("format", Value::from(format)), ("rate", Value::from(8000))];
                let writer =
                    sink(&WAV_WRITE, folder.path(), "w.wav", ("f32", None), &params).unwrap();
                testing::remark(writer, &[bytes(items)], chunks).unwrap()
            });
            assert!(found.iter().all(|one| *one == found[0]), "{found:?}");
            found[0].clone()
        };
        let items = [1.0, 1.5, -1.0, -7.0, f32::NAN, 0.25];
        let two = Some("clipped 2 samples that lay beyond full scale".to_owned());
        assert_eq!(remark("i16", &items), two);
        assert_eq!(remark("i24", &items), two);
        assert_eq!(remark("i32", &items[..1]), None);
        assert_eq!(remark("f32", &items), None, "floats hold them");
        assert_eq!(
            remark("i32", &items[..2]).unwrap(),
            "clipped 1 sample that lay beyond full scale"
        );
    }
}
