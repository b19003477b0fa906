//! What the process keeps in mind about the order, the kitchen and the couriers. Money is in `purse`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::values::{Contact, Fulfilment as Handover, Item, LocationId, Note, PaymentId, ShipmentId};

use super::Work;

/// How far the order is, by its own facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    Unplaced,
    Unpaid,
    Paid,
    InKitchen,
    Ready,
    Dispatched,
    Delivered,
    Collected,
    Cancelling,
    Cancelled,
    Discarded,
}

impl Stage {
    /// The customer has it: nothing of it is ever undone by the process.
    pub(super) fn is_fulfilled(self) -> bool {
        matches!(self, Self::Delivered | Self::Collected)
    }

    /// It will not come: whatever was done for it is undone.
    pub(super) fn is_off(self) -> bool {
        matches!(self, Self::Cancelling | Self::Cancelled | Self::Discarded)
    }
}

/// What was ordered, for whom, from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Brief {
    pub(super) items: Vec<Item>,
    pub(super) contact: Contact,
    pub(super) handover: Handover,
    pub(super) location: LocationId,
    pub(super) note: Option<Note>,
    pub(super) requested_for: Option<DateTime<Utc>>,
    /// Until when it must be paid.
    pub(super) payment_due: DateTime<Utc>,
}

/// What was told once and need not be told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Told {
    /// The order: this payment holds the money.
    Confirmed(PaymentId),
    /// The order: this payment failed.
    Failed(PaymentId),
    /// The order: you are cancelled.
    Cancel,
    EnterKitchen,
    MarkReady,
    /// The kitchen: a courier has it.
    HandedOver,
    Dispatch,
    Deliver,
    Collect,
    ConfirmCancellation,
}

/// What the kitchen does with the one schedule of the order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Kitchen {
    pub(super) cook: Cook,
    /// Not to be asked before this time: the order is wanted later.
    pub(super) not_before: Option<DateTime<Utc>>,
    pub(super) accept_due: Option<DateTime<Utc>>,
    pub(super) ready_by: Option<DateTime<Utc>>,
    /// Why the kitchen said no, or stopped.
    pub(super) why_not: Option<Note>,
    /// It was told to stop.
    pub(super) stop: bool,
    /// It would not stop: it has moved on.
    pub(super) kept: bool,
}

/// How far the kitchen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cook {
    #[default]
    NotAsked,
    /// The command is on its way.
    Asked,
    Pending,
    Accepted,
    Started,
    Finished,
    Collected,
    Rejected,
    Cancelled,
    Discarded,
    /// The schedule could not be made.
    Refused,
}

impl Cook {
    /// The kitchen has said yes, and has not stopped since.
    pub(super) fn is_willing(self) -> bool {
        matches!(self, Self::Accepted | Self::Started | Self::Finished | Self::Collected)
    }

    /// The kitchen will not cook it.
    pub(super) fn is_off(self) -> bool {
        matches!(self, Self::Rejected | Self::Cancelled | Self::Discarded | Self::Refused)
    }

    /// The kitchen still has work that can be stopped.
    pub(super) fn is_stoppable(self) -> bool {
        matches!(self, Self::Asked | Self::Pending | Self::Accepted | Self::Started)
    }
}

/// One shipment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ride {
    pub(super) id: ShipmentId,
    pub(super) at: At,
    /// Until when it must be picked up.
    pub(super) due: DateTime<Utc>,
    /// That time has passed.
    pub(super) overdue: bool,
    /// It was told to end.
    pub(super) recall: bool,
    /// It would not end: it has moved on.
    pub(super) kept: bool,
    /// Why it could not be delivered.
    pub(super) why_not: Option<Note>,
}

/// Where a shipment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum At {
    /// The command is on its way.
    Asked,
    /// No courier has taken it.
    Open,
    Assigned,
    PickedUp,
    Delivered,
    Failed,
    Returned,
    Cancelled,
    /// It could not be requested.
    Refused,
}

impl At {
    /// No courier has it in hand yet.
    pub(super) fn is_recallable(self) -> bool {
        matches!(self, Self::Asked | Self::Open | Self::Assigned)
    }

    /// It ended before a courier had it in hand.
    pub(super) fn is_off(self) -> bool {
        matches!(self, Self::Cancelled | Self::Refused)
    }
}

impl Ride {
    pub(super) fn new(id: ShipmentId, at: At, due: DateTime<Utc>) -> Self {
        Self { id, at, due, overdue: false, recall: false, kept: false, why_not: None }
    }
}

/// Work that did not come to its end: a person must look, until what is known shows that it is settled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Trouble {
    pub(super) work: Work,
    pub(super) why: String,
}
