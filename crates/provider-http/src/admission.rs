//! Permission to send a request, needed for each one: how a caller keeps to a budget that the provider does not know.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::error::ProviderError;

type Permission = Pin<Box<dyn Future<Output = Result<(), NotAdmitted>> + Send>>;

/// The caller must send no request. The call ends as [`ProviderError::RateLimited`], with nothing sent.
#[derive(Debug, Clone, Copy)]
pub struct NotAdmitted {
    /// How long to wait before the next try.
    pub retry_after: Duration,
}

/// Ends when the next request may be sent, or when it is clear that none may. A call that is cancelled meanwhile sends none.
#[derive(Clone)]
pub struct Admission(Arc<dyn Fn() -> Permission + Send + Sync>);

impl Admission {
    /// Admits a request when the future that `permit` makes returns `Ok`.
    pub fn new<F: Future<Output = Result<(), NotAdmitted>> + Send + 'static>(
        permit: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        // Boxed: every client and every holder of a client would have to repeat a type parameter.
        Self(Arc::new(move || Box::pin(permit())))
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
