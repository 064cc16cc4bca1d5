//! What `deploy/` has, and the queries in it.
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

/// The kit's own configuration of Prometheus, for these gateways and without long waits.
pub(super) fn configuration(gateways: &[String; 2], key_file: &Path) -> String {
    let folder = folder().join("prometheus");
    let text = fs::read_to_string(folder.join("prometheus.yml")).expect("the kit has it");
    let key = key_file.display().to_string();
    let rules = folder.join("rules/*.yml").display().to_string();
    let changes = [
        ("scrape_interval: 15s", "scrape_interval: 1s"),
        ("evaluation_interval: 15s", "evaluation_interval: 1s"),
        ("rules/*.yml", &rules),
        ("/keys/prometheus.key", &key),
        (r#"["gateway-1:3002", "gateway-2:3002"]"#, &format!("{gateways:?}")),
    ];
    changes.iter().fold(text, |text, (old, new)| {
        assert!(text.contains(old), "{old} is not in\n{text}");
        text.replace(old, new)
    })
}

/// Where a query stands, and the query as Grafana sends it.
pub(super) fn dashboard_queries() -> Vec<(String, String)> {
    let folder = fs::read_dir(folder().join("grafana/dashboards")).expect("the kit has it");
    let files = folder.map(|entry| entry.expect("an entry").path());
    let queries: Vec<_> = files.flat_map(|file| queries_of(&file)).collect();
    assert!(queries.len() > 50, "{} queries", queries.len());
    queries
}

fn queries_of(file: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(file).expect("a file");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let queries = panels.filter(|panel| panel["type"] != "row").flat_map(|panel| {
        let targets = panel["targets"].as_array().expect("targets").iter();
        targets.map(|target| {
            let query = target["expr"].as_str().expect("a query");
            let query = query.replace("$__rate_interval", "1m").replace("$instance", ".*");
            assert!(!query.contains('$'), "{query}");
            (format!("{}: {}", dashboard["title"], panel["title"]), query)
        })
    });
    queries.collect()
}

/// The series that an expression reads, as selectors without ranges.
pub(super) fn series_of(expression: &str) -> Vec<String> {
    let mut series = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest.find(|next: char| next.is_ascii_alphabetic() || next == '_') {
        let text = &rest[start..];
        let is_name = |next: char| next.is_ascii_alphanumeric() || next == '_' || next == ':';
        let end = text.find(|next| !is_name(next)).unwrap_or(text.len());
        let name = &text[..end];
        rest = &text[end..];
        if !is_metric(name) {
            continue;
        }
        let matchers =
            rest.strip_prefix('{').and_then(|inside| inside.find('}')).map_or("", |at| &rest[..at + 2]);
        series.push(format!("{name}{matchers}"));
        rest = &rest[matchers.len()..];
    }
    series
}

fn is_metric(name: &str) -> bool {
    let prefixes = ["integridai", "http_", "process_", "tokio_", "fan_out_"];
    name == "up" || prefixes.iter().any(|prefix| name.starts_with(prefix))
}

#[test]
fn series_are_found_in_expressions() {
    let expression = "(sum(rate(http_a_count{x=~\"5..\"}[5m])) or vector(0)) / max by (up_to) (integridai:b:ratio) > 1 and up{j=\"k\"} == 0";
    assert_eq!(series_of(expression), ["http_a_count{x=~\"5..\"}", "integridai:b:ratio", "up{j=\"k\"}"]);
}
