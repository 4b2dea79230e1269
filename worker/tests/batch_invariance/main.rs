//! Every operator gives the same bytes under any chunking of its input and any room for its output.
//!
//! Each row of the operators' table has cases here; a row without one fails the test. To add an
//! operator, add its cases to the module of its kind. A case runs whole, item by item, and under random
//! chunkings in which some calls are thrown away and made again, as a killed worker's successor would.
//! A failure prints the seed; `THALWEG_SEED=<seed>` repeats it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use thalweg_ringbuf::Frames;
use thalweg_worker::op::{Args, InputInfo, OpDef, ParamKind, Value};
use thalweg_worker::operators;
use thalweg_worker::testing::{Chunks, frames, run};
use thalweg_worker::types::{ItemType, Scalar};

mod audio;
mod connectors;
mod designs;
mod detection;
mod dials;
mod filters;
mod items;
mod learners;
mod radio;
mod recursive;
mod sources;
mod spectra;
#[cfg(feature = "arrow")]
mod tables;
mod tags;
mod texts;
mod units;
mod windows;

/// One operator with inputs and parameters.
struct Case {
    op: &'static str,
    inputs: Vec<Stream>,
    params: Vec<(String, Value)>,
    dtype: Option<ItemType>,
    files: Vec<(&'static str, Vec<u8>)>,
}

/// One input: its type, how many items, its rate.
struct Stream {
    item_type: ItemType,
    items: usize,
    rate: Option<f64>,
    /// The element that ascends from item to item.
    ascends: Option<usize>,
}

fn case(op: &'static str) -> Case {
    Case {
        op,
        inputs: Vec::new(),
        params: Vec::new(),
        dtype: None,
        files: Vec::new(),
    }
}

impl Case {
    /// An input of this type with [`ITEMS`] random items at 100 Hz.
    fn input(self, item_type: &str) -> Case {
        self.input_of(item_type, ITEMS)
    }

    /// An input of this type with so many items.
    fn input_of(mut self, item_type: &str, items: usize) -> Case {
        self.inputs.push(Stream {
            item_type: item_type.parse().unwrap(),
            items,
            rate: Some(100.0),
            ascends: None,
        });
        self
    }

    /// This element of the last input's items ascends: 0 is the time of timed ones.
    fn ascending(mut self, element: usize) -> Case {
        self.inputs.last_mut().unwrap().ascends = Some(element);
        self
    }

    fn param(mut self, name: &str, value: impl Into<Value>) -> Case {
        self.params.push((name.to_owned(), value.into()));
        self
    }

    /// A file to read, named by the parameter `path`.
    fn file(mut self, name: &'static str, bytes: impl Into<Vec<u8>>) -> Case {
        self.files.push((name, bytes.into()));
        self.param("path", name)
    }

    /// Runs whole, item by item and under random chunkings, and compares.
    fn judge(&self, seed: u64, number: u64) {
        let inputs = self.input_bytes(seed.wrapping_add(number));
        let whole = self.outcome(&inputs, Chunks::Whole);
        let single = self.outcome(&inputs, Chunks::Single);
        self.compare(&inputs, &whole, &single, "item by item".to_owned());
        for round in 0..RANDOM_RUNS {
            let chunks = seed.wrapping_mul(31).wrapping_add(round);
            let random = self.outcome(&inputs, Chunks::Random(chunks));
            let how = format!("chunks of seed {chunks}, THALWEG_SEED={seed}");
            self.compare(&inputs, &whole, &random, how);
        }
    }

    fn dtype(mut self, dtype: &str) -> Case {
        self.dtype = Some(dtype.parse().unwrap());
        self
    }
}

const ITEMS: usize = 3000;
const RANDOM_RUNS: u64 = 40;

/// Of every row.
fn cases() -> Vec<Case> {
    let of_rows = [
        plain_cases(),
        #[cfg(feature = "arrow")]
        tables::cases(),
    ];
    of_rows.into_iter().flatten().collect()
}

/// Of every row that a plain build has.
fn plain_cases() -> Vec<Case> {
    [
        sources::cases(),
        items::cases(),
        windows::cases(),
        filters::cases(),
        designs::cases(),
        detection::cases(),
        connectors::cases(),
        texts::cases(),
        learners::cases(),
        spectra::cases(),
        radio::cases(),
        audio::cases(),
        recursive::cases(),
        tags::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// How many items a stream of texts has: enough for every kind of cut, and quick.
const SOME: usize = 500;

/// A file that another program made.
fn golden(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/files");
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn every_operator_gives_the_same_bytes_under_every_chunking() {
    judge_all(&plain_cases());
}

fn judge_all(cases: &[Case]) {
    let seed = seed();
    let next = AtomicUsize::new(0);
    let judge_rest = || {
        while let Some((i, case)) = taken(&next, cases) {
            case.judge(seed, i as u64);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(judge_rest);
        }
    });
}

/// The next case that no thread has taken.
fn taken<'a>(next: &AtomicUsize, cases: &'a [Case]) -> Option<(usize, &'a Case)> {
    let i = next.fetch_add(1, Ordering::Relaxed);
    cases.get(i).map(|case| (i, case))
}

/// What needs a peer to talk to is judged through the binary, in `tests/e2e/sockets.rs`.
const OUTSIDE: [&str; 6] = [
    "tcp.read",
    "tcp.write",
    "udp.read",
    "udp.write",
    "unix.read",
    "unix.write",
];

#[test]
fn every_row_of_the_table_has_a_case() {
    let cases = cases();
    for op in operators::table() {
        assert!(
            cases.iter().any(|case| case.op == op.name) || OUTSIDE.contains(&op.name),
            "`{}` has no case here: add one",
            op.name
        );
    }
}

#[test]
fn the_table_and_the_blueprints_agree_on_what_is_deterministic() {
    for case in cases() {
        let folder = tempfile::tempdir().unwrap();
        case.write_files(folder.path());
        let blueprint = (case.def().build)(&case.args(folder.path())).unwrap();
        assert_eq!(
            blueprint.deterministic,
            case.def().deterministic,
            "{}",
            case.op
        );
    }
}

/// What a run leaves: the outputs' bytes and the files.
#[derive(PartialEq)]
struct Outcome {
    outputs: Vec<Vec<u8>>,
    files: BTreeMap<String, Vec<u8>>,
}

impl Case {
    fn def(&self) -> &'static OpDef {
        operators::find(self.op).unwrap_or_else(|| panic!("no operator `{}`", self.op))
    }

    fn args(&self, base: &Path) -> Args {
        self.args_of(base, None, None)
    }

    /// With inputs of this unit, and of this rate where the case gives none.
    fn args_of(&self, base: &Path, unit: Option<&str>, rate: Option<f64>) -> Args {
        let names: &[&str] = match self.inputs.len() {
            1 => &["x"],
            _ => &["a", "b", "c", "d"],
        };
        let inputs = self
            .inputs
            .iter()
            .zip(names)
            .map(|(stream, name)| InputInfo {
                naming: Default::default(),
                name: (*name).to_owned(),
                item_type: stream.item_type.clone(),
                rate: stream.rate.or(rate),
                unit: unit.map(str::to_owned),
            });
        Args::new(
            self.def(),
            inputs.collect(),
            self.dtype.clone(),
            &self.params,
            base,
        )
        .unwrap_or_else(|e| panic!("{}: {e}", self.op))
    }

    fn write_files(&self, folder: &Path) {
        for (name, bytes) in &self.files {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }

    fn outcome(&self, inputs: &[Vec<u8>], chunks: Chunks) -> Outcome {
        let place = self.place();
        let base = place.base();
        let blueprint =
            (self.def().build)(&self.args(base)).unwrap_or_else(|e| panic!("{}: {e}", self.op));
        let outputs = run(blueprint, inputs, chunks, ITEMS)
            .unwrap_or_else(|e| panic!("{} under {chunks:?}: {e}", self.op));
        Outcome {
            outputs,
            files: place.files(),
        }
    }

    /// A folder with the files it reads, if it names any.
    fn place(&self) -> Place {
        let is_path = |kind| matches!(kind, ParamKind::ReadPath | ParamKind::WritePath);
        let mut paths = self.def().params.iter().filter(|param| is_path(param.kind));
        let is_given = |name| self.params.iter().any(|(given, _)| given == name);
        let names_files = !self.files.is_empty() || paths.any(|path| is_given(path.name));
        let place = Place(names_files.then(|| tempfile::tempdir().unwrap()));
        self.write_files(place.base());
        place
    }

    fn compare(&self, inputs: &[Vec<u8>], whole: &Outcome, other: &Outcome, how: String) {
        let what = format!("{} {:?}, {how}", self.op, self.params);
        if self.op == "merge" {
            let item_type = &self.inputs[0].item_type;
            assert!(
                is_interleaving(inputs, &other.outputs[0], item_type),
                "{what}"
            );
        } else if self.op == "drain" {
            assert!(inputs[0].starts_with(&other.outputs[0]), "{what}");
        } else if self.def().deterministic {
            assert!(whole == other, "{what}");
        } else {
            panic!("{what}: not deterministic, and no rule here for what must hold");
        }
    }

    fn input_bytes(&self, seed: u64) -> Vec<Vec<u8>> {
        let mut random = SplitMix(seed);
        let streams = self.inputs.iter().enumerate().map(|(i, stream)| {
            let items = (0..stream.items).flat_map(|_| {
                let mut item = random.item(&stream.item_type);
                match stream.item_type.is_framed() {
                    true if self.op == "merge" => frames([[&[b'0' + i as u8], &item[..]].concat()]),
                    true => frames([item]),
                    false if self.op == "merge" => {
                        *item.last_mut().unwrap() = i as u8;
                        item
                    }
                    false => item,
                }
            });
            let bytes = items.collect();
            match stream.ascends {
                Some(element) => sorted(&stream.item_type, bytes, element),
                None => bytes,
            }
        });
        streams.collect()
    }
}

/// A folder of a run's own, where one is needed: tens of thousands of them would wait for each other.
struct Place(Option<tempfile::TempDir>);

impl Place {
    /// What paths start from.
    fn base(&self) -> &Path {
        let folder = self.0.as_ref().map(|folder| folder.path());
        folder.unwrap_or(Path::new("/nowhere"))
    }

    /// Every file there is by now.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let folder = self.0.as_ref().map(|folder| files_in(folder.path()));
        folder.unwrap_or_default()
    }
}

/// Every file of a folder.
fn files_in(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read(path).unwrap())
    });
    files.collect()
}

/// The items in the order of one of their elements.
fn sorted(item_type: &ItemType, bytes: Vec<u8>, element: usize) -> Vec<u8> {
    let scalar = match item_type {
        ItemType::Timed(_) | ItemType::TimedVector(..) => Scalar::F64,
        numbers => numbers.elements().unwrap().0,
    };
    let mut items: Vec<&[u8]> = bytes.chunks_exact(item_type.len_bytes()).collect();
    items.sort_by(|a, b| {
        let key = |item: &[u8]| {
            let bytes = &item[element * scalar.len_bytes()..][..scalar.len_bytes()];
            match scalar {
                Scalar::I8 => f64::from(bytes[0] as i8),
                Scalar::F32 => f32::from_le_bytes(bytes.try_into().unwrap()).into(),
                Scalar::F64 => f64::from_le_bytes(bytes.try_into().unwrap()),
                other => panic!("no case sorts {other}"),
            }
        };
        key(a).total_cmp(&key(b))
    });
    items.concat()
}

/// True when the items of each input stand in the merged stream in their order, and no others.
///
/// A byte of each item tells its input (see [`Case::input_bytes`]), so no two inputs have equal items.
fn is_interleaving(inputs: &[Vec<u8>], merged: &[u8], item_type: &ItemType) -> bool {
    let mut rest: Vec<_> = inputs
        .iter()
        .map(|i| items(i, item_type).into_iter().peekable())
        .collect();
    let all_found = items(merged, item_type).into_iter().all(|item| {
        rest.iter_mut()
            .any(|r| r.next_if(|next| *next == item).is_some())
    });
    all_found && rest.iter_mut().all(|r| r.next().is_none())
}

fn items<'a>(stream: &'a [u8], item_type: &ItemType) -> Vec<&'a [u8]> {
    match item_type.is_framed() {
        true => Frames::new(stream).collect(),
        false => stream.chunks_exact(item_type.len_bytes()).collect(),
    }
}

struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in (-10, 10) with a full mantissa, now and then 0.
    fn number(&mut self) -> f64 {
        match self.next() {
            draw if draw % 16 == 0 => 0.0,
            draw => (draw as i64) as f64 / 2.0_f64.powi(63) * 10.0,
        }
    }

    fn scalar(&mut self, scalar: Scalar) -> Vec<u8> {
        match scalar {
            Scalar::F32 => (self.number() as f32).to_le_bytes().to_vec(),
            Scalar::F64 => self.number().to_le_bytes().to_vec(),
            Scalar::Cf32 => [self.scalar(Scalar::F32), self.scalar(Scalar::F32)].concat(),
            Scalar::Cf64 => [self.scalar(Scalar::F64), self.scalar(Scalar::F64)].concat(),
            integer => self.next().to_le_bytes()[..integer.len_bytes()].to_vec(),
        }
    }

    /// Words, numbers and what a log or JSON has, none to hundreds of bytes.
    fn text(&mut self) -> Vec<u8> {
        let number = self.number();
        let text = match self.next() % 8 {
            0 => String::new(),
            1 => format!("{number}"),
            2 => format!(
                "{{\"a\": {{\"b\": [{number}, \"β\"]}}, \"n\": {}}}",
                self.next() % 9
            ),
            3 => "größer, \"quoted\" ".repeat((self.next() % 20) as usize),
            4 => format!("ERROR code={} after {number} s", self.next() % 7),
            n => ["the", "quick", "the lazy dog", "FOX"][(n % 4) as usize].to_owned(),
        };
        text.into_bytes()
    }

    fn item(&mut self, item_type: &ItemType) -> Vec<u8> {
        match *item_type {
            ItemType::Timed(_) | ItemType::TimedVector(..) => {
                let (scalar, width) = item_type.timed_values().expect("a timed item");
                let mut bytes = self.scalar(Scalar::F64);
                bytes.extend((0..width).flat_map(|_| self.scalar(scalar)));
                bytes.resize(item_type.len_bytes(), 0);
                bytes
            }
            ItemType::Text => self.text(),
            ItemType::Bytes => (0..self.next() % 40).map(|_| self.next() as u8).collect(),
            _ => {
                let (scalar, width) = item_type.elements().expect("an item made of numbers");
                (0..width).flat_map(|_| self.scalar(scalar)).collect()
            }
        }
    }
}

/// A new seed for every run, or the one asked for.
fn seed() -> u64 {
    let seed = match std::env::var("THALWEG_SEED") {
        Ok(text) => text.parse().expect("THALWEG_SEED is a whole number"),
        Err(_) => std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |now| now.as_nanos() as u64),
    };
    println!("THALWEG_SEED={seed}");
    seed
}
