//! Personal values stay at the providers and in the database. No message, event, log or metric of any unit has them.

use event_contract::EventKind;
use local_stack::{free_port, wait_until};
use simulators::auth0::SimulatedUser;
use simulators::identity::SimulatedPerson;
use simulators::salesforce::{SimulatedContact, contact_id};
use sqlx::AssertSqlSafe;
use testkit::{INGRESS, PATIENCE, Worker, World, unit_binary, workers};
use time::macros::date;

use crate::contact_where;
use crate::fleet::Fleet;

const ADA: &str = "auth0|ada";
const BROKEN: &str = "auth0|broken";
const SECRET: &str = "Bearer 0123456789abcdef";

/// The rows that hold queued announcements, failed attempts and sign-ins.
const REMARKS: &str = "select outbox::text as row from outbox union all select ingress_outbox::text from ingress_outbox \
    union all select message_failure::text from message_failure union all select login::text from login \
    union all select login_event::text from login_event union all select application::text from application \
    union all select crm_account::text from crm_account union all select link_decision::text from link_decision";

/// A running `webhook-ingress`.
struct Ingress {
    worker: Worker,
    base: String,
}

impl Ingress {
    async fn start(world: &World) -> Self {
        let address = format!("127.0.0.1:{}", free_port().unwrap());
        let settings = [
            ("COPPICE_LISTEN_ADDRESS", address.as_str()),
            ("sources.auth0.webhook_secrets", r#"[{ secret = "webhook" }]"#),
            ("COPPICE_SECRET_WEBHOOK", SECRET),
            ("COPPICE_LOG", "debug"),
        ];
        let worker = world.start_worker(unit_binary(INGRESS), INGRESS, &settings).await;
        Self { worker, base: format!("http://{address}") }
    }

    /// Creates a user, and sends the provider's webhook with the whole profile.
    async fn sign_up(&self, world: &World, id: &str) {
        let body = world.idp.put_user(SimulatedUser::new(id)).stream_event().detail;
        assert!(body.contains(&SimulatedUser::new(id).email.unwrap()));
        let call = reqwest::Client::new().post(format!("{}/webhooks/auth0", self.base));
        let call = call.header("authorization", SECRET).header("content-type", "application/json");
        assert_eq!(call.body(body).send().await.unwrap().status().as_u16(), 200);
    }
}

fn on_the_document() -> SimulatedPerson {
    SimulatedPerson::new("Maravilla", "Quillfeather", date!(1984 - 09 - 03))
}

/// A person's life at all providers, and one unreadable record at each.
async fn a_small_story(world: &World, ingress: &Ingress) {
    let (contact, broken_contact) = (contact_id(1), contact_id(2));
    world.idp.set_status(BROKEN, Some(500));
    world.crm.set_status(&broken_contact, Some(500));
    world.verifier.set_status("vs_broken", Some(500));
    for id in [ADA, BROKEN] {
        ingress.sign_up(world, id).await;
    }
    let ada = world.person_where(ADA, |_| true).await.person_id;
    contact_where(world, ada, |_| true).await;
    for id in [ADA, BROKEN] {
        world.deliver(&world.idp.sign_in(id, "portal")).await;
    }
    for (id, person) in [("vs_1", Some(ada.to_string())), ("vs_broken", None)] {
        let created = world.verifier_server.put_session(id, person.as_deref());
        world.deliver(&created.partner_event()).await;
        world.deliver(&world.verifier_server.verify(id, &on_the_document()).partner_event()).await;
    }
    for id in [&contact, &broken_contact] {
        world.crm.put_contact(SimulatedContact::new(id));
    }
    let own = contact_where(world, ada, |it| it.first_name.as_deref() == Some("Maravilla")).await;
    let address = SimulatedContact::new(&contact).mailing_street;
    world.crm.update(&own.id, |contact| contact.mailing_street = address);
    let stored = world.person_where(&contact, |_| true).await;
    assert_eq!(stored.email, SimulatedContact::new(&contact).email, "the marked values are the real ones");
    let signed_in = async || {
        let count: i64 = sqlx::query_scalar("select count(*) from login").fetch_one(&world.pool).await?;
        Ok((count > 0).then_some(()))
    };
    wait_until(PATIENCE, "the sign-in to be counted", signed_in).await.unwrap();
}

#[tokio::test]
async fn no_unit_passes_on_a_personal_value_of_a_provider() {
    let world = World::start_with_emulator().await;
    let settings =
        [("COPPICE_LOG", "debug"), ("COPPICE_MAX_ATTEMPTS", "1"), ("sources.stripe.date_of_birth", "true")];
    let fleet = Fleet::start(&world, &workers().collect::<Vec<_>>(), &settings).await;
    let ingress = Ingress::start(&world).await;
    a_small_story(&world, &ingress).await;
    let mut dead_lettered = Vec::new();
    for unit in ["sso-sync", "app-login", "crm-sync", "identity-verification"] {
        dead_lettered.extend(world.dead_letters(unit, 1).await);
    }
    fleet.quiet().await;

    let mut personal = on_the_document().personal_values();
    personal.extend([ADA, BROKEN].iter().flat_map(|id| SimulatedUser::new(id).personal_values()));
    personal.extend([1, 2].iter().flat_map(|id| SimulatedContact::new(&contact_id(*id)).personal_values()));
    assert!(personal.len() >= 30);
    let announced = world.announcements(4).await;
    let kinds = [EventKind::PersonChanged, EventKind::AppLoginRecorded, EventKind::IdentityVerified];
    for kind in kinds.into_iter().chain([EventKind::CrmAccountLinked]) {
        assert!(announced.iter().any(|(other, _)| *other == kind), "{kind:?} is part of the story");
    }
    assert_eq!(world.undelivered().await.len(), 0);
    let rows: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(REMARKS.to_owned())).fetch_all(&world.pool).await.unwrap();
    let mut texts = vec![format!("{announced:?} {dead_lettered:?}"), rows.join("\n")];
    for worker in workers().map(|unit| fleet.worker(unit)).chain([&ingress.worker]) {
        let metrics = worker.get("metrics").await.unwrap().1;
        assert!(!worker.log().is_empty() && metrics.contains("coppice_"));
        texts.extend([worker.log(), metrics]);
    }
    assert!(
        fleet.transcripts_contain(ADA) && texts.iter().any(|text| text.contains(ADA)),
        "IDs are in messages"
    );
    assert!(world.proxy.transcript_contains(ADA), "also in messages of the ingress");
    for value in &personal {
        let sent = fleet.transcripts_contain(value) || world.proxy.transcript_contains(value);
        assert!(!sent, "{value} was in a message or an event");
        assert!(
            texts.iter().all(|text| !text.contains(value)),
            "{value} is in the DLQ, a row, a log or a metric"
        );
    }
}
