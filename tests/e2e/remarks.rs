//! What a report says of agents: their parts of the time, and what is worth a sentence.

use crate::site::Site;

#[test]
fn the_shares_of_agents_sum_to_their_workers() {
    let site = Site::new();
    let line =
        "sine freq=440 rate=48000 items=30000 ! map expr=sin(x) ! window size=64 fn=mean ! null";
    for (workers, items) in [("1", "30000"), ("3", "30000"), ("2", "10")] {
        let report = site.run(&[
            "run",
            "--json",
            "--workers",
            workers,
            "--items",
            items,
            "-e",
            line,
        ]);
        let report = report.expect(0).json();
        for worker in report["workers"].as_array().unwrap() {
            let agents = report["agents"].as_array().unwrap().iter();
            let inside = agents.filter(|agent| agent["worker"] == worker["name"]);
            let sum: f64 = inside.map(|agent| agent["busy"].as_f64().unwrap()).sum();
            let busy = worker["busy"].as_f64().unwrap();
            assert!((sum - busy).abs() < 1e-9, "{sum} {worker}");
        }
    }
    site.assert_clean();
}

#[test]
fn a_stream_shorter_than_a_window_and_clipped_samples_are_told() {
    let site = Site::new();
    let run = |line: &str| site.run(&["run", "-e", line]).expect(0);
    for agent in ["fft", "window", "stft", "blocks"] {
        let more = if agent == "window" { " fn=mean" } else { "" };
        run(&format!(
            "sine freq=5 rate=100 items=10 ! {agent} size=64{more} ! null"
        ))
        .says(&[&format!(
            "`{agent}` gave nothing: 10 items came, and it needs 64 at once"
        )]);
    }
    let welch = run("sine freq=5 rate=100 items=200 ! welch size=64 segments=8 ! null");
    welch.says(&["`welch` gave nothing: 200 items came, and its first one takes 288"]);
    let high = run("sine freq=70 rate=100 items=10 ! null");
    high.says(&["`sine` has a frequency above half its rate, and sounds as a lower one"]);
    let enough = run("sine freq=5 rate=100 items=64 ! fft size=64 ! null");
    assert!(!enough.stderr.contains("gave nothing"), "{}", enough.stderr);
    let loud = "const value=1.5 rate=8000 items=7 ! wav.write path=o.wav format=i16";
    run(loud).says(&["`wav_write` clipped 7 samples that lay beyond full scale"]);
    let json = site
        .run(&["run", "--json", "--in-process", "-e", loud])
        .expect(0)
        .json();
    let remarks = json["agents"][1]["remarks"].as_array().unwrap();
    assert_eq!(remarks[0], "clipped 7 samples that lay beyond full scale");
    site.assert_clean();
}
