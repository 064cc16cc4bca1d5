//! Further routes, by prefix or path, method and host, to the three services or others.

use http::Method;
use reqwest::RequestBuilder;

use crate::proxy::{REGTECH, free, over};
use crate::support::client::Answer;
use crate::support::credentials::{Guarded, token};
use crate::support::gateway::Gateway;
use crate::support::origin::{Origin, field};

async fn send(gateway: &Gateway, request: RequestBuilder) -> Answer {
    free(gateway).send(request).await
}

async fn ask(gateway: &Gateway, method: &str, path: &str, host: &str) -> Answer {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    send(gateway, free(gateway).request(method, path).header("host", host)).await
}

#[tokio::test]
async fn a_route_leads_by_prefix_or_path_method_and_host() {
    let (regtech, billing) = (Origin::named("regtech").await, Origin::named("billing").await);
    let routes = format!(
        r#"[{{prefix = "/bills", service = "billing", base_url = "{}/base", scope = "admin", rewrite = "/v2", bearer_token = "of-billing"}},
            {{path = "/bills/report", service = "regtech", methods = ["GET"]}},
            {{prefix = "/hosted", service = "billing", scope = "admin", hosts = ["bills.localhost"]}},
            {{prefix = "/hosted", service = "regtech", hosts = ["tech.localhost"]}},
            {{prefix = "/api/v1/regtech", service = "billing", scope = "admin", methods = ["POST"]}}]"#,
        billing.url
    );
    let gateway = over(&regtech, &[("PROXY__ROUTES", &routes)]).await;
    for (method, path, host, expected) in [
        ("GET", "/bills/a/b?c", "localhost", Ok(("billing", "/base/v2/a/b?c"))),
        ("POST", "/bills/", "localhost", Ok(("billing", "/base/v2/"))),
        ("GET", "/bills/report?a", "localhost", Ok(("regtech", "/bills/report?a"))),
        ("POST", "/bills/report", "localhost", Err(405)),
        ("GET", "/bills/report/a", "localhost", Ok(("billing", "/base/v2/report/a"))),
        ("GET", "/bills", "localhost", Err(404)),
        ("GET", "/hosted/a", "bills.localhost:80", Ok(("billing", "/base/a"))),
        ("GET", "/hosted/a", "Tech.localhost", Ok(("regtech", "/a"))),
        ("GET", "/hosted/a", "localhost", Err(404)),
        ("POST", "/api/v1/regtech/a", "localhost", Ok(("billing", "/base/a"))),
        ("GET", "/api/v1/regtech/a", "localhost", Ok(("regtech", "/a"))),
    ] {
        let answer = ask(&gateway, method, path, host).await;
        match expected {
            Ok((service, target)) => {
                assert_eq!((answer.status, answer.text()), (200, service), "{method} {path} {host}");
                let origin = if service == "billing" { &billing } else { &regtech };
                assert_eq!(origin.last().uri.to_string(), target);
            }
            Err(status) => drop(answer.problem(status)),
        }
    }
    assert_eq!(field(&billing.last(), "authorization"), "Bearer of-billing");
    assert_eq!(field(&regtech.last(), "authorization"), "");
    assert_eq!(ask(&gateway, "PUT", "/bills/report", "localhost").await.header("allow"), "GET");
    gateway.stop().await;
}

#[tokio::test]
async fn a_route_asks_for_its_own_scope() {
    let regtech = Origin::named("regtech").await;
    let routes = r#"[{prefix = "/figures", service = "regtech", scope = "metrics:read"}, {prefix = "/all", service = "regtech"}]"#;
    let guarded = Guarded::with(&[(REGTECH, &regtech.url), ("PROXY__ROUTES", routes)]).await;
    for (path, scope, status) in [
        ("/figures/a", "metrics:read", 200),
        ("/figures/a", "proxy:regtech", 403),
        ("/all/a", "proxy:regtech", 200),
        ("/all/a", "metrics:read", 403),
    ] {
        let request = free(&guarded.gateway).request(Method::GET, path).bearer_auth(token(scope));
        assert_eq!(send(&guarded.gateway, request).await.status, status, "{path} {scope}");
    }
    // The key of the console may see figures.
    let request =
        free(&guarded.gateway).request(Method::GET, "/figures/a").header("x-api-key", &guarded.api_key);
    assert_eq!(send(&guarded.gateway, request).await.status, 200);
    assert_eq!(field(&regtech.last(), "x-api-key"), "");
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn what_is_passed_on_is_limited_like_everything_else() {
    let regtech = Origin::named("regtech").await;
    let policy = r#"{own = {by = "address", routes = ["/api/v1/regtech/{*path}"], methods = ["PUT"],
        quotas = [{limit = 2, period_seconds = 3600}]}}"#;
    let settings = [("RATE_LIMITS__DISABLED", "false"), ("RATE_LIMITS__POLICIES", policy)];
    let gateway = over(&regtech, &settings).await;
    for (method, path, status) in [
        ("PUT", "/api/v1/regtech/a", 200),
        ("PUT", "/api/v1/regtech/", 200),
        ("PUT", "/api/v1/regtech/b/c", 429),
        ("PUT", "/api/v1/regtech/", 429),
        ("GET", "/api/v1/regtech/a", 200),
    ] {
        assert_eq!(ask(&gateway, method, path, "localhost").await.status, status, "{method} {path}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn metrics_name_templates_and_operators_see_further_services() {
    let billing = Origin::named("billing").await;
    let route = format!(
        r#"[{{prefix = "/counted", service = "billing", base_url = "{}", scope = "admin", cache = {{shared = true, default_ttl_seconds = 60}}}}]"#,
        billing.url
    );
    let gateway = Gateway::with(&[("PROXY__ROUTES", &route), ("ADMIN__LISTEN", "127.0.0.1:0")]).await;
    for number in 0..20 {
        assert_eq!(ask(&gateway, "GET", &format!("/counted/{number}"), "localhost").await.text(), "billing");
    }
    let metrics = free(&gateway).get("/metrics").await;
    let counted = "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_route=\"/counted/{*path}\"";
    let of_route = metrics.text().lines().filter(|line| line.starts_with(counted)).count();
    assert_eq!(of_route, 1, "{}", metrics.text());
    assert!(!metrics.text().contains("/counted/1"), "a path is no label");
    assert!(
        metrics.text().contains("http_route=\"/counted/{*path}\"} 20") || metrics.text().contains("stored")
    );
    let circuits = gateway.admin().get("/admin/v1/circuits").await.ok();
    let names: Vec<_> =
        circuits["circuits"].as_array().expect("a list").iter().map(|one| &one["service"]).collect();
    assert_eq!(names, ["regtech", "flaisimulator", "dashboard", "billing"]);
    gateway.stop().await;
}
