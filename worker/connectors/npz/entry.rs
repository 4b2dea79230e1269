//! The archive's directory: which arrays there are, and where the one that is asked for lies.

use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ZipArchive};

use super::refused;
use crate::connectors::files::Reader;
use crate::op::{Args, OpError, meant};

/// Where an array lies in its archive.
pub(super) struct Entry {
    /// The array's.
    pub(super) name: String,
    pub(super) method: CompressionMethod,
    /// The byte where its file begins, as packed.
    pub(super) start: u64,
    pub(super) packed_len: u64,
    pub(super) len: u64,
    pub(super) crc: u32,
}

impl Entry {
    pub(super) fn of(args: &Args, reader: &Reader) -> Result<Entry, OpError> {
        let name = reader.name();
        let no_archive = || {
            refused(
                &name,
                "is no NPZ file that can be read: its directory is damaged or not there (it stands at the end of the file)",
            )
        };
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let archive =
            ZipArchive::from_file(reader.look()?, &mut buffer).map_err(|_| no_archive())?;
        let (mut names, mut places, mut is_encrypted) = (Vec::new(), Vec::new(), Vec::new());
        let mut files = archive.entries(&mut buffer);
        while let Some(file) = files.next_entry().map_err(|_| no_archive())? {
            names.push(String::from_utf8_lossy(file.file_path().as_bytes()).into_owned());
            places.push((file.wayfinder(), file.compression_method(), file.crc32()));
            is_encrypted.push(file.flags().is_encrypted());
        }
        let index = chosen(args, &names, &name)?;
        if is_encrypted[index] {
            return Err(refused(&name, "is encrypted"));
        }
        let (place, method, crc) = places[index];
        let file = archive.get_entry(place).map_err(|_| no_archive())?;
        let (start, end) = file.compressed_data_range();
        let of = |name: &String| name.strip_suffix(".npy").unwrap_or(name).to_owned();
        Ok(Entry {
            name: of(&names[index]),
            method,
            start,
            packed_len: end - start,
            len: place.uncompressed_size_hint(),
            crc,
        })
    }
}

/// The place of the array that is asked for among the archive's files.
fn chosen(args: &Args, files: &[String], name: &str) -> Result<usize, OpError> {
    let array = |file: &String| file.strip_suffix(".npy").map(str::to_owned);
    let arrays: Vec<String> = files.iter().filter_map(array).collect();
    let of = |wanted: &str| {
        files
            .iter()
            .position(|file| array(file).as_deref() == Some(wanted))
    };
    match (args.text("array"), &arrays[..]) {
        (_, []) => Err(refused(name, "holds no array")),
        (None, [only]) => Ok(of(only).unwrap_or(0)),
        (None, arrays) => Err(OpError::param(
            "array",
            format!("{name} holds {} arrays", arrays.len()),
        )
        .with_help(format!("say which: {}", arrays.join(", ")))),
        (Some(wanted), arrays) => of(wanted).ok_or_else(|| {
            let candidates: Vec<&str> = arrays.iter().map(String::as_str).collect();
            OpError::param("array", format!("{name} has no array {wanted:?}"))
                .with_help(meant(wanted, &candidates))
        }),
    }
}
