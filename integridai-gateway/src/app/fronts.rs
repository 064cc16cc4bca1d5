//! What is in front of the routes: towards clients and towards operators, with the answers that are kept between.

use std::sync::Arc;

use axum::Router;

use super::inherited::Bound;
use super::operators::Operators;
use crate::admin::Admin;
use crate::api::{self, Api};
use crate::config::Config;
use crate::services::{Chosen, Exchanges};
use crate::stack::{self, Cache, Guards, Kept};

/// All fronts.
#[derive(Debug)]
pub(super) struct Fronts {
    pub(super) clients: Router,
    pub(super) operators: Option<Operators>,
}

impl Fronts {
    pub(super) fn build(
        config: &Config,
        api: &Arc<Api>,
        cache: Option<&Cache>,
        guards: &Guards<'_>,
        exchanges: Exchanges,
        proxied: Router,
        operators: Option<Bound>,
    ) -> Self {
        let answers = cache.map(Cache::answers);
        if let Some(answers) = answers.clone() {
            api.consolidated.are_kept_in(answers, Chosen::Path(api::CONSOLIDATED.to_owned()));
        }
        let keep = |routes| match cache {
            Some(cache) => cache.keep(routes, kept_metrics(config)),
            None => routes,
        };
        let routes = api::routes(Arc::clone(api), keep, |routes, scope| guards.access.guard(routes, scope));
        let clients = stack::edge(routes, proxied, &config.server, &config.cors, guards, exchanges.clone());
        let (consolidated, prometheus) = (api.consolidated.clone(), api.prometheus.clone());
        let protection = api.protection.clone();
        let admin = Admin { answers, consolidated, protection, prometheus };
        let operators = operators.map(|bound| Operators::build(config, bound, admin, guards, exchanges));
        Self { clients, operators }
    }
}

/// What is said of consolidated metrics to the cache.
fn kept_metrics(config: &Config) -> Kept {
    let (fresh, allowed) = (config.metrics.cache_seconds.get(), config.cache.routes.consolidated);
    Kept { path: api::CONSOLIDATED, fresh, allowed, tags: api::CONSOLIDATED_TAGS }
}
