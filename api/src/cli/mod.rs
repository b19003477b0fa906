//! The command line: one file per command.
//!
//! **Invariant:** no command knows a number to exit with: it says what came of it, and `exit` alone turns that into
//! a code and a sentence.

pub mod serve;
pub mod simulate;

mod client;
mod database;
mod events;
mod exit;
mod migrate;
mod order;
mod output;
mod problem;
mod progress;
mod saga;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::Exit;
use output::{Format, Out};

/// An order backend: every order from the first click to the door, every step of it in one log.
#[derive(Debug, Parser)]
#[command(
    name = "spindle",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  \
        spindle serve --database-url postgres://127.0.0.1/spindle --migrate\n  \
        spindle order place --line cappuccino:medium:2 --name Ada --pickup --pay tok_ok --wait\n  \
        spindle saga why 0198c1f2-7f5e-7c3a-9d7e-2f6b8a4c1e90\n\n\
        Exit codes: 0 done, 1 failed, 2 not asked correctly, 3 verification found differences, 4 not found,\n\
        5 conflict or locked, 6 server or database not reachable or not migrated, 130 interrupted."
)]
pub struct Cli {
    /// How answers are written
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT", display_order = 900)]
    output: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(Box<serve::ServeArgs>),
    /// Stand in for the payment provider, the kitchen and the couriers
    Simulate(Box<simulate::SimulateArgs>),
    /// Bring the database to the shape that this version needs, or back
    Migrate(migrate::MigrateArgs),
    /// Place, watch, pay and cancel orders on a running server
    Order(order::OrderArgs),
    /// See where the fulfilment of an order stands, and why
    Saga(saga::SagaArgs),
    /// Read and check the event log itself
    Events(events::EventsArgs),
}

/// Does what was asked, and says with a code how it went.
pub async fn run(cli: Cli) -> ExitCode {
    let Cli { output, command } = cli;
    let mut out = Out::stdout(output);
    let outcome = match command {
        // These two hear interrupts themselves: for them, stopping is the ordinary end.
        Command::Serve(args) => match serve::run(*args).await {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Simulate(args) => simulate::run(*args).await.map(|()| Exit::Done),
        Command::Migrate(args) => interruptible(migrate::run(args, &mut out)).await,
        Command::Order(args) => interruptible(order::run(args, &mut out)).await,
        Command::Saga(args) => interruptible(saga::run(args, &mut out)).await,
        Command::Events(args) => interruptible(events::run(args, &mut out)).await,
    };
    exit::conclude(outcome, output)
}

/// Ends the work at Ctrl-C. Whatever it had open with the database is rolled back when its connection goes.
async fn interruptible(work: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Interrupts cannot be heard, so the system's own way to end a program stays in force.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        outcome = work => outcome,
        () = interrupted => Ok(Exit::Interrupted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_format_may_stand_anywhere() {
        for words in [
            &["spindle", "--output", "json", "saga", "list"][..],
            &["spindle", "saga", "list", "--output", "json"],
        ] {
            assert_eq!(Cli::try_parse_from(words).unwrap().output, Format::Json);
        }
    }

    #[test]
    fn every_command_teaches_with_an_example() {
        fn check(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            let leaves: Vec<_> = command.get_subcommands().filter(|sub| sub.get_name() != "help").collect();
            let help = command.get_after_help().or(command.get_after_long_help());
            let exempt = path.ends_with(" simulate");
            assert!(exempt || help.is_some_and(|text| text.to_string().contains("spindle")), "{path}");
            for leaf in leaves {
                check(leaf, &path);
            }
        }
        check(&Cli::command(), "");
    }

    #[tokio::test]
    async fn work_that_ends_by_itself_is_not_interrupted() {
        assert_eq!(interruptible(async { Ok(Exit::Differs) }).await.unwrap(), Exit::Differs);
    }
}
