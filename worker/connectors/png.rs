//! `png.write`: a picture with a row for each item.
//!
//! Rows are kept as they are, each in a block of its own, so that where row n lies is known from n alone and a
//! killed worker's successor goes on at the very row. What follows the last row, and the number of rows in the
//! header, is written at the end.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Io, Outside, State, StateSpec, Status};
use crate::connectors::files::{Readers, Target};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::{ItemType, Scalar};
use crate::wide::Wide;

/// The row of the table.
pub const PNG_WRITE: OpDef = OpDef {
    name: "png.write",
    summary: "draws vectors as the rows of a picture",
    doc: "Each item, a vector of real numbers, becomes a row of a PNG picture, the first item at the top and element 0 at the left: a waterfall, \
as of `spectrogram`. Numbers from `low` to `high` go through the palette; those outside, and nan, are its ends. 8 bits a pixel, not \
compressed: (width + 18) * rows bytes and a little. The file is a picture once the run has ended; rows are written exactly once whatever is killed. \
An existing file is replaced; it must be a regular file. At most 65534 pixels wide and 2147483647 high.",
    inputs: Arity::One,
    outputs: "nothing",
    params: &[
        ParamDef {
            name: "path",
            kind: ParamKind::WritePath,
            default: None,
            unit: "",
            doc: "The file to write, relative to the graph file.",
        },
        ParamDef {
            name: "low",
            kind: ParamKind::Float,
            default: None,
            unit: "",
            doc: "The number that the palette begins with.",
        },
        ParamDef {
            name: "high",
            kind: ParamKind::Float,
            default: None,
            unit: "",
            doc: "The number that the palette ends with, above `low`.",
        },
        ParamDef {
            name: "palette",
            kind: ParamKind::Choice(&["viridis", "gray"]),
            default: Some("viridis"),
            unit: "",
            doc: "`viridis`: dark blue over green to yellow, as in Matplotlib. `gray`: black to white.",
        },
    ],
    example: "noise rate=8000 items=8000 ! spectrogram size=256 scale=dB ! png.write path=/dev/null low=-80 high=0",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let (scalar, width) = match input.item_type {
        ItemType::Vector(scalar, width) if !scalar.is_complex() => (scalar, width as usize),
        _ => {
            return Err(
                OpError::input_type("png.write", input, "vectors of real numbers")
                    .or_help("`blocks` makes rows of numbers"),
            );
        }
    };
    if width > WIDTH_MAX {
        let words = format!("rows of {width} pixels are too long: {WIDTH_MAX} are the most");
        return Err(
            OpError::param("in", words).with_help("`pick` takes the elements that are wanted")
        );
    }
    let [low, high] = ["low", "high"].map(|name| args.float(name).unwrap_or(0.0));
    if low >= high {
        let words = format!("`high` is {high}, and must be above `low`, which is {low}");
        return Err(OpError::param("high", words));
    }
    let agent = Picture {
        target: Target::seekable(args)?,
        palette: match args.text("palette") {
            Some("gray") => gray(),
            _ => between(&VIRIDIS),
        },
        scalar,
        width,
        low,
        scale: 255.0 / (high - low),
        numbers: Vec::new(),
        rows: Vec::new(),
    };
    Ok(Blueprint::new(agent)
        .state(StateSpec::of(Drawn { rows: 0, sum: 1 }))
        .input(InPort::new(input.item_type.clone())))
}

/// A row with its filter byte must fit into a stored block of a zlib stream.
const WIDTH_MAX: usize = 65_534;
/// Rows at most: the format's.
const ROWS_MAX: u64 = (1 << 31) - 1;

/// Red, green, blue for each byte.
type Palette = [[u8; 3]; 256];

fn gray() -> Palette {
    std::array::from_fn(|k| [k as u8; 3])
}

/// Nine colours of Matplotlib's viridis (by S. van der Walt and N. Smith, CC0), equally far apart.
const VIRIDIS: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];

/// All colours between some.
fn between(stops: &[[u8; 3]; 9]) -> Palette {
    std::array::from_fn(|k| {
        let place = k as f64 / 255.0 * (stops.len() - 1) as f64;
        let stop = (place as usize).min(stops.len() - 2);
        let part = place - stop as f64;
        std::array::from_fn(|c| {
            let (a, b) = (f64::from(stops[stop][c]), f64::from(stops[stop + 1][c]));
            (a + part * (b - a)).round() as u8
        })
    })
}

/// The state: rows drawn, and the Adler-32 sum of them.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Drawn {
    rows: u64,
    sum: u64,
}

struct Picture {
    target: Target,
    palette: Palette,
    scalar: Scalar,
    width: usize,
    low: f64,
    scale: f64,
    numbers: Vec<f64>,
    /// Bytes of the rows of one call.
    rows: Vec<u8>,
}

/// Rows drawn and written at once, in bytes.
const AT_ONCE: usize = 256 * 1024;

impl Picture {
    /// Everything before the first row: the same length for any number of rows.
    fn header(&self, rows: u64) -> Vec<u8> {
        let mut header = b"\x89PNG\r\n\x1a\n".to_vec();
        let mut shape = Vec::new();
        shape.extend_from_slice(&(self.width as u32).to_be_bytes());
        shape.extend_from_slice(&(rows as u32).to_be_bytes());
        // 8 bits, palette, deflate, filters by row, not interlaced.
        shape.extend_from_slice(&[8, 3, 0, 0, 0]);
        chunk(b"IHDR", &shape, &mut header);
        chunk(b"PLTE", self.palette.as_flattened(), &mut header);
        // The beginning of a zlib stream: deflate, no dictionary.
        chunk(b"IDAT", &[0x78, 0x01], &mut header);
        header
    }

    /// Where row `row` begins.
    fn offset(&self, row: u64) -> u64 {
        self.header(0).len() as u64 + row * self.row_len() as u64
    }

    /// Bytes of a row in the file: a chunk with a stored block with a filter byte and the pixels.
    fn row_len(&self) -> usize {
        CHUNK_LEN + BLOCK_LEN + 1 + self.width
    }

    /// Appends the row of these pixels to `rows`, and adds them to the sum.
    fn draw(&mut self, row: usize, sum: &mut u64) {
        let numbers = &self.numbers[row * self.width..(row + 1) * self.width];
        let len = (self.width + 1) as u16;
        let mut block = vec![0];
        block.extend_from_slice(&len.to_le_bytes());
        block.extend_from_slice(&(!len).to_le_bytes());
        block.push(0);
        // As casts go: below 0 and nan are 0, above 255 is 255.
        let pixel = |x: &f64| ((x - self.low) * self.scale).round() as u8;
        block.extend(numbers.iter().map(pixel));
        *sum = adler(*sum, &block[BLOCK_LEN..]);
        chunk(b"IDAT", &block, &mut self.rows);
    }
}

/// Bytes of a chunk beside what is in it.
const CHUNK_LEN: usize = 12;
/// Bytes of a stored block beside what is in it.
const BLOCK_LEN: usize = 5;

impl Agent for Picture {
    fn attach(&mut self, mut state: State<'_>) -> Result<(), AgentError> {
        match state.get::<Drawn>().rows {
            0 => self.target.open(0),
            rows => self.target.open(self.offset(rows)),
        }
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let input = &mut io.inputs[0];
        let drawn = io.state.get::<Drawn>();
        let most = (AT_ONCE / self.row_len()).max(1);
        while !input.is_empty() {
            let n = input.len().min(most);
            if drawn.rows + n as u64 > ROWS_MAX {
                return Err(AgentError::new(format!(
                    "{} would have more than {ROWS_MAX} rows, the most a picture can have",
                    self.target.name()
                )));
            }
            f64::load(
                self.scalar,
                &input.bytes()[..n * input.item_len()],
                &mut self.numbers,
            );
            self.rows.clear();
            for row in 0..n {
                self.draw(row, &mut drawn.sum);
            }
            if self.target.write(self.offset(drawn.rows), &self.rows)? == Readers::Gone {
                return Ok(Status::Done);
            }
            drawn.rows += n as u64;
            input.consume(n);
        }
        Ok(Status::Ready)
    }

    fn finish(&mut self, mut state: State<'_>) -> Result<(), AgentError> {
        let Drawn { rows, sum } = *state.get::<Drawn>();
        // An empty last block, and the sum that ends the zlib stream.
        let mut last = vec![1, 0, 0, 0xff, 0xff];
        last.extend_from_slice(&(sum as u32).to_be_bytes());
        let mut trailer = Vec::new();
        chunk(b"IDAT", &last, &mut trailer);
        chunk(b"IEND", &[], &mut trailer);
        let end = self.offset(rows);
        self.target.write(0, &self.header(rows))?;
        self.target.write(end, &trailer)?;
        self.target.cut(end + trailer.len() as u64)
    }

    fn outside(&self, state: &[u8]) -> Outside {
        let drawn: Drawn = bytemuck::pod_read_unaligned(state);
        // The header is not written before the end.
        let given = match drawn.rows {
            0 => 0..0,
            rows => self.offset(0)..self.offset(rows),
        };
        self.target.outside(given)
    }
}

/// Appends a chunk of this kind.
fn chunk(kind: &[u8; 4], data: &[u8], into: &mut Vec<u8>) {
    into.extend_from_slice(&(data.len() as u32).to_be_bytes());
    let start = into.len();
    into.extend_from_slice(kind);
    into.extend_from_slice(data);
    let sum = crc32fast::hash(&into[start..]);
    into.extend_from_slice(&sum.to_be_bytes());
}

/// Adler-32 (RFC 1950) of what `sum` is of and these bytes.
fn adler(sum: u64, bytes: &[u8]) -> u64 {
    const PRIME: u64 = 65_521;
    let (mut a, mut b) = (sum & 0xffff, sum >> 16);
    // So many bytes do not overflow what is not yet reduced.
    for part in bytes.chunks(1 << 20) {
        for &byte in part {
            a += u64::from(byte);
            b += a;
        }
        (a, b) = (a % PRIME, b % PRIME);
    }
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::fixtures::{CUTS, bytes, golden, sink};
    use crate::testing::run;

    fn params(palette: &str) -> Vec<(&'static str, crate::op::Value)> {
        vec![
            ("low", 0.into()),
            ("high", 255.into()),
            ("palette", palette.into()),
        ]
    }

    /// What `tests/golden/make_png.py` has Pillow check.
    #[test]
    fn a_picture_is_the_one_that_others_read() {
        let rows: Vec<f32> = (0..40 * 70).map(|n| (n * 3 % 299) as f32 - 20.0).collect();
        let folder = tempfile::tempdir().unwrap();
        let expected = std::fs::read(golden().join("rows.png")).unwrap();
        for chunks in CUTS {
            let input = ("f32[70]", None);
            let writer = sink(
                &PNG_WRITE,
                folder.path(),
                "w.png",
                input,
                &params("viridis"),
            );
            run(writer.unwrap(), &[bytes(&rows)], chunks, usize::MAX).unwrap();
            let found = std::fs::read(folder.path().join("w.png")).unwrap();
            assert!(found == expected, "{chunks:?}");
        }
    }

    #[test]
    fn numbers_outside_the_range_are_the_palettes_ends() {
        let folder = tempfile::tempdir().unwrap();
        let row = [-1.0, 0.4, 254.6, f64::INFINITY, f64::NAN];
        let input = ("f64[5]", None);
        let writer = sink(&PNG_WRITE, folder.path(), "w.png", input, &params("gray")).unwrap();
        run(writer, &[bytes(&row)], CUTS[0], usize::MAX).unwrap();
        let file = std::fs::read(folder.path().join("w.png")).unwrap();
        let block = [0, 6, 0, !6, 0xff, 0, 0, 0, 255, 255, 0];
        assert!(file.windows(block.len()).any(|bytes| bytes == block));
    }

    #[test]
    fn adler_is_that_of_the_rfc() {
        assert_eq!(adler(1, b"Wikipedia"), 0x11E6_0398);
        assert_eq!(adler(adler(1, b"Wiki"), b"pedia"), 0x11E6_0398);
        assert_eq!(adler(1, b""), 1);
    }

    #[test]
    fn what_is_no_row_and_ranges_that_are_none_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (input, params, param) in [
            ("f64", params("gray"), "in"),
            ("cf32[4]", params("gray"), "in"),
            ("u8[65535]", params("gray"), "in"),
            (
                "f64[4]",
                vec![("low", 1.into()), ("high", 1.into())],
                "high",
            ),
        ] {
            let writer = sink(&PNG_WRITE, folder.path(), "w.png", (input, None), &params);
            assert_eq!(writer.unwrap_err().param.as_deref(), Some(param), "{input}");
        }
    }
}
