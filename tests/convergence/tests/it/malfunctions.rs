//! Malfunctions while the lives go on: permissions that are lost, records that are hidden, and a database that is read-only,
//! silent, or fails over to its standby. In: the fleet and the IDs of its records. Out: each malfunction has begun and ended.
//! Must not know: what the fleet does about it.

use std::time::Duration;

use local_stack::Tools;
use simulators::EVERY_RECORD;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::fleet::Fleet;
use crate::history::History;
use crate::providers::{IdentityProvider, Verifier};

/// Malfunctions while the lives of one group go on.
const EACH_GROUP: usize = 4;

/// Longest time between two malfunctions, and longest time that one lasts.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Malfunction {
    /// The identity provider refuses every request of ours.
    IdpRefuses,
    /// The CRM does not know a field that we ask for and write.
    CrmRefuses,
    /// The verification provider refuses every request of ours.
    VerifierRefuses,
    /// A sharing rule hides contacts.
    ContactsHidden,
    /// The identity provider does not find users that exist.
    UsersNotFound,
    DatabaseReadOnly,
    DatabaseSilent,
    Failover,
}

const ALL: [Malfunction; 8] = [
    Malfunction::IdpRefuses,
    Malfunction::CrmRefuses,
    Malfunction::VerifierRefuses,
    Malfunction::ContactsHidden,
    Malfunction::UsersNotFound,
    Malfunction::DatabaseReadOnly,
    Malfunction::DatabaseSilent,
    Malfunction::Failover,
];

/// The records that a malfunction may hide.
pub(crate) struct Records {
    users: Vec<String>,
    contacts: Vec<String>,
}

impl Records {
    pub(crate) fn of(histories: &[History]) -> Self {
        Self {
            users: histories.iter().flat_map(History::users).collect(),
            contacts: histories.iter().flat_map(History::contacts).collect(),
        }
    }
}

impl Fleet {
    /// Lets a few malfunctions happen, one after another.
    pub(crate) async fn malfunction(&self, records: &Records) {
        let mut left = ALL.to_vec();
        for _ in 0..EACH_GROUP {
            let malfunction = left.swap_remove(self.bus.chaos.below(left.len()));
            self.bus.chaos.pass_up_to(PAUSE).await;
            println!("malfunction: {malfunction:?}");
            self.happen(malfunction, records).await;
        }
    }

    async fn happen(&self, malfunction: Malfunction, records: &Records) {
        match malfunction {
            Malfunction::IdpRefuses => {
                let body = r#"{"statusCode": 403, "errorCode": "insufficient_scope"}"#;
                self.set_user_reply(&[EVERY_RECORD.to_owned()], Some((403, body)));
                self.last().await;
                self.set_user_reply(&[EVERY_RECORD.to_owned()], None);
            }
            Malfunction::CrmRefuses => {
                let body = r#"[{"errorCode": "INVALID_FIELD", "message": "No such column 'Birthdate'"}]"#;
                self.providers.crm.set_reply(EVERY_RECORD, Some((400, body.to_owned())));
                self.last().await;
                self.providers.crm.set_reply(EVERY_RECORD, None);
            }
            Malfunction::VerifierRefuses => {
                self.set_verifier_status(Some(403));
                self.last().await;
                self.set_verifier_status(None);
            }
            Malfunction::ContactsHidden => {
                let hidden = self.half_of(&records.contacts);
                self.providers.crm.set_hidden(&hidden, true);
                self.last().await;
                self.providers.crm.set_hidden(&hidden, false);
            }
            Malfunction::UsersNotFound => {
                let lost = self.half_of(&records.users);
                self.set_user_reply(&lost, Some((404, r#"{"errorCode": "inexistent_user"}"#)));
                self.last().await;
                self.set_user_reply(&lost, None);
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

    fn set_user_reply(&self, ids: &[String], reply: Option<(u16, &str)>) {
        for id in ids {
            let reply = reply.map(|(status, body)| (status, body.to_owned()));
            match &self.providers.idp {
                IdentityProvider::Auth0(tenant) => tenant.set_reply(id, reply),
                IdentityProvider::Okta(organization) => organization.set_reply(id, reply),
            }
        }
    }

    fn set_verifier_status(&self, status: Option<u16>) {
        match &self.providers.verifier {
            Verifier::Stripe(account) => account.set_status(EVERY_RECORD, status),
            Verifier::Persona(environment) => environment.set_status(EVERY_RECORD, status),
        }
    }

    /// Changes what new sessions get, and ends the fleet's.
    async fn alter_database(&self, change: &str) {
        let url = self.database.lock().await.url().to_owned();
        let name = url.rsplit_once('/').unwrap().1;
        let end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'coppice'";
        let statements = format!("begin read write; alter database \"{name}\" {change}; commit; {end}");
        let mut connection = PgConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
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
