//! A small world: the real aggregates, a provider with a ledger, a kitchen, couriers and a customer, all of them
//! moody, driven by dice. However it goes, it must end: no work, no timer, the order in an end state, the money right.

mod dice;
mod people;
mod provider;
mod run;

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::command::Command;
use crate::fact::{Circumstances, Fact, Recorded};
use crate::fulfillment::{Action, Fulfilment, Input, Policy, Reaction, Timer, Work};
use crate::kitchen::Schedule;
use crate::order::Order;
use crate::payment::Payment;
use crate::refusal::Refusal;
use crate::shipment::Shipment;
use crate::values::{OrderId, PaymentId, ScheduleId, ShipmentId};

use cqrs_es::Aggregate;

use super::samples::{ORDER, noon};
use dice::Dice;
use people::Fates;
use provider::Provider;

struct World {
    dice: Dice,
    now: DateTime<Utc>,
    policy: Policy,
    orders: BTreeMap<OrderId, (Order, i64)>,
    payments: BTreeMap<PaymentId, (Payment, i64)>,
    schedules: BTreeMap<ScheduleId, (Schedule, i64)>,
    shipments: BTreeMap<ShipmentId, (Shipment, i64)>,
    log: Vec<Recorded>,
    /// How many facts the process has heard.
    heard: usize,
    process: Fulfilment,
    work: VecDeque<Work>,
    /// What came of the last work, and was not heard yet.
    answer: Option<Input>,
    dead: Vec<Work>,
    timers: BTreeMap<Timer, DateTime<Utc>>,
    provider: Provider,
    /// No work is given up and no refund refused: nobody need look.
    calm: bool,
    fates: Fates,
    /// What happened, for the message of a failure.
    diary: Vec<String>,
}

/// Decides and applies, as the runner's dispatcher does.
macro_rules! handle {
    ($world:ident, $map:ident, $id:expr, $command:expr, $fact:path) => {{
        let (aggregate, sequence) = $world.$map.entry($id).or_default();
        let events = aggregate.decide($command, $world.now)?;
        for event in events {
            aggregate.apply(event.clone());
            *sequence += 1;
            let sequence = *sequence;
            let fact = $fact($id, event);
            $world.log.push(recorded($world.log.len(), sequence, $world.now, fact));
        }
        Ok(())
    }};
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let fates = Fates::draw(&mut dice);
        let provider = Provider { moods: people::moods(&mut dice), ..Provider::default() };
        Self {
            dice,
            now: noon(),
            policy: Policy::default(),
            orders: BTreeMap::new(),
            payments: BTreeMap::new(),
            schedules: BTreeMap::new(),
            shipments: BTreeMap::new(),
            log: Vec::new(),
            heard: 0,
            process: Fulfilment::new(ORDER),
            work: VecDeque::new(),
            answer: None,
            dead: Vec::new(),
            timers: BTreeMap::new(),
            calm: fates.gives_up == 0 && !provider.moods.refuses_refunds,
            provider,
            fates,
            diary: Vec::new(),
        }
    }

    fn handle(&mut self, command: &Command) -> Result<(), Refusal> {
        match command {
            Command::Order { id, command } => handle!(self, orders, *id, command, Fact::Order),
            Command::Payment { id, command } => handle!(self, payments, *id, command, Fact::Payment),
            Command::Kitchen { id, command } => handle!(self, schedules, *id, command, Fact::Kitchen),
            Command::Shipment { id, command } => handle!(self, shipments, *id, command, Fact::Shipment),
        }
    }

    /// Somebody outside asks; a no is theirs to bear.
    fn somebody(&mut self, command: &Command) {
        let answer = self.handle(command);
        self.diary.push(format!("  outside: {command:?} -> {answer:?}"));
    }

    fn react(&mut self, input: &Input) {
        let Reaction { state, actions, remark } = self.process.react(input, self.now, &self.policy);
        self.diary.push(format!("{} {input:?}\n    -> {actions:?}\n    -- {remark:?}", self.now));
        // The same again is no news. (The same timer may ring again rightly: it may have been set again.)
        if !matches!(input, Input::Timer(_)) {
            let again = state.react(input, self.now, &self.policy);
            assert_eq!(again.actions, vec![], "repeated: {input:?}");
            assert_eq!(again.state, state, "repeated: {input:?}");
        }
        self.process = state;
        for action in actions {
            match action {
                Action::Do(work) => self.work.push_back(work),
                Action::SetTimer(timer, due) => {
                    self.timers.insert(timer, due);
                }
                Action::CancelTimer(timer) => {
                    assert!(self.timers.remove(&timer).is_some(), "{timer:?} is cancelled but was not set");
                }
            }
        }
        let known: BTreeMap<Timer, DateTime<Utc>> = self.process.timers().collect();
        assert_eq!(known, self.timers, "the process knows its timers");
        if self.calm {
            assert_eq!(self.process.attention(), None, "nobody is called for nothing");
        }
        let json = serde_json::to_value(&self.process).unwrap();
        assert_eq!(serde_json::from_value::<Fulfilment>(json).unwrap(), self.process, "it can be stored");
    }

    fn hear(&mut self) -> bool {
        let Some(recorded) = self.log.get(self.heard).cloned() else { return false };
        self.heard += 1;
        self.react(&Input::Fact(Box::new(recorded)));
        true
    }

    /// The process hears what came of the last work, before it does the next.
    fn hear_answer(&mut self) -> bool {
        let Some(input) = self.answer.take() else { return false };
        self.react(&input);
        true
    }

    /// Carries out the next work, perhaps twice, perhaps not at all until somebody looks.
    fn do_work(&mut self) -> bool {
        if self.hear_answer() {
            return true;
        }
        let Some(work) = self.work.pop_front() else { return false };
        if self.dice.percent(self.fates.gives_up) {
            self.dead.push(work.clone());
            self.react(&Input::GaveUp { work, error: "connection refused".to_owned() });
            return true;
        }
        if self.dice.percent(self.fates.does_twice) {
            self.carry_out(&work);
        }
        self.answer = self.carry_out(&work);
        true
    }

    fn carry_out(&mut self, work: &Work) -> Option<Input> {
        match work {
            Work::Dispatch(command) => {
                let refusal = self.handle(command).err()?;
                let (code, message) = (refusal.code().to_owned(), refusal.to_string());
                Some(Input::Refused { command: command.clone(), code, message })
            }
            Work::Call(effect) => {
                let outcome = self.provider.call(effect, &mut self.dice);
                Some(Input::Answered { effect: effect.clone(), outcome })
            }
        }
    }

    /// Time passes until the next timer rings.
    fn ring(&mut self) -> bool {
        let Some((timer, due)) = self.timers.iter().min_by_key(|(_, due)| **due).map(|(t, d)| (*t, *d))
        else {
            return false;
        };
        self.now = self.now.max(due);
        self.timers.remove(&timer);
        self.react(&Input::Timer(timer));
        true
    }

    fn call_back(&mut self) -> bool {
        if self.provider.callbacks.is_empty() {
            return false;
        }
        let which = self.dice.pick(self.provider.callbacks.len());
        let (id, command) = self.provider.callbacks.remove(which);
        self.somebody(&Command::Payment { id, command });
        true
    }

    fn order(&self) -> &Order {
        &self.orders[&ORDER].0
    }
}

fn recorded(before: usize, sequence: i64, now: DateTime<Utc>, fact: Fact) -> Recorded {
    let position = i64::try_from(before).unwrap() + 1;
    Recorded {
        position,
        sequence,
        event_id: Uuid::from_u128(u128::try_from(position).unwrap()),
        recorded_at: now,
        circumstances: Circumstances { correlation: Some(ORDER.0), ..Circumstances::default() },
        fact,
    }
}
