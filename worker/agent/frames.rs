//! Frames on ports: items of any length, `bytes` and `text`.
//!
//! A port of frames counts in frames as any other counts in items: `len`, `position`, `consume`. What is
//! seen and given are whole frames; in the ring each lies behind its length, as
//! [`thalweg_ringbuf::Frames`] reads them. They are read in place, one after the other. A frame that
//! does not fit is not given; the worker remembers its length and calls again when there is room.

use thalweg_ringbuf::{Frames, frame_len_bytes, payload_len_bytes_max, write_frame};

use super::{AgentError, Input, Output};

/// The bytes that a frame without any payload takes in the ring: less room holds no frame.
const FRAME_LEN_BYTES_MIN: usize = 8;

/// What is known of the unread frames of an input.
#[derive(Clone, Copy)]
pub(super) struct FramesSeen {
    /// Bytes of all of them.
    pub(super) len_bytes: usize,
    /// They are all that has been given so far.
    pub(super) whole: bool,
}

/// What an output of frames knows beyond the room in bytes.
pub(super) struct FrameRoom {
    /// Bytes of the room that are written.
    at: usize,
    /// How many frames it may give.
    most: usize,
    /// The longest payload that the stream takes.
    payload_len_max: usize,
    /// Bytes of the ring that the frame refused last would have taken.
    wanted: usize,
    /// Length of a frame that never fits.
    too_long: Option<usize>,
}

impl Input {
    /// An input of `len` unread frames that take `len_bytes` from `unread` on, lengths and padding
    /// included. Nothing is retained before them.
    ///
    /// # Safety
    /// * `unread .. unread + len_bytes` is readable, unchanged as long as the value lives, and holds
    ///   exactly `len` whole frames.
    /// * `position` is the place in the stream of the first of them, counted in frames.
    pub unsafe fn of_frames(
        unread: *const u8,
        len_bytes: usize,
        len: usize,
        position: u64,
        ended: bool,
    ) -> Input {
        // SAFETY: `framed` below keeps `items` and `past` from reading `len` items of one length.
        let input = unsafe { Input::new(unread, len, 0, position, 1, ended) };
        Input {
            framed: Some(FramesSeen {
                len_bytes,
                whole: false,
            }),
            ..input
        }
    }

    /// Says whether the unread frames are all that has been given so far.
    pub fn whole(mut self, whole: bool) -> Input {
        self.framed = self.framed.map(|seen| FramesSeen { whole, ..seen });
        self
    }

    /// True where the unread frames are known to be all that has been given so far.
    pub fn is_whole(&self) -> bool {
        self.framed.is_some_and(|seen| seen.whole)
    }

    /// True where items are frames.
    pub fn is_framed(&self) -> bool {
        self.framed.is_some()
    }

    /// The payloads of the frames not yet consumed, in place.
    ///
    /// # Panics
    /// When the items are not frames.
    pub fn frames(&self) -> Frames<'_> {
        let len_bytes = self.framed.expect("an input of frames").len_bytes;
        // SAFETY: `of_frames` was promised so many bytes; `consume` keeps `at <= len_bytes`.
        Frames::new(unsafe {
            std::slice::from_raw_parts(self.unread.add(self.at), len_bytes - self.at)
        })
    }

    /// The payload of the first frame not yet consumed: for agents that consume one by one.
    pub fn frame(&self) -> Option<&[u8]> {
        self.frames().next()
    }

    /// Bytes that the frames consumed take in the ring; `None` where items are of one length.
    pub fn consumed_bytes(&self) -> Option<usize> {
        self.framed.map(|_| self.at)
    }

    /// Passes the first `n` frames.
    pub(super) fn pass_frames(&mut self, n: usize) {
        self.at += len_bytes_of(self.frames(), n);
    }
}

/// Bytes that the first `n` of these frames take in the ring.
pub(crate) fn len_bytes_of(mut frames: Frames<'_>, n: usize) -> usize {
    let before = frames.rest().len();
    frames.by_ref().take(n).for_each(drop);
    before - frames.rest().len()
}

/// A frame of a `text` stream as text. All are UTF-8 where they enter; one that is not is damage.
///
/// # Errors
/// Where the first wrong byte is.
pub fn text_of(frame: &[u8]) -> Result<&str, AgentError> {
    std::str::from_utf8(frame).map_err(|e| {
        AgentError::new(format!(
            "a frame of its input is no UTF-8 from byte {} on, and every frame of a text stream is: the stream is damaged",
            e.valid_up_to()
        ))
    })
}

impl Output {
    /// An output of at most `most` frames with `len_bytes` of room, in a stream of `capacity` bytes.
    ///
    /// # Safety
    /// * `room .. room + len_bytes` is writable, initialised and touched by nobody else as long as the
    ///   value lives.
    /// * `position` is the place in the stream of the first frame written, counted in frames.
    pub unsafe fn of_frames(
        room: *mut u8,
        len_bytes: usize,
        most: usize,
        position: u64,
        capacity: u64,
    ) -> Output {
        // SAFETY: as promised; `framed` below keeps `room` from handing out items of one length.
        let output = unsafe { Output::new(room, len_bytes, position, 1) };
        Output {
            framed: Some(FrameRoom {
                at: 0,
                most,
                payload_len_max: payload_len_bytes_max(capacity),
                wanted: 0,
                too_long: None,
            }),
            ..output
        }
    }

    /// Gives one frame; false, and nothing given, where it does not fit now. A frame that can never fit
    /// ends the run: its worker says so.
    ///
    /// # Panics
    /// When the items are not frames.
    pub fn give(&mut self, payload: &[u8]) -> bool {
        if !self.fits(payload.len()) {
            return false;
        }
        let frames = self.framed.as_mut().expect("an output of frames");
        // SAFETY: `of_frames` was promised `len` writable bytes; `at` counts what is written of them.
        let room = unsafe {
            std::slice::from_raw_parts_mut(self.room.add(frames.at), self.len - frames.at)
        };
        frames.at += write_frame(room, payload).expect("looked above");
        self.produced += 1;
        true
    }

    /// Whether a frame with so many bytes of payload fits now: for who gives to several outputs or none.
    /// Where not, it counts as refused.
    ///
    /// # Panics
    /// When the items are not frames.
    pub fn fits(&mut self, payload_len: usize) -> bool {
        let frames = self.framed.as_mut().expect("an output of frames");
        if payload_len > frames.payload_len_max {
            frames.too_long = Some(payload_len);
            return false;
        }
        let len_bytes = frame_len_bytes(payload_len).unwrap_or(usize::MAX);
        if len_bytes > self.len - frames.at {
            frames.wanted = len_bytes;
            return false;
        }
        self.produced < frames.most
    }

    /// Whether frames that take so many bytes of the ring together fit now. Where not, they count as refused,
    /// unless they never will.
    ///
    /// # Panics
    /// When the items are not frames.
    pub(crate) fn fits_together(&mut self, len_bytes: usize) -> bool {
        let frames = self.framed.as_mut().expect("an output of frames");
        if len_bytes > self.len - frames.at {
            frames.wanted = len_bytes;
            return false;
        }
        true
    }

    /// As [`Output::give`], for text.
    pub fn give_text(&mut self, text: &str) -> bool {
        self.give(text.as_bytes())
    }

    /// How many frames fit at most.
    pub(super) fn frame_space(&self, frames: &FrameRoom) -> usize {
        let fit = (self.len - frames.at) / FRAME_LEN_BYTES_MIN;
        fit.min(frames.most - self.produced)
    }

    /// Bytes that the frames produced take in the ring; `None` where items are of one length.
    pub fn produced_bytes(&self) -> Option<usize> {
        self.framed.as_ref().map(|frames| frames.at)
    }

    /// Bytes of the ring that the frame refused last would have taken: 0 where none was refused.
    pub fn wanted_bytes(&self) -> usize {
        self.framed.as_ref().map_or(0, |frames| frames.wanted)
    }

    /// Length of a frame that was refused because the stream can never take it.
    pub fn too_long(&self) -> Option<usize> {
        self.framed.as_ref().and_then(|frames| frames.too_long)
    }
}

/// Gives the first frames of an input to an output as they are: as many as are there and fit, at most
/// `most`. Gives how many.
pub(super) fn pass_frames_on(input: &mut Input, output: &mut Output, most: usize) -> usize {
    let frames = output.framed.as_mut().expect("an output of frames");
    // SAFETY: as in `give`.
    let room = unsafe {
        std::slice::from_raw_parts_mut(output.room.add(frames.at), output.len - frames.at)
    };
    let most = most.min(frames.most - output.produced);
    let mut coming = input.frames();
    let all = coming.rest();
    let (mut n, mut len_bytes, mut refused) = (0, 0, None);
    while n < most {
        let Some(payload) = coming.next() else { break };
        let end = all.len() - coming.rest().len();
        if end > room.len() {
            refused = Some(payload);
            break;
        }
        (n, len_bytes) = (n + 1, end);
    }
    room[..len_bytes].copy_from_slice(&all[..len_bytes]);
    frames.at += len_bytes;
    output.produced += n;
    // So that it is known what to make room for.
    if let Some(payload) = refused {
        output.give(payload);
    }
    input.at += len_bytes;
    input.consumed += n;
    n
}
