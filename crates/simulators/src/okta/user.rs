//! A user of the organization, and its JSON as the Users API gives it.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::auth0::user::timestamp;

/// The status of a user. Okta has more of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// May sign in.
    Active,
    /// Suspended by an administrator.
    Suspended,
    /// Deactivated: the first step of a deletion.
    Deprovisioned,
}

/// A user. Every personal value is invented and unlikely to occur elsewhere, so that a leak can be searched for.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedUser {
    /// `00u…`
    pub id: String,
    /// The status.
    pub status: Status,
    /// Address, which is the login too.
    pub email: String,
    /// Whether the address is verified.
    pub email_verified: bool,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Phone number; `None` writes `null`.
    pub mobile_phone: Option<String>,
    /// Our key; `None` leaves it out.
    pub employee_number: Option<String>,
    /// Set by the simulator, in whole seconds.
    pub last_updated: OffsetDateTime,
    /// Set by the simulator: what the entity tag is made of.
    pub(crate) version: u64,
}

impl SimulatedUser {
    /// An active user with a verified address and marked personal values that are derived from the ID.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            status: Status::Active,
            email: format!("signe.{id}@staff.example.org"),
            email_verified: true,
            first_name: format!("Signe-{id}"),
            last_name: format!("Hallbeck-{id}"),
            mobile_phone: Some(format!("+1555{:07}", id.bytes().map(u32::from).sum::<u32>())),
            employee_number: None,
            last_updated: OffsetDateTime::UNIX_EPOCH,
            version: 0,
        }
    }

    /// The same user with our key.
    #[must_use]
    pub fn with_employee_number(self, number: &str) -> Self {
        Self { employee_number: Some(number.to_owned()), ..self }
    }

    /// The values that must be in no queue, internal event or log line.
    pub fn personal_values(&self) -> Vec<String> {
        let always = [&self.email, &self.first_name, &self.last_name];
        always.into_iter().chain(&self.mobile_phone).cloned().collect()
    }

    pub(crate) fn etag(&self) -> String {
        format!("W/\"{:08x}\"", self.version.wrapping_mul(0x9E37_79B1))
    }

    /// The body of `GET /api/v1/users/{id}`.
    pub fn to_json(&self) -> Value {
        let address_status = if self.email_verified { "VERIFIED" } else { "UNVERIFIED" };
        let mut body = json!({
            "id": self.id,
            "status": self.status.as_str(),
            "created": "2026-01-11T09:00:00.000Z",
            "activated": "2026-01-11T09:05:00.000Z",
            "statusChanged": timestamp(self.last_updated),
            "lastLogin": null,
            "lastUpdated": timestamp(self.last_updated),
            "passwordChanged": null,
            "type": { "id": "otySim0000" },
            "profile": {
                "login": self.email, "email": self.email, "firstName": self.first_name, "lastName": self.last_name,
                "mobilePhone": self.mobile_phone, "secondEmail": null,
            },
            "credentials": {
                "emails": [{ "value": self.email, "status": address_status, "type": "PRIMARY" }],
                "provider": { "type": "OKTA", "name": "OKTA" },
            },
        });
        if let Some(number) = &self.employee_number {
            body["profile"]["employeeNumber"] = number.clone().into();
        }
        body
    }
}

impl Status {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Suspended => "SUSPENDED",
            Self::Deprovisioned => "DEPROVISIONED",
        }
    }
}
