//! Users that the database does not have. The worker reads each of them once, even if several of its sign-ins are in flight:
//! they share one answer until the last of them is written. Then the database has the user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use postgres_store::RefetchTicket;
use record_sync::Reread;
use tokio::sync::OnceCell;
use worker_runtime::Refetch;

/// The ticket for the read of a user that the database does not have, and the place for the answer.
#[derive(Clone)]
pub struct UnknownUser {
    pub(crate) ticket: RefetchTicket,
    pub(crate) answer: Arc<UserAnswer>,
}

/// The provider's answer about one user. The first sign-in fills it. If its read fails, the next sign-in reads the user.
pub struct UserAnswer {
    answer: OnceCell<(Refetch<String>, Reread)>,
}

impl UserAnswer {
    pub(crate) const fn cell(&self) -> &OnceCell<(Refetch<String>, Reread)> {
        &self.answer
    }

    pub(crate) fn get(&self) -> Option<&(Refetch<String>, Reread)> {
        self.answer.get()
    }
}

#[derive(Default)]
pub(crate) struct UnknownUsers {
    shared: Mutex<HashMap<String, Weak<UserAnswer>>>,
}

impl UnknownUsers {
    /// The shared answer about this user. It may still be empty.
    pub(crate) fn answer_about(&self, user_id: &str) -> Arc<UserAnswer> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = shared.get(user_id).and_then(Weak::upgrade) {
            return answer;
        }
        // Remove the entries of settled sign-ins, so that the map does not outgrow the sign-ins in flight.
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
    fn sign_ins_share_an_answer_until_the_last_of_them_drops_it() {
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
