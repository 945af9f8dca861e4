//! A stack with workers and alarms, runs of the binary, and functions that cause faults.

use local_stack::{QueueMetrics, aws_config, wait_until};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Row};
use testkit::{Job, PATIENCE, Said, Worker, World, unit_binary};

const BINARY: &str = env!("CARGO_BIN_EXE_fire-drill");

/// The job has no queue of its own.
const UNIT: &str = "fire-drill";

/// Settings for short waits: alarms fire within two seconds in these tests, and a worker needs as long.
const WAITS: [[&str; 2]; 2] = [["--worker-wait-secs", "30"], ["--alarm-wait-secs", "30"]];

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) queues: aws_sdk_sqs::Client,
    pub(crate) events: aws_sdk_eventbridge::Client,
    pub(crate) alarms: aws_sdk_cloudwatch::Client,
    pub(crate) metrics: QueueMetrics,
}

impl Stage {
    /// How many dead-letter queues the stack has: one for each queue, and one for undeliverable events.
    pub(crate) fn dlqs(&self) -> usize {
        self.world.topology.branches().count() + 1
    }

    /// Starts the stack without workers, and waits until the alarms have data.
    pub(crate) async fn set() -> Self {
        let world = World::start_with_emulator().await;
        let config = aws_config(world.emulator_endpoint());
        let stage = Self {
            queues: aws_sdk_sqs::Client::new(&config),
            events: aws_sdk_eventbridge::Client::new(&config),
            alarms: aws_sdk_cloudwatch::Client::new(&config),
            metrics: world.start_queue_metrics(),
            world,
        };
        wait_until(PATIENCE, "the alarms to have data", async || {
            Ok((stage.alarm_state("sso-sync-auth0-dlq-depth").await? == "OK").then_some(()))
        })
        .await
        .unwrap();
        stage
    }

    pub(crate) async fn worker(&self, unit: &str) -> Worker {
        self.world.start_worker(unit_binary(unit), unit, &[]).await
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Said {
        self.start(arguments).end().await
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Job {
        self.world.start_job(BINARY, UNIT, arguments, &[])
    }

    /// Drills one unit and returns the process's output, and the unit's report.
    pub(crate) async fn drill(&self, unit: &str, arguments: &[&str]) -> (Said, Value) {
        let usual = WAITS.into_iter().filter(|[name, _]| !arguments.contains(name)).flatten();
        let all = ["run", "--json", "--unit", unit].into_iter().chain(usual).chain(arguments.iter().copied());
        let said = self.run(&all.collect::<Vec<_>>()).await;
        let report = said.json()[0].clone();
        (said, report)
    }

    /// Checks that a drill fails at this hop with exit code 1, and that its reason has these words.
    pub(crate) async fn breaks_at(&self, unit: &str, hop: &str, words: &[&str], arguments: &[&str]) {
        let (said, report) = self.drill(unit, arguments).await;
        assert_eq!(
            (said.code, &report["result"], &report["hop"]),
            (Some(1), &"failed".into(), &hop.into()),
            "{said:?}"
        );
        for word in words {
            assert!(report["reason"].as_str().unwrap().contains(word), "{word}\nin {report}");
        }
        let rows = self.texts("select concat_ws(' ', unit, passed, broken_hop) from fire_drill").await;
        assert_eq!(rows, [format!("{unit} f {hop}")]);
    }

    pub(crate) async fn alarm_state(&self, alarm: &str) -> anyhow::Result<String> {
        let name = format!("coppice-{alarm}");
        let reply = self.alarms.describe_alarms().alarm_names(name).send().await?;
        let state = reply.metric_alarms().first().and_then(|alarm| alarm.state_value());
        Ok(state.map(|state| state.as_str().to_owned()).unwrap_or_default())
    }

    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&self.world.pool).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Every table with its number of rows, except the tables of drills and heartbeats.
    pub(crate) async fn rows(&self) -> Vec<String> {
        let tables = self
            .texts(
                "select tablename::text from pg_tables where schemaname = 'public' and tablename not in \
                 ('fire_drill', 'fire_drill_hop', 'heartbeat') order by 1",
            )
            .await;
        let count = |table: &String| format!("select '{table} ' || count(*) as rows from {table}");
        let all: Vec<String> = tables.iter().map(count).collect();
        self.texts(&format!("{} order by 1", all.join(" union all "))).await
    }

    /// Checks that a unit's queue and its DLQ are empty.
    pub(crate) async fn is_clean(&self, unit: &str) {
        assert_eq!(self.world.queue_depth(unit).await, (0, 0), "queue of {unit}");
        assert!(self.world.dead_letters(unit, 0).await.is_empty(), "DLQ of {unit}");
    }
}
