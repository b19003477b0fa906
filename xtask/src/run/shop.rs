//! A shop at work: the server, and stand-ins for everybody outside.
//!
//! **Invariant:** nothing of the caller's settings for Spindle gets in but how much is logged: what is shown
//! is the same for everybody.

use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::orders::{self, Outcome};
use super::part::Part;
use super::words::{curl, quoted, typed};
use super::{ready, say, show};
use crate::services::{Service, Services, folder, net};
use crate::workspace::Workspace;

/// How long each step of kitchen, couriers and provider takes, in milliseconds: one can watch, and need not wait.
const STEP: &str = "400";

/// How long a command that only reads may take.
const READ_PATIENCE: Duration = Duration::from_mins(2);

/// The one setting of the caller's that counts here.
const LOG_VARIABLE: &str = "SPINDLE_LOG";

/// A shop that is open. What is dropped first stands first.
#[derive(Debug)]
pub(super) struct Shop {
    simulate: Part,
    serve: Part,
    pub(super) site: Site,
    _services: Services,
}

/// Where everything is.
#[derive(Debug)]
pub(super) struct Site {
    program: PathBuf,
    folder: PathBuf,
    address: SocketAddr,
    database: Database,
}

/// Where everything is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Database {
    /// A new one, by its URL. It goes with its server.
    New(String),
    /// The caller's, by its URL, which may hold a password and is never shown.
    Theirs(String),
}

impl Shop {
    /// Starts everything; returns when orders can be placed.
    pub(super) fn open(workspace: &Workspace, program: PathBuf, address: SocketAddr) -> Result<Self> {
        let services = Services::start(workspace.root())?;
        let folder = workspace.target().join("run");
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let name = format!("run_{}", folder::random_hex(4)?);
        let site = Site { program, folder, address, database: Database::find(&services, &name)? };

        let provider = SocketAddr::from((Ipv4Addr::LOCALHOST, net::free_port()?));
        let secret = format!("spindle-run-{}", folder::random_hex(24)?);
        let arguments =
            ["serve".to_owned(), "--listen".to_owned(), address.to_string(), "--migrate".to_owned()];
        let mut server = site.spindle(&arguments);
        server
            .env("SPINDLE_AMQP_URL", services.amqp_url())
            .env("SPINDLE_PROVIDER__URL", format!("http://{provider}"))
            .env("SPINDLE_PROVIDER__CALLBACK_URL", format!("{}/api/v1/payments/callback", site.url()))
            .env("SPINDLE_PROVIDER__CALLBACK_SECRETS", format!("[\"{secret}\"]"));
        if let Database::New(_) = site.database {
            // A broker that others use too has queues for events of their database, not of this one.
            server.env("SPINDLE_AMQP_NAMESPACE", format!("spindle-{name}"));
        }
        let mut serve = site.start(&arguments, &mut server)?;
        let arguments = ["simulate", "all", "--delay-ms", STEP, "--provider-listen"].map(str::to_owned);
        let arguments = [&arguments[..], &[provider.to_string()]].concat();
        let mut world = site.spindle(&arguments);
        let mut simulate = site.start(&arguments, world.env("SPINDLE_PROVIDER_SECRET", secret))?;

        let mut alive = || serve.must_run().and_then(|()| simulate.must_run());
        let server_is_late = ready::until_ready(address, &mut alive)?;
        let world_is_late = ready::until_open(provider, &mut alive)?;
        if let Some(why) = server_is_late {
            bail!("`spindle serve` is not ready: {why}{}", serve.tail());
        }
        if let Some(why) = world_is_late {
            bail!("the payment provider is not ready: {why}{}", simulate.tail());
        }
        say(&format!("{} is ready", site.url()));
        Ok(Self { simulate, serve, site, _services: services })
    }

    /// An error when somebody has stopped working.
    pub(super) fn must_be_open(&mut self) -> Result<()> {
        self.serve.must_run()?;
        self.simulate.must_run()
    }

    /// Places orders, and shows what becomes of them.
    pub(super) fn place(&mut self, count: u16) -> Result<Vec<Outcome>> {
        let Self { simulate, serve, site, .. } = self;
        let alive = || serve.must_run().and_then(|()| simulate.must_run());
        orders::place(count, |arguments| site.spindle(arguments), alive, &show)
    }

    /// Runs a command that reads, and shows it with what it prints; whether it succeeded.
    pub(super) fn ask(&self, arguments: &[&str]) -> Result<bool> {
        let line = typed("spindle", arguments);
        show(&format!("\n$ {line}"))?;
        let mut part = Part::start(&line, &mut self.site.spindle(arguments))?;
        let Some(status) = part.wait(READ_PATIENCE) else {
            bail!("`{line}` takes longer than {} s", READ_PATIENCE.as_secs());
        };
        if !status.success() {
            say(&format!("`{line}` ended with {status}"));
        }
        Ok(status.success())
    }

    /// Stops everything in good order: first those who use the server, then the server.
    pub(super) fn close(self) -> Result<()> {
        let simulate = self.simulate.close();
        self.serve.close().and(simulate)
    }
}

impl Site {
    /// Where the server answers.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A command of Spindle's that finds the server and the database.
    pub(super) fn spindle(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(&self.program);
        for (variable, _) in std::env::vars_os().filter(|(variable, _)| is_setting(variable)) {
            command.env_remove(variable);
        }
        command
            .args(arguments)
            .env("SPINDLE_URL", self.url())
            .env("SPINDLE_DATABASE_URL", self.database.url())
            .current_dir(&self.folder) // where no spindle.toml is
            .stdin(Stdio::null());
        command
    }

    /// Starts a command that goes on, with a log of its own.
    fn start(&self, arguments: &[String], command: &mut Command) -> Result<Part> {
        let line = typed("spindle", arguments);
        let log = self.log(arguments.first().map_or("spindle", String::as_str));
        let part = Part::start_logging(&line, command, &log)?;
        say(&format!("{line}\n      log: {}", log.display()));
        Ok(part)
    }

    /// Where a command's log is. Two runs at the same time have different ports.
    fn log(&self, command: &str) -> PathBuf {
        self.folder.join(format!("{command}-{}.log", self.address.port()))
    }

    /// What a person can do now.
    pub(super) fn welcome(&self) -> String {
        let url = self.url();
        let program = quoted(&self.program.to_string_lossy());
        let database = match &self.database {
            Database::New(url) => quoted(url),
            Database::Theirs(_) => "\"$DATABASE_URL\"".to_owned(),
        };
        let (serve, simulate) = (self.log("serve"), self.log("simulate"));
        format!(
            "\nSpindle is up: {url}/api/v1, {url}/readyz, {url}/metrics\n\n\
             An order by hand, from another terminal (a new key for each order):\n\n  {}\n\n\
             Then look at it with Spindle's own commands:\n\n  \
             export SPINDLE_URL={url} SPINDLE_DATABASE_URL={database}\n  \
             {program} order list\n  {program} events tail --follow\n\n\
             Logs: {}\n      {}\n\nCtrl-C stops everything.",
            curl(&url),
            serve.display(),
            simulate.display(),
        )
    }
}

impl Database {
    /// A new database on a server that nobody named; the caller's where `DATABASE_URL` is set.
    fn find(services: &Services, name: &str) -> Result<Self> {
        match &services.postgres {
            Service::Private(server) => {
                server.create_database(name)?;
                Ok(Self::New(server.url(name)))
            }
            Service::Container(container) => Ok(Self::New(container.url())), // its own is new
            Service::External(url) => Ok(Self::Theirs(url.clone())),
        }
    }

    fn url(&self) -> &str {
        match self {
            Self::New(url) | Self::Theirs(url) => url,
        }
    }
}

/// Whether a variable of the caller's would change what Spindle does.
fn is_setting(variable: &OsStr) -> bool {
    let name = variable.as_encoded_bytes();
    name != LOG_VARIABLE.as_bytes()
        && (name.starts_with(b"SPINDLE_") || name == b"DATABASE_URL" || name == b"AMQP_URL")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn site(database: Database) -> Site {
        let address = SocketAddr::from(([127, 0, 0, 1], 7070));
        Site { program: "/t/release/spindle".into(), folder: "/t/run".into(), address, database }
    }

    #[test]
    fn only_how_much_is_logged_is_for_the_caller_to_say() {
        for setting in
            ["SPINDLE_ROLES", "SPINDLE_PROVIDER__URL", "SPINDLE_SERVICES", "DATABASE_URL", "AMQP_URL"]
        {
            assert!(is_setting(OsStr::new(setting)), "{setting}");
        }
        for other in ["SPINDLE_LOG", "PATH", "XSPINDLE_URL"] {
            assert!(!is_setting(OsStr::new(other)), "{other}");
        }
    }

    #[test]
    fn commands_find_this_server_and_this_database() {
        let command = site(Database::New("postgres://a/b".into())).spindle(&["saga", "list"]);
        let set: Vec<_> =
            command.get_envs().filter_map(|(name, value)| Some((name.to_str()?, value?))).collect();
        assert!(set.contains(&("SPINDLE_URL", OsStr::new("http://127.0.0.1:7070"))), "{set:?}");
        assert!(set.contains(&("SPINDLE_DATABASE_URL", OsStr::new("postgres://a/b"))), "{set:?}");
        assert_eq!(command.get_current_dir(), Some(Path::new("/t/run")));
    }

    #[test]
    fn the_welcome_names_all_there_is_and_no_password() {
        let text = site(Database::New("postgres://me@a/run_1".into())).welcome();
        for part in ["http://127.0.0.1:7070/readyz", "SPINDLE_DATABASE_URL=postgres://me@a/run_1", "curl -sS"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.contains("/t/run/serve-7070.log\n      /t/run/simulate-7070.log"), "{text}");
        let text = site(Database::Theirs("postgres://me:s3cret@a/b".into())).welcome();
        assert!(text.contains("\"$DATABASE_URL\"") && !text.contains("s3cret"), "{text}");
    }
}
