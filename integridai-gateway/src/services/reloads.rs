//! Asking for the configuration to be loaded again, and what is in force.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};
use utoipa::ToSchema;

use crate::config::{Change, Config};

/// Has the configuration loaded again. A clone asks the same.
#[derive(Debug, Clone)]
pub struct Reloads {
    asks: mpsc::Sender<AskForReload>,
    in_force: watch::Receiver<Arc<InForce>>,
}

/// Somebody who waits for what comes of it.
pub type AskForReload = oneshot::Sender<Result<Reloaded, NotReloaded>>;

/// The configuration that is in force.
#[derive(Debug)]
pub struct InForce {
    /// What it says.
    pub config: Config,
    /// Its name.
    pub revision: String,
    /// Since when, as RFC 3339 has it.
    pub since: String,
    /// How often another one came into force since the start.
    pub reloads: u64,
}

/// Another configuration is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reloaded {
    /// Its name.
    #[schema(example = "0f3c9a6d5e21b784")]
    pub revision: String,
    /// What is not as it was.
    pub changes: Vec<Change>,
    /// What was counted, learnt or kept and is forgotten, since what it was made of has changed.
    #[schema(example = json!(["circuit regtech"]))]
    pub resets: Vec<String>,
}

/// All is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotReloaded {
    /// The configuration cannot be used.
    #[error("{0}")]
    Invalid(String),
    /// These keys cannot change while the gateway runs.
    #[error("a restart is needed for {}", keys(.0))]
    NeedsRestart(Vec<Change>),
    /// It was not loaded from anywhere.
    #[error("the configuration was not loaded from where it could be loaded again")]
    NoSource,
    /// The gateway goes down.
    #[error("the gateway goes down")]
    Draining,
}

/// One that comes while others wait takes its place behind them.
const WAITING: usize = 16;

impl Reloads {
    /// With where the questions come out, and where is told what is in force.
    #[must_use]
    pub fn new(in_force: InForce) -> (Self, mpsc::Receiver<AskForReload>, watch::Sender<Arc<InForce>>) {
        let (asks, asked) = mpsc::channel(WAITING);
        let (tell, in_force) = watch::channel(Arc::new(in_force));
        (Self { asks, in_force }, asked, tell)
    }

    /// Has it loaded again, and waits for what comes of that. Dropped earlier, it is loaded all the same.
    ///
    /// # Errors
    ///
    /// [`NotReloaded`]: all is as it was.
    pub async fn reload(&self) -> Result<Reloaded, NotReloaded> {
        let (ask, answer) = oneshot::channel();
        self.asks.send(ask).await.map_err(|_| NotReloaded::Draining)?;
        answer.await.unwrap_or(Err(NotReloaded::Draining))
    }

    /// What is in force now.
    #[must_use]
    pub fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.in_force.borrow())
    }
}

fn keys(changes: &[Change]) -> String {
    changes.iter().map(|change| change.key.as_str()).collect::<Vec<_>>().join(", ")
}
