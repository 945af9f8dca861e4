//! Table `link_review`: possible links without proof, for an operator to decide.

use std::collections::BTreeSet;

use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::command::{Decided, LinkCommand, Move};
use crate::bounded::PgConnection;
use crate::{Store, StoreError};

/// A possible link without proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenReview {
    /// The source of the record.
    pub source: String,
    /// The record.
    pub external_id: String,
    /// The record's person.
    pub person_id: Uuid,
    /// The person to whom it may belong.
    pub candidate_person_id: Uuid,
    /// The evidence.
    pub reason: String,
    /// When it was opened.
    #[serde(with = "time::serde::rfc3339")]
    pub opened_at: OffsetDateTime,
    /// Its age in seconds, by the database's clock.
    pub age_secs: i64,
}

impl Store {
    /// Open reviews, oldest first. Reviews that a later link has settled are left out.
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
}

/// Each of these persons with those who share an open review with it: a record of one may belong to the other.
pub(crate) async fn counterparts(
    connection: &mut PgConnection,
    persons: &BTreeSet<Uuid>,
) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    if persons.is_empty() {
        return Ok(Vec::new());
    }
    let persons: Vec<Uuid> = persons.iter().copied().collect();
    let rows = sqlx::query!(
        r#"select own.person_id as "person_id!", review.candidate_person_id as "counterpart!"
           from source_record own
           join link_review review on review.source = own.source and review.external_id = own.external_id
           where own.person_id = any ($1) and review.verdict is null
             and review.candidate_person_id <> own.person_id
           union
           select review.candidate_person_id, reviewed.person_id
           from link_review review
           join source_record reviewed
             on reviewed.source = review.source and reviewed.external_id = review.external_id
           where review.candidate_person_id = any ($1) and review.verdict is null
             and reviewed.person_id <> review.candidate_person_id"#,
        &persons
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.person_id, row.counterpart)).collect())
}

pub(super) async fn close_reviews(
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
    // Also the review of a candidate that was merged since.
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
    // Stores a verdict of "separate" for which there was no review.
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
    // The mirrored review: whether a record of the candidate is this person's.
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
