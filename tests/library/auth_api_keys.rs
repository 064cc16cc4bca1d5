//! API keys from the field to the principal.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use http::header::AUTHORIZATION;
use integridai_tower::auth::api_key::{ApiKey, ApiKeyHasher, ApiKeyRecord, ApiKeyRing, ApiKeys, FindApiKey};
use integridai_tower::auth::{AuthenticateLayer, Authenticated, Reason, Scheme};
use integridai_tower::{Clock, Principal, PrincipalKind};
use tower::{Layer, service_fn};

use crate::auth::{Reply, ask, fields, subject, with};

const NOW: Duration = Duration::from_secs(1_800_000_000);

struct Keys {
    hasher: ApiKeyHasher,
    ring: ApiKeyRing,
    clock: Clock,
}

impl Keys {
    fn new() -> Self {
        let hasher = ApiKeyHasher::peppered(&[7; 32]).unwrap();
        Self { hasher, ring: ApiKeyRing::default(), clock: Clock::stopped(NOW) }
    }

    fn issue(&self, change: impl FnOnce(ApiKeyRecord) -> ApiKeyRecord) -> ApiKey {
        let (key, record) = ApiKeyRecord::issue("igd", "billing", &self.hasher).unwrap();
        self.ring.insert(change(record));
        key
    }

    fn authenticator(&self) -> ApiKeys<ApiKeyRing> {
        ApiKeys::new(self.ring.clone(), self.hasher.clone()).clock(self.clock.clone())
    }

    async fn ask(&self, key: &str) -> Reply {
        let service = AuthenticateLayer::new(self.authenticator()).layer(service_fn(subject));
        ask(service, with(&[("x-api-key", key)])).await
    }

    async fn reason(&self, key: &str) -> Option<Reason> {
        let reply = self.ask(key).await;
        assert_eq!(reply.status.as_u16(), if reply.reason().is_some() { 401 } else { 200 });
        reply.reason()
    }

    fn record(&self, key: &ApiKey) -> ApiKeyRecord {
        ApiKeyRecord::clone(&self.ring.find(key.id()).unwrap())
    }
}

#[tokio::test]
async fn a_key_is_read_from_its_field_or_its_scheme() {
    let keys = Keys::new();
    let key = keys.issue(|record| record);
    let service = AuthenticateLayer::new(keys.authenticator()).layer(service_fn(subject));
    let (key, scheme) = (key.expose(), format!("apikey {}", key.expose()));
    assert_eq!(ask(service.clone(), with(&[("X-API-Key", key)])).await.body, "billing");
    assert_eq!(ask(service.clone(), with(&[("authorization", &scheme)])).await.body, "billing");
    let twice: [&[(&str, &str)]; 2] =
        [&[("x-api-key", key), ("x-api-key", key)], &[("x-api-key", key), ("authorization", &scheme)]];
    for request in twice {
        let reply = ask(service.clone(), with(request)).await;
        assert_eq!((reply.status.as_u16(), reply.reason()), (401, Some(Reason::SeveralCredentials)));
    }
    let reply = ask(service, with(&[("authorization", "Bearer x")])).await;
    assert_eq!((reply.reason(), reply.challenges()), (Some(Reason::NoCredentials), vec!["ApiKey"]));
}

#[tokio::test]
async fn field_and_scheme_are_yours_to_name() {
    let keys = Keys::new();
    let key = keys.issue(|record| record);
    let key = key.expose();
    let named = keys.authenticator().header(HeaderName::from_static("x-key")).scheme(Scheme::new("Key"));
    let service = AuthenticateLayer::new(named).layer(service_fn(subject));
    assert_eq!(ask(service.clone(), with(&[("x-key", key)])).await.body, "billing");
    assert_eq!(ask(service.clone(), with(&[("authorization", &format!("Key {key}"))])).await.body, "billing");
    let reply = ask(service, with(&[("x-api-key", key)])).await;
    assert_eq!((reply.reason(), reply.challenges()), (Some(Reason::NoCredentials), vec!["Key"]));
    let scheme_alone = keys.authenticator().header(AUTHORIZATION);
    let service = AuthenticateLayer::new(scheme_alone).layer(service_fn(subject));
    assert_eq!(ask(service, with(&[("authorization", &format!("ApiKey {key}"))])).await.body, "billing");
}

#[tokio::test]
async fn a_key_does_not_go_on() {
    let keys = Keys::new();
    let key = keys.issue(|record| record);
    let service: Authenticated<_> = AuthenticateLayer::new(keys.authenticator()).layer(service_fn(fields));
    let request = with(&[("x-api-key", key.expose()), ("authorization", "Basic eDp5"), ("accept", "*/*")]);
    assert_eq!(ask(service, request).await.body, "accept: */*");
}

#[tokio::test]
async fn a_wrong_key_is_refused_for_what_is_wrong_with_it() {
    let keys = Keys::new();
    let key = keys.issue(|record| record);
    let (stranger, _) = ApiKeyRecord::issue("igd", "stranger", &keys.hasher).unwrap();
    assert_eq!(keys.reason(key.expose()).await, None);
    assert_eq!(keys.reason(stranger.expose()).await, Some(Reason::UnknownApiKey));
    for malformed in ["", "igd_x", &key.expose()[1..], &format!("{} ", key.expose()), key.id()] {
        assert_eq!(keys.reason(malformed).await, Some(Reason::MalformedApiKey), "{malformed}");
    }
    let other_secret = keys.record(&key).rotate(&keys.hasher, NOW).unwrap();
    assert_eq!(other_secret.id(), key.id());
    assert_eq!(keys.reason(other_secret.expose()).await, Some(Reason::WrongSecret));
}

#[tokio::test]
async fn a_key_ends() {
    let keys = Keys::new();
    let key = keys.issue(|record| record.expires_at(NOW + Duration::from_secs(10)));
    keys.clock.advance(Duration::from_secs(9));
    assert_eq!(keys.reason(key.expose()).await, None);
    keys.clock.advance(Duration::from_secs(1));
    assert_eq!(keys.reason(key.expose()).await, Some(Reason::Expired));
    let mut record = keys.record(&key);
    record.revoke();
    assert!(record.is_revoked());
    keys.ring.insert(record);
    assert_eq!(keys.reason(key.expose()).await, Some(Reason::Revoked));
    keys.ring.remove(key.id());
    assert_eq!(keys.reason(key.expose()).await, Some(Reason::UnknownApiKey));
}

#[tokio::test]
async fn two_secrets_live_while_users_change_over() {
    let keys = Keys::new();
    let first = keys.issue(|record| record);
    let mut record = keys.record(&first);
    let second = record.rotate(&keys.hasher, NOW + Duration::from_secs(10)).unwrap();
    keys.ring.insert(record.clone());
    for key in [&first, &second] {
        assert_eq!(keys.reason(key.expose()).await, None);
    }
    keys.clock.advance(Duration::from_secs(10));
    assert_eq!(keys.reason(first.expose()).await, Some(Reason::Expired));
    assert_eq!(keys.reason(second.expose()).await, None);

    let third = record.rotate(&keys.hasher, NOW + Duration::from_secs(99)).unwrap();
    let written = serde_json::to_value(&record).unwrap();
    assert_eq!(written["secrets"].as_array().unwrap().len(), 2, "two live at most");
    keys.ring.insert(record);
    assert_eq!(keys.reason(first.expose()).await, Some(Reason::WrongSecret));
    for key in [&second, &third] {
        assert_eq!(keys.reason(key.expose()).await, None);
    }
}

#[tokio::test]
async fn a_principal_ends_with_the_secret_that_was_presented() {
    let keys = Keys::new();
    let old = keys.issue(|record| record.expires_at(NOW + Duration::from_secs(60)));
    let mut record = keys.record(&old);
    let new = record.rotate(&keys.hasher, NOW + Duration::from_secs(10)).unwrap();
    keys.ring.insert(record);
    let end = service_fn(async |request: http::Request<()>| {
        let end = request.extensions().get::<Principal>().unwrap().expires_at().unwrap();
        Ok(crate::endpoint::answer(200, (end - NOW).as_secs().to_string()))
    });
    let service = AuthenticateLayer::new(keys.authenticator()).layer(end);
    for (key, seconds) in [(old, "10"), (new, "60")] {
        assert_eq!(ask(service.clone(), with(&[("x-api-key", key.expose())])).await.body, seconds);
    }
}

#[tokio::test]
async fn under_another_pepper_a_key_is_wrong() {
    let keys = Keys::new();
    let key = keys.issue(|record| record);
    for hasher in [ApiKeyHasher::plain(), ApiKeyHasher::peppered(&[8; 32]).unwrap()] {
        let service = AuthenticateLayer::new(ApiKeys::new(keys.ring.clone(), hasher));
        let reply = ask(service.layer(service_fn(subject)), with(&[("x-api-key", key.expose())])).await;
        assert_eq!(reply.reason(), Some(Reason::WrongSecret));
    }
}

#[tokio::test]
async fn a_record_has_no_secret_and_survives_a_file() {
    let keys = Keys::new();
    let key = keys.issue(|record| {
        let record = record.tenant("acme").scopes(["b", "a"]).roles(["auditor"]);
        record.expires_at(NOW + Duration::from_secs(60)).kind(PrincipalKind::User)
    });
    let mut record = keys.record(&key);
    let second = record.rotate(&keys.hasher, NOW + Duration::from_secs(5)).unwrap();
    let written = serde_json::to_string(&record).unwrap();
    for key in [&key, &second] {
        let secret = key.expose().rsplit('_').next().unwrap();
        assert!(!written.contains(secret) && !format!("{record:?} {key:?}").contains(secret));
    }
    let read: ApiKeyRecord = serde_json::from_str(&written).unwrap();
    assert_eq!(read.principal(), record.principal());
    let expected = Principal::builder("billing").tenant("acme").scopes(["a", "b"]).roles(["auditor"]);
    let expected = expected.claim("api_key_id", key.id().into());
    assert_eq!(*read.principal(), expected.expires_at(NOW + Duration::from_secs(60)).build());
    keys.ring.replace([read]).unwrap();
    for key in [key, second] {
        assert_eq!(keys.ask(key.expose()).await.body, "billing");
    }
}

#[test]
fn no_digest_is_printed() {
    let keys = Keys::new();
    let record = keys.record(&keys.issue(|record| record));
    let written = serde_json::to_value(&record).unwrap();
    let digest = written["secrets"][0]["digest"].as_str().unwrap().strip_prefix("hmac-sha256:").unwrap();
    let printed = format!("{record:?} {:?} {:?}", keys.ring, keys.authenticator());
    assert!(digest.len() == 64 && printed.contains("billing") && !printed.contains(digest), "{printed}");
}

#[test]
fn a_record_that_cannot_be_one_is_not_read() {
    let keys = Keys::new();
    let good = serde_json::to_value(keys.record(&keys.issue(|record| record))).unwrap();
    let with = |field: &str, value: serde_json::Value| {
        let mut record = good.clone();
        record[field] = value;
        serde_json::from_value::<ApiKeyRecord>(record)
    };
    assert!(with("revoked", false.into()).is_ok());
    let secret = &good["secrets"][0];
    assert!(with("secrets", serde_json::json!([secret, secret, secret])).is_err());
    let wrong =
        [("id", "igd"), ("id", ""), ("subject", ""), ("secrets", "x"), ("kind", "x"), ("unknown", "x")];
    for (field, value) in wrong {
        assert!(with(field, value.into()).is_err(), "{field}: {value}");
    }
}

#[test]
fn two_records_of_one_id_are_a_config_error() {
    let keys = Keys::new();
    let record = keys.record(&keys.issue(|record| record));
    assert_eq!(keys.ring.replace([record.clone(), record.clone()]).unwrap_err().setting(), "records");
    assert_eq!(keys.ring.records().len(), 1, "nothing changed");
    assert!(ApiKeyRing::new([record]).is_ok());
}

#[tokio::test]
async fn keys_may_be_found_by_a_closure() {
    let keys = Keys::new();
    let key = keys.issue(|record| record);
    let found = Arc::new(keys.record(&key));
    let find = move |id: &str| (id == found.id()).then(|| Arc::clone(&found));
    let layer = AuthenticateLayer::new(ApiKeys::new(find, keys.hasher.clone()));
    let reply = ask(layer.layer(service_fn(subject)), with(&[("x-api-key", key.expose())])).await;
    assert_eq!(reply.body, "billing");
}
