//! Records of several sources about one person: which are linked, and the person's row.

use authority::Role;
use postgres_store::{PersonReading, RecordState, Source};
use serde_json::{Value, json};

use crate::database::{Database, found, gone, open, policy};
use crate::{CRM, IDP, VERIFIER};

/// Addresses of the CRM count as verified.
const TRUSTING: &str = r#"linking.trusted_email_from = ["crm"]"#;

/// A record with these values, under this key.
pub(crate) fn saying(id: &str, key: Option<&str>, values: Value, version: i64, ticket: i64) -> PersonReading {
    let mut reading = found(id, "", Some(version), ticket);
    reading.state =
        RecordState::Present { record: values, external_key: key.map(str::to_owned), identities: Vec::new() };
    reading
}

pub(crate) fn verified(email: &str) -> Value {
    json!({ "email": email, "email_verified": true, "given_name": "Idp" })
}

pub(crate) async fn apply(database: &Database, source: Source<'_>, reading: PersonReading) {
    database.store.apply_person_readings(source, &[reading]).await.unwrap();
}

pub(crate) async fn persons_of_records(database: &Database) -> i64 {
    database.count("select count(distinct person_id) from source_record").await
}

#[tokio::test]
async fn equal_keys_make_one_person_in_whichever_order_the_records_come() {
    let readings = |round: i64| {
        let id = format!("r{round}");
        let key = format!("P-{round}");
        [
            (IDP, saying(&id, Some(&key), json!({"email": "a@idp", "given_name": "Addy"}), 1001, 1)),
            (
                CRM,
                saying(
                    &id,
                    Some(&key),
                    json!({"email": "a@crm", "mailing_address": {"city": "Lund"}}),
                    1001,
                    2,
                ),
            ),
            (
                VERIFIER,
                saying(
                    &id,
                    Some(&key),
                    json!({"given_name": "Augusta", "verification_status": "verified"}),
                    1001,
                    3,
                ),
            ),
        ]
    };
    let database = Database::start().await;
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for (round, order) in (0..).zip(orders) {
        let all = readings(round);
        for index in order {
            let (source, reading) = all[index].clone();
            apply(&database, source, reading).await;
        }
    }
    assert_eq!(persons_of_records(&database).await, 6);
    let rows = "select concat_ws(' ', status, email, given_name, mailing_address ->> 'city', \
                provenance -> 'given_name' ->> 'source') from person where status <> 'merged'";
    assert_eq!(database.texts(rows).await, vec!["active a@idp Augusta Lund verifier"; 6]);
}

#[tokio::test]
async fn records_with_one_key_that_arrive_at_the_same_time_are_one_person() {
    let database = Database::start().await;
    for round in 0..30 {
        let key = format!("P-{round}");
        let tasks = [IDP, CRM, VERIFIER].map(|source| {
            let (store, key) = (database.store.clone(), key.clone());
            tokio::spawn(async move {
                let values = json!({ "given_name": source.name, "verification_status": "verified" });
                let reading = saying(&key, Some(&key), values, 1001, 1);
                // Two transactions may wait for each other: Postgres ends one, and it is tried again, as in the loop.
                while store.apply_person_readings(source, std::slice::from_ref(&reading)).await.is_err() {}
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
    }
    assert_eq!(persons_of_records(&database).await, 30);
    let believed = "select distinct given_name from person_profile where status <> 'merged'";
    assert_eq!(database.texts(believed).await, ["verifier"], "no source's value was overlooked");
}

#[tokio::test]
async fn our_own_id_at_the_source_is_a_key() {
    let database = Database::start().await;
    apply(&database, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    let person = database.texts("select person_id::text from person").await.remove(0);
    apply(&database, CRM, saying("c", Some(&person), json!({"email": "a@crm"}), 1001, 2)).await;
    assert_eq!(persons_of_records(&database).await, 1);
    let decisions =
        "select source || ' ' || external_id || ' ' || reason || ' ' || author from link_decision";
    assert_eq!(database.texts(decisions).await, ["crm c external_key coppice:crm"]);
}

#[tokio::test]
async fn characters_that_look_or_fold_alike_link_no_records() {
    let database = Database::start().await;
    let alike = [
        ("quack@ex.example", "quac\u{212a}@ex.example"),
        ("mara@ex.example", "m\u{430}ra@ex.example"),
        ("strasse@ex.example", "stra\u{df}e@ex.example"),
        ("moss@ex.example", "mo\u{17f}\u{17f}@ex.example"),
        ("iris@ex.example", "\u{130}ris@ex.example"),
        ("ines@ex.example", "\u{ff49}nes@ex.example"),
        ("orla@ex.example", "orla@ex.example\u{a0}"),
        ("zoe\u{301}@ex.example", "zo\u{e9}@ex.example"),
    ];
    let store = open(&database.url).with_policy(policy(TRUSTING));
    let apply = async |source, reading| store.apply_person_readings(source, &[reading]).await.unwrap();
    for (number, (plain, other)) in alike.into_iter().enumerate() {
        let (idp, crm) = (format!("u{number}"), format!("c{number}"));
        apply(IDP, saying(&idp, None, verified(plain), 1001, 1)).await;
        apply(CRM, saying(&crm, None, json!({"email": other}), 1001, 2)).await;
        let persons = "select count(distinct person_id) from source_record where external_id in ($1, $2)";
        let persons: i64 =
            sqlx::query_scalar(persons).bind(&idp).bind(&crm).fetch_one(&database.pool).await.unwrap();
        assert_eq!(persons, 2, "{other:?}");
    }
    apply(IDP, saying("k1", Some("P-K1"), json!({}), 1001, 1)).await;
    for (id, key) in [("k2", "P-\u{212a}1"), ("k3", "p-k1"), ("k4", "P-K1 ")] {
        apply(CRM, saying(id, Some(key), json!({}), 1001, 2)).await;
    }
    let keys = "select count(distinct person_id) from source_record where external_id like 'k%'";
    assert_eq!(database.count(keys).await, 4, "a key is compared as it is");
    apply(CRM, saying("same", None, json!({"email": " QUACK@Ex.Example"}), 1001, 9)).await;
    let one = "select count(distinct person_id) from source_record where external_id in ('u0', 'same')";
    assert_eq!(database.count(one).await, 1, "ASCII letters are");
}

#[tokio::test]
async fn an_address_links_only_if_both_have_verified_it() {
    let database = Database::start().await;
    apply(&database, IDP, saying("u", None, verified("Ada@Example.org"), 1001, 1)).await;
    apply(&database, CRM, saying("c", None, json!({"email": "ada@example.org"}), 1001, 2)).await;
    assert_eq!(persons_of_records(&database).await, 2, "the CRM has not verified it");

    let store = open(&database.url).with_policy(policy(TRUSTING));
    let reading = saying("c2", None, json!({"email": "ada@example.org"}), 1001, 3);
    store.apply_person_readings(CRM, &[reading]).await.unwrap();
    let linked = "select count(distinct person_id) from source_record where external_id in ('u', 'c2')";
    assert_eq!(database.count(linked).await, 1);
    let another = saying("c3", None, json!({"email": "ada@example.org"}), 1001, 4);
    store.apply_person_readings(CRM, &[another]).await.unwrap();
    let reviews = "select external_id || ' ' || reason from link_review where verdict is null";
    assert_eq!(database.texts(reviews).await, ["c3 verified_email"], "the person has such a record already");
}

#[tokio::test]
async fn a_record_of_an_internal_system_links_by_key_and_by_an_address_that_counts_as_verified() {
    let staff = Source { name: "staff", role: Role::Registry };
    let database = Database::start().await;
    apply(&database, IDP, saying("u", Some("P-1"), verified("ada@example.org"), 1001, 1)).await;
    apply(&database, staff, saying("unverified", None, json!({"email": "ada@example.org"}), 1001, 2)).await;
    assert_eq!(persons_of_records(&database).await, 2, "the system has not verified it");
    apply(&database, staff, saying("keyed", Some("P-1"), json!({"blocked": true}), 1001, 3)).await;
    assert_eq!(persons_of_records(&database).await, 2);

    let store = open(&database.url).with_policy(policy(r#"linking.trusted_email_from = ["registry"]"#));
    apply(&database, IDP, saying("v", None, verified("bea@example.org"), 1001, 4)).await;
    let trusted = saying("trusted", None, json!({"email": "Bea@Example.org"}), 1001, 5);
    store.apply_person_readings(staff, &[trusted]).await.unwrap();
    assert_eq!(persons_of_records(&database).await, 3);
    let statuses = "select status from person order by status";
    assert_eq!(database.texts(statuses).await, ["active", "active", "known"]);
}

#[tokio::test]
async fn an_address_that_moves_to_another_person_merges_no_persons() {
    let database = Database::start().await;
    apply(&database, IDP, saying("a", None, verified("a@idp"), 1001, 1)).await;
    apply(&database, IDP, saying("b", None, verified("b@idp"), 1001, 2)).await;
    apply(&database, IDP, saying("a", None, verified("b@idp"), 1002, 3)).await;
    assert_eq!(persons_of_records(&database).await, 2);
    assert_eq!(database.texts("select external_id from link_review").await, ["a"]);
    apply(&database, IDP, saying("a", None, verified("c@idp"), 1003, 4)).await;
    assert_eq!(database.count("select count(*) from link_review").await, 1);
}

#[tokio::test]
async fn a_key_that_is_given_later_moves_the_record_and_leaves_a_trace() {
    let database = Database::start().await;
    apply(&database, IDP, saying("u", Some("P-1"), verified("a@idp"), 1001, 1)).await;
    apply(&database, CRM, saying("c", None, json!({"phone": "+1"}), 1001, 2)).await;
    apply(&database, CRM, saying("c", Some("P-1"), json!({"phone": "+1"}), 1002, 3)).await;
    // The key is no field, so a record whose key alone changes has to say so in its content.
    assert_eq!(persons_of_records(&database).await, 2);
    apply(&database, CRM, saying("c", Some("P-1"), json!({"phone": "+1", "external_key": "P-1"}), 1003, 4))
        .await;
    assert_eq!(persons_of_records(&database).await, 1);
    let merged = "select count(*) from person one join person other on one.merged_into = other.person_id \
                  where one.status = 'merged' and one.phone is null and other.phone = '+1'";
    assert_eq!(database.count(merged).await, 1);
}

#[tokio::test]
async fn a_person_gone_at_the_identity_provider_is_deleted_and_other_records_still_count() {
    let database = Database::start().await;
    apply(&database, IDP, saying("u", Some("P-1"), verified("a@idp"), 1001, 1)).await;
    apply(&database, CRM, saying("c", Some("P-1"), json!({"email": "a@crm"}), 1001, 2)).await;
    apply(&database, IDP, gone("u", Some(2001), 3)).await;
    let rows = "select concat_ws(' ', status, email, email_verified) from person_profile";
    assert_eq!(database.texts(rows).await, ["deleted a@crm f"]);
    apply(&database, CRM, gone("c", Some(2001), 4)).await;
    assert_eq!(database.texts(rows).await, ["deleted f"], "no record has a value");
}

/// Reads of one merge, in both orders: the loser's tombstone first, and the winner first.
async fn in_both_orders(lost: PersonReading, kept: PersonReading, source: Source<'_>, expected: &str) {
    for order in [[&lost, &kept], [&kept, &lost]] {
        let database = Database::start().await;
        apply(&database, IDP, saying("db|lost", Some("P-1"), verified("lost@idp"), 1001, 1)).await;
        apply(&database, IDP, saying("db|kept", Some("P-2"), verified("kept@idp"), 1001, 2)).await;
        apply(&database, CRM, saying("c-lost", Some("P-1"), json!({"phone": "+1"}), 1001, 3)).await;
        for reading in order {
            apply(&database, source, reading.clone()).await;
        }
        let rows = "select concat_ws(' ', status, email, phone, merged_into is not null) from person_profile order by 1";
        assert_eq!(database.texts(rows).await.join(", "), expected);
    }
}

#[tokio::test]
async fn the_records_of_an_account_follow_it_into_the_account_it_was_linked_to() {
    let mut kept = saying("db|kept", Some("P-2"), verified("kept@idp"), 1002, 5);
    let RecordState::Present { identities, record, .. } = &mut kept.state else { panic!("present") };
    *identities = ["lost", "kept"]
        .map(|subject| postgres_store::Identity {
            provider: String::from("db"),
            subject: String::from(subject),
            connection: None,
        })
        .into();
    record["identities"] = json!(["lost", "kept"]);
    in_both_orders(gone("db|lost", Some(2001), 4), kept, IDP, "active kept@idp +1 f, merged t").await;
}

#[tokio::test]
async fn a_merge_of_persons_who_both_have_an_account_is_reviewed() {
    let mut lost = gone("c-lost", Some(2001), 4);
    lost.state = RecordState::Gone { merged_into: Some(String::from("c-kept")), proved: true };
    let kept = saying("c-kept", Some("P-2"), json!({"phone": "+2"}), 1002, 5);
    in_both_orders(lost, kept, CRM, "active kept@idp +2 f, active lost@idp f").await;
}

#[tokio::test]
async fn a_contact_s_merge_is_followed_when_one_of_the_two_is_all_that_its_person_has() {
    let database = Database::start().await;
    apply(&database, IDP, saying("u", Some("P-1"), verified("a@idp"), 1001, 1)).await;
    apply(&database, CRM, saying("c-kept", Some("P-1"), json!({"phone": "+1"}), 1001, 2)).await;
    apply(&database, CRM, saying("c-lost", None, json!({"phone": "+2"}), 1001, 3)).await;
    let mut lost = gone("c-lost", Some(2001), 4);
    lost.state = RecordState::Gone { merged_into: Some(String::from("c-kept")), proved: true };
    apply(&database, CRM, lost).await;
    assert_eq!(persons_of_records(&database).await, 1);
    let rows = "select concat_ws(' ', status, phone) from person_profile order by 1";
    assert_eq!(database.texts(rows).await, ["active +1", "merged"]);
}

#[tokio::test]
async fn a_crm_change_against_the_believed_value_is_announced_and_the_echo_of_a_push_is_not() {
    let database = Database::start().await;
    apply(&database, IDP, saying("u", None, json!({"email": "a@idp", "email_verified": true}), 1001, 1))
        .await;
    let person = database.texts("select person_id::text from person").await.remove(0);
    let contact = |email: &str, version: i64| {
        let values = json!({"email": email, "external_key": person});
        saying("c", Some(&person), values, version, version)
    };
    let announced = "select count(*) from outbox";
    apply(&database, CRM, contact("a@idp", 1001)).await;
    assert_eq!(database.count(announced).await, 1, "the person alone: its contact agrees");
    apply(&database, CRM, contact("a@crm", 1002)).await;
    assert_eq!(
        database.count(announced).await,
        2,
        "the contact disagrees about what the CRM is not believed about"
    );
    assert_eq!(database.count("select revision from person").await, 1, "and the person stays as it was");
    apply(&database, CRM, contact("a@idp", 1003)).await;
    assert_eq!(database.count(announced).await, 2, "the echo of a correction");
    apply(&database, CRM, saying("c", None, json!({"email": "a@idp"}), 1004, 1004)).await;
    assert_eq!(database.count(announced).await, 3, "our key is gone");
}

#[tokio::test]
async fn a_new_account_with_the_address_of_a_person_whose_account_is_gone_is_that_person_s() {
    let database = Database::start().await;
    let store = open(&database.url).with_policy(policy(TRUSTING));
    let readings = [
        (IDP, saying("first", None, verified("a@idp"), 1001, 1)),
        (CRM, saying("c", None, json!({"email": "a@idp"}), 1001, 2)),
        (IDP, gone("first", Some(2001), 3)),
        (IDP, saying("second", None, verified("a@idp"), 3001, 4)),
    ];
    for (source, reading) in readings {
        store.apply_person_readings(source, &[reading]).await.unwrap();
    }
    assert_eq!(persons_of_records(&database).await, 1);
    assert_eq!(database.texts("select status from person where status <> 'merged'").await, ["active"]);
}
