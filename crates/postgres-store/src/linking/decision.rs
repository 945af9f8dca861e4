//! Table `link_decision`: an operator's decisions about records. Rows are only ever added. Automatic linking never moves a
//! record about which an operator has decided: it checks the author of the record's last decision. So a decision that leaves a
//! record where it is keeps it separate for good.

use event_contract::{Announcement, EventKind};
use uuid::Uuid;

use super::by_key::lock_keys;
use super::command::{Decided, LinkCommand, LinkRefusal, LinkReport, Move};
use super::review::{self, close_reviews};
use super::rule::Linkable;
use crate::bounded::PgConnection;
use crate::outbox::{self, announcement};
use crate::person::recompute::Moves;
use crate::person::view;
use crate::proof::Write;
use crate::records::source_record::LinkKeys;
use crate::rules::Rules;
use crate::{Store, StoreError};

impl Store {
    /// Applies an operator's decision about a record: moves it, recomputes both persons, announces those that changed.
    /// Without the proof it does the same and rolls back.
    ///
    /// # Errors
    /// [`LinkRefusal`]: then nothing was written.
    pub async fn decide_link(
        &self,
        command: &LinkCommand,
        proof: Option<&Write>,
    ) -> Result<LinkReport, LinkRefusal> {
        loop {
            let rules = self.rules.get();
            match self.decide_by(&rules, command, proof).await {
                Err(LinkRefusal::Store(error)) if error.is_other_version() => self.read_rules().await?,
                done => return done,
            }
        }
    }

    async fn decide_by(
        &self,
        rules: &Rules,
        command: &LinkCommand,
        proof: Option<&Write>,
    ) -> Result<LinkReport, LinkRefusal> {
        let mut transaction = self.pool.begin().await?;
        let from = lock_record(&mut transaction, command).await?;
        let decided = decide(&mut transaction, command, from).await?;
        write_decision(&mut transaction, command, from, &decided).await?;
        let reviews_closed = close_reviews(&mut transaction, command, from, &decided).await?;
        // The candidate too: this decision settles whether it gets its own contact. The same holds for persons who share an
        // open review with the person that the record left or joined.
        let mut persons = vec![from, decided.to, decided.review.0];
        let counterparts = review::counterparts(&mut transaction, &[from, decided.to].into()).await?;
        persons.extend(counterparts.into_iter().map(|(_, counterpart)| counterpart));
        persons.sort_unstable();
        persons.dedup();
        let mut moves = Moves::default();
        if decided.to != from {
            move_record(&mut transaction, command, decided.to).await?;
            moves.left.insert(from, decided.to);
            moves.revived = matches!(command.wanted, Move::Undo).then_some(decided.to);
        }
        let mut recomputed = self.recompute(&mut transaction, rules, &persons, &moves).await?;
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
    // The record and then its keys, in the order of a reading: a reading with the same key waits, and afterwards finds the
    // record in its new place.
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

/// The person into which a person was merged, or itself.
async fn destination(connection: &mut PgConnection, candidate: Uuid) -> Result<Uuid, LinkRefusal> {
    let path = view::merge_path(connection, candidate).await?;
    path.last().copied().ok_or(LinkRefusal::NoPerson(candidate))
}

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
    // A record that was linked when it arrived never had another person: it goes to a new person, under the ID that was
    // proposed for it, if one was.
    let from = last.ok_or(LinkRefusal::NothingToUndo)?.unwrap_or_else(Uuid::now_v7);
    // That person may have been merged since. The merge is followed, unless it led to the present person: then it is undone.
    let path = view::merge_path(connection, from).await?;
    Ok(path.last().copied().filter(|end| *end != current).unwrap_or(from))
}

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
