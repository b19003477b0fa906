//! Where the workspace is, and how Cargo is called in it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;

/// What `cargo run` sets for the program it starts. Build scripts that look at such variables would run
/// again each time Cargo is called from here and from a shell in turn.
const OF_CARGO_RUN: [&str; 8] = [
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_BIN_",
    "CARGO_CRATE_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_CFG_",
    "OUT_DIR",
    "DYLD_FALLBACK_LIBRARY_PATH",
];

/// The workspace this program is run in.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
    binaries: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    target_directory: PathBuf,
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

impl Workspace {
    /// Asks Cargo, from the folder of the package that runs or, without Cargo, from the current one.
    ///
    /// # Errors
    /// When there is no workspace or no Cargo.
    pub fn find() -> Result<Self> {
        let mut command = without_cargo_run(Command::new(cargo()));
        if let Some(package) = std::env::var_os("CARGO_MANIFEST_DIR") {
            command.current_dir(package);
        }
        let output = command
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .stdin(Stdio::null())
            .output()
            .context("cargo could not be started")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "this is no Cargo workspace: {}", complaint.trim());
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).context("cargo metadata is not understood")?;
        let targets = metadata.packages.into_iter().flat_map(|package| package.targets);
        let binaries = targets.filter(|target| target.kind.iter().any(|kind| kind == "bin"));
        Ok(Self {
            binaries: binaries.map(|target| target.name).collect(),
            root: metadata.workspace_root,
            target: metadata.target_directory,
        })
    }

    /// The folder with `Cargo.lock`.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder Cargo builds in.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    pub(crate) fn has_binary(&self, name: &str) -> bool {
        self.binaries.iter().any(|binary| binary == name)
    }

    /// Cargo, in the workspace's folder.
    pub(crate) fn cargo(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = self.program(cargo());
        command.args(arguments);
        command
    }

    /// A program in the workspace's folder that is Cargo, or calls it.
    pub(crate) fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = without_cargo_run(Command::new(program));
        command.current_dir(&self.root).stdin(Stdio::null());
        if std::env::var_os("CI").is_some() {
            command.env("CARGO_INCREMENTAL", "0"); // nothing is built twice there, and it costs disk
        }
        command
    }

    /// Builds, and returns where the binary of this name was put. Cargo says so itself, so that no
    /// profile, target or setting can make it a guess.
    pub(crate) fn build(&self, binary: &str, arguments: &[String]) -> Result<Option<PathBuf>> {
        let output = self
            .cargo(&["build", "--message-format=json-render-diagnostics"])
            .args(arguments)
            .stderr(Stdio::inherit())
            .output()
            .context("cargo could not be started")?;
        if !output.status.success() {
            return Ok(None); // the compiler has said why
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let executable = text.lines().find_map(|line| executable(line, binary));
        executable.map(Some).ok_or_else(|| anyhow!("cargo build made no binary named {binary}"))
    }
}

/// Cargo's path, or its name where no Cargo started this program.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn without_cargo_run(mut command: Command) -> Command {
    for (variable, _) in std::env::vars_os() {
        let name = variable.as_encoded_bytes();
        if OF_CARGO_RUN.iter().any(|prefix| name.starts_with(prefix.as_bytes())) {
            command.env_remove(&variable);
        }
    }
    command
}

/// Reads one of Cargo's messages: the path of a binary, when it is about that binary and not its tests.
fn executable(line: &str, binary: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Artifact {
        target: Target,
        executable: Option<PathBuf>,
        profile: Profile,
    }
    #[derive(Deserialize)]
    struct Profile {
        test: bool,
    }
    let artifact: Artifact = serde_json::from_str(line).ok()?; // other messages have other fields
    let wanted = artifact.target.name == binary && artifact.target.kind == ["bin"] && !artifact.profile.test;
    wanted.then_some(artifact.executable)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_is_found_in_what_cargo_prints_and_its_test_is_not_taken_for_it() {
        let line = |kind: &str, test: bool| {
            format!(
                r#"{{"reason":"compiler-artifact","target":{{"kind":["{kind}"],"name":"spindle"}},
                "profile":{{"test":{test}}},"executable":"/t/debug/spindle"}}"#
            )
        };
        assert_eq!(executable(&line("bin", false), "spindle"), Some("/t/debug/spindle".into()));
        assert_eq!(executable(&line("bin", true), "spindle"), None);
        assert_eq!(executable(&line("lib", false), "spindle"), None);
        assert_eq!(executable(&line("bin", false), "other"), None);
        assert_eq!(executable(r#"{"reason":"build-finished","success":true}"#, "spindle"), None);
    }

    #[test]
    fn the_workspace_is_found_and_has_this_program() {
        let workspace = Workspace::find().expect("found");
        assert!(workspace.root().join("Cargo.lock").is_file());
        assert!(workspace.has_binary("xtask"));
    }
}
