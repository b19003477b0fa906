//! Given, when, then: a story is a process that hears one thing after another, with what it wants done as words.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::command::Command;
use crate::fact::{Circumstances, Fact, Recorded};
use crate::fulfillment::{Action, Effect, Fulfilment, Input, Outcome, Policy, Timer, Work};
use crate::kitchen::ScheduleEvent;
use crate::order::{CancelReason, OrderCommand, OrderEvent, Party};
use crate::payment::{Operation, PaymentEvent};
use crate::shipment::ShipmentEvent;
use crate::values::{CourierId, Fulfilment as Handover, LocationId, Money, RefundId};

use super::samples::{ORDER, after, contact, delivery, euros, method, noon, note, payment, quote};

pub(super) struct Story {
    pub(super) process: Fulfilment,
    pub(super) policy: Policy,
    pub(super) now: DateTime<Utc>,
    pub(super) remark: Option<String>,
    actions: Vec<Action>,
    last_work: Option<Work>,
    sequences: BTreeMap<Uuid, i64>,
}

impl Story {
    /// An order to be delivered was placed at noon.
    pub(super) fn placed() -> Self {
        Self::of(delivery(), None, 1_000)
    }

    pub(super) fn pickup() -> Self {
        Self::of(Handover::Pickup, None, 1_000)
    }

    pub(super) fn of(fulfilment: Handover, requested_for: Option<DateTime<Utc>>, cents: i64) -> Self {
        let mut story = Self {
            process: Fulfilment::new(ORDER),
            policy: Policy::default(),
            now: noon(),
            remark: None,
            actions: Vec::new(),
            last_work: None,
            sequences: BTreeMap::new(),
        };
        story.order(OrderEvent::Placed {
            quote: quote(cents),
            contact: contact(),
            customer: None,
            fulfilment,
            location: LocationId::default(),
            note: None,
            requested_for,
            at: noon(),
        });
        story
    }

    pub(super) fn hears(&mut self, input: &Input) -> &mut Self {
        let reaction = self.process.react(input, self.now, &self.policy);
        self.process = reaction.state;
        self.remark = reaction.remark;
        let mut works = reaction.actions.iter().filter_map(|action| match action {
            Action::Do(work) => Some(work.clone()),
            _ => None,
        });
        if let Some(work) = works.next_back() {
            self.last_work = Some(work);
        }
        self.actions = reaction.actions;
        self
    }

    pub(super) fn recorded(&mut self, fact: Fact) -> Recorded {
        let mut recorded = Recorded {
            position: 1,
            sequence: 1,
            event_id: Uuid::nil(),
            recorded_at: self.now,
            circumstances: Circumstances { correlation: Some(ORDER.0), ..Circumstances::default() },
            fact,
        };
        let last = self.sequences.entry(recorded.aggregate()).or_default();
        *last += 1;
        recorded.sequence = *last;
        recorded
    }

    fn fact(&mut self, fact: Fact) -> &mut Self {
        let recorded = self.recorded(fact);
        self.hears(&Input::Fact(Box::new(recorded)))
    }

    pub(super) fn order(&mut self, event: OrderEvent) -> &mut Self {
        self.fact(Fact::Order(ORDER, event))
    }

    pub(super) fn payment(&mut self, number: u128, event: PaymentEvent) -> &mut Self {
        self.fact(Fact::Payment(payment(number), event))
    }

    pub(super) fn kitchen(&mut self, event: ScheduleEvent) -> &mut Self {
        self.fact(Fact::Kitchen(Fulfilment::schedule_of(ORDER), event))
    }

    pub(super) fn shipment(&mut self, number: usize, event: ShipmentEvent) -> &mut Self {
        self.fact(Fact::Shipment(Fulfilment::shipment_of(ORDER, number), event))
    }

    /// The client asks to pay, and the payment is opened.
    pub(super) fn pays(&mut self, number: u128) -> &mut Self {
        let attempt = u32::try_from(number).unwrap();
        self.order(OrderEvent::PaymentRequested {
            payment: payment(number),
            amount: euros(1_000),
            method: method(),
            attempt,
        });
        self.payment(number, requested())
    }

    /// The provider answers what it was asked last.
    pub(super) fn answers(&mut self, outcome: Outcome) -> &mut Self {
        let Some(Work::Call(effect)) = self.last_work.clone() else { panic!("nothing was asked last") };
        self.answers_to(effect, outcome)
    }

    pub(super) fn answers_to(&mut self, effect: Effect, outcome: Outcome) -> &mut Self {
        self.hears(&Input::Answered { effect, outcome })
    }

    /// The last command is refused.
    pub(super) fn is_refused(&mut self, code: &str) -> &mut Self {
        let Some(Work::Dispatch(command)) = self.last_work.clone() else { panic!("nothing was told last") };
        self.hears(&Input::Refused { command, code: code.to_owned(), message: "no".to_owned() })
    }

    pub(super) fn gives_up(&mut self) -> &mut Self {
        let work = self.last_work.clone().unwrap();
        self.hears(&Input::GaveUp { work, error: "connection refused".to_owned() })
    }

    pub(super) fn rings(&mut self, timer: Timer) -> &mut Self {
        if let Some((_, due)) = self.process.timers().find(|(set, _)| *set == timer) {
            self.now = due;
        }
        self.hears(&Input::Timer(timer))
    }

    pub(super) fn cancelled_by(&mut self, reason: CancelReason, by: Party) -> &mut Self {
        self.order(OrderEvent::CancellationRequested { reason, by, detail: None })
    }

    pub(super) fn customer_cancels(&mut self) -> &mut Self {
        self.cancelled_by(CancelReason::CustomerRequest, Party::Customer)
    }

    // Milestones of the way forward.

    pub(super) fn authorized(&mut self) -> &mut Self {
        self.pays(1).answers(held()).payment(1, authorized())
    }

    pub(super) fn paid(&mut self) -> &mut Self {
        self.authorized().order(OrderEvent::Paid { payment: payment(1) }).kitchen(scheduled())
    }

    pub(super) fn accepted(&mut self) -> &mut Self {
        self.paid().kitchen(accepted())
    }

    pub(super) fn captured(&mut self) -> &mut Self {
        self.accepted().answers(taken()).payment(1, captured())
    }

    pub(super) fn cooking(&mut self) -> &mut Self {
        self.captured().order(entered()).kitchen(ScheduleEvent::Started)
    }

    pub(super) fn ready(&mut self) -> &mut Self {
        self.cooking().kitchen(ScheduleEvent::Finished).order(OrderEvent::Ready)
    }

    pub(super) fn wanted_courier(&mut self) -> &mut Self {
        self.ready().shipment(1, wanted())
    }

    pub(super) fn picked_up(&mut self) -> &mut Self {
        self.wanted_courier().shipment(1, assigned()).shipment(1, picked_up())
    }

    pub(super) fn dispatched(&mut self) -> &mut Self {
        let shipment = Fulfilment::shipment_of(ORDER, 1);
        self.picked_up().kitchen(ScheduleEvent::Collected).order(OrderEvent::Dispatched { shipment })
    }

    pub(super) fn delivered(&mut self) -> &mut Self {
        self.dispatched().shipment(1, ShipmentEvent::Delivered { proof: None }).order(OrderEvent::Delivered)
    }

    /// What is to be done, in words.
    #[track_caller]
    pub(super) fn then(&mut self, expected: &[&str]) -> &mut Self {
        let actions: Vec<String> = self.actions.iter().map(words).collect();
        assert_eq!(actions, expected, "{:?}", self.remark);
        self
    }

    pub(super) fn last_effect(&self) -> Effect {
        match self.last_work.clone() {
            Some(Work::Call(effect)) => effect,
            other => panic!("no effect but {other:?}"),
        }
    }

    pub(super) fn last_command(&self) -> Command {
        match self.last_work.clone() {
            Some(Work::Dispatch(command)) => command,
            other => panic!("no command but {other:?}"),
        }
    }
}

fn words(action: &Action) -> String {
    match action {
        Action::Do(Work::Dispatch(Command::Order {
            command: OrderCommand::Cancel { reason, .. }, ..
        })) => {
            format!("order: cancel {}", variant(reason))
        }
        Action::Do(Work::Dispatch(Command::Order { command, .. })) => format!("order: {}", variant(command)),
        Action::Do(Work::Dispatch(Command::Payment { command, .. })) => {
            format!("payment: {}", variant(command))
        }
        Action::Do(Work::Dispatch(Command::Kitchen { command, .. })) => {
            format!("kitchen: {}", variant(command))
        }
        Action::Do(Work::Dispatch(Command::Shipment { id, command })) => {
            let number = (1..9).find(|n| Fulfilment::shipment_of(ORDER, *n) == *id).unwrap();
            format!("shipment {number}: {}", variant(command))
        }
        Action::Do(Work::Call(effect)) => format!("provider: {}", variant(effect)),
        Action::SetTimer(timer, due) => format!("set {} {}", variant(timer), due.format("%H:%M:%S")),
        Action::CancelTimer(timer) => format!("unset {}", variant(timer)),
    }
}

fn variant(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value).unwrap() {
        serde_json::Value::String(name) => name,
        serde_json::Value::Object(map) => map.keys().next().unwrap().clone(),
        other => panic!("not a variant: {other}"),
    }
}

// Facts and answers.

const REFERENCE: &str = "pr_1";

fn money() -> Money {
    euros(1_000)
}

pub(super) fn requested() -> PaymentEvent {
    PaymentEvent::Requested { order: ORDER, amount: money(), method: method(), at: noon() }
}

pub(super) fn authorized() -> PaymentEvent {
    PaymentEvent::Authorized { reference: REFERENCE.to_owned(), amount: money() }
}

pub(super) fn captured() -> PaymentEvent {
    PaymentEvent::Captured { reference: REFERENCE.to_owned(), amount: money() }
}

pub(super) fn action_required() -> PaymentEvent {
    PaymentEvent::ActionRequired { reference: REFERENCE.to_owned(), url: None }
}

pub(super) fn failed() -> PaymentEvent {
    PaymentEvent::Failed { code: "insufficient_funds".to_owned(), message: "no money".to_owned() }
}

pub(super) fn refund_requested(refund: RefundId, cents: i64) -> PaymentEvent {
    PaymentEvent::RefundRequested { refund, amount: euros(cents), reason: note("it was cold") }
}

pub(super) fn refunded(refund: RefundId, cents: i64) -> PaymentEvent {
    PaymentEvent::Refunded { refund, amount: euros(cents) }
}

pub(super) fn refund_failed(refund: RefundId, cents: i64) -> PaymentEvent {
    PaymentEvent::RefundFailed { refund, amount: euros(cents), error: "account closed".to_owned() }
}

pub(super) fn scheduled() -> ScheduleEvent {
    ScheduleEvent::Scheduled {
        items: vec![],
        order: Some(ORDER),
        location: LocationId::default(),
        due: None,
        note: None,
        at: noon(),
    }
}

pub(super) fn accepted() -> ScheduleEvent {
    ScheduleEvent::Accepted { ready_by: after(20) }
}

pub(super) fn stopped() -> ScheduleEvent {
    ScheduleEvent::Cancelled { reason: note("stopped") }
}

pub(super) fn entered() -> OrderEvent {
    OrderEvent::EnteredKitchen { schedule: Fulfilment::schedule_of(ORDER), ready_by: after(20) }
}

pub(super) fn wanted() -> ShipmentEvent {
    ShipmentEvent::Requested {
        order: ORDER,
        address: super::samples::address(),
        contact: contact(),
        location: LocationId::default(),
        at: noon(),
    }
}

pub(super) fn courier() -> CourierId {
    CourierId::parse("courier-1").unwrap()
}

pub(super) fn assigned() -> ShipmentEvent {
    ShipmentEvent::Assigned { courier: courier() }
}

pub(super) fn picked_up() -> ShipmentEvent {
    ShipmentEvent::PickedUp { courier: courier() }
}

pub(super) fn recalled() -> ShipmentEvent {
    ShipmentEvent::Cancelled { reason: note("recalled") }
}

pub(super) fn held() -> Outcome {
    Outcome::Authorized { reference: REFERENCE.to_owned(), amount: money() }
}

pub(super) fn taken() -> Outcome {
    Outcome::Captured { reference: REFERENCE.to_owned(), amount: money() }
}

pub(super) fn declined() -> Outcome {
    Outcome::Declined { code: "insufficient_funds".to_owned(), message: "no money".to_owned() }
}

pub(super) fn lost(operation: Operation) -> Outcome {
    Outcome::Unknown { operation, error: "no answer within 10 s".to_owned() }
}
