//! A fleet on this machine, for the demo, `cargo xtask up` and `cargo xtask cluster`: the sources, a worker for each branch of a
//! file, and the persons who use them.

pub(crate) mod persons;
pub(crate) mod sources;
pub(crate) mod stage;

/// The file of the demo: one source of each connector.
pub(crate) const EIGHT_SOURCES: &str = include_str!("../../../examples/eight-sources.toml");
