//! The SCIM client against servers that count wrongly, refuse what they advertise, or answer too much.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::http::Uri;
use connectors::{
    ChangedPage, ChangesFrom, Fetched, ListedPage, Listing, ProviderError, Records, ScimClient, ScimConfig,
    Vendor,
};
use provider_http::test_server::{answering_with, reply};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::fixtures::{Parts as _, SECRET};

const USERS: usize = 250;

/// A server of 250 users, and its oddities.
#[derive(Clone)]
struct Odd {
    /// What `/ServiceProviderConfig` answers.
    config: (u16, Value),
    most: usize,
    counts_the_page: bool,
    lower: bool,
    /// Bytes of groups that a user has, if it is asked for whole.
    groups: usize,
    /// This user has two megabytes of them.
    giant: Option<usize>,
    honours_attributes: bool,
    /// Answers a request that has this in its query with 400 and this `scimType`.
    refuses: Option<(&'static str, &'static str)>,
    refuses_places_behind_the_end: bool,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Default for Odd {
    fn default() -> Self {
        let config = json!({"filter": {"supported": false}, "sort": {"supported": false}});
        Self {
            config: (200, config),
            most: 1000,
            counts_the_page: false,
            lower: false,
            groups: 0,
            giant: None,
            honours_attributes: true,
            refuses: None,
            refuses_places_behind_the_end: false,
            seen: Arc::default(),
        }
    }
}

impl Odd {
    async fn client(&self) -> ScimClient {
        let odd = self.clone();
        let url = answering_with(move |request| {
            let (status, body) = odd.answer(request.uri());
            std::future::ready(reply(status, &[], &body.to_string()))
        });
        let config = ScimConfig { url: url.await.parse().unwrap(), token: SECRET.into() };
        ScimClient::client(config, |limits| limits.max_body_bytes = 1 << 20).unwrap()
    }

    fn answer(&self, uri: &Uri) -> (u16, Value) {
        let query = uri.query().unwrap_or_default().to_owned();
        self.seen.lock().unwrap().push(query.clone());
        let number = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse::<usize>().ok())
        };
        match (uri.path(), self.refuses) {
            ("/ServiceProviderConfig", _) => return self.config.clone(),
            (_, Some((part, kind))) if query.contains(part) => return (400, json!({ "scimType": kind })),
            ("/Users", _) => {}
            (path, _) => {
                let number = path.trim_start_matches("/Users/").parse();
                return number.map_or((404, json!({})), |number| (200, self.user(number, &query)));
            }
        }
        let start = number("startIndex").unwrap_or(1) - 1;
        if self.refuses_places_behind_the_end && start >= USERS {
            return (400, json!({ "scimType": "invalidValue" }));
        }
        let count = number("count").unwrap_or(100).min(self.most);
        let page: Vec<Value> =
            (start.min(USERS)..(start + count).min(USERS)).map(|number| self.user(number, &query)).collect();
        let total = if self.counts_the_page { page.len() } else { USERS };
        let name = if self.lower { "resources" } else { "Resources" };
        (200, json!({ "totalResults": total, "itemsPerPage": page.len(), name: page }))
    }

    fn user(&self, number: usize, query: &str) -> Value {
        let at = format!("2026-11-{:02}T{:02}:{:02}:00Z", 1 + number / 1440, number / 60 % 24, number % 60);
        let mut user = json!({"id": number.to_string(), "userName": format!("u{number}"), "active": true,
            "displayName": "Ada", "meta": {"lastModified": at}});
        if !(self.honours_attributes && query.contains("attributes=")) {
            let bytes = if self.giant == Some(number) { 2 << 20 } else { self.groups };
            user["groups"] = json!([{ "display": "x".repeat(bytes) }]);
        }
        user
    }

    fn requests(&self, part: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|query| query.contains(part)).count()
    }
}

async fn listed(client: &ScimClient) -> Vec<ListedPage> {
    let mut pages = vec![client.list(None).await.unwrap()];
    while let Some(next) = pages.last().unwrap().next.clone() {
        pages.push(client.list(Some(&next)).await.unwrap());
        assert!(pages.len() < 1000, "the listing has no end");
    }
    pages
}

fn ids(pages: &[ListedPage]) -> BTreeSet<&str> {
    pages.iter().flat_map(|page| &page.records).map(|record| record.id.as_str()).collect()
}

async fn changed(client: &ScimClient) -> Vec<ChangedPage> {
    let mut pages = vec![client.changes(ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH)).await.unwrap()];
    while pages.last().unwrap().more {
        let next = pages.last().unwrap().next.clone();
        pages.push(client.changes(ChangesFrom::Cursor(&next)).await.unwrap());
        assert!(pages.len() < 1000, "the feed has no end");
    }
    pages
}

/// Reads all users by both ways.
async fn all_are_read(odd: &Odd) -> (Vec<ListedPage>, Vec<ChangedPage>) {
    let client = odd.client().await;
    let (listed, changed) = (listed(&client).await, changed(&client).await);
    let of_feed: BTreeSet<&str> = changed.iter().flat_map(|page| &page.ids).map(String::as_str).collect();
    assert_eq!((ids(&listed).len(), of_feed.len()), (USERS, USERS));
    assert!(listed.iter().all(|page| page.doubt.is_none() && page.unreadable.is_empty()));
    (listed, changed)
}

fn advertised() -> (u16, Value) {
    (200, json!({"filter": {"supported": true, "maxResults": 200}, "sort": {"supported": true}}))
}

#[tokio::test]
async fn a_total_that_counts_the_page_ends_no_listing() {
    let odd = Odd { counts_the_page: true, ..Odd::default() };
    let (listed, changed) = all_are_read(&odd).await;
    assert_eq!(listed.iter().map(|page| page.records.len()).collect::<Vec<_>>(), [100, 100, 50, 0]);
    assert_eq!(listed.last().map(|page| page.total), Some(None), "behind the end nothing is counted");
    for page in &changed[..3] {
        assert!(page.next.contains("1970-01-01"), "the feed moves at its end only: {}", page.next);
    }
    assert!(changed[3].next.contains("2026-11-01T04:04:00Z"), "{}", changed[3].next);
    // Smaller pages than were asked for, and the same with the features that the server only advertises.
    for (most, config) in [(50, odd.config.clone()), (50, advertised()), (1000, advertised())] {
        all_are_read(&Odd { most, config, ..odd.clone() }).await;
    }
}

#[tokio::test]
async fn a_server_that_does_not_describe_itself_has_no_optional_features() {
    for (status, body) in [(404, json!({})), (501, json!({})), (200, json!("<html>")), (200, json!([]))] {
        let odd =
            Odd { config: (status, body), refuses: Some(("filter=", "invalidFilter")), ..Odd::default() };
        all_are_read(&odd).await;
        assert_eq!(odd.requests("filter=") + odd.requests("sortBy="), 0);
    }
    let forbidden = Odd { config: (403, json!({})), ..Odd::default() }.client().await;
    assert_eq!(forbidden.list(None).await, Err(ProviderError::Unauthorized));
}

#[tokio::test]
async fn a_feature_that_is_advertised_and_refused_is_left_out() {
    for refuses in [("filter=", "invalidFilter"), ("filter=", "invalidValue"), ("sortBy=", "invalidPath")] {
        let odd = Odd { config: advertised(), refuses: Some(refuses), ..Odd::default() };
        all_are_read(&odd).await;
        assert!(odd.requests(refuses.0) <= 3, "it is refused once: {refuses:?}");
        assert!(odd.requests("attributes=") > 5, "and the others are kept: {refuses:?}");
    }
    let odd = Odd { refuses: Some(("attributes=", "invalidValue")), ..Odd::default() };
    all_are_read(&odd).await;
    let hopeless = Odd { refuses: Some(("count=", "invalidValue")), config: advertised(), ..Odd::default() };
    let refused = hopeless.client().await.list(None).await;
    assert!(matches!(refused, Err(ProviderError::Refused { code: "invalidValue", .. })), "{refused:?}");
}

#[tokio::test]
async fn names_in_another_case_and_a_refused_place_behind_the_end_change_nothing() {
    all_are_read(&Odd { lower: true, ..Odd::default() }).await;
    all_are_read(&Odd { lower: true, config: advertised(), ..Odd::default() }).await;
    all_are_read(&Odd { refuses_places_behind_the_end: true, ..Odd::default() }).await;
}

#[tokio::test]
async fn a_page_that_is_too_large_is_read_in_smaller_ones() {
    let odd = Odd { groups: 15_000, honours_attributes: false, ..Odd::default() };
    let (listed, _) = all_are_read(&odd).await;
    assert!(listed[0].records.len() == 50, "{}", listed[0].records.len());
    assert!(odd.requests("count=100") <= 2, "a size that is too large is asked for once");
}

#[tokio::test]
async fn a_user_that_is_too_large_is_refused_alone_and_named() {
    let odd = Odd { giant: Some(137), honours_attributes: false, ..Odd::default() };
    let client = odd.client().await;
    let pages = listed(&client).await;
    assert_eq!(ids(&pages).len(), USERS - 1);
    let named: Vec<&String> = pages.iter().flat_map(|page| &page.unreadable).collect();
    assert_eq!(named, ["record 138, which is too large,"]);
    let of_feed = changed(&client).await;
    assert_eq!(of_feed.iter().map(|page| page.unreadable.len()).sum::<usize>(), 1);
    let error = client.fetch("137", None).await.unwrap_err();
    assert!(error.to_string().contains("max_body_bytes"), "{error}");
    assert!(matches!(client.fetch("138", None).await, Ok(Fetched::Found(_))));
}

#[tokio::test]
async fn only_what_is_kept_is_asked_for_and_the_whole_user_if_that_does_not_work() {
    let odd = Odd { giant: Some(7), ..Odd::default() };
    let client = odd.client().await;
    assert!(matches!(client.fetch("7", None).await, Ok(Fetched::Found(_))), "without its groups");
    let refuses = Odd { refuses: Some(("attributes=", "invalidValue")), ..Odd::default() };
    let client = refuses.client().await;
    for _ in 0..3 {
        assert!(matches!(client.fetch("7", None).await, Ok(Fetched::Found(_))));
    }
    assert_eq!((refuses.requests("attributes="), refuses.requests("")), (1, 4), "refused once");
    // Some servers take the parameter for the only attributes that they have under exactly these names.
    let url = answering_with(|request| {
        let whole = request.uri().query().is_none();
        let user =
            if whole { json!({"id": "7", "userName": "u7", "active": false}) } else { json!({"id": "7"}) };
        std::future::ready(reply(200, &[], &user.to_string()))
    });
    let fetched = crate::fixtures::scim_at(&url.await).fetch("7", None).await;
    let Ok(Fetched::Found(user)) = fetched else { panic!("{fetched:?}") };
    assert!(user.account().blocked);
}

#[tokio::test]
async fn an_empty_page_that_should_have_users_is_an_error_of_the_feed_and_a_doubt_of_the_listing() {
    for body in [
        json!({"totalResults": 7, "Resources": []}),
        json!({"totalResults": 7}),
        json!({"totalResults": 7, "Users": [{"id": "1"}]}),
    ] {
        let url = answering_with(move |request| {
            let config = request.uri().path() == "/ServiceProviderConfig";
            std::future::ready(reply(if config { 404 } else { 200 }, &[], &body.to_string()))
        });
        let client = crate::fixtures::scim_at(&url.await);
        let listed = client.list(None).await.unwrap();
        assert_eq!((listed.doubt, listed.next), (Some("a page has no users"), None));
        let changed = client.changes(ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH)).await;
        assert_eq!(changed, Err(ProviderError::Unusable { why: "a page has no users" }));
    }
}
