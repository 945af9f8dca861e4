//! Writes persons as other workers do, and builds announcements about them.

use event_contract::{Announcement, EventKind, Hop, INTERNAL_SOURCE, SCHEMA_VERSION, TraceContext};
use serde_json::{Value, json};
use testkit::World;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

pub(crate) fn person(number: usize) -> Uuid {
    Uuid::from_u128(number as u128 + 1)
}

/// Writes a person whose account at the identity provider has these values.
pub(crate) async fn put_account(world: &World, person: Uuid, refetches: &Value) {
    put_record(world, person, "auth0", "sso", &format!("auth0|{person}"), refetches).await;
}

/// Writes a person's contact as `crm-sync` does.
pub(crate) async fn put_contact(world: &World, person: Uuid, id: &str, refetches: &Value) {
    put_record(world, person, "salesforce", "crm", id, refetches).await;
}

async fn put_record(world: &World, person: Uuid, source: &str, role: &str, id: &str, refetches: &Value) {
    let insert = "with one as (insert into person (person_id, status) values ($1, 'active') on conflict do nothing) \
         insert into source_record (source, external_id, person_id, role, record, content_hash, ticket, content_ticket) \
         values ($2, $3, $1, $4, $5, ''::bytea, 1, 1) \
         on conflict (source, external_id) do update set record = excluded.record";
    sqlx::query(insert)
        .bind(person)
        .bind(source)
        .bind(id)
        .bind(role)
        .bind(refetches)
        .execute(&world.pool)
        .await
        .unwrap();
}

/// The body of a message that announces a person.
pub(crate) fn announced(person: Uuid) -> String {
    let announcement = Announcement {
        schema: SCHEMA_VERSION,
        event_id: Uuid::new_v4(),
        entity_id: person,
        revision: 1,
        cause: Uuid::new_v4(),
        hop: Hop::OUTSIDE.next().unwrap(),
        traceparent: TraceContext::start(),
    };
    let detail: Value = serde_json::from_str(&announcement.to_detail()).unwrap();
    json!({
        "id": Uuid::new_v4(), "source": INTERNAL_SOURCE, "detail-type": EventKind::PersonChanged.detail_type(),
        "time": OffsetDateTime::now_utc().format(&Rfc3339).unwrap(), "detail": detail,
    })
    .to_string()
}
