//! The listener for operators of a gateway that serves: what it logs, and that it ends with the gateway.
use reqwest::Client;
use serde_json::{Value, json};

use crate::reloads::{Reloadable, Scene};
use crate::support::{Gateway, Start, ask, client, simulators};

/// The lines with this message.
fn lines(log: &[String], message: &str) -> Vec<Value> {
    let parsed = log.iter().map(|line| serde_json::from_str(line).unwrap());
    parsed.filter(|line: &Value| line["message"] == message).collect()
}

async fn purge(client: &Client, gateway: &Gateway) -> Value {
    let address = lines(&gateway.log(), "listening for operators")[0]["address"].as_str().unwrap().to_owned();
    let request =
        client.post(format!("http://{address}/admin/v1/cache/purge")).json(&json!({"tag": "metrics"}));
    ask(request.header("x-correlation-id", "a-purge")).await.1
}

#[tokio::test]
async fn a_purge_is_logged_with_who_did_it_and_the_listener_ends_with_the_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let (simulators, client) = (simulators(), client());
    let start = Start::new(&folder.path().join("gateway.db")).services(&simulators);
    let mut gateway = start.set("ADMIN__LISTEN", "127.0.0.1:0").run().await;
    gateway.says("listening for operators").await;
    assert_eq!(ask(client.get(gateway.url("/api/v1/metrics/consolidated"))).await.0, 200);
    assert_eq!(purge(&client, &gateway).await, json!({"purged": 1}));
    gateway.says("kept answers were purged").await;
    let exit = gateway.stop().await;
    assert_eq!(exit.code, Some(0));
    let purged = &lines(&exit.log, "kept answers were purged")[0];
    assert_eq!((&purged["by"], &purged["purged"]), (&json!("anonymous"), &json!(1)), "{purged}");
    assert_eq!(
        (&purged["correlation_id"], &purged["chosen"]),
        (&json!("a-purge"), &json!("Tag(\"metrics\")"))
    );
    let answered = lines(&exit.log, "answered");
    let access = answered.iter().find(|line| line["correlation_id"] == "a-purge").unwrap();
    assert_eq!((&access["path"], &access["status"]), (&json!("/admin/v1/cache/purge"), &json!(200)));
}

#[tokio::test]
async fn operators_say_what_is_logged_until_the_configuration_says_something_else() {
    let scene = Scene::set("[logs]\nfilter = \"warn,integridai_gateway::app=info\"\n");
    let mut reloadable = scene.run().await;
    let call = async |reloadable: &Reloadable, id: &str| {
        assert_eq!(ask(reloadable.request("/livez").header("x-correlation-id", id)).await.0, 200);
    };
    call(&reloadable, "before").await;
    let filter = "warn,integridai_gateway::access=info,integridai_gateway::app=info";
    let (status, answer) = reloadable.put("/admin/v1/logs", &json!({"filter": filter})).await;
    assert_eq!((status, &answer["filter"]), (200, &json!(filter)), "{answer}");
    assert_eq!(reloadable.admin("/admin/v1/logs").await.1["filter"], filter);
    for wrong in
        [json!({"filter": "a=b=c"}), json!({"filter": 7}), json!({}), json!({"filter": "info", "for": 5})]
    {
        let (status, problem) = reloadable.put("/admin/v1/logs", &wrong).await;
        assert_eq!(
            (status, problem["errors"].as_array().map(Vec::len)),
            (422, Some(1)),
            "{wrong}: {problem}"
        );
    }
    call(&reloadable, "meanwhile").await;
    reloadable.gateway.prints("meanwhile").await;
    let same = "[logs]\nfilter = \"warn,integridai_gateway::app=info\"\n[server]\nmax_uri_bytes = 99\n";
    reloadable.reloaded(same).await;
    assert_eq!(reloadable.admin("/admin/v1/logs").await.1["filter"], filter, "it says the same as before");
    let quiet = "error,integridai_gateway::app=info";
    reloadable.reloaded(&format!("[logs]\nfilter = \"{quiet}\"\n")).await;
    assert_eq!(reloadable.admin("/admin/v1/logs").await.1["filter"], quiet);
    call(&reloadable, "afterwards").await;
    let exit = reloadable.gateway.stop().await;
    let told = |id: &str| lines(&exit.log, "answered").iter().any(|line| line["correlation_id"] == id);
    assert_eq!((exit.code, ["before", "meanwhile", "afterwards"].map(told)), (Some(0), [false, true, false]));
    assert_eq!(lines(&exit.log, "other events are logged from now on")[0]["by"], "anonymous");
}
