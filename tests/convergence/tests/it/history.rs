//! The life of a few persons at the sources of a forest, generated from a seed.

mod auth0;
mod entra;
mod hubspot;
mod okta;
mod persona;
mod salesforce;
mod scim;
mod stripe;

use std::collections::BTreeSet;

use authority::Role;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use simulators::NativeEvent;
use simulators::identity::SimulatedPerson;
use simulators::salesforce::contact_id;
use time::macros::date;

use crate::forest::{Declared, Forest};
use crate::providers::{Simulated, addressed};

/// Events in one life: so many, and more for each source.
const EVENTS: usize = 10;
const EVENTS_OF_A_SOURCE: usize = 2;

/// The number of the record that is bad, if the life has one. All others have smaller numbers.
const BAD: u64 = 9;

/// The persons of one seed: two humans with a key each, and three records at each source, or two at an identity verification.
pub(crate) struct History {
    pub(crate) seed: u64,
    sources: Vec<Declared>,
    rng: StdRng,
    left: usize,
    /// The source and the record of the next event, as a place and a random number.
    focus: (usize, usize),
    /// The records of each source so far. A merge at HubSpot adds one.
    records: Vec<Vec<String>>,
    /// Records whose ID is not used again: Okta never does, and Auth0 not for an account that is linked to another.
    ended: BTreeSet<(usize, String)>,
    cases_begun: BTreeSet<(usize, String)>,
    bad: Option<Bad>,
    bad_changed: bool,
    /// The events so far, each with the place of its source.
    pub(crate) events: Vec<(usize, String)>,
}

/// A record that can never be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bad {
    source: usize,
    /// The answer has no record. Otherwise the request is refused.
    unreadable: bool,
}

/// The share of changes that are to the bad record, in a life that has one.
const OF_BAD_RECORD: f64 = 0.15;

impl History {
    pub(crate) fn new(seed: u64, forest: &Forest, providers: &[Simulated]) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let source = rng.random_range(0..forest.sources.len());
        let reads_users = providers[source].not_found().is_some();
        let bad = Bad { source, unreadable: reads_users && rng.random_bool(0.5) };
        let can_be_bad = providers[source].refused().is_some();
        let has_bad = rng.random_bool(0.5) && can_be_bad;
        let records = |source: &Declared| {
            let count = if source.role == Role::Identity { 2 } else { 3 };
            (0..count).map(|number| record_id(source.connector.name, seed, number)).collect()
        };
        Self {
            seed,
            records: forest.sources.iter().map(records).collect(),
            sources: forest.sources.clone(),
            rng,
            left: EVENTS + EVENTS_OF_A_SOURCE * forest.sources.len(),
            focus: (0, 0),
            ended: BTreeSet::new(),
            cases_begun: BTreeSet::new(),
            bad: has_bad.then_some(bad),
            bad_changed: false,
            events: Vec::new(),
        }
    }

    /// The records of the source at this place, also those that are gone.
    pub(crate) fn records(&self, source: usize) -> &[String] {
        &self.records[source]
    }

    /// Makes the next change at a source, and returns the events about it, each with the place of its source. A CRM delivers its
    /// events itself. `None`: the life is over.
    pub(crate) fn next(&mut self, providers: &[Simulated]) -> Option<Vec<(usize, String)>> {
        self.left = self.left.checked_sub(1)?;
        let bad = self.bad.filter(|_| self.rng.random_bool(OF_BAD_RECORD));
        let (source, events) = match bad {
            Some(bad) => (bad.source, self.at_bad_record(bad, &providers[bad.source])),
            None => {
                // About half of the changes are to the record that changed last: then one refetch can overtake another.
                if self.rng.random_bool(0.5) {
                    self.focus = (self.rng.random_range(0..self.sources.len()), self.rng.random_range(0..6));
                }
                (self.focus.0, self.at(&providers[self.focus.0]))
            }
        };
        let events = self.addressed(source, events);
        self.events.extend(events.iter().cloned());
        Some(events)
    }

    /// The first change of a life: an account at this source.
    pub(crate) fn sign_up(&mut self, source: usize, providers: &[Simulated]) -> Vec<(usize, String)> {
        self.focus = (source, 0);
        let events = self.at(&providers[source]);
        self.addressed(source, events)
    }

    fn addressed(&self, source: usize, events: Vec<NativeEvent>) -> Vec<(usize, String)> {
        let name = &self.sources[source].name;
        events.into_iter().map(|event| (source, addressed(event, name))).collect()
    }

    fn at(&mut self, provider: &Simulated) -> Vec<NativeEvent> {
        match provider {
            Simulated::Auth0(tenant) => self.at_auth0(tenant),
            Simulated::Okta(organization) => self.at_okta(organization),
            Simulated::Entra(tenant) => self.at_entra(tenant),
            Simulated::Scim(server) | Simulated::Rest(server) => self.at_scim(server),
            Simulated::Salesforce(org) => {
                self.at_salesforce(org);
                Vec::new()
            }
            Simulated::HubSpot(account) => {
                self.at_hubspot(account);
                Vec::new()
            }
            Simulated::Stripe(account) => self.at_stripe(account),
            Simulated::Persona(environment) => self.at_persona(environment),
        }
    }

    /// The place of a source and its record that can never be read, if it has changed.
    pub(crate) fn bad_record(&self) -> Option<(usize, String)> {
        self.bad.filter(|_| self.bad_changed).map(|bad| (bad.source, self.bad_id(bad)))
    }

    fn bad_id(&self, bad: Bad) -> String {
        record_id(self.sources[bad.source].connector.name, self.seed, BAD)
    }

    fn at_bad_record(&mut self, bad: Bad, provider: &Simulated) -> Vec<NativeEvent> {
        self.bad_changed = true;
        let id = &self.bad_id(bad);
        let unreadable = Some((200, r#"{"email": "nora@example.org"}"#));
        let reply = if bad.unreadable { unreadable } else { provider.refused() };
        provider.set_replies(std::slice::from_ref(id), reply);
        match provider {
            Simulated::Auth0(tenant) => {
                vec![tenant.put_user(simulators::auth0::SimulatedUser::new(id)).stream_event()]
            }
            Simulated::Okta(organization) => {
                vec![organization.put_user(simulators::okta::SimulatedUser::new(id)).log_event()]
            }
            Simulated::Entra(tenant) => {
                tenant.put_user(simulators::entra::SimulatedUser::new(id));
                vec![entra::notification(tenant, id, false)]
            }
            Simulated::Scim(server) | Simulated::Rest(server) => {
                server.put_user(id, "Nora");
                vec![scim::event(id, false)]
            }
            Simulated::Salesforce(org) => {
                org.put_contact(simulators::salesforce::SimulatedContact::new(id));
                Vec::new()
            }
            Simulated::HubSpot(_) | Simulated::Stripe(_) | Simulated::Persona(_) => Vec::new(),
        }
    }

    fn key(&mut self) -> Option<String> {
        let seed = self.seed;
        match self.rng.random_range(0..3) {
            2 => None,
            human => Some(format!("K{seed}-{human}")),
        }
    }

    /// One of two addresses that all records share, or an address of this record alone.
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

    fn city(&mut self) -> String {
        format!("City {}", self.rng.random_range(0..1000))
    }

    /// The record of the next event, and an address for it.
    fn record(&mut self) -> (String, String) {
        let (source, number) = self.focus;
        let number = number % self.records[source].len();
        let email = self.email(&format!("r{source}x{number}.s{}", self.seed));
        (self.records[source][number].clone(), email)
    }

    /// The records at the source of the next event.
    fn others(&self, id: &str) -> Vec<String> {
        self.records[self.focus.0].iter().filter(|other| *other != id).cloned().collect()
    }

    /// The ID is not used again.
    fn end(&mut self, id: &str) {
        self.ended.insert((self.focus.0, id.to_owned()));
    }

    fn has_ended(&self, id: &str) -> bool {
        self.ended.contains(&(self.focus.0, id.to_owned()))
    }

    /// The case of the next event, and whether the case is new.
    fn case(&mut self) -> (String, bool) {
        let (id, _) = self.record();
        let begins = self.cases_begun.insert((self.focus.0, id.clone()));
        (id, begins)
    }

    /// The person on the documents.
    fn documents(&mut self) -> SimulatedPerson {
        let name = format!("Verified-{}", self.rng.random_range(0..1000));
        SimulatedPerson::new(&name, "Quill", date!(1980 - 02 - 03))
    }
}

/// A vendor's ID of a record. Two sources of one vendor have records with the same IDs.
fn record_id(connector: &str, seed: u64, number: u64) -> String {
    match connector {
        "auth0" => format!("auth0|s{seed}u{number}"),
        "okta" => format!("00us{seed}u{number}"),
        "entra" => format!("3c9a1f70-5b2e-4d11-9a0c-{:012x}", seed * 10 + number),
        "salesforce" => contact_id(seed * 10 + number),
        // Above the IDs that the simulator gives to new contacts.
        "hubspot" => (1_000_000 + seed * 10 + number).to_string(),
        "stripe" => format!("vs_s{seed}v{number}"),
        "persona" => format!("inq_s{seed}v{number}"),
        _ => format!("s{seed}u{number}"),
    }
}
