//! Cargo's companions, compiled once into the target folder and nowhere else.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::workspace::Workspace;

/// A program that is installed with Cargo.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    /// Its name, as a program and as a package.
    name: &'static str,
    /// The version it is installed in.
    version: &'static str,
}

/// Licences, sources and duplicates of dependencies.
pub(crate) const DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2" };

/// Dependencies that nothing uses.
pub(crate) const MACHETE: Tool = Tool { name: "cargo-machete", version: "0.9.2" };

impl Tool {
    /// The tool, ready to be given arguments; compiles it first if it is not there.
    pub(crate) fn command(self, workspace: &Workspace) -> Result<Command> {
        let root = workspace.target().join("tools");
        let program = root.join("bin").join(self.name);
        if !program.is_file() {
            self.install(workspace, &root)?;
        }
        Ok(workspace.program(program))
    }

    fn install(self, workspace: &Workspace, root: &Path) -> Result<()> {
        let Self { name, version } = self;
        eprintln!("compiling {name} {version} into {}, once; this takes some minutes", root.display());
        let build = workspace.target().join("tools-build");
        let status = workspace
            .cargo(&["install", "--locked", "--version", version, name, "--root"])
            .arg(root)
            .env("CARGO_TARGET_DIR", &build)
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1") // it runs for seconds: compiling is what costs
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .status()
            .context("cargo could not be started")?;
        ensure!(status.success(), "`cargo install {name}` failed; its output is above");
        fs::remove_dir_all(&build).with_context(|| format!("{} cannot be removed", build.display()))
    }
}
