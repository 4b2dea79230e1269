//! The bytes of a ring that several processes share: where each word lies, and who writes it.
//!
//! ```text
//! offset  bytes
//!      0      8  magic                         stored last: a ring without it is half made
//!      8    248  identity                      written once by the creator, then never again
//!    256    128  written closed                the producer's line that readers poll
//!    384    128  claimed dropped owner         the producer's line that only taps look at
//!    512    128  bell: seq sleeping fencing    rung to wake the producer
//!    640    128  consumed lost mode owner      reader 0's line
//!    768    128  bell                          rung to wake reader 0
//!    896    256  reader 1, and so on, `readers` times
//!      .         zeros up to a multiple of 4096: the header's own pages
//! header_len_bytes
//!      .         data: `slots` items of `item_len_bytes`, a multiple of 4096 bytes
//! ```
//!
//! Every word has one writer at a time; words that different processes write lie on different
//! 128-byte lines (two cache lines: neighbours are fetched in pairs). A bell has a line of its own
//! because its peer reads it at each publication: beside `consumed` it would never stay cached. And
//! `claimed`, stored before an item's bytes, lies apart from `written`, stored after them: stores
//! become visible in order, so that a reader polling one line for both would take it away twice.
//!
//! A header found in memory is a claim: [`Geometry::of_header`] copies the identity out once,
//! checks every field of the copy, and whoever holds a [`Geometry`] need not ask again.

use core::mem::{offset_of, size_of};
use core::ptr;

use bytemuck::{Pod, Zeroable};

use crate::barrier::Fencing;
use crate::sync::{AtomicU32, AtomicU64, Edge, Ordering, edge};
use crate::wait::Bell;

/// Moves with every change of the layout; both sides of a ring need the same one.
pub const LAYOUT_VERSION: u32 = 1;
/// The unit of mapping and protection: headers and data are whole multiples of it.
pub const PAGE_LEN_BYTES: usize = 4096;
/// The longest item of a ring.
pub const ITEM_LEN_BYTES_MAX: usize = 1 << 20;
/// The strictest alignment of an item.
pub const ITEM_ALIGN_MAX: usize = 64;
/// The most reader lines one ring can have.
pub const READERS_MAX: usize = 254;
/// The longest name of an item type, in bytes.
pub const ITEM_NAME_LEN_BYTES: usize = 64;

const MAGIC: u64 = u64::from_le_bytes(*b"THALWEGR");
/// The longest data area: twice its length must still be a mapping.
const DATA_LEN_BYTES_MAX: u64 = 1 << 46;

/// What a ring is to be: given by its creator, turned into a [`Geometry`] by [`RingSpec::geometry`].
#[derive(Clone, Debug)]
pub struct RingSpec {
    /// Name of the item type, 1 to 64 bytes of UTF-8: both ends compare it.
    pub item_name: String,
    /// Bytes of one item, 1 to 1 MiB, a multiple of `item_align`.
    pub item_len_bytes: usize,
    /// Alignment of an item in bytes: a power of two, at most 64.
    pub item_align: usize,
    /// Items that may be in flight, at least 1, honoured exactly.
    pub capacity: u64,
    /// Readers that are lossless from the first item on: nothing is overwritten before they come.
    pub readers: usize,
    /// Further reader lines, vacant until someone joins at run time.
    pub spare_readers: usize,
    /// Position of the first item.
    pub start: u64,
    /// Any number that tells one run from another.
    pub run_id: u64,
}

impl RingSpec {
    /// A ring of `capacity` items of type `T` with one lossless reader, starting at position 0.
    pub fn of<T: Pod>(capacity: u64) -> Self {
        Self {
            item_name: item_name_of::<T>(),
            item_len_bytes: size_of::<T>(),
            item_align: align_of::<T>(),
            capacity,
            readers: 1,
            spare_readers: 0,
            start: 0,
            run_id: 0,
        }
    }

    /// A ring of `capacity_bytes` bytes for length-prefixed frames, with one lossless reader.
    pub fn frames(capacity_bytes: u64) -> Self {
        Self {
            item_name: FRAMES_NAME.to_string(),
            item_len_bytes: 1,
            item_align: 1,
            capacity: capacity_bytes,
            readers: 1,
            spare_readers: 0,
            start: 0,
            run_id: 0,
        }
    }

    /// With `readers` lossless readers from the first item on.
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = readers;
        self
    }

    /// With `spare_readers` further lines for readers that join at run time.
    pub fn spare_readers(mut self, spare_readers: usize) -> Self {
        self.spare_readers = spare_readers;
        self
    }

    /// With the first item at position `start`.
    pub fn start(mut self, start: u64) -> Self {
        self.start = start;
        self
    }

    /// With a number that tells this run from another.
    pub fn run_id(mut self, run_id: u64) -> Self {
        self.run_id = run_id;
        self
    }

    /// The shape this ring gets: slots are rounded up so that the data fills whole pages and a slot
    /// is found by a mask; `capacity` stays as asked.
    pub fn geometry(&self, fencing: Fencing) -> Result<Geometry, LayoutError> {
        let item_len = self.item_len_bytes as u64;
        let readers = self.readers.saturating_add(self.spare_readers);
        check_item(item_len, self.item_align as u64)?;
        check_readers(readers as u64)?;
        let per_page = page_slots(item_len);
        let slots = self.capacity.max(per_page).checked_next_power_of_two();
        let data_len = slots.and_then(|slots| slots.checked_mul(item_len));
        let (Some(slots), Some(data_len)) = (slots, data_len) else {
            return Err(LayoutError::TooLong {
                capacity: self.capacity,
                item_len_bytes: item_len,
            });
        };
        let identity = Identity {
            layout_version: LAYOUT_VERSION,
            header_len_bytes: header_len_bytes(readers) as u32,
            item_len_bytes: item_len as u32,
            item_align: self.item_align as u32,
            readers: readers as u32,
            fencing: fencing as u32,
            capacity: self.capacity,
            slots,
            data_len_bytes: data_len,
            start: self.start,
            run_id: self.run_id,
            creator_pid: std::process::id(),
            zero: 0,
            item_name: *ItemName::new(&self.item_name)?.bytes(),
            reserved: [0; 13],
            check: 0,
        };
        identity.sealed().geometry(u64::MAX)
    }
}

/// Item name of rings that carry length-prefixed frames.
pub const FRAMES_NAME: &str = "frames";

/// The name a Rust type gets in a header: its own name without the paths of its modules.
///
/// ```
/// assert_eq!(thalweg_ringbuf::item_name_of::<f64>(), "f64");
/// assert_eq!(thalweg_ringbuf::item_name_of::<[f32; 3]>(), "[f32; 3]");
/// assert_eq!(thalweg_ringbuf::item_name_of::<core::num::Wrapping<u8>>(), "Wrapping<u8>");
/// ```
pub fn item_name_of<T>() -> String {
    let mut name = String::new();
    for part in core::any::type_name::<T>()
        .split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
    {
        name.push_str(part.rsplit("::").next().unwrap_or(part));
    }
    let mut end = name.len().min(ITEM_NAME_LEN_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    name
}

/// Name of an item type, as it lies in a header: UTF-8 padded with zeros.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ItemName([u8; ITEM_NAME_LEN_BYTES]);

impl ItemName {
    /// Refuses an empty name, one longer than 64 bytes, and one with a zero byte.
    pub fn new(name: &str) -> Result<Self, LayoutError> {
        let bytes = name.as_bytes();
        if bytes.is_empty() || bytes.len() > ITEM_NAME_LEN_BYTES || bytes.contains(&0) {
            return Err(LayoutError::ItemName {
                found: name.to_string(),
            });
        }
        let mut padded = [0; ITEM_NAME_LEN_BYTES];
        padded[..bytes.len()].copy_from_slice(bytes);
        Ok(Self(padded))
    }

    fn from_padded(padded: [u8; ITEM_NAME_LEN_BYTES]) -> Result<Self, LayoutError> {
        let len = padded
            .iter()
            .position(|&b| b == 0)
            .unwrap_or(ITEM_NAME_LEN_BYTES);
        let lossy = || {
            String::from_utf8_lossy(&padded)
                .trim_end_matches('\0')
                .to_string()
        };
        if len == 0
            || padded[len..].iter().any(|&b| b != 0)
            || str::from_utf8(&padded[..len]).is_err()
        {
            return Err(LayoutError::ItemName { found: lossy() });
        }
        Ok(Self(padded))
    }

    /// The name without its padding.
    pub fn as_str(&self) -> &str {
        let len = self
            .0
            .iter()
            .position(|&b| b == 0)
            .unwrap_or(ITEM_NAME_LEN_BYTES);
        str::from_utf8(&self.0[..len]).unwrap_or_default()
    }

    fn bytes(&self) -> &[u8; ITEM_NAME_LEN_BYTES] {
        &self.0
    }
}

impl core::fmt::Debug for ItemName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.as_str().fmt(f)
    }
}

/// The checked shape of a ring: private memory, so no peer can change it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Name of the item type.
    pub item_name: ItemName,
    /// Bytes of one item, 1 to 1 MiB.
    pub item_len_bytes: usize,
    /// Alignment of an item in bytes, a power of two, at most 64.
    pub item_align: usize,
    /// Items that may be in flight: 1 to `slots`.
    pub capacity: u64,
    /// Places in the data area: a power of two.
    pub slots: u64,
    /// Reader lines in the header.
    pub readers: usize,
    /// Position of the first item.
    pub start: u64,
    /// Process that made the ring.
    pub creator_pid: u32,
    /// The run it was made for.
    pub run_id: u64,
    /// How the rare side and the hot side of a waiting protocol order their accesses.
    pub fencing: Fencing,
    /// Length of the header, whole pages. The data follow it.
    pub header_len_bytes: usize,
    /// Length of the data, whole pages.
    pub data_len_bytes: usize,
}

impl Geometry {
    /// Bytes of the ring in its segment: header and data, whole pages.
    pub fn len_bytes(&self) -> usize {
        self.header_len_bytes + self.data_len_bytes
    }

    /// The slot of `position`: its index is below `slots`.
    #[inline(always)]
    pub fn slot_of(&self, position: u64) -> usize {
        (position & (self.slots - 1)) as usize
    }

    /// Checks a header given as bytes, inside a region of `region_len_bytes`. Pure: reads nothing
    /// else, allocates nothing but the text of an error, never panics.
    pub fn of_bytes(bytes: &[u8], region_len_bytes: usize) -> Result<Self, LayoutError> {
        let Some(bytes) = bytes.get(..HEADER_LEN_BYTES_MIN) else {
            return Err(too_short(bytes.len()));
        };
        let mut magic = [0; 8];
        magic.copy_from_slice(&bytes[..8]);
        check_magic(u64::from_ne_bytes(magic))?;
        let identity: Identity = bytemuck::pod_read_unaligned(&bytes[8..8 + size_of::<Identity>()]);
        identity.geometry(region_len_bytes as u64)
    }

    /// Checks the header at `header`, inside a region of `region_len_bytes`, which another process
    /// may change meanwhile: the identity is copied once and only the copy is looked at.
    ///
    /// # Safety
    ///
    /// `header` is 128-byte aligned and readable for `region_len_bytes` bytes.
    pub unsafe fn of_header(
        header: *const u8,
        region_len_bytes: usize,
    ) -> Result<Self, LayoutError> {
        debug_assert!(header.addr().is_multiple_of(128));
        if region_len_bytes < size_of::<Header>() {
            return Err(too_short(region_len_bytes));
        }
        let header = header.cast::<Header>();
        // SAFETY: the region is readable and holds a whole `Header` (above); any bytes are one.
        let magic = unsafe { &(*header).magic };
        check_magic(Header::load_magic(magic))?;
        // SAFETY: as above; volatile, since a hostile peer may write it now: the copy may be torn,
        // which its checks find, but it is read once.
        let identity = unsafe { ptr::read_volatile(&raw const (*header).identity) };
        identity.geometry(region_len_bytes as u64)
    }
}

/// Why a header, or a wish for one, was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// The region cannot hold what it is said to hold.
    #[error("ring region of {found} bytes, needs {need}: truncated, or not a ring")]
    TooShort {
        /// Bytes there are.
        found: u64,
        /// Bytes it takes.
        need: u64,
    },
    /// A segment of one ring is exactly as long as the ring.
    #[error("segment of {found} bytes, its ring is {need} long: not what its creator made")]
    Length {
        /// Bytes there are.
        found: u64,
        /// Bytes of the ring.
        need: u64,
    },
    /// The creator has not finished, or died before it had.
    #[error("ring has no magic yet: its creator is still at it or died; make it again")]
    HalfMade,
    /// Something else is there.
    #[error("not a ring: magic {found:#018x}, a ring has {:#018x}", MAGIC)]
    Magic {
        /// The eight bytes found.
        found: u64,
    },
    /// Made on a machine of the other byte order.
    #[error("ring of the other byte order: rings do not travel between such machines")]
    ByteOrder,
    /// Made by another build.
    #[error(
        "ring of layout version {found}, this build reads {}: use one build for both ends",
        LAYOUT_VERSION
    )]
    Version {
        /// Version found.
        found: u32,
    },
    /// Some byte of the identity is not what its creator wrote.
    #[error("ring identity is damaged: checksum {found:#018x}, its bytes give {expected:#018x}")]
    Check {
        /// Checksum stored.
        found: u64,
        /// Checksum of the bytes.
        expected: u64,
    },
    /// One field is out of its range.
    #[error("ring header field `{field}` is {found}: {rule}")]
    Field {
        /// The field.
        field: &'static str,
        /// What it holds.
        found: u64,
        /// What it may hold.
        rule: &'static str,
    },
    /// Not a name of an item type.
    #[error("item name {found:?}: a name is 1 to 64 bytes of UTF-8 without zero bytes")]
    ItemName {
        /// What was there.
        found: String,
    },
    /// The data would not fit an address space.
    #[error(
        "ring of {capacity} items of {item_len_bytes} bytes is longer than a mapping can be: ask for less"
    )]
    TooLong {
        /// Items asked for.
        capacity: u64,
        /// Bytes of one.
        item_len_bytes: u64,
    },
}

/// The fixed part of a header; `readers` reader lines follow it.
#[repr(C, align(128))]
pub(crate) struct Header {
    magic: AtomicU64,
    identity: Identity,
    pub(crate) producer: ProducerLine,
    pub(crate) producer_own: ProducerOwnLine,
    pub(crate) producer_bell: Bell,
}

/// The producer's words; only the producer stores them.
#[repr(C, align(128))]
pub(crate) struct ProducerLine {
    /// Items below are whole and may be read.
    pub(crate) written: AtomicU64,
    /// 1: nothing comes after `written`.
    pub(crate) closed: AtomicU32,
}

/// More of the producer's words, which lossless readers do not look at.
#[repr(C, align(128))]
pub(crate) struct ProducerOwnLine {
    /// Items below may be under way: what lies a lap behind it is gone for a tap.
    pub(crate) claimed: AtomicU64,
    /// Items the producer threw away because the ring was full and its edge said so.
    pub(crate) dropped: AtomicU64,
    /// Process that holds the producer's end, 0 for none.
    pub(crate) owner: AtomicU32,
}

/// One reader's words; only that reader stores them.
#[repr(C, align(128))]
pub(crate) struct ReaderWords {
    /// Items below are not needed by this reader any more.
    pub(crate) consumed: AtomicU64,
    /// Items this reader missed (taps and lossy edges).
    pub(crate) lost: AtomicU64,
    /// A [`Mode`].
    pub(crate) mode: AtomicU32,
    /// Process that holds this reader's end, 0 for none.
    pub(crate) owner: AtomicU32,
}

/// A reader's words and its bell.
#[repr(C)]
pub(crate) struct ReaderLine {
    pub(crate) words: ReaderWords,
    pub(crate) bell: Bell,
}

/// What a reader line is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Mode {
    /// Nobody's.
    Vacant = 0,
    /// Holds the producer back.
    Lossless = 1,
    /// Holds nobody back and counts what it missed.
    Tap = 2,
    /// Read once, reads no more: holds nobody back, may be taken again.
    Left = 3,
    /// Being taken: `consumed` is not meaningful yet, the producer looks past it.
    Seated = 4,
    /// Holds the producer back already; its position is about to be raised to `written`.
    Joining = 5,
}

impl Mode {
    pub(crate) fn of(word: u32) -> Option<Self> {
        [
            Self::Vacant,
            Self::Lossless,
            Self::Tap,
            Self::Left,
            Self::Seated,
            Self::Joining,
        ]
        .into_iter()
        .find(|&mode| mode as u32 == word)
    }
}

// The drawing above, proven. Loom's atomics are larger: its headers lie on the heap, read by no one else.
#[cfg(not(loom))]
const _: () = {
    assert!(offset_of!(Header, magic) == 0);
    assert!(offset_of!(Header, identity) == 8);
    assert!(offset_of!(Header, producer) == 256);
    assert!(offset_of!(Header, producer_own) == 384);
    assert!(offset_of!(Header, producer_bell) == 512);
    assert!(size_of::<Header>() == HEADER_LEN_BYTES_MIN && align_of::<Header>() == 128);
    assert!(offset_of!(ProducerLine, written) == 0);
    assert!(offset_of!(ProducerLine, closed) == 8);
    assert!(offset_of!(ProducerOwnLine, claimed) == 0);
    assert!(offset_of!(ProducerOwnLine, dropped) == 8);
    assert!(offset_of!(ProducerOwnLine, owner) == 16);
    assert!(offset_of!(ReaderLine, words) == 0);
    assert!(offset_of!(ReaderLine, bell) == 128);
    assert!(size_of::<ReaderLine>() == 256);
    assert!(offset_of!(ReaderWords, consumed) == 0);
    assert!(offset_of!(ReaderWords, lost) == 8);
    assert!(offset_of!(ReaderWords, mode) == 16);
    assert!(offset_of!(ReaderWords, owner) == 20);
};
const _: () = {
    assert!(size_of::<Identity>() == 248);
    assert!(offset_of!(Identity, layout_version) == 0); // offset 8 of the header
    assert!(offset_of!(Identity, capacity) == 24);
    assert!(offset_of!(Identity, slots) == 32);
    assert!(offset_of!(Identity, data_len_bytes) == 40);
    assert!(offset_of!(Identity, item_name) == 72);
    assert!(offset_of!(Identity, check) == 240);
};

/// Bytes that must be there before a header can be looked at.
const HEADER_LEN_BYTES_MIN: usize = 640;

impl Header {
    /// Writes the header of `geometry` at `header`: lossless readers first, spare lines vacant, and
    /// the magic last.
    ///
    /// # Safety
    ///
    /// As of [`Header::fill`].
    pub(crate) unsafe fn format(header: *mut Header, geometry: &Geometry, lossless: usize) {
        // SAFETY: this function's contract is that of `fill`.
        unsafe { Self::fill(header, geometry, lossless) };
        // SAFETY: filled above; shared from here on, so by reference only.
        unsafe { &*header }.store_magic();
    }

    /// Writes everything but the magic.
    ///
    /// # Safety
    ///
    /// `header` is 128-byte aligned, writable for a `Header` and `geometry.readers` reader lines,
    /// and nobody else touches those bytes before the magic is there.
    pub(crate) unsafe fn fill(header: *mut Header, geometry: &Geometry, lossless: usize) {
        debug_assert!(header.is_aligned() && lossless <= geometry.readers);
        let made = Header {
            magic: AtomicU64::new(0),
            identity: Identity::of(geometry),
            producer: ProducerLine {
                written: AtomicU64::new(geometry.start),
                closed: AtomicU32::new(0),
            },
            producer_own: ProducerOwnLine {
                claimed: AtomicU64::new(geometry.start),
                dropped: AtomicU64::new(0),
                owner: AtomicU32::new(0),
            },
            producer_bell: Bell::new(geometry.fencing),
        };
        // SAFETY: writable and nobody else's, by this function's contract.
        unsafe { header.write(made) };
        for reader in 0..geometry.readers {
            let mode = if reader < lossless {
                Mode::Lossless
            } else {
                Mode::Vacant
            };
            let made = ReaderLine {
                words: ReaderWords {
                    consumed: AtomicU64::new(geometry.start),
                    lost: AtomicU64::new(0),
                    mode: AtomicU32::new(mode as u32),
                    owner: AtomicU32::new(0),
                },
                bell: Bell::new(geometry.fencing),
            };
            // SAFETY: `reader < readers`, whose lines are writable by this function's contract.
            unsafe { Self::reader_line(header, reader).write(made) };
        }
    }

    /// Says that the header is whole.
    pub(crate) fn store_magic(&self) {
        // FORMAT (out, to Header::load_magic): the whole header comes before its magic.
        self.magic
            .store(MAGIC, edge(Edge::FormatOut, Ordering::Release));
    }

    /// What stands where the magic belongs.
    pub(crate) fn load_magic(magic: &AtomicU64) -> u64 {
        // FORMAT (in, from Header::store_magic): a magic that is there means the identity is whole.
        magic.load(edge(Edge::FormatIn, Ordering::Acquire))
    }

    /// Whether the header is whole.
    #[cfg(all(test, loom))]
    pub(crate) fn has_magic(&self) -> bool {
        Self::load_magic(&self.magic) == MAGIC
    }

    /// The line of `reader`, right behind the fixed part.
    ///
    /// # Safety
    ///
    /// `header` is the start of a header with more than `reader` reader lines.
    #[inline(always)]
    pub(crate) unsafe fn reader_line(header: *mut Header, reader: usize) -> *mut ReaderLine {
        // SAFETY: inside the header, by this function's contract.
        unsafe { header.add(1).cast::<ReaderLine>().add(reader) }
    }
}

/// The immutable part of a header, as bytes lie in memory.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Identity {
    layout_version: u32,
    header_len_bytes: u32,
    item_len_bytes: u32,
    item_align: u32,
    readers: u32,
    fencing: u32,
    capacity: u64,
    slots: u64,
    data_len_bytes: u64,
    start: u64,
    run_id: u64,
    creator_pid: u32,
    zero: u32,
    item_name: [u8; ITEM_NAME_LEN_BYTES],
    reserved: [u64; 13],
    check: u64,
}

impl Identity {
    fn of(geometry: &Geometry) -> Self {
        Self {
            layout_version: LAYOUT_VERSION,
            header_len_bytes: geometry.header_len_bytes as u32,
            item_len_bytes: geometry.item_len_bytes as u32,
            item_align: geometry.item_align as u32,
            readers: geometry.readers as u32,
            fencing: geometry.fencing as u32,
            capacity: geometry.capacity,
            slots: geometry.slots,
            data_len_bytes: geometry.data_len_bytes as u64,
            start: geometry.start,
            run_id: geometry.run_id,
            creator_pid: geometry.creator_pid,
            zero: 0,
            item_name: *geometry.item_name.bytes(),
            reserved: [0; 13],
            check: 0,
        }
        .sealed()
    }

    fn sealed(mut self) -> Self {
        self.check = self.checksum();
        self
    }

    /// FNV-1a over every byte before the checksum: finds an accident, not an attacker.
    fn checksum(&self) -> u64 {
        let bytes = &bytemuck::bytes_of(self)[..offset_of!(Identity, check)];
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }

    fn geometry(&self, region_len_bytes: u64) -> Result<Geometry, LayoutError> {
        if self.layout_version != LAYOUT_VERSION {
            return Err(LayoutError::Version {
                found: self.layout_version,
            });
        }
        let expected = self.checksum();
        if self.check != expected {
            return Err(LayoutError::Check {
                found: self.check,
                expected,
            });
        }
        let (item_len, align) = (u64::from(self.item_len_bytes), u64::from(self.item_align));
        check_item(item_len, align)?;
        check_readers(u64::from(self.readers))?;
        let header_len = header_len_bytes(self.readers as usize);
        rule(
            "header_len_bytes",
            u64::from(self.header_len_bytes),
            "must follow from `readers`",
            |n| n == header_len as u64,
        )?;
        rule(
            "slots",
            self.slots,
            "must be a power of two",
            u64::is_power_of_two,
        )?;
        rule("capacity", self.capacity, "must be 1 to `slots`", |n| {
            (1..=self.slots).contains(&n)
        })?;
        rule(
            "data_len_bytes",
            self.data_len_bytes,
            "must be slots x item length, whole pages, at most 64 TiB",
            |n| {
                self.slots.checked_mul(item_len) == Some(n)
                    && n.is_multiple_of(PAGE_LEN_BYTES as u64)
                    && n <= DATA_LEN_BYTES_MAX
            },
        )?;
        let zeros = self.zero == 0 && self.reserved == [0; 13];
        rule("reserved", u64::from(!zeros), "must be all zero", |n| {
            n == 0
        })?;
        let Some(fencing) = Fencing::of(self.fencing) else {
            return Err(LayoutError::Field {
                field: "fencing",
                found: self.fencing.into(),
                rule: "must be 0 or 1",
            });
        };
        let need = header_len as u64 + self.data_len_bytes;
        if region_len_bytes < need {
            return Err(LayoutError::TooShort {
                found: region_len_bytes,
                need,
            });
        }
        Ok(Geometry {
            item_name: ItemName::from_padded(self.item_name)?,
            item_len_bytes: self.item_len_bytes as usize,
            item_align: self.item_align as usize,
            capacity: self.capacity,
            slots: self.slots,
            readers: self.readers as usize,
            start: self.start,
            creator_pid: self.creator_pid,
            run_id: self.run_id,
            fencing,
            header_len_bytes: header_len,
            data_len_bytes: self.data_len_bytes as usize,
        })
    }
}

/// Fewest slots that fill whole pages: item length times it is a multiple of the page.
fn page_slots(item_len_bytes: u64) -> u64 {
    let twos = item_len_bytes
        .trailing_zeros()
        .min(PAGE_LEN_BYTES.trailing_zeros());
    PAGE_LEN_BYTES as u64 >> twos
}

fn header_len_bytes(readers: usize) -> usize {
    (HEADER_LEN_BYTES_MIN + readers * 256).next_multiple_of(PAGE_LEN_BYTES)
}

fn check_magic(found: u64) -> Result<(), LayoutError> {
    match found {
        MAGIC => Ok(()),
        0 => Err(LayoutError::HalfMade),
        found if found.swap_bytes() == MAGIC => Err(LayoutError::ByteOrder),
        found => Err(LayoutError::Magic { found }),
    }
}

fn check_item(item_len: u64, align: u64) -> Result<(), LayoutError> {
    rule(
        "item_align",
        align,
        "must be a power of two, at most 64",
        |n| n.is_power_of_two() && n <= ITEM_ALIGN_MAX as u64,
    )?;
    rule(
        "item_len_bytes",
        item_len,
        "must be 1 to 1048576 and a multiple of the alignment",
        |n| (1..=ITEM_LEN_BYTES_MAX as u64).contains(&n) && n.is_multiple_of(align),
    )
}

fn check_readers(readers: u64) -> Result<(), LayoutError> {
    rule("readers", readers, "must be at most 254", |n| {
        n <= READERS_MAX as u64
    })
}

fn rule(
    field: &'static str,
    found: u64,
    rule: &'static str,
    holds: impl Fn(u64) -> bool,
) -> Result<(), LayoutError> {
    if holds(found) {
        Ok(())
    } else {
        Err(LayoutError::Field { field, found, rule })
    }
}

fn too_short(found: usize) -> LayoutError {
    LayoutError::TooShort {
        found: found as u64,
        need: HEADER_LEN_BYTES_MIN as u64,
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
