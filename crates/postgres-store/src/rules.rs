//! The rules by which this process computes persons: those of the newest version of `coppice.toml` that was applied. In: versions.
//! Out: [`Rules`], for one transaction. This module must not know persons or records.
//!
//! Two versions never compute at the same time. Each transaction that computes a person holds an advisory lock in common, and reads the
//! newest version's number behind it, with the person's records; a new version is stored by a transaction that holds it alone.
//! A transaction that has begun by older rules ends without a change, and is made again by the newer ones.

use std::sync::{Arc, PoisonError, RwLock};

use authority::Policy;

use crate::{Store, StoreError};

pub(crate) const STALE: &str = "another version of coppice.toml";

/// The rules, and the version that has them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    version: Version,
    pub(crate) policy: Arc<Policy>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Version {
    /// No version was ever applied, and the rules are those of this process's own file.
    #[default]
    None,
    Applied(i64),
    /// They are only tried: nothing that is computed by them is written or pushed.
    Tried,
}

impl Rules {
    pub(crate) fn tried(policy: &Policy) -> Self {
        Self { version: Version::Tried, policy: Arc::new(policy.clone()) }
    }

    /// # Errors
    /// [`STALE`], if the database has another version: then [`Store::read_rules`], and begin again.
    pub(crate) fn check(&self, newest: Option<i64>) -> Result<(), StoreError> {
        match (self.version, newest) {
            (Version::Tried, _) | (Version::None, None) => Ok(()),
            (Version::Applied(own), Some(newest)) if own == newest => Ok(()),
            _ => Err(StoreError::Unavailable { code: STALE.to_owned() }),
        }
    }
}

impl StoreError {
    /// Whether it says that a newer version of `coppice.toml` counts by now.
    pub fn is_other_version(&self) -> bool {
        matches!(self, Self::Unavailable { code } if code == STALE)
    }
}

/// What all clones of a store share.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewestRules(Arc<RwLock<Rules>>);

impl NewestRules {
    pub(crate) fn of(policy: Policy) -> Self {
        Self(Arc::new(RwLock::new(Rules { version: Version::None, policy: Arc::new(policy) })))
    }

    pub(crate) fn get(&self) -> Rules {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, rules: Rules) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }
}

impl Store {
    /// The policy by which persons are computed, as far as this process knows. A newer version is noticed by the next transaction
    /// that computes a person.
    pub fn policy(&self) -> Arc<Policy> {
        self.rules.get().policy
    }

    /// Goes on by the newest version. Without any, the rules stay those of this process's own file.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with a policy that this release cannot read: a newer one has applied it.
    pub async fn read_rules(&self) -> Result<(), StoreError> {
        let Some(version) = self.active_config().await? else { return Ok(()) };
        let applied = Version::Applied(version.version);
        if self.rules.get().version == applied {
            return Ok(());
        }
        let rules = Rules { version: applied, policy: Arc::new(version.file.policy()?) };
        tracing::info!(version = version.version, "another version of coppice.toml counts now");
        self.rules.set(rules);
        Ok(())
    }
}
