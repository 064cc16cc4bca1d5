//! Callers whose tokens are checked with keys that their issuer publishes.

use http::Method;
use integridai_tower::auth::jwt::{Algorithm, Signer};
use serde_json::{Value, json};

use crate::support::client::{Answer, CONSOLIDATED, HEALTH};
use crate::support::credentials::{api_keys, claims};
use crate::support::gateway::Gateway;
use crate::support::stub::Stub;
use crate::support::until;

/// The issuer of the other tests' claims, with its keys at this URL.
fn published_at(url: &str) -> String {
    format!(
        r#"{{test = {{issuer = "https://id.test", audience = ["integridai-gateway"], jwks_url = "{url}/keys"}}}}"#
    )
}

async fn gateway(keys: &Stub, others: &[(&str, &str)]) -> Gateway {
    let issuers = published_at(&keys.url);
    let mut settings = vec![("AUTH__DISABLED", "false"), ("AUTH__ISSUERS", &*issuers)];
    settings.extend(others);
    Gateway::with(&settings).await
}

async fn figures(gateway: &Gateway, token: &str) -> Answer {
    let request = gateway.client.request(Method::GET, CONSOLIDATED).bearer_auth(token);
    gateway.client.send(request).await
}

#[tokio::test]
async fn a_gateway_is_ready_with_the_first_keys_and_checks_tokens_with_them() {
    let signer = Signer::generate(Algorithm::Es256).expect("a key");
    let set = json!({"keys": [signer.public_jwk().expect("a public key")]});
    let keys = Stub::start(200, &set.to_string()).await;
    let gateway = gateway(&keys, &[]).await;
    until("readiness", async || (gateway.client.get("/readyz").await.status == 200).then_some(())).await;
    assert_eq!(gateway.client.get(HEALTH).await.ok()["checks"]["auth"], "healthy");
    let token = signer.sign(&claims("metrics:read")).expect("an object");
    figures(&gateway, &token).await.ok();
    let other = Signer::generate(Algorithm::Es256).expect("a key");
    let forged = other.with_id(signer.id().expect("an id")).sign(&claims("admin")).expect("an object");
    figures(&gateway, &forged).await.problem(401);
    gateway.stop().await;
}

#[tokio::test]
async fn without_keys_nobody_is_let_in_and_no_one_learns_where_they_were_looked_for() {
    let keys = Stub::start(503, "").await;
    let gateway = gateway(&keys, &[]).await;
    assert_eq!(gateway.client.get("/livez").await.status, 200);
    gateway.client.get("/readyz").await.problem(503);
    let token = Signer::generate(Algorithm::Es256).expect("a key").sign(&claims("admin")).expect("an object");
    figures(&gateway, &token).await.problem(503);
    let health = gateway.client.get(HEALTH).await.ok();
    assert_eq!((&health["status"], &health["checks"]["auth"]), (&json!("degraded"), &json!("unhealthy")));
    assert_eq!(health["reasons"]["auth"], "no keys are there to check tokens with");
    let told = health.to_string();
    assert!(!told.contains(&keys.url) && !told.contains("id.test") && !told.contains("503"), "{told}");
    gateway.stop().await;
}

#[tokio::test]
async fn where_api_keys_are_taken_too_missing_keys_degrade_and_no_more() {
    let keys = Stub::start(503, "").await;
    let (api_key, sections) = api_keys();
    let gateway = gateway(&keys, &[("AUTH__API_KEYS", &sections)]).await;
    assert_eq!(gateway.client.get("/readyz").await.status, 200);
    let health = gateway.client.get(HEALTH).await.ok();
    assert_eq!(health["checks"]["auth"], "degraded");
    assert_eq!(health["reasons"]["auth"], Value::from("the keys of 1 of 1 issuers are not there"));
    let request = gateway.client.request(Method::GET, CONSOLIDATED).header("x-api-key", api_key);
    gateway.client.send(request).await.ok();
    gateway.stop().await;
}
