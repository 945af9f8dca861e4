//! An operator's decision about a link, and its result: the types, without SQL.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use uuid::Uuid;

use crate::StoreError;
use crate::outbox::Announce;

/// Prefix of the authors of automatic decisions.
const AUTOMATION: &str = "coppice:";

/// Longest name of an author, in bytes.
const LONGEST_AUTHOR: usize = 200;

/// The operator who decides; never an automatic author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Author(pub(super) String);

/// Why a text is not an author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorError {
    /// It is empty or too long, or contains control characters.
    #[error("an author is a name of 1 to {LONGEST_AUTHOR} bytes, without control characters")]
    Form,
    /// It has the prefix of automatic authors.
    #[error("{AUTOMATION} begins the names of Coppice's own parts: give the name of a person")]
    Automation,
}

impl FromStr for Author {
    type Err = AuthorError;

    fn from_str(text: &str) -> Result<Self, AuthorError> {
        let text = text.trim();
        if text.is_empty() || text.len() > LONGEST_AUTHOR || text.chars().any(char::is_control) {
            Err(AuthorError::Form)
        } else if text.to_lowercase().starts_with(AUTOMATION) {
            Err(AuthorError::Automation)
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An operator's decision about one record.
#[derive(Debug, Clone)]
pub struct LinkCommand {
    /// The source of the record.
    pub source: String,
    /// The record.
    pub external_id: String,
    /// What to do with it.
    pub wanted: Move,
    /// The operator.
    pub author: Author,
    /// The operator's explanation.
    pub note: String,
    /// How to announce the changed persons.
    pub announce: Announce,
}

/// What to do with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Link it to this person.
    Link(Uuid),
    /// Keep it separate from this person; it stays where it is.
    Separate(Uuid),
    /// Return it to the person from whom the last decision took it.
    Undo,
}

pub(super) struct Decided {
    /// The person who has the record from now on.
    pub(super) to: Uuid,
    pub(super) reason: &'static str,
    /// The candidate of the review that it closes, and the verdict.
    pub(super) review: (Uuid, &'static str),
}

/// The effect of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkReport {
    /// The source of the record.
    pub source: String,
    /// The record.
    pub external_id: String,
    /// The person before.
    pub from_person_id: Uuid,
    /// The person after.
    pub to_person_id: Uuid,
    /// How many reviews it closes.
    pub reviews_closed: u64,
    /// Persons whose row changed. The persons before and after are announced in any case.
    pub changed: Vec<Uuid>,
    /// `false`: a dry run; nothing was written.
    pub written: bool,
}

/// Why a decision was refused.
#[derive(Debug, thiserror::Error)]
pub enum LinkRefusal {
    /// The record does not exist, or has never been read.
    #[error("no record {external_id:?} of {source_name:?} belongs to a person")]
    NoRecord {
        /// The source's name.
        source_name: String,
        /// The record.
        external_id: String,
    },
    /// The person does not exist.
    #[error("no person {0}")]
    NoPerson(Uuid),
    /// The record already belongs to that person.
    #[error("the record already belongs to person {0}")]
    SamePerson(Uuid),
    /// There is no decision about the record, or the last one did not move it.
    #[error("the last decision did not move this record: there is nothing to undo")]
    NothingToUndo,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for LinkRefusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_is_a_person() {
        assert_eq!(" Ada ".parse::<Author>().unwrap().to_string(), "Ada");
        for text in ["coppice:crm", " Coppice:x"] {
            assert_eq!(text.parse::<Author>(), Err(AuthorError::Automation), "{text}");
        }
        for text in ["", "  ", "a\nb"] {
            assert_eq!(text.parse::<Author>(), Err(AuthorError::Form), "{text:?}");
        }
    }
}
