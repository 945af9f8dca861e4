//! The life of a few people at three providers, from a seed.

mod auth0;
mod okta;
mod persona;
mod salesforce;
mod stripe;

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use testkit::simulators::auth0::NativeEvent;
use testkit::simulators::identity::SimulatedPerson;
use testkit::simulators::salesforce::contact_id;
use time::macros::date;

use crate::providers::{IdentityProvider, Providers, Vendors, Verifier};

/// Things that happen in one life.
const HAPPENINGS: usize = 14;

/// One seed's people: two humans, each with a key of theirs, three accounts, three contacts, two verifications.
pub(crate) struct History {
    pub(crate) seed: u64,
    vendors: Vendors,
    rng: StdRng,
    left: usize,
    /// Where something happens, and to which record.
    focus: (usize, usize),
    /// An identity provider gives no ID twice.
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
            left: HAPPENINGS,
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

    /// The next thing that happens, and the events about it, except the CRM's: those the CRM hands out itself. `None`:
    /// the life is over.
    pub(crate) fn next(&mut self, providers: &Providers) -> Option<Vec<NativeEvent>> {
        self.left = self.left.checked_sub(1)?;
        // What has just changed changes again at once more often than not: that is where readings overtake each other.
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

    /// One of two addresses that anybody may have, or one's own.
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

    /// A user to whom something happens, and an address for them.
    fn user(&mut self) -> (String, String) {
        let number = self.focus.1 % 3;
        let email = self.email(&format!("u{number}.s{}", self.seed));
        (self.users()[number].clone(), email)
    }

    /// A case to which something happens, and whether it is its first time.
    fn case(&mut self) -> (String, bool) {
        let id = self.sessions()[self.focus.1 % 2].clone();
        let begins = self.sessions_begun.insert(id.clone());
        (id, begins)
    }

    /// What the documents show.
    fn documents(&mut self) -> SimulatedPerson {
        let name = format!("Verified-{}", self.rng.random_range(0..1000));
        SimulatedPerson::new(&name, "Quill", date!(1980 - 02 - 03))
    }
}
