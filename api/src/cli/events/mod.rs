//! `spindle events`: the log itself, read on its database.
//!
//! **Invariant:** nothing here writes.

mod check;
mod tail;

use clap::{Args, Subcommand};

use super::database::DatabaseArgs;
use super::exit::Exit;
use super::output::Out;

/// How many events are read at a time: about a megabyte.
const BATCH: i64 = 1_000;

/// Read and check the event log itself.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  spindle events tail --follow\n  \
                        spindle events check --database-url postgres://127.0.0.1/spindle")]
pub(super) struct EventsArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print events in the order of the log
    Tail(tail::TailArgs),
    /// Look at every event: positions, streams, payloads, causes
    #[command(
        after_help = "Example:\n  spindle events check --database-url postgres://127.0.0.1/spindle\n\n\
                            Faults are printed one a line; the exit code is then 3."
    )]
    Check,
}

pub(super) async fn run(args: EventsArgs, out: &mut Out) -> anyhow::Result<Exit> {
    let log = args.database.open().await?;
    let exit = match &args.command {
        Command::Tail(args) => tail::run(&log, args, out).await,
        Command::Check => check::run(&log, out).await,
    };
    log.close().await;
    exit
}
