//! What the demo shows: the table of persons, and what was announced.

use std::collections::BTreeMap;

use local_stack::wait_until;
use testkit::{PATIENCE, PersonRow, World};

/// The persons and announcements as they were shown last.
#[derive(Default)]
pub(crate) struct View {
    persons: BTreeMap<String, PersonRow>,
    /// Revisions announced for each person, in order of arrival.
    pub(crate) announced: BTreeMap<String, Vec<i64>>,
}

impl View {
    /// Says what comes next in the story.
    pub(crate) fn chapter(&self, text: &str) {
        println!("\n▸ {text}");
    }

    /// Waits until the provider's change has arrived, then shows the table and what was announced.
    ///
    /// # Errors
    /// When it does not arrive in time.
    pub(crate) async fn show_when(
        &mut self,
        world: &World,
        what: &str,
        arrived: impl Fn(&BTreeMap<String, PersonRow>) -> bool,
    ) -> anyhow::Result<()> {
        let question = async || {
            let persons: BTreeMap<String, PersonRow> = world.persons().await?.into_iter().collect();
            let (visible, hidden) = world.queue_depth("sso-sync").await;
            Ok((visible + hidden == 0 && arrived(&persons)).then_some(persons))
        };
        let persons = wait_until(PATIENCE, what, question).await?;
        self.show(world, persons).await
    }

    /// Shows what has changed since the last time, if anything has.
    pub(crate) async fn refresh(&mut self, world: &World) -> anyhow::Result<()> {
        let persons: BTreeMap<String, PersonRow> = world.persons().await?.into_iter().collect();
        if persons != self.persons {
            self.show(world, persons).await?;
        }
        Ok(())
    }

    /// Waits until every revision of every person has been announced.
    ///
    /// # Errors
    /// When one is not, or one is announced twice.
    pub(crate) async fn all_announced(&mut self, world: &World) -> anyhow::Result<()> {
        let persons = self.persons.clone();
        let seen = std::cell::RefCell::new(&mut self.announced);
        wait_until(PATIENCE, "every change to be announced exactly once", async || {
            let fresh = world.take_announcements().await?;
            let mut announced = seen.borrow_mut();
            for (_, event) in fresh {
                announced.entry(event.entity_id.to_string()).or_default().push(event.revision);
            }
            let complete = |person: &PersonRow| {
                let mut revisions = announced.get(&person.person_id.to_string()).cloned().unwrap_or_default();
                revisions.sort_unstable();
                revisions == (1..=person.revision).collect::<Vec<_>>()
            };
            Ok(persons.values().all(complete).then_some(()))
        })
        .await
    }

    async fn show(&mut self, world: &World, persons: BTreeMap<String, PersonRow>) -> anyhow::Result<()> {
        println!(
            "    {:<14} {:<9} {:<30} {:<14} {:>3}  person",
            "at the IdP", "status", "email", "given name", "rev"
        );
        for (id, person) in &persons {
            let mark = if self.persons.get(id) == Some(person) { ' ' } else { '*' };
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| String::from("–"));
            let person_id = person.person_id.to_string();
            println!(
                "  {mark} {id:<14} {:<9} {:<30} {:<14} {:>3}  …{}",
                person.status,
                text(&person.email),
                text(&person.given_name),
                person.revision,
                &person_id[person_id.len() - 8..]
            );
        }
        for (kind, event) in world.take_announcements().await? {
            let person_id = event.entity_id.to_string();
            println!(
                "    announced: {kind} …{} revision {}",
                &person_id[person_id.len() - 8..],
                event.revision
            );
            self.announced.entry(person_id).or_default().push(event.revision);
        }
        self.persons = persons;
        Ok(())
    }
}
