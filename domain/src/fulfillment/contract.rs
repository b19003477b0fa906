//! What goes into a process and what comes out of it: the language between the pure machine and its runner.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::fact::Recorded;
use crate::payment::Operation;
use crate::values::{Money, OrderId, PaymentId, PaymentMethod, RefundId};

/// What a process reacts to.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Something was recorded in the log.
    Fact(Box<Recorded>),
    /// A timer ran out.
    Timer(Timer),
    /// The domain said no to a command of this process. Not a failure: an answer.
    Refused {
        /// The command.
        command: Command,
        /// The refusal's stable code.
        code: String,
        /// The refusal in words.
        message: String,
    },
    /// The world outside answered.
    Answered {
        /// What was asked.
        effect: Effect,
        /// What it said.
        outcome: Outcome,
    },
    /// Work failed for the last time and was dead-lettered.
    GaveUp {
        /// What was tried.
        work: Work,
        /// The last error.
        error: String,
    },
}

/// What a process wants done. Carried out in this order, each exactly once in effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "a handful at a time, stored at once: a box would burden every reader"
)]
pub enum Action {
    /// Carry out durable work.
    Do(Work),
    /// Wake me at that time; a timer that is already set is moved.
    SetTimer(Timer, DateTime<Utc>),
    /// No longer wake me.
    CancelTimer(Timer),
}

/// Durable work: stored before it is tried, tried until it is done or given up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, stored at once: a box would burden every reader"
)]
pub enum Work {
    /// Send a command to an aggregate.
    Dispatch(Command),
    /// Ask the world outside.
    Call(Effect),
}

/// What is asked of the world outside. The idempotency key is the payment (and refund) with the operation, so
/// asking again never charges again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Hold the money.
    Authorize {
        /// Which payment.
        payment: PaymentId,
        /// For which order.
        order: OrderId,
        /// How much.
        amount: Money,
        /// With what.
        method: PaymentMethod,
    },
    /// Take what is held.
    Capture {
        /// Which payment.
        payment: PaymentId,
        /// The provider's name for it.
        reference: String,
        /// How much.
        amount: Money,
    },
    /// Let go of what is held.
    Void {
        /// Which payment.
        payment: PaymentId,
        /// The provider's name for it.
        reference: String,
    },
    /// Give back what was taken.
    Refund {
        /// Which payment.
        payment: PaymentId,
        /// Which refund of it.
        refund: RefundId,
        /// The provider's name for the payment.
        reference: String,
        /// How much.
        amount: Money,
    },
    /// What became of a payment whose answer was lost?
    LookUp {
        /// Which payment.
        payment: PaymentId,
    },
}

/// What the world outside said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The money is held.
    Authorized {
        /// The provider's name for the payment.
        reference: String,
        /// How much.
        amount: Money,
    },
    /// The money is taken.
    Captured {
        /// The provider's name for the payment.
        reference: String,
        /// How much.
        amount: Money,
    },
    /// The customer must act first.
    ActionRequired {
        /// The provider's name for the payment.
        reference: String,
        /// Where.
        url: Option<String>,
    },
    /// No, for good.
    Declined {
        /// The provider's code.
        code: String,
        /// In words.
        message: String,
    },
    /// What was held is let go.
    Voided,
    /// What was taken is given back.
    Refunded,
    /// The provider knows nothing of this payment.
    NotFound,
    /// No answer: it may or may not have happened.
    Unknown {
        /// What was asked.
        operation: Operation,
        /// The error seen.
        error: String,
    },
}

/// The alarms of the fulfilment process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// Nobody has paid: cancel.
    PaymentDue,
    /// A provider's answer is missing: ask it.
    Reconcile,
    /// A wanted time is near: send the order to the kitchen.
    KitchenDue,
    /// The kitchen has not accepted: cancel.
    AcceptDue,
    /// No courier has picked the order up: look for another, then give up.
    CourierDue,
}

/// How long the process waits for whom, and how often it tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// From placing to paying. Default 15 min.
    pub payment_ttl: Duration,
    /// How many payments may fail before the order is cancelled. Default 3.
    pub payment_attempts: u32,
    /// From a lost answer to asking the provider. Default 5 s; doubled each time, at most 5 min.
    pub reconcile_after: Duration,
    /// From scheduling to the kitchen's acceptance. Default 5 min.
    pub accept_within: Duration,
    /// How long before the wanted time the kitchen gets the order. Default 30 min.
    pub kitchen_lead: Duration,
    /// From asking for a courier to pick-up, per attempt. Default 10 min.
    pub courier_within: Duration,
    /// How often a courier is looked for before the order is refunded. Default 3.
    pub courier_attempts: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            payment_ttl: Duration::minutes(15),
            payment_attempts: 3,
            reconcile_after: Duration::seconds(5),
            accept_within: Duration::minutes(5),
            kitchen_lead: Duration::minutes(30),
            courier_within: Duration::minutes(10),
            courier_attempts: 3,
        }
    }
}

/// Where a process stands, for lists and for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Going forward.
    Running,
    /// Undoing.
    Compensating,
    /// A person must look: see the journal.
    Attention,
    /// Nothing more to do; the order was fulfilled.
    Completed,
    /// Nothing more to do; the order was cancelled and everything is undone.
    Compensated,
}
