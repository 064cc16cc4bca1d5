//! By what requests are counted, when it is not by address.

use integridai_tower::rate_limit::{ByApiKey, ByHeader, ByPrincipal, ByRoute, ByTenant, KeyBy, RequestHead};
use integridai_tower::{Principal, PrincipalBuilder};
use serde_json::Value;

use super::*;

fn head(principal: Option<Principal>) -> Request<()> {
    let mut request = Request::get("/a").body(()).unwrap();
    if let Some(principal) = principal {
        request.extensions_mut().insert(principal);
    }
    request
}

fn key_of(by: &impl KeyBy, request: &Request<()>) -> Option<Key> {
    by.key(&RequestHead::from(request))
}

#[test]
fn a_principal_is_its_issuer_and_its_subject() {
    let of = |principal| key_of(&ByPrincipal::new(), &head(Some(principal))).unwrap();
    let alice = || Principal::builder("alice");
    assert_eq!(of(alice().tenant("acme").build()), of(alice().scopes(["x"]).build()));
    assert_ne!(of(alice().issuer("https://a").build()), of(alice().build()));
    assert_ne!(of(alice().issuer("https://a").build()), of(alice().issuer("https://b").build()));
    assert_ne!(
        of(Principal::builder("c").issuer("ab").build()),
        of(Principal::builder("bc").issuer("a").build())
    );
    assert!(key_of(&ByPrincipal::new(), &head(None)).is_none());
}

#[test]
fn a_tenant_and_an_api_key_are_found_where_there_is_one() {
    let bare = || head(Some(Principal::builder("alice").build()));
    assert!(key_of(&ByTenant::new(), &bare()).is_none() && key_of(&ByApiKey::new(), &bare()).is_none());
    let full = Principal::builder("alice").tenant("acme").claim("api_key_id", Value::from("k1")).build();
    let full = head(Some(full));
    assert_eq!(key_of(&ByTenant::new(), &full), Some(Key::new().absent().text("acme")));
    assert_eq!(key_of(&ByApiKey::new(), &full), Some(Key::new().absent().text("k1")));
}

#[test]
fn equal_names_of_two_issuers_share_no_quota() {
    let of = |by: &dyn Fn(&Request<()>) -> Option<Key>, issuer: Option<&'static str>| {
        let principal = Principal::builder("alice").tenant("acme").claim("api_key_id", Value::from("k1"));
        let principal = issuer.into_iter().fold(principal, PrincipalBuilder::issuer);
        by(&head(Some(principal.build()))).unwrap()
    };
    let tenant = |request: &Request<()>| key_of(&ByTenant::new(), request);
    let api_key = |request: &Request<()>| key_of(&ByApiKey::new(), request);
    for by in [&tenant as &dyn Fn(&Request<()>) -> Option<Key>, &api_key] {
        assert_eq!(of(by, Some("https://a")), of(by, Some("https://a")));
        assert_ne!(of(by, Some("https://a")), of(by, Some("https://b")));
        assert_ne!(of(by, Some("https://a")), of(by, None), "a token that claims to be a key of this place");
    }
}

#[test]
fn a_field_counts_as_it_was_sent() {
    let by = ByHeader::new(http::HeaderName::from_static("x-device"));
    let sent = |value: &[u8]| {
        let request = Request::get("/").header("x-device", http::HeaderValue::from_bytes(value).unwrap());
        key_of(&by, &request.body(()).unwrap()).unwrap()
    };
    assert_ne!(sent(b"A"), sent(b"a"));
    assert_eq!(sent(b"\xff\xfe"), Key::new().bytes(b"\xff\xfe"));
}

#[test]
fn routes_are_counted_by_template_and_method_and_none_can_be_invented() {
    let by = ByRoute::new(|request| request.uri.path().starts_with("/users/").then(|| "/users/{id}".into()));
    let key = |method: &str, path: &str| {
        key_of(&by, &Request::builder().method(method).uri(path).body(()).unwrap()).unwrap()
    };
    assert_eq!(key("GET", "/users/1"), key("GET", "/users/2"));
    assert_ne!(key("GET", "/users/1"), key("POST", "/users/1"));
    assert_eq!(key("GET", "/random-1"), key("GET", "/random-2"));
    assert_eq!(key("FOO", "/users/1"), key("BAR", "/users/1"));
    assert_ne!(key("PATCH", "/users/1"), key("BAR", "/users/1"));
}

#[test]
fn keys_can_be_combined_and_do_not_run_into_each_other() {
    let name = |text: &'static str| move |_: &RequestHead<'_>| Some(Key::from(text));
    let nothing = |_: &RequestHead<'_>| None;
    let head = head(None);
    assert_eq!(key_of(&name("a").and(name("b")), &head), Some(Key::from("a").text("b")));
    assert_eq!(key_of(&name("a").and(nothing), &head), None);
    assert_eq!(key_of(&name("a").or(name("b")), &head), Some(Key::from("a")));
    let second = key_of(&nothing.or(name("a")), &head).unwrap();
    assert_ne!(second, Key::from("a"), "nobody can pass for somebody by another way");
    assert_eq!(key_of(&nothing.or(nothing), &head), None);
}

#[test]
fn nobody_shares_a_quota_by_naming_himself_as_another_is_named() {
    let device = || ByHeader::new(http::HeaderName::from_static("x-device"));
    let claims_to_be_alice = || Request::get("/").header("x-device", "alice").body(()).unwrap();
    let alice = head(Some(Principal::builder("alice").build()));
    let by = ByPrincipal::new().or(device());
    assert_ne!(key_of(&by, &alice), key_of(&by, &claims_to_be_alice()), "a principal without an issuer");

    let of_tenant = head(Some(Principal::builder("bob").tenant("alice").build()));
    let by = ByApiKey::new().or(ByTenant::new()).or(device());
    assert_ne!(
        key_of(&by, &of_tenant),
        key_of(&by, &claims_to_be_alice()),
        "the second and the third of three"
    );
    let by = ByApiKey::new().or(ByTenant::new().or(device()));
    assert_ne!(key_of(&by, &of_tenant), key_of(&by, &claims_to_be_alice()), "grouped the other way");
}
