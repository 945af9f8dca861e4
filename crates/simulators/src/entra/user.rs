//! A user of the tenant, and its JSON as Graph gives it.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::auth0::user::timestamp;

/// The fields of an answer without `$select`.
const DEFAULT: [&str; 11] = [
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
];

/// A user. Every personal value is invented and unlikely to occur elsewhere, so that a leak can be searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedUser {
    /// A GUID.
    pub id: String,
    /// Whether the account may sign in.
    pub enabled: bool,
    /// Address; `None` writes `null`.
    pub mail: Option<String>,
    /// The sign-in name.
    pub principal_name: String,
    /// First name.
    pub given_name: String,
    /// Last name.
    pub surname: String,
    /// Phone number; `None` writes `null`.
    pub mobile_phone: Option<String>,
    /// Other phone numbers.
    pub business_phones: Vec<String>,
    /// Our key; `None` writes `null`.
    pub employee_id: Option<String>,
    /// Identities of other issuers, besides that of the sign-in name.
    pub identities: Vec<SimulatedIdentity>,
    /// A field that Coppice does not keep.
    pub job_title: Option<String>,
}

/// A federated identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedIdentity {
    /// `google.com`
    pub issuer: String,
    /// The issuer's ID; `None` writes `null`, as for a guest of another tenant.
    pub subject: Option<String>,
}

impl SimulatedUser {
    /// An enabled user with marked personal values that are derived from the ID.
    pub fn new(id: &str) -> Self {
        let mark: String = id.chars().filter(char::is_ascii_alphanumeric).skip(20).collect();
        Self {
            id: id.to_owned(),
            enabled: true,
            mail: Some(format!("ottilie.{mark}@harbor.example.org")),
            principal_name: format!("ottilie.{mark}@harbor.onmicrosoft.example"),
            given_name: format!("Ottilie-{mark}"),
            surname: format!("Verhoeven-{mark}"),
            mobile_phone: Some(format!("+1557{:07}", id.bytes().map(u32::from).sum::<u32>())),
            business_phones: Vec::new(),
            employee_id: None,
            identities: Vec::new(),
            job_title: None,
        }
    }

    /// The same user with our key.
    #[must_use]
    pub fn with_employee_id(self, key: &str) -> Self {
        Self { employee_id: Some(key.to_owned()), ..self }
    }

    /// The values that must be in no queue, internal event or log line.
    pub fn personal_values(&self) -> Vec<String> {
        let always = [&self.principal_name, &self.given_name, &self.surname];
        always.into_iter().chain(&self.mail).chain(&self.mobile_phone).cloned().collect()
    }

    /// Every field that the simulator has.
    pub(crate) fn to_json(&self, deleted_at: Option<OffsetDateTime>) -> Value {
        let upn = json!({ "signInType": "userPrincipalName", "issuer": "harbor.onmicrosoft.example",
            "issuerAssignedId": self.principal_name });
        let federated = self.identities.iter().map(|identity| {
            json!({ "signInType": "federated", "issuer": identity.issuer, "issuerAssignedId": identity.subject })
        });
        json!({
            "id": self.id,
            "accountEnabled": self.enabled,
            "userType": "Member",
            "mail": self.mail,
            "userPrincipalName": self.principal_name,
            "givenName": self.given_name,
            "surname": self.surname,
            "displayName": format!("{} {}", self.given_name, self.surname),
            "mobilePhone": self.mobile_phone,
            "businessPhones": self.business_phones,
            "employeeId": self.employee_id,
            "identities": std::iter::once(upn).chain(federated).collect::<Vec<_>>(),
            "jobTitle": self.job_title,
            "officeLocation": null,
            "preferredLanguage": null,
            "createdDateTime": "2026-01-11T09:00:00Z",
            "lastPasswordChangeDateTime": "2026-01-11T09:00:00Z",
            "deletedDateTime": deleted_at.map(timestamp),
        })
    }
}

/// The fields that `select` names, or the default ones. `Err`: a name that is no field.
pub(crate) fn selected(user: &Value, select: Option<&str>) -> Result<Map<String, Value>, String> {
    let all = user.as_object().cloned().unwrap_or_default();
    let names: Vec<&str> = select.map_or(DEFAULT.to_vec(), |select| select.split(',').collect());
    let field = |name: &str| match all.get(name) {
        Some(value) => Ok((name.to_owned(), value.clone())),
        None => Err(name.to_owned()),
    };
    names.into_iter().map(field).collect()
}
