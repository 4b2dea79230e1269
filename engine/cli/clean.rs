//! `thalweg clean`: removes what dead runs left.

use serde_json::json;

use super::{Failure, give, give_json};
use crate::runs;

/// Remove what dead runs left: segments and run files
#[derive(clap::Args, Debug)]
pub struct Clean {
    /// What was removed as JSON
    #[arg(long)]
    json: bool,
}

impl Clean {
    /// Sweeps, and says what was there.
    ///
    /// # Errors
    /// The run directory cannot be used: exit code 3.
    pub fn run(&self) -> Result<(), Failure> {
        let swept = runs::sweep().map_err(|e| Failure::environment(e.to_string()))?;
        if self.json {
            return give_json(&json!({ "removed": swept }));
        }
        let mut text = String::new();
        for dead in &swept {
            let segment = match &dead.segment {
                Some(segment) => format!(" and its segment /dev/shm{segment}"),
                None => String::new(),
            };
            text += &format!("removed run {}{segment}\n", dead.run);
        }
        match swept.is_empty() {
            true => give("nothing to remove\n"),
            false => give(&text),
        }
    }
}
