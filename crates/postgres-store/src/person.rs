//! Persons: the computed profile, and what follows from it for the CRM.

mod crm_account;
pub(crate) mod crm_push;
mod crm_view;
pub(crate) mod policy_change;
mod profile_view;
pub(crate) mod recompute;
mod row;
pub(crate) mod view;

pub use crm_account::{MOST_REPEATS, WrittenContact};
pub use crm_push::{PUSH_KEY_BYTES, PushKey};
pub use crm_view::{CrmView, Pushed, is_another_person};
pub use policy_change::{AppliedBatch, FieldChange, PersonChange, PolicyBatch};
pub use view::{NamedIdentity, PersonKey, PersonView, StoredPerson, TakenDecision};
