//! The `Link` header, <https://www.rfc-editor.org/rfc/rfc8288#section-3>. A line that breaks the grammar has no links: a reader
//! that guesses would find a link where there is none.

const SPACE: [char; 2] = [' ', '\t'];

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Link<'a> {
    pub(crate) target: &'a str,
    relations: Option<&'a str>,
}

impl Link<'_> {
    pub(crate) fn relates_as(&self, relation: &str) -> bool {
        let mut relations = self.relations.unwrap_or_default().split(SPACE);
        relations.any(|own| own.eq_ignore_ascii_case(relation))
    }
}

pub(crate) fn links(mut rest: &str) -> Option<Vec<Link<'_>>> {
    let mut links = Vec::new();
    loop {
        // A list may have empty elements: <https://www.rfc-editor.org/rfc/rfc9110#section-5.6.1.2>.
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(links);
        }
        let link;
        (link, rest) = read_link(rest)?;
        links.push(link);
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
    }
}

fn read_link(text: &str) -> Option<(Link<'_>, &str)> {
    let (target, mut rest) = text.strip_prefix('<')?.split_once('>')?;
    let (mut relations, mut elsewhere) = (None, false);
    rest = rest.trim_start_matches(SPACE);
    while let Some(parameter) = rest.strip_prefix(';') {
        let (name, value, after) = read_parameter(parameter.trim_start_matches(SPACE))?;
        match name.to_ascii_lowercase().as_str() {
            "rel" => relations = relations.or(Some(value)), // Of several, the first one counts.
            // It is about another page than this reply's.
            "anchor" => elsewhere = true,
            _ => {}
        }
        rest = after.trim_start_matches(SPACE);
    }
    Some((Link { target, relations: relations.filter(|_| !elsewhere) }, rest))
}

fn read_parameter(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = read_token(text);
    let Some(value) = rest.trim_start_matches(SPACE).strip_prefix('=').filter(|_| !name.is_empty()) else {
        return Some((name, "", rest));
    };
    let value = value.trim_start_matches(SPACE);
    if let Some(quoted) = value.strip_prefix('"') {
        let end = closing_quote(quoted)?;
        return Some((name, &quoted[..end], &quoted[end + 1..]));
    }
    let (value, rest) = read_token(value);
    (!value.is_empty()).then_some((name, value, rest))
}

/// <https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2>
fn read_token(text: &str) -> (&str, &str) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    text.split_at(text.find(|c| !is_part(c)).unwrap_or(text.len()))
}

fn closing_quote(text: &str) -> Option<usize> {
    // Escapes are not decoded, since no relation type has a backslash.
    let mut escaped = false;
    let mut bytes = text.bytes();
    bytes.position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(line: &str) -> Option<Vec<&str>> {
        let links = links(line)?.into_iter();
        Some(links.filter(|link| link.relates_as("next")).map(|link| link.target).collect())
    }

    #[test]
    fn links_are_found_by_their_relation() {
        let cases: [(&str, &[&str]); 13] = [
            ("", &[]),
            (" , ,", &[]),
            ("</2>", &[]),
            (r#"</2>; rel="next""#, &["/2"]),
            ("</2>;rel=next", &["/2"]),
            (r#"</2> ; REL = "Next""#, &["/2"]),
            (r#"</1>; rel="self", </2>; rel="next""#, &["/2"]),
            (r#"</1>; rel="self",</2>; rel="last next", </9>; rel="nextish""#, &["/2"]),
            (r#"</a,b;c>; rel="next"; title="x, <y>; rel=\"next\"""#, &["/a,b;c"]),
            (r#"</2>; title="; rel=next""#, &[]),
            (r#"</2>; rel="prev"; rel="next""#, &[]),
            (r#"</2>; rel="next"; anchor="/other""#, &[]),
            (r#"</2>; ; title; rel="next";"#, &["/2"]),
        ];
        for (line, expected) in cases {
            assert_eq!(next(line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn a_line_that_breaks_the_grammar_has_no_links() {
        for line in [
            "next",
            "/2; rel=next",
            "</2",
            r#"</2>; rel="next"#,
            r#"</2>; rel="next\""#,
            "</2>; rel=",
            r#"</2>; rel="next" </3>; rel="next""#,
            "</2>; =next",
            "</2> rel=next",
            r#"</2>; rel="next"x"#,
        ] {
            assert_eq!(next(line), None, "{line}");
        }
    }

    #[test]
    fn no_line_makes_the_reader_panic() {
        let line = r#"</ä>; rel="self"; title*=UTF-8''x, </2?after=3>; rel="next \"ö\"""#;
        for sign in ["", "<", ">", "\"", "\\", ";", ",", "=", " ", "ü", "\u{0}"] {
            for (at, _) in line.char_indices() {
                let (before, after) = line.split_at(at);
                next(&format!("{before}{sign}{after}"));
                next(&format!("{before}{sign}"));
                next(&format!("{sign}{after}"));
            }
        }
    }
}
