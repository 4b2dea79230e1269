//! Files, standard streams and sockets: one file each, one row each in the operators' table.
//!
//! `files` holds what they share about paths, reading and writing, `grown` what sinks of text share, `records` what formats of equally
//! long items share, `lines` how bytes become lines, `text` how a number is spelled, `digits` how one is read, `params` what is said of a path, `kind` what would read a file that another reader refuses,
//! `cells` what rows of several columns are, `sound` what samples become, `staged` how a file is made that needs everything first;
//! `recording` is what records whole runs.

use crate::op::{Args, OpDef, OpError};

#[cfg(feature = "arrow")]
pub mod columnar;
pub mod csv_read;
pub mod csv_write;
pub mod flac;
pub mod jsonl;
pub mod npy;
pub mod npz;
pub mod null;
pub mod png;
pub mod print;
pub mod raw;
pub mod recording;
pub mod sigmf;
pub mod socket_read;
pub mod socket_write;
pub mod tags_write;
pub mod text_read;
pub mod text_write;
pub mod udp;
pub mod wav;

mod cells;
#[cfg(test)]
mod damage;
mod digits;
mod files;
#[cfg(test)]
mod fixtures;
mod follow;
mod grown;
mod kind;
pub(crate) mod lines;
mod net;
mod params;
mod placed;
mod records;
mod sound;
mod staged;
mod taken;
pub(crate) mod text;

pub use files::folder_of;
pub use kind::advised;
pub(crate) use text::push_number;

pub(crate) const CONNECTORS: &[&OpDef] = &[
    #[cfg(feature = "arrow")]
    &columnar::ARROW_READ,
    #[cfg(feature = "arrow")]
    &columnar::ARROW_WRITE,
    #[cfg(feature = "arrow")]
    &columnar::PARQUET_READ,
    #[cfg(feature = "arrow")]
    &columnar::PARQUET_WRITE,
    &csv_read::CSV_READ,
    &csv_write::CSV_WRITE,
    &flac::FLAC_READ,
    &flac::OGG_READ,
    &jsonl::JSONL_READ,
    &jsonl::JSONL_WRITE,
    &npy::NPY_READ,
    &npy::NPY_WRITE,
    &npz::NPZ_READ,
    &npz::NPZ_WRITE,
    &null::NULL,
    &png::PNG_WRITE,
    &print::PRINT,
    &raw::RAW_READ,
    &raw::RAW_WRITE,
    &recording::replay::REPLAY_READ,
    &sigmf::SIGMF_NOTES,
    &sigmf::SIGMF_READ,
    &sigmf::SIGMF_WRITE,
    &socket_read::TCP_READ,
    &socket_read::UNIX_READ,
    &socket_write::TCP_WRITE,
    &socket_write::UNIX_WRITE,
    &tags_write::TAGS_WRITE,
    &text_read::TEXT_READ,
    &text_write::TEXT_WRITE,
    &udp::UDP_READ,
    &udp::UDP_WRITE,
    &wav::WAV_READ,
    &wav::WAV_WRITE,
];

/// The parameter `rate` of a source: items per second, above 0, absent where not known.
fn rate(args: &Args) -> Result<Option<f64>, OpError> {
    match args.float("rate") {
        Some(rate) if rate <= 0.0 => Err(OpError::param(
            "rate",
            format!("`rate` is {rate}, and must be above 0"),
        )),
        rate => Ok(rate),
    }
}
