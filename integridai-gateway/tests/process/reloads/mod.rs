//! The configuration, loaded again by SIGHUP or by operators: what takes effect, what stays, and what is refused.
mod load;
mod scene;

use integridai_gateway::api::Scope;
use integridai_gateway::app::{self, Grant};
use integridai_gateway::config::AuthConfig;
use serde_json::{Value, json};

use crate::support::{ask, until};
pub(crate) use scene::{Reloadable, Scene};

const LIMITED: (&str, &str) = ("RATE_LIMITS__DISABLED", "false");

/// On two paths, one quota each.
fn limits(first: u32, second: u32) -> String {
    let policy = |name: &str, route: &str, limit: u32| {
        format!(
            "[rate_limits.policies.{name}]\nby = \"address\"\nroutes = [\"{route}\"]\n\
             quotas = [{{limit = {limit}, period_seconds = 86400}}]\n"
        )
    };
    policy("first", "/api/v1/events", first) + &policy("second", "/api/v1/gateway/executions", second)
}

/// How it is with both of them now.
async fn told(reloadable: &Reloadable) -> [u16; 2] {
    [reloadable.status("/api/v1/events").await, reloadable.status("/api/v1/gateway/executions").await]
}

#[tokio::test]
async fn a_changed_limit_takes_effect_and_what_was_counted_stays() {
    let scene = Scene::set(&limits(5, 4)).and(&[LIMITED]);
    let reloadable = scene.run().await;
    for _ in 0..3 {
        assert_eq!(told(&reloadable).await, [200, 200]);
    }
    let answer = reloadable.reloaded(&limits(4, 4)).await;
    assert_eq!(answer["resets"], json!([]), "{answer}");
    let changed = json!([{"key": "rate_limits.policies.first.quotas", "change": "changed"}]);
    assert_eq!(answer["changes"], changed);
    assert_eq!(told(&reloadable).await, [200, 200], "three of four had been used");
    assert_eq!(told(&reloadable).await, [429, 429], "both the changed one and the other one remember");
    reloadable.hang_up(&limits(6, 4)).await;
    assert_eq!(told(&reloadable).await, [200, 429], "there is more room now");
    assert_eq!(told(&reloadable).await, [200, 429]);
    assert_eq!(told(&reloadable).await, [429, 429]);
    let other = limits(6, 4)
        .replace("[rate_limits.policies.first]", "[rate_limits]\nmax_keys = 7\n[rate_limits.policies.first]");
    let answer = reloadable.reloaded(&other).await;
    assert_eq!(answer["resets"], json!(["rate limit execute", "rate limit first", "rate limit second"]));
    assert_eq!(told(&reloadable).await, [200, 200], "as it was told, these count anew");
    reloadable.gateway.stop().await;
}

#[tokio::test]
async fn a_route_comes_and_goes_and_a_circuit_stays_as_it_was_commanded() {
    let route = "[[proxy.routes]]\nservice = \"regtech\"\nprefix = \"/fresh\"\n";
    let path = "/fresh/compliance_dashboard";
    let scene = Scene::set("");
    let reloadable = scene.run().await;
    assert_eq!(reloadable.status(path).await, 404);
    reloadable.hang_up(route).await;
    assert_eq!(reloadable.status(path).await, 200);
    let command = json!({"command": "open"});
    assert_eq!(reloadable.post("/admin/v1/circuits/regtech", &command).await.0, 200);
    assert_eq!(reloadable.status(path).await, 503);
    let answer = reloadable.reloaded(&format!("{route}timeout_seconds = 7\n")).await;
    assert_eq!(answer["resets"], json!([]), "{answer}");
    assert_eq!(reloadable.status(path).await, 503, "it is still open");
    let settings = "[services.regtech.resilience]\nopen_seconds = 7\n";
    let answer = reloadable.reloaded(&format!("{settings}{route}")).await;
    assert_eq!(answer["resets"], json!(["circuit regtech"]), "{answer}");
    assert_eq!(
        reloadable.status(path).await,
        503,
        "what was counted is forgotten, and not what was commanded"
    );
    assert_eq!(reloadable.post("/admin/v1/circuits/regtech", &json!({"command": "reset"})).await.0, 200);
    assert_eq!(reloadable.status(path).await, 200);
    reloadable.hang_up("").await;
    assert_eq!(reloadable.status(path).await, 404);
    reloadable.gateway.stop().await;
}

#[tokio::test]
async fn a_service_that_moved_is_called_where_it_is_now_and_its_kept_answers_are_forgotten() {
    let elsewhere = crate::support::simulators();
    let text = |url: &str| format!("[services.regtech]\nbase_url = \"{url}\"\n");
    let scene = Scene::set("");
    let first = scene.simulators.regtech.url();
    // Of the environment and the file the first wins, and this one is to be the file's.
    std::fs::write(scene.file(), text(&first)).unwrap();
    let scene = scene.without("SERVICES__REGTECH__BASE_URL");
    let reloadable = scene.run().await;
    let execute = async || {
        let request = scene.client.post(reloadable.gateway.url("/api/v1/gateway/execute"));
        ask(request.json(&crate::support::analysis(1))).await.0
    };
    let analyses = |simulators: &integridai_gateway::demo::Simulators| {
        simulators.regtech.control().report().total("/analyze_provider")
    };
    assert_eq!((execute().await, analyses(&scene.simulators), analyses(&elsewhere)), (200, 1, 0));
    let consolidated = "/api/v1/metrics/consolidated";
    assert_eq!(reloadable.status(consolidated).await, 200);
    let asked = |simulators: &integridai_gateway::demo::Simulators| {
        simulators.regtech.control().report().total("/compliance_dashboard")
    };
    assert_eq!(asked(&elsewhere), 0);
    let answer = reloadable.reloaded(&text(&elsewhere.regtech.url())).await;
    assert_eq!(answer["resets"], json!(["circuit regtech"]), "{answer}");
    assert_eq!((execute().await, analyses(&scene.simulators), analyses(&elsewhere)), (200, 1, 1));
    assert_eq!(reloadable.status(consolidated).await, 200);
    assert_eq!(asked(&elsewhere), 1, "the figures were gathered anew");
    reloadable.gateway.stop().await;
}

#[tokio::test]
async fn a_removed_key_is_refused_from_then_on_and_the_others_are_not() {
    let mint = |subject: &str, scope: Scope| {
        let grant = Grant { subject: subject.to_owned(), scopes: vec![scope], lifetime: None };
        let minted = app::mint_api_key(&AuthConfig::default(), &grant).unwrap();
        (minted.section(subject), minted.key)
    };
    let (admin, admin_key) = mint("operator", Scope::Admin);
    let (console, console_key) = mint("console", Scope::MetricsRead);
    let scene = Scene::set(&format!("{admin}{console}")).and(&[("AUTH__DISABLED", "false")]);
    let reloadable = scene.run().await.operated_with(admin_key);
    let figures = async || {
        let request = reloadable.request("/api/v1/metrics/consolidated");
        ask(request.header("x-api-key", &console_key)).await.0
    };
    assert_eq!(figures().await, 200);
    let answer = reloadable.reloaded(&admin).await;
    let removed = |name: &str| json!({"key": format!("auth.api_keys.console.{name}"), "change": "removed"});
    let changes = answer["changes"].as_array().unwrap();
    assert!(changes.contains(&removed("secrets")), "{answer}");
    assert_eq!(figures().await, 401);
    reloadable.hang_up(&format!("{admin}{console}")).await;
    assert_eq!(figures().await, 200);
    reloadable.gateway.stop().await;
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_changes_nothing_and_it_is_said_why() {
    let good = "[server]\nmax_uri_bytes = 100\n";
    let scene = Scene::set(good);
    let mut reloadable = scene.run().await;
    let long = format!("/livez?{}", "a".repeat(100));
    assert_eq!((reloadable.status("/livez").await, reloadable.status(&long).await), (200, 414));
    let before = reloadable.in_force().await;
    let route = |scope: &str| {
        format!("[[proxy.routes]]\nservice = \"regtech\"\nprefix = \"/a\"\nscope = \"{scope}\"\n")
    };
    for (text, said) in [
        ("[server]\nmax_uri_bytes = \"100\"\n".to_owned(), "line 2, column 17, `max_uri_bytes`"),
        ("[server\n".to_owned(), "line 1"),
        (route("nobody"), "scope `nobody`"),
        ("[rate_limits.policies.a]\nby = \"address\"\nroutes = [\"/b\"]\nquotas = [{limit = 1, period_seconds = 1}]\n".to_owned(), "\"/b\" is none of"),
        ("[services.regtech.resilience]\nhealth_check = {}\n".to_owned(), "expected addresses"),
        ("[server]\nmax_uri_bytes = 1000\nmax_headers = 7\n[executions]\nworkers = 3\n".to_owned(), "a restart is needed for executions.workers, server.max_headers"),
    ] {
        let (status, problem) = reloadable.reload(&text).await;
        assert_eq!(status, 422, "{text}: {problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{text}: {detail}");
        assert_eq!((reloadable.status("/livez").await, reloadable.status(&long).await), (200, 414), "{text}");
    }
    assert_eq!(reloadable.in_force().await, before);

    reloadable.write("[server]\nmax_uri_bytes = nothing\n");
    reloadable.gateway.signal("HUP");
    until("the refusal", async || refusals(&reloadable).await == 7.0).await;
    reloadable.gateway.says("the configuration stays as it is").await;
    assert_eq!((reloadable.in_force().await, reloadable.status(&long).await), (before, 414));

    reloadable.hang_up("[server]\nmax_uri_bytes = 1000\n").await;
    assert_eq!(reloadable.status(&long).await, 200);
    let exit = reloadable.gateway.stop().await;
    let said = exit.log.iter().filter(|line| line.contains("the configuration stays as it is")).count();
    assert_eq!((exit.code, said), (Some(0), 7), "{:?}", exit.log);
}

async fn refusals(reloadable: &Reloadable) -> f64 {
    let (_, metrics) = reloadable.admin("/metrics").await;
    let name = "integridai_config_reloads_total{outcome=\"refused\"} ";
    let lines = metrics.as_str().unwrap_or_default().lines();
    lines.filter_map(|line| line.strip_prefix(name)?.parse::<f64>().ok()).sum()
}

#[tokio::test]
async fn the_revision_is_that_of_check_config_and_stands_in_metrics_and_in_what_is_in_force() {
    let texts = ["", "[server]\nmax_uri_bytes = 100\n"];
    let scene = Scene::set(texts[0]);
    let reloadable = scene.run().await;
    let mut revisions = Vec::new();
    for text in texts {
        let answer = reloadable.reloaded(text).await;
        let checked = scene.start.check_config().await;
        let first = checked.stdout.lines().next().unwrap();
        let revision = first.strip_prefix("# revision ").unwrap().to_owned();
        assert_eq!(answer["revision"], revision.as_str());
        let in_force = reloadable.in_force().await;
        assert_eq!(in_force["revision"], revision.as_str());
        revisions.push(revision);
    }
    assert_ne!(revisions[0], revisions[1]);
    let Value::String(metrics) = reloadable.admin("/metrics").await.1 else { panic!("no text") };
    for (revision, value) in revisions.iter().zip([0, 1]) {
        let line = format!("integridai_config_revision{{revision=\"{revision}\"}} {value}");
        assert!(metrics.lines().any(|told| told == line), "{line} is missing in\n{metrics}");
    }
    let shown = reloadable.in_force().await;
    assert_eq!(shown["configuration"]["server"]["max_uri_bytes"], 100);
    assert_eq!(reloadable.gateway.stop().await.code, Some(0));
}
