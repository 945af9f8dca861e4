//! Tests only: after any history of events and faults, the database and the CRM agree with the providers. See `tests/it`.
