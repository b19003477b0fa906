//! A payment: what was asked of the provider for an order, and what the provider said.
//!
//! **Invariant:** no more is captured than was held, no more is given back than was captured, and a payment is
//! captured once. A lost answer is a stage of its own: it is never taken for a yes or a no.

mod command;
mod decide;
mod error;
mod event;
mod refunds;
mod stage;
#[cfg(test)]
mod tests;

use std::mem;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use crate::Now;
use crate::values::{Money, OrderId, PaymentMethod, RefundId};

pub use command::PaymentCommand;
pub use decide::MAX_REFUNDS;
pub use error::PaymentError;
pub use event::{Operation, PaymentEvent};
pub use refunds::{Progress, Refund, Taken};
pub use stage::PaymentStage;

/// A payment; each stage holds what it has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payment {
    /// Nobody has asked for it.
    #[default]
    Unrequested,
    /// The provider has not answered yet.
    Requested(Terms),
    /// The customer must do something first.
    ActionRequired {
        /// What was asked for.
        terms: Terms,
        /// The provider's name for this payment.
        reference: String,
        /// Where the customer does it.
        url: Option<String>,
    },
    /// The provider holds the money.
    Authorized(Hold),
    /// The provider would not take what it still holds.
    CaptureFailed {
        /// What it holds.
        hold: Hold,
        /// Why it would not.
        decline: Decline,
    },
    /// The provider took the money; some of it may have gone back.
    Captured(Taken),
    /// Declined.
    Failed {
        /// What was asked for.
        terms: Terms,
        /// Why not.
        decline: Decline,
    },
    /// The provider let go of what it held.
    Voided(Terms),
    /// The provider did not answer: ask it again.
    OutcomeUnknown {
        /// What was asked of it.
        operation: Operation,
        /// The error seen.
        error: String,
        /// The last stage that is certain.
        before: Box<Payment>,
    },
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// For this order.
    pub order: OrderId,
    /// How much.
    pub amount: Money,
    /// With what.
    pub method: PaymentMethod,
    /// When it was asked for.
    pub at: DateTime<Utc>,
}

/// Money that the provider holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// What was asked for.
    pub terms: Terms,
    /// The provider's name for this payment.
    pub reference: String,
    /// How much it holds.
    pub amount: Money,
}

/// A provider's no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decline {
    /// The provider's code.
    pub code: String,
    /// In words.
    pub message: String,
}

impl Payment {
    /// Whether it was ever requested.
    #[must_use]
    pub fn exists(&self) -> bool {
        *self != Self::Unrequested
    }

    /// What was asked for.
    #[must_use]
    pub fn terms(&self) -> Option<&Terms> {
        match self.known() {
            Self::Unrequested | Self::OutcomeUnknown { .. } => None,
            Self::Requested(terms)
            | Self::Voided(terms)
            | Self::ActionRequired { terms, .. }
            | Self::Failed { terms, .. } => Some(terms),
            Self::Authorized(hold) | Self::CaptureFailed { hold, .. } => Some(&hold.terms),
            Self::Captured(taken) => Some(&taken.hold.terms),
        }
    }

    /// The order that it pays for.
    #[must_use]
    pub fn order(&self) -> Option<OrderId> {
        self.terms().map(|terms| terms.order)
    }

    /// How much was asked for.
    #[must_use]
    pub fn amount(&self) -> Option<Money> {
        self.terms().map(|terms| terms.amount)
    }

    /// With what it is paid.
    #[must_use]
    pub fn method(&self) -> Option<&PaymentMethod> {
        self.terms().map(|terms| &terms.method)
    }

    /// When it was asked for.
    #[must_use]
    pub fn requested_at(&self) -> Option<DateTime<Utc>> {
        self.terms().map(|terms| terms.at)
    }

    /// The provider's name for it, while there is something at the provider to name.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        match self.known() {
            Self::ActionRequired { reference, .. } => Some(reference),
            known => known.hold().map(|hold| hold.reference.as_str()),
        }
    }

    /// Where the customer must do something, while they must.
    #[must_use]
    pub fn action_url(&self) -> Option<&str> {
        match self {
            Self::ActionRequired { url, .. } => url.as_deref(),
            _ => None,
        }
    }

    /// How much is held, or was held when it was taken.
    #[must_use]
    pub fn authorized(&self) -> Option<Money> {
        self.known().hold().map(|hold| hold.amount)
    }

    /// How much was taken.
    #[must_use]
    pub fn captured(&self) -> Option<Money> {
        self.taken().map(|taken| taken.amount)
    }

    /// How much went back, once something was taken.
    #[must_use]
    pub fn refunded(&self) -> Option<Money> {
        self.taken().and_then(|taken| taken.refunded().ok())
    }

    /// The refund of that name.
    #[must_use]
    pub fn refund(&self, refund: RefundId) -> Option<&Refund> {
        self.taken().and_then(|taken| taken.refund(refund))
    }

    /// Every refund, in the order in which they were first asked for.
    #[must_use]
    pub fn refunds(&self) -> &[Refund] {
        self.taken().map_or(&[], |taken| &taken.refunds)
    }

    /// Code and words of the provider's no, while the no stands.
    #[must_use]
    pub fn decline(&self) -> Option<(&str, &str)> {
        match self.known() {
            Self::Failed { decline, .. } | Self::CaptureFailed { decline, .. } => {
                Some((&decline.code, &decline.message))
            }
            _ => None,
        }
    }

    /// What the provider was asked when its answer was lost, while it is.
    #[must_use]
    pub fn unknown(&self) -> Option<Operation> {
        match self {
            Self::OutcomeUnknown { operation, .. } => Some(*operation),
            _ => None,
        }
    }

    /// What was taken, with its refunds.
    #[must_use]
    pub fn taken(&self) -> Option<&Taken> {
        match self.known() {
            Self::Captured(taken) => Some(taken),
            _ => None,
        }
    }

    /// The last stage that is certain.
    fn known(&self) -> &Self {
        match self {
            Self::OutcomeUnknown { before, .. } => before,
            certain => certain,
        }
    }

    fn hold(&self) -> Option<&Hold> {
        match self {
            Self::Authorized(hold) | Self::CaptureFailed { hold, .. } => Some(hold),
            Self::Captured(taken) => Some(&taken.hold),
            _ => None,
        }
    }

    fn taken_mut(&mut self) -> Option<&mut Taken> {
        match self {
            Self::Captured(taken) => Some(taken),
            Self::OutcomeUnknown { before, .. } => before.taken_mut(),
            _ => None,
        }
    }

    fn end_refund(&mut self, refund: RefundId, progress: Progress) {
        if let Some(taken) = self.taken_mut() {
            taken.end(refund, progress);
        }
        // A lost answer does not say which refund it was about: it is found once none is on its way.
        if self.unknown().is_some() && self.taken().is_some_and(|taken| !taken.is_refunding()) {
            *self = self.known().clone();
        }
    }

    /// The stage after a provider's answer to what was asked first; none when the answer does not fit.
    fn answered(&self, answer: PaymentEvent) -> Option<Self> {
        use PaymentEvent as Event;
        let terms = self.terms()?.clone();
        match (self.known(), answer) {
            (Self::Captured(_), _) | (Self::Voided(_), Event::Authorized { .. }) => None,
            (Self::Requested(_) | Self::ActionRequired { .. }, Event::ActionRequired { reference, url }) => {
                Some(Self::ActionRequired { terms, reference, url })
            }
            (_, Event::Authorized { reference, amount }) => {
                Some(Self::Authorized(Hold { terms, reference, amount }))
            }
            (known, Event::Captured { reference, amount }) => {
                let most = known.hold().map_or(amount, |hold| hold.amount);
                let hold = Hold { terms, reference, amount: most };
                Some(Self::Captured(Taken { hold, amount, refunds: Vec::new() }))
            }
            (known, Event::Failed { code, message })
                if known.is_open() && (known.hold().is_none() || self.unknown().is_some()) =>
            {
                Some(Self::Failed { terms, decline: Decline { code, message } })
            }
            (
                Self::Authorized(hold) | Self::CaptureFailed { hold, .. },
                Event::CaptureFailed { code, message },
            ) => Some(Self::CaptureFailed { hold: hold.clone(), decline: Decline { code, message } }),
            (known, Event::Voided) if known.is_open() => Some(Self::Voided(terms)),
            _ => None,
        }
    }

    /// Whether the provider may still hold or take the money, as far as is known.
    fn is_open(&self) -> bool {
        match self.known() {
            Self::Requested(_)
            | Self::ActionRequired { .. }
            | Self::Authorized(_)
            | Self::CaptureFailed { .. } => true,
            Self::Unrequested
            | Self::Captured(_)
            | Self::Failed { .. }
            | Self::Voided(_)
            | Self::OutcomeUnknown { .. } => false,
        }
    }
}

impl Aggregate for Payment {
    const TYPE: &'static str = "payment";
    type Command = PaymentCommand;
    type Event = PaymentEvent;
    type Error = PaymentError;
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
        use PaymentEvent as Event;
        match event {
            Event::Requested { order, amount, method, at } => {
                if !self.exists() {
                    *self = Self::Requested(Terms { order, amount, method, at });
                }
            }
            Event::OutcomeUnknown { operation, error } => {
                if self.is_open() || self.taken().is_some() {
                    let before = match mem::take(self) {
                        Self::OutcomeUnknown { before, .. } => before,
                        certain => Box::new(certain),
                    };
                    *self = Self::OutcomeUnknown { operation, error, before };
                }
            }
            Event::RefundRequested { refund, amount, reason } => {
                if let Some(taken) = self.taken_mut() {
                    taken.begin(refund, amount, reason);
                }
            }
            Event::Refunded { refund, .. } => self.end_refund(refund, Progress::Done),
            Event::RefundFailed { refund, error, .. } => self.end_refund(refund, Progress::Failed { error }),
            answer @ (Event::ActionRequired { .. }
            | Event::Authorized { .. }
            | Event::Captured { .. }
            | Event::Failed { .. }
            | Event::CaptureFailed { .. }
            | Event::Voided) => {
                if let Some(next) = self.answered(answer) {
                    *self = next;
                }
            }
        }
    }
}
