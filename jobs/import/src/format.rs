//! The form of a file: JSON Lines by its name, else CSV, whose separator and columns its first row shows.

use std::collections::BTreeSet;
use std::path::Path;

/// How a file is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Format {
    /// A JSON object in each line.
    JsonLines,
    /// Fields between separators; a field may be in double quotes.
    Csv { separator: u8 },
}

impl Format {
    pub(crate) fn recognize(path: &Path, head: &str) -> Self {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if ["jsonl", "ndjson"].iter().any(|known| extension.eq_ignore_ascii_case(known)) {
            return Self::JsonLines;
        }
        let mut quoted = false;
        let first: Vec<char> = head
            .trim_start_matches('\u{feff}')
            .chars()
            .take_while(|c| {
                quoted ^= *c == '"';
                quoted || *c != '\n'
            })
            .collect();
        let count = |separator: char| {
            let mut quoted = false;
            let outside = first.iter().filter(|c| {
                quoted ^= **c == '"';
                !quoted && **c == separator
            });
            outside.count()
        };
        // The first of those that occur most.
        let best = [',', ';', '\t', '|'].into_iter().rev().max_by_key(|separator| count(*separator));
        Self::Csv { separator: best.map_or(b',', |separator| separator as u8) }
    }

    /// Its words in the report.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::JsonLines => "JSON Lines",
            Self::Csv { separator: b';' } => "CSV, separated by semicolons",
            Self::Csv { separator: b'\t' } => "CSV, separated by tabs",
            Self::Csv { separator: b'|' } => "CSV, separated by pipes",
            Self::Csv { .. } => "CSV, separated by commas",
        }
    }
}

/// What is wrong with the columns of a file, before its first row is read.
pub(crate) fn check_columns(columns: &[String], id: &str, mapped: &BTreeSet<String>) -> Result<(), String> {
    let missing: Vec<&str> = [id]
        .into_iter()
        .chain(mapped.iter().map(String::as_str))
        .filter(|wanted| !columns.iter().any(|column| column == wanted || column.starts_with(&format!("{wanted}."))))
        .collect();
    let mut known = BTreeSet::new();
    let twice: Vec<&str> = columns.iter().filter(|column| !known.insert(*column)).map(String::as_str).collect();
    if !missing.is_empty() {
        return Err(format!("has no column {}: nothing is written", missing.join(", ")));
    }
    if !twice.is_empty() {
        return Err(format!("has the column {} twice: nothing is written", twice.join(", ")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_what_the_first_row_has_most() {
        let of = |head: &str| match Format::recognize(Path::new("a.txt"), head) {
            Format::Csv { separator } => separator as char,
            Format::JsonLines => panic!("it is CSV"),
        };
        assert_eq!(of("id,name\n1;2;3;4"), ',');
        assert_eq!(of("id;\"a,b,c,d\";x\n"), ';');
        assert_eq!(of("id\tname"), '\t');
        assert_eq!(of("\u{feff}id|name|x"), '|');
        assert_eq!(of("id"), ',');
        assert_eq!(Format::recognize(Path::new("a.JSONL"), ""), Format::JsonLines);
    }

    #[test]
    fn a_missing_or_doubled_column_is_named() {
        let columns = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mapped = BTreeSet::from([String::from("born"), String::from("home")]);
        assert_eq!(check_columns(&columns(&["id", "born", "home.city"]), "id", &mapped), Ok(()));
        let missing = check_columns(&columns(&["name"]), "id", &mapped).unwrap_err();
        assert!(missing.starts_with("has no column id, born, home"), "{missing}");
        assert!(check_columns(&columns(&["id", "id"]), "id", &BTreeSet::new()).is_err());
    }
}
