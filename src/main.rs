//! The `renkei` program: see `renkei --help`.

fn main() -> std::process::ExitCode {
    renkei::cli::main()
}
