//! Test tokens: what a customer "pays with" decides how the provider behaves.

use serde::{Deserialize, Serialize};
use spindle_domain::payment::Operation;

use super::Rates;
use crate::simulators::fate;

/// A test token. See the module's table in [`super`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Token {
    Ok,
    Captured,
    Declined,
    RequiresAction,
    Timeout,
    TimeoutAfterCharge,
    CaptureDeclined,
    CaptureTimeoutAfterCharge,
    VoidTimeout,
    RefundFails,
    Flaky,
    CallbackOnly,
    Unknown,
}

/// How a request is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Done and answered.
    Prompt,
    /// Done, and answered too late.
    Late,
    /// Not done and not answered.
    Silent,
    /// Not done, and said so with a 503.
    Broken,
}

/// What an authorization comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Authorized,
    Captured,
    RequiresAction,
    Pending,
    Declined(Because),
}

/// A decline's code and words.
pub(super) type Because = (&'static str, &'static str);

impl Token {
    /// Reads a token. Some of the good ones fare worse, as the rates say.
    pub(super) fn of(text: &str, seed: u64, name: &str, rates: Rates) -> Self {
        match text {
            "tok_ok" => {
                let fates = [
                    (rates.declined, Self::Declined),
                    (rates.timeouts, Self::TimeoutAfterCharge),
                    (rates.flaky, Self::Flaky),
                    (rates.action, Self::RequiresAction),
                ];
                fate::draw(seed, "payment", name, &fates).unwrap_or(Self::Ok)
            }
            "tok_captured" => Self::Captured,
            "tok_declined" => Self::Declined,
            "tok_requires_action" => Self::RequiresAction,
            "tok_timeout" => Self::Timeout,
            "tok_timeout_after_charge" => Self::TimeoutAfterCharge,
            "tok_capture_declined" => Self::CaptureDeclined,
            "tok_capture_timeout_after_charge" => Self::CaptureTimeoutAfterCharge,
            "tok_void_timeout" => Self::VoidTimeout,
            "tok_refund_fails" => Self::RefundFails,
            "tok_flaky" => Self::Flaky,
            "tok_callback_only" => Self::CallbackOnly,
            _ => Self::Unknown,
        }
    }

    /// How a request is treated that was seen `earlier` times before.
    pub(super) fn manner(self, operation: Operation, earlier: u32) -> Manner {
        match (self, operation) {
            (Self::Timeout, Operation::Authorize) => Manner::Silent,
            (Self::VoidTimeout, Operation::Void) if earlier == 0 => Manner::Silent,
            (Self::TimeoutAfterCharge, Operation::Authorize)
            | (Self::CaptureTimeoutAfterCharge, Operation::Capture) => Manner::Late,
            (Self::Flaky, _) if earlier < 2 => Manner::Broken,
            _ => Manner::Prompt,
        }
    }

    /// Whether it matters how often a request was seen.
    pub(super) fn counts(self) -> bool {
        matches!(self, Self::VoidTimeout | Self::Flaky)
    }

    pub(super) fn decision(self) -> Decision {
        match self {
            Self::Captured => Decision::Captured,
            Self::Declined => {
                Decision::Declined(("insufficient_funds", "the account does not hold enough money"))
            }
            Self::Unknown => Decision::Declined(("unknown_token", "no test token has that name")),
            Self::RequiresAction => Decision::RequiresAction,
            Self::CallbackOnly => Decision::Pending,
            Self::Ok
            | Self::Timeout
            | Self::TimeoutAfterCharge
            | Self::CaptureDeclined
            | Self::CaptureTimeoutAfterCharge
            | Self::VoidTimeout
            | Self::RefundFails
            | Self::Flaky => Decision::Authorized,
        }
    }

    pub(super) fn refuses_capture(self) -> Option<Because> {
        let because = ("authorization_expired", "the bank no longer honours the authorization");
        (self == Self::CaptureDeclined).then_some(because)
    }

    pub(super) fn refuses_refund(self) -> Option<Because> {
        (self == Self::RefundFails).then_some(("account_closed", "the customer's account takes no money"))
    }
}
