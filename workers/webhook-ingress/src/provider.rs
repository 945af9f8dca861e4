//! The providers whose webhooks we accept, each named once. How a provider signs and where its IDs stand is in the vendor's
//! `webhook.rs`, in the crate of its role.

use provider_webhook::Webhook;

macro_rules! providers {
    ($($Provider:ident = $webhook:path),+ $(,)?) => {
        /// A provider whose webhooks we accept.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Provider {
            $($Provider),+
        }

        impl Provider {
            pub(crate) const ALL: [Self; [$(Self::$Provider),+].len()] = [$(Self::$Provider),+];

            /// How it signs, and where its IDs stand.
            pub(crate) const fn webhook(self) -> &'static Webhook {
                match self {
                    $(Self::$Provider => &$webhook),+
                }
            }
        }
    };
}

providers! {
    Auth0 = provider_sso::auth0::WEBHOOK,
    Contentful = provider_content::contentful::WEBHOOK,
    Entra = provider_sso::entra::WEBHOOK,
    HubSpot = provider_crm::hubspot::WEBHOOK,
    Okta = provider_sso::okta::WEBHOOK,
    Persona = provider_identity::persona::WEBHOOK,
    Scim = provider_sso::scim::WEBHOOK,
    StandardWebhooks = provider_webhook::standard::WEBHOOK,
    Stripe = provider_identity::stripe::WEBHOOK,
}

/// The webhooks of every provider, sorted by name.
pub fn webhooks() -> [&'static Webhook; Provider::ALL.len()] {
    Provider::ALL.map(Provider::webhook)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_sorted_and_no_two_providers_share_a_name_or_a_setting() {
        let names = webhooks().map(|webhook| webhook.name);
        assert!(names.is_sorted());
        let distinct = |texts: &[&'static str]| texts.iter().collect::<BTreeSet<_>>().len();
        assert_eq!(distinct(&names), names.len());
        assert_eq!(distinct(&webhooks().map(|webhook| webhook.secrets.name)), names.len());
    }
}
