//! The life of a few persons at three providers, generated from a seed.

mod auth0;
mod okta;
mod persona;
mod salesforce;
mod stripe;

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use simulators::NativeEvent;
use simulators::identity::SimulatedPerson;
use simulators::salesforce::contact_id;
use time::macros::date;

use crate::providers::{IdentityProvider, Providers, Vendors, Verifier};

/// Events in one life.
const EVENTS: usize = 14;

/// The persons of one seed: two humans with a key each, three accounts, three contacts and two verifications.
pub(crate) struct History {
    pub(crate) seed: u64,
    vendors: Vendors,
    rng: StdRng,
    left: usize,
    /// The provider and the record of the next event, as random numbers.
    focus: (usize, usize),
    /// Deleted users. An identity provider uses no ID twice.
    deleted: BTreeSet<String>,
    sessions_begun: BTreeSet<String>,
}

impl History {
    pub(crate) fn new(seed: u64, vendors: Vendors) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        Self {
            seed,
            vendors,
            rng,
            left: EVENTS,
            focus: (0, 0),
            deleted: BTreeSet::new(),
            sessions_begun: BTreeSet::new(),
        }
    }

    pub(crate) fn users(&self) -> [String; 3] {
        let prefix = match self.vendors {
            Vendors::Auth0AndStripe => "auth0|",
            Vendors::OktaAndPersona => "00u",
        };
        [0, 1, 2].map(|number| format!("{prefix}s{}u{number}", self.seed))
    }

    pub(crate) fn contacts(&self) -> [String; 3] {
        [0, 1, 2].map(|number| contact_id(self.seed * 10 + number))
    }

    pub(crate) fn sessions(&self) -> [String; 2] {
        let prefix = match self.vendors {
            Vendors::Auth0AndStripe => "vs_",
            Vendors::OktaAndPersona => "inq_",
        };
        [0, 1].map(|number| format!("{prefix}s{}v{number}", self.seed))
    }

    /// Makes the next change at a provider, and returns the events about it. The CRM delivers its events itself. `None`:
    /// the life is over.
    pub(crate) fn next(&mut self, providers: &Providers) -> Option<Vec<NativeEvent>> {
        self.left = self.left.checked_sub(1)?;
        // About half of the changes are to the record that changed last: then one refetch can overtake another.
        if self.rng.random_bool(0.5) {
            self.focus = (self.rng.random_range(0..10), self.rng.random_range(0..6));
        }
        Some(match self.focus.0 {
            0..=4 => match &providers.idp {
                IdentityProvider::Auth0(tenant) => self.at_auth0(tenant),
                IdentityProvider::Okta(organization) => self.at_okta(organization),
            },
            5..=7 => {
                self.at_salesforce(&providers.crm);
                Vec::new()
            }
            _ => match &providers.verifier {
                Verifier::Stripe(account) => self.at_stripe(account),
                Verifier::Persona(environment) => self.at_persona(environment),
            },
        })
    }

    fn key(&mut self) -> Option<String> {
        let seed = self.seed;
        match self.rng.random_range(0..3) {
            2 => None,
            human => Some(format!("K{seed}-{human}")),
        }
    }

    /// One of two addresses that all users share, or an address of this user alone.
    fn email(&mut self, own: &str) -> String {
        let seed = self.seed;
        match self.rng.random_range(0..4) {
            0 => format!("shared0.s{seed}@example.org"),
            1 => format!("shared1.s{seed}@example.org"),
            _ => format!("{own}.{}@example.org", self.rng.random_range(0..1000)),
        }
    }

    fn phone(&mut self) -> String {
        format!("+1555{:07}", self.rng.random_range(0..100_000))
    }

    /// The user of the next event, and an address for it.
    fn user(&mut self) -> (String, String) {
        let number = self.focus.1 % 3;
        let email = self.email(&format!("u{number}.s{}", self.seed));
        (self.users()[number].clone(), email)
    }

    /// The case of the next event, and whether the case is new.
    fn case(&mut self) -> (String, bool) {
        let id = self.sessions()[self.focus.1 % 2].clone();
        let begins = self.sessions_begun.insert(id.clone());
        (id, begins)
    }

    /// The person on the documents.
    fn documents(&mut self) -> SimulatedPerson {
        let name = format!("Verified-{}", self.rng.random_range(0..1000));
        SimulatedPerson::new(&name, "Quill", date!(1980 - 02 - 03))
    }
}
