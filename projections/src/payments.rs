//! Payments: what was asked of the provider and what became of it. The domain's own aggregate is folded, so that
//! what a payment is after an event is said in one place only.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use serde::{Deserialize, Serialize};
use spindle_domain::fact::{Fact, Recorded};
use spindle_domain::payment::{Decline, Operation, Payment, PaymentStage, Progress, Refund, Terms};
use spindle_domain::values::{Money, Note, OrderId, PaymentId, PaymentMethod, RefundId};
use uuid::Uuid;

use crate::projection::{FoldError, Index, Projection, State};

/// A payment, as operators and clients read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentView {
    /// Its name.
    pub id: PaymentId,
    /// The order that it pays for.
    pub order_id: OrderId,
    /// How far it is.
    pub stage: PaymentStage,
    /// How much was asked for.
    pub amount: Money,
    /// How much is held, or was held when it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorized: Option<Money>,
    /// How much was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<Money>,
    /// How much went back, once something was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Money>,
    /// Every refund, in the order in which they were first asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<RefundView>,
    /// The provider's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// With what it is paid.
    pub method: PaymentMethod,
    /// The provider's no, while it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline: Option<Decline>,
    /// What the provider was asked when its answer was lost, while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Operation>,
    /// Where the customer must do something, while they must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_url: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When something last happened to it, as recorded.
    pub updated_at: DateTime<Utc>,
}

/// Money that goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundView {
    /// Its name.
    pub id: RefundId,
    /// How much.
    pub amount: Money,
    /// Why.
    pub reason: Note,
    /// How far it is.
    pub stage: RefundStage,
    /// The provider's error, when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How far a refund is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStage {
    /// The provider has not answered yet.
    Pending,
    /// It went back.
    Done,
    /// It did not: an operator must look.
    Failed,
}

/// The projection.
#[derive(Debug, Clone, Copy)]
pub struct Payments;

impl From<&Refund> for RefundView {
    fn from(refund: &Refund) -> Self {
        let (stage, error) = match &refund.progress {
            Progress::Pending => (RefundStage::Pending, None),
            Progress::Done => (RefundStage::Done, None),
            Progress::Failed { error } => (RefundStage::Failed, Some(error.clone())),
        };
        Self { id: refund.id, amount: refund.amount, reason: refund.reason.clone(), stage, error }
    }
}

/// The provider's no, while it stands.
pub(crate) fn decline(payment: &Payment) -> Option<Decline> {
    payment.decline().map(|(code, message)| Decline { code: code.to_owned(), message: message.to_owned() })
}

impl PaymentView {
    fn of(id: PaymentId, payment: &Payment, terms: &Terms, updated_at: DateTime<Utc>) -> Self {
        Self {
            id,
            order_id: terms.order,
            stage: payment.stage(),
            amount: terms.amount,
            authorized: payment.authorized(),
            captured: payment.captured(),
            refunded: payment.refunded(),
            refunds: payment.refunds().iter().map(RefundView::from).collect(),
            reference: payment.reference().map(str::to_owned),
            method: terms.method.clone(),
            decline: decline(payment),
            unknown: payment.unknown(),
            action_url: payment.action_url().map(str::to_owned),
            created_at: terms.at,
            updated_at,
        }
    }
}

impl Projection for Payments {
    const NAME: &'static str = "payments";
    const VERSION: u32 = 1;
    const STREAM: &'static str = Payment::TYPE;
    const READS: &'static [&'static str] = &[Payment::TYPE];
    type View = PaymentView;
    type Memory = Payment;

    fn touches(&self, event: &Recorded) -> Option<Uuid> {
        match &event.fact {
            Fact::Payment(id, _) => Some(id.0),
            _ => None,
        }
    }

    fn fold(
        &self,
        id: Uuid,
        before: Option<State<PaymentView, Payment>>,
        recorded: &Recorded,
    ) -> Result<Option<State<PaymentView, Payment>>, FoldError> {
        let Fact::Payment(_, event) = &recorded.fact else { return Ok(before) };
        let mut payment = before.map(|state| state.memory).unwrap_or_default();
        payment.apply(event.clone());
        let Some(terms) = payment.terms() else {
            return Err(FoldError::NotBegun { event_type: recorded.event_type() });
        };
        let view = PaymentView::of(PaymentId(id), &payment, terms, recorded.recorded_at);
        Ok(Some(State { view, memory: payment }))
    }

    fn index(&self, view: &PaymentView) -> Index {
        Index { listed_at: Some(view.created_at), search: None }
    }
}

#[cfg(test)]
mod tests;
