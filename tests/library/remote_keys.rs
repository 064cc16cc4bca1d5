//! Keys from a real server: rotation, outage, slow and hostile endpoints.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use integridai_tower::auth::{Attempt, Reason, RemoteKeys};
use integridai_tower::client::transport::HyperTransport;
use serde_json::json;

use crate::key_server::{Answer, Fetching, ISSUER, KeyServer, set, signer, token};
use crate::peer::soon;

fn subject(decision: &integridai_tower::auth::Decision) -> Result<&str, Reason> {
    decision
        .as_ref()
        .map(|found| found.as_ref().map_or("", |found| found.subject()))
        .map_err(|reason| *reason)
}

#[tokio::test]
async fn a_new_key_is_fetched_once_however_many_tokens_name_it() {
    let (old, new) = (signer(), signer());
    let server = KeyServer::start(set(&[&old])).await;
    let fetching = Fetching::from(&server).await;
    assert_eq!(subject(&fetching.decide(&token(&old, "ann")).await), Ok("ann"));
    server.answer(set(&[&old, &new]));
    let tokens: Vec<String> = (0..50).map(|number| token(&new, &format!("user-{number}"))).collect();
    let decisions = soon(join_all(tokens.iter().map(|token| fetching.decide(token)))).await;
    for (number, decision) in decisions.iter().enumerate() {
        assert_eq!(subject(decision), Ok(&*format!("user-{number}")));
    }
    assert_eq!(server.asked(), 2, "at the start, and once for all of them");
}

#[tokio::test]
async fn within_the_cooldown_an_unknown_key_is_refused_at_once() {
    let (known, unknown) = (signer(), signer());
    let server = KeyServer::start(set(&[&known])).await;
    let options = RemoteKeys::jwks(server.url()).cooldown(Duration::from_secs(3_600));
    let fetching = Fetching::with(options).await;
    for _ in 0..10 {
        let attempt = fetching.tokens.verify(&token(&unknown, "eve"));
        assert!(matches!(attempt, Attempt::Decided(Err(Reason::UnknownKey))), "{attempt:?}");
    }
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn only_so_many_wait_for_a_fetch() {
    let (known, unknown) = (signer(), signer());
    let server = KeyServer::start(set(&[&known])).await;
    let options = RemoteKeys::jwks(server.url()).cooldown(Duration::ZERO).max_waiting(3);
    let fetching = Fetching::with(options).await;
    server.answer(Answer::Never);
    let attempts: Vec<Attempt> =
        (0..10).map(|number| fetching.tokens.verify(&token(&unknown, &number.to_string()))).collect();
    let waiting = attempts.iter().filter(|attempt| matches!(attempt, Attempt::Waiting(_))).count();
    assert_eq!(waiting, 3);
    drop(attempts);
    assert!(
        matches!(fetching.tokens.verify(&token(&unknown, "x")), Attempt::Waiting(_)),
        "they gave their places back"
    );
}

#[tokio::test]
async fn keys_outlast_an_outage_and_the_status_tells_of_it() {
    let known = signer();
    let server = KeyServer::start(set(&[&known])).await;
    let options =
        RemoteKeys::jwks(server.url()).cooldown(Duration::ZERO).refresh_every(Duration::from_millis(10));
    let fetching = Fetching::with(options).await;
    assert_eq!(fetching.keys.status().last_error, None);
    server.answer(Answer::Text("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"));
    soon(async {
        while fetching.keys.status().last_error.is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let status = fetching.keys.status();
    assert!(status.is_ready() && status.last_success.is_some());
    assert!(status.last_error.as_ref().unwrap().contains("503"), "{status:?}");
    assert_eq!(subject(&fetching.decide(&token(&known, "ann")).await), Ok("ann"));
}

#[tokio::test]
async fn a_key_that_is_withdrawn_ends_the_tokens_that_were_verified_with_it() {
    let (old, new) = (signer(), signer());
    let server = KeyServer::start(set(&[&old])).await;
    let fetching = Fetching::from(&server).await;
    let remembered = token(&old, "ann");
    assert_eq!(subject(&fetching.decide(&remembered).await), Ok("ann"));
    server.answer(set(&[&new]));
    assert_eq!(subject(&fetching.decide(&token(&new, "bob")).await), Ok("bob"));
    assert_eq!(subject(&fetching.decide(&remembered).await), Err(Reason::UnknownKey));
}

/// What a hostile endpoint sends, and what is said of it.
const HOSTILE: [(&str, Answer, &str); 6] = [
    ("huge", Answer::Bytes(300 * 1024), "more than 262144 bytes"),
    ("garbage", Answer::Text("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n<x>"), "cannot be used"),
    (
        "no keys",
        Answer::Text("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"keys\":[]}"),
        "none of the keys",
    ),
    (
        "redirect",
        Answer::Text("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"),
        "302",
    ),
    ("no HTTP", Answer::Text("SSH-2.0-x\r\n\r\n"), "could not be fetched"),
    ("cut off", Answer::Text("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{"), "in time"),
];

#[tokio::test]
async fn a_hostile_endpoint_changes_nothing() {
    let (known, unknown) = (signer(), signer());
    let server = KeyServer::start(set(&[&known])).await;
    let options = RemoteKeys::jwks(server.url()).cooldown(Duration::ZERO).timeout(Duration::from_millis(300));
    let fetching = Fetching::with(options).await;
    for (name, answer, said) in HOSTILE {
        server.answer(answer);
        let decision = soon(fetching.decide(&token(&unknown, "eve"))).await;
        assert_eq!(subject(&decision), Err(Reason::UnknownKey), "{name}");
        soon(async {
            while !fetching.keys.status().last_error.is_some_and(|error| error.contains(said)) {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(subject(&fetching.decide(&token(&known, name)).await), Ok(name));
    }
}

#[tokio::test]
async fn one_bad_key_does_not_spoil_the_others() {
    let good = signer();
    let bad = json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "bad", "alg": "ES256"});
    let keys = json!({ "keys": [bad, good.public_jwk()] });
    let server = KeyServer::start(Answer::Json(keys)).await;
    let fetching = Fetching::from(&server).await;
    assert_eq!(subject(&fetching.decide(&token(&good, "ann")).await), Ok("ann"));
    let status = fetching.keys.status();
    assert_eq!((status.keys, status.skipped.len()), (1, 1));
    assert_eq!(status.skipped[0].id.as_deref(), Some("bad"));
}

#[tokio::test]
async fn while_the_endpoint_hangs_known_keys_are_checked_as_fast_as_before() {
    const ROUNDS: usize = 200;
    let (known, unknown) = (signer(), signer());
    let server = KeyServer::start(set(&[&known])).await;
    let fetching = Fetching::from(&server).await;
    let tokens: Vec<String> = (0..2 * ROUNDS).map(|number| token(&known, &number.to_string())).collect();
    let check = |tokens: &[String]| {
        let begin = Instant::now();
        for token in tokens {
            // Not one of them waits: that is what holds; how long it took is for the reader.
            assert!(matches!(fetching.tokens.verify(token), Attempt::Decided(Ok(Some(_)))));
        }
        begin.elapsed()
    };
    let before = check(&tokens[..ROUNDS]);
    server.answer(Answer::Never);
    let Attempt::Waiting(mut hangs) = fetching.tokens.verify(&token(&unknown, "eve")) else {
        panic!("an unknown key has the keys fetched")
    };
    soon(async {
        while server.asked() < 2 {
            assert!(futures_util::poll!(&mut hangs).is_pending());
            tokio::task::yield_now().await;
        }
    })
    .await;
    let during = check(&tokens[ROUNDS..]);
    println!(
        "while the endpoint hangs: {:.2} of the time before",
        during.as_secs_f64() / before.as_secs_f64()
    );
}

#[tokio::test]
async fn discovery_takes_the_issuer_at_its_word() {
    let known = signer();
    let keys = KeyServer::start(set(&[&known])).await;
    let issuer = KeyServer::start(Answer::Never).await;
    issuer.answer(Answer::Json(json!({ "issuer": issuer.url(), "jwks_uri": keys.url() })));
    let fetching = Fetching::with(RemoteKeys::discovery(issuer.url())).await;
    assert!(fetching.keys.status().is_ready());
    for (document, said) in [
        (json!({ "issuer": ISSUER, "jwks_uri": keys.url() }), "another issuer"),
        (json!({ "issuer": issuer.url(), "jwks_uri": "http://keys.example/" }), "not https"),
        (json!({ "issuer": issuer.url() }), "expected form"),
    ] {
        issuer.answer(Answer::Json(document));
        let fetching = Fetching::with(RemoteKeys::discovery(issuer.url())).await;
        let error = fetching.keys.status().last_error.expect("it was refused");
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn keys_from_elsewhere_need_https() {
    for (url, accepted) in [
        ("https://id.example/keys", true),
        ("http://127.0.0.1:1/keys", true),
        ("http://localhost/keys", true),
        ("http://id.example/keys", false),
        ("ftp://id.example/keys", false),
        ("id.example", false),
        ("", false),
    ] {
        assert_eq!(RemoteKeys::jwks(url).build(HyperTransport::new()).is_ok(), accepted, "{url}");
    }
    for issuer in ["https://id.example?a", "https://id.example/#a"] {
        let error = RemoteKeys::discovery(issuer).build(HyperTransport::new()).unwrap_err();
        assert_eq!(error.setting(), "issuer", "{issuer}: OpenID Connect Discovery 1.0 §4.1 has none");
    }
    let allowed = RemoteKeys::jwks("http://id.example/keys").dangerous_allow_http();
    assert!(allowed.build(HyperTransport::new()).is_ok());
}

#[tokio::test]
async fn the_refresh_ends_with_the_last_who_has_the_keys() {
    let server = KeyServer::start(Answer::Never).await;
    let (keys, refresh) = RemoteKeys::jwks(server.url()).build(HyperTransport::new()).unwrap();
    let refresh = tokio::spawn(refresh);
    drop(keys.clone());
    assert!(!refresh.is_finished());
    server.answer(set(&[&signer()]));
    soon(async {
        while server.asked() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(keys);
    soon(refresh).await.expect("it ends by itself");
}

#[tokio::test]
async fn when_nobody_fetches_any_more_nobody_waits() {
    let (known, unknown) = (signer(), signer());
    let server = KeyServer::start(set(&[&known])).await;
    let fetching = Fetching::from(&server).await;
    server.answer(Answer::Never);
    let Attempt::Waiting(waiting) = fetching.tokens.verify(&token(&unknown, "eve")) else {
        panic!("an unknown key has the keys fetched")
    };
    soon(async {
        while server.asked() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    fetching.stop();
    assert_eq!(subject(&waiting.await), Err(Reason::UnknownKey), "it does not wait for its time to end");
    let attempt = fetching.tokens.verify(&token(&unknown, "eve"));
    assert!(matches!(attempt, Attempt::Decided(Err(Reason::UnknownKey))), "{attempt:?}");
    assert_eq!(subject(&fetching.decide(&token(&known, "ann")).await), Ok("ann"));
    assert!(fetching.keys.status().last_error.is_some_and(|error| error.contains("dropped")));
}

#[tokio::test]
async fn a_key_without_an_id_does_not_keep_a_new_one_out() {
    let (old, new) = (signer(), signer());
    let mut unnamed = old.public_jwk().unwrap();
    unnamed.as_object_mut().unwrap().remove("kid");
    let server = KeyServer::start(Answer::Json(json!({ "keys": [unnamed] }))).await;
    let fetching = Fetching::from(&server).await;
    assert_eq!(subject(&fetching.decide(&token(&old, "ann")).await), Ok("ann"), "it fits every id");
    server.answer(set(&[&new]));
    assert_eq!(subject(&fetching.decide(&token(&new, "bob")).await), Ok("bob"));
}

#[tokio::test]
async fn a_set_may_be_as_large_as_it_was_told() {
    let known = signer();
    let padded = json!({ "keys": [known.public_jwk()], "padding": "x".repeat(300 * 1024) });
    let server = KeyServer::start(Answer::Json(padded)).await;
    let fetching = Fetching::with(RemoteKeys::jwks(server.url()).max_bytes(400 * 1024)).await;
    assert_eq!(subject(&fetching.decide(&token(&known, "ann")).await), Ok("ann"));
}

#[test]
fn a_pace_that_cannot_work_is_a_config_error() {
    let options = || RemoteKeys::jwks("https://id.example/keys");
    let minute = Duration::from_secs(60);
    for (options, setting) in [
        (options().refresh_every(Duration::ZERO), "refresh_every"),
        (options().timeout(Duration::ZERO), "timeout"),
        (options().max_age(Duration::ZERO), "max_age"),
        (options().refresh_every(minute).max_age(minute), "max_age"),
    ] {
        assert_eq!(options.build(HyperTransport::new()).unwrap_err().setting(), setting);
    }
    assert!(options().refresh_every(minute).max_age(2 * minute).build(HyperTransport::new()).is_ok());
}
