//! `cargo xtask test`: the servers, the binary, then `cargo test`.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::plan::{Plan, SERVER};
use crate::services::Services;
use crate::workspace::Workspace;

/// Where the tests find the server they start.
const BINARY_VARIABLE: &str = "SPINDLE_BIN";

/// Runs the tests. The servers end when this function does; after Ctrl-C their guards see to it.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let plan = Plan::new(arguments);
    let mut test = workspace.cargo(&["test"]);
    test.args(&plan.test);
    if workspace.has_binary(SERVER) {
        let Some(binary) = workspace.build(SERVER, &plan.build)? else { return Ok(ExitCode::FAILURE) };
        test.env(BINARY_VARIABLE, binary);
    }
    let services = Services::start(workspace.root())?;
    let status = test.envs(services.environment()?).status().context("cargo could not be started")?;
    drop(services);
    // Without a code it was ended by a signal.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}
