//! The command line, with an example for each command.

use clap::{Parser, Subcommand, ValueEnum};

/// The tools of Spindle's developers.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    after_help = "Examples:\n  cargo xtask test                     every test, with servers of its own\n  \
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
