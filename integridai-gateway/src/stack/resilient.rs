//! What stands between a service and its callers: retries, a second attempt of what is slow, a circuit, a limit, replicas.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use integridai_tower::circuit_breaker::{
    Circuit, CircuitBreakerError, CircuitBreakerLayer, CircuitOptions, State, Transition,
};
use integridai_tower::client::balance::CheckHealth;
use integridai_tower::client::deadline::DeadlineLayer;
use integridai_tower::client::hedge::HedgeOptions;
use integridai_tower::client::limit::{ConcurrencyLimit, ConcurrencyLimitLayer, LimitOptions};
use integridai_tower::client::retry::RetryOptions;
use integridai_tower::client::transport::TransportError;
use integridai_tower::correlation::PropagateLayer;
use integridai_tower::{BoxError, ConfigError};
use tower::util::option_layer;
use tower::{Service, ServiceBuilder, ServiceExt};

use super::boxed::{Transport, transport};
use super::replicas::{Replicas, Replicated};
use crate::config::{Count, ServiceConfig};

/// What stands by one service, to be looked at and commanded. A clone is the same.
#[derive(Debug, Clone)]
pub struct Guard {
    /// The service.
    pub service: &'static str,
    /// Lets calls through, or not.
    pub circuit: Circuit,
    /// How many at once.
    pub limit: ConcurrencyLimit,
    /// Where.
    pub replicas: Replicas,
}

/// A service with all that stands by it.
pub(super) struct Resilient {
    pub(super) transport: Transport,
    pub(super) guard: Guard,
    /// Checks its addresses while it is polled.
    pub(super) check: Option<CheckHealth>,
}

/// A service is not called for now, since its circuit is open.
#[derive(Debug, thiserror::Error)]
#[error("it is left alone for now")]
pub struct LeftAlone {
    /// When a call may find it back.
    pub retry_after: Duration,
    source: BoxError,
}

/// Over `service`, the connections.
pub(super) fn resilient<S, B>(
    name: &'static str,
    config: &ServiceConfig,
    service: S,
) -> Result<Resilient, ConfigError>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = TransportError>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let Replicated { service, replicas, check } = Replicated::new(name, config, service)?;
    let settings = &config.resilience;
    let guard =
        Guard { service: name, circuit: circuit(name, config)?, limit: limit(name, config)?, replicas };
    let hedge = settings.hedge.then(|| HedgeOptions::new().build()).transpose()?;
    let attempts = RetryOptions::new().attempts(number(settings.attempts)).build()?;
    let service = ServiceBuilder::new()
        .layer(PropagateLayer::new())
        .layer(attempts)
        .layer(option_layer(hedge))
        .layer(CircuitBreakerLayer::new(guard.circuit.clone()))
        .layer(DeadlineLayer::new(config.timeout_seconds.get()))
        .layer(ConcurrencyLimitLayer::new(guard.limit.clone()))
        .service(service);
    Ok(Resilient { transport: transport(service.map_err(told)), guard, check })
}

fn circuit(name: &'static str, config: &ServiceConfig) -> Result<Circuit, ConfigError> {
    let settings = &config.resilience;
    let circuit = CircuitOptions::new()
        .no_failure_rate()
        .consecutive_failures(number(settings.open_after_failures))
        .open_for(settings.open_seconds.get())
        .build(name)?;
    show(name, State::Closed);
    let circuit = circuit.on_transition(move |transition| tell(name, transition));
    Ok(circuit.unwrap_or_else(|shared| shared))
}

fn limit(name: &'static str, config: &ServiceConfig) -> Result<ConcurrencyLimit, ConfigError> {
    let settings = &config.resilience;
    let most = number(settings.max_concurrent);
    let options = match settings.adaptive {
        true => LimitOptions::adaptive().initial(most.min(20)).max(most),
        false => LimitOptions::fixed(most),
    };
    options.max_queued(settings.max_queued.get()).max_wait(config.timeout_seconds.get()).build(name)
}

fn number(count: Count) -> u32 {
    u32::try_from(count.get()).unwrap_or(u32::MAX)
}

/// Says when to come back, where that is known.
fn told<E>(error: CircuitBreakerError<E>) -> BoxError
where
    CircuitBreakerError<E>: Into<BoxError>,
{
    match error {
        CircuitBreakerError::Open(open) => {
            Box::new(LeftAlone { retry_after: open.retry_after, source: error.into() })
        }
        other => other.into(),
    }
}

fn tell(service: &'static str, transition: &Transition) {
    let (from, to) = (transition.from.as_str(), transition.to.as_str());
    tracing::warn!(service, from, to, "a circuit has changed");
    metrics::counter!("integridai_circuit_transitions_total", "service" => service, "to" => to).increment(1);
    show(service, transition.to);
}

fn show(service: &'static str, state: State) {
    let openness = match state {
        State::Closed | State::ForcedClosed | State::Disabled => 0.0,
        State::HalfOpen => 0.5,
        _ => 1.0,
    };
    metrics::gauge!("integridai_circuit_open", "service" => service).set(openness);
}
