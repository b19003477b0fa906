//! Which timers run: they follow from what is known, so that none is forgotten and none runs for nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::order::CancelReason;
use crate::values::PaymentId;

use super::purse::Pending;
use super::state::{Cook, Stage, Told};
use super::{Action, Fulfilment, Timer, Turn, later};

/// The longest time from a lost answer to asking the provider.
const RECONCILE_AT_MOST: TimeDelta = TimeDelta::minutes(5);

/// How often the wait for a provider is doubled: far beyond the longest wait, and no number overflows.
const MOST_DOUBLINGS: u32 = 16;

impl Turn<'_> {
    /// A timer that is not set has been cancelled meanwhile: it rang for nothing.
    pub(super) fn wake(&mut self, timer: Timer) {
        if self.state.timers.remove(&timer).is_none() {
            return;
        }
        match timer {
            Timer::PaymentDue => {
                self.cancel(CancelReason::PaymentTimeout, None, "nobody has paid in time");
            }
            Timer::Reconcile => {
                for purse in &mut self.state.purses {
                    if let Pending::InDoubt(asking, _) = purse.pending {
                        purse.pending = Pending::LookingUp(asking);
                        let effect = super::Effect::LookUp { payment: purse.id };
                        self.actions.push(Action::Do(super::Work::Call(effect)));
                    }
                }
                self.remark("a provider's answer is missing: it is asked what became of it");
            }
            Timer::KitchenDue => {
                self.state.kitchen.not_before = None;
                self.remark("the wanted time is near: the kitchen is asked");
            }
            Timer::AcceptDue => {
                self.cancel(CancelReason::KitchenTimeout, None, "the kitchen has not accepted in time");
            }
            Timer::CourierDue => {
                if let Some(ride) = self.state.rides.last_mut() {
                    ride.overdue = true;
                }
                self.remark("no courier has picked the order up in time");
            }
        }
    }

    /// When the provider is asked again: a little later each time.
    pub(super) fn again_at(&self, payment: PaymentId) -> DateTime<Utc> {
        let tries = self.state.purse(payment).map_or(0, |purse| purse.tries);
        let factor = 2_i32.saturating_pow(tries.min(MOST_DOUBLINGS));
        let wait = self.policy.reconcile_after.checked_mul(factor).unwrap_or(RECONCILE_AT_MOST);
        later(self.now, wait.min(RECONCILE_AT_MOST))
    }

    /// Sets what is missing and cancels what is no longer needed.
    pub(super) fn set_timers(&mut self) {
        let wanted = self.state.wanted_timers();
        for timer in self.state.timers.keys().filter(|timer| !wanted.contains_key(timer)) {
            self.actions.push(Action::CancelTimer(*timer));
        }
        for (timer, due) in &wanted {
            if self.state.timers.get(timer) != Some(due) {
                self.actions.push(Action::SetTimer(*timer, *due));
            }
        }
        self.state.timers = wanted;
    }
}

impl Fulfilment {
    fn wanted_timers(&self) -> BTreeMap<Timer, DateTime<Utc>> {
        let brief = self.brief.as_ref();
        let confirmed = self.purses.iter().any(|p| p.is_good() && self.told.contains(&Told::Confirmed(p.id)));
        let payment = brief
            .filter(|_| self.is_alive() && self.stage == Stage::Unpaid && !confirmed)
            .map(|brief| brief.payment_due);
        let reconcile = self.purses.iter().filter_map(|purse| match purse.pending {
            Pending::InDoubt(_, due) => Some(due),
            _ => None,
        });
        let kitchen = self
            .kitchen
            .not_before
            .filter(|_| self.is_alive() && self.stage == Stage::Paid && self.kitchen.cook == Cook::NotAsked);
        let accept = self
            .kitchen
            .accept_due
            .filter(|_| self.is_alive() && matches!(self.kitchen.cook, Cook::Asked | Cook::Pending));
        let courier = self
            .rides
            .last()
            .filter(|ride| {
                self.is_alive() && self.stage == Stage::Ready && ride.at.is_recallable() && !ride.overdue
            })
            .map(|ride| ride.due);
        [
            (Timer::PaymentDue, payment),
            (Timer::Reconcile, reconcile.min()),
            (Timer::KitchenDue, kitchen),
            (Timer::AcceptDue, accept),
            (Timer::CourierDue, courier),
        ]
        .into_iter()
        .filter_map(|(timer, due)| due.map(|due| (timer, due)))
        .collect()
    }
}
