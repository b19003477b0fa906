//! A payment provider with a ledger. It loses answers before and after it has acted, acts late, declines, and calls
//! back whenever it likes, several times.

use std::collections::BTreeMap;

use crate::fulfillment::{Effect, Outcome};
use crate::payment::{Operation, PaymentCommand};
use crate::values::{Money, PaymentId, RefundId};

use super::dice::Dice;

/// One payment at the provider.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) amount: Money,
    pub(super) state: Balance,
    /// How often money was taken.
    pub(super) captures: u32,
    pub(super) refunds: BTreeMap<RefundId, i64>,
    /// Nobody waited for the answer that made it: then the provider calls back for certain.
    pub(super) late: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Balance {
    Waiting,
    Held,
    Taken,
    Declined,
    Released,
}

impl Account {
    pub(super) fn refunded(&self) -> i64 {
        self.refunds.values().sum()
    }

    pub(super) fn taken(&self) -> i64 {
        if self.state == Balance::Taken { self.amount.amount - self.refunded() } else { 0 }
    }
}

/// How often things go wrong, in percent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moods {
    pub(super) declines: usize,
    pub(super) takes_at_once: usize,
    pub(super) wants_action: usize,
    pub(super) capture_fails: usize,
    pub(super) loses_before: usize,
    pub(super) loses_after: usize,
    pub(super) acts_late: usize,
    pub(super) calls_back: usize,
    pub(super) refuses_refunds: bool,
}

#[derive(Debug, Default)]
pub(super) struct Provider {
    pub(super) accounts: BTreeMap<PaymentId, Account>,
    pub(super) moods: Moods,
    /// What it will tell from its own side.
    pub(super) callbacks: Vec<(PaymentId, PaymentCommand)>,
    /// Requests whose sender has stopped waiting, and which it carries out later.
    pub(super) late: Vec<Effect>,
}

impl Provider {
    pub(super) fn call(&mut self, effect: &Effect, dice: &mut Dice) -> Outcome {
        let operation = match effect {
            Effect::Authorize { .. } | Effect::LookUp { .. } => Operation::Authorize,
            Effect::Capture { .. } => Operation::Capture,
            Effect::Void { .. } => Operation::Void,
            Effect::Refund { .. } => Operation::Refund,
        };
        let lost = || Outcome::Unknown { operation, error: "no answer within 10 s".to_owned() };
        if dice.percent(self.moods.loses_before) {
            if dice.percent(self.moods.acts_late) && matches!(effect, Effect::Authorize { .. }) {
                self.late.push(effect.clone());
            }
            return lost();
        }
        let outcome = self.act(effect, dice);
        if dice.percent(self.moods.loses_after) { lost() } else { outcome }
    }

    /// Does what it is asked; a second time it answers the same.
    pub(super) fn act(&mut self, effect: &Effect, dice: &mut Dice) -> Outcome {
        let payment = effect.payment();
        match effect {
            Effect::Authorize { amount, .. } => {
                if !self.accounts.contains_key(&payment) {
                    let state = match dice.pick(100) {
                        n if n < self.moods.declines => Balance::Declined,
                        n if n < self.moods.declines + self.moods.wants_action => Balance::Waiting,
                        _ if dice.percent(self.moods.takes_at_once) => Balance::Taken,
                        _ => Balance::Held,
                    };
                    let captures = u32::from(state == Balance::Taken);
                    let account =
                        Account { amount: *amount, state, captures, refunds: BTreeMap::new(), late: false };
                    self.accounts.insert(payment, account);
                    self.news(payment, dice);
                }
                self.look(payment)
            }
            Effect::Capture { .. } => {
                let Some(account) = self.accounts.get_mut(&payment) else { return Outcome::NotFound };
                if account.state == Balance::Held {
                    if dice.percent(self.moods.capture_fails) {
                        return declined("expired");
                    }
                    account.state = Balance::Taken;
                    account.captures += 1;
                    self.news(payment, dice);
                }
                match self.look(payment) {
                    Outcome::Captured { reference, amount } => Outcome::Captured { reference, amount },
                    _ => declined("not_held"),
                }
            }
            Effect::Void { .. } => {
                let Some(account) = self.accounts.get_mut(&payment) else { return Outcome::NotFound };
                if account.state == Balance::Taken {
                    return declined("already_captured");
                }
                account.state = Balance::Released;
                self.news(payment, dice);
                Outcome::Voided
            }
            Effect::Refund { refund, amount, .. } => {
                let refuses = self.moods.refuses_refunds;
                let Some(account) = self.accounts.get_mut(&payment) else { return Outcome::NotFound };
                if account.refunds.contains_key(refund) {
                    return Outcome::Refunded;
                }
                if refuses || account.taken() < amount.amount {
                    return declined("refund_refused");
                }
                account.refunds.insert(*refund, amount.amount);
                if dice.percent(self.moods.calls_back) {
                    self.callbacks.push((payment, PaymentCommand::RecordRefunded { refund: *refund }));
                }
                Outcome::Refunded
            }
            Effect::LookUp { .. } => self.look(payment),
        }
    }

    /// Carries out a request whose sender has stopped waiting.
    pub(super) fn act_late(&mut self, effect: &Effect, dice: &mut Dice) {
        let payment = effect.payment();
        if !self.accounts.contains_key(&payment) {
            self.act(effect, dice);
            if let Some(account) = self.accounts.get_mut(&payment) {
                account.late = true;
            }
            self.news(payment, dice);
        }
    }

    /// The customer does what the bank wants, or does not.
    pub(super) fn customer_acts(&mut self, payment: PaymentId, dice: &mut Dice) {
        if let Some(account) = self.accounts.get_mut(&payment)
            && account.state == Balance::Waiting
        {
            account.state = match dice.pick(4) {
                0 => Balance::Declined,
                1 => Balance::Taken,
                _ => Balance::Held,
            };
            account.captures += u32::from(account.state == Balance::Taken);
            self.news(payment, dice);
        }
    }

    /// Tells its news, never, once or twice.
    fn news(&mut self, payment: PaymentId, dice: &mut Dice) {
        let command = match self.look(payment) {
            Outcome::Authorized { reference, amount } => {
                PaymentCommand::RecordAuthorized { reference, amount }
            }
            Outcome::Captured { reference, amount } => PaymentCommand::RecordCaptured { reference, amount },
            Outcome::Declined { code, message } => PaymentCommand::RecordFailed { code, message },
            Outcome::Voided => PaymentCommand::RecordVoided,
            _ => return,
        };
        let late = self.accounts.get(&payment).is_some_and(|account| account.late);
        for first in [true, false] {
            if (first && late) || dice.percent(self.moods.calls_back) {
                self.callbacks.push((payment, command.clone()));
            }
        }
    }

    fn look(&self, payment: PaymentId) -> Outcome {
        let Some(account) = self.accounts.get(&payment) else { return Outcome::NotFound };
        let (reference, amount) = (format!("pr_{payment}"), account.amount);
        match account.state {
            Balance::Waiting => Outcome::ActionRequired { reference, url: None },
            Balance::Held => Outcome::Authorized { reference, amount },
            Balance::Taken if account.taken() == 0 => Outcome::Refunded,
            Balance::Taken => Outcome::Captured { reference, amount },
            Balance::Declined => declined("insufficient_funds"),
            Balance::Released => Outcome::Voided,
        }
    }
}

fn declined(code: &str) -> Outcome {
    Outcome::Declined { code: code.to_owned(), message: "no".to_owned() }
}
