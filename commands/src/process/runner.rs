//! The loop that runs the fulfilment process: one worker leads, and takes whatever comes (events, answers,
//! timers) in turns, each turn one transaction.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::time::Duration;

use spindle_domain::fact::{Raw, Recorded};
use spindle_domain::fulfillment::{Input, Policy};
use spindle_eventlog::bus::Bus;
use spindle_eventlog::parking::{self, Parked};
use spindle_eventlog::{EventLog, Feed, Leases, LogError, StoredEvent, checkpoint, leader};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::labour::{Attempt, Labour, Retry};
use super::store::{self, Move, StoreError};
use super::turn::{Instance, Origin, Outcome, Turn};
use crate::clock::Clock;
use crate::dispatcher::Dispatcher;
use crate::effects::PaymentProvider;

/// The process's name: in the journal, as a consumer of the log, and as an actor.
pub const NAME: &str = "fulfilment";

/// How much work is carried out at the same time: covers slow answers from outside without flooding anybody.
const HANDS: usize = 128;
/// How many timers fire in one turn at most.
const TIMERS: i64 = 256;
/// How many answers one turn takes at most.
const ANSWERS: usize = 256;
/// How often timers and work that waits for a next attempt are looked for.
const TICK: Duration = Duration::from_millis(100);
/// For how many processes the state is kept in memory between turns.
const KEPT: usize = 20_000;

/// Everything that the process needs.
#[derive(Debug, Clone)]
pub struct Runner {
    /// The log.
    pub log: EventLog,
    /// The broker, when there is one, with the log's identity.
    pub bus: Option<(Bus, Uuid)>,
    /// Decides who leads.
    pub leases: Leases,
    /// Takes the commands.
    pub dispatcher: Dispatcher,
    /// Takes the payments.
    pub provider: PaymentProvider,
    /// Tells the time.
    pub clock: Clock,
    /// How long the process waits for whom.
    pub policy: Policy,
    /// How failed work is tried again.
    pub retry: Retry,
}

#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the database cannot be asked: {0}")]
    Database(#[from] sqlx::Error),
}

impl Runner {
    /// Runs the process whenever this node holds its lease, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let this = &self;
        leader::run(NAME, &this.leases, &stop, || async move {
            match this.lead().await {
                Ok(never) => match never {},
                Err(broken) => broken,
            }
        })
        .await;
    }

    async fn lead(&self) -> Result<Infallible, Broken> {
        let pool = self.log.pool();
        let (finished, mut answers) = mpsc::channel(HANDS);
        let mut led = Led {
            runner: self,
            position: checkpoint::load(pool, NAME).await?,
            parked: parking::keys(pool, NAME).await?,
            kept: HashMap::new(),
            busy: HashSet::new(),
            look: true,
            hands: JoinSet::new(),
            finished,
            labour: Labour {
                dispatcher: self.dispatcher.clone(),
                provider: self.provider.clone(),
                clock: self.clock.clone(),
            },
        };
        let mut feed = Feed::new(self.log.clone(), self.bus.clone(), NAME);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut attempts = Vec::with_capacity(ANSWERS);
        loop {
            tokio::select! {
                events = feed.next(led.position) => led.events(&events?).await?,
                _ = answers.recv_many(&mut attempts, ANSWERS) => {
                    led.answers(std::mem::take(&mut attempts)).await?;
                }
                _ = tick.tick() => {
                    led.timers().await?;
                    led.look = true;
                }
            }
            if std::mem::take(&mut led.look) {
                led.hand_out().await?;
            }
        }
    }
}

/// What a leader has in hand. Dropped with it: the database knows everything that matters.
struct Led<'a> {
    runner: &'a Runner,
    position: i64,
    parked: HashSet<String>,
    /// States as they were last stored; only the leader writes them, and each write is compare-and-set.
    kept: HashMap<Uuid, Instance>,
    /// Processes with work in hand.
    busy: HashSet<Uuid>,
    /// Whether there may be work to hand out.
    look: bool,
    hands: JoinSet<()>,
    finished: mpsc::Sender<Attempt>,
    labour: Labour,
}

impl Led<'_> {
    async fn events(&mut self, events: &[StoredEvent]) -> Result<(), Broken> {
        let Some(last) = events.last().map(|event| event.position) else { return Ok(()) };
        let mut facts = Vec::with_capacity(events.len());
        let mut parked = Vec::new();
        for event in events {
            match read(event) {
                Ok(recorded) => match recorded.order() {
                    Some(order) if self.parked.contains(&order.0.to_string()) => parked.push(Parked {
                        key: order.0.to_string(),
                        event,
                        reason: "waits behind an event of the same order that cannot be handled".to_owned(),
                    }),
                    Some(order) => facts.push((order.0, event, recorded)),
                    None => {}
                },
                Err(why) => {
                    for key in keys_of(event) {
                        self.parked.insert(key.clone());
                        parked.push(Parked { key, event, reason: why.to_string() });
                    }
                }
            }
        }
        let mut instances = self.load(facts.iter().map(|(id, ..)| *id)).await?;
        let mut turn = self.turn(&mut instances);
        for (id, event, recorded) in facts {
            let origin = Origin {
                name: event.event_id,
                cause: Some(event.event_id),
                traceparent: recorded.circumstances.traceparent.clone(),
            };
            turn.input(id, &Input::Fact(Box::new(recorded)), &origin);
        }
        let outcome = turn.outcome;
        let advance = Move { from: self.position, to: last, parked };
        self.save(instances, outcome, Some(advance)).await?;
        self.position = last;
        Ok(())
    }

    async fn answers(&mut self, attempts: Vec<Attempt>) -> Result<(), Broken> {
        let ids: Vec<Uuid> = attempts.iter().map(|attempt| attempt.due.id).collect();
        let mut instances = self.load(ids.iter().copied()).await?;
        let mut turn = self.turn(&mut instances);
        for attempt in attempts {
            turn.tried(attempt);
        }
        let outcome = turn.outcome;
        self.save(instances, outcome, None).await?;
        for id in ids {
            self.busy.remove(&id);
        }
        self.look = true;
        Ok(())
    }

    async fn timers(&mut self) -> Result<(), Broken> {
        let due = store::due_timers(self.runner.log.pool(), self.runner.clock.now(), TIMERS).await?;
        if due.is_empty() {
            return Ok(());
        }
        let mut instances = self.load(due.iter().map(|(id, ..)| *id)).await?;
        let mut turn = self.turn(&mut instances);
        for (id, timer, due_at) in due {
            turn.fire(id, timer, due_at);
        }
        let outcome = turn.outcome;
        self.save(instances, outcome, None).await
    }

    /// Gives due work to free hands.
    async fn hand_out(&mut self) -> Result<(), Broken> {
        while self.hands.try_join_next().is_some() {}
        let free = HANDS.saturating_sub(self.busy.len());
        if free == 0 {
            return Ok(());
        }
        let busy: Vec<Uuid> = self.busy.iter().copied().collect();
        let limit = i64::try_from(free).unwrap_or(1);
        let pool = self.runner.log.pool();
        for due in store::due_work(pool, self.runner.clock.now(), &busy, limit).await? {
            self.busy.insert(due.id);
            let (labour, finished) = (self.labour.clone(), self.finished.clone());
            self.hands.spawn(async move {
                let attempt = labour.attempt(due).await;
                // The leader may have stepped down; the next one tries again, to the same effect.
                drop(finished.send(attempt).await);
            });
        }
        Ok(())
    }

    async fn load(&mut self, ids: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, Instance>, Broken> {
        let mut instances = HashMap::new();
        let mut missing = HashSet::new();
        for id in ids {
            match self.kept.get(&id) {
                Some(instance) => drop(instances.insert(id, instance.clone())),
                None => drop(missing.insert(id)),
            }
        }
        if !missing.is_empty() {
            let missing: Vec<Uuid> = missing.into_iter().collect();
            instances.extend(store::instances(self.runner.log.pool(), &missing).await?);
        }
        Ok(instances)
    }

    fn turn<'t>(&'t self, instances: &'t mut HashMap<Uuid, Instance>) -> Turn<'t> {
        Turn {
            instances,
            policy: &self.runner.policy,
            retry: &self.runner.retry,
            now: self.runner.clock.now(),
            outcome: Outcome::default(),
        }
    }

    async fn save(
        &mut self,
        mut instances: HashMap<Uuid, Instance>,
        outcome: Outcome,
        advance: Option<Move<'_>>,
    ) -> Result<(), Broken> {
        store::save(self.runner.log.pool(), &instances, &outcome, advance, self.runner.clock.now()).await?;
        self.look |= !outcome.work.is_empty();
        if self.kept.len() > KEPT {
            self.kept.clear();
        }
        for (id, before) in outcome.before {
            if let Some(mut instance) = instances.remove(&id) {
                instance.version = before + 1;
                if instance.state.is_done() {
                    self.kept.remove(&id);
                } else {
                    self.kept.insert(id, instance);
                }
            }
        }
        Ok(())
    }
}

fn read(event: &StoredEvent) -> Result<Recorded, spindle_domain::fact::Unreadable> {
    Recorded::read(&Raw {
        position: event.position,
        sequence: event.sequence,
        event_id: event.event_id,
        recorded_at: event.recorded_at,
        aggregate_type: &event.aggregate_type,
        aggregate_id: &event.aggregate_id,
        event_type: &event.event_type,
        payload: event.payload.get(),
        metadata: event.metadata.get(),
    })
}

/// Under which keys an event is parked that nobody can read: the order it was for, and its own stream.
fn keys_of(event: &StoredEvent) -> Vec<String> {
    let mut keys = vec![event.aggregate_id.clone()];
    let correlation = event.metadata().remove(spindle_domain::fact::metadata::CORRELATION);
    keys.extend(correlation.filter(|key| *key != event.aggregate_id));
    keys
}
