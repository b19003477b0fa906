//! What may happen in a shop: values, aggregates, pricing and the fulfilment process.
//!
//! **Invariant:** nothing here does I/O, reads a clock, draws a random number or knows SQL. Time and identifiers
//! come in as arguments; a decision is a function of a state, a command and a moment.

pub mod catalogue;
pub mod command;
pub mod fact;
pub mod fulfillment;
pub mod kitchen;
pub mod order;
pub mod payment;
pub mod pricing;
pub mod refusal;
pub mod shipment;
pub mod values;

/// A moment, given as an argument wherever a rule depends on time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now(pub chrono::DateTime<chrono::Utc>);
