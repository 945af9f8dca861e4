//! Whatever happens at the providers and on the way, the database and the CRM end as they should. See `tests/it`.
