//! What is made of one configuration and replaced by that of the next one: who is let in, how often, what is kept, whom requests
//! are passed on to, and the routes over all of it. What the configuration says alike goes on with what it knows.

use std::sync::Arc;

use axum::Router;
use integridai_tower::ConfigError;

use super::BuildError;
use super::lasting::{Lasting, Varying};
use crate::admin::{self, Admin};
use crate::api::{self, Api, Scope};
use crate::config::{Config, CorsConfig};
use crate::console;
use crate::proxy::Table;
use crate::services::{Chosen, KeptAnswers, Protection, Reloads};
use crate::stack::{self, Access, Around, Cache, Clients, Guards, Kept, Limits, Work};

/// Made, and in force once it [comes into force](Self::come_into_force).
#[derive(Debug)]
pub(super) struct Generation {
    /// Towards clients.
    pub(super) routes: Router,
    /// Towards operators, where there is a listener for them.
    pub(super) admin: Option<Router>,
    pub(super) resets: Vec<String>,
    access: Access,
    limits: Limits,
    cache: Option<Cache>,
    clients: Clients,
    /// What goes on beside it alone.
    works: Vec<Work>,
}

impl Generation {
    /// Changes nothing of what is in force. Needs a tokio runtime.
    pub(super) fn build(
        config: &Config,
        lasting: &Lasting,
        reloads: &Reloads,
        before: Option<&Self>,
    ) -> Result<Self, BuildError> {
        config.check_access()?;
        let former = lasting.clients.get();
        let clients = Clients::after(&config.services, &config.proxy, Some(&former))?;
        let access = Access::new(&config.auth, Some(&lasting.tickets), before.map(|before| &before.access))?;
        let limits = limits(config, before.map(|before| &before.limits))?;
        let cache = before.and_then(|before| before.cache.as_ref());
        let cache = Cache::after(&config.cache, &config.redis, cache)?;
        let answers = cache.as_ref().map(Cache::answers);
        let protection = Protection::of(&clients);
        let varying = Varying {
            issuer_keys: access.issuer_keys(),
            redis: limits.redis_health().and_of(answers.clone()),
            protection: protection.clone(),
        };
        let api = Arc::new(lasting.api(config, varying));
        let guards = Guards { access: &access, limits: &limits };
        let tunnels = lasting.tunnels.clone();
        let around = Around { guards: &guards, cache: cache.as_ref(), clients: &clients, tunnels };
        let (proxied, explain) = stack::proxied(&table(config)?, config, &around)?;
        let routes = routes(config, lasting, &api, &around, proxied);
        let operated = Admin {
            answers: answers.clone(),
            consolidated: lasting.consolidated.clone(),
            protection,
            prometheus: lasting.prometheus.clone(),
            reloads: reloads.clone(),
            limits: limits.clone(),
            clients: clients.clone(),
            table: table(config)?,
            explain,
            log_filter: Arc::clone(&lasting.log_filter),
        };
        let admin = admin(config, operated, &guards, lasting);
        let watching = [Work::new(access.issuer_keys().watch()), Work::new(limits.watch())];
        let watching = watching.into_iter().chain(answers.map(|answers| Work::new(answers.watch())));
        let works = watching.chain(works(&access, &clients, cache.as_ref())).collect();
        let mut made = Self { routes, admin, resets: Vec::new(), access, limits, cache, clients, works };
        made.resets = made.resets_since(before);
        Ok(made)
    }

    /// From now on this one counts, keeps and calls. What went on beside the former one alone ends when that is dropped.
    pub(super) fn come_into_force(&mut self, lasting: &Lasting, before: Option<&Self>) {
        self.limits.come_into_force();
        self.limits.return_leases(&lasting.returns);
        self.works.iter().for_each(Work::start);
        let answers = self.cache.as_ref().map(Cache::answers);
        if let Some(before) = before {
            // What is kept of a service that is elsewhere now is not that one's.
            self.clients
                .moved(&before.clients)
                .for_each(|service| forget(service, answers.as_ref(), lasting));
        }
        lasting.consolidated.are_kept_in(answers, Chosen::Path(api::CONSOLIDATED.to_owned()));
        self.clients.show_circuits(before.map(|before| &before.clients));
        lasting.clients.replace(self.clients.clone());
    }

    /// Waits until the other gateways have heard of what was purged here.
    pub(super) async fn settled(&self) {
        if let Some(cache) = &self.cache {
            cache.answers().settled().await;
        }
    }

    fn resets_since(&self, before: Option<&Self>) -> Vec<String> {
        let Some(before) = before else { return Vec::new() };
        let limits = self.limits.resets().iter().map(|name| format!("rate limit {name}"));
        let circuits = self.clients.resets().iter().map(|name| format!("circuit {name}"));
        let is_kept = match (&self.cache, &before.cache) {
            (_, None) => true,
            (Some(cache), Some(before)) => cache.is_same(before),
            (None, Some(_)) => false,
        };
        let kept = (!is_kept).then(|| "kept answers".to_owned());
        limits.chain(circuits).chain(kept).collect()
    }
}

fn forget(service: &str, answers: Option<&KeptAnswers>, lasting: &Lasting) {
    if let Some(answers) = answers {
        answers.purge(&Chosen::Tag(service.to_owned()), false);
    }
    lasting.consolidated.expire();
}

/// What goes on beside all of them that have the same.
fn works(access: &Access, clients: &Clients, cache: Option<&Cache>) -> Vec<Work> {
    let in_step = cache.and_then(Cache::in_step);
    access.refreshes().chain(clients.checks()).chain(in_step).cloned().collect()
}

fn routes(
    config: &Config,
    lasting: &Lasting,
    api: &Arc<Api>,
    around: &Around<'_>,
    proxied: Router,
) -> Router {
    let (cache, guards) = (around.cache, around.guards);
    let keep = |routes| match cache {
        Some(cache) => cache.keep(routes, kept_metrics(config)),
        None => routes,
    };
    let routes = api::routes(Arc::clone(api), keep, |routes, scope| guards.access.guard(routes, scope));
    let routes = routes.merge(console::routes());
    stack::edge(routes, proxied, &config.server, &config.cors, guards, lasting.exchanges.clone())
}

/// `None` where the configuration has no such listener. The same door as the main one has, but no page of another origin
/// may call.
fn admin(config: &Config, admin: Admin, guards: &Guards<'_>, lasting: &Lasting) -> Option<Router> {
    let server = config.server.for_operators(config.admin.listen?);
    let routes = admin::routes(Arc::new(admin), |routes| guards.access.guard(routes, Scope::Admin));
    let (cors, exchanges) = (CorsConfig::default(), lasting.exchanges.clone());
    Some(stack::edge(routes, Router::new(), &server, &cors, guards, exchanges))
}

/// What is said of consolidated metrics to the cache.
fn kept_metrics(config: &Config) -> Kept {
    let (fresh, allowed) = (config.metrics.cache_seconds.get(), config.cache.routes.consolidated);
    Kept { path: api::CONSOLIDATED, fresh, allowed, tags: api::CONSOLIDATED_TAGS }
}

pub(super) fn limits(config: &Config, before: Option<&Limits>) -> Result<Limits, BuildError> {
    let templates: Vec<String> = api::templates().into_iter().chain(table(config)?.templates()).collect();
    Ok(Limits::new(config, &templates, before)?)
}

/// What is passed on, beside the gateway's own paths.
fn table(config: &Config) -> Result<Table, ConfigError> {
    Table::new(config, &api::templates())
}
