//! `follow`: a log that grows, is rotated and cut, whose reader is killed meanwhile: each line once.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};

use crate::site::{Random, Site, until};

#[test]
fn each_line_of_a_rotated_log_comes_once_whoever_is_killed() {
    let site = Site::new();
    let mut random = Random::seeded();
    site.write("log", "");
    let line = "text.read path=log follow=true ! text.write path=out";
    let going = site.start_mortal(line, 2);
    let append = |text: &str| {
        let log = OpenOptions::new().append(true).open(site.path("log"));
        log.unwrap().write_all(text.as_bytes()).unwrap();
    };
    let kill_some = |random: &mut Random| {
        for (pid, _) in site.workers() {
            if random.below(2) == 0 {
                // It may be gone by now.
                let _ = kill(pid, Signal::SIGKILL);
            }
        }
    };
    let mut expected = String::new();
    for file in 0..3 {
        for nth in 0..40 {
            let text = format!("line {nth} of file {file}\n");
            expected += &text;
            // A line may come in two parts.
            let cut = random.below(text.len() as u64) as usize;
            append(&text[..cut]);
            if nth % 8 == 3 {
                kill_some(&mut random);
            }
            append(&text[cut..]);
            thread::sleep(Duration::from_millis(random.below(8)));
        }
        until("all lines", || {
            fs::metadata(site.path("out")).is_ok_and(|out| out.len() >= expected.len() as u64)
        });
        if file < 2 {
            fs::rename(site.path("log"), site.path(&format!("log.{file}"))).unwrap();
            kill_some(&mut random);
            site.write("log", "");
        }
    }
    // A line without an end is none yet.
    append("unfinished");
    let run = site.run_name(0);
    site.run(&["stop", &run]).expect(0);
    going.wait().expect(0);
    assert!(site.read_text("out") == expected);
    site.assert_clean();
}
