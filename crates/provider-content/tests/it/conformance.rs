//! The promises that the client of every vendor keeps. A new vendor is one line at the end.

use std::time::Duration;

use provider_content::{ChangesError, ContentProvider, FetchedItem, ItemKey, ProviderError};
use provider_http::Outage;

use crate::clients::{Make, SECRET, contentful, directus, refusal};
use provider_http::test_server::{NOWHERE, answering, silent};

const PERSONAL: &str = "mara.quill@example.org";

fn key() -> ItemKey {
    ItemKey { collection: String::from("entry"), id: String::from("6lNotice") }
}

/// The results of a first page, a count, an item and a ping.
async fn failures(make: Make, url: &str) -> [ProviderError; 4] {
    let client = make(url);
    let ChangesError::Provider(page) = refusal(&client, None).await else { panic!("nothing was refused") };
    let count = client.count().await.unwrap_err();
    [page, count, client.fetch_item(&key()).await.unwrap_err(), client.ping().await.unwrap_err()]
}

async fn what_must_be_there_is_no_empty_answer(make: Make) {
    for status in [404, 410] {
        let client = make(&answering(status, &[], "{}").await);
        let wrong = ProviderError::Invalid { status: 404 };
        assert_eq!(refusal(&client, None).await, ChangesError::Provider(wrong.clone()));
        assert_eq!((client.count().await, client.ping().await), (Err(wrong.clone()), Err(wrong)));
    }
}

async fn a_full_quota_is_a_rate_limit_with_its_length(make: Make) {
    let limited = ProviderError::RateLimited { retry_after: Duration::from_secs(17) };
    for header in [&[("retry-after", "17")], &[("x-contentful-ratelimit-reset", "17")]] {
        let url = answering(429, header, "{}").await;
        assert_eq!(refusal(&make(&url), None).await, ChangesError::Provider(limited.clone()));
    }
}

async fn refused_credentials_are_unauthorized(make: Make) {
    for status in [401, 403] {
        let url = answering(status, &[], PERSONAL).await;
        assert_eq!(failures(make, &url).await, [const { ProviderError::Unauthorized }; 4]);
    }
}

async fn outages_are_distinguished(make: Make) {
    let unavailable = |cause| ProviderError::Unavailable { cause, retry_after: None };
    let failing = answering(500, &[], PERSONAL).await;
    let silent = silent().await;
    let cases =
        [(failing.as_str(), Outage::ServerError), (&silent, Outage::Timeout), (NOWHERE, Outage::Connect)];
    for (url, cause) in cases {
        for failure in failures(make, url).await {
            assert_eq!(failure, unavailable(cause));
        }
    }
}

async fn a_reply_that_breaks_the_contract_is_malformed(make: Make) {
    let bodies = [
        "<html>mara.quill@example.org</html>",
        "[]",
        "{}",
        "null",
        r#"{"items":{"mara":1},"data":{"mara":1}}"#,
        r#"{"data":[{"title":"no ID"}],"items":[{"sys":{"type":"Entry"}}],"nextSyncUrl":"?sync_token=1"}"#,
        r#"{"data":[{"id":"","count":"mara"}],"items":[{"sys":{"type":"Entry","id":""}}],"nextSyncUrl":"?sync_token=1"}"#,
        r#"{"data":[{"id":"1","date_created":"mara"}],"items":[{"sys":{"type":"Entry","id":"1","updatedAt":"mara"}}]}"#,
    ];
    for body in bodies {
        let client = make(&answering(200, &[], body).await);
        let page = refusal(&client, None).await;
        assert!(
            matches!(
                page,
                ChangesError::Provider(
                    ProviderError::Malformed { .. }
                        | ProviderError::Unusable { .. }
                        | ProviderError::Unreadable { .. }
                )
            ),
            "{body}: {page:?}"
        );
        let count = client.count().await;
        assert!(
            matches!(
                count,
                Err(ProviderError::Malformed { .. }
                    | ProviderError::Unusable { .. }
                    | ProviderError::Unreadable { .. })
            ),
            "{body}: {count:?}"
        );
        let item = client.fetch_item(&key()).await;
        assert!(
            matches!(item, Err(ProviderError::Malformed { .. } | ProviderError::Unusable { .. })),
            "{body}: {item:?}"
        );
    }
}

async fn another_item_than_was_asked_for_is_malformed(make: Make) {
    let other = r#"{"data":[{"id":"other"}],"sys":{"type":"Asset","id":"6lNotice"},"fields":{}}"#;
    let outcome = make(&answering(200, &[], other).await).fetch_item(&key()).await;
    assert_eq!(outcome, Err(ProviderError::WHOLE_REPLY_MALFORMED));
}

async fn an_id_that_is_not_one_segment_leads_nowhere_else(make: Make) {
    let client = make(&answering(200, &[], r#"{"data":[]}"#).await);
    for id in ["", "..", "."] {
        let outcome = client.fetch_item(&ItemKey { id: id.to_owned(), ..key() }).await;
        let harmless = [Err(ProviderError::Invalid { status: 400 }), Ok(FetchedItem::Gone)];
        assert!(harmless.contains(&outcome), "{id:?}: {outcome:?}");
    }
}

async fn a_cursor_that_is_none_is_refused(make: Make) {
    let client = make(&answering(400, &[], "{}").await);
    assert_eq!(refusal(&client, Some("no cursor of ours")).await, ChangesError::CursorRefused);
}

async fn nothing_secret_or_personal_is_printed(make: Make) {
    let mut texts = vec![format!("{:?}", make(NOWHERE))];
    for status in [200, 302, 400, 401, 403, 429, 500] {
        let error = refusal(&make(&answering(status, &[], PERSONAL).await), None).await;
        texts.push(format!("{error} {error:?}"));
    }
    for text in texts {
        for secret in [SECRET, "mara"] {
            assert!(!text.contains(secret), "{text:?} holds {secret:?}");
        }
    }
}

provider_http::client_conformance!([contentful, directus] {
    what_must_be_there_is_no_empty_answer,
    a_full_quota_is_a_rate_limit_with_its_length,
    refused_credentials_are_unauthorized,
    outages_are_distinguished,
    a_reply_that_breaks_the_contract_is_malformed,
    another_item_than_was_asked_for_is_malformed,
    an_id_that_is_not_one_segment_leads_nowhere_else,
    a_cursor_that_is_none_is_refused,
    nothing_secret_or_personal_is_printed,
});
