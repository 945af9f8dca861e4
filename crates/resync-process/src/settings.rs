//! What all resync jobs are told besides what the workers are.

use std::str::FromStr;

use ::settings::{Reader, Setting};
use postgres_store::{RequestLimits, Store, StoreError};

const PER_SECOND: Setting = Setting::with_default(
    "COPPICE_RESYNC_REQUESTS_PER_SECOND",
    "0",
    "requests to the provider per second, of all pods of the job together; 0: as many as it takes",
);
const PER_DAY: Setting = Setting::with_default(
    "COPPICE_RESYNC_REQUESTS_PER_DAY",
    "0",
    "requests to the provider per day (UTC), of all pods together; when they are used up, the job ends with code 4; 0: \
     as many as it takes",
);
const MAX_DELETIONS: Setting = Setting::with_default(
    "COPPICE_RESYNC_MAX_DELETIONS",
    "auto",
    "records of the provider that may be found gone per day (UTC), of all pods together, before the job ends with code 4; \
     auto: 100, or 0.5 % of the records that there are, whichever is more",
);

/// All of them, for `--help`.
pub(crate) const RESYNC_SETTINGS: &[Setting] = &[PER_SECOND, PER_DAY, MAX_DELETIONS];

/// Reads them, so that the reader knows what is wrong with them.
pub fn check_settings(reader: &mut Reader) {
    let _ = ResyncSettings::read(reader);
}

/// They, parsed.
pub(crate) struct ResyncSettings {
    pub(crate) requests: RequestLimits,
    max_deletions: MaxDeletions,
}

impl ResyncSettings {
    pub(crate) fn read(reader: &mut Reader) -> Option<Self> {
        let (per_second, per_day) = (reader.read_within(PER_SECOND, 0, 100_000), reader.read(PER_DAY));
        let max_deletions = reader.read(MAX_DELETIONS);
        let requests = RequestLimits { per_second: per_second?, per_day: per_day? };
        Some(Self { requests, max_deletions: max_deletions? })
    }

    /// How many records may be found gone in a day.
    pub(crate) async fn most_deletions(&self, store: &Store, source: &str) -> Result<u64, StoreError> {
        match self.max_deletions {
            MaxDeletions::Most(most) => Ok(most),
            MaxDeletions::Auto => Ok(usual_deletions(store.count_present_records(source).await?)),
        }
    }
}

/// What is no reason to stop, of so many records: half a percent, and a hundred of a few.
#[must_use]
pub fn usual_deletions(present: u64) -> u64 {
    (present / 200).max(100)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MaxDeletions {
    Auto,
    Most(u64),
}

impl FromStr for MaxDeletions {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            number => number.parse().map(Self::Most).map_err(|_| "neither auto nor a number"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_limit_of_deletions_is_half_a_percent_and_not_less_than_a_hundred() {
        for (present, most) in [(0, 100), (20_000, 100), (20_200, 101), (1_000_000, 5_000)] {
            assert_eq!(usual_deletions(present), most, "{present}");
        }
    }

    #[test]
    fn a_limit_of_deletions_is_a_number_or_auto() {
        assert_eq!("auto".parse(), Ok(MaxDeletions::Auto));
        assert_eq!("0".parse(), Ok(MaxDeletions::Most(0)));
        assert!("-1".parse::<MaxDeletions>().is_err() && "".parse::<MaxDeletions>().is_err());
    }
}
