//! This crate has tests only: see `tests/it`.
