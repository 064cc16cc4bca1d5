//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::api::Scope;
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
  integridai-gateway check-config --config gateway.toml
                                                 print what is in force, and whether it can be served
  integridai-gateway api-key --scope metrics:read prometheus >>gateway.toml
                                                 let somebody in; the key itself is printed on standard error
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
    /// SIGTERM or Ctrl-C drains and exits 0; a second one ends at once. SIGHUP loads the configuration again: what is wrong
    /// with it, or needs a restart, is logged, and then all stays as it is.
    Serve(ConfigArgs),
    /// Bring the schema of the database up to date, and leave
    ///
    /// For a PostgreSQL where the gateway itself may not change the schema (database.migrate = false). Everything
    /// happens in one transaction, and of several at once one does it while the others wait.
    Migrate(ConfigArgs),
    /// Check the configuration and print what is in force, secrets hidden, and its revision
    CheckConfig(ConfigArgs),
    /// Ask the gateway of this configuration whether it is ready, for the health check of a container
    ///
    /// Exits 0 if GET /readyz is answered 200 where the configuration listens, and 1 otherwise.
    Probe(ConfigArgs),
    /// Make an API key
    ///
    /// Prints the section for the configuration on standard output and the key, which is kept nowhere, on standard
    /// error. The configuration's pepper is used, so give the one that the key is for.
    ApiKey(ApiKeyArgs),
    /// Sign a token, for development: as an issuer of the configuration whose secret is there
    Token(TokenArgs),
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

/// What an API key is for.
#[derive(Debug, Args)]
pub struct ApiKeyArgs {
    /// The configuration
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Whose key it is; also the name of its section
    pub name: String,
    /// What it allows; may be given several times
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    pub scopes: Vec<Scope>,
    /// For how many days; endless unless given
    #[arg(long, value_name = "DAYS")]
    pub days: Option<u32>,
}

/// What a token is for.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// The configuration
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Whom it speaks for: its `sub`
    pub subject: String,
    /// What it allows; may be given several times
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    pub scopes: Vec<Scope>,
    /// For how many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
    pub seconds: u32,
    /// The issuer, by the name of its section; may be left out where only one has a secret
    #[arg(long, value_name = "NAME")]
    pub issuer: Option<String>,
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
