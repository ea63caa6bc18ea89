//! The `kindred` binary: hands the command line to the library.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

/// How libtorch's worker threads wait for each other. The OpenMP runtime reads it when it is loaded, before `main`.
const WAIT_POLICY: &str = "OMP_WAIT_POLICY";

fn main() -> ExitCode {
    // Engine and encoder take turns on the same cores: threads that spin while they wait would steal each other's time.
    // A training run has the cores to itself, and is faster if they do (by a fifth on two cores). As the variable is read before `main`, the only way to set it is to start anew with it.
    if std::env::var_os(WAIT_POLICY).is_none()
        && let Ok(program) = std::env::current_exe()
    {
        // On success this never returns; a failure only costs speed.
        let policy =
            if std::env::args_os().nth(1).is_some_and(|first| first == "train") { "active" } else { "passive" };
        let _ = Command::new(program).args(std::env::args_os().skip(1)).env(WAIT_POLICY, policy).exec();
    }
    kindred::cli::main()
}
