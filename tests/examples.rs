//! The graphs in `examples/` do what their words say.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What ObsPy's `classic_sta_lta` and `trigger_onset` pick of the same items (see examples/data/README.md).
const PICKS: [(f64, f64, f64); 5] = [
    (26.84, 30.92, 20.0),
    (67.46, 71.11, 19.5),
    (151.46, 154.93, 16.5),
    (215.08, 218.61, 17.8),
    (225.79, 236.16, 20.0),
];

#[test]
fn a_chain_prints_a_loudness_for_each_second() {
    let text = graph("chain.toml", &[]);
    let loudness: Vec<f64> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(loudness.len(), 10, "{text}");
    // White noise of variance 1 in a tenth of its band, less what the first second needs to swing in.
    let expected = 0.1_f64.sqrt();
    assert!(
        loudness.iter().all(|x| (x - expected).abs() < 0.06),
        "{text}"
    );
}

#[test]
fn three_axes_show_the_earthquakes_that_scipy_shows() {
    let text = graph("quake3.toml", &[]);
    // The same of `scipy.signal.butter(4, 0.1, "highpass", fs=100)`, the norm, and the largest of 200 items.
    let expected = [
        (25.29, 38.88, 68.11),
        (67.16, 71.03, 21.34),
        (224.38, 317.32, 596.08),
    ];
    let rows: Vec<Vec<f64>> = text.lines().skip(1).map(numbers).collect();
    assert_eq!(rows.len(), expected.len(), "{text}");
    for (row, (on, off, peak)) in rows.iter().zip(expected) {
        assert_eq!((row[0], row[1]), (on, off), "{text}");
        assert!((row[2] - peak).abs() < 0.01, "{text}");
    }
}

#[test]
fn a_program_shows_the_earthquakes_that_its_graph_file_shows() {
    let (program, file) = (program("quake3", ""), graph("quake3.toml", &[]));
    assert!(program.lines().eq(file.lines().skip(1)), "{program}{file}");
}

#[test]
fn an_echo_comes_back_weaker() {
    let folder = tempfile::tempdir().unwrap();
    let to =
        |agent: &str, file: &str| format!("{agent}.path={}", folder.path().join(file).display());
    graph("echo.toml", &["--set", &to("out", "echo.wav")]);
    let line =
        |file: &str, to: &str| format!("wav.read path={file} dtype=f64 ! raw.write path={to}");
    let raw = |wav: &str, name: &str| -> Vec<f64> {
        let to = folder.path().join(name);
        let ran = Command::new(env!("CARGO_BIN_EXE_thalweg"))
            .args(["run", "-q", "-e", &line(wav, to.to_str().unwrap())])
            .status()
            .unwrap();
        assert!(ran.success());
        let bytes = std::fs::read(to).unwrap();
        let items = bytes
            .chunks_exact(8)
            .map(|item| f64::from_le_bytes(item.try_into().unwrap()));
        items.collect()
    };
    let spoken = raw("examples/data/pluck.wav", "spoken");
    let quieter = raw(folder.path().join("echo.wav").to_str().unwrap(), "heard");
    let mut heard = spoken.clone();
    for n in 11025..heard.len() {
        heard[n] += 0.5 * heard[n - 11025];
    }
    assert_eq!(quieter.len(), heard.len());
    let largest = heard
        .iter()
        .zip(&quieter)
        .map(|(a, b)| (a / 2.0 - b).abs())
        .fold(0.0, f64::max);
    assert!(largest < 1e-4, "{largest}");
}

#[test]
fn bursts_are_marked_where_they_begin_behind_a_receiver() {
    let text = graph("bursts.toml", &[]);
    let expected = (0..10).map(|n| {
        let (position, seconds) = (512 * n, f64::from(n) / 10.0);
        format!(
            "{{\"position\":{position},\"seconds\":{seconds:?},\"key\":\"burst\",\"value\":true}}\n"
        )
    });
    assert_eq!(text, expected.collect::<String>());
}

#[test]
fn octaves_are_as_loud_as_scipy_finds_them() {
    let text = graph("octaves.toml", &[]);
    let rows: Vec<Vec<f64>> = text.lines().skip(1).map(numbers).collect();
    assert_eq!(rows.len(), 20, "{text}");
    // Of `sosfilt(butter(3, [lower, upper], "bandpass", output="sos", fs=44100), x)` for the same bands.
    let expected = [
        (
            0,
            [
                -25.007, -43.476, -41.084, -42.552, -31.511, -31.569, -30.062, -32.165,
            ],
        ),
        (
            10,
            [
                -23.449, -48.855, -39.228, -37.647, -38.581, -43.569, -42.778, -39.767,
            ],
        ),
        (
            19,
            [
                -23.325, -50.013, -47.225, -47.739, -46.588, -45.614, -42.851, -40.057,
            ],
        ),
    ];
    for (row, expected) in expected {
        for (found, expected) in rows[row].iter().zip(expected) {
            assert!((found - expected).abs() < 0.001, "{row}: {:?}", rows[row]);
        }
    }
}

#[test]
fn a_spectrogram_is_a_picture_with_a_row_for_each_frame() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("spectrogram.png");
    graph(
        "spectrogram.toml",
        &["--set", &format!("picture.path={}", picture.display())],
    );
    let file = std::fs::read(picture).unwrap();
    assert!(file.starts_with(b"\x89PNG\r\n\x1a\n"));
    let number = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
    let (width, height) = (number(16), number(20));
    assert_eq!((width, height), (513, (88_200 - 1024) / 256 + 1));
    // Rows lie side by side, each in a chunk of its own, behind a header of fixed length; 12 + 9 and 12 bytes end it.
    let (header, row_len) = (8 + 25 + 12 + 768 + 14, 12 + 6 + width as usize);
    assert_eq!(file.len(), header + height as usize * row_len + 21 + 12);
    // The mains hum at 50 Hz, in the second bin, is the loudest of every row.
    for row in file[header..].chunks_exact(row_len).take(height as usize) {
        let pixels = &row[8 + 6..];
        let loudest = pixels[..width as usize].iter().max();
        assert_eq!(loudest, Some(&pixels[1]));
    }
}

#[test]
fn a_radio_plays_what_the_station_sends() {
    let folder = tempfile::tempdir().unwrap();
    let path = |file: &str| folder.path().join(file).display().to_string();
    let (air, wav, raw) = (path("air"), path("radio.wav"), path("raw"));
    graph("fm_station.toml", &["--set", &format!("out.path={air}")]);
    let set = [format!("air.path={air}"), format!("out.path={wav}")];
    graph("fm_radio.toml", &["--set", &set[0], "--set", &set[1]]);
    let line = format!("wav.read path={wav} dtype=f64 ! raw.write path={raw}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_thalweg"));
    command.args(["run", "-q", "-e", &line]);
    printed(command, "");
    let bytes = std::fs::read(raw).unwrap();
    let items = bytes.chunks_exact(8);
    let sound: Vec<f64> = items
        .map(|b| f64::from_le_bytes(b.try_into().unwrap()))
        .collect();
    assert_eq!(sound.len(), 3 * 48_000);
    // Two seconds from the middle: whole periods of both tones.
    let sound = &sound[24_000..120_000];
    let power = sound.iter().map(|x| x * x).sum::<f64>() / sound.len() as f64;
    let [low, high] = [440.0, 660.0].map(|freq| amplitude(sound, freq));
    assert!((low - 0.4).abs() < 0.01, "{low}");
    assert!((high - 0.4).abs() < 0.01, "{high}");
    let rest = power - (low * low + high * high) / 2.0;
    let decibels = 10.0 * (power / rest).log10();
    assert!(
        decibels > 60.0,
        "the tones are {decibels} dB above the rest"
    );
}

/// How loud a tone is in a sound at 48 kHz that holds whole periods of it.
fn amplitude(sound: &[f64], freq: f64) -> f64 {
    let turn = std::f64::consts::TAU * freq / 48_000.0;
    let (mut re, mut im) = (0.0, 0.0);
    for (n, x) in sound.iter().enumerate() {
        let (sin, cos) = (turn * n as f64).sin_cos();
        re += x * cos;
        im += x * sin;
    }
    2.0 * f64::hypot(re, im) / sound.len() as f64
}

#[test]
fn a_program_whose_lines_nobody_reads_any_more_ends_in_order() {
    let mut command = example("smooth");
    let streams = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = streams.spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    let words = String::from_utf8(ended.stderr).unwrap();
    assert_eq!((ended.status.code(), &*words), (Some(0), ""));
}

#[test]
fn a_sieve_of_four_agents_leaves_the_primes() {
    let is_prime = |n: &u64| (2..*n).all(|d| !n.is_multiple_of(d));
    let found: Vec<u64> = program("sieve", "")
        .lines()
        .map(|line| line.parse().unwrap())
        .collect();
    assert!(found.into_iter().eq((2..121).filter(is_prime)));
}

#[test]
fn a_rod_warms_until_its_temperatures_are_on_a_line() {
    let text = program("grid", "");
    let last = text
        .lines()
        .map(|line| line.split_once(' ').unwrap().1.parse::<f64>().unwrap());
    let last: Vec<f64> = last.collect();
    assert_eq!(last, [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0]);
}

#[test]
fn towns_learn_their_shortest_ways() {
    let expected =
        "[0.0, 3.0, 5.0, 6.0]\n[3.0, 0.0, 2.0, 3.0]\n[5.0, 2.0, 0.0, 1.0]\n[6.0, 3.0, 1.0, 0.0]\n";
    assert_eq!(program("shortest_path", ""), expected);
}

#[test]
fn a_live_graph_answers_what_its_program_feeds_it() {
    assert_eq!(program("live", "1\n2\n3\n4\n"), "1\n1.5\n2\n2.5\n");
}

/// What needs a peer to talk to is judged in `e2e/sockets.rs`.
const TALKS: [&str; 3] = ["tcp", "udp", "unix"];

#[test]
fn the_example_of_every_operator_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut ran = 0;
    for op in thalweg_worker::operators::table() {
        let family = op.name.split('.').next().unwrap_or_default();
        if TALKS.contains(&family) {
            continue;
        }
        let here = format!("{}/", folder.path().display());
        let line = op.example.replace("/tmp/", &here);
        println!("{}: {line}", op.name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_thalweg"));
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        command.args(["run", "-q", "--in-process", "-e", &line]);
        printed(command, "");
        ran += 1;
    }
    assert!(ran > 100, "{ran} examples");
}

fn numbers(row: &str) -> Vec<f64> {
    row.split(',').map(|cell| cell.parse().unwrap()).collect()
}

/// What a graph of `examples/` prints.
fn graph(file: &str, options: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(file);
    let mut command = Command::new(env!("CARGO_BIN_EXE_thalweg"));
    command.args(["run", "-q"]).arg(path).args(options);
    printed(command, "")
}

/// What a program of `examples/` prints. `cargo test` builds them; a narrower test builds one that is not there.
fn program(name: &str, input: &str) -> String {
    printed(example(name), input)
}

fn example(name: &str) -> Command {
    let beside = Path::new(env!("CARGO_BIN_EXE_thalweg"))
        .with_file_name("examples")
        .join(name);
    if beside.exists() {
        return Command::new(beside);
    }
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.args(["run", "--quiet", "--locked", "--example", name]);
    command
}

fn printed(mut command: Command, input: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn both_anomalies_of_a_host_are_found_and_nothing_else() {
    let text = graph("host.toml", &[]);
    let rows: Vec<Vec<f64>> = text.lines().skip(1).map(numbers).collect();
    // Where examples/data/make_load.py puts them.
    let within = |row: &[f64], on: f64, off: f64| {
        (row[0] - on).abs() < 0.15 && row[1] > on + 0.5 && row[1] < off + 0.15
    };
    assert_eq!(rows.len(), 2, "{text}");
    assert!(
        within(&rows[0], 30.0, 32.0) && within(&rows[1], 48.0, 49.0),
        "{text}"
    );
}

#[test]
fn two_sensors_together_know_an_angle_that_neither_knows_alone() {
    let text = graph("fusion.toml", &[]);
    let rows: Vec<Vec<f64>> = text.lines().skip(1).map(numbers).collect();
    assert_eq!(rows.len(), 500);
    let error = |column: usize| {
        let squares = rows.iter().map(|row| (row[column] - row[0]).powi(2));
        (squares.sum::<f64>() / rows.len() as f64).sqrt()
    };
    // Half a degree a second too many for 50 s; an angle whose sine trembles by 0.1; both.
    assert!(
        (error(1) - 25.0 / 3.0_f64.sqrt()).abs() < 0.5,
        "{}",
        error(1)
    );
    assert!((error(2) - 5.7).abs() < 0.5, "{}", error(2));
    assert!(error(3) < 1.0, "{}", error(3));
}

#[test]
fn the_pauses_of_speech_are_cut_out() {
    let folder = tempfile::tempdir().unwrap();
    let spoken = folder.path().join("spoken.wav");
    let to = format!("spoken.path={}", spoken.display());
    let text = graph("silence.toml", &["--set", &to]);
    let rows: Vec<Vec<f64>> = text.lines().skip(1).map(numbers).collect();
    // Where examples/data/make_speech.py puts its words; an envelope hears them half a window sooner and longer.
    let words = [(0.4, 0.9), (1.6, 2.0), (2.25, 2.7), (3.7, 4.3)];
    assert_eq!(rows.len(), words.len(), "{text}");
    for (row, (from, to)) in rows.iter().zip(words) {
        assert!((row[0] - from).abs() < 0.06, "{text}");
        assert!((row[1] - to).abs() < 0.06, "{text}");
    }
    let items: f64 = rows
        .iter()
        .map(|row| (row[1] - row[0]) * 8000.0 + 1.0)
        .sum();
    let len = std::fs::metadata(spoken).unwrap().len();
    // Behind a header of 44 bytes.
    assert_eq!(len, 44 + 2 * items.round() as u64);
}

#[test]
fn a_hall_rings_on_when_the_string_is_silent() {
    let folder = tempfile::tempdir().unwrap();
    let hall = folder.path().join("hall.wav");
    let to = format!("out.path={}", hall.display());
    let text = graph("reverb.toml", &["--set", &to]);
    let rows: Vec<Vec<f64>> = text.lines().skip(1).map(numbers).collect();
    assert_eq!(rows.len(), 40, "{text}");
    assert!(rows[8..].iter().all(|row| row[0] == -200.0), "{text}");
    assert!(rows[8][1] > -35.0, "{text}");
    // A second takes some 14 dB of it: a large room.
    let fall = rows[9][1] - rows[29][1];
    assert!((10.0..20.0).contains(&fall), "{fall} dB in\n{text}");
    assert_eq!(std::fs::metadata(hall).unwrap().len(), 44 + 2 * 88_200);
}

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
