//! What we write to a source, in terms that all sources share.

use std::collections::BTreeMap;
use std::fmt;

/// Values for one record.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordWrite {
    /// The source's ID of the record, if it is known. `None`: the record is found by `external_key`, or created.
    pub id: Option<String>,
    /// Our key of the person. A record without it gets it.
    pub external_key: String,
    /// The values to write, by the source's own names. `None` clears a property. A property that is not here stays as it is.
    pub values: BTreeMap<String, Option<String>>,
}

/// The result of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The source's ID of the record.
    pub id: String,
    /// True if the record did not exist before.
    pub created: bool,
    /// The properties whose values the source does not accept. All others are written.
    pub refused: Vec<RefusedProperty>,
}

/// A property whose value the source does not accept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RefusedProperty {
    /// The property: a key of [`RecordWrite::values`], whatever the answer calls it.
    pub property: String,
    /// The source's code, from a closed list of its connector.
    pub code: &'static str,
}

impl fmt::Debug for RecordWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The IDs and the properties' names, and no value.
        f.debug_struct("RecordWrite")
            .field("id", &self.id)
            .field("external_key", &self.external_key)
            .field("values", &self.values.keys())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_which_properties_and_no_value() {
        let values = BTreeMap::from([("Email".into(), Some("orla.fenn@example.org".into()))]);
        let write = RecordWrite { id: None, external_key: "P-7".into(), values };
        assert_eq!(
            format!("{write:?}"),
            r#"RecordWrite { id: None, external_key: "P-7", values: ["Email"] }"#
        );
    }
}
