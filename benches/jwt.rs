//! What it costs to verify a token, beside the least that any verification has to do: the signature, base64url and a
//! parse of the claims, with the same cryptography. After the groups it prints how many times that least ours takes.
#![allow(missing_docs, reason = "criterion's macros")]
#![allow(clippy::print_stdout, reason = "the ratios are the result")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use criterion::{Criterion, criterion_group, criterion_main};
use integridai_tower::Principal;
use integridai_tower::auth::jwt::{Algorithm, Issuer, KeySet, Signer, Validator};
use serde::Deserialize;
use serde_json::json;

const NOW: Duration = Duration::from_secs(1_700_000_000);
const SECRET: &[u8] = b"a secret of more than thirty-two bytes";
const ROUNDS: usize = 301;
const ALGORITHMS: [Algorithm; 4] = [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

#[derive(Deserialize)]
#[allow(dead_code, reason = "what is decoded is thrown away")]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    exp: u64,
    iat: u64,
    jti: String,
    scope: String,
    roles: Vec<String>,
}

enum RawKey {
    Secret(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

/// The least: where the parts begin is known beforehand, and the header is not read at all.
struct Raw {
    key: RawKey,
    signed: String,
    claims: String,
    signature: String,
}

impl Raw {
    fn new(signer: &Signer, token: &str) -> Self {
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let (_, claims) = signed.split_once('.').expect("three parts");
        let key = raw_key(signer);
        Self { key, signed: signed.into(), claims: claims.into(), signature: signature.into() }
    }

    fn verify(&self) -> Claims {
        let signature = URL_SAFE_NO_PAD.decode(&self.signature).expect("base64url");
        match &self.key {
            RawKey::Secret(key) => hmac::verify(key, self.signed.as_bytes(), &signature),
            RawKey::Public(key) => key.verify_sig(self.signed.as_bytes(), &signature),
        }
        .expect("the key signed it");
        let claims = URL_SAFE_NO_PAD.decode(&self.claims).expect("base64url");
        serde_json::from_slice(&claims).expect("the claims")
    }
}

fn raw_key(signer: &Signer) -> RawKey {
    let Some(pem) = signer.public_pem() else {
        return RawKey::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, SECRET)));
    };
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(body).expect("base64");
    let key = match signer.algorithm() {
        Algorithm::Rs256 => ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der),
        Algorithm::Es256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, der),
        _ => ParsedPublicKey::new(&ED25519, der),
    };
    RawKey::Public(key.expect("a public key"))
}

/// Both ways for one token.
struct Pair {
    algorithm: Algorithm,
    raw: Raw,
    validator: Validator,
    token: String,
}

impl Pair {
    fn new(algorithm: Algorithm) -> Self {
        let signer = match algorithm {
            Algorithm::Hs256 => Signer::hmac(algorithm, SECRET),
            other => Signer::generate(other),
        };
        let signer = signer.expect("a key").with_id("2026-01");
        let token = signer.sign(&claims()).expect("a token");
        let keys = KeySet::new([signer.verifying_key().expect("a key")]).expect("one key");
        let issuer = Issuer::new("https://issuer.example/").audience("https://api.example/").keys(keys);
        let validator = Validator::new([issuer]).expect("one issuer");
        Self { algorithm, raw: Raw::new(&signer, &token), validator, token }
    }

    fn verify(&self) -> Principal {
        self.validator.verify(&self.token, NOW).expect("a good token")
    }
}

fn claims() -> serde_json::Value {
    json!({
        "iss": "https://issuer.example/",
        "aud": "https://api.example/",
        "sub": "5be86359-073c-434b-ad2d-a3932222dabe",
        "exp": NOW.as_secs() + 600,
        "iat": NOW.as_secs(),
        "jti": "8c4f1d4e-6a0b-4f7d-9c61-2c8a3c3f0b3e",
        "scope": "metrics:read reports:read reports:write",
        "roles": ["analyst", "auditor"],
    })
}

fn verification(criterion: &mut Criterion) {
    let pairs: Vec<Pair> = ALGORITHMS.into_iter().map(Pair::new).collect();
    for pair in &pairs {
        let mut group = criterion.benchmark_group(format!("jwt/{}", pair.algorithm));
        group.bench_function("raw", |bencher| bencher.iter(|| pair.raw.verify()));
        group.bench_function("ours", |bencher| bencher.iter(|| pair.verify()));
        group.finish();
    }
    for pair in &pairs {
        println!("{}: {:.2} x raw", pair.algorithm, ratio(pair));
    }
}

/// The median of rounds in which both take turns, so that a slow moment of the machine meets both.
fn ratio(pair: &Pair) -> f64 {
    let mut ratios: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let raw = time(|| drop(black_box(pair.raw.verify())));
            time(|| drop(black_box(pair.verify()))).as_secs_f64() / raw.as_secs_f64()
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ROUNDS / 2]
}

fn time(work: impl Fn()) -> Duration {
    let started = Instant::now();
    (0..50).for_each(|_| work());
    started.elapsed()
}

criterion_group!(benches, verification);
criterion_main!(benches);
