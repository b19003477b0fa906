//! Money: whole minor units of one currency. Overflow and mixed currencies are errors, never wrong sums.

use std::fmt;

use iso_currency::Currency;
use serde::{Deserialize, Serialize};

/// An amount of money in minor units (cents for EUR, yen for JPY), of an ISO 4217 currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    #[serde(with = "code")]
    pub currency: Currency,
}

/// A sum that cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Two currencies do not add up.
    #[error("{} and {} cannot be added", .0.code(), .1.code())]
    MixedCurrencies(Currency, Currency),
    /// More than 64 bits of minor units.
    #[error("the amount is too large")]
    Overflow,
}

impl Money {
    /// So many minor units of a currency.
    #[must_use]
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Nothing, in a currency.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// # Errors
    /// [`MoneyError`] when the currencies differ or the sum does not fit.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        self.amount.checked_add(other.amount).map(|n| Self::new(n, self.currency)).ok_or(MoneyError::Overflow)
    }

    /// # Errors
    /// [`MoneyError`] when the currencies differ or the difference does not fit.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        self.amount.checked_sub(other.amount).map(|n| Self::new(n, self.currency)).ok_or(MoneyError::Overflow)
    }

    /// # Errors
    /// [`MoneyError::Overflow`] when the product does not fit.
    pub fn times(self, count: u32) -> Result<Self, MoneyError> {
        self.amount
            .checked_mul(i64::from(count))
            .map(|n| Self::new(n, self.currency))
            .ok_or(MoneyError::Overflow)
    }

    /// A share in basis points (1 % = 100), rounded half to even.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] when the share does not fit.
    pub fn share(self, basis_points: u32) -> Result<Self, MoneyError> {
        let product = i128::from(self.amount) * i128::from(basis_points);
        let (whole, rest) = (product.div_euclid(10_000), product.rem_euclid(10_000));
        let rounded = match rest.cmp(&5_000) {
            std::cmp::Ordering::Less => whole,
            std::cmp::Ordering::Greater => whole + 1,
            std::cmp::Ordering::Equal => whole + whole.rem_euclid(2),
        };
        i64::try_from(rounded).map(|n| Self::new(n, self.currency)).map_err(|_| MoneyError::Overflow)
    }

    fn same(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::MixedCurrencies(self.currency, other.currency))
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.currency.code();
        let digits = usize::from(self.currency.exponent().unwrap_or(0));
        let sign = if self.amount < 0 { "-" } else { "" };
        let units = self.amount.unsigned_abs();
        match 10_u64.checked_pow(u32::try_from(digits).unwrap_or(0)) {
            Some(scale) if digits > 0 => {
                write!(f, "{sign}{}.{:0digits$} {code}", units / scale, units % scale)
            }
            _ => write!(f, "{sign}{units} {code}"),
        }
    }
}

mod code {
    use iso_currency::Currency;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    pub(super) fn serialize<S: Serializer>(currency: &Currency, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(currency.code())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Currency, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(from)?;
        Currency::from_code(&code)
            .ok_or_else(|| D::Error::custom(format!("{code:?} is not an ISO 4217 currency code")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EUR: Currency = Currency::EUR;

    #[test]
    fn money_is_shown_in_major_units() {
        assert_eq!(Money::new(1220, EUR).to_string(), "12.20 EUR");
        assert_eq!(Money::new(-5, EUR).to_string(), "-0.05 EUR");
        assert_eq!(Money::new(500, Currency::JPY).to_string(), "500 JPY");
    }

    #[test]
    fn currencies_do_not_mix_and_sums_do_not_wrap() {
        assert_eq!(
            Money::new(1, EUR).plus(Money::new(1, Currency::USD)),
            Err(MoneyError::MixedCurrencies(EUR, Currency::USD))
        );
        assert_eq!(Money::new(i64::MAX, EUR).plus(Money::new(1, EUR)), Err(MoneyError::Overflow));
        assert_eq!(Money::new(i64::MAX, EUR).times(2), Err(MoneyError::Overflow));
    }

    #[test]
    fn halves_are_rounded_to_even() {
        assert_eq!(Money::new(5, EUR).share(1_000).map(|m| m.amount), Ok(0));
        assert_eq!(Money::new(15, EUR).share(1_000).map(|m| m.amount), Ok(2));
        assert_eq!(Money::new(25, EUR).share(1_000).map(|m| m.amount), Ok(2));
    }

    #[test]
    fn an_unknown_currency_is_named() {
        let error = serde_json::from_str::<Money>(r#"{"amount":1,"currency":"XQX"}"#).unwrap_err();
        assert!(error.to_string().contains("XQX"), "{error}");
    }

    proptest! {
        #[test]
        fn a_share_and_the_rest_make_the_whole(amount in 0_i64..1_000_000_000, points in 0_u32..=10_000) {
            let whole = Money::new(amount, EUR);
            let share = whole.share(points).unwrap();
            prop_assert!(share.amount >= 0 && share.amount <= amount);
            prop_assert_eq!(share.plus(whole.minus(share).unwrap()).unwrap(), whole);
        }
    }
}
