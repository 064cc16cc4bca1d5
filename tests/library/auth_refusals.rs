//! Every refusal: status, fields, extensions, body.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{Method, Request, request};
use integridai_tower::auth::api_key::{ApiKeyHasher, ApiKeyRing, ApiKeys};
use integridai_tower::auth::{AuthenticateLayer, AuthorizeLayer, Bearer, Decision, Denied, Reason};
use integridai_tower::{CorrelationId, Principal, Refusal};
use serde_json::{Value, json};
use tower::{Layer, service_fn};

use crate::auth::{Reply, ask, bearer, subject, token, with};

fn problem(reply: &Reply) -> Value {
    assert_eq!(reply.headers[CONTENT_TYPE], "application/problem+json");
    assert_eq!(reply.headers[CACHE_CONTROL], "no-store");
    let problem: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(problem["status"], reply.status.as_u16());
    problem
}

async fn authenticate(request: Request<()>) -> Reply {
    ask(AuthenticateLayer::new(bearer()).layer(service_fn(subject)), request).await
}

/// As alice, who has the scopes a and b and the role admin.
async fn authorize(layer: AuthorizeLayer, method: Method) -> Reply {
    let mut request = with(&[]);
    *request.method_mut() = method;
    let alice = Principal::builder("alice").scopes(["a", "b"]).roles(["admin"]).build();
    request.extensions_mut().insert(alice);
    ask(layer.layer(service_fn(subject)), request).await
}

#[tokio::test]
async fn without_credentials_a_challenge_has_no_error() {
    let reply = authenticate(with(&[])).await;
    assert_eq!((reply.status.as_u16(), reply.reason()), (401, Some(Reason::NoCredentials)));
    assert_eq!(reply.challenges(), ["Bearer"]);
    let expected = json!({"type": "about:blank", "title": "Unauthorized", "status": 401,
        "detail": "Credentials are required.", "instance": "/v1/thing"});
    assert_eq!(problem(&reply), expected);
}

#[tokio::test]
async fn credentials_of_another_scheme_are_none() {
    let reply = authenticate(with(&[("authorization", "Basic eDp5")])).await;
    assert_eq!((reply.status.as_u16(), reply.reason()), (401, Some(Reason::NoCredentials)));
    assert_eq!(reply.challenges(), ["Bearer"]);
}

#[tokio::test]
async fn a_wrong_form_is_a_bad_request() {
    let repeated: &[(&str, &str)] = &[("authorization", "Bearer a"), ("authorization", "Bearer a")];
    let mixed: &[(&str, &str)] = &[("authorization", "Basic eDp5"), ("authorization", "Bearer a")];
    let cases = [
        (repeated, Reason::SeveralCredentials),
        (mixed, Reason::SeveralCredentials),
        (&[("authorization", "Bearer a, Bearer b")], Reason::SeveralCredentials),
        (&[("authorization", "Bearer")], Reason::MalformedCredentials),
        (&[("authorization", "bearer \"a\"")], Reason::MalformedCredentials),
        (&[("authorization", "Bearer\ta")], Reason::MalformedCredentials),
        (&[("authorization", "Bearer a b")], Reason::MalformedCredentials),
    ];
    for (fields, reason) in cases {
        let reply = authenticate(with(fields)).await;
        assert_eq!((reply.status.as_u16(), reply.reason()), (401, Some(reason)), "{fields:?}");
        let expected = r#"Bearer error="invalid_token", error_description="The credentials are not valid.""#;
        assert_eq!(reply.challenges(), [expected]);
        assert_eq!(problem(&reply)["detail"], "The credentials are not valid.");
    }
}

#[tokio::test]
async fn case_and_spaces_of_the_field_do_not_matter() {
    for value in ["Bearer alice", "bearer alice", "BEARER   alice", "bEARER  alice"] {
        assert_eq!(authenticate(with(&[("authorization", value)])).await.body, "alice", "{value}");
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_a_token_the_client_reads_the_same() {
    let layer = AuthenticateLayer::new(Bearer::new(|token: &str| -> Result<Principal, Reason> {
        let reasons = [Reason::Expired, Reason::WrongSignature, Reason::WrongAudience, Reason::Revoked];
        Err(reasons[token.len() - 1])
    }));
    let mut replies = Vec::new();
    for text in ["x", "xx", "xxx", "xxxx", &"x".repeat(8193)] {
        let reply = ask(layer.layer(service_fn(subject)), token(text)).await;
        let expected = r#"Bearer error="invalid_token", error_description="The credentials are not valid.""#;
        assert_eq!((reply.status.as_u16(), reply.challenges()), (401, vec![expected]));
        replies.push(reply);
    }
    assert_eq!(replies[4].reason(), Some(Reason::TokenTooLarge));
    assert!(replies.iter().all(|reply| reply.body == replies[0].body && reply.headers == replies[0].headers));
}

#[tokio::test]
async fn what_cannot_be_checked_is_asked_for_later() {
    let layer = AuthenticateLayer::new(Bearer::new(|_: &str| -> Decision { Err(Reason::KeysUnavailable) }));
    let reply = ask(layer.layer(service_fn(subject)), token("x")).await;
    assert_eq!((reply.status.as_u16(), reply.reason()), (503, Some(Reason::KeysUnavailable)));
    assert_eq!((reply.headers[RETRY_AFTER].as_bytes(), reply.challenges().len()), (&b"5"[..], 0));
    assert_eq!(problem(&reply)["title"], "Service Unavailable");
}

#[tokio::test]
async fn each_scheme_is_offered_and_the_one_at_fault_has_the_error() {
    let keys = ApiKeys::new(ApiKeyRing::default(), ApiKeyHasher::plain());
    let layer = AuthenticateLayer::new(bearer()).or(keys).realm("the \"api\"").unwrap();
    let layer = layer.resource_metadata("https://api.example/.well-known/oauth-protected-resource").unwrap();
    let metadata = r#"resource_metadata="https://api.example/.well-known/oauth-protected-resource""#;
    let plain = |scheme: &str| format!(r#"{scheme} realm="the \"api\"", {metadata}"#);
    let error = r#"error="invalid_token", error_description="The credentials are not valid.""#;
    let faulty = |scheme: &str| format!(r#"{scheme} realm="the \"api\"", {error}, {metadata}"#);

    let service = layer.layer(service_fn(subject));
    let reply = ask(service.clone(), with(&[])).await;
    assert_eq!(reply.challenges(), [plain("Bearer"), plain("ApiKey")]);
    let reply = ask(service.clone(), token("wrong")).await;
    assert_eq!(reply.challenges(), [faulty("Bearer"), plain("ApiKey")]);
    let reply = ask(service, with(&[("x-api-key", "wrong")])).await;
    assert_eq!(reply.challenges(), [plain("Bearer"), faulty("ApiKey")]);

    let behind = AuthorizeLayer::behind(&layer);
    let reply = ask(behind.layer(service_fn(subject)), with(&[])).await;
    assert_eq!(reply.challenges(), [plain("Bearer"), plain("ApiKey")]);
}

#[tokio::test]
async fn nobody_may_do_anything() {
    let layer = AuthorizeLayer::new().all_scopes(["a", "b"]).unwrap();
    let reply = ask(layer.layer(service_fn(subject)), with(&[])).await;
    assert_eq!((reply.status.as_u16(), reply.reason()), (401, Some(Reason::NoCredentials)));
    assert_eq!(reply.challenges(), [r#"Bearer scope="a b""#]);
    let reply = ask(AuthorizeLayer::new().layer(service_fn(subject)), with(&[])).await;
    assert_eq!((reply.status.as_u16(), reply.challenges()), (401, vec!["Bearer"]));
}

#[tokio::test]
async fn a_principal_with_all_that_is_required_is_let_in() {
    let layer = AuthorizeLayer::new();
    let layer = layer.all_scopes(["a", "b"]).unwrap().any_scope(["z", "a"]).unwrap();
    let layer = layer.all_roles(["admin"]).unwrap().any_role(["auditor", "admin"]).unwrap();
    let layer = layer.allow_if(|principal: &Principal, request: &request::Parts| {
        principal.subject() == "alice" && request.method == Method::GET
    });
    assert_eq!(authorize(layer.clone(), Method::GET).await.body, "alice");
    let reply = authorize(layer, Method::PUT).await;
    assert_eq!((reply.status.as_u16(), reply.reason()), (403, Some(Reason::Forbidden)));
    assert_eq!(reply.challenges(), ["Bearer"]);
    assert_eq!(problem(&reply)["detail"], "This is not allowed.");
}

#[tokio::test]
async fn a_missing_scope_is_named_and_a_missing_role_is_not() {
    let error =
        r#"Bearer error="insufficient_scope", error_description="The credentials do not suffice for this.""#;
    let scope = |scope: &str| format!(r#"{error}, scope="{scope}""#);
    let new = AuthorizeLayer::new;
    let cases = [
        (new().all_scopes(["a", "c"]), Reason::InsufficientScope, scope("a c")),
        (new().any_scope(["c", "d"]), Reason::InsufficientScope, scope("c")),
        (new().all_roles(["admin", "auditor"]), Reason::InsufficientRole, error.to_owned()),
        (new().any_role(["auditor"]), Reason::InsufficientRole, error.to_owned()),
        (
            new().all_scopes(["a"]).unwrap().any_scope(["c", "a"]).unwrap().all_scopes(["e"]),
            Reason::InsufficientScope,
            scope("a c e"),
        ),
    ];
    for (layer, reason, challenge) in cases {
        let reply = authorize(layer.unwrap(), Method::GET).await;
        assert_eq!((reply.status.as_u16(), reply.reason()), (403, Some(reason)));
        assert_eq!(reply.challenges(), [challenge]);
        assert_eq!(problem(&reply)["title"], "Forbidden");
        let scopes = reply.denied.as_ref().unwrap().required_scopes().is_some();
        assert_eq!(scopes, reason == Reason::InsufficientScope);
    }
}

#[test]
fn requirements_that_cannot_work_are_config_errors() {
    let new = AuthorizeLayer::new;
    for scopes in [vec![], vec![""], vec!["a b"], vec!["a\"b"], vec!["a\\b"], vec!["caf\u{e9}"]] {
        assert_eq!(new().all_scopes(scopes.clone()).unwrap_err().setting(), "all_scopes");
        assert_eq!(new().any_scope(scopes).unwrap_err().setting(), "any_scope");
    }
    for roles in [vec![], vec![""]] {
        assert_eq!(new().all_roles(roles.clone()).unwrap_err().setting(), "all_roles");
        assert_eq!(new().any_role(roles).unwrap_err().setting(), "any_role");
    }
    assert!(new().any_role(["head of \"sales\""]).is_ok(), "a role stands in no field");
}

#[tokio::test]
async fn a_rejection_of_your_own_can_have_the_fields_that_belong_to_it() {
    let layer = AuthorizeLayer::new().all_scopes(["c"]).unwrap().reject_with(
        |denied: &Denied, _: &request::Parts| {
            let mut response = http::Response::new(bytes::Bytes::from_static(b"no"));
            *response.status_mut() = denied.status();
            denied.add_headers(response.headers_mut());
            response
        },
    );
    let reply = authorize(layer, Method::GET).await;
    assert_eq!((reply.status.as_u16(), &*reply.body, reply.challenges().len()), (403, "no", 1));
}

#[tokio::test]
async fn the_problem_names_the_correlation_id() {
    let mut request = with(&[]);
    request.extensions_mut().insert("order-4711".parse::<CorrelationId>().unwrap());
    assert_eq!(problem(&authenticate(request).await)["correlation_id"], "order-4711");
}
