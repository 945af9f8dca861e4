//! Changes at Microsoft Entra ID, with the notifications about them as `webhook-ingress` passes them on.

use event_contract::{IngressChange, IngressEvent};
use rand::RngExt as _;
use simulators::NativeEvent;
use simulators::entra::{EntraControl, SimulatedUser};

use super::History;
use crate::providers::ingress_event;

impl History {
    pub(super) fn at_entra(&mut self, idp: &EntraControl) -> Vec<NativeEvent> {
        let (id, email) = self.record();
        if self.has_ended(&id) {
            return Vec::new();
        }
        if idp.user(&id).is_none() {
            if self.cases_begun.insert((self.focus.0, id.clone())) {
                let mut user = SimulatedUser::new(&id);
                user.mail = Some(email);
                user.employee_id = self.key();
                idp.put_user(user);
            } else if self.rng.random_bool(0.7) {
                // A deleted user comes back with the same ID.
                idp.restore(&id);
            } else {
                self.end(&id);
                idp.purge(&id);
                return vec![notification(idp, &id, true)];
            }
            return vec![notification(idp, &id, false)];
        }
        match self.rng.random_range(0..8) {
            0 => idp.delete(&id),
            1 => idp.update(&id, |user| user.enabled = !user.enabled),
            2 => {
                let key = self.key();
                idp.update(&id, |user| user.employee_id = key);
            }
            3 | 4 => {
                let phone = self.phone();
                idp.update(&id, |user| user.mobile_phone = Some(phone));
            }
            _ => idp.update(&id, |user| user.mail = Some(email)),
        }
        vec![notification(idp, &id, false)]
    }
}

/// After a deletion that can be undone, Graph says that the user was updated.
pub(super) fn notification(idp: &EntraControl, id: &str, purged: bool) -> NativeEvent {
    let change = if purged { IngressChange::Deleted } else { IngressChange::Changed };
    let account = Some(idp.tenant_id().to_owned());
    ingress_event(&IngressEvent { change, account, ..IngressEvent::changed(vec![id.to_owned()]) })
}
