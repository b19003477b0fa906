//! People and places.

use serde::{Deserialize, Serialize};

use super::{Email, Invalid, Note, PersonName, Phone};

/// Who ordered, and how to reach them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Their name.
    pub name: PersonName,
    /// Their e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// Their telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
}

/// Where a delivery goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Street and number.
    pub street: Note,
    /// Town.
    pub city: Note,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<Note>,
    /// Country, as written on a parcel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Note>,
}

/// How the order reaches the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fulfilment {
    /// A courier brings it.
    Delivery {
        /// Where to.
        address: Address,
    },
    /// The customer fetches it.
    Pickup,
}

/// A point on the map, in degrees (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawPoint")]
pub struct GeoPoint {
    latitude: f64,
    longitude: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPoint {
    latitude: f64,
    longitude: f64,
}

impl GeoPoint {
    /// # Errors
    /// When the latitude is not within ±90 or the longitude not within ±180.
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, Invalid> {
        if (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude) {
            Ok(Self { latitude, longitude })
        } else {
            Err(Invalid::new("must be a latitude within ±90 and a longitude within ±180"))
        }
    }

    /// Degrees north of the equator.
    #[must_use]
    pub fn latitude(self) -> f64 {
        self.latitude
    }

    /// Degrees east of Greenwich.
    #[must_use]
    pub fn longitude(self) -> f64 {
        self.longitude
    }
}

impl TryFrom<RawPoint> for GeoPoint {
    type Error = Invalid;
    fn try_from(raw: RawPoint) -> Result<Self, Invalid> {
        Self::new(raw.latitude, raw.longitude)
    }
}
