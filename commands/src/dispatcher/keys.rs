//! Idempotency keys that this process has seen: those in flight, and those that it has claimed lately. What
//! counts is the claim in the log; this only answers sooner.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use moka::sync::Cache;
use spindle_eventlog::{Claim, Claimed};

/// How many claims are remembered: a retry mostly comes soon.
const REMEMBERED: u64 = 20_000;

type Key = (String, String);

#[derive(Clone)]
pub(super) struct Keys {
    in_flight: Arc<Mutex<HashSet<Key>>>,
    claimed: Cache<Key, Arc<Claimed>>,
}

impl Default for Keys {
    fn default() -> Self {
        Self { in_flight: Arc::default(), claimed: Cache::new(REMEMBERED) }
    }
}

/// A key in flight, until it is dropped.
pub(super) struct Held {
    key: Key,
    in_flight: Arc<Mutex<HashSet<Key>>>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Keys {
    /// Takes a key; `None` when a command with it is on its way already.
    pub(super) fn hold(&self, claim: &Claim) -> Option<Held> {
        let key = key(claim);
        let fresh = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        fresh.then(|| Held { key, in_flight: Arc::clone(&self.in_flight) })
    }

    pub(super) fn known(&self, claim: &Claim) -> Option<Arc<Claimed>> {
        self.claimed.get(&key(claim))
    }

    pub(super) fn remember(&self, claimed: Claimed) {
        self.claimed.insert(key(&claimed.claim), Arc::new(claimed));
    }
}

fn key(claim: &Claim) -> Key {
    (claim.scope.clone(), claim.key.clone())
}
