//! The command line: one file a noun. Reads arguments, makes one or a few store calls, prints.

mod check;
mod cluster;
mod configuration;
mod customers;
mod demo;
mod doctor;
mod events;
mod hot;
mod init;
mod key;
mod lines;
mod order;
mod outbox;
mod ping;
mod private;
mod product;
mod progress;
mod race;
mod relay;
mod repair;
mod replay;
mod reserve;
mod saga;
mod screen;
mod secrets;
mod serve;
mod service;
mod settings;
mod shadow;
mod shell;
mod sink;
mod span;
mod stock;
mod warehouse;

use crate::error::{Error, Result};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use settings::Settings;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  inventory init --sample                        create extension, tables and a sample shop
  inventory product put LAMP-01 \"Desk lamp\" --low-stock-threshold 5
  inventory stock receive LAMP-01 10
  inventory stock deduct LAMP-01 3 --request-id 6f1c0f0e-7d3a-4d0e-9a57-0b8a3c9a1d11
  inventory stock show --low
  inventory replay online_retail.csv.gz --opening 500
  inventory check && echo sound

Exit codes: 0 done, 1 refused (code and detail on standard error), 2 wrong usage,
3 service not reachable.";

/// Stock that is never oversold, kept inside PostgreSQL.
#[derive(Parser)]
#[command(name = "inventory", version, after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Create the extension and its tables, or bring them up to date
    Init(init::InitArgs),
    /// Products: put, show, list, delete
    #[command(subcommand)]
    Product(product::ProductCommand),
    /// Warehouses: put, list, delete
    #[command(subcommand)]
    Warehouse(warehouse::WarehouseCommand),
    /// Stock: show, receive, deduct, adjust, recount, transfer, history
    #[command(subcommand)]
    Stock(stock::StockCommand),
    /// Holds: make, show, confirm, release
    #[command(subcommand)]
    Reserve(reserve::ReserveCommand),
    /// Orders: create, show, list, start, complete, fail, revert
    #[command(subcommand)]
    Order(order::OrderCommand),
    /// Orders of several steps: start, show, list, retry
    #[command(subcommand)]
    Saga(saga::SagaCommand),
    /// SKUs that many want at once: list, set, clear
    Hot(hot::HotArgs),
    /// Follow what happens, as it happens
    Events(events::EventsArgs),
    /// Run the REST gateway
    Serve(Box<serve::ServeArgs>),
    /// Tell sinks what happened: one of the relays of this database
    Relay(relay::RelayArgs),
    /// Sinks of events: add, list, pause, resume, remove
    #[command(subcommand)]
    Sink(sink::SinkCommand),
    /// Events and what became of them: list, redrive
    #[command(subcommand)]
    Outbox(outbox::OutboxCommand),
    /// Keys of the REST gateway: create, list, revoke
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// The OpenAPI document of the REST gateway, as JSON
    Openapi,
    /// Replay a retailer's invoice lines through the engine
    Replay(replay::ReplayArgs),
    /// Compare every copy of the stock with what the database knows, and set right what is safe
    Check(check::CheckArgs),
    /// What was found: list, confirm, reject, run; without a word, give back what gateways that will not
    /// return have set aside
    Repair(repair::RepairArgs),
    /// Another inventory that a part of the traffic is applied to: start, status, stop
    #[command(subcommand)]
    Shadow(shadow::ShadowCommand),
    /// Look at connection, server, extension, rights, settings, and with --url at a gateway, and say
    /// what to do next
    Doctor,
    /// Ask the gateway (--url) whether it is alive: exit 0 or 3, for health checks
    Ping,
    /// The private PostgreSQL behind `make up`: up, down, status
    Cluster(cluster::ClusterArgs),
    /// What makes a shell complete this command's words
    Completions(shell::CompletionsArgs),
    /// The manual page
    Man(shell::ManArgs),
    /// Load the sample shop, replay its orders, and race an oversell against the engine
    Demo(demo::DemoArgs),
}

/// Parses, runs, prints the error if there is one.
pub fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let mut cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let json = cli.settings.json;
    match cli.settings.note_sources(&matches).and_then(|()| start(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        // `inventory stock show | head` is no failure.
        Err(Error::Output(cause)) if cause.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            if json {
                eprintln!("{}", error.to_json());
            } else {
                eprintln!("{}", error.for_people());
            }
            ExitCode::from(error.exit_code())
        }
    }
}

fn start(cli: Cli) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(cli))
}

async fn run(cli: Cli) -> Result<()> {
    let settings = &cli.settings;
    match cli.command {
        Command::Init(args) => init::run(settings, args).await,
        Command::Product(command) => product::run(settings, command).await,
        Command::Warehouse(command) => warehouse::run(settings, command).await,
        Command::Stock(command) => stock::run(settings, command).await,
        Command::Reserve(command) => reserve::run(settings, command).await,
        Command::Order(command) => order::run(settings, command).await,
        Command::Saga(command) => saga::run(settings, command).await,
        Command::Hot(args) => hot::run(settings, args).await,
        Command::Events(args) => events::run(settings, args).await,
        Command::Completions(args) => shell::completions(Cli::command(), &args),
        Command::Man(args) => shell::man(Cli::command(), &args),
        Command::Serve(args) => serve::run(settings, *args).await,
        Command::Relay(args) => relay::run(settings, args).await,
        Command::Sink(command) => sink::run(settings, command).await,
        Command::Outbox(command) => outbox::run(settings, command).await,
        Command::Key(command) => key::run(settings, command).await,
        Command::Openapi => serve::openapi(settings),
        Command::Replay(args) => replay::run(settings, args).await,
        Command::Check(args) => check::run(settings, args).await,
        Command::Repair(args) => repair::run(settings, args).await,
        Command::Shadow(command) => shadow::run(settings, command).await,
        Command::Cluster(args) => cluster::run(settings, args).await,
        Command::Doctor => {
            let whole = Cli::command();
            let serve = whole.find_subcommand("serve").unwrap_or(&whole);
            doctor::run(settings, serve).await
        }
        Command::Ping => ping::run(settings).await,
        Command::Demo(args) => demo::run(settings, args).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_setting_has_a_variable_of_ours() {
        for argument in Cli::command().get_arguments().filter(|a| a.get_long().is_some()) {
            let name = argument.get_env().and_then(|env| env.to_str()).unwrap_or_default();
            assert!(name.starts_with("INVENTORY_"), "--{:?}: {name:?}", argument.get_long());
        }
    }

    /// What a command is told anew each time; a variable for it would do harm or nothing.
    const SAID_EACH_TIME: &[&str] = &[
        "request-id",
        "reason",
        "lot",
        "expires-on",
        "expected-version",
        "from",
        "to",
        "low",
        "lots",
        "after",
        "low-stock-threshold",
        "lot-controlled",
        "unit",
        "attributes",
        "and",
        "qty",
        "inbound",
        "external-ref",
        "state",
        "out",
        "role",
        "expires-in",
        "older-than",
        "input",
        "revert",
        "topic",
        "sku",
        "from-beginning",
        "cursor",
        "skip",
        "sink",
        "status",
        "counted",
        "every",
    ];

    fn check_settings(command: &clap::Command) {
        for argument in command.get_arguments() {
            let Some(flag) = argument.get_long() else { continue };
            if SAID_EACH_TIME.contains(&flag) || ["help", "version"].contains(&flag) {
                continue;
            }
            let name = argument.get_env().and_then(|env| env.to_str()).unwrap_or_default();
            assert!(name.starts_with("INVENTORY_"), "{} --{flag}: {name:?}", command.get_name());
        }
        command.get_subcommands().for_each(check_settings);
    }

    #[test]
    fn so_has_every_setting_of_a_command() {
        check_settings(&Cli::command());
    }

    #[test]
    fn a_negative_delta_needs_no_ceremony() {
        let cli = ["inventory", "stock", "adjust", "LAMP-01", "-3", "--reason", "broken"];
        assert!(Cli::try_parse_from(cli).is_ok());
    }
}
