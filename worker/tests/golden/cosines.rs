//! Cosine transforms and mel bands: `cosines.txt`.

use super::averages::check;

#[test]
fn cosines_and_mel_bands_are_those_of_scipy_and_librosa() {
    check("cosines.txt", 50, "f64", 1e-9);
}

#[test]
fn cosines_and_mel_bands_are_those_of_scipy_and_librosa_in_single_precision() {
    check("cosines.txt", 50, "f32", 1e-4);
}
