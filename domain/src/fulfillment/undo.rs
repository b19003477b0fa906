//! The way back: what was done is undone in reverse order, and each undo is confirmed by its fact before the next
//! begins. What has moved on and cannot be undone is left as it is.

use crate::command::Command;
use crate::kitchen::ScheduleCommand;
use crate::order::{CancelReason, OrderCommand};
use crate::shipment::ShipmentCommand;
use crate::values::Note;

use super::state::{Ride, Stage, Told};
use super::{Fulfilment, Turn, Undo};

impl Turn<'_> {
    /// Begins the next undo, unless it is under way. Money is let go in `money`, which asks [`Fulfilment::lets_go`].
    pub(super) fn undo(&mut self) {
        match self.state.compensation().first() {
            Some(Undo::RecallCourier(shipment)) => {
                if let Some(ride) = self.state.ride(*shipment).cloned() {
                    self.recall(&ride);
                }
            }
            Some(Undo::StopKitchen(schedule)) => {
                if !self.state.kitchen.stop {
                    self.state.kitchen.stop = true;
                    let command = ScheduleCommand::Cancel { reason: self.reason() };
                    self.dispatch(Command::Kitchen { id: *schedule, command });
                    self.remark("the kitchen is told to stop");
                }
            }
            Some(Undo::CloseOrder) => {
                self.tell(
                    Told::ConfirmCancellation,
                    OrderCommand::ConfirmCancellation,
                    "nothing is left to undo",
                );
            }
            Some(Undo::ReturnMoney(_)) | None => {}
        }
    }

    /// Tells a shipment to end, once.
    pub(super) fn recall(&mut self, ride: &Ride) {
        if ride.recall {
            return;
        }
        if let Some(ride) = self.state.rides.iter_mut().find(|known| known.id == ride.id) {
            ride.recall = true;
        }
        let command = ShipmentCommand::Cancel { reason: self.reason() };
        self.dispatch(Command::Shipment { id: ride.id, command });
        self.remark(format!("shipment {} is called off", ride.id));
    }

    /// Why things are undone, for those who are told to stop.
    pub(super) fn reason(&self) -> Note {
        words(match self.state.cancellation {
            None => "this courier is no longer waited for",
            Some((CancelReason::CustomerRequest, _)) => "the customer cancelled the order",
            Some((CancelReason::OutOfStock, _)) => "something of the order is out of stock",
            Some((CancelReason::KitchenRejected, _)) => "the kitchen will not cook the order",
            Some((CancelReason::KitchenTimeout, _)) => "the kitchen did not accept the order in time",
            Some((CancelReason::PaymentFailed, _)) => "the order could not be paid",
            Some((CancelReason::PaymentTimeout, _)) => "the order was not paid in time",
            Some((CancelReason::NoCourier, _)) => "no courier was found for the order",
            Some((CancelReason::DeliveryFailed, _)) => "the order could not be delivered",
            Some((CancelReason::Operator, _)) => "an operator cancelled the order",
        })
    }
}

#[expect(clippy::expect_used, reason = "every text is a constant above, and a test reads all of them")]
fn words(text: &'static str) -> Note {
    Note::parse(text).expect("a constant that is a note")
}

impl Fulfilment {
    /// What is still to be undone, in the order in which it is undone: the first is under way.
    #[must_use]
    pub fn compensation(&self) -> Vec<Undo> {
        let mut undo: Vec<Undo> = Vec::new();
        if self.stage.is_off() || self.stage.is_fulfilled() {
            let open = self.rides.iter().rev().filter(|ride| ride.at.is_recallable() && !ride.kept);
            undo.extend(open.map(|ride| Undo::RecallCourier(ride.id)));
        }
        if self.stage.is_off() && self.kitchen.cook.is_stoppable() && !self.kitchen.kept {
            undo.push(Undo::StopKitchen(self.schedule()));
        }
        let unwanted = self.purses.iter().rev().filter(|purse| self.is_unwanted(purse) && !purse.is_empty());
        undo.extend(unwanted.map(|purse| Undo::ReturnMoney(purse.id)));
        if self.stage == Stage::Cancelling {
            undo.push(Undo::CloseOrder);
        }
        undo
    }

    /// Whether money is let go now: nothing that comes before it is left to undo.
    pub(super) fn lets_go(&self) -> bool {
        !self.compensation().iter().any(|undo| matches!(undo, Undo::RecallCourier(_) | Undo::StopKitchen(_)))
    }
}
