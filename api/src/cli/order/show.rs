//! One order for people: where it stands, for whom, what and how much.

use comfy_table::CellAlignment;
use serde_json::Value;

use crate::cli::output::{drawn, list, money, plain, table, text, time, words};

/// The order.
pub(super) fn render(order: &Value) -> String {
    format!("{}\n\n{}", head(order), bill(order))
}

fn head(order: &Value) -> String {
    let mut table = table(&[]);
    let rows = [
        ("order", text(order, "/id")),
        ("status", status(order)),
        ("placed", time(order, "/created")),
        ("wanted for", time(order, "/requested_for")),
        ("ready by", time(order, "/ready_by")),
        (
            "customer",
            joined(&["/contact/name", "/contact/email", "/contact/phone"].map(|at| text(order, at))),
        ),
        ("fulfilment", fulfilment(order)),
        ("note", text(order, "/note")),
        ("cancelled", cancellation(order)),
        ("payment", text(order, "/payment_id")),
        ("schedule", text(order, "/schedule_id")),
        ("shipment", text(order, "/shipment_id")),
        ("version", text(order, "/version")),
    ];
    for (name, value) in rows {
        if !value.is_empty() {
            table.add_row([name, &value]);
        }
    }
    drawn(table)
}

/// For clients, and as people in the shop say it where that says more.
fn status(order: &Value) -> String {
    let (status, stage) = (text(order, "/status"), words(order, "/stage"));
    if status == stage { status } else { joined(&[status, stage]) }
}

fn joined(parts: &[String]) -> String {
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

fn fulfilment(order: &Value) -> String {
    let address = ["street", "postal_code", "city", "country"]
        .map(|part| text(order, &format!("/fulfilment/address/{part}")));
    let to = joined(&address);
    let how = text(order, "/fulfilment/type");
    if to.is_empty() { how } else { format!("{how} to {to}") }
}

fn cancellation(order: &Value) -> String {
    let reason = words(order, "/cancellation/reason");
    if reason.is_empty() {
        return reason;
    }
    joined(&[reason, format!("by {}", text(order, "/cancellation/by")), text(order, "/cancellation/detail")])
}

/// Lines, what is taken off, what is added, and the total.
fn bill(order: &Value) -> String {
    let mut table = table(&["quantity", "what", "size", "each", "total"]);
    for line in list(order, "/lines") {
        table.add_row([
            text(line, "/quantity"),
            text(line, "/name"),
            text(line, "/size"),
            money(line, "/unit_price"),
            money(line, "/total"),
        ]);
    }
    for (part, sign) in [("/discounts", "-"), ("/fees", ""), ("/taxes", "")] {
        for adjustment in list(order, part) {
            let amount = format!("{sign}{}", money(adjustment, "/amount"));
            table.add_row([
                String::new(),
                plain(&text(adjustment, "/rule")),
                String::new(),
                String::new(),
                amount,
            ]);
        }
    }
    table.add_row([String::new(), "total".to_owned(), String::new(), String::new(), money(order, "/total")]);
    for column in [0, 3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    drawn(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn eur(amount: i64) -> Value {
        json!({ "amount": amount, "currency": "EUR" })
    }

    #[test]
    fn an_order_is_shown_with_its_bill() {
        let order = json!({
            "id": "0198", "status": "cancelled", "stage": "cancelled", "version": 4,
            "created": "2026-05-01T12:00:00Z", "contact": { "name": "Ada", "phone": "0301234567" },
            "fulfilment": { "type": "delivery", "address": { "street": "Gasse 1", "city": "Wien" } },
            "lines": [{ "sku": "c", "name": "Cappuccino", "size": "big", "quantity": 12,
                        "unit_price": eur(350), "total": eur(4200) }],
            "discounts": [{ "rule": "code TEN", "amount": eur(420) }],
            "fees": [{ "rule": "delivery", "amount": eur(250) }],
            "taxes": [],
            "total": eur(4030),
            "cancellation": { "reason": "no_courier", "by": "process" },
        });
        assert_eq!(
            render(&order),
            "order       0198\n\
             status      cancelled\n\
             placed      2026-05-01 12:00:00Z\n\
             customer    Ada, 0301234567\n\
             fulfilment  delivery to Gasse 1, Wien\n\
             cancelled   no courier, by process\n\
             version     4\n\
             \n\
             quantity  what        size      each      total\n      \
                   12  Cappuccino  big   3.50 EUR  42.00 EUR\n          \
                       code TEN                    -4.20 EUR\n          \
                       delivery                     2.50 EUR\n          \
                       total                       40.30 EUR"
        );
    }

    #[test]
    fn an_order_that_says_little_is_shown_all_the_same() {
        assert!(render(&json!({ "id": "0198" })).starts_with("order  0198\n"));
        assert!(!render(&json!(null)).is_empty());
    }
}
