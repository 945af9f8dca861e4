//! Events that wait for the bus: announcements of our own, and events from webhooks.

mod announcement;
mod ingress;

pub use announcement::{Announce, LeasedAnnouncement, OutboxDepth};
pub(crate) use announcement::{announcement, insert};
pub use ingress::IngressRow;
