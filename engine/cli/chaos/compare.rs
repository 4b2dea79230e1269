//! Two files, byte by byte.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::Path;

use serde::Serialize;

/// Where two files first differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Bytes before it, which are the same.
    pub offset: u64,
    /// The byte of the one, unless it ends there.
    pub undisturbed: Option<u8>,
    /// The byte of the other, unless it ends there.
    pub disturbed: Option<u8>,
}

const BUFFER: usize = 256 * 1024;

/// The first difference, or how many bytes are the same in both. A file that is not there is empty.
///
/// # Errors
/// What cannot be read.
pub fn first_difference(
    undisturbed: &Path,
    disturbed: &Path,
) -> io::Result<Result<u64, Difference>> {
    let (mut a, mut b) = (open(undisturbed)?, open(disturbed)?);
    let mut offset = 0;
    loop {
        let (left, right) = (a.fill_buf()?, b.fill_buf()?);
        let both = left.len().min(right.len());
        let same = left.iter().zip(right).take_while(|(x, y)| x == y).count();
        if same < both || (both == 0 && left.len() != right.len()) {
            return Ok(Err(Difference {
                offset: offset + same as u64,
                undisturbed: left.get(same).copied(),
                disturbed: right.get(same).copied(),
            }));
        }
        if both == 0 {
            return Ok(Ok(offset));
        }
        offset += both as u64;
        a.consume(both);
        b.consume(both);
    }
}

fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    match File::open(path) {
        Ok(file) => Ok(Box::new(BufReader::with_capacity(BUFFER, file))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Box::new(io::empty())),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: &[u8], b: &[u8], expected: Result<u64, Difference>) {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = [("a", a), ("b", b)].map(|(name, bytes)| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        });
        assert_eq!(first_difference(&a, &b).unwrap(), expected);
    }

    fn differ(offset: usize, a: Option<u8>, b: Option<u8>) -> Result<u64, Difference> {
        Err(Difference {
            offset: offset as u64,
            undisturbed: a,
            disturbed: b,
        })
    }

    #[test]
    fn the_first_difference_is_found_wherever_it_is() {
        check(b"", b"", Ok(0));
        check(b"abc", b"abc", Ok(3));
        check(b"abc", b"abd", differ(2, Some(b'c'), Some(b'd')));
        check(b"abc", b"ab", differ(2, Some(b'c'), None));
        check(b"", b"x", differ(0, None, Some(b'x')));
        let long = vec![7; 3 * BUFFER];
        let mut other = long.clone();
        check(&long, &other, Ok(long.len() as u64));
        for place in [BUFFER - 1, BUFFER, 3 * BUFFER - 1] {
            other[place] = 8;
            check(&long, &other, differ(place, Some(7), Some(8)));
            other[place] = 7;
        }
        check(&long, &long[..BUFFER], differ(BUFFER, Some(7), None));
    }

    #[test]
    fn a_file_that_is_not_there_is_empty() {
        let nowhere = Path::new("/nonexistent/file");
        assert_eq!(first_difference(nowhere, nowhere).unwrap(), Ok(0));
    }
}
