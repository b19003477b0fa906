//! The composition root: builds a server from its configuration and runs it until it is told to stop.

use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use figment::Figment;
use figment::providers::{Format, Toml};
use metrics_exporter_prometheus::PrometheusHandle;
use spindle_commands::effects::http::Patience;
use spindle_commands::effects::{PaymentProvider, ProviderSettings};
use spindle_commands::process::Runner;
use spindle_commands::process::view::Sagas;
use spindle_commands::{Clock, Dispatcher};
use spindle_domain::catalogue::Catalogue;
use spindle_domain::values::LocationId;
use spindle_eventlog::bus::Bus;
use spindle_eventlog::log::WriterOptions;
use spindle_eventlog::{EventLog, Leases, migrations, relay};
use spindle_projections::Queries;
use sqlx::postgres::PgConnectOptions;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::config::{Config, Role};
use crate::http::{self, AppState, Limits};
use crate::signature::Secret;

/// How long a server waits at its start for a database that is still starting.
const PATIENCE: Duration = Duration::from_secs(30);

/// Something that Spindle needs is not there: exit code 6.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Missing(String);

/// A server that is ready to run.
pub struct App {
    config: Config,
    listener: Option<TcpListener>,
    log: EventLog,
    leases: Leases,
    bus: Option<(Bus, Uuid)>,
    runner: Runner,
    state: AppState,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("listener", &self.listener).finish_non_exhaustive()
    }
}

impl App {
    /// Opens the log, checks that it is migrated, and binds the address. Nothing runs yet.
    ///
    /// # Errors
    /// When a setting cannot be used, the database is missing or not migrated, or the address is taken.
    pub async fn build(config: Config, clock: Clock, metrics: PrometheusHandle) -> anyhow::Result<Self> {
        let url = config.database_url.as_deref().ok_or_else(|| {
            Missing("database_url is not set: give --database-url or SPINDLE_DATABASE_URL".into())
        })?;
        let address = PgConnectOptions::from_str(url)
            .map_err(|error| Missing(format!("database_url is not a PostgreSQL address: {error}")))?;
        let log = EventLog::open(&address, config.database_connections, WriterOptions::default());
        prepare(&log, config.migrate).await?;
        let identity = log.identity().await?;
        let bus = config.amqp_url.as_deref().map(|url| (Bus::new(url, &config.amqp_namespace), identity));
        let leases = Leases::start(&address);
        let dispatcher = Dispatcher::new(log.clone(), clock.clone());
        let provider = match &config.provider.url {
            Some(url) => PaymentProvider::new(ProviderSettings {
                url: url.clone(),
                api_key: config.provider.api_key.clone(),
                callback_url: config.provider.callback_url.clone(),
                patience: Patience { total: config.provider.timeout, ..Patience::default() },
            })
            .context("provider.url")?,
            None => PaymentProvider::none("provider.url"),
        };
        let runner = Runner {
            log: log.clone(),
            bus: bus.clone(),
            leases: leases.clone(),
            dispatcher: dispatcher.clone(),
            provider,
            clock: clock.clone(),
            policy: config.policy(),
            retry: config.retry(),
        };
        let secrets = config.provider.callback_secrets.iter().map(|text| Secret::parse(text));
        let state = AppState {
            dispatcher,
            queries: Queries::new(log.clone()),
            sagas: Sagas::new(log.clone(), config.retry()),
            log: log.clone(),
            bus: bus.as_ref().map(|(bus, _)| bus.clone()),
            catalogue: Arc::new(menu(config.menu.as_deref())?),
            rules: Arc::new(config.pricing.clone()),
            callback_secrets: secrets.collect::<Result<_, _>>().context("provider.callback_secrets")?,
            location: LocationId::default(),
            clock,
            limits: Limits::default(),
            metrics: Some(metrics),
            stopping: CancellationToken::new(),
        };
        let listener = if config.has(Role::Api) {
            let bound = TcpListener::bind(config.listen).await;
            Some(bound.map_err(|error| Missing(format!("cannot listen on {}: {error}", config.listen)))?)
        } else {
            None
        };
        Ok(Self { config, listener, log, leases, bus, runner, state })
    }

    /// Where HTTP is answered; `None` without the `api` role.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Runs every role until `stop`, then ends in order: no new requests, requests in flight answered, workers
    /// stopped, the log's queue stored.
    ///
    /// # Errors
    /// When the HTTP server breaks.
    pub async fn run_until_stopped(self, stop: CancellationToken) -> anyhow::Result<()> {
        let workers = TaskTracker::new();
        let working = CancellationToken::new();
        if let (true, Some((bus, _))) = (self.config.has(Role::Relay), &self.bus) {
            let relay = relay::run(self.log.clone(), bus.clone(), self.leases.clone(), working.clone());
            workers.spawn(relay);
        }
        if self.config.has(Role::Projector) {
            spindle_projections::spawn_all(&workers, &self.log, self.bus.as_ref(), &self.leases, &working);
        }
        if self.config.has(Role::Process) {
            workers.spawn(self.runner.clone().run(working.clone()));
        }
        let served = if let Some(listener) = self.listener {
            serve(listener, self.state, stop, self.config.stop_within).await
        } else {
            stop.cancelled().await;
            Ok(())
        };
        working.cancel();
        workers.close();
        if tokio::time::timeout(self.config.stop_within, workers.wait()).await.is_err() {
            tracing::warn!("workers that did not end in time were cut off");
        }
        self.log.close().await;
        if let Some((bus, _)) = &self.bus {
            bus.close().await;
        }
        served
    }
}

/// Answers HTTP until `stop`, and then those who have asked already, but no longer than `within`.
async fn serve(
    listener: TcpListener,
    state: AppState,
    stop: CancellationToken,
    within: Duration,
) -> anyhow::Result<()> {
    let stopping = state.stopping.clone();
    let until = stop.clone();
    let graceful = axum::serve(listener, http::router(Arc::new(state)))
        .with_graceful_shutdown(async move {
            until.cancelled().await;
            stopping.cancel();
        })
        .into_future();
    let deadline = async {
        stop.cancelled().await;
        tokio::time::sleep(within).await;
    };
    tokio::select! {
        result = graceful => result.context("the HTTP server broke"),
        () = deadline => {
            tracing::warn!("requests that did not end in time were cut off");
            Ok(())
        }
    }
}

/// Waits for the database, and sees to it that it has every migration.
async fn prepare(log: &EventLog, migrate: bool) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while let Err(error) = sqlx::query("select 1").execute(log.pool()).await {
        if tokio::time::Instant::now() > deadline {
            return Err(Missing(format!("the database does not answer: {error}")).into());
        }
        tracing::warn!(%error, "waiting for the database: {error}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    if migrate {
        migrations::up(log.pool()).await.context("the migrations could not be applied")?;
    }
    let steps = migrations::status(log.pool()).await.context("the migrations could not be read")?;
    match steps.iter().filter(|step| !step.applied).count() {
        0 => Ok(()),
        missing => Err(Missing(format!("{missing} migrations are missing: run `spindle migrate up`")).into()),
    }
}

fn menu(file: Option<&Path>) -> anyhow::Result<Catalogue> {
    let Some(path) = file else { return Ok(Catalogue::default_menu()) };
    Figment::from(Toml::file_exact(path))
        .extract()
        .with_context(|| format!("menu: {} cannot be used", path.display()))
}
