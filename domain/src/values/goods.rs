//! What is sold: skus, sizes, quantities.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Invalid;
use super::ids::slug_ids;
use super::text::slug;

slug_ids! {
    /// Names a product: 1 to 64 letters, digits, `-`, `_` or `.`; `PROD001` and `prod001` are the same.
    Sku,
}

/// The sizes that a product may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// The small one.
    Small,
    /// The middle one.
    Medium,
    /// The big one.
    Big,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Big => "big",
        })
    }
}

/// How many: 1 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Quantity(u32);

impl Quantity {
    /// The largest quantity of one line.
    pub const MAX: u32 = 1_000_000;

    /// # Errors
    /// When the number is not 1 to 1,000,000.
    pub fn new(number: i64) -> Result<Self, Invalid> {
        u32::try_from(number)
            .ok()
            .filter(|n| (1..=Self::MAX).contains(n))
            .map(Self)
            .ok_or_else(|| Invalid::new(format!("must be a whole number from 1 to {}", Self::MAX)))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<i64> for Quantity {
    type Error = Invalid;
    fn try_from(number: i64) -> Result<Self, Invalid> {
        Self::new(number)
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> i64 {
        i64::from(quantity.0)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One thing to cook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What, as the kitchen reads it: a sku, or a walk-in's own words.
    pub product: String,
    /// In which size, for products that have sizes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// How many.
    pub quantity: u64,
}
