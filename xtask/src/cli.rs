//! The command line, with an example for each command.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The tools of Spindle's developers.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    after_help = "Examples:\n  cargo xtask run                      the main job at work, to be watched\n  \
                  cargo xtask test                     every test, with servers of its own\n  \
                  cargo xtask check                    format, lints, docs, licences, unused dependencies\n  \
                  eval \"$(cargo xtask services up)\"    PostgreSQL and RabbitMQ for this shell"
)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// PostgreSQL and RabbitMQ for work on this machine
    ///
    /// Private servers, on ports and in folders of their own, which no other program sees. Where
    /// `DATABASE_URL` or `AMQP_URL` is set, that server is used. Missing programs are installed with the
    /// machine's package manager (never when `SPINDLE_NO_INSTALL` is set), or run in containers.
    #[command(subcommand)]
    Services(Services),

    /// Shows the main job at work: orders from the first click to the door
    ///
    /// Builds Spindle, starts PostgreSQL and RabbitMQ as `test` does, the server, and stand-ins for the
    /// payment provider, the kitchen and the couriers. Then it places orders and shows what becomes of
    /// them: step by step, as the timeline of one of them, as fulfilment processes, and as a log without a
    /// gap. It stays up until Ctrl-C, so that you can go on by hand; then all of it is gone.
    ///
    /// Where `DATABASE_URL` is set, that database is used and migrated, and keeps the orders. Logs are in
    /// `target/run`, and `SPINDLE_LOG` says how much is logged; no other setting of yours counts.
    #[command(after_help = "Examples:\n  cargo xtask run\n  \
                            cargo xtask run --orders 2 --exit\n  \
                            cargo xtask run --debug --listen 127.0.0.1:0\n\n\
                            Exits with 1 when an order did not reach its customer, or the log is not whole.")]
    Run(RunArgs),

    /// Runs every test, with servers of its own
    ///
    /// Starts PostgreSQL and RabbitMQ as `services` does, but only for this run: they are gone at its
    /// end, also after a failure or Ctrl-C. The tests find them in `DATABASE_URL` and `AMQP_URL`, and the
    /// built server in `SPINDLE_BIN`. Exits with the code of `cargo test`.
    #[command(after_help = "Examples:\n  cargo xtask test\n  \
                            cargo xtask test --package spindle-domain\n  \
                            cargo xtask test -- --test integration crash -- --nocapture")]
    Test {
        /// Passed to `cargo test`; `--workspace` is added unless packages are named
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
        arguments: Vec<String>,
    },

    /// Checks format, lints, documentation, licences and dependencies
    ///
    /// Goes on after a failure, so that one run shows everything. cargo-deny and cargo-machete are
    /// compiled into `target/tools` the first time, which takes some minutes.
    #[command(after_help = "Example:\n  cargo fmt && cargo xtask check")]
    Check,

    /// All that continuous integration runs: `check`, then `test`
    #[command(after_help = "Example:\n  CARGO_INCREMENTAL=0 cargo xtask ci")]
    Ci,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// How many orders to place, up to 500
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u16).range(..=500))]
    pub(crate) orders: u16,
    /// End after that instead of staying up
    #[arg(long)]
    pub(crate) exit: bool,
    /// Where Spindle answers, on this machine; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7070", value_parser = loopback)]
    pub(crate) listen: SocketAddr,
    /// Build without optimisation, which is quicker than a release build
    #[arg(long)]
    pub(crate) debug: bool,
}

/// An address that nobody else can reach: nobody is asked who they are.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "must be an address with a port, such as 127.0.0.1:7070".to_owned())?;
    if address.ip().is_loopback() { Ok(address) } else { Err("must be on this machine".to_owned()) }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Services {
    /// Starts both, leaves them running and prints their addresses for `eval`
    ///
    /// What runs already is left as it is.
    #[command(after_help = "Example:\n  eval \"$(cargo xtask services up)\" && psql \"$DATABASE_URL\"")]
    Up,

    /// Stops what `up` started and removes its data
    #[command(after_help = "Example:\n  cargo xtask services down; unset DATABASE_URL AMQP_URL")]
    Down,

    /// Shows what `up` left running
    #[command(after_help = "Example:\n  cargo xtask services status --output json")]
    Status {
        /// For people, or for programs
        #[arg(long, value_enum, default_value_t = Output::Human)]
        output: Output,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Human,
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn arguments(line: &[&str]) -> Vec<String> {
        let words = ["cargo xtask", "test"].iter().chain(line);
        match Cli::try_parse_from(words).expect("it parses").command {
            Command::Test { arguments } => arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn arguments_reach_cargo_test_as_they_are() {
        assert_eq!(arguments(&["crash"]), ["crash"]);
        assert_eq!(arguments(&["--", "--release", "crash"]), ["--release", "crash"]);
        assert_eq!(arguments(&["--test", "x", "--", "--nocapture"]), ["--test", "x", "--", "--nocapture"]);
        assert_eq!(
            arguments(&["--", "--test", "x", "--", "--nocapture"]),
            ["--test", "x", "--", "--nocapture"]
        );
    }

    #[test]
    fn spindle_is_shown_on_this_machine_only() {
        let words = |address| ["cargo xtask", "run", "--listen", address];
        for near in ["127.0.0.1:0", "[::1]:7070"] {
            assert!(Cli::try_parse_from(words(near)).is_ok(), "{near}");
        }
        for far in ["0.0.0.0:7070", "10.0.0.1:1", "127.0.0.1", "localhost:7070"] {
            assert!(Cli::try_parse_from(words(far)).is_err(), "{far}");
        }
    }

    #[test]
    fn every_command_teaches_by_an_example() {
        fn check(command: &clap::Command) {
            let group = command.has_subcommands() && command.get_name() != "cargo xtask";
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(group || help.contains("cargo xtask"), "{}", command.get_name());
            command.get_subcommands().filter(|it| it.get_name() != "help").for_each(check);
        }
        check(&Cli::command());
    }
}
