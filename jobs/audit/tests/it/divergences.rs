//! The audit finds each kind of divergence, and changes no row but its result.

use serde_json::json;
use simulators::salesforce::contact_id;
use testkit::{Setup, World};

use crate::world::{
    BINARY, BOTH, SSO, audit, audit_with, change_unseen, everything_written, findings, in_step, in_step_with,
    queues, read_case, read_users, results, user,
};

#[tokio::test]
async fn an_audit_without_divergence_writes_only_its_result() {
    let world = in_step().await;
    let before = everything_written(&world).await;
    let said = audit(&world, &BOTH).await;
    said.says(0, &[]);
    let auth0 = findings(&said, "auth0");
    assert_eq!((&auth0["compared"], &auth0["divergent"]), (&json!(4), &json!({})), "{auth0}");
    assert_eq!((&auth0["sample"]["records"], &auth0["sample"]["share"]), (&json!(4), &json!(0.0)));
    assert_eq!(auth0["recent"], json!({"records": 4, "divergent": 0, "limited": false}));
    assert_eq!(findings(&said, "salesforce")["compared"], json!(2));
    assert_eq!(everything_written(&world).await, before);
    assert_eq!(results(&world).await, ["auth0 4 0 4 0 0", "salesforce 2 0 2 0 0"]);

    audit(&world, &[&BOTH[..], &["--dry-run"]].concat()).await.says(0, &[]);
    assert_eq!(results(&world).await.len(), 2, "a dry run leaves no row");
}

#[tokio::test]
async fn the_audit_finds_missed_changes_and_reports_them_by_kind() {
    let world = in_step().await;
    change_unseen(&world, &user(1), "Renamed");
    world.idp.delete(&user(2));
    world.crm.update(&contact_id(1), |contact| contact.email = Some(String::from("new@crm.example.org")));
    let stored_as_gone =
        "update source_record set record = null, content_hash = null, gone_at = now() where external_id = $1";
    sqlx::query(stored_as_gone).bind(user(3)).execute(&world.pool).await.unwrap();
    let before = everything_written(&world).await;

    let said = audit(&world, &BOTH).await;
    said.says(1, &[]);
    let auth0 = findings(&said, "auth0");
    let expected = json!({"stale": [user(1)], "gone_there": [user(2)], "should_not_be_gone": [user(3)]});
    assert_eq!(auth0["divergent"], expected, "{auth0}");
    assert_eq!(auth0["sample"]["divergent"], json!(3));
    let ends =
        [&auth0["sample"]["share_low"], &auth0["sample"]["share_high"]].map(|end| end.as_f64().unwrap());
    assert!(ends[0] > 0.29 && ends[0] < 0.31 && ends[1] > 0.95 && ends[1] < 0.96, "3 of 4: {ends:?}");
    assert_eq!(findings(&said, "salesforce")["divergent"], json!({"stale": [contact_id(1)]}));
    assert_eq!(everything_written(&world).await, before);
    assert_eq!(results(&world).await, ["auth0 4 3 4 3 0", "salesforce 2 1 2 1 0"]);
    for personal in ["Renamed", "new@crm.example.org", "@example"] {
        assert!(!said.out.contains(personal) && !said.err.contains(personal), "{personal}\nin {said:?}");
    }
}

#[tokio::test]
async fn the_audit_compares_cases_of_the_identity_verification_provider_too() {
    let world = World::start().await;
    world.verifier_server.put_session("vs_1", None);
    read_case(&world, "vs_1").await;
    let identity = ["--source", "stripe"];
    audit(&world, &identity).await.says(0, &[]);
    world.verifier_server.cancel("vs_1");
    let said = audit(&world, &identity).await;
    said.says(1, &[]);
    assert_eq!(findings(&said, "stripe")["divergent"], json!({"stale": ["vs_1"]}));
}

#[tokio::test]
async fn the_audit_distinguishes_an_older_version_at_the_source_from_a_stale_row() {
    let world = in_step().await;
    let newer = "update source_record set version_at = version_at + interval '1 day', content_hash = '\\x00' \
                 where external_id = $1";
    sqlx::query(newer).bind(user(1)).execute(&world.pool).await.unwrap();
    let said = audit(&world, &SSO).await;
    said.says(1, &[]);
    assert_eq!(findings(&said, "auth0")["divergent"], json!({"older_there": [user(1)]}));
}

#[tokio::test]
async fn the_audit_compares_only_the_given_ids_even_if_the_database_lacks_them() {
    let world = in_step().await;
    change_unseen(&world, &user(1), "Renamed");
    world.idp.put_user(simulators::auth0::SimulatedUser::new("auth0|unheard-of"));
    let named = ["--id", "auth0|unheard-of", "--id", "auth0|missing", "--id", &user(4)];
    let said = audit(&world, &[&SSO[..], &named].concat()).await;
    said.says(1, &[]);
    let auth0 = findings(&said, "auth0");
    assert_eq!(
        (&auth0["compared"], &auth0["divergent"]),
        (&json!(3), &json!({"missing_here": ["auth0|unheard-of"]}))
    );
    assert_eq!(results(&world).await, [""; 0], "given IDs are not a sample");
}

#[tokio::test]
async fn the_audit_compares_recently_changed_records_up_to_the_limit() {
    let world = in_step().await;
    let long_ago = "update source_record set changed_at = now() - interval '2 days' where external_id = $1";
    sqlx::query(long_ago).bind(user(1)).execute(&world.pool).await.unwrap();
    for number in 1..=4 {
        change_unseen(&world, &user(number), "Renamed");
    }
    let said = audit(&world, &[&SSO[..], &["--sample", "0"]].concat()).await;
    assert_eq!(findings(&said, "auth0")["divergent"], json!({"stale": [user(2), user(3), user(4)]}));
    let said = audit(&world, &[&SSO[..], &["--sample", "0", "--limit", "1"]].concat()).await;
    assert_eq!(findings(&said, "auth0")["recent"], json!({"records": 1, "divergent": 1, "limited": true}));
    let said = audit(&world, &[&SSO[..], &["--sample", "2", "--since-hours", "0"]].concat()).await;
    assert_eq!(findings(&said, "auth0")["compared"], json!(2));
}

#[tokio::test]
async fn the_audit_compares_a_record_again_if_its_row_changes_during_the_read() {
    let world = in_step_with(Setup::DEFAULT.with_emulator()).await;
    let worker = testkit::unit_binary("sso-sync");
    let patient = [("sources.auth0.timeout_secs", "25")];
    let _worker = world.start_worker(worker, "sso-sync", &patient).await;
    let (id, gate) = (user(1), world.idp.hold(&user(1)));
    change_unseen(&world, &id, "First");
    let arguments = ["--json", "--grace-secs", "0", "--source", "auth0"];
    let job = world.start_job(BINARY, "audit", &arguments, &patient);

    // During each read, the source has a new value, and the worker writes it before the audit compares.
    for (asked, name) in [(0, "Second"), (2, "Third")] {
        gate.arrived(asked + 1).await;
        let change = world.idp.update(&id, |user| user.given_name = Some(name.to_owned()));
        world.deliver(&change.stream_event()).await;
        gate.arrived(asked + 2).await;
        gate.release(asked + 1);
        world.person_where(&id, |person| person.given_name.as_deref() == Some(name)).await;
        if name == "Second" {
            change_unseen(&world, &id, "Between");
        }
        gate.release(asked);
    }
    gate.open();
    let said = job.end().await;
    said.says(0, &[]);
    assert_eq!(findings(&said, "auth0")["divergent"], json!({}));
}

#[tokio::test]
async fn a_record_does_not_diverge_if_its_event_arrives_after_the_first_comparison() {
    let world = in_step().await;
    let (id, gate) = (user(1), world.idp.hold(&user(1)));
    change_unseen(&world, &id, "Renamed");
    let arguments = ["--json", "--grace-secs", "0", "--source", "auth0"];
    let job = world.start_job(BINARY, "audit", &arguments, &[("sources.auth0.timeout_secs", "25")]);
    gate.arrived(1).await;
    gate.release(0);
    gate.arrived(2).await;
    // After the first comparison has found a difference, the worker reads the user.
    let in_between = async {
        gate.arrived(3).await;
        gate.release(2);
    };
    tokio::join!(read_users(&world, std::slice::from_ref(&id)), in_between);
    gate.open();
    let said = job.end().await;
    said.says(0, &[]);
    assert_eq!(findings(&said, "auth0")["divergent"], json!({}));
}

#[tokio::test]
async fn the_text_has_the_confidence_interval_and_the_records() {
    let world = in_step().await;
    change_unseen(&world, &user(1), "Renamed");
    let arguments = ["--grace-secs", "0", "--source", "auth0", "--repair", "--dry-run"];
    let settings = queues(&world);
    let said = world.run_job(BINARY, "audit", &arguments, &[("COPPICE_QUEUE_URLS", &settings)]).await;
    said.says(
        1,
        &[
            "auth0: 4 record(s) compared, 1 divergent\n",
            "4 sampled at random: 1 divergent, 25.00 %\n    of all records, 4.56 to 69.94 % diverge, with 95 % confidence\n",
            "4 changed lately: 1 divergent\n  stale: 1\n    auth0|user-1\n",
            "1 would be sent to the queue",
        ],
    );
    assert_eq!(world.queue_depth("sso-resync").await, (0, 0));
    let help = audit_with(&world, &["--help"], &[]).await;
    help.says(0, &["Exit codes:", "DATABASE_URL", "COPPICE_CONFIG", "--since-hours"]);
}
