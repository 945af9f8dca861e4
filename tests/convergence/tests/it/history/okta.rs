//! Changes at Okta.

use rand::RngExt as _;
use simulators::NativeEvent;
use simulators::okta::{Change, OktaControl, SimulatedUser, Status};

use super::History;

impl History {
    pub(super) fn at_okta(&mut self, idp: &OktaControl) -> Vec<NativeEvent> {
        let (id, email) = self.record();
        if self.has_ended(&id) {
            return Vec::new();
        }
        let changes: Vec<Change> = match (idp.user(&id), self.rng.random_range(0..8)) {
            (None, _) => {
                let mut user = SimulatedUser::new(&id);
                user.email = email;
                user.employee_number = self.key();
                vec![idp.put_user(user)]
            }
            (Some(_), 0) => {
                self.end(&id);
                vec![idp.deactivate(&id), idp.delete(&id)]
            }
            (Some(user), 1) if user.status == Status::Active => vec![idp.suspend(&id)],
            (Some(_), 1) => vec![idp.update(&id, |user| user.status = Status::Active)],
            (Some(_), 2) => {
                let key = self.key();
                vec![idp.update(&id, |user| user.employee_number = key)]
            }
            (Some(_), 3 | 4) => {
                let phone = self.phone();
                vec![idp.update(&id, |user| user.mobile_phone = Some(phone))]
            }
            (Some(_), _) => {
                let verified = self.rng.random_bool(0.8);
                vec![idp.update(&id, |user| {
                    user.email = email;
                    user.email_verified = verified;
                })]
            }
        };
        changes.iter().map(Change::log_event).collect()
    }
}
