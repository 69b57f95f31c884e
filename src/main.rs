//! The `renkei` program: see `renkei --help`. It joins the server with what stands around it in a demonstration
//! (`demo_command`), which a build without the feature `demo` leaves out.

#[cfg(feature = "demo")]
mod demo_command;

/// The C library's own allocator tidies its free lists up at each allocation of more than a kilobyte, of which a request makes several.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[cfg(feature = "demo")]
fn main() -> std::process::ExitCode {
    renkei_server::cli::main::<demo_command::Command>(Some(demo_command::sample_bank))
}

#[cfg(not(feature = "demo"))]
fn main() -> std::process::ExitCode {
    renkei_server::cli::main::<std::convert::Infallible>(None)
}
