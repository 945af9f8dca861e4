//! Checks that what a source answers is what its connector, or its description, takes it for: the harmless part of what a connector's own
//! tests check, against the live source. In: a client that answers. Out: findings, with field names and numbers. No value of a record, and
//! no ID, is in a finding. At most three requests.

use connectors::{Fetched, Listing, ProviderError, Source};
use uuid::Uuid;

use super::finding::Findings;

const CHECK: &str = "records";

pub(crate) async fn check(source: &Source, findings: &mut Findings) {
    let name = source.name();
    match source.records.listing() {
        Some(listing) => check_listed(source, listing, findings).await,
        None => findings.skipped(CHECK, name, "not checked: the source lists no records"),
    }
    check_unknown(source, findings).await;
}

/// A record that is listed is found by its ID, and what it says can be read.
async fn check_listed(source: &Source, listing: &dyn Listing, findings: &mut Findings) {
    let (name, subject) = (source.name(), format!("list of {}", source.name()));
    let page = match listing.list(None).await {
        Ok(page) => page,
        Err(error) => return failed(source, &subject, &error, findings),
    };
    if !page.unreadable.is_empty() {
        findings.fault(
            CHECK,
            &subject,
            format!("{} record(s) of its first page have no ID that can be read", page.unreadable.len()),
            format!("look at the list, and at what [sources.{name}] says of it"),
        );
    }
    let Some(record) = page.records.first() else {
        return findings.skipped(CHECK, &subject, "not checked: its first page has no record");
    };
    let subject = format!("record of {name}");
    match source.records.fetch(&record.id, None).await {
        Ok(Fetched::Found(found)) => {
            let there = found.assertions.values().filter(|value| !value.is_null()).count();
            let all = found.assertions.len();
            if found.unread.is_empty() {
                findings.ok(CHECK, &subject, format!("it is found by its ID, with {there} of {all} fields"));
            } else {
                findings.fault(
                    CHECK,
                    &subject,
                    format!("values that cannot be read: {}", found.unread.join(", ")),
                    format!(
                        "try it with `coppice source test {name} --id <its ID>`, and correct [sources.{name}]"
                    ),
                );
            }
        }
        Ok(_) => findings.fault(
            CHECK,
            &subject,
            "it is listed, and not found by its ID",
            format!("check how [sources.{name}] reads a record: a worker would take each one for deleted"),
        ),
        Err(error) => failed(source, &subject, &error, findings),
    }
}

/// A record that cannot exist is not found.
async fn check_unknown(source: &Source, findings: &mut Findings) {
    let (name, subject) = (source.name(), format!("unknown record of {}", source.name()));
    match source.records.fetch(&Uuid::now_v7().to_string(), None).await {
        Ok(Fetched::Found(_) | Fetched::NotModified) => findings.fault(
            CHECK,
            &subject,
            "it is found, although it does not exist",
            format!("check how [sources.{name}] reads a record: its answer is about another one"),
        ),
        Ok(Fetched::Gone { .. } | Fetched::NotFound | Fetched::NotVisible) => {
            findings.ok(CHECK, &subject, "it is not found");
        }
        // Of a form that no ID of the source has.
        Err(ProviderError::Invalid { .. } | ProviderError::Refused { .. }) => {
            findings.ok(CHECK, &subject, "it is refused");
        }
        Err(ProviderError::Unauthorized) => findings.skipped(
            CHECK,
            &subject,
            "the source answers as if our credentials were refused: a deleted record looks like a lost permission",
        ),
        Err(error) => failed(source, &subject, &error, findings),
    }
}

fn failed(source: &Source, subject: &str, error: &ProviderError, findings: &mut Findings) {
    match error {
        ProviderError::RateLimited { .. } | ProviderError::Unavailable { .. } => {
            findings.skipped(CHECK, subject, format!("not checked: {error}"));
        }
        _ => findings.fault(
            CHECK,
            subject,
            error.to_string(),
            format!("check what [sources.{}] says of it, and the rights of its credentials", source.name()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;
    use config::Config;
    use provider_http::test_server::{answering_with, reply};
    use settings::Reader;

    use super::*;
    use crate::doctor::finding::Level;

    const PERSON: &str = r#"{"id": "7", "name": "mara", "born": "1980-12-24"}"#;
    const LIST: &str = r#"{"data": [{"id": "7"}, {"id": "8"}]}"#;

    /// What is said about a source that answers so: its list, record 7, and any other record.
    async fn said(list: &'static str, known: (u16, &'static str), other: (u16, &'static str)) -> Vec<String> {
        let url = answering_with(move |request: Request| async move {
            match request.uri().path() {
                "/people" => reply(200, &[], list),
                "/people/7" => reply(known.0, &[], known.1),
                _ => reply(other.0, &[], other.1),
            }
        })
        .await;
        let file = format!(
            r#"
            [sources.benefits]
            role = "registry"
            connector = "rest"
            url = "{url}"
            auth = {{ kind = "none" }}
            fetch = {{ path = "/people/{{id}}" }}
            list = {{ path = "/people", items = "$.data[*]" }}
            map = {{ given_name = "$.name", birthdate = {{ path = "$.born", date = "[day].[month].[year]" }} }}
            "#
        );
        let config = Config::parse(&file).unwrap();
        let source = config.source("benefits").unwrap().connect(&Reader::from_variables([])).unwrap();
        let mut findings = Findings::default();
        check(&source, &mut findings).await;
        let text = |level: Level| match level {
            Level::Ok { seen } => format!("ok {seen}"),
            Level::Fault { problem, fix } => format!("FAULT {problem}: {fix}"),
            Level::Skipped { why } => format!("skipped {why}"),
        };
        findings.into_inner().into_iter().map(|it| format!("{}: {}", it.about, text(it.level))).collect()
    }

    #[tokio::test]
    async fn a_record_that_is_listed_is_read_and_one_that_cannot_exist_is_not_found() {
        let fine = r#"{"id": "7", "name": "mara", "born": "24.12.1980"}"#;
        assert_eq!(
            said(LIST, (200, fine), (404, "")).await,
            [
                "record of benefits: ok it is found by its ID, with 2 of 2 fields",
                "unknown record of benefits: ok it is not found"
            ]
        );
    }

    #[tokio::test]
    async fn each_answer_that_is_taken_for_something_else_is_a_fault_that_quotes_no_value() {
        let nothing = (404, "");
        for (list, known, other, expected) in [
            (LIST, (200, PERSON), nothing, "record of benefits: FAULT values that cannot be read: birthdate"),
            (LIST, nothing, nothing, "record of benefits: FAULT it is listed, and not found by its ID"),
            (LIST, (200, "{}"), nothing, "record of benefits: FAULT the record's id is missing"),
            (
                r#"{"data": []}"#,
                nothing,
                nothing,
                "list of benefits: skipped not checked: its first page has no record",
            ),
            (
                r#"{"people": []}"#,
                nothing,
                nothing,
                "list of benefits: FAULT provider's reply cannot be used",
            ),
            (
                r#"{"data": [{"name": "mara"}]}"#,
                nothing,
                nothing,
                "list of benefits: FAULT 1 record(s) of its first page",
            ),
            (
                LIST,
                (200, PERSON),
                (200, PERSON),
                "unknown record of benefits: FAULT provider's reply cannot be used",
            ),
            (LIST, (200, PERSON), (403, ""), "unknown record of benefits: skipped the source answers as if"),
            (LIST, (200, PERSON), (400, ""), "unknown record of benefits: ok it is refused"),
        ] {
            let said = said(list, known, other).await;
            assert!(said.iter().any(|line| line.starts_with(expected)), "{expected}: {said:#?}");
            assert!(!format!("{said:?}").contains("mara"));
        }
    }
}
