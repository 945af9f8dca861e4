//! Simulators of Stripe Identity and Persona: cases, one by one and as a list, and the events about them.
//!
//! In: commands, HTTP requests. Out: replies and events shaped like the real ones, personal values included, so that a
//! test can look for them where they must not be. Shapes:
//! <https://docs.stripe.com/api/identity/verification_sessions>,
//! <https://docs.withpersona.com/api-reference/inquiries/retrieve-an-inquiry>.
//!
//! Not simulated: writes over HTTP, pages beyond the first, webhooks' signatures and deliveries, permissions of a key,
//! Stripe's reports and files, Persona's accounts, verifications and camel-case keys.

mod control;
mod fault;
mod guard;
mod person;
mod persona;
mod state;
mod stripe;

use crate::{Control, Simulator};

pub use fault::Fault;
pub use person::SimulatedPerson;
pub use persona::{InquiryChange, Persona};
pub use state::{State, Vendor};
pub use stripe::{STRIPE_SOURCE, SessionChange, Stripe};

/// The handle on the account of a vendor.
pub type IdentityControl<V> = Control<State<V>>;
/// A running Persona environment.
pub type PersonaSimulator = Simulator<State<Persona>>;
/// A running Stripe account.
pub type StripeSimulator = Simulator<State<Stripe>>;
