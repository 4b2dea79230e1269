//! The machine that a figure was taken on, in a few words that travel with it.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use thalweg_worker::pin;

/// What a figure depends on beside the program. What cannot be known is `None`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// The processor's name.
    pub cpu: Option<String>,
    /// Cores this process may use.
    pub cores: Vec<usize>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// How the kernel chooses the clock rate; virtual machines mostly have no say.
    pub governor: Option<String>,
    /// Processes that wanted to run, averaged over the last minute.
    pub load: Option<f64>,
    /// When, as `2026-07-31 12:00:00 UTC`.
    pub date: String,
    /// This program's version.
    pub version: String,
    /// The commit it was built from.
    pub commit: Option<String>,
    /// Built with optimisation.
    pub optimised: bool,
}

impl Host {
    /// This machine, now.
    pub fn here() -> Host {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Host {
            cpu: line("/proc/cpuinfo").and(cpu_name(&whole("/proc/cpuinfo"))),
            cores: pin::allowed_cores(),
            kernel: line("/proc/sys/kernel/osrelease"),
            governor: governor(),
            load: load(&whole("/proc/loadavg")),
            date: date(now.map_or(0, |d| d.as_secs())),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("THALWEG_COMMIT").map(str::to_owned),
            optimised: !cfg!(debug_assertions),
        }
    }

    /// The lines that stand above a table.
    pub fn lines(&self) -> String {
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
        let load = self
            .load
            .map_or("unknown".to_owned(), |l| format!("{l:.2}"));
        let build = if self.optimised {
            ""
        } else {
            ", built without optimisation"
        };
        format!(
            "{}, {} cores, Linux {}, governor {}, load {load}\nthalweg {}, commit {}{build}, {}\n",
            or(&self.cpu),
            self.cores.len(),
            or(&self.kernel),
            self.governor.as_deref().unwrap_or("none"),
            self.version,
            or(&self.commit),
            self.date
        )
    }
}

/// How the kernel chooses the clock rate of the first core, if it does.
pub fn governor() -> Option<String> {
    line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
}

fn whole(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn line(path: &str) -> Option<String> {
    let text = whole(path);
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// The name in `/proc/cpuinfo`; ARM has parts' numbers only.
fn cpu_name(cpuinfo: &str) -> Option<String> {
    let field = |name: &str| {
        cpuinfo.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then(|| value.trim().to_owned())
        })
    };
    field("model name")
        .or_else(|| field("Model"))
        .or_else(|| field("CPU part").map(|part| format!("ARM part {part}")))
}

fn load(loadavg: &str) -> Option<f64> {
    loadavg.split_whitespace().next()?.parse().ok()
}

/// Seconds since 1970 as a date of the Gregorian calendar (Hinnant, `civil_from_days`).
fn date(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let z = days + 719_468;
    let era = z / 146_097;
    let day_of_era = z % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(date(seconds), expected);
        }
    }

    #[test]
    fn a_processor_has_a_name_on_either_architecture() {
        let x86 = "processor\t: 0\nmodel name\t: AMD EPYC\n";
        let arm = "processor\t: 0\nCPU part\t: 0xd40\n";
        assert_eq!(cpu_name(x86).as_deref(), Some("AMD EPYC"));
        assert_eq!(cpu_name(arm).as_deref(), Some("ARM part 0xd40"));
        assert_eq!(cpu_name(""), None);
        assert_eq!(load("0.52 0.58 0.59 1/467 12345\n"), Some(0.52));
    }
}
