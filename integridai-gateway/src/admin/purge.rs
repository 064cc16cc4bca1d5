//! `POST /admin/v1/cache/purge`

use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use http::StatusCode;
use http::uri::PathAndQuery;
use integridai_tower::Principal;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::body::{invalid, unreadable, wrong};
use super::{Admin, State};
use crate::api::{CONSOLIDATED, CONSOLIDATED_TAGS};
use crate::respond::{FieldError, Problem, ProblemSchema};
use crate::services::{Chosen, KeptAnswers};

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Purged {
    /// URLs of which an answer was removed or made stale.
    purged: usize,
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Purge {
    chosen: Chosen,
    /// Answers are made stale: they stand in if new ones cannot be had.
    is_soft: bool,
}

/// Removes kept answers: of a `path`, of all paths with a `prefix`, with a `tag`, or `all`.
///
/// With `soft` they become stale: they stand in if new ones cannot be had.
#[utoipa::path(
    post,
    path = "/admin/v1/cache/purge",
    tag = "cache",
    request_body(content = Object, example = json!({"tag": "regtech", "soft": true})),
    responses(
        (status = 200, description = "How much that was", body = Purged),
        (status = 409, description = "Nothing is kept", body = ProblemSchema, content_type = "application/problem+json"),
        (status = 422, description = "Not exactly one of `path`, `prefix`, `tag` and `all`, or members that are wrong", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
#[allow(clippy::unused_async, reason = "a handler")]
pub(super) async fn purge(
    axum::extract::State(admin): State,
    Extension(principal): Extension<Principal>,
    body: Result<Json<Value>, JsonRejection>,
) -> Result<Json<Purged>, Problem> {
    let Json(body) = body.map_err(|rejection| unreadable(&rejection))?;
    let purge = parse(&body).map_err(invalid)?;
    let answers = answers(&admin)?;
    if purge.chosen.covers(CONSOLIDATED, CONSOLIDATED_TAGS) {
        // First, or a request in between would have the old figures kept again.
        admin.consolidated.expire();
    }
    let purged = answers.purge(&purge.chosen, purge.is_soft);
    let (by, Purge { chosen, is_soft }) = (principal.subject(), &purge);
    tracing::info!(by, ?chosen, is_soft, purged, "kept answers were purged");
    Ok(Json(Purged { purged }))
}

pub(super) fn answers(admin: &Admin) -> Result<&KeptAnswers, Problem> {
    let disabled = || Problem::new(StatusCode::CONFLICT, "nothing is kept: cache.disabled is true");
    admin.answers.as_ref().ok_or_else(disabled)
}

const ONE_CHOICE: &str = "expected exactly one of `path`, `prefix`, `tag` and `all`";

fn parse(body: &Value) -> Result<Purge, Vec<FieldError>> {
    let members = body.as_object().ok_or_else(|| vec![wrong("", "expected an object")])?;
    let (mut choices, mut errors) = (Vec::new(), Vec::new());
    for (name, value) in members {
        match choice(name, value) {
            Ok(choice) => choices.extend(choice),
            Err(detail) => errors.push(wrong(&format!("/{}", pointer_of(name)), detail)),
        }
    }
    if choices.len() > 1 || (choices.is_empty() && errors.is_empty()) {
        errors.push(wrong("", ONE_CHOICE));
    }
    match choices.pop() {
        Some(chosen) if errors.is_empty() => Ok(Purge { chosen, is_soft: is_soft(members) }),
        _ => Err(errors),
    }
}

/// What a member chooses, if it is one that does.
fn choice(name: &str, value: &Value) -> Result<Option<Chosen>, &'static str> {
    let text = value.as_str().unwrap_or_default();
    match name {
        "path" if is_path(text) => Ok(Some(Chosen::Path(text.to_owned()))),
        "prefix" if is_path(text) => Ok(Some(Chosen::Prefix(text.to_owned()))),
        "path" | "prefix" => Err("expected a URL path that begins with `/`, without a query"),
        "tag" if is_tag(text) => Ok(Some(Chosen::Tag(text.to_owned()))),
        "tag" => Err("expected a tag: visible ASCII characters, at least one, without spaces"),
        "all" if value == &Value::Bool(true) => Ok(Some(Chosen::All)),
        "all" => Err("expected true"),
        "soft" if value.is_boolean() => Ok(None),
        "soft" => Err("expected true or false"),
        _ => Err("unknown; expected `path`, `prefix`, `tag`, `all` and `soft`"),
    }
}

fn is_soft(members: &Map<String, Value>) -> bool {
    members.get("soft").and_then(Value::as_bool).unwrap_or(false)
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && !text.contains(['?', '#']) && text.parse::<PathAndQuery>().is_ok()
}

fn is_tag(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A member's name in a JSON pointer (RFC 6901 §3).
fn pointer_of(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_choice_is_taken_soft_or_not() {
        for (body, chosen, is_soft) in [
            (json!({"path": "/a/b"}), Chosen::Path("/a/b".to_owned()), false),
            (json!({"prefix": "/", "soft": true}), Chosen::Prefix("/".to_owned()), true),
            (json!({"soft": false, "tag": "regtech"}), Chosen::Tag("regtech".to_owned()), false),
            (json!({"all": true}), Chosen::All, false),
        ] {
            assert_eq!(parse(&body), Ok(Purge { chosen, is_soft }), "{body}");
        }
    }

    #[test]
    fn whatever_else_is_said_is_wrong_with_a_pointer() {
        for (body, pointers) in [
            (json!([]), &[""][..]),
            (json!({}), &[""]),
            (json!({"soft": true}), &[""]),
            (json!({"path": "/a", "tag": "b"}), &[""]),
            (json!({"all": true, "prefix": "/"}), &[""]),
            (json!({"all": false}), &["/all"]),
            (json!({"path": ""}), &["/path"]),
            (json!({"path": "a"}), &["/path"]),
            (json!({"path": "/a?b"}), &["/path"]),
            (json!({"path": "/a#b"}), &["/path"]),
            (json!({"path": "/a b"}), &["/path"]),
            (json!({"prefix": "http://x/"}), &["/prefix"]),
            (json!({"prefix": null}), &["/prefix"]),
            (json!({"tag": "a b"}), &["/tag"]),
            (json!({"tag": ["a"]}), &["/tag"]),
            (json!({"tag": "a", "soft": "yes"}), &["/soft"]),
            (json!({"tag": "a", "x/y~z": 1}), &["/x~1y~0z"]),
            (json!({"path": 1, "tag": ""}), &["/path", "/tag"]),
        ] {
            let errors = parse(&body).unwrap_err();
            let found: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
            assert_eq!(found, pointers, "{body}");
        }
    }
}
