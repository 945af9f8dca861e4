//! A template as YAML. JSON is YAML too; this is to be read.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use serde_saphyr::SerializerOptions;

/// Keys that come first, in this order. The others follow by their names, so a text never depends on the order of a map.
const FIRST: [&str; 17] = [
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Conditions",
    "Resources",
    "Outputs",
    "Type",
    "Sid",
    "Effect",
    "Condition",
    "DependsOn",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "Id",
    "Name",
];

const WIDTH: usize = 110;

struct Ordered<'a>(&'a Value);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(fields) => {
                let mut entries: Vec<(&String, &Value)> = fields.iter().collect();
                entries.sort_by_key(|(key, _)| {
                    (FIRST.iter().position(|first| first == key).unwrap_or(FIRST.len()), key.as_str())
                });
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, &Self(value))?;
                }
                map.end()
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(Self)),
            plain => plain.serialize(serializer),
        }
    }
}

/// A template, with a comment at its head.
///
/// # Panics
/// Never: a template has no value that YAML cannot write.
pub fn to_yaml(head: &str, template: &Value) -> String {
    let comment: String = head.lines().map(|line| format!("# {line}").trim_end().to_owned() + "\n").collect();
    let mut options = SerializerOptions::default();
    options.folded_wrap_chars = WIDTH;
    let yaml = serde_saphyr::to_string_with_options(&Ordered(template), options);
    let yaml = yaml.unwrap_or_else(|error| unreachable!("{error}"));
    format!("{comment}{yaml}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_reads_back_and_is_in_order() {
        let template = json!({
            "Resources": {"B": {"Properties": {"Long": "{\"x\": 1}, ".repeat(90), "Lines": "a\n  b\n"}, "Type": "T"}},
            "AWSTemplateFormatVersion": "2010-09-09",
            "Parameters": {"P": {"Default": "012", "Empty": "", "No": "no", "Pattern": "[a-z]{1,3}"}}
        });
        let text = to_yaml("Made.\n\nTwice.", &template);
        assert!(text.starts_with("# Made.\n#\n# Twice.\nAWSTemplateFormatVersion: "), "{text}");
        assert!(text.find("Type: T").unwrap() < text.find("Properties:").unwrap(), "{text}");
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), template);
    }
}
