//! Which CRM, and how to reach it: the same for every worker that asks one.

pub use provider_crm::CrmSettings;
