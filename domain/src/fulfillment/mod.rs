//! The fulfilment process: carries an order from its placing to the customer's hands, or undoes what was done.
//!
//! It hears facts, timers, refusals and answers, keeps what it learnt in [`Fulfilment`], and says what to do next.
//! What is to be done follows from what is known and from what was asked already, never from the input alone: that
//! is why a repeated input changes nothing and why facts may come in a surprising order.
//!
//! Every turn reads downwards: `facts`, `timers`, `answers` and `refusals` take the input in; `forward` and `money`
//! say what comes next; `undo` says it once the order is cancelled; `tell` explains all of it to people.
//!
//! **Invariant:** money is asked about before it is asked for again, and nothing waits without a timer, an open
//! piece of work or a party that [`Fulfilment::waiting_for`] names.

mod answers;
mod contract;
mod facts;
mod forward;
mod money;
mod purse;
mod refusals;
mod state;
mod tell;
#[cfg(test)]
mod tests;
mod timers;
mod undo;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::command::Command;
use crate::fact::{Fact, Recorded};
use crate::order::{CancelReason, OrderEvent, Party};
use crate::values::{OrderId, PaymentId, RefundId, ScheduleId, ShipmentId};

pub use contract::{Action, Effect, Input, Outcome, Policy, Status, Timer, Work};
pub use tell::{Step, Undo};

use purse::Purse;
use state::{Brief, Kitchen, Ride, Stage, Told, Trouble};

/// What the process of one order knows, and what it has asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fulfilment {
    /// The order that it is about.
    order: OrderId,
    /// How far the order is, by its own facts.
    stage: Stage,
    /// What was ordered, for whom, from where.
    brief: Option<Brief>,
    /// Why the order is cancelled, and who asked.
    cancellation: Option<(CancelReason, Party)>,
    /// The payment that the order accepted.
    payer: Option<PaymentId>,
    /// Every payment of the order, in the order in which they were asked for.
    purses: Vec<Purse>,
    /// What the kitchen does.
    kitchen: Kitchen,
    /// Every shipment of the order; the last is the present one.
    rides: Vec<Ride>,
    /// What the order and the kitchen were told once and need not be told again.
    told: BTreeSet<Told>,
    /// The timers that are set.
    timers: BTreeMap<Timer, DateTime<Utc>>,
    /// What a person must look at.
    troubles: Vec<Trouble>,
    /// The last fact seen of every stream, by its place in the stream: a repeated fact is no news.
    seen: BTreeMap<Uuid, i64>,
}

/// What an input leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct Reaction {
    /// What the process knows now.
    pub state: Fulfilment,
    /// What is to be done, in this order.
    pub actions: Vec<Action>,
    /// What was decided and why, as a sentence for the journal.
    pub remark: Option<String>,
}

impl Fulfilment {
    /// Whether that fact begins a process: an order was placed.
    #[must_use]
    pub fn starts_with(recorded: &Recorded) -> bool {
        matches!(recorded.fact, Fact::Order(_, OrderEvent::Placed { .. }))
    }

    /// A process that has heard nothing yet.
    #[must_use]
    pub fn new(order: OrderId) -> Self {
        Self {
            order,
            stage: Stage::Unplaced,
            brief: None,
            cancellation: None,
            payer: None,
            purses: Vec::new(),
            kitchen: Kitchen::default(),
            rides: Vec::new(),
            told: BTreeSet::new(),
            timers: BTreeMap::new(),
            troubles: Vec::new(),
            seen: BTreeMap::new(),
        }
    }

    /// What follows from that input at that moment. An input that does not matter gives the same state and nothing
    /// to do.
    #[must_use]
    pub fn react(&self, input: &Input, now: DateTime<Utc>, policy: &Policy) -> Reaction {
        let mut turn = Turn { state: self.clone(), actions: Vec::new(), remarks: Vec::new(), now, policy };
        turn.take_in(input);
        if turn.state != *self {
            turn.go_on();
        }
        let remark = (!turn.remarks.is_empty()).then(|| turn.remarks.join("; "));
        Reaction { state: turn.state, actions: turn.actions, remark }
    }

    /// The order that it is about.
    #[must_use]
    pub fn order(&self) -> OrderId {
        self.order
    }

    /// The one schedule of an order.
    #[must_use]
    pub fn schedule_of(order: OrderId) -> ScheduleId {
        ScheduleId(named(order.0, "schedule"))
    }

    /// The n-th shipment of an order, from 1.
    #[must_use]
    pub fn shipment_of(order: OrderId, number: usize) -> ShipmentId {
        ShipmentId(named(order.0, &format!("shipment-{number}")))
    }

    /// The refund with which a cancellation gives a payment back.
    #[must_use]
    pub fn refund_of(payment: PaymentId) -> RefundId {
        RefundId(named(payment.0, "refund"))
    }
}

/// The same name always gives the same identifier: work that is done twice hits the same thing twice.
fn named(whole: Uuid, part: &str) -> Uuid {
    Uuid::new_v5(&whole, part.as_bytes())
}

/// That time after that wait; a wait beyond the end of time lasts until then.
fn later(time: DateTime<Utc>, wait: TimeDelta) -> DateTime<Utc> {
    time.checked_add_signed(wait).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// One reaction in the making.
struct Turn<'a> {
    state: Fulfilment,
    actions: Vec<Action>,
    remarks: Vec<String>,
    now: DateTime<Utc>,
    policy: &'a Policy,
}

impl Turn<'_> {
    fn take_in(&mut self, input: &Input) {
        match input {
            Input::Fact(recorded) => self.hear(recorded),
            Input::Timer(timer) => self.wake(*timer),
            Input::Refused { command, code, message } => self.refused(command, code, message),
            Input::Answered { effect, outcome } => self.answered(effect, outcome),
            Input::GaveUp { work, error } => self.gave_up(work, error),
        }
    }

    /// What comes next, given what is known.
    fn go_on(&mut self) {
        self.forward();
        self.undo();
        self.ask_about_money();
        self.set_timers();
        self.forget_settled_troubles();
    }

    fn dispatch(&mut self, command: Command) {
        self.actions.push(Action::Do(Work::Dispatch(command)));
    }

    fn call(&mut self, effect: Effect) {
        self.actions.push(Action::Do(Work::Call(effect)));
    }

    fn remark(&mut self, sentence: impl Into<String>) {
        self.remarks.push(sentence.into());
    }
}
