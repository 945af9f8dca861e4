//! Persona, from its signed webhook to the person's row: `webhook-ingress` and `identity-verification` as deployed.

use event_contract::EventKind;
use hmac::{Hmac, KeyInit as _, Mac as _};
use local_stack::{free_port, wait_until};
use sha2::Sha256;
use simulators::identity::{InquiryChange, PersonaSimulator, SimulatedPerson};
use testkit::{INGRESS, PATIENCE, PERSONA, Setup, World, unit_binary};
use time::OffsetDateTime;
use time::macros::date;

use crate::fleet::Fleet;
use crate::sign_up;

const ADA: &str = "auth0|ada";
const INQUIRY: &str = "inq_ada";
/// While an operator replaces a secret, both the old and the new one are valid.
const OLD_SECRET: &str = "wbhsec_another-one-that-is-live";
const SECRET: &str = "wbhsec_0123456789abcdef";

/// Sends the webhook about a change, signed as Persona does: <https://docs.withpersona.com/webhooks-best-practices>.
async fn send(address: &str, change: &InquiryChange) {
    let (body, at) = (change.webhook_body(), OffsetDateTime::now_utc().unix_timestamp());
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    let digest = hex::encode(mac.chain_update(format!("{at}.{body}")).finalize().into_bytes());
    let call = reqwest::Client::new().post(format!("http://{address}/webhooks/persona"));
    let call = call.header("content-type", "application/json").body(body);
    let reply = call.header("persona-signature", format!("t={at},v1={digest}")).send().await.unwrap();
    assert_eq!(reply.status().as_u16(), 200);
}

#[tokio::test]
async fn the_person_follows_an_inquiry_from_approval_to_redaction() {
    let world = World::start_with(Setup::DEFAULT.with_emulator().with_more_sources(PERSONA)).await;
    let persona = PersonaSimulator::start().await;
    let (url, address) = (persona.base_url(), format!("127.0.0.1:{}", free_port().unwrap()));
    let mut fleet = Fleet::start(&world, &["sso-sync"], &[("COPPICE_LOG", "debug")]).await;
    let settings = [
        ("COPPICE_SOURCE", "persona"),
        ("sources.persona.role", "identity"),
        ("sources.persona.connector", "persona"),
        ("sources.persona.url", url.as_str()),
        ("sources.persona.api_key.secret", "persona"),
        ("COPPICE_SECRET_PERSONA", persona.api_key()),
        ("sources.persona.webhook_secrets", r#"[{ secret = "old" }, { secret = "new" }]"#),
        ("COPPICE_SECRET_OLD", OLD_SECRET),
        ("COPPICE_SECRET_NEW", SECRET),
        ("COPPICE_LOG", "debug"),
    ];
    fleet.join("identity-verification-persona", &settings).await;
    let of_ingress = [("COPPICE_LISTEN_ADDRESS", address.as_str())];
    let settings: Vec<_> = settings.into_iter().chain(of_ingress).collect();
    let ingress = world.start_worker(unit_binary(INGRESS), INGRESS, &settings).await;

    let person = sign_up(&world, ADA).await;
    let mara = SimulatedPerson::new("Maravilla", "Quillfeather", date!(1984 - 09 - 03));
    send(&address, &persona.put_inquiry(INQUIRY, Some(&person.person_id.to_string()))).await;
    send(&address, &persona.complete(INQUIRY, &mara)).await;
    send(&address, &persona.approve(INQUIRY)).await;
    let verified = world.person_where(ADA, |it| it.given_name.as_deref() == Some("Maravilla")).await;
    assert_eq!(verified.person_id, person.person_id);
    assert_eq!(verified.email, person.email, "the policy takes no address from a form");
    let announced = async || {
        let all = world.announcements(0).await;
        let of_her = |(kind, it): &&(EventKind, event_contract::Announcement)| {
            *kind == EventKind::IdentityVerified && it.entity_id == person.person_id
        };
        Ok((all.iter().filter(of_her).count() == 1).then_some(()))
    };
    wait_until(PATIENCE, "IdentityVerified", announced).await.unwrap();

    send(&address, &persona.redact(INQUIRY)).await;
    world.person_where(ADA, |it| it.given_name == person.given_name).await;
    fleet.quiet().await;
    let kept = "select record::text from source_record where external_id = $1";
    let kept: String = sqlx::query_scalar(kept).bind(INQUIRY).fetch_one(&world.pool).await.unwrap();
    let logs = [fleet.worker("identity-verification-persona").log(), ingress.log(), kept];
    for value in mara.personal_values() {
        let sent = fleet.transcripts_contain(&value) || world.proxy.transcript_contains(&value);
        assert!(
            !sent && logs.iter().all(|text| !text.contains(&value)),
            "{value} is in a message, a log or a record"
        );
    }
    assert_eq!(world.dead_letters("identity-verification-persona", 0).await.len(), 0);
}
