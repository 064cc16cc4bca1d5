//! What holds for all bytes.

use std::time::Duration;

use integridai_tower::auth::jwt::{Algorithm, JwksReader, Key, KeySet, Signer, Validator};
use proptest::collection::vec;
use proptest::prelude::*;

use super::forge::{claims, door, good, headed, issuer, now, saying_text};

#[allow(unreachable_pub, reason = "a crate of its own beside the fuzz targets")]
#[path = "../../../fuzz/src/lib.rs"]
mod bodies;

/// A part of a token with a byte or two changed, cut or repeated.
fn damaged(text: String) -> impl Strategy<Value = Vec<u8>> {
    let length = text.len();
    (Just(text.into_bytes()), 0..length, 0..length, any::<u8>(), 0..5_u8).prop_map(
        |(text, from, to, byte, way)| {
            let (from, to) = (from.min(to), from.max(to));
            match way {
                0 => [&text[..from], &text[to..]].concat(),
                1 => [&text[..to], &text[from..]].concat(),
                2 => [&text[..from], &[byte], &text[from..]].concat(),
                3 => [&text[..from], &[byte], &text[from + 1..]].concat(),
                _ => text[..from].to_vec(),
            }
        },
    )
}

fn asymmetric() -> impl Strategy<Value = Algorithm> {
    proptest::sample::select(&Algorithm::ALL[..])
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..300), header in ".{0,40}", claims in ".{0,80}") {
        bodies::token(&bytes);
        bodies::token(headed(&header).as_bytes());
        bodies::token(saying_text(&claims).as_bytes());
        bodies::jwks(&bytes);
        bodies::pem(&bytes);
        bodies::fields(&bytes);
    }

    #[test]
    fn no_damaged_part_makes_it_panic_or_is_accepted_as_another(
        header in damaged(r#"{"alg":"HS256","typ":"JWT","kid":"HS256"}"#.into()),
        text in damaged(claims().to_string()),
    ) {
        for token in [headed(&header), saying_text(&text)] {
            bodies::token(token.as_bytes());
            if let Ok(principal) = door().verify(&token, now()) {
                prop_assert!(!principal.subject().is_empty());
                prop_assert_eq!(principal.issuer(), Some(super::forge::ISSUER));
            }
        }
    }

    #[test]
    fn a_token_in_which_any_bit_is_another_is_refused(algorithm in asymmetric(), place: prop::sample::Index, bit in 0..8_u8) {
        let mut token = good(algorithm).into_bytes();
        let at = place.index(token.len());
        token[at] ^= 1_u8 << bit;
        prop_assert!(door().verify(&token, now()).is_err(), "{algorithm}: byte {at}, bit {bit}");
    }

    #[test]
    fn a_token_with_bytes_before_behind_or_less_is_refused(more in vec(any::<u8>(), 1..5), cut: prop::sample::Index) {
        let token = good(Algorithm::Hs256).into_bytes();
        for other in [[&more[..], &token].concat(), [&token, &more[..]].concat(), token[..cut.index(token.len())].to_vec()] {
            prop_assert!(door().verify(&other, now()).is_err());
        }
    }

    #[test]
    fn a_time_is_between_its_bounds_or_the_token_is_refused(
        exp in 0..4_000_000_000_u64, nbf in 0..4_000_000_000_u64, now in 0..4_000_000_000_u64, leeway in 0..100_000_u64,
    ) {
        let mut claims = claims();
        claims["exp"] = exp.into();
        claims["nbf"] = nbf.into();
        let issuer = issuer().leeway(Duration::from_secs(leeway));
        let verdict = Validator::new([issuer]).unwrap().verify(super::forge::saying(&claims), Duration::from_secs(now));
        prop_assert_eq!(verdict.is_ok(), now < exp + leeway && now + leeway >= nbf);
    }

    #[test]
    fn whatever_is_signed_is_what_is_read(subject in ".{1,40}", scopes in vec("[!-~&&[^\"\\\\]]{1,8}", 0..6)) {
        let mut claims = claims();
        claims["sub"] = subject.clone().into();
        claims["scope"] = scopes.join(" ").into();
        let token = super::forge::signer(Algorithm::EdDsa).sign(&claims).unwrap();
        let principal = door().verify(&token, now()).unwrap();
        prop_assert_eq!(principal.subject(), subject);
        prop_assert!(scopes.iter().all(|scope| principal.has_scope(scope)));
    }

    #[test]
    fn no_damaged_key_set_makes_it_panic(json in damaged(all_keys()), pem in damaged(pem())) {
        bodies::jwks(&json);
        bodies::pem(&pem);
        if let Ok(loaded) = JwksReader::new().read(&json) {
            prop_assert!(loaded.keys.len() + loaded.skipped.len() <= 100);
        }
    }
}

/// Every bit of one token of each kind; the property above has the other algorithms.
#[test]
fn a_token_is_refused_whichever_of_its_bits_is_another() {
    for algorithm in [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let token = good(algorithm).into_bytes();
        for place in 0..8 * token.len() {
            let mut other = token.clone();
            other[place / 8] ^= 1_u8 << (place % 8);
            assert!(door().verify(&other, now()).is_err(), "{algorithm}: bit {place}");
        }
    }
}

fn all_keys() -> String {
    let keys: Vec<_> =
        Algorithm::ALL.into_iter().filter_map(|of| super::forge::signer(of).public_jwk()).collect();
    serde_json::json!({ "keys": keys }).to_string()
}

fn pem() -> String {
    super::forge::signer(Algorithm::Es256).public_pem().unwrap()
}

#[test]
fn a_key_of_the_same_kind_does_not_verify_what_another_signed() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::EdDsa] {
        let other = Signer::generate(algorithm).unwrap().verifying_key().unwrap();
        let keys = KeySet::new([Key::with_id(other, algorithm.as_str())]).unwrap();
        let validator = Validator::new([issuer().keys(keys)]).unwrap();
        assert!(validator.verify(good(algorithm), now()).is_err(), "{algorithm}");
    }
}
