//! Merges of persons where they meet readings, moves, reviews and decisions: in one batch, or at the same time.

use postgres_store::{Move, RecordState};
use serde_json::json;

use crate::database::{Database, gone};
use crate::link_faults::{account, at_the_side, blocked, decide, hold, person_of};
use crate::linking::{apply, saying, verified};
use crate::{CRM, IDP, VERIFIER};

#[tokio::test]
async fn a_key_of_a_person_who_was_merged_twice_leads_to_the_last() {
    let db = Database::start().await;
    apply(&db, IDP, account("db|a", &["a"], 1001, 1)).await;
    apply(&db, IDP, account("db|b", &["b"], 1001, 2)).await;
    apply(&db, IDP, account("db|c", &["c"], 1001, 3)).await;
    let p = person_of(&db, "idp", "db|a").await;
    let case = |n: &str, v, t| {
        saying(
            "case",
            Some(&p.to_string()),
            json!({"given_name": n, "verification_status": "verified"}),
            v,
            t,
        )
    };
    apply(&db, VERIFIER, case("Ada", 1001, 4)).await;
    apply(&db, IDP, gone("db|a", Some(2001), 5)).await;
    apply(&db, IDP, account("db|b", &["b", "a"], 1002, 6)).await;
    apply(&db, IDP, gone("db|b", Some(2001), 7)).await;
    apply(&db, IDP, account("db|c", &["c", "b", "a"], 1002, 8)).await;
    let c = person_of(&db, "idp", "db|c").await;
    assert_eq!(person_of(&db, "verifier", "case").await, c);
    apply(&db, VERIFIER, case("Adah", 1002, 9)).await;
    assert_eq!(person_of(&db, "verifier", "case").await, c);
}

#[tokio::test]
async fn a_review_follows_its_candidate_into_a_merge() {
    let db = Database::start().await;
    apply(&db, IDP, account("db|a", &["a"], 1001, 1)).await;
    apply(&db, IDP, account("db|b", &["b"], 1001, 2)).await;
    apply(&db, CRM, saying("c", None, json!({"phone": "+1"}), 1001, 3)).await;
    apply(
        &db,
        CRM,
        saying("c", None, json!({"phone": "+1", "email": "a@idp", "email_verified": true}), 1002, 4),
    )
    .await;
    let a = person_of(&db, "idp", "db|a").await;
    assert!(db.store.crm_views("crm", &[a]).await.unwrap()[&a].under_review);
    apply(&db, IDP, gone("db|a", Some(2001), 5)).await;
    apply(&db, IDP, account("db|b", &["b", "a"], 1002, 6)).await;
    let b = person_of(&db, "idp", "db|b").await;
    assert_eq!(db.store.open_link_reviews(9).await.unwrap().len(), 1);
    assert!(db.store.crm_views("crm", &[b]).await.unwrap()[&b].under_review);
}

#[tokio::test]
async fn a_record_that_arrives_during_a_merge_goes_where_it_leads() {
    let db = Database::start().await;
    apply(&db, IDP, account("db|a", &["a"], 1001, 1)).await;
    apply(&db, IDP, account("db|b", &["b"], 1001, 2)).await;
    let (a, b) = (person_of(&db, "idp", "db|a").await, person_of(&db, "idp", "db|b").await);
    apply(&db, IDP, gone("db|a", Some(2001), 3)).await;
    // Slow the merge: hold b's row, which the merge locks last (a < b).
    let lock = hold(&db, b).await;
    let merge = at_the_side(&db, IDP, account("db|b", &["b", "a"], 1002, 4));
    blocked(&db, 1).await;
    let contact = at_the_side(
        &db,
        CRM,
        saying("c", Some(&a.to_string()), json!({"phone": "+1", "external_key": a.to_string()}), 1001, 5),
    );
    blocked(&db, 2).await;
    lock.commit().await.unwrap();
    merge.await.unwrap();
    contact.await.unwrap();
    apply(
        &db,
        CRM,
        saying("c", Some(&a.to_string()), json!({"phone": "+2", "external_key": a.to_string()}), 1002, 6),
    )
    .await;
    assert_eq!(person_of(&db, "crm", "c").await, b);
}

#[tokio::test]
async fn two_merges_at_once_end_at_the_last_person() {
    let db = Database::start().await;
    apply(&db, IDP, account("db|a", &["a"], 1001, 1)).await;
    apply(&db, IDP, account("db|b", &["b"], 1001, 2)).await;
    apply(&db, IDP, account("db|c", &["c"], 1001, 3)).await;
    let c = person_of(&db, "idp", "db|c").await;
    apply(&db, IDP, account("db|b", &["b", "a"], 1002, 4)).await;
    apply(&db, IDP, gone("db|b", Some(2001), 5)).await;
    apply(
        &db,
        CRM,
        saying("x", Some(&person_of(&db, "idp", "db|a").await.to_string()), json!({"phone": "+1"}), 1001, 7),
    )
    .await;
    let lock = hold(&db, c).await;
    let merge = at_the_side(&db, IDP, account("db|c", &["c", "b", "a"], 1002, 6));
    blocked(&db, 1).await;
    let mut g = gone("db|a", Some(2001), 8);
    g.state = RecordState::Gone { merged_into: Some("db|b".into()), proved: true };
    let second = at_the_side(&db, IDP, g);
    blocked(&db, 2).await;
    lock.commit().await.unwrap();
    merge.await.unwrap();
    second.await.unwrap();
    assert_eq!(person_of(&db, "crm", "x").await, c);
}

#[tokio::test]
async fn undo_leads_to_the_person_into_whom_the_former_one_was_merged() {
    let db = Database::start().await;
    apply(&db, IDP, account("db|a", &["a"], 1001, 1)).await;
    apply(&db, IDP, account("db|b", &["b"], 1001, 2)).await;
    apply(&db, IDP, account("db|q", &["q"], 1001, 3)).await;
    let (a, q) = (person_of(&db, "idp", "db|a").await, person_of(&db, "idp", "db|q").await);
    apply(&db, CRM, saying("c", Some(&a.to_string()), json!({"phone": "+1"}), 1001, 4)).await;
    decide(&db, "crm", "c", Move::Link(q)).await;
    apply(&db, IDP, gone("db|a", Some(2001), 5)).await;
    apply(&db, IDP, account("db|b", &["b", "a"], 1002, 6)).await;
    decide(&db, "crm", "c", Move::Undo).await;
    assert_eq!(person_of(&db, "crm", "c").await, person_of(&db, "idp", "db|b").await);
}

#[tokio::test]
async fn a_move_and_a_merge_in_one_batch_touch_no_other_person() {
    let db = Database::start().await;
    // a: two contacts c1, c2; b: a person with an account; k: a contact of another person.
    apply(
        &db,
        VERIFIER,
        saying("v", Some("K1"), json!({"given_name": "V", "verification_status": "verified"}), 1001, 1),
    )
    .await;
    apply(&db, CRM, saying("c1", Some("K1"), json!({"phone": "1"}), 1001, 2)).await;
    apply(&db, CRM, saying("c2", Some("K1"), json!({"phone": "2"}), 1001, 3)).await;
    apply(&db, IDP, saying("u", Some("K2"), verified("b@idp"), 1001, 4)).await;
    apply(&db, CRM, saying("k", Some("K3"), json!({"phone": "3"}), 1001, 5)).await;
    let mut g = gone("c2", Some(2001), 7);
    g.state = RecordState::Gone { merged_into: Some("k".into()), proved: true };
    db.store
        .apply_person_readings(CRM, &[saying("c1", Some("K2"), json!({"phone": "1", "k": 2}), 1002, 6), g])
        .await
        .unwrap();
    let wrong =
        db.texts("select source || external_id from link_review where external_id in ('u', 'c1')").await;
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(person_of(&db, "verifier", "v").await, person_of(&db, "crm", "k").await);
}

#[tokio::test]
async fn separated_persons_are_not_merged() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", Some("P-1"), verified("a@idp"), 1001, 1)).await;
    apply(&db, CRM, saying("c-lost", Some("P-1"), json!({"phone": "1"}), 1001, 2)).await;
    apply(&db, CRM, saying("c", None, json!({"phone": "2"}), 1001, 3)).await;
    let u = person_of(&db, "idp", "u").await;
    decide(&db, "crm", "c", Move::Separate(u)).await;
    let mut g = gone("c-lost", Some(2001), 4);
    g.state = RecordState::Gone { merged_into: Some("c".into()), proved: true };
    apply(&db, CRM, g).await;
    assert_ne!(person_of(&db, "idp", "u").await, person_of(&db, "crm", "c").await);
}

#[tokio::test]
async fn a_link_to_a_person_who_is_being_merged_leads_on() {
    let db = Database::start().await;
    apply(&db, IDP, account("db|a", &["a"], 1001, 1)).await;
    apply(&db, IDP, account("db|b", &["b"], 1001, 2)).await;
    apply(&db, CRM, saying("c", None, json!({"phone": "+1"}), 1001, 3)).await;
    let (a, b) = (person_of(&db, "idp", "db|a").await, person_of(&db, "idp", "db|b").await);
    apply(&db, IDP, gone("db|a", Some(2001), 4)).await;
    let lock = hold(&db, b).await;
    let merge = at_the_side(&db, IDP, account("db|b", &["b", "a"], 1002, 5));
    blocked(&db, 1).await;
    let ((), ()) = tokio::join!(decide(&db, "crm", "c", Move::Link(a)), async {
        blocked(&db, 2).await;
        lock.commit().await.unwrap();
    });
    merge.await.unwrap();
    assert_eq!(person_of(&db, "crm", "c").await, b);
}

#[tokio::test]
async fn a_later_deletion_that_does_not_name_the_merge_keeps_it() {
    let db = Database::start().await;
    apply(&db, CRM, saying("c-lost", None, json!({"phone": "1"}), 1001, 1)).await;
    let mut lost = gone("c-lost", Some(2001), 2);
    lost.state = RecordState::Gone { merged_into: Some("c-kept".into()), proved: true };
    apply(&db, CRM, lost).await;
    apply(&db, CRM, gone("c-lost", Some(2001), 3)).await;
    apply(&db, CRM, saying("c-kept", None, json!({"phone": "2"}), 1001, 4)).await;
    assert_eq!(person_of(&db, "crm", "c-lost").await, person_of(&db, "crm", "c-kept").await);
}

#[tokio::test]
async fn one_decision_closes_the_reviews_of_a_record_with_both_persons_of_a_merge() {
    let db = Database::start().await;
    let one_address = |id: &str, subjects: &[&str], version, ticket| {
        let mut reading = account(id, subjects, version, ticket);
        let RecordState::Present { record, .. } = &mut reading.state else { panic!("present") };
        record["email"] = json!("ab@idp");
        reading
    };
    apply(&db, IDP, one_address("db|a", &["a"], 1001, 1)).await;
    apply(&db, IDP, one_address("db|b", &["b"], 1001, 2)).await;
    apply(&db, CRM, saying("c", None, json!({"phone": "+1"}), 1001, 3)).await;
    let values = json!({"phone": "+1", "email": "ab@idp", "email_verified": true});
    apply(&db, CRM, saying("c", None, values, 1002, 4)).await;
    let open = "select count(*) from link_review where external_id = 'c' and verdict is null";
    assert_eq!(db.count(open).await, 2);
    apply(&db, IDP, gone("db|a", Some(2001), 5)).await;
    apply(&db, IDP, one_address("db|b", &["b", "a"], 1002, 6)).await;
    let b = person_of(&db, "idp", "db|b").await;
    assert_eq!(person_of(&db, "idp", "db|a").await, b);
    decide(&db, "crm", "c", Move::Separate(b)).await;
    assert_eq!(db.count(open).await, 0);
}

#[tokio::test]
async fn a_merge_leaves_a_record_about_which_an_operator_decides_meanwhile() {
    let db = Database::start().await;
    apply(&db, IDP, account("db|a", &["a"], 1001, 1)).await;
    apply(&db, IDP, account("db|b", &["b"], 1001, 2)).await;
    let a = person_of(&db, "idp", "db|a").await;
    apply(&db, CRM, saying("c", Some(&a.to_string()), json!({"phone": "+1"}), 1001, 3)).await;
    apply(&db, VERIFIER, saying("v", None, json!({"given_name": "V"}), 1001, 4)).await;
    let third = person_of(&db, "verifier", "v").await;
    apply(&db, IDP, gone("db|a", Some(2001), 5)).await;
    // The decision has the record's row and waits for the third person's. The merge waits for the record's row.
    let lock = hold(&db, third).await;
    tokio::join!(decide(&db, "crm", "c", Move::Separate(third)), async {
        blocked(&db, 1).await;
        let merge = at_the_side(&db, IDP, account("db|b", &["b", "a"], 1002, 6));
        blocked(&db, 2).await;
        lock.commit().await.unwrap();
        merge.await.unwrap();
    });
    assert_eq!(person_of(&db, "crm", "c").await, a);
}
