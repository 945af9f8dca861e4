//! The events of a described API. In: the table `events` of a source. Out: how an event on the bus and a webhook's body are read, or
//! every fault with its place. An event names records; what happened to them is read at the API.

use std::sync::Arc;

use event_contract::{RecordHint, UnreadableEvent};
use provider_http::json::Unread;
use provider_webhook::{
    DescribedWebhook, Encoding, HmacHeader, OTHER_KIND, Scheme, SignedTime, SourceWebhook, UnreadableBody,
    WebhookRecord,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::compile::Compiler;
use super::description::TimeFormat;
use super::item::{text, time};
use super::path::{Condition, Path, member_paths};
use crate::connector::RecordEvent;
use crate::described::{BusEvents, Described};

/// Events that report a change: on the bus, or by webhook. In the paths, `$` is the event as the bus has it (`$.detail.personId`), or
/// the webhook's body.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsTable {
    /// Which events on the bus are this source's. Left out: it sends none there.
    pub pattern: Option<PatternTable>,
    /// Where an event has the ID of its record. A webhook's body may have several.
    pub id: String,
    /// Where an event has a time that the record's version is not older than. An older answer is read again a little later.
    pub not_before: Option<String>,
    /// How that time is written.
    #[serde(default = "rfc3339")]
    pub format: TimeFormat,
    /// When an event says that the record was removed, such as `$.type == 'person.removed'`. The record is read all the same.
    pub removed: Option<String>,
    /// How a webhook is signed; its secrets are in `webhook_secrets`. Left out: as Standard Webhooks.
    pub webhook: Option<WebhookTable>,
}

const fn rfc3339() -> TimeFormat {
    TimeFormat::Rfc3339
}

/// Which events on the bus are a source's.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PatternTable {
    /// Their `source`: one of these.
    #[schemars(length(min = 1))]
    pub source: Vec<String>,
    /// Their `detail-type`: one of these. Left out: any.
    #[serde(default, rename = "detail-type")]
    pub detail_type: Vec<String>,
}

/// How a webhook is signed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookTable {
    /// The scheme.
    pub scheme: SchemeName,
    /// Of `hmac-sha256`: the header with the digest.
    pub header: Option<String>,
    /// Of `hmac-sha256`: what is before the digest, such as `sha256=`.
    pub prefix: Option<String>,
    /// Of `hmac-sha256`: how the digest is written. Left out: `hex`.
    pub encoding: Option<EncodingName>,
    /// Of `hmac-sha256`: the header with the time of the request. Left out: the signature is of the body alone, and a request can be
    /// repeated, which causes another refetch and no more.
    pub timestamp_header: Option<String>,
    /// How that time is written: `unix` or `unix_ms`. Left out: `unix`.
    pub timestamp_format: Option<TimeFormat>,
    /// What is signed, if there is a time. Left out: `{timestamp}.{body}`.
    pub signed: Option<String>,
}

/// A scheme of signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SchemeName {
    /// A header with an HMAC-SHA256.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    /// Standard Webhooks.
    StandardWebhooks,
    /// The header `Authorization` is the secret, word for word.
    Authorization,
}

/// How a digest is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EncodingName {
    /// Hexadecimal digits.
    Hex,
    /// Base64.
    Base64,
}

/// How an event is read.
#[derive(Debug, Clone)]
struct EventPaths {
    id: Path,
    not_before: Option<(Path, TimeFormat)>,
    removed: Option<Condition>,
}

impl EventPaths {
    /// The records that an event names: every ID at the path, once.
    fn hints(&self, event: Value) -> Result<Vec<RecordHint>, Unread> {
        let mut ids: Vec<String> = Vec::new();
        for found in self.id.all(&event) {
            let id = text(found).ok_or(Unread)?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        if ids.is_empty() {
            return Err(Unread);
        }
        // A bound that cannot be read is none: the record is read all the same.
        let bound = |(path, format): &(Path, TimeFormat)| time(path, *format, &event).ok().flatten();
        let not_before: Option<OffsetDateTime> = self.not_before.as_ref().and_then(bound);
        let list_of_one = Value::Array(vec![event]);
        let removed = self.removed.as_ref().is_some_and(|removed| removed.holds(&list_of_one));
        Ok(ids.into_iter().map(|id| RecordHint { id, removed, not_before }).collect())
    }
}

/// `None`: the compiler has what is wrong, or nothing is described.
pub(super) fn compile(compiler: &mut Compiler, table: Option<&EventsTable>) -> Option<Described> {
    let Some(table) = table else { return Some(Described::default()) };
    let id = compiler.path("/events/id", &table.id);
    let not_before = compiler.optional("/events/not_before", table.not_before.as_ref(), Path::parse);
    let removed = compiler.optional("/events/removed", table.removed.as_ref(), Condition::parse);
    let scheme = table.webhook.as_ref().map_or(Some(Scheme::StandardWebhooks), |it| scheme(compiler, it));
    let paths =
        EventPaths { id: id?, not_before: not_before?.map(|path| (path, table.format)), removed: removed? };
    let kept = match &table.pattern {
        Some(pattern) => Some(kept(compiler, table, pattern)?),
        None => None,
    };
    let scheme = scheme?;
    let of_body = paths.clone();
    let read = Box::new(move |body: &[u8]| {
        let hints = of_body.hints(provider_webhook::parse(body)?).map_err(|Unread| UnreadableBody)?;
        let named = |hint| WebhookRecord { hint, ..WebhookRecord::changed(String::new(), OTHER_KIND) };
        Ok(hints.into_iter().map(named).collect())
    });
    let bus = table.pattern.as_ref().zip(kept).map(|(pattern, (id, others))| {
        let read = Box::new(move |event: &Value| {
            let hints = paths.hints(event.clone());
            hints
                .map(RecordEvent::Records)
                .map_err(|Unread| UnreadableEvent::MissingId { kind: "of a described source" })
        });
        let (sources, detail_types) = (pattern.source.clone(), pattern.detail_type.clone());
        Arc::new(BusEvents { sources, detail_types, id, others, read })
    });
    let webhook = SourceWebhook::Described(Arc::new(DescribedWebhook { scheme, read }));
    Some(Described { bus, webhook: Some(webhook), accepted: None })
}

fn scheme(compiler: &mut Compiler, table: &WebhookTable) -> Option<Scheme> {
    let at = "/events/webhook";
    let WebhookTable { scheme, header, prefix, encoding, timestamp_header, timestamp_format, signed } = table;
    let of_hmac = [
        header.is_some(),
        prefix.is_some(),
        encoding.is_some(),
        timestamp_header.is_some(),
        timestamp_format.is_some(),
        signed.is_some(),
    ];
    let other = match scheme {
        SchemeName::HmacSha256 => None,
        SchemeName::StandardWebhooks => Some(Scheme::StandardWebhooks),
        SchemeName::Authorization => Some(Scheme::Authorization),
    };
    if let Some(other) = other {
        if of_hmac.contains(&true) {
            compiler.fault(at, "has no other keys beside scheme: they belong to hmac-sha256");
            return None;
        }
        return Some(other);
    }
    let Some(header) = header else {
        compiler.fault(at, "needs header: the header that has the digest, such as X-Signature");
        return None;
    };
    if timestamp_header.is_none() && (timestamp_format.is_some() || signed.is_some()) {
        compiler.fault(at, "needs timestamp_header: timestamp_format and signed say how its time is used");
        return None;
    }
    if matches!(timestamp_format, Some(TimeFormat::Rfc3339 | TimeFormat::Sql)) {
        compiler.fault(&format!("{at}/timestamp_format"), "must be unix or unix_ms");
        return None;
    }
    let time = match timestamp_header {
        None => None,
        Some(header) => {
            let parts = SignedTime::parts(signed.as_deref().unwrap_or("{timestamp}.{body}"));
            let wrong =
                || String::from("must have {timestamp} once and {body} once, such as {timestamp}.{body}");
            let signed = compiler.read(&format!("{at}/signed"), parts.ok_or_else(wrong))?;
            let millis = *timestamp_format == Some(TimeFormat::UnixMs);
            Some(SignedTime { header: header.clone(), millis, signed })
        }
    };
    Some(Scheme::Hmac(HmacHeader {
        header: header.clone(),
        prefix: prefix.clone().unwrap_or_default(),
        encoding: match encoding {
            None | Some(EncodingName::Hex) => Encoding::Hex,
            Some(EncodingName::Base64) => Encoding::Base64,
        },
        time,
    }))
}

/// The paths below `detail` that a rule of the bus keeps: the ID's, and the others.
fn kept(
    compiler: &mut Compiler,
    table: &EventsTable,
    pattern: &PatternTable,
) -> Option<(String, Vec<String>)> {
    for (place, source) in pattern.source.iter().enumerate() {
        if source == "coppice" || source.starts_with("coppice.") || source.starts_with("aws.") {
            let at = format!("/events/pattern/source/{place}");
            compiler.fault(
                &at,
                "must be a source of your own: those of Coppice and of AWS are not yours to send",
            );
            return None;
        }
    }
    let mut paths = |at: &str, text: Option<&String>| -> Option<Vec<String>> {
        let Some(text) = text else { return Some(Vec::new()) };
        let found = member_paths(text).filter(|all| !all.is_empty());
        let found = found.ok_or_else(|| {
            String::from(
                "must name members only, such as $.detail.personId: a rule of the bus keeps nothing else",
            )
        });
        compiler.read(at, found)
    };
    let id = paths("/events/id", Some(&table.id));
    let not_before = paths("/events/not_before", table.not_before.as_ref());
    let removed = paths("/events/removed", table.removed.as_ref());
    let below = |path: &String| path.strip_prefix("detail.").map(str::to_owned);
    let id = id?;
    let Some(id) = id.first().and_then(below) else {
        compiler.fault("/events/id", "must be below $.detail, such as $.detail.personId");
        return None;
    };
    let mut others: Vec<String> = not_before?.iter().chain(&removed?).filter_map(below).collect();
    others.sort_unstable();
    others.dedup();
    others.retain(|path| *path != id);
    let all: Vec<&String> = others.iter().chain([&id]).collect();
    if all.iter().any(|one| all.iter().any(|other| other.starts_with(&format!("{one}.")))) {
        compiler.fault("/events", "names a path and another one below it: an event cannot have both");
        return None;
    }
    Some((id, others))
}
