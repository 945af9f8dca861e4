//! Paths that are plain functions: from a body to users, from an outcome to a decision, from records to a profile.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::time::Duration;

use anyhow::Context;
use authority::{Policy, Profile, Role, SourceRecord};
use connectors::SourceEvents;
use event_bus::BusEntry;
use event_contract::{Announcement, Envelope, EventKind, Hop, SCHEMA_VERSION, TraceContext};
use serde_json::json;
use time::macros::datetime;
use uuid::Uuid;
use worker_runtime::{Evidence, Failure, Outcome, RecordedFailure, RetryPolicy, Verdict, dispose};

/// An event of Auth0's stream as the queue holds it, after the rule has removed the profile.
const EVENT: &str = r#"{"id":"9b7f4c1e-6a41-4b0f-8a54-0d5ad1d1c7aa","detail-type":"user.updated",
"source":"aws.partner/auth0.com/example-1/auth0.events","time":"2026-11-20T15:10:42Z","detail":{"id":"evt_1",
"type":"user.updated","time":"2026-11-20T15:10:41.512Z","data":{"object":{"user_id":"auth0|64f1c2",
"updated_at":"2026-11-20T15:10:41.498Z"}}}}"#;

/// Reads the users from a message's body.
pub(crate) fn parse_event(times: u32) -> anyhow::Result<()> {
    let source = SourceEvents::of("auth0", &connectors::auth0::CONNECTOR);
    for _ in 0..times {
        let envelope = Envelope::parse(black_box(EVENT))?;
        black_box(source.read(&envelope).context("no event of Auth0")?);
    }
    Ok(())
}

/// Decides how to settle a message, for each outcome of its handler.
pub(crate) fn disposition(times: u32) -> anyhow::Result<()> {
    let policy = RetryPolicy { max_attempts: 5, base: Duration::from_secs(1), cap: Duration::from_secs(900) };
    let detail = || String::from("a replica lags");
    let verdicts = [
        Verdict::Done(Outcome::Applied),
        Verdict::Done(Outcome::Snooze(Duration::from_secs(5))),
        Verdict::Ignored,
        Verdict::Failed(Failure::Transient { class: "stale_read", detail: detail(), retry_after: None }),
        Verdict::Failed(Failure::Rejected { class: "invalid", detail: detail(), names_record: false }),
        Verdict::Outage { retry_after: Duration::from_secs(30) },
        Verdict::Released,
    ];
    let failures = RecordedFailure {
        attempts: 2,
        of_class: 2,
        witnessed: 1,
        witnessed_of_class: 1,
        first_failed_at: time::OffsetDateTime::UNIX_EPOCH,
    };
    let evidence = Evidence { failures: Some(failures), others_fail: false };
    for _ in 0..times {
        for verdict in &verdicts {
            black_box(dispose(black_box(verdict), &evidence, &policy, 0.5));
        }
    }
    Ok(())
}

/// Computes a profile from ten records of all roles.
pub(crate) fn profile(times: u32) -> anyhow::Result<()> {
    let policy = Policy::default();
    let sources = [("auth0", Role::Sso), ("salesforce", Role::Crm), ("stripe", Role::Identity)];
    let records: Vec<SourceRecord> = (0..10_u8)
        .map(|number| {
            let (source, role) = sources[usize::from(number) % sources.len()];
            SourceRecord {
                source: source.to_owned(),
                role,
                external_id: format!("{source}-{number}"),
                version_at: Some(datetime!(2026-11-20 15:10 UTC) + Duration::from_secs(u64::from(number))),
                record: Some(json!({
                    "email": format!("person{number}@example.com"), "email_verified": number % 2 == 0,
                    "given_name": "Ada", "family_name": "Lovelace", "phone": "+49 30 1234567",
                    "verification_status": "verified", "date_of_birth": "1990-04-01",
                    "opened_at": "2026-11-20T15:10:42Z",
                })),
                echoes: BTreeSet::new(),
            }
        })
        .collect();
    for _ in 0..times {
        black_box(Profile::compute(&policy, black_box(&records)));
    }
    Ok(())
}

/// Builds the bus entry of a change.
pub(crate) fn announcement(times: u32) -> anyhow::Result<()> {
    let announcement = Announcement {
        schema: SCHEMA_VERSION,
        event_id: Uuid::from_u128(7),
        entity_id: Uuid::from_u128(8),
        revision: 3,
        cause: Uuid::from_u128(9),
        hop: Hop::OUTSIDE,
        traceparent: TraceContext::start(),
    };
    for _ in 0..times {
        black_box(BusEntry::announcement(EventKind::PersonChanged, black_box(&announcement)));
    }
    Ok(())
}
