//! A server under test: in this process, or in one of its own that can be killed.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result};
use metrics_exporter_prometheus::PrometheusHandle;
use spindle::app::App;
use spindle::config::Config;
use spindle_commands::Clock;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::client::Client;
use crate::wait::eventually_ok;

/// How long a server may take to answer for the first time.
const START: Duration = Duration::from_mins(1);

/// A port that nobody uses at this moment.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A port that nobody uses, and that the system gives to nobody who asks for any: it can be let go and taken again.
///
/// # Errors
/// When there is none.
pub fn lasting_port() -> Result<u16> {
    let start = Uuid::new_v4().as_u128() % 10_000;
    let ports =
        (0..10_000).map(|step| 20_000 + (start + step) % 10_000).filter_map(|port| u16::try_from(port).ok());
    let mut free = ports.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().context("no port from 20000 to 29999 is free")
}

/// The one recorder of metrics of this test program.
fn metrics() -> Result<PrometheusHandle> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let handle = spindle::telemetry::metrics()?;
    // To see what a server in this process logs: SPINDLE_TEST_LOG=info cargo xtask test -- NAME --nocapture
    if let Ok(directives) = std::env::var("SPINDLE_TEST_LOG") {
        spindle::telemetry::logs(spindle::config::LogFormat::Human, &directives)?;
    }
    Ok(HANDLE.get_or_init(|| handle).clone())
}

/// A server in this process.
#[derive(Debug)]
pub struct InProcess {
    /// Where it answers.
    pub url: String,
    stop: CancellationToken,
    task: JoinHandle<Result<()>>,
}

impl InProcess {
    /// Builds and runs a server.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(config: Config) -> Result<Self> {
        Self::start_with(config, Clock::system()).await
    }

    /// Builds and runs a server that has its own idea of time.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_with(config: Config, clock: Clock) -> Result<Self> {
        let app = App::build(config, clock, metrics()?).await?;
        let url = app.address().map(|address| format!("http://{address}")).unwrap_or_default();
        let stop = CancellationToken::new();
        let task = tokio::spawn(app.run_until_stopped(stop.clone()));
        Ok(Self { url, stop, task })
    }

    /// Stops it as SIGTERM would.
    ///
    /// # Errors
    /// When it ends badly.
    pub async fn stop(self) -> Result<()> {
        self.stop.cancel();
        self.task.await?
    }
}

/// A server in a process of its own.
#[derive(Debug)]
pub struct Server {
    /// Where it answers.
    pub url: String,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    child: Option<Child>,
}

/// The program under test: as `cargo xtask test` gives it, else beside this test program.
///
/// # Errors
/// When it was not built.
pub fn program() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("SPINDLE_BIN") {
        return Ok(given.into());
    }
    let beside = std::env::current_exe()?.ancestors().nth(2).map(|folder| folder.join("spindle"));
    beside.filter(|path| path.is_file()).context("the spindle program is not built: run `cargo xtask test`")
}

impl Server {
    /// Prepares `spindle serve` on a port of its own; `log` takes what it writes.
    ///
    /// # Errors
    /// When the program was not built.
    pub fn prepare(arguments: &[&str], environment: &[(&str, String)], log: PathBuf) -> Result<Self> {
        let port = free_port()?;
        let mut all = vec!["serve".to_owned(), "--listen".to_owned(), format!("127.0.0.1:{port}")];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        Ok(Self {
            url: format!("http://127.0.0.1:{port}"),
            program: program()?,
            arguments: all,
            environment: environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            log,
            child: None,
        })
    }

    /// Adds to the environment of the next start.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.environment.push((name.to_owned(), value.into()));
    }

    /// Starts it, and waits until it answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn start(&mut self) -> Result<()> {
        self.spawn()?;
        let client = self.client();
        let answers = eventually_ok("the server answers", START, async || client.get("/healthz").await?.ok());
        answers.await.with_context(|| self.written().unwrap_or_default())?;
        Ok(())
    }

    /// Starts it without waiting.
    ///
    /// # Errors
    /// When the program cannot be run.
    pub fn spawn(&mut self) -> Result<()> {
        let log = std::fs::File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).kill_on_drop(true).stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log);
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        self.child = Some(command.spawn().context("spindle serve")?);
        Ok(())
    }

    /// Kills it, as a power cut would, and waits until it is gone.
    ///
    /// # Errors
    /// When it was not running.
    pub async fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("the server is not running")?;
        child.kill().await?;
        Ok(())
    }

    /// A client of it.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&self.url)
    }

    /// What it has written so far.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn written(&self) -> Result<String> {
        Ok(std::fs::read_to_string(&self.log)?)
    }
}
