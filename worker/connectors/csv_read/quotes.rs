//! Quotes: where the one that a row lacks was opened.
//!
//! A cell that begins with a quote may go on over lines up to the next single one. So a quote that somebody forgot to
//! close takes in the rows behind it, up to the file's end or to the next quote that was meant to open a cell: that one is
//! followed by text, which nothing is that closes a cell. Both are refused at the line where the first one stands.

/// A quote that opens a cell and ends none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stray {
    /// Where it opens, in bytes from the row's start.
    pub(super) open: usize,
    /// Where the next quote is, which text follows; none where there is no other.
    pub(super) next: Option<usize>,
}

/// The first such quote in a row and the empty lines and comments before it. A quoted cell of a single line may have
/// text behind it, as most programs read it.
pub(super) fn stray(row: &[u8], delimiter: u8) -> Option<Stray> {
    let is_end = |byte: Option<&u8>| match byte {
        None | Some(b' ' | b'\t' | b'\n' | b'\r') => true,
        Some(byte) => *byte == delimiter,
    };
    let (mut at, mut is_line) = (start(row), true);
    while at < row.len() {
        match row[at] {
            b'#' if is_line => at += to_line_end(&row[at..]),
            b'"' => {
                let Some(len) = quoted_len(&row[at + 1..]) else {
                    return Some(Stray {
                        open: at,
                        next: None,
                    });
                };
                let close = at + 1 + len;
                let spans_lines = memchr::memchr2(b'\n', b'\r', &row[at..close]).is_some();
                if spans_lines && !is_end(row.get(close + 1)) {
                    return Some(Stray {
                        open: at,
                        next: Some(close),
                    });
                }
                at = close + 1;
            }
            _ => {}
        }
        // What follows up to the next cell is no quote that opens one.
        let rest = row.get(at..).unwrap_or_default();
        at += memchr::memchr3(delimiter, b'\n', b'\r', rest)?;
        is_line = row[at] != delimiter;
        at += 1;
    }
    None
}

/// Where the first cell begins: behind a byte order mark.
fn start(row: &[u8]) -> usize {
    if row.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    }
}

fn to_line_end(bytes: &[u8]) -> usize {
    memchr::memchr2(b'\n', b'\r', bytes).unwrap_or(bytes.len())
}

/// Bytes up to the quote that closes the cell they are of; a quote that is written twice is one of the cell.
fn quoted_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr(b'"', &bytes[at..])?;
        match bytes.get(at + 1) {
            Some(b'"') => at += 2,
            _ => return Some(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_without_its_other_half_is_found_and_no_other_one() {
        let open = |open| Some(Stray { open, next: None });
        let next = |open, next| {
            Some(Stray {
                open,
                next: Some(next),
            })
        };
        let cases: [(&str, Option<Stray>); 18] = [
            ("a,b\n", None),
            ("\"a\",\"b\"\n", None),
            ("\"a\nb\",c\n", None),
            ("\"a\n\"\"b\"\"\",c\n", None),
            ("\"a\r\nb\"\r\n", None),
            ("\"a\nb\" ,c\n", None),
            ("\"a\nb\"", None),
            ("a\"b,c\n", None),
            ("\"a\"b,c\n", None),
            ("\"\"\"\",c\n", None),
            ("# it's \"open\n1,2\n", None),
            ("\n# \"\n\"a\n", open(5)),
            ("a,\"b\nc,d\n", open(2)),
            ("\u{feff}\"b\nc,d\n", open(3)),
            ("a,\"b\nc,\"d\"\n", next(2, 7)),
            ("\"a\n\"\"\n", open(0)),
            ("x,\"\"\"\n", open(2)),
            ("\"", open(0)),
        ];
        for (row, expected) in cases {
            assert_eq!(stray(row.as_bytes(), b','), expected, "{row:?}");
        }
    }
}
