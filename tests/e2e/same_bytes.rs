//! The same graph gives the same bytes, however it is run.

use crate::site::Site;

pub const GRAPH: &str = r#"
[workers.front]
[workers.back]
core = "none"

[agents.tone]
op = "sine"
freq = 5.0
rate = 1000.0
items = 20000

[agents.hiss]
op = "noise"
seed = 7
rate = 1000.0
items = 20000
worker = "front"

[agents.signal]
op = "zip"
in = { a = "tone", b = "hiss" }
expr = "a + 0.5 * b"

[agents.band]
op = "iir.bandpass"
in = "signal"
low = 1.0
high = 20.0
order = 4

[agents.mean]
op = "window"
in = "band"
size = 100
step = 10
fn = "mean"

[agents.loud]
op = "filter"
in = "band"
expr = "abs(x) > 0.4"
worker = "back"

[agents.few]
op = "decimate"
in = "signal"
factor = 7

[agents.band_csv]
op = "csv.write"
in = "band"
path = "band.csv"

[agents.mean_npy]
op = "npy.write"
in = "mean"
path = "mean.npy"

[agents.loud_raw]
op = "raw.write"
in = "loud"
path = "loud.bin"

[agents.turns]
op = "weave"
in = ["mean", "few"]
counts = [7, 10]

[agents.steps]
op = "diff"
in = "turns"

[agents.stamped]
op = "timed"
in = "few"

[agents.powers]
op = "timed.window"
in = "stamped"
duration = 0.1
step = 0.03
fn = "rms"
flush = true
worker = "back"

[agents.mixed]
op = "timed.mix"
in = ["stamped", "powers"]

[agents.steps_raw]
op = "raw.write"
in = "steps"
path = "steps.bin"

[agents.mixed_csv]
op = "csv.write"
in = "mixed"
path = "mixed.csv"

[agents.few_raw]
op = "raw.write"
in = "few"
path = "few.bin"
"#;

pub const FILES: [&str; 6] = [
    "band.csv",
    "mean.npy",
    "loud.bin",
    "few.bin",
    "steps.bin",
    "mixed.csv",
];

const WAYS: [&[&str]; 12] = [
    &[],
    &["--in-process"],
    &["--workers", "1"],
    &["--workers", "2"],
    &["--workers", "3"],
    &["--workers", "11"],
    &["--pin", "none"],
    &["--capacity", "200"],
    &["--capacity", "8KiB", "--workers", "3"],
    &["--step", "1", "--workers", "2"],
    &["--step", "13", "--in-process"],
    &["--step", "64", "--capacity", "128", "--workers", "4"],
];

#[test]
fn however_it_is_run_a_graph_writes_the_same_bytes() {
    let mut first: Option<Vec<Vec<u8>>> = None;
    for way in WAYS {
        let site = Site::new();
        site.write("g.toml", GRAPH);
        site.run(&[&["run", "-q", "g.toml"], way].concat())
            .expect(0);
        let written: Vec<Vec<u8>> = FILES.iter().map(|file| site.read(file)).collect();
        for (file, bytes) in FILES.iter().zip(&written) {
            assert!(bytes.len() > 100, "{way:?}: {file} is nearly empty");
        }
        let expected = first.get_or_insert_with(|| written.clone());
        for ((file, found), expected) in FILES.iter().zip(&written).zip(expected) {
            assert!(found == expected, "{way:?}: {file} differs");
        }
        site.assert_clean();
    }
}

pub const CYCLE: &str = r#"
[agents.src]
op = "counter"
items = 3000

[agents.sum]
op = "zip"
in = { a = "src", b = "last" }
expr = "a + b"

[agents.last]
op = "delay"
in = "sum"
items = 1

[agents.out]
op = "raw.write"
in = "sum"
path = "o.bin"
"#;

#[test]
fn a_cycle_through_a_delay_runs_and_ends() {
    let mut total = 0;
    let sums = (0..3000).map(|n| {
        total += n;
        f64::from(total)
    });
    let expected: Vec<u8> = sums.flat_map(f64::to_le_bytes).collect();
    for way in [
        &["--in-process"][..],
        &["--workers", "1"],
        &["--workers", "2"],
        &["--workers", "4"],
    ] {
        let site = Site::new();
        site.write("cycle.toml", CYCLE);
        site.run(&[&["run", "cycle.toml"], way].concat()).expect(0);
        assert!(site.read("o.bin") == expected, "{way:?}");
        site.assert_clean();
    }
}
