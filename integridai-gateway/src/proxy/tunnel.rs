//! A connection that has left HTTP: bytes both ways until an end ends it, or it has to go.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use integridai_tower::CorrelationId;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::frames::Frames;
use super::one_way::{Goodbye, OneWay, Passed, Towards};
use crate::services::Connection;

/// All tunnels: who waits for their ends, and when they have to end. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Tunnels {
    running: TaskTracker,
    draining: CancellationToken,
}

/// One tunnel, that is about to be.
pub(super) struct Tunnel {
    pub(super) terms: Terms,
    pub(super) label: Label,
    pub(super) client: OnUpgrade,
    pub(super) service: OnUpgrade,
    /// Its places among those of its route and of its principal.
    pub(super) places: (OwnedSemaphorePermit, Option<Connection>),
}

/// How long it may last.
pub(super) struct Terms {
    /// For how long nothing may go either way.
    pub(super) idle: Duration,
    /// When what was presented ends.
    pub(super) ends: Option<Instant>,
    /// Whether both ends understand a WebSocket's goodbye.
    pub(super) is_websocket: bool,
}

/// Under which names it is told of.
pub(super) struct Label {
    pub(super) route: Arc<str>,
    pub(super) protocol: String,
    pub(super) subject: String,
    pub(super) correlation_id: Option<CorrelationId>,
}

/// How long the client's connection may take to leave HTTP after the service's has.
const HANDOVER: Duration = Duration::from_secs(30);

/// How long an end has to answer a goodbye.
const GOODBYE: Duration = Duration::from_secs(3);

impl Tunnels {
    /// Waited for by `running`, and ended when `draining` is.
    #[must_use]
    pub fn new(running: TaskTracker, draining: CancellationToken) -> Self {
        Self { running, draining }
    }

    pub(super) fn open(&self, tunnel: Tunnel) {
        let draining = self.draining.clone();
        self.running.spawn(async move { tunnel.run(draining.cancelled()).await });
    }
}

impl Tunnel {
    async fn run(self, draining: impl Future<Output = ()>) {
        let Self { terms, label, client, service, places } = self;
        let open = metrics::gauge!("integridai_proxy_tunnels_open", "route" => label.route.to_string());
        open.increment(1.0);
        let passed = Passed::new();
        let both = async { tokio::try_join!(client, service) };
        let ended = match timeout(HANDOVER, both).await {
            Ok(Ok((client, service))) => {
                let io = |upgraded: Upgraded| TokioIo::new(upgraded);
                connect(io(client), io(service), &terms, &passed, draining).await
            }
            Ok(Err(_)) | Err(_) => "broken",
        };
        drop(places);
        open.decrement(1.0);
        label.tell(ended, &passed);
    }
}

impl Label {
    fn tell(&self, ended: &'static str, passed: &Passed) {
        let (up, down) = (passed.bytes(Towards::Service), passed.bytes(Towards::Client));
        let route = || self.route.to_string();
        metrics::counter!("integridai_proxy_tunnels_total", "route" => route(), "ended" => ended)
            .increment(1);
        for (direction, bytes) in [("request", up), ("response", down)] {
            metrics::counter!("integridai_proxy_tunnel_bytes_total", "route" => route(), "direction" => direction)
                .increment(bytes);
        }
        tracing::info!(
            target: "integridai_gateway::access",
            correlation_id = self.correlation_id.as_ref().map_or("", CorrelationId::as_str),
            route = &*self.route,
            protocol = self.protocol,
            subject = self.subject,
            request_bytes = up,
            response_bytes = down,
            duration_s = passed.time().as_secs_f64(),
            outcome = ended,
            "a tunnel ended"
        );
    }
}

/// Carries bytes both ways; how that ended.
pub(super) async fn connect(
    client: impl AsyncRead + AsyncWrite,
    service: impl AsyncRead + AsyncWrite,
    terms: &Terms,
    passed: &Passed,
    draining: impl Future<Output = ()>,
) -> &'static str {
    let (from_client, to_client) = tokio::io::split(client);
    let (from_service, to_service) = tokio::io::split(service);
    let (say, goodbye) = watch::channel(None);
    let way = |towards| {
        let frames = terms.is_websocket.then(Frames::default);
        OneWay { towards, passed, goodbye: goodbye.clone(), frames }
    };
    let (up, down) = (way(Towards::Service), way(Towards::Client));
    let both =
        both(up.carry(from_client, to_service), down.carry(from_service, to_client), terms.is_websocket);
    let mut both = Box::pin(both);
    let reason = tokio::select! {
        ended = &mut both => return if ended.is_ok() { "closed" } else { "broken" },
        () = draining => Goodbye::Draining,
        () = passed.idle(terms.idle) => Goodbye::Idle,
        () = until(terms.ends) => Goodbye::Expired,
    };
    say.send_replace(Some(reason));
    // Whoever does not answer is cut.
    let _ = timeout(GOODBYE, both).await;
    reason.as_str()
}

/// Both ways until both have ended. A WebSocket has no half: once one end is gone, the other has little more to say.
async fn both(
    up: impl Future<Output = io::Result<()>>,
    down: impl Future<Output = io::Result<()>>,
    is_websocket: bool,
) -> io::Result<()> {
    let (up, down) = (pin!(up), pin!(down));
    let (first, other) = select(up, down).await.factor_first();
    first?;
    match is_websocket {
        true => timeout(GOODBYE, other).await.unwrap_or(Ok(())),
        false => other.await,
    }
}

pub(super) async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
