//! The provider's words: answers, refusals, callbacks.

use spindle_commands::effects::wire::{
    Callback, CallbackStatus, Decline, Failure, Payment, Reason, Refund, RefundRequest, RefundStatus, Status,
    code, decimal,
};

use super::records::{Account, Asking, EntryKind, LedgerEntry, No, Outgoing};
use super::tokens::Because;

/// The body of an answer to a request that changed a payment.
pub(super) fn answer(payment: &Payment, refund: Option<&RefundRequest>) -> String {
    match (refund, &payment.decline) {
        (Some(RefundRequest { refund, amount }), _) => json(&Refund {
            refund: *refund,
            status: RefundStatus::Succeeded,
            amount: *amount,
            payment: payment.clone(),
        }),
        (None, Some(Decline { code, message })) => failure(code, message, Some(true)),
        (None, None) => json(payment),
    }
}

/// The body of a refusal.
pub(super) fn failure(code: &str, message: &str, processed: Option<bool>) -> String {
    json(&Failure { error: Reason { code: code.to_owned(), message: message.to_owned(), processed } })
}

pub(super) fn decline((code, message): Because) -> Decline {
    Decline { code: code.to_owned(), message: message.to_owned() }
}

pub(super) fn wrong_status(status: Status, wanted: &str) -> No {
    let (code, state) = match status {
        Status::Captured => (code::ALREADY_CAPTURED, "captured"),
        Status::PartiallyRefunded | Status::Refunded => (code::ALREADY_CAPTURED, "captured and refunded"),
        Status::Voided => (code::ALREADY_VOIDED, "voided"),
        Status::Declined => ("declined", "declined"),
        Status::Authorized => ("not_captured", "only authorized"),
        Status::Pending | Status::RequiresAction | Status::Other => ("not_authorized", "not authorized"),
    };
    No::new(409, code, format!("the payment is {state}: it cannot be {wanted}"))
}

/// The callback that tells of a ledger entry, where one is wanted.
pub(super) fn callback(account: &Account, entry: &LedgerEntry, asking: &Asking<'_>) -> Option<Outgoing> {
    let Account { payment, callback_url, .. } = account;
    let because = payment.decline.as_ref();
    let body = json(&Callback {
        id: payment.id.clone(),
        user_id: None,
        order_id: payment.order_id,
        amount: decimal(entry.amount),
        currency: entry.amount.currency.code().to_owned(),
        status: match entry.kind {
            EntryKind::Authorized => CallbackStatus::Authorized,
            EntryKind::Captured => CallbackStatus::Succeeded,
            EntryKind::Voided => CallbackStatus::Voided,
            EntryKind::Refunded => CallbackStatus::Refunded,
            EntryKind::Declined => CallbackStatus::Failed,
        },
        idempotency_key: entry.idempotency_key.clone(),
        created_at: entry.at,
        payment_id: payment.reference,
        reference: payment.id.clone(),
        code: because.map(|decline| decline.code.clone()),
        message: because.map(|decline| decline.message.clone()),
    });
    callback_url.clone().map(|url| Outgoing { id: asking.callback, url, body })
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer of the simulated provider cannot be written: {error}");
        "{}".to_owned()
    })
}
