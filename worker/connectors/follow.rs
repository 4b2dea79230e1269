//! `follow`: files that grow, are cut short, or give way to others of their name while they are read.
//!
//! A reader that follows waits at the file's end for more. Where the path comes to name another file (its writer, or
//! `logrotate`, put one in its place) the old one is read to its end, and a second longer for who still writes there; then the new one
//! from its beginning; one that came and went within that second is not seen. A file that has become shorter than what was read of it begins anew as well. What stood at an end
//! without a line feed is a line then.
//!
//! A reader's place counts the bytes of all these files, one behind the other, so it only grows. Which file it is in, and where that
//! one begins, is committed with it: a killed reader's successor finds the old file by its number, as long as it stays in
//! its folder (a rotation renames), and goes on there.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytemuck::{Pod, Zeroable};

use crate::op::{Args, ParamDef, ParamKind};

/// The parameter `follow` of sources that read lines.
pub(super) const FOLLOW: ParamDef = ParamDef {
    name: "follow",
    kind: ParamKind::Bool,
    default: Some("false"),
    unit: "",
    doc: "Whether a file's end is waited at for more, as `tail -F` does: the stream ends with the run (`thalweg stop`, Ctrl-C, `--for`), and a line is given \
when its end has come. A file that takes the path's place is read from its beginning when the old one had nothing new for a second, and so is one that became shorter.",
};

/// How far a reader is, and in which file: its agent's state.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub(super) struct Place {
    /// Bytes read, of all files.
    pub(super) at: u64,
    /// How many of them lie before the file that is read.
    pub(super) base: u64,
    /// Which file that is, where files are followed: its device and number, 0 until it was opened.
    pub(super) file: FileId,
}

impl Place {
    /// So many bytes into the first file.
    pub(super) fn at(at: u64) -> Place {
        Place {
            at,
            ..Place::default()
        }
    }
}

/// A file, whatever it is called.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct FileId {
    device: u64,
    number: u64,
}

impl FileId {
    fn of(metadata: &Metadata) -> FileId {
        FileId {
            device: metadata.dev(),
            number: metadata.ino(),
        }
    }
}

/// How soon a file that has no more is looked at again.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a file that lost its name must have had nothing new.
const GRACE: Duration = Duration::from_secs(1);

/// What a reader that follows knows of its file.
#[derive(Default)]
pub(super) struct Following {
    base: u64,
    file: FileId,
    /// Since when it has had nothing new under another file's name.
    superseded: Option<Instant>,
    /// It is over: the next one begins where this one's bytes end.
    over: bool,
}

/// What comes behind the last byte there is.
pub(super) enum After {
    /// More, maybe, from this moment on.
    Later(Instant),
    /// Another file, or this one from its beginning.
    Another,
}

impl Following {
    /// As the parameter `follow` has it.
    pub(super) fn of(args: &Args) -> Option<Following> {
        args.flag("follow").then(Following::default)
    }

    /// Where the file that is read begins, among the bytes of all.
    pub(super) fn base(&self) -> u64 {
        self.base
    }

    /// Notes in a place which file it is in.
    pub(super) fn note(&self, place: &mut Place) {
        (place.base, place.file) = (self.base, self.file);
    }

    /// The path that leads to the file a place is in, which the reader goes on with; the path itself, from its beginning,
    /// where that file is gone.
    pub(super) fn resume(&mut self, path: &Path, place: &Place) -> PathBuf {
        *self = Following {
            base: place.base,
            file: place.file,
            ..Following::default()
        };
        if place.file == FileId::default() {
            return path.to_owned();
        }
        find(path, place.file).unwrap_or_else(|| {
            self.base = place.at;
            path.to_owned()
        })
    }

    /// This file is read from now on.
    pub(super) fn opened(&mut self, file: &File) -> std::io::Result<()> {
        self.file = FileId::of(&file.metadata()?);
        (self.superseded, self.over) = (None, false);
        Ok(())
    }

    /// It had more.
    pub(super) fn grew(&mut self) {
        self.superseded = None;
    }

    /// True where the next file is to be opened.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// The next file begins at this byte of all.
    pub(super) fn go_over(&mut self, base: u64) {
        self.base = base;
    }

    /// What comes behind byte `at` of all, where `file` has no more.
    pub(super) fn after(&mut self, file: &File, path: &Path, at: u64) -> std::io::Result<After> {
        let now = Instant::now();
        let is_cut = file.metadata()?.len() < at - self.base;
        let is_another = |named: &Metadata| FileId::of(named) != self.file && named.is_file();
        // Nothing of that name: another will come, or this one goes on.
        let superseded = fs::metadata(path).is_ok_and(|named| is_another(&named));
        let since = match superseded {
            true => Some(*self.superseded.get_or_insert(now)),
            false => {
                self.superseded = None;
                None
            }
        };
        self.over = is_cut || since.is_some_and(|since| now - since >= GRACE);
        Ok(match self.over {
            true => After::Another,
            false => After::Later(now + PAUSE),
        })
    }
}

/// What a dead reader of `path` left that its successor cannot read, in words.
pub(super) fn toll(path: &Path, name: &str, place: &Place) -> Option<String> {
    let is_lost = place.file != FileId::default() && find(path, place.file).is_none();
    is_lost.then(|| {
        let read = place.at - place.base;
        format!("{name} was replaced and the file before it is gone: what that had behind its byte {read} is not read")
    })
}

/// The file of this number that `path` names, or that lies beside it.
fn find(path: &Path, file: FileId) -> Option<PathBuf> {
    let is_it =
        |path: &Path| fs::metadata(path).is_ok_and(|m| m.is_file() && FileId::of(&m) == file);
    if is_it(path) {
        return Some(path.to_owned());
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let entries = fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
    let mut paths = entries.flatten().map(|entry| entry.path());
    paths.find(|path| is_it(path))
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::thread;

    use super::*;
    use crate::agent::Blueprint;
    use crate::connectors::fixtures::source;
    use crate::connectors::{csv_read, jsonl, text_read};
    use crate::op::{OpDef, Value};
    use crate::testing::{Chunks, run, texts};

    fn followed(op: &'static OpDef, folder: &Path, params: &[(&str, Value)]) -> Blueprint {
        let params = [params, &[("follow", Value::from(true))]].concat();
        source(op, folder, "log", None, &params).unwrap()
    }

    /// What comes of a file that first holds `first` until so many items were given; meanwhile each of `later` happens to
    /// its folder, a moment after the one before.
    fn given(
        op: &'static OpDef,
        params: &[(&str, Value)],
        first: &str,
        later: &[fn(&Path)],
        most: usize,
    ) -> Vec<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("log"), first).unwrap();
        let blueprint = followed(op, folder.path(), params);
        thread::scope(|scope| {
            scope.spawn(|| {
                for happens in later {
                    thread::sleep(Duration::from_millis(100));
                    happens(folder.path());
                }
            });
            run(blueprint, &[], Chunks::Whole, most).unwrap()
        })
    }

    fn numbers(bytes: &[u8]) -> Vec<f64> {
        let items = bytes.chunks_exact(8);
        items.map(bytemuck::pod_read_unaligned).collect()
    }

    fn append(folder: &Path, name: &str, text: &str) {
        let file = OpenOptions::new().append(true).open(folder.join(name));
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn what_is_appended_is_read_when_its_line_has_an_end() {
        let later: &[fn(&Path)] = &[
            |folder| append(folder, "log", "b\nc"),
            |folder| append(folder, "log", "d\ne"),
        ];
        let found = given(&text_read::TEXT_READ, &[], "a\n", later, 3);
        assert_eq!(texts(&found[0]), ["a", "b", "cd"]);
    }

    #[test]
    fn a_file_in_the_path_s_place_follows_the_old_one_and_its_late_lines() {
        let later: &[fn(&Path)] = &[
            |folder| fs::rename(folder.join("log"), folder.join("log.1")).unwrap(),
            |folder| fs::write(folder.join("log"), "\u{feff}c\n").unwrap(),
            |folder| append(folder, "log.1", "late\nhalf"),
            |folder| append(folder, "log", "d\n"),
        ];
        let found = given(&text_read::TEXT_READ, &[], "a\nb\n", later, 6);
        assert_eq!(texts(&found[0]), ["a", "b", "late", "half", "c", "d"]);
    }

    #[test]
    fn a_file_that_became_shorter_is_read_from_its_beginning() {
        let later: &[fn(&Path)] = &[
            |folder| fs::write(folder.join("log"), "c\n").unwrap(),
            |folder| append(folder, "log", "d\n"),
        ];
        let found = given(&text_read::TEXT_READ, &[], "aaaa\nbbbb\nhalf", later, 5);
        assert_eq!(texts(&found[0]), ["aaaa", "bbbb", "half", "c", "d"]);
    }

    #[test]
    fn a_header_in_the_new_file_is_no_row() {
        let later: &[fn(&Path)] = &[
            |folder| append(folder, "log", "2,z\n"),
            |folder| fs::rename(folder.join("log"), folder.join("old")).unwrap(),
            |folder| fs::write(folder.join("log"), "x,y\n3,w\n4,v\n").unwrap(),
        ];
        let found = given(&csv_read::CSV_READ, &[], "x,y\n1,q\n", later, 4);
        assert_eq!(numbers(&found[0]), [1.0, 2.0, 3.0, 4.0]);
        let typed = [("types", Value::from(["f64", "text"]))];
        let found = given(&csv_read::CSV_READ, &typed, "x,y\n1,q\n", later, 4);
        assert_eq!(numbers(&found[0]), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(texts(&found[1]), ["q", "z", "w", "v"]);
    }

    #[test]
    fn json_lines_may_come_later_where_the_fields_are_given() {
        let fields = [("fields", Value::from(["t"]))];
        let later: &[fn(&Path)] = &[
            |folder| append(folder, "log", "{\"t\": 1}\n{\"t\":"),
            |folder| append(folder, "log", " 2}\n"),
        ];
        let found = given(&jsonl::JSONL_READ, &fields, "", later, 2);
        assert_eq!(numbers(&found[0]), [1.0, 2.0]);
    }

    #[test]
    fn a_successor_finds_the_old_file_beside_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "abc\n").unwrap();
        let mut first = Following::default();
        first.opened(&File::open(&path).unwrap()).unwrap();
        let mut place = Place::at(4);
        first.note(&mut place);
        let old = folder.path().join("log.1");
        fs::rename(&path, &old).unwrap();
        fs::write(&path, "new\n").unwrap();
        let mut next = Following::default();
        assert_eq!(next.resume(&path, &place), old);
        assert_eq!((next.base(), toll(&path, "log", &place)), (0, None));
        // Open, it keeps its number: no other file gets it.
        let _held = File::open(&old).unwrap();
        fs::remove_file(&old).unwrap();
        assert_eq!(next.resume(&path, &place), path);
        assert_eq!(next.base(), 4);
        let words = toll(&path, "log", &place).unwrap();
        assert!(words.contains("what that had behind its byte 4 is not read"));
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let params = [("follow", Value::from(true))];
        let made = source(&text_read::TEXT_READ, folder.path(), "-", None, &params);
        assert_eq!(made.map(drop).unwrap_err().param.as_deref(), Some("follow"));
    }
}
