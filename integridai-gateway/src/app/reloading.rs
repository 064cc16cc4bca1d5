//! The configuration, loaded again while the gateway runs: checked, told apart from the one in force, built beside it and put in its
//! place at once; or all stays as it is.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::BuildError;
use super::generation::Generation;
use super::lasting::Lasting;
use crate::config::{Change, Config, ConfigError, LogsConfig};
use crate::services::{AskForReload, InForce, NotReloaded, Reloaded, Reloads};
use crate::stack::CurrentRoutes;
use crate::timestamp;

/// Where the configuration comes from.
pub(super) type Load = Arc<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>;

/// What is in force, and what puts another in its place.
pub(super) struct Reloading {
    pub(super) routes: CurrentRoutes,
    pub(super) admin: Option<CurrentRoutes>,
    pub(super) reloads: Reloads,
    pub(super) lasting: Lasting,
    load: Option<Load>,
    generation: Generation,
    asked: mpsc::Receiver<AskForReload>,
    in_force: watch::Sender<Arc<InForce>>,
}

impl Reloading {
    /// With the first configuration in force.
    pub(super) fn new(config: &Config, lasting: Lasting) -> Result<Self, BuildError> {
        let (reloads, asked, in_force) = Reloads::new(InForce::now(config.clone(), 0));
        let mut generation = Generation::build(config, &lasting, &reloads, None)?;
        generation.come_into_force(&lasting, None);
        let routes = CurrentRoutes::new(generation.routes.clone());
        let admin = generation.admin.clone().map(CurrentRoutes::new);
        tell(None, &in_force.borrow());
        Ok(Self { routes, admin, reloads, lasting, load: None, generation, asked, in_force })
    }

    pub(super) fn load_by(&mut self, load: Load) {
        self.load = Some(load);
    }

    /// Loads it as often as somebody asks, until `end`; what is in force stays so as long as what comes out is held.
    pub(super) async fn run(mut self, end: CancellationToken) -> Generation {
        loop {
            tokio::select! {
                biased;
                () = end.cancelled() => return self.generation,
                Some(answer) = self.asked.recv() => {
                    let outcome = self.reload().await;
                    log(&outcome);
                    // Whoever asked may have left.
                    let _ = answer.send(outcome);
                }
            }
        }
    }

    async fn reload(&mut self) -> Result<Reloaded, NotReloaded> {
        let load = self.load.clone().ok_or(NotReloaded::NoSource)?;
        let invalid = |error: &dyn std::error::Error| NotReloaded::Invalid(error.to_string());
        let loaded = tokio::task::spawn_blocking(move || load()).await.map_err(|error| invalid(&error))?;
        let config = loaded.map_err(|error| invalid(&error))?;
        let before = Arc::clone(&self.in_force.borrow());
        let (restart, changes): (Vec<Change>, Vec<Change>) =
            before.config.changes_to(&config).into_iter().partition(Change::needs_restart);
        if !restart.is_empty() {
            return Err(NotReloaded::NeedsRestart(restart));
        }
        let generation = Generation::build(&config, &self.lasting, &self.reloads, Some(&self.generation));
        let mut generation = generation.map_err(|error| invalid(&error))?;
        generation.come_into_force(&self.lasting, Some(&self.generation));
        self.put_in_place(generation);
        self.filter_logs(&before.config.logs, &config.logs);
        let now = Arc::new(InForce::now(config, before.reloads + 1));
        tell(Some(&before), &now);
        self.in_force.send_replace(Arc::clone(&now));
        let resets = self.generation.resets.clone();
        Ok(Reloaded { revision: now.revision.clone(), changes, resets })
    }

    /// What an operator has said stands until the configuration says something else than before.
    fn filter_logs(&self, before: &LogsConfig, now: &LogsConfig) {
        if before.filter != now.filter
            && let Some(filter) = self.lasting.log_filter.get()
            && let Err(error) = filter.set(&now.filter)
        {
            tracing::error!(error = &error as &dyn std::error::Error, "the log filter stays as it is");
        }
    }

    fn put_in_place(&mut self, generation: Generation) {
        self.routes.replace(generation.routes.clone());
        if let (Some(current), Some(admin)) = (&self.admin, &generation.admin) {
            current.replace(admin.clone());
        }
        self.generation = generation;
    }
}

impl InForce {
    fn now(config: Config, reloads: u64) -> Self {
        Self { revision: config.revision(), config, since: timestamp::now(), reloads }
    }
}

impl fmt::Debug for Reloading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloading").field("generation", &self.generation).finish_non_exhaustive()
    }
}

/// In metrics one revision is in force, and those before it are not.
fn tell(before: Option<&InForce>, now: &InForce) {
    let show = |revision: &str, value: f64| {
        metrics::gauge!("integridai_config_revision", "revision" => revision.to_owned()).set(value);
    };
    if let Some(before) = before {
        show(&before.revision, 0.0);
    }
    show(&now.revision, 1.0);
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    metrics::gauge!("integridai_config_loaded_timestamp_seconds").set(at.as_secs_f64());
}

fn log(outcome: &Result<Reloaded, NotReloaded>) {
    let count = |outcome: &'static str| {
        metrics::counter!("integridai_config_reloads_total", "outcome" => outcome).increment(1);
    };
    match outcome {
        Ok(Reloaded { revision, changes, resets }) => {
            count("in_force");
            let changes = changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let resets = resets.join(", ");
            tracing::info!(revision, changes, resets, "another configuration is in force");
        }
        Err(error) => {
            count("refused");
            tracing::error!(error = error as &dyn std::error::Error, "the configuration stays as it is");
        }
    }
}
