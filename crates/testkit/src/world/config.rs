//! The file `coppice.toml` of a world: its three sources, and what a test changes.

use std::time::Duration;

use config::Config;
use serde_json::json;
use simulators::auth0::{EVENT_STREAM_SOURCE, LOG_STREAM_SOURCE};
use simulators::identity::STRIPE_SOURCE;
use simulators::salesforce::SALESFORCE_SOURCE;
use sqlx::{Connection as _, PgConnection};
use toml::{Table, Value};

use super::{Setup, World};

/// The sources of a world as the topology needs them: before the simulators have addresses.
pub(super) fn of_topology(setup: Setup) -> Config {
    let own = format!(
        r#"
        [sources.auth0]
        role = "sso"
        connector = "auth0"
        url = "https://auth0.example"
        client_id = "none"
        client_secret = {{ secret = "none" }}
        partner_sources = ["{EVENT_STREAM_SOURCE}", "{LOG_STREAM_SOURCE}"]

        [sources.salesforce]
        role = "crm"
        connector = "salesforce"
        url = "https://salesforce.example"
        client_id = "none"
        client_secret = {{ secret = "none" }}
        partner_sources = ["{SALESFORCE_SOURCE}"]

        [sources.stripe]
        role = "identity"
        connector = "stripe"
        url = "https://stripe.example"
        api_key = {{ secret = "none" }}
        partner_sources = ["{STRIPE_SOURCE}"]

        [push.salesforce]
        fields = ["email", "phone", "given_name", "family_name", "birthdate"]
        {more}
        "#,
        more = setup.more_sources,
    );
    Config::parse(setup.sources.unwrap_or(&own)).expect("a file of sources")
}

impl World {
    /// The file, with one source of each role.
    pub(super) fn config(&self) -> Table {
        let text = format!(
            r#"
            [sources.auth0]
            role = "sso"
            connector = "auth0"
            url = "{auth0}"
            client_id = "{auth0_client}"
            client_secret = {{ secret = "auth0-client-secret" }}
            audience = "{audience}"
            partner_sources = ["{EVENT_STREAM_SOURCE}", "{LOG_STREAM_SOURCE}"]
            timeout_secs = 1

            [sources.salesforce]
            role = "crm"
            connector = "salesforce"
            url = "{salesforce}"
            client_id = "{salesforce_client}"
            client_secret = {{ secret = "salesforce-client-secret" }}
            partner_sources = ["{SALESFORCE_SOURCE}"]
            timeout_secs = 1
            longest_pause_secs = 2

            [sources.stripe]
            role = "identity"
            connector = "stripe"
            url = "{stripe}"
            api_key = {{ secret = "stripe-api-key" }}
            partner_sources = ["{STRIPE_SOURCE}"]
            timeout_secs = 1

            [push.salesforce]
            fields = ["email", "phone", "given_name", "family_name", "birthdate"]
            "#,
            auth0 = self.idp.base_url(),
            auth0_client = self.idp.client_id(),
            audience = self.idp.audience(),
            salesforce = self.crm.base_url(),
            salesforce_client = self.crm.client_id(),
            stripe = self.verifier.base_url(),
        );
        text.parse().expect("a TOML table")
    }

    /// The secrets that the file names.
    pub(super) fn secrets(&self) -> [(&'static str, &str); 3] {
        [
            ("COPPICE_SECRET_AUTH0_CLIENT_SECRET", self.idp.client_secret()),
            ("COPPICE_SECRET_SALESFORCE_CLIENT_SECRET", self.crm.client_secret()),
            ("COPPICE_SECRET_STRIPE_API_KEY", self.verifier.api_key()),
        ]
    }

    /// The environment of a unit in this world.
    pub fn environment(&self, binary: &str, queue: &str, health_port: u16) -> Vec<(String, String)> {
        self.environment_with(binary, queue, health_port, &[])
    }

    /// The environment with a test's settings. A name with a dot is a key of the file: `sources.auth0.timeout_secs`. Its value is
    /// read as TOML, and else as a text. An empty value unsets.
    pub fn environment_with(
        &self,
        binary: &str,
        queue: &str,
        health_port: u16,
        settings: &[(&str, &str)],
    ) -> Vec<(String, String)> {
        let mut environment = self.own_environment(binary, queue, health_port);
        let mut config = self.config();
        for (name, value) in settings {
            if name.contains('.') {
                change(&mut config, name, value);
                continue;
            }
            environment.retain(|(known, _)| known != name);
            if !value.is_empty() {
                environment.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        if !settings.iter().any(|(name, _)| name.starts_with("COPPICE_CONFIG")) {
            let text = config.to_string();
            self.apply_config(&text);
            environment.push((String::from("COPPICE_CONFIG"), text));
        }
        environment
    }

    /// Makes a file the newest version, as `coppice config apply` does before each release. A unit compares its own file with it. A
    /// file that cannot be used is the test's subject, and a database that does not answer, too.
    fn apply_config(&self, text: &str) {
        let Ok(file) = Config::parse(text) else { return };
        if std::mem::replace(&mut *self.applied.lock().expect("no panic"), text.to_owned()) == text {
            return;
        }
        let sources = file.sources().map(|source| {
            let declared = json!({"role": source.role.as_str(), "connector": source.connector.name});
            (source.name.clone(), declared)
        });
        let sources = serde_json::Value::Object(sources.collect());
        let (url, policy) = (self.database.url().to_owned(), file.policy_text().to_owned());
        let applied = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let apply = async {
                let mut connection = PgConnection::connect(&url).await?;
                let insert = sqlx::query(APPLY).bind(policy).bind(sources);
                anyhow::Ok(insert.execute(&mut connection).await.map(drop)?)
            };
            runtime.block_on(async { tokio::time::timeout(APPLY_LIMIT, apply).await? })
        });
        if let Ok(Err(error)) = applied.join() {
            eprintln!("coppice.toml was not applied: {error}");
            self.applied.lock().expect("no panic").clear();
        }
    }
}

const APPLY_LIMIT: Duration = Duration::from_secs(2);

const APPLY: &str = "with file as (select sha256(convert_to($1 || $2::text, 'UTF8')) as hash)
    insert into config_version (version, policy, sources, hash, author, computed_at)
    select coalesce((select max(version) from config_version), 0) + 1, $1, $2, file.hash, 'a test', now() from file
    where file.hash is distinct from (select hash from config_version order by version desc limit 1)";

fn change(table: &mut Table, path: &str, value: &str) {
    let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
    match rest {
        Some(rest) => {
            let below = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
            change(below.as_table_mut().expect("a table"), rest, value);
        }
        None if value.is_empty() => drop(table.remove(key)),
        None => {
            let parsed = format!("value = {value}").parse::<Table>().ok();
            let parsed = parsed.and_then(|mut table| table.remove("value"));
            table.insert(key.to_owned(), parsed.unwrap_or_else(|| Value::String(value.to_owned())));
        }
    }
}

/// The settings of a world's unit that works on an Okta organization instead of the identity provider's simulator.
pub fn okta_settings<'a>(url: &'a str, token: &'a str) -> [(&'static str, &'a str); 6] {
    [
        ("COPPICE_SOURCE", "okta"),
        ("sources.okta.role", "sso"),
        ("sources.okta.connector", "okta"),
        ("sources.okta.url", url),
        ("sources.okta.api_token.secret", "okta"),
        ("COPPICE_SECRET_OKTA", token),
    ]
}

/// The same for a SCIM server.
pub fn scim_settings<'a>(url: &'a str, token: &'a str) -> [(&'static str, &'a str); 6] {
    [
        ("COPPICE_SOURCE", "scim"),
        ("sources.scim.role", "sso"),
        ("sources.scim.connector", "scim"),
        ("sources.scim.url", url),
        ("sources.scim.token.secret", "scim"),
        ("COPPICE_SECRET_SCIM", token),
    ]
}

/// The settings of a unit that works on an internal directory of staff, which speaks SCIM. Its records are believed about names
/// and addresses.
pub fn staff_settings<'a>(url: &'a str, token: &'a str) -> [(&'static str, &'a str); 10] {
    [
        ("COPPICE_SOURCE", "staff"),
        ("sources.staff.role", "registry"),
        ("sources.staff.connector", "scim"),
        ("sources.staff.url", url),
        ("sources.staff.token.secret", "staff"),
        ("COPPICE_SECRET_STAFF", token),
        ("fields.given_name.type", "text"),
        ("fields.given_name.from", r#"["registry"]"#),
        ("fields.email.type", "email"),
        ("fields.email.from", r#"["sso", "registry"]"#),
    ]
}

/// The settings of a unit that works on an Entra tenant.
pub fn entra_settings<'a>(
    url: &'a str,
    tenant: &'a str,
    client: &'a str,
    secret: &'a str,
) -> [(&'static str, &'a str); 9] {
    [
        ("COPPICE_SOURCE", "entra"),
        ("sources.entra.role", "sso"),
        ("sources.entra.connector", "entra"),
        ("sources.entra.tenant_id", tenant),
        ("sources.entra.client_id", client),
        ("sources.entra.client_secret.secret", "entra"),
        ("sources.entra.graph_url", url),
        ("sources.entra.login_url", url),
        ("COPPICE_SECRET_ENTRA", secret),
    ]
}

/// The settings of a unit that works on a HubSpot account.
pub fn hubspot_settings<'a>(url: &'a str, token: &'a str, portal: &'a str) -> [(&'static str, &'a str); 7] {
    [
        ("COPPICE_SOURCE", "hubspot"),
        ("sources.hubspot.role", "crm"),
        ("sources.hubspot.connector", "hubspot"),
        ("sources.hubspot.url", url),
        ("sources.hubspot.portal", portal),
        ("sources.hubspot.token.secret", "hubspot"),
        ("COPPICE_SECRET_HUBSPOT", token),
    ]
}

/// An Okta organization, for [`Setup::with_sources`]. Without secrets: the topology needs none.
pub const OKTA: &str = r#"
    [sources.okta]
    role = "sso"
    connector = "okta"
    url = "https://okta.example"
    api_token = { secret = "okta" }
    partner_sources = ["aws.partner/okta.com/coppice-sim/people"]
"#;

/// A SCIM server, for the same.
pub const SCIM: &str = r#"
    [sources.scim]
    role = "sso"
    connector = "scim"
    url = "https://scim.example"
    token = { secret = "scim" }
"#;

/// An internal directory of staff, for the same.
pub const STAFF: &str = r#"
    [sources.staff]
    role = "registry"
    connector = "scim"
    url = "https://staff.example"
    token = { secret = "staff" }
"#;

/// An Entra tenant, for the same.
pub const ENTRA: &str = r#"
    [sources.entra]
    role = "sso"
    connector = "entra"
    tenant_id = "9f4c31d2-0b1a-4c6e-8f57-2d90a1b3c4e5"
    client_id = "none"
    client_secret = { secret = "entra" }
"#;

/// A HubSpot account, for the same.
pub const HUBSPOT: &str = r#"
    [sources.hubspot]
    role = "crm"
    connector = "hubspot"
    token = { secret = "hubspot" }
    portal = "1"
"#;

/// A Persona organization, for [`Setup::with_more_sources`].
pub const PERSONA: &str = r#"
    [sources.persona]
    role = "identity"
    connector = "persona"
    url = "https://persona.example"
    api_key = { secret = "persona" }
"#;
