//! The ways to prove who sends a request, as the provider sees them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use axum::extract::Request;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use provider_http::{
    Answer, Auth, ConfigError, ProviderError, ProviderHttp, ProviderHttpConfig, TestKey, pem,
};
use serde_json::Value;

use crate::server::{Server, body_of, reply};

static KEY: LazyLock<TestKey> = LazyLock::new(TestKey::generate);

type Form = HashMap<String, String>;

/// A server whose token endpoint, `/assert`, keeps each request's form, and whose API requires the token.
async fn asked(auth: impl FnOnce(url::Url) -> Auth) -> (Form, Result<Answer<Value>, ProviderError>) {
    let forms: Arc<Mutex<Vec<Form>>> = Arc::default();
    let kept = Arc::clone(&forms);
    let server = Server::start(move |_, request: Request| {
        let kept = Arc::clone(&kept);
        async move {
            if request.uri().path() != "/assert" {
                let admitted = request.headers()["authorization"] == "Bearer of-the-org";
                return reply(if admitted { 200 } else { 401 }, &[], "{}");
            }
            let form = url::form_urlencoded::parse(&body_of(request).await).into_owned().collect();
            kept.lock().unwrap().push(form);
            reply(200, &[], r#"{"access_token":"of-the-org","instance_url":"https://x.example"}"#)
        }
    })
    .await;
    let auth = auth(server.url.join("/assert").unwrap());
    let client = ProviderHttp::new(ProviderHttpConfig::new("crm", server.url.clone(), auth)).unwrap();
    let outcome = client.get_json(&["limits"], &[], None).await;
    client.get_json::<Value>(&["limits"], &[], None).await.unwrap();
    let mut forms = std::mem::take(&mut *forms.lock().unwrap());
    assert_eq!(forms.len(), 1, "a token without expires_in is kept for a while");
    (forms.remove(0), outcome)
}

/// The claims of an assertion that is signed with our key and not expired.
fn claims(assertion: &str, audience: &str) -> Value {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.leeway = 0;
    validation.set_audience(&[audience]);
    let key = DecodingKey::from_rsa_pem(KEY.public_pem.as_bytes()).unwrap();
    decode::<Value>(assertion, &key, &validation).unwrap().claims
}

fn seconds_left(claims: &Value) -> i64 {
    claims["exp"].as_i64().unwrap() - time::OffsetDateTime::now_utc().unix_timestamp()
}

#[tokio::test]
async fn an_assertion_is_the_grant() {
    let (form, outcome) = asked(|token_url| Auth::JwtBearer {
        token_url,
        issuer: "consumer-key".into(),
        subject: "sync@harbor.example".into(),
        audience: "https://login.salesforce.com".into(),
        key_pem: KEY.private_pem.as_str().into(),
    })
    .await;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let claims = claims(&form["assertion"], "https://login.salesforce.com");
    assert_eq!((&claims["iss"], &claims["sub"]), (&"consumer-key".into(), &"sync@harbor.example".into()));
    assert!((170..=180).contains(&seconds_left(&claims)));
    assert_eq!(form.len(), 2);
}

#[tokio::test]
async fn an_assertion_replaces_the_client_s_secret() {
    let mut url = None;
    let (form, outcome) = asked(|token_url| {
        url = Some(token_url.to_string());
        Auth::PrivateKeyJwt {
            token_url,
            client_id: "0oa-coppice".into(),
            key_pem: KEY.private_pem.as_str().into(),
            certificate_pem: None,
            scope: "okta.users.read okta.logs.read".into(),
        }
    })
    .await;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["scope"], "okta.users.read okta.logs.read");
    assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let claims = claims(&form["client_assertion"], &url.unwrap());
    assert_eq!((&claims["iss"], &claims["sub"]), (&"0oa-coppice".into(), &"0oa-coppice".into()));
    assert!(claims["jti"].is_string() && (170..=180).contains(&seconds_left(&claims)));
}

/// `SHA-256` of the bytes in the certificate below, as base64url.
const THUMBPRINT: &str = "gazXYhQPppKhQoItL75NxvVLyqUB9oqzflru0Lr-TZk";

#[tokio::test]
async fn an_assertion_names_the_certificate_of_its_key() {
    let mut url = None;
    let (form, outcome) = asked(|token_url| {
        url = Some(token_url.to_string());
        Auth::PrivateKeyJwt {
            token_url,
            client_id: "11aa".into(),
            key_pem: KEY.private_pem.as_str().into(),
            certificate_pem: Some(pem("CERTIFICATE", b"a certificate")),
            scope: "https://graph.example/.default".into(),
        }
    })
    .await;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(form["scope"], "https://graph.example/.default");
    let header = decode_header(&form["client_assertion"]).unwrap();
    assert_eq!((header.alg, header.x5t_s256.as_deref()), (Algorithm::PS256, Some(THUMBPRINT)));
    let mut validation = Validation::new(Algorithm::PS256);
    validation.set_audience(&[url.unwrap()]);
    let key = DecodingKey::from_rsa_pem(KEY.public_pem.as_bytes()).unwrap();
    let claims = decode::<Value>(&form["client_assertion"], &key, &validation).unwrap().claims;
    assert_eq!((&claims["iss"], &claims["sub"]), (&"11aa".into(), &"11aa".into()));
    assert!(claims["jti"].is_string() && (170..=180).contains(&seconds_left(&claims)));
}

#[tokio::test]
async fn a_secret_goes_with_the_scope_of_its_token() {
    let (form, outcome) = asked(|token_url| Auth::ClientCredentials {
        token_url,
        client_id: "11aa".into(),
        client_secret: "s".into(),
        audience: None,
        scope: Some("https://graph.example/.default".into()),
        in_header: false,
    })
    .await;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!((form["scope"].as_str(), form.len()), ("https://graph.example/.default", 4));
}

#[test]
fn a_certificate_that_is_none_is_found_at_start_up_and_not_quoted() {
    let url: url::Url = "https://idp.example".parse().unwrap();
    let private = KEY.private_pem.as_str();
    for (key, certificate) in [(private, "mara"), (private, private), ("mara", &pem("CERTIFICATE", b"mara"))]
    {
        let auth = Auth::PrivateKeyJwt {
            token_url: url.clone(),
            client_id: "c".into(),
            key_pem: key.into(),
            certificate_pem: Some(certificate.to_owned()),
            scope: "s".into(),
        };
        let error = ProviderHttp::new(ProviderHttpConfig::new("idp", url.clone(), auth)).unwrap_err();
        assert!(matches!(error, ConfigError::Certificate { upstream: "idp" }));
        let text = format!("{error} {error:?}");
        assert!(!text.contains("mara") && !text.contains("BEGIN"), "{text}");
    }
}

#[tokio::test]
async fn a_fixed_token_has_its_provider_s_scheme() {
    let server = Server::start(|_, request| async move {
        let admitted = request.headers()["authorization"] == "SSWS 00-fixed";
        reply(if admitted { 200 } else { 401 }, &[], "{}")
    })
    .await;
    for (token, admitted) in [("00-fixed", true), ("00-other", false)] {
        let auth = Auth::Scheme { scheme: "SSWS", token: token.into() };
        let client = ProviderHttp::new(ProviderHttpConfig::new("idp", server.url.clone(), auth)).unwrap();
        let outcome = client.get_json::<Value>(&["users", "x"], &[], None).await;
        assert_eq!(outcome.is_ok(), admitted, "{outcome:?}");
    }
    assert_eq!(server.seen.requests(), 2);
}

#[test]
fn a_key_that_cannot_be_read_is_found_at_start_up_and_not_quoted() {
    let url: url::Url = "https://crm.example".parse().unwrap();
    for pem in ["mara", &pem("PRIVATE KEY", b"mara"), &KEY.public_pem] {
        let auth = Auth::PrivateKeyJwt {
            token_url: url.clone(),
            client_id: "c".into(),
            key_pem: pem.into(),
            certificate_pem: None,
            scope: "s".into(),
        };
        let error = ProviderHttp::new(ProviderHttpConfig::new("crm", url.clone(), auth)).unwrap_err();
        assert!(matches!(error, ConfigError::Key { upstream: "crm" }));
        let text = format!("{error} {error:?}");
        assert!(!text.contains("mara") && !text.contains("BEGIN"), "{text}");
    }
}

#[test]
fn a_header_that_cannot_be_sent_is_found_at_start_up_and_not_quoted() {
    let url: url::Url = "https://idv.example".parse().unwrap();
    let mut config = ProviderHttpConfig::new("idv", url, Auth::Bearer("t".into()));
    config.headers = vec![("persona-version".into(), "mara\n".into())];
    let error = ProviderHttp::new(config).unwrap_err();
    assert_eq!(error.to_string(), "header persona-version of idv is not a header");
}

#[test]
fn no_credentials_cross_a_network_in_the_clear() {
    let refused = |base: &str, token: &str, plain_http: bool| {
        let auth = Auth::ClientCredentials {
            token_url: token.parse().unwrap(),
            client_id: "id".into(),
            client_secret: "secret".into(),
            audience: None,
            scope: None,
            in_header: false,
        };
        let mut config = ProviderHttpConfig::new("idp", base.parse().unwrap(), auth);
        config.plain_http = plain_http;
        match ProviderHttp::new(config) {
            Ok(_) => false,
            Err(error) => matches!(error, ConfigError::PlainHttp { upstream: "idp" }),
        }
    };
    let safe = "https://idp.example/token";
    for here in ["http://127.0.0.1:80", "http://localhost:80/x", "http://[::1]:80", "https://10.0.0.1"] {
        assert!(!refused(here, safe, false), "{here}");
    }
    for elsewhere in
        ["http://10.0.0.1:80", "http://idp.example", "http://localhost.example", "http://[2001:db8::1]"]
    {
        assert!(refused(elsewhere, safe, false), "{elsewhere}");
        assert!(!refused(elsewhere, safe, true), "{elsewhere}: the operator has said so");
        assert!(refused("https://idp.example", elsewhere, false), "the token's server: {elsewhere}");
    }
}
