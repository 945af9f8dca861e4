//! Medians, percentiles and ratios.
//!
//! In: numbers. Out: numbers. Must not know: what they count.

/// The middle value, or the mean of the two middle values. `None` without values.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    Some(if values.len() % 2 == 1 { upper } else { (values[values.len() / 2 - 1] + upper) / 2.0 })
}

/// The smallest value that at least `percent` of all values do not exceed. `None` without values.
pub(crate) fn percentile(values: &[f64], percent: usize) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied()
}

/// The median over the rounds of `value` / `base`. A slow round slows both, so it does not change the ratio.
pub(crate) fn ratio(value: &[(u16, f64)], base: &[(u16, f64)]) -> Option<f64> {
    median(value.iter().filter_map(|(round, value)| {
        let (_, base) = base.iter().find(|(other, base)| other == round && *base > 0.0)?;
        Some(value / base)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median([]), None);
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!((percentile(&values, 50), percentile(&values, 99)), (Some(100.0), Some(198.0)));
        assert_eq!(percentile(&[7.0], 99), Some(7.0));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn a_ratio_compares_within_a_round_only() {
        let value = [(1, 10.0), (2, 30.0), (3, 8.0)];
        let base = [(1, 1.0), (2, 2.0), (4, 1000.0)];
        assert_eq!(ratio(&value, &base), Some(12.5));
        assert_eq!(ratio(&value, &[(1, 0.0)]), None);
    }
}
