//! Logs and metrics of the running program.
//!
//! A log line reads alone. Every line about a command or an event carries the `trace_id` of the request that began
//! it, so one trace can be followed from the request through log, relay and process to the last projection.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogFormat;

/// Upper bounds of histograms that measure time, in seconds: from the fastest append to the slowest provider.
const SECONDS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];
/// Upper bounds of histograms that count things in a batch.
const SIZES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0];

/// Begins to write log lines, on standard error. A second call changes nothing.
///
/// # Errors
/// When the directives are not understood.
pub fn logs(format: LogFormat, directives: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(directives)
        .map_err(|error| anyhow::anyhow!("log: {error}; an example is `info,spindle=debug`"))?;
    let registry = tracing_subscriber::registry().with(filter);
    let outcome = match format {
        LogFormat::Human => {
            let color = std::io::IsTerminal::is_terminal(&std::io::stderr());
            registry
                .with(tracing_subscriber::fmt::layer().with_ansi(color).with_writer(std::io::stderr))
                .try_init()
        }
        LogFormat::Json => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_current_span(true)
                    .with_span_list(false)
                    .with_writer(std::io::stderr),
            )
            .try_init(),
    };
    if outcome.is_err() {
        tracing::debug!("logs are written already");
    }
    Ok(())
}

/// Begins to count. A second call gives a handle that sees nothing: there is one recorder in a program.
///
/// # Errors
/// When the recorder cannot be built.
pub fn metrics() -> anyhow::Result<PrometheusHandle> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), SIZES)?
        .build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::debug!("metrics are counted already");
    }
    Ok(handle)
}
