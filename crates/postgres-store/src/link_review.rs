//! Table `link_review`, and what a person decides about links: a row in `link_decision` each, added and never changed.
//!
//! A record that a person has decided about is never moved by automation afterwards: [`crate::linking`] looks at the
//! author of its last decision. So a record is told apart for ever by a decision that leaves it where it is.

use std::fmt;
use std::str::FromStr;

use event_contract::{Announcement, EventKind};
use serde::Serialize;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::linking::{Linkable, lock_keys};
use crate::outbox::announcement;
use crate::recompute::Moves;
use crate::source_record::LinkKeys;
use crate::{Announce, Store, StoreError, outbox, person_view};

/// What the authors of automation begin with.
const AUTOMATION: &str = "coppice:";

/// The longest name of an author.
const LONGEST_AUTHOR: usize = 200;

/// Who decides: a person, never automation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Author(String);

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

/// The proof that somebody wants to write: an operator's tool makes it where it has checked its flag, and nowhere else.
#[derive(Debug)]
pub struct Write(());

impl Write {
    /// The proof, if `wanted`.
    #[must_use]
    pub const fn if_wanted(wanted: bool) -> Option<Self> {
        if wanted { Some(Self(())) } else { None }
    }
}

/// A link that nothing proves, for a person to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenReview {
    /// The source of the record.
    pub source: String,
    /// The record.
    pub external_id: String,
    /// Whom it belongs to.
    pub person_id: Uuid,
    /// Whom it may belong to.
    pub candidate_person_id: Uuid,
    /// What speaks for it.
    pub reason: String,
    /// When it was found.
    #[serde(with = "time::serde::rfc3339")]
    pub opened_at: OffsetDateTime,
    /// How long ago that was, by the database's clock.
    pub age_secs: i64,
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

/// What is written about a move.
struct Decided {
    to: Uuid,
    reason: &'static str,
    /// What becomes of the review of which candidate.
    review: (Uuid, &'static str),
}

impl Store {
    /// Open reviews, oldest first. One whose question has answered itself is left out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn open_link_reviews(&self, limit: u32) -> Result<Vec<OpenReview>, StoreError> {
        let reviews = sqlx::query_as!(
            OpenReview,
            r#"select review.source, review.external_id, own.person_id as "person_id!",
                      coalesce(candidate.merged_into, candidate.person_id) as "candidate_person_id!", review.reason,
                      review.opened_at, extract(epoch from now() - review.opened_at)::bigint as "age_secs!"
               from link_review review
               join source_record own on own.source = review.source and own.external_id = review.external_id
               join person candidate on candidate.person_id = review.candidate_person_id
               where review.verdict is null
                 and own.person_id <> coalesce(candidate.merged_into, candidate.person_id)
               order by review.opened_at, review.source, review.external_id limit $1"#,
            i64::from(limit)
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(reviews)
    }

    /// Takes a person's decision about a record: moves it, computes both persons anew, announces those that changed.
    /// Without the proof it does the same and takes it all back.
    ///
    /// # Errors
    /// [`LinkRefusal`]: then nothing was written.
    pub async fn decide_link(
        &self,
        command: &LinkCommand,
        proof: Option<&Write>,
    ) -> Result<LinkReport, LinkRefusal> {
        let mut transaction = self.pool.begin().await?;
        let from = lock_record(&mut transaction, command).await?;
        let decided = decide(&mut transaction, command, from).await?;
        write_decision(&mut transaction, command, from, &decided).await?;
        let reviews_closed = close_reviews(&mut transaction, command, from, &decided).await?;
        // The candidate too: whether it is to have a contact of its own is decided now.
        let mut persons = vec![from, decided.to, decided.review.0];
        persons.sort_unstable();
        persons.dedup();
        let mut moves = Moves::default();
        if decided.to != from {
            move_record(&mut transaction, command, decided.to).await?;
            moves.left.insert(from, decided.to);
            moves.revived = matches!(command.wanted, Move::Undo).then_some(decided.to);
        }
        let mut recomputed = self.recompute(&mut transaction, &persons, &moves).await?;
        recomputed.also(persons);
        let mut announcements = recomputed.announcements(|_| Some(command.announce));
        announcements.extend(verified_by_it(&mut transaction, command, from, decided.to).await?);
        outbox::insert(&mut transaction, &announcements).await?;
        match proof {
            Some(_) => transaction.commit().await?,
            None => transaction.rollback().await?,
        }
        Ok(LinkReport {
            source: command.source.clone(),
            external_id: command.external_id.clone(),
            from_person_id: from,
            to_person_id: decided.to,
            reviews_closed,
            changed: recomputed.changed.iter().map(|person| person.person_id).collect(),
            written: proof.is_some(),
        })
    }
}

/// Locks the record and then its keys, in the order of a reading: one that has the same key waits, and finds the record
/// where it is afterwards. Answers whom it belongs to.
async fn lock_record(connection: &mut PgConnection, command: &LinkCommand) -> Result<Uuid, LinkRefusal> {
    let row = sqlx::query!(
        r#"select person_id, external_key, verified_email from source_record
           where source = $1 and external_id = $2 for update"#,
        command.source,
        command.external_id
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some((person_id, row)) = row.and_then(|row| Some((row.person_id?, row))) else {
        return Err(LinkRefusal::NoRecord {
            source_name: command.source.clone(),
            external_id: command.external_id.clone(),
        });
    };
    let keys = LinkKeys { external_key: row.external_key, verified_email: row.verified_email };
    let record = Linkable { external_id: &command.external_id, person_id, new: false, keys: &keys };
    lock_keys(connection, &[&record]).await?;
    Ok(person_id)
}

async fn decide(
    connection: &mut PgConnection,
    command: &LinkCommand,
    from: Uuid,
) -> Result<Decided, LinkRefusal> {
    match command.wanted {
        Move::Link(candidate) => match destination(connection, candidate).await? {
            to if to == from => Err(LinkRefusal::SamePerson(to)),
            to => Ok(Decided { to, reason: "linked", review: (to, "linked") }),
        },
        Move::Separate(candidate) => match destination(connection, candidate).await? {
            to if to == from => Err(LinkRefusal::SamePerson(to)),
            to => Ok(Decided { to: from, reason: "separate", review: (to, "separate") }),
        },
        Move::Undo => {
            let to = came_from(connection, command, from).await?;
            if to == from {
                return Err(LinkRefusal::NothingToUndo);
            }
            Ok(Decided { to, reason: "undone", review: (from, "separate") })
        }
    }
}

/// Whom a person was merged into, or itself.
async fn destination(connection: &mut PgConnection, candidate: Uuid) -> Result<Uuid, LinkRefusal> {
    let path = person_view::merge_path(connection, candidate).await?;
    path.last().copied().ok_or(LinkRefusal::NoPerson(candidate))
}

/// The person from whom the last decision took the record. A record that was linked as it came was never anybody else's:
/// it goes to a person who is new, under the ID that was meant for it, where one was.
async fn came_from(
    connection: &mut PgConnection,
    command: &LinkCommand,
    current: Uuid,
) -> Result<Uuid, LinkRefusal> {
    let last = sqlx::query_scalar!(
        r#"select from_person_id from link_decision where source = $1 and external_id = $2
           order by decision_id desc limit 1"#,
        command.source,
        command.external_id
    )
    .fetch_optional(&mut *connection)
    .await?;
    let from = last.ok_or(LinkRefusal::NothingToUndo)?.unwrap_or_else(Uuid::now_v7);
    // Whom it was taken from may have been merged since; unless into the person who has it now, which is what is undone.
    let path = person_view::merge_path(connection, from).await?;
    Ok(path.last().copied().filter(|end| *end != current).unwrap_or(from))
}

/// The verification that a person has by this decision.
async fn verified_by_it(
    connection: &mut PgConnection,
    command: &LinkCommand,
    from: Uuid,
    to: Uuid,
) -> Result<Vec<(EventKind, Announcement)>, StoreError> {
    let row = sqlx::query!(
        r#"select person.revision from source_record record join person using (person_id)
           where record.source = $1 and record.external_id = $2 and person.person_id = $3 and record.role = 'identity'
             and record.record ->> 'verification_status' = 'verified'"#,
        command.source,
        command.external_id,
        to
    )
    .fetch_optional(connection)
    .await?;
    let verified = row.filter(|_| from != to);
    let announced =
        verified.map(|row| (EventKind::IdentityVerified, announcement(to, row.revision, command.announce)));
    Ok(announced.into_iter().collect())
}

async fn write_decision(
    connection: &mut PgConnection,
    command: &LinkCommand,
    from: Uuid,
    decided: &Decided,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"insert into link_decision (source, external_id, from_person_id, to_person_id, reason, author, note)
           values ($1, $2, $3, $4, $5, $6, $7)"#,
        command.source,
        command.external_id,
        from,
        decided.to,
        decided.reason,
        command.author.0,
        command.note
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Closes the review of a candidate, whoever it was merged into since.
async fn close_reviews(
    connection: &mut PgConnection,
    command: &LinkCommand,
    from: Uuid,
    decided: &Decided,
) -> Result<u64, StoreError> {
    let (candidate, verdict) = decided.review;
    let mut candidates = vec![candidate];
    if let Move::Link(named) | Move::Separate(named) = command.wanted {
        candidates.push(named);
    }
    let closed = sqlx::query!(
        r#"update link_review review set verdict = $4, decided_by = $5, decided_at = now() from person candidate
           where review.source = $1 and review.external_id = $2 and review.verdict is distinct from $4
             and candidate.person_id = review.candidate_person_id
             and (candidate.person_id = any ($3) or candidate.merged_into = any ($3))"#,
        command.source,
        command.external_id,
        &candidates,
        verdict,
        command.author.0
    )
    .execute(&mut *connection)
    .await?;
    // What is told apart without having been asked about stays so, too.
    sqlx::query!(
        r#"insert into link_review (source, external_id, candidate_person_id, reason, verdict, decided_by, decided_at)
           select $1, $2, $3, 'decided', $4, $5, now() where $4 = 'separate' on conflict do nothing"#,
        command.source,
        command.external_id,
        candidate,
        verdict,
        command.author.0
    )
    .execute(&mut *connection)
    .await?;
    // The same question the other way round: whether a record of the candidate's is this person's.
    let mirrored = sqlx::query!(
        r#"update link_review review set verdict = $3, decided_by = $4, decided_at = now() from source_record other
           where $3 = 'separate' and review.verdict is null and review.candidate_person_id = $1
             and other.source = review.source and other.external_id = review.external_id and other.person_id = $2"#,
        from,
        candidate,
        verdict,
        command.author.0
    )
    .execute(connection)
    .await?;
    Ok(closed.rows_affected() + mirrored.rows_affected())
}

async fn move_record(
    connection: &mut PgConnection,
    command: &LinkCommand,
    to: Uuid,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"with named as (update identity set person_id = $3 where source = $1 and external_id = $2)
           update source_record set person_id = $3 where source = $1 and external_id = $2"#,
        command.source,
        command.external_id,
        to
    )
    .execute(connection)
    .await?;
    Ok(())
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
