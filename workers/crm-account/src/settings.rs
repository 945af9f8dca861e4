//! The settings of the CRM. All workers that call it read the same ones.

pub use provider_crm::CrmSettings;
