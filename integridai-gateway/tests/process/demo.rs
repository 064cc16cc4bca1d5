//! The demonstration: what it prints works when it is pasted, and it leaves nothing behind.
use std::path::Path;
use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Gateway, PROGRAM, analysis, ask, bare, client, finish, run_in_shell, until};

const USUAL_PORTS: [u16; 3] = [3000, 8000, 5000];

/// Starts a demonstration whose temporary files go into `folder`.
pub(crate) async fn demo(folder: &Path, arguments: &[&str]) -> (Gateway, Page) {
    let mut command = bare(PROGRAM);
    command.args(["demo", "--port", "0", "--latency", "none"]).args(arguments).env("TMPDIR", folder);
    command.env("INTEGRIDAI_ADMIN__LISTEN", "127.0.0.1:0");
    let mut demo = Gateway::spawn(&mut command).listening().await;
    demo.prints("Ctrl-C drains and ends.").await;
    let page = Page { lines: demo.log() };
    (demo, page)
}

pub(crate) struct Page {
    lines: Vec<String>,
}

impl Page {
    fn curl_lines(&self) -> Vec<&str> {
        self.lines.iter().map(String::as_str).filter(|line| line.starts_with("curl ")).collect()
    }

    /// What stands behind this name.
    pub(crate) fn address_of(&self, name: &str) -> &str {
        let line = self.lines.iter().find_map(|line| line.trim().strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} is not in {:?}", self.lines)).trim()
    }
}

pub(crate) async fn paste(line: &str) -> String {
    let ended = run_in_shell(line, &[]).await;
    assert_ne!(ended.code, Some(127), "curl is missing: apt-get install -y --no-install-recommends curl");
    assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
    ended.stdout
}

async fn paste_for_json(line: &str) -> Value {
    let printed = paste(line).await;
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{line}: {error}: {printed}"))
}

/// With the demonstration's key.
fn knocking(request: RequestBuilder, page: &Page) -> RequestBuilder {
    request.header("X-API-Key", page.address_of("API key"))
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

async fn done(client: &Client, url: &str, page: &Page) -> Value {
    let mut shown = Value::Null;
    until("the end of the execution", async || {
        shown = ask(knocking(client.get(url), page)).await.1;
        shown["finished_at"].is_string()
    })
    .await;
    shown
}

#[tokio::test]
async fn every_printed_line_works_when_it_is_pasted() {
    let folder = tempfile::tempdir().unwrap();
    let (demo, page) = demo(folder.path(), &[]).await;
    let [analyse, figures, later, fail_once, health] = page.curl_lines()[..] else {
        panic!("not five lines: {:?}", page.lines);
    };
    let analysed = paste_for_json(analyse).await;
    assert_eq!(analysed["success"], true, "{analysed}");
    assert_eq!(analysed["dashboard_updated"], true, "{analysed}");
    assert!(analysed["regtech_analysis"]["compliance_analysis"]["overall_score"].is_number(), "{analysed}");

    let consolidated = paste_for_json(figures).await;
    assert_eq!(consolidated["system_health"]["regtech_status"], "online", "{consolidated}");
    assert!(consolidated["business_metrics"]["providers_analyzed"].as_u64().unwrap() > 0, "{consolidated}");

    let accepted = paste(later).await;
    assert!(accepted.starts_with("HTTP/1.1 202"), "{accepted}");
    let location = accepted.lines().find_map(|line| line.strip_prefix("location: ")).expect("a Location");
    let shown = done(&client(), &demo.url(location.trim()), &page).await;
    assert_eq!((&shown["status"], &shown["workflow"]), (&json!("succeeded"), &json!("training_sync")));
    assert_eq!(shown["priority"], "high");

    let control = paste_for_json(fail_once).await;
    assert_eq!(control["failure"]["mode"], "error", "{control}");
    let failed = paste_for_json(analyse).await;
    assert_eq!((&failed["status"], &failed["success"]), (&json!(502), &json!(false)), "{failed}");
    assert!(failed["detail"].as_str().unwrap().contains("regtech"), "{failed}");
    assert_eq!(paste_for_json(analyse).await["success"], true);

    let health = paste_for_json(health).await;
    assert_eq!(health["checks"]["database"], "healthy", "{health}");
    assert_eq!(demo.stop().await.code, Some(0));
}

#[tokio::test]
async fn the_pages_are_where_it_says_and_the_docs_refer_to_the_gateway_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (_demo, page) = demo(folder.path(), &[]).await;
    let client = client();
    let answer = client.get(page.address_of("docs")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let base = answer.url().clone();
    let html = answer.text().await.unwrap();
    let referred: Vec<&str> =
        html.split(['"', '\'']).filter(|text| text.ends_with(".js") || text.ends_with(".css")).collect();
    assert!(referred.len() >= 3, "{html}");
    for path in referred {
        let url = base.join(path).unwrap();
        assert_eq!(url.host_str(), base.host_str(), "{url}");
        assert_eq!(ask(client.get(url.clone())).await.0, 200, "{url}");
    }
    assert_eq!(ask(knocking(client.get(page.address_of("Prometheus")), &page)).await.0, 200);
    let (console, how) = page.address_of("console").split_once(' ').unwrap();
    assert!(how.contains("sign in with the API key"), "{how}");
    let answer = client.get(console).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("id=\"sign-in\""));
}

#[tokio::test]
async fn services_whose_usual_ports_are_taken_get_free_ones() {
    let mut held = Vec::new();
    for port in USUAL_PORTS {
        // Another demonstration may have it for a moment; a program that keeps it serves as well.
        let bind = async {
            loop {
                match TcpListener::bind(("127.0.0.1", port)).await {
                    Ok(listener) => break listener,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        held.extend(tokio::time::timeout(Duration::from_secs(30), bind).await);
    }
    let folder = tempfile::tempdir().unwrap();
    let (demo, page) = demo(folder.path(), &[]).await;
    for name in ["RegTech Engine", "FLAISimulator", "Dashboard"] {
        let url = page.address_of(name);
        for listener in &held {
            assert!(!url.ends_with(&format!(":{}", listener.local_addr().unwrap().port())), "{url}");
        }
        assert_eq!(ask(client().get(format!("{url}/health"))).await.0, 200, "{name}");
    }
    let (status, answer) =
        ask(knocking(client().post(demo.url("/api/v1/gateway/execute")), &page).json(&analysis(1))).await;
    assert_eq!((status, &answer["dashboard_updated"]), (200, &json!(true)), "{answer}");
}

#[tokio::test]
async fn ctrl_c_drains_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (demo, _) = demo(folder.path(), &[]).await;
    assert!(!is_empty(folder.path()), "the database is somewhere in here");
    demo.signal("INT");
    let exit = demo.exit().await;
    assert_eq!(exit.code, Some(0));
    assert_eq!(exit.log.last().map(String::as_str), Some("Drained."), "{:?}", exit.log);
    assert!(is_empty(folder.path()));
}

#[tokio::test]
async fn a_second_ctrl_c_ends_at_once_and_leaves_nothing_behind_either() {
    let folder = tempfile::tempdir().unwrap();
    let (mut demo, page) = demo(folder.path(), &["--log", "info"]).await;
    let regtech = page.address_of("RegTech Engine").to_owned();
    let control = json!({"mode": "hang", "paths": ["/analyze_provider"]});
    assert_eq!(ask(client().post(format!("{regtech}/_control")).json(&control)).await.0, 200);
    let request = knocking(client().post(demo.url("/api/v1/gateway/execute")), &page).json(&analysis(1));
    let answer = tokio::spawn(request.send());
    let report = format!("{regtech}/_control");
    until("the call", async || ask(client().get(&report)).await.1["in_flight"] == 1).await;
    demo.signal("INT");
    demo.prints("draining").await;
    demo.signal("INT");
    assert_eq!(demo.exit().await.code, Some(130));
    assert!(answer.await.unwrap().is_err());
    assert!(is_empty(folder.path()));
}

#[tokio::test]
async fn a_named_database_is_kept_and_used_again() {
    let (folder, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let database = kept.path().join("mine.db");
    let arguments = ["--database", database.to_str().unwrap()];
    let (first, page) = demo(folder.path(), &arguments).await;
    let (status, answer) =
        ask(knocking(client().post(first.url("/api/v1/gateway/execute")), &page).json(&analysis(1))).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(first.stop().await.code, Some(0));
    assert!(is_empty(folder.path()) && database.is_file());

    let (second, page) = demo(folder.path(), &arguments).await;
    let path = format!("/api/v1/gateway/executions/{}", answer["workflow_id"].as_str().unwrap());
    assert_eq!(ask(knocking(client().get(second.url(&path)), &page)).await.1["status"], "succeeded");
    assert_eq!(second.stop().await.code, Some(0));
}

#[tokio::test]
async fn a_gateway_port_that_is_taken_ends_the_demonstration_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = bare(PROGRAM);
    command.args(["demo", "--port", &port]).env("TMPDIR", folder.path());
    finish(&mut command).await.assert_refused(1, &[&port, "in use"]);
    assert!(is_empty(folder.path()));
}
