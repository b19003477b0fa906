//! Every projection that there is, and what can be done with one by its name.

use std::fmt;

use spindle_eventlog::bus::Bus;
use spindle_eventlog::{EventLog, Leases};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::kitchen_board::KitchenBoard;
use crate::order_summary::OrderSummaries;
use crate::order_timeline::OrderTimelines;
use crate::payments::Payments;
use crate::projection::Projection;
use crate::projector;
use crate::retry::{self, Retried, RetryError};
use crate::shipments::Shipments;
use crate::verify::{self, CompareError, Comparison};

/// Names a projection. It is shown as the log knows it among its consumers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Name {
    /// [`OrderSummaries`].
    OrderSummary,
    /// [`OrderTimelines`].
    OrderTimeline,
    /// [`KitchenBoard`].
    KitchenBoard,
    /// [`Payments`].
    Payments,
    /// [`Shipments`].
    Shipments,
}

/// Does something with the projection of a name, whatever its type.
macro_rules! with {
    ($name:expr, $projection:ident => $what:expr) => {
        match $name {
            Name::OrderSummary => {
                let $projection = OrderSummaries;
                $what
            }
            Name::OrderTimeline => {
                let $projection = OrderTimelines;
                $what
            }
            Name::KitchenBoard => {
                let $projection = KitchenBoard;
                $what
            }
            Name::Payments => {
                let $projection = Payments;
                $what
            }
            Name::Shipments => {
                let $projection = Shipments;
                $what
            }
        }
    };
}

fn parts<P: Projection>(_: P) -> (&'static str, u32, String) {
    (P::NAME, P::VERSION, P::consumer())
}

impl Name {
    /// Its name without a version.
    #[must_use]
    pub fn name(self) -> &'static str {
        with!(self, projection => parts(projection)).0
    }

    /// The version of its fold.
    #[must_use]
    pub fn version(self) -> u32 {
        with!(self, projection => parts(projection)).1
    }

    /// Its name among the consumers of the log.
    #[must_use]
    pub fn consumer(self) -> String {
        with!(self, projection => parts(projection)).2
    }

    /// Finds it by its name, with or without the version.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        names().into_iter().find(|known| known.name() == text || known.consumer() == text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.consumer())
    }
}

/// Every projection.
#[must_use]
pub fn names() -> [Name; 5] {
    [Name::OrderSummary, Name::OrderTimeline, Name::KitchenBoard, Name::Payments, Name::Shipments]
}

/// Runs every projection in a task of its own among `tasks`, whenever this process holds its lease, until `stop`.
pub fn spawn_all(
    tasks: &TaskTracker,
    log: &EventLog,
    bus: Option<&(Bus, Uuid)>,
    leases: &Leases,
    stop: &CancellationToken,
) {
    for name in names() {
        let (log, bus, leases, stop) = (log.clone(), bus.cloned(), leases.clone(), stop.clone());
        with!(name, projection => drop(tasks.spawn(projector::run(projection, log, bus, leases, stop))));
    }
}

/// Folds what the projection `consumer` has put aside under `key`, in order, after a fix; stops at the first
/// event that still cannot be folded, which the answer names.
///
/// # Errors
/// [`RetryError`]; nothing is changed then.
pub async fn retry_parked(log: &EventLog, consumer: &str, key: &str) -> Result<Retried, RetryError> {
    let name = Name::find(consumer).ok_or_else(|| RetryError::UnknownConsumer(consumer.to_owned()))?;
    with!(name, projection => retry::retry(projection, log, key).await)
}

/// Compares every view of a projection with a fold of the log.
///
/// # Errors
/// [`CompareError`]; a difference is none.
pub async fn compare(log: &EventLog, name: Name) -> Result<Comparison, CompareError> {
    with!(name, projection => verify::compare(log, projection).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_projection_has_a_name_of_its_own_that_can_be_part_of_a_statement() {
        for name in names() {
            assert_eq!(Name::find(&name.consumer()), Some(name));
            assert_eq!(Name::find(name.name()), Some(name));
            assert!(name.name().chars().all(|letter| letter.is_ascii_lowercase() || letter == '_'), "{name}");
        }
        assert_eq!(Name::find("events"), None);
    }

    #[test]
    fn every_projection_has_a_table_in_the_migrations() {
        let up = include_str!("../../migrations/postgres/0003_views.up.sql");
        let down = include_str!("../../migrations/postgres/0003_views.down.sql");
        for name in names() {
            let table = format!("view_{name}");
            assert!(up.contains(&format!("create table {table} (")), "{table} is not created");
            assert!(down.contains(&format!("drop table {table};")), "{table} is not dropped");
        }
    }
}
