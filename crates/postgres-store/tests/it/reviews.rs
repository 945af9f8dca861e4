//! An operator's decisions about links are stronger than automatic linking, and can be undone.

use event_contract::{Hop, TraceContext};
use postgres_store::{
    Announce, Identity, LinkCommand, LinkRefusal, LinkReport, Move, PersonKey, RecordState, Write,
};
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;

use crate::database::{Database, gone, naming};
use crate::link_faults::blocked;
use crate::linking::{apply, persons_of_records, saying, verified};
use crate::{CRM, IDP, VERIFIER};

const ROWS: &str = "select concat_ws(' ', status, email, given_name, phone) from person_profile order by 1";

fn command(source: &str, external_id: &str, wanted: Move) -> LinkCommand {
    LinkCommand {
        source: source.to_owned(),
        external_id: external_id.to_owned(),
        wanted,
        author: "Ada".parse().unwrap(),
        note: String::from("saw both"),
        announce: Announce {
            cause: Uuid::now_v7(),
            hop: Hop::OUTSIDE.next().unwrap(),
            traceparent: TraceContext::start(),
        },
    }
}

async fn decide(
    database: &Database,
    source: &str,
    id: &str,
    wanted: Move,
) -> Result<LinkReport, LinkRefusal> {
    let proof = Write::if_wanted(true);
    database.store.decide_link(&command(source, id, wanted), proof.as_ref()).await
}

async fn person_of(database: &Database, source: &str, external_id: &str) -> Uuid {
    let key = PersonKey::Record { source: source.to_owned(), external_id: external_id.to_owned() };
    database.store.view_person(&key).await.unwrap().unwrap().person.person_id
}

/// An account, and a contact that was known before it had the account's address.
async fn reviewed() -> (Database, Uuid) {
    let database = Database::start().await;
    apply(&database, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    apply(&database, CRM, saying("c", None, json!({"phone": "+1"}), 1001, 2)).await;
    let values = json!({"phone": "+1", "email": "a@idp", "email_verified": true});
    apply(&database, CRM, saying("c", None, values, 1002, 3)).await;
    let reviews = database.store.open_link_reviews(10).await.unwrap();
    assert_eq!(reviews.len(), 1);
    (database, reviews[0].candidate_person_id)
}

#[tokio::test]
async fn a_link_moves_the_record_computes_both_and_announces_both() {
    let (database, candidate) = reviewed().await;
    let before = database.count("select count(*) from outbox").await;
    let report = decide(&database, "crm", "c", Move::Link(candidate)).await.unwrap();
    assert_eq!((report.to_person_id, report.reviews_closed, report.changed.len()), (candidate, 1, 2));
    assert_eq!(database.texts(ROWS).await, ["active a@idp Idp +1", "merged"]);
    assert_eq!(database.count("select count(*) from outbox").await, before + 2);
    let decision = "select concat_ws(' ', reason, author, note) from link_decision";
    assert_eq!(database.texts(decision).await, ["linked Ada saw both"]);
    let verdicts = "select concat_ws(' ', verdict, decided_by) from link_review";
    assert_eq!(database.texts(verdicts).await, ["linked Ada"]);
    assert!(database.store.open_link_reviews(10).await.unwrap().is_empty());

    let merged = PersonKey::Id(report.from_person_id);
    let view = database.store.view_person(&merged).await.unwrap().unwrap();
    assert_eq!((view.merged, view.person.person_id), (vec![report.from_person_id], candidate));
    assert_eq!((view.records.len(), view.decisions.len()), (2, 1));
}

#[tokio::test]
async fn an_undone_link_restores_both_persons_and_is_not_made_again() {
    let (database, candidate) = reviewed().await;
    let before = database.texts(ROWS).await;
    let linked = decide(&database, "crm", "c", Move::Link(candidate)).await.unwrap();
    let undone = decide(&database, "crm", "c", Move::Undo).await.unwrap();
    assert_eq!(undone.to_person_id, linked.from_person_id);
    assert_eq!(undone.changed.len(), 2);
    assert_eq!(database.texts(ROWS).await, before);
    assert_eq!(database.count("select count(*) from person where merged_into is not null").await, 0);
    assert_eq!(database.count("select count(*) from link_decision").await, 2, "rows are added");
    let values = json!({"phone": "+2", "email": "a@idp", "email_verified": true});
    apply(&database, CRM, saying("c", None, values, 1003, 4)).await;
    assert!(database.store.open_link_reviews(10).await.unwrap().is_empty());
    assert_eq!(persons_of_records(&database).await, 2);
}

#[tokio::test]
async fn separated_records_stay_separate_although_they_get_a_key() {
    let (database, candidate) = reviewed().await;
    let report = decide(&database, "crm", "c", Move::Separate(candidate)).await.unwrap();
    assert_eq!((report.from_person_id, report.changed.len()), (report.to_person_id, 0));
    let account = json!({"email": "a@idp", "email_verified": true, "given_name": "New"});
    apply(&database, IDP, saying("u", Some("P-1"), account, 1002, 4)).await;
    let values = json!({"phone": "+2", "email": "a@idp", "email_verified": true});
    apply(&database, CRM, saying("c", Some("P-1"), values, 1003, 5)).await;
    assert_eq!(person_of(&database, "crm", "c").await, report.to_person_id);
    assert_eq!(persons_of_records(&database).await, 2);
    let open = database.store.open_link_reviews(10).await.unwrap();
    assert!(open.iter().all(|review| review.source != "crm"), "{open:?}");
}

#[tokio::test]
async fn undoing_the_first_link_of_a_record_gives_it_its_own_person() {
    let database = Database::start().await;
    apply(&database, IDP, saying("u", Some("P-1"), verified("a@idp"), 1001, 1)).await;
    apply(&database, CRM, saying("c", Some("P-1"), json!({"phone": "+1"}), 1001, 2)).await;
    assert_eq!(database.texts(ROWS).await, ["active a@idp Idp +1"]);
    decide(&database, "crm", "c", Move::Undo).await.unwrap();
    assert_eq!(database.texts(ROWS).await, ["active a@idp Idp", "known +1"]);
    apply(&database, CRM, saying("c", Some("P-1"), json!({"phone": "+2"}), 1002, 3)).await;
    assert_eq!(
        database.texts(ROWS).await,
        ["active a@idp Idp", "known +2"],
        "the key does not link it again"
    );
}

#[tokio::test]
async fn a_merge_of_persons_is_undone_record_by_record() {
    let database = Database::start().await;
    apply(&database, IDP, saying("db|lost", Some("P-1"), verified("lost@idp"), 1001, 1)).await;
    apply(&database, IDP, saying("db|kept", Some("P-2"), verified("kept@idp"), 1001, 2)).await;
    apply(&database, CRM, saying("c-lost", Some("P-1"), json!({"phone": "+1"}), 1001, 3)).await;
    let lost = person_of(&database, "idp", "db|lost").await;
    let kept = |values: serde_json::Value, version, ticket| {
        let mut reading = saying("db|kept", Some("P-2"), values, version, ticket);
        let RecordState::Present { identities, record, .. } = &mut reading.state else { panic!("present") };
        *identities = ["lost", "kept"]
            .map(|subject| Identity {
                provider: String::from("db"),
                subject: String::from(subject),
                connection: None,
            })
            .into();
        record["identities"] = json!(["lost", "kept"]);
        reading
    };
    apply(&database, IDP, kept(verified("kept@idp"), 1002, 5)).await;
    apply(&database, IDP, gone("db|lost", Some(2001), 4)).await;
    assert_eq!(database.texts(ROWS).await, ["active kept@idp Idp +1", "merged"]);

    let undone = decide(&database, "crm", "c-lost", Move::Undo).await.unwrap();
    assert_eq!(undone.to_person_id, lost);
    assert_eq!(database.texts(ROWS).await, ["active kept@idp Idp", "known +1"]);
    decide(&database, "idp", "db|lost", Move::Undo).await.unwrap();
    assert_eq!(database.texts(ROWS).await, ["active kept@idp Idp", "deleted +1"]);
    apply(&database, IDP, kept(verified("new@idp"), 1003, 6)).await;
    assert_eq!(database.texts(ROWS).await, ["active new@idp Idp", "deleted +1"], "not merged again");
    let strays = "select count(*) from identity join source_record using (source, external_id) \
                  where identity.person_id <> source_record.person_id";
    assert_eq!(database.count(strays).await, 0);
}

#[tokio::test]
async fn without_the_proof_nothing_is_written_and_the_report_is_the_same() {
    let (database, candidate) = reviewed().await;
    let before = database.row_versions().await;
    let tried = database.store.decide_link(&command("crm", "c", Move::Link(candidate)), None).await.unwrap();
    assert!(!tried.written);
    assert_eq!(database.row_versions().await, before);
    assert_eq!(database.count("select count(*) from link_decision").await, 0);
    let done = decide(&database, "crm", "c", Move::Link(candidate)).await.unwrap();
    assert_eq!(LinkReport { written: true, ..tried }, done);
}

#[tokio::test]
async fn a_refused_decision_has_a_reason_and_writes_nothing() {
    let (database, candidate) = reviewed().await;
    let unknown = Uuid::now_v7();
    let refused = decide(&database, "crm", "x", Move::Link(candidate)).await;
    assert!(matches!(refused, Err(LinkRefusal::NoRecord { .. })));
    let refused = decide(&database, "crm", "c", Move::Link(unknown)).await;
    assert!(matches!(refused, Err(LinkRefusal::NoPerson(person)) if person == unknown));
    let own = person_of(&database, "crm", "c").await;
    for wanted in [Move::Link(own), Move::Separate(own)] {
        let refused = decide(&database, "crm", "c", wanted).await;
        assert!(matches!(refused, Err(LinkRefusal::SamePerson(_))));
    }
    let refused = decide(&database, "crm", "c", Move::Undo).await;
    assert!(matches!(refused, Err(LinkRefusal::NothingToUndo)));
    assert_eq!(database.count("select count(*) from link_decision").await, 0);
}

#[tokio::test]
async fn a_decision_and_a_reading_at_the_same_time_end_where_either_order_ends() {
    for round in 0..4 {
        let (database, candidate) = reviewed().await;
        let values = json!({"phone": format!("+{round}"), "email": "a@idp", "email_verified": true});
        let reading = saying("c", None, values, 1003, 4);
        let (decided, ()) = tokio::join!(
            decide(&database, "crm", "c", Move::Link(candidate)),
            apply(&database, CRM, reading)
        );
        decided.unwrap();
        let expected = [format!("active a@idp Idp +{round}"), String::from("merged")];
        assert_eq!(database.texts(ROWS).await, expected);
    }
}

#[tokio::test]
async fn an_open_review_prevents_no_link_by_key_and_is_settled_by_it() {
    let (database, candidate) = reviewed().await;
    let values = json!({"phone": "+2", "email": "a@idp", "email_verified": true});
    apply(&database, CRM, saying("c", Some(&candidate.to_string()), values, 1003, 4)).await;
    assert_eq!(person_of(&database, "crm", "c").await, candidate);
    assert_eq!(database.store.open_link_reviews(10).await.unwrap(), []);
}

#[tokio::test]
async fn a_separation_concerns_no_third_person() {
    let (database, candidate) = reviewed().await;
    decide(&database, "crm", "c", Move::Separate(candidate)).await.unwrap();
    let key = candidate.to_string();
    apply(&database, CRM, saying("another", Some(&key), json!({"phone": "+2"}), 1001, 4)).await;
    assert_eq!(person_of(&database, "crm", "another").await, candidate);
}

#[tokio::test]
async fn the_same_evidence_again_opens_no_second_review() {
    let (database, _) = reviewed().await;
    let values = json!({"phone": "+2", "email": "a@idp", "email_verified": true});
    apply(&database, CRM, saying("c", None, values, 1003, 4)).await;
    assert_eq!(database.store.open_link_reviews(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_oldest_open_reviews_come_first() {
    let (database, _) = reviewed().await;
    apply(&database, CRM, saying("a", None, json!({"phone": "+1"}), 1001, 4)).await;
    let values = json!({"phone": "+1", "email": "a@idp", "email_verified": true});
    apply(&database, CRM, saying("a", None, values, 1002, 5)).await;
    let records = async |limit| {
        let reviews = database.store.open_link_reviews(limit).await.unwrap();
        let mut records: Vec<String> = reviews.into_iter().map(|review| review.external_id).collect();
        records.dedup();
        records
    };
    assert_eq!(records(1).await, ["c"]);
    assert_eq!(records(9).await, ["c", "a"]);
}

#[tokio::test]
async fn a_decided_review_announces_no_person_when_the_contact_is_gone() {
    let (database, candidate) = reviewed().await;
    decide(&database, "crm", "c", Move::Separate(candidate)).await.unwrap();
    let announced = format!("select count(*) from outbox where entity_id = '{candidate}'");
    let before = database.count(&announced).await;
    apply(&database, CRM, gone("c", Some(2001), 4)).await;
    assert_eq!(database.count(&announced).await, before);
}

#[tokio::test]
async fn a_decision_starts_from_where_a_concurrent_move_has_put_the_record() {
    let (database, candidate) = reviewed().await;
    apply(&database, IDP, saying("q", None, verified("q@idp"), 1001, 4)).await;
    let third = person_of(&database, "idp", "q").await;
    let mut moving = database.pool.begin().await.unwrap();
    let step = sqlx::query("update source_record set person_id = $1 where external_id = 'c'").bind(third);
    step.execute(&mut *moving).await.unwrap();
    let (decided, ()) = tokio::join!(decide(&database, "crm", "c", Move::Link(candidate)), async {
        blocked(&database, 1).await;
        moving.commit().await.unwrap();
    });
    assert_eq!(decided.unwrap().from_person_id, third);
}

#[tokio::test]
async fn a_link_of_a_case_that_is_not_verified_announces_no_verification() {
    let database = Database::start().await;
    apply(&database, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    let account = person_of(&database, "idp", "u").await;
    apply(&database, VERIFIER, saying("v", None, json!({"verification_status": "failed"}), 1001, 2)).await;
    decide(&database, "verifier", "v", Move::Link(account)).await.unwrap();
    assert_eq!(database.count("select count(*) from outbox where kind = 'IdentityVerified'").await, 0);
}

#[tokio::test]
async fn the_ways_to_sign_in_move_with_their_record() {
    let database = Database::start().await;
    database.apply(&[naming("a", "a", &["a"], Some(1001), 1), naming("b", "b", &["b"], Some(1001), 2)]).await;
    let a = person_of(&database, "idp", "a").await;
    decide(&database, "idp", "b", Move::Link(a)).await.unwrap();
    let view = database.store.view_person(&PersonKey::Id(a)).await.unwrap().unwrap();
    let subjects: Vec<_> = view.identities.iter().map(|identity| identity.subject.as_str()).collect();
    assert_eq!(subjects, ["a", "b"]);
}

#[tokio::test]
async fn the_first_link_of_a_contact_that_was_pushed_to_can_be_undone() {
    let database = Database::start().await;
    apply(&database, IDP, saying("u", Some("P-1"), verified("a@idp"), 1001, 1)).await;
    apply(&database, CRM, saying("c", Some("P-1"), json!({"phone": "+1"}), 1001, 2)).await;
    let account = person_of(&database, "idp", "u").await;
    let view = database.store.crm_views("crm", &[account]).await.unwrap().remove(&account).unwrap();
    let pushed = BTreeMap::from([("given_name".parse().unwrap(), String::from("Idp"))]);
    database.store.remember_pushed("crm", "c", &view.push_key, &pushed).await.unwrap();
    // The person that was proposed for the contact has no row yet.
    decide(&database, "crm", "c", Move::Undo).await.unwrap();
    assert_ne!(person_of(&database, "crm", "c").await, account);
}

#[tokio::test]
async fn a_view_lists_decisions_from_the_oldest_to_the_newest() {
    let (database, candidate) = reviewed().await;
    for wanted in [Move::Link(candidate), Move::Undo] {
        decide(&database, "crm", "c", wanted).await.unwrap();
    }
    let key = PersonKey::Record { source: String::from("crm"), external_id: String::from("c") };
    let view = database.store.view_person(&key).await.unwrap().unwrap();
    let reasons: Vec<_> = view.decisions.iter().map(|decision| decision.reason.as_str()).collect();
    assert_eq!(reasons, ["linked", "undone"]);
}

#[tokio::test]
async fn an_operator_s_view_of_a_person_is_one_snapshot() {
    let (database, candidate) = reviewed().await;
    // The view reads ways to sign in before decisions, so it waits between the two.
    let mut other = database.pool.begin().await.unwrap();
    sqlx::query("lock table identity").execute(&mut *other).await.unwrap();
    let store = database.store.clone();
    let viewing = tokio::spawn(async move { store.view_person(&PersonKey::Id(candidate)).await });
    blocked(&database, 1).await;
    let decision = "insert into link_decision (source, external_id, to_person_id, reason, author) values ('idp', 'u', $1, 'linked', 'Ada')";
    sqlx::query(decision).bind(candidate).execute(&mut *other).await.unwrap();
    other.commit().await.unwrap();
    assert!(viewing.await.unwrap().unwrap().unwrap().decisions.is_empty());
}

#[tokio::test]
async fn a_record_that_an_operator_moved_stays_there_whatever_key_it_gets() {
    let database = Database::start().await;
    for (id, key, ticket) in [("u", "P-1", 1), ("w", "P-2", 2), ("x", "P-3", 3)] {
        apply(&database, IDP, saying(id, Some(key), verified(&format!("{id}@idp")), 1001, ticket)).await;
    }
    // Its key links it first, then the operator decides.
    apply(&database, CRM, saying("c", Some("P-1"), json!({"phone": "+1"}), 1001, 4)).await;
    let chosen = person_of(&database, "idp", "w").await;
    decide(&database, "crm", "c", Move::Link(chosen)).await.unwrap();
    apply(&database, CRM, saying("c", Some("P-3"), json!({"phone": "+2"}), 1002, 5)).await;
    assert_eq!(person_of(&database, "crm", "c").await, chosen);
}
