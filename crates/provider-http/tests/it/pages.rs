//! Collections that the client reads page by page, by their `Link` headers.

use provider_http::{Answer, Page, PageSize, ProviderError, ProviderHttp};

use crate::server::{Server, reply};

async fn page(client: &ProviderHttp, after: Option<&str>) -> Result<Page<u64>, ProviderError> {
    let answer = client.get_page(&["users"], &[], ("limit", &PageSize::new(2)), ("after", after)).await?;
    let Answer::Found { value, .. } = answer else { panic!("a collection is there") };
    Ok(value)
}

#[tokio::test]
async fn the_next_page_is_requested_by_the_cursor_alone() {
    let server = Server::start(|number, _| async move {
        let link = r#"</users?x=1&after=a%26b%7C>; rel="next""#;
        let (links, items) = if number == 1 { (&[("link", link)][..], "[1,2]") } else { (&[][..], "[3]") };
        reply(200, links, items)
    })
    .await;
    let client = server.client();
    let first = page(&client, None).await.unwrap();
    assert_eq!(first, Page { items: vec![1, 2], next: Some("a&b|".into()), asked: 2, too_large: None });
    let last = page(&client, first.next.as_deref()).await.unwrap();
    assert_eq!(last, Page { items: vec![3], next: None, asked: 2, too_large: None });
    let asked = server.seen.lines.lock().unwrap().clone();
    assert_eq!(asked, ["/users?limit=2", "/users?limit=2&after=a%26b%7C"]);
}

#[tokio::test]
async fn a_next_link_to_another_server_is_refused_and_nothing_is_sent_there() {
    let other = Server::start(|_, _| async { reply(200, &[], "[]") }).await;
    let link = format!(r#"<{}users?after=2>; rel="next""#, other.url);
    let server = Server::start(move |_, _| {
        let link = link.clone();
        async move { reply(200, &[("link", &link)], "[1]") }
    })
    .await;
    let client = server.client();
    for after in [None, Some("2")] {
        assert_eq!(page(&client, after).await, Err(ProviderError::WRONG_LINK));
    }
    assert_eq!((server.seen.requests(), other.seen.requests(), other.seen.mints()), (2, 0, 0));
}

#[tokio::test]
async fn a_next_link_to_the_requested_page_is_refused() {
    let server =
        Server::start(|_, _| async { reply(200, &[("link", r#"<?after=2>; rel="next""#)], "[1]") }).await;
    let client = server.client();
    assert_eq!(page(&client, None).await.unwrap().next.as_deref(), Some("2"));
    assert_eq!(page(&client, Some("2")).await, Err(ProviderError::WRONG_LINK));
}

#[tokio::test]
async fn a_link_in_a_body_gives_its_cursor_and_nothing_but_its_cursor() {
    let server = Server::start(|_, _| async { reply(200, &[], "[]") }).await;
    let client = server.client();
    let cursor = |link: &str| client.cursor_in(link, &["spaces", "s", "sync"], "token");
    assert_eq!(cursor(&format!("{}spaces/s/sync?token=a%26b&x=1", server.url)), Ok("a&b".to_owned()));
    for link in [
        "https://elsewhere.example/spaces/s/sync?token=a",
        "//elsewhere.example/spaces/s/sync?token=a",
        "/spaces/other/sync?token=a",
        "?x=1",
        "",
    ] {
        assert_eq!(cursor(link), Err(ProviderError::WRONG_LINK), "{link}");
    }
    assert_eq!(server.seen.requests(), 0);
}

/// Items of half a megabyte, of which the third has two.
async fn heavy() -> Server {
    Server::start(|_, request| async move {
        let number = |name: &str| {
            let query = request.uri().query().unwrap_or_default();
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse::<usize>().ok())
        };
        let (limit, after) = (number("limit").unwrap(), number("after").unwrap_or(0));
        let items: Vec<String> = (after + 1..=(after + limit).min(6))
            .map(|item| format!("\"{}\"", "x".repeat(if item == 3 { 2 << 20 } else { 400 << 10 })))
            .collect();
        let link = format!("<?after={}>; rel=\"next\"", after + items.len());
        let links = [("link", link.as_str())];
        reply(200, if after + items.len() < 6 { &links } else { &[] }, &format!("[{}]", items.join(",")))
    })
    .await
}

#[tokio::test]
async fn a_page_that_is_too_large_is_read_in_smaller_ones_and_an_item_that_is_too_large_is_left_out() {
    let (server, size) = (heavy().await, PageSize::new(4));
    let client = server.client();
    let (mut sizes, mut after) = (Vec::new(), None::<String>);
    loop {
        let answer =
            client.get_page::<String>(&["users"], &[], ("limit", &size), ("after", after.as_deref())).await;
        let Ok(Answer::Found { value: page, .. }) = answer else { panic!("{answer:?}") };
        sizes.push((page.items.len(), page.too_large.is_some()));
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    assert_eq!(sizes, [(2, false), (0, true), (2, false), (1, false)]);
    let asked = server.seen.lines.lock().unwrap().len();
    assert_eq!(asked, 2 + 2 + 2 + 1, "each size once: 4 and 2, 2 and 1, 4 and 2, 2");
}
