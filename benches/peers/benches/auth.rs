//! Authentication beside the crates that a team would use instead, in one run: the same token, the same checks (signature,
//! `iss`, `aud`, `exp`), with each crate's own way in. Ours goes from the request's fields to a principal; so does the
//! layer of tower-oauth2-resource-server; the others get the token alone. After the groups the ratios, each the median
//! of rounds in which all take turns.
#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its findings")]

#[path = "auth/caller.rs"]
mod caller;
#[path = "auth/peers.rs"]
mod peers;
#[path = "auth/turns.rs"]
mod turns;

use std::hint::black_box;

use aws_lc_rs::{digest, hmac};
use criterion::Criterion;
use integridai_tower::auth::api_key::{ApiKeyHasher, ApiKeyRecord, ApiKeyRing, ApiKeys};
use integridai_tower::auth::jwt::Algorithm;

use caller::{Caller, Fixture};
use turns::{Contender, compare};

const PEPPER: &[u8] = b"0123456789abcdef0123456789abcdef";

fn tokens(criterion: &mut Criterion, algorithm: Algorithm) {
    let fixture = Fixture::new(algorithm);
    let cached = Caller::with_token(fixture.tokens(true), &fixture.token);
    let uncached = Caller::with_token(fixture.tokens(false), &fixture.token);
    cached.is_let_in();
    let mut contenders: Vec<Contender<'_>> = vec![
        ("ours, cached", Box::new(|| cached.is_let_in())),
        ("ours, uncached", Box::new(|| uncached.is_let_in())),
    ];
    contenders.extend(peers::all(&fixture));
    compare(criterion, &format!("auth/{algorithm}"), &contenders, "best peer", 2..);
}

fn api_keys(criterion: &mut Criterion) {
    for (name, hasher) in [
        ("SHA-256", ApiKeyHasher::plain()),
        ("HMAC-SHA-256", ApiKeyHasher::peppered(PEPPER).expect("32 bytes")),
    ] {
        let (key, record) = ApiKeyRecord::issue("igd", "bench", &hasher).expect("a key");
        let ring = ApiKeyRing::new([record]).expect("one key");
        let caller = Caller::with_key(ApiKeys::new(ring, hasher), key.expose());
        let text = key.expose().to_owned();
        let pepper = hmac::Key::new(hmac::HMAC_SHA256, PEPPER);
        let contenders: Vec<Contender<'_>> = vec![
            ("ours", Box::new(|| caller.is_let_in())),
            (
                "raw digest",
                Box::new(|| match name {
                    "SHA-256" => drop(black_box(digest::digest(&digest::SHA256, text.as_bytes()))),
                    _ => drop(black_box(hmac::sign(&pepper, text.as_bytes()))),
                }),
            ),
        ];
        compare(criterion, &format!("API key/{name}"), &contenders, "raw digest", 1..);
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    tokens(&mut criterion, Algorithm::Hs256);
    tokens(&mut criterion, Algorithm::Es256);
    api_keys(&mut criterion);
    criterion.final_summary();
}
