//! What the provider writes down: payments, ledger entries, kept answers, callbacks to send; and what it is asked.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use spindle_commands::effects::wire::{AuthorizeRequest, Payment, RefundRequest, code};
use spindle_domain::values::{Money, OrderId, PaymentId};
use uuid::Uuid;

use super::tokens::Token;

/// One movement of money, or one decline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Its place in the ledger, from 1.
    pub number: u64,
    /// Spindle's name for the payment.
    pub payment: PaymentId,
    /// For which order.
    pub order: OrderId,
    /// What happened.
    pub kind: EntryKind,
    /// How much of it. A capture of less than is held lets go of the rest without an entry of its own; a void
    /// of what was not held yet is zero.
    pub amount: Money,
    /// When.
    pub at: DateTime<Utc>,
    /// Of the request that led to it.
    pub idempotency_key: String,
}

/// What a ledger entry records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Money is held.
    Authorized,
    /// Money is taken.
    Captured,
    /// What was held is let go.
    Voided,
    /// Money is given back.
    Refunded,
    /// A payment, a capture or a refund was declined: nothing moved.
    Declined,
}

/// A payment, with what only the provider knows of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) payment: Payment,
    pub(super) token: Token,
    pub(super) key: String,
    pub(super) callback_url: Option<String>,
    pub(super) decide_at: Option<DateTime<Utc>>,
    pub(super) refunds_allowed: bool,
}

/// An answer that is given again to the same key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) fingerprint: u64,
    pub(super) status: u16,
    pub(super) body: String,
}

/// A callback that is not delivered yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Outgoing {
    pub(super) id: Uuid,
    pub(super) url: String,
    pub(super) body: String,
}

/// What a decision changes; written down as one line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    /// A payment is new or other than before.
    Payment {
        account: Box<Account>,
        entry: Option<LedgerEntry>,
        kept: Option<(String, Kept)>,
        told: Option<Outgoing>,
    },
    /// A request was declined without changing a payment.
    Declined(LedgerEntry),
    /// A callback was delivered, or given up.
    Told(Uuid),
}

/// What is asked, once its addressee is known.
#[derive(Debug, Clone)]
pub(super) enum Request {
    Authorize(Opening),
    Capture { id: String, amount: Money },
    Void { id: String },
    Refund { id: String, request: RefundRequest },
}

/// A payment to be.
#[derive(Debug, Clone)]
pub(super) struct Opening {
    pub(super) id: String,
    pub(super) request: AuthorizeRequest,
    pub(super) token: Token,
    /// When it is decided by itself, if it is not decided at once.
    pub(super) decide_at: Option<DateTime<Utc>>,
    /// Where the customer would act.
    pub(super) action_url: String,
}

/// Who asks when, and whether a change is to be told.
pub(super) struct Asking<'a> {
    pub(super) key: &'a str,
    pub(super) fingerprint: u64,
    pub(super) now: DateTime<Utc>,
    pub(super) tell: bool,
    pub(super) callback: Uuid,
}

/// A no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct No {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl No {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, code::PAYMENT_NOT_FOUND, "there is no such payment")
    }
}

/// A no that may leave a trace in the ledger.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) no: No,
    pub(super) trace: Option<Box<LedgerEntry>>,
}

impl From<No> for Refused {
    fn from(no: No) -> Self {
        Self { no, trace: None }
    }
}
