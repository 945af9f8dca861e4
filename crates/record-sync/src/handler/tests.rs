//! The steps, with a source that answers what a test says and a store that reaches no database. The workers' tests see what
//! is written.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use connectors::{
    Account, Connector, Fetched, Origin, ProviderError, Record, RecordEvent, RecordHint, Records,
    SignInIdentity, Source, SourceEvents, UnreadableEvent, Verification, VerificationStatus,
};
use event_contract::EventKind;
use serde_json::{Value, json};
use time::macros::datetime;
use uuid::Uuid;
use worker_runtime::Demand;

use super::*;

const BOUND: OffsetDateTime = datetime!(2026-11-23 10:00:00.123 UTC);
const MOMENT: time::Duration = time::Duration::MILLISECOND;

type Answer = Result<Fetched, ProviderError>;

/// A source that answers every refetch in one way, and records the requests. Its events' details are lists of IDs.
struct FakeSource {
    answer: Box<dyn Fn() -> Answer + Send + Sync>,
    requests: Arc<Requests>,
}

type Requests = Mutex<Vec<(String, Option<String>)>>;

struct FakeUnit;

impl RecordUnit for FakeUnit {
    const NAME: &'static str = "fake-sync";
    const ROLE: Role = Role::Sso;
}

#[async_trait]
impl Records for FakeSource {
    fn read_event(&self, envelope: &Envelope, _: Origin) -> Result<RecordEvent, UnreadableEvent> {
        let ids: Vec<String> = envelope.parse_detail()?;
        let hint = |id| RecordHint { id, not_before: Some(BOUND), removed: true };
        Ok(RecordEvent::Records(ids.into_iter().map(hint).collect()))
    }

    async fn fetch(&self, id: &str, known_etag: Option<&str>) -> Answer {
        self.requests.lock().unwrap().push((id.to_owned(), known_etag.map(str::to_owned)));
        (self.answer)()
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        Ok(())
    }
}

/// A handler whose database fails every call at once.
async fn handler(answer: impl Fn() -> Answer + Send + Sync + 'static) -> RecordSync<FakeUnit> {
    handler_and_requests(answer).await.0
}

async fn handler_and_requests(
    answer: impl Fn() -> Answer + Send + Sync + 'static,
) -> (RecordSync<FakeUnit>, Arc<Requests>) {
    let store = Store::open(&String::from("postgres://coppice@127.0.0.1:1/none").into(), 2).unwrap();
    store.close().await;
    let requests = Arc::<Requests>::default();
    let records = FakeSource { answer: Box::new(answer), requests: Arc::clone(&requests) };
    (RecordSync::new(source_with(Role::Sso, records), store), requests)
}

fn source_with(role: Role, records: FakeSource) -> SourceRecords {
    let connector: &'static Connector = connectors::CONNECTORS[0];
    let events = SourceEvents { name: "fake".into(), connector, partner_sources: Vec::new(), bus: None };
    SourceRecords::new(Source { events, role, records: Arc::new(records) })
}

fn envelope(detail: &str) -> Envelope {
    let body = format!(
        r#"{{"id":"{}","source":"coppice.ingress.fake","detail-type":"t","time":"2026-11-23T10:00:00Z","detail":{detail}}}"#,
        Uuid::from_u128(7)
    );
    Envelope::parse(&body).unwrap()
}

/// A refetch for an event that was sent just now, with a lower bound.
fn refetch(subject: &str) -> Refetch<String> {
    let cause = Cause { event_id: Uuid::from_u128(7), hop: Hop::OUTSIDE, trace: TraceContext::start() };
    let (subject, sent_at) = (subject.to_owned(), OffsetDateTime::now_utc());
    Refetch { subject, not_before: Some(BOUND), removed: Removed::No, cause, sent_at }
}

fn ticket(known_version: Option<OffsetDateTime>, read_is_due: bool) -> RefetchTicket {
    RefetchTicket {
        number: 5,
        known_etag: Some(String::from("W/1")),
        known_version,
        deleted_as: None,
        read_is_due,
    }
}

fn found_at(version_at: Option<OffsetDateTime>) -> Answer {
    let status = VerificationStatus::Verified;
    Ok(Fetched::Found(Box::new(Record {
        id: String::from("own"),
        version_at,
        etag: Some(String::from("W/2")),
        external_key: Some(String::from("P-7")),
        assertions: [(String::from("email"), Value::from("as kept"))].into(),
        account: None,
        verification: Some(Verification { status, opened_at: None, decided_at: None }),
        unread: vec!["phone_number".into()],
    })))
}

fn gone_into(merged_into: Option<&str>) -> Answer {
    Ok(Fetched::Gone { merged_into: merged_into.map(str::to_owned) })
}

/// What was read.
fn reading(reread: Result<Reread, Failure>) -> PersonReading {
    match reread.unwrap() {
        Reread::Read { reading, .. } => *reading,
        _ => panic!("nothing was read"),
    }
}

/// A record that was read, present or gone.
fn read(answer: &Answer, read_is_due: bool) -> Reread {
    let reading = PersonReading {
        external_id: String::from("ada"),
        state: match answer {
            Ok(Fetched::Found(record)) => stored(record),
            _ => RecordState::Gone { merged_into: None, proved: true },
        },
        version_at: None,
        etag: None,
        ticket: 5,
        announce: announce(refetch("ada").cause).unwrap(),
        announces: None,
    };
    Reread::Read { reading: Box::new(reading), read_is_due }
}

#[tokio::test]
async fn a_record_is_an_account_only_if_the_role_of_its_source_has_accounts() {
    let identity = SignInIdentity { provider: "scim".into(), connection: None, subject: "own".into() };
    let account = Account { blocked: true, email_verified: true, identities: vec![identity] };
    for role in Role::ALL {
        let mut answer = found_at(Some(BOUND));
        if let Ok(Fetched::Found(record)) = &mut answer {
            record.account = Some(account.clone());
        }
        let records = FakeSource { answer: Box::new(move || answer.clone()), requests: Arc::default() };
        let Fetched::Found(found) = source_with(role, records).fetch("own", None).await.unwrap() else {
            panic!("{role}: nothing was found")
        };
        let RecordState::Present { record, external_key, identities } = stored(&found) else {
            panic!("{role}: it is gone")
        };
        let has_account = role == Role::Sso;
        assert_eq!(identities.len(), usize::from(has_account), "{role}");
        for key in ["blocked", "identities", "email_verified"] {
            assert_eq!(record.get(key).is_some(), has_account, "{role}: {key}");
        }
        assert_eq!(
            (record["email"].as_str(), external_key.as_deref()),
            (Some("as kept"), Some("P-7")),
            "{role}"
        );
    }
}

#[tokio::test]
async fn every_record_of_an_event_is_read_again_with_the_event_as_its_cause() {
    let handler = handler(|| gone_into(None)).await;
    let reading = handler.read(&envelope(r#"["ada", "bob"]"#)).unwrap();
    assert_eq!((reading.cause.event_id, reading.cause.hop), (Uuid::from_u128(7), Hop::OUTSIDE));
    let demand = |id: &str| Demand { subject: id.to_owned(), not_before: Some(BOUND), removed: true };
    assert_eq!(reading.demands, [demand("ada"), demand("bob")]);
}

#[tokio::test]
async fn an_event_that_the_source_cannot_read_is_refused_with_the_source_s_reason() {
    let refusal = handler(|| gone_into(None)).await.read(&envelope("{}")).unwrap_err();
    let reason = "event detail does not have the provider's shape, at line 1 column 0";
    assert_eq!((refusal.class, refusal.detail.as_str()), ("unreadable", reason));
}

#[tokio::test]
async fn a_record_is_stored_as_the_source_answers_under_the_source_s_own_id() {
    let (handler, requests) = handler_and_requests(|| found_at(Some(BOUND))).await;
    let refetch = refetch("named");
    let reading = reading(handler.fetch(&refetch, ticket(None, false)).await);
    assert_eq!((reading.external_id.as_str(), reading.version_at), ("own", Some(BOUND)));
    assert_eq!((reading.etag.as_deref(), reading.ticket), (Some("W/2"), 5));
    assert_eq!(reading.announces, Some(EventKind::IdentityVerified));
    assert_eq!((reading.announce.cause, reading.announce.hop.get()), (refetch.cause.event_id, 1));
    let RecordState::Present { record, external_key, .. } = &reading.state else { panic!("it is there") };
    assert_eq!((&record["email"], external_key.as_deref()), (&json!("as kept"), Some("P-7")));
    let requests = requests.lock().unwrap().clone();
    assert_eq!(requests, [(String::from("named"), Some(String::from("W/1")))], "by the stored entity tag");
}

#[tokio::test]
async fn an_answer_that_is_older_than_its_event_is_read_again_when_the_replica_has_caught_up() {
    let (older, newer) = (Some(BOUND - MOMENT), Some(BOUND + MOMENT));
    // (version of the answer, lower bound of the event) → whether the answer is stale
    let table = [
        (older, Some(BOUND), true),
        (Some(BOUND), Some(BOUND), false),
        (newer, Some(BOUND), false),
        (None, Some(BOUND), false),
        (older, None, false),
    ];
    for (version, not_before, stale) in table {
        let refetch = Refetch { not_before, ..refetch("ada") };
        let unmodified = || Ok(Fetched::NotModified);
        let answers = [
            handler(move || found_at(version)).await.fetch(&refetch, ticket(None, false)).await,
            handler(unmodified).await.fetch(&refetch, ticket(version, false)).await,
        ];
        for answer in answers {
            match answer.err() {
                Some(Failure::Transient { class: "stale_read", retry_after: Some(REPLICA_LAG), .. })
                    if stale => {}
                failure => assert!(failure.is_none() && !stale, "{version:?} {not_before:?}: {failure:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_missing_record_is_gone_if_its_event_says_so_or_a_replica_has_had_time_to_catch_up() {
    // (age of the message in seconds, whether an event says *removed*) → whether the record is gone
    for (age, removed, is_gone) in [
        (0, Removed::No, false),
        (3, Removed::No, false),
        (5, Removed::No, true),
        (0, Removed::Yes, true),
        (3, Removed::Perhaps, false),
        (5, Removed::Perhaps, true),
    ] {
        let sent_at = OffsetDateTime::now_utc() - time::Duration::seconds(age);
        let refetch = Refetch { removed, sent_at, ..refetch("ada") };
        let reread = handler(|| gone_into(Some("eve"))).await.fetch(&refetch, ticket(None, false)).await;
        if !is_gone {
            assert!(matches!(reread, Ok(Reread::TooEarly)), "{age} s");
            continue;
        }
        let reading = reading(reread);
        let RecordState::Gone { merged_into, proved: true } = &reading.state else {
            panic!("{age} s: it is gone")
        };
        assert_eq!((reading.external_id.as_str(), merged_into.as_deref()), ("ada", Some("eve")));
        let time = (removed == Removed::Yes).then_some(BOUND);
        assert_eq!(reading.version_at, time, "only a removal knows its time");
    }
}

#[tokio::test]
async fn a_record_that_is_there_as_it_was_deleted_just_now_is_looked_for_again() {
    let (older, newer) = (Some(BOUND - MOMENT), Some(BOUND + MOMENT));
    for (version, deleted_as, too_early) in [
        (Some(BOUND), Some(BOUND), true),
        (newer, Some(BOUND), false),
        (Some(BOUND), older, false),
        (Some(BOUND), None, false),
        (None, None, false),
    ] {
        let ticket = RefetchTicket { deleted_as, ..ticket(None, false) };
        let reread = handler(move || found_at(version)).await.fetch(&refetch("ada"), ticket).await;
        assert_eq!(matches!(reread, Ok(Reread::TooEarly)), too_early, "{version:?} {deleted_as:?}");
    }
}

#[tokio::test]
async fn an_event_that_says_removed_is_a_proof_also_if_another_may_be_newer() {
    for answer in [Fetched::NotFound, Fetched::NotVisible] {
        let sent_at = OffsetDateTime::now_utc() - time::Duration::seconds(5);
        let refetch = Refetch { removed: Removed::Perhaps, sent_at, ..refetch("ada") };
        let answers = answer.clone();
        let handler = handler(move || Ok(answers.clone())).await;
        let reading = reading(handler.fetch(&refetch, ticket(None, false)).await);
        assert!(matches!(reading.state, RecordState::Gone { merged_into: None, proved: true }), "{answer:?}");
    }
}

#[tokio::test]
async fn an_event_about_everything_asks_the_source_for_no_record() {
    let (handler, requests) = handler_and_requests(|| gone_into(None)).await;
    let reread = handler.fetch(&refetch(EVERYTHING), ticket(None, false)).await;
    assert!(matches!(reread, Ok(Reread::Everything)));
    assert!(requests.lock().unwrap().is_empty());
    // A text that a source might use as an ID means a record of that ID, and no full resync.
    for id in ["*", "all", "003*"] {
        let reread = handler.fetch(&refetch(id), ticket(None, false)).await;
        assert!(!matches!(reread, Ok(Reread::Everything)), "{id}");
    }
    assert_eq!(requests.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn what_the_source_fails_at_is_passed_on_as_its_failure() {
    let handler = handler(|| Err(ProviderError::Unauthorized)).await;
    let unauthorized = from_provider(&ProviderError::Unauthorized);
    let failure = handler.fetch(&refetch("ada"), ticket(None, false)).await.err();
    assert_eq!((handler.upstream(), failure), ("fake", Some(unauthorized)));
}

#[tokio::test]
async fn a_database_that_is_away_is_no_fault_of_a_record_or_of_the_source() {
    let handler = handler(|| gone_into(None)).await;
    let whole_seconds = Some(datetime!(2026-11-23 10:00 UTC));
    let failures = [
        ("draw tickets", handler.prepare(&[String::from("ada")]).await.err()),
        ("read", apply(&handler, read(&found_at(None), false)).await.err()),
        ("gone", apply(&handler, read(&gone_into(None), false)).await.err()),
        ("fence", apply(&handler, Reread::NotModified { ticket: ticket(whole_seconds, false) }).await.err()),
        ("note", apply(&handler, Reread::NotModified { ticket: ticket(Some(BOUND), true) }).await.err()),
        ("request a resync", apply(&handler, Reread::Everything).await.err()),
        ("probe", handler.probe().await.err()),
    ];
    for (what, failure) in failures {
        assert!(matches!(failure, Some(Failure::Ours { class: "database", .. })), "{what}: {failure:?}");
    }
}

#[tokio::test]
async fn a_batch_that_has_nothing_to_write_makes_no_call_to_the_database() {
    let handler = handler(|| gone_into(None)).await;
    let unmodified = Reread::NotModified { ticket: ticket(Some(BOUND), false) };
    let batch = [(refetch("ada"), Reread::TooEarly), (refetch("bob"), unmodified)];
    let outcomes = handler.apply(&batch).await.unwrap();
    assert_eq!(outcomes, [Outcome::Snooze(REPLICA_LAG), Outcome::Unchanged]);
}

async fn apply(handler: &RecordSync<FakeUnit>, reread: Reread) -> Result<Vec<Outcome>, Failure> {
    let subject = if matches!(reread, Reread::Everything) { EVERYTHING } else { "ada" };
    handler.apply(&[(refetch(subject), reread)]).await
}

#[test]
fn a_reading_is_due_to_be_noted_if_its_ticket_says_so() {
    for due in [true, false] {
        assert_eq!(read(&found_at(None), due).read_is_due(), due);
        assert_eq!(Reread::NotModified { ticket: ticket(None, due) }.read_is_due(), due);
    }
    assert!(!Reread::TooEarly.read_is_due() && !Reread::Everything.read_is_due());
}

#[test]
fn only_a_record_that_is_gone_is_reported_as_gone() {
    assert_eq!(read(&gone_into(None), false).gone(), Some("ada"));
    for other in [read(&found_at(None), false), Reread::TooEarly, Reread::Everything] {
        assert_eq!(other.gone(), None);
    }
}

#[test]
fn each_entry_of_a_batch_has_the_outcome_of_its_own_write() {
    use ReadingResult::{Applied, Unchanged};
    let present = || read(&found_at(None), false);
    let gone = || read(&gone_into(None), false);
    let unmodified = || Reread::NotModified { ticket: ticket(None, false) };
    let results =
        [(Applied, false), (Applied, false), (Unchanged, false), (Unchanged, true), (Unchanged, false)];
    let mut results = results.into_iter();
    let mut stands = [true, false].into_iter();
    let again_at_once = Outcome::Snooze(Duration::ZERO);
    for (entry, expected) in [
        (present(), Outcome::Applied),
        (unmodified(), Outcome::Unchanged),
        (gone(), Outcome::Gone),
        (Reread::TooEarly, Outcome::Snooze(REPLICA_LAG)),
        (gone(), Outcome::Unchanged),
        (gone(), Outcome::Missing),
        (unmodified(), again_at_once),
        (Reread::Everything, Outcome::Applied),
        (present(), Outcome::Unchanged),
    ] {
        assert_eq!(outcome(&entry, &mut results, &mut stands), expected);
    }
}

#[test]
fn a_field_that_cannot_be_read_is_counted_by_its_name() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let handler = handler(|| found_at(None)).await;
            assert!(handler.fetch(&refetch("ada"), ticket(None, false)).await.is_ok());
        });
    });
    let expected = r#"coppice_fields_unread_total{source="fake",field="phone_number"} 1"#;
    assert!(recorder.handle().render().contains(expected), "{}", recorder.handle().render());
}
