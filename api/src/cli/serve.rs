//! `spindle serve`: the server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use figment::providers::Serialized;
use serde::Serialize;
use spindle_commands::Clock;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::config::{Config, LogFormat, Role};
use crate::telemetry;

/// Flags of `spindle serve`; each outranks the environment and the file.
#[derive(Debug, Clone, Args, Serialize)]
#[command(
    after_help = "Examples:\n  spindle serve --database-url postgres://127.0.0.1/spindle --migrate\n  \
                        spindle serve --role api --listen 127.0.0.1:8080\n\n\
                        Settings come from flags, the environment (SPINDLE_*) and spindle.toml, in that order."
)]
pub struct ServeArgs {
    /// The configuration file [default: spindle.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// Where HTTP is answered [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
    /// The PostgreSQL database
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    database_url: Option<String>,
    /// The RabbitMQ broker; without one, consumers read the log
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    amqp_url: Option<String>,
    /// What this server does [default: all]
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
    #[serde(rename = "roles", skip_serializing_if = "Vec::is_empty")]
    roles: Vec<Role>,
    /// Apply missing migrations first
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    migrate: bool,
    /// How log lines look [default: human]
    #[arg(long, value_name = "FORMAT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    log_format: Option<LogFormat>,
}

/// Runs the server until SIGINT or SIGTERM.
///
/// # Errors
/// When it cannot start or breaks.
pub async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(args.config.as_deref(), Serialized::defaults(&args))?;
    telemetry::logs(config.log_format, &config.log)?;
    let metrics = telemetry::metrics()?;
    let app = App::build(config, Clock::system(), metrics).await?;
    if let Some(address) = app.address() {
        tracing::info!(%address, "Spindle answers on http://{address}");
    }
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping: requests in flight are answered, then the workers end");
        stopping.cancel();
    });
    app.run_until_stopped(stop).await?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}
