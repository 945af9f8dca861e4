//! The proof that an operator wants to write. Functions that change much, or that a dry run must not call, require it.

/// An operator's tool makes it where it has checked its flag, and nowhere else.
#[derive(Debug)]
pub struct Write(());

impl Write {
    /// The proof, if `wanted`.
    pub const fn if_wanted(wanted: bool) -> Option<Self> {
        if wanted { Some(Self(())) } else { None }
    }
}
