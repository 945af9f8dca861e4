//! How many items may be missing before an operator has to allow it. Pure.

const ALWAYS: u64 = 100;

/// One item in this number may be missing from a large source.
const ONE_IN: u64 = 200;

/// How many of `present` items may be missing: as many as an operator allows, or else 100, or 0.5 % if that is more.
pub(crate) fn most_missing(present: u64, allowed: Option<u64>) -> u64 {
    // Never more than half, so that a small source cannot vanish as a whole; always one, so that the last can be deleted.
    allowed.unwrap_or_else(|| ALWAYS.max(present / ONE_IN).min((present / 2).max(1)))
}

#[cfg(test)]
mod tests {
    use super::most_missing;

    #[test]
    fn the_limit_grows_with_the_source_and_leaves_half_of_a_small_one() {
        for (present, expected) in
            [(0, 1), (1, 1), (3, 1), (10, 5), (200, 100), (20_000, 100), (20_200, 101), (1_000_000, 5_000)]
        {
            assert_eq!(most_missing(present, None), expected, "{present}");
        }
        assert_eq!((most_missing(10, Some(0)), most_missing(10, Some(10))), (0, 10));
    }
}
