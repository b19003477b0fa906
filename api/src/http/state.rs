//! What handlers work with.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use spindle_commands::process::view::Sagas;
use spindle_commands::{Clock, Dispatcher};
use spindle_domain::catalogue::Catalogue;
use spindle_domain::pricing::Rules;
use spindle_domain::values::LocationId;
use spindle_eventlog::EventLog;
use spindle_eventlog::bus::Bus;
use spindle_projections::Queries;
use tokio_util::sync::CancellationToken;

use crate::signature::Secret;

/// Everything that handlers need. Made once, shared by all requests.
#[derive(Debug)]
pub struct AppState {
    /// Takes commands.
    pub dispatcher: Dispatcher,
    /// Answers questions.
    pub queries: Queries,
    /// Answers questions about processes.
    pub sagas: Sagas,
    /// The log itself, for its head and its health.
    pub log: EventLog,
    /// The broker, when there is one.
    pub bus: Option<Bus>,
    /// What is sold.
    pub catalogue: Arc<Catalogue>,
    /// Discounts, fees and taxes.
    pub rules: Arc<Rules>,
    /// What the payment provider signs with; two during a rotation. Without any, no callback is believed.
    pub callback_secrets: Vec<Secret>,
    /// The shop of an order that names none.
    pub location: LocationId,
    /// Tells the time.
    pub clock: Clock,
    /// Bounds.
    pub limits: Limits,
    /// The metrics of this process; without it, `/metrics` shows only what is measured on the spot.
    pub metrics: Option<PrometheusHandle>,
    /// Cancelled when the process is about to end: from then on it is not ready.
    pub stopping: CancellationToken,
}

/// Bounds of the edge.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The longest body that is read, in bytes. Default 256 KiB: an order of a hundred lines has about 15.
    pub body: usize,
    /// How many requests are answered at a time; more are refused at once. Default 1,024: more than one process
    /// can work on, few enough to fit in memory with their bodies.
    pub in_flight: usize,
    /// How long one request may take. Default 10 s: twice the longest wait for a view.
    pub time: Duration,
    /// How long a GET waits for its view to show what was written. Default 5 s.
    pub catch_up: Duration,
    /// How long each check of `/readyz` may take. Default 2 s: probes give up after a few.
    pub check: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 256 * 1_024,
            in_flight: 1_024,
            time: Duration::from_secs(10),
            catch_up: Duration::from_secs(5),
            check: Duration::from_secs(2),
        }
    }
}

/// As handlers get it.
pub(super) type Shared = Arc<AppState>;
