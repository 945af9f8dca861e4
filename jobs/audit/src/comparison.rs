//! Whether a stored record equals its source. Pure.

use connectors::Fetched;
use postgres_store::StoredRecord;
use record_sync::stored as stored_form;
use serde::Serialize;
use time::OffsetDateTime;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Hash of the content as it would be stored. `None`: it is gone.
    pub(crate) content_hash: Option<Vec<u8>>,
    pub(crate) version_at: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Divergence {
    /// Both have it, with different contents.
    Stale,
    /// The source has it, and it was never stored.
    MissingHere,
    /// It is stored, and the source has it no longer.
    GoneThere,
    /// It is stored as gone, and the source has it.
    ShouldNotBeGone,
    /// Different contents, and the source's version is older than the stored one: reading it again changes nothing.
    OlderThere,
}

impl Divergence {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::MissingHere => "missing here",
            Self::GoneThere => "gone there",
            Self::ShouldNotBeGone => "should not be gone",
            Self::OlderThere => "older there",
        }
    }

    pub(crate) const fn can_be_repaired(self) -> bool {
        !matches!(self, Self::OlderThere)
    }
}

impl Answer {
    pub(crate) fn of(fetched: &Fetched) -> Option<Self> {
        match fetched {
            Fetched::Found(found) => {
                Some(Self { content_hash: stored_form(found).content_hash(), version_at: found.version_at })
            }
            Fetched::Gone { .. } | Fetched::NotFound | Fetched::NotVisible => {
                Some(Self { content_hash: None, version_at: None })
            }
            // No entity tag was sent, so such an answer has no meaning.
            Fetched::NotModified => None,
        }
    }
}

pub(crate) fn compare(stored: Option<&StoredRecord>, answer: &Answer) -> Option<Divergence> {
    let here = stored.and_then(|stored| stored.content_hash.as_ref());
    let stored_version = stored.and_then(|stored| stored.version_at);
    match (here, answer.content_hash.as_ref()) {
        (here, there) if here == there => None,
        (Some(_), Some(_)) if answer.version_at.is_some() && answer.version_at < stored_version => {
            Some(Divergence::OlderThere)
        }
        (Some(_), Some(_)) => Some(Divergence::Stale),
        (Some(_), None) => Some(Divergence::GoneThere),
        (None, _) if stored.is_some() => Some(Divergence::ShouldNotBeGone),
        (None, _) => Some(Divergence::MissingHere),
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    const NOON: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn stored(content: Option<u8>) -> StoredRecord {
        let content_hash = content.map(|content| vec![content]);
        StoredRecord { external_id: String::from("a"), content_hash, version_at: Some(NOON), ticket: 1 }
    }

    fn answer(content: Option<u8>, version_at: OffsetDateTime) -> Answer {
        Answer { content_hash: content.map(|content| vec![content]), version_at: Some(version_at) }
    }

    #[test]
    fn a_record_diverges_by_its_content_and_never_by_its_version_alone() {
        let (earlier, later) = (NOON - Duration::SECOND, NOON + Duration::SECOND);
        let table = [
            (Some(stored(Some(1))), answer(Some(1), earlier), None),
            (Some(stored(Some(1))), answer(Some(1), later), None),
            (Some(stored(Some(1))), answer(Some(2), later), Some(Divergence::Stale)),
            (Some(stored(Some(1))), answer(Some(2), NOON), Some(Divergence::Stale)),
            (Some(stored(Some(1))), answer(Some(2), earlier), Some(Divergence::OlderThere)),
            (Some(stored(Some(1))), answer(None, later), Some(Divergence::GoneThere)),
            (Some(stored(None)), answer(None, later), None),
            (Some(stored(None)), answer(Some(1), earlier), Some(Divergence::ShouldNotBeGone)),
            (None, answer(Some(1), NOON), Some(Divergence::MissingHere)),
            (None, answer(None, NOON), None),
        ];
        for (stored, answer, expected) in table {
            assert_eq!(compare(stored.as_ref(), &answer), expected, "{stored:?} {answer:?}");
        }
    }

    #[test]
    fn a_source_without_versions_is_compared_by_content() {
        let unversioned = Answer { content_hash: Some(vec![2]), version_at: None };
        assert_eq!(compare(Some(&stored(Some(1))), &unversioned), Some(Divergence::Stale));
    }
}
