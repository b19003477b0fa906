//! Couriers: take deliveries on, fetch them when the kitchen is ready, bring them, or fail to.
//!
//! Each order meets the fate that seed and name give it. **Invariant:** a courier moves only what is assigned to
//! this crew; a delivery that somebody else took on is left alone.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::crew::{self, Condition, CrewOptions, List, Seen, Step, Trade};
use super::fate::{self, Percent};

/// How many deliveries given back are remembered; beyond that the memory begins anew, and some are given back twice.
const MOST_REMEMBERED: usize = 100_000;

/// How couriers work.
#[derive(Debug, Clone)]
pub struct CourierOptions {
    /// Where, how fast, with which seed.
    pub crew: CrewOptions,
    /// How many there are: `courier-1`, `courier-2`, …; at least one.
    pub couriers: u16,
    /// Share of deliveries that nobody takes on. These three shares together are at most 100 %.
    pub nobody: Percent,
    /// Share of deliveries that are given back once before they are fetched.
    pub gives_back: Percent,
    /// Share of deliveries that fail at the door and come back.
    pub fails: Percent,
    /// Whether a courier tells where they are before delivering.
    pub positions: bool,
}

impl CourierOptions {
    /// Five couriers without failures.
    #[must_use]
    pub fn new(crew: CrewOptions) -> Self {
        Self {
            crew,
            couriers: 5,
            nobody: Percent::NEVER,
            gives_back: Percent::NEVER,
            fails: Percent::NEVER,
            positions: true,
        }
    }
}

/// Works until told to stop.
///
/// # Errors
/// When Spindle's address is not on this machine or cannot be read. A server that is away is waited for.
pub async fn run(options: CourierOptions, stop: CancellationToken) -> anyhow::Result<()> {
    let crew = options.crew.clone();
    crew::work(Couriers::new(options), crew, stop).await
}

struct Couriers {
    options: CourierOptions,
    given_back: Mutex<HashSet<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Nobody,
    GivenBack,
    Failed,
}

const fn list(stage: &'static str) -> List {
    List { path: Couriers::RESOURCE, stage, field: "shipments" }
}

impl Couriers {
    fn new(options: CourierOptions) -> Self {
        Self { options, given_back: Mutex::default() }
    }

    /// Remembers that a delivery was given back; says whether that was news.
    fn give_back(&self, id: &str) -> bool {
        let mut given_back = self.given_back.lock().unwrap_or_else(PoisonError::into_inner);
        if given_back.len() >= MOST_REMEMBERED {
            given_back.clear();
        }
        given_back.insert(id.to_owned())
    }

    /// Who takes a delivery on: somebody else, once it was given back.
    fn courier(&self, id: &str) -> String {
        let given_back = self.given_back.lock().unwrap_or_else(PoisonError::into_inner).contains(id);
        let number = fate::number(self.options.crew.seed, "who", id).wrapping_add(u64::from(given_back));
        format!("courier-{}", number % u64::from(self.options.couriers.max(1)) + 1)
    }

    /// Whether somebody of this crew has it.
    fn is_ours(&self, courier: &str) -> bool {
        let number = courier.strip_prefix("courier-").and_then(|text| text.parse().ok());
        number.is_some_and(|number: u16| (1..=self.options.couriers.max(1)).contains(&number))
    }
}

impl Trade for Couriers {
    const LISTS: &'static [List] =
        &[list("requested"), list("assigned"), list("picked_up"), list("delivery_failed")];
    const RESOURCE: &'static [&'static str] = &["shipments"];

    fn plan(&self, stage: &str, seen: &Seen, _: DateTime<Utc>) -> Vec<Step> {
        let CourierOptions { crew, nobody, gives_back, fails, positions, .. } = &self.options;
        let name = seen.order_id.as_deref().unwrap_or(&seen.id);
        let fates = [(*nobody, Fate::Nobody), (*gives_back, Fate::GivenBack), (*fails, Fate::Failed)];
        let fate = fate::draw(crew.seed, "courier", name, &fates);
        let courier = match (stage, &seen.courier) {
            ("requested", _) => self.courier(&seen.id),
            (_, Some(courier)) if self.is_ours(courier) => courier.clone(),
            _ => return vec![],
        };
        match (stage, fate) {
            ("requested", Some(Fate::Nobody)) => vec![],
            ("requested", _) => vec![Step::new("assign", json!({ "courier": courier }))],
            ("assigned", Some(Fate::GivenBack)) if self.give_back(&seen.id) => {
                vec![Step::new("unassign", json!({ "reason": "a flat tyre" }))]
            }
            ("assigned", _) => {
                vec![Step::new("pick-up", json!({ "courier": courier })).only_if(Condition::Ready)]
            }
            ("picked_up", fate) => {
                let last = if fate == Some(Fate::Failed) {
                    Step::new("fail", json!({ "courier": courier, "reason": "nobody was at home" }))
                } else {
                    Step::new("deliver", json!({ "courier": courier, "proof": "handed over at the door" }))
                };
                let position = positions.then(|| {
                    // Somewhere in a town.
                    let spread = |matter| {
                        let tenth = fate::number(crew.seed, matter, name) % 1_000;
                        f64::from(u16::try_from(tenth).unwrap_or(0)) / 10_000.0
                    };
                    let (latitude, longitude) = (52.5 + spread("latitude"), 13.4 + spread("longitude"));
                    let body = json!({ "courier": courier, "latitude": latitude, "longitude": longitude });
                    Step::new("position", body).optional()
                });
                position.into_iter().chain([last]).collect()
            }
            ("delivery_failed", _) => vec![Step::new("return", json!({ "courier": courier }))],
            _ => vec![],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulators::shop::Shop;

    fn options() -> CourierOptions {
        CourierOptions::new(CrewOptions::new("http://127.0.0.1:1"))
    }

    fn verbs(couriers: &Couriers, stage: &str, courier: Option<&str>) -> Vec<&'static str> {
        let courier = courier.map(str::to_owned);
        let seen = Seen { id: "a".into(), stage: None, order_id: Some("o".into()), courier };
        couriers.plan(stage, &seen, DateTime::UNIX_EPOCH).into_iter().map(|step| step.verb).collect()
    }

    #[test]
    fn a_good_day_goes_from_requested_to_delivered() {
        let couriers = Couriers::new(options());
        assert_eq!(verbs(&couriers, "requested", None), ["assign"]);
        assert_eq!(verbs(&couriers, "assigned", Some("courier-1")), ["pick-up"]);
        assert_eq!(verbs(&couriers, "picked_up", Some("courier-1")), ["position", "deliver"]);
        assert_eq!(verbs(&couriers, "delivered", Some("courier-1")), [""; 0]);
    }

    #[test]
    fn what_others_took_on_is_left_alone() {
        let couriers = Couriers::new(options());
        for other in [None, Some("ada"), Some("courier-6"), Some("courier-0")] {
            assert_eq!(verbs(&couriers, "assigned", other), [""; 0], "{other:?}");
            assert_eq!(verbs(&couriers, "picked_up", other), [""; 0], "{other:?}");
        }
    }

    #[test]
    fn each_fate_shows_at_its_stage() {
        let all = Percent::ALWAYS;
        let nobody = Couriers::new(CourierOptions { nobody: all, ..options() });
        assert_eq!(verbs(&nobody, "requested", None), [""; 0]);
        let fails = Couriers::new(CourierOptions { fails: all, positions: false, ..options() });
        assert_eq!(verbs(&fails, "picked_up", Some("courier-1")), ["fail"]);
        assert_eq!(verbs(&fails, "delivery_failed", Some("courier-1")), ["return"]);
    }

    #[test]
    fn what_was_given_back_is_taken_on_by_somebody_else() {
        let couriers = Couriers::new(CourierOptions { gives_back: Percent::ALWAYS, ..options() });
        let first = couriers.courier("a");
        assert_eq!(verbs(&couriers, "assigned", Some(&first)), ["unassign"]);
        let second = couriers.courier("a");
        assert_ne!(first, second);
        assert_eq!(verbs(&couriers, "assigned", Some(&second)), ["pick-up"]);
    }

    #[tokio::test]
    async fn they_bring_what_is_ready_and_wait_for_the_rest() {
        let shop = Shop::open().await;
        shop.ship("ready", "ready");
        shop.ship("cooking", "in_kitchen");
        let until = CancellationToken::new();
        let task = tokio::spawn(run(CourierOptions::new(CrewOptions::new(shop.url())), until.clone()));
        shop.until("ready", "delivered").await;
        shop.until("cooking", "assigned").await;
        shop.order_is("cooking", "ready");
        shop.until("cooking", "delivered").await;
        until.cancel();
        task.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn what_fails_at_the_door_comes_back() {
        let shop = Shop::open().await;
        shop.ship("a", "ready");
        let until = CancellationToken::new();
        let crew = CrewOptions::new(shop.url());
        let options = CourierOptions { fails: Percent::ALWAYS, ..CourierOptions::new(crew) };
        let task = tokio::spawn(run(options, until.clone()));
        shop.until("a", "returned").await;
        until.cancel();
        task.await.unwrap().unwrap();
    }
}
