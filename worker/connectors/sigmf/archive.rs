//! SigMF archives (`NAME.sigmf`): a recording's two files in one tar file.
//!
//! The format is POSIX's ustar with the extended headers of pax and GNU's long names and lengths, not compressed, as SigMF
//! asks for: samples are read where they lie.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Its path.
    pub(super) name: String,
    /// The byte of the archive where it starts.
    pub(super) start: u64,
    /// Its bytes.
    pub(super) len_bytes: u64,
}

/// Headers and contents fill blocks of so many bytes.
const BLOCK: u64 = 512;

/// More members are taken for damage.
const MEMBERS_MAX: usize = 100_000;

/// The longest name or extended header.
const WORDS_MAX: u64 = 1 << 20;

/// The regular files of a tar file; what is wrong with it otherwise.
pub(super) fn members(file: &File, file_len: u64) -> Result<Vec<Member>, String> {
    let mut members = Vec::new();
    let mut next = Ahead::default();
    let mut at = 0;
    for _ in 0..MEMBERS_MAX {
        let mut header = [0; BLOCK as usize];
        if file_len.saturating_sub(at) < BLOCK {
            return Ok(members);
        }
        read(file, at, &mut header)?;
        // Two blocks of zeros are the end.
        if header.iter().all(|byte| *byte == 0) {
            return Ok(members);
        }
        check_sum(&header).ok_or_else(|| format!("has no tar header at byte {at}"))?;
        let len_bytes = next.len_bytes.or_else(|| number(&header[124..136]));
        let len_bytes =
            len_bytes.ok_or_else(|| format!("has a header without a length at byte {at}"))?;
        let start = at + BLOCK;
        let end = start.checked_add(len_bytes).filter(|end| *end <= file_len);
        let end = end.ok_or_else(|| {
            format!("ends within a file that begins at byte {start}: it was cut short")
        })?;
        match header[156] {
            b'x' | b'L' => {
                if len_bytes > WORDS_MAX {
                    return Err(format!("has a header of {len_bytes} bytes at byte {at}"));
                }
                let mut words = vec![0; len_bytes as usize];
                read(file, start, &mut words)?;
                match header[156] {
                    b'L' => next.name = Some(text(&words)),
                    _ => next.take(&words),
                }
            }
            b'0' | 0 => {
                let name = next.name.take().unwrap_or_else(|| name_in(&header));
                members.push(Member {
                    name,
                    start,
                    len_bytes,
                });
                next = Ahead::default();
            }
            // Folders, links, headers for all.
            _ => next = Ahead::default(),
        }
        at = end.next_multiple_of(BLOCK);
    }
    Err(format!("has more than {MEMBERS_MAX} files"))
}

/// What headers before a file say of it.
#[derive(Default)]
struct Ahead {
    name: Option<String>,
    len_bytes: Option<u64>,
}

impl Ahead {
    /// Records of pax: `LENGTH KEY=VALUE\n`.
    fn take(&mut self, records: &[u8]) {
        let mut rest = records;
        while let Some(space) = rest.iter().position(|byte| *byte == b' ') {
            let len = std::str::from_utf8(&rest[..space]).ok();
            let len = len.and_then(|digits| digits.parse::<usize>().ok());
            let Some(record) = len.and_then(|len| rest.get(space + 1..len.checked_sub(1)?)) else {
                return;
            };
            let record = String::from_utf8_lossy(record).into_owned();
            match record.split_once('=') {
                Some(("path", path)) => self.name = Some(path.to_owned()),
                Some(("size", size)) => self.len_bytes = size.parse().ok(),
                _ => {}
            }
            rest = &rest[len.unwrap_or(rest.len())..];
        }
    }
}

fn read(file: &File, at: u64, into: &mut [u8]) -> Result<(), String> {
    file.read_exact_at(into, at)
        .map_err(|e| format!("cannot be read at byte {at}: {e}"))
}

/// The header's bytes add up to the sum that it gives, whose own field counts as blanks.
fn check_sum(header: &[u8]) -> Option<()> {
    let given = number(&header[148..156])?;
    let bytes = header.iter().enumerate();
    let counted = bytes.map(|(i, byte)| match i {
        148..156 => u64::from(b' '),
        _ => u64::from(*byte),
    });
    (counted.sum::<u64>() == given).then_some(())
}

/// Octal digits; or, where the first bit is set, the other bits as a number (GNU's lengths beyond 8 GiB).
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let mut bytes = field[1..].iter();
        return bytes.try_fold(u64::from(field[0] & 0x7f), |sum, byte| {
            Some(sum.checked_mul(256)? | u64::from(*byte))
        });
    }
    let digits = text(field);
    u64::from_str_radix(digits.trim(), 8).ok()
}

fn name_in(header: &[u8]) -> String {
    let (prefix, name) = (text(&header[345..500]), text(&header[..100]));
    match header[257..262] == *b"ustar" && !prefix.is_empty() {
        true => format!("{prefix}/{name}"),
        false => name,
    }
}

/// Up to the first zero.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0);
    String::from_utf8_lossy(&field[..end.unwrap_or(field.len())]).into_owned()
}
