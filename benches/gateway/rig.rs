//! The services, the gateway and the client, each on a runtime of its own.

use std::collections::BTreeMap;
use std::thread::{self, JoinHandle};

use integridai_gateway::app::App;
use integridai_gateway::config::Config;
use integridai_gateway::demo::{SimulatorOptions, Simulators};
use integridai_gateway::telemetry::{self, LogGuard, LogOptions};
use integridai_tower::client::transport::{HyperTransport, ReqwestTransport};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::caller::Caller;

pub(crate) struct Rig {
    /// The client's.
    pub(crate) runtime: Runtime,
    pub(crate) usual: Caller,
    urls: Urls,
    services: Runtime,
    simulators: Simulators,
    gateway: Gateway,
    _logs: LogGuard,
}

impl Rig {
    pub(crate) fn start() -> Self {
        let options = LogOptions { filter: "warn".to_owned(), ..LogOptions::default() };
        let logs = telemetry::init(&options).expect("the first subscriber");
        let services = multi_thread("services");
        let simulators = services.block_on(async { Simulators::start(&SimulatorOptions::default()) });
        let simulators = simulators.expect("loopback has free ports");
        let gateway = Gateway::start(&simulators);
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let urls = Urls {
            regtech: simulators.regtech.url(),
            dashboard: simulators.dashboard.url(),
            gateway: gateway.url.clone(),
        };
        let usual = usual_caller(&urls);
        Self { runtime, usual, urls, services, simulators, gateway, _logs: logs }
    }

    /// Calls as most Rust programs do.
    pub(crate) fn usual_caller(&self) -> Caller {
        usual_caller(&self.urls)
    }

    /// Calls at the least cost, so that what the gateway adds weighs most.
    pub(crate) fn lean_caller(&self) -> Caller {
        Caller::new(HyperTransport::new(), &self.urls)
    }

    pub(crate) fn stop(self) {
        self.gateway.stop();
        self.services.block_on(self.simulators.stop());
    }
}

fn usual_caller(urls: &Urls) -> Caller {
    let reqwest = reqwest::Client::builder().no_proxy().build().expect("no TLS is needed");
    Caller::new(ReqwestTransport::new(reqwest), urls)
}

/// Where everything is.
pub(crate) struct Urls {
    pub(crate) regtech: String,
    pub(crate) dashboard: String,
    pub(crate) gateway: String,
}

struct Gateway {
    url: String,
    shutdown: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    _folder: TempDir,
}

impl Gateway {
    fn start(simulators: &Simulators) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = folder.path().join("bench.db").display().to_string();
        let config = config(simulators, database);
        let (shutdown, told) = oneshot::channel();
        let (bound, address) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            multi_thread("gateway").block_on(async {
                let app = App::build(config).await.expect("everything it needs is there");
                bound.send(app.address()).expect("the rig waits for it");
                // A rig that is dropped tells nothing, and means the same.
                app.run(async { told.await.unwrap_or(()) }).await.expect("nothing was left to take up");
            });
        });
        let address = address.recv().expect("the gateway starts");
        Self { url: format!("http://{address}"), shutdown, thread, _folder: folder }
    }

    fn stop(self) {
        self.shutdown.send(()).expect("the gateway runs until it is told");
        self.thread.join().expect("the gateway drains");
    }
}

fn config(simulators: &Simulators, database: String) -> Config {
    let variables = [
        ("INTEGRIDAI_SERVER__LISTEN", "127.0.0.1:0".to_owned()),
        ("INTEGRIDAI_AUTH__DISABLED", "true".to_owned()),
        // The published limit is 10 a minute.
        ("INTEGRIDAI_RATE_LIMITS__DISABLED", "true".to_owned()),
        ("INTEGRIDAI_DATABASE__PATH", database),
        ("INTEGRIDAI_SERVICES__REGTECH__BASE_URL", simulators.regtech.url()),
        ("INTEGRIDAI_SERVICES__FLAISIMULATOR__BASE_URL", simulators.flaisimulator.url()),
        ("INTEGRIDAI_SERVICES__DASHBOARD__BASE_URL", simulators.dashboard.url()),
    ];
    let variables: BTreeMap<_, _> =
        variables.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Config::load(None, variables).expect("the configuration is right")
}

/// The name tells a profiler whose work it is.
fn multi_thread(name: &str) -> Runtime {
    Builder::new_multi_thread().thread_name(name).enable_all().build().expect("a runtime")
}
