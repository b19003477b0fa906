//! Explains the process to people and to lists: where it stands, what it waits for, what it is undoing.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::order::{CancelReason, Party};
use crate::values::{Fulfilment as Handover, PaymentId, ScheduleId, ShipmentId};

use super::purse::{Asking, Held, News, Pending, Purse};
use super::refusals::name;
use super::state::{At, Cook, Ride, Stage, Told};
use super::{Fulfilment, Status, Timer};

/// The step that a process is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The money is to be held.
    Pay,
    /// The order is wanted later: the kitchen is asked in time.
    Schedule,
    /// The kitchen is to say yes.
    Accept,
    /// The money is to be taken.
    Capture,
    /// The kitchen cooks.
    Cook,
    /// A courier is to pick it up.
    Dispatch,
    /// The courier is to bring it.
    Deliver,
    /// The customer is to fetch it.
    Collect,
    /// The order is to be cancelled.
    Cancel,
    /// Undoing: the courier is told not to come.
    RecallCourier,
    /// Undoing: the kitchen is told to stop.
    StopKitchen,
    /// Undoing: money is let go or given back.
    ReturnMoney,
    /// Undoing is over: the order is told so.
    CloseOrder,
    /// Nothing more to do.
    Done,
}

impl Step {
    /// Its name, as it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::Schedule => "schedule",
            Self::Accept => "accept",
            Self::Capture => "capture",
            Self::Cook => "cook",
            Self::Dispatch => "dispatch",
            Self::Deliver => "deliver",
            Self::Collect => "collect",
            Self::Cancel => "cancel",
            Self::RecallCourier => "recall_courier",
            Self::StopKitchen => "stop_kitchen",
            Self::ReturnMoney => "return_money",
            Self::CloseOrder => "close_order",
            Self::Done => "done",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing to undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// Cancel a shipment that nobody has picked up.
    RecallCourier(ShipmentId),
    /// Cancel a schedule that is not finished.
    StopKitchen(ScheduleId),
    /// Void or refund a payment.
    ReturnMoney(PaymentId),
    /// Tell the order that everything is undone.
    CloseOrder,
}

impl Fulfilment {
    /// Where it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        if self.attention().is_some() {
            return Status::Attention;
        }
        let busy = !self.compensation().is_empty() || self.purses.iter().any(|purse| purse.due().is_some());
        match self.stage {
            Stage::Delivered | Stage::Collected if !busy => Status::Completed,
            Stage::Cancelled | Stage::Discarded if !busy => Status::Compensated,
            stage if stage.is_off() || stage.is_fulfilled() => Status::Compensating,
            _ if self.told.contains(&Told::Cancel) => Status::Compensating,
            _ => Status::Running,
        }
    }

    /// Whether nothing more is to be done, as far as is known.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.status(), Status::Completed | Status::Compensated)
    }

    /// What a person must look at, as a sentence.
    #[must_use]
    pub fn attention(&self) -> Option<String> {
        let trouble = self
            .troubles
            .first()
            .map(|trouble| format!("{} did not succeed: {}", name(&trouble.work), trouble.why));
        trouble.or_else(|| self.purses.iter().find_map(stuck_money))
    }

    /// The step that it is at.
    #[must_use]
    pub fn step(&self) -> Step {
        if let Some(undo) = self.compensation().first().filter(|_| !self.is_alive()) {
            return match undo {
                Undo::RecallCourier(_) => Step::RecallCourier,
                Undo::StopKitchen(_) => Step::StopKitchen,
                Undo::ReturnMoney(_) => Step::ReturnMoney,
                Undo::CloseOrder => Step::CloseOrder,
            };
        }
        match self.stage {
            Stage::Unplaced => Step::Pay,
            stage if (stage.is_fulfilled() || stage.is_off()) && self.returning().is_some() => {
                Step::ReturnMoney
            }
            stage if stage.is_fulfilled() || stage.is_off() => Step::Done,
            _ if !self.is_alive() => Step::Cancel,
            Stage::Unpaid => Step::Pay,
            Stage::Paid if self.kitchen.cook == Cook::NotAsked => Step::Schedule,
            Stage::Paid if self.kitchen.cook.is_willing() => Step::Capture,
            Stage::Paid => Step::Accept,
            Stage::InKitchen => Step::Cook,
            Stage::Ready if self.is_pickup() => Step::Collect,
            Stage::Ready => Step::Dispatch,
            _ => Step::Deliver,
        }
    }

    /// Why the order is cancelled, and who asked.
    #[must_use]
    pub fn cancellation(&self) -> Option<(CancelReason, Party)> {
        self.cancellation
    }

    /// The timers that are set, with the time at which they ring.
    pub fn timers(&self) -> impl Iterator<Item = (Timer, DateTime<Utc>)> {
        self.timers.iter().map(|(timer, due)| (*timer, *due))
    }

    /// What it waits for, as one sentence for a person at night.
    #[must_use]
    pub fn waiting_for(&self) -> String {
        if let Some(attention) = self.attention() {
            return format!("a person to look: {attention}");
        }
        match self.step() {
            Step::Pay => self.waiting_for_the_money(),
            Step::Schedule => {
                format!("the time to ask the kitchen{}", self.until(Timer::KitchenDue, "at"))
            }
            Step::Accept => format!(
                "the kitchen to accept schedule {}{}",
                self.schedule(),
                self.until(Timer::AcceptDue, "until")
            ),
            Step::Capture => match self.payer.and_then(|id| self.purse(id)) {
                Some(purse) if purse.pending != Pending::Nothing => self.open(purse),
                _ => "the order to enter the kitchen".to_owned(),
            },
            Step::Cook if matches!(self.kitchen.cook, Cook::Finished | Cook::Collected) => {
                "the order to become ready".to_owned()
            }
            Step::Cook => match self.kitchen.ready_by {
                Some(time) => {
                    format!("the kitchen to finish schedule {} (ready by {})", self.schedule(), clock(time))
                }
                None => format!("the kitchen to finish schedule {}", self.schedule()),
            },
            Step::Dispatch => self.waiting_for_a_courier(),
            Step::Deliver => match self.carrying() {
                Some(ride) if ride.at == At::Failed => {
                    format!("the courier to bring shipment {} back", ride.id)
                }
                Some(ride) if ride.at == At::PickedUp => {
                    format!("the courier to deliver shipment {}", ride.id)
                }
                _ => "the order to be delivered".to_owned(),
            },
            Step::Collect if self.kitchen.cook == Cook::Collected => "the order to be collected".to_owned(),
            Step::Collect => format!("the customer to collect schedule {}", self.schedule()),
            Step::Cancel => "the order to be cancelled".to_owned(),
            Step::RecallCourier => "the shipment to be cancelled".to_owned(),
            Step::StopKitchen => format!("the kitchen to stop schedule {}", self.schedule()),
            Step::ReturnMoney => match self.returning() {
                Some(purse) => self.open(purse),
                None => "the money to be given back".to_owned(),
            },
            Step::CloseOrder => "the order to confirm that it is cancelled".to_owned(),
            Step::Done => "nothing".to_owned(),
        }
    }

    fn waiting_for_the_money(&self) -> String {
        let until = self.until(Timer::PaymentDue, "until");
        match self.purses.iter().rev().find(|purse| !purse.is_lost()) {
            Some(purse) if purse.held == Held::ActionRequired && purse.pending == Pending::Nothing => {
                format!("the customer to confirm payment {}{until}", purse.id)
            }
            Some(purse) if !self.is_unwanted(purse) && !purse.is_good() => {
                format!("{}{until}", self.open(purse))
            }
            Some(purse) if !self.is_unwanted(purse) => "the order to be paid".to_owned(),
            _ => format!("the customer to pay{until}"),
        }
    }

    fn waiting_for_a_courier(&self) -> String {
        let until = self.until(Timer::CourierDue, "until");
        match self.rides.last() {
            _ if self.carrying().is_some() => "the order to be dispatched".to_owned(),
            Some(Ride { id, at: At::Assigned, recall: false, .. }) => {
                format!("the courier to pick shipment {id} up{until}")
            }
            Some(Ride { id, recall: true, kept: false, .. }) => {
                format!("shipment {id} to be cancelled, to look for another courier")
            }
            Some(Ride { id, recall: true, .. }) => format!("news of shipment {id}, which a courier has"),
            Some(Ride { id, .. }) => format!("a courier to take shipment {id}{until}"),
            None => "a courier to be asked for".to_owned(),
        }
    }

    /// What is open about a payment.
    fn open(&self, purse: &Purse) -> String {
        let id = purse.id;
        match &purse.pending {
            Pending::Called(asking) => {
                format!("the provider to answer the {} of payment {id}", asking.operation())
            }
            Pending::LookingUp(asking) => {
                format!("the provider to say what became of the {} of payment {id}", asking.operation())
            }
            Pending::InDoubt(asking, _) => format!(
                "the time to ask the provider what became of the {} of payment {id}{}",
                asking.operation(),
                self.until(Timer::Reconcile, "at")
            ),
            Pending::Telling(News::RefundAsked(_)) => format!("payment {id} to note the refund"),
            Pending::Telling(_) => format!("payment {id} to note the provider's answer"),
            Pending::Stuck(why) => format!("the provider to let go of payment {id}: {why}"),
            Pending::Nothing if purse.held == Held::Asked => format!("payment {id} to be opened"),
            Pending::Nothing => format!("news of payment {id}"),
        }
    }

    /// The payment that is given back now.
    fn returning(&self) -> Option<&Purse> {
        let undone = self.compensation().into_iter().find_map(|undo| match undo {
            Undo::ReturnMoney(id) => self.purse(id),
            _ => None,
        });
        undone.or_else(|| self.purses.iter().find(|purse| purse.due().is_some()))
    }

    fn until(&self, timer: Timer, word: &str) -> String {
        self.timers.get(&timer).map_or_else(String::new, |due| format!(" ({word} {})", clock(*due)))
    }

    fn is_pickup(&self) -> bool {
        self.brief.as_ref().is_some_and(|brief| brief.handover == Handover::Pickup)
    }
}

/// Money that should have gone back and has not, through nobody's work that is still under way.
fn stuck_money(purse: &Purse) -> Option<String> {
    if let Pending::Stuck(why) = &purse.pending {
        return Some(format!(
            "the provider will not let go of the {} of payment {}: {why}",
            purse.amount, purse.id
        ));
    }
    let (back, error) = purse.failed_return().filter(|_| purse.due().is_none())?;
    if matches!(purse.pending, Pending::Telling(_) | Pending::Called(Asking::Refund(_))) {
        return None;
    }
    Some(format!("refund {} of {} of payment {} failed: {error}", back.id, back.amount, purse.id))
}

/// A time of day; the date too would be noise on a night shift.
fn clock(time: DateTime<Utc>) -> String {
    time.format("%H:%M:%SZ").to_string()
}
