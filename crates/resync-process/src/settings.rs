//! The settings that all resync jobs have besides those of the workers.

use std::str::FromStr;

use ::settings::{Reader, SettingsError};
use postgres_store::{RequestLimits, Store, StoreError};

::settings::declare! {
    /// The settings that all resync jobs share.
    pub(crate) struct ResyncSettings;

    PER_SECOND: u32 = "COPPICE_RESYNC_REQUESTS_PER_SECOND" [default "0", within 0..=100_000]
        "requests to the provider per second, all pods of the job together; 0: no limit"
        => per_second;
    PER_DAY: u64 = "COPPICE_RESYNC_REQUESTS_PER_DAY" [default "0"]
        "requests to the provider per day (UTC), all pods together; when they are used up, the job ends with code 4; 0: no limit"
        => per_day;
    MAX_DELETIONS: MaxDeletions = "COPPICE_RESYNC_MAX_DELETIONS" [default "auto"]
        "records of the provider that may be found gone per day (UTC), all pods together, before the job ends with code 4; \
         auto: 100, or 0.5 % of the stored records, whichever is more"
        => max_deletions;
}

/// Checks the settings that all resync jobs share.
///
/// # Errors
/// [`SettingsError`] with every fault.
pub fn check_settings(reader: &Reader) -> Result<(), SettingsError> {
    reader.load::<ResyncSettings>().map(drop)
}

impl ResyncSettings {
    pub(crate) const fn requests(&self) -> RequestLimits {
        RequestLimits { per_second: self.per_second, per_day: self.per_day }
    }

    pub(crate) async fn most_deletions(&self, store: &Store, source: &str) -> Result<u64, StoreError> {
        match self.max_deletions {
            MaxDeletions::Most(most) => Ok(most),
            MaxDeletions::Auto => Ok(usual_deletions(store.count_present_records(source).await?)),
        }
    }
}

/// Usual number of deletions in a day among `present` records: half a percent, and at least a hundred.
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
