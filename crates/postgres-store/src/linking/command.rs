//! What a person decides about a link, and what comes of it: the words, without SQL.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use uuid::Uuid;

use crate::StoreError;
use crate::outbox::Announce;

/// What the authors of automation begin with.
const AUTOMATION: &str = "coppice:";

/// The longest name of an author.
const LONGEST_AUTHOR: usize = 200;

/// Who decides: a person, never automation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Author(pub(super) String);

/// Why a text is no author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorError {
    /// Nothing, or more than a name.
    #[error("an author is a name of 1 to {LONGEST_AUTHOR} bytes, without control characters")]
    Form,
    /// What only automation is called.
    #[error("{AUTOMATION} begins the names of Coppice's own parts: give a person's")]
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

/// What a person decides about one record.
#[derive(Debug, Clone)]
pub struct LinkCommand {
    /// The source of the record.
    pub source: String,
    /// The record.
    pub external_id: String,
    /// What is to become of it.
    pub wanted: Move,
    /// Who says so.
    pub author: Author,
    /// Why, in the author's own words.
    pub note: String,
    /// How the changed persons are announced.
    pub announce: Announce,
}

/// What is to become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// It belongs to this person.
    Link(Uuid),
    /// It does not belong to this person, and stays where it is.
    Separate(Uuid),
    /// It goes back to where the last decision took it from.
    Undo,
}

/// What a decision changes.
pub(super) struct Decided {
    /// The person who has the record from now on.
    pub(super) to: Uuid,
    /// The value of `link_decision.reason`.
    pub(super) reason: &'static str,
    /// The candidate of the review that it closes, and the verdict.
    pub(super) review: (Uuid, &'static str),
}

/// What a decision did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkReport {
    /// The source of the record.
    pub source: String,
    /// The record.
    pub external_id: String,
    /// Whom it belonged to.
    pub from_person_id: Uuid,
    /// Whom it belongs to.
    pub to_person_id: Uuid,
    /// How many reviews are closed by it.
    pub reviews_closed: u64,
    /// The persons whose row changed and who are announced.
    pub changed: Vec<Uuid>,
    /// `false`: this is what would be done, and nothing was.
    pub written: bool,
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum LinkRefusal {
    /// No such record, or one that has never been read.
    #[error("no record {external_id:?} of {source_name:?} belongs to anybody")]
    NoRecord {
        /// The source's name.
        source_name: String,
        /// The record.
        external_id: String,
    },
    /// No such person.
    #[error("no person {0}")]
    NoPerson(Uuid),
    /// It is the person's already.
    #[error("the record belongs to person {0} already")]
    SamePerson(Uuid),
    /// Nobody has decided about the record, or the last decision left it where it was.
    #[error("the last decision about the record, if there is one, moved nothing")]
    NothingToUndo,
    /// The database.
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
