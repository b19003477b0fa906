//! What one may ask of a kitchen schedule.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::values::{Item, LocationId, Note, OrderId};

/// What one may ask of a kitchen schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleCommand {
    /// Put work on the board: for an order, or for a walk-in.
    Schedule {
        /// What to cook; a walk-in may be empty.
        items: Vec<Item>,
        /// For this order; none for a walk-in.
        order: Option<OrderId>,
        /// In this shop.
        location: LocationId,
        /// When it should be ready; as soon as possible if absent.
        due: Option<DateTime<Utc>>,
        /// A remark.
        note: Option<Note>,
    },
    /// Replace what is to be cooked, while pending.
    Revise {
        /// The new items.
        items: Vec<Item>,
    },
    /// The kitchen takes it on.
    Accept {
        /// When it will be ready; a default of 15 minutes from now when absent.
        ready_by: Option<DateTime<Utc>>,
    },
    /// The kitchen will not cook it.
    Reject {
        /// Why.
        reason: Note,
    },
    /// Cooking begins.
    Start,
    /// Cooking is done.
    Finish,
    /// Handed to the courier or the customer.
    Collect,
    /// Stop: asking twice is no error.
    Cancel {
        /// Why.
        reason: Note,
    },
    /// Take it off the board for good: reads answer 404.
    Discard,
}
