//! What a provider's answer means. Pure: the whole table on one page.
//!
//! **Invariant:** only an answer that can be read to the end, and is about the payment that was asked about,
//! counts as a yes or a no.

use std::time::Duration;

use serde::de::DeserializeOwned;
use spindle_domain::fulfillment::{Effect, Outcome};
use spindle_domain::payment::Operation;
use spindle_domain::values::PaymentId;

use super::wire::{Decline, Failure, Payment, Reason, Refund, RefundStatus, Status, code};
use super::{EffectError, operation};

/// The longest text that is kept of a provider's words, in characters: it ends in events.
const LONGEST_TEXT: usize = 500;
/// The longest name of a payment at a provider, in bytes.
const LONGEST_REFERENCE: usize = 200;
/// The longest address for a customer's action, in bytes: what browsers take.
const LONGEST_URL: usize = 2_000;

/// An answer, read as far as it could be.
pub(super) struct Answer {
    /// HTTP status.
    pub(super) status: u16,
    /// How long to wait at least.
    pub(super) retry_after: Option<Duration>,
    /// The body, or why there is none.
    pub(super) body: Result<Vec<u8>, String>,
}

/// What the answer means for the effect.
pub(super) fn outcome(effect: &Effect, answer: &Answer) -> Result<Outcome, EffectError> {
    match answer.status {
        200..=299 => match done(effect, answer) {
            Ok(outcome) => Ok(outcome),
            Err(why) => unknown(effect, &format!("the payment provider's answer cannot be used: {why}")),
        },
        500..=599 => broken(effect, answer),
        _ => refused(effect, answer),
    }
}

/// It may or may not have been done; a read is simply read again.
pub(super) fn unknown(effect: &Effect, error: &str) -> Result<Outcome, EffectError> {
    let error = clean(error);
    match operation(effect) {
        Some(operation) => Ok(Outcome::Unknown { operation, error }),
        None => Err(EffectError::new(error)),
    }
}

fn done(effect: &Effect, answer: &Answer) -> Result<Outcome, String> {
    match effect {
        Effect::Authorize { payment, .. } | Effect::LookUp { payment } => {
            state(&about(*payment, parse(answer)?)?)
        }
        Effect::Capture { payment, .. } => {
            let payment = about(*payment, parse(answer)?)?;
            match payment.status {
                // Refunded since: an answer given again may tell how things stand now.
                Status::Captured | Status::PartiallyRefunded | Status::Refunded => captured(&payment),
                other => Err(format!("it says {other:?} after a capture")),
            }
        }
        Effect::Void { payment, .. } => match about(*payment, parse(answer)?)?.status {
            Status::Voided => Ok(Outcome::Voided),
            other => Err(format!("it says {other:?} after a void")),
        },
        Effect::Refund { payment, refund, amount, .. } => {
            let told: Refund = parse(answer)?;
            let current = about(*payment, told.payment)?;
            match told.status {
                _ if told.refund != *refund => Err(format!("it is about refund {}", told.refund)),
                _ if told.amount != *amount => Err(format!("it tells of {}", told.amount)),
                RefundStatus::Succeeded => Ok(Outcome::Refunded),
                RefundStatus::Failed => Ok(declined(current.decline)),
                RefundStatus::Pending | RefundStatus::Other => {
                    Err("the refund is not decided yet".to_owned())
                }
            }
        }
    }
}

/// How a payment stands. After a lost capture, void or refund this is the answer to what became of it: still
/// `authorized` means that it was not done. A payment that is refunded in part stays `Captured` here: which of
/// several refunds was done it does not tell, but the refund can be asked again under its own key.
fn state(payment: &Payment) -> Result<Outcome, String> {
    let reference = || reference(payment);
    match payment.status {
        Status::Authorized => Ok(Outcome::Authorized { reference: reference()?, amount: payment.amount }),
        Status::Captured | Status::PartiallyRefunded => captured(payment),
        Status::Refunded => Ok(Outcome::Refunded),
        Status::Voided => Ok(Outcome::Voided),
        Status::Declined => Ok(declined(payment.decline.clone())),
        Status::RequiresAction => Ok(Outcome::ActionRequired {
            reference: reference()?,
            url: payment.action_url.clone().filter(|url| is_plain(url, LONGEST_URL)),
        }),
        Status::Pending => Ok(Outcome::Unknown {
            operation: Operation::Authorize,
            error: "the payment provider has not decided yet".to_owned(),
        }),
        Status::Other => Err("its status is not known here".to_owned()),
    }
}

fn captured(payment: &Payment) -> Result<Outcome, String> {
    Ok(Outcome::Captured { reference: reference(payment)?, amount: payment.captured })
}

fn declined(decline: Option<Decline>) -> Outcome {
    let Decline { code, message } = decline.unwrap_or_else(|| Decline {
        code: "declined".to_owned(),
        message: "the payment provider gave no reason".to_owned(),
    });
    Outcome::Declined { code: clean(&code), message: clean(&message) }
}

/// A 4xx, or something that no provider says: not done, except where it speaks of an earlier request.
fn refused(effect: &Effect, answer: &Answer) -> Result<Outcome, EffectError> {
    let status = answer.status;
    let wait = answer.retry_after;
    let again = |message: String| Err(EffectError { message, retry_after: wait });
    let reason = parse::<Failure>(answer).map(|failure| failure.error);
    match (status, reason) {
        (401 | 403, _) => {
            again(format!("the payment provider refuses our key (HTTP {status}): check its setting"))
        }
        (408 | 425 | 429, _) => again(format!("the payment provider asks to wait (HTTP {status})")),
        (404, Ok(reason)) if reason.code == code::PAYMENT_NOT_FOUND => Ok(Outcome::NotFound),
        (404, _) => again("the payment provider answers 404: check its address".to_owned()),
        (_, Ok(reason)) if reason.code == code::KEY_IN_USE => {
            again("the payment provider is still busy with the first request".to_owned())
        }
        (400..=499, Ok(reason)) => said_no(effect, status, reason, wait),
        (_, reason) => {
            let said = reason.map_or_else(|unread| unread, |reason| reason.message);
            again(clean(&format!("the payment provider answers HTTP {status}: {said}")))
        }
    }
}

fn said_no(
    effect: &Effect,
    status: u16,
    reason: Reason,
    wait: Option<Duration>,
) -> Result<Outcome, EffectError> {
    let earlier = [code::KEY_REUSED, code::REFERENCE_IN_USE];
    match effect {
        Effect::Void { .. } if reason.code == code::ALREADY_VOIDED => Ok(Outcome::Voided),
        // Something was done under this name that we do not know of: look it up.
        _ if earlier.contains(&reason.code.as_str()) => unknown(effect, &reason.message),
        Effect::Capture { .. } if reason.code == code::ALREADY_CAPTURED => unknown(effect, &reason.message),
        Effect::LookUp { .. } => Err(EffectError {
            message: clean(&format!("the payment provider answers HTTP {status}: {}", reason.message)),
            retry_after: wait,
        }),
        _ => Ok(declined(Some(Decline { code: reason.code, message: reason.message }))),
    }
}

/// A 5xx: not done only where the provider promises it.
fn broken(effect: &Effect, answer: &Answer) -> Result<Outcome, EffectError> {
    let status = answer.status;
    match parse::<Failure>(answer) {
        Ok(Failure { error }) if error.processed == Some(false) => Err(EffectError {
            message: clean(&format!(
                "the payment provider answers HTTP {status}, nothing done: {}",
                error.message
            )),
            retry_after: answer.retry_after,
        }),
        Ok(Failure { error }) => {
            unknown(effect, &format!("the payment provider answers HTTP {status}: {}", error.message))
        }
        Err(_) => unknown(
            effect,
            &format!("the payment provider answers HTTP {status} without saying what was done"),
        ),
    }
}

fn parse<T: DeserializeOwned>(answer: &Answer) -> Result<T, String> {
    let body = answer.body.as_ref().map_err(Clone::clone)?;
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn about(asked: PaymentId, payment: Payment) -> Result<Payment, String> {
    if payment.reference == asked {
        Ok(payment)
    } else {
        Err(format!("it is about payment {}", payment.reference))
    }
}

/// The provider's name for a payment: part of addresses later on, so nothing odd gets in.
fn reference(payment: &Payment) -> Result<String, String> {
    if is_plain(&payment.id, LONGEST_REFERENCE) && !matches!(payment.id.as_str(), "." | "..") {
        Ok(payment.id.clone())
    } else {
        Err("its id is not a plain name".to_owned())
    }
}

fn is_plain(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Words for people: on one line, not too long, without what Postgres cannot hold.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_TEXT).collect()
}
