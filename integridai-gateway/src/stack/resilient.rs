//! What stands between a service and its callers: retries, a second attempt of what is slow, a circuit, a limit, replicas.

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use integridai_tower::circuit_breaker::{
    Circuit, CircuitBreakerError, CircuitBreakerLayer, CircuitOptions, State, Transition,
};
use integridai_tower::client::AttemptBudget;
use integridai_tower::client::balance::CheckHealth;
use integridai_tower::client::deadline::DeadlineLayer;
use integridai_tower::client::hedge::{HedgeLayer, HedgeOptions};
use integridai_tower::client::limit::{ConcurrencyLimit, ConcurrencyLimitLayer, LimitOptions};
use integridai_tower::client::retry::{RetryLayer, RetryOptions};
use integridai_tower::client::transport::TransportError;
use integridai_tower::correlation::PropagateLayer;
use integridai_tower::{BoxError, ConfigError};
use tower::util::option_layer;
use tower::{Service, ServiceBuilder, ServiceExt};

use super::blame::{ClassifyService, without_blame};
use super::boxed::{StreamingTransport, Transport, streaming_transport, transport};
use super::measured::{Measured, Times};
use super::outgoing::Outgoing;
use super::replicas::{Replicas, Replicated};
use crate::config::{Count, ResilienceConfig, ServiceConfig};

/// What stands by one service, to be looked at and commanded. A clone is the same.
#[derive(Debug, Clone)]
pub struct Guard {
    /// The service.
    pub service: Cow<'static, str>,
    /// Lets calls through, or not.
    pub circuit: Circuit,
    /// How many at once.
    pub limit: ConcurrencyLimit,
    /// Where.
    pub replicas: Replicas,
    /// What both of them were made of.
    pub settings: ResilienceConfig,
}

/// What stood by a service before, with what is configured of the service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Former<'a> {
    pub(super) config: &'a ServiceConfig,
    pub(super) guards: &'a [Guard],
}

/// A service is not called for now, since its circuit is open.
#[derive(Debug, thiserror::Error)]
#[error("it is left alone for now")]
pub struct LeftAlone {
    /// When a call may find it back.
    pub retry_after: Duration,
    source: BoxError,
}

impl LeftAlone {
    pub(super) fn new(retry_after: Duration, source: BoxError) -> Self {
        Self { retry_after, source }
    }
}

/// Two ways to one service, over the same connections and past the same guard.
pub(super) struct Resilient {
    /// Of calls whose answers are read as a whole.
    pub(super) calls: Transport,
    /// Of what clients send and are sent, as it comes.
    pub(super) streams: StreamingTransport,
    pub(super) guard: Guard,
    /// Checks its addresses while it is polled.
    pub(super) check: Option<CheckHealth>,
    /// The ways of routes that are guarded by themselves.
    pub(super) of_routes: Vec<(StreamingTransport, Guard)>,
}

/// Streams say themselves how long they may take.
const LONGEST_STREAM: Duration = Duration::from_secs(366 * 86_400);

/// What is made for one service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) name: &'a str,
    pub(super) config: &'a ServiceConfig,
    /// They have names and settings of their own.
    pub(super) routes: &'a [(String, ResilienceConfig)],
    pub(super) former: Option<Former<'a>>,
}

/// Over `service`, the connections.
pub(super) fn resilient<S, B>(plan: Plan<'_>, service: S) -> Result<Resilient, ConfigError>
where
    S: Service<Request<Outgoing>, Response = Response<B>, Error = TransportError>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let service = service.map_err(without_blame);
    let Plan { name, config, routes, .. } = plan;
    let Replicated { service, replicas, check } = Replicated::new(name, config, service)?;
    let mut of_routes = Vec::new();
    for (name, settings) in routes {
        let guard = plan.guard(name, settings, &replicas)?;
        let (attempts, hedge) = repetitions(settings)?;
        let deadline = DeadlineLayer::new(LONGEST_STREAM).head_only();
        let streams = guarded(&guard, attempts, hedge, deadline, service.clone());
        of_routes.push((streaming_transport(streams), guard));
    }
    let (attempts, hedge) = repetitions(&config.resilience)?;
    let guard = plan.guard(name, &config.resilience, &replicas)?;
    let deadline = DeadlineLayer::new(config.timeout_seconds.get());
    let calls = guarded(&guard, attempts.clone(), hedge.clone(), deadline, service.clone());
    let deadline = DeadlineLayer::new(LONGEST_STREAM).head_only();
    let streams = guarded(&guard, attempts, hedge, deadline, service);
    let (calls, streams) = (transport(calls), streaming_transport(streams));
    Ok(Resilient { calls, streams, guard, check, of_routes })
}

impl Plan<'_> {
    /// The names of those whose circuits know nothing of what was.
    pub(super) fn resets(&self) -> Vec<String> {
        let own = std::iter::once((self.name, &self.config.resilience));
        let all = own.chain(self.routes.iter().map(|(name, settings)| (name.as_str(), settings)));
        let is_anew = |(name, settings): &(&str, &ResilienceConfig)| {
            self.former(name).is_some_and(|former| !self.keeps_circuit(former, settings))
        };
        all.filter(is_anew).map(|(name, _)| name.to_owned()).collect()
    }

    fn former(&self, name: &str) -> Option<&Guard> {
        self.former?.guards.iter().find(|guard| guard.service == name)
    }

    fn keeps_circuit(&self, former: &Guard, settings: &ResilienceConfig) -> bool {
        let circuit = |settings: &ResilienceConfig| (settings.open_after_failures, settings.open_seconds);
        self.is_same_place() && circuit(&former.settings) == circuit(settings)
    }

    /// With the circuit and the limit that there were, where they are to be the same.
    fn guard(
        &self,
        name: &str,
        settings: &ResilienceConfig,
        replicas: &Replicas,
    ) -> Result<Guard, ConfigError> {
        let former = self.former(name);
        let circuit = match former {
            Some(former) if self.keeps_circuit(former, settings) => former.circuit.clone(),
            _ => commanded(circuit(name, settings)?, former),
        };
        let limit = match former {
            Some(former) if self.has_same_limit(&former.settings, settings) => former.limit.clone(),
            _ => limit(name, settings, self.config)?,
        };
        Ok(Guard {
            service: name.to_owned().into(),
            circuit,
            limit,
            replicas: replicas.clone(),
            settings: settings.clone(),
        })
    }

    fn is_same_place(&self) -> bool {
        let place = |config: &ServiceConfig| {
            (config.base_url.clone(), config.protocol, config.resilience.addresses.clone())
        };
        self.former.is_some_and(|former| place(former.config) == place(self.config))
    }

    fn has_same_limit(&self, one: &ResilienceConfig, other: &ResilienceConfig) -> bool {
        let limit =
            |settings: &ResilienceConfig| (settings.max_concurrent, settings.adaptive, settings.max_queued);
        let is_same_wait =
            self.former.is_some_and(|former| former.config.timeout_seconds == self.config.timeout_seconds);
        is_same_wait && limit(one) == limit(other)
    }
}

/// What an operator commanded holds until told otherwise.
fn commanded(circuit: Circuit, former: Option<&Guard>) -> Circuit {
    match former.map(|former| former.circuit.state()) {
        Some(State::ForcedOpen) => circuit.force_open(),
        Some(State::ForcedClosed) => circuit.force_closed(),
        _ => {}
    }
    circuit
}

/// Again after a failure, and once more beside what is slow.
fn repetitions(settings: &ResilienceConfig) -> Result<(RetryLayer, Option<HedgeLayer>), ConfigError> {
    let hedge = settings.hedge.then(|| HedgeOptions::new().build()).transpose()?;
    let budget = AttemptBudget::for_retries();
    let attempts = RetryOptions::new().attempts(number(settings.attempts)).budget(budget).build()?;
    Ok((attempts, hedge))
}

fn guarded<S, B>(
    guard: &Guard,
    attempts: RetryLayer,
    hedge: Option<HedgeLayer>,
    deadline: DeadlineLayer,
    service: S,
) -> impl Service<
    Request<Outgoing>,
    Response = Response<impl http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static>,
    Error: Into<BoxError>,
    Future: Send + 'static,
> + Clone
+ Send
+ Sync
+ 'static
where
    S: Service<Request<Outgoing>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Error + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let service = ServiceBuilder::new()
        .layer(PropagateLayer::new())
        .layer(attempts)
        .layer(option_layer(hedge))
        .layer(CircuitBreakerLayer::new(guard.circuit.clone()).classify(ClassifyService))
        .layer(deadline)
        .layer(ConcurrencyLimitLayer::new(guard.limit.clone()))
        .service(service)
        .map_err(told);
    Measured::new(service, Times::new(&guard.service))
}

fn circuit(name: &str, settings: &ResilienceConfig) -> Result<Circuit, ConfigError> {
    let circuit = CircuitOptions::new()
        .no_failure_rate()
        .consecutive_failures(number(settings.open_after_failures))
        .open_for(settings.open_seconds.get())
        .build(name)?;
    let name = name.to_owned();
    let circuit = circuit.on_transition(move |transition| tell(&name, transition));
    Ok(circuit.unwrap_or_else(|shared| shared))
}

fn limit(
    name: &str,
    settings: &ResilienceConfig,
    config: &ServiceConfig,
) -> Result<ConcurrencyLimit, ConfigError> {
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
        CircuitBreakerError::Open(open) => Box::new(LeftAlone::new(open.retry_after, error.into())),
        other => other.into(),
    }
}

fn tell(service: &str, transition: &Transition) {
    let (from, to) = (transition.from.as_str(), transition.to.as_str());
    tracing::warn!(service, from, to, "a circuit has changed");
    metrics::counter!("integridai_circuit_transitions_total", "service" => service.to_owned(), "to" => to)
        .increment(1);
    show(service.to_owned(), transition.to);
}

/// Tells metrics how the circuit is.
pub(super) fn show(service: String, state: State) {
    let openness = match state {
        State::Closed | State::ForcedClosed | State::Disabled => 0.0,
        State::HalfOpen => 0.5,
        _ => 1.0,
    };
    metrics::gauge!("integridai_circuit_open", "service" => service).set(openness);
}
