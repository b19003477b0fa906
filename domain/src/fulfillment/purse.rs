//! What the process keeps in mind about one payment.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::payment::Operation;
use crate::values::{Money, PaymentId, PaymentMethod, RefundId};

use super::named;

/// One payment, as the process knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Purse {
    pub(super) id: PaymentId,
    /// How much was asked for; how much is held or taken, once it is.
    pub(super) amount: Money,
    pub(super) method: PaymentMethod,
    pub(super) held: Held,
    /// The provider's name for it.
    pub(super) reference: Option<String>,
    /// What is open between the process, the provider and the payment.
    pub(super) pending: Pending,
    /// How often the provider's answer was missed since the last news.
    pub(super) tries: u32,
    /// The order does not want it: give it back.
    pub(super) unwanted: bool,
    /// Why it failed.
    pub(super) failure: Option<String>,
    /// The order has noted that it failed.
    pub(super) failure_noted: bool,
    /// Why the provider would not let go of it.
    pub(super) not_let_go: Option<String>,
    /// What goes back.
    pub(super) returns: Vec<Return>,
}

/// Where the money is, by the payment's own facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Held {
    /// The command that opens the payment is on its way.
    Asked,
    Requested,
    ActionRequired,
    Authorized,
    CaptureFailed,
    Captured,
    Failed,
    Voided,
    /// The payment could not be opened.
    Refused,
    /// There is nothing to pay, hence no payment.
    Free,
}

impl Held {
    /// How much news it is; what is less is old news.
    fn rank(self) -> u8 {
        match self {
            Self::Asked => 0,
            Self::Requested => 1,
            Self::ActionRequired => 2,
            Self::Authorized | Self::Failed | Self::Refused => 3,
            Self::CaptureFailed => 4,
            Self::Voided => 5,
            Self::Captured | Self::Free => 6,
        }
    }
}

impl Held {
    /// Whether a payment of which this is known will no longer record that: it has said as much, or more, or will
    /// refuse.
    fn is_moot_after(self, known: Self) -> bool {
        let ended = matches!(known, Self::Captured | Self::Failed | Self::Voided);
        match self {
            Self::Captured => known == Self::Captured,
            // What is held after a decline is recorded: it must be let go.
            Self::Authorized => {
                matches!(known, Self::Authorized | Self::CaptureFailed | Self::Captured | Self::Voided)
            }
            Self::Failed => ended || matches!(known, Self::Authorized | Self::CaptureFailed),
            Self::CaptureFailed | Self::Voided => ended || known == self,
            _ => true,
        }
    }
}

/// One refund of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Return {
    pub(super) id: RefundId,
    pub(super) amount: Money,
    pub(super) progress: Progress,
}

/// How far a refund is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Progress {
    Due,
    Done,
    Failed(String),
}

/// What the provider is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Asking {
    Authorize,
    Capture,
    Void,
    Refund(RefundId),
}

impl Asking {
    pub(super) fn operation(self) -> Operation {
        match self {
            Self::Authorize => Operation::Authorize,
            Self::Capture => Operation::Capture,
            Self::Void => Operation::Void,
            Self::Refund(_) => Operation::Refund,
        }
    }
}

/// What the payment is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum News {
    /// Where the money is.
    Of(Held),
    /// Money goes back.
    RefundAsked(RefundId),
    /// It went back, or it did not.
    RefundEnded(RefundId),
}

/// What is open between the process, the provider and the payment: one thing at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Pending {
    Nothing,
    /// The provider is being asked to do this.
    Called(Asking),
    /// The provider is being asked what became of this.
    LookingUp(Asking),
    /// The answer to this was lost: the provider is asked at that time.
    InDoubt(Asking, DateTime<Utc>),
    /// The payment is being told; its fact will show it.
    Telling(News),
    /// The provider will not let go, for this reason: a person must look.
    Stuck(String),
}

impl Purse {
    pub(super) fn new(id: PaymentId, amount: Money, method: PaymentMethod, held: Held) -> Self {
        Self {
            id,
            amount,
            method,
            held,
            reference: None,
            pending: Pending::Nothing,
            tries: 0,
            unwanted: false,
            failure: None,
            failure_noted: false,
            not_let_go: None,
            returns: Vec::new(),
        }
    }

    /// Whether that would be news.
    pub(super) fn is_news(&self, held: Held) -> bool {
        held.rank() > self.held.rank() || (self.held == Held::Failed && held == Held::Authorized)
    }

    /// The payment's own facts say where the money is: what was open about less than that is closed.
    pub(super) fn advance(&mut self, held: Held) {
        if self.held == held {
            return;
        }
        self.held = held;
        self.tries = 0;
        self.not_let_go = None;
        match self.pending {
            Pending::Telling(News::Of(told)) if !told.is_moot_after(held) => {}
            _ => self.pending = Pending::Nothing,
        }
    }

    /// What of the taken money has not gone back.
    pub(super) fn kept(&self) -> i64 {
        self.sum(|progress| *progress == Progress::Done)
    }

    /// What of the taken money has not gone back and is not on its way.
    pub(super) fn left(&self) -> i64 {
        self.sum(|progress| !matches!(progress, Progress::Failed(_)))
    }

    fn sum(&self, counts: impl Fn(&Progress) -> bool) -> i64 {
        if self.held != Held::Captured {
            return 0;
        }
        let back = self.returns.iter().filter(|back| counts(&back.progress)).map(|back| back.amount.amount);
        back.fold(self.amount.amount, i64::saturating_sub)
    }

    /// The refund that is to be carried out next.
    pub(super) fn due(&self) -> Option<&Return> {
        self.returns.iter().find(|back| back.progress == Progress::Due)
    }

    pub(super) fn back(&mut self, id: RefundId) -> Option<&mut Return> {
        self.returns.iter_mut().find(|back| back.id == id)
    }

    /// A refund came to its end: it is the last one now.
    pub(super) fn end(&mut self, id: RefundId, progress: Progress) {
        if let Some(place) = self.returns.iter().position(|back| back.id == id) {
            let back = self.returns.remove(place);
            self.returns.push(Return { progress, ..back });
        }
    }

    /// Whether the last refund that came to its end went well: the provider gives money back.
    pub(super) fn gives_back(&self) -> bool {
        let last = self.returns.iter().rfind(|back| back.progress != Progress::Due);
        last.is_some_and(|back| back.progress == Progress::Done)
    }

    /// A name for the rest of the money, when the first refund did not give all of it back.
    pub(super) fn further_refund(&self) -> RefundId {
        let name = |number: usize| RefundId(named(self.id.0, &format!("refund-{number}")));
        // One more name than there are refunds: one of them is free.
        let most = self.returns.len() + 2;
        let free = (2..most).map(name).find(|id| self.returns.iter().all(|back| back.id != *id));
        free.unwrap_or_else(|| name(most))
    }

    /// The refund that went wrong last, as long as its money could still go back.
    pub(super) fn failed_return(&self) -> Option<(&Return, &str)> {
        self.returns.iter().rev().find_map(|back| match &back.progress {
            Progress::Failed(error) if back.amount.amount <= self.left() => Some((back, error.as_str())),
            _ => None,
        })
    }

    /// It came to its end without money.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self.held, Held::Failed | Held::Voided | Held::Refused)
            || (self.held == Held::Captured && self.amount.amount > 0 && self.kept() <= 0)
    }

    /// The provider has, or may yet have, money that is ours to take or took it.
    pub(super) fn is_good(&self) -> bool {
        !self.unwanted
            && matches!(self.held, Held::Authorized | Held::Captured | Held::Free)
            && !self.is_lost()
    }

    /// Nothing of it is left to undo.
    pub(super) fn is_empty(&self) -> bool {
        match self.held {
            Held::Free | Held::Refused => true,
            Held::Failed | Held::Voided => !matches!(self.pending, Pending::Telling(_)),
            Held::Captured => self.kept() <= 0 && self.due().is_none(),
            Held::Asked | Held::Requested | Held::ActionRequired | Held::Authorized | Held::CaptureFailed => {
                false
            }
        }
    }
}
