//! A kitchen crew: looks at the board, accepts, cooks, finishes, and hands over to customers who fetch their order.
//!
//! Each order meets the fate that seed and name give it: it is cooked, rejected, never looked at, or given up on
//! the stove. **Invariant:** what is to be delivered is never handed over here; that is the courier's to say.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::crew::{self, Condition, CrewOptions, List, Seen, Step, Trade};
use super::fate::{self, Percent};

/// How a kitchen works.
#[derive(Debug, Clone)]
pub struct KitchenOptions {
    /// Where, how fast, with which seed.
    pub crew: CrewOptions,
    /// What it says it needs from accepting to finishing. What it needs is the crew's delay.
    pub ready_in: Duration,
    /// Share of orders that it rejects. These three shares together are at most 100 %.
    pub rejects: Percent,
    /// Share of orders that it never accepts.
    pub ignores: Percent,
    /// Share of orders that it gives up while cooking.
    pub cancels: Percent,
    /// Share of pickup orders that nobody fetches.
    pub not_fetched: Percent,
}

impl KitchenOptions {
    /// Without failures.
    #[must_use]
    pub fn new(crew: CrewOptions) -> Self {
        Self {
            crew,
            ready_in: Duration::from_mins(15),
            rejects: Percent::NEVER,
            ignores: Percent::NEVER,
            cancels: Percent::NEVER,
            not_fetched: Percent::NEVER,
        }
    }
}

/// Works until told to stop.
///
/// # Errors
/// When Spindle's address is not on this machine or cannot be read. A server that is away is waited for.
pub async fn run(options: KitchenOptions, stop: CancellationToken) -> anyhow::Result<()> {
    let crew = options.crew.clone();
    crew::work(Kitchen(options), crew, stop).await
}

struct Kitchen(KitchenOptions);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Rejected,
    Ignored,
    Cancelled,
}

const fn list(stage: &'static str) -> List {
    List { path: Kitchen::RESOURCE, stage, field: "schedules" }
}

impl Trade for Kitchen {
    const LISTS: &'static [List] =
        &[list("pending"), list("accepted"), list("in_progress"), list("finished")];
    const RESOURCE: &'static [&'static str] = &["kitchen", "schedules"];

    fn plan(&self, stage: &str, seen: &Seen, now: DateTime<Utc>) -> Vec<Step> {
        let options = &self.0;
        // The order's name where there is one: its fate is the same whatever becomes of its schedule.
        let name = seen.order_id.as_deref().unwrap_or(&seen.id);
        let fates = [
            (options.rejects, Fate::Rejected),
            (options.ignores, Fate::Ignored),
            (options.cancels, Fate::Cancelled),
        ];
        let fate = fate::draw(options.crew.seed, "kitchen", name, &fates);
        match (stage, fate) {
            ("pending", Some(Fate::Rejected)) => {
                vec![Step::new("reject", json!({ "reason": "out of ingredients" }))]
            }
            ("pending", Some(Fate::Ignored)) => vec![],
            ("pending", _) => {
                let ready_by = TimeDelta::from_std(options.ready_in)
                    .ok()
                    .and_then(|wait| now.checked_add_signed(wait))
                    .unwrap_or(now)
                    .to_rfc3339_opts(SecondsFormat::Secs, true);
                vec![Step::new("accept", json!({ "ready_by": ready_by }))]
            }
            ("accepted", _) => vec![Step::new("start", json!({}))],
            ("in_progress", Some(Fate::Cancelled)) => {
                vec![Step::new("cancel", json!({ "reason": "the oven has failed" }))]
            }
            ("in_progress", _) => vec![Step::new("finish", json!({}))],
            ("finished", _) => {
                let stays = [(options.not_fetched, ())];
                match fate::draw(options.crew.seed, "fetch", name, &stays) {
                    Some(()) => vec![],
                    None => vec![Step::new("collect", json!({})).only_if(Condition::Pickup)],
                }
            }
            _ => vec![],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulators::shop::Shop;

    fn seen(id: &str) -> Seen {
        Seen { id: id.into(), stage: None, order_id: Some(format!("order-of-{id}")), courier: None }
    }

    fn verbs(options: &KitchenOptions, stage: &str) -> Vec<&'static str> {
        let steps = Kitchen(options.clone()).plan(stage, &seen("a"), DateTime::UNIX_EPOCH);
        steps.into_iter().map(|step| step.verb).collect()
    }

    fn options() -> KitchenOptions {
        KitchenOptions::new(CrewOptions::new("http://127.0.0.1:1"))
    }

    #[test]
    fn a_good_day_goes_from_pending_to_collected() {
        let options = options();
        let path = ["pending", "accepted", "in_progress", "finished", "cancelled", "no such stage"];
        let done: Vec<_> = path.iter().flat_map(|stage| verbs(&options, stage)).collect();
        assert_eq!(done, ["accept", "start", "finish", "collect"]);
    }

    #[test]
    fn each_fate_shows_at_its_stage() {
        let all = Percent::ALWAYS;
        assert_eq!(verbs(&KitchenOptions { rejects: all, ..options() }, "pending"), ["reject"]);
        assert_eq!(verbs(&KitchenOptions { ignores: all, ..options() }, "pending"), [""; 0]);
        assert_eq!(verbs(&KitchenOptions { cancels: all, ..options() }, "pending"), ["accept"]);
        assert_eq!(verbs(&KitchenOptions { cancels: all, ..options() }, "in_progress"), ["cancel"]);
        assert_eq!(verbs(&KitchenOptions { not_fetched: all, ..options() }, "finished"), [""; 0]);
    }

    #[tokio::test]
    async fn it_cooks_what_is_on_the_board_and_hands_over_what_is_fetched() {
        let shop = Shop::open().await;
        shop.schedule("for-pickup", Some("pickup"));
        shop.schedule("for-delivery", Some("delivery"));
        shop.schedule("walk-in", None);
        let until = CancellationToken::new();
        let crew = CrewOptions::new(shop.url());
        let task = tokio::spawn(run(KitchenOptions::new(crew), until.clone()));
        shop.until("for-pickup", "collected").await;
        shop.until("walk-in", "collected").await;
        shop.until("for-delivery", "finished").await;
        until.cancel();
        task.await.unwrap().unwrap();
        assert_eq!(shop.stage("for-delivery"), "finished", "the courier collects it");
    }

    #[tokio::test]
    async fn it_works_through_many_pages_beside_orders_that_it_ignores() {
        let shop = Shop::open().await;
        let names: Vec<_> = (0..250).map(|n| format!("s{n}")).collect();
        for name in &names {
            shop.schedule(name, Some("pickup"));
        }
        let until = CancellationToken::new();
        let crew = CrewOptions { seed: 7, ..CrewOptions::new(shop.url()) };
        let options = KitchenOptions { ignores: "50".parse().unwrap(), ..KitchenOptions::new(crew) };
        let judge = Kitchen(options.clone());
        let task = tokio::spawn(run(options, until.clone()));
        let mut ignored = 0;
        for name in &names {
            let order = shop.order_of(name);
            let seen = Seen { id: name.clone(), stage: None, order_id: order, courier: None };
            if judge.plan("pending", &seen, Utc::now()).is_empty() {
                ignored += 1;
            } else {
                shop.until(name, "collected").await;
            }
        }
        until.cancel();
        task.await.unwrap().unwrap();
        assert!((80..170).contains(&ignored), "{ignored} of 250 were ignored");
        assert_eq!(names.iter().filter(|name| shop.stage(name) == "pending").count(), ignored);
    }

    #[tokio::test]
    async fn a_server_that_fails_at_times_is_asked_again_under_the_same_key() {
        let shop = Shop::open().await;
        shop.fail_at_times();
        shop.schedule("a", Some("pickup"));
        let until = CancellationToken::new();
        let task = tokio::spawn(run(KitchenOptions::new(CrewOptions::new(shop.url())), until.clone()));
        shop.until("a", "collected").await;
        until.cancel();
        task.await.unwrap().unwrap();
        assert_eq!(shop.keys(), 4, "accept, start, finish and collect, each under one key");
    }

    #[tokio::test]
    async fn it_does_not_act_on_other_machines() {
        let crew = CrewOptions::new("http://10.0.0.1:7070");
        assert!(run(KitchenOptions::new(crew), CancellationToken::new()).await.is_err());
    }
}
