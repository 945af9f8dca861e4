//! The providers: what each is called, what it signs with, and who reads its bodies. Everything that differs between them
//! is chosen here.

use axum::http::HeaderMap;
use settings::Setting;
use time::OffsetDateTime;

use crate::bodies::{self, Named, Unreadable};
use crate::schemes::{Disbelief, Signed, contentful, hubspot, persona, standard, static_header, stripe};
use crate::secrets::Secrets;

/// The name of every provider that there is code for, sorted.
#[must_use]
pub fn provider_names() -> [&'static str; Provider::ALL.len()] {
    Provider::ALL.map(Provider::name)
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Provider {
    Auth0,
    Contentful,
    HubSpot,
    Okta,
    Persona,
    Scim,
    StandardWebhooks,
    Stripe,
}

impl Provider {
    pub(crate) const ALL: [Self; 8] = [
        Self::Auth0,
        Self::Contentful,
        Self::HubSpot,
        Self::Okta,
        Self::Persona,
        Self::Scim,
        Self::StandardWebhooks,
        Self::Stripe,
    ];

    /// Its name in the path, in `coppice.ingress.<name>` and in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auth0 => "auth0",
            Self::Contentful => "contentful",
            Self::HubSpot => "hubspot",
            Self::Okta => "okta",
            Self::Persona => "persona",
            Self::Scim => "scim",
            Self::StandardWebhooks => "standard-webhooks",
            Self::Stripe => "stripe",
        }
    }

    /// The setting that holds its secrets, and that enables it.
    pub(crate) const fn setting(self) -> Setting<Secrets> {
        let (name, meaning) = match self {
            Self::Auth0 => ("COPPICE_AUTH0_WEBHOOK_SECRETS", "Auth0: values of its Authorization header"),
            Self::Contentful => ("COPPICE_CONTENTFUL_WEBHOOK_SECRETS", "Contentful: signing secrets"),
            Self::HubSpot => ("COPPICE_HUBSPOT_WEBHOOK_SECRETS", "HubSpot: client secrets of the app"),
            Self::Okta => ("COPPICE_OKTA_WEBHOOK_SECRETS", "Okta: values of its Authorization header"),
            Self::Persona => ("COPPICE_PERSONA_WEBHOOK_SECRETS", "Persona: secrets of the webhook"),
            Self::Scim => {
                ("COPPICE_SCIM_WEBHOOK_SECRETS", "a SCIM server: values of its Authorization header")
            }
            Self::StandardWebhooks => (
                "COPPICE_STANDARD_WEBHOOKS_SECRETS",
                "anyone who signs as Standard Webhooks: keys, as whsec_…",
            ),
            Self::Stripe => ("COPPICE_STRIPE_WEBHOOK_SECRETS", "Stripe: signing secrets of the endpoint"),
        };
        let parse = match self {
            Self::StandardWebhooks => Secrets::parse_base64,
            _ => Secrets::parse,
        };
        Setting::new(name, Some(""), meaning, parse)
    }

    /// Whether [`Provider::verify`] looks at the head alone: then it is asked before the body is read.
    pub(crate) const fn is_proven_by_head(self) -> bool {
        matches!(self, Self::Auth0 | Self::Okta | Self::Scim)
    }

    /// Whether the request is this provider's, and of now.
    pub(crate) fn verify(
        self,
        request: &Signed<'_>,
        secrets: &Secrets,
        now: OffsetDateTime,
    ) -> Result<(), Disbelief> {
        match self {
            Self::Contentful => contentful::verify(request, secrets, now),
            Self::HubSpot => hubspot::verify(request, secrets, now),
            Self::Persona => persona::verify(request, secrets, now),
            Self::StandardWebhooks => standard::verify(request, secrets, now),
            Self::Stripe => stripe::verify(request, secrets, now),
            Self::Auth0 | Self::Okta | Self::Scim => static_header::verify(request, secrets),
        }
    }

    /// The records that a body names.
    pub(crate) fn read(self, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Named>, Unreadable> {
        match self {
            Self::Auth0 => bodies::auth0::read(body),
            Self::Contentful => bodies::contentful::read(headers, body),
            Self::HubSpot => bodies::hubspot::read(body),
            Self::Okta => bodies::okta::read(body),
            Self::Persona => bodies::persona::read(body),
            Self::Scim => bodies::scim::read(body),
            Self::StandardWebhooks => bodies::standard::read(body),
            Self::Stripe => bodies::stripe::read(body),
        }
    }
}
