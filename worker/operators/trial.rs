//! For the operators' tests: runs one operator of the table on given items.

use bytemuck::Pod;

use crate::agent::{AgentError, Blueprint};
use crate::op::{Args, InputInfo, OpError, Value};
use crate::operators;
use crate::testing::{self, Chunks, frames, run};
use crate::types::ItemType;

/// An input of this type, named `x` (or `a b c ..`), and its bytes.
pub(crate) struct Given {
    item_type: ItemType,
    rate: Option<f64>,
    bytes: Vec<u8>,
}

/// A stream of these numbers for an input of type `item_type`.
pub(crate) fn given<T: Pod>(item_type: &str, numbers: &[T]) -> Given {
    Given {
        item_type: item_type.parse().unwrap(),
        rate: None,
        bytes: bytemuck::cast_slice(numbers).to_vec(),
    }
}

/// A stream of these texts.
pub(crate) fn texts(texts: &[&str]) -> Given {
    Given {
        item_type: ItemType::Text,
        rate: None,
        bytes: frames(texts),
    }
}

/// The texts that an operator of one output gives for these, the same under every chunking.
pub(crate) fn text_output(op: &str, given: &[&str], params: &[(&str, Value)]) -> Vec<String> {
    let input = [texts(given)];
    let cuts = (0..20).map(Chunks::Random).chain([Chunks::Single]);
    let whole = text_run(op, &input, params, Chunks::Whole).unwrap();
    for chunks in cuts {
        assert_eq!(
            text_run(op, &input, params, chunks).unwrap(),
            whole,
            "{chunks:?}"
        );
    }
    whole
}

/// The texts that an operator of one output gives, or the error it ends with.
pub(crate) fn text_run(
    op: &str,
    inputs: &[Given],
    params: &[(&str, Value)],
    chunks: Chunks,
) -> Result<Vec<String>, AgentError> {
    let blueprint = build(op, inputs, params, None).unwrap();
    let bytes: Vec<Vec<u8>> = inputs.iter().map(|input| input.bytes.clone()).collect();
    let outputs = run(blueprint, &bytes, chunks, usize::MAX)?;
    Ok(testing::texts(&outputs[0])
        .into_iter()
        .map(str::to_owned)
        .collect())
}

impl Given {
    /// The same stream with a known rate in Hz.
    pub(crate) fn rate(self, rate: f64) -> Given {
        let rate = Some(rate);
        Given { rate, ..self }
    }
}

/// The blueprint that the operator makes of these inputs and parameters.
pub(crate) fn build(
    op: &str,
    inputs: &[Given],
    params: &[(&str, Value)],
    dtype: Option<&str>,
) -> Result<Blueprint, OpError> {
    let op = operators::find(op).unwrap();
    let names = if inputs.len() == 1 {
        ["x", "", "", ""]
    } else {
        ["a", "b", "c", "d"]
    };
    let infos = inputs.iter().zip(names).map(|(input, name)| InputInfo {
        naming: Default::default(),
        name: name.to_owned(),
        item_type: input.item_type.clone(),
        rate: input.rate,
        unit: None,
    });
    let params: Vec<_> = params
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let dtype = dtype.map(|d| d.parse().unwrap());
    let args = Args::new(op, infos.collect(), dtype, &params, ".".as_ref())?;
    (op.build)(&args)
}

/// What the operator gives for these inputs, all of it visible at once.
pub(crate) fn output<T: Pod>(
    op: &str,
    inputs: &[Given],
    params: &[(&str, Value)],
    dtype: Option<&str>,
) -> Vec<T> {
    try_output(op, inputs, params, dtype).unwrap()
}

/// As [`output`], with the agent's own error.
pub(crate) fn try_output<T: Pod>(
    op: &str,
    inputs: &[Given],
    params: &[(&str, Value)],
    dtype: Option<&str>,
) -> Result<Vec<T>, AgentError> {
    let blueprint = build(op, inputs, params, dtype).unwrap();
    let bytes: Vec<Vec<u8>> = inputs.iter().map(|input| input.bytes.clone()).collect();
    let outputs = run(blueprint, &bytes, Chunks::Whole, usize::MAX)?;
    let items = outputs[0].chunks_exact(size_of::<T>());
    Ok(items.map(bytemuck::pod_read_unaligned).collect())
}

/// What the operator gives on each of its outputs.
pub(crate) fn outputs<T: Pod>(op: &str, inputs: &[Given], params: &[(&str, Value)]) -> Vec<Vec<T>> {
    let blueprint = build(op, inputs, params, None).unwrap();
    let bytes: Vec<Vec<u8>> = inputs.iter().map(|input| input.bytes.clone()).collect();
    let outputs = run(blueprint, &bytes, Chunks::Whole, usize::MAX).unwrap();
    let items = |bytes: &Vec<u8>| {
        let items = bytes.chunks_exact(size_of::<T>());
        items.map(bytemuck::pod_read_unaligned).collect()
    };
    outputs.iter().map(items).collect()
}

/// What a source gives.
pub(crate) fn items<T: Pod>(op: &str, params: &[(&str, Value)], dtype: Option<&str>) -> Vec<T> {
    output(op, &[], params, dtype)
}

/// The error a source refuses these parameters with.
pub(crate) fn refusal(op: &str, params: &[(&str, Value)], dtype: Option<&str>) -> OpError {
    build(op, &[], params, dtype).unwrap_err()
}
