//! The whole gateway inside a program of your own: built, asked for one workflow, shut down.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use http::{HeaderMap, HeaderName, HeaderValue};
use integridai_gateway::api::Scope;
use integridai_gateway::app::{self, App, Grant};
use integridai_gateway::config::Config;
use integridai_gateway::demo::{SimulatorOptions, Simulators};
use integridai_tower::BoxError;
use serde_json::{Value, json};
use tokio::sync::oneshot;

fn config(simulators: &Simulators, database: String) -> Result<Config, BoxError> {
    // The keys of gateway.toml, as variables; port 0 takes a free one.
    let settings = [
        ("INTEGRIDAI_SERVER__LISTEN", "127.0.0.1:0".to_owned()),
        ("INTEGRIDAI_DATABASE__PATH", database),
        ("INTEGRIDAI_SERVICES__REGTECH__BASE_URL", simulators.regtech.url()),
        ("INTEGRIDAI_SERVICES__FLAISIMULATOR__BASE_URL", simulators.flaisimulator.url()),
        ("INTEGRIDAI_SERVICES__DASHBOARD__BASE_URL", simulators.dashboard.url()),
    ];
    Ok(Config::load(None, settings.map(|(key, value)| (key.to_owned(), value)))?)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let simulators = Simulators::start(&SimulatorOptions::default())?;
    let folder = tempfile::tempdir()?;
    let mut config = config(&simulators, folder.path().join("gateway.db").display().to_string())?;
    // Nobody may call unless somebody is let in.
    let scopes = vec![Scope::WorkflowsExecute, Scope::MetricsRead];
    let grant = Grant { subject: "example".to_owned(), scopes, lifetime: None };
    let minted = app::mint_api_key(&config.auth, &grant)?;
    config.auth.api_keys.insert("example".to_owned(), minted.record);
    let app = App::build(config).await?;
    let url = format!("http://{}", app.address());
    let (shutdown, told) = oneshot::channel::<()>();
    let gateway = tokio::spawn(app.run(async {
        // Dropping the sender says the same.
        let _ = told.await;
    }));

    let request = json!({
        "workflow": "complete_analysis",
        "payload": {"name": "Acme SA", "cuit": "30-12345678-9", "sector": "tecnologia"},
    });
    let mut key = HeaderValue::from_str(&minted.key)?;
    key.set_sensitive(true);
    let headers = HeaderMap::from_iter([(HeaderName::from_static("x-api-key"), key)]);
    let client = reqwest::Client::builder().no_proxy().default_headers(headers).build()?;
    let answer = client.post(format!("{url}/api/v1/gateway/execute")).json(&request).send().await?;
    let result: Value = answer.error_for_status()?.json().await?;
    println!("score: {}", result["regtech_analysis"]["compliance_analysis"]["overall_score"]);
    println!("dashboard updated: {}", result["dashboard_updated"]);
    for step in result["steps"].as_array().into_iter().flatten() {
        println!("  {} {} in {} ms", step["name"], step["status"], step["duration_ms"]);
    }
    let metrics: Value =
        client.get(format!("{url}/api/v1/metrics/consolidated")).send().await?.json().await?;
    println!("health: {}", metrics["system_health"]);

    drop(shutdown);
    println!("{:?}", gateway.await??);
    simulators.stop().await;
    Ok(())
}
