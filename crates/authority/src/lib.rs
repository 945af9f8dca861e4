//! Computes a person's profile from source records by a policy of authority. Pure: the same records and the same policy give
//! the same profile, whatever the order of the records, so a policy can be tried without a refetch.
//!
//! The fields are data: the policy file defines them. A record's assertions are the top-level keys of its stored JSON that are
//! named like a field: `email`, `given_name`. This crate must not know providers, tables or queues: a source is a name with a
//! [`Role`].

mod definition;
mod explain;
mod field;
mod normal;
mod policy;
mod profile;
mod push;
mod record;
mod rule;

pub use definition::{Class, Definition, FieldType};
pub use explain::{RuleTrace, Standing, Tried, explain};
pub use field::Field;
pub use policy::{DEFAULT_POLICY, Policy, PolicyError, PolicyFile};
pub use profile::{Believed, Profile, Status};
pub use record::{Role, SourceRecord};
pub use rule::{Condition, Rule, Sources};
