//! The gateway under test, on a free port, over three simulated services and a database of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use integridai_gateway::app::App;
use integridai_gateway::config::Config;
use integridai_gateway::demo::{Simulator, SimulatorOptions, Simulators};
use integridai_gateway::orchestration::Workflows;
use integridai_gateway::server::Drained;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::client::Client;
use super::within;

/// Keys of the configuration in capitals, such as `("METRICS__CACHE_SECONDS", "0.1")`.
pub(crate) type Settings<'a> = &'a [(&'a str, &'a str)];

/// What outlives a restart.
#[derive(Clone)]
struct World {
    services: Arc<Simulators>,
    folder: Arc<TempDir>,
    settings: Vec<(String, String)>,
    workflows: fn(Workflows) -> Workflows,
}

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) client: Client,
    admin: Option<Client>,
    world: World,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Drained>,
}

impl Gateway {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(settings: Settings<'_>) -> Self {
        Self::over(settings, |_| {}).await
    }

    /// With services that were prepared before the gateway asks them for the first time.
    pub(crate) async fn over(settings: Settings<'_>, prepare: impl FnOnce(&Simulators)) -> Self {
        World::new(settings, prepare, |workflows| workflows).start().await
    }

    /// With other workflows than the gateway's own.
    pub(crate) async fn with_workflows(
        settings: Settings<'_>,
        workflows: fn(Workflows) -> Workflows,
    ) -> Self {
        World::new(settings, |_| {}, workflows).start().await
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.client.address
    }

    /// Of the listener for operators, which the settings must have.
    pub(crate) fn admin(&self) -> &Client {
        self.admin.as_ref().expect("it listens for operators")
    }

    pub(crate) fn services(&self) -> &Simulators {
        &self.world.services
    }

    /// The services, for longer than the gateway runs.
    pub(crate) fn share_services(&self) -> Arc<Simulators> {
        Arc::clone(&self.world.services)
    }

    pub(crate) fn regtech(&self) -> &Simulator {
        &self.world.services.regtech
    }

    pub(crate) fn flaisimulator(&self) -> &Simulator {
        &self.world.services.flaisimulator
    }

    pub(crate) fn dashboard(&self) -> &Simulator {
        &self.world.services.dashboard
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.world.database()
    }

    /// Begins the drain; what comes out tells how it went.
    pub(crate) fn begin_stop(self) -> JoinHandle<Drained> {
        let Self { world, stop, running, .. } = self;
        stop.send(()).expect("it still runs");
        // The last rows are written at the very end, and only into a file that is still there.
        let folder = Arc::clone(&world.folder);
        tokio::spawn(async move {
            let drained = running.await.expect("it ends without a panic");
            drop(folder);
            drained
        })
    }

    /// Stops it, with everything written down: a store that was closed to its end leaves no log beside the file.
    pub(crate) async fn stop(self) -> Drained {
        let world = self.world.clone();
        let (services, database) = (Arc::clone(&world.services), world.database());
        let drained = within(self.begin_stop()).await.expect("it ends without a panic");
        assert!(
            database.exists() && !database.with_extension("db-wal").exists(),
            "the store was not closed: {drained:?}"
        );
        within(services.stop()).await;
        drained
    }

    /// Stops it and starts another on the same database, over the same services.
    pub(crate) async fn restart(self) -> Self {
        let world = self.world.clone();
        within(self.begin_stop()).await.expect("it ends without a panic");
        world.start().await
    }
}

impl World {
    fn new(
        settings: Settings<'_>,
        prepare: impl FnOnce(&Simulators),
        workflows: fn(Workflows) -> Workflows,
    ) -> Self {
        let services = Simulators::start(&SimulatorOptions::default()).expect("loopback has free ports");
        prepare(&services);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let set = |(key, value): &(&str, &str)| (format!("INTEGRIDAI_{key}"), (*value).to_owned());
        let settings = settings.iter().map(set).collect();
        Self { services: Arc::new(services), folder: Arc::new(folder), settings, workflows }
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("gateway.db")
    }

    async fn start(self) -> Gateway {
        let config = self.config();
        let workflows = (self.workflows)(Workflows::new(config.workflows.clone()));
        let app = within(App::build_with(config, workflows)).await.expect("it can be built");
        let (client, admin) = (Client::new(app.address()), app.admin_address().map(Client::of_admin));
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(async move {
            let shutdown = async { drop(stopped.await) };
            app.run(shutdown).await.expect("unfinished executions can be taken up")
        });
        Gateway { client, admin, world: self, stop, running }
    }

    fn config(&self) -> Config {
        let services = &self.services;
        let own = [
            ("INTEGRIDAI_SERVER__LISTEN", "127.0.0.1:0".to_owned()),
            // Its pooled connections have nothing more to say.
            ("INTEGRIDAI_SERVER__LINGER_SECONDS", "0.001".to_owned()),
            // What who may do is tested in access.rs and tickets.rs.
            ("INTEGRIDAI_AUTH__DISABLED", "true".to_owned()),
            // Tests ask far more often than clients may; limits are tested in rate_limits.rs.
            ("INTEGRIDAI_RATE_LIMITS__DISABLED", "true".to_owned()),
            ("INTEGRIDAI_DATABASE__PATH", self.database().display().to_string()),
            // What is done about failures is tested in resilience.rs and retries.rs; elsewhere one failure is one.
            ("INTEGRIDAI_EXECUTIONS__MAX_TRIES", "1".to_owned()),
            ("INTEGRIDAI_SERVICES__REGTECH__RESILIENCE__ATTEMPTS", "1".to_owned()),
            ("INTEGRIDAI_SERVICES__FLAISIMULATOR__RESILIENCE__ATTEMPTS", "1".to_owned()),
            ("INTEGRIDAI_SERVICES__DASHBOARD__RESILIENCE__ATTEMPTS", "1".to_owned()),
            ("INTEGRIDAI_SERVICES__REGTECH__RESILIENCE__OPEN_AFTER_FAILURES", "1000000".to_owned()),
            ("INTEGRIDAI_SERVICES__FLAISIMULATOR__RESILIENCE__OPEN_AFTER_FAILURES", "1000000".to_owned()),
            ("INTEGRIDAI_SERVICES__DASHBOARD__RESILIENCE__OPEN_AFTER_FAILURES", "1000000".to_owned()),
            ("INTEGRIDAI_SERVICES__REGTECH__BASE_URL", services.regtech.url()),
            ("INTEGRIDAI_SERVICES__FLAISIMULATOR__BASE_URL", services.flaisimulator.url()),
            ("INTEGRIDAI_SERVICES__DASHBOARD__BASE_URL", services.dashboard.url()),
        ];
        let mut all: Vec<(String, String)> = own.map(|(key, value)| (key.to_owned(), value)).into();
        for (key, value) in &self.settings {
            all.retain(|(other, _)| other != key);
            all.push((key.clone(), value.clone()));
        }
        Config::load(None, all).expect("the settings are right")
    }
}
