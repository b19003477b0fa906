//! For tests: stories of one order, told as the log would hold them.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use cqrs_es::{Aggregate, DomainEvent};
use serde_json::json;
use serde_json::value::RawValue;
use spindle_domain::fact::{Circumstances, Fact, Recorded};
use spindle_domain::kitchen::ScheduleEvent;
use spindle_domain::order::{CancelReason, OrderEvent, Party};
use spindle_domain::payment::PaymentEvent;
use spindle_domain::pricing::Quote;
use spindle_domain::shipment::ShipmentEvent;
use spindle_domain::values::{
    Address, Contact, CourierId, Currency, Email, Fulfilment, Item, LocationId, Money, Note, OrderId,
    PaymentId, PaymentMethod, PersonName, RefundId, ScheduleId, ShipmentId,
};
use spindle_eventlog::StoredEvent;
use uuid::Uuid;

use crate::projection::{Held, Projection};

pub(crate) const ORDER: OrderId = OrderId(Uuid::from_u128(1));
pub(crate) const PAYMENT: PaymentId = PaymentId(Uuid::from_u128(2));
pub(crate) const SECOND_PAYMENT: PaymentId = PaymentId(Uuid::from_u128(3));
pub(crate) const SCHEDULE: ScheduleId = ScheduleId(Uuid::from_u128(4));
pub(crate) const SHIPMENT: ShipmentId = ShipmentId(Uuid::from_u128(5));
pub(crate) const REFUND: RefundId = RefundId(Uuid::from_u128(6));

/// A second of one day, counted from noon: position 7 is recorded at `moment(7)`.
pub(crate) fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap() + Duration::seconds(seconds)
}

pub(crate) fn eur(cents: i64) -> Money {
    Money::new(cents, Currency::EUR)
}

pub(crate) fn note(text: &str) -> Note {
    Note::parse(text).unwrap()
}

pub(crate) fn courier() -> CourierId {
    CourierId::parse("bea").unwrap()
}

pub(crate) fn method() -> PaymentMethod {
    PaymentMethod::parse("tok_ok").unwrap()
}

pub(crate) fn contact() -> Contact {
    Contact {
        name: PersonName::parse("Ada Lovelace").unwrap(),
        email: Some(Email::parse("Ada@example.com").unwrap()),
        phone: None,
    }
}

pub(crate) fn address() -> Address {
    Address { street: note("1 Mill Lane"), city: note("Ockham"), postal_code: None, country: None }
}

pub(crate) fn quote(cents: i64) -> Quote {
    let money = |amount: i64| json!({"amount": amount, "currency": "EUR"});
    let line = |sku: &str, name: &str, quantity: i64, total: i64| json!({"sku": sku, "name": name, "quantity": quantity, "unit_price": money(total), "total": money(total)});
    serde_json::from_value(json!({
        "lines": [line("latte", "Latte", 1, cents)],
        "total": money(cents),
    }))
    .unwrap()
}

pub(crate) fn items() -> Vec<Item> {
    vec![Item { product: "latte".to_owned(), size: None, quantity: 1 }]
}

/// What is done for one order, in order.
#[derive(Default)]
pub(crate) struct Story {
    sequences: HashMap<Uuid, i64>,
    pub(crate) events: Vec<Recorded>,
}

impl Story {
    fn tell(mut self, id: Uuid, correlation: Uuid, fact: Fact) -> Self {
        let position = i64::try_from(self.events.len()).unwrap() + 1;
        let sequence = self.sequences.entry(id).or_insert(0);
        *sequence += 1;
        self.events.push(Recorded {
            position,
            sequence: *sequence,
            event_id: Uuid::from_u128(1_000 + u128::try_from(position).unwrap()),
            recorded_at: moment(position),
            circumstances: Circumstances {
                correlation: Some(correlation),
                causation: Some(Uuid::from_u128(9)),
                actor: Some("test".to_owned()),
                ..Circumstances::default()
            },
            fact,
        });
        self
    }

    pub(crate) fn order(self, event: OrderEvent) -> Self {
        self.order_of(ORDER, event)
    }

    pub(crate) fn order_of(self, order: OrderId, event: OrderEvent) -> Self {
        self.tell(order.0, order.0, Fact::Order(order, event))
    }

    pub(crate) fn payment(self, event: PaymentEvent) -> Self {
        self.payment_of(PAYMENT, event)
    }

    pub(crate) fn payment_of(self, payment: PaymentId, event: PaymentEvent) -> Self {
        self.tell(payment.0, ORDER.0, Fact::Payment(payment, event))
    }

    pub(crate) fn kitchen(self, event: ScheduleEvent) -> Self {
        self.tell(SCHEDULE.0, ORDER.0, Fact::Kitchen(SCHEDULE, event))
    }

    pub(crate) fn walk_in(self, event: ScheduleEvent) -> Self {
        self.tell(SCHEDULE.0, SCHEDULE.0, Fact::Kitchen(SCHEDULE, event))
    }

    pub(crate) fn shipment(self, event: ShipmentEvent) -> Self {
        self.tell(SHIPMENT.0, ORDER.0, Fact::Shipment(SHIPMENT, event))
    }

    pub(crate) fn placed(self) -> Self {
        self.order(placed(1_220))
    }

    /// Placed, and the money is taken.
    pub(crate) fn paid(self) -> Self {
        self.placed()
            .order(payment_requested(PAYMENT, 1_220, 1))
            .payment(PaymentEvent::Requested {
                order: ORDER,
                amount: eur(1_220),
                method: method(),
                at: moment(3),
            })
            .payment(PaymentEvent::Authorized { reference: "ch_1".to_owned(), amount: eur(1_220) })
            .order(OrderEvent::Paid { payment: PAYMENT })
            .payment(PaymentEvent::Captured { reference: "ch_1".to_owned(), amount: eur(1_220) })
    }

    /// Paid, cooked.
    pub(crate) fn cooked(self) -> Self {
        self.paid()
            .kitchen(scheduled(Some(ORDER)))
            .kitchen(ScheduleEvent::Accepted { ready_by: moment(600) })
            .order(OrderEvent::EnteredKitchen { schedule: SCHEDULE, ready_by: moment(600) })
            .kitchen(ScheduleEvent::Started)
            .kitchen(ScheduleEvent::Finished)
            .order(OrderEvent::Ready)
    }

    /// Cooked, brought.
    pub(crate) fn delivered(self) -> Self {
        self.cooked()
            .shipment(requested())
            .shipment(ShipmentEvent::Assigned { courier: courier() })
            .shipment(ShipmentEvent::PickedUp { courier: courier() })
            .order(OrderEvent::Dispatched { shipment: SHIPMENT })
            .shipment(ShipmentEvent::Delivered { proof: None })
            .order(OrderEvent::Delivered)
    }

    pub(crate) fn cancelling(self) -> Self {
        self.order(OrderEvent::CancellationRequested {
            reason: CancelReason::OutOfStock,
            by: Party::Process,
            detail: Some(note("latte is out")),
        })
    }

    /// As the log would hold it.
    pub(crate) fn stored(&self) -> Vec<StoredEvent> {
        self.events.iter().map(stored).collect()
    }

    /// The view of `id`, typed, after everything was folded.
    pub(crate) fn fold<P: Projection>(&self, projection: P, id: Uuid) -> Held<P> {
        self.each(projection, id, |_, _| {})
    }

    /// The same, looking at the view after each event that touches it.
    pub(crate) fn each<P: Projection>(
        &self,
        projection: P,
        id: Uuid,
        mut look: impl FnMut(&Recorded, &Held<P>),
    ) -> Held<P> {
        let mut held = None;
        for event in self.events.iter().filter(|event| projection.touches(event) == Some(id)) {
            held = projection.fold(id, held, event).unwrap();
            look(event, held.as_ref().unwrap());
        }
        held.unwrap()
    }
}

/// Follows an aggregate through a story, to compare what a view says with what the domain says.
pub(crate) fn after_each<A: Aggregate>(
    story: &Story,
    event: impl Fn(&Fact) -> Option<A::Event>,
    mut look: impl FnMut(i64, &A),
) {
    let mut aggregate = A::default();
    for recorded in &story.events {
        if let Some(event) = event(&recorded.fact) {
            aggregate.apply(event);
            look(recorded.position, &aggregate);
        }
    }
}

fn raw(value: &impl serde::Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap()
}

pub(crate) fn stored(event: &Recorded) -> StoredEvent {
    fn parts<E: DomainEvent>(kind: &str, event: &E) -> (String, String, Box<RawValue>) {
        (kind.to_owned(), event.event_version(), raw(event))
    }
    let (aggregate_type, event_version, payload) = match &event.fact {
        Fact::Order(_, event) => parts(spindle_domain::order::Order::TYPE, event),
        Fact::Payment(_, event) => parts(spindle_domain::payment::Payment::TYPE, event),
        Fact::Kitchen(_, event) => parts(spindle_domain::kitchen::Schedule::TYPE, event),
        Fact::Shipment(_, event) => parts(spindle_domain::shipment::Shipment::TYPE, event),
    };
    StoredEvent {
        position: event.position,
        event_id: event.event_id,
        recorded_at: event.recorded_at,
        aggregate_type,
        aggregate_id: event.aggregate().to_string(),
        sequence: event.sequence,
        event_type: event.event_type(),
        event_version,
        payload,
        metadata: raw(&event.circumstances.write()),
    }
}

pub(crate) fn placed(cents: i64) -> OrderEvent {
    OrderEvent::Placed {
        quote: quote(cents),
        contact: contact(),
        customer: None,
        fulfilment: Fulfilment::Delivery { address: address() },
        location: LocationId::default(),
        note: Some(note("Ring twice")),
        requested_for: None,
        at: moment(0),
    }
}

pub(crate) fn payment_requested(payment: PaymentId, cents: i64, attempt: u32) -> OrderEvent {
    OrderEvent::PaymentRequested { payment, amount: eur(cents), method: method(), attempt }
}

pub(crate) fn scheduled(order: Option<OrderId>) -> ScheduleEvent {
    ScheduleEvent::Scheduled {
        items: items(),
        order,
        location: LocationId::default(),
        due: None,
        note: None,
        at: moment(0),
    }
}

pub(crate) fn requested() -> ShipmentEvent {
    ShipmentEvent::Requested {
        order: ORDER,
        address: address(),
        contact: contact(),
        location: LocationId::default(),
        at: moment(0),
    }
}
