//! `thalweg schema`: the JSON Schema of the graph file.

use super::{Failure, give_json};

/// Print the JSON Schema of the graph file, for editors
#[derive(clap::Args)]
pub struct Schema {}

impl Schema {
    /// Prints the schema.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn run(&self) -> Result<(), Failure> {
        give_json(&crate::schema::schema())
    }
}
