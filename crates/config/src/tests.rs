//! Files, and the faults that are found in them.

use settings::Reader;

use super::*;

const FILE: &str = r#"
[sources.auth0]
role = "sso"
connector = "auth0"
url = "https://example.eu.auth0.com"
client_id = "5f3759df"
client_secret = { secret = "auth0-client-secret" }

[sources.staff]
role = "sso"
connector = "okta"
url = "https://staff.okta.example"
api_token = { secret = "staff" }
timeout_secs = 5

[sources.salesforce]
role = "crm"
connector = "salesforce"
url = "https://example.my.salesforce.com"
client_id = "3MVG9"
client_secret = { secret = "salesforce" }

[linking]
trusted_email_from = ["staff"]
"#;

fn faults(text: &str) -> Vec<String> {
    fault::texts(&Config::parse(text).expect_err("faults").faults)
}

#[test]
fn a_file_declares_several_sources_of_a_role() {
    let config = Config::parse(FILE).unwrap();
    let names: Vec<(&str, &str)> =
        config.sources().map(|source| (source.name.as_str(), source.connector.name)).collect();
    assert_eq!(names, [("auth0", "auth0"), ("salesforce", "salesforce"), ("staff", "okta")]);
    assert_eq!(config.source("staff").unwrap().role, Role::Sso);
    assert!(config.source("okta").is_none(), "a connector is no source");
}

#[test]
fn every_fault_is_listed_with_its_place_and_what_to_write() {
    let text = FILE
        .replace("client_id = \"5f3759df\"", "client_ID = \"5f3759df\"")
        .replace("{ secret = \"staff\" }", "\"00a-token\"")
        .replace("role = \"crm\"", "role = \"cmr\"")
        .replace("timeout_secs = 5", "timeout_secs = 90");
    let listed = faults(&text);
    for expected in [
        "line 6, column 1: sources.auth0.client_ID: unknown key; did you mean client_id?",
        "line 2, column 10: sources.auth0.client_id: is missing",
        "line 13, column 1: sources.staff.api_token: must name a secret, as { secret = \"name\" }",
        "line 14, column 1: sources.staff.timeout_secs: must be at most 25",
        "line 17, column 1: sources.salesforce.role: must be crm; did you mean crm?",
    ] {
        assert!(listed.iter().any(|fault| fault.starts_with(expected)), "{expected}\nin {listed:#?}");
    }
    assert!(!listed.concat().contains("00a-token"), "it may be a secret: {listed:#?}");
}

#[test]
fn a_wrong_name_is_answered_with_the_names_that_there_are() {
    let unknown = faults("[sources.a]\nrole = \"sso\"\nconnector = \"auth1\"");
    assert!(
        unknown[0].contains(
            "must be auth0, entra, okta, scim, salesforce, hubspot, stripe, persona, rest or handed-over; did you mean auth0?"
        ),
        "{unknown:?}"
    );
    let role = faults(
        "[sources.sso]\nrole = \"sso\"\nconnector = \"scim\"\nurl = \"https://a.example\"\ntoken = { secret = \"a\" }",
    );
    assert_eq!(role, ["line 1, column 10: sources.sso: is the name of a role: a rule could mean either"]);
    let name = faults(
        "[sources.Staff_1]\nrole = \"sso\"\nconnector = \"scim\"\nurl = \"https://a.example\"\ntoken = { secret = \"a\" }",
    );
    assert!(name[0].contains("lower-case letters, digits and hyphens"), "{name:?}");
    let table = faults("[source.a]\nrole = \"sso\"");
    assert!(
        table[0].starts_with("line 1, column 2: source: unknown key; did you mean sources?"),
        "{table:?}"
    );
}

#[test]
fn a_source_without_a_known_connector_has_its_other_faults_listed_too() {
    let listed = faults(
        "[sources.directory]\nrole = \"registry\"\nconnectors = \"scim\"\nurl = \"https://a.example\"\ntoken = \"t0k3n\"",
    );
    let [missing, unknown, secret] = listed.as_slice() else { panic!("{listed:#?}") };
    assert!(missing.starts_with("line 1, column 10: sources.directory.connector: is missing"), "{missing}");
    let expected = "line 3, column 1: sources.directory.connectors: unknown key; did you mean connector?";
    assert!(unknown.starts_with(expected), "{unknown}");
    assert!(secret.starts_with("line 5, column 1: sources.directory.token: must name a secret"), "{secret}");
}

#[test]
fn a_text_that_is_no_toml_is_refused_with_its_places() {
    let listed = faults("[sources.a\nrole = sso\n");
    assert!(listed[0].starts_with("line 1, column 11: "), "{listed:?}");
}

#[test]
fn settings_that_do_not_fit_together_are_a_fault_of_their_source() {
    let text = FILE.replace("api_token = { secret = \"staff\" }", "client_id = \"0oa\"");
    assert_eq!(faults(&text), ["line 9, column 10: sources.staff: client_id needs private_key"]);
}

#[test]
fn a_source_is_connected_to_with_the_secrets_that_its_settings_name() {
    let config = Config::parse(FILE).unwrap();
    let connect = |variables: &[(&str, &str)]| {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        config.source("staff").unwrap().connect(&Reader::from_variables(variables))
    };
    assert_eq!(connect(&[("COPPICE_SECRET_STAFF", "t")]).unwrap().name(), "staff");
    let missing = connect(&[]).unwrap_err().to_string();
    assert!(missing.contains("COPPICE_SECRET_STAFF: is not set"), "{missing}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("staff"), "t\n").unwrap();
    let folder = folder.path().to_str().unwrap();
    assert!(connect(&[("COPPICE_SECRETS_DIRECTORY", folder)]).is_ok());
    let nowhere = connect(&[("COPPICE_SECRETS_DIRECTORY", "/nowhere")]).unwrap_err().to_string();
    assert!(nowhere.contains("the file /nowhere/staff cannot be read"), "{nowhere}");
}

#[test]
fn a_source_maps_fields_that_the_file_or_the_built_in_file_defines() {
    let map = "map.preferred_language = \"/user_metadata/lang\"\nmap.mailing_address = \"/user_metadata/home~1address\"\n";
    let text = FILE.replace("[sources.staff]", &format!("{map}[sources.staff]"))
        + "[fields.preferred_language]\ntype = \"code\"\nfrom = [\"auth0\"]\n";
    Config::parse(&text).unwrap();

    let wrong = text
        .replace("map.preferred_language", "map.preferred_languages")
        .replace("/user_metadata/home~1address", "user_metadata/home~2address");
    let listed = faults(&wrong);
    assert_eq!(listed.len(), 2, "{listed:#?}");
    let unknown = "line 9, column 5: sources.auth0.map.preferred_languages: is no field: define it as [fields.preferred_languages], or write one of birthdate, ";
    assert!(listed[0].starts_with(unknown), "{listed:#?}");
    assert!(listed[0].ends_with("; did you mean preferred_language?"), "{listed:#?}");
    assert_eq!(
        listed[1],
        "line 10, column 5: sources.auth0.map.mailing_address: must be a JSON pointer that begins with /, such as /user_metadata/lang"
    );
    for pointer in ["", "/", "lang", "//a", "/a~2", "/a/"] {
        let listed = faults(&text.replace("/user_metadata/lang", pointer));
        assert!(listed.len() == 1 && listed[0].contains("begins with /"), "{pointer}: {listed:#?}");
    }
    let table = faults(&FILE.replace("[sources.staff]", "map = \"/lang\"\n[sources.staff]"));
    assert_eq!(table, ["line 9, column 1: sources.auth0.map: must be a table"]);
}

#[test]
fn an_identity_verification_says_no_address_by_a_map() {
    let stripe =
        "[sources.stripe]\nrole = \"identity\"\nconnector = \"stripe\"\napi_key = { secret = \"stripe\" }\n";
    let mapped = |map: &str| Config::parse(&format!("{stripe}{map}\n"));
    let listed = fault::texts(&mapped("map.email = \"/metadata/email\"").unwrap_err().faults);
    assert_eq!(
        listed,
        [
            "line 5, column 5: sources.stripe.map.email: must not be mapped from an identity verification: its address would count as verified"
        ]
    );
    assert!(mapped("map.phone = \"/metadata/phone\"").is_ok());
}

#[test]
fn the_schema_is_a_json_schema_that_names_every_connector_s_settings() {
    let text = schema().to_string();
    for key in ["client_secret", "api_token", "organization", "date_of_birth", "partner_sources"] {
        assert!(text.contains(&format!("\"{key}\"")), "{key}");
    }
    assert!(jsonschema::meta::is_valid(&schema()));
}

const DESCRIBED: &str = r#"
[sources.benefits]
role = "registry"
connector = "rest"
url = "https://benefits.example"
auth = { kind = "bearer", token = { secret = "benefits" } }
ping = "/up"
fetch = { path = "/people/{id}" }
map.given_name = { path = "$.name.first", trim = true }
map.family_name = "$.name.last"
map.key = "$.person_key"
"#;

#[test]
fn a_described_api_has_a_map_of_its_own_and_its_faults_have_their_places() {
    let config = Config::parse(DESCRIBED).unwrap();
    let mark = |config: &Config| config.source("benefits").unwrap().mapping().mark().to_owned();
    let other = Config::parse(&DESCRIBED.replace("$.name.last", "$.last")).unwrap();
    assert!(mark(&config).starts_with("#map:") && mark(&config) != mark(&other));
    let text = DESCRIBED
        .replace("/people/{id}", "/people")
        .replace("trim", "trimm")
        .replace("map.family_name = \"$.name.last\"", "map.surname = \"$.name.last\"");
    let listed = faults(&text).join("\n");
    assert!(
        listed.contains("line 9, column 43: sources.benefits.map.given_name.trimm: unknown key"),
        "{listed}"
    );
    assert!(listed.contains("line 10, column 5: sources.benefits.map.surname: is no field"), "{listed}");
    let text = DESCRIBED.replace("/people/{id}", "/people").replace("$.name.last", "name.last");
    let listed = faults(&text).join("\n");
    assert!(
        listed.contains("line 8, column 11: sources.benefits.fetch.path: must have {id} once"),
        "{listed}"
    );
    assert!(
        listed.contains("line 10, column 5: sources.benefits.map.family_name: must be a JSONPath"),
        "{listed}"
    );
}

#[test]
fn a_map_of_json_pointers_is_still_that() {
    let text = FILE.replace("[linking]", "[sources.staff.map]\nphone = \"$.phone\"\n[linking]");
    assert!(faults(&text).join("\n").contains("must be a JSON pointer"), "{:?}", faults(&text));
}

#[test]
fn a_pushed_field_is_read_from_the_property_that_it_is_pushed_to_and_no_other_field_is() {
    let with = |map: &str, push: &str| {
        let mapped = FILE.replace(
            "client_secret = { secret = \"salesforce\" }",
            &format!("client_secret = {{ secret = \"salesforce\" }}\n{map}"),
        );
        format!(
            "{mapped}\n[fields.home_town]\ntype = \"text\"\nfrom = [\"sso\"]\n\n[push.salesforce]\n{push}"
        )
    };
    let town = "fields = [\"home_town\"]\nmap.home_town";
    let own = "Write sources.salesforce.map.home_town = \"/Town__c\"";
    for (map, push, expected) in [
        ("", "fields = [\"email\", \"phone\"]", None),
        ("map.home_town = \"/Town__c\"", &format!("{town} = \"town__c\""), None),
        ("map.email = \"/Email\"", "fields = [\"email\"]", None),
        ("map.phone = \"/MobilePhone\"", "fields = [\"phone\"]\nmap.phone = \"MobilePhone\"", None),
        ("", &format!("{town} = \"Town__c\""), Some(own)),
        ("map.home_town = \"/Region__c\"", &format!("{town} = \"Town__c\""), Some(own)),
        (
            "",
            "fields = [\"phone\"]\nmap.phone = \"MobilePhone\"",
            Some("\"MobilePhone\" is not what phone is read from"),
        ),
        (
            "map.phone = \"/MobilePhone\"",
            "fields = [\"phone\"]",
            Some(
                "push.salesforce.fields: phone is read from another property than it is pushed to: name that one as push.salesforce.map.phone",
            ),
        ),
        (
            "map.home_town = \"/MailingCity\"",
            &format!("{town} = \"MailingCity\""),
            Some(
                "push.salesforce.map.home_town: \"MailingCity\" is read as mailing_address, or as a part of it",
            ),
        ),
        // An address of another place takes the connector's own out of the way.
        (
            "map.home_town = \"/MailingCity\"\nmap.mailing_address = \"/OtherAddress\"",
            &format!("{town} = \"MailingCity\""),
            None,
        ),
    ] {
        let text = with(map, push);
        match (Config::parse(&text), expected) {
            (Ok(_), None) => {}
            (Err(error), Some(expected)) => {
                let listed = fault::texts(&error.faults);
                assert!(listed.len() == 1 && listed[0].contains(expected), "{listed:?}");
            }
            (other, _) => panic!("{map} {push}: {other:?}"),
        }
    }
}

#[test]
fn a_push_goes_only_to_a_source_that_accepts_values_and_only_where_they_are_read() {
    let push = "push = { update = { path = \"/people/{id}\" } }";
    let described = |push: &str, table: &str| {
        format!("{}\n[push.benefits]\n{table}", DESCRIBED.replace("ping =", &format!("{push}\nping =")))
    };
    assert!(Config::parse(&described(push, "fields = [\"family_name\"]")).is_ok());
    for (push, table, expected) in [
        ("", "fields = [\"family_name\"]", "push.benefits: benefits accepts no values"),
        (
            push,
            "fields = [\"given_name\"]",
            "push.benefits: given_name cannot be written to benefits: sources.benefits.map.given_name must be the path",
        ),
        (push, "fields = [\"email\"]", "push.benefits: email cannot be written to benefits"),
        (
            push,
            "fields = [\"family_name\"]\nmap.family_name = \"Surname\"",
            "push.benefits: family_name is written where sources.benefits.map reads it: remove",
        ),
    ] {
        let listed = faults(&described(push, table)).join("\n");
        assert!(listed.contains(expected), "{listed}");
    }
    let listed = faults(&format!("{FILE}\n[push.auth0]\nfields = [\"email\"]")).join("\n");
    assert!(listed.contains("auth0"), "{listed}");
}
