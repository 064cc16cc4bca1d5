//! The monitoring kit against a gateway that runs: what it asks for is there.
mod kit;
mod prometheus;
mod traffic;

use std::fs;
use std::path::Path;
use std::time::Instant;

use integridai_gateway::demo::Simulators;

use self::prometheus::{Prometheus, lint};
use self::traffic::Caller;
use crate::servers::postgres::Postgres;
use crate::servers::redis::Redis;
use crate::support::{Gateway, PATIENCE, PROGRAM, Start, bare, finish, run_in_shell, simulators};

/// What is written beside the defaults, so that everything that can be told is.
fn configuration(simulators: &Simulators) -> String {
    let address = simulators.regtech.url();
    let address = address.trim_start_matches("http://");
    format!(
        r#"
[rate_limits.policies.execute]
by = "address"
routes = ["/api/v1/gateway/execute"]
methods = ["POST"]
quotas = [{{ limit = 100000, period_seconds = 60 }}]

[rate_limits.policies.lists]
by = "principal"
routes = ["/api/v1/gateway/executions"]
quotas = [{{ limit = 1, period_seconds = 3600 }}]

[services.regtech.resilience]
addresses = ["{address}"]

[services.dashboard.resilience]
attempts = 1
open_after_failures = 2

[triggers.workflows]
"training.completed" = "training_sync"

[proxy]
routes = [{{ prefix = "/sockets", service = "regtech", upgrade = {{ protocols = ["websocket"] }} }}]
"#
    )
}

/// One with all that gateways share, as the stack of containers has it, the keys made by its own script; and one by itself.
async fn start(folder: &Path, postgres: &Postgres, redis: &Redis, simulators: &Simulators) -> [Gateway; 2] {
    let plain = folder.join("plain.toml");
    fs::write(&plain, configuration(simulators)).unwrap();
    let script = kit::folder().join("first-start.sh");
    let programs = Path::new(PROGRAM).parent().unwrap();
    let line = format!(
        "PATH={}:$PATH {} {} {}",
        programs.display(),
        script.display(),
        folder.display(),
        plain.display()
    );
    for _ in 0..2 {
        let ended = run_in_shell(&line, &[]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let configured = |start: Start| {
        start
            .set("AUTH__DISABLED", false)
            .set("RATE_LIMITS__DISABLED", false)
            .services(simulators)
            .variable("INTEGRIDAI_CONFIG", folder.join("gateway.toml").display())
    };
    let sharing = Start::on_server(&postgres.create_database("gateway")).set("REDIS__URL", redis.url());
    let alone = Start::new(&folder.join("gateway.db"));
    [configured(sharing).run().await, configured(alone).run().await]
}

fn key(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap().trim().to_owned()
}

/// Queries that find nothing.
async fn empty(prometheus: &Prometheus, queries: &[(String, String)]) -> Vec<(String, String)> {
    let mut empty = Vec::new();
    for (place, query) in queries {
        if prometheus.figures(query).await.is_empty() {
            empty.push((place.clone(), query.clone()));
        }
    }
    empty
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_of_every_dashboard_and_rule_finds_something_in_the_real_prometheus() {
    let (postgres, redis, simulators) = (Postgres::start(), Redis::start(), simulators());
    let folder = tempfile::tempdir().unwrap();
    let gateways = start(folder.path(), &postgres, &redis, &simulators).await;
    let caller = Caller::new(&gateways[0], &key(folder.path(), "operator.key"));
    let targets = gateways.each_ref().map(|gateway| gateway.address.to_string());
    let prometheus = Prometheus::start(&kit::configuration(&targets, &folder.path().join("prometheus.key")));
    caller.go_on(&simulators).await;
    let _followers = caller.follow().await;

    let mut rest = kit::dashboard_queries();
    for (name, expression) in prometheus.rules().await {
        rest.extend(kit::series_of(&expression).into_iter().map(|series| (name.clone(), series)));
    }
    assert!(rest.len() > 100, "{} queries", rest.len());
    let begun = Instant::now();
    while !rest.is_empty() {
        assert!(begun.elapsed() < PATIENCE, "nothing is found by {rest:#?}");
        simulators.dashboard.control().heal();
        caller.go_on(&simulators).await;
        rest = empty(&prometheus, &rest).await;
    }
    let (status, exposition) = caller.get("/metrics").await;
    assert_eq!((status, lint(exposition.as_str().unwrap())), (200, String::new()));
    let [sharing, alone] = gateways;
    sharing.stop().await;
    alone.stop().await;
}

#[tokio::test]
async fn the_health_check_of_a_container_tells_whether_the_gateway_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Start::new(&folder.path().join("gateway.db")).run().await;
    let probe = |address: String| {
        let mut command = bare(PROGRAM);
        command.arg("probe").env("INTEGRIDAI_SERVER__LISTEN", address);
        async move { finish(&mut command).await }
    };
    let everywhere = format!("0.0.0.0:{}", gateway.address.port());
    assert_eq!(probe(everywhere).await.code, Some(0));
    let address = gateway.address.to_string();
    gateway.stop().await;
    let ended = probe(address).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
}
