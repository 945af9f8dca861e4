//! Checks the result of a contestant.
//!
//! In: the provider, the database, the queue and the bus at the end of a run. Out: every fault, in a sentence; no sentence if
//! the result is right. Must not know: how fast it was.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sqlx::{Connection, PgConnection, Row};
use testkit::PublishedEvent;

use crate::contestant::Contestant;
use crate::services::{QUEUE, Services};

/// The announcements of one phase, and the IDs of the persons that they should be about.
pub(crate) struct Announced {
    pub(crate) phase: &'static str,
    pub(crate) events: Vec<PublishedEvent>,
    pub(crate) ids: BTreeSet<String>,
}

pub(crate) async fn faults(
    contestant: Contestant,
    around: &Services,
    announced: &[Announced],
) -> anyhow::Result<Vec<String>> {
    let rows = rows(contestant, around).await?;
    let mut faults = Vec::new();
    for queue in [QUEUE.to_owned(), format!("{QUEUE}-dlq")] {
        let (visible, in_flight) = around.aws.depth(&queue);
        if visible + in_flight > 0 {
            faults.push(format!("{queue} has {visible} message(s), and {in_flight} in flight"));
        }
    }
    let wrong = around
        .idp
        .users()
        .into_iter()
        .filter(|user| rows.get(&user.user_id).is_none_or(|row| row.given_name != user.given_name));
    report(&mut faults, wrong.count(), "person(s) missing, or with another name than at the provider");
    let by_key: BTreeMap<&str, &str> =
        rows.iter().map(|(user_id, row)| (row.announced_as.as_str(), user_id.as_str())).collect();
    for Announced { phase, events, ids } in announced {
        let details: Vec<Value> =
            events.iter().filter_map(|event| serde_json::from_str(&event.detail).ok()).collect();
        let key = if contestant.is_ours() { "entity_id" } else { "user_id" };
        let named: BTreeSet<&str> =
            details.iter().filter_map(|detail| by_key.get(detail[key].as_str()?).copied()).collect();
        let silent = ids.iter().filter(|id| !named.contains(id.as_str())).count();
        report(&mut faults, silent, &format!("person(s) not announced among the {phase}"));
    }
    Ok(faults)
}

fn report(faults: &mut Vec<String>, count: usize, what: &str) {
    if count > 0 {
        faults.push(format!("{count} {what}"));
    }
}

/// A person as the contestant has it.
struct PersonRow {
    given_name: Option<String>,
    /// The ID in its announcements.
    announced_as: String,
}

/// The rows of all users of the provider, by the provider's ID.
async fn rows(contestant: Contestant, around: &Services) -> anyhow::Result<BTreeMap<String, PersonRow>> {
    let mut connection = PgConnection::connect(&around.database_url).await?;
    let query = if contestant.is_ours() {
        "select external_id, given_name, person_id::text from person_profile join source_record using (person_id) \
         where external_id = any ($1)"
    } else {
        "select user_id, given_name, user_id from person where user_id = any ($1)"
    };
    let known: Vec<String> = around.idp.users().into_iter().map(|user| user.user_id).collect();
    let rows = sqlx::query(query).bind(known).fetch_all(&mut connection).await?;
    connection.close().await?;
    let person = |row: &sqlx::postgres::PgRow| {
        (row.get(0), PersonRow { given_name: row.get(1), announced_as: row.get(2) })
    };
    Ok(rows.iter().map(person).collect())
}
