//! The handler's name. Its steps are in `crates/record-sync`, and so is the code that reads the identity provider's events and
//! users (`sso.rs`), because `app-login` reads users by the same path.

pub use record_sync::SsoRecords;

use crate::SsoSync;

impl SsoSync {
    /// The unit's name.
    pub const NAME: &'static str = "sso-sync";
}

#[cfg(test)]
mod tests {
    use worker_process::Worker;
    use worker_runtime::Handler;

    use super::SsoSync;

    #[test]
    fn the_handler_has_the_unit_s_name() {
        assert_eq!(<<SsoSync as Worker>::Handler as Handler>::NAME, SsoSync::NAME);
    }
}
