//! Lets the small world run, and reads the ledger at the end.

use crate::fulfillment::Status;
use crate::kitchen::ScheduleStage;
use crate::order::{OrderCommand, Stage};
use crate::payment::PaymentStage;
use crate::values::Fulfilment as Handover;

use super::super::samples::{after, delivery, place, quote};
use super::World;
use super::provider::{Balance, Moods};

/// How long people have their whims.
const WHIMS: usize = 150;

/// Far more steps than any story takes: a world that is not still by then never will be.
const LONGEST: usize = 3_000;

impl World {
    fn begin(&mut self) {
        let mut order = place(if self.fates.pickup { Handover::Pickup } else { delivery() });
        if self.fates.free {
            order.quote = quote(0);
        }
        if self.fates.wanted_later {
            order.requested_for = Some(after(120));
        }
        self.ask(OrderCommand::Place(order));
    }

    /// Somebody does something, whoever the dice say.
    fn step(&mut self) {
        match self.dice.pick(9) {
            0 | 1 => self.hear(),
            2 | 3 => self.do_work(),
            4 => self.call_back(),
            5 => self.kitchen_acts(),
            6 => self.couriers_act(),
            7 => self.customer_pays(),
            _ => match self.provider.late.pop() {
                Some(effect) => {
                    self.provider.act_late(&effect, &mut self.dice);
                    true
                }
                None => false,
            },
        };
        if self.dice.percent(self.fates.clock_runs) {
            self.ring();
        }
    }

    /// From now on everybody does what they should, and time passes only when nothing else is left to do.
    fn settle(&mut self) {
        self.fates.gives_up = 0;
        self.fates.kitchen_cancels = 0;
        self.provider.moods =
            Moods { refuses_refunds: self.provider.moods.refuses_refunds, ..Moods::default() };
        for _ in 0..LONGEST {
            let dead = std::mem::take(&mut self.dead);
            self.work.extend(dead);
            let busy = self.hear()
                || self.do_work()
                || self.call_back()
                || self.kitchen_acts()
                || self.couriers_act()
                || self.customer_pays()
                || self.ring();
            if !busy {
                return;
            }
        }
        panic!("the world does not come to rest");
    }

    fn check(&self) {
        assert!(
            self.work.is_empty()
                && self.dead.is_empty()
                && self.timers.is_empty()
                && self.heard == self.log.len()
        );
        let stage = self.order().stage();
        let failed = self.payments.values().any(|(payment, _)| {
            payment
                .refunds()
                .iter()
                .any(|refund| matches!(refund.progress, crate::payment::Progress::Failed { .. }))
        });
        if self.provider.moods.refuses_refunds && failed && self.process.status() == Status::Attention {
            assert!(self.process.waiting_for().contains("refund"), "{}", self.process.waiting_for());
            return;
        }
        let status = self.process.status();
        assert!(
            matches!(stage, Some(Stage::Delivered | Stage::Collected | Stage::Cancelled | Stage::Discarded)),
            "the order ends: {stage:?}, {status:?}, {}",
            self.process.waiting_for()
        );
        assert!(self.process.is_done(), "{stage:?}, {status:?}: {}", self.process.waiting_for());
        let accounts = &self.provider.accounts;
        for (id, account) in accounts {
            assert!(account.captures <= 1, "payment {id} was captured {} times", account.captures);
            assert!(account.state != Balance::Held, "payment {id} is still held");
            // A refund that failed and no longer fits, because other refunds went well, stays on record.
            let stage = self.payments[id].0.stage();
            let over = self.payments[id].0.is_settled() || stage == PaymentStage::RefundFailed;
            assert!(over, "payment {id} is {stage}");
        }
        let taken: i64 = accounts.values().map(super::provider::Account::taken).sum();
        let asked_back: i64 = self
            .payments
            .values()
            .filter_map(|(payment, _)| payment.refunded())
            .map(|money| money.amount)
            .sum();
        let net: i64 = accounts.values().map(super::provider::Account::refunded).sum();
        assert_eq!(asked_back, net, "the ledger and the payments agree on what went back");
        match status {
            Status::Completed => {
                let all: i64 =
                    accounts.values().filter(|a| a.state == Balance::Taken).map(|a| a.amount.amount).sum();
                assert_eq!(taken, all - net);
                let price = if self.fates.free { 0 } else { 1_000 };
                assert_eq!(all - self.surplus(), price, "what is delivered is paid once");
            }
            _ => assert_eq!(taken, 0, "what is cancelled is not kept"),
        }
        let kitchen = self.schedules.get(&World::schedule_id()).map(|(schedule, _)| schedule.stage());
        if status == Status::Compensated {
            assert!(
                !matches!(
                    kitchen,
                    Some(ScheduleStage::Pending | ScheduleStage::Accepted | ScheduleStage::InProgress)
                ),
                "nobody cooks for a cancelled order"
            );
        }
    }

    /// What was taken by payments that the order did not want.
    fn surplus(&self) -> i64 {
        let payer = self.process.payer;
        let accounts =
            self.provider.accounts.iter().filter(|(id, a)| Some(**id) != payer && a.state == Balance::Taken);
        accounts
            .map(|(_, account)| {
                assert_eq!(account.taken(), 0, "surplus money went back");
                account.amount.amount
            })
            .sum()
    }
}

impl World {
    /// From its beginning to its end.
    fn live(&mut self) {
        self.begin();
        for _ in 0..WHIMS {
            self.step();
            self.whims();
        }
        self.settle();
        self.check();
        if self.process.status() == Status::Attention {
            // The provider gives in, and an operator asks again.
            self.provider.moods.refuses_refunds = false;
            for _ in 0..MOST_RETRIES {
                if self.operator_retries_refunds() {
                    self.settle();
                }
            }
            self.check();
        }
    }
}

#[test]
fn every_world_comes_to_rest_with_the_money_right() {
    let mut ends = std::collections::BTreeMap::<String, u32>::new();
    for seed in 0..WORLDS {
        let mut world = World::new(seed);
        let life = std::panic::AssertUnwindSafe(|| world.live());
        let lived = std::panic::catch_unwind(life);
        assert!(lived.is_ok(), "world {seed} went wrong:\n{}", world.diary.join("\n"));
        let reason = world.process.cancellation().map(|(reason, _)| reason);
        *ends.entry(format!("{:?} {reason:?}", world.process.status())).or_default() += 1;
    }
    assert!(ends.len() >= 8, "the worlds are too much alike: {ends:?}");
}

/// How often an operator asks again for refunds that failed.
const MOST_RETRIES: usize = 5;

/// How many worlds a test run sees: a few seconds of them. (250,000 were lived when this was written.)
const WORLDS: u64 = 2_000;
