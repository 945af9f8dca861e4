//! The secrets that a source's settings name: `{ secret = "auth0-client-secret" }`. The text is in the variable
//! `COPPICE_SECRET_AUTH0_CLIENT_SECRET`, or in the file of the secret's name below `COPPICE_SECRETS_DIRECTORY`.

use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use settings::{Reader, SettingsError, all};

/// The settings with empty texts instead of secrets.
pub(crate) fn blanked(settings: &Value) -> Value {
    replaced(settings, &mut |_| Value::String(String::new()))
}

/// The settings with the secrets' texts.
pub(crate) fn filled(settings: &Value, source: &str, reader: &Reader) -> Result<Value, SettingsError> {
    let mut faults = Vec::new();
    let filled = replaced(settings, &mut |name| match reader
        .secret(name, &format!("a secret of the source {source}"))
    {
        Ok(secret) => Value::String(secret.expose_secret().to_owned()),
        Err(fault) => {
            faults.push(Err(fault));
            Value::Null
        }
    });
    all::<()>(faults)?;
    Ok(filled)
}

fn replaced(value: &Value, secret: &mut impl FnMut(&str) -> Value) -> Value {
    match value {
        Value::Object(fields) => match secret_name(fields) {
            Some(name) => secret(name),
            None => Value::Object(
                fields.iter().map(|(key, value)| (key.clone(), replaced(value, secret))).collect(),
            ),
        },
        Value::Array(items) => Value::Array(items.iter().map(|item| replaced(item, secret)).collect()),
        other => other.clone(),
    }
}

fn secret_name(fields: &Map<String, Value>) -> Option<&str> {
    if fields.len() == 1 { fields.get("secret")?.as_str() } else { None }
}
