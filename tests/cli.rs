//! The command line as a person uses it: the program itself, against a server and a database.

mod log;
mod migrate;
mod orders;

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::server::program;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// How long a command may take that does not wait for anything: generous, for a machine that has much to do.
const PATIENCE: Duration = Duration::from_secs(90);

/// A shell in a folder of its own, with nothing of Spindle's in its environment.
#[derive(Debug)]
struct Shell {
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
}

/// What a command left.
#[derive(Debug)]
struct Left {
    code: i32,
    out: String,
    err: String,
}

impl Left {
    /// What it wrote, if it exited with this code.
    fn with(self, code: i32) -> Result<Self> {
        ensure!(self.code == code, "exited with {}, not {code}: {self:?}", self.code);
        ensure!(!self.err.contains("panicked"), "{self:?}");
        Ok(self)
    }

    /// What it wrote on standard output, as JSON.
    fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.out).with_context(|| format!("{self:?}"))
    }

    /// What it wrote on standard output, as JSON, one document a line.
    fn lines(&self) -> Result<Vec<Value>> {
        self.out.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
    }
}

impl Shell {
    fn new(environment: &[(&'static str, &str)]) -> Result<Self> {
        let environment = environment.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Ok(Self { folder: tempfile::tempdir()?, environment })
    }

    fn command(&self, words: &[&str]) -> Result<Command> {
        let mut command = Command::new(program()?);
        command.args(words).current_dir(self.folder.path()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, _) in std::env::vars_os() {
            let known = name.to_string_lossy();
            if known.starts_with("SPINDLE_") || ["DATABASE_URL", "AMQP_URL"].contains(&known.as_ref()) {
                command.env_remove(&name);
            }
        }
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        Ok(command)
    }

    /// Runs the program with these words.
    async fn run(&self, words: &[&str]) -> Result<Left> {
        self.feed(words, "").await
    }

    /// Runs the program with these words, and with something on its standard input.
    async fn feed(&self, words: &[&str], input: &str) -> Result<Left> {
        let mut command = self.command(words)?;
        let mut child = command.stdin(Stdio::piped()).spawn().context("spindle")?;
        let mut stdin = child.stdin.take().context("standard input")?;
        // A program that does not read is not to blame.
        drop(stdin.write_all(input.as_bytes()).await);
        drop(stdin);
        let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
        let output = ended.with_context(|| format!("spindle {} does not end", words.join(" ")))??;
        Ok(Left {
            code: output.status.code().context("killed")?,
            out: String::from_utf8(output.stdout)?,
            err: String::from_utf8(output.stderr)?,
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_asked_correctly_is_told_with_code_2() -> Result<()> {
    let shell = Shell::new(&[])?;
    let help = shell.run(&["--help"]).await?.with(0)?;
    for command in ["serve", "migrate", "order", "saga", "events"] {
        ensure!(help.out.contains(&format!("\n  {command}")), "{command} is not in the help: {help:?}");
    }
    ensure!(help.out.contains("Examples:"), "the help teaches nothing: {help:?}");
    shell.run(&["--version"]).await?.with(0)?;
    for words in [
        &["brew"][..],
        &[],
        &["order"],
        &["order", "show"],
        &["order", "show", "me"],
        &["order", "place"],
        &["order", "place", "--line", "latte:big"],
        &["order", "place", "--line", "latte:huge", "--name", "Ada", "--pickup"],
        &["order", "place", "--line", "latte:0", "--name", "Ada", "--pickup"],
        &["order", "place", "--line", "latte", "--name", "Ada"],
        &["order", "place", "--line", "latte", "--name", "Ada", "--street", "Long Lane 1"],
        &["order", "place", "--line", "latte", "--name", "Ada", "--pickup", "--for", "tomorrow"],
        &["order", "place", "--file", "not-there.json"],
        &["order", "list", "--limit", "many"],
        &["order", "cancel", "0190b5a0-0000-7000-8000-000000000001", "--reason", "boredom"],
        &["order", "list", "--url", "nonsense"],
        &["saga", "why"],
        &["events", "tail", "--from", "0", "--database-url", "postgres://127.0.0.1:1/x"],
        &["events", "check", "--database-url", "nonsense"],
        &["events", "check"],
        &["migrate", "status"],
        &["migrate", "sideways", "--database-url", "postgres://127.0.0.1:1/x"],
        &["--output", "xml", "order", "list"],
    ] {
        let left = shell.run(words).await?.with(2).with_context(|| words.join(" "))?;
        ensure!(left.out.is_empty() && !left.err.is_empty(), "{words:?}: {left:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_answer_is_told_with_code_6_and_no_password_is_shown() -> Result<()> {
    let nobody = format!("127.0.0.1:{}", harness::server::free_port()?);
    let shell = Shell::new(&[("SPINDLE_URL", &format!("http://{nobody}"))])?;
    let id = "0190b5a0-0000-7000-8000-000000000001";
    for words in [
        &["order", "list"][..],
        &["order", "show", id],
        &["order", "place", "--line", "latte:big", "--name", "Ada", "--pickup"],
        &["saga", "why", id],
    ] {
        let left = shell.run(words).await?.with(6).with_context(|| words.join(" "))?;
        ensure!(left.out.is_empty() && left.err.contains(&nobody), "{words:?}: {left:?}");
    }
    let database = format!("postgres://me:s3cret@{nobody}/spindle");
    for words in [&["migrate", "status"][..], &["events", "check"], &["events", "tail"]] {
        let words = [words, &["--database-url", &database]].concat();
        let left = shell.run(&words).await?.with(6).with_context(|| words.join(" "))?;
        ensure!(left.err.contains(&nobody) && !format!("{left:?}").contains("s3cret"), "{words:?}: {left:?}");
    }
    Ok(())
}
