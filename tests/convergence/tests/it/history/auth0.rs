//! Changes at Auth0.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use simulators::NativeEvent;
use simulators::auth0::{Auth0Control, SimulatedIdentity, SimulatedUser};

use super::History;

impl History {
    pub(super) fn at_auth0(&mut self, idp: &Auth0Control) -> Vec<NativeEvent> {
        let (id, email) = self.record();
        let id = &id;
        if self.has_ended(id) {
            return Vec::new();
        }
        let Some(user) = idp.user(id) else {
            let mut user = SimulatedUser::new(id);
            user.person_key = self.key();
            user.email = Some(email);
            return vec![idp.put_user(user).stream_event()];
        };
        match self.rng.random_range(0..8) {
            // A user that comes back has the same ID: a social account's ID is its ID at the other provider.
            0 => vec![idp.delete(id).stream_event()],
            1 => vec![idp.update(id, |user| user.blocked = Some(user.blocked != Some(true))).log_event()],
            2 => {
                let key = self.key();
                vec![idp.update(id, |user| user.person_key = key).stream_event()]
            }
            3 => self.link_accounts(idp, user),
            4 | 5 => {
                let phone = self.phone();
                vec![idp.update(id, |user| user.phone_number = Some(phone)).stream_event()]
            }
            _ => {
                let verified = self.rng.random_bool(0.8);
                let change = |user: &mut SimulatedUser| {
                    user.email = Some(email);
                    user.email_verified = verified;
                };
                vec![idp.update(id, change).stream_event()]
            }
        }
    }

    /// Links another account to this one: it becomes an identity of this account, and is no separate account any more.
    fn link_accounts(&mut self, idp: &Auth0Control, primary: SimulatedUser) -> Vec<NativeEvent> {
        let mut others = self.others(&primary.user_id);
        others.retain(|id| idp.user(id).is_some());
        let Some(other) = others.choose(&mut self.rng).cloned() else { return Vec::new() };
        self.end(&other);
        let subject = other.trim_start_matches("auth0|");
        let identity = SimulatedIdentity::new("auth0", "Coppice-Members", subject.into());
        let gone = idp.delete(&other).stream_event();
        let linked = idp.update(&primary.user_id, |user| user.identities.push(identity)).stream_event();
        vec![gone, linked]
    }
}
