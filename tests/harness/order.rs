//! Orders to place.

use serde_json::{Value, json};

/// A coffee to be delivered, paid at once with a token.
#[must_use]
pub fn delivery(token: &str) -> Value {
    json!({
        "lines": [{ "sku": "cappuccino", "size": "medium", "quantity": 2 }],
        "contact": { "name": "Ada Lovelace", "email": "ada@example.com" },
        "fulfilment": { "type": "delivery", "address": { "street": "Long Lane 1", "city": "London" } },
        "payment": { "method": token },
    })
}

/// The same, fetched by the customer.
#[must_use]
pub fn pickup(token: &str) -> Value {
    let mut order = delivery(token);
    order["fulfilment"] = json!({ "type": "pickup" });
    order
}

/// The same, not paid yet.
#[must_use]
pub fn unpaid(mut order: Value) -> Value {
    if let Some(fields) = order.as_object_mut() {
        fields.remove("payment");
    }
    order
}
