//! The command `thalweg`.

fn main() -> std::process::ExitCode {
    thalweg::cli::main()
}
