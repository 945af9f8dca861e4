//! Graph's change notifications (<https://learn.microsoft.com/graph/change-notifications-delivery-webhooks>), and its lifecycle
//! events (<https://learn.microsoft.com/graph/change-notifications-lifecycle-events>), to the same address or to two. Graph signs
//! nothing: each notification has the secret that the subscription was created with.

use std::collections::{BTreeMap, BTreeSet};

use provider_http::json::{Json, Unread};
use provider_webhook::{
    Challenge, HeaderMap, Keys, OTHER_KIND, Proof, Secrets, SignedRequest, UnreadableBody, VerifyError,
    Webhook, WebhookRecord, is_secret, known_kind, parse,
};
use time::OffsetDateTime;

use super::guid::guid;

/// Graph's notifications, for `webhook-ingress`.
pub const WEBHOOK: Webhook = Webhook {
    keys: Keys::Text,
    proof: Proof::Signature(verify),
    read,
    challenge: Some(Challenge::Query("validationToken")),
    signs_url: false,
};

/// Permanent: after a soft deletion, Graph says that the user was updated.
const DELETED: &str = "deleted";

const KINDS: &[&str] = &["created", DELETED, "updated"];

/// Graph asks to authorize the subscription again, which its renewal does. Nothing is lost yet.
const REAUTHORIZATION: &str = "reauthorizationRequired";

const LIFECYCLE_KINDS: &[&str] = &["missed", "subscriptionRemoved"];

fn verify(request: &SignedRequest<'_>, secrets: &Secrets, _: OffsetDateTime) -> Result<(), VerifyError> {
    let body: Json = parse(request.body).map_err(|UnreadableBody| VerifyError::Signature)?;
    let notifications = notifications(&body).map_err(|UnreadableBody| VerifyError::Signature)?;
    let proven = |one: &Json| {
        let state = one.at("clientState").text().ok().flatten();
        state.is_some_and(|state| is_secret(state.as_bytes(), secrets))
    };
    // Graph has the secret of every notification that it sends here: one without it makes the whole request a stranger's.
    if !notifications.is_empty() && notifications.iter().all(proven) {
        Ok(())
    } else {
        Err(VerifyError::Signature)
    }
}

fn notifications(body: &Json) -> Result<&[Json], UnreadableBody> {
    body.at("value").list().map_err(|Unread| UnreadableBody)?.ok_or(UnreadableBody)
}

/// What one notification says.
enum Notice {
    User { id: String, kind: &'static str },
    Missed(&'static str),
    Nothing,
}

fn read(_: &HeaderMap, body: &[u8]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
    let body: Json = parse(body)?;
    let notifications = notifications(&body)?;
    // One change brings several notifications.
    let (mut users, mut missed, mut unreadable) = (BTreeMap::new(), BTreeSet::new(), 0_usize);
    for notification in notifications {
        match notice(notification) {
            Ok((tenant, Notice::User { id, kind })) => {
                // Nothing follows a permanent deletion.
                let known = users.entry((tenant, id)).or_insert(kind);
                if *known != DELETED {
                    *known = kind;
                }
            }
            Ok((tenant, Notice::Missed(kind))) => drop(missed.insert((tenant, kind))),
            Ok((_, Notice::Nothing)) => {}
            Err(UnreadableBody) => unreadable += 1,
        }
    }
    if unreadable > 0 {
        if users.is_empty() && missed.is_empty() {
            return Err(UnreadableBody);
        }
        // Graph would send the whole batch again, so that one bad notification must not cost the others.
        tracing::warn!(
            unreadable,
            of = notifications.len(),
            "notifications of Entra are unreadable and skipped"
        );
    }
    let users = users.into_iter().map(|((tenant, id), kind)| {
        WebhookRecord::changed(id, kind).removed_if(kind == DELETED).of_account(tenant)
    });
    let missed = missed.into_iter().map(|(tenant, kind)| WebhookRecord::missed(kind).of_account(tenant));
    Ok(users.chain(missed).collect())
}

fn notice(notification: &Json) -> Result<(Option<String>, Notice), UnreadableBody> {
    let text = |name| notification.at(name).text().map_err(|Unread| UnreadableBody);
    let tenant = text("tenantId")?.map(|tenant| guid(&tenant).ok_or(UnreadableBody)).transpose()?;
    let notice = match text("lifecycleEvent")? {
        None => user(notification, text("resource")?, text("changeType")?)?,
        Some(event) if event == REAUTHORIZATION => {
            tracing::warn!("subscription has to be authorized again: its renewal does that");
            Notice::Nothing
        }
        // One that Graph adds later may be about lost notifications, too.
        Some(event) => Notice::Missed(known_kind(LIFECYCLE_KINDS, &event)),
    };
    Ok((tenant, notice))
}

fn user(
    notification: &Json,
    resource: Option<String>,
    change: Option<String>,
) -> Result<Notice, UnreadableBody> {
    // `Users/<id>`; with more behind it, it is about something that the user has.
    let resource = resource.ok_or(UnreadableBody)?;
    let mut segments = resource.trim_start_matches('/').split('/');
    let collection = segments.next().unwrap_or_default();
    let (named, more) = (segments.next(), segments.next());
    if !collection.eq_ignore_ascii_case("users") || more.is_some() {
        return Ok(Notice::Nothing);
    }
    let data = notification.at("resourceData").at("id").text().map_err(|Unread| UnreadableBody)?;
    let id = data.as_deref().or(named).and_then(guid).ok_or(UnreadableBody)?;
    let change = change.map_or(String::new(), |change| change.to_ascii_lowercase());
    Ok(Notice::User { id, kind: if change.is_empty() { OTHER_KIND } else { known_kind(KINDS, &change) } })
}

#[cfg(test)]
mod tests {
    use provider_webhook::Secrets;
    use serde_json::{Value, json};

    use super::*;

    const TENANT: &str = "9f4c31d2-0b1a-4c6e-8f57-2d90a1b3c4e5";
    const STATE: &str = "0123456789abcdef-state";

    fn id(number: u8) -> String {
        format!("3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4{number:02}")
    }

    fn notification(change: &str, id: &str) -> Value {
        json!({"subscriptionId": "s1", "clientState": STATE, "changeType": change, "resource": format!("Users/{id}"),
            "tenantId": TENANT, "resourceData": {"@odata.type": "#Microsoft.Graph.User", "id": id}})
    }

    fn lifecycle(event: &str) -> Value {
        json!({"subscriptionId": "s1", "clientState": STATE, "tenantId": TENANT, "lifecycleEvent": event})
    }

    fn body(notifications: &[Value]) -> Vec<u8> {
        json!({ "value": notifications }).to_string().into_bytes()
    }

    fn read(notifications: &[Value]) -> Result<Vec<WebhookRecord>, UnreadableBody> {
        (WEBHOOK.read)(&HeaderMap::new(), &body(notifications))
    }

    fn named(number: u8, kind: &'static str) -> WebhookRecord {
        let record = WebhookRecord::changed(id(number), kind).removed_if(kind == "deleted");
        record.of_account(Some(TENANT.to_owned()))
    }

    #[test]
    fn five_notifications_of_one_change_are_one_record() {
        let mut all = vec![notification("updated", &id(1)); 5];
        all.push(notification("updated", &id(2).to_uppercase()));
        assert_eq!(read(&all), Ok(vec![named(1, "updated"), named(2, "updated")]));
    }

    #[test]
    fn a_permanent_deletion_outlasts_other_notifications() {
        let all =
            [("deleted", 1), ("updated", 1), ("updated", 2), ("Deleted", 2), ("created", 3), ("purged", 4)];
        let all = all.map(|(change, number)| notification(change, &id(number)));
        let expected =
            vec![named(1, "deleted"), named(2, "deleted"), named(3, "created"), named(4, OTHER_KIND)];
        assert_eq!(read(&all), Ok(expected));
    }

    #[test]
    fn lost_notifications_are_about_every_user_and_a_renewal_about_none() {
        let missed = |kind| WebhookRecord::missed(kind).of_account(Some(TENANT.to_owned()));
        let all = [
            lifecycle("missed"),
            lifecycle("missed"),
            notification("updated", &id(1)),
            lifecycle("subscriptionRemoved"),
            lifecycle("reauthorizationRequired"),
        ];
        let expected = vec![named(1, "updated"), missed("missed"), missed("subscriptionRemoved")];
        assert_eq!(read(&all), Ok(expected));
        assert_eq!(read(&[lifecycle("reauthorizationRequired")]), Ok(Vec::new()));
        assert_eq!(read(&[lifecycle("of tomorrow")]), Ok(vec![missed(OTHER_KIND)]));
    }

    #[test]
    fn what_is_not_a_user_is_ignored_and_a_user_without_an_id_is_unreadable() {
        let with = |resource: &str, data: Value| {
            let mut one = notification("updated", &id(1));
            (one["resource"], one["resourceData"]) = (json!(resource), data);
            read(&[one])
        };
        assert_eq!(with("Groups/3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d401", Value::Null), Ok(Vec::new()));
        assert_eq!(with(&format!("users/{}/messages/AAMk", id(1)), Value::Null), Ok(Vec::new()));
        assert_eq!(with(&format!("/users/{}", id(1)), Value::Null), Ok(vec![named(1, "updated")]));
        for (resource, data) in [
            ("Users/tove@bayside.example", Value::Null),
            ("Users", Value::Null),
            ("Users/x", json!({"id": "x"})),
        ] {
            assert_eq!(with(resource, data), Err(UnreadableBody), "{resource}");
        }
        let good = notification("updated", &id(1));
        let mut of_another_form = good.clone();
        of_another_form["tenantId"] = json!("bayside.example");
        assert_eq!(read(&[of_another_form, good]), Ok(vec![named(1, "updated")]), "one bad costs no other");
        assert_eq!((WEBHOOK.read)(&HeaderMap::new(), b"[]"), Err(UnreadableBody));
    }

    #[test]
    fn every_notification_has_the_secret() {
        let secrets = Secrets::read_list(&format!("{STATE},another-state-0123"), Keys::Text).unwrap();
        let verify = |body: &[u8]| {
            let headers = HeaderMap::new();
            let request = SignedRequest { method: "POST", url: "", path: "", headers: &headers, body };
            WEBHOOK.verify(&request, &secrets, OffsetDateTime::UNIX_EPOCH)
        };
        let with = |state: Value| {
            let mut one = notification("updated", &id(1));
            one["clientState"] = state;
            one
        };
        let good = || notification("updated", &id(1));
        assert_eq!(verify(&body(&[good(), with(json!("another-state-0123"))])), Ok(()));
        assert_eq!(verify(&body(&[lifecycle("missed")])), Ok(()));
        let wrong = Err(VerifyError::Signature);
        for state in [json!("0123456789abcdef-stat"), json!(""), Value::Null, json!({}), json!([STATE, "x"])]
        {
            assert_eq!(verify(&body(&[with(state.clone())])), wrong, "{state}");
            assert_eq!(verify(&body(&[good(), with(state.clone())])), wrong, "{state} after a good one");
        }
        for body in [&b"{}"[..], b"[]", b"", br#"{"value":[]}"#, br#"{"value":null}"#] {
            assert_eq!(verify(body), wrong, "{}", String::from_utf8_lossy(body));
        }
    }
}
