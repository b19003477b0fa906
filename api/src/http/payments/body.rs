//! What is sent and read about payments.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use spindle_domain::payment::{Decline, Operation, Payment, PaymentCommand, PaymentError, PaymentStage};
use spindle_domain::refusal::Refusal;
use spindle_domain::values::{Money, Note, OrderId, PaymentMethod, RefundId};
use spindle_eventlog::Claim;
use spindle_projections::PaymentView;
use spindle_projections::payments::RefundView;
use spindle_projections::queries::Row;
use uuid::Uuid;

use crate::http::answer::Resource;
use crate::problem::Problem;

/// Give money back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefundBody {
    #[serde(default)]
    amount: Option<Money>,
    reason: Note,
}

impl RefundBody {
    /// The command. Under an idempotency key the refund's name follows from the key, so that not even a lost claim
    /// could give back twice.
    pub(super) fn command(self, payment: Uuid, claim: Option<&Claim>) -> PaymentCommand {
        let refund = match claim {
            Some(Claim { scope, key, .. }) => Uuid::new_v5(&payment, format!("{scope}\n{key}").as_bytes()),
            None => Uuid::now_v7(),
        };
        PaymentCommand::RequestRefund { refund: RefundId(refund), amount: self.amount, reason: self.reason }
    }
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::http) struct PaymentBody {
    id: Uuid,
    order_id: OrderId,
    stage: PaymentStage,
    version: i64,
    amount: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorized: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    captured: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded: Option<Money>,
    refunds: Vec<RefundView>,
    method: PaymentMethod,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decline: Option<Decline>,
    /// What the provider was asked when its answer was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<Operation>,
    created: DateTime<Utc>,
}

impl Resource for Payment {
    type Body = PaymentBody;

    fn body(&self, id: Uuid, version: i64) -> Option<PaymentBody> {
        let terms = self.terms()?;
        let decline =
            |(code, message): (&str, &str)| Decline { code: code.to_owned(), message: message.to_owned() };
        Some(PaymentBody {
            id,
            order_id: terms.order,
            stage: self.stage(),
            version,
            amount: terms.amount,
            authorized: self.authorized(),
            captured: self.captured(),
            refunded: self.refunded(),
            refunds: self.refunds().iter().map(RefundView::from).collect(),
            method: terms.method.clone(),
            reference: self.reference().map(str::to_owned),
            action_url: self.action_url().map(str::to_owned),
            decline: self.decline().map(decline),
            unknown: self.unknown(),
            created: terms.at,
        })
    }

    fn missing() -> Problem {
        Refusal::from(PaymentError::NotFound).into()
    }
}

impl From<Row<PaymentView>> for PaymentBody {
    fn from(Row { view, version, .. }: Row<PaymentView>) -> Self {
        Self {
            id: view.id.0,
            order_id: view.order_id,
            stage: view.stage,
            version,
            amount: view.amount,
            authorized: view.authorized,
            captured: view.captured,
            refunded: view.refunded,
            refunds: view.refunds,
            method: view.method,
            reference: view.reference,
            action_url: view.action_url,
            decline: view.decline,
            unknown: view.unknown,
            created: view.created_at,
        }
    }
}
