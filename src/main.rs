//! The one binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    devhub::cli::run()
}
