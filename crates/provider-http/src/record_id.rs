//! The one field that every provider's record has.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Reads a record's ID, a text that is not empty. For `#[serde(deserialize_with = …)]`.
///
/// # Errors
/// For an empty text, too.
pub fn record_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = String::deserialize(deserializer)?;
    // Under an empty ID, the records of several persons would be one record.
    if id.is_empty() { Err(D::Error::custom("an ID is empty")) } else { Ok(id) }
}
