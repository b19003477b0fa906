//! What the provider is asked next, payment by payment. Nothing is asked while an answer or a fact is outstanding.

use crate::command::Command;
use crate::payment::PaymentCommand;
use crate::values::PaymentId;

use super::purse::{Asking, Held, News, Pending, Purse};
use super::state::Stage;
use super::{Effect, Fulfilment, Turn};

impl Turn<'_> {
    /// Asks for what is next, for every payment.
    pub(super) fn ask_about_money(&mut self) {
        for purse in self.state.purses.clone() {
            if purse.pending != Pending::Nothing {
                continue;
            }
            if let Some(back) = purse.due() {
                // An operator's refund is carried out whatever else happens.
                self.ask(&purse, Asking::Refund(back.id));
            } else if self.state.is_unwanted(&purse) {
                if self.state.lets_go() {
                    self.let_go(&purse);
                }
            } else if self.state.is_alive() {
                match purse.held {
                    Held::Requested if self.state.stage == Stage::Unpaid => {
                        self.ask(&purse, Asking::Authorize);
                    }
                    Held::Authorized if self.state.may_capture(&purse) => {
                        self.remark("the kitchen has accepted: the money is taken");
                        self.ask(&purse, Asking::Capture);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Gives back what a payment holds or took.
    fn let_go(&mut self, purse: &Purse) {
        match purse.held {
            Held::Requested => {
                self.remark(format!("payment {} is closed: nothing is held", purse.id));
                self.tell_payment(
                    purse.id,
                    News::Of(Held::Failed),
                    PaymentCommand::RecordFailed {
                        code: "not_wanted".to_owned(),
                        message: "the order no longer wants this payment, and the provider holds nothing"
                            .to_owned(),
                    },
                );
            }
            Held::ActionRequired | Held::Authorized | Held::CaptureFailed => {
                self.remark(format!("{} of payment {} are let go", purse.amount, purse.id));
                self.ask(purse, Asking::Void);
            }
            Held::Captured => {
                // After a refund that failed a person must look; after one that went well the rest follows.
                let first = Fulfilment::refund_of(purse.id);
                let asked = purse.returns.iter().any(|back| back.id == first);
                if purse.left() > 0 && (!asked || purse.gives_back()) {
                    let refund = if asked { purse.further_refund() } else { first };
                    let reason = self.reason();
                    self.remark(format!("what was taken by payment {} is given back", purse.id));
                    let command = PaymentCommand::RequestRefund { refund, amount: None, reason };
                    self.tell_payment(purse.id, News::RefundAsked(refund), command);
                }
            }
            Held::Asked | Held::Failed | Held::Voided | Held::Refused | Held::Free => {}
        }
    }

    /// Asks the provider.
    pub(super) fn ask(&mut self, purse: &Purse, asking: Asking) {
        let payment = purse.id;
        let amount = purse.amount;
        let effect = match (asking, &purse.reference) {
            (Asking::Authorize, _) => Some(Effect::Authorize {
                payment,
                order: self.state.order,
                amount,
                method: purse.method.clone(),
            }),
            (Asking::Capture, Some(reference)) => {
                Some(Effect::Capture { payment, reference: reference.clone(), amount })
            }
            (Asking::Void, Some(reference)) => Some(Effect::Void { payment, reference: reference.clone() }),
            (Asking::Refund(refund), Some(reference)) => purse
                .returns
                .iter()
                .find(|back| back.id == refund)
                .map(|back| back.amount)
                .map(|amount| Effect::Refund { payment, refund, reference: reference.clone(), amount }),
            // Every fact that says that money is there names its reference.
            (_, None) => None,
        };
        if let Some(effect) = effect {
            self.call(effect);
            self.pend(payment, Pending::Called(asking));
        }
    }

    /// Asks the provider what became of something.
    pub(super) fn look_up(&mut self, payment: PaymentId, asking: Asking) {
        self.call(Effect::LookUp { payment });
        self.pend(payment, Pending::LookingUp(asking));
    }

    /// Tells the payment, whose fact will show it.
    pub(super) fn tell_payment(&mut self, payment: PaymentId, news: News, command: PaymentCommand) {
        self.dispatch(Command::Payment { id: payment, command });
        self.pend(payment, Pending::Telling(news));
    }

    pub(super) fn pend(&mut self, payment: PaymentId, pending: Pending) {
        if let Some(purse) = self.state.purse_mut(payment) {
            purse.pending = pending;
        }
    }
}

impl Fulfilment {
    /// Whether the order does not want that money, or no longer.
    pub(super) fn is_unwanted(&self, purse: &Purse) -> bool {
        purse.unwanted || self.stage.is_off() || self.payer.is_some_and(|payer| payer != purse.id)
    }

    /// The pivot: the order's own money, held, and a kitchen that said yes.
    fn may_capture(&self, purse: &Purse) -> bool {
        self.stage == Stage::Paid && self.payer == Some(purse.id) && self.kitchen.cook.is_willing()
    }
}
