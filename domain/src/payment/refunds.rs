//! What was taken, and what of it goes back.

use serde::{Deserialize, Serialize};

use crate::values::{Money, MoneyError, Note, RefundId};

use super::Hold;

/// Money that was taken, with every refund of it, in the order in which they were first asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// What was held; the same amount when the provider never held.
    pub hold: Hold,
    /// What was taken.
    pub amount: Money,
    /// What goes back.
    pub refunds: Vec<Refund>,
}

/// Money that goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Its name, and the provider's idempotency key: a retry has the same name and the same amount.
    pub id: RefundId,
    /// How much.
    pub amount: Money,
    /// Why.
    pub reason: Note,
    /// How far it is.
    pub progress: Progress,
}

/// How far a refund is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// The provider has not answered yet.
    Pending,
    /// It went back.
    Done,
    /// It did not: an operator must look.
    Failed {
        /// The provider's error.
        error: String,
    },
}

impl Taken {
    /// What went back.
    ///
    /// # Errors
    /// [`MoneyError`] when the sum cannot be made, which the rules never let happen.
    pub fn refunded(&self) -> Result<Money, MoneyError> {
        self.sum(|refund| refund.progress == Progress::Done)
    }

    /// What may still be given back: taken, not gone back, not on its way.
    ///
    /// # Errors
    /// [`MoneyError`] when the sum cannot be made, which the rules never let happen.
    pub fn left(&self) -> Result<Money, MoneyError> {
        self.amount.minus(self.sum(|refund| !matches!(refund.progress, Progress::Failed { .. }))?)
    }

    /// The refund of that name.
    #[must_use]
    pub fn refund(&self, id: RefundId) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.id == id)
    }

    /// Whether a refund is on its way.
    #[must_use]
    pub fn is_refunding(&self) -> bool {
        self.refunds.iter().any(|refund| refund.progress == Progress::Pending)
    }

    /// Whether a refund went wrong and was not tried again.
    #[must_use]
    pub fn has_failed_refund(&self) -> bool {
        self.refunds.iter().any(|refund| matches!(refund.progress, Progress::Failed { .. }))
    }

    /// A refund begins, or begins again.
    pub(super) fn begin(&mut self, id: RefundId, amount: Money, reason: Note) {
        let refund = Refund { id, amount, reason, progress: Progress::Pending };
        match self.refunds.iter_mut().find(|known| known.id == id) {
            Some(known) => *known = refund,
            None => self.refunds.push(refund),
        }
    }

    /// A refund comes to an end.
    pub(super) fn end(&mut self, id: RefundId, progress: Progress) {
        if let Some(refund) = self.refunds.iter_mut().find(|refund| refund.id == id) {
            refund.progress = progress;
        }
    }

    fn sum(&self, counts: impl Fn(&Refund) -> bool) -> Result<Money, MoneyError> {
        self.refunds
            .iter()
            .filter(|refund| counts(refund))
            .try_fold(Money::zero(self.amount.currency), |sum, refund| sum.plus(refund.amount))
    }
}
