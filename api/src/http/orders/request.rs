//! What clients send about orders.

use serde::Deserialize;
use spindle_domain::order::{CancelReason, OrderCommand, Party, Place};
use spindle_domain::pricing::{LineRequest, Quote};
use spindle_domain::values::{
    Address, Contact, Currency, CustomerId, Fulfilment, LocationId, Money, Note, PaymentId, PaymentMethod,
    Quantity, Size, Sku,
};
use uuid::Uuid;

use crate::http::moment::Moment;
use crate::problem::Problem;

/// The longest promo code, in characters: codes are typed by hand.
const LONGEST_PROMO_CODE: usize = 64;

/// A new order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceBody {
    pub(super) lines: Vec<LineBody>,
    contact: Contact,
    #[serde(default)]
    customer_id: Option<CustomerId>,
    fulfilment: FulfilmentBody,
    #[serde(default)]
    pub(super) currency: Option<CurrencyCode>,
    #[serde(default)]
    pub(super) promo_code: Option<PromoCode>,
    #[serde(default)]
    note: Option<Note>,
    #[serde(default)]
    location: Option<LocationId>,
    #[serde(default)]
    requested_for: Option<Moment>,
    #[serde(default)]
    payment: Option<PayBody>,
}

/// Other lines for an order that nobody has paid.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReviseBody {
    pub(super) lines: Vec<LineBody>,
    #[serde(default)]
    pub(super) currency: Option<CurrencyCode>,
    #[serde(default)]
    pub(super) promo_code: Option<PromoCode>,
    #[serde(default)]
    note: Option<Note>,
}

/// One line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineBody {
    sku: Sku,
    #[serde(default)]
    size: Option<Size>,
    quantity: Quantity,
    #[serde(default)]
    unit_price: Option<Money>,
}

/// How the order reaches the customer. Read by hand, because a tagged enum would lose the place of a fault.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FulfilmentBody {
    r#type: FulfilmentType,
    #[serde(default)]
    address: Option<Address>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FulfilmentType {
    Delivery,
    Pickup,
}

/// With what to pay.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PayBody {
    method: PaymentMethod,
}

/// Why to cancel.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CancelBody {
    #[serde(default)]
    reason: Option<CancelReason>,
    #[serde(default)]
    detail: Option<Note>,
}

/// An ISO 4217 code.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct CurrencyCode(pub(super) Currency);

impl TryFrom<String> for CurrencyCode {
    type Error = String;

    fn try_from(code: String) -> Result<Self, String> {
        Currency::from_code(&code)
            .map(Self)
            .ok_or_else(|| format!("{code:?} is not an ISO 4217 currency code"))
    }
}

/// The word for a discount.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct PromoCode(pub(super) String);

impl TryFrom<String> for PromoCode {
    type Error = String;

    fn try_from(code: String) -> Result<Self, String> {
        if (1..=LONGEST_PROMO_CODE).contains(&code.chars().count()) {
            Ok(Self(code))
        } else {
            Err(format!("must be 1 to {LONGEST_PROMO_CODE} characters"))
        }
    }
}

impl FulfilmentBody {
    fn read(self) -> Result<Fulfilment, Problem> {
        match (self.r#type, self.address) {
            (FulfilmentType::Delivery, Some(address)) => Ok(Fulfilment::Delivery { address }),
            (FulfilmentType::Delivery, None) => Err(Problem::body("/fulfilment/address", "is missing")),
            (FulfilmentType::Pickup, None) => Ok(Fulfilment::Pickup),
            (FulfilmentType::Pickup, Some(_)) => {
                Err(Problem::body("/fulfilment/address", "must be left out when the order is picked up"))
            }
        }
    }
}

impl PlaceBody {
    /// How the order reaches the customer, which its price depends on.
    pub(super) fn fulfilment(&mut self) -> Result<Fulfilment, Problem> {
        let FulfilmentBody { r#type, address } = &mut self.fulfilment;
        FulfilmentBody { r#type: *r#type, address: address.take() }.read()
    }

    /// The command, with what the server adds: the price, and the shop when none was named.
    pub(super) fn command(self, quote: Quote, fulfilment: Fulfilment, location: &LocationId) -> OrderCommand {
        OrderCommand::Place(Place {
            quote,
            contact: self.contact,
            customer: self.customer_id,
            fulfilment,
            location: self.location.unwrap_or_else(|| location.clone()),
            note: self.note,
            requested_for: self.requested_for.map(|Moment(time)| time),
            pay: self.payment.map(|PayBody { method }| (PaymentId(Uuid::now_v7()), method)),
        })
    }
}

impl ReviseBody {
    pub(super) fn command(self, quote: Quote) -> OrderCommand {
        OrderCommand::Revise { quote, note: self.note }
    }
}

impl PayBody {
    pub(super) fn command(self) -> OrderCommand {
        OrderCommand::RequestPayment { payment: PaymentId(Uuid::now_v7()), method: self.method }
    }
}

impl CancelBody {
    /// The command. Only an operator may say that something else than the customer's wish is the reason.
    pub(super) fn command(self, by: Party) -> Result<OrderCommand, Problem> {
        let own = match by {
            Party::Customer => CancelReason::CustomerRequest,
            Party::Operator | Party::Process => CancelReason::Operator,
        };
        match self.reason {
            Some(reason) if by == Party::Customer && reason != own => {
                Err(Problem::body("/reason", "must be customer_request, unless an operator cancels"))
            }
            reason => Ok(OrderCommand::Cancel { reason: reason.unwrap_or(own), by, detail: self.detail }),
        }
    }
}

impl From<&LineBody> for LineRequest {
    fn from(line: &LineBody) -> Self {
        Self { sku: line.sku.clone(), size: line.size, quantity: line.quantity, unit_price: line.unit_price }
    }
}
