//! Damage: what readers make of files that are cut short or have a bit turned.
//!
//! A reader refuses such a file, or ends with an error, or reads numbers that are there; never a panic, never without
//! end. Where the format has a checksum, what is read to the end is what the whole file holds. Each message is of one
//! sentence or a few, names the file, and has no words of the libraries beneath.

use std::path::Path;

#[cfg(feature = "arrow")]
use super::columnar;
use super::fixtures::{golden, source};
use super::{csv_read, flac, jsonl, npy, npz, sigmf, text_read, wav};
use crate::op::{OpDef, Value};
use crate::testing::{Chunks, Random, run};

/// A reader, a small file of its kind, and what it is told.
struct Case {
    op: &'static OpDef,
    file: &'static str,
    params: &'static [(&'static str, &'static str)],
    /// The bytes that a checksum covers, as a part of the whole: all behind the first so many.
    summed_from: Option<usize>,
}

const CASES: &[Case] = &[
    case(&csv_read::CSV_READ, "savetxt.csv", &[], None),
    case(&csv_read::CSV_READ, "excel.csv", &[], None),
    case(&jsonl::JSONL_READ, "mixed.jsonl", &[], None),
    case(&text_read::TEXT_READ, "excel.csv", &[], None),
    case(&npy::NPY_READ, "le_i4.npy", &[], None),
    case(&npy::NPY_READ, "columns.npy", &[], None),
    case(&npz::NPZ_READ, "packed.npz", &[("array", "rows")], Some(0)),
    case(&npz::NPZ_READ, "plain.npz", &[("array", "rows")], Some(0)),
    case(&wav::WAV_READ, "u8.wav", &[], None),
    case(&wav::WAV_READ, "rf64.wav", &[], None),
    case(&sigmf::SIGMF_READ, "ci16.sigmf", &[], None),
    case(&sigmf::SIGMF_NOTES, "ci16.sigmf", &[], None),
    // The header of a FLAC file has no checksum, nor has the first page of an Ogg file that says how long it is.
    case(&flac::FLAC_READ, "i16.flac", &[], Some(42)),
    case(&flac::OGG_READ, "blip.ogg", &[], Some(0)),
    #[cfg(feature = "arrow")]
    case(&columnar::PARQUET_READ, "duckdb.parquet", &[], None),
    #[cfg(feature = "arrow")]
    case(&columnar::PARQUET_READ, "gzip.parquet", &[], None),
    #[cfg(feature = "arrow")]
    case(&columnar::ARROW_READ, "polars.arrow", &[], None),
];

const fn case(
    op: &'static OpDef,
    file: &'static str,
    params: &'static [(&'static str, &'static str)],
    summed_from: Option<usize>,
) -> Case {
    Case {
        op,
        file,
        params,
        summed_from,
    }
}

/// Words of libraries, or of Rust, that tell a user nothing.
const FOREIGN: [&str; 12] = [
    "malformed stream",
    "seek error",
    "unsupported feature",
    "failed to fill whole buffer",
    "end of file",
    "flac:",
    "ogg:",
    "os error",
    "Error {",
    "EOF",
    "Parquet error",
    "External:",
];

impl Case {
    fn whole(&self) -> Vec<u8> {
        std::fs::read(golden().join(self.file)).unwrap()
    }

    /// What the file in `folder` holds, or what is wrong with it.
    fn outcome(&self, folder: &Path) -> Result<Vec<Vec<u8>>, String> {
        let params: Vec<(&str, Value)> = self
            .params
            .iter()
            .map(|(key, value)| (*key, Value::from(*value)))
            .collect();
        let reader = source(self.op, folder, self.file, None, &params);
        let reader = reader.map_err(|error| {
            let is_named = error.message.contains(self.file) || error.param.is_some();
            assert!(is_named, "{}: {}", self.file, error.message);
            error.message
        })?;
        run(reader, &[], Chunks::Whole, usize::MAX).map_err(|error| error.message)
    }

    /// Reads `bytes` as the file; what was read is `sound` where a checksum says so.
    fn check(&self, folder: &Path, bytes: &[u8], sound: Option<&[Vec<u8>]>, what: &str) {
        std::fs::write(folder.join(self.file), bytes).unwrap();
        let (op, file) = (self.op.name, self.file);
        match self.outcome(folder) {
            Ok(found) => {
                if let Some(sound) = sound {
                    assert!(found == sound, "{op} of {file}, {what}: read wrong");
                }
            }
            Err(message) => {
                assert!(message.contains(file), "{op}, {what}: {message}");
                let foreign = FOREIGN.iter().find(|words| message.contains(**words));
                assert_eq!(foreign, None, "{op} of {file}, {what}: {message}");
                assert!(message.len() < 600, "{op} of {file}, {what}: {message}");
            }
        }
    }

    /// Every `step`th prefix.
    fn cut(&self, step: usize) {
        let folder = tempfile::tempdir().unwrap();
        let whole = self.whole();
        for len in (0..whole.len()).step_by(step) {
            self.check(folder.path(), &whole[..len], None, &format!("cut at {len}"));
        }
    }

    /// Some turned bits, in the first bytes and anywhere; every byte where `count` is as large as the file.
    fn turn(&self, count: usize, random: &mut Random) {
        let folder = tempfile::tempdir().unwrap();
        let whole = self.whole();
        std::fs::write(folder.path().join(self.file), &whole).unwrap();
        let sound = self.outcome(folder.path()).unwrap();
        for n in 0..count.min(whole.len()) {
            let at = match (count >= whole.len(), n % 2) {
                (true, _) => n,
                (false, 0) => random.below(whole.len().min(200) as u64) as usize,
                (false, _) => random.below(whole.len() as u64) as usize,
            };
            let bit = random.below(8);
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            let is_summed = self.summed_from.is_some_and(|from| at >= from);
            let sound = is_summed.then_some(&sound[..]);
            self.check(
                folder.path(),
                &bytes,
                sound,
                &format!("bit {bit} of byte {at} turned"),
            );
        }
    }
}

/// How much is tried: `THALWEG_DAMAGE=all` is every prefix and every byte.
fn is_all() -> bool {
    std::env::var("THALWEG_DAMAGE").is_ok_and(|how| how == "all")
}

#[test]
fn a_file_that_is_cut_short_is_read_or_refused_in_our_words() {
    for case in CASES {
        case.cut(match is_all() {
            true => 1,
            false => (case.whole().len() / 40).max(1) | 1,
        });
    }
}

#[test]
fn a_file_with_a_turned_bit_is_never_read_wrong_where_there_is_a_checksum() {
    const SEED: u64 = 20_261_122;
    println!("seed {SEED}");
    let mut random = Random::new(SEED);
    for case in CASES {
        case.turn(if is_all() { usize::MAX } else { 60 }, &mut random);
    }
}
