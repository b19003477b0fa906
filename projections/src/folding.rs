//! A batch of events folded in memory: which views come out of it, and which events must wait.
//!
//! **Invariant:** nothing is folded into a view after an event of it was put aside, and no event is dropped: each
//! is folded, put aside with a reason, or none of the projection's business.

use std::collections::{HashMap, HashSet};

use cqrs_es::Aggregate as _;
use spindle_domain::fact::{Fact, Recorded};
use spindle_domain::kitchen::Schedule;
use spindle_domain::order::Order;
use spindle_domain::payment::Payment;
use spindle_domain::shipment::Shipment;
use uuid::Uuid;

use crate::decode::{Reading, reason};
use crate::projection::{FoldError, Held, Index, Projection};
use crate::store::document;

/// The keys that are put aside, each with the position of the first event that is.
pub(crate) type Blocked = HashMap<String, i64>;

/// A view with its place in the log.
#[derive(Clone)]
pub(crate) struct Kept<P: Projection> {
    pub(crate) version: i64,
    pub(crate) position: i64,
    pub(crate) state: Held<P>,
}

/// A view as it was read, or why it cannot be.
pub(crate) type Stored<P> = Result<Kept<P>, String>;

/// An event to be put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) key: String,
    pub(crate) position: i64,
    pub(crate) reason: String,
}

/// What a view is after the batch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) id: Uuid,
    /// None: it is gone.
    pub(crate) after: Option<Document>,
}

/// A view ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    pub(crate) version: i64,
    pub(crate) position: i64,
    pub(crate) index: Index,
    pub(crate) view: String,
    pub(crate) memory: String,
}

/// Folds events in order into views that it holds.
pub(crate) struct Folder<P: Projection> {
    projection: P,
    views: HashMap<Uuid, Stored<P>>,
    changed: HashSet<Uuid>,
    blocked: Blocked,
    waiting: Vec<Waiting>,
}

impl<P: Projection> Folder<P> {
    pub(crate) fn new(projection: P, views: HashMap<Uuid, Stored<P>>, blocked: Blocked) -> Self {
        Self { projection, views, changed: HashSet::new(), blocked, waiting: Vec::new() }
    }

    /// Takes the next event of the log. `at` is its position.
    pub(crate) fn take(&mut self, at: i64, reading: &Reading) {
        match reading {
            Reading::PassedOver => {}
            Reading::Unreadable { keys, why } => {
                for key in keys {
                    self.put_aside(key.clone(), at, why.clone());
                }
            }
            Reading::Change { id, recorded } => match self.first_waiting(*id) {
                Some(first) => self.put_aside(id.to_string(), at, format!("waits behind position {first}")),
                None => {
                    if let Err(why) = self.fold(*id, recorded) {
                        self.put_aside(id.to_string(), at, why);
                    }
                }
            },
        }
    }

    fn first_waiting(&self, id: Uuid) -> Option<i64> {
        if self.blocked.is_empty() { None } else { self.blocked.get(&id.to_string()).copied() }
    }

    fn put_aside(&mut self, key: String, position: i64, reason: String) {
        self.blocked.entry(key.clone()).or_insert(position);
        self.waiting.push(Waiting { key, position, reason });
    }

    /// Folds an event into its view, which stays as it was when that does not work.
    pub(crate) fn fold(&mut self, id: Uuid, event: &Recorded) -> Result<(), String> {
        let before = match self.views.get(&id) {
            None => None,
            Some(Ok(kept)) => Some(kept),
            Some(Err(why)) => return Err(reason(&format!("the stored view cannot be read: {why}"))),
        };
        let after = next(self.projection, id, before, event).map_err(|why| reason(&why.to_string()))?;
        if before.is_none() && after.is_none() {
            return Ok(());
        }
        self.changed.insert(id);
        match after {
            Some(kept) => drop(self.views.insert(id, Ok(kept))),
            None => drop(self.views.remove(&id)),
        }
        Ok(())
    }

    /// What is to be written, what is to be put aside, and everything that waits from now on.
    ///
    /// # Errors
    /// When a view cannot be written as JSON.
    pub(crate) fn finish(self) -> Result<(Vec<Change>, Vec<Waiting>, Blocked), serde_json::Error> {
        let mut ids: Vec<Uuid> = self.changed.into_iter().collect();
        ids.sort_unstable();
        let mut changes = Vec::with_capacity(ids.len());
        for id in ids {
            let after = match self.views.get(&id) {
                Some(Ok(kept)) => Some(Document {
                    version: kept.version,
                    position: kept.position,
                    index: self.projection.index(&kept.state.view),
                    view: document(&kept.state.view)?,
                    memory: document(&kept.state.memory)?,
                }),
                Some(Err(_)) | None => None,
            };
            changes.push(Change { id, after });
        }
        Ok((changes, self.waiting, self.blocked))
    }
}

/// The view after an event, with its place in the log.
fn next<P: Projection>(
    projection: P,
    id: Uuid,
    before: Option<&Kept<P>>,
    event: &Recorded,
) -> Result<Option<Kept<P>>, FoldError> {
    let own = event.aggregate() == id && stream(&event.fact) == P::STREAM;
    let seen = before.map_or(0, |kept| kept.version);
    if own && before.is_some() && event.sequence != seen + 1 {
        return Err(FoldError::OutOfOrder { found: event.sequence, seen });
    }
    let state = projection.fold(id, before.map(|kept| kept.state.clone()), event)?;
    let version = if own { event.sequence } else { seen };
    Ok(state.map(|state| Kept { version, position: event.position, state }))
}

fn stream(fact: &Fact) -> &'static str {
    match fact {
        Fact::Order(..) => Order::TYPE,
        Fact::Payment(..) => Payment::TYPE,
        Fact::Kitchen(..) => Schedule::TYPE,
        Fact::Shipment(..) => Shipment::TYPE,
    }
}

#[cfg(test)]
mod tests;
