//! Configuration in layers: flag > environment (`SPINDLE_*`) > `spindle.toml` > default.
//!
//! Nested settings are reached by two underscores: `SPINDLE_PROVIDER__URL`. Durations are written as people do:
//! `15m`, `1m 30s`, `250ms`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::TimeDelta;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::{Dict, Value};
use serde::{Deserialize, Serialize};
use spindle_commands::process::Retry;
use spindle_domain::fulfillment::Policy;
use spindle_domain::pricing::Rules;

/// The file that is read when it is there.
pub const FILE: &str = "spindle.toml";

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value does not fit.
    #[error("{0}")]
    Invalid(Box<figment::Error>),
    /// A key that no setting has.
    #[error("{file}: unknown setting `{key}`")]
    Unknown {
        /// The file.
        file: String,
        /// The key, with dots.
        key: String,
    },
    /// A rule about values together.
    #[error("{0}")]
    Rule(String),
}

impl From<figment::Error> for ConfigError {
    fn from(error: figment::Error) -> Self {
        Self::Invalid(Box::new(error))
    }
}

/// What one server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Answers HTTP.
    Api,
    /// Carries the log to the broker.
    Relay,
    /// Builds read models.
    Projector,
    /// Runs the fulfilment process.
    Process,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Human,
    /// For machines: one JSON object a line.
    Json,
}

/// Everything that can be set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Config {
    /// Where HTTP is answered. Default `127.0.0.1:7070`.
    pub listen: SocketAddr,
    /// Allows an address that others can reach, although nobody is asked who they are. Default false.
    pub allow_unauthenticated: bool,
    /// The `PostgreSQL` database.
    pub database_url: Option<String>,
    /// How many connections the pool may hold. Default 20.
    pub database_connections: u32,
    /// The broker; without one, consumers read the log.
    pub amqp_url: Option<String>,
    /// What the names of exchanges and queues begin with: keeps several Spindles on one broker apart. Default
    /// `spindle`.
    pub amqp_namespace: String,
    /// What this server does. Default: everything.
    pub roles: Vec<Role>,
    /// Applies missing migrations at the start. Default false.
    pub migrate: bool,
    /// How log lines look. Default human.
    pub log_format: LogFormat,
    /// Which log lines are written, as `tracing` directives. Default `info`.
    pub log: String,
    /// The payment provider.
    pub provider: Provider,
    /// A TOML file with the products; the built-in menu if absent.
    pub menu: Option<PathBuf>,
    /// Discounts, fees and taxes. Default: none.
    pub pricing: Rules,
    /// How long the process waits for whom.
    pub process: Process,
    /// How failed work is tried again.
    pub retry: RetrySettings,
    /// How long the server may take to stop. Default 10 s.
    #[serde(with = "humantime_serde")]
    pub stop_within: Duration,
}

/// The payment provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Provider {
    /// Its address; payments wait until there is one.
    pub url: Option<String>,
    /// The key that it knows this shop by.
    pub api_key: Option<String>,
    /// Where it should send its callbacks: the public address of `/api/v1/payments/callback`.
    pub callback_url: Option<String>,
    /// The secrets that sign callbacks; two while one replaces the other.
    pub callback_secrets: Vec<String>,
    /// How long an answer may take. Default 10 s.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

/// How long the process waits for whom; see [`Policy`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Process {
    /// From placing to paying.
    #[serde(with = "humantime_serde")]
    pub payment_ttl: Duration,
    /// How many payments may fail.
    pub payment_attempts: u32,
    /// From a lost answer to asking the provider.
    #[serde(with = "humantime_serde")]
    pub reconcile_after: Duration,
    /// From scheduling to the kitchen's acceptance.
    #[serde(with = "humantime_serde")]
    pub accept_within: Duration,
    /// How long before the wanted time the kitchen gets the order.
    #[serde(with = "humantime_serde")]
    pub kitchen_lead: Duration,
    /// From asking for a courier to pick-up, per attempt.
    #[serde(with = "humantime_serde")]
    pub courier_within: Duration,
    /// How often a courier is looked for.
    pub courier_attempts: u32,
}

/// How failed work is tried again; see [`Retry`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RetrySettings {
    /// The pause after the first failure.
    #[serde(with = "humantime_serde")]
    pub first: Duration,
    /// The longest pause.
    #[serde(with = "humantime_serde")]
    pub longest: Duration,
    /// After so many failures work is dead-lettered.
    pub attempts: i32,
}

impl Default for Config {
    fn default() -> Self {
        let policy = Policy::default();
        let retry = Retry::default();
        let std = |delta: TimeDelta| delta.to_std().unwrap_or_default();
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7070),
            allow_unauthenticated: false,
            database_url: None,
            database_connections: 20,
            amqp_url: None,
            amqp_namespace: "spindle".to_owned(),
            roles: vec![Role::Api, Role::Relay, Role::Projector, Role::Process],
            migrate: false,
            log_format: LogFormat::Human,
            log: "info".to_owned(),
            provider: Provider {
                url: None,
                api_key: None,
                callback_url: None,
                callback_secrets: Vec::new(),
                timeout: Duration::from_secs(10),
            },
            menu: None,
            pricing: Rules::default(),
            process: Process {
                payment_ttl: std(policy.payment_ttl),
                payment_attempts: policy.payment_attempts,
                reconcile_after: std(policy.reconcile_after),
                accept_within: std(policy.accept_within),
                kitchen_lead: std(policy.kitchen_lead),
                courier_within: std(policy.courier_within),
                courier_attempts: policy.courier_attempts,
            },
            retry: RetrySettings { first: retry.first, longest: retry.longest, attempts: retry.attempts },
            stop_within: Duration::from_secs(10),
        }
    }
}

impl Config {
    /// Reads the file, the environment and the flags, the later above the earlier.
    ///
    /// # Errors
    /// [`ConfigError`], naming the setting.
    pub fn load(file: Option<&Path>, flags: impl figment::Provider) -> Result<Self, ConfigError> {
        let path = file.unwrap_or(Path::new(FILE));
        if file.is_some() && !path.is_file() {
            return Err(ConfigError::Rule(format!("{} does not exist", path.display())));
        }
        let mut layers = Figment::from(Serialized::defaults(Self::default()));
        if path.is_file() {
            let written: Dict = Figment::from(Toml::file_exact(path)).extract()?;
            if let Some(key) = unknown(&written, &layers.extract()?) {
                return Err(ConfigError::Unknown { file: path.display().to_string(), key });
            }
            layers = layers.merge(Toml::file_exact(path));
        }
        let config: Self = layers
            .merge(Env::raw().only(&["DATABASE_URL", "AMQP_URL"]))
            .merge(Env::prefixed("SPINDLE_").split("__"))
            .merge(flags)
            .extract()?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let rule = |text: &str| Err(ConfigError::Rule(text.to_owned()));
        if !self.listen.ip().is_loopback() && !self.allow_unauthenticated {
            return rule(
                "listen: others could reach this address, and nobody is asked who they are; listen on loopback \
                 behind a gateway, or set allow_unauthenticated = true",
            );
        }
        if self.database_connections < 5 {
            return rule("database_connections: must be at least 5");
        }
        if self.retry.attempts < 1 {
            return rule("retry.attempts: must be at least 1");
        }
        if self.process.payment_attempts < 1 || self.process.courier_attempts < 1 {
            return rule("process: payment_attempts and courier_attempts must be at least 1");
        }
        if self.provider.url.is_some() && self.provider.callback_secrets.is_empty() {
            return rule(
                "provider.callback_secrets: needed with provider.url, to tell its callbacks from forged ones",
            );
        }
        Ok(())
    }

    /// The process's patience.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let delta = |duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        let process = &self.process;
        Policy {
            payment_ttl: delta(process.payment_ttl),
            payment_attempts: process.payment_attempts,
            reconcile_after: delta(process.reconcile_after),
            accept_within: delta(process.accept_within),
            kitchen_lead: delta(process.kitchen_lead),
            courier_within: delta(process.courier_within),
            courier_attempts: process.courier_attempts,
        }
    }

    /// How failed work is tried again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        Retry { first: self.retry.first, longest: self.retry.longest, attempts: self.retry.attempts }
    }

    /// Whether this server has a role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// The first key of a file that no setting has. `menu`-like free forms below a list or an optional are not looked into.
fn unknown(written: &Dict, known: &Dict) -> Option<String> {
    written.iter().find_map(|(key, value)| match (value, known.get(key)) {
        (_, None) => Some(key.clone()),
        (Value::Dict(_, inner), Some(Value::Dict(_, expected))) if key != "pricing" => {
            unknown(inner, expected).map(|rest| format!("{key}.{rest}"))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(toml: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spindle.toml");
        std::fs::write(&path, toml).unwrap();
        Config::load(Some(&path), Serialized::defaults(Dict::new()))
    }

    #[test]
    fn durations_are_written_as_people_do() {
        let config = load("[process]\naccept_within = '90s'").unwrap();
        assert_eq!(config.policy().accept_within, TimeDelta::seconds(90));
    }

    #[test]
    fn a_misspelt_setting_is_named() {
        let error = load("[process]\naccept_wihtin = '90s'").unwrap_err();
        assert!(error.to_string().contains("process.accept_wihtin"), "{error}");
    }

    #[test]
    fn an_open_address_needs_a_word_of_consent() {
        assert!(load("listen = '0.0.0.0:7070'").is_err());
        assert!(load("listen = '0.0.0.0:7070'\nallow_unauthenticated = true").is_ok());
    }

    #[test]
    fn a_provider_needs_a_secret() {
        assert!(load("[provider]\nurl = 'http://127.0.0.1:1'").is_err());
    }

    #[test]
    fn no_file_is_needed_unless_one_is_named() {
        assert!(Config::load(None, Serialized::defaults(Dict::new())).is_ok());
        assert!(Config::load(Some(Path::new("nowhere.toml")), Serialized::defaults(Dict::new())).is_err());
    }

    #[test]
    fn a_flag_outranks_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spindle.toml");
        std::fs::write(&path, "listen = '127.0.0.1:1'").unwrap();
        let flag = Serialized::default("listen", "127.0.0.1:2");
        let config = Config::load(Some(&path), flag).unwrap();
        assert_eq!(config.listen.port(), 2);
    }
}
