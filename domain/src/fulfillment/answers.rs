//! Takes in what the payment provider answered. A fact is worth more than an answer: what a fact told meanwhile is
//! not told again, and what an answer adds is told to the payment, whose fact then moves the process.

use crate::command::Command;
use crate::payment::PaymentCommand;
use crate::values::{PaymentId, RefundId};

use super::purse::{Asking, Held, News, Pending, Purse};
use super::{Effect, Outcome, Turn};

impl Turn<'_> {
    pub(super) fn answered(&mut self, effect: &Effect, outcome: &Outcome) {
        let payment = effect.payment();
        let Some(purse) = self.state.purse(payment).cloned() else { return };
        let (asking, looked_up) = match (&purse.pending, effect.asking()) {
            (Pending::Called(asked), Some(asking)) if *asked == asking => (asking, false),
            (Pending::LookingUp(asking), None) => (*asking, true),
            _ => return self.unexpected(&purse, outcome),
        };
        self.pend(payment, Pending::Nothing);
        if let Outcome::Unknown { error, .. } = outcome {
            return self.no_answer(payment, asking, looked_up, error);
        }
        match asking {
            Asking::Authorize => self.authorize_answered(&purse, outcome, looked_up),
            Asking::Capture => self.capture_answered(&purse, outcome, looked_up),
            Asking::Void => self.void_answered(&purse, outcome, looked_up),
            Asking::Refund(_) => self.refund_answered(&purse, asking, outcome, looked_up),
        }
    }

    /// An answer that nobody waits for any more tells only of money.
    fn unexpected(&mut self, purse: &Purse, outcome: &Outcome) {
        let (held, command) = match news_of_money(outcome) {
            Some((held, command)) if purse.is_news(held) => (held, command),
            _ => return,
        };
        match purse.pending {
            // It is being told already.
            Pending::Telling(News::Of(told)) if told == held => {}
            Pending::Nothing => self.tell_payment(purse.id, News::Of(held), command),
            // What is open comes to its own end.
            _ => self.dispatch(Command::Payment { id: purse.id, command }),
        }
    }

    /// It may or may not have happened: the provider is asked a little later.
    fn no_answer(&mut self, payment: PaymentId, asking: Asking, looked_up: bool, error: &str) {
        let operation = asking.operation();
        let again = self.again_at(payment);
        if let Some(purse) = self.state.purse_mut(payment) {
            purse.tries = purse.tries.saturating_add(1);
            purse.pending = Pending::InDoubt(asking, again);
        }
        if !looked_up {
            let command = PaymentCommand::RecordOutcomeUnknown { operation, error: error.to_owned() };
            self.dispatch(Command::Payment { id: payment, command });
        }
        self.remark(format!("what became of the {operation} of payment {payment} is unknown: {error}"));
    }

    fn authorize_answered(&mut self, purse: &Purse, outcome: &Outcome, looked_up: bool) {
        match outcome {
            Outcome::Authorized { .. } | Outcome::Captured { .. } => self.record_money(purse, outcome),
            Outcome::ActionRequired { reference, url } => {
                if purse.is_news(Held::ActionRequired) {
                    let command = PaymentCommand::RecordActionRequired {
                        reference: reference.clone(),
                        url: url.clone(),
                    };
                    self.tell_payment(purse.id, News::Of(Held::ActionRequired), command);
                }
            }
            Outcome::Declined { code, message } => self.record_failed(purse, code, message),
            Outcome::NotFound if !looked_up => {
                self.record_failed(purse, "not_found", "the provider does not know the payment");
            }
            // It never arrived; if the order still wants it, it is asked again under the same key.
            Outcome::NotFound | Outcome::Unknown { .. } => {}
            Outcome::Voided | Outcome::Refunded => {
                self.record_failed(purse, "let_go", "the provider has let go of the money");
            }
        }
    }

    fn capture_answered(&mut self, purse: &Purse, outcome: &Outcome, looked_up: bool) {
        match outcome {
            Outcome::Captured { .. } => self.record_money(purse, outcome),
            // It did not happen; if the order still wants it, it is asked again under the same key.
            Outcome::Authorized { .. } | Outcome::NotFound | Outcome::ActionRequired { .. } if looked_up => {}
            Outcome::Declined { code, message } => self.record_capture_failed(purse, code, message),
            Outcome::NotFound => {
                self.record_capture_failed(purse, "not_found", "the provider does not know the payment");
            }
            Outcome::Voided | Outcome::Refunded => self.record_voided(purse),
            Outcome::Authorized { .. } | Outcome::ActionRequired { .. } => {
                self.no_answer(purse.id, Asking::Capture, false, "the provider has not taken the money yet");
            }
            Outcome::Unknown { .. } => {}
        }
    }

    fn void_answered(&mut self, purse: &Purse, outcome: &Outcome, looked_up: bool) {
        match outcome {
            Outcome::Captured { .. } => self.record_money(purse, outcome),
            // The customer has confirmed meanwhile: there is more to let go than was known.
            Outcome::Authorized { .. } if purse.is_news(Held::Authorized) => {
                self.record_money(purse, outcome);
            }
            Outcome::Voided | Outcome::NotFound | Outcome::Refunded => self.record_voided(purse),
            Outcome::Declined { .. } if looked_up => self.record_voided(purse),
            // The provider knows something that we do not.
            Outcome::Declined { code, message } => {
                if let Some(known) = self.state.purse_mut(purse.id) {
                    known.not_let_go = Some(format!("{message} ({code})"));
                }
                self.remark(format!("the provider will not let go of payment {}: {message}", purse.id));
                self.look_up(purse.id, Asking::Void);
            }
            Outcome::Authorized { .. } | Outcome::ActionRequired { .. } if looked_up => {
                // It did not happen. It is asked again, unless the provider has said no to that.
                if let Some(why) = purse.not_let_go.clone() {
                    self.pend(purse.id, Pending::Stuck(why));
                }
            }
            Outcome::Authorized { .. } | Outcome::ActionRequired { .. } => {
                self.no_answer(purse.id, Asking::Void, false, "the provider has not let go of the money yet");
            }
            Outcome::Unknown { .. } => {}
        }
    }

    fn refund_answered(&mut self, purse: &Purse, asking: Asking, outcome: &Outcome, looked_up: bool) {
        let Asking::Refund(refund) = asking else { return };
        let whole = purse.due().is_some_and(|back| back.amount == purse.amount);
        match outcome {
            Outcome::Refunded | Outcome::Voided if !looked_up || whole => {
                let command = PaymentCommand::RecordRefunded { refund };
                self.tell_payment(purse.id, News::RefundEnded(refund), command);
            }
            Outcome::Declined { code, message } if !looked_up => {
                self.refund_failed(purse, refund, format!("{message} ({code})"));
            }
            Outcome::NotFound if !looked_up => {
                self.refund_failed(purse, refund, "the provider does not know the payment".to_owned());
            }
            // A look-up tells of the payment, not of one refund among several: the refund is asked again, under
            // the same key.
            _ if looked_up => {}
            _ => self.no_answer(purse.id, asking, false, "the provider has not given the money back yet"),
        }
    }

    fn refund_failed(&mut self, purse: &Purse, refund: RefundId, error: String) {
        self.remark(format!(
            "the provider will not give {} of payment {} back: {error}",
            purse.amount, purse.id
        ));
        let command = PaymentCommand::RecordRefundFailed { refund, error };
        self.tell_payment(purse.id, News::RefundEnded(refund), command);
    }

    /// Money is there: held or taken.
    fn record_money(&mut self, purse: &Purse, outcome: &Outcome) {
        if let Some((held, command)) = news_of_money(outcome)
            && purse.is_news(held)
        {
            self.tell_payment(purse.id, News::Of(held), command);
        }
    }

    fn record_failed(&mut self, purse: &Purse, code: &str, message: &str) {
        let command = PaymentCommand::RecordFailed { code: code.to_owned(), message: message.to_owned() };
        self.tell_payment(purse.id, News::Of(Held::Failed), command);
    }

    fn record_capture_failed(&mut self, purse: &Purse, code: &str, message: &str) {
        let command =
            PaymentCommand::RecordCaptureFailed { code: code.to_owned(), message: message.to_owned() };
        self.tell_payment(purse.id, News::Of(Held::CaptureFailed), command);
    }

    fn record_voided(&mut self, purse: &Purse) {
        self.tell_payment(purse.id, News::Of(Held::Voided), PaymentCommand::RecordVoided);
    }
}

/// What an answer that speaks of money says to the payment.
fn news_of_money(outcome: &Outcome) -> Option<(Held, PaymentCommand)> {
    match outcome.clone() {
        Outcome::Authorized { reference, amount } => {
            Some((Held::Authorized, PaymentCommand::RecordAuthorized { reference, amount }))
        }
        Outcome::Captured { reference, amount } => {
            Some((Held::Captured, PaymentCommand::RecordCaptured { reference, amount }))
        }
        _ => None,
    }
}

impl Effect {
    /// The payment that it is about.
    #[must_use]
    pub fn payment(&self) -> PaymentId {
        match self {
            Self::Authorize { payment, .. }
            | Self::Capture { payment, .. }
            | Self::Void { payment, .. }
            | Self::Refund { payment, .. }
            | Self::LookUp { payment } => *payment,
        }
    }

    /// What it asks the provider to do; a look-up asks for nothing to be done.
    pub(super) fn asking(&self) -> Option<Asking> {
        match self {
            Self::Authorize { .. } => Some(Asking::Authorize),
            Self::Capture { .. } => Some(Asking::Capture),
            Self::Void { .. } => Some(Asking::Void),
            Self::Refund { refund, .. } => Some(Asking::Refund(*refund)),
            Self::LookUp { .. } => None,
        }
    }
}
