//! Any order of the same readings ends at what the source has. See [`crate::history`] for the rule.

use postgres_store::PersonReading;
use rand::RngExt as _;
use rand::seq::SliceRandom as _;

use crate::database::Database;
use crate::history::{Clock, History, State, histories, rng};

const SEEDS: u64 = 150;

async fn apply_in_batches(database: &Database, readings: &[PersonReading], rng: &mut rand::rngs::StdRng) {
    let mut rest = readings;
    while !rest.is_empty() {
        let (batch, later) = rest.split_at(rng.random_range(1..=rest.len().min(5)));
        database.apply(batch).await;
        rest = later;
    }
}

/// What the readings of one record wrote.
#[derive(sqlx::FromRow)]
struct Written {
    record: Option<String>,
    status: Option<String>,
    email: Option<String>,
    subjects: Vec<String>,
    revision: i64,
    announced: Vec<i64>,
}

/// Everything that the readings of one record wrote must follow from its last state.
pub(crate) async fn check(database: &Database, history: &History, clue: &str) {
    let written: Written = sqlx::query_as(
        "select r.record ->> 'content' as record, p.status, split_part(p.email, '@', 1) as email, \
                array(select i.subject from identity i where i.external_id = r.external_id order by 1) as subjects, \
                coalesce(p.revision, 0) as revision, \
                array(select o.revision from outbox o where o.entity_id = r.person_id order by 1) as announced \
         from source_record r left join person p using (person_id) where r.external_id = $1",
    )
    .bind(&history.external_id)
    .fetch_one(&database.pool)
    .await
    .unwrap();
    match &history.end {
        State::Present { content, subjects, .. } => {
            assert_eq!(written.record.as_ref(), Some(content), "{clue}");
            assert_eq!(written.email.as_ref(), Some(content), "{clue}");
            assert_eq!(written.status.as_deref(), Some("active"), "{clue}");
            assert_eq!(&written.subjects, subjects, "{clue}");
        }
        State::Absent => {
            assert_eq!((written.record, written.email), (None, None), "{clue}");
            assert_ne!(written.status.as_deref(), Some("active"), "{clue}");
            assert!(written.subjects.is_empty(), "{clue}");
        }
    }
    let revisions: Vec<i64> = (1..=written.revision).collect();
    assert_eq!(written.announced, revisions, "each revision announced once: {clue}");
}

async fn converges(clock: Clock) {
    let database = Database::start().await;
    for seed in 0..SEEDS {
        let mut rng = rng(seed);
        let histories = histories(&mut rng, &format!("{seed}"), clock);
        let mut all: Vec<PersonReading> =
            histories.iter().flat_map(|history| history.readings.iter().cloned()).collect();
        // The first seeds in the order in which the refetches began, the others in any.
        if seed >= SEEDS / 10 {
            all.shuffle(&mut rng);
        }
        apply_in_batches(&database, &all, &mut rng).await;
        for history in &histories {
            check(&database, history, &format!("{clock:?}, seed {seed}, {}", history.external_id)).await;
        }
    }
}

#[tokio::test]
async fn readings_with_fine_versions_converge_in_any_order() {
    converges(Clock::Fine).await;
}

#[tokio::test]
async fn readings_with_coarse_versions_converge_in_any_order() {
    converges(Clock::Coarse).await;
}

#[tokio::test]
async fn readings_without_versions_converge_in_any_order() {
    converges(Clock::Unversioned).await;
}
