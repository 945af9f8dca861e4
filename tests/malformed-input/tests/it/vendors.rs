//! Every vendor that a role's crate lists is in the other places that name vendors. A failure names the missing place.

use std::path::Path;

use malformed_input::TARGETS;
use settings::{SettingHelp, Settings};
use webhook_ingress::webhooks;

/// A role: its crate, its vendors, its settings, and the setting that chooses the vendor.
struct Role {
    package: &'static str,
    vendors: &'static [&'static str],
    settings: &'static [SettingHelp],
    choice: &'static str,
}

const ROLES: [Role; 4] = [
    Role {
        package: "provider-sso",
        vendors: provider_sso::PROVIDER_NAMES,
        settings: provider_sso::SsoSettings::ALL,
        choice: "COPPICE_SSO_PROVIDER",
    },
    Role {
        package: "provider-crm",
        vendors: provider_crm::PROVIDER_NAMES,
        settings: provider_crm::CrmSettings::ALL,
        choice: "COPPICE_CRM_PROVIDER",
    },
    Role {
        package: "provider-identity",
        vendors: provider_identity::PROVIDER_NAMES,
        settings: provider_identity::IdentitySettings::ALL,
        choice: "COPPICE_IDENTITY_PROVIDER",
    },
    Role {
        package: "provider-content",
        vendors: provider_content::PROVIDER_NAMES,
        settings: provider_content::ContentSettings::ALL,
        choice: "COPPICE_CONTENT_PROVIDER",
    },
];

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(workspace().join(path)).unwrap()
}

#[test]
fn every_vendor_has_a_folder_and_settings_that_the_help_lists() {
    for Role { package, vendors, settings, choice } in ROLES {
        let choice = settings.iter().find(|setting| setting.name == choice).unwrap();
        for vendor in vendors {
            let folder = workspace().join("crates").join(package).join("src").join(vendor);
            assert!(folder.is_dir(), "{vendor}: no folder {}", folder.display());
            assert!(choice.meaning.contains(vendor), "{vendor}: not in the meaning of {}", choice.name);
            let prefix = format!("COPPICE_{}_", vendor.to_uppercase());
            let listed = settings.iter().any(|setting| setting.name.starts_with(&prefix));
            assert!(listed, "{vendor}: no setting {prefix}… in the settings of {package}");
        }
    }
}

/// The CMS is read by cursor and sends no events.
#[test]
fn every_vendor_with_events_has_a_target_here_and_a_sample_event() {
    for Role { package, vendors, .. } in ROLES.iter().filter(|role| role.package != "provider-content") {
        for vendor in *vendors {
            let target = format!("{vendor}_event");
            assert!(
                TARGETS.iter().any(|known| known.name == target),
                "{vendor} of {package}: no target {target} in tests/malformed-input/src/events.rs"
            );
            let samples = workspace().join("deploy/cloudformation/sample-events");
            let sample = std::fs::read_dir(samples).unwrap().any(|file| {
                let name = file.unwrap().file_name().into_string().unwrap();
                name.trim_start_matches("ingress.").starts_with(vendor)
            });
            assert!(sample, "{vendor} of {package}: no sample in deploy/cloudformation/sample-events");
        }
    }
}

#[test]
fn every_webhook_has_a_seed_here_a_sample_event_and_a_row_in_the_readme() {
    let seeds = TARGETS.into_iter().find(|target| target.name == "webhook_any").unwrap().seeds;
    let seeds = seeds();
    let readme = read("workers/webhook-ingress/README.md");
    for name in webhooks().map(|webhook| webhook.name) {
        let first_line = format!("{name} signed\n");
        assert!(
            seeds.iter().any(|seed| seed.starts_with(first_line.as_bytes())),
            "{name}: no seed in tests/malformed-input/src/corpus.rs"
        );
        let sample = format!("deploy/cloudformation/sample-events/ingress.{name}.json");
        assert!(workspace().join(&sample).is_file(), "{name}: no {sample}");
        assert!(readme.contains(&format!("| `{name}` |")), "{name}: no row in the README of webhook-ingress");
    }
}

/// A vendor's `webhook.rs` does nothing until `webhook-ingress` lists it.
#[test]
fn every_webhook_of_a_vendor_is_accepted_by_webhook_ingress() {
    let list = read("workers/webhook-ingress/src/provider.rs");
    for Role { package, .. } in ROLES {
        let source = workspace().join("crates").join(package).join("src");
        for folder in std::fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path()) {
            if folder.join("webhook.rs").is_file() {
                let vendor = folder.file_name().unwrap().to_str().unwrap();
                let line = format!("{}::{vendor}::WEBHOOK", package.replace('-', "_"));
                assert!(list.contains(&line), "{line}: not in workers/webhook-ingress/src/provider.rs");
            }
        }
    }
}
