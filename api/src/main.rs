//! The one binary: see `spindle --help`.

use std::process::ExitCode;

use clap::Parser;
use spindle::cli::{self, Cli};

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(Cli::parse()).await
}
