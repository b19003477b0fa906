//! A payment provider that is not one: the wire of `spindle_commands::effects::wire`, with test tokens that
//! provoke what real providers do on bad days.
//!
//! | token | what happens |
//! |---|---|
//! | `tok_ok` | authorized; some of them fare worse, as [`Rates`] say |
//! | `tok_captured` | captured at once: a provider that only says "succeeded" |
//! | `tok_declined` | declined, `insufficient_funds` |
//! | `tok_requires_action` | the customer must act; authorized when that is done, told by callback |
//! | `tok_callback_only` | `pending`; the result is told by callback |
//! | `tok_timeout` | never answered, nothing done |
//! | `tok_timeout_after_charge` | authorized, answered too late |
//! | `tok_capture_declined` | authorized; every capture is declined |
//! | `tok_capture_timeout_after_charge` | captured, answered too late |
//! | `tok_void_timeout` | the first void is neither answered nor done, the next is |
//! | `tok_refund_fails` | refunds are declined until `POST /v1/payments/{id}/allow-refunds` |
//! | `tok_flaky` | the first two requests of each operation are answered 503, not done |
//! | anything else | declined, `unknown_token` |
//!
//! Besides the wire: `GET /v1/ledger?after=&limit=`, `POST /v1/payments/{id}/complete` (the customer acts;
//! `{"result": "declined"}` for one who fails), `POST /v1/payments/{id}/allow-refunds`.
//!
//! The same key with the same body gets the first answer again; with another body 422; while the first is worked on
//! 409. A refusal that changed nothing is not kept: it is decided afresh.
//!
//! **Invariant:** the ledger only grows, and every entry is one movement of money or one decline. It is the truth
//! that tests reconcile against.

mod book;
mod callbacks;
mod journal;
mod records;
mod routes;
mod telling;
#[cfg(test)]
mod tests;
mod tokens;
mod world;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use spindle_commands::effects::wire::Payment;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::fate::Percent;
use crate::signature::Secret;

pub use records::{EntryKind, LedgerEntry};

use world::World;

/// How long a shutdown waits for requests and callbacks under way.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// How the provider behaves.
#[derive(Debug, Clone)]
pub struct ProviderOptions {
    /// Where it listens; loopback only. Port 0 for any free one.
    pub listen: SocketAddr,
    /// Signs callbacks.
    pub secret: Secret,
    /// The bearer token that requests must carry; none for no such rule.
    pub api_key: Option<String>,
    /// How long each request takes at least.
    pub delay: Duration,
    /// How long "never" takes, where a token provokes a timeout.
    pub hang: Duration,
    /// When a customer who must act does so, and a pending payment is decided; none for only on request.
    pub decide_after: Option<Duration>,
    /// What is told, and how.
    pub callbacks: CallbackOptions,
    /// How `tok_ok` fares.
    pub rates: Rates,
    /// Decides which payments fare worse, and the names of all.
    pub seed: u64,
    /// Where to remember everything beyond a restart; none for not at all.
    pub file: Option<PathBuf>,
}

impl ProviderOptions {
    /// On any free loopback port, quick, in memory, with callbacks for what an answer could not tell.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            secret,
            api_key: None,
            delay: Duration::ZERO,
            hang: Duration::from_mins(1),
            decide_after: Some(Duration::from_secs(2)),
            callbacks: CallbackOptions::default(),
            rates: Rates::default(),
            seed: 0,
            file: None,
        }
    }
}

/// Shares of the `tok_ok` payments that fare worse; together at most 100 %.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// As `tok_declined`.
    pub declined: Percent,
    /// As `tok_timeout_after_charge`.
    pub timeouts: Percent,
    /// As `tok_flaky`.
    pub flaky: Percent,
    /// As `tok_requires_action`.
    pub action: Percent,
}

/// What is told by callback, and how.
#[derive(Debug, Clone, Copy)]
pub struct CallbackOptions {
    /// What is told.
    pub mode: CallbackMode,
    /// How often each is sent, at the same time; at most 16.
    pub copies: u16,
    /// Whether a callback overtakes the answer: the first try ends before the answer is sent.
    pub before_answer: bool,
    /// How often a callback is tried until a 2xx comes; at most 100.
    pub attempts: u32,
    /// From the first try to the second; doubled each time, at most 5 s.
    pub pause: Duration,
}

/// What is told by callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallbackMode {
    /// Nothing.
    Off,
    /// What the answer to the request could not tell.
    Deferred,
    /// Every change.
    All,
}

impl Default for CallbackOptions {
    /// What an answer could not tell, once, after the answer, tried twelve times in about half a minute.
    fn default() -> Self {
        Self {
            mode: CallbackMode::Deferred,
            copies: 1,
            before_answer: false,
            attempts: 12,
            pause: Duration::from_millis(100),
        }
    }
}

/// A running provider. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Provider {
    addr: SocketAddr,
    world: Arc<World>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Starts a provider.
///
/// # Errors
/// When the address is not loopback or is taken, or when the file cannot be read.
pub async fn start(options: ProviderOptions) -> anyhow::Result<Provider> {
    ensure!(options.listen.ip().is_loopback(), "the simulated provider listens on loopback only");
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("the simulated provider cannot listen on {}", options.listen))?;
    let addr = listener.local_addr()?;
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let world = Arc::new(World::open(options, format!("http://{addr}"), stop.clone(), tasks.clone())?);
    world.resume();
    let router = routes::router(Arc::clone(&world));
    let until = stop.clone().cancelled_owned();
    tasks.spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(until).await {
            tracing::error!(%error, "the simulated provider stopped: {error}");
        }
    });
    tasks.close();
    Ok(Provider { addr, world, stop, tasks })
}

impl Provider {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its base address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Every movement of money and every decline, in order.
    #[must_use]
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        self.world.look(|book| book.ledger().to_vec())
    }

    /// Every payment as it stands, oldest name first.
    #[must_use]
    pub fn accounts(&self) -> Vec<Payment> {
        let mut payments = self.world.look(book::Book::payments);
        payments.sort_by_key(|payment| payment.reference);
        payments
    }

    /// Ends it: no new requests, a few seconds for those under way. Callbacks not delivered are kept in the file.
    pub async fn shutdown(self) {
        self.stop.cancel();
        if tokio::time::timeout(LAST_WAIT, self.tasks.wait()).await.is_err() {
            tracing::warn!("the simulated provider stopped with requests still open");
        }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
