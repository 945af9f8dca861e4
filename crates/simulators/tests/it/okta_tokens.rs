//! Service apps at the simulated organization: which request gets a token, and what the token allows.

use std::sync::LazyLock;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use provider_http::TestKey;
use serde_json::{Value, json};
use simulators::okta::{OktaSimulator, ServiceApp};

/// Makes a valid request invalid.
type Spoil = fn(&mut Request);

const APP: &str = "0oaSimCoppice00h7";

static KEY: LazyLock<TestKey> = LazyLock::new(TestKey::generate);

/// The claims and the form of a valid request. A test makes them invalid.
struct Request {
    claims: Value,
    form: Value,
}

impl Request {
    fn new(org: &OktaSimulator) -> Self {
        let audience = format!("{}/oauth2/v1/token", org.base_url());
        let claims = json!({ "iss": APP, "sub": APP, "aud": audience, "exp": in_secs(60), "jti": "1" });
        let form = json!({ "grant_type": "client_credentials", "client_id": APP, "scope": "okta.users.read",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" });
        Self { claims, form }
    }

    /// Status and body.
    async fn send(mut self, org: &OktaSimulator) -> (u16, Value) {
        let key = EncodingKey::from_rsa_pem(KEY.private_pem.as_bytes()).unwrap();
        let assertion = encode(&Header::new(Algorithm::RS256), &self.claims, &key).unwrap();
        self.form["client_assertion"] = assertion.into();
        let url = format!("{}/oauth2/v1/token", org.base_url());
        let reply = reqwest::Client::new().post(url).form(&self.form).send().await.unwrap();
        (reply.status().as_u16(), reply.json().await.unwrap())
    }

    /// Status, and OAuth's error code.
    async fn outcome(self, org: &OktaSimulator) -> (u16, Value) {
        let (status, mut body) = self.send(org).await;
        (status, body["error"].take())
    }
}

fn in_secs(seconds: i64) -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp() + seconds
}

#[tokio::test]
async fn every_wrong_token_request_is_refused() {
    let org = OktaSimulator::start().await;
    org.put_service_app(ServiceApp::new(APP, &KEY.public_pem));
    let spoilt: [(Spoil, u16, &str); 11] = [
        (|request| request.claims["aud"] = "https://elsewhere.example".into(), 401, "invalid_client"),
        (|request| request.claims["exp"] = in_secs(-1).into(), 401, "invalid_client"),
        (|request| request.claims["exp"] = in_secs(3700).into(), 401, "invalid_client"),
        (|request| request.claims["iss"] = "0oaOther".into(), 401, "invalid_client"),
        (|request| request.claims["sub"] = "0oaOther".into(), 401, "invalid_client"),
        (|request| request.form["client_id"] = "0oaOther".into(), 401, "invalid_client"),
        (|request| request.form["client_assertion_type"] = "password".into(), 400, "invalid_request"),
        (|request| request.form["grant_type"] = "password".into(), 400, "unsupported_grant_type"),
        (|request| request.form["scope"] = "".into(), 400, "invalid_scope"),
        (|request| request.form["scope"] = "okta.users.manage".into(), 400, "invalid_scope"),
        (|request| request.form["scope"] = "okta.users.read okta.users.manage".into(), 400, "invalid_scope"),
    ];
    for (number, (spoil, status, error)) in spoilt.into_iter().enumerate() {
        let mut request = Request::new(&org);
        request.claims["jti"] = format!("spoilt {number}").into();
        spoil(&mut request);
        assert_eq!(request.outcome(&org).await, (status, error.into()), "{number}");
    }
    assert_eq!(Request::new(&org).outcome(&org).await, (200, Value::Null));
    assert_eq!(Request::new(&org).outcome(&org).await, (401, "invalid_client".into()), "it counts once");
}

#[tokio::test]
async fn a_token_allows_only_its_scopes() {
    let org = OktaSimulator::start().await;
    org.put_service_app(ServiceApp::new(APP, &KEY.public_pem));
    let (_, reply) = Request::new(&org).send(&org).await;
    let token = reply["access_token"].as_str().unwrap();
    for (path, token, status) in [
        ("users", token, 200),
        ("logs?filter=uuid%20eq%20%22a%22", token, 403),
        ("users", "unknown-token", 401),
    ] {
        let url = format!("{}/api/v1/{path}", org.base_url());
        assert_eq!(
            reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap().status(),
            status,
            "{path}"
        );
    }
}
