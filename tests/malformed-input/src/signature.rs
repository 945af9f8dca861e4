//! A webhook's signature in every scheme, by formulas that are written here a second time.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The URL that providers call.
pub(crate) const PUBLIC_URL: &str = "https://hooks.example.gov";

/// Stands in a body where a provider writes the secret itself.
pub(crate) const SECRET_IN_BODY: &str = "the-secret-of-the-subscription";

fn digest(key: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// Adds the headers that prove that `provider` has sent `body` at `at`, in the provider's unit. A time that no header can hold
/// is left out, and then the proof is incomplete.
pub(crate) fn sign(provider: &str, key: &str, at: &str, headers: &mut HeaderMap, body: &[u8]) {
    let timed = |parts: &[&[u8]]| digest(key, &[parts, &[body]].concat());
    let added: Vec<(&'static str, String)> = match provider {
        "stripe" | "persona" => {
            let signature = format!("t={at},v1={}", hex::encode(timed(&[at.as_bytes(), b"."])));
            vec![(if provider == "stripe" { "stripe-signature" } else { "persona-signature" }, signature)]
        }
        "hubspot" => {
            let url = format!("{PUBLIC_URL}/webhooks/hubspot");
            let made = digest(key, &[b"POST", url.as_bytes(), body, at.as_bytes()]);
            vec![
                ("x-hubspot-request-timestamp", at.to_owned()),
                ("x-hubspot-signature-v3", STANDARD.encode(made)),
            ]
        }
        "contentful" => {
            let names = "x-contentful-signed-headers,x-contentful-timestamp";
            let head = format!(
                "POST\n/webhooks/contentful\nx-contentful-signed-headers:{names};x-contentful-timestamp:{}\n",
                at.trim()
            );
            vec![
                ("x-contentful-signed-headers", names.to_owned()),
                ("x-contentful-timestamp", at.to_owned()),
                ("x-contentful-signature", hex::encode(timed(&[head.as_bytes()]))),
            ]
        }
        "standard-webhooks" | "rest" => {
            let made = timed(&[b"msg_1.", at.as_bytes(), b"."]);
            vec![
                ("webhook-id", "msg_1".to_owned()),
                ("webhook-timestamp", at.to_owned()),
                ("webhook-signature", format!("v1,{}", STANDARD.encode(made))),
            ]
        }
        _ => vec![("authorization", key.to_owned())],
    };
    for (name, value) in added {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    }
}
