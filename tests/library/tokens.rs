//! The verifier of tokens: what it remembers, and what makes it forget.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use integridai_tower::Clock;
use integridai_tower::auth::jwt::{Algorithm, Issuer, KeySet, ProvideKeys, Signer, Validator};
use integridai_tower::auth::{
    Attempt, Authenticate, CheckRevocation, Reason, RevocationList, TokenFacts, TokenVerifier,
};
use serde_json::{Value, json};

use crate::auth::token as request_with;

const ISSUER: &str = "https://id.test";
const NOW: u64 = 1_700_000_000;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn signer(id: &str) -> Signer {
    Signer::generate(Algorithm::EdDsa).unwrap().with_id(id)
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": "api", "sub": "ann", "jti": "t1", "iat": NOW, "exp": NOW + 600 })
}

fn set(signer: &Signer) -> KeySet {
    KeySet::new([signer.verifying_key().unwrap()]).unwrap()
}

fn verifier(issuer: Issuer, clock: &Clock) -> TokenVerifier {
    TokenVerifier::new(Validator::new([issuer.audience("api")]).unwrap()).clock(clock.clone())
}

fn verdict(attempt: Attempt) -> Result<String, Reason> {
    match attempt {
        Attempt::Decided(decision) => decision.map(|found| found.unwrap().subject().to_owned()),
        Attempt::Waiting(_) => panic!("nothing is waited for"),
    }
}

/// Counts how often it is asked, which is how often a signature was checked.
#[derive(Default)]
struct Asked(AtomicUsize);

impl CheckRevocation for Asked {
    fn is_revoked(&self, _: &TokenFacts<'_>) -> bool {
        self.0.fetch_add(1, Ordering::SeqCst);
        false
    }
}

#[test]
fn a_token_is_checked_once_until_it_ends_or_is_forgotten() {
    let (signer, clock, asked) = (signer("k"), Clock::stopped(at(NOW)), Arc::new(Asked::default()));
    let issuer = Issuer::new(ISSUER).keys(set(&signer)).leeway(Duration::ZERO);
    let tokens = verifier(issuer, &clock).revocation(Arc::clone(&asked));
    let token = signer.sign(&claims()).unwrap();
    let checks = || asked.0.load(Ordering::SeqCst);
    assert_eq!(
        (verdict(tokens.verify(&token)), verdict(tokens.verify(&token))),
        (Ok("ann".into()), Ok("ann".into()))
    );
    assert_eq!(checks(), 1);
    tokens.clone().forget_tokens();
    assert_eq!((verdict(tokens.verify(&token)), checks()), (Ok("ann".into()), 2));
    clock.advance(at(600));
    assert_eq!(verdict(tokens.verify(&token)), Err(Reason::Expired));
}

#[test]
fn a_token_that_is_remembered_can_be_revoked_in_each_way() {
    let revoke: [fn(&RevocationList); 3] = [
        |list| list.revoke_token(ISSUER, "t1", at(NOW + 660), at(NOW)).unwrap(),
        |list| list.revoke_subject(ISSUER, "ann", at(NOW + 1)).unwrap(),
        |list| list.revoke_issued_before(at(NOW + 1)),
    ];
    for revoke in revoke {
        let (signer, list) = (signer("k"), Arc::new(RevocationList::new(10)));
        let issuer = Issuer::new(ISSUER).keys(set(&signer));
        let tokens = verifier(issuer, &Clock::stopped(at(NOW))).revocation(Arc::clone(&list));
        let token = signer.sign(&claims()).unwrap();
        assert_eq!(verdict(tokens.verify(&token)), Ok("ann".into()));
        revoke(&list);
        assert_eq!(verdict(tokens.verify(&token)), Err(Reason::Revoked));
    }
}

#[test]
fn what_is_set_on_a_clone_holds_for_tokens_that_the_other_remembers() {
    let (signer, clock) = (signer("k"), Clock::stopped(at(NOW)));
    let lax = verifier(Issuer::new(ISSUER).keys(set(&signer)), &clock);
    let strict = lax.clone().revocation(|_: &TokenFacts<'_>| true);
    let later = lax.clone().clock(Clock::stopped(at(NOW + 700)));
    let token = signer.sign(&claims()).unwrap();
    assert_eq!(verdict(lax.verify(&token)), Ok("ann".into()));
    assert_eq!(verdict(strict.verify(&token)), Err(Reason::Revoked));
    assert_eq!(verdict(later.verify(&token)), Err(Reason::Expired));
}

/// Revokes a token right after it said that it was not.
#[derive(Default)]
struct TooLate(AtomicU64);

impl CheckRevocation for TooLate {
    fn is_revoked(&self, _: &TokenFacts<'_>) -> bool {
        self.0.fetch_add(1, Ordering::SeqCst) > 0
    }

    fn version(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

#[test]
fn a_token_that_is_revoked_while_it_is_checked_is_not_remembered() {
    let signer = signer("k");
    let issuer = Issuer::new(ISSUER).keys(set(&signer));
    let tokens = verifier(issuer, &Clock::stopped(at(NOW))).revocation(TooLate::default());
    let token = signer.sign(&claims()).unwrap();
    assert_eq!(verdict(tokens.verify(&token)), Ok("ann".into()));
    assert_eq!(verdict(tokens.verify(&token)), Err(Reason::Revoked));
}

/// The second set replaces the first right after that was read; a reload is of no use any more.
struct JustReplaced {
    sets: [KeySet; 2],
    read: AtomicUsize,
}

impl ProvideKeys for JustReplaced {
    fn keys(&self) -> Option<KeySet> {
        let read = self.read.fetch_add(1, Ordering::SeqCst);
        self.sets.get(read.min(1)).cloned()
    }

    fn version(&self) -> u64 {
        self.read.load(Ordering::SeqCst).min(1) as u64
    }
}

#[test]
fn a_key_that_comes_while_its_token_is_checked_is_found() {
    let (old, new) = (signer("old"), signer("new"));
    let source = JustReplaced { sets: [set(&old), set(&new)], read: AtomicUsize::new(0) };
    let tokens = verifier(Issuer::new(ISSUER).keys_from(source), &Clock::stopped(at(NOW)));
    assert_eq!(verdict(tokens.verify(&new.sign(&claims()).unwrap())), Ok("ann".into()));
}

#[test]
fn a_key_that_goes_while_its_token_is_checked_ends_it_the_next_time() {
    let (old, new) = (signer("old"), signer("new"));
    let source = JustReplaced { sets: [set(&old), set(&new)], read: AtomicUsize::new(0) };
    let tokens = verifier(Issuer::new(ISSUER).keys_from(source), &Clock::stopped(at(NOW)));
    let token = old.sign(&claims()).unwrap();
    assert_eq!(verdict(tokens.verify(&token)), Ok("ann".into()));
    assert_eq!(verdict(tokens.verify(&token)), Err(Reason::UnknownKey));
}

#[test]
fn how_long_a_token_may_be_is_for_the_validator_to_say() {
    let signer = signer("k");
    let issuer = || Issuer::new(ISSUER).keys(set(&signer)).audience("api");
    let mut claims = claims();
    claims["groups"] = "g".repeat(9_000).into();
    let head = request_with(&signer.sign(&claims).unwrap()).into_parts().0;
    for (max_bytes, expected) in [(8 << 10, Err(Reason::TokenTooLarge)), (16 << 10, Ok("ann".into()))] {
        let validator = Validator::new([issuer()]).unwrap().max_bytes(max_bytes);
        let tokens = TokenVerifier::new(validator).clock(Clock::stopped(at(NOW)));
        assert_eq!(verdict(tokens.authenticate(&head)), expected);
    }
}
