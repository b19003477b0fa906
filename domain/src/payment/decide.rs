//! Every rule of a payment, on one page. A command tells what the provider said, or asks something of it; what is
//! known already is no event, because callbacks and answers race and are told at least once.

use chrono::{DateTime, Utc};

use crate::values::{Money, Note, RefundId};

use super::event::Operation;
use super::{Payment, PaymentCommand, PaymentError, PaymentEvent, Progress, Taken};

type Command = PaymentCommand;
type Error = PaymentError;
type Event = PaymentEvent;
type Decision = Result<Vec<Event>, Error>;

/// How many refunds a payment may have: far more than a till ever makes, few enough to load at a glance.
pub const MAX_REFUNDS: usize = 100;

impl Payment {
    /// What happens when that is asked at that moment.
    ///
    /// # Errors
    /// [`PaymentError`], naming the rule that forbids it.
    pub fn decide(&self, command: &Command, now: DateTime<Utc>) -> Decision {
        if !self.exists() && !matches!(command, Command::Request { .. }) {
            return Err(Error::NotFound);
        }
        match command {
            Command::Request { order, amount, method } => match self.terms() {
                // An order of nothing is paid like any other: its payment may be of nothing.
                None if amount.amount < 0 => Err(Error::Negative { amount: *amount }),
                None => Ok(vec![Event::Requested {
                    order: *order,
                    amount: *amount,
                    method: method.clone(),
                    at: now,
                }]),
                Some(terms) if (terms.order, terms.amount, &terms.method) == (*order, *amount, method) => {
                    Ok(vec![])
                }
                Some(terms) => Err(Error::AlreadyRequested { order: terms.order, amount: terms.amount }),
            },
            Command::RecordActionRequired { reference, url } => Ok(self.act(reference, url.as_ref())),
            Command::RecordAuthorized { reference, amount } => self.authorize(reference, *amount),
            Command::RecordCaptured { reference, amount } => self.capture(reference, *amount),
            Command::RecordFailed { code, message } => match self.known() {
                Self::Failed { .. } | Self::Voided(_) => Ok(vec![]),
                // After a lost answer the provider may well say that it holds nothing any more.
                known if known.hold().is_none() || (self.unknown().is_some() && known.is_open()) => {
                    Ok(vec![Event::Failed { code: code.clone(), message: message.clone() }])
                }
                known => Err(Error::MoneyIsThere { stage: known.stage() }),
            },
            Command::RecordCaptureFailed { code, message } => match self.known() {
                Self::Failed { .. } | Self::Voided(_) => Ok(vec![]),
                Self::CaptureFailed { .. } if self.unknown().is_none() => Ok(vec![]),
                Self::Authorized(_) | Self::CaptureFailed { .. } => {
                    Ok(vec![Event::CaptureFailed { code: code.clone(), message: message.clone() }])
                }
                known => Err(Error::NothingHeld { stage: known.stage() }),
            },
            Command::RecordOutcomeUnknown { operation, error } => self.lose(*operation, error),
            Command::RecordVoided => match self.known() {
                Self::Failed { .. } | Self::Voided(_) => Ok(vec![]),
                known if known.is_open() => Ok(vec![Event::Voided]),
                known => Err(Error::NotVoidable { stage: known.stage() }),
            },
            Command::RequestRefund { refund, amount, reason } => self.refund_now(*refund, *amount, reason),
            Command::RecordRefunded { refund } => self.refunded_now(*refund),
            Command::RecordRefundFailed { refund, error } => self.refund_failed(*refund, error),
        }
    }

    /// News only before anything is held: a late callback is passed by.
    fn act(&self, reference: &str, url: Option<&String>) -> Vec<Event> {
        let event = Event::ActionRequired { reference: reference.to_owned(), url: url.cloned() };
        match self.known() {
            Self::ActionRequired { reference: known, url: there, .. }
                if self.unknown().is_none() && known == reference && there.as_ref() == url =>
            {
                vec![]
            }
            Self::Requested(_) | Self::ActionRequired { .. } => vec![event],
            _ => vec![],
        }
    }

    /// Held is held: also after a decline, for what the provider holds must be let go. After a void and after a
    /// capture it is old news.
    fn authorize(&self, reference: &str, amount: Money) -> Decision {
        let event = Event::Authorized { reference: reference.to_owned(), amount };
        match self.known() {
            Self::Authorized(hold) | Self::CaptureFailed { hold, .. } if hold.reference != reference => {
                Err(Error::OtherReference { known: hold.reference.clone(), told: reference.to_owned() })
            }
            Self::Captured(_) | Self::Voided(_) => Ok(vec![]),
            _ => {
                self.as_requested(amount)?;
                let news = self.unknown().is_some() || self.hold().is_none();
                Ok(if news { vec![event] } else { vec![] })
            }
        }
    }

    /// Taken is taken: also after a decline or a void, for what the provider took must be given back.
    fn capture(&self, reference: &str, amount: Money) -> Decision {
        match self.known() {
            Self::Captured(taken) if taken.amount == amount && taken.hold.reference == reference => {
                return Ok(vec![]);
            }
            Self::Captured(taken) => {
                return Err(Error::AlreadyCaptured {
                    captured: taken.amount,
                    reference: taken.hold.reference.clone(),
                });
            }
            Self::Authorized(hold) | Self::CaptureFailed { hold, .. } => {
                if amount != hold.amount {
                    positive(amount)?;
                }
                if hold.amount.minus(amount)?.amount < 0 {
                    return Err(Error::CapturedTooMuch { authorized: hold.amount, captured: amount });
                }
            }
            _ => self.as_requested(amount)?,
        }
        Ok(vec![Event::Captured { reference: reference.to_owned(), amount }])
    }

    /// A lost answer matters only while what was asked is not settled.
    fn lose(&self, operation: Operation, error: &str) -> Decision {
        let event = Event::OutcomeUnknown { operation, error: error.to_owned() };
        let known = self.known();
        let settled = self.unknown() == Some(operation)
            || match (known, operation) {
                (Self::Captured(taken), Operation::Refund) => !taken.is_refunding(),
                (Self::Captured(_) | Self::Failed { .. } | Self::Voided(_), _) => true,
                (_, Operation::Refund) => return Err(Error::NotCaptured { stage: known.stage() }),
                (_, Operation::Authorize) => known.hold().is_some(),
                (_, Operation::Capture | Operation::Void) => false,
            };
        Ok(if settled { vec![] } else { vec![event] })
    }

    fn refund_now(&self, refund: RefundId, amount: Option<Money>, reason: &Note) -> Decision {
        if let Some(amount) = amount {
            positive(amount)?;
        }
        let taken = self.captured_or_not()?;
        // A refund's name is the provider's idempotency key: a second amount under the same name would never be
        // given back, so it is refused and not passed by.
        let known = taken.refund(refund);
        if let (Some(known), Some(asked)) = (known, amount)
            && known.amount != asked
        {
            return Err(Error::RefundDiffers { refund, known: known.amount, asked });
        }
        if known.is_some_and(|known| !matches!(known.progress, Progress::Failed { .. })) {
            return Ok(vec![]);
        }
        if let Some(operation) = self.unknown() {
            return Err(Error::OutcomeUnknown { operation });
        }
        if known.is_none() && taken.refunds.len() >= MAX_REFUNDS {
            return Err(Error::TooManyRefunds { most: MAX_REFUNDS });
        }
        let left = taken.left()?;
        if left.amount <= 0 {
            return Err(Error::NothingLeft { captured: taken.amount });
        }
        let amount = amount.or(known.map(|known| known.amount)).unwrap_or(left);
        within(left, amount)?;
        Ok(vec![Event::RefundRequested { refund, amount, reason: reason.clone() }])
    }

    /// Also after it failed, when the provider changes its mind; not when the money was promised elsewhere since.
    fn refunded_now(&self, refund: RefundId) -> Decision {
        let taken = self.captured_or_not()?;
        let known = taken.refund(refund).ok_or(Error::RefundNotFound { refund })?;
        match known.progress {
            Progress::Done => return Ok(vec![]),
            Progress::Pending => {}
            Progress::Failed { .. } => within(taken.left()?, known.amount)?,
        }
        Ok(vec![Event::Refunded { refund, amount: known.amount }])
    }

    fn refund_failed(&self, refund: RefundId, error: &str) -> Decision {
        let known = self.captured_or_not()?.refund(refund).ok_or(Error::RefundNotFound { refund })?;
        match known.progress {
            Progress::Failed { .. } => Ok(vec![]),
            Progress::Done => Err(Error::RefundDone { refund }),
            Progress::Pending => {
                Ok(vec![Event::RefundFailed { refund, amount: known.amount, error: error.to_owned() }])
            }
        }
    }

    fn captured_or_not(&self) -> Result<&Taken, Error> {
        match (self.taken(), self.unknown()) {
            (Some(taken), _) => Ok(taken),
            (None, Some(operation)) => Err(Error::OutcomeUnknown { operation }),
            (None, None) => Err(Error::NotCaptured { stage: self.stage() }),
        }
    }

    fn as_requested(&self, told: Money) -> Result<(), Error> {
        match self.amount() {
            Some(requested) if requested != told => Err(Error::AmountDiffers { requested, told }),
            _ => Ok(()),
        }
    }
}

fn positive(amount: Money) -> Result<(), Error> {
    if amount.amount > 0 { Ok(()) } else { Err(Error::NotPositive { amount }) }
}

fn within(left: Money, asked: Money) -> Result<(), Error> {
    if left.minus(asked)?.amount < 0 { Err(Error::ExceedsLeft { left, asked }) } else { Ok(()) }
}
