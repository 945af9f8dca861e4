//! The confidence interval of a share that was estimated from a sample. Pure.
//!
//! Wilson's score interval at 95 % (E. B. Wilson, 1927, <https://doi.org/10.1080/01621459.1927.10502953>), which holds for
//! small shares and small samples, where the usual ± formula answers 0 ± 0. With x of n divergent, p = x/n, z = 1.96:
//!
//! ```text
//! (p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n)
//! ```
//!
//! For x = 0 its upper end is z²/(n + z²), about 3.84/n: of a thousand sampled none diverged, so at most 0.38 % of all do.
//! The formula assumes endlessly many records, so the interval is too wide, never too narrow, if most were sampled.

/// Quantile of the normal distribution that leaves 2.5 % on either side.
const Z: f64 = 1.959_964;

/// Lower and upper end of the 95 % interval of the share, from 0 to 1. Without a sample: 0 to 1.
pub(crate) fn wilson_interval(divergent: u32, sampled: u32) -> (f64, f64) {
    if sampled == 0 {
        return (0.0, 1.0);
    }
    let n = f64::from(sampled);
    let (p, z2) = (f64::from(divergent) / n, Z * Z);
    let middle = p + z2 / (2.0 * n);
    let half = Z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    // If none or all diverged, the end is exactly 0 or 1; rounding must not change it.
    let low = if divergent == 0 { 0.0 } else { (middle - half) / scale };
    let high = if divergent == sampled { 1.0 } else { (middle + half) / scale };
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Figures from R: `prop.test(x, n, correct = FALSE)$conf.int`.
    #[test]
    fn the_interval_is_that_of_the_literature() {
        let table = [
            (0, 10, 0.0, 0.277_533),
            (1, 10, 0.017_876, 0.404_150),
            (0, 1000, 0.0, 0.003_827),
            (3, 1000, 0.001_021, 0.008_783),
            (10, 10, 0.722_467, 1.0),
            (0, 0, 0.0, 1.0),
        ];
        for (divergent, sampled, low, high) in table {
            let (found_low, found_high) = wilson_interval(divergent, sampled);
            assert!((found_low - low).abs() < 1e-5, "{divergent}/{sampled}: {found_low}");
            assert!((found_high - high).abs() < 1e-5, "{divergent}/{sampled}: {found_high}");
        }
    }
}
