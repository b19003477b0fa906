//! What the dispatcher needs of an aggregate: a pure decision.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use spindle_domain::Now;
use spindle_domain::kitchen::Schedule;
use spindle_domain::order::Order;
use spindle_domain::payment::Payment;
use spindle_domain::refusal::Refusal;
use spindle_domain::shipment::Shipment;

/// An aggregate that decides without waiting for anything.
pub trait Decider:
    Aggregate<Services = Now, Command: Clone + Send + Sync + 'static, Error: Into<Refusal>> + Clone + 'static
{
    /// The events that a command leads to; none when its effect is there already.
    ///
    /// # Errors
    /// The rule that forbids it.
    fn decide(&self, command: &Self::Command, now: DateTime<Utc>) -> Result<Vec<Self::Event>, Self::Error>;
}

macro_rules! deciders {
    ($($aggregate:ty),* $(,)?) => {$(
        impl Decider for $aggregate {
            fn decide(
                &self,
                command: &Self::Command,
                now: DateTime<Utc>,
            ) -> Result<Vec<Self::Event>, Self::Error> {
                <$aggregate>::decide(self, command, now)
            }
        }
    )*};
}

deciders![Order, Payment, Schedule, Shipment];
