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
use simulators::salesforce::{SimulatedContact, contact_id};
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
    /// Users whose ID is not used again: Okta never does, and Auth0 not for an account that is linked to another.
    ended: BTreeSet<String>,
    sessions_begun: BTreeSet<String>,
    bad: Option<Bad>,
    bad_changed: bool,
    /// The identity provider's events so far.
    pub(crate) idp_events: Vec<String>,
}

/// A record that can never be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bad {
    /// A user that is refused.
    RefusedUser,
    /// A user whose answer is no user.
    UnreadableUser,
    /// A contact that is refused.
    RefusedContact,
}

/// The share of changes that are to the bad record, in a life that has one.
const OF_BAD_RECORD: f64 = 0.15;

impl History {
    pub(crate) fn new(seed: u64, vendors: Vendors) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let bad = match rng.random_range(0..6) {
            0 => Some(Bad::RefusedUser),
            1 => Some(Bad::UnreadableUser),
            2 => Some(Bad::RefusedContact),
            _ => None,
        };
        Self {
            seed,
            vendors,
            rng,
            left: EVENTS,
            focus: (0, 0),
            ended: BTreeSet::new(),
            sessions_begun: BTreeSet::new(),
            bad,
            bad_changed: false,
            idp_events: Vec::new(),
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
        if self.bad.is_some() && self.rng.random_bool(OF_BAD_RECORD) {
            return Some(self.at_bad_record(providers));
        }
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

    /// The record of this life that can never be read, if it has changed.
    pub(crate) fn bad_record(&self) -> Option<String> {
        self.bad.filter(|_| self.bad_changed).map(|bad| self.bad_id(bad))
    }

    fn bad_id(&self, bad: Bad) -> String {
        match bad {
            Bad::RefusedUser | Bad::UnreadableUser => format!("{}bad", self.users()[0]),
            Bad::RefusedContact => contact_id(self.seed * 10 + 9),
        }
    }

    fn at_bad_record(&mut self, providers: &Providers) -> Vec<NativeEvent> {
        let Some(bad) = self.bad else { return Vec::new() };
        self.bad_changed = true;
        let id = &self.bad_id(bad);
        let refused = |body: &str| Some((400, body.to_owned()));
        let reply = match bad {
            Bad::RefusedUser => refused(r#"{"statusCode": 400, "error": "Bad Request", "message": "no"}"#),
            Bad::UnreadableUser => Some((200, String::from(r#"{"email": "nora@example.org"}"#))),
            Bad::RefusedContact => refused(r#"[{"errorCode": "MALFORMED_ID", "message": "no"}]"#),
        };
        match (bad, &providers.idp) {
            (Bad::RefusedContact, _) => {
                providers.crm.set_reply(id, reply);
                drop(providers.crm.put_contact(SimulatedContact::new(id)));
                Vec::new()
            }
            (_, IdentityProvider::Auth0(tenant)) => {
                tenant.set_reply(id, reply);
                vec![tenant.put_user(simulators::auth0::SimulatedUser::new(id)).stream_event()]
            }
            (_, IdentityProvider::Okta(organization)) => {
                organization.set_reply(id, reply);
                vec![organization.put_user(simulators::okta::SimulatedUser::new(id)).log_event()]
            }
        }
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
