//! Events that wait for the bus: announcements of our own, and events from webhooks.

mod announcement;
mod ingress;
mod lease;

pub use announcement::{Announce, LeasedAnnouncement};
pub(crate) use announcement::{announcement, insert};
pub use ingress::IngressRow;
pub use lease::OutboxDepth;
