//! A piece of memory that processes share: named, or of this process and its children.
//!
//! A named segment is made by one process alone, which also unlinks it; dropping a [`Segment`] only
//! unmaps it, in whatever process. All its pages exist before anyone touches the first one, so a
//! full `/dev/shm` is an error with need and have, never a SIGBUS later. Attaching looks at owner,
//! mode and size before it maps.

use core::ffi::c_void;
use core::num::NonZeroUsize;
use core::ops::Range;
use core::ptr::NonNull;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{OFlag, posix_fallocate};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{self, MapFlags, MmapAdvise, ProtFlags};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, umask};
use nix::sys::statvfs::statvfs;
use nix::unistd::{SysconfVar, ftruncate, geteuid, sysconf};
use shared_memory::{ShmemConf, ShmemError};

use crate::layout::PAGE_LEN_BYTES;

/// Where named segments are files.
const SHM_DIR: &str = "/dev/shm";

/// What errors call a segment without a name.
pub(crate) const NAMELESS: &str = "(no name)";

/// What a process may do with a range of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Neither read nor write: any touch is a SIGSEGV.
    None,
    /// A store is a SIGSEGV, with the data intact.
    ReadOnly,
    /// Both.
    ReadWrite,
}

impl Access {
    pub(crate) fn flags(self) -> ProtFlags {
        match self {
            Self::None => ProtFlags::PROT_NONE,
            Self::ReadOnly => ProtFlags::PROT_READ,
            Self::ReadWrite => ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
        }
    }
}

/// A shared piece of memory, mapped. Dropping it unmaps and never unlinks.
#[derive(Debug)]
pub struct Segment {
    memory: NonNull<u8>,
    len_bytes: usize,
    access: Access,
    fd: OwnedFd,
    name: Option<String>,
}

// SAFETY: it owns a mapping that any thread may use or unmap; what lies in it is reached through
// raw pointers only.
unsafe impl Send for Segment {}
// SAFETY: as above; no method changes the mapping's place through `&self`.
unsafe impl Sync for Segment {}

/// Makes something with all rights for this user and none for others, whatever mask was inherited.
///
/// The mask is the whole process's: one thread at a time is in here, so that none takes another's mask for the
/// inherited one. Files that are made elsewhere meanwhile are as private. Not to be nested.
pub fn privately<T>(make: impl FnOnce() -> T) -> T {
    static ALONE: Mutex<()> = Mutex::new(());
    // Nothing is behind the lock that a panic could leave half made: the mask is put back by `Masked`.
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let _masked = Masked(umask(Mode::S_IRWXG | Mode::S_IRWXO));
    make()
}

/// Puts the mask back.
struct Masked(Mode);

impl Drop for Masked {
    fn drop(&mut self) {
        umask(self.0);
    }
}

impl Segment {
    /// Makes the segment `name` (`/` and up to 250 more bytes) of `len_bytes`, rounded up to whole
    /// pages, all zero and all there. Readable and writable by this user alone. On an error nothing is left.
    ///
    /// Sets the process's umask for a moment, as [`privately`] does.
    pub fn create(name: &str, len_bytes: usize) -> Result<Self, SegmentError> {
        check_name(name)?;
        let len_bytes = whole_pages(name, len_bytes)?;
        // A umask that takes away our own rights would make a segment that we cannot open again.
        let made = privately(|| ShmemConf::new().os_id(name).size(len_bytes).create());
        // The crate makes and names it, and from here on it leaves the unlinking to us.
        let mut made = made.map_err(|error| create_error(name, error))?;
        made.set_owner(false);
        Self::fill(name, len_bytes).inspect_err(|_| {
            // Nobody else knows of it yet; that it is gone already would be as well.
            let _ = mman::shm_unlink(name);
        })
    }

    fn fill(name: &str, len_bytes: usize) -> Result<Self, SegmentError> {
        let system = |call| {
            move |errno| SegmentError::System {
                name: name.to_string(),
                call,
                errno,
            }
        };
        let fd = mman::shm_open(name, OFlag::O_RDWR, Mode::empty()).map_err(system("shm_open"))?;
        allocate(name, &fd, len_bytes)?;
        Self::map(Some(name.to_string()), fd, len_bytes, Access::ReadWrite)
    }

    /// Memory without a name, for this process and those it forks. Gone with the last of them.
    pub fn anonymous(len_bytes: usize) -> Result<Self, SegmentError> {
        let len_bytes = whole_pages(NAMELESS, len_bytes)?;
        let system = |call| {
            move |errno| SegmentError::System {
                name: NAMELESS.to_string(),
                call,
                errno,
            }
        };
        let fd = memfd_create("thalweg", MFdFlags::MFD_CLOEXEC).map_err(system("memfd_create"))?;
        ftruncate(&fd, len_bytes as i64).map_err(system("ftruncate"))?;
        allocate(NAMELESS, &fd, len_bytes)?;
        Self::map(None, fd, len_bytes, Access::ReadWrite)
    }

    /// Maps the segment `name`, which another process made, to read and write.
    pub fn attach(name: &str) -> Result<Self, SegmentError> {
        Self::open(name, OFlag::O_RDWR, Access::ReadWrite)
    }

    /// Maps the segment `name` to read only: for those that look on.
    pub fn attach_read_only(name: &str) -> Result<Self, SegmentError> {
        Self::open(name, OFlag::O_RDONLY, Access::ReadOnly)
    }

    fn open(name: &str, flags: OFlag, access: Access) -> Result<Self, SegmentError> {
        check_name(name)?;
        let system = |call| {
            move |errno| SegmentError::System {
                name: name.to_string(),
                call,
                errno,
            }
        };
        // Not blocking: a pipe planted under the name must not hold us up.
        let flags = flags | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
        let fd = mman::shm_open(name, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::ENOENT => SegmentError::NotFound {
                name: name.to_string(),
            },
            errno => system("shm_open")(errno),
        })?;
        let len_bytes = check_stat(name, &fstat(&fd).map_err(system("fstat"))?)?;
        Self::map(Some(name.to_string()), fd, len_bytes, access)
    }

    fn map(
        name: Option<String>,
        fd: OwnedFd,
        len_bytes: usize,
        access: Access,
    ) -> Result<Self, SegmentError> {
        let system = |errno| SegmentError::System {
            name: name.as_deref().unwrap_or(NAMELESS).to_string(),
            call: "mmap",
            errno,
        };
        let length = NonZeroUsize::new(len_bytes).ok_or_else(|| system(Errno::EINVAL))?;
        // SAFETY: a new mapping at a place the kernel chooses touches no memory of ours.
        let memory =
            unsafe { mman::mmap(None, length, access.flags(), MapFlags::MAP_SHARED, &fd, 0) };
        let memory = memory.map_err(system)?.cast();
        Ok(Self {
            memory,
            len_bytes,
            access,
            fd,
            name,
        })
    }

    /// Takes the name away: nobody can attach any more, those who have it go on. Only the process
    /// that made it should.
    pub fn unlink(&self) -> Result<(), SegmentError> {
        match &self.name {
            Some(name) => Self::unlink_name(name),
            None => Ok(()),
        }
    }

    /// Takes a name away without mapping it, as for what a dead run left.
    pub fn unlink_name(name: &str) -> Result<(), SegmentError> {
        check_name(name)?;
        mman::shm_unlink(name).map_err(|errno| match errno {
            Errno::ENOENT => SegmentError::NotFound {
                name: name.to_string(),
            },
            errno => SegmentError::System {
                name: name.to_string(),
                call: "shm_unlink",
                errno,
            },
        })
    }

    /// Its name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Its length in bytes.
    pub fn len_bytes(&self) -> usize {
        self.len_bytes
    }

    /// Whether every byte of it has memory, as when it was made. One that was cut short and made long
    /// again has holes: what was there is lost.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn is_whole(&self) -> Result<bool, SegmentError> {
        let stat = fstat(&self.fd).map_err(self.system("fstat"))?;
        // Blocks are of 512 bytes, whatever the file system.
        Ok(stat.st_blocks.saturating_mul(512) >= self.len_bytes as i64)
    }

    /// How this process mapped it.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Its first byte, page-aligned; `len_bytes` bytes follow until the segment is dropped. Other
    /// processes may change them at any time: use atomics, or a protocol such as the ring's.
    pub fn as_ptr(&self) -> *mut u8 {
        self.memory.as_ptr()
    }

    /// Its file, for mappings of parts.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Changes what this process may do with a page-aligned `range` of bytes, in this mapping alone.
    ///
    /// # Safety
    ///
    /// Nothing of this process uses the range in a way that `access` forbids, now or later.
    pub unsafe fn protect(&self, range: Range<usize>, access: Access) -> Result<(), SegmentError> {
        let (start, len) = self.pages(&range)?;
        // SAFETY: the range lies inside this mapping (`pages`); that nobody uses it otherwise is
        // this function's contract.
        unsafe { mman::mprotect(start, len, access.flags()) }.map_err(self.system("mprotect"))
    }

    /// Keeps the mapping out of processes that this one forks from now on: a grandchild's stray
    /// store is then a SIGSEGV of its own.
    pub fn keep_from_children(&self) -> Result<(), SegmentError> {
        // SAFETY: the whole mapping is ours; the advice changes nothing in this process.
        unsafe {
            mman::madvise(
                self.memory.cast(),
                self.len_bytes,
                MmapAdvise::MADV_DONTFORK,
            )
        }
        .map_err(self.system("madvise"))
    }

    /// Asks for huge pages and says whether the kernel took the wish. It may still give small ones,
    /// as it does wherever they are switched off for shared memory.
    pub fn prefer_huge_pages(&self) -> bool {
        // SAFETY: the whole mapping is ours; the advice changes no byte of it.
        let advised = unsafe {
            mman::madvise(
                self.memory.cast(),
                self.len_bytes,
                MmapAdvise::MADV_HUGEPAGE,
            )
        };
        let policy = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/shmem_enabled")
            .unwrap_or_default();
        advised.is_ok()
            && ["[always]", "[within_size]", "[advise]", "[force]"]
                .iter()
                .any(|on| policy.contains(on))
    }

    fn pages(&self, range: &Range<usize>) -> Result<(NonNull<c_void>, usize), SegmentError> {
        let aligned =
            range.start.is_multiple_of(PAGE_LEN_BYTES) && range.end.is_multiple_of(PAGE_LEN_BYTES);
        if !aligned || range.start > range.end || range.end > self.len_bytes {
            return Err(SegmentError::Range {
                start: range.start,
                end: range.end,
                len_bytes: self.len_bytes,
            });
        }
        // SAFETY: the start is inside the mapping, or one past its end for an empty range.
        let start = unsafe { self.memory.add(range.start) };
        Ok((start.cast(), range.len()))
    }

    fn system(&self, call: &'static str) -> impl Fn(Errno) -> SegmentError {
        let name = self.name.as_deref().unwrap_or(NAMELESS).to_string();
        move |errno| SegmentError::System {
            name: name.clone(),
            call,
            errno,
        }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `map` with this length, and whoever used it is gone by
        // the borrow of its pointer's documentation.
        let _ = unsafe { mman::munmap(self.memory.cast(), self.len_bytes) };
    }
}

/// Bytes that are free for segments now, where it can be known.
pub fn free_bytes() -> Option<u64> {
    let stat = statvfs(SHM_DIR).ok()?;
    Some(stat.blocks_available().saturating_mul(stat.fragment_size()))
}

/// Why a segment could not be made, found or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// Not a name of a segment.
    #[error(
        "segment name {name:?}: a name is `/` and 1 to 250 more bytes, none of them `/` or zero"
    )]
    Name {
        /// What was given.
        name: String,
    },
    /// No segment of this name.
    #[error("segment {name} does not exist: the side that creates it has to start first")]
    NotFound {
        /// The name.
        name: String,
    },
    /// The name is taken.
    #[error(
        "segment {name} exists already: another run has it, or a dead one left it (`/dev/shm{name}`)"
    )]
    Exists {
        /// The name.
        name: String,
    },
    /// Shared memory is full.
    #[error(
        "segment {name} needs {need} bytes, /dev/shm has {have} free: enlarge it, or ask for smaller rings"
    )]
    NoSpace {
        /// The name.
        name: String,
        /// Bytes it takes.
        need: u64,
        /// Bytes there are.
        have: u64,
    },
    /// There is something else under the name.
    #[error("segment {name} is not a plain file of shared memory: something else has the name")]
    NotASegment {
        /// The name.
        name: String,
    },
    /// Someone else made it.
    #[error("segment {name} belongs to user {found}, this process is user {expected}: not touched")]
    Owner {
        /// The name.
        name: String,
        /// Its user.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// Others can get at it.
    #[error("segment {name} has mode {found:03o}, open to others: a segment is made with 600")]
    OpenToOthers {
        /// The name.
        name: String,
        /// Its mode.
        found: u32,
    },
    /// Its length is none a segment has.
    #[error(
        "segment {name} is {found} bytes long, not whole pages: half made by someone who died, remove it"
    )]
    Length {
        /// The name.
        name: String,
        /// Its length.
        found: u64,
    },
    /// A part was asked for that is not there, or not of whole pages.
    #[error(
        "bytes {start}..{end} of a segment of {len_bytes}: a range is of whole pages inside it"
    )]
    Range {
        /// First byte.
        start: usize,
        /// One past the last.
        end: usize,
        /// Length of the segment.
        len_bytes: usize,
    },
    /// The machine's pages are not the ones the layout is made of.
    #[error(
        "this machine has pages of {found} bytes, rings are laid out for {}",
        PAGE_LEN_BYTES
    )]
    PageLength {
        /// Page length in bytes.
        found: i64,
    },
    /// A system call failed.
    #[error("segment {name}: {call} failed: {}", .errno.desc())]
    System {
        /// The name.
        name: String,
        /// The call.
        call: &'static str,
        /// What it said.
        errno: Errno,
    },
}

fn check_name(name: &str) -> Result<(), SegmentError> {
    let rest = name.strip_prefix('/').unwrap_or("");
    let good = (1..=250).contains(&rest.len())
        && rest != "."
        && rest != ".."
        && !rest.contains(['/', '\0']);
    if good {
        Ok(())
    } else {
        Err(SegmentError::Name {
            name: name.to_string(),
        })
    }
}

fn whole_pages(name: &str, len_bytes: usize) -> Result<usize, SegmentError> {
    let found = sysconf(SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(0);
    if found != PAGE_LEN_BYTES as i64 {
        return Err(SegmentError::PageLength { found });
    }
    // One signed length less a page, so that no sum below can overflow.
    let whole = len_bytes
        .max(1)
        .checked_next_multiple_of(PAGE_LEN_BYTES)
        .filter(|&len| i64::try_from(len).is_ok());
    whole.ok_or_else(|| SegmentError::NoSpace {
        name: name.to_string(),
        need: len_bytes as u64,
        have: free_bytes().unwrap_or(0),
    })
}

fn allocate(name: &str, fd: &OwnedFd, len_bytes: usize) -> Result<(), SegmentError> {
    loop {
        match posix_fallocate(fd, 0, len_bytes as i64) {
            Ok(()) => return Ok(()),
            Err(Errno::EINTR) => continue,
            Err(Errno::ENOSPC | Errno::EFBIG | Errno::ENOMEM) => {
                let have = free_bytes().unwrap_or(0);
                return Err(SegmentError::NoSpace {
                    name: name.to_string(),
                    need: len_bytes as u64,
                    have,
                });
            }
            Err(errno) => {
                return Err(SegmentError::System {
                    name: name.to_string(),
                    call: "posix_fallocate",
                    errno,
                });
            }
        }
    }
}

fn create_error(name: &str, error: ShmemError) -> SegmentError {
    let name = name.to_string();
    match error {
        ShmemError::MappingIdExists => SegmentError::Exists { name },
        ShmemError::MapCreateFailed(errno) | ShmemError::UnknownOsError(errno) => {
            SegmentError::System {
                name,
                call: "shm_open",
                errno: Errno::from_raw(errno as i32),
            }
        }
        _ => SegmentError::System {
            name,
            call: "shm_open",
            errno: Errno::UnknownErrno,
        },
    }
}

/// The length of a segment that is ours to map, whole pages.
fn check_stat(name: &str, stat: &FileStat) -> Result<usize, SegmentError> {
    let name = name.to_string();
    if SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) != SFlag::S_IFREG {
        return Err(SegmentError::NotASegment { name });
    }
    let expected = geteuid().as_raw();
    if stat.st_uid != expected {
        return Err(SegmentError::Owner {
            name,
            found: stat.st_uid,
            expected,
        });
    }
    if stat.st_mode & 0o077 != 0 {
        return Err(SegmentError::OpenToOthers {
            name,
            found: stat.st_mode & 0o777,
        });
    }
    let len = usize::try_from(stat.st_size).unwrap_or(0);
    if len == 0 || !len.is_multiple_of(PAGE_LEN_BYTES) {
        return Err(SegmentError::Length {
            name,
            found: len as u64,
        });
    }
    Ok(len)
}
