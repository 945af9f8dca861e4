//! Access tokens: requested once, shared, renewed before they expire. Some vendors bill and limit token calls.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::credential::Credential;
use crate::error::ProviderError;
use crate::grant::Grant;
use crate::token_request::{MAX_LIFE, request_token};
use crate::wire::Wire;

/// A token is renewed this long before it expires, or after 9/10 of its life when that is longer.
const RENEWAL_MARGIN: Duration = Duration::from_secs(60);
const REPLACEMENT_INTERVAL: Duration = Duration::from_secs(60);

/// A credential to send, and the number of the mint (the token request) that it came from.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) credential: Option<Credential>,
    generation: u64,
}

pub(crate) struct TokenCache {
    grant: Grant,
    state: Mutex<State>,
    mints: AtomicU64,
}

#[derive(Default)]
struct State {
    current: Option<(Token, Instant)>,
    last_failure: Option<ProviderError>,
    replaced_at: Option<Instant>,
}

impl TokenCache {
    pub(crate) fn new(grant: Grant) -> Self {
        Self { grant, state: Mutex::default(), mints: 0.into() }
    }

    pub(crate) async fn get(&self, wire: &Wire) -> Result<Token, ProviderError> {
        // Read without the lock: a caller that waited for it compares the count, and so knows whether it waited for a mint.
        let mints_seen = self.mint_count();
        let mut state = self.state.lock().await;
        if let Some((token, renew_at)) = &state.current
            && Instant::now() < *renew_at
        {
            return Ok(token.clone());
        }
        // Callers share a failure too: a hundred messages must not call a broken token endpoint a hundred times, one by one.
        if let Some(failure) = state.last_failure.clone().filter(|_| self.mint_count() != mints_seen) {
            return Err(failure);
        }
        self.mint_into(&mut state, wire).await
    }

    /// True if a new token may help; then the caller calls [`Self::get`] again.
    pub(crate) async fn refused(&self, refused: &Token) -> bool {
        if matches!(self.grant, Grant::Fixed { .. }) {
            return false;
        }
        let mut state = self.state.lock().await;
        if state.current.as_ref().is_some_and(|(current, _)| current.generation != refused.generation) {
            return true; // Another caller has replaced it already.
        }
        // If the provider refuses new tokens too, more new tokens do not help.
        if state.replaced_at.is_some_and(|at| at.elapsed() < REPLACEMENT_INTERVAL) {
            return false;
        }
        state.current = None;
        state.replaced_at = Some(Instant::now());
        true
    }

    async fn mint_into(&self, state: &mut State, wire: &Wire) -> Result<Token, ProviderError> {
        let minted = self.mint(wire).await;
        let generation = self.mints.fetch_add(1, Ordering::AcqRel) + 1;
        state.last_failure = minted.as_ref().err().cloned();
        let (credential, life) = minted?;
        let token = Token { credential, generation };
        state.current = Some((token.clone(), Instant::now() + useful_life(life)));
        Ok(token)
    }

    async fn mint(&self, wire: &Wire) -> Result<(Option<Credential>, Duration), ProviderError> {
        match &self.grant {
            Grant::Fixed(credential) => Ok((credential.clone()?, MAX_LIFE)),
            Grant::Asked { token_url, with } => {
                let form = with.form(token_url, OffsetDateTime::now_utc())?;
                let (token, life) = request_token(wire, token_url, &form, with.credential()?).await?;
                Ok((Some(token), life))
            }
        }
    }

    fn mint_count(&self) -> u64 {
        self.mints.load(Ordering::Acquire)
    }
}

fn useful_life(life: Duration) -> Duration {
    life.saturating_sub(RENEWAL_MARGIN).max(life * 9 / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_expires() {
        for (life, useful) in [(86_400, 86_340), (600, 540), (10, 9), (0, 0)] {
            assert_eq!(useful_life(Duration::from_secs(life)), Duration::from_secs(useful));
        }
    }
}
