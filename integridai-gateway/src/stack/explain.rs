//! What would become of a request, told by what would decide it. Nothing is charged, kept, called or redeemed.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::response::Response;
use axum::routing::any;
use http::{Extensions, Method, Request, StatusCode, Uri, request};
use integridai_tower::Principal;
use integridai_tower::circuit_breaker::State;
use integridai_tower::rate_limit::RequestHead;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::access::Access;
use super::cache::Cache;
use super::edge::Guards;
use super::explanation::{Explanation, Finding};
use super::hygiene::Hygiene;
use super::limits::Limits;
use super::policy::Policy;
use super::upstream::Clients;
use crate::api::{self, Scope};
use crate::config::{PolicyKey, ServerConfig};
use crate::proxy::{Choose, Passage};
use crate::respond::Problem;
use crate::services::{KEPT_ORIGIN, weigh};

/// Explains requests by what is in force. A clone explains the same.
#[derive(Debug, Clone)]
pub struct Explain {
    hygiene: Arc<Hygiene>,
    access: Access,
    limits: Limits,
    cache: Option<Cache>,
    clients: Clients,
    /// Every route, with what tells that it was found instead of what serves it.
    map: Router,
    server: ServerConfig,
    own: Arc<[Operation]>,
}

/// One that the gateway answers itself: its template, a method, and what callers need.
type Operation = (String, &'static str, Option<Scope>);

/// What was found on the map.
#[derive(Debug, Clone)]
struct Found {
    head: request::Parts,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Own,
    PassedOn(Arc<Passage>),
    Refused(StatusCode, Option<Problem>),
}

/// Answers whatever comes through, and what that was.
#[derive(Debug, Clone, Copy)]
struct Probe;

/// The head as it came through.
#[derive(Clone)]
struct Through(request::Parts);

/// Where the page of the documentation is, of which that itself says nothing.
const PAGE: [&str; 2] = ["/docs", "/docs/{*file}"];

impl Explain {
    pub(super) fn new(
        server: &ServerConfig,
        guards: &Guards<'_>,
        cache: Option<&Cache>,
        clients: &Clients,
        passed_on: Router,
    ) -> Self {
        let own: Arc<[_]> = api::operations().into();
        let mut templates: Vec<&str> =
            own.iter().map(|(template, ..)| template.as_str()).chain(PAGE).collect();
        templates.sort_unstable();
        templates.dedup();
        let found_own = async |request: Request<Body>| found(request.into_parts().0, Place::Own);
        let map = templates.iter().fold(passed_on, |map, template| map.route(template, any(found_own)));
        Self {
            hygiene: Arc::new(Hygiene::new(server)),
            access: guards.access.clone(),
            limits: guards.limits.clone(),
            cache: cache.cloned(),
            clients: clients.clone(),
            map,
            server: server.clone(),
            own,
        }
    }

    /// What would become of a request with this head; a principal among its extensions is taken as the one who asks.
    pub async fn explain(&self, mut head: request::Parts) -> Explanation {
        let mut told = Explanation::default();
        told.add(Finding::of("hygiene", self.hygiene.admit(&mut head)));
        let Found { mut head, place } = self.find(head).await;
        let is_by_address = |policy: &&Policy| policy.config().by == PolicyKey::Address;
        let outside = self.limits.own_policies().filter(is_by_address);
        told.add(self.limit("rate_limits_by_address", outside, &head).await);
        if head.extensions.get::<Principal>().is_none() {
            let (finding, with_principal) = self.authenticate(head).await;
            told.add(finding);
            head = with_principal;
        }
        told.principal = head.extensions.get::<Principal>().map(Into::into);
        let inside = self.limits.own_policies().filter(|policy| !is_by_address(policy));
        told.add(self.limit("rate_limits_by_principal", inside, &head).await);
        told.template = head.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned());
        match place {
            Place::Own => self.explain_own(head, &mut told).await,
            Place::PassedOn(passage) => self.explain_passed_on(head, &passage, &mut told).await,
            Place::Refused(status, problem) => told.add(Finding::refusal("route", status, problem.as_ref())),
        }
        told
    }

    async fn find(&self, head: request::Parts) -> Found {
        let nothing = Found { head: head.clone(), place: Place::Refused(StatusCode::NOT_FOUND, None) };
        let response = self.map.clone().oneshot(Request::from_parts(head, Body::empty())).await;
        let mut response = response.unwrap_or_else(|never| match never {});
        response.extensions_mut().remove::<Found>().unwrap_or(nothing)
    }

    async fn limit(
        &self,
        layer: &'static str,
        policies: impl Iterator<Item = &Policy>,
        head: &request::Parts,
    ) -> Finding {
        let request = RequestHead::from(head);
        let mut standings = Vec::new();
        for policy in policies {
            if let Some(tier) = policy.tier_for(&request) {
                standings.push(weigh(&self.limits, policy, tier, &request).await);
            }
        }
        Finding::of_limits(layer, standings)
    }

    async fn authenticate(&self, head: request::Parts) -> (Finding, request::Parts) {
        match through(&self.access.layer(), head.clone()).await {
            Ok(head) => (Finding::of("authentication", Ok(())), head),
            Err((status, problem)) => (Finding::refusal("authentication", status, problem.as_ref()), head),
        }
    }

    async fn authorize(&self, scope: Scope, head: request::Parts) -> Finding {
        match through(&self.access.layers(scope).0, head).await {
            Ok(_) => Finding::of("authorization", Ok(())).with("scope", scope.as_str()),
            Err((status, problem)) => {
                Finding::refusal("authorization", status, problem.as_ref()).with("scope", scope.as_str())
            }
        }
    }

    async fn explain_own(&self, head: request::Parts, told: &mut Explanation) {
        let template = told.template.clone().unwrap_or_default();
        let method = if head.method == Method::HEAD { "GET" } else { head.method.as_str() };
        let of_template = || self.own.iter().filter(|(own, ..)| *own == template);
        let taken = of_template().find(|(_, own, _)| *own == method);
        if taken.is_none() && of_template().next().is_some() {
            told.add(Finding::refusal("route", StatusCode::METHOD_NOT_ALLOWED, None));
            return;
        }
        told.add(Finding::of("route", Ok(())));
        if let Some((_, _, Some(scope))) = taken {
            told.add(self.authorize(*scope, head).await);
        }
        if template == api::CONSOLIDATED {
            told.add(self.kept(&own_url(&template)));
        }
        let timeout = self.server.request_timeout_seconds.get().as_secs_f64();
        let bounds = Finding::of("bounds", Ok(())).with("request_timeout_seconds", timeout);
        told.add(bounds.with("max_body_bytes", self.server.max_body_bytes.get()));
    }

    async fn explain_passed_on(&self, head: request::Parts, passage: &Passage, told: &mut Explanation) {
        let route = &passage.route;
        told.service = Some(route.service.clone());
        told.add(Finding::of("route", Ok(())).with("service", route.service.as_str()));
        if let Some(policy) = route.name.as_deref().and_then(|name| self.limits.policy_of_route(name)) {
            told.add(self.limit("rate_limit_of_route", std::iter::once(policy), &head).await);
        }
        told.add(self.authorize(route.scope, head.clone()).await);
        let is_kept = route.is_for_all(&head.method);
        let url = passage.try_out(head);
        if let Ok(url) = url.as_ref()
            && is_kept
        {
            told.add(self.kept(url));
        }
        told.add(Finding::of("proxy", url.map(drop)));
        told.add(self.upstream(route.guard()));
        let seconds =
            [("answer_timeout_seconds", passage.timeout), ("idle_timeout_seconds", route.idle_timeout)];
        let bounds = Finding::of("bounds", Ok(())).with("max_body_bytes", route.max_body_bytes);
        let with = |finding: Finding, (name, time): (&'static str, std::time::Duration)| {
            finding.with(name, time.as_secs_f64())
        };
        told.add(seconds.into_iter().fold(bounds, with));
    }

    fn kept(&self, url: &Uri) -> Finding {
        let finding = Finding::of("cache", Ok(()));
        let Some(cache) = &self.cache else { return finding.with("is_disabled", true) };
        let held = cache.answers().held(url);
        finding.with("kept_variants", held.variants).with("fresh_variants", held.fresh)
    }

    /// What stands by the service: as it is now, for only a call that is made would change it.
    fn upstream(&self, name: &str) -> Finding {
        let Some(way) = self.clients.way_to(name) else {
            return Finding::refusal("circuit", StatusCode::SERVICE_UNAVAILABLE, None);
        };
        let (state, limit) = (way.guard.circuit.state(), way.guard.limit.snapshot());
        let finding = match state {
            State::Open | State::ForcedOpen => {
                Finding::refusal("circuit", StatusCode::SERVICE_UNAVAILABLE, None)
            }
            _ => Finding::of("circuit", Ok(())),
        };
        let finding = finding.with("state", state.as_str()).with("calls_at_once", limit.limit);
        finding.with("in_flight", limit.in_flight).with("attempts", way.guard.settings.attempts.get())
    }
}

/// A service that finds, as the routes of one template choose.
pub(super) fn finds(
    choose: Choose,
) -> impl Service<
    Request<Body>,
    Response = Response,
    Error = Infallible,
    Future = Ready<Result<Response, Infallible>>,
> + Clone
+ Send
+ Sync
+ 'static {
    service_fn(move |request: Request<Body>| {
        let (head, _) = request.into_parts();
        let place = match choose.find(&head) {
            Ok(candidate) => Place::PassedOn(Arc::clone(&candidate.passage)),
            Err(mut refusal) => Place::Refused(refusal.status(), refusal.extensions_mut().remove()),
        };
        ready(Ok(found(head, place)))
    })
}

fn found(head: request::Parts, place: Place) -> Response {
    let mut response = Response::default();
    response.extensions_mut().insert(Found { head, place });
    response
}

/// The URL under which an answer of the gateway's own is kept.
fn own_url(path: &str) -> Uri {
    let url = Uri::builder().scheme("http").authority(KEPT_ORIGIN).path_and_query(path).build();
    url.unwrap_or_default()
}

/// What the layer says of the request: the head as it lets it through, or the refusal.
async fn through<L, B>(
    layer: &L,
    head: request::Parts,
) -> Result<request::Parts, (StatusCode, Option<Problem>)>
where
    L: Layer<Probe>,
    L::Service: Service<Request<Body>, Response = http::Response<B>, Error = Infallible>,
{
    let answer = layer.layer(Probe).oneshot(Request::from_parts(head, Body::empty())).await;
    let (answer, _) = answer.unwrap_or_else(|never| match never {}).into_parts();
    let mut extensions: Extensions = answer.extensions;
    match extensions.remove::<Through>() {
        Some(Through(head)) => Ok(head),
        None => Err((answer.status, extensions.remove())),
    }
}

impl Service<Request<Body>> for Probe {
    type Response = Response;
    type Error = Infallible;
    type Future = Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut response = Response::default();
        response.extensions_mut().insert(Through(request.into_parts().0));
        ready(Ok(response))
    }
}
