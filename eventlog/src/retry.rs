//! How long to wait before trying again.

use std::time::Duration;

use backon::ExponentialBuilder;

/// From 50 ms doubling to 2 s, with jitter, for ever: for connections that come back by themselves.
pub(crate) fn reconnect() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(2))
        .with_factor(2.0)
        .with_jitter()
        .without_max_times()
}
