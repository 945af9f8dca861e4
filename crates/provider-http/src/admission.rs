//! Leave to send a request, asked for before each one: how a caller keeps to a budget that the provider does not know.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::error::ProviderError;

type Leave = Pin<Box<dyn Future<Output = Result<(), NotAdmitted>> + Send>>;

/// No request may be sent: the call ends as [`ProviderError::RateLimited`], with nothing sent.
#[derive(Debug, Clone, Copy)]
pub struct NotAdmitted {
    /// How long to wait before it is tried again.
    pub retry_after: Duration,
}

/// Ends when the next request may be sent, or when it is clear that none may. Of a call that is given up while it waits,
/// no request is sent.
///
/// A boxed closure and no trait parameter: it would stand in the type of every client and of whoever holds one.
#[derive(Clone)]
pub struct Admission(Arc<dyn Fn() -> Leave + Send + Sync>);

impl Admission {
    /// Admits when the future that `leave` makes ends well.
    pub fn new<F: Future<Output = Result<(), NotAdmitted>> + Send + 'static>(
        leave: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(move || Box::pin(leave())))
    }

    pub(crate) async fn admit(&self) -> Result<(), ProviderError> {
        let refused = |NotAdmitted { retry_after }| ProviderError::RateLimited { retry_after };
        (self.0)().await.map_err(refused)
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admission")
    }
}
