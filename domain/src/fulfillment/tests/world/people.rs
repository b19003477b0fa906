//! The kitchen, the couriers, the customer and the operator of the small world, and how they feel today.

use crate::command::Command;
use crate::kitchen::{ScheduleCommand, ScheduleStage};
use crate::order::{CancelReason, OrderCommand, Party};
use crate::payment::{PaymentCommand, PaymentStage};
use crate::shipment::{ShipmentCommand, ShipmentStage};
use crate::values::{CourierId, PaymentId, RefundId, ScheduleId, ShipmentId};

use crate::fulfillment::Fulfilment;
use uuid::Uuid;

use super::super::samples::{ORDER, euros, method, note, payment};
use super::World;
use super::dice::Dice;
use super::provider::Moods;

/// How people feel today, in percent.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is one person's mood, independent of the others")]
pub(super) struct Fates {
    pub(super) pickup: bool,
    pub(super) pays: bool,
    pub(super) cancels: usize,
    pub(super) operator_cancels: usize,
    pub(super) operator_refunds: usize,
    pub(super) discards: usize,
    pub(super) kitchen_answers: bool,
    pub(super) kitchen_rejects: usize,
    pub(super) kitchen_cancels: usize,
    pub(super) couriers_come: bool,
    pub(super) couriers_go: usize,
    pub(super) delivery_fails: usize,
    pub(super) gives_up: usize,
    pub(super) does_twice: usize,
    pub(super) clock_runs: usize,
    pub(super) wanted_later: bool,
    pub(super) free: bool,
}

impl Fates {
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let mut often = |chance: usize, how: usize| if dice.percent(chance) { how } else { 0 };
        let (pickup, wanted_later, free) = (often(25, 1) == 1, often(15, 1) == 1, often(5, 1) == 1);
        Self {
            pickup,
            wanted_later,
            free,
            pays: often(97, 1) == 1,
            cancels: often(30, 2),
            operator_cancels: often(15, 2),
            operator_refunds: often(25, 4),
            discards: often(25, 4),
            kitchen_answers: often(90, 1) == 1,
            kitchen_rejects: often(15, 40),
            kitchen_cancels: often(15, 30),
            couriers_come: often(85, 1) == 1,
            couriers_go: often(30, 40),
            delivery_fails: often(20, 60),
            gives_up: often(20, 10),
            does_twice: often(50, 20),
            clock_runs: often(30, 2),
        }
    }
}

pub(super) fn moods(dice: &mut Dice) -> Moods {
    let mut often = |chance: usize, how: usize| if dice.percent(chance) { how } else { 0 };
    Moods {
        declines: often(25, 50),
        takes_at_once: often(25, 60),
        wants_action: often(25, 50),
        capture_fails: often(15, 60),
        loses_before: often(40, 40),
        loses_after: often(40, 40),
        acts_late: often(50, 50),
        calls_back: often(60, 50),
        refuses_refunds: often(15, 1) == 1,
    }
}

impl World {
    /// The kitchen does the next thing; `false` when it has nothing to do.
    pub(super) fn kitchen_acts(&mut self) -> bool {
        let id = Fulfilment::schedule_of(ORDER);
        let Some((schedule, _)) = self.schedules.get(&id) else { return false };
        let command = match schedule.stage() {
            ScheduleStage::Pending if !self.fates.kitchen_answers => return false,
            ScheduleStage::Pending if self.dice.percent(self.fates.kitchen_rejects) => {
                ScheduleCommand::Reject { reason: note("no milk") }
            }
            ScheduleStage::Pending if self.dice.percent(20) => ScheduleCommand::Start,
            ScheduleStage::Pending => ScheduleCommand::Accept { ready_by: None },
            ScheduleStage::Accepted | ScheduleStage::InProgress
                if self.dice.percent(self.fates.kitchen_cancels) =>
            {
                ScheduleCommand::Cancel { reason: note("the oven is broken") }
            }
            ScheduleStage::Accepted => ScheduleCommand::Start,
            ScheduleStage::InProgress => ScheduleCommand::Finish,
            ScheduleStage::Finished if self.fates.pickup && !self.is_off() => ScheduleCommand::Collect,
            _ => return false,
        };
        self.somebody(&Command::Kitchen { id, command });
        true
    }

    /// A courier does the next thing with any shipment.
    pub(super) fn couriers_act(&mut self) -> bool {
        let ids: Vec<ShipmentId> = self.shipments.keys().copied().collect();
        let courier = || CourierId::parse("courier-1").unwrap();
        for id in ids {
            let (shipment, _) = &self.shipments[&id];
            let command = match shipment.stage() {
                ShipmentStage::Requested if self.fates.couriers_come => {
                    ShipmentCommand::Assign { courier: courier() }
                }
                ShipmentStage::Assigned if self.dice.percent(self.fates.couriers_go) => {
                    ShipmentCommand::Unassign { reason: None }
                }
                ShipmentStage::Assigned => ShipmentCommand::PickUp { courier: courier() },
                ShipmentStage::PickedUp if self.dice.percent(self.fates.delivery_fails) => {
                    ShipmentCommand::Fail { courier: courier(), reason: note("nobody at home") }
                }
                ShipmentStage::PickedUp => ShipmentCommand::Deliver { courier: courier(), proof: None },
                ShipmentStage::DeliveryFailed => ShipmentCommand::Return { courier: courier() },
                _ => continue,
            };
            self.somebody(&Command::Shipment { id, command });
            return true;
        }
        false
    }

    /// The customer pays what is payable.
    pub(super) fn customer_pays(&mut self) -> bool {
        use crate::order::Stage;
        if !self.fates.pays || self.order().stage() != Some(Stage::Placed) || self.order().attempts() > 6 {
            return false;
        }
        let id = payment(u128::from(self.order().attempts()) + 1);
        self.ask(OrderCommand::RequestPayment { payment: id, method: method() });
        true
    }

    pub(super) fn ask(&mut self, command: OrderCommand) {
        self.somebody(&Command::Order { id: ORDER, command });
    }

    /// What people do on a whim.
    pub(super) fn whims(&mut self) {
        if self.dice.percent(self.fates.cancels) {
            let (reason, by) = (CancelReason::CustomerRequest, Party::Customer);
            self.ask(OrderCommand::Cancel { reason, by, detail: None });
        }
        if self.dice.percent(self.fates.operator_cancels) {
            let (reason, by) = (CancelReason::Operator, Party::Operator);
            self.ask(OrderCommand::Cancel { reason, by, detail: None });
        }
        if self.dice.percent(self.fates.discards) {
            self.ask(OrderCommand::Discard);
        }
        if self.dice.percent(self.fates.operator_refunds) {
            let number = self.dice.pick(3);
            let amount = [None, Some(euros(300)), Some(euros(1_000))][self.dice.pick(3)];
            let paid: Vec<PaymentId> = self.payments.keys().copied().collect();
            for id in paid {
                let refund = RefundId(Uuid::new_v5(&id.0, &[u8::try_from(number).unwrap()]));
                let reason = note("it was cold");
                self.somebody(&Command::Payment {
                    id,
                    command: PaymentCommand::RequestRefund { refund, amount, reason },
                });
            }
        }
        for id in self.payments.keys().copied().collect::<Vec<_>>() {
            if self.dice.percent(10) {
                self.provider.customer_acts(id, &mut self.dice);
            }
        }
    }

    /// An operator asks once more for every refund that failed; `false` when there is none.
    pub(super) fn operator_retries_refunds(&mut self) -> bool {
        let failed: Vec<PaymentId> = self
            .payments
            .iter()
            .filter(|(_, (payment, _))| payment.stage() == PaymentStage::RefundFailed)
            .map(|(id, _)| *id)
            .collect();
        for id in &failed {
            let refunds: Vec<RefundId> = self.payments[id]
                .0
                .refunds()
                .iter()
                .filter(|refund| matches!(refund.progress, crate::payment::Progress::Failed { .. }))
                .map(|refund| refund.id)
                .collect();
            for refund in refunds {
                let command =
                    PaymentCommand::RequestRefund { refund, amount: None, reason: note("once more") };
                self.somebody(&Command::Payment { id: *id, command });
            }
        }
        !failed.is_empty()
    }

    pub(super) fn is_off(&self) -> bool {
        use crate::order::Stage;
        matches!(self.order().stage(), None | Some(Stage::Cancelling | Stage::Cancelled | Stage::Discarded))
    }

    pub(super) fn schedule_id() -> ScheduleId {
        Fulfilment::schedule_of(ORDER)
    }
}
