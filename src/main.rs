//! The `renkei` program: see `renkei --help`.

fn main() -> std::process::ExitCode {
    renkei_server::cli::main()
}
