//! The simulated organization's list of users.

use reqwest::{Client, Response};
use serde_json::{Value, json};
use simulators::okta::{OktaSimulator, SimulatedUser};

async fn get(org: &OktaSimulator, url: &str) -> Response {
    Client::new().get(url).header("authorization", format!("SSWS {}", org.api_token())).send().await.unwrap()
}

fn links(reply: &Response) -> Vec<&str> {
    reply.headers().get_all("link").iter().map(|link| link.to_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_follow_each_other_by_their_links() {
    let org = OktaSimulator::start().await;
    let users = ["00u1", "00u2", "00u3"].map(|id| org.put_user(SimulatedUser::new(id)).user);
    let list = format!("{}/api/v1/users", org.base_url());
    let first = get(&org, &format!("{list}?limit=2&fields=id")).await;
    let [own, next] = links(&first)[..] else { panic!("{:?}", first.headers()) };
    assert_eq!(own, format!("<{list}?limit=2&fields=id>; rel=\"self\""));
    let next = next.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    let body = first.text().await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), json!([{ "id": "00u1" }, { "id": "00u2" }]));
    assert!(!users[0].personal_values().iter().any(|value| body.contains(value)));

    let last = get(&org, &next).await;
    assert_eq!(links(&last).len(), 1, "there is no next one");
    assert_eq!(last.json::<Value>().await.unwrap(), json!([{ "id": "00u3" }]));
    for query in ["limit=0", "limit=201", "after=00u1", "fields=profile"] {
        assert_eq!(get(&org, &format!("{list}?{query}")).await.status(), 400, "{query}");
    }
    assert_eq!(get(&org, &list).await.json::<Value>().await.unwrap()[1], users[1].to_json());
}
