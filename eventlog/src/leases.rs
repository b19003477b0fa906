//! Leadership: one worker per consumer group, decided by PostgreSQL session locks.
//!
//! A process holds all its leases over one connection. When the process dies, the server drops the connection
//! and the locks with it, so that another takes over within a poll. It does not hang on the broker.
//!
//! **Invariant:** a lease is never believed to be held after its connection is known to be gone. For the moment
//! between, checkpoints are compare-and-set.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, PgExecutor};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// How often a lease that another process holds is asked for, and held ones are confirmed.
const POLL: Duration = Duration::from_millis(250);
/// How long the server may take to confirm.
const ANSWER: Duration = Duration::from_secs(3);

/// Gives out leases. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Leases {
    requests: mpsc::UnboundedSender<Request>,
}

#[derive(Debug)]
enum Request {
    Hold { name: String, answer: oneshot::Sender<Lease> },
    Release { name: String },
}

/// The right to lead, until it is dropped or lost.
#[derive(Debug)]
pub struct Lease {
    name: String,
    lost: CancellationToken,
    requests: mpsc::UnboundedSender<Request>,
}

impl Lease {
    /// Completes when the lease is no longer held.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A keeper that is gone has given back everything already.
        drop(self.requests.send(Request::Release { name: std::mem::take(&mut self.name) }));
    }
}

impl Leases {
    /// Starts the keeper of this process's leases.
    #[must_use]
    pub fn start(address: &PgConnectOptions) -> Self {
        let (requests, inbox) = mpsc::unbounded_channel();
        let address = address.clone().application_name("spindle-leases").options([
            // A host that vanishes without a word must lose its locks too: within about ten seconds.
            ("tcp_keepalives_idle", "5"),
            ("tcp_keepalives_interval", "1"),
            ("tcp_keepalives_count", "5"),
        ]);
        let keeper = Keeper {
            address,
            connection: None,
            wanted: HashMap::new(),
            held: HashMap::new(),
            requests: requests.downgrade(),
        };
        tokio::spawn(keeper.run(inbox));
        Self { requests }
    }

    /// Waits until this process leads.
    pub async fn hold(&self, name: &str) -> Lease {
        loop {
            let (answer, lease) = oneshot::channel();
            let request = Request::Hold { name: name.to_owned(), answer };
            if self.requests.send(request).is_ok()
                && let Ok(lease) = lease.await
            {
                return lease;
            }
            // The keeper only ends with the process.
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Whether any process holds that lease now.
///
/// # Errors
/// When the database cannot be asked.
pub async fn is_held(executor: impl PgExecutor<'_>, name: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select exists (select 1 from pg_locks \
          where locktype = 'advisory' and granted and objsubid = 1 \
            and database = (select oid from pg_database where datname = current_database()) \
            and ((classid::bigint << 32) | objid::bigint) = hashtextextended($1, 0))",
    )
    .bind(name)
    .fetch_one(executor)
    .await
}

struct Keeper {
    address: PgConnectOptions,
    connection: Option<PgConnection>,
    wanted: HashMap<String, oneshot::Sender<Lease>>,
    held: HashMap<String, CancellationToken>,
    requests: mpsc::WeakUnboundedSender<Request>,
}

impl Keeper {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Request>) {
        let mut tick = tokio::time::interval(POLL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                request = inbox.recv() => match request {
                    Some(Request::Hold { name, answer }) => {
                        self.wanted.insert(name, answer);
                        tick.reset_immediately();
                    }
                    Some(Request::Release { name }) => self.release(&name).await,
                    None => return,
                },
                _ = tick.tick() => self.refresh().await,
            }
        }
    }

    async fn release(&mut self, name: &str) {
        if self.held.remove(name).is_none() {
            return;
        }
        let Some(connection) = self.connection.as_mut() else { return };
        let unlock = sqlx::query("select pg_advisory_unlock(hashtextextended($1, 0))").bind(name);
        if !matches!(tokio::time::timeout(ANSWER, unlock.execute(connection)).await, Ok(Ok(_))) {
            self.lose_all("the lease connection does not answer");
        }
    }

    async fn refresh(&mut self) {
        self.wanted.retain(|_, answer| !answer.is_closed());
        if self.wanted.is_empty() && self.held.is_empty() {
            return;
        }
        match tokio::time::timeout(ANSWER, self.ask()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.lose_all(&error.to_string()),
            Err(_) => self.lose_all("the lease connection does not answer"),
        }
    }

    /// Asks for what is wanted; with nothing wanted, only that the connection is alive.
    async fn ask(&mut self) -> Result<(), sqlx::Error> {
        let connection = match &mut self.connection {
            Some(open) => open,
            none => none.insert(PgConnection::connect_with(&self.address).await?),
        };
        if self.wanted.is_empty() {
            sqlx::query("select 1").execute(&mut *connection).await?;
        }
        let names: Vec<String> = self.wanted.keys().cloned().collect();
        for name in names {
            let got: bool = sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended($1, 0))")
                .bind(&name)
                .fetch_one(&mut *connection)
                .await?;
            let (true, Some(requests)) = (got, self.requests.upgrade()) else { continue };
            let Some(answer) = self.wanted.remove(&name) else { continue };
            let lost = CancellationToken::new();
            tracing::info!(lease = name, "this process leads {name}");
            self.held.insert(name.clone(), lost.clone());
            // Nobody waits any more: the lease is dropped here, and so released.
            drop(answer.send(Lease { name, lost, requests }));
        }
        Ok(())
    }

    fn lose_all(&mut self, why: &str) {
        self.connection = None;
        for (name, lost) in self.held.drain() {
            tracing::warn!(lease = name, why, "this process no longer leads {name}: {why}");
            lost.cancel();
        }
    }
}
