//! Consumer loops that hang, for the tests of liveness.

use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use event_contract::Envelope;
use sqs_queue::{Depth, EntryError, OutgoingMessage, Queue, QueueError, Receipt, ReceivedMessage};
use tokio_util::sync::CancellationToken;
use worker_runtime::{
    Failure, Handler, Liveness, MemoryLedger, Mode, Options, Outcome, Probed, Reading, Refetch, Refusal,
    Report, Runtime, RuntimeError,
};

type Ended = Result<Report, RuntimeError>;

/// The loop of a process in which code blocks the only thread. It hangs from the start until it is released.
pub(super) struct HungLoop {
    release: mpsc::Sender<()>,
    stop: CancellationToken,
    thread: JoinHandle<Ended>,
}

impl HungLoop {
    /// Starts it, and waits until it hangs.
    pub(super) fn start(liveness: Liveness) -> Self {
        let ((hangs, hung), (release, released)) = (mpsc::channel(), mpsc::channel());
        let queue = HungQueue { block: Some(Arc::new(Mutex::new(Block { hangs, released }))) };
        let stop = CancellationToken::new();
        let run = run(queue, liveness, stop.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(run)
        });
        hung.recv().unwrap();
        Self { release, stop, thread }
    }

    pub(super) fn release(self) -> Ended {
        self.stop.cancel();
        drop(self.release);
        self.thread.join().unwrap()
    }
}

/// Runs a loop that turns, and of which no receive is ever answered.
pub(super) async fn run_without_an_answer(liveness: Liveness) -> Ended {
    run(HungQueue { block: None }, liveness, CancellationToken::new()).await
}

fn run(
    queue: HungQueue,
    liveness: Liveness,
    stop: CancellationToken,
) -> impl Future<Output = Ended> + Send + 'static {
    let ledger = MemoryLedger::default();
    let runtime = Runtime::new(NoWork, queue.clone(), queue, ledger, Options::default(), liveness);
    runtime.run(Mode::Forever, stop)
}

struct Block {
    hangs: mpsc::Sender<()>,
    released: mpsc::Receiver<()>,
}

/// A queue whose receives block the thread, or only themselves.
#[derive(Clone)]
struct HungQueue {
    block: Option<Arc<Mutex<Block>>>,
}

impl Queue for HungQueue {
    async fn receive(&self, _: usize, _: Duration) -> Result<Vec<ReceivedMessage>, QueueError> {
        let Some(block) = &self.block else { return pending().await };
        let block = block.lock().unwrap_or_else(PoisonError::into_inner);
        block.hangs.send(()).ok();
        block.released.recv().ok();
        Ok(Vec::new())
    }

    async fn delete(&self, _: &[Receipt]) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        pending().await
    }

    async fn change_visibility(
        &self,
        _: &[(Receipt, Duration)],
    ) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        pending().await
    }

    async fn send(&self, _: &[OutgoingMessage]) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        pending().await
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        pending().await
    }
}

/// The handler of a queue without messages.
struct NoWork;

impl Handler for NoWork {
    const NAME: &'static str = "no-work";
    type Subject = String;
    type Ticket = ();
    type Fetched = ();

    fn upstream(&self) -> &str {
        "none"
    }

    fn read(&self, _: &Envelope) -> Result<Reading<String>, Refusal> {
        Err(Refusal::unreadable("no message is expected"))
    }

    async fn prepare(&self, _: &[String]) -> Result<Vec<()>, Failure> {
        pending().await
    }

    async fn fetch(&self, _: &Refetch<String>, (): ()) -> Result<(), Failure> {
        pending().await
    }

    fn went_through(&self, (): &()) -> bool {
        true
    }

    async fn apply(&self, _: &[(Refetch<String>, ())]) -> Result<Vec<Outcome>, Failure> {
        pending().await
    }

    async fn probe(&self) -> Result<Probed, Failure> {
        pending().await
    }
}
