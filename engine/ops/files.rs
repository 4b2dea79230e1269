//! Files, recordings, the terminal.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let folder = std::env::temp_dir().join(format!("thalweg.files.{}", std::process::id()));
//! std::fs::create_dir_all(&folder)?;
//! let mut g = Graph::new("files");
//! g.base(&folder);
//! let x = g.source("x", ops::counter().items(3));
//! x.write("table", ops::csv_write("x.csv").columns("n"));
//! g.run_in_process()?;
//!
//! let mut g = Graph::new("again");
//! g.base(&folder);
//! let x = g.source("x", ops::csv_read("x.csv").columns("n")).collect("kept");
//! g.run_in_process()?;
//! assert_eq!(x.items(), [0.0, 1.0, 2.0]);
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::marker::PhantomData;

use thalweg_worker::types::{Complex, Element, Item};

use super::kinds::{Columns, FilePath, Kind, Number, TextList};
use super::rows::{sources, writers};
use crate::text::Text;

sources! {
    struct CsvRead by element {
        /// Names from the header, or numbers counting from 0. Default: all columns whose first cell is a
        /// number; with `types` all there are.
        columns: impl Columns,
        /// The character between cells, or `tab`. Default: `tab` for files named `.tsv`, else `,`.
        delimiter: &str,
        /// Whether the first row has names: `auto` says so when none of its cells is a number: `"auto"`,
        /// `"true"`, `"false"`. `"auto"` unless told otherwise.
        header: &str,
        /// A type for each column that is read: `u8` to `f64`, or `text`. Default: what the first row has,
        /// numbers in the agent's `dtype`.
        types: impl TextList,
        /// What an empty cell is: an error, or a `nan`: `"error"`, `"nan"`. `"error"` unless told otherwise.
        missing: &str,
        /// What stands before a number's fraction; a comma needs another `delimiter`: `"."`, `","`. `"."` unless
        /// told otherwise.
        decimal: &str,
        /// Whether a file's end is waited at for more, as `tail -F` does: the stream then ends with the run. `false`
        /// unless told otherwise.
        follow: bool,
        /// Items per second of the recording.
        rate: f64,
        /// Whether the header has units behind the names, `speed [m/s]`: the column is then `speed`, in m/s.
        /// `false` unless told otherwise.
        units: bool,
    }

    /// Reads columns of numbers from a CSV file.
    ///
    /// One item per row; several columns give a port each, named as the column (characters other than
    /// letters, digits and `_` become `_`), one column is the agent's only output, and `as = "vector"` gives
    /// one stream of vectors.
    ///
    /// Several columns give a port each ([`port`](crate::stream::Stream::port)), or one stream of vectors
    /// ([`CsvRead::vector`]).
    fn csv_read(path: impl FilePath) -> <f64> = "csv.read";

    struct JsonlRead by element {
        /// Keys, or paths as `json.field` has them: `a.b[0].c`. Default: all keys of the first line with a
        /// number, a truth value or a string.
        fields: impl TextList,
        /// A type for each column that is read: `u8` to `f64`, or `text`. Default: what the first row has,
        /// numbers in the agent's `dtype`.
        types: impl TextList,
        /// What a field is that is null or not there: an error, or a `nan` (of text, an empty one):
        /// `"error"`, `"nan"`. `"error"` unless told otherwise.
        missing: &str,
        /// The longest line; a longer one ends the run. Its stream must hold twice as much. In bytes, `65536`
        /// unless told otherwise.
        longest: u64,
        /// Whether a file's end is waited at for more, as `tail -F` does: the stream then ends with the run. `false`
        /// unless told otherwise.
        follow: bool,
        /// Items per second of the recording.
        rate: f64,
    }

    /// Reads fields of JSON Lines.
    ///
    /// Each line is a JSON object and an item; several fields give a port each, named as the field (signs
    /// other than letters, digits and `_` become `_`), one field is the agent's only output.
    fn jsonl_read(path: impl FilePath) -> <f64> = "jsonl.read";

    struct NpyRead by found {
        /// Items per second of the recording.
        rate: f64,
    }

    /// Reads items from a NumPy file.
    ///
    /// One item per element of an array of shape (n,) or (n, 1), one vector per row of shape (n, k). The item
    /// type is the array's: integers, floats of 4 and 8 bytes, complex, bool as u8; both byte orders.
    fn npy_read(path: impl FilePath) -> <f64> = "npy.read";

    struct NpzRead by found {
        /// The array's name. Default: the only one there is.
        array: &str,
        /// Items per second of the recording.
        rate: f64,
    }

    /// Reads one array of a NumPy archive.
    ///
    /// As `npy.read`, of one array of an `.npz` file, compressed or not: an item per element, a vector per
    /// row. Several arrays are read by as many agents.
    fn npz_read(path: impl FilePath) -> <f64> = "npz.read";

    struct RawRead by item {
        /// Which byte of a number comes first in the file: the least or the most significant: `"little"`,
        /// `"big"`. `"little"` unless told otherwise.
        endian: &str,
        /// Where the first item starts. In bytes, `0` unless told otherwise.
        offset: u64,
        /// Reads at most this many. Default: to the end. In items.
        items: u64,
        /// Items per second of the recording.
        rate: f64,
    }

    /// Reads items from a file of bare numbers.
    ///
    /// Items of the agent's `dtype` lie side by side: numbers, vectors of them, complex numbers as real and
    /// imaginary part. A file that ends within an item is an error. A regular file goes on at the committed
    /// item whatever is killed.
    fn raw_read(path: impl FilePath) -> <f64> = "raw.read";

    struct WavRead by element {
        /// Reads this channel alone, counting from 0.
        channel: u64,
    }

    /// Reads a WAV file.
    ///
    /// One item per frame: a number of a mono file, a vector with an element per channel of others, or the
    /// one channel that `channel` picks. PCM of 8, 16, 24 and 32 bits and 32-bit float.
    fn wav_read(path: impl FilePath) -> <f32> = "wav.read";

    struct FlacRead by element {
        /// Reads this channel alone, counting from 0.
        channel: u64,
    }

    /// Reads a FLAC file.
    ///
    /// One item per frame: a number of a mono file, a vector with an element per channel of others, or the
    /// one channel that `channel` picks. Items are f32 between -1 and 1 (or f64 by the agent's `dtype`): a
    /// value over half its range, as soundfile does.
    fn flac_read(path: impl FilePath) -> <f32> = "flac.read";

    struct OggRead by element {
        /// Reads this channel alone, counting from 0.
        channel: u64,
    }

    /// Reads an Ogg Vorbis file.
    ///
    /// One item per frame: a number of a mono file, a vector with an element per channel of others, or the
    /// one channel that `channel` picks. Items are f32 (or f64 by the agent's `dtype`), where 1 is full
    /// scale; loud passages may go beyond.
    fn ogg_read(path: impl FilePath) -> <f32> = "ogg.read";

    struct SigmfRead by found {
        /// Reads the samples of this part of the recording alone, counting from 0.
        capture: u64,
        /// Holds the samples against `core:sha512` before the run, which reads all of them. `false` unless told
        /// otherwise.
        verify: bool,
    }

    /// Reads the samples of a SigMF recording.
    ///
    /// One item per sample: f32 or f64 of real recordings, cf32 or cf64 of complex ones, vectors where there
    /// are several channels.
    fn sigmf_read(path: impl FilePath) -> <Complex<f32>> = "sigmf.read";

    struct SigmfNotes by found {
        /// Which of the two lists is read: `"annotations"`, `"captures"`. `"annotations"` unless told
        /// otherwise.
        of: &str,
    }

    /// Reads the annotations of a SigMF recording.
    ///
    /// A text for each annotation (or capture) in the order of the file: its JSON object in one line, such as
    /// `{"core:sample_start":48,"core:sample_count":16,"core:label":"burst"}`. `json.field` takes fields out
    /// of it. Goes on at the committed one whatever is killed.
    fn sigmf_notes(path: impl FilePath) -> <Text> = "sigmf.notes";

    struct ReplayRead by found {
        /// Which of its streams. Default: all.
        streams: impl TextList,
        /// What the outputs are called, in the order of `streams`.
        ports: impl TextList,
        /// As fast as they are taken, or each item no sooner after the first than it was recorded. What a
        /// killed worker's successor gives is due anew from its first item on: `"full"`, `"recorded"`.
        /// `"full"` unless told otherwise.
        pace: &str,
    }

    /// Gives streams of a recording again.
    ///
    /// Each output is a recorded stream, with the type and rate it had; the only one is called as the agent,
    /// of several each as the last part of its name (`trace.z` is the output `z`). Every part is held against
    /// its checksum before its items are given.
    fn replay_read(path: impl FilePath) -> <f64> = "replay.read";

    struct TextRead by item {
        /// The longest line; a longer one ends the run. Its stream must hold twice as much. In bytes, `65536`
        /// unless told otherwise.
        longest: u64,
        /// What to do with a line that is no UTF-8: end the run, or put U+FFFD for what is wrong in it:
        /// `"error"`, `"replace"`. `"error"` unless told otherwise.
        invalid: &str,
        /// Whether a file's end is waited at for more, as `tail -F` does: the stream then ends with the run. `false`
        /// unless told otherwise.
        follow: bool,
        /// Items per second of the recording.
        rate: f64,
    }

    /// Reads the lines of a file.
    ///
    /// A frame of text for each line, without the line feed (and a carriage return before it) that ends it;
    /// an empty line is an empty frame. The last line needs no end, and a byte order mark at the start is
    /// left out.
    fn text_read(path: impl FilePath) -> <Text> = "text.read";
}

writers! {
    struct CsvWrite {
        /// Whether the first row has the columns' names. `true` unless told otherwise.
        header: bool,
        /// The columns' names. Without it `value` (`value0 value1 ..` of a vector), or the inputs' names
        /// where there are several.
        columns: impl TextList,
        /// The character between cells, or `tab`. Default: `tab` for files named `.tsv`, else `,`.
        delimiter: &str,
        /// Whether the header has units behind the names, `speed [m/s]`, where they are known. `false` unless
        /// told otherwise.
        units: bool,
        ..with
    }

    /// Writes items as rows of a CSV file.
    ///
    /// A row for each item; of several inputs a row has one item each, and the shortest ends the file.
    /// Columns: one for a number, one per element of a vector, two for a complex number (real, imaginary) and
    /// for a timed item (seconds, value).
    fn csv_write[T: Kind](path: impl FilePath) -> <T> = "csv.write";

    struct JsonlWrite {
        /// The keys. Default: the inputs' names, `value` of a single one.
        fields: impl TextList,
        ..with
    }

    /// Writes items as JSON Lines.
    ///
    /// An object a line, with a key for each input: a number, a string of text, an array of a vector, `[real,
    /// imaginary]` of a complex number, `{"t": seconds, "value": number}` of a timed item.
    fn jsonl_write[T: Kind](path: impl FilePath) -> <T> = "jsonl.write";

    struct NpyWrite {}

    /// Writes items to a NumPy file.
    ///
    /// An array of shape (n,), or (n, k) of vectors, in the input's type, little-endian, rows first. An
    /// existing file is replaced. The file is whole and readable after every step and written exactly once
    /// whatever is killed; it must be a regular file.
    fn npy_write[T: Item](path: impl FilePath) -> <T> = "npy.write";

    struct NpzWrite {
        /// The arrays' names. Default: the inputs' names, `arr_0` of a single one.
        arrays: impl TextList,
        /// Packs the arrays, as `numpy.savez_compressed` does. `false` unless told otherwise.
        compressed: bool,
        ..with
    }

    /// Writes streams as arrays of a NumPy archive.
    ///
    /// An array for each input, of its own length, as `npy.write` writes it. During the run the
    /// items gather in `PATH.parts`; the archive is made of them when all streams have ended (after Ctrl-C
    /// too), and replaces an existing file.
    fn npz_write[T: Item](path: impl FilePath) -> <T> = "npz.write";

    struct RawWrite {
        /// Which byte of a number comes first in the file: the least or the most significant: `"little"`,
        /// `"big"`. `"little"` unless told otherwise.
        endian: &str,
    }

    /// Writes items as bare numbers.
    ///
    /// Items side by side without a header, as `raw.read` reads them and NumPy's `fromfile` does. An existing
    /// file is replaced.
    fn raw_write[T: Item](path: impl FilePath) -> <T> = "raw.write";

    struct WavWrite {
        /// How a sample is kept. Default: f32 for floats, the input's type for integers: `"i16"`, `"i24"`,
        /// `"i32"`, `"f32"`.
        format: &str,
        /// Frames per second. Default: the stream's rate. In Hz.
        rate: u64,
    }

    /// Writes a WAV file.
    ///
    /// One frame per item; a vector's elements are its channels. Input is f32, f64, i16 or i32; floats
    /// between -1 and 1 fill an integer format's range, what lies outside is clipped, nan is 0, and rounding
    /// is to the nearest.
    fn wav_write[T: Item](path: impl FilePath) -> <T> = "wav.write";

    struct SigmfWrite {
        /// Samples per second. Default: the stream's rate; without any the recording does not say. In Hz.
        rate: f64,
        /// The centre frequency: `core:frequency` of the capture. In Hz.
        frequency: f64,
        /// When the first sample was taken, as ISO 8601 (`2026-01-31T12:00:00Z`): `core:datetime` of the
        /// capture.
        datetime: &str,
        /// What it is a recording of: `core:description`.
        description: &str,
        /// Who made it: `core:author`.
        author: &str,
        /// A vector's elements are real and imaginary parts in turn. `false` unless told otherwise.
        complex: bool,
        /// Writes `core:sha512` when the stream has ended, which reads all samples again. `false` unless told
        /// otherwise.
        sha512: bool,
        ..with
    }

    /// Writes a SigMF recording.
    ///
    /// Samples to `NAME.sigmf-data`, little-endian in the input's type, and metadata to `NAME.sigmf-meta`. A
    /// vector's elements are channels, or with `complex = true` real and imaginary parts in turn (`i16[2]`
    /// makes `ci16_le`).
    fn sigmf_write[T: Item](path: impl FilePath) -> <T> = "sigmf.write";

    struct TextWrite {
        /// Whether a line feed follows each frame. `true` unless told otherwise.
        newline: bool,
    }

    /// Writes each frame as a line of a file.
    ///
    /// The bytes of each frame and a line feed, or with `newline = false` the frames one after the other.
    /// Frames are of text or of bytes, and are not looked into: one with a line feed makes two lines. An
    /// existing file is replaced.
    fn text_write[T: Kind](path: impl FilePath) -> <T> = "text.write";

    struct PngWrite {
        /// `viridis`: dark blue over green to yellow, as in Matplotlib. `gray`: black to white: `"viridis"`,
        /// `"gray"`. `"viridis"` unless told otherwise.
        palette: &str,
    }

    /// Draws vectors as the rows of a picture.
    ///
    /// Each item, a vector of real numbers, becomes a row of a PNG picture, the first item at the top and
    /// element 0 at the left: a waterfall, as of `spectrogram`.
    fn png_write[E: Number, const N: usize](path: impl FilePath, low: f64, high: f64) -> <[E; N]> = "png.write";

    struct Print {
        /// Put before every line, with a colon and a space.
        label: &str,
        /// Prints the first item of each group of this many. In items, `1` unless told otherwise.
        every: u64,
        ..with
    }

    /// Writes items to standard output, one line each.
    ///
    /// Numbers as in `csv.write`: the shortest decimal that reads back as the same value.
    fn print[T: Kind]() -> <T> = "print";

    struct Null {
        ..with
    }

    /// Takes everything and keeps nothing.
    ///
    /// The end of streams nobody needs, for measuring what comes before it. Any number of inputs of any
    /// types, each taken as fast as it comes; the run's summary says how many items.
    fn null[T: Kind]() -> <T> = "null";
}

impl<T: Element> CsvRead<T> {
    /// One stream of vectors with an element per column, instead of a port per column.
    pub fn vector<const N: usize>(self) -> CsvRead<[T; N]> {
        CsvRead {
            op: self.op.set("as", "vector"),
            gives: PhantomData,
        }
    }
}
