//! The simulated tenant: which request gets a token, and what an answer leaves out.

use std::sync::LazyLock;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use provider_http::{TestKey, pem};
use serde_json::{Value, json};
use simulators::entra::{Application, EntraSimulator, SimulatedUser};

/// Makes a valid request invalid.
type Spoil = fn(&mut Request);

const APP: &str = "11aa0c5e-7f21-4d0b-9c3e-5a6b7c8d9e0f";
const USER: &str = "3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4b8";

static KEY: LazyLock<TestKey> = LazyLock::new(TestKey::generate);

/// SHA-256 of `a certificate`, as base64url.
const THUMBPRINT: &str = "gazXYhQPppKhQoItL75NxvVLyqUB9oqzflru0Lr-TZk";

/// The parts of a valid request. A test makes them invalid.
struct Request {
    tenant: String,
    header: Header,
    claims: Value,
    form: Value,
}

impl Request {
    fn new(tenant: &EntraSimulator) -> Self {
        let audience = format!("{}/{}/oauth2/v2.0/token", tenant.base_url(), tenant.tenant_id());
        let end = time::OffsetDateTime::now_utc().unix_timestamp() + 60;
        let claims = json!({ "iss": APP, "sub": APP, "aud": audience, "exp": end, "jti": "1" });
        let form = json!({ "grant_type": "client_credentials", "client_id": APP,
            "scope": format!("{}/.default", tenant.base_url()),
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" });
        let header = Header { x5t_s256: Some(THUMBPRINT.to_owned()), ..Header::new(Algorithm::PS256) };
        Self { tenant: tenant.tenant_id().to_owned(), header, claims, form }
    }

    async fn outcome(mut self, tenant: &EntraSimulator) -> (u16, Value) {
        let key = EncodingKey::from_rsa_pem(KEY.private_pem.as_bytes()).unwrap();
        if self.form.get("client_secret").is_none() {
            self.form["client_assertion"] = encode(&self.header, &self.claims, &key).unwrap().into();
        }
        let url = format!("{}/{}/oauth2/v2.0/token", tenant.base_url(), self.tenant);
        let reply = reqwest::Client::new().post(url).form(&self.form).send().await.unwrap();
        (reply.status().as_u16(), reply.json::<Value>().await.unwrap()["error"].take())
    }
}

async fn tenant() -> EntraSimulator {
    let tenant = EntraSimulator::start().await;
    let certificate = pem("CERTIFICATE", b"a certificate");
    let application = Application::new(APP).with_secret("s3cret");
    tenant.put_application(application.with_certificate(&KEY.public_pem, &certificate));
    tenant
}

#[tokio::test]
async fn every_wrong_token_request_is_refused() {
    let tenant = tenant().await;
    let spoilt: [(Spoil, u16, &str); 11] = [
        (|request| request.tenant = USER.into(), 400, "invalid_request"),
        (|request| request.claims["aud"] = "https://elsewhere.example".into(), 401, "invalid_client"),
        (|request| request.claims["exp"] = 1.into(), 401, "invalid_client"),
        (|request| request.claims["iss"] = USER.into(), 401, "invalid_client"),
        (|request| request.claims["sub"] = USER.into(), 401, "invalid_client"),
        (|request| request.header.x5t_s256 = None, 401, "invalid_client"),
        (|request| request.header.x5t_s256 = Some("x".into()), 401, "invalid_client"),
        (|request| request.header.alg = Algorithm::RS256, 401, "invalid_client"),
        (
            |request| request.form["scope"] = "https://graph.other.example/.default".into(),
            400,
            "invalid_scope",
        ),
        (|request| request.form["client_id"] = USER.into(), 400, "unauthorized_client"),
        (|request| request.form["client_secret"] = "wrong".into(), 401, "invalid_client"),
    ];
    for (number, (spoil, status, error)) in spoilt.into_iter().enumerate() {
        let mut request = Request::new(&tenant);
        spoil(&mut request);
        assert_eq!(request.outcome(&tenant).await, (status, error.into()), "{number}");
    }
    assert_eq!(Request::new(&tenant).outcome(&tenant).await, (200, Value::Null));
    let again = Request::new(&tenant).outcome(&tenant).await;
    assert_eq!(again, (401, "invalid_client".into()), "an assertion counts once");
    let mut secret = Request::new(&tenant);
    secret.form["client_secret"] = "s3cret".into();
    secret.form.as_object_mut().unwrap().remove("client_assertion_type");
    assert_eq!(secret.outcome(&tenant).await, (200, Value::Null));
}

#[tokio::test]
async fn an_answer_has_the_default_fields_or_the_selected_ones() {
    let tenant = tenant().await;
    tenant.put_user(SimulatedUser::new(USER));
    let form = json!({ "grant_type": "client_credentials", "client_id": APP, "client_secret": "s3cret",
        "scope": format!("{}/.default", tenant.base_url()) });
    let url = format!("{}/{}/oauth2/v2.0/token", tenant.base_url(), tenant.tenant_id());
    let http = reqwest::Client::new();
    let token: Value = http.post(url).form(&form).send().await.unwrap().json().await.unwrap();
    let read = async |query: &str| {
        let url = format!("{}/v1.0/users/{USER}{query}", tenant.base_url());
        let call = http.get(url).bearer_auth(token["access_token"].as_str().unwrap());
        let reply = call.send().await.unwrap();
        (reply.status().as_u16(), reply.json::<Value>().await.unwrap())
    };
    let (status, user) = read("").await;
    assert_eq!((status, user.as_object().unwrap().len()), (200, 12), "eleven fields, and the context");
    for absent in ["accountEnabled", "createdDateTime", "userType", "employeeId", "deletedDateTime"] {
        assert_eq!(user.get(absent), None, "{absent}");
    }
    let (_, user) = read("?$select=id,accountEnabled,deletedDateTime").await;
    assert_eq!((&user["accountEnabled"], user.get("deletedDateTime")), (&json!(true), Some(&Value::Null)));
    assert_eq!(read("?$select=id,shoeSize").await.0, 400);
}
