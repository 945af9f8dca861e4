//! Paths and conditions of a description. In: a text of it. Out: what it selects of a reply. No error quotes a reply.

use provider_http::json::Unread;
use serde_json::Value;
use serde_json_path::JsonPath;

/// A path by RFC 9535.
#[derive(Debug, Clone)]
pub(crate) struct Path(JsonPath);

/// A path to a list: it ends with `[*]`. So a reply without the list differs from one with an empty list.
#[derive(Debug, Clone)]
pub(crate) struct ListPath(Path);

/// A comparison, such as `$.status == 'closed'`, in which `$` is the record. A path alone asks whether the record says so.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    /// A filter of a list of one.
    Compares(JsonPath),
    /// Its value is there, and is neither `false` nor `null`. For RFC 9535, `$.deleted` would hold for `{"deleted": false}`.
    Says(JsonPath),
}

impl Path {
    /// # Errors
    /// What is wrong, and at which character.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        JsonPath::parse(text)
            .map(Self)
            .map_err(|error| wrong("$.name.first", error.position(), error.message()))
    }

    /// The value that it selects. Nothing, and `null`, is `None`.
    ///
    /// # Errors
    /// [`Unread`] if it selects several that differ.
    pub(crate) fn one<'a>(&self, value: &'a Value) -> Result<Option<&'a Value>, Unread> {
        let mut found = self.0.query(value).into_iter().filter(|value| !value.is_null());
        let first = found.next();
        if found.all(|other| Some(other) == first) { Ok(first) } else { Err(Unread) }
    }

    /// Every value that it selects.
    pub(crate) fn all<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        self.0.query(value).all()
    }
}

impl ListPath {
    /// # Errors
    /// As [`Path::parse`].
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let list = text.trim_end().strip_suffix("[*]");
        let list = list.ok_or("must end with [*]: it selects the items of one list, such as $.data[*]")?;
        Path::parse(list).map(Self)
    }

    /// The items. `None`: the reply has no such list.
    pub(crate) fn items<'a>(&self, value: &'a Value) -> Option<&'a Vec<Value>> {
        let mut lists = self.0.all(value).into_iter();
        let list = lists.next()?.as_array()?;
        lists.next().is_none().then_some(list)
    }
}

impl Condition {
    /// # Errors
    /// As [`Path::parse`].
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(path) = JsonPath::parse(text.trim()) {
            return Ok(Self::Says(path));
        }
        if let Some(path) = parts(text).into_iter().find(|part| JsonPath::parse(part).is_ok()) {
            return Err(format!(
                "must compare {path} with a value, such as {path} == true, or ask for it alone"
            ));
        }
        // In a filter, `@` is the record, of a list of one.
        let filter = format!("$[?{}]", of_record(text));
        let parsed = JsonPath::parse(&filter).map(Self::Compares);
        parsed.map_err(|error| {
            // Without what was put before it.
            wrong("$.status == 'closed'", error.position().saturating_sub(3), error.message())
        })
    }

    /// Whether it holds for the record in this list of one.
    pub(crate) fn holds(&self, list_of_one: &Value) -> bool {
        match self {
            Self::Compares(filter) => !filter.query(list_of_one).is_empty(),
            Self::Says(path) => {
                let record = list_of_one.get(0).unwrap_or(&Value::Null);
                path.query(record).into_iter().any(|value| !matches!(value, Value::Null | Value::Bool(false)))
            }
        }
    }
}

fn wrong(example: &str, position: usize, message: &str) -> String {
    format!("must be a JSONPath such as {example}: {message}, at character {}", position + 1)
}

/// What stands between `&&`, `||`, `!` and parentheses, but not within quotes, brackets or the parentheses of a function.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quote, mut depth) = (Vec::new(), 0, None, 0_u32);
    let bytes = text.as_bytes();
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if open == byte && at > 0 && bytes[at - 1] != b'\\' => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'[') => depth += 1,
            (None, b'(') if depth > 0 || (at > 0 && bytes[at - 1].is_ascii_alphanumeric()) => depth += 1,
            (None, b']' | b')') if depth > 0 => depth -= 1,
            (None, b'&' | b'|' | b'(' | b')') if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            (None, b'!') if depth == 0 && bytes.get(at + 1) != Some(&b'=') => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// `$` as `@`, but not within quotes.
fn of_record(text: &str) -> String {
    let (mut quote, mut escaped) = (None, false);
    let replaced = text.chars().map(|one| {
        match (quote, one) {
            (Some(_), '\\') if !escaped => {
                escaped = true;
                return one;
            }
            (Some(open), _) if open == one && !escaped => quote = None,
            (None, '\'' | '"') => quote = Some(one),
            (None, '$') => return '@',
            _ => {}
        }
        escaped = false;
        one
    });
    replaced.collect()
}

/// The paths of members in a path or condition: `$.a['b-c'].d` as `a.b-c.d`. `None`: one of them selects in another way, as by an
/// index or a filter.
pub(crate) fn member_paths(text: &str) -> Option<Vec<String>> {
    let mut all = Vec::new();
    let mut rest = text;
    loop {
        // A text in quotes is no path.
        let Some(at) = rest.find(['$', '\'', '"']) else { return Some(all) };
        let from = &rest[at + 1..];
        if !rest[at..].starts_with('$') {
            let end = from.find(&rest[at..=at])?;
            rest = &from[end + 1..];
            continue;
        }
        let (members, after) = members(from)?;
        all.push(members.join("."));
        rest = after;
    }
}

/// The names at the beginning of a text, and what follows them.
fn members(mut rest: &str) -> Option<(Vec<&str>, &str)> {
    let mut names = Vec::new();
    loop {
        if let Some(name) = rest.strip_prefix('.') {
            let end = name.find(|one: char| !one.is_alphanumeric() && one != '_').unwrap_or(name.len());
            if end == 0 {
                return None;
            }
            names.push(&name[..end]);
            rest = &name[end..];
        } else if let Some(quoted) = rest.strip_prefix("['").or_else(|| rest.strip_prefix("[\"")) {
            let (name, after) = quoted.split_once([']'])?;
            let name =
                name.strip_suffix(['\'', '"']).filter(|name| !name.contains(['.', '\'', '"', '\\']))?;
            names.push(name);
            rest = after;
        } else {
            return (!rest.starts_with('[') && !names.is_empty()).then_some((names, rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_selects_one_value_and_several_equal_ones_are_one() {
        let record = json!({"a": [{"b": 1}, {"b": 1}, {"b": null}], "c": [1, 2], "d": null});
        let one = |path: &str| Path::parse(path).unwrap().one(&record).map(|found| found.cloned());
        assert_eq!(one("$.a[*].b"), Ok(Some(json!(1))));
        assert_eq!(one("$.c[*]"), Err(Unread));
        assert_eq!((one("$.d"), one("$.e.f")), (Ok(None), Ok(None)));
    }

    #[test]
    fn a_list_that_is_not_there_is_no_empty_list() {
        let items = |path: &str, reply: Value| ListPath::parse(path).unwrap().items(&reply).map(Vec::len);
        assert_eq!(items("$.data[*]", json!({"data": [1, 2]})), Some(2));
        assert_eq!(items("$.data[*]", json!({"data": []})), Some(0));
        assert_eq!(items("$[*]", json!([])), Some(0));
        for reply in [json!({}), json!({"data": null}), json!({"data": {"a": 1}}), json!([]), json!("data")] {
            assert_eq!(items("$.data[*]", reply.clone()), None, "{reply}");
        }
        assert_eq!(items("$..data[*]", json!({"data": [1], "b": {"data": [2]}})), None, "two lists");
        assert!(ListPath::parse("$.data").unwrap_err().contains("must end with [*]"));
    }

    #[test]
    fn a_condition_speaks_of_the_record() {
        let holds =
            |condition: &str, record: Value| Condition::parse(condition).unwrap().holds(&json!([record]));
        assert!(holds("$.status == 'closed'", json!({"status": "closed"})));
        assert!(!holds("$.status == 'closed'", json!({"status": "open"})));
        assert!(!holds("$.status == 'closed'", json!({})), "what is not there is not closed");
        assert!(holds("$.price == '$5' && $.n > 3", json!({"price": "$5", "n": 4})));
        assert!(holds(r"$.a == 'it\'s $'", json!({"a": "it's $"})));
        for (said, expected) in
            [(json!(true), true), (json!("2026-11-30"), true), (json!(false), false), (json!(null), false)]
        {
            assert_eq!(holds("$.gone", json!({"gone": said})), expected, "a path alone: {said}");
        }
        assert!(!holds("$.gone", json!({})));
        assert!(holds("length($.a) > 2 && ($.b != 1)", json!({"a": "abc", "b": 2})));
        for text in ["$.a && $.b == 1", "!$.a", "($.a || $.b)", "$.b == 1 && ($.c == 2 || $.a)"] {
            let wrong = Condition::parse(text).unwrap_err();
            assert!(
                wrong.starts_with("must compare $.a with a value, such as $.a == true"),
                "{text}: {wrong}"
            );
        }
        assert!(holds("$['detail-type'] == 'PersonRemoved'", json!({"detail-type": "PersonRemoved"})));
        let wrong = Condition::parse("$.status = 'closed'").unwrap_err();
        assert!(wrong.starts_with("must be a JSONPath such as $.status == 'closed': "), "{wrong}");
    }

    #[test]
    fn the_members_that_a_condition_reads_are_found() {
        let found = |text: &str| member_paths(text).map(|all| all.join(" "));
        for (text, expected) in [
            ("$.detail.personId", Some("detail.personId")),
            ("$['detail-type'] == 'PersonRemoved'", Some("detail-type")),
            ("$.detail['a-b'].c == '$.x' && ($.detail.n > 3 || !$.k)", Some("detail.a-b.c detail.n k")),
            ("'a' == 'b'", Some("")),
            ("$.detail.list[0].id", None),
            ("$.detail.list[*]", None),
            ("$..id", None),
            ("$.detail[?@.a == 1]", None),
            ("$", None),
            ("$['a.b']", None),
        ] {
            assert_eq!(found(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_wrong_path_says_where() {
        let wrong = Path::parse("$.name[").unwrap_err();
        assert!(wrong.starts_with("must be a JSONPath such as $.name.first: "), "{wrong}");
        assert!(wrong.contains("at character "), "{wrong}");
    }
}
