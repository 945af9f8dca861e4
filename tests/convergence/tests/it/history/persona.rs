//! Changes at Persona, as events of our ingress.

use rand::RngExt as _;
use simulators::NativeEvent;
use simulators::identity::{InquiryChange, PersonaSimulator};

use super::History;

impl History {
    pub(super) fn at_persona(&mut self, verifier: &PersonaSimulator) -> Vec<NativeEvent> {
        let (id, begins) = self.case();
        let changes = if begins {
            let key = self.key();
            vec![verifier.put_inquiry(&id, key.as_deref())]
        } else {
            match self.rng.random_range(0..7) {
                0 => vec![verifier.redact(&id)],
                1 => vec![verifier.decline(&id)],
                2 => vec![verifier.start_inquiry(&id)],
                3 => vec![verifier.mark_for_review(&id)],
                _ => vec![verifier.complete(&id, &self.documents()), verifier.approve(&id)],
            }
        };
        changes.iter().map(InquiryChange::ingress_event).collect()
    }
}
