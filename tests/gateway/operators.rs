//! What operators see and command beside the cache: routes, upstreams, limits, logs; and the document of all of it.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use crate::support::client::{Answer, Client};
use crate::support::credentials::{Guarded, token};
use crate::support::gateway::Gateway;
use crate::support::schema::violations;

const ON: (&str, &str) = ("ADMIN__LISTEN", "127.0.0.1:0");
const LIMITED: (&str, &str) = ("RATE_LIMITS__DISABLED", "false");

async fn send(admin: &Client, method: Method, path: &str, body: &Value) -> Answer {
    admin.send(admin.request(method, path).json(body)).await
}

async fn post(admin: &Client, path: &str, body: &Value) -> Answer {
    send(admin, Method::POST, path, body).await
}

/// Two a day by address on one path, three by principal on another, and nine for those of a role.
fn policies() -> String {
    let quota = |limit| format!("[{{limit = {limit}, period_seconds = 86400}}]");
    format!(r#"{{address = {{by = "address", routes = ["/api/v1/events"], quotas = {}}}, "#, quota(2))
        + &format!(
            r#"person = {{by = "principal", routes = ["/api/v1/gateway/executions"], quotas = {}, tiers = {{gold = {}}}}}}}"#,
            quota(3),
            quota(9)
        )
}

#[tokio::test]
async fn somebody_who_used_a_limit_is_seen_and_gets_it_back() {
    let policies = policies();
    let gateway = Gateway::with(&[ON, LIMITED, ("RATE_LIMITS__POLICIES", &policies)]).await;
    let admin = gateway.admin();
    let (inspect, reset) = ("/admin/v1/limits/address/inspect", "/admin/v1/limits/address/reset");
    let me = json!({"address": "127.0.0.1"});
    let standing = async || post(admin, inspect, &me).await.ok();
    let fresh = standing().await;
    assert_eq!((&fresh["verdict"], &fresh["remaining"]), (&json!("admitted"), &json!(2)), "{fresh}");
    for left in [1, 0] {
        gateway.client.get("/api/v1/events").await.ok();
        assert_eq!(standing().await["remaining"], left);
        assert_eq!(standing().await["remaining"], left, "looking costs nothing");
    }
    gateway.client.get("/api/v1/events").await.problem(429);
    let used = standing().await;
    assert_eq!(used["verdict"], "refused", "{used}");
    let other = post(admin, inspect, &json!({"address": "127.0.0.2"})).await.ok();
    assert_eq!((&other["verdict"], &other["remaining"]), (&json!("admitted"), &json!(2)));

    assert_eq!(post(admin, reset, &json!({"address": "127.0.0.2"})).await.ok()["remaining"], 2);
    gateway.client.get("/api/v1/events").await.problem(429);
    assert_eq!(post(admin, reset, &me).await.ok()["remaining"], 2);
    gateway.client.get("/api/v1/events").await.ok();
    gateway.stop().await;
}

#[tokio::test]
async fn a_principal_is_counted_by_issuer_and_subject_and_by_the_quotas_of_a_role() {
    let policies = policies();
    let guarded = Guarded::with(&[ON, LIMITED, ("RATE_LIMITS__POLICIES", &policies)]).await;
    let admin = guarded.gateway.admin();
    let standing = async |body: Value| {
        let request = admin.request(Method::POST, "/admin/v1/limits/person/inspect").json(&body);
        admin.send(request.bearer_auth(token("admin"))).await.ok()
    };
    let client = &guarded.gateway.client;
    let list = client.request(Method::GET, "/api/v1/gateway/executions");
    client.send(list.bearer_auth(token("workflows:execute"))).await.ok();
    let ann = json!({"subject": "ann", "issuer": "https://id.test"});
    assert_eq!(standing(ann).await["remaining"], 2);
    assert_eq!(standing(json!({"subject": "ann"})).await["remaining"], 3, "another's ann");
    let gold = standing(json!({"subject": "ann", "issuer": "https://id.test", "roles": ["gold"]})).await;
    assert_eq!((&gold["role"], &gold["remaining"]), (&json!("gold"), &json!(9)), "{gold}");
    assert_eq!(standing(json!({"address": "127.0.0.1"})).await["verdict"], "unlimited");
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_question_about_a_limit_is_said() {
    let policies = policies();
    let gateway = Gateway::with(&[ON, LIMITED, ("RATE_LIMITS__POLICIES", &policies)]).await;
    let admin = gateway.admin();
    for action in ["inspect", "reset"] {
        let of = |policy: &str| format!("/admin/v1/limits/{policy}/{action}");
        for body in [
            json!([]),
            json!({"address": "here"}),
            json!({"who": "ann"}),
            json!({"subject": 7}),
            json!({"roles": ["gold"]}),
        ] {
            post(admin, &of("person"), &body).await.problem(422);
        }
        post(admin, &of("nobody"), &json!({"address": "127.0.0.1"})).await.problem(404);
    }
    let no_key = post(admin, "/admin/v1/limits/person/reset", &json!({"address": "127.0.0.1"})).await;
    assert_eq!(no_key.problem(422)["detail"], "the policy counts by something that was not named");
    let statuses = admin.get("/admin/v1/limits").await.ok();
    let named: BTreeSet<&str> = statuses["limits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|limit| limit["policy"].as_str().unwrap())
        .collect();
    assert_eq!(named, BTreeSet::from(["address", "execute", "person"]));
    let person = &statuses["limits"].as_array().unwrap()[2];
    assert_eq!(
        (&person["by"], &person["tiers"][1]["role"]),
        (&json!("principal"), &json!("gold")),
        "{person}"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn routes_and_upstreams_are_told_as_they_are_in_force() {
    let routes = r#"[{name = "reports", path = "/reports", service = "regtech", scope = "metrics:read", methods = ["GET"], timeout_seconds = 3}]"#;
    let gateway = Gateway::with(&[ON, ("PROXY__ROUTES", routes)]).await;
    let admin = gateway.admin();
    let told = admin.get("/admin/v1/routes").await.ok();
    let execute =
        json!({"template": "/api/v1/gateway/execute", "method": "POST", "scope": "workflows:execute"});
    assert!(told["own"].as_array().unwrap().contains(&execute), "{told}");
    assert!(
        told["own"].as_array().unwrap().contains(&json!({"template": "/livez", "method": "GET"})),
        "{told}"
    );
    let passed_on = told["passed_on"].as_array().unwrap();
    let reports = passed_on.iter().find(|route| route["template"] == "/reports").unwrap();
    assert_eq!((&reports["service"], &reports["scope"]), (&json!("regtech"), &json!("metrics:read")));
    assert_eq!((&reports["methods"], &reports["name"]), (&json!(["GET"]), &json!("reports")));
    assert_eq!(passed_on.len(), 4);
    assert_eq!(told["revision"], admin.get("/admin/v1/configuration").await.ok()["revision"]);

    let told = admin.get("/admin/v1/upstreams").await.ok();
    let names: Vec<&Value> =
        told["upstreams"].as_array().unwrap().iter().map(|one| &one["service"]).collect();
    assert_eq!(names, ["regtech", "flaisimulator", "dashboard"]);
    let regtech = &told["upstreams"][0];
    assert_eq!(regtech["base_url"], gateway.regtech().url());
    assert_eq!((&regtech["circuit"], &regtech["addresses"]), (&json!("closed"), &json!([])), "{regtech}");
    gateway.stop().await;
}

#[tokio::test]
async fn without_a_source_and_without_logs_of_its_own_the_calls_say_so() {
    let gateway = Gateway::with(&[ON]).await;
    let admin = gateway.admin();
    let nowhere = "the configuration was not loaded from where it could be loaded again";
    assert_eq!(post(admin, "/admin/v1/reload", &json!({})).await.problem(409)["detail"], nowhere);
    assert_eq!(
        admin.get("/admin/v1/logs").await.problem(409)["detail"],
        "something else says what is logged"
    );
    send(admin, Method::PUT, "/admin/v1/logs", &json!({"filter": "info"})).await.problem(409);
    gateway.stop().await;
}

/// A path of the template, with names that there are.
fn path_of(template: &str) -> String {
    template.replace("{service}", "regtech").replace("{policy}", "execute")
}

#[tokio::test]
async fn every_documented_call_runs_and_answers_as_documented_to_those_with_the_scope_alone() {
    let guarded = Guarded::with(&[ON, LIMITED]).await;
    let admin = guarded.gateway.admin();
    let document = admin
        .send(admin.request(Method::GET, "/admin/v1/openapi.json").bearer_auth(token("admin")))
        .await
        .ok();
    let mut seen = 0;
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
            let call = |scope: Option<&str>| {
                let body = json!({"command": "reset", "filter": "info", "all": true, "address": "127.0.0.1", "path": "/livez"});
                let wanted = operation["requestBody"].is_object();
                let request = admin.request(method.clone(), &path_of(template));
                let request = if wanted { request.json(&trimmed(template, &body)) } else { request };
                admin.send(scope.iter().fold(request, |request, scope| request.bearer_auth(token(scope))))
            };
            call(None).await.problem(401);
            call(Some("metrics:read")).await.problem(403);
            let answer = call(Some("admin")).await;
            let documented = &operation["responses"][answer.status.to_string()];
            assert!(documented.is_object(), "{method} {template}: {answer:?}");
            assert!([200, 409].contains(&answer.status), "{method} {template}: {answer:?}");
            if answer.status == 200 && template != "/metrics" {
                let schema = &documented["content"]["application/json"]["schema"];
                let wrong = violations(&document, schema, &answer.json());
                assert!(wrong.is_empty(), "{method} {template}: {wrong:?} {answer:?}");
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 16, "{document}");
    guarded.gateway.stop().await;
}

/// What the call takes of it.
fn trimmed(template: &str, body: &Value) -> Value {
    let member = match template {
        "/admin/v1/circuits/{service}" => "command",
        "/admin/v1/logs" => "filter",
        "/admin/v1/cache/purge" => "all",
        "/admin/v1/explain" => "path",
        _ => "address",
    };
    json!({ member: body[member] })
}
