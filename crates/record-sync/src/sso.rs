//! The users of an identity provider as a source of records. Here and not in `sso-sync`, because `app-login` reads an unknown
//! user by the same path: with one mapping, a record is the same whichever worker read it.

use std::fmt::Display;

use authority::Role;
use event_contract::Envelope;
use postgres_store::{Identity, RecordState};
use provider_sso::{FetchedUser, ProviderError, RecordHint, SsoProvider, SsoUser};
use serde_json::Value;
use worker_runtime::Demand;

use crate::source::{FetchedRecord, FoundRecord, RecordSource};
use crate::unread::note_unread;

/// The users of an identity provider.
pub struct SsoRecords<P>(pub P);

impl<P: SsoProvider> RecordSource for SsoRecords<P> {
    const NAME: &'static str = "sso-sync";
    const ROLE: Role = Role::Sso;

    fn source(&self) -> &'static str {
        self.0.source()
    }

    fn read_event(&self, envelope: &Envelope) -> Result<Vec<Demand<String>>, impl Display> {
        self.0.read_event(envelope).map(|hints| hints.into_iter().map(demand).collect())
    }

    async fn fetch(&self, id: &str, known_etag: Option<&str>) -> Result<FetchedRecord, ProviderError> {
        Ok(match self.0.fetch_user(id, known_etag).await? {
            FetchedUser::NotModified => FetchedRecord::NotModified,
            FetchedUser::Absent(absence) => absence.into(),
            FetchedUser::Found(user) => {
                note_unread(self.source(), &user.id, &user.unread);
                FetchedRecord::Found(Box::new(found(&user)))
            }
        })
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        self.0.ping().await
    }
}

fn demand(hint: RecordHint) -> Demand<String> {
    Demand { subject: hint.id, not_before: hint.not_before, removed: hint.removed }
}

fn found(user: &SsoUser) -> FoundRecord {
    let identities = user.identities.iter().map(|identity| Identity {
        provider: identity.provider.clone(),
        subject: identity.subject.clone(),
        connection: identity.connection.clone(),
    });
    FoundRecord {
        id: user.id.clone(),
        version_at: user.version,
        etag: user.etag.clone(),
        state: RecordState::Present {
            // A struct of strings and booleans always serializes.
            record: serde_json::to_value(user).unwrap_or(Value::Null),
            external_key: user.external_key.clone(),
            identities: identities.collect(),
        },
        announces: None,
    }
}

#[cfg(test)]
mod tests {
    use event_contract::UnreadableEvent;
    use provider_sso::{ChangedPage, ChangesFrom, FoundSignIn, ListedPage, SignInEvent, SsoIdentity};
    use serde_json::json;
    use time::OffsetDateTime;
    use time::macros::datetime;

    use provider_http::Absence;

    use super::*;

    const AT: OffsetDateTime = datetime!(2026-11-23 10:00 UTC);

    /// A provider that has one user, `ada`, and answers by entity tag. It does not answer probes.
    struct FakeProvider;

    impl SsoProvider for FakeProvider {
        fn source(&self) -> &'static str {
            "fake"
        }

        fn read_event(&self, _: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
            Ok(vec![
                RecordHint { id: String::from("ada"), removed: true, not_before: Some(AT) },
                RecordHint::changed(String::from("bob")),
            ])
        }

        async fn fetch_user(&self, id: &str, known_etag: Option<&str>) -> Result<FetchedUser, ProviderError> {
            Ok(match (id, known_etag) {
                ("ada", Some("W/1")) => FetchedUser::NotModified,
                ("ada", _) => FetchedUser::Found(Box::new(ada())),
                _ => FetchedUser::Absent(Absence::NotFound),
            })
        }

        fn read_sign_in(&self, _: &Envelope) -> Result<SignInEvent, UnreadableEvent> {
            Ok(SignInEvent::Ignored)
        }

        async fn fetch_sign_in(&self, _: &str) -> Result<FoundSignIn, ProviderError> {
            Ok(FoundSignIn::Missing)
        }

        async fn list(&self, _: Option<&str>) -> Result<ListedPage, ProviderError> {
            Err(ProviderError::Unauthorized)
        }

        async fn changes(&self, _: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError> {
            Err(ProviderError::Unauthorized)
        }

        async fn ping(&self) -> Result<(), ProviderError> {
            Err(ProviderError::Unauthorized)
        }
    }

    fn ada() -> SsoUser {
        SsoUser {
            id: String::from("ada"),
            email: Some(String::from("ada@example.org")),
            email_verified: true,
            given_name: None,
            family_name: None,
            display_name: None,
            phone: None,
            blocked: false,
            external_key: Some(String::from("P-7")),
            identities: vec![SsoIdentity {
                provider: String::from("google"),
                connection: Some(String::from("staff")),
                subject: String::from("1"),
            }],
            version: Some(AT),
            etag: Some(String::from("W/1")),
            unread: vec!["phone_number"],
        }
    }

    fn envelope() -> Envelope {
        let body = r#"{"id":"00000000-0000-0000-0000-000000000007","source":"s","detail-type":"t",
                       "time":"2026-11-23T10:00:00Z","detail":{}}"#;
        Envelope::parse(body).unwrap()
    }

    #[test]
    fn each_user_that_an_event_names_is_read_again_under_the_provider_s_name() {
        let records = SsoRecords(FakeProvider);
        let demand =
            |subject: &str, not_before, removed| Demand { subject: subject.to_owned(), not_before, removed };
        let demands = records.read_event(&envelope()).map_err(|error| error.to_string()).unwrap();
        assert_eq!(demands, [demand("ada", Some(AT), true), demand("bob", None, false)]);
        assert_eq!(records.source(), "fake");
    }

    #[tokio::test]
    async fn a_user_is_a_record_with_its_key_its_identities_and_its_version() {
        let Ok(FetchedRecord::Found(found)) = SsoRecords(FakeProvider).fetch("ada", None).await else {
            panic!("it is there")
        };
        assert_eq!(
            (found.id.as_str(), found.version_at, found.etag.as_deref()),
            ("ada", Some(AT), Some("W/1"))
        );
        assert_eq!(found.announces, None, "a user announces nothing besides the person");
        let RecordState::Present { record, external_key, identities } = found.state else {
            panic!("present")
        };
        assert_eq!(external_key.as_deref(), Some("P-7"));
        assert_eq!((&record["email"], &record["email_verified"]), (&json!("ada@example.org"), &json!(true)));
        let identity = &identities[0];
        assert_eq!((identity.provider.as_str(), identity.subject.as_str()), ("google", "1"));
        assert_eq!((identity.connection.as_deref(), identities.len()), (Some("staff"), 1));
    }

    #[test]
    fn a_field_that_cannot_be_read_is_counted_by_its_name() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        metrics::with_local_recorder(&recorder, || {
            assert!(runtime.block_on(SsoRecords(FakeProvider).fetch("ada", None)).is_ok());
        });
        let expected = r#"coppice_fields_unread_total{source="fake",field="phone_number"} 1"#;
        assert!(recorder.handle().render().contains(expected), "{}", recorder.handle().render());
    }

    #[tokio::test]
    async fn a_user_that_is_missing_or_unchanged_is_so_as_a_record_too() {
        let records = SsoRecords(FakeProvider);
        let missing = records.fetch("bob", None).await;
        assert!(matches!(missing, Ok(FetchedRecord::NotFound)));
        assert!(matches!(records.fetch("ada", Some("W/1")).await, Ok(FetchedRecord::NotModified)));
    }

    #[tokio::test]
    async fn a_provider_that_does_not_answer_a_probe_fails_the_probe() {
        assert_eq!(SsoRecords(FakeProvider).ping().await, Err(ProviderError::Unauthorized));
    }
}
