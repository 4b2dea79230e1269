//! `thalweg new`: a graph file to start from.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::{Failure, say};
use crate::resolve;

/// Write a graph file to start from
#[derive(clap::Args)]
pub struct New {
    /// Its name; `.toml` is added where it is missing
    name: String,
    /// What it begins as
    #[arg(long, value_enum, default_value_t = Template::Tone)]
    template: Template,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Template {
    /// A tone on one core, printed on another
    Tone,
    /// A tone in noise, filtered, its level printed
    Filter,
    /// Two tones, filtered, as a WAV file
    Sound,
    /// Means and a condition, as a CSV file
    Table,
}

impl Template {
    fn text(self) -> &'static str {
        match self {
            Template::Tone => include_str!("templates/tone.toml"),
            Template::Filter => include_str!("templates/filter.toml"),
            Template::Sound => include_str!("templates/sound.toml"),
            Template::Table => include_str!("templates/table.toml"),
        }
    }
}

impl New {
    /// Writes the file, and never over one that is there.
    ///
    /// # Errors
    /// There is such a file, or it cannot be written.
    pub fn run(&self) -> Result<(), Failure> {
        let path = match self.name.ends_with(".toml") {
            true => self.name.clone(),
            false => format!("{}.toml", self.name),
        };
        let shown = path.escape_debug().to_string();
        let opened = OpenOptions::new().write(true).create_new(true).open(&path);
        let mut file = opened.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Failure::usage(format!(
                "`{shown}` is there already, and is left as it is: choose another name"
            )),
            _ => Failure::usage(
                resolve::check_place(Path::new(&path))
                    .err()
                    .unwrap_or_else(|| format!("`{shown}` cannot be made: {error}")),
            ),
        })?;
        let word = as_word(&path);
        let text = self.template.text().replace("THIS_FILE", &word);
        file.write_all(text.as_bytes()).map_err(|error| {
            // Half a graph would be in the way of the next try.
            let _ = fs::remove_file(&path);
            Failure::environment(format!("`{shown}` cannot be written: {error}"))
        })?;
        say(&format!("wrote `{shown}`; try: thalweg run {word}\n"));
        Ok(())
    }
}

/// As a shell takes it for one word.
fn as_word(path: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./+,:@%".contains(c);
    match path.chars().all(is_plain) {
        true => path.to_owned(),
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_path_is_one_word_for_a_shell() {
        let cases = [
            ("a/b-1.toml", "a/b-1.toml"),
            ("a b.toml", "'a b.toml'"),
            ("it's$.toml", r"'it'\''s$.toml'"),
        ];
        for (path, word) in cases {
            assert_eq!(super::as_word(path), word);
        }
    }
}
