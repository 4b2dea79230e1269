//! Dials: what comes before a turn is as if there were none, and what comes behind depends on where it was alone.

use thalweg_worker::testing::{Turn, run_turned};

use super::*;

#[test]
fn turned_operators_give_the_same_bytes_under_every_chunking() {
    let mut random = SplitMix(seed());
    let mut judged = BTreeMap::new();
    for case in cases() {
        let folder = tempfile::tempdir().unwrap();
        case.write_files(folder.path());
        let made = || (case.def().build)(&case.args(folder.path())).unwrap();
        let blueprint = made();
        // Whole blocks are turned between two of them only, wherever that is.
        if blueprint.dials.is_empty() || blueprint.inputs.iter().any(|port| port.at_least > 1) {
            continue;
        }
        let inputs = case.input_bytes(random.next());
        let turns: Vec<Turn> = [1 + random.next() % 40, 41 + random.next() % 60]
            .into_iter()
            .map(|at| Turn {
                at,
                dials: blueprint
                    .dials
                    .iter()
                    .map(|dial| other(dial, &mut random))
                    .collect(),
            })
            .collect();
        let under = |chunks, turns: &[Turn]| {
            let (outputs, since) = run_turned(made(), &inputs, chunks, ITEMS, turns)
                .unwrap_or_else(|e| panic!("{} under {chunks:?}: {e}", case.op));
            assert!(
                since
                    .iter()
                    .zip(turns)
                    .all(|(since, turn)| *since == turn.at)
            );
            (outputs, since.len())
        };
        let (whole, taken) = under(Chunks::Whole, &turns);
        assert_eq!(taken, 2, "{}", case.op);
        for chunks in [
            Chunks::Single,
            Chunks::Random(random.next()),
            Chunks::Random(random.next()),
        ] {
            let found = under(chunks, &turns);
            assert!(found.0 == whole, "{} {turns:?} {chunks:?}", case.op);
        }
        let (never, _) = under(Chunks::Whole, &[]);
        let item_len = blueprint.outputs[0].item_type.len_bytes();
        let items = never[0].len() / item_len;
        if case.inputs.first().is_none_or(|input| input.items == items) {
            let until = turns[0].at as usize * item_len;
            assert!(whole[0][..until] == never[0][..until], "{}", case.op);
        }
        *judged.entry(case.op).or_insert(0) += 1;
    }
    assert!(judged.len() >= 20, "{judged:?}");
}

/// A value that the dial takes and has not.
fn other(dial: &thalweg_worker::dials::Dial, random: &mut SplitMix) -> f64 {
    let factor = 0.5 + (random.next() % 1000) as f64 / 2500.0;
    let value = if dial.value == 0.0 {
        factor
    } else {
        dial.value * factor
    };
    value.clamp(dial.least, dial.most)
}
