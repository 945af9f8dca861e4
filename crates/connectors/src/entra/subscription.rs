//! The subscription that makes Graph send change notifications: <https://learn.microsoft.com/graph/api/resources/subscription>.
//! It has to be renewed before it ends. While there is none, Graph sends no changes, and only the delta query has them.

use async_trait::async_trait;
use provider_http::json::{Json, needed};
use provider_http::{Answer, ProviderError};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use url::Url;

use crate::connector::{Kept, Subscriptions};

use super::EntraClient;
use super::config::Notifications;
use super::listing::{SKIP_TOKEN, items, token};

/// A creation and a soft deletion come as `updated`, and `deleted` is a permanent deletion.
const CHANGES: &str = "updated,deleted";

const USERS: &str = "users";

const SUBSCRIPTIONS: &[&str] = &["subscriptions"];

/// Graph allows 41,760 minutes. The rest is for clocks that differ.
const LIFE: Duration = Duration::minutes(41_700);

/// A renewal also authorizes a subscription again, which Graph asks for at any time.
const RENEWED_AFTER: Duration = Duration::DAY;

/// One of our application's subscriptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Graph's ID.
    pub id: String,
    /// What it is about: `users`.
    pub resource: String,
    /// Where notifications go.
    pub notification_url: Option<Url>,
    /// Where lifecycle events go.
    pub lifecycle_url: Option<Url>,
    /// When it ends.
    pub expires_at: OffsetDateTime,
}

impl Subscription {
    /// Whether it is about users and sends to these addresses. The address of lifecycle events cannot be added to a subscription,
    /// so that one without it does not count.
    fn is_of(&self, url: &Url, lifecycle_url: &Url) -> bool {
        self.resource.trim_start_matches('/').eq_ignore_ascii_case(USERS)
            && self.notification_url.as_ref() == Some(url)
            && self.lifecycle_url.as_ref() == Some(lifecycle_url)
    }
}

impl EntraClient {
    /// Has a subscription of users that sends to these addresses: renews the one that is there, unless that was done within a day,
    /// or creates one.
    ///
    /// # Errors
    /// Any [`ProviderError`]; [`ProviderError::Refused`] with `ValidationError` when Graph cannot reach an address.
    pub async fn ensure_subscription(
        &self,
        url: &Url,
        lifecycle_url: &Url,
        client_state: &SecretString,
    ) -> Result<Kept, ProviderError> {
        let all = self.list_subscriptions().await?;
        let ours: Vec<&Subscription> = all.iter().filter(|one| one.is_of(url, lifecycle_url)).collect();
        let fresh_until = OffsetDateTime::now_utc() + LIFE - RENEWED_AFTER;
        if ours.iter().any(|one| one.expires_at > fresh_until) {
            return Ok(Kept::Fresh);
        }
        for subscription in ours {
            if self.renew_subscription(&subscription.id).await?.is_some() {
                return Ok(Kept::Renewed);
            }
        }
        self.create_subscription(url, lifecycle_url, client_state).await.map(|_| Kept::Created)
    }

    /// All subscriptions of our application. One that cannot be read is left out.
    pub async fn list_subscriptions(&self) -> Result<Vec<Subscription>, ProviderError> {
        let (mut all, mut after) = (Vec::new(), None::<String>);
        loop {
            let query: Vec<_> = after.iter().map(|after| (SKIP_TOKEN, after.as_str())).collect();
            let page: Json = self.http.get_json(SUBSCRIPTIONS, &query, None).await?.always_found()?;
            all.extend(items(&page)?.iter().filter_map(|one| subscription(one).ok()));
            let next = token(&self.http, &page, "@odata.nextLink", SUBSCRIPTIONS, SKIP_TOKEN)?;
            match next {
                None => return Ok(all),
                // A list that links to itself would never end.
                next if next == after => return Err(ProviderError::WRONG_LINK),
                next => after = next,
            }
        }
    }

    /// Creates a subscription of users. Graph asks both addresses whether they are ours before it answers.
    pub async fn create_subscription(
        &self,
        url: &Url,
        lifecycle_url: &Url,
        client_state: &SecretString,
    ) -> Result<Subscription, ProviderError> {
        let body = json!({
            "changeType": CHANGES,
            "resource": USERS,
            "notificationUrl": url.as_str(),
            "lifecycleNotificationUrl": lifecycle_url.as_str(),
            "clientState": client_state.expose_secret(),
            "expirationDateTime": end()?,
        });
        subscription(&self.http.post_json::<_, Json>(SUBSCRIPTIONS, &[], &body).await?.always_found()?)
    }

    /// Makes a subscription live longer, and authorizes it again. `None`: there is no such subscription any more.
    pub async fn renew_subscription(&self, id: &str) -> Result<Option<Subscription>, ProviderError> {
        let body = json!({ "expirationDateTime": end()? });
        match self.http.patch_json::<_, Json>(&["subscriptions", id], &[], &body).await? {
            Answer::Found { value, .. } => subscription(&value).map(Some),
            Answer::NotFound | Answer::Gone | Answer::NotModified => Ok(None),
        }
    }

    /// Authorizes a subscription again, without a longer life. `false`: there is no such subscription any more.
    pub async fn reauthorize_subscription(&self, id: &str) -> Result<bool, ProviderError> {
        let path = ["subscriptions", id, "reauthorize"];
        let answer = self.http.post_json::<_, Value>(&path, &[], &json!({})).await?;
        Ok(matches!(answer, Answer::Found { .. }))
    }
}

#[async_trait]
impl Subscriptions for EntraClient {
    async fn keep(&self) -> Result<Kept, ProviderError> {
        let Notifications { url, secret } = self.notifications()?;
        self.ensure_subscription(url, url, &secret.0).await
    }

    async fn ends_at(&self) -> Result<Option<OffsetDateTime>, ProviderError> {
        let Notifications { url, .. } = self.notifications()?;
        let ours = self.list_subscriptions().await?.into_iter().filter(|one| one.is_of(url, url));
        let now = OffsetDateTime::now_utc();
        Ok(ours.map(|one| one.expires_at).filter(|end| *end > now).max())
    }
}

impl EntraClient {
    fn notifications(&self) -> Result<&Notifications, ProviderError> {
        self.notifications.as_ref().ok_or(ProviderError::Invalid { status: 501 })
    }
}

fn end() -> Result<String, ProviderError> {
    // The year is between 0 and 9999.
    (OffsetDateTime::now_utc() + LIFE).format(&Rfc3339).map_err(|_| ProviderError::Invalid { status: 400 })
}

fn subscription(record: &Json) -> Result<Subscription, ProviderError> {
    let url = |name| record.at(name).text().ok().flatten().and_then(|text| text.parse().ok());
    Ok(Subscription {
        id: needed("id", record.at("id").text())?,
        resource: needed("resource", record.at("resource").text())?,
        notification_url: url("notificationUrl"),
        lifecycle_url: url("lifecycleNotificationUrl"),
        expires_at: needed("expirationDateTime", record.at("expirationDateTime").time())?,
    })
}
