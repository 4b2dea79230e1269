//! `thalweg completions`: the shell's script that completes commands and options.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::{Cli, Failure, give};

/// Print a shell's completion script
#[derive(clap::Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn run(&self) -> Result<(), Failure> {
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "thalweg", &mut script);
        give(&String::from_utf8_lossy(&script))
    }
}
