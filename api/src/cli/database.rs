//! The database, for commands that work on it directly.
//!
//! **Invariant:** an address is never printed: it may hold a password.

use std::convert::Infallible;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use figment::Figment;
use figment::providers::{Format as _, Toml};
use spindle_commands::effects::http::chain;
use spindle_eventlog::EventLog;
use spindle_eventlog::log::WriterOptions;
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::exit::{Unreachable, Usage};
use crate::config;

/// How long the database may take to take a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many connections a command may hold: it does one thing after the other, and migrations hold one more.
const CONNECTIONS: u32 = 2;

/// Which database.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Database")]
pub(super) struct DatabaseArgs {
    /// The PostgreSQL database; without it `DATABASE_URL`, then what spindle.toml says
    #[arg(long, global = true, env = "SPINDLE_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<Address>,
}

/// The address of a database. What is in it is nobody's business.
#[derive(Clone, PartialEq, Eq)]
struct Address(String);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(hidden)")
    }
}

impl FromStr for Address {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl DatabaseArgs {
    /// Opens the log on the database, after the database has answered.
    pub(super) async fn open(&self) -> anyhow::Result<EventLog> {
        let environment = std::env::var("DATABASE_URL").ok();
        let file = in_file(Path::new(config::FILE))?;
        let url = choose(self.database_url.clone(), environment, file)
            .ok_or_else(|| Usage("no database: give --database-url or SPINDLE_DATABASE_URL".to_owned()))?;
        let address = PgConnectOptions::from_str(&url.0)
            .map_err(|error| Usage(format!("the database address cannot be used: {}", chain(&error))))?
            .application_name("spindle-cli");
        answers(&address).await?;
        Ok(EventLog::open(&address, CONNECTIONS, WriterOptions::default()))
    }
}

/// The first that says something.
fn choose(flag: Option<Address>, environment: Option<String>, file: Option<String>) -> Option<Address> {
    let later = environment.into_iter().chain(file).map(Address);
    flag.into_iter().chain(later).find(|address| !address.0.is_empty())
}

fn in_file(path: &Path) -> anyhow::Result<Option<String>> {
    if !path.is_file() {
        return Ok(None);
    }
    match Figment::from(Toml::file_exact(path)).extract_inner("database_url") {
        Ok(url) => Ok(Some(url)),
        Err(error) if error.missing() => Ok(None),
        // figment repeats the value that does not fit; this one may hold a password.
        Err(_) => Err(Usage(format!("{}: database_url cannot be read", path.display())).into()),
    }
}

/// Asks for one connection, because the pool would keep to itself why it got none.
async fn answers(address: &PgConnectOptions) -> anyhow::Result<()> {
    let away = |why: String| {
        let (host, port) = (address.get_host(), address.get_port());
        Unreachable::before(format!("the database at {host}:{port} does not answer: {why}"))
    };
    match tokio::time::timeout(PATIENCE, PgConnection::connect_with(address)).await {
        Ok(Ok(connection)) => Ok(connection.close().await?),
        Ok(Err(error)) => Err(away(chain(&error)).into()),
        Err(_) => Err(away(format!("no connection within {} s", PATIENCE.as_secs())).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::Exit;
    use std::io::Write as _;

    #[test]
    fn a_flag_outranks_the_environment_and_that_the_file() {
        let flag = || Some(Address("flag".into()));
        let chosen = |flag, environment, file| choose(flag, environment, file).map(|address| address.0);
        assert_eq!(
            chosen(flag(), Some("environment".to_owned()), Some("file".to_owned())),
            Some("flag".to_owned())
        );
        assert_eq!(
            chosen(None, Some("environment".to_owned()), Some("file".to_owned())),
            Some("environment".to_owned())
        );
        assert_eq!(
            chosen(Some(Address(String::new())), Some(String::new()), Some("file".to_owned())),
            Some("file".to_owned())
        );
        assert_eq!(chosen(None, None, None), None);
    }

    #[test]
    fn an_address_shows_nothing_of_itself() {
        let args = DatabaseArgs { database_url: Some(Address("postgres://me:s3cret@a/b".into())) };
        assert!(!format!("{args:?}").contains("s3cret"));
    }

    #[test]
    fn the_file_may_be_silent_but_not_wrong() {
        let written = |text: &str| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            in_file(file.path())
        };
        assert_eq!(written("database_url = 'postgres://a/b'").unwrap(), Some("postgres://a/b".to_owned()));
        assert_eq!(written("log = 'info'").unwrap(), None);
        assert_eq!(in_file(Path::new("/nowhere/spindle.toml")).unwrap(), None);
        let error = written("database_url = ['s3cret']").unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Usage);
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_named_without_its_password() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let url = format!("postgres://me:s3cret@127.0.0.1:{port}/spindle");
        let error = DatabaseArgs { database_url: Some(Address(url)) }.open().await.unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Unreachable);
        let text = error.to_string();
        assert!(text.contains(&port.to_string()) && !text.contains("s3cret"), "{text}");
    }
}
