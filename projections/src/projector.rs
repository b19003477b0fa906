//! Runs a projection: takes the events after its checkpoint, folds them in memory and writes the views that came
//! out, with the checkpoint, in one transaction.
//!
//! **Invariant:** a view and the checkpoint move together or not at all, and no event is written one at a time.

use std::collections::HashSet;
use std::convert::Infallible;
use std::time::Instant;

use spindle_eventlog::bus::Bus;
use spindle_eventlog::parking::{self, Parked};
use spindle_eventlog::{EventLog, Feed, Leases, LogError, StoredEvent, checkpoint, leader};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::decode::{self, Reading};
use crate::folding::{Blocked, Folder, Waiting};
use crate::projection::Projection;
use crate::{parked, store};

/// How many events one transaction takes at the most: enough that the transaction costs little per event, few
/// enough that the first one is visible soon.
pub const BATCH: usize = 512;

/// Why a projector stopped; it starts again.
#[derive(Debug, thiserror::Error)]
pub enum ProjectorError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The views cannot be written.
    #[error("the views cannot be written: {0}")]
    Database(#[from] sqlx::Error),
    /// The checkpoint stood elsewhere.
    #[error("another worker of this projection is active")]
    Fenced,
    /// A view cannot be written as JSON: a defect of the view's type.
    #[error("a view cannot be written as JSON: {0}")]
    Unwritable(#[from] serde_json::Error),
}

/// Runs a projection whenever this process holds its lease, until `stop`.
pub async fn run<P: Projection>(
    projection: P,
    log: EventLog,
    bus: Option<(Bus, Uuid)>,
    leases: Leases,
    stop: CancellationToken,
) {
    let name = P::consumer();
    let (log, bus, name) = (&log, &bus, &name);
    leader::run(name, &leases, &stop, || async move {
        let worker = Worker { projection, log: log.clone(), name: name.clone() };
        match worker.lead(bus.clone()).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    })
    .await;
}

struct Worker<P: Projection> {
    projection: P,
    log: EventLog,
    name: String,
}

impl<P: Projection> Worker<P> {
    async fn lead(&self, bus: Option<(Bus, Uuid)>) -> Result<Infallible, ProjectorError> {
        let mut position = checkpoint::load(self.log.pool(), &self.name).await?;
        let mut blocked = parked::blocked(self.log.pool(), &self.name).await?;
        let mut feed = Feed::new(self.log.clone(), bus, &self.name);
        loop {
            let events = feed.next(position).await?;
            for batch in events.chunks(BATCH) {
                (position, blocked) = self.apply(position, blocked, batch).await?;
            }
        }
    }

    /// Applies consecutive events that begin after `position`. Says where the checkpoint stands then, and which
    /// keys are put aside.
    async fn apply(
        &self,
        position: i64,
        mut blocked: Blocked,
        events: &[StoredEvent],
    ) -> Result<(i64, Blocked), ProjectorError> {
        let Some(last) = events.last().map(|event| event.position) else { return Ok((position, blocked)) };
        let started = Instant::now();
        let readings: Vec<Reading> =
            events.iter().map(|event| decode::read(self.projection, event)).collect();
        let mut touched: HashSet<Uuid> = readings.iter().filter_map(touched).collect();

        let mut transaction = self.log.pool().begin().await?;
        // First, so that the row's lock keeps an operator's retry and another worker out until the end.
        if !checkpoint::advance(&mut transaction, &self.name, position, last).await? {
            return Err(ProjectorError::Fenced);
        }
        let waits = |id: &Uuid, blocked: &Blocked| blocked.contains_key(&id.to_string());
        if !blocked.is_empty() && touched.iter().any(|id| waits(id, &blocked)) {
            // Perhaps an operator has released it in the meantime.
            blocked = parked::blocked(&mut *transaction, &self.name).await?;
        }
        if !blocked.is_empty() {
            touched.retain(|id| !waits(id, &blocked));
        }
        let views = store::load(&mut transaction, touched.into_iter().collect()).await?;

        let mut folder = Folder::new(self.projection, views, blocked);
        for (event, reading) in events.iter().zip(&readings) {
            folder.take(event.position, reading);
        }
        let (changes, waiting, blocked) = folder.finish()?;
        let views = changes.len();
        store::save::<P>(&mut transaction, changes).await?;
        if !waiting.is_empty() {
            parking::park(&mut transaction, &self.name, &to_park(&waiting, events)).await?;
        }
        transaction.commit().await?;

        self.measure(events.len(), waiting.len(), last, started);
        self.trace(&readings, &waiting);
        tracing::debug!(
            projection = self.name,
            events = events.len(),
            views,
            parked = waiting.len(),
            position = last,
            "{} is at {last}: {} events, {views} views",
            self.name,
            events.len()
        );
        Ok((last, blocked))
    }

    /// One line for each event that belongs to a trace and is in a view now, so that the trace can be followed to
    /// its end.
    fn trace(&self, readings: &[Reading], waiting: &[Waiting]) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let waiting: HashSet<i64> = waiting.iter().map(|waiting| waiting.position).collect();
        for reading in readings {
            let Reading::Change { id, recorded } = reading else { continue };
            let trace_id = recorded.circumstances.trace_id();
            let (Some(trace_id), position) = (trace_id, recorded.position) else { continue };
            if waiting.contains(&position) {
                continue;
            }
            tracing::debug!(
                trace_id,
                projection = self.name,
                order.id = recorded.order().map(tracing::field::display),
                view.id = %id,
                position,
                event.kind = recorded.event_type(),
                "projected"
            );
        }
    }

    fn measure(&self, events: usize, parked: usize, position: i64, started: Instant) {
        let label = || [("projection", self.name.clone())];
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        metrics::counter!("spindle_projection_events_total", &label()).increment(count(events));
        if parked > 0 {
            metrics::counter!("spindle_projection_parked_total", &label()).increment(count(parked));
        }
        metrics::histogram!("spindle_projection_batch_size", &label())
            .record(f64::from(u32::try_from(events).unwrap_or(u32::MAX)));
        metrics::histogram!("spindle_projection_apply_seconds", &label())
            .record(started.elapsed().as_secs_f64());
        // A gauge is a float: exact up to 2^53 events.
        #[expect(clippy::cast_precision_loss, reason = "a log has fewer than 2^53 events")]
        metrics::gauge!("spindle_projection_position", &label()).set(position as f64);
    }
}

fn touched(reading: &Reading) -> Option<Uuid> {
    match reading {
        Reading::Change { id, .. } => Some(*id),
        Reading::PassedOver | Reading::Unreadable { .. } => None,
    }
}

/// Finds the event of each that must wait: positions of a batch are consecutive.
fn to_park<'a>(waiting: &[Waiting], events: &'a [StoredEvent]) -> Vec<Parked<'a>> {
    let first = events.first().map_or(0, |event| event.position);
    waiting
        .iter()
        .filter_map(|waiting| {
            let event = events.get(usize::try_from(waiting.position - first).ok()?)?;
            Some(Parked { key: waiting.key.clone(), event, reason: waiting.reason.clone() })
        })
        .collect()
}
