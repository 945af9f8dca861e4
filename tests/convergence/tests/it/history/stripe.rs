//! Changes at Stripe.

use rand::RngExt as _;
use simulators::NativeEvent;
use simulators::identity::StripeSimulator;

use super::History;

impl History {
    pub(super) fn at_stripe(&mut self, verifier: &StripeSimulator) -> Vec<NativeEvent> {
        let (id, begins) = self.case();
        if begins {
            let key = self.key();
            return vec![verifier.put_session(&id, key.as_deref()).partner_event()];
        }
        let event = match self.rng.random_range(0..6) {
            0 => verifier.redact(&id),
            1 => verifier.refuse(&id, "document_expired"),
            2 => verifier.process(&id),
            _ => verifier.verify(&id, &self.documents()),
        };
        vec![event.partner_event()]
    }
}
