//! Arguments, configuration, logs, then the gateway; an error becomes a message and an exit code.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use futures_util::future::select_all;
use integridai_gateway::app::{self, App, Grant, Inherited, Reloads};
use integridai_gateway::cli::{ApiKeyArgs, Cli, Command, ConfigArgs, DemoArgs, TokenArgs};
use integridai_gateway::config::{AccessFormat, Config, LogFormat, LogsConfig, TracesConfig, TracesProtocol};
use integridai_gateway::demo;
use integridai_gateway::demo::{SimulatorOptions, Simulators};
use integridai_gateway::telemetry::traces::{self, TraceGuard, TraceOptions, TraceProtocol};
use integridai_gateway::telemetry::{self, LogGuard, LogOptions};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Wrong configuration: `EX_CONFIG` of sysexits.h.
const EXIT_CONFIG: u8 = 78;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Demo(args) => demo(args),
        Command::Serve(args) => serve(&args),
        Command::Migrate(args) => migrate(&args),
        Command::CheckConfig(args) => check_config(&args),
        Command::Probe(args) => probe(&args),
        Command::ApiKey(args) => api_key(args),
        Command::Token(args) => token(args),
        Command::Openapi => openapi(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&*error);
            let is_config = error.is::<integridai_gateway::config::ConfigError>()
                || error.downcast_ref::<app::BuildError>().is_some_and(app::BuildError::is_configuration);
            if is_config { ExitCode::from(EXIT_CONFIG) } else { ExitCode::FAILURE }
        }
    }
}

/// Standard error may be closed or full; the exit code tells all the same.
fn complain(error: &dyn Error) {
    whisper(&format!("integridai-gateway: {error}"));
}

fn whisper(text: &str) {
    use std::io::Write as _;

    let _ = writeln!(std::io::stderr(), "{text}");
}

fn serve(args: &ConfigArgs) -> Outcome {
    let config = load(args.config.as_deref(), [])?;
    app::check_access(&config)?;
    // While there is one thread, since it takes them out of the environment.
    let inherited = Inherited::from_environment()?;
    let logs = start_logs(&config.logs)?;
    let file = args.config.clone();
    runtime()?.block_on(async {
        let stop = stop_signal([SignalKind::terminate(), SignalKind::interrupt()], || {})?;
        let hang_up = signal(SignalKind::hangup())?;
        let traces = start_traces(&config.traces)?;
        let app = App::build_on(inherited, config).await?.count_dropped_lines(logs.dropped_lines());
        let app = app.filter_logs_by(logs.filter()).load_again_by(move || load(file.as_deref(), []));
        tokio::spawn(reload_at(hang_up, app.reloads()));
        app.run(stop).await?;
        if let Some(traces) = traces {
            traces.finish().await;
        }
        Ok(())
    })
}

/// Each time the signal comes; what comes of it is logged where it is done.
async fn reload_at(mut hang_up: Signal, reloads: Reloads) {
    while hang_up.recv().await.is_some() {
        drop(reloads.reload().await);
    }
}

fn demo(args: DemoArgs) -> Outcome {
    let folder = tempfile::tempdir()?;
    let database = args.database.unwrap_or_else(|| folder.path().join("demo.db"));
    let left_behind = folder.path().to_owned();
    runtime()?.block_on(async {
        // There is nothing to load again, and who closes the terminal is done with it.
        let signals = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
        let stop = stop_signal(signals, move || drop(std::fs::remove_dir_all(left_behind)))?;
        let options = SimulatorOptions { latency: args.latency, ..SimulatorOptions::demonstration() };
        let simulators = Simulators::start(&options)?;
        let variables = [
            ("INTEGRIDAI_SERVER__LISTEN", format!("127.0.0.1:{}", args.port)),
            ("INTEGRIDAI_DATABASE__PATH", database.display().to_string()),
            ("INTEGRIDAI_LOGS__FILTER", args.log),
            ("INTEGRIDAI_SERVICES__REGTECH__BASE_URL", simulators.regtech.url()),
            ("INTEGRIDAI_SERVICES__FLAISIMULATOR__BASE_URL", simulators.flaisimulator.url()),
            ("INTEGRIDAI_SERVICES__DASHBOARD__BASE_URL", simulators.dashboard.url()),
        ];
        let mut config = load(None, variables)?;
        let credentials = app::demo_credentials(&mut config.auth)?;
        let logs = start_logs(&config.logs)?;
        let again = config.clone();
        let app = App::build(config).await?.count_dropped_lines(logs.dropped_lines());
        let app = app.filter_logs_by(logs.filter()).load_again_by(move || Ok(again.clone()));
        say(&demo::welcome(app.address(), app.admin_address(), &simulators, &credentials));
        app.run(stop).await?;
        simulators.stop().await;
        say("Drained.");
        Ok(())
    })
}

fn migrate(args: &ConfigArgs) -> Outcome {
    let config = load(args.config.as_deref(), [])?;
    runtime()?.block_on(app::migrate(config))?;
    say("The schema of the database is up to date.");
    Ok(())
}

fn check_config(args: &ConfigArgs) -> Outcome {
    let config = load(args.config.as_deref(), [])?;
    say(&format!("# revision {}", config.revision()));
    say(config.to_toml().trim_end());
    Ok(app::check_access(&config)?)
}

fn probe(args: &ConfigArgs) -> Outcome {
    Ok(app::probe(&load(args.config.as_deref(), [])?)?)
}

/// The key goes where a redirection of the section into the configuration does not take it along.
fn api_key(args: ApiKeyArgs) -> Outcome {
    let config = load(args.config.config.as_deref(), [])?;
    let lifetime = args.days.map(|days| Duration::from_secs(86_400) * days);
    let grant = Grant { subject: args.name.clone(), scopes: args.scopes, lifetime };
    let minted = app::mint_api_key(&config.auth, &grant)?;
    whisper(&format!("The key of {}, kept nowhere: {}", args.name, minted.key));
    say(&format!("\n{}", minted.section(&args.name).trim_end()));
    Ok(())
}

fn token(args: TokenArgs) -> Outcome {
    let config = load(args.config.config.as_deref(), [])?;
    let lifetime = Some(Duration::from_secs(args.seconds.into()));
    let grant = Grant { subject: args.subject, scopes: args.scopes, lifetime };
    say(&app::mint_token(&config.auth, args.issuer.as_deref(), &grant)?);
    Ok(())
}

fn openapi() -> Outcome {
    say(&app::openapi()?);
    Ok(())
}

/// Standard output may be closed early, as by `head`; that is no fault of ours.
fn say(text: &str) {
    use std::io::Write as _;

    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The file, the environment over it, and over both what the command line says.
fn load<const N: usize>(
    file: Option<&Path>,
    said: [(&str, String); N],
) -> Result<Config, integridai_gateway::config::ConfigError> {
    let environment = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
    let mut variables: BTreeMap<String, String> = environment.collect();
    variables.extend(said.map(|(name, value)| (name.to_owned(), value)));
    Config::load(file, variables)
}

fn start_logs(config: &LogsConfig) -> Result<LogGuard, Box<dyn Error>> {
    let format = match config.format {
        LogFormat::Human => telemetry::LogFormat::Human,
        LogFormat::Json => telemetry::LogFormat::Json,
    };
    let access = match config.access {
        AccessFormat::Line => telemetry::AccessFormat::Line,
        AccessFormat::Combined => telemetry::AccessFormat::Combined,
    };
    Ok(telemetry::init(&LogOptions { format, access, filter: config.filter.clone() })?)
}

/// Before the gateway is built, which looks whether there are any.
fn start_traces(config: &TracesConfig) -> Result<Option<TraceGuard>, Box<dyn Error>> {
    let Some(endpoint) = &config.endpoint else { return Ok(None) };
    telemetry::install()?;
    let own = [("service.name", &*config.service_name), ("service.version", env!("CARGO_PKG_VERSION"))];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let options = TraceOptions {
        endpoint: endpoint.as_str().to_owned(),
        protocol: match config.protocol {
            TracesProtocol::Http => TraceProtocol::Http,
            TracesProtocol::Grpc => TraceProtocol::Grpc,
        },
        sample_ratio: config.sample_ratio,
        timeout: config.timeout_seconds.get(),
        resource: own.into_iter().chain(config.resource.clone()).collect(),
    };
    Ok(Some(traces::start(&options)?))
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// Resolves at the first of these signals from now on; the next one ends the process at once, after `leave`.
fn stop_signal<const N: usize>(
    kinds: [SignalKind; N],
    leave: impl FnOnce() + Send + 'static,
) -> std::io::Result<impl Future<Output = ()>> {
    async fn any(signals: &mut [Signal]) {
        let all = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
        drop(select_all(all).await);
    }

    let mut signals = kinds.into_iter().map(signal).collect::<Result<Vec<_>, _>>()?;
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        any(&mut signals).await;
        told.cancel();
        any(&mut signals).await;
        leave();
        std::process::exit(130);
    });
    Ok(stop.cancelled_owned())
}
