//! The life of a few people at three providers, from a seed.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use testkit::simulators::auth0::{NativeEvent, SimulatedIdentity, SimulatedUser};
use testkit::simulators::identity::SimulatedPerson;
use testkit::simulators::salesforce::{SimulatedContact, contact_id};
use time::macros::date;

use crate::fleet::Providers;

/// Things that happen in one life.
const HAPPENINGS: usize = 14;

/// One seed's people: two humans, each with a key of theirs, three accounts, three contacts, two verifications.
pub(crate) struct History {
    pub(crate) seed: u64,
    rng: StdRng,
    left: usize,
    /// Where something happens, and to which record.
    focus: (usize, usize),
    /// An identity provider gives no ID twice.
    deleted: BTreeSet<String>,
    sessions_begun: BTreeSet<String>,
}

impl History {
    pub(crate) fn new(seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        Self {
            seed,
            rng,
            left: HAPPENINGS,
            focus: (0, 0),
            deleted: BTreeSet::new(),
            sessions_begun: BTreeSet::new(),
        }
    }

    pub(crate) fn users(&self) -> [String; 3] {
        [0, 1, 2].map(|number| format!("auth0|s{}u{number}", self.seed))
    }

    pub(crate) fn contacts(&self) -> [String; 3] {
        [0, 1, 2].map(|number| contact_id(self.seed * 10 + number))
    }

    pub(crate) fn sessions(&self) -> [String; 2] {
        [0, 1].map(|number| format!("vs_s{}v{number}", self.seed))
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
            0..=4 => self.at_the_identity_provider(providers),
            5..=7 => {
                self.in_the_crm(providers);
                Vec::new()
            }
            _ => self.at_the_verifier(providers),
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

    fn at_the_identity_provider(&mut self, providers: &Providers) -> Vec<NativeEvent> {
        let idp = &providers.idp;
        let users = self.users();
        let number = self.focus.1 % 3;
        let id = &users[number];
        if self.deleted.contains(id) {
            return Vec::new();
        }
        let Some(user) = idp.user(id) else {
            let mut user = SimulatedUser::new(id);
            user.person_key = self.key();
            user.email = Some(self.email(&format!("u{number}.s{}", self.seed)));
            return vec![idp.put_user(user).stream_event()];
        };
        match self.rng.random_range(0..8) {
            0 => {
                self.deleted.insert(id.clone());
                vec![idp.delete(id).stream_event()]
            }
            1 => vec![idp.update(id, |user| user.blocked = Some(user.blocked != Some(true))).log_event()],
            2 => {
                let key = self.key();
                vec![idp.update(id, |user| user.person_key = key).stream_event()]
            }
            3 => self.link_accounts(providers, user),
            4 | 5 => {
                let phone = self.rng.random_range(0..100_000);
                vec![
                    idp.update(id, |user| user.phone_number = Some(format!("+1555{phone:07}")))
                        .stream_event(),
                ]
            }
            _ => {
                let email = self.email(&format!("u{number}.s{}", self.seed));
                let verified = self.rng.random_bool(0.8);
                let change = |user: &mut SimulatedUser| {
                    user.email = Some(email);
                    user.email_verified = verified;
                };
                vec![idp.update(id, change).stream_event()]
            }
        }
    }

    /// Another account becomes a way to sign in to this one, and is no account any more.
    fn link_accounts(&mut self, providers: &Providers, primary: SimulatedUser) -> Vec<NativeEvent> {
        let idp = &providers.idp;
        let users = self.users();
        let others = users.iter().filter(|id| **id != primary.user_id && idp.user(id).is_some());
        let others: Vec<&String> = others.collect();
        let Some(other) = others.choose(&mut self.rng) else { return Vec::new() };
        self.deleted.insert((*other).clone());
        let subject = other.trim_start_matches("auth0|");
        let identity = SimulatedIdentity::new("auth0", "Coppice-Members", subject.into());
        let gone = idp.delete(other).stream_event();
        let linked = idp.update(&primary.user_id, |user| user.identities.push(identity)).stream_event();
        vec![gone, linked]
    }

    fn in_the_crm(&mut self, providers: &Providers) {
        let crm = &providers.crm;
        let contacts = self.contacts();
        let number = self.focus.1 % 3;
        let id = &contacts[number];
        let Some(contact) = crm.contact(id) else {
            let mut contact = SimulatedContact::new(id);
            contact.person_key = self.key().filter(|key| crm.by_key(key).is_none());
            contact.email = Some(self.email(&format!("c{number}.s{}", self.seed)));
            crm.put_contact(contact);
            return;
        };
        if contact.is_deleted {
            let taken = contact.person_key.as_deref().is_some_and(|key| crm.by_key(key).is_some());
            if !taken {
                crm.undelete(id);
            }
            return;
        }
        let merge_with = contacts.iter().filter(|other| *other != id);
        let merge_with: Vec<&String> =
            merge_with.filter(|other| crm.contact(other).is_some_and(|other| !other.is_deleted)).collect();
        match (self.rng.random_range(0..7), merge_with.choose(&mut self.rng)) {
            (0, _) => drop(crm.delete(id)),
            (1, Some(loser)) => drop(crm.merge(id, loser)),
            (2 | 3, _) => {
                let city = format!("City {}", self.rng.random_range(0..1000));
                crm.update(id, |contact| contact.mailing_city = Some(city));
            }
            _ => {
                let email = self.email(&format!("c{number}.s{}", self.seed));
                crm.update(id, |contact| contact.email = Some(email));
            }
        }
    }

    fn at_the_verifier(&mut self, providers: &Providers) -> Vec<NativeEvent> {
        let verifier = &providers.verifier;
        let sessions = self.sessions();
        let number = self.focus.1 % 2;
        let id = &sessions[number];
        if self.sessions_begun.insert(id.clone()) {
            let key = self.key();
            return vec![verifier.put_session(id, key.as_deref()).partner_event()];
        }
        let name = format!("Verified-{}", self.rng.random_range(0..1000));
        let event = match self.rng.random_range(0..6) {
            0 => verifier.redact(id),
            1 => verifier.refuse(id, "document_expired"),
            2 => verifier.process(id),
            _ => verifier.verify(id, &SimulatedPerson::new(&name, "Quill", date!(1980 - 02 - 03))),
        };
        vec![event.partner_event()]
    }
}
