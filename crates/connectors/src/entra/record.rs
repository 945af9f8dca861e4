//! Graph's user (<https://learn.microsoft.com/graph/api/resources/user>), and its mapping to [`Record`].

use provider_http::ProviderError;
use provider_http::json::{Fields, Json, needed, readable};

use super::NAME;
use super::guid::guid;
use crate::record::{Account, Record, SignInIdentity, assertions};

/// What is kept of a user, and whether it is deleted. Without it, Graph leaves out whether the account is enabled. The sign-in
/// name is not kept: it need not be an address. Neither is anything that changes with a sign-in.
pub(crate) const SELECT: [&str; 11] = [
    "id",
    "accountEnabled",
    "mail",
    "givenName",
    "surname",
    "displayName",
    "mobilePhone",
    "businessPhones",
    "employeeId",
    "identities",
    "deletedDateTime",
];

/// What is read of a deleted user.
pub(crate) const SELECT_DELETED: &str = "id,deletedDateTime";

pub(crate) fn user(record: &Json) -> Result<Record, ProviderError> {
    let id = id(record)?;
    // Graph leaves it out of an answer without `$select`, and of later pages: that is not an account that is enabled.
    let enabled = needed("accountEnabled", record.at("accountEnabled").flag())?;
    let mut fields = Fields::default();
    let mut text = |name| fields.optional(name, record.at(name).text());
    let (given_name, family_name) = (text("givenName"), text("surname"));
    let (email, display_name) = (text("mail"), text("displayName"));
    // A list, in which Graph keeps one number.
    let phone = text("mobilePhone").or_else(|| text("businessPhones"));
    let external_key = fields.optional("employeeId", record.at("employeeId").id());
    let identities = identities(&id, record, &mut fields);
    Ok(Record {
        // A user has no time of its last change, and Graph documents no entity tag of it.
        external_key,
        assertions: assertions([
            ("email", email),
            ("given_name", given_name),
            ("family_name", family_name),
            ("display_name", display_name),
            ("phone", phone),
        ]),
        // Graph does not say whether the address is verified.
        account: Some(Account { blocked: !enabled, email_verified: false, identities }),
        unread: fields.unread(),
        ..Record::of(id)
    })
}

/// The user itself, and those that another issuer knows it by. The other sign-in names of a user are its addresses.
fn identities(id: &str, record: &Json, fields: &mut Fields) -> Vec<SignInIdentity> {
    let listed = fields.optional("identities", record.at("identities").list()).unwrap_or_default();
    let mut identities = Vec::new();
    for identity in listed {
        let mut text = |name| fields.optional("identities", identity.at(name).text());
        let (kind, issuer, subject) = (text("signInType"), text("issuer"), text("issuerAssignedId"));
        if let (Some("federated"), Some(provider), Some(subject)) = (kind.as_deref(), issuer, subject) {
            identities.push(SignInIdentity { provider, connection: None, subject });
        }
    }
    // Their order has no meaning, and must not look like a change.
    identities.sort_by(|a, b| (&a.provider, &a.subject).cmp(&(&b.provider, &b.subject)));
    identities
        .insert(0, SignInIdentity { provider: NAME.to_owned(), connection: None, subject: id.to_owned() });
    identities
}

/// True if Graph shows the user as deleted.
pub(crate) fn is_deleted(record: &Json) -> Result<bool, ProviderError> {
    Ok(readable("deletedDateTime", record.at("deletedDateTime").time())?.is_some())
}

pub(crate) fn id(record: &Json) -> Result<String, ProviderError> {
    let id = needed("id", record.at("id").text())?;
    guid(&id).ok_or(ProviderError::Unreadable { field: "id" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4b8";

    fn read(rest: &str) -> Result<Record, ProviderError> {
        super::user(&serde_json::from_str(&format!(r#"{{"id":"{ID}"{rest}}}"#)).unwrap())
    }

    fn account(user: Record) -> Account {
        user.account.unwrap()
    }

    fn user(rest: &str) -> Record {
        read(&format!(r#","accountEnabled":true{rest}"#)).unwrap()
    }

    #[test]
    fn a_user_without_account_enabled_is_refused_and_not_active() {
        for rest in [
            "",
            r#","accountEnabled":null"#,
            r#","accountEnabled":"perhaps""#,
            r#","accountEnabled":true,"AccountEnabled":false"#,
        ] {
            assert_eq!(read(rest), Err(ProviderError::Unreadable { field: "accountEnabled" }), "{rest}");
        }
        assert!(account(read(r#","accountEnabled":false"#).unwrap()).blocked);
        assert!(!account(user("")).blocked);
        for body in ["{}", "[]", r#"{"id":"tove@bayside.example","accountEnabled":true}"#] {
            let read = super::user(&serde_json::from_str(body).unwrap());
            assert_eq!(read, Err(ProviderError::Unreadable { field: "id" }), "{body}");
        }
    }

    #[test]
    fn an_optional_value_that_cannot_be_read_costs_its_field_alone() {
        let user = user(
            r#","mail":["tove@bayside.example"],"givenName":7,"employeeId":9017,"businessPhones":["1","2"],
               "identities":[{"signInType":7,"issuer":"x.example","issuerAssignedId":"1"}]"#,
        );
        assert_eq!((user.text("email"), user.text("given_name")), (Some("tove@bayside.example"), None));
        assert_eq!((user.external_key.as_deref(), user.text("phone")), (Some("9017"), None));
        assert_eq!(user.unread, ["businessPhones", "givenName", "identities"]);
        assert_eq!(account(user).identities.len(), 1);
    }

    #[test]
    fn the_mobile_phone_comes_before_the_business_phone() {
        for (phones, expected) in [
            (r#","mobilePhone":"1","businessPhones":["2"]"#, Some("1")),
            (r#","mobilePhone":null,"businessPhones":["2"]"#, Some("2")),
            (r#","mobilePhone":"","businessPhones":[]"#, None),
        ] {
            assert_eq!(user(phones).text("phone"), expected, "{phones}");
        }
    }

    #[test]
    fn another_issuer_s_identities_follow_the_user_s_own_in_one_order() {
        let identity = |kind: &str, issuer: &str, id: &str| {
            format!(r#"{{"signInType":"{kind}","issuer":"{issuer}","issuerAssignedId":{id}}}"#)
        };
        let google = identity("federated", "google.com", r#""117""#);
        let other = identity("federated", "facebook.com", r#""5""#);
        let guest = identity("federated", "ExternalAzureAD", "null");
        let upn = identity("userPrincipalName", "bayside.example", r#""tove@bayside.example""#);
        let listed = |all: [&String; 4]| {
            let all: Vec<&str> = all.into_iter().map(String::as_str).collect();
            let user = user(&format!(r#","identities":[{}]"#, all.join(",")));
            account(user).identities.into_iter().map(|one| (one.provider, one.subject)).collect::<Vec<_>>()
        };
        let expected = [("entra", ID), ("facebook.com", "5"), ("google.com", "117")];
        let expected = expected.map(|(provider, subject)| (provider.to_owned(), subject.to_owned()));
        assert_eq!(listed([&upn, &google, &guest, &other]), expected);
        assert_eq!(listed([&other, &guest, &google, &upn]), expected);
    }
}
