//! Simulated persons sign up, sign in and are verified, one after the other, until Ctrl-C.

use anyhow::Context;
use simulators::directus::DirectusSimulator;
use simulators::identity::SimulatedPerson;
use sqlx::{PgPool, Row};
use testkit::{World, workers};
use time::macros::date;
use uuid::Uuid;

use super::COLLECTION;
use crate::local::persons::sign_up;

const FLEET: &str = "select (select count(*) from person), (select count(*) from crm_account), \
    (select count(*) from source_record where role = 'identity'), \
    (select coalesce(sum(count), 0)::bigint from person_login), (select count(*) from content_item)";

pub(super) struct Life<'a> {
    world: &'a World,
    content: &'a DirectusSimulator,
    fleet: PgPool,
    persons: usize,
}

impl<'a> Life<'a> {
    pub(super) fn new(
        world: &'a World,
        content: &'a DirectusSimulator,
        database_url: &str,
    ) -> anyhow::Result<Self> {
        let fleet = PgPool::connect_lazy(database_url).context("the fleet's database")?;
        Ok(Self { world, content, fleet, persons: 0 })
    }

    /// One round of changes. Returns a line on what the fleet has written so far.
    pub(super) async fn go_on(&mut self) -> anyhow::Result<String> {
        let world = self.world;
        let before = id(self.persons);
        self.persons += 1;
        let new = id(self.persons);
        sign_up(world, &new, "Adaline").await;
        world.deliver(&world.idp.sign_in(&new, "portal")).await;
        self.content.put(COLLECTION, &self.persons.to_string(), "Opening hours");
        // A session names the person's ID, so only a person whom the fleet has stored can be verified.
        if let Some(person_id) = self.person_of(&before).await {
            let session = format!("vs_{}", self.persons - 1);
            let stripe = &world.verifier_server;
            world.deliver(&stripe.put_session(&session, Some(&person_id.to_string())).partner_event()).await;
            let document = SimulatedPerson::new("Augusta", "Kingsleigh", date!(1985 - 12 - 10));
            world.deliver(&stripe.verify(&session, &document).partner_event()).await;
        }
        let mut waiting = 0;
        for unit in workers() {
            let (visible, hidden) = world.queue_depth(unit).await;
            waiting += visible + hidden;
        }
        Ok(format!("{} signed up: {}; {waiting} messages wait", self.persons, self.of_fleet().await))
    }

    async fn person_of(&self, account: &str) -> Option<Uuid> {
        let person = "select person_id from source_record where role = 'sso' and external_id = $1";
        sqlx::query_scalar(person).bind(account).fetch_optional(&self.fleet).await.ok().flatten()
    }

    async fn of_fleet(&self) -> String {
        let Ok(row) = sqlx::query(FLEET).fetch_one(&self.fleet).await else {
            return String::from("the database has no schema yet");
        };
        let count = |column: usize| row.get::<i64, _>(column);
        format!(
            "{} persons, {} in the CRM, {} cases, {} sign-ins, {} articles",
            count(0),
            count(1),
            count(2),
            count(3),
            count(4)
        )
    }
}

fn id(number: usize) -> String {
    format!("auth0|person-{number}")
}
