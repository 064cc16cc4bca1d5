//! The OpenAPI document, and what it promises of an answer.

use std::sync::LazyLock;

use http::Method;
use serde_json::Value;

use super::client::Answer;
use super::schema;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = integridai_gateway::app::openapi().expect("the document can be written");
    serde_json::from_str(&text).expect("the document is JSON")
});

/// What the `openapi` command prints.
pub(crate) fn document() -> &'static Value {
    &DOCUMENT
}

/// Every documented operation: path template, method in capitals, description.
pub(crate) fn operations() -> Vec<(&'static str, String, &'static Value)> {
    let paths = document()["paths"].as_object().expect("there are paths");
    let of_path = |(path, item): (&'static String, &'static Value)| {
        let item = item.as_object().expect("a path is an object");
        item.iter().map(|(method, operation)| (path.as_str(), method.to_ascii_uppercase(), operation))
    };
    paths.iter().flat_map(of_path).collect()
}

fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let wanted = if *method == Method::HEAD { "GET" } else { method.as_str() };
    let found =
        operations().into_iter().find(|(template, method, _)| method == wanted && matches(template, path));
    found.map(|(_, _, operation)| operation)
}

/// One segment may be a parameter.
fn matches(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    let same = |(wanted, given): (&&str, &&str)| wanted == given || wanted.starts_with('{');
    template.len() == path.len() && template.iter().zip(&path).all(same)
}

/// Fails when the operation is documented and this status is not, or the body is of another shape.
pub(crate) fn check(method: &Method, path: &str, answer: &Answer) {
    let Some(operation) = operation(method, path) else { return };
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{method} {path} does not document this: {answer:?}");
    // A part of it, or none.
    let is_partial = *method == Method::HEAD || [206, 304].contains(&answer.status);
    let is_empty = response["content"].is_null() && answer.text().is_empty();
    if is_partial || is_empty || answer.headers.contains_key("content-encoding") {
        return;
    }
    let essence = answer.header("content-type").split(';').next().unwrap_or_default();
    let schema = &response["content"][essence]["schema"];
    assert!(schema.is_object(), "{method} {path} does not document {essence}: {answer:?}");
    if essence.ends_with("json") {
        let violations = schema::violations(document(), schema, &answer.json());
        assert!(violations.is_empty(), "{method} {path} is not as documented: {violations:?}\n{answer:?}");
    }
}

/// Fails when an event is none of the documented ones.
pub(crate) fn check_event(event: &Value) {
    let subscribe = operation(&Method::GET, super::client::SUBSCRIBE).expect("it is documented");
    let content = subscribe["responses"]["101"]["content"].as_object().expect("events are documented");
    let schema = &content.values().next().expect("with a type")["schema"];
    let violations = schema::violations(document(), schema, event);
    assert!(violations.is_empty(), "an event is not as documented: {violations:?}\n{event}");
}
