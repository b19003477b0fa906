//! Cargo's companions, compiled once into the target folder and nowhere else.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::workspace::{self, Workspace};

/// A program that Cargo installs and calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    /// Its name, as a subcommand.
    name: &'static str,
    /// The package, with the version that is installed.
    package: &'static str,
}

/// Licences, sources and duplicates of dependencies.
pub(crate) const DENY: Tool = Tool { name: "deny", package: "cargo-deny@0.20.2" };

/// Dependencies that nothing uses.
pub(crate) const MACHETE: Tool = Tool { name: "machete", package: "cargo-machete@0.9.2" };

/// All of them: they share dependencies, and are compiled together.
const ALL: [Tool; 2] = [DENY, MACHETE];

impl Tool {
    /// The tool, ready to be given arguments, as Cargo calls it for `cargo deny`: with Cargo's path, and
    /// its own name as the first argument.
    pub(crate) fn command(self, workspace: &Workspace) -> Command {
        let program = workspace.target().join("tools/bin").join(format!("cargo-{}", self.name));
        let mut command = workspace.program(program);
        command.env("CARGO", workspace::cargo()).arg(self.name);
        command
    }
}

/// Compiles what is not there yet.
pub(crate) fn install(workspace: &Workspace) -> Result<()> {
    let root = workspace.target().join("tools");
    let is_missing = |tool: &&Tool| !root.join("bin").join(format!("cargo-{}", tool.name)).is_file();
    let missing: Vec<&str> = ALL.iter().filter(is_missing).map(|tool| tool.package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" and ");
    eprintln!("compiling {names} into {}; this takes some minutes, once", root.display());
    let build = workspace.target().join("tools-build");
    let status = workspace
        .cargo(&["install", "--locked", "--root"])
        .arg(&root)
        .args(&missing)
        .env("CARGO_TARGET_DIR", &build)
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0") // they run for seconds: compiling is what costs
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .status()
        .context("cargo could not be started")?;
    ensure!(status.success(), "`cargo install {names}` failed; its output is above");
    fs::remove_dir_all(&build).with_context(|| format!("{} cannot be removed", build.display()))
}
