//! What is handed bytes that nobody vouches for: each target judges any bytes, and must not panic or hang.
//!
//! They are driven in two ways: by `tests/any_bytes.rs`, which mutates good examples from a seed with the stable
//! compiler, and by libFuzzer (`cargo fuzz`, nightly), see `Cargo.toml` beside this file.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thalweg::plan::{self, Machine, Options, Plan};
use thalweg::resolved::Resolved;
use thalweg::ringbuf::{
    Fencing, Frames, Geometry, MappedRing, RingSpec, Segment, frame_len_bytes, write_frame,
};
use thalweg::snapshot::format::{self, Contents};
use thalweg::snapshot::image;
use thalweg::topology::Topology;
use thalweg::worker::expr;
use thalweg::worker::op::InputInfo;
use thalweg::worker::testing::{self, Chunks};
use thalweg::worker::types::{ItemType, Scalar};
use thalweg::{file, oneline, overflow, resolve, verify, wire};

/// One of them.
pub struct Target {
    /// Its name, also that of its program for libFuzzer.
    pub name: &'static str,
    /// Judges the bytes.
    pub run: fn(&[u8]),
    /// Good examples.
    pub examples: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub static TARGETS: [Target; 15] = [
    Target {
        name: "ring",
        run: ring,
        examples: rings,
    },
    Target {
        name: "frames",
        run: frames,
        examples: framed,
    },
    Target {
        name: "resume",
        run: resume,
        examples: damages,
    },
    Target {
        name: "snapshot",
        run: snapshot,
        examples: snapshots,
    },
    Target {
        name: "graph",
        run: graph,
        examples: graphs,
    },
    Target {
        name: "line",
        run: line,
        examples: lines,
    },
    Target {
        name: "expression",
        run: expression,
        examples: expressions,
    },
    Target {
        name: "csv",
        run: csv,
        examples: csvs,
    },
    Target {
        name: "npy",
        run: npy,
        examples: npys,
    },
    Target {
        name: "wav",
        run: wav,
        examples: wavs,
    },
    Target {
        name: "flac",
        run: flac,
        examples: flacs,
    },
    Target {
        name: "jsonl",
        run: jsonl,
        examples: jsonls,
    },
    Target {
        name: "npz",
        run: npz,
        examples: npzs,
    },
    Target {
        name: "ogg",
        run: ogg,
        examples: oggs,
    },
    Target {
        name: "recording",
        run: recording,
        examples: recordings,
    },
];

/// A ring that another process made: its header, then its positions.
pub fn ring(bytes: &[u8]) {
    let pure = Geometry::of_bytes(bytes, bytes.len());
    if bytes.is_empty() || bytes.len() > 1 << 20 {
        return;
    }
    let segment = Arc::new(Segment::anonymous(bytes.len()).expect("memory"));
    // SAFETY: the segment is at least as long, and nobody else's.
    unsafe {
        segment
            .as_ptr()
            .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len())
    };
    let Ok(mapped) = MappedRing::open(&segment, 0) else {
        return;
    };
    assert!(
        pure.is_ok() || segment.len_bytes() > bytes.len(),
        "opened, and refused as bytes"
    );
    let geometry = mapped.geometry();
    assert!(geometry.len_bytes() <= segment.len_bytes());
    // SAFETY: used while the mapping is there, by this thread alone.
    let ring = unsafe { mapped.ring() };
    for line in 0..geometry.readers {
        let Some(mut reader) = ring.reader(line) else {
            continue;
        };
        let consumed = ring.consumed(line);
        if let Ok(available) = reader.available(consumed) {
            assert!(available <= geometry.capacity, "{available} items");
        }
    }
}

fn rings() -> Vec<Vec<u8>> {
    let specs = [
        RingSpec::of::<u64>(100),
        RingSpec::of::<[f64; 3]>(7).start(u64::MAX - 3),
    ];
    let made = specs.map(|spec| {
        let len = spec
            .geometry(Fencing::Symmetric)
            .expect("a good spec")
            .len_bytes();
        let segment = Arc::new(Segment::anonymous(len).expect("memory"));
        // SAFETY: the segment is new and nobody else's.
        let mapped = unsafe { MappedRing::format(&segment, 0, &spec) }.expect("a good spec");
        // SAFETY: as above.
        unsafe { mapped.ring() }.publish(spec.start.wrapping_add(5));
        bytes_of(&segment)
    });
    made.to_vec()
}

fn bytes_of(segment: &Segment) -> Vec<u8> {
    // SAFETY: mapped to its length, and nobody writes it now.
    unsafe { std::slice::from_raw_parts(segment.as_ptr(), segment.len_bytes()) }.to_vec()
}

/// Frames one behind the other, as a byte ring holds them.
pub fn frames(bytes: &[u8]) {
    let mut frames = Frames::new(bytes);
    let mut len = 0;
    for frame in frames.by_ref() {
        len += frame_len_bytes(frame.len()).expect("a frame that is there");
    }
    let rest = frames.rest().len();
    assert!(
        len + rest == bytes.len(),
        "{len} and {rest} of {} bytes",
        bytes.len()
    );
}

fn framed() -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    for payload in [&b""[..], b"a", b"a longer one, of some words", &[0xff; 300]] {
        let at = bytes.len();
        bytes.resize(at + frame_len_bytes(payload.len()).expect("short"), 0);
        write_frame(&mut bytes[at..], payload).expect("room");
    }
    vec![bytes]
}

/// A dead run's segment, as `thalweg resume` finds it. The bytes are damages: a place (4) and what is there then (1).
pub fn resume(bytes: &[u8]) {
    thread_local! {
        static GOOD: RefCell<(Resolved, Plan, Vec<u8>)> = RefCell::new(dead_run());
    }
    GOOD.with_borrow(|(graph, plan, good)| {
        let segment = Segment::anonymous(good.len()).expect("memory");
        let mut damaged = good.clone();
        for damage in bytes.chunks_exact(5).take(64) {
            let place = u32::from_le_bytes([damage[0], damage[1], damage[2], damage[3]]);
            let len = damaged.len();
            damaged[place as usize % len] = damage[4];
        }
        // SAFETY: as long as the segment, which is nobody else's.
        unsafe {
            segment
                .as_ptr()
                .copy_from_nonoverlapping(damaged.as_ptr(), damaged.len())
        };
        if let Ok(wired) = wire::adopt(graph, plan, RUN, segment, Fencing::Symmetric) {
            let judged = verify::verify(graph, plan, &wired);
            assert!(judged.is_ok() || damaged != *good, "{judged:?}");
        }
    });
}

/// A snapshot's file as it is, and one whose checks fit although what they are of was damaged (as for `resume`).
pub fn snapshot(bytes: &[u8]) {
    thread_local! {
        static GOOD: RefCell<(Resolved, Plan, Contents<Vec<u8>>)> = RefCell::new(kept_run());
    }
    // What it says is of no interest: it must not panic, nor believe what does not fit.
    let _ = format::read(bytes);
    GOOD.with_borrow(|(graph, plan, good)| {
        let mut damaged = good.clone();
        for damage in bytes.chunks_exact(5).take(64) {
            let place = u32::from_le_bytes([damage[0], damage[1], damage[2], damage[3]]) as usize;
            let (workers, streams) = (damaged.workers.len(), damaged.streams.len());
            match place % (workers + streams) {
                w if w < workers => {
                    let len = damaged.workers[w].len();
                    damaged.workers[w][place / (workers + streams) % len] = damage[4];
                }
                s => {
                    let line = &mut damaged.streams[s - workers].0;
                    let word = match place / (workers + streams) % 3 {
                        0 => &mut line.first,
                        1 => &mut line.written,
                        _ => &mut line.claimed,
                    };
                    *word = u64::from(damage[4]);
                }
            }
        }
        let file = written(&damaged);
        let Ok(contents) = format::read(&file) else {
            return;
        };
        let segment = Segment::anonymous(plan.len_bytes).expect("memory");
        let wired = wire::wire(graph, plan, RUN, segment, Fencing::Symmetric).expect("a good plan");
        let judged = image::put_back(graph, plan, &wired, &contents)
            .and_then(|()| verify::verify(graph, plan, &wired));
        assert!(judged.is_ok() || damaged != *good, "{judged:?}");
    });
}

fn written(contents: &Contents<Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let put = |part: &[u8]| {
        bytes.extend_from_slice(part);
        Ok::<(), std::convert::Infallible>(())
    };
    let Ok(()) = contents.write(put);
    bytes
}

fn kept_run() -> (Resolved, Plan, Contents<Vec<u8>>) {
    let (graph, plan, _) = dead_run();
    let segment = Segment::anonymous(plan.len_bytes).expect("memory");
    let wired = wire::wire(&graph, &plan, RUN, segment, Fencing::Symmetric).expect("a good plan");
    let image = image::take(&graph, &plan, &wired);
    let contents = Contents {
        layout_hash: 1,
        graph_hash: 2,
        number: 1,
        taken: 0,
        run: RUN.to_owned(),
        words: b"{}".to_vec(),
        workers: image.workers,
        streams: image.streams,
    };
    (graph, plan, contents)
}

/// A whole file, and damages of versions, records, states and positions.
fn snapshots() -> Vec<Vec<u8>> {
    let (_, _, good) = kept_run();
    [damages(), vec![written(&good)]].concat()
}

const RUN: &str = "dead-1";

fn dead_run() -> (Resolved, Plan, Vec<u8>) {
    let line = "counter items=9 ! window size=3 step=1 fn=mean ! filter expr=\"x > 1\" ! null";
    let decl = oneline::load_line(line).expect("a good graph");
    let (graph, _) = resolve::resolve(decl).expect("a good graph");
    let options = Options {
        workers: Some(3),
        ..Options::default()
    };
    let plan = plan::plan(&graph, &machine(), &options).expect("a good graph");
    let segment = Segment::anonymous(plan.len_bytes).expect("memory");
    let wired = wire::wire(&graph, &plan, RUN, segment, Fencing::Symmetric).expect("a good plan");
    let bytes = bytes_of(wired.segment());
    (graph, plan, bytes)
}

fn machine() -> Machine {
    Machine {
        cores: vec![0, 1],
        topology: Topology::flat(&[0, 1]),
        shm_free: Some(1 << 30),
        fencing: Fencing::Symmetric,
    }
}

/// Single bytes of the run header, of control blocks and of rings.
fn damages() -> Vec<Vec<u8>> {
    let places = [
        0u32, 256, 264, 272, 288, 352, 4096, 8192, 8320, 9728, 12288, 16384, 16512,
    ];
    let one = |place: &u32| [&place.to_le_bytes()[..], &[1]].concat();
    places.iter().map(one).chain([Vec::new()]).collect()
}

/// A graph file.
pub fn graph(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    if let Ok(decl) = file::parse(text, "fuzz.toml", "fuzz", PathBuf::from(NOWHERE)) {
        judge(decl);
    }
}

/// A graph in one line.
pub fn line(bytes: &[u8]) {
    if let Ok(decl) = oneline::load_line(&String::from_utf8_lossy(bytes)) {
        judge(decl);
    }
}

/// Where files of graphs would be, and are not.
const NOWHERE: &str = "/nonexistent";

fn judge(decl: thalweg::decl::GraphDecl) {
    let Ok((mut graph, _)) = resolve::resolve(decl) else {
        return;
    };
    overflow::insert(&mut graph);
    // Refused or planned: both are answers.
    let _ = plan::plan(&graph, &machine(), &Options::default());
}

fn graphs() -> Vec<Vec<u8>> {
    let quake = include_bytes!("../../examples/quake.toml").to_vec();
    let audio = include_bytes!("../../examples/audio.toml").to_vec();
    let odd = b"name = \"x\"\n[workers.a]\ncore = 0\n[agents.n]\nop = \"counter\"\nitems = 5\nworker = \"a\"\n\
        [agents.d]\nop = \"delay\"\nin = \"z\"\nitems = 3\n[agents.z]\nop = \"zip\"\nin = { a = \"n\", b = \"d\" }\n\
        expr = \"a + b\"\n[agents.o]\nop = \"null\"\nin = \"z\"\n[streams.n]\ncapacity = \"1 KiB\"\n"
        .to_vec();
    vec![quake, audio, odd]
}

fn lines() -> Vec<Vec<u8>> {
    let lines = [
        "counter items=10 ! map expr=\"3 * x\" ! null",
        "sine freq=440 rate=48000 items=100 ! fir.lowpass cutoff=1000 taps=11 ! null",
        "noise items=100 ! iir.bandpass low=0.1 high=0.2 order=4 ! threshold on=2 off=1 ! null",
        "const value=1.5 items=9 ! window size=\"3\" step=2 fn=max ! decimate factor=2 ! null",
    ];
    lines.map(|line| line.as_bytes().to_vec()).to_vec()
}

/// An expression over one input.
pub fn expression(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for scalar in [Scalar::F64, Scalar::I64, Scalar::U8] {
        let input = InputInfo {
            naming: Default::default(),
            name: "x".to_owned(),
            item_type: ItemType::Scalar(scalar),
            rate: Some(100.0),
            unit: None,
        };
        // Compiled or refused: both are answers.
        let _ = expr::compile(&text, std::slice::from_ref(&input), Some(100.0));
        let _ = expr::compile_condition(&text, &[input], None);
    }
}

fn expressions() -> Vec<Vec<u8>> {
    let texts = [
        "abs(x) > 3 && x < 1e9",
        "3 * x + sin(t / 2) - max(x, -1.5)",
        "if(x > 0, sqrt(x), -x) % 7",
        "(((x)))",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

/// A CSV file, read to its end.
pub fn csv(bytes: &[u8]) {
    read_file(bytes, "csv", "csv.read columns=[\"z\"]");
}

/// An NPY file, read to its end.
pub fn npy(bytes: &[u8]) {
    read_file(bytes, "npy", "npy.read");
}

/// A WAV file, read to its end.
pub fn wav(bytes: &[u8]) {
    read_file(bytes, "wav", "wav.read");
}

/// JSON Lines, read to their end.
pub fn jsonl(bytes: &[u8]) {
    read_file(bytes, "jsonl", "jsonl.read");
}

/// An NPZ file, read to its end.
pub fn npz(bytes: &[u8]) {
    read_file(bytes, "npz", "npz.read array=rows");
}

/// A FLAC file, read to its end.
pub fn flac(bytes: &[u8]) {
    read_file(bytes, "flac", "flac.read");
}

/// An Ogg Vorbis file, read to its end.
pub fn ogg(bytes: &[u8]) {
    read_file(bytes, "ogg", "ogg.read");
}

/// A recording, given again to its end.
pub fn recording(bytes: &[u8]) {
    read_file(bytes, "rec", "replay.read");
}

/// Has a connector read a file of these bytes.
fn read_file(bytes: &[u8], kind: &str, words: &str) {
    let path = std::env::temp_dir().join(format!("thalweg-fuzz-{}.{kind}", std::process::id()));
    fs::write(&path, bytes).expect("a file for temporary files");
    read(&path, words);
    let _ = fs::remove_file(&path);
}

fn read(path: &Path, words: &str) {
    let text = format!("{words} path=\"{}\" ! null", path.display());
    let Ok(decl) = oneline::load_line(&text) else {
        panic!("{text}: a good line");
    };
    let Ok((mut graph, _)) = resolve::resolve(decl) else {
        return;
    };
    let source = graph.agents.swap_remove(0);
    // Read or refused: both are answers.
    let _ = testing::run(source.blueprint, &[], Chunks::Whole, 1 << 16);
}

fn csvs() -> Vec<Vec<u8>> {
    vec![
        b"t,z\n0,1.5\n1,-2e3\n2,\"3\"\n".to_vec(),
        include_bytes!("../golden/files/excel.csv").to_vec(),
        b"z\r\n1\r\n\r\n2\r\n".to_vec(),
    ]
}

fn npys() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../golden/files/le_f8.npy").to_vec(),
        include_bytes!("../golden/files/be_i4.npy").to_vec(),
        include_bytes!("../golden/files/rows.npy").to_vec(),
    ]
}

fn wavs() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../golden/files/f32.wav").to_vec(),
        include_bytes!("../golden/files/i24.wav").to_vec(),
        include_bytes!("../golden/files/u8.wav").to_vec(),
    ]
}

fn flacs() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../golden/files/i24.flac").to_vec(),
        include_bytes!("../golden/files/i16.flac").to_vec(),
    ]
}

fn jsonls() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../golden/files/mixed.jsonl").to_vec(),
        b"{\"a\": 1, \"b\": true}\r\n\n{\"a\": 1e300, \"b\": \"2\"}".to_vec(),
    ]
}

fn npzs() -> Vec<Vec<u8>> {
    vec![include_bytes!("../golden/files/packed.npz").to_vec()]
}

fn oggs() -> Vec<Vec<u8>> {
    vec![include_bytes!("../golden/files/tone.ogg").to_vec()]
}

fn recordings() -> Vec<Vec<u8>> {
    vec![include_bytes!("../../examples/data/pulse.rec").to_vec()]
}
