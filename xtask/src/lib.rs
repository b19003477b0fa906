//! What developers of Spindle run: `cargo xtask`, and the servers that the integration tests use.
//!
//! Runs on Linux and macOS. **Invariant:** nothing of it is part of the product.

mod check;
mod cli;
mod plan;
mod run;
pub mod services;
mod steps;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;

pub use self::cli::Cli;
use self::cli::{Command, Output, Services};
use self::services::{ServiceStatus, Status};
use self::steps::Steps;
pub use self::workspace::Workspace;

/// Carries out a command; returns the exit code of the process.
///
/// # Errors
/// When it could not be carried out. A failed check or test is no error, but an exit code.
pub fn run(cli: Cli) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    match cli.command {
        Command::Services(Services::Up) => {
            let status = services::up(workspace.root())?;
            print!("{}", exports(&status));
            eprintln!("[services] both run until `cargo xtask services down`");
            Ok(ExitCode::SUCCESS)
        }
        Command::Services(Services::Down) => {
            match services::down(workspace.root())?.as_slice() {
                [] => eprintln!("[services] nothing was running"),
                stopped => eprintln!(
                    "[services] {} stopped, data removed; a shell that has their addresses: \
                     `unset DATABASE_URL AMQP_URL`",
                    stopped.join(" and ")
                ),
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Services(Services::Status { output }) => {
            let status = services::status(workspace.root())?;
            match output {
                Output::Human => print!("{}", table(&status)),
                Output::Json => println!("{}", serde_json::to_string_pretty(&status)?),
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Test { arguments } => test::run(&workspace, &arguments),
        Command::Run(args) => run::run(&workspace, &args),
        Command::Check => {
            let mut steps = Steps::default();
            check::run(&workspace, &mut steps);
            Ok(steps.finish())
        }
        Command::Ci => {
            let mut steps = Steps::default();
            check::run(&workspace, &mut steps);
            steps.run("test", || Ok(test::run(&workspace, &[])? == ExitCode::SUCCESS));
            Ok(steps.finish())
        }
    }
}

/// Lines for `eval`, and nothing else.
fn exports(status: &Status) -> String {
    let line = |variable: &str, service: &Option<ServiceStatus>| {
        let quoted = |url: &str| format!("'{}'", url.replace('\'', r"'\''"));
        service.as_ref().map(|it| format!("export {variable}={}\n", quoted(&it.url))).unwrap_or_default()
    };
    line("DATABASE_URL", &status.postgres) + &line("AMQP_URL", &status.rabbit)
}

fn table(status: &Status) -> String {
    let line = |name: &str, service: &Option<ServiceStatus>| match service {
        None => format!("{name:<11} not running\n"),
        Some(it) => {
            let state = if it.ready { "ready" } else { "does not answer" };
            let pid = it.pid.map(|pid| format!(", process {pid}")).unwrap_or_default();
            format!("{name:<11} {state:<12} {} ({}{pid})\n", it.url, it.kind)
        }
    };
    line("PostgreSQL", &status.postgres) + &line("RabbitMQ", &status.rabbit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Status {
        let url = "postgres://it's@127.0.0.1:5433/spindle".to_owned();
        let postgres = ServiceStatus { url, ready: true, kind: "private", pid: Some(42) };
        Status { postgres: Some(postgres), rabbit: None }
    }

    #[test]
    fn the_shell_reads_back_what_is_exported() {
        assert_eq!(exports(&status()), "export DATABASE_URL='postgres://it'\\''s@127.0.0.1:5433/spindle'\n");
    }

    #[test]
    fn the_table_says_what_runs_and_what_does_not() {
        let text = table(&status());
        assert!(text.starts_with("PostgreSQL  ready        postgres://"), "{text}");
        assert!(text.ends_with("(private, process 42)\nRabbitMQ    not running\n"), "{text}");
    }
}
