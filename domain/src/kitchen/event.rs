//! What has happened to a kitchen schedule.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::fact::wire_names;
use crate::values::{Item, LocationId, Note, OrderId};

/// What has happened to a kitchen schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleEvent {
    /// On the board.
    Scheduled {
        /// What to cook.
        items: Vec<Item>,
        /// For this order.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<OrderId>,
        /// In this shop.
        location: LocationId,
        /// When it should be ready.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<DateTime<Utc>>,
        /// A remark.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<Note>,
        /// When it was put there.
        at: DateTime<Utc>,
    },
    /// Other items.
    Revised {
        /// The new items.
        items: Vec<Item>,
    },
    /// The kitchen takes it on.
    Accepted {
        /// When it will be ready.
        ready_by: DateTime<Utc>,
    },
    /// The kitchen will not cook it.
    Rejected {
        /// Why.
        reason: Note,
    },
    /// Cooking has begun.
    Started,
    /// Cooking is done.
    Finished,
    /// Handed over.
    Collected,
    /// Stopped.
    Cancelled {
        /// Why.
        reason: Note,
    },
    /// Off the board for good.
    Discarded,
}

wire_names! { ScheduleEvent: "1.0",
    Scheduled { .. } => "kitchen.scheduled",
    Revised { .. } => "kitchen.revised",
    Accepted { .. } => "kitchen.accepted",
    Rejected { .. } => "kitchen.rejected",
    Started => "kitchen.started",
    Finished => "kitchen.finished",
    Collected => "kitchen.collected",
    Cancelled { .. } => "kitchen.cancelled",
    Discarded => "kitchen.discarded",
}
