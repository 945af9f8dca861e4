//! Described APIs: what the description makes of records, pages that lie, IDs of any form, and links that lead elsewhere.

use axum::response::IntoResponse as _;
use connectors::{
    ChangesFrom, Connected, Fetched, ListedPage, ProviderError, Record, RestClient, RestConfig, connector,
};
use provider_http::test_server::{answering, answering_with, noting, reply};
use serde_json::{Value, json};
use time::macros::datetime;

use crate::fixtures::{SECRET, connected, rest_settings};
use crate::server::Server;

fn client(settings: Value) -> Connected {
    connected::<RestClient>(serde_json::from_value::<RestConfig>(settings).unwrap())
}

fn with(url: &str, pointer: &str, value: Value) -> Value {
    let mut settings = rest_settings(url);
    let (table, key) = pointer.rsplit_once('/').unwrap();
    settings.pointer_mut(table).unwrap()[key] = value;
    settings
}

async fn read(settings: impl Fn(&str) -> Value, body: &Value) -> Record {
    let url = answering(200, &[], body).await;
    match client(settings(&url)).fetch(body["id"].as_str().unwrap_or("7"), None).await.unwrap() {
        Fetched::Found(record) => *record,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_record_is_what_its_description_says() {
    let body = json!({"id": 7, "name": {"first": " Tove "}, "last": "ostrander", "lang": "spanish",
        "born": "24.12.1980", "mails": [{"v": null}, {"v": "tove@bayside.example"}], "confirmed": true,
        "home": {"street": "12 Quarry Lane"}, "updatedAt": 1_796_032_800, "person_key": 12});
    let map = json!({
        "given_name": {"path": "$.name.first", "trim": true},
        "family_name": {"path": "$.last", "case": "upper"},
        "display_name": {"join": ["$.name.first", "$.none", "$.last"], "separator": "/"},
        "preferred_language": {"path": "$.lang", "values": {"english": "en", "spanish": "es"}},
        "birthdate": {"path": "$.born", "date": "[day].[month].[year]"},
        "email": {"first": ["$.mails[0].v", "$.mails[1].v"], "when": "$.confirmed == true"},
        "phone": {"path": "$.mails[1].v", "when": "$.confirmed == false"},
        "mailing_address": "$.home",
        "key": "$.person_key"
    });
    let settings = |url: &str| {
        let mut settings = with(url, "/map", map.clone());
        settings["fetch"]["version"]["format"] = json!("unix");
        settings
    };
    let record = read(settings, &body).await;
    assert_eq!(record.id, "7");
    assert_eq!(record.version_at, Some(datetime!(2026-11-30 10:00 UTC)));
    assert_eq!(record.external_key.as_deref(), Some("12"));
    assert!(record.unread.is_empty(), "{:?}", record.unread);
    assert_eq!(
        json!(record.assertions),
        json!({"given_name": "Tove", "family_name": "OSTRANDER", "display_name": " Tove /ostrander",
            "preferred_language": "es", "birthdate": "1980-12-24", "email": "tove@bayside.example",
            "phone": null, "mailing_address": {"street": "12 Quarry Lane"}})
    );
}

#[tokio::test]
async fn an_address_counts_as_verified_only_if_the_record_says_so() {
    let map = json!({"email": "$.mail", "verified_email": {"path": "$.mail", "when": "$.confirmed"}});
    for (body, verified) in [
        (json!({"id": "7", "mail": "tove@bayside.example", "confirmed": true}), Some(true)),
        (json!({"id": "7", "mail": "tove@bayside.example", "confirmed": false}), Some(false)),
        (json!({"id": "7", "mail": "tove@bayside.example"}), Some(false)),
    ] {
        let record = read(|url| with(url, "/map", map.clone()), &body).await;
        assert_eq!(record.text("email"), Some("tove@bayside.example"), "{body}");
        assert_eq!(record.account.map(|account| account.email_verified), verified, "{body}");
    }
    let record =
        read(|url| with(url, "/map", json!({"email": "$.mail"})), &json!({"id": "7", "mail": "a@b"})).await;
    assert!(record.account.is_none(), "what is not described says nothing");
}

#[tokio::test]
async fn one_odd_value_costs_its_field_alone() {
    let map = json!({
        "given_name": "$.name",
        "family_name": {"path": "$.last", "values": {"a": "b"}},
        "birthdate": {"path": "$.born", "date": "[year]-[month]-[day]"},
        "email": {"path": "$.mail", "trim": true},
        "phone": "$.phones[*]",
        "key": "$.person_key"
    });
    let body = json!({"id": "7", "name": ["Tove", "Nora"], "last": "mara", "born": "mara", "mail": {"a": 1},
        "phones": ["+1", "+2"], "person_key": ["P-1"], "updatedAt": "soon"});
    let record = read(|url| with(url, "/map", map.clone()), &body).await;
    let mut unread: Vec<&str> = record.unread.iter().map(AsRef::as_ref).collect();
    unread.sort_unstable();
    assert_eq!(unread, ["birthdate", "email", "family_name", "given_name", "key", "phone", "version"]);
    assert!(record.assertions.values().all(Value::is_null));
    assert_eq!((record.version_at, record.external_key), (None, None));
}

#[tokio::test]
async fn a_name_with_two_values_is_not_read_and_nulls_and_deep_lists_are() {
    let deep = "[".repeat(100) + &"]".repeat(100);
    let body =
        format!(r#"{{"id":"7","status":"open","status":"closed","name":{{"first":null,"deep":{deep}}}}}"#);
    let url = answering(200, &[], &body).await;
    let fetched = client(rest_settings(&url)).fetch("7", None).await.unwrap();
    let Fetched::Found(record) = fetched else {
        panic!("{fetched:?}: what contradicts itself proves nothing")
    };
    assert_eq!(json!(record.assertions), json!({"given_name": null}));
}

#[tokio::test]
async fn a_record_of_a_megabyte_is_read_and_one_above_the_limit_names_the_setting() {
    for (bytes, read) in [(1_000_000, true), (5_000_000, false)] {
        let body = json!({"id": "7", "name": {"first": "x".repeat(bytes)}});
        let fetched = client(rest_settings(&answering(200, &[], &body).await)).fetch("7", None).await;
        match fetched {
            Ok(Fetched::Found(_)) => assert!(read),
            Err(ProviderError::TooLarge { setting, .. }) => {
                assert_eq!((read, setting), (false, "max_body_bytes"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_deletion_needs_the_proof_that_the_description_names() {
    let gone = Ok(Fetched::Gone { merged_into: None });
    let closed = json!({"id": "7", "status": "closed"});
    let url = answering(200, &[], &closed).await;
    assert_eq!(client(rest_settings(&url)).fetch("7", None).await, gone);
    let of_another = client(rest_settings(&url)).fetch("8", None).await;
    assert_eq!(of_another, Err(ProviderError::WHOLE_REPLY_MALFORMED), "another record is no proof");
    for (status, listed, expected) in [
        (404, json!([410]), Ok(Fetched::NotFound)),
        (410, json!([410]), gone.clone()),
        (404, json!([404, 410]), gone.clone()),
        (410, json!([]), Ok(Fetched::NotFound)),
    ] {
        let url = answering(status, &[], "").await;
        let settings = with(&url, "/fetch/gone", json!({ "status": listed }));
        assert_eq!(client(settings).fetch("7", None).await, expected, "{status} {listed}");
    }
}

#[tokio::test]
async fn a_record_may_stand_below_the_reply() {
    let body = json!({"data": {"id": "7", "name": {"first": "Tove"}}});
    let url = answering(200, &[], &body).await;
    let settings = with(&url, "/fetch/record", json!("$.data"));
    assert!(matches!(client(settings).fetch("7", None).await, Ok(Fetched::Found(_))));
    let other = with(&url, "/fetch/record", json!("$.person"));
    assert_eq!(client(other).fetch("7", None).await, Err(ProviderError::WHOLE_REPLY_MALFORMED));
}

#[tokio::test]
async fn an_id_of_any_form_stays_one_segment_below_the_address() {
    let server = Server::start(|_, _| reply(404, &[], "")).await;
    let client = client(rest_settings(&format!("{}/api", server.url)));
    let ids = [
        "a/../../b",
        "@other.example",
        "a\r\nHost: other.example",
        "%2e%2e",
        "a?x=1#y",
        "ä ö",
        "..;",
        "\\..\\",
    ];
    for id in ids {
        assert_eq!(client.fetch(id, None).await, Ok(Fetched::NotFound), "{id:?}");
    }
    for id in ["", ".", ".."] {
        assert_eq!(client.fetch(id, None).await, Err(ProviderError::Invalid { status: 400 }), "{id:?}");
    }
    let asked: Vec<String> = server.asked().into_iter().map(|asked| asked.uri).collect();
    assert_eq!(asked.len(), ids.len(), "{asked:?}");
    for (id, uri) in ids.iter().zip(asked) {
        let segment = uri.strip_prefix("/api/people/").unwrap();
        assert!(!segment.contains(['/', '?', '#', '@', '\r', '\\']), "{uri}");
        let decoded = percent_encoding::percent_decode_str(segment).decode_utf8().unwrap();
        assert_eq!(decoded, *id);
    }
}

#[tokio::test]
async fn paths_that_end_with_a_slash_and_own_headers_are_sent_as_described() {
    let (url, asked) = noting(json!({"id": "a/b"})).await;
    let mut settings = rest_settings(&url);
    settings["headers"] = json!({"Accept": "application/fhir+json", "X-Tenant": "t1"});
    for path in ["/fetch/path", "/batch/path", "/list/path", "/changes/path"] {
        let text = settings.pointer_mut(path).unwrap();
        let (before, after) = text.as_str().unwrap().split_once('?').unwrap_or((text.as_str().unwrap(), ""));
        *text = json!(format!("{before}/?{after}"));
    }
    assert!(matches!(client(settings).fetch("a/b", None).await, Ok(Fetched::Found(_))));
    assert_eq!(asked.paths()[0].split('?').next(), Some("/people/a%2Fb/"));
    assert_eq!(asked.header("accept"), ["application/fhir+json"]);
    assert_eq!(asked.header("x-tenant"), ["t1"]);
}

#[tokio::test]
async fn no_more_requests_are_sent_than_the_description_allows() {
    let (url, asked) = noting(json!({"id": "7"})).await;
    let of_day = client(with(&url, "/limits", json!({"per_day": 24})));
    assert!(of_day.fetch("7", None).await.is_ok());
    let refused = of_day.fetch("7", None).await;
    assert!(matches!(refused, Err(ProviderError::RateLimited { .. })), "{refused:?}");
    assert_eq!(asked.paths().len(), 1, "an hour's share is one request");

    let began = std::time::Instant::now();
    let of_second = client(with(&url, "/limits", json!({"per_second": 2})));
    for _ in 0..3 {
        assert!(of_second.fetch("7", None).await.is_ok());
    }
    assert!(began.elapsed() >= std::time::Duration::from_millis(400), "the third request waited");

    let headers = [("x-left", "0"), ("x-again", "60")];
    let quota = json!({"remaining": "X-Left", "reset": "X-Again"});
    let of_headers = client(with(&answering(200, &headers, json!({"id": "7"})).await, "/limits", quota));
    assert!(of_headers.fetch("7", None).await.is_ok());
    let refused = of_headers.fetch("7", None).await;
    assert!(matches!(refused, Err(ProviderError::RateLimited { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_its_target_gets_nothing() {
    let (elsewhere, asked) = noting(json!({"id": "7"})).await;
    let url = answering_with(move |_| {
        let to = format!("{elsewhere}/people/7");
        async move { reply(302, &[("location", to.as_str())], "") }
    });
    let client = client(rest_settings(&url.await));
    assert_eq!(client.fetch("7", None).await, Err(ProviderError::REDIRECT));
    assert_eq!(client.listing().unwrap().list(None).await, Err(ProviderError::REDIRECT));
    assert!(asked.paths().is_empty());
}

#[tokio::test]
async fn a_next_link_to_anywhere_else_is_refused() {
    let (elsewhere, asked) = noting(json!({"data": []})).await;
    for link in [
        format!("{elsewhere}/people?page=2"),
        String::from("//other.example/people?page=2"),
        String::from("/admin?page=2"),
        String::from("https://@/people"),
        String::from("people/../admin?page=2"),
    ] {
        let body = json!({"data": [{"id": "1"}], "links": {"next": link}});
        let url = answering(200, &[], &body).await;
        let listed = client(rest_settings(&url)).listing().unwrap().list(None).await;
        assert_eq!(listed, Err(ProviderError::WRONG_LINK), "{link}");
        let header = format!("<{link}>; rel=\"next\"");
        let url = answering_with(move |_| {
            let (header, body) = (header.clone(), json!({"data": [{"id": "1"}]}).to_string());
            async move { reply(200, &[("link", header.as_str())], &body) }
        });
        let settings = with(&url.await, "/list/next", json!({"header": true}));
        let listed = client(settings).listing().unwrap().list(None).await;
        assert_eq!(listed, Err(ProviderError::WRONG_LINK), "{link}");
    }
    assert!(asked.paths().is_empty());
}

/// A server with five persons, two on a page, which are asked for in this way.
async fn five(next: &'static str) -> Server {
    Server::start(move |_, asked| {
        let uri: url::Url = format!("http://x{}", asked.uri).parse().unwrap();
        let number = |name: &str| {
            uri.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.parse().unwrap())
        };
        let skip: usize = match next {
            "page" => (number("page").unwrap_or(1) - 1) * 2,
            _ => number("at").unwrap_or(0),
        };
        let ids: Vec<Value> = (1..=5).skip(skip).take(2).map(|id| json!({ "id": id })).collect();
        let after = (skip + 2 < 5).then(|| (skip + 2).to_string());
        let link = after.as_ref().map(|at| format!("?limit=2&at={at}"));
        let body = json!({"data": ids, "links": {"next": link}, "cursor": after, "meta": {"total": "5"}});
        match link.filter(|_| next == "header") {
            Some(link) => reply(200, &[("link", &format!("<{link}>; rel=next"))], &body.to_string()),
            None => axum::Json(body).into_response(),
        }
    })
    .await
}

/// Every page of a list, to its end.
async fn pages(client: &Connected) -> Result<Vec<ListedPage>, ProviderError> {
    let (mut pages, mut after) = (Vec::new(), None);
    for _ in 0..300 {
        let page = client.listing().unwrap().list(after.as_deref()).await?;
        after.clone_from(&page.next);
        pages.push(page);
        if after.is_none() {
            return Ok(pages);
        }
    }
    panic!("the list has no end")
}

#[tokio::test]
async fn every_kind_of_paging_leads_through_the_whole_list() {
    for (kind, next) in [
        ("link", json!({"link": "$.links.next"})),
        ("header", json!({"header": true})),
        ("cursor", json!({"cursor": "$.cursor", "parameter": "at"})),
        ("page", json!({"page": "page"})),
        ("offset", json!({"offset": "at"})),
    ] {
        let server = five(kind).await;
        let listed = pages(&client(with(&server.url, "/list/next", next))).await.unwrap();
        let ids: Vec<&str> =
            listed.iter().flat_map(|page| &page.records).map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["1", "2", "3", "4", "5"], "{kind}");
        assert!(listed.iter().all(|page| page.doubt.is_none() && page.total == Some(5)), "{kind}");
    }
}

#[tokio::test]
async fn pages_that_lead_in_a_circle_or_never_end_are_an_error() {
    // The same page for each number; two pages that lead to each other; pages without records for ever.
    let same = answering(200, &[], json!({"data": [{"id": 1}, {"id": 2}]})).await;
    for next in [json!({"page": "page"}), json!({"offset": "at"})] {
        let outcome = pages(&client(with(&same, "/list/next", next))).await;
        assert!(
            matches!(outcome, Err(ProviderError::Unusable { why }) if why.contains("circle")),
            "{outcome:?}"
        );
    }
    let circle = Server::start(|number, _| {
        let (id, next) = if number % 3 == 0 { (1, "?p=b") } else { (2, "?p=a") };
        axum::Json(json!({"data": [{ "id": id }], "links": {"next": next}})).into_response()
    });
    let outcome = pages(&client(rest_settings(&circle.await.url))).await;
    assert!(matches!(outcome, Err(ProviderError::Unusable { .. })), "{outcome:?}");
    let endless = Server::start(|number, _| {
        axum::Json(json!({"data": [], "links": {"next": format!("?p={number}")}})).into_response()
    });
    let outcome = pages(&client(rest_settings(&endless.await.url))).await;
    assert!(
        matches!(outcome, Err(ProviderError::Unusable { why }) if why.contains("hundred")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn html_with_status_200_is_no_empty_list_and_no_record() {
    let client =
        client(rest_settings(&answering(200, &[("content-type", "text/html")], "<html>mara</html>").await));
    let malformed = |outcome: &ProviderError| matches!(outcome, ProviderError::Malformed { .. });
    assert!(malformed(&client.fetch("7", None).await.unwrap_err()));
    assert!(malformed(&client.listing().unwrap().list(None).await.unwrap_err()));
    assert!(malformed(&client.ping().await.unwrap_err()));
}

#[tokio::test]
async fn a_batch_answers_each_id_and_what_it_lacks_is_read_alone() {
    let server = Server::start(|_, asked| {
        if asked.uri.starts_with("/people?ids=") {
            let data = json!([{"id": "1", "name": {"first": "Ada"}}, {"id": "2"}, {"id": "2"}, {"id": "9"}, {"no": 1}]);
            return axum::Json(json!({ "data": data })).into_response();
        }
        match asked.uri.as_str() {
            "/people/2" => axum::Json(json!({"id": "2", "name": {"first": "Bob"}})).into_response(),
            "/people/a%2Cb" => axum::Json(json!({"id": "a,b"})).into_response(),
            _ => reply(404, &[], ""),
        }
    })
    .await;
    let client = client(rest_settings(&server.url));
    let ids = ["1", "2", "3", "a,b"].map(str::to_owned);
    let fetched = client.batches().unwrap().fetch_many(&ids).await.unwrap();
    let name = |fetched: &Fetched| match fetched {
        Fetched::Found(record) => json!([record.id, record.assertions["given_name"]]),
        other => json!(format!("{other:?}")),
    };
    let names: Vec<Value> = fetched.iter().map(name).collect();
    assert_eq!(names, [json!(["1", "Ada"]), json!(["2", "Bob"]), json!("NotFound"), json!(["a,b", null])]);
    let asked: Vec<String> = server.asked().into_iter().map(|asked| asked.uri).collect();
    assert_eq!(asked, ["/people?ids=1%2C2%2C3", "/people/2", "/people/3", "/people/a%2Cb"]);
}

#[tokio::test]
async fn changes_are_asked_for_since_a_time_and_their_pages_followed() {
    let server = Server::start(|_, asked| {
        let first = !asked.uri.contains("p=2");
        let (at, next) = if first {
            ("2026-11-30T09:00:00Z", json!("?p=2"))
        } else {
            ("2026-11-30T09:30:00Z", json!(null))
        };
        axum::Json(json!({"data": [{"id": asked.uri.len(), "updatedAt": at}], "links": {"next": next}}))
            .into_response()
    })
    .await;
    let client = client(rest_settings(&server.url));
    let feed = client.listing().unwrap();
    let since = datetime!(2026-11-30 8:00 UTC);
    let first = feed.changes(ChangesFrom::Time(since)).await.unwrap();
    assert!(first.more && first.ids.len() == 1);
    let second = feed.changes(ChangesFrom::Cursor(&first.next)).await.unwrap();
    assert!(!second.more);
    feed.changes(ChangesFrom::Cursor(&second.next)).await.unwrap();
    let asked: Vec<String> = server.asked().into_iter().map(|asked| asked.uri).collect();
    let expected = [
        "/people?limit=2&since=2026-11-30T08%3A00%3A00Z",
        "/people?p=2",
        "/people?limit=2&since=2026-11-30T09%3A25%3A00Z",
    ];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn an_entity_tag_is_used_unless_the_description_distrusts_it() {
    for (etag, sent) in [(true, Some("\"3\"")), (false, None)] {
        let (url, asked) = noting(json!({"id": "7"})).await;
        let settings = with(&url, "/fetch/etag", json!(etag));
        client(settings).fetch("7", Some("\"3\"")).await.unwrap();
        let header = asked
            .each(|request| request.headers().get("if-none-match").map(|it| it.to_str().unwrap().to_owned()));
        assert_eq!(header, [sent.map(str::to_owned)]);
    }
}

#[tokio::test]
async fn each_kind_of_authentication_sends_what_it_says() {
    let secret = json!(SECRET);
    for (auth, header, value) in [
        (json!({"kind": "none"}), "authorization", None),
        (json!({"kind": "bearer", "token": secret}), "authorization", Some(format!("Bearer {SECRET}"))),
        (
            json!({"kind": "header", "name": "X-Api-Key", "value": secret}),
            "x-api-key",
            Some(SECRET.to_owned()),
        ),
        (
            json!({"kind": "basic", "user": "a", "password": "b"}),
            "authorization",
            Some(String::from("Basic YTpi")),
        ),
    ] {
        let (url, asked) = noting(json!({"id": "7"})).await;
        client(with(&url, "/auth", auth.clone())).fetch("7", None).await.unwrap();
        let sent =
            asked.each(|request| request.headers().get(header).map(|it| it.to_str().unwrap().to_owned()));
        assert_eq!(sent, [value], "{auth}");
    }
    let (url, asked) = noting(json!({"id": "7"})).await;
    let auth = json!({"kind": "oauth2", "token_url": format!("{url}/oauth/token"), "client_id": "coppice-client",
        "client_secret": secret, "scope": "read", "in_header": true});
    client(with(&url, "/auth", auth)).fetch("7", None).await.unwrap();
    assert_eq!(asked.header("authorization"), ["Bearer tok-of-the-day"]);
}

#[test]
fn every_fault_of_a_description_is_found_before_it_runs() {
    let settings = json!({
        "url": "https://benefits.example",
        "auth": {"kind": "none"},
        "fetch": {"path": "people", "id": "id", "version": {"path": "$.[", "format": "unix"}, "gone": {"when": "$.a ="}},
        "batch": {"path": "/people", "max": 2, "items": "$.data"},
        "list": {"path": "/people/{id}", "items": "$.data[*]", "next": {"page": "p", "offset": "o"}},
        "changes": {"path": "/people/"},
        "limits": {"remaining": "X-Left"},
        "headers": {"a b": "x", "Authorization": "Bearer x", "X-Fine": "1"},
        "map": {"given_name": "name", "email": {"trim": true}, "key": {"path": "$.a"}, "birthdate": {"path": "$.b", "date": "[dy]"}}
    });
    let faults = (connector("rest").unwrap().check)(&settings);
    let mut at: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    at.sort_unstable();
    let expected = [
        "/batch/items",
        "/batch/path",
        "/changes/path",
        "/fetch/gone/when",
        "/fetch/id",
        "/fetch/path",
        "/fetch/path",
        "/fetch/version/path",
        "/headers/Authorization",
        "/headers/a b",
        "/limits",
        "/list/next",
        "/list/path",
        "/map/birthdate/date",
        "/map/email",
        "/map/given_name",
        "/map/key",
    ];
    assert_eq!(at, expected, "{faults:#?}");
}
