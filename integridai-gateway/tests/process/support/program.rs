//! The program, run to its end.
use std::process::{Output, Stdio};

use tokio::process::Command;

use super::within;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_integridai-gateway");

/// What a process left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ended {
    /// The program gave up in its own words, and these are among them.
    #[track_caller]
    pub(crate) fn assert_refused(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stderr.starts_with("integridai-gateway: "), "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not in {self:?}");
        }
        assert!(!self.stderr.contains("panicked") && !self.stderr.contains("RUST_BACKTRACE"), "{self:?}");
    }
}

/// A command that inherits nothing but where programs are.
pub(crate) fn bare(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null()).kill_on_drop(true);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

pub(crate) async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = bare(PROGRAM);
    // Of what a configuration without anybody in it says, access.rs tells.
    command.env("INTEGRIDAI_AUTH__DISABLED", "true");
    finish(command.args(arguments).envs(variables.iter().copied())).await
}

/// The program's path is `$PROGRAM`.
pub(crate) async fn run_in_shell(script: &str, variables: &[(&str, &str)]) -> Ended {
    finish(bare("sh").args(["-c", script]).env("PROGRAM", PROGRAM).envs(variables.iter().copied())).await
}

pub(crate) async fn finish(command: &mut Command) -> Ended {
    let output = within("the end of the process", command.output()).await;
    output.expect("the program can be started").into()
}
