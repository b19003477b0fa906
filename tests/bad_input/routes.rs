//! Every route that writes, in an order in which all of them can be walked through, each with a body that it takes.

use anyhow::Result;
use harness::{Edge, order};
use serde_json::{Value, json};
use spindle::config::Config;
use spindle_domain::pricing::{Off, PromoCode};
use uuid::Uuid;

/// The promo code that the shop of these tests knows.
const PROMO: &str = "spring";

/// A route that writes.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: String,
    /// A body that it takes, with every field that there is.
    pub(super) good: Value,
    /// The fields that must be there.
    pub(super) required: &'static [&'static str],
    /// Whether the whole body may be left out.
    pub(super) may_be_empty: bool,
    /// Objects, written as arrays of their fields.
    pub(super) arrays: Vec<(&'static str, Value)>,
}

impl Route {
    fn new(method: &'static str, path: String, good: Value, required: &'static [&'static str]) -> Self {
        Self { method, path, good, required, may_be_empty: false, arrays: Vec::new() }
    }

    /// The path, with `{id}` for an identifier.
    pub(super) fn template(&self) -> String {
        let step =
            |step: &str| if Uuid::parse_str(step).is_ok() { "{id}".to_owned() } else { step.to_owned() };
        self.path.split('/').map(step).collect::<Vec<_>>().join("/")
    }

    fn post(path: String, good: Value, required: &'static [&'static str]) -> Self {
        Self::new("POST", path, good, required)
    }

    fn may_be_empty(self) -> Self {
        Self { may_be_empty: true, ..self }
    }

    fn or_array(mut self, pointer: &'static str, fields: Value) -> Self {
        self.arrays.push((pointer, fields));
        self
    }
}

/// Sells with a promo code.
pub(super) fn with_promo(config: &mut Config) {
    let off = Off::BasisPoints(1_000);
    config.pricing.promo_codes = vec![PromoCode { code: PROMO.to_owned(), off, from: None, until: None }];
}

/// An order with every field that there is.
pub(super) fn whole_order() -> Value {
    json!({
        "lines": [{
            "sku": "cappuccino", "size": "medium", "quantity": 2,
            "unit_price": { "amount": 370, "currency": "EUR" },
        }],
        "contact": { "name": "Ada Lovelace", "email": "ada@example.com", "phone": "+49 30 1234567" },
        "customer_id": "0190b5a0-0000-7000-8000-000000000001",
        "fulfilment": {
            "type": "delivery",
            "address": { "street": "Long Lane 1", "city": "London", "postal_code": "EC1A", "country": "UK" },
        },
        "currency": "EUR",
        "promo_code": PROMO,
        "note": "no sugar",
        "location": "main",
        "requested_for": "2999-05-01T12:00:00+02:00",
        "payment": { "method": "tok_ok" },
    })
}

/// The table. Makes what the routes are about.
pub(super) async fn all(edge: &Edge) -> Result<Vec<Route>> {
    let mut routes = orders(edge).await?;
    routes.extend(kitchen(edge).await?);
    routes.extend(payments(edge).await?);
    routes.extend(shipments(edge).await?);
    Ok(routes)
}

async fn orders(edge: &Edge) -> Result<Vec<Route>> {
    let unpaid = order::unpaid(order::delivery(""));
    let first = edge.make("/api/v1/orders", &unpaid).await?;
    let second = edge.make("/api/v1/orders", &unpaid).await?;
    let at = |id: &str, verb: &str| format!("/api/v1/orders/{id}{verb}");
    let line = json!({ "sku": "latte", "size": "big", "quantity": 1, "unit_price": { "amount": 440, "currency": "EUR" } });
    Ok(vec![
        Route::post(
            "/api/v1/orders".into(),
            whole_order(),
            &[
                "/lines",
                "/lines/0/sku",
                "/lines/0/quantity",
                "/lines/0/unit_price/amount",
                "/lines/0/unit_price/currency",
                "/contact",
                "/contact/name",
                "/fulfilment",
                "/fulfilment/type",
                "/fulfilment/address",
                "/fulfilment/address/street",
                "/fulfilment/address/city",
                "/payment/method",
            ],
        )
        .or_array("/lines/0", json!(["latte", "big", 1]))
        .or_array("/lines/0/unit_price", json!([370, "EUR"]))
        .or_array("/contact", json!(["Ada"]))
        .or_array("/fulfilment", json!(["pickup"]))
        .or_array("/fulfilment/address", json!(["Long Lane 1", "London"]))
        .or_array("/payment", json!(["tok_ok"])),
        Route::new(
            "PUT",
            at(&first, ""),
            json!({ "lines": [line], "currency": "EUR", "promo_code": PROMO, "note": "two sugars" }),
            &["/lines", "/lines/0/sku", "/lines/0/quantity"],
        )
        .or_array("/lines/0", json!(["latte", "big", 1])),
        Route::new("DELETE", at(&first, ""), json!({}), &[]).may_be_empty(),
        Route::post(at(&second, "/pay"), json!({ "method": "tok_ok" }), &["/method"]),
        Route::post(
            at(&second, "/cancel"),
            json!({ "reason": "customer_request", "detail": "too late" }),
            &[],
        )
        .may_be_empty(),
    ])
}

async fn kitchen(edge: &Edge) -> Result<Vec<Route>> {
    let walk_in = json!({
        "items": [{ "product": "soup", "size": "big", "quantity": 2 }],
        "note": "hot", "due": "2999-05-01T12:00:00Z", "location": "main",
    });
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(edge.make("/api/v1/kitchen/schedules", &walk_in).await?);
    }
    let at = |id: &str, verb: &str| format!("/api/v1/kitchen/schedules/{id}{verb}");
    let other = json!({ "items": [{ "product": "bread", "size": "small", "quantity": 1 }] });
    Ok(vec![
        Route::post("/api/v1/kitchen/schedules".into(), walk_in, &["/items", "/items/0/product"])
            .or_array("/items/0", json!(["soup"])),
        Route::new("PUT", at(&ids[0], ""), other, &["/items", "/items/0/product"])
            .or_array("/items/0", json!(["soup", "big", 1])),
        Route::post(at(&ids[0], "/accept"), json!({ "ready_by": "2999-05-01T12:00:00Z" }), &[])
            .may_be_empty(),
        Route::post(at(&ids[0], "/start"), json!({}), &[]).may_be_empty(),
        Route::post(at(&ids[0], "/finish"), json!({}), &[]).may_be_empty(),
        Route::post(at(&ids[0], "/collect"), json!({}), &[]).may_be_empty(),
        Route::new("DELETE", at(&ids[0], ""), json!({}), &[]).may_be_empty(),
        Route::post(at(&ids[1], "/reject"), json!({ "reason": "we are closing" }), &["/reason"]),
        Route::post(at(&ids[2], "/cancel"), json!({ "reason": "no bread" }), &[]).may_be_empty(),
    ])
}

async fn payments(edge: &Edge) -> Result<Vec<Route>> {
    let id = edge.captured().await?;
    let good = json!({ "amount": { "amount": 100, "currency": "EUR" }, "reason": "it was cold" });
    Ok(vec![
        Route::post(
            format!("/api/v1/payments/{id}/refund"),
            good,
            &["/reason", "/amount/amount", "/amount/currency"],
        )
        .or_array("/amount", json!([100, "EUR"])),
    ])
}

async fn shipments(edge: &Edge) -> Result<Vec<Route>> {
    let (first, second) = (edge.shipment().await?, edge.shipment().await?);
    let bob = json!({ "courier": "bob" });
    for verb in ["assign", "pick-up"] {
        edge.client.post(&format!("/api/v1/shipments/{second}/{verb}"), &bob).await?.ok()?;
    }
    let third = edge.shipment().await?;
    let at = |id: Uuid, verb: &str| format!("/api/v1/shipments/{id}/{verb}");
    let point = json!({ "courier": "bob", "latitude": 51.5, "longitude": -0.125 });
    Ok(vec![
        Route::post(at(first, "assign"), bob.clone(), &["/courier"]),
        Route::post(at(first, "position"), point, &["/courier", "/latitude", "/longitude"]),
        Route::post(at(first, "pick-up"), bob.clone(), &["/courier"]),
        Route::post(at(first, "deliver"), json!({ "courier": "bob", "proof": "code 7" }), &["/courier"]),
        Route::post(
            at(second, "fail"),
            json!({ "courier": "bob", "reason": "nobody there" }),
            &["/courier", "/reason"],
        ),
        Route::post(at(second, "return"), bob.clone(), &["/courier"]),
        Route::post(at(third, "unassign"), json!({ "reason": "flat tyre" }), &[]).may_be_empty(),
        Route::post(at(third, "cancel"), json!({ "reason": "no longer wanted" }), &[]).may_be_empty(),
    ])
}
