//! A clock for tests: it runs with the machine's, and can be put forward.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use spindle_commands::Clock;

/// A clock that can be put forward. Clones show the same time.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<AtomicI64>);

impl Watch {
    /// The clock, for a server.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let watch = self.clone();
        Clock::from_fn(move || watch.now())
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::milliseconds(self.0.load(Ordering::SeqCst))
    }

    /// Puts it forward. The provider's callbacks are signed by the machine's clock: more than five minutes ahead
    /// of it, none is believed.
    pub fn forward(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }
}
