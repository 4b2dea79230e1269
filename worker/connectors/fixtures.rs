//! What the connectors' tests share: agents over files in a folder, under every cut.

use std::path::{Path, PathBuf};

use crate::agent::{AgentError, Blueprint};
use crate::op::{Args, InputInfo, OpDef, OpError, Value};
use crate::testing::{Chunks, run};

/// The cuts every connector is judged under.
pub(super) const CUTS: [Chunks; 4] = [
    Chunks::Whole,
    Chunks::Single,
    Chunks::Random(1),
    Chunks::Random(2),
];

/// The folder of files that other programs made.
pub(super) fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/files")
}

/// A source of this `path` in `folder`.
pub(super) fn source(
    op: &'static OpDef,
    folder: &Path,
    path: &str,
    dtype: Option<&str>,
    params: &[(&str, Value)],
) -> Result<Blueprint, OpError> {
    let dtype = dtype.map(|d| d.parse().unwrap());
    let args = Args::new(op, vec![], dtype, &given(path, params), folder)?;
    (op.build)(&args)
}

/// A sink of one input into this `path` in `folder`.
pub(super) fn sink(
    op: &'static OpDef,
    folder: &Path,
    path: &str,
    input: (&str, Option<f64>),
    params: &[(&str, Value)],
) -> Result<Blueprint, OpError> {
    let input = InputInfo {
        naming: Default::default(),
        name: "x".to_owned(),
        item_type: input.0.parse().unwrap(),
        rate: input.1,
        unit: None,
    };
    let args = Args::new(op, vec![input], None, &given(path, params), folder)?;
    (op.build)(&args)
}

fn given(path: &str, params: &[(&str, Value)]) -> Vec<(String, Value)> {
    let mut given = vec![("path".to_owned(), Value::from(path))];
    given.extend(params.iter().map(|(k, v)| (k.to_string(), v.clone())));
    given
}

/// All bytes of a source's only output.
pub(super) fn read(blueprint: Blueprint, chunks: Chunks) -> Result<Vec<u8>, AgentError> {
    Ok(run(blueprint, &[], chunks, usize::MAX)?.remove(0))
}

/// The bytes of some items.
pub(super) fn bytes<T: bytemuck::NoUninit>(items: &[T]) -> Vec<u8> {
    bytemuck::cast_slice(items).to_vec()
}

/// Lengths below `len` to cut a file to: every one within the header, some beyond.
pub(super) fn cuts(len: usize) -> impl Iterator<Item = usize> {
    (0..len).filter(|at| *at < 160 || at % 23 == 0)
}
