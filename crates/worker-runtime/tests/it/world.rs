//! A queue, its dead-letter queue, a ledger and a script, and runtimes on them.

use std::sync::mpsc;
use std::time::Duration;

use sqs_queue::{MemoryQueue, MemoryQueueConfig, MessageView, Operation, OutgoingMessage, Queue};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use worker_runtime::{Ledger, Liveness, MemoryLedger, Mode, Options, Report, Runtime, RuntimeError};

use crate::faulty_ledger::{Fault, FaultyLedger};
use crate::script::{Script, event, subjects};

/// How long a test waits for what must come, in paused time.
const PATIENCE: Duration = Duration::from_secs(3600);

/// How long a test may take by the clock on the wall. Paused time stands still while the loop spins.
const REAL_PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const VISIBILITY: Duration = Duration::from_secs(30);

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) struct World {
    pub(crate) queue: MemoryQueue,
    pub(crate) dead_letters: MemoryQueue,
    pub(crate) ledger: MemoryLedger,
    pub(crate) script: Script,
    pub(crate) options: Options,
    _watchdog: mpsc::Sender<()>,
}

impl World {
    pub(crate) fn new() -> Self {
        let options = Options {
            worker_version: String::from("7.0.0"),
            visibility_timeout: VISIBILITY,
            ..Options::default()
        };
        let config = MemoryQueueConfig { visibility_timeout: VISIBILITY, redrive: None };
        Self {
            queue: MemoryQueue::new(config),
            dead_letters: MemoryQueue::default(),
            ledger: MemoryLedger::default(),
            script: Script::default(),
            options,
            _watchdog: watchdog(),
        }
    }

    /// Sends an event for each text of subjects.
    pub(crate) async fn send(&self, texts: &[&str]) {
        for body in texts {
            let message = OutgoingMessage { body: event(body), ..OutgoingMessage::default() };
            assert_eq!(self.queue.send(&[message]).await.unwrap(), [Ok(())]);
        }
    }

    pub(crate) fn start(&self) -> Running {
        self.start_as(Mode::Forever)
    }

    pub(crate) fn start_as(&self, mode: Mode) -> Running {
        self.start_with(mode, self.ledger.clone())
    }

    pub(crate) fn start_with(&self, mode: Mode, ledger: impl Ledger) -> Running {
        let (stop, liveness) = (CancellationToken::new(), Liveness::default());
        let (queue, dead_letters) = (self.queue.clone(), self.dead_letters.clone());
        let runtime = Runtime::new(
            self.script.clone(),
            queue,
            dead_letters,
            ledger,
            self.options.clone(),
            liveness.clone(),
        );
        let task = tokio::spawn(runtime.run(mode, stop.clone()));
        Running { task, stop, liveness }
    }

    /// The world's ledger, with a fault.
    pub(crate) fn faulty_ledger(&self, fault: Fault) -> FaultyLedger {
        FaultyLedger { ledger: self.ledger.clone(), fault }
    }

    /// Starts a runtime, waits until the queue is empty, and stops it.
    pub(crate) async fn handle_all(&self) -> Report {
        let running = self.start();
        self.drained().await;
        running.stop().await.unwrap()
    }

    /// Waits until the queue holds nothing, neither visible nor in flight.
    pub(crate) async fn drained(&self) {
        until("the queue to be empty", || self.queue.messages().is_empty()).await;
    }

    /// Waits until so many messages are dead-lettered.
    pub(crate) async fn dead(&self, count: usize) -> Vec<MessageView> {
        until("dead-lettered messages", || self.dead_letters.messages().len() == count).await;
        self.dead_letters.messages()
    }

    pub(crate) fn receives(&self) -> u64 {
        self.queue.calls(Operation::Receive)
    }

    pub(crate) fn message(&self, text: &str) -> MessageView {
        self.queue.messages().into_iter().find(|message| subjects(message) == text).unwrap()
    }

    /// Failed attempts of the message with these subjects, by the ledger.
    pub(crate) fn attempts(&self, text: &str) -> usize {
        self.ledger.failures(&self.message(text).message_id).len()
    }
}

/// A runtime at work.
pub(crate) struct Running {
    pub(crate) task: JoinHandle<Result<Report, RuntimeError>>,
    pub(crate) stop: CancellationToken,
    pub(crate) liveness: Liveness,
}

impl Running {
    pub(crate) async fn stop(self) -> Result<Report, RuntimeError> {
        self.stop.cancel();
        self.task.await.unwrap()
    }
}

/// Waits for a condition in paused time: it passes as fast as everybody waits.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < limit, "waited for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Lets paused time pass in the steps that the runtime's own timers make.
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Ends the tests when one never ends: a loop that spins stops the paused clock, and no limit in its time is reached.
fn watchdog() -> mpsc::Sender<()> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        if receiver.recv_timeout(REAL_PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("paused time stands still: the loop spins");
            std::process::abort();
        }
    });
    sender
}
