//! The provider's settings, as an operator writes them.

use provider_content::{ContentProvider, ContentSettings};
use settings::{Reader, Settings};

use crate::clients::SECRET;

const CONTENTFUL: [(&str, &str); 3] = [
    ("COPPICE_CONTENT_PROVIDER", "contentful"),
    ("COPPICE_CONTENTFUL_SPACE", "orchard1"),
    ("COPPICE_CONTENTFUL_ACCESS_TOKEN", SECRET),
];
const DIRECTUS: [(&str, &str); 4] = [
    ("COPPICE_CONTENT_PROVIDER", "directus"),
    ("COPPICE_DIRECTUS_URL", "http://127.0.0.1:9"),
    ("COPPICE_DIRECTUS_TOKEN", SECRET),
    ("COPPICE_DIRECTUS_COLLECTIONS", "notices, articles,notices"),
];

/// The variables that are set, and the settings that the error names.
type Row<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

/// The settings, and the names of those that are missing or wrong.
fn read(variables: &[(&str, &str)]) -> (Option<ContentSettings>, Vec<String>) {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    match Reader::from_variables(variables).load() {
        Ok(settings) => (Some(settings), Vec::new()),
        Err(error) => (None, error.faults().iter().map(|fault| fault.name.to_string()).collect()),
    }
}

#[test]
fn each_provider_needs_its_own_settings_and_nothing_of_the_other() {
    let collections = &["127.0.0.1:9/articles", "127.0.0.1:9/notices"];
    for (variables, source, scopes) in
        [(&CONTENTFUL[..], "contentful", &["orchard1/master"][..]), (&DIRECTUS[..], "directus", collections)]
    {
        let (settings, faults) = read(variables);
        assert_eq!(faults, [""; 0]);
        let settings = settings.unwrap();
        assert!(!format!("{settings:?}").contains(SECRET));
        let clients = settings.connect().unwrap();
        assert!(clients.iter().all(|client| client.source() == source));
        assert_eq!(clients.iter().map(ContentProvider::scope).collect::<Vec<_>>(), scopes);
    }
}

#[test]
fn every_setting_that_is_missing_or_wrong_is_named() {
    let provider = "COPPICE_CONTENT_PROVIDER";
    let page_size = ("COPPICE_CONTENT_PAGE_SIZE", "1001");
    let timeout = ("COPPICE_CONTENT_TIMEOUT_SECS", "0");
    let table: [Row<'_>; 6] = [
        (&[], &[provider]),
        (&[(provider, "drupal")], &[provider]),
        (&[(provider, "contentful")], &["COPPICE_CONTENTFUL_SPACE", "COPPICE_CONTENTFUL_ACCESS_TOKEN"]),
        (
            &[(provider, "directus"), ("COPPICE_DIRECTUS_COLLECTIONS", "a,,b")],
            &["COPPICE_DIRECTUS_URL", "COPPICE_DIRECTUS_TOKEN", "COPPICE_DIRECTUS_COLLECTIONS"],
        ),
        (&[CONTENTFUL[0], CONTENTFUL[1], CONTENTFUL[2], page_size], &[page_size.0]),
        (&[CONTENTFUL[0], CONTENTFUL[1], CONTENTFUL[2], timeout], &[timeout.0]),
    ];
    for (variables, expected) in table {
        let (settings, faults) = read(variables);
        assert!(settings.is_none(), "{variables:?}");
        assert_eq!(faults, expected, "{variables:?}");
        assert!(faults.iter().all(|name| ContentSettings::ALL.iter().any(|known| known.name == *name)));
    }
}
