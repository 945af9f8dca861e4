//! The limit: the benchmark's job with the AWS SDK, sqlx and reqwest, and nothing else.
//!
//! In: the environment that the other peers have. Out: rows and events. Batches of ten, the refetches of a batch at once, one
//! multi-row statement in a transaction of its own, one `PutEvents`, one batch delete; several batches at once, so that the
//! process does not idle while one waits. What it lacks is what Coppice adds: fencing tickets, an outbox, a ledger of
//! failures, a breaker, metrics and logs, one bad message failing alone. It ends at the first error.

use anyhow::{Context, ensure};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message};
use futures::future::try_join_all;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgPool;
use time::OffsetDateTime;
use url::Url;

const BATCHES_AT_ONCE: usize = 4;

const UPSERT: &str = "
    insert into person (user_id, email, email_verified, given_name, family_name, phone_number, blocked, version_at)
    select * from unnest(
        $1::text[], $2::text[], $3::boolean[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::timestamptz[])
    on conflict (user_id) do update set
        email = excluded.email, email_verified = excluded.email_verified, given_name = excluded.given_name,
        family_name = excluded.family_name, phone_number = excluded.phone_number, blocked = excluded.blocked,
        version_at = excluded.version_at
    where person.version_at < excluded.version_at";

#[derive(Deserialize)]
struct User {
    user_id: String,
    email: Option<String>,
    email_verified: Option<bool>,
    given_name: Option<String>,
    family_name: Option<String>,
    phone_number: Option<String>,
    blocked: Option<bool>,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
}

struct Job {
    queue_url: String,
    bus_name: String,
    users_url: Url,
    token: String,
    http: reqwest::Client,
    sqs: aws_sdk_sqs::Client,
    events: aws_sdk_eventbridge::Client,
    pool: PgPool,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let job = Job::connect().await?;
    try_join_all((0..BATCHES_AT_ONCE).map(|_| job.run())).await.map(drop)
}

impl Job {
    async fn connect() -> anyhow::Result<Self> {
        let variable = |name: &str| {
            let value = std::env::var_os(name).with_context(|| format!("{name} is missing"))?;
            value.into_string().map_err(|_| anyhow::anyhow!("{name} is not UTF-8"))
        };
        let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        let (http, provider) = (reqwest::Client::new(), variable("AUTH0_URL")?);
        let credentials = json!({
            "grant_type": "client_credentials",
            "client_id": variable("AUTH0_CLIENT_ID")?,
            "client_secret": variable("AUTH0_CLIENT_SECRET")?,
            "audience": variable("AUTH0_AUDIENCE")?,
        });
        let granted = http.post(format!("{provider}/oauth/token")).json(&credentials).send().await?;
        let granted: Value = granted.error_for_status()?.json().await?;
        Ok(Self {
            queue_url: variable("QUEUE_URL")?,
            bus_name: variable("BUS_NAME")?,
            users_url: Url::parse(&provider)?.join("/api/v2/users/")?,
            token: granted["access_token"].as_str().context("no token")?.to_owned(),
            http,
            sqs: aws_sdk_sqs::Client::new(&config),
            events: aws_sdk_eventbridge::Client::new(&config),
            pool: PgPool::connect(&variable("DATABASE_URL")?).await?,
        })
    }

    async fn run(&self) -> anyhow::Result<()> {
        loop {
            let call = self.sqs.receive_message().queue_url(&self.queue_url);
            let reply = call.max_number_of_messages(10).wait_time_seconds(20).send().await?;
            if let Some(messages) = reply.messages {
                self.handle(&messages).await?;
            }
        }
    }

    async fn handle(&self, messages: &[Message]) -> anyhow::Result<()> {
        let mut ids = messages.iter().map(user_id).collect::<anyhow::Result<Vec<String>>>()?;
        // A statement may touch a row once, and two of them must lock rows in the same order.
        ids.sort();
        ids.dedup();
        let users = try_join_all(ids.iter().map(|id| self.fetch(id))).await?;
        self.upsert(users).await?;
        self.announce(&ids).await?;
        self.delete(messages).await
    }

    async fn fetch(&self, id: &str) -> anyhow::Result<User> {
        let mut url = self.users_url.clone();
        url.path_segments_mut().map_err(|()| anyhow::anyhow!("no base URL"))?.pop_if_empty().push(id);
        let reply = self.http.get(url).bearer_auth(&self.token).send().await?;
        Ok(reply.error_for_status()?.json().await?)
    }

    async fn upsert(&self, users: Vec<User>) -> anyhow::Result<()> {
        fn column<T>(users: &[User], field: impl Fn(&User) -> T) -> Vec<T> {
            users.iter().map(field).collect()
        }
        sqlx::query(UPSERT)
            .bind(column(&users, |user| user.user_id.clone()))
            .bind(column(&users, |user| user.email.clone()))
            .bind(column(&users, |user| user.email_verified))
            .bind(column(&users, |user| user.given_name.clone()))
            .bind(column(&users, |user| user.family_name.clone()))
            .bind(column(&users, |user| user.phone_number.clone()))
            .bind(column(&users, |user| user.blocked))
            .bind(column(&users, |user| user.updated_at))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn announce(&self, ids: &[String]) -> anyhow::Result<()> {
        let entries = ids.iter().map(|id| {
            let entry = PutEventsRequestEntry::builder().event_bus_name(&self.bus_name).source("peer");
            entry.detail_type("PersonChanged").detail(json!({ "user_id": id }).to_string()).build()
        });
        let reply = self.events.put_events().set_entries(Some(entries.collect())).send().await?;
        ensure!(reply.failed_entry_count() == 0, "event(s) not taken");
        Ok(())
    }

    async fn delete(&self, messages: &[Message]) -> anyhow::Result<()> {
        let entries = messages.iter().enumerate().map(|(position, message)| {
            let entry = DeleteMessageBatchRequestEntry::builder().id(position.to_string());
            Ok(entry.set_receipt_handle(message.receipt_handle.clone()).build()?)
        });
        let entries = entries.collect::<anyhow::Result<_>>()?;
        let call = self.sqs.delete_message_batch().queue_url(&self.queue_url);
        let reply = call.set_entries(Some(entries)).send().await?;
        ensure!(reply.failed().is_empty(), "message(s) not deleted");
        Ok(())
    }
}

fn user_id(message: &Message) -> anyhow::Result<String> {
    let envelope: Value = serde_json::from_str(message.body().context("a message without a body")?)?;
    let id = envelope["detail"]["data"]["object"]["user_id"].as_str();
    Ok(id.context("an envelope without a user")?.to_owned())
}
