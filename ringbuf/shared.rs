//! A ring that has a segment to itself: made by one process, attached by name from others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytemuck::Pod;
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::consumer::Consumer;
use crate::frames::{FrameConsumer, FrameProducer, FrameTap};
use crate::layout::{FRAMES_NAME, Geometry, LayoutError, Mode, RingSpec, item_name_of};
use crate::mapped::{MappedRing, OpenError};
use crate::producer::Producer;
use crate::raw::Resync;
use crate::ring::{JoinError, Ring};
use crate::segment::{Access, Segment, SegmentError};
use crate::sync::{AtomicU32, Ordering};
use crate::tap::Tap;

/// A ring in a segment of its own. The ends made from it keep the memory mapped.
///
/// ```
/// use thalweg_ringbuf::{RingSpec, SharedRing};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let name = format!("/thalweg-doc-{}", std::process::id());
/// let made = SharedRing::create(&name, &RingSpec::of::<f64>(1024))?;
/// let mut producer = made.producer::<f64>()?;
///
/// // In another process of the same user:
/// let attached = SharedRing::attach(&name)?;
/// let mut consumer = attached.consumer::<f64>(0)?;
///
/// producer.push_slice(&[1.0, 2.0, 3.0])?;
/// drop(producer); // closes the stream
/// let mut sum = 0.0;
/// for item in consumer.items() {
///     sum += item?;
/// }
/// assert_eq!(sum, 6.0);
/// made.unlink()?; // the side that made it takes the name away
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SharedRing {
    mapped: Arc<MappedRing>,
}

impl SharedRing {
    /// Makes the segment `name` with one ring as `spec` wants it. On an error nothing is left.
    /// The name stays until [`SharedRing::unlink`].
    pub fn create(name: &str, spec: &RingSpec) -> Result<Self, OpenError> {
        let len_bytes = spec.geometry(crate::Fencing::Symmetric)?.len_bytes();
        let segment = Arc::new(Segment::create(name, len_bytes)?);
        Self::format(&segment, spec).inspect_err(|_| {
            // The error that comes is the one to tell; the name is ours to take away.
            let _ = segment.unlink();
        })
    }

    /// Makes a ring without a name, for the threads of this process and the children it forks.
    pub fn anonymous(spec: &RingSpec) -> Result<Self, OpenError> {
        let len_bytes = spec.geometry(crate::Fencing::Symmetric)?.len_bytes();
        Self::format(&Arc::new(Segment::anonymous(len_bytes)?), spec)
    }

    fn format(segment: &Arc<Segment>, spec: &RingSpec) -> Result<Self, OpenError> {
        // SAFETY: the segment was made just now and no other ring lies in it; who attaches by name
        // waits for the magic.
        let mapped = unsafe { MappedRing::format(segment, 0, spec) }?;
        Ok(Self {
            mapped: Arc::new(mapped),
        })
    }

    /// Attaches to the ring that another process made under `name`.
    pub fn attach(name: &str) -> Result<Self, OpenError> {
        Self::open(Segment::attach(name)?)
    }

    /// Attaches to look on only: taps can be made from it, nothing else.
    pub fn attach_read_only(name: &str) -> Result<Self, OpenError> {
        Self::open(Segment::attach_read_only(name)?)
    }

    /// Attaches as soon as the ring is there and whole, trying for `patience`.
    pub fn attach_within(name: &str, patience: Duration) -> Result<Self, OpenError> {
        let give_up = Instant::now() + patience;
        loop {
            match Self::attach(name) {
                Err(error) if not_yet(&error) && Instant::now() < give_up => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                done => return done,
            }
        }
    }

    fn open(segment: Segment) -> Result<Self, OpenError> {
        let found = segment.len_bytes();
        let mapped = MappedRing::open(&Arc::new(segment), 0)?;
        let need = mapped.geometry().len_bytes();
        if found != need {
            return Err(LayoutError::Length {
                found: found as u64,
                need: need as u64,
            }
            .into());
        }
        Ok(Self {
            mapped: Arc::new(mapped),
        })
    }

    /// Takes the name away: nobody can attach any more, those who have it go on.
    pub fn unlink(&self) -> Result<(), SegmentError> {
        self.mapped.segment().unlink()
    }

    /// The checked shape of the ring.
    pub fn geometry(&self) -> &Geometry {
        self.mapped.geometry()
    }

    /// Items published so far, as a position.
    pub fn written(&self) -> u64 {
        self.mapped.handle().written()
    }

    /// Whether the stream has ended.
    pub fn is_closed(&self) -> bool {
        self.mapped.handle().is_closed()
    }

    /// The producer's end, for one process at a time. It goes on where a dead one had published.
    pub fn producer<T: Pod>(&self) -> Result<Producer<T>, EndError> {
        self.check_item::<T>()?;
        self.seat_producer()?;
        Ok(Producer::new(self.mapped.clone()))
    }

    /// The end of lossless reader `reader`, for one process at a time. It goes on where a dead one
    /// had released.
    pub fn consumer<T: Pod>(&self, reader: usize) -> Result<Consumer<T>, EndError> {
        self.check_item::<T>()?;
        self.seat_reader(reader)?;
        Ok(Consumer::new(self.mapped.clone(), reader))
    }

    /// A further lossless reader, from the next item on, on a spare line.
    pub fn join<T: Pod>(&self) -> Result<Consumer<T>, EndError> {
        self.check_item::<T>()?;
        let reader = self.join_line()?;
        Ok(Consumer::new(self.mapped.clone(), reader))
    }

    /// A tap, from the next item on: holds nobody back.
    pub fn tap<T: Pod>(&self) -> Result<Tap<T>, EndError> {
        self.check_item::<T>()?;
        Ok(Tap::new(self.mapped.clone()))
    }

    /// The producer's end of a ring of frames.
    pub fn frame_producer(&self) -> Result<FrameProducer, EndError> {
        self.check_frames()?;
        self.seat_producer()?;
        Ok(FrameProducer::new(self.mapped.clone()))
    }

    /// The end of lossless reader `reader` of a ring of frames.
    pub fn frame_consumer(&self, reader: usize) -> Result<FrameConsumer, EndError> {
        self.check_frames()?;
        self.seat_reader(reader)?;
        Ok(FrameConsumer::new(self.mapped.clone(), reader))
    }

    /// A further lossless reader of a ring of frames, from the next frame on.
    pub fn frame_join(&self) -> Result<FrameConsumer, EndError> {
        self.check_frames()?;
        let reader = self.join_line()?;
        Ok(FrameConsumer::new(self.mapped.clone(), reader))
    }

    /// A tap on a ring of frames, from the next frame on.
    pub fn frame_tap(&self) -> Result<FrameTap, EndError> {
        self.check_frames()?;
        Ok(FrameTap::new(
            self.mapped.handle().tap(Resync::Newest),
            self.mapped.clone(),
        ))
    }

    /// Takes the lines of lossless readers whose process is dead, so that they hold the producer
    /// back no more, and returns how many. What they had not released is lost to them.
    pub fn evict_dead_readers(&self) -> Result<usize, EndError> {
        self.check_writable()?;
        let ring = self.mapped.handle();
        let mut evicted = 0;
        for reader in 0..ring.geometry().readers {
            // SEAT: whoever takes the dead one's seat may use its line.
            let owner = ring.reader_owner(reader).load(Ordering::Acquire);
            if owner == 0 || is_alive(owner) || take_seat(ring.reader_owner(reader)).is_err() {
                continue;
            }
            ring.leave(reader);
            leave_seat(ring.reader_owner(reader));
            ring.producer_bell().ring();
            evicted += 1;
        }
        Ok(evicted)
    }

    fn check_item<T: Pod>(&self) -> Result<(), EndError> {
        let geometry = self.geometry();
        let (name, len, align) = (item_name_of::<T>(), size_of::<T>(), align_of::<T>());
        if geometry.item_name.as_str() == name
            && geometry.item_len_bytes == len
            && geometry.item_align == align
        {
            return Ok(());
        }
        Err(EndError::ItemType {
            found: describe(geometry),
            expected: format!("{name} ({len} bytes, aligned to {align})"),
        })
    }

    fn check_frames(&self) -> Result<(), EndError> {
        let geometry = self.geometry();
        let aligned = geometry.start.is_multiple_of(8) && geometry.capacity >= 16;
        if geometry.item_name.as_str() == FRAMES_NAME && geometry.item_len_bytes == 1 && aligned {
            return Ok(());
        }
        Err(EndError::ItemType {
            found: describe(geometry),
            expected: "frames (16 bytes or more, from a multiple of 8)".into(),
        })
    }

    fn check_writable(&self) -> Result<(), EndError> {
        match self.mapped.segment().access() {
            Access::ReadWrite => Ok(()),
            _ => Err(EndError::ReadOnly),
        }
    }

    fn seat_producer(&self) -> Result<(), EndError> {
        self.check_writable()?;
        let ring = self.mapped.handle();
        take_seat(ring.producer_owner()).map_err(|pid| EndError::Taken {
            end: "the producer".into(),
            pid,
        })?;
        if ring.is_closed() {
            leave_seat(ring.producer_owner());
            return Err(EndError::Closed);
        }
        Ok(())
    }

    fn seat_reader(&self, reader: usize) -> Result<(), EndError> {
        self.check_writable()?;
        let ring = self.mapped.handle();
        let readers = ring.geometry().readers;
        if reader >= readers || ring.mode(reader) != Some(Mode::Lossless) {
            return Err(EndError::NoReader { reader, readers });
        }
        take_seat(ring.reader_owner(reader)).map_err(|pid| EndError::Taken {
            end: format!("reader {reader}"),
            pid,
        })
    }

    fn join_line(&self) -> Result<usize, EndError> {
        self.check_writable()?;
        let ring = self.mapped.handle();
        let (reader, _) = ring.join()?;
        // SEAT: the line is ours since `join` took it.
        ring.reader_owner(reader)
            .store(std::process::id(), Ordering::Release);
        Ok(reader)
    }
}

/// Why an end of a ring could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndError {
    /// The ring carries something else.
    #[error("the ring carries {found}, this end takes {expected}")]
    ItemType {
        /// What it carries.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// Another live process has it.
    #[error("{end} is taken by process {pid}: an end has one user at a time")]
    Taken {
        /// The end.
        end: String,
        /// Who has it.
        pid: u32,
    },
    /// No lossless reader of this number.
    #[error(
        "reader {reader} is none of the ring's lossless readers (it has {readers} lines): make it with more readers, or join"
    )]
    NoReader {
        /// The number asked for.
        reader: usize,
        /// Lines there are.
        readers: usize,
    },
    /// The stream has ended.
    #[error("the stream has been closed by its producer: make a new ring")]
    Closed,
    /// Only taps can be had of a ring that is attached to read only.
    #[error("the ring is attached to read only: attach it to write, or use a tap")]
    ReadOnly,
    /// No line to join on.
    #[error(transparent)]
    Join(#[from] JoinError),
}

/// Leaves the producer's seat and ends the stream, unless this process never had it (a forked copy).
pub(crate) fn close_producer(ring: &Ring) {
    // SEAT: only its holder stores it while it is held.
    if ring.producer_owner().load(Ordering::Relaxed) == std::process::id() {
        ring.close();
        leave_seat(ring.producer_owner());
        ring.ring_readers();
    }
}

/// Leaves a reader's seat for good, unless this process never had it (a forked copy).
pub(crate) fn leave_reader(ring: &Ring, reader: usize) {
    // SEAT: as above. The seat first: the line may be taken again as soon as the mode says so.
    if ring.reader_owner(reader).load(Ordering::Relaxed) == std::process::id() {
        leave_seat(ring.reader_owner(reader));
        ring.leave(reader);
        ring.producer_bell().ring();
    }
}

/// Takes a seat that is free or whose holder is dead; else says who has it.
fn take_seat(owner: &AtomicU32) -> Result<(), u32> {
    let me = std::process::id();
    // SEAT (in, from leave_seat): what the last holder stored in its words is there.
    let taken = |from| {
        owner
            .compare_exchange(from, me, Ordering::AcqRel, Ordering::Acquire)
            .map(drop)
    };
    taken(0).or_else(|holder| {
        if is_alive(holder) {
            Err(holder)
        } else {
            taken(holder)
        }
    })
}

fn leave_seat(owner: &AtomicU32) {
    // SEAT (out, to take_seat): our words come before the seat is free.
    owner.store(0, Ordering::Release);
}

/// Whether a process of this number exists. A number that was given anew counts as alive.
fn is_alive(pid: u32) -> bool {
    i32::try_from(pid)
        .is_ok_and(|pid| pid > 0 && kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH))
}

fn not_yet(error: &OpenError) -> bool {
    matches!(
        error,
        OpenError::Segment(SegmentError::NotFound { .. } | SegmentError::Length { found: 0, .. })
            | OpenError::Layout(LayoutError::HalfMade)
    )
}

fn describe(geometry: &Geometry) -> String {
    let Geometry {
        item_name,
        item_len_bytes,
        item_align,
        ..
    } = geometry;
    format!(
        "{} ({item_len_bytes} bytes, aligned to {item_align})",
        item_name.as_str()
    )
}
