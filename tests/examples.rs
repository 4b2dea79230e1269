//! The graphs in `examples/` do what their words say.

use std::process::Command;

/// What ObsPy's `classic_sta_lta` and `trigger_onset` pick of the same items (see examples/data/README.md).
const PICKS: [(f64, f64, f64); 5] = [
    (26.84, 30.92, 20.0),
    (67.46, 71.11, 19.5),
    (151.46, 154.93, 16.5),
    (215.08, 218.61, 17.8),
    (225.79, 236.16, 20.0),
];

#[test]
fn quake_picks_what_obspy_picks() {
    let graph = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quake.toml");
    let output = Command::new(env!("CARGO_BIN_EXE_thalweg"))
        .args(["run", "-q", graph])
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    assert_eq!(header, "on,off,peak");
    let rows: Vec<Vec<f64>> = rows
        .lines()
        .map(|row| row.split(',').map(|cell| cell.parse().unwrap()).collect())
        .collect();
    assert_eq!(rows.len(), PICKS.len(), "{text}");
    for (row, (on, off, peak)) in rows.iter().zip(PICKS) {
        assert_eq!((row[0], row[1]), (on, off), "{text}");
        assert!((row[2] - peak).abs() < 0.05, "{text}");
    }
}

#[test]
fn audio_leaves_a_sound_as_long_as_the_one_it_read() {
    let folder = tempfile::tempdir().unwrap();
    let clean = folder.path().join("clean.wav");
    let graph = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/audio.toml");
    let output = Command::new(env!("CARGO_BIN_EXE_thalweg"))
        .args(["run", "-q", graph, "--set"])
        .arg(format!("out.path={}", clean.display()))
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let read = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/data/pluck.wav"
    ));
    assert_eq!(std::fs::read(clean).unwrap().len(), read.unwrap().len());
}

#[test]
fn bands_gives_what_the_same_agents_give_without_a_sub_graph() {
    let root = env!("CARGO_MANIFEST_DIR");
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_thalweg"))
            .args(["run", "-q"])
            .args(arguments)
            .current_dir(root)
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words}");
        String::from_utf8(output.stdout).unwrap()
    };
    let flat = "s:wav.read path=examples/data/pluck.wav ! iir.bandpass low=60 high=600 order=4 ! low:window size=\"100 ms\" step=\"100 ms\" fn=rms; \
        iir.bandpass in=s low=600 high=6000 order=8 ! high:window size=\"100 ms\" step=\"100 ms\" fn=rms; \
        ratio:zip in=[low, high] expr=\"20 * log10(b / a)\"; \
        zip in=[low, ratio] ! csv.write path=- columns=[low, high_db]";
    let used = run(&["examples/bands.toml"]);
    assert!(used.lines().count() > 3, "{used}");
    assert_eq!(used, run(&["-e", flat]));
}

#[test]
fn access_counts_the_pages_that_fail_most() {
    let graph = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/access.toml");
    let output = Command::new(env!("CARGO_BIN_EXE_thalweg"))
        .args(["run", "-q", graph])
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    // As Python's re and collections.Counter have it of the same lines.
    let expected =
        "page,failures\n/,34\n/search,12\n/data/pluck.wav,11\n/login,8\n/data/quake.csv,8\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn clusters_finds_both_centres() {
    let graph = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/clusters.toml");
    let output = Command::new(env!("CARGO_BIN_EXE_thalweg"))
        .args(["run", "-q", graph])
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows.len(), 11, "{text}");
    let last = rows[10].split(',').map(|cell| cell.parse::<f64>().unwrap());
    // The mean of 2500 points of spread 1 is within 0.02 or so; a few points near the middle go astray.
    for (found, expected) in last.zip([6.0, 2.0, -2.0, -3.0]) {
        assert!((found - expected).abs() < 0.1, "{text}");
    }
}
