//! The `renkei` program: see `renkei --help`. It joins the server with what stands around it in a demonstration
//! (`demo_command`), which a build without the feature `demo` leaves out.

#[cfg(feature = "demo")]
mod demo_command;

#[cfg(feature = "demo")]
fn main() -> std::process::ExitCode {
    renkei_server::cli::main::<demo_command::Command>(Some(demo_command::sample_bank))
}

#[cfg(not(feature = "demo"))]
fn main() -> std::process::ExitCode {
    renkei_server::cli::main::<std::convert::Infallible>(None)
}
