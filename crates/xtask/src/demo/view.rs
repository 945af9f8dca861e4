//! Prints the persons as the database and the CRMs have them, and the announcements.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use event_contract::{Announcement, EventKind};
use local_stack::wait_until;
use simulators::{hubspot, salesforce};
use sqlx::Row;
use testkit::PATIENCE;
use uuid::Uuid;

use crate::local::persons::name_of;
use crate::local::stage::Stage;

/// Every person who has an account at the identity provider.
const PERSONS: &str = "select account.external_id, person_id, person.status, email, given_name, \
    mailing_address ->> 'city', revision, \
    (select count(*) from person_login login where login.person_id = person.person_id), \
    (select coalesce(sum(count), 0)::bigint from person_login login where login.person_id = person.person_id) \
    from person_profile person join source_record account using (person_id) where account.role = 'sso'";

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Person {
    pub(crate) person_id: Uuid,
    pub(crate) status: String,
    pub(crate) email: Option<String>,
    pub(crate) given_name: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) revision: i64,
    pub(crate) applications: i64,
    pub(crate) sign_ins: i64,
    /// The contacts in the two CRMs.
    pub(crate) contact: Option<salesforce::SimulatedContact>,
    pub(crate) hubspot: Option<hubspot::SimulatedContact>,
}

impl Person {
    pub(crate) fn hubspots_email(&self) -> Option<&str> {
        self.hubspot.as_ref()?.get("email")
    }
}

/// The persons by their ID at the identity provider.
#[derive(Debug, Default)]
pub(crate) struct Persons(BTreeMap<String, Person>);

impl Persons {
    pub(crate) async fn read(stage: &Stage<'_>) -> anyhow::Result<Self> {
        let rows = sqlx::query(PERSONS).fetch_all(&stage.world.pool).await?;
        let person = |row: sqlx::postgres::PgRow| {
            let person_id: Uuid = row.get(1);
            let person = Person {
                person_id,
                status: row.get(2),
                email: row.get(3),
                given_name: row.get(4),
                city: row.get(5),
                revision: row.get(6),
                applications: row.get(7),
                sign_ins: row.get(8),
                contact: stage.world.crm.by_key(&person_id.to_string()),
                hubspot: stage.sources.hubspot.by_key(&person_id.to_string()),
            };
            (row.get(0), person)
        };
        Ok(Self(rows.into_iter().map(person).collect()))
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Person> {
        self.0.get(id)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Person> {
        self.0.values()
    }

    pub(crate) fn email(&self, id: &str) -> Option<&str> {
        self.get(id)?.email.as_deref()
    }

    /// The address in Salesforce.
    pub(crate) fn contact_email(&self, id: &str) -> Option<&str> {
        self.get(id)?.contact.as_ref()?.email.as_deref()
    }

    pub(crate) fn hubspots_first_name(&self, id: &str) -> Option<&str> {
        self.get(id)?.hubspot.as_ref()?.get("firstname")
    }

    /// Whether both CRMs have this address.
    pub(crate) fn both_have(&self, id: &str, email: &str) -> bool {
        self.contact_email(id) == Some(email) && self.get(id).and_then(Person::hubspots_email) == Some(email)
    }
}

/// What the demo printed last, and the announcements so far.
#[derive(Default)]
pub(crate) struct View {
    persons: Persons,
    /// The announced revisions, by kind of event and ID.
    announced: BTreeMap<(EventKind, Uuid), BTreeSet<i64>>,
}

impl View {
    pub(crate) fn chapter(&self, text: &str) {
        println!("\n▸ {text}");
    }

    /// Waits until `arrived` is true, also while other messages are in flight.
    pub(crate) async fn wait_for(
        &self,
        stage: &Stage<'_>,
        what: &str,
        arrived: impl Fn(&Persons) -> bool,
    ) -> anyhow::Result<()> {
        wait_until(PATIENCE, what, async || Ok(arrived(&Persons::read(stage).await?).then_some(()))).await
    }

    /// Waits until `arrived` is true and every message is handled, then prints the persons and the announcements.
    pub(crate) async fn show_when(
        &mut self,
        stage: &Stage<'_>,
        what: &str,
        arrived: impl Fn(&Persons) -> bool,
    ) -> anyhow::Result<()> {
        wait_until(PATIENCE, what, async || {
            let arrived = arrived(&Persons::read(stage).await?);
            Ok((arrived && stage.all_is_done().await?).then_some(()))
        })
        .await?;
        self.show(stage).await
    }

    /// Prints the persons if one of them has changed since the last time.
    pub(crate) async fn refresh(&mut self, stage: &Stage<'_>) -> anyhow::Result<()> {
        if Persons::read(stage).await?.0 != self.persons.0 {
            self.show(stage).await?;
        }
        Ok(())
    }

    /// Prints the persons, with a mark at those that have changed, and the announcements.
    pub(crate) async fn show(&mut self, stage: &Stage<'_>) -> anyhow::Result<()> {
        let persons = Persons::read(stage).await?;
        println!(
            "    {:<5} {:<7} {:<12} {:<25} {:<11} {:<9} {:>3}  {:<10} {:<9} person",
            "", "status", "given name", "email", "city", "sign-ins", "rev", "Salesforce", "HubSpot"
        );
        for (id, person) in &persons.0 {
            let mark = if self.persons.get(id) == Some(person) { ' ' } else { '*' };
            let text = |value: Option<&String>| value.cloned().unwrap_or_else(|| String::from("–"));
            let salesforce = person.contact.as_ref().map(|contact| contact.email.as_deref());
            let hubspot = person.hubspot.as_ref().map(|contact| contact.get("email"));
            println!(
                "  {mark} {:<5} {:<7} {:<12} {:<25} {:<11} {:<9} {:>3}  {:<10} {:<9} {}",
                name_of(id),
                person.status,
                text(person.given_name.as_ref()),
                text(person.email.as_ref()),
                text(person.city.as_ref()),
                sign_ins(person),
                person.revision,
                compared(person, salesforce),
                compared(person, hubspot),
                short(person.person_id)
            );
        }
        let announced: Vec<String> = self.take(stage).await?.iter().map(line).collect();
        for some in announced.chunks(3) {
            println!("    announced: {}", some.join(", "));
        }
        self.persons = persons;
        Ok(())
    }

    /// Whether every revision of every person has been announced, every sign-in, and every contact.
    pub(crate) async fn all_announced(&mut self, stage: &Stage<'_>) -> anyhow::Result<bool> {
        self.take(stage).await?;
        let persons = Persons::read(stage).await?;
        let revisions = |kind, id| self.announced.get(&(kind, id)).cloned().unwrap_or_default();
        let persons = persons.all().all(|person| {
            // A person's revisions are announced without a gap. Of a sign-in, only the last count must be.
            revisions(EventKind::PersonChanged, person.person_id) == (1..=person.revision).collect()
                && !revisions(EventKind::CrmAccountLinked, person.person_id).is_empty()
        });
        let logins: Vec<(Uuid, i64)> =
            sqlx::query_as("select login_id, count from login").fetch_all(&stage.world.pool).await?;
        let logins = logins
            .into_iter()
            .all(|(login, count)| revisions(EventKind::AppLoginRecorded, login).last() == Some(&count));
        let verified = self.announced.keys().filter(|(kind, _)| *kind == EventKind::IdentityVerified).count();
        Ok(persons && logins && verified == 2)
    }

    pub(crate) fn person_id(&self, id: &str) -> anyhow::Result<Uuid> {
        Ok(self.persons.get(id).context("the person is there")?.person_id)
    }

    pub(crate) fn revision(&self, id: &str) -> anyhow::Result<i64> {
        Ok(self.persons.get(id).context("the person is there")?.revision)
    }

    /// The CRM's ID of a person's contact.
    pub(crate) fn contact_id(&self, id: &str) -> anyhow::Result<String> {
        let contact = self.persons.get(id).and_then(|person| person.contact.as_ref());
        Ok(contact.context("the contact is there")?.id.clone())
    }

    async fn take(&mut self, stage: &Stage<'_>) -> anyhow::Result<Vec<(EventKind, Announcement)>> {
        let taken = stage.world.take_announcements().await?;
        for (kind, event) in &taken {
            self.announced.entry((*kind, event.entity_id)).or_default().insert(event.revision);
        }
        Ok(taken)
    }
}

fn line((kind, event): &(EventKind, Announcement)) -> String {
    format!("{} {} revision {}", kind.detail_type(), short(event.entity_id), event.revision)
}

/// Whether a CRM's contact has the person's address.
fn compared(person: &Person, contact: Option<Option<&str>>) -> &'static str {
    match contact {
        None => "–",
        Some(email) if email == person.email.as_deref() => "same",
        Some(_) => "older",
    }
}

fn sign_ins(person: &Person) -> String {
    match person.sign_ins {
        0 => String::from("–"),
        sign_ins => format!("{sign_ins} to {}", person.applications),
    }
}

fn short(id: Uuid) -> String {
    // The beginning is a time, so IDs of one run begin alike.
    let id = id.to_string();
    format!("…{}", &id[id.len() - 6..])
}
