//! Users whom nobody has read yet, each asked for once however many sign-ins of it are at hand.
//!
//! An answer is shared for as long as a sign-in that waits for it is not written. Once it is written the user is known,
//! and is not asked for any more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use postgres_store::RefetchTicket;
use record_sync::Reread;
use tokio::sync::OnceCell;
use worker_runtime::Refetch;

/// The right to read a user whom nobody has read, and where the answer goes.
#[derive(Clone)]
pub struct UnknownUser {
    pub(crate) ticket: RefetchTicket,
    pub(crate) answer: Arc<UserAnswer>,
}

/// One user's answer. Whoever asks first fills it; if that fails, the next one asks.
pub struct UserAnswer {
    answer: OnceCell<(Refetch<String>, Reread)>,
}

impl UserAnswer {
    /// The cell, to be filled.
    pub(crate) const fn cell(&self) -> &OnceCell<(Refetch<String>, Reread)> {
        &self.answer
    }

    /// What was answered, and to which claim.
    pub(crate) fn get(&self) -> Option<&(Refetch<String>, Reread)> {
        self.answer.get()
    }
}

/// The answers that some sign-in waits for, by user.
#[derive(Default)]
pub(crate) struct UnknownUsers {
    shared: Mutex<HashMap<String, Weak<UserAnswer>>>,
}

impl UnknownUsers {
    /// The one answer about this user, empty or not.
    pub(crate) fn answer_about(&self, user_id: &str) -> Arc<UserAnswer> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = shared.get(user_id).and_then(Weak::upgrade) {
            return answer;
        }
        // No more stay than there are sign-ins at hand.
        shared.retain(|_, answer| answer.strong_count() > 0);
        let answer = Arc::new(UserAnswer { answer: OnceCell::new() });
        shared.insert(user_id.to_owned(), Arc::downgrade(&answer));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_shared_for_as_long_as_somebody_holds_it() {
        let users = UnknownUsers::default();
        let (first, second) = (users.answer_about("auth0|ada"), users.answer_about("auth0|ada"));
        assert!(Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&first, &users.answer_about("auth0|bo")));
        let old = Arc::downgrade(&first);
        drop((first, second));
        let _new = users.answer_about("auth0|ada");
        assert!(old.upgrade().is_none());
        assert_eq!(users.shared.lock().unwrap_or_else(PoisonError::into_inner).len(), 1);
    }
}
