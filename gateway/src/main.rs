use std::process::ExitCode;

fn main() -> ExitCode {
    inventory_gateway::cli::main()
}
