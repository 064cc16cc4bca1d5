//! The OpenAPI document against the routes that run.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use crate::support::client::{Answer, SUBSCRIBE};
use crate::support::document::{document, operations};
use crate::support::gateway::Gateway;
use crate::support::schema::violations;
use crate::support::stream::{STREAM, Stream};

/// A path of the template, with an id that nothing has.
fn path_of(template: &str) -> String {
    template.replace("{id}", "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e")
}

async fn send(gateway: &Gateway, method: &str, path: &str) -> Answer {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    gateway.client.send(gateway.client.request(method, path)).await
}

/// Every value of the document, each with the pointer to it.
fn walk<'a>(value: &'a Value, at: &str, visit: &mut impl FnMut(&str, &'a Value)) {
    visit(at, value);
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            walk(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), visit);
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| walk(item, &format!("{at}/{index}"), visit));
        }
        _ => {}
    }
}

#[tokio::test]
async fn what_is_served_is_what_the_command_prints() {
    let gateway = Gateway::start().await;
    let answer = gateway.client.get("/api/openapi.json").await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(&answer.ok(), document());
    assert!(document()["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")));
    gateway.stop().await;
}

#[tokio::test]
async fn every_documented_operation_runs() {
    let gateway = Gateway::start().await;
    assert!(operations().len() >= 9, "{:?}", document()["paths"]);
    for (template, method, _) in operations() {
        if template == STREAM {
            // It has no end.
            Stream::follow(&gateway.client, "").await;
            continue;
        }
        let answer = send(&gateway, &method, &path_of(template)).await;
        let is_there = match answer.status {
            404 => answer.problem(404)["detail"] == "there is no execution with this id",
            status => status != 405,
        };
        assert!(is_there, "{method} {template}: {answer:?}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_405_allows_exactly_the_documented_methods() {
    let gateway = Gateway::start().await;
    let templates: BTreeSet<&str> = operations().iter().map(|(template, _, _)| *template).collect();
    for template in templates {
        let documented = operations().into_iter().filter(|(other, _, _)| *other == template);
        let mut expected: BTreeSet<String> = documented.map(|(_, method, _)| method).collect();
        if expected.contains("GET") {
            expected.insert("HEAD".to_owned());
        }
        if template == SUBSCRIBE {
            // The handshake over HTTP/2, which OpenAPI cannot describe.
            expected.insert("CONNECT".to_owned());
        }
        for wrong in ["TRACE", "PUT", "PATCH", "OPTIONS", "PURGE"] {
            let answer = send(&gateway, wrong, &path_of(template)).await;
            answer.problem(405);
            let allowed: BTreeSet<String> =
                answer.header("allow").split(',').map(|method| method.trim().to_owned()).collect();
            assert_eq!(allowed, expected, "{wrong} {template}");
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn head_is_answered_like_get_without_a_body() {
    let gateway = Gateway::start().await;
    for (template, method, _) in operations() {
        if method == "GET" && template != STREAM {
            let [get, head] = [
                send(&gateway, "GET", &path_of(template)).await,
                send(&gateway, "HEAD", &path_of(template)).await,
            ];
            assert_eq!((head.status, head.body.len()), (get.status, 0), "{template}");
        }
    }
    gateway.stop().await;
}

#[test]
fn every_operation_says_what_it_is_and_has_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    for (template, method, operation) in operations() {
        assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 5), "{method} {template}");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{method} {template}");
        let name = operation["operationId"].as_str().expect("a name");
        assert!(names.insert(name), "{name} is taken");
        for (status, response) in operation["responses"].as_object().expect("responses") {
            assert!(
                response["description"].as_str().is_some_and(|text| !text.is_empty()),
                "{template} {status}"
            );
            let error = status.starts_with('4') || status.starts_with('5');
            let content = &response["content"]["application/problem+json"]["schema"];
            assert!(!error || content.is_object(), "{method} {template} {status} is a problem document");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let mut references = 0;
    walk(document(), "", &mut |at, value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            references += 1;
            let target = reference.strip_prefix('#').and_then(|pointer| document().pointer(pointer));
            assert!(target.is_some(), "{at}: {reference}");
        }
    });
    assert!(references > 10);
}

#[test]
fn every_example_is_valid() {
    let mut examples = 0;
    walk(document(), "", &mut |at, value| {
        if let (Some(example), Some(_)) =
            (value.get("example"), value.get("type").or(value.get("properties")))
        {
            examples += 1;
            let found = violations(document(), value, example);
            assert!(found.is_empty(), "{at}: {example} {found:?}");
        }
    });
    assert!(examples > 20);
}

#[test]
fn every_documented_field_is_described() {
    let schemas = document()["components"]["schemas"].as_object().expect("schemas");
    for (name, schema) in schemas {
        walk(schema, name, &mut |at, value| {
            let Some(properties) = value.get("properties").and_then(Value::as_object) else { return };
            for (field, schema) in properties.iter().filter(|(field, _)| *field != "type" && *field != "data")
            {
                let says = |schema: &Value| schema.get("description").or(schema.get("$ref")).is_some();
                let any_says = schema["oneOf"].as_array().is_some_and(|any| any.iter().any(says));
                assert!(says(schema) || any_says, "{at}/{field}: {schema}");
            }
        });
    }
}

#[test]
fn the_checker_of_schemas_sees_what_is_wrong() {
    let schema = json!({
        "type": "object",
        "required": ["a"],
        "properties": {
            "a": {"type": "integer", "minimum": 1},
            "b": {"type": ["string", "null"], "enum": ["x", null]},
            "c": {"type": "array", "items": {"$ref": "#/n"}},
            "d": {"oneOf": [{"type": "string"}, {"type": "number"}]},
            "e": {"allOf": [{"type": "number"}, {"exclusiveMinimum": 0}]},
        },
    });
    let document = json!({"n": {"type": "boolean"}});
    let good = json!({"a": 1, "b": null, "c": [true], "d": 1.5, "e": 0.1, "f": "free"});
    assert_eq!(violations(&document, &schema, &good), Vec::<String>::new());
    for (wrong, at) in [
        (json!([]), ": type"),
        (json!({}), ": required"),
        (json!({"a": 0}), "/a: minimum"),
        (json!({"a": 1.5}), "/a: type"),
        (json!({"a": 1, "b": "y"}), "/b: enum"),
        (json!({"a": 1, "c": [true, 1]}), "/c/1: type"),
        (json!({"a": 1, "d": true}), "/d: oneOf"),
        (json!({"a": 1, "e": 0}), "/e: exclusiveMinimum"),
    ] {
        let found = violations(&document, &schema, &wrong);
        assert!(found.iter().any(|violation| violation.starts_with(at)), "{wrong}: {found:?}");
    }
}
