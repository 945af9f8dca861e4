//! The fields of a person: a field that only the policy file names, the view with a column for each, and persons in the form of
//! the release before.

use std::collections::BTreeMap;

use authority::{Policy, Standing, explain};
use postgres_store::{MIGRATOR, PersonKey, Store, StoreError};
use serde_json::json;
use uuid::Uuid;

use crate::database::{Database, apply_config, open, policy};
use crate::link_faults::person_of;
use crate::linking::{apply, saying, verified};
use crate::{CRM, IDP, VERIFIER};

/// The newest migration of the release whose persons have a column for each field.
const RELEASE_BEFORE: i64 = 20_261_130_002_900;

/// The built-in fields, and four more.
const MORE_FIELDS: &str = r#"
        [fields.preferred_language]
        type = "code"
        values = ["en", "sv"]
        from = ["crm", "sso"]
        [fields.employee]
        type = "boolean"
        from = ["sso"]
        [fields.hired]
        type = "date"
        from = ["sso"]
        [fields.order]
        type = "reference"
        from = ["sso"]
"#;

fn with_more_fields() -> Policy {
    policy(MORE_FIELDS)
}

/// How many persons the rules change.
async fn apply_policy(store: &Store, rules: &str) -> usize {
    apply_config(store, rules, 100).await.1
}

#[tokio::test]
async fn a_field_of_the_policy_file_alone_is_believed_stored_shown_and_explained() {
    let db = Database::start().await;
    let store = db.store.clone().with_policy(with_more_fields());
    let mut account = verified("a@idp");
    account["preferred_language"] = json!("SV");
    account["employee"] = json!("True");
    let contact = json!({"preferred_language": "tlh", "phone": "+1"});
    for (source, id, values) in [(IDP, "u", account.clone()), (CRM, "c", contact)] {
        store.apply_person_readings(source, &[saying(id, Some("P-1"), values, 1001, 1)]).await.unwrap();
    }
    let language = "preferred_language".parse().unwrap();
    let person_id = person_of(&db, "idp", "u").await;
    let view = store.view_person(&PersonKey::Id(person_id)).await.unwrap().unwrap();
    assert_eq!(view.person.values[&language], json!("SV"), "in the spelling of its source");
    assert_eq!(view.person.provenance["preferred_language"]["source"], json!("idp"));
    let traces = explain(&with_more_fields(), &view.records, &language);
    let standings: Vec<Standing> =
        traces.iter().flat_map(|rule| &rule.tried).map(|tried| tried.standing).collect();
    assert_eq!(standings, [Standing::Unusable, Standing::NotNamed, Standing::NotNamed, Standing::Won]);

    // A policy without the field takes it away, and one with it brings it back, without a refetch.
    assert_eq!(apply_policy(&db.store, "").await, 1);
    assert_eq!(
        db.texts("select profile::text from person").await,
        [r#"{"email": "a@idp", "phone": "+1", "given_name": "Idp"}"#]
    );
    let previewed = db.store.preview_policy(&with_more_fields(), None, 10).await.unwrap().changes.remove(0);
    let changed: Vec<&str> = previewed.fields.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(changed, ["employee", "preferred_language"]);
    assert_eq!(apply_policy(&store, MORE_FIELDS).await, 1);
    assert_eq!(apply_policy(&store, MORE_FIELDS).await, 0);
    // A value that changes only in another field of the file is a change of the person.
    account["employee"] = json!(false);
    store.apply_person_readings(IDP, &[saying("u", Some("P-1"), account, 1002, 9)]).await.unwrap();
    let row = "select concat_ws(' ', profile ->> 'preferred_language', profile ->> 'employee', revision) from person";
    assert_eq!(db.texts(row).await, ["SV false 5"]);
}

#[tokio::test]
async fn a_push_of_a_field_of_the_policy_file_is_an_echo_when_it_comes_back_in_another_spelling() {
    let db = Database::start().await;
    let store = db.store.clone().with_policy(with_more_fields());
    let mut account = verified("a@idp");
    account["preferred_language"] = json!("SV");
    store.apply_person_readings(IDP, &[saying("u", Some("P-1"), account, 1001, 1)]).await.unwrap();
    store.apply_person_readings(CRM, &[saying("c", Some("P-1"), json!({}), 1001, 2)]).await.unwrap();
    let person_id = person_of(&db, "idp", "u").await;
    let view = store.crm_views("crm", &[person_id]).await.unwrap().remove(&person_id).unwrap();
    let pushed = BTreeMap::from([("preferred_language".parse().unwrap(), String::from("SV"))]);
    store.remember_pushed("crm", "c", &view.push_key, &pushed).await.unwrap();
    for (said, source) in [("sv", "idp"), ("en", "crm")] {
        let ticket = store.draw_refetch_tickets("crm", &[String::from("c")]).await.unwrap()[0].number;
        let contact = json!({"preferred_language": said});
        store
            .apply_person_readings(CRM, &[saying("c", Some("P-1"), contact, 1001 + ticket, ticket)])
            .await
            .unwrap();
        let of = "select provenance -> 'preferred_language' ->> 'source' from person";
        assert_eq!(db.texts(of).await, [source], "{said}");
    }
}

#[tokio::test]
async fn the_view_of_profiles_has_a_column_of_its_type_for_each_field() {
    let db = Database::start().await;
    let store = db.store.clone().with_policy(with_more_fields());
    let mut account = verified("a@idp");
    for (field, value) in
        [("employee", json!("True")), ("hired", json!("2024-02-29T08:00:00Z")), ("order", json!(7))]
    {
        account[field] = value;
    }
    store.apply_person_readings(IDP, &[saying("u", None, account, 1001, 1)]).await.unwrap();
    let built_in = "select concat_ws(' ', email, email_verified, birthdate is null, mailing_address is null) from person_profile";
    assert_eq!(db.texts(built_in).await, ["a@idp t t t"], "of the migration");

    let owner = open(&db.direct);
    owner.create_person_profile(with_more_fields().fields()).await.unwrap();
    let row =
        "select concat_ws(' ', email, employee and email_verified, hired + 1, \"order\") from person_profile";
    assert_eq!(db.texts(row).await, ["a@idp t 2024-03-01 7"]);
    let types = "select column_name || ' ' || data_type from information_schema.columns \
                 where table_name = 'person_profile' order by ordinal_position";
    let types = db.texts(types).await;
    let own: Vec<&str> =
        types.iter().map(String::as_str).filter(|line| !line.contains("timestamp")).collect();
    assert_eq!(
        own,
        [
            "person_id uuid",
            "revision bigint",
            "status text",
            "merged_into uuid",
            "birthdate date",
            "display_name text",
            "email text",
            "employee boolean",
            "family_name text",
            "given_name text",
            "hired date",
            "mailing_address jsonb",
            "order text",
            "phone text",
            "preferred_language text",
            "email_verified boolean",
        ]
    );
    // Who might read the view before may read it now.
    let as_a_unit = sqlx::PgPool::connect(&db.test_database.url_of("crm-account")).await.unwrap();
    let read: i64 =
        sqlx::query_scalar("select count(*) from person_profile").fetch_one(&as_a_unit).await.unwrap();
    assert_eq!(read, 1);

    // The built-in fields make the view of the migration, but for the order of its columns.
    owner.create_person_profile(Policy::default().fields()).await.unwrap();
    assert_eq!(db.texts(built_in).await, ["a@idp t t t"]);

    db.execute("create view of_an_analyst as select email from person_profile").await;
    let refused = owner.create_person_profile(with_more_fields().fields()).await;
    assert!(matches!(&refused, Err(StoreError::Unavailable { code }) if code == "2BP01"), "{refused:?}");
    assert_eq!(db.texts(built_in).await, ["a@idp t t t"], "the view is as before");
}

#[tokio::test]
async fn a_text_that_is_no_day_or_truth_is_null_in_the_view() {
    let db = Database::start().await;
    let days = "select coalesce(day_of(said)::text, 'none') from unnest(array['1988-04-09', ' 2024-02-29 ', \
                '1988-04-09T10:00:00Z', '2023-02-29', '0000-01-01', '1988-13-01', '9 April', '']) as said";
    let expected = ["1988-04-09", "2024-02-29", "1988-04-09", "none", "none", "none", "none", "none"];
    assert_eq!(db.texts(days).await, expected);
    let truths = "select coalesce(truth_of(said)::text, 'none') from unnest(array['true', ' False', '1', '0', 'yes']) as said";
    assert_eq!(db.texts(truths).await, ["true", "false", "true", "false", "none"]);
}

const ROWS: &str = "select concat_ws(' ', person_id, status, merged_into, profile, provenance, revision, updated_at, xmin) \
                    from person order by 1";

/// Persons of one, two and three sources, with every field; one that was merged, and one that has no values.
async fn fill(db: &Database) {
    let address = json!({"street": null, "city": "Lund"});
    for (source, id, key, values, ticket) in [
        (
            IDP,
            "u",
            "P-1",
            json!({"email": "a@idp", "email_verified": true, "given_name": "Addy", "display_name": "A"}),
            1,
        ),
        (CRM, "c", "P-1", json!({"phone": "+1", "given_name": "Ada", "mailing_address": address}), 2),
        (
            VERIFIER,
            "v",
            "P-1",
            json!({"given_name": "Augusta", "family_name": "King", "birthdate": "1815-12-10", "verification_status": "verified"}),
            3,
        ),
        (IDP, "u2", "P-2", json!({"email": "b@idp", "email_verified": false}), 4),
        (CRM, "late", "late", json!({"phone": "+3"}), 5),
        (CRM, "late", "P-2", json!({"phone": "+3"}), 6),
        (IDP, "u3", "P-3", json!({}), 7),
    ] {
        apply(db, source, saying(id, Some(key), values, 1000 + ticket, ticket)).await;
    }
}

#[tokio::test]
async fn an_upgrade_copies_the_fields_of_persons_and_announces_nothing() {
    let db = Database::start().await;
    fill(&db).await;
    let new_form =
        db.texts("select concat_ws(' ', profile, provenance) from person order by person_id").await;
    MIGRATOR.undo(&db.pool, RELEASE_BEFORE).await.unwrap();
    // More than one batch.
    db.execute(
        "insert into person (person_id, status, email) \
         select ('00000000-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid, 'known', number || '@crm' \
         from generate_series(1, 2500) as number",
    )
    .await;
    let old = "select concat_ws(' ', email, email_verified, given_name, birthdate, mailing_address, provenance, revision, \
               updated_at) from person order by person_id";
    let before = db.texts(old).await;
    assert!(
        before.iter().any(|row| row.contains("1815-12-10")) && !before.concat().contains(r#""verified":"#)
    );
    let unchanged = "select concat_ws(' ', revision, updated_at) from person order by person_id";
    let (times, outbox) = (db.texts(unchanged).await, db.count("select count(*) from outbox").await);
    db.migrate().await;
    assert_eq!(db.count("select count(*) from outbox").await, outbox);
    assert_eq!(db.texts(unchanged).await, times);

    let copied = "select count(*) from person where person_id < '01000000-0000-0000-0000-000000000000' \
                  and profile = jsonb_build_object('email', email)";
    assert_eq!(db.count(copied).await, 2500);
    db.execute("delete from person where person_id < '01000000-0000-0000-0000-000000000000'").await;
    let after = db.texts("select concat_ws(' ', profile, provenance) from person order by person_id").await;
    assert_eq!(after, new_form);
    let rows = db.texts(ROWS).await;
    assert_eq!(apply_policy(&db.store, "").await, 0, "no person differs from what is computed");
    assert_eq!(db.texts(ROWS).await, rows);
}

/// What a pod of the release before runs.
const UPSERT_OF_THE_RELEASE_BEFORE: &str = r#"insert into person as stored
        (person_id, status, email, email_verified, given_name, family_name, display_name, phone, birthdate,
         mailing_address, provenance, merged_into)
    values ($1, 'active', $2, $3, $4, null, null, null, null, $5, $6, null)
    on conflict (person_id) do update set
        status = excluded.status, email = excluded.email, email_verified = excluded.email_verified,
        given_name = excluded.given_name, family_name = excluded.family_name,
        display_name = excluded.display_name, phone = excluded.phone, birthdate = excluded.birthdate,
        mailing_address = excluded.mailing_address, provenance = excluded.provenance,
        merged_into = excluded.merged_into, revision = stored.revision + 1, updated_at = now()
    where (stored.status, stored.email, stored.email_verified, stored.given_name, stored.family_name,
           stored.display_name, stored.phone, stored.birthdate, stored.mailing_address, stored.provenance,
           stored.merged_into)
          is distinct from
          (excluded.status, excluded.email, excluded.email_verified, excluded.given_name, excluded.family_name,
           excluded.display_name, excluded.phone, excluded.birthdate, excluded.mailing_address,
           excluded.provenance, excluded.merged_into)"#;

/// Writes the person as a pod of the release before computes it. Returns whether the row changed.
async fn written_by_the_release_before(db: &Database, person_id: Uuid, email: &str, verified: bool) -> bool {
    let from = |rule: &str| json!({"source": "idp", "external_id": "u", "rule": rule});
    let rule = if verified { "sso when verified" } else { "sso" };
    let provenance = json!({"email": from(rule), "given_name": from("sso")});
    let written = sqlx::query(UPSERT_OF_THE_RELEASE_BEFORE)
        .bind(person_id)
        .bind(email)
        .bind(verified)
        .bind("Ada")
        .bind(None::<serde_json::Value>)
        .bind(provenance);
    written.execute(&db.pool).await.unwrap().rows_affected() == 1
}

#[tokio::test]
async fn pods_of_the_release_before_and_of_this_one_agree_on_a_person() {
    let db = Database::start().await;
    let account = |email: &str, verified: bool| json!({"email": email, "email_verified": verified, "given_name": "Ada"});
    apply(&db, IDP, saying("u", None, account("a@idp", true), 1001, 1)).await;
    let person_id = person_of(&db, "idp", "u").await;
    assert!(!written_by_the_release_before(&db, person_id, "a@idp", true).await, "it finds what it computes");
    for (ticket, email, verified) in
        [(2, "b@idp", true), (3, "b@idp", false), (4, "b@idp", true), (5, "c@idp", false)]
    {
        // This release changes the record, and the release before the person. Then the other way round.
        let record = json!(account(email, verified)).to_string();
        sqlx::query("update source_record set record = $1::jsonb")
            .bind(&record)
            .execute(&db.pool)
            .await
            .unwrap();
        assert!(written_by_the_release_before(&db, person_id, email, verified).await, "{email} {verified}");
        assert_eq!(
            apply_policy(&db.store, "").await,
            0,
            "{email} {verified}: this release finds what it computes"
        );
        let other = account("x@idp", !verified);
        apply(&db, IDP, saying("u", None, other, 1000 + 2 * ticket, 10 * ticket)).await;
        assert!(
            !written_by_the_release_before(&db, person_id, "x@idp", !verified).await,
            "{email} {verified}"
        );
    }
    // A person whom only the release before has written.
    let new = Uuid::now_v7();
    assert!(written_by_the_release_before(&db, new, "n@idp", true).await);
    let row = format!(
        "select profile::text || (provenance #>> '{{email,verified}}') from person where person_id = '{new}'"
    );
    assert_eq!(db.texts(&row).await, [r#"{"email": "n@idp", "given_name": "Ada"}true"#]);
}
