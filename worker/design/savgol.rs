//! Savitzky-Golay filters, with the numbers of `scipy.signal.savgol_coeffs`.
//!
//! The value, or a derivative, at the middle of a window of the polynomial that fits it best (Savitzky and Golay, Analytical
//! Chemistry 36, 1964). By polynomials that are orthogonal over the window, so that no matrix is solved.

/// The taps of `lfilter`, the newest item's first: the `deriv`-th derivative by the item at the middle of
/// `window_length` items, an odd number, of the polynomial of order `polyorder` (below `window_length`).
pub fn savgol(window_length: usize, polyorder: usize, deriv: usize) -> Vec<f64> {
    savgol_at(window_length, polyorder, deriv, 0.0)
}

/// As [`savgol`], by the item so far behind the middle of the window (before it where that is negative).
pub fn savgol_at(window_length: usize, polyorder: usize, deriv: usize, behind: f64) -> Vec<f64> {
    let reach = (window_length / 2) as f64;
    let places: Vec<f64> = (0..window_length).map(|i| reach - i as f64).collect();
    // p_k over the window and its derivatives at that item, from the three-term recurrence.
    let mut before = vec![0.0; window_length];
    let mut now = vec![1.0; window_length];
    let mut before_at = vec![0.0; deriv + 1];
    let mut now_at = vec![0.0; deriv + 1];
    now_at[0] = 1.0;
    let norm = |p: &[f64]| p.iter().map(|x| x * x).sum::<f64>();
    let mut norm_before = 1.0;
    let mut taps = vec![0.0; window_length];
    for k in 0..=polyorder {
        let norm_now = norm(&now);
        for (tap, p) in taps.iter_mut().zip(&now) {
            *tap += p * now_at[deriv] / norm_now;
        }
        let back = if k == 0 { 0.0 } else { norm_now / norm_before };
        let next: Vec<f64> = (0..window_length)
            .map(|i| places[i] * now[i] - back * before[i])
            .collect();
        let next_at = (0..=deriv)
            .map(|d| {
                let risen = if d == 0 {
                    0.0
                } else {
                    d as f64 * now_at[d - 1]
                };
                behind * now_at[d] + risen - back * before_at[d]
            })
            .collect();
        before = std::mem::replace(&mut now, next);
        before_at = std::mem::replace(&mut now_at, next_at);
        norm_before = norm_now;
    }
    taps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_points_and_a_parabola_have_the_known_weights() {
        let taps = savgol(5, 2, 0);
        for (tap, known) in taps.iter().zip([-3.0, 12.0, 17.0, 12.0, -3.0]) {
            assert!((tap - known / 35.0).abs() < 1e-15);
        }
        let slope = savgol(5, 2, 1);
        for (tap, known) in slope.iter().zip([2.0, 1.0, 0.0, -1.0, -2.0]) {
            assert!((tap - known / 10.0).abs() < 1e-15);
        }
    }
}
