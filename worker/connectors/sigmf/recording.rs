//! A recording as its metadata have it: where its samples are, which of them are wanted, and what is said of them.

use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::layout::Layout;
use super::sha512::sha512;
use super::{archive, offset, tags};
use crate::connectors::files::Reader;
use crate::connectors::placed::Placed;
use crate::op::{Args, OpError};

/// What the samples measure: no field of the core has it.
pub(super) const UNIT: &str = "thalweg:unit";

pub(super) const ENDINGS: [&str; 2] = [".sigmf-meta", ".sigmf-data"];

/// The path without the endings that a recording's two files have.
pub(super) fn stem(path: &Path) -> String {
    let path = path.display().to_string();
    let bare = ENDINGS.iter().find_map(|ending| path.strip_suffix(ending));
    bare.map(str::to_owned).unwrap_or(path)
}

pub(super) fn refused(name: &str, why: impl std::fmt::Display) -> OpError {
    OpError::param("path", format!("{name}: {why}"))
}

/// A recording as its metadata have it.
pub(super) struct Recording {
    pub(super) meta: Reader,
    pub(super) name: String,
    pub(super) global: Map<String, Json>,
    pub(super) captures: Vec<Json>,
    pub(super) annotations: Vec<Json>,
    /// Where the samples are, if there are any: annotations can be read without.
    data: Result<Data, OpError>,
}

/// The bytes of a file that are a recording's samples.
pub(super) struct Data {
    pub(super) path: PathBuf,
    start: u64,
    len_bytes: u64,
}

/// A file that is nothing but samples.
fn all_of(path: PathBuf) -> Result<Data, OpError> {
    let reader = Reader::at(path.clone())?;
    Ok(Data {
        path,
        start: 0,
        len_bytes: reader.len()?,
    })
}

/// Longer metadata are taken for another file.
const META_LEN_MAX: u64 = 256 << 20;

impl Recording {
    pub(super) fn read(args: &Args) -> Result<Recording, OpError> {
        let path = args.path("path").unwrap_or_default();
        if path.extension().is_some_and(|ending| ending == "sigmf") {
            return Recording::packed(path);
        }
        let stem = stem(&path);
        let meta = Reader::at(PathBuf::from(format!("{stem}{}", ENDINGS[0])))?;
        let name = meta.name();
        let mut text = Vec::new();
        let outcome = meta.look()?.take(META_LEN_MAX).read_to_end(&mut text);
        outcome.map_err(|e| refused(&name, format!("cannot be read: {e}")))?;
        let beside = |file: Option<&str>| match file {
            None => all_of(PathBuf::from(format!("{stem}{}", ENDINGS[1]))),
            Some(file) => all_of(Path::new(&stem).with_file_name(file)),
        };
        Recording::of(meta, name, &text, beside)
    }

    /// The recording that an archive holds.
    fn packed(path: PathBuf) -> Result<Recording, OpError> {
        let archive = Reader::at(path.clone())?;
        let name = archive.name();
        let file = archive.look()?;
        let members = archive::members(&file, archive.len()?).map_err(|why| refused(&name, why))?;
        let metas = members.iter().filter(|m| m.name.ends_with(ENDINGS[0]));
        let metas: Vec<&archive::Member> = metas.collect();
        let &[meta] = metas.as_slice() else {
            let words = format!(
                "has {} files of metadata (`.sigmf-meta`), and one is read",
                metas.len()
            );
            return Err(refused(&name, words).with_help("unpack it: tar xf FILE"));
        };
        if meta.len_bytes > META_LEN_MAX {
            return Err(refused(
                &name,
                format!("has {} bytes of metadata", meta.len_bytes),
            ));
        }
        let mut text = vec![0; meta.len_bytes as usize];
        file.read_exact_at(&mut text, meta.start)
            .map_err(|e| refused(&name, format!("cannot be read: {e}")))?;
        let stem = meta.name.strip_suffix(ENDINGS[0]).unwrap_or_default();
        let beside = |named: Option<&str>| {
            let wanted = match named {
                None => format!("{stem}{}", ENDINGS[1]),
                Some(file) => Path::new(stem).with_file_name(file).display().to_string(),
            };
            let data = members.iter().find(|member| member.name == wanted);
            let data = data.ok_or_else(|| refused(&name, format!("holds no {wanted}")))?;
            Ok(Data {
                path: path.clone(),
                start: data.start,
                len_bytes: data.len_bytes,
            })
        };
        Recording::of(archive, name.clone(), &text, beside)
    }

    /// `beside` finds the samples: those of the same name, or of a file that the metadata name.
    fn of(
        meta: Reader,
        name: String,
        text: &[u8],
        beside: impl FnOnce(Option<&str>) -> Result<Data, OpError>,
    ) -> Result<Recording, OpError> {
        let document: Json =
            serde_json::from_slice(text).map_err(|e| refused(&name, format!("is no JSON: {e}")))?;
        let Some(Json::Object(global)) = document.get("global") else {
            return Err(refused(
                &name,
                "has no object `global`, which every SigMF recording has",
            ));
        };
        let first = offset::of(global).map_err(|why| refused(&name, why))?;
        let list = |key: &str| match document.get(key) {
            None => Ok(Vec::new()),
            Some(Json::Array(list)) if list.iter().all(Json::is_object) => {
                offset::left_out(key, list.clone(), first).map_err(|why| refused(&name, why))
            }
            Some(_) => Err(refused(&name, format!("`{key}` is no list of objects"))),
        };
        let dataset = match global.get("core:dataset").map(Json::as_str) {
            None => None,
            Some(Some(file)) if !file.contains('/') => Some(file),
            Some(_) => return Err(refused(&name, "`core:dataset` is no file's name")),
        };
        let data = beside(dataset);
        Ok(Recording {
            captures: list("captures")?,
            annotations: list("annotations")?,
            global: global.clone(),
            data,
            meta,
            name,
        })
    }

    pub(super) fn data(&self) -> Result<&Data, OpError> {
        self.data.as_ref().map_err(Clone::clone)
    }

    /// Refuses samples that are not those which the metadata were made for.
    pub(super) fn verify(&self, reader: &Reader) -> Result<(), OpError> {
        let data = self.data()?;
        let refused = |why: String| OpError::param("verify", format!("{}: {why}", self.name));
        let given = self.global.get("core:sha512").and_then(Json::as_str);
        let given = given.ok_or_else(|| refused("has no `core:sha512`".to_owned()))?;
        let mut file = reader.look()?;
        let found = file
            .seek(SeekFrom::Start(data.start))
            .and_then(|_| sha512((&file).take(data.len_bytes)));
        let found = found.map_err(|e| refused(format!("the samples cannot be read: {e}")))?;
        match given.eq_ignore_ascii_case(&found) {
            true => Ok(()),
            false => Err(refused(format!(
                "`core:sha512` is {given:.12}.., and that of {} is {found:.12}..: they are other samples",
                data.path.display()
            ))),
        }
    }

    /// A number of `global`, absent where it is not there.
    pub(super) fn number(&self, key: &str) -> Result<Option<f64>, OpError> {
        match self.global.get(key) {
            None => Ok(None),
            Some(value) => match value.as_f64() {
                Some(number) if number > 0.0 => Ok(Some(number)),
                _ => Err(refused(
                    &self.name,
                    format!("`{key}` is {value}, and should be a number above 0"),
                )),
            },
        }
    }

    pub(super) fn layout(&self) -> Result<Layout, OpError> {
        let datatype = self.global.get("core:datatype").and_then(Json::as_str);
        let datatype = datatype.ok_or_else(|| refused(&self.name, "has no `core:datatype`"))?;
        let channels = self.number("core:num_channels")?.unwrap_or(1.0);
        if channels.fract() != 0.0 || channels > 32_768.0 {
            return Err(refused(
                &self.name,
                format!(
                    "`core:num_channels` is {channels}, and should be a whole number up to 32768"
                ),
            ));
        }
        let layout = Layout::of(datatype, channels as u32);
        layout.ok_or_else(|| {
            refused(
                &self.name,
                format!(
                    "`core:datatype` is {datatype:?}, and should be such as cf32_le, ri16_be or cu8"
                ),
            )
        })
    }

    /// A count of bytes or samples in one of the captures or annotations.
    fn count(&self, list: &str, nth: usize, entry: &Json, key: &str) -> Result<u64, OpError> {
        match entry.get(key) {
            None => Ok(0),
            Some(value) => value.as_u64().ok_or_else(|| {
                refused(
                    &self.name,
                    format!(
                        "`{key}` of {list}[{nth}] is {value}, and should be a whole number from 0"
                    ),
                )
            }),
        }
    }

    /// The samples that the entries of a list begin at: not behind the last of `all`, where that is known, and in ascending order.
    pub(super) fn starts(
        &self,
        list: &str,
        entries: &[Json],
        all: Option<(u64, &Data)>,
    ) -> Result<Vec<u64>, OpError> {
        const KEY: &str = "core:sample_start";
        let mut starts: Vec<u64> = Vec::new();
        for (nth, entry) in entries.iter().enumerate() {
            let start = self.count(list, nth, entry, KEY)?;
            let last = starts.last().copied().unwrap_or(0);
            if start < last {
                return Err(refused(
                    &self.name,
                    format!(
                        "`{KEY}` of {list}[{nth}] is {start}, and of the one before it {last}: SigMF has them in ascending order"
                    ),
                ));
            }
            if let Some((all, data)) = all
                && start > all
            {
                return Err(refused(
                    &self.name,
                    format!(
                        "`{KEY}` of {list}[{nth}] is {start}, and {} holds {all} samples: it was cut short, or is another",
                        data.path.display()
                    ),
                ));
            }
            starts.push(start);
        }
        Ok(starts)
    }

    /// How many samples there are at most, where there are any and their layout is known.
    pub(super) fn all(&self) -> Option<(u64, &Data)> {
        let data = self.data.as_ref().ok()?;
        let sample_len = self.layout().ok()?.sample_len() as u64;
        Some((data.len_bytes / sample_len, data))
    }

    /// Which bytes of the data hold the samples that are asked for.
    pub(super) fn part(&self, args: &Args, sample_len: u64) -> Result<Part, OpError> {
        let place = self.data()?;
        let data_len = place.len_bytes;
        let headers = self
            .captures
            .iter()
            .enumerate()
            .map(|(nth, capture)| self.count("captures", nth, capture, "core:header_bytes"));
        let headers: Vec<u64> = headers.collect::<Result<_, _>>()?;
        let trailing = self.number("core:trailing_bytes")?.unwrap_or(0.0) as u64;
        let beside = headers
            .iter()
            .try_fold(trailing, |sum, n| sum.checked_add(*n));
        let Some(samples_len) = beside.and_then(|beside| data_len.checked_sub(beside)) else {
            return Err(refused(
                &self.name,
                "says that there are more bytes beside the samples than there are in all",
            ));
        };
        let data = place.path.display();
        if samples_len % sample_len != 0 {
            return Err(OpError::param(
                "path",
                format!(
                    "{data} ends within a sample: {} bytes are left, and a sample has {sample_len}; it was cut short, or `core:datatype` is another",
                    samples_len % sample_len
                ),
            ));
        }
        let all = samples_len / sample_len;
        let starts = self.starts("captures", &self.captures, Some((all, place)))?;
        let chosen = args.count("capture", 0)?;
        let (first, k) = match chosen {
            None if headers.iter().skip(1).any(|n| *n > 0) => {
                return Err(OpError::param(
                    "capture",
                    "there are other bytes between the captures",
                )
                .with_help("read one of them: capture = 0"));
            }
            None => (0, 0),
            Some(k) => match starts.get(k as usize) {
                Some(start) => (*start, k as usize),
                None => {
                    return Err(OpError::param(
                        "capture",
                        format!(
                            "`capture` is {k}, and the recording has {} (they count from 0)",
                            starts.len()
                        ),
                    ));
                }
            },
        };
        let end = match chosen {
            Some(_) => starts.get(k + 1).copied().unwrap_or(all),
            None => all,
        };
        let before: u64 = headers.iter().take(k + 1).sum();
        Ok(Part {
            start: place.start + before + first * sample_len,
            first,
            samples: end - first,
            is_last: end == all,
        })
    }

    /// Captures and annotations that begin in a part of the samples, as tags.
    pub(super) fn tags(&self, part: &Part) -> Placed {
        let captures = self.captures.iter();
        let captures = captures.flat_map(|capture| tags::of_capture(capture, part.first));
        let annotations = self.annotations.iter();
        let annotations = annotations.filter_map(|note| tags::of_annotation(note, part.first));
        let tags = captures.chain(annotations);
        let tags = tags.filter(|tag| part.is_last || tag.position < part.samples);
        Placed::new(tags.collect())
    }
}

/// Where samples lie.
pub(super) struct Part {
    /// The byte of the first.
    pub(super) start: u64,
    /// Which sample of the recording that is.
    pub(super) first: u64,
    pub(super) samples: u64,
    /// They end where the recording ends.
    pub(super) is_last: bool,
}
