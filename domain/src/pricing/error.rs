//! Why a price cannot be given.

use chrono::{DateTime, Utc};

use crate::refusal::Kind;
use crate::values::{Currency, MoneyError, Size, Sku};

use super::{MAX_LINES, Money};

/// Why a price cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PricingError {
    /// Nothing was ordered.
    #[error("an order needs at least one line")]
    NoLines,
    /// More than an order may have.
    #[error("an order has at most {MAX_LINES} lines, this one has {lines}")]
    TooManyLines {
        /// How many.
        lines: usize,
    },
    /// The catalogue has no such product.
    #[error("there is no product {sku}")]
    UnknownSku {
        /// What was asked for.
        sku: Sku,
    },
    /// The product has sizes, but not this one.
    #[error("{sku} is not sold in size {size}, only in {}", list(.offered))]
    SizeNotOffered {
        /// The product.
        sku: Sku,
        /// What was asked for.
        size: Size,
        /// What is on offer.
        offered: Vec<Size>,
    },
    /// The product has no sizes at all.
    #[error("{sku} comes in one size: leave {size} out")]
    NoSizes {
        /// The product.
        sku: Sku,
        /// What was asked for.
        size: Size,
    },
    /// The product has sizes and none was chosen.
    #[error("{sku} needs a size: {}", list(.offered))]
    SizeRequired {
        /// The product.
        sku: Sku,
        /// What is on offer.
        offered: Vec<Size>,
    },
    /// The product is not sold now.
    #[error("{sku} is not available now")]
    NotAvailable {
        /// The product.
        sku: Sku,
    },
    /// The client has seen another price.
    #[error("{sku} costs {current} now, not {seen}")]
    PriceChanged {
        /// The product.
        sku: Sku,
        /// The price that the client saw.
        seen: Money,
        /// The price that holds.
        current: Money,
    },
    /// Nobody has issued such a code.
    #[error("there is no promo code {code:?}")]
    UnknownPromoCode {
        /// What was given.
        code: String,
    },
    /// The code holds at another time.
    #[error("promo code {code:?} holds {}", window(*.from, *.until))]
    PromoCodeNotValid {
        /// What was given.
        code: String,
        /// The first moment at which it holds.
        from: Option<DateTime<Utc>>,
        /// The first moment at which it no longer holds.
        until: Option<DateTime<Utc>>,
    },
    /// The client wants another currency than the price list has.
    #[error("prices are in {}, not in {}", .offered.code(), .wanted.code())]
    CurrencyNotOffered {
        /// What was asked for.
        wanted: Currency,
        /// What the price list has.
        offered: Currency,
    },
    /// A sum that cannot be made.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl PricingError {
    /// The stable name of the rule, in snake case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoLines => "no_lines",
            Self::TooManyLines { .. } => "too_many_lines",
            Self::UnknownSku { .. } => "unknown_sku",
            Self::SizeNotOffered { .. } => "size_not_offered",
            Self::NoSizes { .. } => "product_without_sizes",
            Self::SizeRequired { .. } => "size_required",
            Self::NotAvailable { .. } => "product_not_available",
            Self::PriceChanged { .. } => "price_changed",
            Self::UnknownPromoCode { .. } => "unknown_promo_code",
            Self::PromoCodeNotValid { .. } => "promo_code_not_valid",
            Self::CurrencyNotOffered { .. } => "currency_not_offered",
            Self::Money(MoneyError::Overflow) => "amount_too_large",
            Self::Money(MoneyError::MixedCurrencies(..)) => "mixed_currencies",
        }
    }

    /// What sort of no: what may be allowed at another time is a conflict, everything else is invalid.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::PriceChanged { .. } | Self::NotAvailable { .. } => Kind::Conflict,
            _ => Kind::Invalid,
        }
    }
}

fn list(sizes: &[Size]) -> String {
    sizes.iter().map(Size::to_string).collect::<Vec<_>>().join(", ")
}

fn window(from: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) -> String {
    match (from, until) {
        (Some(from), Some(until)) => format!("from {from} until {until}"),
        (Some(from), None) => format!("from {from}"),
        (None, Some(until)) => format!("until {until}"),
        (None, None) => "at any time".to_owned(),
    }
}
