//! Which source is believed about which field of a person: from source records and a policy to a profile.
//!
//! In: the records that the sources keep of one person, and a [`Policy`]. Out: a [`Profile`], in which every value names
//! the record that it comes from and the rule that chose it. Pure: the same records and the same policy give the same
//! profile, whatever order the records came in, so a policy can be tried out without refetching anything.
//!
//! A record's claims are the top-level keys of its stored JSON that are called like a field: `email`, `given_name`.
//! This crate must not know providers, tables or queues: a source is a name, and has a [`Role`].

mod explain;
mod field;
mod policy;
mod profile;
mod push;
mod record;
mod rule;

pub use explain::{RuleTrace, Standing, Tried, explain};
pub use field::Field;
pub use policy::{Policy, PolicyError};
pub use profile::{Believed, Profile, Status};
pub use record::{Role, SourceRecord};
pub use rule::{Condition, Rule, Sources};
