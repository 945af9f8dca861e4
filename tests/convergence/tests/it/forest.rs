//! A forest, drawn from a seed: two to eight sources with names of their own, and two versions of `coppice.toml` about them.
//!
//! In: a seed. Out: the text of each version, as an operator writes it. The parser of the product reads it: what is drawn here is
//! TOML, and no type of the product.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use authority::Role;
use config::Config;
use connectors::{CONNECTORS, Connector};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};
use settings::Reader;

use crate::providers::Simulated;

/// Versions of the file in one forest. The second one is applied while the lives go on.
pub(crate) const VERSIONS: usize = 2;

/// The built-in fields that a connector of a CRM can write.
const PUSHABLE: [&str; 5] = ["email", "phone", "given_name", "family_name", "birthdate"];

/// The built-in fields whose rules a version may replace.
const RULED: [(&str, &str); 6] = [
    ("email", "email"),
    ("phone", "phone"),
    ("given_name", "text"),
    ("family_name", "text"),
    ("birthdate", "date"),
    ("display_name", "text"),
];

/// A field that no connector knows. Some CRMs map it, and it may be pushed to them.
const OWN_FIELD: &str = "home_town";

/// CRMs that push into one another cause as many events as the square of their number.
const MOST_CRMS: usize = 3;

/// What a source may be called, besides the name of its connector.
const NAMES: [&str; 8] = ["staff", "members", "north", "south", "legacy", "acquired", "clinic", "benefits"];

/// A source.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) connector: &'static Connector,
    /// The property of its records that has [`OWN_FIELD`]: one that its account has defined.
    town: Option<&'static str>,
}

/// A deployment: its sources, and the versions of its file.
#[derive(Debug, Clone)]
pub(crate) struct Forest {
    pub(crate) seed: u64,
    pub(crate) sources: Vec<Declared>,
    /// All sections but that of the sources.
    policies: [String; VERSIONS],
}

impl Forest {
    pub(crate) fn draw(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let sources = sources(&mut rng);
        let policies = [policy(&sources, &mut rng), policy(&sources, &mut rng)];
        Self { seed, sources, policies }
    }

    /// The file of this version, with sources at these addresses.
    pub(crate) fn file(&self, version: usize, providers: &[Simulated], urls: &[String]) -> String {
        let mut text = self.policies[version].clone();
        for ((source, provider), url) in self.sources.iter().zip(providers).zip(urls) {
            let Declared { name, role, connector, town } = source;
            writeln!(text, "[sources.{name}]\nrole = \"{role}\"\nconnector = \"{}\"", connector.name)
                .unwrap();
            let own = provider.settings(url).replace("SECRET", &format!("{{ secret = \"{name}\" }}"));
            text.push_str(&own);
            if let (Some(town), Some(properties)) = (town, connector.takes) {
                writeln!(text, "map.{OWN_FIELD} = \"{}\"", (properties.pointer)(town)).unwrap();
            }
            text.push('\n');
        }
        text
    }

    /// The same, read.
    pub(crate) fn config(&self, version: usize, providers: &[Simulated], urls: &[String]) -> Config {
        let text = self.file(version, providers, urls);
        Config::parse(&text).unwrap_or_else(|error| panic!("forest {}: {error}\n{text}", self.seed))
    }

    /// The secrets that the file names.
    pub(crate) fn secrets(&self, providers: &[Simulated]) -> Reader {
        let secret = |(source, provider): (&Declared, &Simulated)| {
            let name = source.name.replace('-', "_").to_uppercase();
            (format!("COPPICE_SECRET_{name}"), provider.secret().to_owned())
        };
        Reader::from_variables(self.sources.iter().zip(providers).map(secret))
    }
}

/// Which connector can have which role, out of all that there are.
fn kinds() -> Vec<(&'static Connector, Role)> {
    CONNECTORS.iter().flat_map(|one| one.roles.iter().map(move |role| (*one, *role))).collect()
}

fn sources(rng: &mut StdRng) -> Vec<Declared> {
    let of_role = |role: Role| -> Vec<(&'static Connector, Role)> {
        kinds().into_iter().filter(|(_, own)| *own == role).collect()
    };
    let (mut sources, mut taken) = (Vec::new(), BTreeSet::new());
    for place in 0..rng.random_range(2..=8) {
        // In most forests, persons have accounts: without one, none is pushed anywhere.
        let role = match place {
            0 if rng.random_bool(0.9) => Role::Sso,
            1 if rng.random_bool(0.5) => Role::Crm,
            _ => *Role::ALL.choose(rng).unwrap(),
        };
        let crms = sources.iter().filter(|source: &&Declared| source.role == Role::Crm).count();
        let role = if role == Role::Crm && crms >= MOST_CRMS { Role::Registry } else { role };
        let (connector, role) = *of_role(role).choose(rng).unwrap();
        let town = match connector.name {
            "salesforce" => Some("Home_Town__c"),
            "hubspot" => Some("home_town"),
            _ => None,
        };
        let name = name(connector, &mut taken, rng);
        sources.push(Declared { name, role, connector, town: town.filter(|_| rng.random_bool(0.7)) });
    }
    if sources.iter().all(|source| source.town.is_none()) || rng.random_bool(0.3) {
        sources.iter_mut().for_each(|source| source.town = None);
    }
    sources
}

fn name(connector: &Connector, taken: &mut BTreeSet<String>, rng: &mut StdRng) -> String {
    loop {
        let own = *NAMES.choose(rng).unwrap();
        let name = match rng.random_range(0..3) {
            0 => connector.name.to_owned(),
            1 => own.to_owned(),
            _ => format!("{own}-{}", connector.name),
        };
        if taken.insert(name.clone()) {
            return name;
        }
    }
}

/// All sections but that of the sources.
fn policy(sources: &[Declared], rng: &mut StdRng) -> String {
    let mut text = String::new();
    for (field, kind) in RULED {
        if rng.random_bool(0.6) {
            text.push_str(&rules(field, kind, sources, rng));
        }
    }
    let has_town = sources.iter().any(|source| source.town.is_some());
    if has_town {
        text.push_str(&rules(OWN_FIELD, "text", sources, rng));
    }
    let trusted = sources.iter().map(|source| source.name.as_str()).chain(["crm", "registry"]);
    let trusted: Vec<&str> = trusted.filter(|_| rng.random_bool(0.2)).collect();
    writeln!(text, "[linking]\ntrusted_email_from = {trusted:?}\n").unwrap();
    for source in sources.iter().filter(|source| source.connector.takes.is_some()) {
        if rng.random_bool(0.75) {
            text.push_str(&push(source, has_town, rng));
        }
    }
    text
}

/// Names of roles and of sources, and what role each has.
fn named(sources: &[Declared]) -> Vec<(&str, Role)> {
    let roles: BTreeMap<Role, &str> =
        sources.iter().map(|source| (source.role, source.role.as_str())).collect();
    let roles = roles.into_iter().map(|(role, name)| (name, role));
    roles.chain(sources.iter().map(|source| (source.name.as_str(), source.role))).collect()
}

/// The table of a field, with rules in any order.
fn rules(field: &str, kind: &str, sources: &[Declared], rng: &mut StdRng) -> String {
    let mut named = named(sources);
    named.shuffle(rng);
    let (mut from, mut used) = (Vec::new(), Vec::new());
    for _ in 0..rng.random_range(1..=4) {
        let (name, role) = *named.choose(rng).unwrap();
        let mut rule = name.to_owned();
        used.push(name);
        let mut all_verify = verifies(field, role);
        if rng.random_bool(0.2) {
            let (other, other_role) = *named.choose(rng).unwrap();
            rule = format!("newest of {name}, {other}");
            used.push(other);
            all_verify &= verifies(field, other_role);
        }
        if all_verify && rng.random_bool(0.4) {
            rule.push_str(" when verified");
        }
        if !from.contains(&rule) {
            from.push(rule);
        }
    }
    // A rule that is also in `never` would be dead, and is refused.
    let never = named.iter().find(|(name, _)| !used.contains(name)).filter(|_| rng.random_bool(0.15));
    let never: Vec<&str> = never.map(|(name, _)| *name).into_iter().collect();
    format!("[fields.{field}]\ntype = \"{kind}\"\nfrom = {from:?}\nnever = {never:?}\n\n")
}

fn verifies(field: &str, role: Role) -> bool {
    role == Role::Identity || (field == "email" && role == Role::Sso)
}

/// What a CRM receives. HubSpot gets no address: an account there refuses one that another contact has, and such a push is dead-lettered,
/// for an operator to decide. These lives have no operator.
fn push(source: &Declared, has_town: bool, rng: &mut StdRng) -> String {
    let refuses_duplicates = source.connector.name == "hubspot";
    let possible = PUSHABLE.into_iter().filter(|field| *field != "email" || !refuses_duplicates);
    let mut fields: Vec<&str> = possible.filter(|_| rng.random_bool(0.6)).collect();
    let mut map = String::new();
    let pushes_town = has_town && rng.random_bool(0.5);
    if let Some(town) = source.town.filter(|_| pushes_town) {
        fields.push(OWN_FIELD);
        map = format!("map.{OWN_FIELD} = \"{town}\"\n");
    }
    if fields.is_empty() {
        return String::new();
    }
    format!("[push.{}]\nfields = {fields:?}\n{map}\n", source.name)
}
