//! The rules that turn the sum of the lines into a total. They come from configuration; the default is no rules.
//!
//! Money in a rule counts only for orders in its currency: a shop that sells in two currencies writes a rule for
//! each. An amount of nothing or less changes nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

use crate::values::{Currency, Money};

/// Discounts, fees and taxes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Something off from a total on. Of those that are reached, the one that takes the most off counts.
    pub discounts: Vec<Discount>,
    /// Something off for whoever knows the word; comes on top of the other discounts.
    pub promo_codes: Vec<PromoCode>,
    /// A share off at certain hours. Where windows overlap, the largest share counts.
    pub happy_hours: Vec<HappyHour>,
    /// What a courier costs, by the total after discounts: the highest bracket that is reached counts.
    pub delivery_fees: Vec<DeliveryFee>,
    /// What is added to small orders.
    pub small_order: Option<SmallOrderFee>,
    /// Tax.
    pub taxes: Taxes,
}

/// How much is taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Off {
    /// A share of each line, in basis points: 1,000 is 10 %.
    BasisPoints(u32),
    /// An amount, once per order.
    Amount(Money),
}

/// Something off from a total on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discount {
    /// Its name, as customers read it in the quote.
    pub name: String,
    /// The sum of the lines from which it counts.
    pub from: Money,
    /// How much.
    pub off: Off,
}

/// Something off for whoever knows the word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromoCode {
    /// The word; upper and lower case are the same.
    pub code: String,
    /// How much.
    pub off: Off,
    /// The first moment at which it holds; always if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// The first moment at which it no longer holds; never ends if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// A share off between two times of every day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HappyHour {
    /// Its name, as customers read it in the quote.
    pub name: String,
    /// Begins at this time of day, UTC.
    pub from: NaiveTime,
    /// Is over at this time of day, UTC; a time before `from` is on the next day.
    pub until: NaiveTime,
    /// The share of each line, in basis points: 1,000 is 10 %.
    pub basis_points: u32,
}

/// What a courier costs from a total on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryFee {
    /// The total after discounts from which it counts.
    pub from: Money,
    /// How much; nothing for free delivery.
    pub fee: Money,
}

/// What is added to small orders, delivered or picked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmallOrderFee {
    /// The total after discounts below which it counts.
    pub below: Money,
    /// How much.
    pub fee: Money,
}

/// Tax on what is sold, after discounts. Fees are not taxed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Taxes {
    /// Whether prices include tax: then it is reported and adds nothing. Default true.
    pub included: bool,
    /// The rate of each category, in basis points: 1,900 is 19 %. Other categories bear none.
    pub rates: BTreeMap<String, u32>,
}

impl Default for Taxes {
    fn default() -> Self {
        Self { included: true, rates: BTreeMap::new() }
    }
}

impl PromoCode {
    /// Whether a client's word means this code.
    pub(super) fn is(&self, word: &str) -> bool {
        self.code.trim().to_lowercase() == word.trim().to_lowercase()
    }

    /// Whether it holds at that moment.
    pub(super) fn holds(&self, now: DateTime<Utc>) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }
}

impl HappyHour {
    /// Whether that moment lies in the window.
    pub(super) fn holds(&self, now: DateTime<Utc>) -> bool {
        let time = now.time();
        if self.from <= self.until {
            self.from <= time && time < self.until
        } else {
            self.from <= time || time < self.until
        }
    }
}

impl Rules {
    /// The happy hour at that moment.
    pub(super) fn happy_hour(&self, now: DateTime<Utc>) -> Option<&HappyHour> {
        self.happy_hours.iter().filter(|hour| hour.holds(now)).max_by_key(|hour| hour.basis_points)
    }

    /// The courier's fee for that total.
    pub(super) fn delivery_fee(&self, total: Money) -> Option<Money> {
        let reached = self.delivery_fees.iter().filter(|bracket| reaches(total, bracket.from));
        reached
            .max_by_key(|bracket| bracket.from.amount)
            .and_then(|bracket| fee_in(bracket.fee, total.currency))
    }

    /// What is added for being small.
    pub(super) fn small_order_fee(&self, total: Money) -> Option<Money> {
        let rule = self.small_order.as_ref()?;
        let small = rule.below.currency == total.currency && total.amount < rule.below.amount;
        fee_in(rule.fee, total.currency).filter(|_| small)
    }
}

/// Whether a total is at least that much, in the same currency.
pub(super) fn reaches(total: Money, from: Money) -> bool {
    total.currency == from.currency && total.amount >= from.amount
}

fn fee_in(fee: Money, currency: Currency) -> Option<Money> {
    Some(fee).filter(|fee| fee.currency == currency && fee.amount > 0)
}
