//! Leave to send a request, asked for before each one: how a caller keeps to a budget that the provider does not know.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

type Leave = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Ends when the next request may be sent. Of a call that is given up while it waits, no request is sent.
///
/// A boxed closure and no trait parameter: it would stand in the type of every client and of whoever holds one.
#[derive(Clone)]
pub struct Admission(Arc<dyn Fn() -> Leave + Send + Sync>);

impl Admission {
    /// Admits when the future that `leave` makes ends.
    pub fn new<F: Future<Output = ()> + Send + 'static>(
        leave: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(move || Box::pin(leave())))
    }

    pub(crate) async fn admit(&self) {
        (self.0)().await;
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admission")
    }
}
