//! Takes in a refusal, or work that was given up. A refusal mostly says that something has moved on, and then its
//! fact is on its way; where it says more, the process answers with another step, or asks for a person.

use crate::command::Command;
use crate::kitchen::ScheduleCommand;
use crate::order::OrderCommand;
use crate::payment::PaymentCommand;
use crate::shipment::ShipmentCommand;

use super::purse::{Held, News, Pending};
use super::state::{At, Cook, Stage, Trouble};
use super::{Fulfilment, Turn, Work};

/// Refusals by an order that only say that it has moved on: the fact that moved it is on its way.
const ORDER_MOVED_ON: &[&str] = &[
    "order_discarded",
    "order_not_paid",
    "order_not_in_kitchen",
    "order_not_ready",
    "order_not_dispatched",
    "order_not_cancelling",
    "order_not_cancellable",
];

/// Refusals by a payment that only say that it has moved on.
const PAYMENT_MOVED_ON: &[&str] = &[
    "payment_already_captured",
    "payment_not_failable",
    "payment_not_voidable",
    "payment_not_authorized",
    "refund_already_done",
    "nothing_left",
];

/// A shipment or a schedule that was never there.
const NOT_FOUND: &[&str] = &["shipment_not_found", "schedule_not_found"];

impl Turn<'_> {
    pub(super) fn refused(&mut self, command: &Command, code: &str, message: &str) {
        match command {
            Command::Order { id, command: asked } if *id == self.state.order => match asked {
                OrderCommand::ConfirmPayment { payment } => {
                    let Some(purse) = self.state.purse_mut(*payment) else { return };
                    if !purse.unwanted {
                        purse.unwanted = true;
                        self.remark(format!("payment {payment} is given back: {message}"));
                    }
                }
                OrderCommand::RecordPaymentFailure { .. } => {}
                _ if ORDER_MOVED_ON.contains(&code) => {}
                _ => self.trouble(Work::Dispatch(command.clone()), message),
            },
            Command::Payment { id, command: asked } => match asked {
                PaymentCommand::Request { .. } => {
                    let Some(purse) = self.state.purse_mut(*id).filter(|purse| purse.held == Held::Asked)
                    else {
                        return;
                    };
                    purse.failure = Some(message.to_owned());
                    purse.advance(Held::Refused);
                    self.remark(format!("payment {id} could not be opened: {message}"));
                }
                PaymentCommand::RecordOutcomeUnknown { .. } => {}
                _ if PAYMENT_MOVED_ON.contains(&code) => {}
                _ => self.trouble(Work::Dispatch(command.clone()), message),
            },
            Command::Kitchen { id, command: asked } if *id == self.state.schedule() => {
                self.refused_by_the_kitchen(asked, message);
            }
            // Of another order, or another schedule: none of ours.
            Command::Order { .. } | Command::Kitchen { .. } => {}
            Command::Shipment { id, command: asked } => {
                let Some(ride) = self.state.rides.iter_mut().find(|ride| ride.id == *id) else { return };
                match asked {
                    ShipmentCommand::Request { .. } if ride.at == At::Asked => {
                        ride.at = At::Refused;
                        self.remark(format!("no courier could be asked for: {message}"));
                    }
                    ShipmentCommand::Cancel { .. } if NOT_FOUND.contains(&code) && ride.at == At::Asked => {
                        ride.at = At::Cancelled;
                    }
                    ShipmentCommand::Cancel { .. } if !ride.kept && ride.at.is_recallable() => {
                        ride.kept = true;
                        self.remark(format!("the shipment goes on: {message}"));
                    }
                    _ => {}
                }
            }
        }
    }

    fn refused_by_the_kitchen(&mut self, asked: &ScheduleCommand, message: &str) {
        let kitchen = &mut self.state.kitchen;
        match asked {
            ScheduleCommand::Schedule { .. } if kitchen.cook == Cook::Asked => {
                kitchen.cook = Cook::Refused;
                self.remark(format!("the kitchen could not be asked: {message}"));
            }
            ScheduleCommand::Cancel { .. } if !kitchen.kept && kitchen.cook.is_stoppable() => {
                kitchen.kept = true;
                self.remark(format!("the kitchen does not stop: {message}"));
            }
            // A courier has it, whether the kitchen has noted that or not.
            _ => {}
        }
    }

    /// The work stays as it is: it may be tried again by a person, and then its fact or answer comes after all.
    pub(super) fn gave_up(&mut self, work: &Work, error: &str) {
        self.trouble(work.clone(), error);
    }

    fn trouble(&mut self, work: Work, why: &str) {
        let trouble = Trouble { work, why: why.to_owned() };
        if self.state.is_settled(&trouble.work) || self.state.troubles.contains(&trouble) {
            return;
        }
        self.state.troubles.retain(|known| known.work != trouble.work);
        self.remark(format!("a person must look: {} did not succeed: {why}", name(&trouble.work)));
        self.state.troubles.push(trouble);
    }

    /// A trouble is over as soon as what is known shows that its work is done or needless.
    pub(super) fn forget_settled_troubles(&mut self) {
        let troubles = std::mem::take(&mut self.state.troubles);
        let (over, open): (Vec<_>, Vec<_>) =
            troubles.into_iter().partition(|trouble| self.state.is_settled(&trouble.work));
        self.state.troubles = open;
        for trouble in over {
            self.remark(format!("{} is settled", name(&trouble.work)));
        }
    }
}

impl Fulfilment {
    /// Whether that work has had its effect, or needs none any more.
    fn is_settled(&self, work: &Work) -> bool {
        match work {
            Work::Dispatch(Command::Order { command, .. }) => self.order_knows(command),
            Work::Dispatch(Command::Payment { id, command }) => match command {
                PaymentCommand::Request { .. } => {
                    self.purse(*id).is_none_or(|purse| purse.held != Held::Asked)
                }
                PaymentCommand::RecordOutcomeUnknown { .. } => {
                    self.purse(*id).is_none_or(|purse| !matches!(purse.pending, Pending::InDoubt(..)))
                }
                PaymentCommand::RequestRefund { .. } => self
                    .purse(*id)
                    .is_none_or(|purse| !matches!(purse.pending, Pending::Telling(News::RefundAsked(_)))),
                _ => self.purse(*id).is_none_or(|purse| !matches!(purse.pending, Pending::Telling(_))),
            },
            Work::Dispatch(Command::Kitchen { command, .. }) => match command {
                ScheduleCommand::Schedule { .. } => self.kitchen.cook != Cook::Asked || self.is_over(),
                ScheduleCommand::Cancel { .. } => !self.kitchen.cook.is_stoppable() || self.kitchen.kept,
                ScheduleCommand::Collect => self.kitchen.cook == Cook::Collected || self.is_over(),
                _ => true,
            },
            Work::Dispatch(Command::Shipment { id, command }) => match command {
                ShipmentCommand::Request { .. } => {
                    self.ride(*id).is_none_or(|ride| ride.at != At::Asked) || self.is_over()
                }
                ShipmentCommand::Cancel { .. } => {
                    self.ride(*id).is_none_or(|ride| !ride.at.is_recallable() || ride.kept)
                }
                _ => true,
            },
            Work::Call(effect) => {
                let asking = effect.asking();
                self.purse(effect.payment()).is_none_or(|purse| match (&purse.pending, asking) {
                    (Pending::Called(open), Some(asked)) => *open != asked,
                    (Pending::LookingUp(_), None) => false,
                    _ => true,
                })
            }
        }
    }

    fn order_knows(&self, command: &OrderCommand) -> bool {
        let past = |stage: Stage| self.stage > stage;
        match command {
            OrderCommand::ConfirmPayment { .. } => past(Stage::Unpaid),
            OrderCommand::RecordPaymentFailure { payment, .. } => {
                past(Stage::Unpaid) || self.purse(*payment).is_none_or(|purse| purse.failure_noted)
            }
            OrderCommand::EnterKitchen { .. } => past(Stage::Paid),
            OrderCommand::MarkReady => past(Stage::InKitchen),
            OrderCommand::Dispatch { .. } | OrderCommand::Collect => past(Stage::Ready),
            OrderCommand::Deliver | OrderCommand::Cancel { .. } => past(Stage::Dispatched),
            OrderCommand::ConfirmCancellation => past(Stage::Cancelling),
            _ => true,
        }
    }

    fn is_over(&self) -> bool {
        self.stage.is_fulfilled() || matches!(self.stage, Stage::Cancelled | Stage::Discarded)
    }
}

/// What was tried, in words.
pub(super) fn name(work: &Work) -> String {
    match work {
        Work::Dispatch(Command::Order { command, .. }) => format!("the order's {}", first_word(command)),
        Work::Dispatch(Command::Payment { id, command }) => {
            format!("payment {id}'s {}", first_word(command))
        }
        Work::Dispatch(Command::Kitchen { command, .. }) => format!("the kitchen's {}", first_word(command)),
        Work::Dispatch(Command::Shipment { id, command }) => {
            format!("shipment {id}'s {}", first_word(command))
        }
        Work::Call(effect) => {
            format!("the provider's {} for payment {}", first_word(effect), effect.payment())
        }
    }
}

/// The name of a variant, as it is stored.
fn first_word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(serde_json::Value::Object(map)) => map.keys().next().cloned().unwrap_or_default(),
        _ => "work".to_owned(),
    }
    .replace('_', " ")
}
