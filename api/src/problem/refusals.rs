//! The domain's no, as a problem: its kind gives the status, its code the type, its values the members.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde_json::{Map, json};
use spindle_domain::kitchen::ScheduleError;
use spindle_domain::order::OrderError;
use spindle_domain::payment::PaymentError;
use spindle_domain::pricing::PricingError;
use spindle_domain::refusal::{Kind, Refusal};

use super::{Inner, Problem, shorten};

pub(super) fn problem(refusal: &Refusal) -> Problem {
    let status = match refusal.kind() {
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let problem = Problem(Box::new(Inner {
        code: refusal.code(),
        title: Cow::Owned(title(refusal.code())),
        status,
        detail: shorten(refusal.to_string()),
        errors: Vec::new(),
        extra: Map::new(),
        retry_after: None,
        cause: None,
    }));
    let problem = match pointer(refusal) {
        Some(pointer) => problem.at(pointer),
        None => problem,
    };
    values(problem, refusal)
}

/// `order_not_cancellable` reads "Order not cancellable".
fn title(code: &str) -> String {
    let words = code.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The part of the body that a rule speaks of, where that follows from the rule alone. Which line has a sku is
/// known only to who has the lines.
fn pointer(refusal: &Refusal) -> Option<String> {
    match refusal {
        Refusal::Order(OrderError::WantedInThePast { .. }) => Some("/requested_for".into()),
        Refusal::Pricing(PricingError::NoLines | PricingError::TooManyLines { .. }) => Some("/lines".into()),
        Refusal::Order(OrderError::CurrencyChanged { .. })
        | Refusal::Pricing(PricingError::CurrencyNotOffered { .. }) => Some("/currency".into()),
        Refusal::Pricing(PricingError::UnknownPromoCode { .. } | PricingError::PromoCodeNotValid { .. }) => {
            Some("/promo_code".into())
        }
        Refusal::Kitchen(ScheduleError::NoItems | ScheduleError::TooManyItems { .. }) => {
            Some("/items".into())
        }
        Refusal::Kitchen(ScheduleError::QuantityTooSmall { index, .. }) => {
            Some(format!("/items/{index}/quantity"))
        }
        Refusal::Kitchen(
            ScheduleError::ProductEmpty { index }
            | ScheduleError::ProductTooLong { index, .. }
            | ScheduleError::ProductUnprintable { index },
        ) => Some(format!("/items/{index}/product")),
        Refusal::Payment(PaymentError::NotPositive { .. } | PaymentError::ExceedsLeft { .. }) => {
            Some("/amount".into())
        }
        _ => None,
    }
}

/// What a program needs to go on by itself.
fn values(problem: Problem, refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::Pricing(PricingError::PriceChanged { sku, seen, current }) => {
            problem.with("sku", sku.as_str()).with("seen", json!(seen)).with("current", json!(current))
        }
        Refusal::Pricing(
            PricingError::SizeNotOffered { offered, .. } | PricingError::SizeRequired { offered, .. },
        ) => problem.with("offered", json!(offered)),
        Refusal::Payment(PaymentError::ExceedsLeft { left, .. }) => problem.with("left", json!(left)),
        Refusal::Order(OrderError::PaymentInProgress { payment } | OrderError::AlreadyPaid { payment }) => {
            problem.with("payment_id", payment.to_string())
        }
        _ => problem,
    }
}
