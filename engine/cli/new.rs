//! `thalweg new`: a graph file to start from.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

use super::{Failure, say};

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
            _ => Failure::environment(format!("`{shown}` cannot be made: {error}")),
        })?;
        let text = self.template.text().replace("THIS_FILE", &path);
        file.write_all(text.as_bytes()).map_err(|error| {
            Failure::environment(format!("`{shown}` cannot be written: {error}"))
        })?;
        say(&format!("wrote `{shown}`; try: thalweg run {path}\n"));
        Ok(())
    }
}
