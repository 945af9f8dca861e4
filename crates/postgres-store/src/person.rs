//! Persons: the computed profile, and what follows from it for the CRM.

mod crm_account;
mod crm_view;
mod policy_change;
pub(crate) mod recompute;
mod row;
pub(crate) mod view;

pub use crm_account::{MOST_REPEATS, WrittenContact, pushed_hash};
pub use crm_view::{CrmView, Pushed, is_another_person};
pub use policy_change::{AppliedBatch, FieldChange, PersonChange, PolicyBatch};
pub use view::{NamedIdentity, PersonKey, PersonView, StoredPerson, TakenDecision};
