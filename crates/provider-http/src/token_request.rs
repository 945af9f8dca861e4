//! One call of the token endpoint. This module keeps nothing.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use time::OffsetDateTime;
use url::Url;

use crate::body::read_token;
use crate::credential::Credential;
use crate::error::ProviderError;
use crate::grant::Form;
use crate::meaning::{Meaning, meaning};
use crate::rate_limit::pause;
use crate::wire::Wire;

/// Life of a token that comes without `expires_in`, which RFC 6749 only recommends.
const DEFAULT_LIFE: Duration = Duration::from_secs(300);
/// The longest life that we accept, so that a wrong number cannot overflow a clock.
pub(crate) const MAX_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// <https://www.rfc-editor.org/rfc/rfc6749#section-5.1>; other fields are not read.
#[derive(Deserialize)]
struct TokenReply {
    access_token: SecretString,
    expires_in: Option<u64>,
}

pub(crate) async fn request_token(
    wire: &Wire,
    url: &Url,
    form: &Form,
    credential: Option<Credential>,
) -> Result<(Credential, Duration), ProviderError> {
    let exposed: Vec<_> = form.iter().map(|(name, value)| (*name, value.expose_secret())).collect();
    let mut request = wire.http.post(url.clone()).form(&exposed);
    if let Some(Credential { name, value }) = credential {
        request = request.header(name, value);
    }
    let reply = wire.send(request).await?;
    let pause = pause(reply.headers(), OffsetDateTime::now_utc());
    match meaning(reply.status().as_u16(), false, pause) {
        Meaning::Body => {}
        // RFC 6749 section 5.2: a refused client is a 400 as well as a 401.
        Meaning::Failed(ProviderError::Invalid { status: 400 }) => return Err(ProviderError::Unauthorized),
        // The settings are wrong, not the record that the caller wanted to read: no message may be blamed for it.
        Meaning::Failed(ProviderError::Invalid { .. })
        | Meaning::NotFound
        | Meaning::Gone
        | Meaning::NotModified => {
            return Err(ProviderError::Unusable { why: "the token endpoint refuses the request itself" });
        }
        Meaning::Failed(error) => return Err(error),
    }
    let reply: TokenReply = read_token(reply).await?;
    let life = reply.expires_in.map_or(DEFAULT_LIFE, Duration::from_secs).min(MAX_LIFE);
    Ok((Credential::token("Bearer", &reply.access_token)?, life))
}
