//! The answers of identity-verification providers, for [`crate::check`].

use connectors::{Fetched, ProviderError, Records as _};

use crate::answers::{Answer, Place, Reading, values_of};
use crate::corpus::fixture;
use crate::replies::read;

/// Every answer that a connector of an identity-verification provider reads.
pub fn identity_answers() -> Vec<Answer> {
    let session = fixture("crates/connectors/tests/fixtures/stripe/session.json");
    let inquiry = fixture("crates/connectors/tests/fixtures/persona/inquiry.json");
    let snake = fixture("crates/connectors/tests/fixtures/persona/inquiry-snake.json");
    vec![
        Answer::new("stripe session", session, stripe, STRIPE),
        Answer::new("persona inquiry", inquiry, persona, PERSONA),
        Answer::new("persona inquiry, names in snake case", snake, persona, PERSONA_SNAKE),
    ]
}

/// Only a case that is verified has outputs.
const OUTPUTS: &[&str] = &["verification_status", "given_name", "family_name", "birthdate", "email"];

const STRIPE: &[Place] = &[
    Place::needed("/id", &["id"], |_| false),
    Place::needed("/status", &[], |_| false),
    // Whatever is there: the session is redacted.
    Place::optional("/redaction", OUTPUTS),
    Place::noted("/client_reference_id", &["external_key"]),
    Place::noted("/created", &["opened_at"]),
    Place::optional("/verified_outputs", &["given_name", "family_name", "birthdate", "email"]),
    Place::noted("/verified_outputs/first_name", &["given_name"]),
    Place::noted("/verified_outputs/last_name", &["family_name"]),
    Place::noted("/verified_outputs/email", &["email"]),
    Place::optional("/verified_outputs/dob", &["birthdate"]),
    Place::noted("/verified_outputs/dob/day", &["birthdate"]),
    Place::noted("/verified_outputs/dob/month", &["birthdate"]),
    Place::noted("/verified_outputs/dob/year", &["birthdate"]),
];

const PERSONA: &[Place] = &[
    Place::needed("/data/id", &["id"], |_| false),
    Place::needed("/data/attributes/status", &[], |_| false),
    // Whatever is there: the inquiry is redacted.
    Place::optional("/data/attributes/redacted-at", OUTPUTS),
    Place::noted("/data/attributes/reference-id", &["external_key"]),
    Place::noted("/data/attributes/created-at", &["opened_at"]),
    Place::noted("/data/attributes/updated-at", &["version"]),
    Place::noted("/data/attributes/decisioned-at", &["decided_at"]),
    Place::optional("/data/attributes/fields", &["given_name", "family_name", "birthdate"]),
    Place::optional("/data/attributes/fields/name-first", &["given_name"]),
    Place::optional("/data/attributes/fields/name-last", &["family_name"]),
    Place::optional("/data/attributes/fields/birthdate", &["birthdate"]),
    Place::noted("/data/attributes/fields/name-first/value", &["given_name"]),
    Place::noted("/data/attributes/fields/name-last/value", &["family_name"]),
    Place::noted("/data/attributes/fields/birthdate/value", &["birthdate"]),
];

const PERSONA_SNAKE: &[Place] = &[
    Place::needed("/data/id", &["id"], |_| false),
    Place::needed("/data/attributes/status", &[], |_| false),
    Place::optional("/data/attributes/redacted_at", OUTPUTS),
    Place::noted("/data/attributes/reference_id", &["external_key"]),
    Place::noted("/data/attributes/created_at", &["opened_at"]),
    Place::noted("/data/attributes/updated_at", &["version"]),
    Place::noted("/data/attributes/decisioned_at", &["decided_at"]),
    Place::optional("/data/attributes/fields", &["given_name", "family_name", "birthdate"]),
    Place::optional("/data/attributes/fields/name_first", &["given_name"]),
    Place::optional("/data/attributes/fields/name_last", &["family_name"]),
    Place::optional("/data/attributes/fields/birthdate", &["birthdate"]),
    Place::noted("/data/attributes/fields/name_first/value", &["given_name"]),
    Place::noted("/data/attributes/fields/name_last/value", &["family_name"]),
    Place::noted("/data/attributes/fields/birthdate/value", &["birthdate"]),
];

fn stripe(body: &[u8]) -> Reading {
    case(read(body, async |world| world.stripe.fetch("vs_1QmHarbor0001AbCd", None).await))
}

fn persona(body: &[u8]) -> Reading {
    case(read(body, async |world| world.persona.fetch("inq_zHarbor84ShbUyuwX6AzPSq", None).await))
}

fn case(fetched: Result<Fetched, ProviderError>) -> Reading {
    match fetched.map_err(|error| error.to_string())? {
        Fetched::Found(case) => Ok(values_of(&case)),
        other => panic!("{other:?}"),
    }
}
