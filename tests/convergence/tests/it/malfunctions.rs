//! Malfunctions while the lives go on: permissions that are lost, records that are hidden, and a database that is read-only,
//! silent, or fails over to its standby. In: the fleet and the IDs of its records. Out: each malfunction has begun and ended.
//! Must not know: what the fleet does about it.

use std::time::Duration;

use local_stack::{Tools, wait_until};
use simulators::EVERY_RECORD;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::fleet::Fleet;
use crate::history::History;
use crate::providers::Simulated;
use crate::rest::PATIENCE;

/// Malfunctions while the lives of one forest go on.
const EACH_FOREST: usize = 4;

/// Longest time between two malfunctions, and longest time that one lasts.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(3);

/// A malfunction, of a source at its place or of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Malfunction {
    /// The source refuses every request of ours.
    Refuses(usize),
    /// A sharing rule hides contacts.
    Hides(usize),
    /// The source does not find users that exist.
    DoesNotFind(usize),
    DatabaseReadOnly,
    DatabaseSilent,
    Failover,
}

const OF_THE_DATABASE: [Malfunction; 3] =
    [Malfunction::DatabaseReadOnly, Malfunction::DatabaseSilent, Malfunction::Failover];

/// The records that a malfunction may hide, by the place of their source.
pub(crate) struct Records(Vec<Vec<String>>);

impl Records {
    pub(crate) fn of(fleet: &Fleet, histories: &[History]) -> Self {
        let places = 0..fleet.providers.len();
        let records = |place| histories.iter().flat_map(|history| history.records(place)).cloned().collect();
        Self(places.map(records).collect())
    }
}

impl Fleet {
    /// Lets a few malfunctions happen, one after another.
    pub(crate) async fn malfunction(&self, records: &Records) {
        let mut left = [self.malfunctions_of_sources(), OF_THE_DATABASE.to_vec()];
        for _ in 0..EACH_FOREST {
            let kind = self.bus.chaos.below(2);
            // Either kind may be used up: two sources can have two malfunctions, and the database has three.
            let kind = if left[kind].is_empty() { 1 - kind } else { kind };
            let malfunction = left[kind].swap_remove(self.bus.chaos.below(left[kind].len()));
            self.bus.chaos.pass_up_to(PAUSE).await;
            println!("forest {}: {malfunction:?}", self.forest.seed);
            self.happen(malfunction, records).await;
        }
    }

    fn malfunctions_of_sources(&self) -> Vec<Malfunction> {
        let mut all = Vec::new();
        for (place, provider) in self.providers.iter().enumerate() {
            all.push(Malfunction::Refuses(place));
            if matches!(provider, Simulated::Salesforce(_)) {
                all.push(Malfunction::Hides(place));
            }
            if provider.not_found().is_some() {
                all.push(Malfunction::DoesNotFind(place));
            }
        }
        all
    }

    async fn happen(&self, malfunction: Malfunction, Records(records): &Records) {
        match malfunction {
            Malfunction::Refuses(place) => {
                let (provider, every) = (&self.providers[place], [EVERY_RECORD.to_owned()]);
                provider.set_replies(&every, Some(provider.lost_permission()));
                self.last().await;
                provider.set_replies(&every, None);
            }
            Malfunction::Hides(place) => {
                let Simulated::Salesforce(org) = &self.providers[place] else { return };
                let hidden = self.half_of(&records[place]);
                org.set_hidden(&hidden, true);
                self.last().await;
                org.set_hidden(&hidden, false);
            }
            Malfunction::DoesNotFind(place) => {
                let (provider, lost) = (&self.providers[place], self.half_of(&records[place]));
                provider.set_replies(&lost, provider.not_found());
                self.last().await;
                provider.set_replies(&lost, None);
            }
            Malfunction::DatabaseReadOnly => {
                self.alter_database("set default_transaction_read_only = on").await;
                self.last().await;
                self.alter_database("reset default_transaction_read_only").await;
            }
            Malfunction::DatabaseSilent => {
                self.database_path.go_silent();
                self.last().await;
                self.database_path.lead_to(self.database.lock().await.server().port());
            }
            Malfunction::Failover => self.fail_over().await,
        }
    }

    async fn last(&self) {
        self.bus.chaos.pass_up_to(LONGEST).await;
    }

    fn half_of(&self, ids: &[String]) -> Vec<String> {
        ids.iter().filter(|_| self.bus.chaos.happens(0.5)).cloned().collect()
    }

    /// Changes what new sessions get, and ends the fleet's.
    async fn alter_database(&self, change: &str) {
        let url = self.database.lock().await.url().to_owned();
        let name = url.rsplit_once('/').unwrap().1;
        let end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'coppice'";
        let statements = format!("begin read write; alter database \"{name}\" {change}; commit; {end}");
        // On a machine that does many other things, the server may give a connection up before it is made.
        let altered = wait_until(PATIENCE, "the database to be altered", async || {
            let mut connection = PgConnection::connect(&url).await?;
            sqlx::raw_sql(AssertSqlSafe(statements.clone())).execute(&mut connection).await?;
            Ok(Some(()))
        });
        altered.await.unwrap();
    }

    /// The server's machine is gone: open connections get no answer, until new ones lead to the promoted standby.
    async fn fail_over(&self) {
        let tools = Tools::locate_or_install(|line| eprintln!("{line}")).unwrap();
        let mut database = self.database.lock().await;
        let standby = database.server().start_standby(&tools).await.unwrap();
        self.last().await;
        self.database_path.go_silent();
        database.fail_over_to(standby).await.unwrap();
        let port = database.server().port();
        self.database_path.lead_to(port);
        self.oracle_path.lead_to(port);
    }
}
