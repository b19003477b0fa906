//! From what the log holds to what a fold reads.

use cqrs_es::Aggregate as _;
use spindle_domain::fact::{Circumstances, Raw, Recorded, Unreadable};
use spindle_domain::kitchen::Schedule;
use spindle_domain::order::Order;
use spindle_domain::payment::Payment;
use spindle_domain::shipment::Shipment;
use spindle_eventlog::StoredEvent;
use uuid::Uuid;

use crate::projection::Projection;

/// The types of aggregates that this version knows.
const KNOWN: [&str; 4] = [Order::TYPE, Payment::TYPE, Schedule::TYPE, Shipment::TYPE];
/// How many characters of a reason are kept: enough to recognise it, whatever a payload contains.
const REASON: usize = 500;

/// What an event is to a projection.
#[derive(Debug)]
pub(crate) enum Reading {
    /// Nothing.
    PassedOver,
    /// A change of one view.
    Change {
        /// The view.
        id: Uuid,
        /// What happened.
        recorded: Box<Recorded>,
    },
    /// It cannot be said.
    Unreadable {
        /// Every view that it may be about.
        keys: Vec<String>,
        /// Why not.
        why: String,
    },
}

/// Reads an event for a projection. One that the projection does not read is not looked at; one of an unknown
/// aggregate might concern anything, so it is not passed over.
pub(crate) fn read<P: Projection>(projection: P, event: &StoredEvent) -> Reading {
    let kind = event.aggregate_type.as_str();
    if KNOWN.contains(&kind) && !P::READS.contains(&kind) {
        return Reading::PassedOver;
    }
    match recorded(event) {
        Ok(recorded) => match projection.touches(&recorded) {
            Some(id) => Reading::Change { id, recorded: Box::new(recorded) },
            None => Reading::PassedOver,
        },
        Err(why) => Reading::Unreadable { keys: keys(event), why: reason(&why.to_string()) },
    }
}

/// The event with its circumstances.
pub(crate) fn recorded(event: &StoredEvent) -> Result<Recorded, Unreadable> {
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

/// What an event that cannot be read may be about: its aggregate, and what that was done for.
fn keys(event: &StoredEvent) -> Vec<String> {
    let aggregate = match Uuid::parse_str(&event.aggregate_id) {
        Ok(id) => id.to_string(),
        Err(_) => event.aggregate_id.clone(),
    };
    let correlation = Circumstances::read(&event.metadata()).correlation.map(|id| id.to_string());
    let correlation = correlation.filter(|key| *key != aggregate);
    [Some(aggregate), correlation].into_iter().flatten().collect()
}

/// A reason that can be stored and read.
pub(crate) fn reason(why: &str) -> String {
    why.chars().take(REASON).map(|letter| if letter == '\0' { '\u{fffd}' } else { letter }).collect()
}
