//! Every rule of a kitchen schedule, on one page.

use chrono::{DateTime, TimeDelta, Utc};

use crate::values::Item;

use super::{Schedule, ScheduleCommand, ScheduleError, ScheduleEvent, Ticket};

type Command = ScheduleCommand;
type Error = ScheduleError;
type Event = ScheduleEvent;

/// How many items a schedule holds: as many as a kitchen's board can show.
pub const MOST_ITEMS: usize = 1_000;

/// How many characters a product may have: one line of the board.
pub const LONGEST_PRODUCT: usize = 200;

/// How many minutes the kitchen takes when it does not say.
pub const USUAL_MINUTES: i64 = 15;

impl Schedule {
    /// What happens when that is asked at that moment.
    ///
    /// # Errors
    /// [`ScheduleError`], naming the rule that forbids it.
    #[expect(clippy::match_same_arms, reason = "one block per command reads better than one arm per outcome")]
    pub fn decide(&self, command: &Command, now: DateTime<Utc>) -> Result<Vec<Event>, Error> {
        let stage = self.stage();
        match (self, command) {
            (Self::Unscheduled, Command::Schedule { items, order, location, due, note }) => {
                check(items, order.is_none())?;
                Ok(vec![Event::Scheduled {
                    items: items.clone(),
                    order: *order,
                    location: location.clone(),
                    due: *due,
                    note: note.clone(),
                    at: now,
                }])
            }
            (Self::Unscheduled, _) => Err(Error::NotFound),
            (Self::Discarded, Command::Discard) => Ok(vec![]),
            (Self::Discarded, _) => Err(Error::Discarded),

            (_, Command::Schedule { .. }) if self.ticket().is_some_and(|ticket| ticket.asked_by(command)) => {
                Ok(vec![])
            }
            (_, Command::Schedule { .. }) => Err(Error::AlreadyScheduled { stage }),

            (_, Command::Revise { items }) if self.items() == items => Ok(vec![]),
            (Self::Pending(ticket), Command::Revise { items }) => {
                check(items, ticket.order.is_none())?;
                Ok(vec![Event::Revised { items: items.clone() }])
            }
            (_, Command::Revise { .. }) => Err(Error::NotRevisable { stage }),

            (Self::Pending(ticket), Command::Accept { ready_by }) => {
                Ok(vec![ticket.accepted(*ready_by, now)])
            }
            (Self::Rejected { .. } | Self::Cancelled { .. }, Command::Accept { .. }) => {
                Err(Error::NotAcceptable { stage })
            }
            // Accepted, and perhaps more: the first promise stands.
            (_, Command::Accept { .. }) => Ok(vec![]),

            (Self::Pending(_), Command::Reject { reason }) => {
                Ok(vec![Event::Rejected { reason: reason.clone() }])
            }
            (Self::Rejected { .. }, Command::Reject { .. }) => Ok(vec![]),
            (_, Command::Reject { .. }) => Err(Error::NotRejectable { stage }),

            // A kitchen that just starts has taken it on, too.
            (Self::Pending(ticket), Command::Start) => Ok(vec![ticket.accepted(None, now), Event::Started]),
            (Self::Accepted(_), Command::Start) => Ok(vec![Event::Started]),
            (Self::Rejected { .. } | Self::Cancelled { .. }, Command::Start) => {
                Err(Error::NotStartable { stage })
            }
            (_, Command::Start) => Ok(vec![]),

            (Self::InProgress(_), Command::Finish) => Ok(vec![Event::Finished]),
            (Self::Finished(_) | Self::Collected(_), Command::Finish) => Ok(vec![]),
            (_, Command::Finish) => Err(Error::NotFinishable { stage }),

            (Self::Finished(_), Command::Collect) => Ok(vec![Event::Collected]),
            (Self::Collected(_), Command::Collect) => Ok(vec![]),
            (_, Command::Collect) => Err(Error::NotCollectable { stage }),

            (Self::Finished(_) | Self::Collected(_), Command::Cancel { .. }) => {
                Err(Error::NotCancellable { stage })
            }
            (Self::Rejected { .. } | Self::Cancelled { .. }, Command::Cancel { .. }) => Ok(vec![]),
            (_, Command::Cancel { reason }) => Ok(vec![Event::Cancelled { reason: reason.clone() }]),

            (_, Command::Discard) if self.is_discardable() => Ok(vec![Event::Discarded]),
            (_, Command::Discard) => Err(Error::NotDiscardable { stage }),
        }
    }

    /// What an order still needs must not go; a walk-in belongs to the kitchen, which only must not burn it.
    fn is_discardable(&self) -> bool {
        match self {
            Self::Collected(_) | Self::Rejected { .. } | Self::Cancelled { .. } => true,
            Self::Pending(_) | Self::Accepted(_) | Self::Finished(_) => self.order().is_none(),
            Self::InProgress(_) | Self::Unscheduled | Self::Discarded => false,
        }
    }
}

impl Ticket {
    /// Whether that command put this on the board, whatever was revised since.
    fn asked_by(&self, command: &Command) -> bool {
        matches!(command, Command::Schedule { items, order, location, due, note }
            if (items, order, location, due, note)
                == (self.first.as_ref().unwrap_or(&self.items), &self.order, &self.location, &self.due, &self.note))
    }

    /// Without a promise of the kitchen: the usual time from now, or when it should be ready, if that is later.
    fn accepted(&self, ready_by: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Event {
        let usual = now.checked_add_signed(TimeDelta::minutes(USUAL_MINUTES)).unwrap_or(now);
        Event::Accepted { ready_by: ready_by.unwrap_or_else(|| self.due.map_or(usual, |due| due.max(usual))) }
    }
}

fn check(items: &[Item], walk_in: bool) -> Result<(), Error> {
    if items.is_empty() && !walk_in {
        return Err(Error::NoItems);
    }
    if items.len() > MOST_ITEMS {
        return Err(Error::TooManyItems { count: items.len() });
    }
    for (index, item) in items.iter().enumerate() {
        let length = item.product.chars().count();
        if item.product.trim().is_empty() {
            return Err(Error::ProductEmpty { index });
        }
        if length > LONGEST_PRODUCT {
            return Err(Error::ProductTooLong { index, length });
        }
        if item.product.chars().any(char::is_control) {
            return Err(Error::ProductUnprintable { index });
        }
        if item.quantity == 0 {
            return Err(Error::QuantityTooSmall { index, quantity: item.quantity });
        }
    }
    Ok(())
}
