//! `spindle simulate`: stand-ins for the world outside, as processes of their own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use futures_util::future::try_join_all;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::signature::Secret;
use crate::simulators::CrewOptions;
use crate::simulators::couriers::{self, CourierOptions};
use crate::simulators::fate::Percent;
use crate::simulators::kitchen::{self, KitchenOptions};
use crate::simulators::provider::{self, CallbackMode, CallbackOptions, ProviderOptions, Rates};

/// Stand in for the world outside: a payment provider, a kitchen crew, couriers.
///
/// They speak with a running Spindle over HTTP, on this machine only, until they are interrupted.
#[derive(Debug, Clone, Args)]
pub struct SimulateArgs {
    /// Whom to simulate.
    #[arg(value_enum, default_value_t = Who::All)]
    pub who: Who,
    /// Spindle's address.
    #[arg(long, env = "SPINDLE_URL", default_value = "http://127.0.0.1:7070")]
    pub url: String,
    /// The bearer token that kitchen and couriers show.
    #[arg(long, env = "SPINDLE_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Decides which orders meet which fate: the same seed, the same fates.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Milliseconds that each step takes.
    #[arg(long, default_value_t = 0, value_name = "MS")]
    pub delay_ms: u64,
    /// The payment provider.
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// The kitchen.
    #[command(flatten)]
    pub kitchen: KitchenArgs,
    /// The couriers.
    #[command(flatten)]
    pub couriers: CourierArgs,
}

/// Whom to simulate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Who {
    /// The payment provider.
    Provider,
    /// The kitchen crew.
    Kitchen,
    /// The couriers.
    Couriers,
    /// All three.
    All,
}

/// How the payment provider behaves.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Payment provider")]
pub struct ProviderArgs {
    /// Where the payment provider listens.
    #[arg(long, default_value = "127.0.0.1:7071", value_name = "ADDR")]
    pub provider_listen: SocketAddr,
    /// Signs callbacks: whsec_ and base64, or at least 16 characters; made up and printed if absent.
    #[arg(long, env = "SPINDLE_PROVIDER_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub provider_secret: Option<String>,
    /// The key that Spindle must show.
    #[arg(long, env = "SPINDLE_PROVIDER_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub provider_api_key: Option<String>,
    /// Remember payments in this file.
    #[arg(long, value_name = "FILE")]
    pub provider_file: Option<PathBuf>,
    /// What is told by callback.
    #[arg(long, value_enum, default_value_t = Callbacks::Deferred)]
    pub callbacks: Callbacks,
    /// How often each callback is sent.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub callback_copies: u16,
    /// Let callbacks overtake the answers.
    #[arg(long)]
    pub callback_first: bool,
    /// Milliseconds until a customer who must act does so.
    #[arg(long, default_value_t = 2_000, value_name = "MS")]
    pub action_ms: u64,
    /// Seconds that a provoked timeout lasts.
    #[arg(long, default_value_t = 60, value_name = "S")]
    pub hang_seconds: u64,
    /// Share of `tok_ok` payments that are declined.
    #[arg(long, default_value_t = Percent::NEVER, value_name = "PERCENT")]
    pub decline_percent: Percent,
    /// Share of `tok_ok` payments that are authorized but answered too late.
    #[arg(long, default_value_t = Percent::NEVER, value_name = "PERCENT")]
    pub timeout_percent: Percent,
    /// Share of `tok_ok` payments whose requests fail twice before they succeed.
    #[arg(long, default_value_t = Percent::NEVER, value_name = "PERCENT")]
    pub flaky_percent: Percent,
    /// Share of `tok_ok` payments for which the customer must act.
    #[arg(long, default_value_t = Percent::NEVER, value_name = "PERCENT")]
    pub action_percent: Percent,
}

/// What is told by callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Callbacks {
    /// Nothing.
    Off,
    /// What an answer could not tell.
    Deferred,
    /// Every change.
    All,
}

/// How the kitchen behaves.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Kitchen")]
pub struct KitchenArgs {
    /// Share of orders that the kitchen rejects.
    #[arg(long, default_value_t = Percent::NEVER, value_name = "PERCENT")]
    pub reject_percent: Percent,
    /// Share of orders that the kitchen never accepts.
    #[arg(long, default_value_t = Percent::NEVER, value_name = "PERCENT")]
    pub never_accept_percent: Percent,
    /// Share of orders that the kitchen gives up while cooking.
    #[arg(long, default_value_t = Percent::NEVER, value_name = "PERCENT")]
    pub cancel_cooking_percent: Percent,
    /// Share of pickup orders that nobody fetches.
    #[arg(long, default_value_t = Percent::NEVER, value_name = "PERCENT")]
    pub not_fetched_percent: Percent,
}

/// How couriers behave.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Couriers")]
pub struct CourierArgs {
    /// How many couriers there are.
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub couriers: u16,
    /// Share of deliveries that nobody takes on.
    #[arg(long, default_value_t = Percent::NEVER, value_name = "PERCENT")]
    pub no_courier_percent: Percent,
    /// Share of deliveries that are given back once.
    #[arg(long, default_value_t = Percent::NEVER, value_name = "PERCENT")]
    pub give_back_percent: Percent,
    /// Share of deliveries that fail at the door.
    #[arg(long, default_value_t = Percent::NEVER, value_name = "PERCENT")]
    pub delivery_fail_percent: Percent,
}

/// Simulates until interrupted.
///
/// # Errors
/// When an address cannot be used, or a secret is none.
pub async fn run(args: SimulateArgs) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let interrupted = stop.clone();
    tokio::spawn(async move {
        match tokio::signal::ctrl_c().await {
            Ok(()) => interrupted.cancel(),
            Err(error) => tracing::warn!(%error, "interrupts cannot be heard: {error}"),
        }
    });
    run_until(args, stop).await
}

/// Simulates until told to stop.
///
/// # Errors
/// When an address cannot be used, or a secret is none.
pub async fn run_until(args: SimulateArgs, stop: CancellationToken) -> anyhow::Result<()> {
    let is = |who| args.who == who || args.who == Who::All;
    let mut provider = None;
    if is(Who::Provider) {
        provider = Some(start_provider(&args).await?);
    }
    let mut crews: Vec<JoinHandle<anyhow::Result<()>>> = Vec::new();
    if is(Who::Kitchen) {
        crews.push(tokio::spawn(kitchen::run(args.kitchen_options(), stop.clone())));
        println!("kitchen crew     works at {}", args.url);
    }
    if is(Who::Couriers) {
        crews.push(tokio::spawn(couriers::run(args.courier_options(), stop.clone())));
        println!("couriers         work at {}", args.url);
    }
    let work = async {
        if crews.is_empty() {
            stop.cancelled().await;
            return Ok(());
        }
        for result in try_join_all(crews).await.context("a simulator broke down")? {
            result?;
        }
        anyhow::Ok(())
    };
    let result = work.await;
    if let Some(provider) = provider {
        provider.shutdown().await;
    }
    result
}

async fn start_provider(args: &SimulateArgs) -> anyhow::Result<provider::Provider> {
    let made_up = args.provider.provider_secret.is_none();
    let text = args.provider.provider_secret.clone().unwrap_or_else(|| Uuid::new_v4().simple().to_string());
    let provider = provider::start(args.provider_options(&text)?).await?;
    println!("payment provider listens on {}", provider.url());
    if made_up {
        println!("                 signs callbacks with {text}");
    }
    Ok(provider)
}

impl SimulateArgs {
    fn provider_options(&self, secret: &str) -> anyhow::Result<ProviderOptions> {
        let args = &self.provider;
        let secret = Secret::parse(secret).context("--provider-secret")?;
        Ok(ProviderOptions {
            listen: args.provider_listen,
            api_key: args.provider_api_key.clone(),
            delay: Duration::from_millis(self.delay_ms),
            hang: Duration::from_secs(args.hang_seconds),
            decide_after: Some(Duration::from_millis(args.action_ms)),
            callbacks: CallbackOptions {
                mode: match args.callbacks {
                    Callbacks::Off => CallbackMode::Off,
                    Callbacks::Deferred => CallbackMode::Deferred,
                    Callbacks::All => CallbackMode::All,
                },
                copies: args.callback_copies,
                before_answer: args.callback_first,
                ..CallbackOptions::default()
            },
            rates: Rates {
                declined: args.decline_percent,
                timeouts: args.timeout_percent,
                flaky: args.flaky_percent,
                action: args.action_percent,
            },
            seed: self.seed,
            file: args.provider_file.clone(),
            ..ProviderOptions::new(secret)
        })
    }

    fn crew(&self) -> CrewOptions {
        CrewOptions {
            token: self.token.clone(),
            seed: self.seed,
            delay: Duration::from_millis(self.delay_ms),
            ..CrewOptions::new(self.url.clone())
        }
    }

    fn kitchen_options(&self) -> KitchenOptions {
        KitchenOptions {
            rejects: self.kitchen.reject_percent,
            ignores: self.kitchen.never_accept_percent,
            cancels: self.kitchen.cancel_cooking_percent,
            not_fetched: self.kitchen.not_fetched_percent,
            ..KitchenOptions::new(self.crew())
        }
    }

    fn courier_options(&self) -> CourierOptions {
        CourierOptions {
            couriers: self.couriers.couriers,
            nobody: self.couriers.no_courier_percent,
            gives_back: self.couriers.give_back_percent,
            fails: self.couriers.delivery_fail_percent,
            ..CourierOptions::new(self.crew())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        args: SimulateArgs,
    }

    #[test]
    fn rates_are_percentages() {
        let parse = |words: &[&str]| Program::try_parse_from([&["simulate"], words].concat());
        let args = parse(&["kitchen", "--reject-percent", "12.5", "--seed", "7"]).unwrap().args;
        assert_eq!((args.who, args.seed), (Who::Kitchen, 7));
        assert_eq!(args.kitchen_options().rejects, "12.5".parse().unwrap());
        assert!(parse(&["--reject-percent", "101"]).is_err());
        assert!(parse(&["everybody"]).is_err());
    }

    #[tokio::test]
    async fn a_provider_alone_runs_until_it_is_told_to_stop() {
        let words = ["simulate", "provider", "--provider-listen", "127.0.0.1:0"];
        let args = Program::try_parse_from(words).unwrap().args;
        let stop = CancellationToken::new();
        stop.cancel();
        run_until(args, stop).await.unwrap();
    }
}
