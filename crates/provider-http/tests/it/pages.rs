//! Collections that the client reads page by page, by their `Link` headers.

use provider_http::{Answer, Page, ProviderError, ProviderHttp};

use crate::server::{Server, reply};

async fn page(client: &ProviderHttp, after: Option<&str>) -> Result<Page<u64>, ProviderError> {
    let answer = client.get_page(&["users"], &[("limit", "2")], "after", after).await?;
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
    assert_eq!(first, Page { items: vec![1, 2], next: Some("a&b|".into()) });
    let last = page(&client, first.next.as_deref()).await.unwrap();
    assert_eq!(last, Page { items: vec![3], next: None });
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
