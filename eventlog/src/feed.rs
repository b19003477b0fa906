//! What a consumer sees: the events after its checkpoint, each once, in order, without a gap. Whether they come
//! over the bus or from the log makes no difference to it.
//!
//! A message is compared with the checkpoint: wholly behind it, it is forgotten; following it, it is taken; with
//! a gap before it, the missing events are read from the log. So lost, repeated, reordered or dropped messages,
//! a purged queue and a broker that is away heal by themselves.
//!
//! **Invariant:** the events handed out begin at `checkpoint + 1` and are consecutive.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::bus::{Bus, Delivery, Subscription};
use crate::log::{EventLog, LogError};
use crate::record::StoredEvent;

/// How many events are read from the log at a time: enough to be fast, few enough to be small.
const READ: i64 = 512;
/// How often the log is asked while nothing happens and the broker is silent or away.
const QUIET: Duration = Duration::from_millis(50);
/// How often it is asked while events come.
const BUSY: Duration = Duration::from_millis(2);
/// How often it is asked while the broker works: finds what the broker has lost with nothing after it.
const SAFETY: Duration = Duration::from_millis(250);

/// The events of the log, for one consumer.
#[derive(Debug)]
pub struct Feed {
    log: EventLog,
    committed: watch::Receiver<i64>,
    subscription: Option<Subscription>,
    /// Dealt with by the time the next events are asked for.
    unconfirmed: Vec<Delivery>,
    /// There is more in the log than the bus will tell.
    behind: bool,
    /// When the log is asked next, whatever the broker says. It outlives a wait that is dropped: a consumer that
    /// has other things to do every moment would else never come to it.
    look: Option<Instant>,
    idle: Duration,
}

impl Feed {
    /// The feed of a group: over the bus where there is one.
    #[must_use]
    pub fn new(log: EventLog, bus: Option<(Bus, Uuid)>, group: &str) -> Self {
        let committed = log.committed();
        let subscription = bus.map(|(bus, log_id)| Subscription::start(bus, group, log_id));
        Self { log, committed, subscription, unconfirmed: Vec::new(), behind: true, look: None, idle: BUSY }
    }

    /// The events after `checkpoint`; waits until there are some. To ask with a later checkpoint says that
    /// everything up to it is done. Dropping the wait loses nothing.
    ///
    /// # Errors
    /// When the log cannot be read; ask again.
    pub async fn next(&mut self, checkpoint: i64) -> Result<Vec<StoredEvent>, LogError> {
        while let Some(done) = self.unconfirmed.pop() {
            done.done();
        }
        loop {
            if self.behind {
                let events = self.log.read_after(checkpoint, READ).await?;
                self.behind = i64::try_from(events.len()).is_ok_and(|count| count == READ);
                if !events.is_empty() {
                    self.look = None;
                    self.idle = BUSY;
                    return Ok(events);
                }
            }
            let connected = self.subscription.as_ref().is_some_and(Subscription::is_connected);
            let latest = Instant::now() + if connected { SAFETY } else { self.idle };
            let look = self.look.map_or(latest, |look| look.min(latest));
            self.look = Some(look);
            tokio::select! {
                delivery = hear(self.subscription.as_mut()) => {
                    let events = self.take(delivery, checkpoint);
                    if !events.is_empty() {
                        self.look = None;
                        return Ok(events);
                    }
                }
                // Without a broker, what this process stores itself is known at once.
                Ok(()) = self.committed.changed(), if !connected => self.behind = true,
                () = tokio::time::sleep_until(look) => {
                    self.behind = true;
                    self.look = None;
                    self.idle = (self.idle * 2).min(QUIET);
                }
            }
        }
    }

    /// Takes a message, and those that have come in the meantime: under load, many small messages make one
    /// transaction. Empty when there was nothing new, or when something is missing and the log must be read. Never
    /// waits: what was taken from the subscription is here only.
    fn take(&mut self, first: Delivery, checkpoint: i64) -> Vec<StoredEvent> {
        let mut events = Vec::new();
        let mut next = Some(first);
        while let Some(delivery) = next {
            let reached = events.last().map_or(checkpoint, |last: &StoredEvent| last.position);
            match delivery.batch.clone().after(reached) {
                Some(more) if more.is_empty() => delivery.done(),
                Some(more) => {
                    events.extend(more);
                    self.unconfirmed.push(delivery);
                }
                None => {
                    metrics::counter!("spindle_feed_gaps_healed_total").increment(1);
                    delivery.done();
                    self.behind = true;
                    break;
                }
            }
            let room = i64::try_from(events.len()).is_ok_and(|count| count < READ);
            next = self.subscription.as_mut().filter(|_| room).and_then(Subscription::try_next);
        }
        events
    }
}

async fn hear(subscription: Option<&mut Subscription>) -> Delivery {
    match subscription {
        Some(subscription) => subscription.next().await,
        None => std::future::pending().await,
    }
}
