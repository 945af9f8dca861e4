//! Content items: each page once, in whatever order, with its cursor and its announcements.

use event_contract::{EventKind, Hop, TraceContext};
use postgres_store::{
    Announce, ContentItem, ContentKey, ContentLoad, ContentReading, ContentScope, CursorMove, LoadedContent,
    StoreError, Write,
};
use serde_json::json;
use uuid::Uuid;

use crate::database::{Database, at};

const CMS: &str = "cms";

const SCOPE: ContentScope<'_> = ContentScope { source: CMS, scope: "space/master" };
const CHANGES: &str = "content";

/// Physical versions: any write changes them.
const ROWS: &str = "select 'item ' || xmin::text || ctid::text as row from content_item \
    union all select 'outbox ' || xmin::text || ctid::text from outbox \
    union all select 'cursor ' || xmin::text || ctid::text from source_cursor \
    union all select 'listing ' || xmin::text || ctid::text from content_listing order by 1";

const ITEMS: &str =
    "select concat_ws(' ', external_id, body ->> 'title', revision, published) from content_item order by 1";

fn key(id: &str) -> ContentKey {
    ContentKey { collection: String::from("entry"), external_id: id.to_owned() }
}

fn found(id: &str, title: &str, version: Option<i64>) -> ContentReading {
    let item = ContentItem {
        content_type: String::from("notice"),
        locales: vec![String::from("de"), String::from("en-US")],
        body: json!({ "title": title }),
        published: true,
        source_revision: version,
    };
    ContentReading { key: key(id), item: Some(item), version_at: version.map(at) }
}

fn gone(id: &str, version: Option<i64>) -> ContentReading {
    ContentReading { key: key(id), item: None, version_at: version.map(at) }
}

fn load<'a>(readings: &'a [ContentReading], ticket: i64, step: CursorMove<'a>) -> ContentLoad<'a> {
    let announce = Announce {
        cause: Uuid::now_v7(),
        hop: Hop::OUTSIDE.next().unwrap(),
        traceparent: TraceContext::start(),
    };
    ContentLoad { scope: SCOPE, ticket, readings, listed: false, step, announce }
}

fn step<'a>(from: Option<&'a str>, to: &'a str) -> CursorMove<'a> {
    CursorMove { entity: CHANGES, from, to: Some(to) }
}

/// For readings whose cursor is not what a test is about.
const NOWHERE: CursorMove<'static> = CursorMove { entity: "elsewhere", from: None, to: None };

async fn put(database: &Database, readings: &[ContentReading], ticket: i64) -> LoadedContent {
    let proof = Write::if_wanted(true);
    database.store.load_content(&load(readings, ticket, NOWHERE), proof.as_ref()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_page_its_announcements_and_its_cursor_are_one() {
    let database = Database::start().await;
    let page = [found("a", "one", Some(1)), found("b", "two", Some(1))];
    let proof = Write::if_wanted(true);
    let loaded = database
        .store
        .load_content(&load(&page, 1, step(None, "p2")), proof.as_ref())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(loaded, LoadedContent { changed: 2, gone: 0 });
    assert_eq!(database.texts(ITEMS).await, ["a one 1 t", "b two 1 t"]);
    assert_eq!(database.store.source_cursor(CMS, CHANGES).await.unwrap().as_deref(), Some("p2"));
    let announced = "select kind || ' ' || item.revision from outbox join content_item item \
                     on content_item_id = entity_id and outbox.revision = item.revision";
    assert_eq!(database.texts(announced).await, vec![format!("{} 1", EventKind::ContentChanged); 2]);

    // Too long for the index, also compressed.
    let long: String = (0..400).map(|_| Uuid::now_v7().to_string()).collect();
    let refused = [found("c", "three", Some(1)), found(&long, "four", Some(1))];
    let error = database.store.load_content(&load(&refused, 2, step(Some("p2"), "p3")), proof.as_ref()).await;
    assert!(matches!(error, Err(StoreError::Refused { .. })), "{error:?}");
    assert_eq!(database.store.source_cursor(CMS, CHANGES).await.unwrap().as_deref(), Some("p2"));
    assert_eq!(database.texts(ITEMS).await.len(), 2);
}

#[tokio::test]
async fn of_two_readers_the_second_writes_nothing() {
    let database = Database::start().await;
    let page = [found("a", "one", Some(1))];
    let one = load(&page, 1, step(None, "p2"));
    let proof = Write::if_wanted(true);
    let proof = proof.as_ref();
    let results = tokio::join!(
        database.store.load_content(&one, proof),
        database.store.load_content(&one, proof),
        database.store.load_content(&one, proof)
    );
    let won =
        [results.0, results.1, results.2].into_iter().filter(|result| result.as_ref().unwrap().is_some());
    assert_eq!(won.count(), 1);
    assert_eq!(database.count("select count(*) from outbox").await, 1);
    let rows = database.texts(ROWS).await;
    let late = [found("a", "later", Some(9))];
    for from in [None, Some("p1")] {
        let result = database.store.load_content(&load(&late, 2, step(from, "p9")), proof).await.unwrap();
        assert_eq!(result, None, "{from:?}");
    }
    assert_eq!(database.texts(ROWS).await, rows);
}

#[tokio::test]
async fn an_unchanged_item_writes_and_announces_nothing() {
    let database = Database::start().await;
    let page = [found("a", "one", Some(1)), found("b", "two", None), gone("c", Some(1))];
    put(&database, &page, 1).await;
    let rows = database.texts(ROWS).await;
    assert_eq!(
        database.count("select count(*) from outbox").await,
        2,
        "the item that is gone was never announced"
    );
    assert_eq!(put(&database, &page, 2).await, LoadedContent::default());
    assert_eq!(database.texts(ROWS).await, rows);
}

#[tokio::test]
async fn without_the_proof_a_load_is_counted_and_rolled_back() {
    let database = Database::start().await;
    put(&database, &[found("a", "one", Some(1))], 1).await;
    let rows = database.texts(ROWS).await;
    let page = [gone("a", Some(2)), found("b", "two", Some(1))];
    let would = ContentLoad { listed: true, ..load(&page, 2, step(Some("nowhere"), "p9")) };
    let counted = database.store.load_content(&would, None).await.unwrap();
    assert_eq!(counted, Some(LoadedContent { changed: 1, gone: 1 }));
    assert_eq!(database.texts(ROWS).await, rows);
}

#[tokio::test]
async fn readings_end_at_what_the_source_says_in_any_order() {
    let database = Database::start().await;
    // An item's life, each state with its ticket: published, changed, unpublished, published again, changed.
    let life = [
        (found("a", "one", Some(10)), 1),
        (found("a", "two", Some(20)), 2),
        (gone("a", Some(30)), 3),
        (found("a", "four", Some(40)), 4),
        (found("a", "five", Some(50)), 5),
    ];
    for length in 1..=life.len() {
        for order in permutations(length) {
            database.execute("truncate content_item").await;
            for index in &order {
                let (reading, ticket) = &life[*index];
                put(&database, std::slice::from_ref(reading), *ticket).await;
            }
            let title =
                database.texts("select body ->> 'title' from content_item where body is not null").await;
            let last = life[length - 1].0.item.as_ref().map(|item| item.body["title"].as_str().unwrap());
            assert_eq!(title.first().map(String::as_str), last, "{order:?}");
        }
    }
}

#[tokio::test]
async fn a_second_deletion_keeps_what_was_read_between_the_two_from_coming_back() {
    let database = Database::start().await;
    put(&database, &[found("a", "one", Some(10))], 1).await;
    put(&database, &[gone("a", Some(20))], 2).await;
    assert_eq!(put(&database, &[gone("a", Some(40))], 3).await.gone, 0, "it was gone already");
    assert_eq!(put(&database, &[found("a", "between", Some(30))], 4).await.changed, 0);
    assert_eq!(put(&database, &[found("a", "after", Some(50))], 5).await.changed, 1);
}

fn permutations(length: usize) -> Vec<Vec<usize>> {
    let Some(last) = length.checked_sub(1) else { return vec![Vec::new()] };
    let shorter = permutations(last);
    let insert = |order: &Vec<usize>, place| {
        let mut order = order.clone();
        order.insert(place, last);
        order
    };
    shorter.iter().flat_map(|order| (0..=last).map(move |place| insert(order, place))).collect()
}

#[tokio::test]
async fn an_item_that_is_absent_is_gone_unless_it_was_read_since() {
    let database = Database::start().await;
    put(&database, &[found("a", "one", Some(10)), found("b", "one", None)], 5).await;
    assert_eq!(
        put(&database, &[gone("a", None), gone("b", None)], 4).await.gone,
        0,
        "asked for before it was read"
    );
    assert_eq!(put(&database, &[gone("a", None), gone("b", None)], 6).await.gone, 2);
    let stale = [found("a", "one", Some(10)), found("b", "one", None)];
    assert_eq!(put(&database, &stale, 5).await.changed, 0, "asked for before it went");
    assert_eq!(put(&database, &stale, 7).await.changed, 2, "it is there after all");
    assert_eq!(database.texts(ITEMS).await, ["a one 3 t", "b one 3 t"]);
}

#[tokio::test]
async fn of_two_readings_of_one_item_on_a_page_the_newer_counts() {
    let database = Database::start().await;
    let page =
        [found("a", "new", Some(20)), found("a", "old", Some(10)), found("b", "1", None), gone("b", None)];
    assert_eq!(put(&database, &page, 1).await, LoadedContent { changed: 1, gone: 0 });
    assert_eq!(database.texts(ITEMS).await, ["a new 1 t", "b 1 f"]);
}

#[tokio::test]
async fn text_that_postgres_cannot_store_blocks_no_page() {
    let database = Database::start().await;
    let page = [found("a\0b", "nul \0 here", Some(1)), found("c", "sound", Some(1))];
    assert_eq!(put(&database, &page, 1).await.changed, 2);
    assert_eq!(database.texts(ITEMS).await[0], "a\u{fffd}b nul \u{fffd} here 1 t");
}

#[tokio::test]
async fn a_listing_reports_unseen_items_until_it_ends() {
    let database = Database::start().await;
    let stored = [found("a", "1", None), found("b", "1", None), found("c", "1", None), gone("d", None)];
    put(&database, &stored, 1).await;
    let proof = Write::if_wanted(true);
    let list = async |readings: &[ContentReading], from, to| {
        let step = CursorMove { entity: "listing", from, to: Some(to) };
        let listing = ContentLoad { listed: true, ..load(readings, 2, step) };
        database.store.load_content(&listing, proof.as_ref()).await.unwrap().unwrap()
    };
    let page = [found("a", "1", None), found("e", "1", None), found("f", "1", None)];
    assert_eq!(list(&page, None, "p2").await, LoadedContent { changed: 2, gone: 0 });
    assert_eq!(list(&page, Some("p2"), "p3").await, LoadedContent::default(), "the same page");
    list(&[gone("f", Some(9))], Some("p3"), "p4").await;

    let counts = database.store.content_counts(SCOPE).await.unwrap();
    assert_eq!((counts.present, counts.listed), (4, 2), "one went while it was listed");
    assert_eq!(database.store.unlisted_content(SCOPE, None).await.unwrap(), [key("b"), key("c")]);
    let dry_run = [key("c"), key("z")];
    let unlisted = database.store.unlisted_content(SCOPE, Some(&dry_run)).await.unwrap();
    assert_eq!(unlisted, [key("a"), key("b"), key("e")]);

    let end = async |from, changes| {
        database.store.end_content_listing(SCOPE, "listing", from, changes).await.unwrap()
    };
    assert!(!end("elsewhere", Some((CHANGES, "x"))).await);
    assert_eq!(database.store.source_cursor(CMS, CHANGES).await.unwrap(), None);
    assert!(end("p4", Some((CHANGES, "after it"))).await);
    assert_eq!(database.count("select count(*) from content_listing").await, 0);
    assert_eq!(database.store.source_cursor(CMS, "listing").await.unwrap(), None);
    assert_eq!(database.store.source_cursor(CMS, CHANGES).await.unwrap().as_deref(), Some("after it"));
}

#[tokio::test]
async fn a_cursor_moves_by_itself_only_from_where_it_is() {
    let database = Database::start().await;
    let go = async |from, to| {
        database.store.move_source_cursor("idp", CursorMove { entity: "users", from, to }).await.unwrap()
    };
    assert!(go(None, Some("1")).await && !go(None, Some("1")).await);
    assert!(!go(Some("0"), Some("2")).await && go(Some("1"), Some("2")).await);
    assert_eq!(database.store.source_cursor("idp", "users").await.unwrap().as_deref(), Some("2"));
    assert!(go(Some("2"), None).await && !go(Some("2"), None).await);
    assert_eq!(database.store.source_cursor("idp", "users").await.unwrap(), None);
}

fn in_collection(collection: &str, mut reading: ContentReading) -> ContentReading {
    reading.key.collection = collection.to_owned();
    reading
}

#[tokio::test]
async fn items_with_one_id_in_two_collections_or_sources_are_listed_apart() {
    let database = Database::start().await;
    let proof = Write::if_wanted(true);
    let entry_and_asset = || [found("a", "1", None), in_collection("asset", found("a", "1", None))];
    put(&database, &entry_and_asset(), 1).await;
    let list = async |scope, readings: &[ContentReading], from, to| {
        let step = CursorMove { entity: "listing", from, to: Some(to) };
        let listing = ContentLoad { scope, listed: true, ..load(readings, 2, step) };
        database.store.load_content(&listing, proof.as_ref()).await.unwrap().unwrap();
    };
    let unlisted = async || {
        let keys = database.store.unlisted_content(SCOPE, None).await.unwrap();
        keys.into_iter().map(|key| key.collection).collect::<Vec<_>>()
    };
    list(ContentScope { source: "another-cms", ..SCOPE }, &entry_and_asset(), None, "1").await;
    assert_eq!(unlisted().await, ["asset", "entry"], "another source's listing");
    list(SCOPE, &[in_collection("asset", found("a", "1", None))], None, "1").await;
    assert_eq!(unlisted().await, ["entry"]);
    list(SCOPE, &[found("a", "1", None)], Some("1"), "2").await;
    list(SCOPE, &[in_collection("asset", gone("a", None))], Some("2"), "3").await;
    assert_eq!(database.store.content_counts(SCOPE).await.unwrap().listed, 1, "the entry is still listed");
    let dry_run = [ContentKey { collection: String::from("asset"), external_id: String::from("a") }];
    assert_eq!(database.store.unlisted_content(SCOPE, Some(&dry_run)).await.unwrap(), [key("a")]);
}

#[tokio::test]
async fn each_reading_of_an_item_has_the_result_of_the_table() {
    let draft = |title: &str| {
        let mut draft = found("", title, None);
        draft.item = draft.item.map(|item| ContentItem { published: false, ..item });
        draft
    };
    let one = |version| found("", "one", Some(version));
    let two = |version| found("", "two", Some(version));
    // Readings with their tickets, and whether each is a change; then the title, the version and the ticket.
    let cases = [
        (
            "a deletion at the version of the last change wins",
            vec![(one(1), 1, true), (gone("", Some(1)), 2, true)],
            (None, Some(1), 2),
        ),
        (
            "an absence keeps the version, so that a stale replica does not restore the item",
            vec![(one(5), 1, true), (gone("", None), 2, true), (one(4), 3, false)],
            (None, Some(5), 2),
        ),
        (
            "a newer version keeps the ticket of a later reading",
            vec![(one(1), 5, true), (one(2), 3, true), (two(2), 4, false)],
            (Some("one"), Some(2), 5),
        ),
        (
            "a draft may return",
            vec![(draft("one"), 1, true), (gone("", None), 2, true), (draft("one"), 3, true)],
            (Some("one"), None, 3),
        ),
    ];
    let database = Database::start().await;
    for (name, steps, (title, version, ticket)) in cases {
        for (number, (mut reading, ticket, change)) in steps.into_iter().enumerate() {
            name.clone_into(&mut reading.key.external_id);
            let LoadedContent { changed, gone } = put(&database, &[reading], ticket).await;
            assert_eq!(changed + gone, u64::from(change), "{name}: step {number}");
        }
        let row: (Option<String>, Option<time::OffsetDateTime>, i64) = sqlx::query_as(
            "select body ->> 'title', version_at, ticket from content_item where external_id = $1",
        )
        .bind(name)
        .fetch_one(&database.pool)
        .await
        .unwrap();
        assert_eq!(row, (title.map(str::to_owned), version.map(at), ticket), "{name}: the end");
    }
}

#[tokio::test]
async fn a_second_deletion_changes_only_the_version_of_the_tombstone() {
    let database = Database::start().await;
    put(&database, &[found("a", "one", Some(1))], 1).await;
    put(&database, &[gone("a", Some(2))], 2).await;
    let row = "select concat_ws(' ', content_type, revision, gone_at, changed_at) from content_item";
    let before = database.texts(row).await;
    assert!(before[0].starts_with("notice 2 "), "{before:?}");
    assert_eq!(put(&database, &[gone("a", Some(3))], 3).await, LoadedContent::default());
    assert_eq!(database.texts(row).await, before);
    assert_eq!(database.count("select count(*) from outbox").await, 2);
}

#[tokio::test]
async fn two_scopes_of_one_source_share_no_item_count_or_listing() {
    let database = Database::start().await;
    let other = ContentScope { scope: "copy/master", ..SCOPE };
    let proof = Write::if_wanted(true);
    let list = async |scope: ContentScope<'_>, readings: &[ContentReading]| {
        let entity = format!("listing of {}", scope.scope);
        let step = CursorMove { entity: &entity, from: None, to: Some("1") };
        let listing = ContentLoad { scope, listed: true, ..load(readings, 2, step) };
        database.store.load_content(&listing, proof.as_ref()).await.unwrap().unwrap()
    };
    assert_eq!(list(SCOPE, &[found("a", "1", Some(1)), found("b", "1", Some(1))]).await.changed, 2);
    // A copied space has the same IDs.
    assert_eq!(list(other, &[found("a", "copy", Some(9))]).await, LoadedContent { changed: 1, gone: 0 });
    assert_eq!(database.texts(ITEMS).await, ["a 1 1 t", "a copy 1 t", "b 1 1 t"]);
    for (scope, present) in [(SCOPE, 2), (other, 1)] {
        let counts = database.store.content_counts(scope).await.unwrap();
        assert_eq!((counts.present, counts.listed), (present, present), "{scope:?}");
        assert_eq!(database.store.unlisted_content(scope, None).await.unwrap(), []);
    }
    assert!(database.store.end_content_listing(other, "listing of copy/master", "1", None).await.unwrap());
    assert_eq!(database.store.content_counts(SCOPE).await.unwrap().listed, 2, "the other listing goes on");
    let left = database.store.unlisted_content(other, None).await.unwrap();
    assert_eq!(left, [key("a")]);
}
