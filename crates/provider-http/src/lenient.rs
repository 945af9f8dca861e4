//! Fields of an event's JSON that are read only if they have the right form: one that has not counts as missing. And times in
//! every form that has one meaning.

use serde_json::Value;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// A text that is not empty.
pub fn text(value: Option<&Value>) -> Option<&str> {
    value?.as_str().filter(|text| !text.is_empty())
}

/// A time, as [`parse_time`] reads it.
pub fn time(value: Option<&Value>) -> Option<OffsetDateTime> {
    parse_time(value?.as_str()?)
}

const WITHOUT_ZONE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second][optional [.[subsecond]]]");
const WITHOUT_COLON: &[BorrowedFormatItem<'_>] = format_description!(
    "[year]-[month]-[day]T[hour]:[minute]:[second][optional [.[subsecond]]][offset_hour sign:mandatory][offset_minute]"
);

/// A time as RFC 3339 writes it, also with a space in place of `T`, with an offset as `+0000`, and without an offset: then it is
/// UTC. A source's times are compared with each other only.
pub fn parse_time(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim();
    let joined;
    let text = match text.split_once(' ') {
        Some((date, time)) => {
            joined = format!("{date}T{}", time.replace(' ', ""));
            joined.as_str()
        }
        None => text,
    };
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(text, WITHOUT_COLON))
        .or_else(|_| PrimitiveDateTime::parse(text, WITHOUT_ZONE).map(PrimitiveDateTime::assume_utc))
        .ok()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_time_is_read_in_every_form_that_has_one_meaning() {
        let expected = datetime!(2026-11-18 8:03:34 UTC);
        for text in [
            "2026-11-18T08:03:34Z",
            "2026-11-18t08:03:34.000z",
            "2026-11-18T09:03:34+01:00",
            "2026-11-18T08:03:34",
            "2026-11-18T08:03:34.000",
            "2026-11-18T08:03:34+0000",
            "2026-11-18T09:03:34.000+0100",
            "2026-11-18 08:03:34",
            "2026-11-18 08:03:34Z",
            "2026-11-18 08:03:34 +0000",
            " 2026-11-18 09:03:34+01:00 ",
        ] {
            assert_eq!(parse_time(text), Some(expected), "{text}");
        }
        for text in ["", "yesterday", "18.11.2026", "2026-11-18", "2026-13-18T08:03:34Z", "1794384214"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }
}
