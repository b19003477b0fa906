//! One sentence for each thing that happens.

use spindle_domain::fact::Fact;
use spindle_domain::kitchen::ScheduleEvent;
use spindle_domain::order::{CancelReason, OrderEvent, Party};
use spindle_domain::payment::PaymentEvent;
use spindle_domain::pricing::Quote;
use spindle_domain::shipment::ShipmentEvent;
use spindle_domain::values::{Fulfilment, Item, Note, Size};

/// How many lines of an order a sentence names; the rest is counted.
const NAMED: usize = 3;

/// What happened, in a sentence.
pub(super) fn sentence(fact: &Fact) -> String {
    match fact {
        Fact::Order(_, event) => order(event),
        Fact::Payment(_, event) => payment(event),
        Fact::Kitchen(_, event) => kitchen(event),
        Fact::Shipment(_, event) => shipment(event),
    }
}

fn order(event: &OrderEvent) -> String {
    match event {
        OrderEvent::Placed { quote, contact, fulfilment, .. } => {
            let how = match fulfilment {
                Fulfilment::Delivery { .. } => "delivery",
                Fulfilment::Pickup => "pickup",
            };
            format!("{} ordered {} for {how}, {}.", contact.name, lines(quote), quote.total)
        }
        OrderEvent::Revised { quote, .. } => {
            format!("The order was changed to {}, {}.", lines(quote), quote.total)
        }
        OrderEvent::PaymentRequested { amount, attempt, .. } => {
            format!("The customer pays {amount}, attempt {attempt}.")
        }
        OrderEvent::PaymentFailed { why, .. } => {
            format!("The payment failed and can be tried again: {}.", bare(why))
        }
        OrderEvent::Paid { .. } => "The order is paid.".to_owned(),
        OrderEvent::EnteredKitchen { ready_by, .. } => {
            format!("The kitchen works on the order; it will be ready by {} UTC.", ready_by.format("%H:%M"))
        }
        OrderEvent::Ready => "Everything is cooked.".to_owned(),
        OrderEvent::Dispatched { .. } => "The order is on its way.".to_owned(),
        OrderEvent::Delivered => "The customer has the order.".to_owned(),
        OrderEvent::Collected => "The customer has fetched the order.".to_owned(),
        OrderEvent::CancellationRequested { reason, by, detail } => {
            format!("{} cancelled the order: {}{}.", party(*by), cause(*reason), aside(detail.as_ref()))
        }
        OrderEvent::Cancelled => "The order is cancelled, and everything is undone.".to_owned(),
        OrderEvent::Discarded => "The order was taken out of sight.".to_owned(),
    }
}

fn payment(event: &PaymentEvent) -> String {
    match event {
        PaymentEvent::Requested { amount, .. } => format!("The payment provider is asked for {amount}."),
        PaymentEvent::ActionRequired { .. } => {
            "The customer must confirm the payment with their bank.".to_owned()
        }
        PaymentEvent::Authorized { amount, .. } => format!("The payment provider holds {amount}."),
        PaymentEvent::Captured { amount, .. } => format!("The payment provider took {amount}."),
        PaymentEvent::Failed { code, message } => {
            format!("The payment was declined ({code}): {}.", bare(message))
        }
        PaymentEvent::CaptureFailed { code, message } => {
            format!("The payment provider would not take what it holds ({code}): {}.", bare(message))
        }
        PaymentEvent::OutcomeUnknown { operation, error } => {
            format!("The outcome of the {operation} is unknown and will be asked for: {}.", bare(error))
        }
        PaymentEvent::Voided => "The payment provider let go of what it held.".to_owned(),
        PaymentEvent::RefundRequested { amount, reason, .. } => {
            format!("{amount} go back: {}.", bare(reason.as_str()))
        }
        PaymentEvent::Refunded { amount, .. } => format!("{amount} went back to the customer."),
        PaymentEvent::RefundFailed { amount, error, .. } => {
            format!("{amount} did not go back, and an operator must look: {}.", bare(error))
        }
    }
}

fn kitchen(event: &ScheduleEvent) -> String {
    match event {
        ScheduleEvent::Scheduled { items, .. } => format!("The kitchen is asked for {}.", dishes(items)),
        ScheduleEvent::Revised { items } => format!("The kitchen is asked for {} instead.", dishes(items)),
        ScheduleEvent::Accepted { ready_by } => {
            format!("The kitchen accepted; ready by {} UTC.", ready_by.format("%H:%M"))
        }
        ScheduleEvent::Rejected { reason } => format!("The kitchen said no: {}.", bare(reason.as_str())),
        ScheduleEvent::Started => "Cooking began.".to_owned(),
        ScheduleEvent::Finished => "Cooking is done.".to_owned(),
        ScheduleEvent::Collected => "The kitchen handed it over.".to_owned(),
        ScheduleEvent::Cancelled { reason } => {
            format!("The kitchen's work was called off: {}.", bare(reason.as_str()))
        }
        ScheduleEvent::Discarded => "The kitchen's schedule was taken off the board.".to_owned(),
    }
}

fn shipment(event: &ShipmentEvent) -> String {
    match event {
        ShipmentEvent::Requested { address, .. } => {
            format!("A courier is wanted to {}, {}.", address.street, address.city)
        }
        ShipmentEvent::Assigned { courier } => format!("Courier {courier} took it on."),
        ShipmentEvent::Unassigned { courier, reason } => {
            format!("Courier {courier} gave it back{}.", aside(reason.as_ref()))
        }
        ShipmentEvent::PickedUp { courier } => format!("Courier {courier} picked it up."),
        ShipmentEvent::PositionRecorded { at } => {
            format!("The courier was seen at {:.5}, {:.5}.", at.latitude(), at.longitude())
        }
        ShipmentEvent::Delivered { proof } => format!("The courier delivered it{}.", aside(proof.as_ref())),
        ShipmentEvent::DeliveryFailed { reason } => {
            format!("The courier could not deliver it: {}.", bare(reason.as_str()))
        }
        ShipmentEvent::Returned => "The courier brought it back to the shop.".to_owned(),
        ShipmentEvent::Cancelled { reason } => {
            format!("The shipment was called off: {}.", bare(reason.as_str()))
        }
    }
}

fn lines(quote: &Quote) -> String {
    list(quote.lines.iter().map(|line| dish(u64::from(line.quantity.get()), &line.name, line.size)))
}

fn dishes(items: &[Item]) -> String {
    if items.is_empty() {
        return "whatever is on the slip".to_owned();
    }
    list(items.iter().map(|item| dish(item.quantity, &item.product, item.size)))
}

fn dish(quantity: u64, name: &str, size: Option<Size>) -> String {
    match size {
        Some(size) => format!("{quantity} × {name} ({size})"),
        None => format!("{quantity} × {name}"),
    }
}

fn list(mut words: impl ExactSizeIterator<Item = String>) -> String {
    let rest = words.len().saturating_sub(NAMED);
    let named = words.by_ref().take(NAMED).collect::<Vec<_>>().join(", ");
    if rest > 0 { format!("{named} and {rest} more") } else { named }
}

/// Without the full stop that the sentence brings itself.
fn bare(text: &str) -> &str {
    text.trim_end_matches('.')
}

fn aside(text: Option<&Note>) -> String {
    text.map(|text| format!(" ({})", bare(text.as_str()))).unwrap_or_default()
}

fn party(party: Party) -> &'static str {
    match party {
        Party::Customer => "The customer",
        Party::Operator => "An operator",
        Party::Process => "Spindle",
    }
}

fn cause(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::CustomerRequest => "the customer changed their mind",
        CancelReason::OutOfStock => "something is out of stock",
        CancelReason::KitchenRejected => "the kitchen said no or stopped",
        CancelReason::KitchenTimeout => "the kitchen did not answer in time",
        CancelReason::PaymentFailed => "the money could not be taken",
        CancelReason::PaymentTimeout => "nobody paid in time",
        CancelReason::NoCourier => "no courier was found",
        CancelReason::DeliveryFailed => "it could not be delivered",
        CancelReason::Operator => "decided by hand",
    }
}
