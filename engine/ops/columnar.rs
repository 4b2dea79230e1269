//! Parquet and Arrow files, with the feature `arrow`.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("columns");
//! let n: Stream<i64> = g.source("n", ops::parquet_read("table.parquet").columns("n").dtype());
//! n.write("out", ops::arrow_write("n.arrow").columns("n"));
//! # g.into_decl().unwrap();
//! ```

use super::kinds::{FilePath, Kind, TextList};
use super::rows::{sources, writers};

sources! {
    struct ColumnsRead by found {
        /// The columns' names. Default: all of known types.
        columns: impl TextList,
        /// What a null is: `"error"`, `"nan"` (of text, an empty one). `"error"` unless told otherwise.
        missing: &str,
        /// Rows per second of the recording.
        rate: f64,
    }

    /// Reads columns of a Parquet file.
    ///
    /// One item per row; several columns give a port each ([`port`](crate::stream::Stream::port)). The file says the items'
    /// types itself: a program that expects another one than `f64` names it by `dtype`.
    fn parquet_read(path: impl FilePath) -> <f64> = "parquet.read";

    /// Reads columns of an Arrow IPC file, as [`parquet_read()`].
    fn arrow_read(path: impl FilePath) -> <f64> = "arrow.read";
}

writers! {
    struct ParquetWrite {
        /// The columns' names, one for each input. Default: the inputs' names, `value` of a single one.
        columns: impl TextList,
        /// How the columns are compressed: `"snappy"`, `"lz4"`, `"none"`. `"snappy"` unless told otherwise.
        compression: &str,
        ..with
    }

    /// Writes streams as columns of a Parquet file.
    ///
    /// A column for each input, and the shortest ends the table. The file is there when a stream has ended.
    fn parquet_write[T: Kind](path: impl FilePath) -> <T> = "parquet.write";

    struct ArrowWrite {
        /// The columns' names, one for each input. Default: the inputs' names, `value` of a single one.
        columns: impl TextList,
        ..with
    }

    /// Writes streams as columns of an Arrow IPC file, as [`parquet_write()`], not compressed.
    fn arrow_write[T: Kind](path: impl FilePath) -> <T> = "arrow.write";
}
