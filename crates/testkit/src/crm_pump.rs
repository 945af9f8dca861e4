//! Sends the CRM's change events to its partner event source, as Salesforce's event relay does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutPartnerEventsRequestEntry;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::World;
use simulators::NativeEvent;
use simulators::salesforce::SalesforceControl;

const INTERVAL: Duration = Duration::from_millis(20);

/// A running pump. Dropping it stops it.
#[derive(Debug)]
pub struct CrmPump {
    delivered: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl CrmPump {
    /// Starts a pump in this world.
    pub fn start(world: &World) -> Self {
        let client = Client::new(&local_stack::aws_config(world.emulator_endpoint()));
        let delivered = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(pump(world.crm.clone(), client, Arc::clone(&delivered)));
        Self { delivered, task }
    }

    /// Events delivered so far.
    pub fn delivered(&self) -> usize {
        self.delivered.load(Ordering::SeqCst)
    }
}

impl Drop for CrmPump {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pump(crm: SalesforceControl, client: Client, delivered: Arc<AtomicUsize>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for event in crm.take_events() {
            deliver(&client, event).await;
            delivered.fetch_add(1, Ordering::SeqCst);
        }
    }
}

async fn deliver(client: &Client, event: NativeEvent) {
    let entry = PutPartnerEventsRequestEntry::builder()
        .source(event.source)
        .detail_type(event.detail_type)
        .detail(event.detail)
        .build();
    let reply = client.put_partner_events().entries(entry).send().await.expect("the partner source takes it");
    assert_eq!(reply.failed_entry_count(), 0);
}
