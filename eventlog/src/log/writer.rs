//! Group commit: appends that wait while a batch is being stored become the next batch, one statement each.
//!
//! **Invariant:** an append is stored whole or not at all, and never before the append that it builds on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::AppendError;
use crate::record::{Append, Appended};

mod batch;
mod connection;

/// Bounds of the writer.
#[derive(Debug, Clone, Copy)]
pub struct WriterOptions {
    /// How many appends may wait; more are refused at once. Default 4,096: about a fifth of a second of peak.
    pub queue: usize,
    /// How many appends one statement stores at the most. Default 512: more gains nothing and costs latency.
    pub batch: usize,
    /// How long the database may be asked what became of a batch whose answer was lost. Default 5 s.
    pub resolve: Duration,
    /// How long one statement may take, waiting for a foreign writer's lock included. Default 5 s.
    pub statement: Duration,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { queue: 4_096, batch: 512, resolve: Duration::from_secs(5), statement: Duration::from_secs(5) }
    }
}

const WAITING: u8 = 0;
const STORED: u8 = 1;
const NOT_STORED: u8 = 2;

/// The fate of an append, for appends that build on it.
#[derive(Debug, Clone)]
pub struct Ticket(Arc<Fate>);

#[derive(Debug, Default)]
struct Fate {
    state: AtomicU8,
    settled: Notify,
}

impl Ticket {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn settle(&self, stored: bool) {
        self.0.state.store(if stored { STORED } else { NOT_STORED }, Ordering::Release);
        self.0.settled.notify_waiters();
    }

    /// Whether the append is known not to be stored.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.0.state.load(Ordering::Acquire) == NOT_STORED
    }

    /// Whether the append is known to be stored.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.0.state.load(Ordering::Acquire) == STORED
    }

    /// Waits until it is known whether the append is stored.
    pub async fn settled(&self) {
        loop {
            let settled = self.0.settled.notified();
            if self.0.state.load(Ordering::Acquire) != WAITING {
                return;
            }
            settled.await;
        }
    }
}

/// An append on its way.
#[derive(Debug)]
pub struct Pending {
    ticket: Ticket,
    answer: oneshot::Receiver<Result<Appended, AppendError>>,
}

impl Pending {
    /// For appends that build on this one.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        self.ticket.clone()
    }

    /// Waits until it is stored.
    ///
    /// # Errors
    /// [`AppendError`].
    pub async fn stored(self) -> Result<Appended, AppendError> {
        self.answer.await.unwrap_or_else(|_| Err(AppendError::Unavailable("the writer has stopped".into())))
    }
}

/// An append in the queue.
struct Job {
    append: Append,
    builds_on: Option<Ticket>,
    ticket: Ticket,
    answer: Option<oneshot::Sender<Result<Appended, AppendError>>>,
}

impl Drop for Job {
    /// A job that nobody finished was not stored by this writer.
    fn drop(&mut self) {
        if self.ticket.0.state.load(Ordering::Acquire) == WAITING {
            self.ticket.settle(false);
        }
    }
}

impl Job {
    fn finish(mut self, result: Result<Appended, AppendError>) {
        self.ticket.settle(result.is_ok());
        if let Some(answer) = self.answer.take() {
            // The one who asked may have gone; the append is stored all the same.
            drop(answer.send(result));
        }
    }
}

/// The way to the writer.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    queue: mpsc::Sender<Job>,
    task: Arc<tokio::sync::Mutex<Option<JoinHandle<()>>>>,
    closing: Arc<Notify>,
}

impl Handle {
    pub(super) fn submit(&self, append: Append, builds_on: Option<Ticket>) -> Result<Pending, AppendError> {
        let ticket = Ticket::new();
        let (answer, receiver) = oneshot::channel();
        let job = Job { append, builds_on, ticket: ticket.clone(), answer: Some(answer) };
        match self.queue.try_send(job) {
            Ok(()) => Ok(Pending { ticket, answer: receiver }),
            Err(mpsc::error::TrySendError::Full(_)) => Err(AppendError::Busy),
            Err(mpsc::error::TrySendError::Closed(_)) => {
                Err(AppendError::Unavailable("the writer has stopped".into()))
            }
        }
    }

    pub(super) async fn close(&self) {
        self.closing.notify_one();
        if let Some(task) = self.task.lock().await.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the log's writer ended badly");
        }
    }
}

pub(super) fn start(
    address: PgConnectOptions,
    options: WriterOptions,
    committed: Arc<watch::Sender<i64>>,
) -> Handle {
    let (queue, jobs) = mpsc::channel(options.queue);
    let closing = Arc::new(Notify::new());
    let writer = Writer {
        connection: connection::Connection::new(address, options),
        options,
        committed,
        closing: Arc::clone(&closing),
    };
    let task = tokio::spawn(writer.run(jobs));
    Handle { queue, task: Arc::new(tokio::sync::Mutex::new(Some(task))), closing }
}

struct Writer {
    connection: connection::Connection,
    options: WriterOptions,
    committed: Arc<watch::Sender<i64>>,
    closing: Arc<Notify>,
}

impl Writer {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut batch = Vec::with_capacity(self.options.batch);
        let closing = Arc::clone(&self.closing);
        loop {
            tokio::select! {
                biased;
                count = jobs.recv_many(&mut batch, self.options.batch) => {
                    if count == 0 {
                        return;
                    }
                    metrics::histogram!("spindle_append_batch_size").record(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
                    self.commit(std::mem::take(&mut batch)).await;
                }
                () = closing.notified() => jobs.close(),
            }
        }
    }

    /// Stores a batch, or tells each of its jobs why not.
    async fn commit(&mut self, mut jobs: Vec<Job>) {
        while !jobs.is_empty() {
            let (ready, later) = batch::admit(jobs);
            jobs = later;
            if !ready.is_empty() {
                self.store(ready).await;
            }
        }
    }

    /// Stores jobs that may share a statement. Each round either stores all that are left or settles at least
    /// one, so it ends.
    async fn store(&mut self, mut jobs: Vec<Job>) {
        let mut waiting = usize::MAX;
        while !jobs.is_empty() {
            if jobs.len() >= waiting {
                let why = "the log refuses the batch and nothing in it explains why".to_owned();
                tracing::error!(appends = jobs.len(), "{why}; run `spindle events check`");
                batch::fail_all(jobs, &AppendError::Unavailable(why));
                return;
            }
            let stored = self.connection.insert(&jobs).await;
            waiting = jobs.len();
            jobs = match stored {
                connection::Insert::Stored { base, recorded_at } => {
                    let last = batch::finish_all(jobs, base, recorded_at);
                    self.committed.send_if_modified(|seen| {
                        let newer = last > *seen;
                        *seen = last.max(*seen);
                        newer
                    });
                    return;
                }
                connection::Insert::Stale => self.connection.settle_stale(jobs).await,
                connection::Insert::Refused(why) => {
                    batch::fail_all(jobs, &AppendError::Unavailable(why));
                    return;
                }
                connection::Insert::AnswerLost(why) => {
                    self.connection.resolve(jobs, &why, self.options.resolve).await;
                    return;
                }
            };
        }
    }
}
