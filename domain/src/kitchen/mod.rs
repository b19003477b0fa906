//! The kitchen's schedule: one piece of work on the board, for an order or for a walk-in.
//!
//! **Invariant:** what is cooked is never called off, and what is called off is never cooked.

mod command;
mod decide;
mod error;
mod event;
mod stage;
#[cfg(test)]
mod tests;

use std::mem;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use crate::Now;
use crate::values::{Item, LocationId, Note, OrderId};

pub use command::ScheduleCommand;
pub use decide::{LONGEST_PRODUCT, MOST_ITEMS, USUAL_MINUTES};
pub use error::ScheduleError;
pub use event::ScheduleEvent;
pub use stage::{ScheduleStage, ScheduleStatus};

/// A kitchen schedule; each stage holds what it has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Not on the board.
    #[default]
    Unscheduled,
    /// On the board, nobody has taken it on.
    Pending(Ticket),
    /// Taken on.
    Accepted(Promise),
    /// On the stove.
    InProgress(Promise),
    /// Cooked.
    Finished(Promise),
    /// Handed over.
    Collected(Promise),
    /// Not taken on.
    Rejected {
        /// The work.
        ticket: Ticket,
        /// Why not.
        reason: Note,
    },
    /// Stopped.
    Cancelled {
        /// The work.
        ticket: Ticket,
        /// Why.
        reason: Note,
    },
    /// Off the board for good.
    Discarded,
}

/// The work as it hangs on the board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// What to cook.
    pub items: Vec<Item>,
    /// What was to be cooked at first, when that was revised.
    pub first: Option<Vec<Item>>,
    /// For this order; none for a walk-in.
    pub order: Option<OrderId>,
    /// In this shop.
    pub location: LocationId,
    /// When it should be ready.
    pub due: Option<DateTime<Utc>>,
    /// A remark.
    pub note: Option<Note>,
    /// When it was put there.
    pub at: DateTime<Utc>,
}

/// Work that the kitchen has taken on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The work.
    pub ticket: Ticket,
    /// When it will be ready.
    pub ready_by: DateTime<Utc>,
}

impl Schedule {
    /// Whether it was ever put on the board; also once it is discarded.
    #[must_use]
    pub fn exists(&self) -> bool {
        *self != Self::Unscheduled
    }

    /// Whether it was taken off the board for good.
    #[must_use]
    pub fn is_discarded(&self) -> bool {
        *self == Self::Discarded
    }

    /// How far it is, as the kitchen sees it.
    #[must_use]
    pub fn stage(&self) -> ScheduleStage {
        match self {
            Self::Unscheduled => ScheduleStage::Unscheduled,
            Self::Pending(_) => ScheduleStage::Pending,
            Self::Accepted(_) => ScheduleStage::Accepted,
            Self::InProgress(_) => ScheduleStage::InProgress,
            Self::Finished(_) => ScheduleStage::Finished,
            Self::Collected(_) => ScheduleStage::Collected,
            Self::Rejected { .. } => ScheduleStage::Rejected,
            Self::Cancelled { .. } => ScheduleStage::Cancelled,
            Self::Discarded => ScheduleStage::Discarded,
        }
    }

    /// How far it is, as the outside sees it; nothing when there is nothing to see.
    #[must_use]
    pub fn status(&self) -> Option<ScheduleStatus> {
        self.stage().status()
    }

    /// The work, unless it is not on the board.
    #[must_use]
    pub fn ticket(&self) -> Option<&Ticket> {
        match self {
            Self::Unscheduled | Self::Discarded => None,
            Self::Pending(ticket) | Self::Rejected { ticket, .. } | Self::Cancelled { ticket, .. } => {
                Some(ticket)
            }
            Self::Accepted(promise)
            | Self::InProgress(promise)
            | Self::Finished(promise)
            | Self::Collected(promise) => Some(&promise.ticket),
        }
    }

    /// What to cook.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        self.ticket().map_or(&[], |ticket| &ticket.items)
    }

    /// The order that it is for; none for a walk-in.
    #[must_use]
    pub fn order(&self) -> Option<OrderId> {
        self.ticket().and_then(|ticket| ticket.order)
    }

    /// The shop that cooks.
    #[must_use]
    pub fn location(&self) -> Option<&LocationId> {
        self.ticket().map(|ticket| &ticket.location)
    }

    /// When it should be ready.
    #[must_use]
    pub fn due(&self) -> Option<DateTime<Utc>> {
        self.ticket().and_then(|ticket| ticket.due)
    }

    /// A remark.
    #[must_use]
    pub fn note(&self) -> Option<&Note> {
        self.ticket().and_then(|ticket| ticket.note.as_ref())
    }

    /// When it was put on the board.
    #[must_use]
    pub fn scheduled_at(&self) -> Option<DateTime<Utc>> {
        self.ticket().map(|ticket| ticket.at)
    }

    /// When it will be ready, from acceptance to hand-over.
    #[must_use]
    pub fn ready_by(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Accepted(promise)
            | Self::InProgress(promise)
            | Self::Finished(promise)
            | Self::Collected(promise) => Some(promise.ready_by),
            _ => None,
        }
    }

    /// Why it was rejected or cancelled.
    #[must_use]
    pub fn reason(&self) -> Option<&Note> {
        match self {
            Self::Rejected { reason, .. } | Self::Cancelled { reason, .. } => Some(reason),
            _ => None,
        }
    }
}

impl Aggregate for Schedule {
    const TYPE: &'static str = "kitchen";
    type Command = ScheduleCommand;
    type Event = ScheduleEvent;
    type Error = ScheduleError;
    type Services = Now;

    async fn handle(
        &mut self,
        command: Self::Command,
        services: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in self.decide(&command, services.0)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        use ScheduleEvent as Event;
        *self = match (mem::take(self), event) {
            (Self::Unscheduled, Event::Scheduled { items, order, location, due, note, at }) => {
                Self::Pending(Ticket { items, first: None, order, location, due, note, at })
            }
            (Self::Pending(mut ticket), Event::Revised { items }) => {
                let before = mem::replace(&mut ticket.items, items);
                ticket.first.get_or_insert(before);
                Self::Pending(ticket)
            }
            (Self::Pending(ticket), Event::Accepted { ready_by }) => {
                Self::Accepted(Promise { ticket, ready_by })
            }
            (Self::Pending(ticket), Event::Rejected { reason }) => Self::Rejected { ticket, reason },
            (Self::Accepted(promise), Event::Started) => Self::InProgress(promise),
            (Self::InProgress(promise), Event::Finished) => Self::Finished(promise),
            (Self::Finished(promise), Event::Collected) => Self::Collected(promise),
            (Self::Pending(ticket), Event::Cancelled { reason }) => Self::Cancelled { ticket, reason },
            (Self::Accepted(promise) | Self::InProgress(promise), Event::Cancelled { reason }) => {
                Self::Cancelled { ticket: promise.ticket, reason }
            }
            (stage, Event::Discarded) if stage.exists() => Self::Discarded,
            (unchanged, _) => unchanged,
        };
    }
}
