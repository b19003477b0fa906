//! Everything about the code that can be checked without running it.

use crate::steps::Steps;
use crate::tools::{self, DENY, MACHETE};
use crate::workspace::Workspace;

/// Runs all checks, cheap ones first.
pub(crate) fn run(workspace: &Workspace, steps: &mut Steps) {
    steps.command("format", &mut workspace.cargo(&["fmt", "--all", "--check"]));
    let lints = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    steps.command("lints", &mut workspace.cargo(&lints));
    let docs = ["doc", "--no-deps", "--workspace"];
    steps.command("docs", workspace.cargo(&docs).env("RUSTDOCFLAGS", "-D warnings"));
    // Not its advisories: they change by the day, and a change of ours cannot break them.
    let deny = ["--workspace", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
    steps.run("tools", || tools::install(workspace).map(|()| true));
    steps.command("licences and sources", DENY.command(workspace).args(deny));
    steps.command("unused dependencies", &mut MACHETE.command(workspace));
}
