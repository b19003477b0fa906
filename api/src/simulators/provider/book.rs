//! The provider's books: payments, the answers kept under their keys, and the ledger. Pure: no clock, no I/O.
//!
//! **Invariant:** `decide` never changes anything; `apply` never fails. Between the two a change is written down.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use spindle_commands::effects::wire::{Payment, RefundRequest, Status, code};
use spindle_domain::values::{Money, PaymentId};
use uuid::Uuid;

use super::records::{
    Account, Asking, Change, EntryKind, Kept, LedgerEntry, No, Opening, Outgoing, Refused, Request,
};
use super::telling;
use super::tokens::{Because, Decision};

/// How many payments are remembered: about a gigabyte.
const MOST_PAYMENTS: usize = 500_000;

#[derive(Debug, Default)]
pub(super) struct Book {
    accounts: HashMap<String, Account>,
    by_reference: HashMap<PaymentId, String>,
    kept: HashMap<String, Kept>,
    ledger: Vec<LedgerEntry>,
    outgoing: HashMap<Uuid, Outgoing>,
    undecided: BTreeSet<(DateTime<Utc>, String)>,
}

impl Book {
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Payment { account, entry, kept, told } => {
                let id = account.payment.id.clone();
                if let Some(at) = self.accounts.get(&id).and_then(|known| known.decide_at) {
                    self.undecided.remove(&(at, id.clone()));
                }
                if let Some(at) = account.decide_at {
                    self.undecided.insert((at, id.clone()));
                }
                self.by_reference.insert(account.payment.reference, id.clone());
                self.accounts.insert(id, *account);
                self.ledger.extend(entry);
                self.kept.extend(kept);
                self.outgoing.extend(told.map(|outgoing| (outgoing.id, outgoing)));
            }
            Change::Declined(entry) => self.ledger.push(entry),
            Change::Told(id) => {
                self.outgoing.remove(&id);
            }
        }
    }

    /// What a request changes and is answered, or why not; a declined one may leave a trace in the ledger.
    pub(super) fn decide(&self, request: &Request, asking: &Asking<'_>) -> Result<Change, Refused> {
        match request {
            Request::Authorize(opening) => self.authorize(opening, asking).map_err(Refused::from),
            Request::Capture { id, amount } => self.capture(id, *amount, asking),
            Request::Void { id } => self.void(id, asking).map_err(Refused::from),
            Request::Refund { id, request } => self.refund(id, request, asking),
        }
    }

    fn authorize(&self, opening: &Opening, asking: &Asking<'_>) -> Result<Change, No> {
        let Opening { id, request, token, decide_at, action_url } = opening;
        if self.by_reference.contains_key(&request.reference) {
            let message = format!("another payment has the reference {}", request.reference);
            return Err(No::new(409, code::REFERENCE_IN_USE, message));
        }
        if request.amount.amount <= 0 {
            return Err(No::new(422, "amount_not_positive", "an amount must be more than zero"));
        }
        if self.accounts.len() >= MOST_PAYMENTS {
            return Err(No::new(503, "full", format!("{MOST_PAYMENTS} payments are remembered and no more")));
        }
        let all = request.amount;
        let zero = Money::zero(all.currency);
        let (mut captured, mut decline, mut url, mut decide) = (zero, None, None, None);
        let (status, entry) = match token.decision() {
            Decision::Authorized => (Status::Authorized, Some(EntryKind::Authorized)),
            Decision::Captured => {
                captured = all;
                (Status::Captured, Some(EntryKind::Captured))
            }
            Decision::Declined(because) => {
                decline = Some(telling::decline(because));
                (Status::Declined, Some(EntryKind::Declined))
            }
            Decision::RequiresAction => {
                (url, decide) = (Some(action_url.clone()), *decide_at);
                (Status::RequiresAction, None)
            }
            Decision::Pending => {
                decide = *decide_at;
                (Status::Pending, None)
            }
        };
        let payment = Payment {
            id: id.clone(),
            reference: request.reference,
            order_id: request.order_id,
            status,
            amount: all,
            captured,
            refunded: zero,
            decline,
            action_url: url,
            created_at: asking.now,
        };
        let account = Account {
            payment,
            token: *token,
            key: asking.key.to_owned(),
            callback_url: request.callback_url.clone(),
            decide_at: decide,
            refunds_allowed: false,
        };
        let status = if status == Status::Declined { 402 } else { 201 };
        Ok(self.changed(account, entry.map(|kind| (kind, all)), Some(status), None, asking))
    }

    fn capture(&self, id: &str, amount: Money, asking: &Asking<'_>) -> Result<Change, Refused> {
        let mut account = self.account(id)?;
        let payment = &mut account.payment;
        if payment.status != Status::Authorized {
            return Err(telling::wrong_status(payment.status, "captured").into());
        }
        if amount.currency != payment.amount.currency
            || amount.amount <= 0
            || amount.amount > payment.amount.amount
        {
            let message = format!("{} is held, {amount} cannot be captured", payment.amount);
            return Err(No::new(422, "amount_not_capturable", message).into());
        }
        if let Some(because) = account.token.refuses_capture() {
            return Err(self.declined(&account, because, amount, asking));
        }
        payment.status = Status::Captured;
        payment.captured = amount;
        Ok(self.changed(account, Some((EntryKind::Captured, amount)), Some(200), None, asking))
    }

    fn void(&self, id: &str, asking: &Asking<'_>) -> Result<Change, No> {
        let mut account = self.account(id)?;
        let payment = &mut account.payment;
        let held = match payment.status {
            Status::Authorized => payment.amount,
            Status::Pending | Status::RequiresAction => Money::zero(payment.amount.currency),
            other => return Err(telling::wrong_status(other, "voided")),
        };
        payment.status = Status::Voided;
        payment.action_url = None;
        account.decide_at = None;
        Ok(self.changed(account, Some((EntryKind::Voided, held)), Some(200), None, asking))
    }

    fn refund(&self, id: &str, request: &RefundRequest, asking: &Asking<'_>) -> Result<Change, Refused> {
        let mut account = self.account(id)?;
        let payment = &mut account.payment;
        if !matches!(payment.status, Status::Captured | Status::PartiallyRefunded | Status::Refunded) {
            return Err(telling::wrong_status(payment.status, "refunded").into());
        }
        let after = payment.refunded.plus(request.amount).ok();
        let Some(after) =
            after.filter(|sum| request.amount.amount > 0 && sum.amount <= payment.captured.amount)
        else {
            let Payment { captured, refunded, .. } = payment;
            let message = format!(
                "{captured} is captured and {refunded} refunded, {} cannot be refunded",
                request.amount
            );
            return Err(No::new(422, "amount_not_refundable", message).into());
        };
        let because = account.token.refuses_refund();
        if let Some(because) = because.filter(|_| !account.refunds_allowed) {
            return Err(self.declined(&account, because, request.amount, asking));
        }
        payment.refunded = after;
        payment.status = if after == payment.captured { Status::Refunded } else { Status::PartiallyRefunded };
        let entry = (EntryKind::Refunded, request.amount);
        Ok(self.changed(account, Some(entry), Some(201), Some(request), asking))
    }

    /// The customer has acted, or a pending payment is decided.
    pub(super) fn complete(&self, id: &str, good: bool, asking: &Asking<'_>) -> Result<Change, No> {
        let mut account = self.account(id)?;
        let payment = &mut account.payment;
        if !matches!(payment.status, Status::Pending | Status::RequiresAction) {
            return Err(No::new(
                409,
                "already_decided",
                format!("the payment is {:?} already", payment.status),
            ));
        }
        payment.action_url = None;
        account.decide_at = None;
        let kind = if good {
            payment.status = Status::Authorized;
            EntryKind::Authorized
        } else {
            payment.status = Status::Declined;
            payment.decline =
                Some(telling::decline(("authentication_failed", "the customer did not confirm the payment")));
            EntryKind::Declined
        };
        let key = account.key.clone();
        let asking = Asking { key: &key, ..*asking };
        let amount = account.payment.amount;
        Ok(self.changed(account, Some((kind, amount)), None, None, &asking))
    }

    pub(super) fn allow_refunds(&self, id: &str) -> Result<Change, No> {
        let account = Box::new(Account { refunds_allowed: true, ..self.account(id)? });
        Ok(Change::Payment { account, entry: None, kept: None, told: None })
    }

    /// Puts a change together: the payment, its ledger entry, the answer to keep and the callback to send.
    fn changed(
        &self,
        account: Account,
        moved: Option<(EntryKind, Money)>,
        status: Option<u16>,
        refund: Option<&RefundRequest>,
        asking: &Asking<'_>,
    ) -> Change {
        let entry = moved.map(|(kind, amount)| self.entry(&account, kind, amount, asking));
        let kept = status.map(|status| {
            let body = telling::answer(&account.payment, refund);
            (asking.key.to_owned(), Kept { fingerprint: asking.fingerprint, status, body })
        });
        let told = entry
            .as_ref()
            .filter(|_| asking.tell)
            .and_then(|entry| telling::callback(&account, entry, asking));
        Change::Payment { account: Box::new(account), entry, kept, told }
    }

    fn declined(
        &self,
        account: &Account,
        (code, message): Because,
        amount: Money,
        asking: &Asking<'_>,
    ) -> Refused {
        let entry = self.entry(account, EntryKind::Declined, amount, asking);
        Refused { no: No::new(402, code, message), trace: Some(Box::new(entry)) }
    }

    fn entry(&self, account: &Account, kind: EntryKind, amount: Money, asking: &Asking<'_>) -> LedgerEntry {
        LedgerEntry {
            number: self.ledger.len() as u64 + 1,
            payment: account.payment.reference,
            order: account.payment.order_id,
            kind,
            amount,
            at: asking.now,
            idempotency_key: asking.key.to_owned(),
        }
    }

    fn account(&self, id: &str) -> Result<Account, No> {
        self.accounts.get(id).cloned().ok_or_else(No::not_found)
    }

    pub(super) fn payment(&self, id: &str) -> Option<&Account> {
        self.accounts.get(id)
    }

    pub(super) fn by_reference(&self, reference: PaymentId) -> Option<&Account> {
        self.by_reference.get(&reference).and_then(|id| self.accounts.get(id))
    }

    pub(super) fn kept(&self, key: &str) -> Option<&Kept> {
        self.kept.get(key)
    }

    pub(super) fn ledger(&self) -> &[LedgerEntry] {
        &self.ledger
    }

    pub(super) fn payments(&self) -> Vec<Payment> {
        self.accounts.values().map(|account| account.payment.clone()).collect()
    }

    pub(super) fn outgoing(&self) -> Vec<Outgoing> {
        self.outgoing.values().cloned().collect()
    }

    /// The payment that is decided next, and when.
    pub(super) fn next_undecided(&self) -> Option<&(DateTime<Utc>, String)> {
        self.undecided.first()
    }
}
