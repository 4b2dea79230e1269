//! Filters that are turned on the way: `live.txt`.

use thalweg_worker::testing::{Turn, run_turned};

use super::*;

#[test]
fn a_turned_filter_goes_on_as_scipys_does_from_its_state() {
    let mut x = Vec::new();
    let mut count = 0;
    for golden in goldens("live.txt") {
        if golden.what == "x" {
            x = golden.numbers;
            continue;
        }
        for chunks in [Chunks::Whole, Chunks::Single, Chunks::Random(count)] {
            golden.check(&turned(&golden, &x, chunks), 1e-9, 10.0);
        }
        count += 1;
    }
    assert_eq!(count, 13);
}

fn turned(golden: &Golden, x: &[f64], chunks: Chunks) -> Vec<f64> {
    let op = operators::find(&golden.what).unwrap();
    let input = InputInfo {
        naming: Default::default(),
        name: "x".to_owned(),
        item_type: "f64".parse().unwrap(),
        rate: Some(RATE),
        unit: None,
    };
    let mut params = golden.params.clone();
    params.retain(|(name, _)| name != "at" && name != "to");
    let args = Args::new(op, vec![input], None, &params, ".".as_ref()).unwrap();
    let blueprint = (op.build)(&args).unwrap();
    let (at, to) = (golden.floats("at"), golden.floats("to"));
    let values = to.chunks_exact(blueprint.dials.len());
    let turns: Vec<Turn> = at
        .iter()
        .zip(values)
        .map(|(&at, values)| Turn {
            at: at as u64,
            dials: values.to_vec(),
        })
        .collect();
    let inputs = [bytemuck::cast_slice(x).to_vec()];
    let (outputs, since) = run_turned(blueprint, &inputs, chunks, usize::MAX, &turns).unwrap();
    assert!(
        since
            .iter()
            .zip(&at)
            .all(|(since, at)| *since as f64 == *at)
    );
    assert_eq!(since.len(), at.len());
    let numbers = outputs[0].chunks_exact(8);
    numbers
        .map(|b| f64::from_ne_bytes(b.try_into().unwrap()))
        .collect()
}
