//! The provider's settings, as an operator writes them.

use provider_identity::{IdentityProvider, IdentitySettings};
use settings::{Reader, Settings};

use crate::clients::{SECRET, record};
use provider_http::test_server::noting;

const STRIPE: [(&str, &str); 2] =
    [("COPPICE_IDENTITY_PROVIDER", "stripe"), ("COPPICE_STRIPE_API_KEY", SECRET)];

/// The variables that are set, and the settings that the error names.
type Row<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

/// The settings, and the names of those that are missing or wrong.
fn read(variables: &[(&str, &str)]) -> (Option<IdentitySettings>, Vec<&'static str>) {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    match Reader::from_variables(variables).load() {
        Ok(settings) => (Some(settings), Vec::new()),
        Err(error) => (None, error.faults().iter().map(|fault| fault.name).collect()),
    }
}

#[test]
fn each_provider_needs_its_key_and_nothing_of_the_other() {
    let persona = [("COPPICE_IDENTITY_PROVIDER", "persona"), ("COPPICE_PERSONA_API_KEY", SECRET)];
    for (variables, source) in [(STRIPE, "stripe"), (persona, "persona")] {
        let (settings, faults) = read(&variables);
        assert_eq!(faults, [""; 0]);
        let settings = settings.unwrap();
        assert!(!format!("{settings:?}").contains(SECRET));
        assert_eq!(settings.connect().unwrap().source(), source);
    }
}

#[test]
fn every_setting_that_is_missing_or_wrong_is_named() {
    let provider = "COPPICE_IDENTITY_PROVIDER";
    let table: [Row<'_>; 5] = [
        (&[], &[provider]),
        (&[(provider, "jumio")], &[provider]),
        (&[(provider, "persona")], &["COPPICE_PERSONA_API_KEY"]),
        (
            &[
                (provider, "stripe"),
                ("COPPICE_STRIPE_URL", "stripe"),
                ("COPPICE_STRIPE_DATE_OF_BIRTH", "yes"),
            ],
            &["COPPICE_STRIPE_URL", "COPPICE_STRIPE_API_KEY", "COPPICE_STRIPE_DATE_OF_BIRTH"],
        ),
        (
            &[STRIPE[0], STRIPE[1], ("COPPICE_IDENTITY_TIMEOUT_SECS", "26")],
            &["COPPICE_IDENTITY_TIMEOUT_SECS"],
        ),
    ];
    for (variables, expected) in table {
        let (settings, faults) = read(variables);
        assert!(settings.is_none(), "{variables:?}");
        assert_eq!(faults, expected, "{variables:?}");
        assert!(faults.iter().all(|name| IdentitySettings::ALL.iter().any(|known| known.name == *name)));
    }
}

#[tokio::test]
async fn a_connected_account_is_named_in_each_request() {
    let mut session = record("stripe-session");
    session["id"] = serde_json::json!("vs_1");
    let (url, asked) = noting(session).await;
    let more = [("COPPICE_STRIPE_URL", url.as_str()), ("COPPICE_STRIPE_ACCOUNT", "acct_1Connected7")];
    let client = read(&[STRIPE, more].concat()).0.unwrap().connect().unwrap();
    client.fetch_case("vs_1").await.unwrap();
    assert_eq!(asked.header("stripe-account"), ["acct_1Connected7"]);
    for wrong in ["acct", "1Connected7", "acct_1\n", "acct_1 acct_2"] {
        let faults = read(&[&STRIPE[..], &[("COPPICE_STRIPE_ACCOUNT", wrong)]].concat()).1;
        assert_eq!(faults, ["COPPICE_STRIPE_ACCOUNT"], "{wrong:?}");
    }
}

#[tokio::test]
async fn the_date_of_birth_is_requested_separately_and_only_if_the_setting_says_so() {
    let mut session = record("stripe-session");
    session["id"] = serde_json::json!("vs_1");
    let outputs = "/v1/identity/verification_sessions/vs_1?expand%5B%5D=verified_outputs";
    for (wanted, expected) in
        [("false", outputs.to_owned()), ("true", format!("{outputs}&expand%5B%5D=verified_outputs.dob"))]
    {
        let (url, asked) = noting(session.clone()).await;
        let more = [("COPPICE_STRIPE_URL", url.as_str()), ("COPPICE_STRIPE_DATE_OF_BIRTH", wanted)];
        let settings = read(&[STRIPE, more].concat()).0.unwrap();
        settings.connect().unwrap().fetch_case("vs_1").await.unwrap();
        assert_eq!(asked.paths(), [expected]);
    }
}
