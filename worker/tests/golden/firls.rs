//! Least-squares designs that are badly conditioned, against their exact taps: `firls.txt`.

use thalweg_worker::design::firls::{Line, firls};

use super::goldens;

#[test]
fn taps_are_the_exact_ones_where_scipy_s_lose_their_digits() {
    for golden in goldens("firls.txt") {
        let (bands, gains) = (golden.floats("bands"), golden.floats("desired"));
        let of_bands = bands.as_chunks().0.iter().zip(gains.as_chunks().0);
        let lines: Vec<Line> = of_bands
            .zip(golden.floats("weight"))
            .map(|((&edges, &gains), weight)| Line {
                edges,
                gains,
                weight,
            })
            .collect();
        let (numtaps, rate) = (golden.floats("numtaps")[0], golden.floats("rate")[0]);
        let taps = firls(numtaps as usize, &lines, rate).unwrap();
        let largest = taps.iter().fold(0.0f64, |most, tap| most.max(tap.abs()));
        golden.check(&taps, 1e-12, largest);
    }
}
