//! Thin events as Standard Webhooks advises: `{"type": …, "data": {"id": …}}`, or `"ids"`. A type that ends in `.deleted`
//! says that the record is gone. Every type is ours: which there are is agreed with whoever sends them.

use event_contract::IngressChange;
use serde::Deserialize;

use super::{Id, Named, OTHER, Unreadable, parse, text_or_number};

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    id: Option<Id>,
    #[serde(default)]
    ids: Vec<Id>,
}

pub(crate) fn read(body: &[u8]) -> Result<Vec<Named>, Unreadable> {
    let event: Event = parse(body)?;
    let deleted = event.kind.ends_with(".deleted");
    let change = if deleted { IngressChange::Deleted } else { IngressChange::Changed };
    let ids = event.data.id.into_iter().chain(event.data.ids);
    let named = |id| Ok(Named { change, ..Named::changed(text_or_number(id)?, OTHER) });
    let all: Vec<Named> = ids.map(named).collect::<Result<_, _>>()?;
    if all.is_empty() { Err(Unreadable) } else { Ok(all) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_id_or_several_are_named() {
        let changed = |id: &str| Named::changed(id.to_owned(), OTHER);
        let gone = |id: &str| Named { change: IngressChange::Deleted, ..changed(id) };
        assert_eq!(
            read(br#"{"type":"person.verified","data":{"id":"P-1","name":"x"}}"#),
            Ok(vec![changed("P-1")])
        );
        assert_eq!(read(br#"{"type":"a.deleted","data":{"ids":["1",2]}}"#), Ok(vec![gone("1"), gone("2")]));
        for data in ["{}", r#"{"id":null}"#, r#"{"ids":[]}"#, r#"{"id":""}"#, r#"{"ids":["1",{}]}"#] {
            let nobody = format!(r#"{{"type":"a","data":{data}}}"#);
            assert_eq!(read(nobody.as_bytes()), Err(Unreadable), "{data}");
        }
        assert_eq!(read(br#"{"type":"a"}"#), Err(Unreadable));
    }
}
