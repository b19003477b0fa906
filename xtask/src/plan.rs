//! Splits what is passed to `cargo test` into what the build of the server needs to know too.

/// The server, which integration tests start.
pub(crate) const SERVER: &str = "spindle";

/// Options that decide what is built, and those of them that take a value.
const BUILD_FLAGS: [&str; 8] = [
    "--release",
    "-r",
    "--all-features",
    "--no-default-features",
    "--locked",
    "--offline",
    "--frozen",
    "--verbose",
];
const BUILD_VALUES: [&str; 8] =
    ["--profile", "--features", "-F", "--target", "--target-dir", "--jobs", "-j", "--config"];

/// Options that name packages.
const PACKAGES: [&str; 4] = ["-p", "--package", "--workspace", "--manifest-path"];

/// Options that name targets within packages, so that not all tests are wanted.
const TARGETS: [&str; 9] =
    ["--lib", "--bin", "--bins", "--test", "--tests", "--example", "--bench", "--benches", "--doc"];

/// The arguments of two calls of Cargo.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// For `cargo build`.
    pub(crate) build: Vec<String>,
    /// For `cargo test`.
    pub(crate) test: Vec<String>,
}

impl Plan {
    /// Without a choice of packages or targets, the build includes the tests: it then resolves features
    /// as `cargo test` will, and nothing is compiled twice.
    pub(crate) fn new(arguments: &[String]) -> Self {
        let own = arguments.split(|argument| argument == "--").next().unwrap_or_default();
        let names = |options: &[&str]| own.iter().any(|argument| options.iter().any(|it| is(argument, it)));
        let packages = names(&PACKAGES);
        let mut build: Vec<String> = vec!["--bin".into(), SERVER.into()];
        match (packages, names(&TARGETS)) {
            (true, _) => build.extend(["--package".into(), SERVER.into()]),
            (false, true) => build.push("--workspace".into()),
            (false, false) => build.extend(["--workspace".into(), "--tests".into()]),
        }
        let mut rest = own.iter();
        while let Some(argument) = rest.next() {
            if BUILD_VALUES.contains(&argument.as_str()) {
                build.push(argument.clone());
                build.extend(rest.next().cloned());
            } else if BUILD_FLAGS.contains(&argument.as_str())
                || BUILD_VALUES.iter().any(|option| is(argument, option))
            {
                build.push(argument.clone());
            }
        }
        let mut test = if packages { Vec::new() } else { vec!["--workspace".to_owned()] };
        test.extend_from_slice(arguments);
        Self { build, test }
    }
}

/// Whether an argument is this option: `--test`, `--test=x`, `-px`.
fn is(argument: &str, option: &str) -> bool {
    argument.strip_prefix(option).is_some_and(|rest| {
        rest.is_empty() || rest.starts_with('=') || (!option.starts_with("--") && !rest.starts_with('-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(arguments: &[&str]) -> (String, String) {
        let words: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let Plan { build, test } = Plan::new(&words);
        (build.join(" "), test.join(" "))
    }

    #[test]
    fn everything_is_built_at_once_when_everything_is_tested() {
        assert_eq!(plan(&[]), ("--bin spindle --workspace --tests".into(), "--workspace".into()));
        let (build, test) = plan(&["--release", "crash", "--", "--nocapture"]);
        assert_eq!(build, "--bin spindle --workspace --tests --release");
        assert_eq!(test, "--workspace --release crash -- --nocapture");
    }

    #[test]
    fn only_the_server_is_built_for_some_targets_or_packages() {
        let (build, test) = plan(&["--test", "integration", "--profile=ci", "-F", "slow"]);
        assert_eq!(build, "--bin spindle --workspace --profile=ci -F slow");
        assert_eq!(test, "--workspace --test integration --profile=ci -F slow");
        let (build, test) = plan(&["-pspindle-domain", "-j", "1"]);
        assert_eq!(build, "--bin spindle --package spindle -j 1");
        assert_eq!(test, "-pspindle-domain -j 1");
    }

    #[test]
    fn what_follows_two_dashes_is_for_the_tests_alone() {
        let (build, test) = plan(&["--", "--test", "-p", "--release"]);
        assert_eq!(build, "--bin spindle --workspace --tests");
        assert_eq!(test, "--workspace -- --test -p --release");
    }
}
