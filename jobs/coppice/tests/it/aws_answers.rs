//! A proxy before the emulator. It answers some calls itself and can change the `Date` of replies, as no emulator can.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, Uri};

#[derive(Default)]
struct Script {
    /// Status and body by AWS operation, or by path for other requests.
    answers: BTreeMap<String, (u16, &'static str)>,
    date: Option<&'static str>,
}

#[derive(Clone)]
pub(crate) struct AwsAnswers {
    script: Arc<Mutex<Script>>,
    upstream: String,
    endpoint: String,
    http: reqwest::Client,
}

impl AwsAnswers {
    pub(crate) async fn start(upstream: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            script: Arc::default(),
            upstream: upstream.to_owned(),
            endpoint: format!("http://{}", listener.local_addr().unwrap()),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        };
        let router = Router::new().fallback(answer).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        proxy
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Answers an operation in this way from now on.
    pub(crate) fn put(&self, operation: &str, status: u16, body: &'static str) {
        self.script.lock().unwrap().answers.insert(operation.to_owned(), (status, body));
    }

    /// Passes all operations on to the emulator again.
    pub(crate) fn clear(&self) {
        self.script.lock().unwrap().answers.clear();
    }

    /// Sets the `Date` of every reply.
    pub(crate) fn set_date(&self, date: &'static str) {
        self.script.lock().unwrap().date = Some(date);
    }
}

async fn answer(
    State(proxy): State<AwsAnswers>,
    uri: Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or(uri.path());
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let (scripted, date) = {
        let script = proxy.script.lock().unwrap();
        (script.answers.get(&operation).copied(), script.date)
    };
    let (status, body) = match scripted {
        Some((status, body)) => (status, Bytes::from_static(body.as_bytes())),
        None => {
            headers.remove("host");
            let call = proxy.http.post(format!("{}{uri}", proxy.upstream)).headers(headers).body(body);
            let reply = call.send().await.unwrap();
            (reply.status().as_u16(), reply.bytes().await.unwrap())
        }
    };
    let mut response =
        Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
    if let Some(date) = date {
        response = response.header("date", date);
    }
    response.body(Body::from(body)).unwrap()
}
