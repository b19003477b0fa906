//! The way forward, one room per stage of the order. Each asks for the next thing once and waits for its fact.
//!
//! A further step (reserving stock before the money, say) is a further room here and a further entry in `undo`.

use crate::command::Command;
use crate::kitchen::ScheduleCommand;
use crate::order::{CancelReason, OrderCommand, Party};
use crate::payment::PaymentCommand;
use crate::shipment::ShipmentCommand;
use crate::values::{Fulfilment as Handover, Note, PaymentId};

use super::purse::{Held, Pending};
use super::state::{At, Brief, Cook, Ride, Stage, Told};
use super::{Fulfilment, Turn, later};

impl Turn<'_> {
    /// Takes every step that can be taken now.
    pub(super) fn forward(&mut self) {
        if !self.state.is_alive() {
            return;
        }
        match self.state.stage {
            Stage::Unpaid => self.pay(),
            Stage::Paid => self.start_cooking(),
            Stage::InKitchen => self.cook(),
            Stage::Ready => self.hand_over(),
            Stage::Dispatched => self.deliver(),
            Stage::Unplaced
            | Stage::Delivered
            | Stage::Collected
            | Stage::Cancelling
            | Stage::Cancelled
            | Stage::Discarded => {}
        }
    }

    /// Opens the payment that the order asked for; where nothing is to be paid there is nothing to open.
    pub(super) fn open_payment(&mut self, payment: PaymentId) {
        let order = self.state.order;
        let Some(purse) = self.state.purse(payment).filter(|purse| purse.held == Held::Asked) else { return };
        let command = PaymentCommand::Request { order, amount: purse.amount, method: purse.method.clone() };
        self.dispatch(Command::Payment { id: payment, command });
    }

    fn pay(&mut self) {
        for purse in self.state.purses.clone() {
            if purse.is_good() {
                let command = OrderCommand::ConfirmPayment { payment: purse.id };
                self.tell(Told::Confirmed(purse.id), command, format!("payment {} has the money", purse.id));
            } else if purse.is_lost() && purse.pending == Pending::Nothing {
                let why = purse.failure.unwrap_or_else(|| "the provider let go of the money".to_owned());
                let sentence = format!("payment {} failed: {why}", purse.id);
                let command = OrderCommand::RecordPaymentFailure { payment: purse.id, why };
                self.tell(Told::Failed(purse.id), command, sentence);
            }
        }
        let lost = self.state.purses.iter().filter(|purse| purse.is_lost()).count();
        let good = self.state.purses.iter().any(super::purse::Purse::is_good);
        if !good && lost > 0 && u32::try_from(lost).unwrap_or(u32::MAX) >= self.policy.payment_attempts {
            self.cancel(
                CancelReason::PaymentFailed,
                None,
                format!("{lost} payments failed, no more are tried"),
            );
        }
    }

    /// Paid: the kitchen says yes, then the money is taken (see `money`), then the order enters the kitchen.
    fn start_cooking(&mut self) {
        if self.the_kitchen_stopped() {
            return;
        }
        match self.state.payer_held() {
            Some(Held::CaptureFailed) => {
                return self.cancel(CancelReason::PaymentFailed, None, "the money could not be taken");
            }
            Some(Held::Voided | Held::Failed) => {
                return self.cancel(CancelReason::PaymentFailed, None, "the money is no longer held");
            }
            _ => {}
        }
        if self.state.kitchen.cook == Cook::NotAsked {
            if self.state.kitchen.not_before.is_none() {
                self.ask_the_kitchen();
            }
        } else if self.state.kitchen.cook.is_willing()
            && matches!(self.state.payer_held(), Some(Held::Captured | Held::Free))
        {
            let schedule = self.state.schedule();
            let ready_by = self.state.kitchen.ready_by.unwrap_or(self.now);
            self.tell(
                Told::EnterKitchen,
                OrderCommand::EnterKitchen { schedule, ready_by },
                "the money is there and the kitchen is willing",
            );
        }
    }

    fn ask_the_kitchen(&mut self) {
        let Some(brief) = self.state.brief.clone() else { return };
        let command = ScheduleCommand::Schedule {
            items: brief.items,
            order: Some(self.state.order),
            location: brief.location,
            due: brief.requested_for,
            note: brief.note,
        };
        self.dispatch(Command::Kitchen { id: self.state.schedule(), command });
        self.remark("the order is paid: the kitchen is asked");
        self.state.kitchen.cook = Cook::Asked;
        self.state.kitchen.accept_due = Some(later(self.now, self.policy.accept_within));
    }

    fn cook(&mut self) {
        if !self.the_kitchen_stopped() && matches!(self.state.kitchen.cook, Cook::Finished | Cook::Collected)
        {
            self.tell(Told::MarkReady, OrderCommand::MarkReady, "everything is cooked");
        }
    }

    fn the_kitchen_stopped(&mut self) -> bool {
        if !self.state.kitchen.cook.is_off() {
            return false;
        }
        self.cancel(
            CancelReason::KitchenRejected,
            self.state.kitchen.why_not.clone(),
            "the kitchen will not cook it",
        );
        true
    }

    /// Ready: the customer fetches it, or a courier does.
    fn hand_over(&mut self) {
        let Some(brief) = self.state.brief.clone() else { return };
        match &brief.handover {
            Handover::Pickup => {
                if self.state.kitchen.cook == Cook::Collected {
                    self.tell(Told::Collect, OrderCommand::Collect, "the customer has fetched it");
                }
            }
            Handover::Delivery { .. } => self.find_a_courier(&brief),
        }
    }

    /// One courier is enough: any but the present one, or the one who has it, is told not to come.
    fn recall_surplus(&mut self) {
        let carried = self.state.carrying().is_some();
        let last = self.state.rides.len().saturating_sub(1);
        for (number, ride) in self.state.rides.clone().into_iter().enumerate() {
            if ride.at.is_recallable() && (carried || number < last) {
                self.recall(&ride);
            }
        }
    }

    fn find_a_courier(&mut self, brief: &Brief) {
        self.recall_surplus();
        if let Some(shipment) = self.state.carrying().map(|ride| ride.id) {
            if self.state.told.insert(Told::HandedOver) {
                let command = ScheduleCommand::Collect;
                self.dispatch(Command::Kitchen { id: self.state.schedule(), command });
            }
            self.tell(
                Told::Dispatch,
                OrderCommand::Dispatch { shipment },
                format!("a courier has picked shipment {shipment} up"),
            );
            return;
        }
        let tries = self.state.rides.len();
        let another = u32::try_from(tries).is_ok_and(|tries| tries < self.policy.courier_attempts);
        match self.state.rides.last().cloned() {
            None => self.ask_for_a_courier(brief),
            Some(ride) if ride.at.is_off() && another => self.ask_for_a_courier(brief),
            // The next courier is asked only when this one is certain not to come.
            Some(ride) if ride.overdue && ride.at.is_recallable() && another => self.recall(&ride),
            Some(ride) if ride.at.is_off() || (ride.overdue && ride.at.is_recallable() && !ride.recall) => {
                self.cancel(CancelReason::NoCourier, ride.why_not, format!("no courier after {tries} tries"));
            }
            Some(_) => {}
        }
    }

    fn ask_for_a_courier(&mut self, brief: &Brief) {
        let Handover::Delivery { address } = brief.handover.clone() else { return };
        let id = Fulfilment::shipment_of(self.state.order, self.state.rides.len() + 1);
        let command = ShipmentCommand::Request {
            order: self.state.order,
            address,
            contact: brief.contact.clone(),
            location: brief.location.clone(),
        };
        self.dispatch(Command::Shipment { id, command });
        self.remark(format!("a courier is asked for, try {}", self.state.rides.len() + 1));
        let due = self.courier_due();
        self.state.rides.push(Ride::new(id, At::Asked, due));
    }

    fn deliver(&mut self) {
        self.recall_surplus();
        let Some(ride) = self.state.carrying().cloned() else { return };
        match ride.at {
            At::Delivered => {
                self.tell(Told::Deliver, OrderCommand::Deliver, "the courier has delivered it");
            }
            At::Returned => {
                self.cancel(CancelReason::DeliveryFailed, ride.why_not, "the courier came back with it");
            }
            _ => {}
        }
    }

    /// Cancels the order on behalf of the process; what was done is undone once the order says so.
    pub(super) fn cancel(&mut self, reason: CancelReason, detail: Option<Note>, why: impl Into<String>) {
        self.tell(Told::Cancel, OrderCommand::Cancel { reason, by: Party::Process, detail }, why);
    }

    /// Tells the order something, once, and says why.
    pub(super) fn tell(&mut self, what: Told, command: OrderCommand, why: impl Into<String>) {
        if self.state.told.insert(what) {
            self.dispatch(Command::Order { id: self.state.order, command });
            self.remark(why);
        }
    }
}

impl Fulfilment {
    /// The order goes forward: it is neither over, nor off, nor told to end.
    pub(super) fn is_alive(&self) -> bool {
        (Stage::Unpaid..=Stage::Dispatched).contains(&self.stage) && !self.told.contains(&Told::Cancel)
    }

    pub(super) fn payer_held(&self) -> Option<Held> {
        self.payer.and_then(|id| self.purse(id)).map(|purse| purse.held)
    }

    /// The shipment that a courier has had in hand.
    pub(super) fn carrying(&self) -> Option<&Ride> {
        self.rides
            .iter()
            .find(|ride| matches!(ride.at, At::PickedUp | At::Delivered | At::Failed | At::Returned))
    }
}
