//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::demo::Latency;

/// The single entry point of the IntegridAI ecosystem.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  integridai-gateway demo                        try it: everything is simulated, nothing is needed
  integridai-gateway check-config                print the defaults
  integridai-gateway serve --config gateway.toml run it for real services
  INTEGRIDAI_SERVICES__REGTECH__BASE_URL=http://regtech:3000 integridai-gateway serve

Any key of the configuration can be set by a variable INTEGRIDAI_SECTION__KEY.";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gateway and three simulated services, and print what to try
    ///
    /// The services listen on ports 3000, 8000 and 5000 of this machine, or on free ones where those are taken.
    /// They answer as the real ones do; a POST to their /_control makes them fail. Nothing is left behind unless
    /// --database is given.
    Demo(DemoArgs),
    /// Run the gateway
    ///
    /// It listens on 127.0.0.1:3002 and keeps its data in integridai.db unless the configuration says otherwise.
    /// SIGTERM or Ctrl-C drains and exits 0; a second one ends at once.
    Serve(ConfigArgs),
    /// Check the configuration and print what is in force, secrets hidden
    CheckConfig(ConfigArgs),
    /// Print the OpenAPI document
    Openapi,
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// A TOML file; without one the defaults hold
    #[arg(long, value_name = "FILE", env = "INTEGRIDAI_CONFIG")]
    pub config: Option<PathBuf>,
}

/// How the demonstration runs.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Port of the gateway on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 3002)]
    pub port: u16,
    /// How long the services take: none, realistic, or realistic:FACTOR
    #[arg(long, default_value = "realistic", value_name = "LATENCY")]
    pub latency: Latency,
    /// Keep the data in this SQLite file; without it, in a temporary one
    #[arg(long, value_name = "FILE")]
    pub database: Option<PathBuf>,
    /// Log levels by target
    #[arg(long, default_value = "warn", value_name = "FILTER")]
    pub log: String,
}
