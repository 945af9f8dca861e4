//! One call, from gate to answer, and what all calls of a client share.
//!
//! A call is repeated with a new token after a 401, and a read when its connection breaks. The caller decides on every other
//! repetition, since it knows the message's attempts.

use std::time::Duration;

use reqwest::header::{ETAG, HeaderMap};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::admission::Admission;
use crate::answer::Answer;
use crate::body::{BodyLimit, read_failure, read_json};
use crate::call::Call;
use crate::config::{Codes, ReadError};
use crate::error::ProviderError;
use crate::meaning::{Meaning, meaning};
use crate::pace::Pacer;
use crate::rate_limit::{QuotaHeaders, RateGate, pause};
use crate::token::TokenCache;
use crate::wire::Wire;

pub(crate) struct Exchange {
    pub(crate) wire: Wire,
    pub(crate) headers: HeaderMap,
    pub(crate) body_limit: BodyLimit,
    pub(crate) longest_pause: Duration,
    pub(crate) read_error: Option<ReadError>,
    pub(crate) codes: Option<Codes>,
    pub(crate) admission: Option<Admission>,
    pub(crate) tokens: TokenCache,
    pub(crate) gate: RateGate,
    pub(crate) pacer: Pacer,
    pub(crate) quota: Option<QuotaHeaders>,
    pub(crate) places: Semaphore,
}

impl Exchange {
    pub(crate) async fn run<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<Answer<T>, ProviderError> {
        self.run_and(call, |reply| read_json(reply, self.body_limit)).await
    }

    pub(crate) async fn run_and<T, F: Future<Output = Result<T, ProviderError>>>(
        &self,
        call: Call<'_>,
        read: impl FnOnce(Response) -> F,
    ) -> Result<Answer<T>, ProviderError> {
        let _place = self.enter().await?;
        let reply = self.send_with_fresh_token(&call).await?;
        Ok(match self.understand(reply, &call).await? {
            Answer::Found { value, etag } => Answer::Found { value: read(value).await?, etag },
            Answer::NotModified => Answer::NotModified,
            Answer::NotFound => Answer::NotFound,
            Answer::Gone => Answer::Gone,
        })
    }

    async fn enter(&self) -> Result<Option<SemaphorePermit<'_>>, ProviderError> {
        self.check_gate()?;
        // The semaphore is never closed, so there is always a place in the end.
        let place = self.places.acquire().await.ok();
        if let Some(admission) = &self.admission {
            admission.admit().await?;
        }
        self.pacer.turn().await?;
        // The gate may have closed during both waits.
        self.check_gate()?;
        Ok(place)
    }

    async fn send_with_fresh_token(&self, call: &Call<'_>) -> Result<Response, ProviderError> {
        let Self { wire, tokens, headers, .. } = self;
        let token = tokens.get(wire).await?;
        let reply = call.send(wire, headers, token.credential.as_ref()).await?;
        if reply.status() != StatusCode::UNAUTHORIZED || !tokens.refused(&token).await {
            return Ok(reply);
        }
        // For writes too: the provider has not done what it refused.
        let token = tokens.get(wire).await?;
        call.send(wire, headers, token.credential.as_ref()).await
    }

    async fn understand(&self, reply: Response, call: &Call<'_>) -> Result<Answer<Response>, ProviderError> {
        let (headers, now) = (reply.headers(), OffsetDateTime::now_utc());
        let stated = self.quota.as_ref().and_then(|quota| quota.pause(headers, now));
        let pause = pause(headers, now).max(stated).map(|pause| pause.min(self.longest_pause));
        let meaning = meaning(reply.status().as_u16(), call.is_conditional(), pause);
        self.close_gate(&meaning, pause);
        match meaning {
            Meaning::NotModified => Ok(Answer::NotModified),
            Meaning::NotFound => Ok(Answer::NotFound),
            Meaning::Gone => Ok(Answer::Gone),
            Meaning::Failed(error) => Err(self.read_failure(reply, error, call).await),
            Meaning::Body => {
                let etag = reply.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
                Ok(Answer::Found { value: reply, etag })
            }
        }
    }

    async fn read_failure(&self, reply: Response, error: ProviderError, call: &Call<'_>) -> ProviderError {
        let read = match (call.read_error, self.read_error, self.codes, &error) {
            (Some(read), ..) => read_failure(reply, read).await,
            (None, Some(read), ..) => read_failure(reply, read).await,
            (None, None, Some(codes), ProviderError::Invalid { .. }) => {
                read_failure(reply, |_, body| codes.read(body)).await
            }
            _ => None,
        };
        match read {
            None => error,
            Some(ProviderError::RateLimited { retry_after }) => {
                let retry_after = retry_after.min(self.longest_pause);
                self.gate.close_for(retry_after);
                ProviderError::RateLimited { retry_after }
            }
            Some(error) => error,
        }
    }

    fn check_gate(&self) -> Result<(), ProviderError> {
        self.gate.closed_for().map_or(Ok(()), |retry_after| Err(ProviderError::RateLimited { retry_after }))
    }

    fn close_gate(&self, meaning: &Meaning, pause: Option<Duration>) {
        match (meaning, pause) {
            (Meaning::Failed(ProviderError::RateLimited { retry_after }), _) => {
                self.gate.close_for(*retry_after);
            }
            // A 503 with `Retry-After` is an outage, and the circuit breaker has to probe it: the gate stays open.
            (Meaning::Failed(ProviderError::Unavailable { .. }), _) | (_, None) => {}
            (_, Some(pause)) => self.gate.close_for(pause),
        }
    }
}
