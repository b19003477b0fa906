//! Prices what a client wants, and says which line is at fault when there is no price.

use spindle_domain::pricing::{self, Circumstances, Handover, LineRequest, PricingError, Quote};
use spindle_domain::refusal::Refusal;
use spindle_domain::values::{Currency, Sku};

use super::request::{CurrencyCode, LineBody, PromoCode};
use crate::http::state::AppState;
use crate::problem::Problem;

/// What the price depends on, as the client sent it.
pub(super) struct Wanted<'a> {
    pub(super) lines: &'a [LineBody],
    pub(super) promo_code: Option<&'a PromoCode>,
    pub(super) currency: Option<CurrencyCode>,
    pub(super) handover: Handover,
}

/// The quote.
///
/// # Errors
/// The rule that forbids a price, with a pointer to the line where that is known.
pub(super) fn quote(app: &AppState, wanted: &Wanted<'_>) -> Result<Quote, Problem> {
    let lines: Vec<LineRequest> = wanted.lines.iter().map(LineRequest::from).collect();
    let circumstances = Circumstances {
        promo_code: wanted.promo_code.map(|PromoCode(code)| code.as_str()),
        fulfilment: wanted.handover,
        now: app.clock.now(),
        currency: wanted.currency.map(|CurrencyCode(currency)| -> Currency { currency }),
    };
    pricing::quote(&lines, &app.catalogue, &app.rules, &circumstances).map_err(|error| {
        let place = place(&error, &lines);
        let problem = Problem::from(Refusal::from(error));
        match place {
            Some(pointer) => problem.at(pointer),
            None => problem,
        }
    })
}

/// The line that an error is about: the first that has its sku and its fault.
fn place(error: &PricingError, lines: &[LineRequest]) -> Option<String> {
    let line = |sku: &Sku, field: &str, fits: &dyn Fn(&LineRequest) -> bool| {
        let index = lines.iter().position(|line| line.sku == *sku && fits(line))?;
        Some(format!("/lines/{index}/{field}"))
    };
    match error {
        PricingError::UnknownSku { sku } | PricingError::NotAvailable { sku } => line(sku, "sku", &|_| true),
        PricingError::SizeNotOffered { sku, size, .. } | PricingError::NoSizes { sku, size } => {
            line(sku, "size", &|line| line.size == Some(*size))
        }
        PricingError::SizeRequired { sku, .. } => line(sku, "size", &|line| line.size.is_none()),
        PricingError::PriceChanged { sku, seen, .. } => {
            line(sku, "unit_price", &|line| line.unit_price == Some(*seen))
        }
        PricingError::NoLines
        | PricingError::TooManyLines { .. }
        | PricingError::UnknownPromoCode { .. }
        | PricingError::PromoCodeNotValid { .. }
        | PricingError::CurrencyNotOffered { .. }
        | PricingError::Money(_) => None,
    }
}
