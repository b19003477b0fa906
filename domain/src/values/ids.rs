//! Identifiers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Invalid;
use super::text::slug;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;
            fn from_str(text: &str) -> Result<Self, Invalid> {
                Uuid::parse_str(text).map(Self).map_err(|_| Invalid::new("must be a UUID"))
            }
        }
    )*};
}

uuid_ids! {
    /// Names an order; version 7, so that identifiers sort by age.
    OrderId,
    /// Names a payment.
    PaymentId,
    /// Names a kitchen schedule.
    ScheduleId,
    /// Names a shipment.
    ShipmentId,
    /// Names a customer.
    CustomerId,
    /// Names one refund of a payment.
    RefundId,
}

macro_rules! slug_ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// When the text is not 1 to 64 letters, digits, `-`, `_` or `.`.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                slug(text).map(Self)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;
            fn try_from(text: String) -> Result<Self, Invalid> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
pub(super) use slug_ids;

slug_ids! {
    /// Names a courier, as the courier service names them.
    CourierId,
    /// Names a shop with its kitchen.
    LocationId,
}

impl Default for LocationId {
    /// The one location of a single shop, which never meets the word.
    fn default() -> Self {
        Self("main".to_owned())
    }
}
