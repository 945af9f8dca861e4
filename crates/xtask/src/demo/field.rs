//! A field is added while everything runs, by the file alone: its definition, where Auth0 has it, and that HubSpot receives it.

use std::fs;

use super::view::View;
use crate::local::persons::ADA;
use crate::local::stage::Stage;

/// Laid into the file: the table of the field, a key of the source, and a key of the push.
const FIELD: &str = r#"
[fields.preferred_language]
type = "code"
values = ["en", "es", "vi"]
class = "public"
from = ["auth0"]

[sources.auth0]"#;
const MAP: &str = "\nmap.preferred_language = \"/user_metadata/lang\"\npartner_sources";
const PUSH: &str = r#"[push.hubspot]
map.preferred_language = "preferred_language"
fields = ["preferred_language", "#;
/// What is pushed is read there, too: so the value comes back as an echo.
const READ: &str = "\n[sources.hubspot]\nmap.preferred_language = \"/properties/preferred_language\"\n";

pub(crate) async fn tell(stage: &mut Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    view.chapter(
        "A field is added while everything runs. An operator writes into coppice.toml what a preferred language is, where \
         Auth0 has it, and that HubSpot receives it",
    );
    let before = fs::read_to_string(stage.file())?;
    let file = before.replacen("\n[sources.auth0]", FIELD, 1).replacen("\npartner_sources", MAP, 1);
    let file =
        file.replacen("[push.hubspot]\nfields = [", PUSH, 1).replacen("\n[sources.hubspot]\n", READ, 1);
    for line in file.lines().filter(|line| !before.lines().any(|old| old == *line)) {
        println!("    + {line}");
    }
    fs::write(stage.file(), file)?;
    println!("    coppice config apply coppice.toml");
    stage.apply_file().await?;
    println!(
        "    Only the workers that read Auth0 and HubSpot start again. The others go on by the new version."
    );
    stage.restart("sso-sync-auth0").await?;
    stage.restart("crm-sync-hubspot").await?;
    let change = stage.world.idp.update(ADA, |user| user.logins_count += 1);
    stage.world.deliver(&change.stream_event()).await;
    view.show_when(stage, "the language in HubSpot", |persons| {
        let contact = persons.get(ADA).and_then(|ada| ada.hubspot.as_ref());
        contact.is_some_and(|contact| contact.get("preferred_language") == Some("en"))
    })
    .await
}
