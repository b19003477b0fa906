//! Lines, catalogue and rules make a quote: a pure function.
//!
//! **Invariant:** total = lines − discounts + fees (+ taxes, where prices do not include them), and never less
//! than nothing. Shares are rounded half to even, once per line, so that the order of the lines does not matter.

mod error;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use error::PricingError;
pub use rules::{DeliveryFee, Discount, HappyHour, Off, PromoCode, Rules, SmallOrderFee, Taxes};

use crate::catalogue::{Catalogue, Prices, Product};
use crate::values::{Currency, Fulfilment, Money, MoneyError, Quantity, Size, Sku};

/// The most lines of one order: a quote stays a small event.
pub const MAX_LINES: usize = 100;

/// What an order costs, and why. The currency is the total's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// What was ordered.
    pub lines: Vec<QuotedLine>,
    /// What is taken off.
    #[serde(default)]
    pub discounts: Vec<Adjustment>,
    /// What is added.
    #[serde(default)]
    pub fees: Vec<Adjustment>,
    /// Tax; the rule says whether prices include it.
    #[serde(default)]
    pub taxes: Vec<Adjustment>,
    /// What the customer pays.
    pub total: Money,
}

/// One line with its price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotedLine {
    /// What.
    pub sku: Sku,
    /// Its name for people, when it was ordered.
    pub name: String,
    /// In which size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// How many.
    pub quantity: Quantity,
    /// What one costs.
    pub unit_price: Money,
    /// What all of them cost.
    pub total: Money,
}

/// A discount, a fee or a tax: more than nothing. Discounts are subtracted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// The rule that made it, as customers read it.
    pub rule: String,
    /// How much.
    pub amount: Money,
}

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRequest {
    /// What.
    pub sku: Sku,
    /// In which size, for products that have sizes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// How many.
    pub quantity: Quantity,
    /// What one cost when the client looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Money>,
}

/// What a price depends on besides the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances<'a> {
    /// The word that the client gave.
    pub promo_code: Option<&'a str>,
    /// How the order reaches the customer.
    pub fulfilment: Handover,
    /// The moment.
    pub now: DateTime<Utc>,
    /// The currency that the client expects.
    pub currency: Option<Currency>,
}

/// How an order reaches the customer, as far as its price goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handover {
    /// A courier brings it.
    Delivery,
    /// The customer fetches it.
    Pickup,
}

impl From<&Fulfilment> for Handover {
    fn from(fulfilment: &Fulfilment) -> Self {
        match fulfilment {
            Fulfilment::Delivery { .. } => Self::Delivery,
            Fulfilment::Pickup => Self::Pickup,
        }
    }
}

/// Prices an order.
///
/// # Errors
/// [`PricingError`], naming the first line or rule that does not fit.
pub fn quote(
    lines: &[LineRequest],
    catalogue: &Catalogue,
    rules: &Rules,
    circumstances: &Circumstances<'_>,
) -> Result<Quote, PricingError> {
    if lines.len() > MAX_LINES {
        return Err(PricingError::TooManyLines { lines: lines.len() });
    }
    let priced = lines.iter().map(|line| price(line, catalogue)).collect::<Result<Vec<_>, _>>()?;
    let currency = priced.first().ok_or(PricingError::NoLines)?.0.total.currency;
    if let Some(wanted) = circumstances.currency.filter(|wanted| *wanted != currency) {
        return Err(PricingError::CurrencyNotOffered { wanted, offered: currency });
    }

    let subtotal = sum(priced.iter().map(|(line, _)| line.total), currency)?;
    let discounts = discounts(&priced, subtotal, rules, circumstances)?;
    let goods = subtotal.minus(sum(discounts.iter().map(|discount| discount.amount), currency)?)?;
    let fees = fees(goods, rules, circumstances.fulfilment);
    let taxes = taxes(&priced, subtotal, goods, &rules.taxes)?;

    let mut total = goods.plus(sum(fees.iter().map(|fee| fee.amount), currency)?)?;
    if !rules.taxes.included {
        total = total.plus(sum(taxes.iter().map(|tax| tax.amount), currency)?)?;
    }
    let lines = priced.into_iter().map(|(line, _)| line).collect();
    Ok(Quote { lines, discounts, fees, taxes, total })
}

fn price<'a>(
    line: &LineRequest,
    catalogue: &'a Catalogue,
) -> Result<(QuotedLine, &'a Product), PricingError> {
    let sku = line.sku.clone();
    let Some(product) = catalogue.find(&line.sku) else { return Err(PricingError::UnknownSku { sku }) };
    if !product.available {
        return Err(PricingError::NotAvailable { sku });
    }
    let Some(unit_price) = product.price(line.size) else {
        return Err(match (&product.prices, line.size) {
            (Prices::One(_), Some(size)) => PricingError::NoSizes { sku, size },
            (_, Some(size)) => PricingError::SizeNotOffered { sku, size, offered: product.sizes() },
            (_, None) => PricingError::SizeRequired { sku, offered: product.sizes() },
        });
    };
    if let Some(seen) = line.unit_price.filter(|seen| *seen != unit_price) {
        return Err(PricingError::PriceChanged { sku, seen, current: unit_price });
    }
    let total = unit_price.times(line.quantity.get())?;
    let (name, size, quantity) = (product.name.clone(), line.size, line.quantity);
    Ok((QuotedLine { sku, name, size, quantity, unit_price, total }, product))
}

/// The best discount by total, the happy hour, the promo code: together never more than there is.
fn discounts(
    lines: &[(QuotedLine, &Product)],
    subtotal: Money,
    rules: &Rules,
    circumstances: &Circumstances<'_>,
) -> Result<Vec<Adjustment>, PricingError> {
    let mut wanted = Vec::new();

    let mut best: Option<Adjustment> = None;
    for discount in rules.discounts.iter().filter(|discount| rules::reaches(subtotal, discount.from)) {
        let amount = match off(lines, discount.off, subtotal.currency) {
            Err(MoneyError::MixedCurrencies(..)) => continue,
            amount => amount?,
        };
        if best.as_ref().is_none_or(|best| best.amount.amount < amount.amount) {
            best = Some(Adjustment { rule: discount.name.clone(), amount });
        }
    }
    wanted.extend(best);

    if let Some(hour) = rules.happy_hour(circumstances.now) {
        let amount = off(lines, Off::BasisPoints(hour.basis_points), subtotal.currency)?;
        wanted.push(Adjustment { rule: hour.name.clone(), amount });
    }

    if let Some(word) = circumstances.promo_code {
        let (code, now) = (word.to_owned(), circumstances.now);
        let mut known = rules.promo_codes.iter().filter(|promo| promo.is(word)).peekable();
        let Some(first) = known.peek().copied() else { return Err(PricingError::UnknownPromoCode { code }) };
        let Some(promo) = known.find(|promo| promo.holds(now)) else {
            return Err(PricingError::PromoCodeNotValid { code, from: first.from, until: first.until });
        };
        let amount = off(lines, promo.off, subtotal.currency)?;
        wanted.push(Adjustment { rule: format!("promo code {}", promo.code), amount });
    }

    let mut left = subtotal;
    let mut given = Vec::new();
    for Adjustment { rule, amount } in wanted {
        let amount = Money::new(amount.amount.min(left.amount), amount.currency);
        if amount.amount > 0 {
            left = left.minus(amount)?;
            given.push(Adjustment { rule, amount });
        }
    }
    Ok(given)
}

fn off(lines: &[(QuotedLine, &Product)], off: Off, currency: Currency) -> Result<Money, MoneyError> {
    match off {
        Off::Amount(amount) => Money::zero(currency).plus(amount),
        Off::BasisPoints(points) => lines.iter().try_fold(Money::zero(currency), |sum, (line, _)| {
            sum.plus(line.total.share(points.min(10_000))?)
        }),
    }
}

fn fees(goods: Money, rules: &Rules, fulfilment: Handover) -> Vec<Adjustment> {
    let delivery = rules.delivery_fee(goods).filter(|_| fulfilment == Handover::Delivery);
    let small = rules.small_order_fee(goods);
    [("delivery", delivery), ("small order", small)]
        .into_iter()
        .filter_map(|(rule, amount)| Some(Adjustment { rule: rule.to_owned(), amount: amount? }))
        .collect()
}

/// Tax per category on what is left of each line after its share of the discounts.
fn taxes(
    lines: &[(QuotedLine, &Product)],
    subtotal: Money,
    goods: Money,
    taxes: &Taxes,
) -> Result<Vec<Adjustment>, PricingError> {
    let mut by_category: BTreeMap<&str, (u32, Money)> = BTreeMap::new();
    for (line, product) in lines {
        let Some(rate) = taxes.rates.get(&product.category).copied().filter(|rate| *rate > 0) else {
            continue;
        };
        let tax = Money::new(tax_of(line.total, subtotal, goods, rate, taxes.included)?, subtotal.currency);
        let (_, sum) = by_category.entry(&product.category).or_insert((rate, Money::zero(subtotal.currency)));
        *sum = sum.plus(tax)?;
    }
    let included = if taxes.included { ", included" } else { "" };
    Ok(by_category
        .into_iter()
        .filter(|(_, (_, amount))| amount.amount > 0)
        .map(|(category, (rate, amount))| {
            let rule = format!("tax on {category} {}.{:02} %{included}", rate / 100, rate % 100);
            Adjustment { rule, amount }
        })
        .collect())
}

/// line × goods ÷ subtotal × rate as one fraction, so that it is rounded once.
fn tax_of(line: Money, subtotal: Money, goods: Money, rate: u32, included: bool) -> Result<i64, MoneyError> {
    if subtotal.amount == 0 {
        return Ok(0);
    }
    let whole = if included { 10_000 + i128::from(rate) } else { 10_000 };
    let share = i128::from(line.amount)
        .checked_mul(i128::from(goods.amount))
        .and_then(|product| product.checked_mul(i128::from(rate)))
        .ok_or(MoneyError::Overflow)?;
    let parts = i128::from(subtotal.amount) * whole;
    let (quotient, rest) = (share.div_euclid(parts), share.rem_euclid(parts));
    let up = match rest.cmp(&(parts - rest)) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => quotient.rem_euclid(2),
        std::cmp::Ordering::Greater => 1,
    };
    i64::try_from(quotient + up).map_err(|_| MoneyError::Overflow)
}

fn sum(amounts: impl Iterator<Item = Money>, currency: Currency) -> Result<Money, MoneyError> {
    let mut amounts = amounts;
    amounts.try_fold(Money::zero(currency), Money::plus)
}
