//! What Spindle and a payment provider say to each other: JSON over HTTP, version 1.
//!
//! | request | answer |
//! |---|---|
//! | `POST /v1/payments` [`AuthorizeRequest`] | 201 [`Payment`]; 402 declined |
//! | `POST /v1/payments/{id}/capture` [`CaptureRequest`] | 200 [`Payment`]; 402 declined |
//! | `POST /v1/payments/{id}/void` (no body) | 200 [`Payment`] |
//! | `POST /v1/payments/{id}/refunds` [`RefundRequest`] | 201 [`Refund`]; 402 declined |
//! | `GET /v1/payments/{id}`, `GET /v1/payments?reference=` | 200 [`Payment`]; 404 |
//!
//! Every POST carries an [`IDEMPOTENCY_KEY`]; every refusal is a [`Failure`]. What a provider cannot tell at once
//! it tells later, by a signed [`Callback`]. The types are used on both sides: by the client and by the simulator.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use spindle_domain::values::{Currency, Money, OrderId, PaymentId, RefundId};

/// The header that makes asking twice safe.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Codes of refusals that mean something to the client.
pub mod code {
    /// There is no such payment.
    pub const PAYMENT_NOT_FOUND: &str = "payment_not_found";
    /// The first request under this key is still being worked on.
    pub const KEY_IN_USE: &str = "idempotency_key_in_use";
    /// The key was used for something else.
    pub const KEY_REUSED: &str = "idempotency_key_reused";
    /// Another payment has this reference.
    pub const REFERENCE_IN_USE: &str = "reference_in_use";
    /// The money is taken already.
    pub const ALREADY_CAPTURED: &str = "already_captured";
    /// The money is let go already.
    pub const ALREADY_VOIDED: &str = "already_voided";
}

/// Asks to hold money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizeRequest {
    /// Spindle's name for the payment: one payment per reference.
    pub reference: PaymentId,
    /// For which order.
    pub order_id: OrderId,
    /// How much.
    pub amount: Money,
    /// With what: the provider's token.
    pub payment_method: String,
    /// Where to tell what is not known at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
}

/// Asks to take what is held, once, all of it or less.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureRequest {
    /// How much.
    pub amount: Money,
}

/// Asks to give back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundRequest {
    /// Spindle's name for the refund.
    pub refund: RefundId,
    /// How much.
    pub amount: Money,
}

/// How far a payment is, for the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not decided.
    Pending,
    /// The customer must act first.
    RequiresAction,
    /// Held.
    Authorized,
    /// Taken.
    Captured,
    /// Taken, and a part of it given back.
    PartiallyRefunded,
    /// All of it given back.
    Refunded,
    /// Let go.
    Voided,
    /// Refused.
    Declined,
    /// A word that this version does not know.
    #[serde(other)]
    Other,
}

/// A payment, as the provider tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The provider's name for it.
    pub id: String,
    /// Spindle's name for it.
    pub reference: PaymentId,
    /// For which order.
    pub order_id: OrderId,
    /// How far it is.
    pub status: Status,
    /// What was asked for, and is held once authorized.
    pub amount: Money,
    /// What was taken; zero before.
    pub captured: Money,
    /// What was given back.
    pub refunded: Money,
    /// Why not, when declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline: Option<Decline>,
    /// Where the customer acts, while that is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_url: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

/// Why a payment, a capture or a refund was declined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decline {
    /// For programs.
    pub code: String,
    /// In words.
    pub message: String,
}

/// How far a refund is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// Done.
    Succeeded,
    /// Not decided.
    Pending,
    /// It will not happen.
    Failed,
    /// A word that this version does not know.
    #[serde(other)]
    Other,
}

/// A refund, as the provider tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Spindle's name for it.
    pub refund: RefundId,
    /// How far it is.
    pub status: RefundStatus,
    /// How much.
    pub amount: Money,
    /// The payment, after it.
    pub payment: Payment,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong.
    pub error: Reason,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// For programs: see [`code`].
    pub code: String,
    /// In words.
    pub message: String,
    /// Whether the request may have had an effect. `false` is a promise that nothing was done; absent, nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processed: Option<bool>,
}

/// What a callback tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackStatus {
    /// The money is taken.
    Succeeded,
    /// The money is held.
    Authorized,
    /// The payment was declined.
    Failed,
    /// The money was let go.
    Voided,
    /// Money was given back; `amount` is what.
    Refunded,
    /// A word that this version does not know: nothing follows from it.
    #[serde(other)]
    Other,
}

/// The body of a callback. Its signature is in its headers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// The provider's name for the payment.
    pub id: String,
    /// Who pays, where the provider knows it.
    #[serde(default)]
    pub user_id: Option<String>,
    /// For which order.
    pub order_id: OrderId,
    /// How much, in major units: `"12.20"`. See [`Callback::money`].
    pub amount: String,
    /// In which ISO 4217 currency.
    pub currency: String,
    /// What happened.
    pub status: CallbackStatus,
    /// Of the request that led to it.
    pub idempotency_key: String,
    /// When it happened.
    pub created_at: DateTime<Utc>,
    /// Spindle's name for the payment: the `reference` of the request.
    pub payment_id: PaymentId,
    /// The provider's name once more, under the name that Spindle's own events give it.
    pub reference: String,
    /// Why not, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Callback {
    /// The amount in minor units; none when amount or currency cannot be read exactly.
    #[must_use]
    pub fn money(&self) -> Option<Money> {
        parse_decimal(&self.amount, Currency::from_code(&self.currency)?)
    }
}

/// An amount in major units, without the currency: `12.20`, or `500` for yen.
#[must_use]
pub fn decimal(money: Money) -> String {
    let text = money.to_string();
    match text.split_once(' ') {
        Some((number, _)) => number.to_owned(),
        None => text,
    }
}

/// Reads an amount in major units: digits, and after a point at most as many as the currency has. Never rounds.
#[must_use]
pub fn parse_decimal(text: &str, currency: Currency) -> Option<Money> {
    let digits = usize::from(currency.exponent().unwrap_or(0));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let numeric = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    // Zeros beyond the currency's own digits say nothing: "500.00" yen are 500.
    let (part, rest) = part.split_at_checked(digits).unwrap_or((part, ""));
    let fits = !whole.is_empty() && numeric(whole) && numeric(part) && rest.bytes().all(|b| b == b'0');
    if !fits || text.ends_with('.') {
        return None;
    }
    format!("{whole}{part:0<digits$}").parse().ok().map(|amount| Money::new(amount, currency))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        let eur = |text| parse_decimal(text, Currency::EUR).map(|money| money.amount);
        assert_eq!(eur("12.20"), Some(1220));
        assert_eq!(eur("12.2"), Some(1220));
        assert_eq!(eur("12"), Some(1200));
        assert_eq!(eur("12.200"), Some(1220));
        for wrong in
            ["", ".", "12.", ".5", "12.201", "-1", "+1", "1e3", "1,5", " 1", "١", "99999999999999999999"]
        {
            assert_eq!(eur(wrong), None, "{wrong:?} was read");
        }
        assert_eq!(parse_decimal("500", Currency::JPY), Some(Money::new(500, Currency::JPY)));
        assert_eq!(parse_decimal("500.00", Currency::JPY), Some(Money::new(500, Currency::JPY)));
    }

    #[test]
    fn an_amount_survives_being_written_and_read() {
        for (amount, currency) in
            [(0, Currency::EUR), (5, Currency::EUR), (1220, Currency::EUR), (7, Currency::JPY)]
        {
            let money = Money::new(amount, currency);
            assert_eq!(parse_decimal(&decimal(money), currency), Some(money));
        }
    }

    #[test]
    fn a_status_of_a_later_version_is_no_error() {
        let status: Status = serde_json::from_str("\"half_settled\"").unwrap();
        assert_eq!(status, Status::Other);
        let status: CallbackStatus = serde_json::from_str("\"chargeback\"").unwrap();
        assert_eq!(status, CallbackStatus::Other);
    }
}
