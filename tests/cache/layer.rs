//! The one place where the cases meet the layer: what they configure becomes its settings.

use std::io;
use std::net::SocketAddr;

use integridai_tower::Clock;
use tokio::task::JoinSet;

use super::case::{Configuration, Purge};
use super::progress::Progress;
use super::proxy::{forward, serve};

/// Where answers are kept.
#[derive(Debug, Clone)]
pub(crate) enum Store {
    Memory,
}

pub(crate) struct Cache {}

impl Cache {
    pub(crate) fn new(_: &Configuration, _: &Store, _: &Clock, _: &Progress) -> Self {
        Self {}
    }

    pub(crate) async fn serve(
        &self,
        origin: SocketAddr,
        progress: &Progress,
        tasks: &mut JoinSet<()>,
    ) -> io::Result<SocketAddr> {
        serve(forward(origin), progress, tasks).await
    }

    pub(crate) async fn purge(&self, _: Purge) {}
}
