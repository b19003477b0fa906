//! Takes a command to its aggregate: load, decide, append, answer.
//!
//! Commands for one aggregate are decided one after the other, each on the state that the one before it left,
//! without waiting for the log in between. An answer that says no, or "nothing to do", is given only on a state
//! that is in the log, freshly read.
//!
//! **Invariant:** a command runs in a task of its own: a client that hangs up changes nothing.

mod baseline;
mod error;
mod keys;

use std::sync::Arc;
use std::time::Duration;

use cqrs_es::Aggregate;
use moka::sync::Cache;
use spindle_domain::command::Command;
use spindle_domain::fact::{Circumstances, trace_id};
use spindle_domain::kitchen::Schedule;
use spindle_domain::order::Order;
use spindle_domain::payment::Payment;
use spindle_domain::shipment::Shipment;
use spindle_eventlog::log::Pending;
use spindle_eventlog::store::new_event;
use spindle_eventlog::{Append, AppendError, Appended, Claim, Claimed, EventLog, Stream};
use tracing::Instrument;
use uuid::Uuid;

use crate::clock::Clock;
use crate::decider::Decider;
pub use error::CommandError;

use baseline::{Baseline, Slot};

/// How often a command is decided again because another node was faster. More means a stream that is fought
/// over by many nodes, and its callers should come back later.
const TRIES: u32 = 50;
/// How many aggregates of each kind are kept in memory.
const KEPT: u64 = 20_000;
/// For how long one is kept that nobody asks for.
const KEPT_IDLE: Duration = Duration::from_mins(10);

/// Who asks, as part of what, and how often it may count.
#[derive(Debug, Clone)]
pub struct Context {
    /// Who asks.
    pub actor: String,
    /// The business transaction that a new stream belongs to; by default the aggregate's own id.
    pub correlation: Option<Uuid>,
    /// What caused the command.
    pub causation: Option<Uuid>,
    /// The command's own name.
    pub command_id: Uuid,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// The key under which the command counts once.
    pub claim: Option<Claim>,
    /// The version that the caller has seen (`If-Match`).
    pub expected_version: Option<i64>,
}

impl Context {
    /// A command by somebody, with nothing special about it.
    #[must_use]
    pub fn by(actor: impl Into<String>) -> Self {
        Self {
            actor: actor.into(),
            correlation: None,
            causation: None,
            command_id: Uuid::now_v7(),
            traceparent: None,
            claim: None,
            expected_version: None,
        }
    }
}

/// What a command did.
#[derive(Debug, Clone)]
pub struct Done<A> {
    /// The aggregate. Not the one that was asked for, if the key had created another before.
    pub id: Uuid,
    /// Its state after the command.
    pub state: Arc<A>,
    /// Its version after the command.
    pub version: i64,
    /// The position of the command's last event; of the aggregate's last when there was nothing to do.
    pub position: i64,
    /// The key was used before: this is the first answer again.
    pub replayed: bool,
}

/// Takes commands to aggregates. Cheap to clone.
#[derive(Clone)]
pub struct Dispatcher {
    log: EventLog,
    clock: Clock,
    keys: keys::Keys,
    orders: Slots<Order>,
    payments: Slots<Payment>,
    schedules: Slots<Schedule>,
    shipments: Slots<Shipment>,
}

impl std::fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dispatcher").finish_non_exhaustive()
    }
}

/// The aggregates of one kind that are kept in memory.
#[derive(Clone)]
pub struct Slots<A: Decider>(Cache<Uuid, Slot<A>>);

impl<A: Decider> Default for Slots<A> {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(KEPT).time_to_idle(KEPT_IDLE).build())
    }
}

/// An aggregate that the dispatcher has a room for.
pub trait Dispatched: Decider {
    /// Where its states are kept.
    #[doc(hidden)]
    fn slots(dispatcher: &Dispatcher) -> &Slots<Self>;
}

macro_rules! dispatched {
    ($($aggregate:ty => $field:ident),* $(,)?) => {$(
        impl Dispatched for $aggregate {
            fn slots(dispatcher: &Dispatcher) -> &Slots<Self> {
                &dispatcher.$field
            }
        }
    )*};
}

dispatched![Order => orders, Payment => payments, Schedule => schedules, Shipment => shipments];

/// What a decision came to.
enum Decision<A> {
    /// Events are on their way to the log.
    Submitted(Pending, Done<A>),
    /// The effect is there already.
    Nothing(Done<A>),
}

impl Dispatcher {
    /// A dispatcher on a log.
    #[must_use]
    pub fn new(log: EventLog, clock: Clock) -> Self {
        Self {
            log,
            clock,
            keys: keys::Keys::default(),
            orders: Slots::default(),
            payments: Slots::default(),
            schedules: Slots::default(),
            shipments: Slots::default(),
        }
    }

    /// Carries out a command. It runs to its end even when the caller stops waiting.
    ///
    /// # Errors
    /// [`CommandError`]; only [`CommandError::Unknown`] leaves open whether something was stored.
    pub async fn execute<A: Dispatched>(
        &self,
        id: Uuid,
        command: A::Command,
        context: Context,
    ) -> Result<Done<A>, CommandError> {
        let this = self.clone();
        let span = tracing::info_span!(
            "command",
            aggregate = A::TYPE,
            id = %id,
            actor = context.actor,
            command_id = %context.command_id,
            trace_id = context.traceparent.as_deref().and_then(trace_id),
        );
        let started = std::time::Instant::now();
        let task = async move {
            let result = this.run::<A>(id, &command, &context).await;
            let outcome = result.as_ref().map_or_else(CommandError::name, |_| "done");
            metrics::counter!("spindle_commands_total", "aggregate" => A::TYPE, "outcome" => outcome)
                .increment(1);
            metrics::histogram!("spindle_command_seconds", "aggregate" => A::TYPE).record(started.elapsed());
            match &result {
                Ok(Done { position, replayed: true, .. }) => {
                    tracing::info!(position, "{} {id}: answered again", A::TYPE);
                }
                Ok(Done { position, id, .. }) => {
                    tracing::info!(position, "{} {id} recorded at {position}", A::TYPE);
                }
                Err(error) => tracing::info!(%error, "{} {id}: {error}", A::TYPE),
            }
            result
        };
        match tokio::spawn(task.instrument(span)).await {
            Ok(result) => result,
            Err(error) => Err(CommandError::Unknown(format!("the command's task ended badly: {error}"))),
        }
    }

    /// Carries out a command to whichever aggregate it names. Returns the position of its last event.
    ///
    /// # Errors
    /// As [`Dispatcher::execute`].
    pub async fn send(&self, command: Command, context: Context) -> Result<i64, CommandError> {
        Ok(match command {
            Command::Order { id, command } => self.execute::<Order>(id.0, command, context).await?.position,
            Command::Payment { id, command } => {
                self.execute::<Payment>(id.0, command, context).await?.position
            }
            Command::Kitchen { id, command } => {
                self.execute::<Schedule>(id.0, command, context).await?.position
            }
            Command::Shipment { id, command } => {
                self.execute::<Shipment>(id.0, command, context).await?.position
            }
        })
    }

    /// The state of an aggregate as the log has it now, with its version; version 0 when it does not exist.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn load<A: Dispatched>(&self, id: Uuid) -> Result<(Arc<A>, i64), CommandError> {
        let baseline = Baseline::<A>::load(&self.log, id, i64::MAX).await?;
        Ok((baseline.state, baseline.version))
    }

    async fn run<A: Dispatched>(
        &self,
        id: Uuid,
        command: &A::Command,
        context: &Context,
    ) -> Result<Done<A>, CommandError> {
        let _held = match &context.claim {
            Some(claim) => {
                if let Some(known) = self.keys.known(claim) {
                    return self.again(claim, &known).await;
                }
                Some(self.keys.hold(claim).ok_or(CommandError::KeyInFlight)?)
            }
            None => None,
        };
        let slot = A::slots(self).0.get_with(id, Slot::default);
        for _ in 0..TRIES {
            let decision = match self.decide(&slot, id, command, context).await {
                Ok(decision) => decision,
                Err(error) => return self.unless_done_before(context, error).await,
            };
            let (pending, done) = match decision {
                Decision::Submitted(pending, done) => (pending, done),
                Decision::Nothing(done) => match &context.claim {
                    None => {
                        let head = self.log.stream_head(&stream_of::<A>(id)).await?;
                        return Ok(Done { position: head.map_or(0, |(_, position)| position), ..done });
                    }
                    // The key still has to be taken, so that it means the same for ever.
                    Some(claim) => (self.claim_only::<A>(id, &done, claim)?, done),
                },
            };
            match pending.stored().await {
                Ok(Appended { position, .. }) => {
                    if let Some(claim) = &context.claim {
                        self.keys.remember(Claimed {
                            claim: claim.clone(),
                            stream: stream_of::<A>(id),
                            version: done.version,
                            position,
                        });
                    }
                    return Ok(Done { position, ..done });
                }
                Err(AppendError::Conflict | AppendError::Superseded) => {
                    metrics::counter!("spindle_command_conflicts_total", "aggregate" => A::TYPE).increment(1);
                    slot.forget_lost().await;
                }
                Err(AppendError::Claimed(known)) => {
                    slot.forget_lost().await;
                    let claim = context.claim.as_ref().ok_or(CommandError::KeyReused)?;
                    return self.again(claim, &known).await;
                }
                Err(error) => {
                    slot.forget_lost().await;
                    return Err(error.into());
                }
            }
        }
        Err(CommandError::Busy)
    }

    /// Decides under the aggregate's lock, and hands the events to the log before letting go of it.
    async fn decide<A: Dispatched>(
        &self,
        slot: &Slot<A>,
        id: Uuid,
        command: &A::Command,
        context: &Context,
    ) -> Result<Decision<A>, CommandError> {
        let mut kept = slot.lock().await;
        let mut fresh = false;
        loop {
            let baseline = if let Some(baseline) = kept.take().filter(Baseline::is_usable) {
                baseline
            } else {
                fresh = true;
                Baseline::load(&self.log, id, i64::MAX).await?
            };
            let decided = baseline.decide(command, context, self.clock.now());
            match decided {
                Ok(events) if !events.is_empty() => {
                    let circumstances = Circumstances {
                        correlation: Some(baseline.correlation.or(context.correlation).unwrap_or(id)),
                        causation: context.causation,
                        command: Some(context.command_id),
                        actor: Some(context.actor.clone()),
                        traceparent: context.traceparent.clone(),
                    };
                    let submitted = self.submit(&baseline, id, events, &circumstances, context);
                    return match submitted {
                        Ok((pending, next)) => {
                            let done = next.done(id);
                            *kept = Some(next);
                            Ok(Decision::Submitted(pending, done))
                        }
                        Err(error) => {
                            *kept = Some(baseline);
                            Err(error)
                        }
                    };
                }
                // "No" and "nothing to do" must hold for what is in the log: wait for what is under way, read again.
                _ if !fresh => baseline.settled().await,
                Ok(_) => {
                    let done = baseline.done(id);
                    *kept = Some(baseline);
                    return Ok(Decision::Nothing(done));
                }
                Err(refusal) => {
                    *kept = Some(baseline);
                    return Err(refusal);
                }
            }
        }
    }

    fn submit<A: Dispatched>(
        &self,
        baseline: &Baseline<A>,
        id: Uuid,
        events: Vec<A::Event>,
        circumstances: &Circumstances,
        context: &Context,
    ) -> Result<(Pending, Baseline<A>), CommandError> {
        let unwritable = |error: serde_json::Error| CommandError::Unreadable(error.to_string());
        let metadata = serde_json::to_string(&circumstances.write()).map_err(unwritable)?;
        let stored = events.iter().map(|event| new_event(event, &metadata)).collect::<Result<_, _>>();
        let append = Append {
            stream: stream_of::<A>(id),
            after: baseline.version,
            events: stored.map_err(unwritable)?,
            claim: context.claim.clone(),
        };
        let pending = self.log.submit(append, baseline.ticket.clone())?;
        let next = baseline.after(events, pending.ticket(), circumstances.correlation);
        Ok((pending, next))
    }

    fn claim_only<A: Dispatched>(
        &self,
        id: Uuid,
        done: &Done<A>,
        claim: &Claim,
    ) -> Result<Pending, CommandError> {
        let append = Append {
            stream: stream_of::<A>(id),
            after: done.version,
            events: Vec::new(),
            claim: Some(claim.clone()),
        };
        Ok(self.log.submit(append, None)?)
    }

    /// A refusal may come from the command itself having been carried out before: its key tells.
    async fn unless_done_before<A: Dispatched>(
        &self,
        context: &Context,
        error: CommandError,
    ) -> Result<Done<A>, CommandError> {
        let Some(claim) = context.claim.as_ref().filter(|_| error.is_answer()) else { return Err(error) };
        match self.log.find_claim(&claim.scope, &claim.key).await? {
            Some(known) => self.again(claim, &known).await,
            None => Err(error),
        }
    }

    /// The first answer again: the aggregate at the version that the command left.
    async fn again<A: Dispatched>(&self, claim: &Claim, known: &Claimed) -> Result<Done<A>, CommandError> {
        let id = Uuid::parse_str(&known.stream.aggregate_id);
        let (Ok(id), true, true) =
            (id, known.claim.fingerprint == claim.fingerprint, &*known.stream.aggregate_type == A::TYPE)
        else {
            return Err(CommandError::KeyReused);
        };
        let baseline = Baseline::<A>::load(&self.log, id, known.version).await?;
        Ok(Done { position: known.position, replayed: true, ..baseline.done(id) })
    }
}

fn stream_of<A: Aggregate>(id: Uuid) -> Stream {
    Stream::new(A::TYPE, id.to_string())
}
