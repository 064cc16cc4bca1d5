//! What the gateway does about replicas of a service that are there and not well: it asks each how it is, and leaves out those that are
//! not.

use http::StatusCode;
use integridai_gateway::app;
use integridai_gateway::config::Config;
use integridai_gateway::demo::Failure;
use serde_json::Value;

use crate::support::client::Client;
use crate::support::gateway::Gateway;
use crate::support::requests::{ANALYZE, analysis};
use crate::support::stub::Stub;
use crate::support::until;

const HEALTH: &str = "/health";
const ON: (&str, &str) = ("ADMIN__LISTEN", "127.0.0.1:0");
const ADDRESSES: &str = "SERVICES__REGTECH__RESILIENCE__ADDRESSES";
const CHECK: (&str, &str) = (
    "SERVICES__REGTECH__RESILIENCE__HEALTH_CHECK",
    r#"{ path = "/health", interval_seconds = 0.02, timeout_seconds = 1 }"#,
);

/// As operators see them, by address.
async fn state(admin: &Client, address: &str) -> Value {
    let all = admin.get("/admin/v1/circuits").await.ok();
    let replicas = all["circuits"][0]["replicas"].as_array().expect("a list").clone();
    let replica = replicas.iter().find(|replica| replica["address"] == address);
    replica.unwrap_or_else(|| panic!("{address} is not among {replicas:?}"))["state"].clone()
}

async fn until_it_is(gateway: &Gateway, address: &str, expected: &str) {
    until(expected, async || (state(gateway.admin(), address).await == expected).then_some(())).await;
}

fn address(url: &str) -> String {
    url.replace("http://", "")
}

fn calls(gateway: &Gateway) -> u64 {
    gateway.regtech().control().report().total(ANALYZE)
}

#[tokio::test]
async fn a_replica_that_says_that_it_is_not_well_gets_no_calls_until_it_is() {
    let (one, other) = (Gateway::start().await, Gateway::start().await);
    let [well, ill] = [&one, &other].map(|gateway| address(&gateway.regtech().url()));
    let gateway = Gateway::with(&[ON, (ADDRESSES, &format!(r#"["{well}", "{ill}"]"#)), CHECK]).await;
    other.regtech().control().fail(Failure::error(StatusCode::SERVICE_UNAVAILABLE).on(HEALTH));
    until_it_is(&gateway, &ill, "unhealthy").await;
    for _ in 0..8 {
        gateway.client.execute(&analysis()).await.ok();
    }
    assert_eq!((calls(&one), calls(&other)), (8, 0));
    assert_eq!(state(gateway.admin(), &well).await, "available");

    other.regtech().control().heal();
    until_it_is(&gateway, &ill, "available").await;
    until("it gets calls again", async || {
        gateway.client.execute(&analysis()).await.ok();
        (calls(&other) > 0).then_some(())
    })
    .await;
    for gateway in [gateway, one, other] {
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_replica_is_asked_under_the_name_of_its_service_and_with_its_token() {
    let stub = Stub::start(200, "{}").await;
    let token = ("SERVICES__REGTECH__BEARER_TOKEN", "of-the-gateway");
    let base = ("SERVICES__REGTECH__BASE_URL", "http://regtech.test/v2/");
    let addresses = format!(r#"["{}", "127.0.0.1:1"]"#, address(&stub.url));
    let gateway = Gateway::with(&[ON, (ADDRESSES, &addresses), CHECK, token, base]).await;
    until_it_is(&gateway, "127.0.0.1:1", "unhealthy").await;
    assert_eq!(state(gateway.admin(), &address(&stub.url)).await, "available");
    let asked = stub.seen().into_iter().find(|seen| seen.path == "/v2/health").expect("it was asked");
    assert_eq!(asked.headers["host"], "regtech.test");
    assert_eq!(asked.headers["authorization"], "Bearer of-the-gateway");
    gateway.stop().await;
}

#[test]
fn a_check_of_no_addresses_is_refused() {
    let variables = [
        ("INTEGRIDAI_AUTH__DISABLED", "true"),
        ("INTEGRIDAI_SERVICES__DASHBOARD__RESILIENCE__HEALTH_CHECK__PATH", "/ready"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::load(None, variables).expect("each key is right");
    let check = config.services.dashboard.service().resilience.health_check.expect("it is set");
    assert_eq!((check.path.as_str(), check.timeout_seconds.get().as_secs()), ("/ready", 2));
    let refused = app::check_access(&config).expect_err("there is nothing to check").to_string();
    assert!(refused.contains("health_check") && refused.contains("addresses"), "{refused}");
}
