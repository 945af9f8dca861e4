//! Changes at a SCIM server, with its webhooks as `webhook-ingress` passes them on.

use event_contract::{IngressChange, IngressEvent};
use rand::RngExt as _;
use serde_json::{Value, json};
use simulators::NativeEvent;
use simulators::scim::ScimControl;

use super::History;
use crate::providers::ingress_event;

impl History {
    pub(super) fn at_scim(&mut self, server: &ScimControl) -> Vec<NativeEvent> {
        let (id, email) = self.record();
        let address = json!([{"value": email, "primary": true}]);
        let Some(mut user) = server.user(&id) else {
            // A user that comes back has the same ID: the server takes it from the directory behind it.
            server.put(json!({
                "id": id, "userName": id, "active": true, "externalId": self.key(), "emails": address,
                "name": {"givenName": format!("Ilse-{id}"), "familyName": format!("Brandt-{id}")},
            }));
            return vec![event(&id, false)];
        };
        match self.rng.random_range(0..8) {
            0 => {
                server.delete(&id);
                return vec![event(&id, true)];
            }
            1 => user["active"] = Value::from(user["active"] != true),
            2 => user["externalId"] = json!(self.key()),
            3 | 4 => user["phoneNumbers"] = json!([{"value": self.phone()}]),
            _ => user["emails"] = address,
        }
        server.put(user);
        vec![event(&id, false)]
    }
}

pub(super) fn event(id: &str, deleted: bool) -> NativeEvent {
    let change = if deleted { IngressChange::Deleted } else { IngressChange::Changed };
    ingress_event(&IngressEvent { change, ..IngressEvent::changed(vec![id.to_owned()]) })
}
