//! Ties the books to time, to the journal and to callbacks.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Client;
use spindle_commands::effects::http::{self, Patience};
use spindle_commands::effects::wire::{AuthorizeRequest, Payment, RefundRequest, code};
use spindle_domain::payment::Operation;
use spindle_domain::values::{Money, PaymentId};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::book::Book;
use super::journal::Journal;
use super::records::{Asking, Change, No, Opening, Outgoing, Refused, Request};
use super::tokens::{Decision, Manner, Token};
use super::{CallbackMode, ProviderOptions, callbacks, telling};

/// How many callbacks are under way at once.
const LINES: usize = 64;
/// How long a receiver of callbacks may take.
const CALLBACK_PATIENCE: Patience =
    Patience { connect: Duration::from_secs(1), total: Duration::from_secs(5) };

/// Everything the provider has.
#[derive(Debug)]
pub(super) struct World {
    pub(super) options: ProviderOptions,
    pub(super) client: Client,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) lines: Semaphore,
    url: String,
    state: Mutex<State>,
    undecided: Notify,
}

#[derive(Debug)]
struct State {
    book: Book,
    journal: Option<Journal>,
    claims: HashSet<String>,
    attempts: HashMap<(PaymentId, Operation), u32>,
}

/// A request as it came: to whom is not yet known.
#[derive(Debug, Clone)]
pub(super) enum Call {
    Authorize(AuthorizeRequest),
    Capture(String, Money),
    Void(String),
    Refund(String, RefundRequest),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) replayed: bool,
}

impl From<No> for Reply {
    fn from(no: No) -> Self {
        // Nothing was done, whatever the status: the provider knows.
        let body = telling::failure(no.code, &no.message, Some(false));
        Self { status: no.status, body, replayed: false }
    }
}

impl World {
    pub(super) fn open(
        options: ProviderOptions,
        url: String,
        stop: CancellationToken,
        tasks: TaskTracker,
    ) -> anyhow::Result<Self> {
        let mut book = Book::default();
        let journal = options.file.as_deref().map(|path| Journal::open(path, &mut book)).transpose()?;
        let state = State { book, journal, claims: HashSet::new(), attempts: HashMap::new() };
        Ok(Self {
            client: http::plain_client(CALLBACK_PATIENCE)?,
            options,
            stop,
            tasks,
            lines: Semaphore::new(LINES),
            url,
            state: Mutex::new(state),
            undecided: Notify::new(),
        })
    }

    /// Takes up what an earlier process left: callbacks not delivered, payments not decided.
    pub(super) fn resume(self: &Arc<Self>) {
        for outgoing in self.look(Book::outgoing) {
            drop(callbacks::start(self, outgoing));
        }
        let world = Arc::clone(self);
        self.tasks.spawn(async move {
            let stop = world.stop.clone();
            let _ = stop.run_until_cancelled(world.decide_in_time()).await;
        });
    }

    /// Reads the books.
    pub(super) fn look<T>(&self, read: impl FnOnce(&Book) -> T) -> T {
        read(&self.state().book)
    }

    /// Carries out a request under its key.
    pub(super) async fn perform(self: &Arc<Self>, call: Call, key: &str, fingerprint: u64) -> Reply {
        let claim = match self.claim(key, fingerprint) {
            Ok(claim) => claim,
            Err(reply) => return reply,
        };
        tokio::time::sleep(self.options.delay).await;
        let (manner, token, reference) = match self.treatment(&call) {
            Ok(treatment) => treatment,
            Err(no) => return no.into(),
        };
        match manner {
            Manner::Broken => return No::new(503, "unavailable", "try again, nothing was done").into(),
            Manner::Silent => {
                drop(claim);
                return self.hang().await;
            }
            Manner::Prompt | Manner::Late => {}
        }
        let (reply, told) = self.commit(&self.request(call, token, reference), key, fingerprint);
        let first = told.map(|outgoing| callbacks::start(self, outgoing));
        if self.options.callbacks.before_answer {
            self.overtake(first, reference, token).await;
        }
        drop(claim);
        if manner == Manner::Late { self.hang().await } else { reply }
    }

    /// Waits until a callback was tried, and brings about the one that a pending payment would bring later.
    async fn overtake(
        self: &Arc<Self>,
        first: Option<oneshot::Receiver<()>>,
        reference: PaymentId,
        token: Token,
    ) {
        let first = match first {
            None if token.decision() == Decision::Pending => {
                let id = self.name(reference);
                self.complete(&id, true).ok().and_then(|(_, first)| first)
            }
            first => first,
        };
        if let Some(first) = first {
            // The sender is gone only when the provider stops.
            let _ = first.await;
        }
    }

    /// Lets a customer act, or decides a pending payment.
    pub(super) fn complete(
        self: &Arc<Self>,
        id: &str,
        good: bool,
    ) -> Result<(Payment, Option<oneshot::Receiver<()>>), No> {
        let asking = Asking {
            key: "",
            fingerprint: 0,
            now: Utc::now(),
            tell: self.options.callbacks.mode != CallbackMode::Off,
            callback: Uuid::now_v7(),
        };
        let mut state = self.state();
        let change = state.book.complete(id, good, &asking)?;
        let told = state.write(change)?;
        let payment =
            state.book.payment(id).map(|account| account.payment.clone()).ok_or_else(No::not_found)?;
        drop(state);
        Ok((payment, told.map(|outgoing| callbacks::start(self, outgoing))))
    }

    /// From now on, refunds of this payment succeed.
    pub(super) fn allow_refunds(&self, id: &str) -> Result<Payment, No> {
        let mut state = self.state();
        let change = state.book.allow_refunds(id)?;
        state.write(change)?;
        state.book.payment(id).map(|account| account.payment.clone()).ok_or_else(No::not_found)
    }

    /// A callback was delivered, or given up.
    pub(super) fn told(&self, id: Uuid) {
        if let Err(no) = self.state().write(Change::Told(id)) {
            tracing::warn!("callback {id} may be sent again: {}", no.message);
        }
    }

    fn commit(&self, request: &Request, key: &str, fingerprint: u64) -> (Reply, Option<Outgoing>) {
        let asking = Asking {
            key,
            fingerprint,
            now: Utc::now(),
            tell: self.options.callbacks.mode == CallbackMode::All,
            callback: Uuid::now_v7(),
        };
        let mut state = self.state();
        let change = match state.book.decide(request, &asking) {
            Ok(change) => change,
            Err(Refused { no, trace }) => {
                let written = trace.map_or(Ok(None), |entry| state.write(Change::Declined(*entry)));
                return (written.map_or_else(Reply::from, |_| no.into()), None);
            }
        };
        let kept = match &change {
            Change::Payment { kept, .. } => kept.clone(),
            Change::Declined(_) | Change::Told(_) => None,
        };
        match (state.write(change), kept) {
            (Ok(told), Some((_, kept))) => {
                drop(state);
                self.undecided.notify_one();
                (Reply { status: kept.status, body: kept.body, replayed: false }, told)
            }
            (Ok(told), None) => (Reply { status: 200, body: "{}".to_owned(), replayed: false }, told),
            (Err(no), _) => (no.into(), None),
        }
    }

    /// How a request is treated, by whose token, and about which payment.
    fn treatment(&self, call: &Call) -> Result<(Manner, Token, PaymentId), No> {
        let ProviderOptions { seed, rates, .. } = &self.options;
        let mut state = self.state();
        let (what, token, reference) = match call {
            Call::Authorize(request) => {
                let name = request.reference.to_string();
                let token = Token::of(&request.payment_method, *seed, &name, *rates);
                (Operation::Authorize, token, request.reference)
            }
            Call::Capture(id, _) => state.known(id, Operation::Capture)?,
            Call::Void(id) => state.known(id, Operation::Void)?,
            Call::Refund(id, _) => state.known(id, Operation::Refund)?,
        };
        let earlier = state.attempts.get(&(reference, what)).copied().unwrap_or(0);
        let manner = token.manner(what, earlier);
        if token.counts() {
            state.attempts.insert((reference, what), earlier.saturating_add(1));
        }
        Ok((manner, token, reference))
    }

    fn request(&self, call: Call, token: Token, reference: PaymentId) -> Request {
        match call {
            Call::Authorize(request) => {
                let id = self.name(reference);
                let wait = self.options.decide_after.and_then(|wait| TimeDelta::from_std(wait).ok());
                let decide_at = wait.and_then(|wait| Utc::now().checked_add_signed(wait));
                let action_url = format!("{}/action/{id}", self.url);
                Request::Authorize(Opening { id, request, token, decide_at, action_url })
            }
            Call::Capture(id, amount) => Request::Capture { id, amount },
            Call::Void(id) => Request::Void { id },
            Call::Refund(id, request) => Request::Refund { id, request },
        }
    }

    /// The provider's name for a payment: the same seed gives the same name.
    fn name(&self, reference: PaymentId) -> String {
        let space = Uuid::from_u128(u128::from(self.options.seed));
        Uuid::new_v5(&space, reference.0.as_bytes()).to_string()
    }

    /// Decides pending payments when their time has come.
    async fn decide_in_time(self: Arc<Self>) {
        loop {
            let next = self.look(|book| book.next_undecided().cloned());
            let wait = next.as_ref().map(|(at, _)| until(*at));
            match (next, wait) {
                (Some((_, id)), Some(None)) => {
                    if let Err(no) = self.complete(&id, true) {
                        tracing::warn!("payment {id} cannot be decided: {}", no.message);
                        self.hesitate().await;
                    }
                }
                (_, Some(Some(wait))) => {
                    // Either way, look again.
                    let _ = tokio::time::timeout(wait, self.undecided.notified()).await;
                }
                (_, None) | (None, _) => self.undecided.notified().await,
            }
        }
    }

    /// A journal that cannot be written is tried again, not at once.
    async fn hesitate(&self) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    /// "Never": until the caller has gone, or the provider stops.
    async fn hang(&self) -> Reply {
        let wait = tokio::time::sleep(self.options.hang);
        let _ = self.stop.run_until_cancelled(wait).await;
        let body = telling::failure("timeout", "the request took too long", None);
        Reply { status: 504, body, replayed: false }
    }

    fn claim(self: &Arc<Self>, key: &str, fingerprint: u64) -> Result<Claim, Reply> {
        let mut state = self.state();
        if let Some(kept) = state.book.kept(key) {
            return Err(if kept.fingerprint == fingerprint {
                Reply { status: kept.status, body: kept.body.clone(), replayed: true }
            } else {
                No::new(422, code::KEY_REUSED, "the key was used for another request").into()
            });
        }
        if !state.claims.insert(key.to_owned()) {
            return Err(No::new(409, code::KEY_IN_USE, "the first request is still being worked on").into());
        }
        Ok(Claim { world: Arc::clone(self), key: key.to_owned() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is applied whole, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Writes a change down, then lets it count; gives the callback that follows from it.
    fn write(&mut self, change: Change) -> Result<Option<Outgoing>, No> {
        if let Some(journal) = &mut self.journal {
            journal.write(&change).map_err(|error| {
                No::new(503, "journal", format!("the provider's journal cannot be written: {error}"))
            })?;
        }
        let told = match &change {
            Change::Payment { told, .. } => told.clone(),
            Change::Declined(_) | Change::Told(_) => None,
        };
        self.book.apply(change);
        Ok(told)
    }

    fn known(&self, id: &str, operation: Operation) -> Result<(Operation, Token, PaymentId), No> {
        let account = self.book.payment(id).ok_or_else(No::not_found)?;
        Ok((operation, account.token, account.payment.reference))
    }
}

/// A key whose request is being worked on; given back when dropped, also when the caller hangs up.
struct Claim {
    world: Arc<World>,
    key: String,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.world.state().claims.remove(&self.key);
    }
}

/// How long until then; none when it is past.
fn until(then: DateTime<Utc>) -> Option<Duration> {
    then.signed_duration_since(Utc::now()).to_std().ok().filter(|wait| !wait.is_zero())
}
