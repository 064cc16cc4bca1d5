//! Tokens that were not signed with the key that the issuer signs with, or not in the way that this key is for.

use aws_lc_rs::{hmac, signature};
use integridai_tower::auth::Reason;
use integridai_tower::auth::jwt::Algorithm;

use super::forge::{
    Row, assert_refused, b64, claims, door, ecdsa, good, headed, header, mac, now, pem_body, resigned,
    saying, sha256, sign, signed, signer, with,
};

/// What the header says, over the signature of another algorithm's key.
fn confused(said: &str, kid: &str, signing: Algorithm) -> String {
    signed(signing, format!(r#"{{"alg":"{said}","kid":"{kid}"}}"#), claims().to_string())
}

/// A token signed by HMAC with something that everybody knows.
fn known_secret(kid: &str, secret: &[u8]) -> String {
    let message =
        format!("{}.{}", b64(format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#)), b64(claims().to_string()));
    let tag = mac(hmac::HMAC_SHA256, secret, message.as_bytes());
    format!("{message}.{}", b64(tag))
}

fn unsigned(header: &str) -> String {
    format!("{}.{}.", b64(header), b64(claims().to_string()))
}

#[test]
fn unsecured_tokens_are_refused_however_they_spell_it() {
    let rows: [Row; 12] = [
        ("none", unsigned(r#"{"alg":"none"}"#), Reason::Unsecured),
        ("None", unsigned(r#"{"alg":"None"}"#), Reason::Unsecured),
        ("NONE", unsigned(r#"{"alg":"NONE"}"#), Reason::Unsecured),
        ("nOnE", unsigned(r#"{"alg":"nOnE"}"#), Reason::Unsecured),
        ("none, escaped", unsigned(r#"{"alg":"\u006eone"}"#), Reason::Unsecured),
        ("none, with a kid", unsigned(r#"{"alg":"none","kid":"HS256"}"#), Reason::Unsecured),
        ("none, signed nevertheless", headed(r#"{"alg":"none"}"#), Reason::Unsecured),
        ("no alg", headed(r#"{"typ":"JWT"}"#), Reason::MalformedToken),
        ("an empty alg", headed(r#"{"alg":""}"#), Reason::WrongAlgorithm),
        ("alg is null", headed(r#"{"alg":null}"#), Reason::MalformedToken),
        ("alg is an array", headed(r#"{"alg":["HS256","none"]}"#), Reason::MalformedToken),
        ("alg with space", headed(r#"{"alg":"none "}"#), Reason::WrongAlgorithm),
    ];
    assert_refused(&rows);
}

#[test]
fn an_algorithm_that_is_not_the_keys_is_refused() {
    let rows: [Row; 15] = [
        ("HS256 in small letters", confused("hs256", "HS256", Algorithm::Hs256), Reason::WrongAlgorithm),
        ("HS1", confused("HS1", "HS256", Algorithm::Hs256), Reason::WrongAlgorithm),
        ("RS1", confused("RS1", "RS256", Algorithm::Rs256), Reason::WrongAlgorithm),
        ("ES256K", confused("ES256K", "ES256", Algorithm::Es256), Reason::WrongAlgorithm),
        (
            "an algorithm of encryption",
            confused("RSA-OAEP", "RS256", Algorithm::Rs256),
            Reason::WrongAlgorithm,
        ),
        ("RS256 key, PS256 said", confused("PS256", "RS256", Algorithm::Ps256), Reason::WrongAlgorithm),
        ("PS256 key, RS256 said", confused("RS256", "PS256", Algorithm::Rs256), Reason::WrongAlgorithm),
        ("RS256 key, RS512 said", confused("RS512", "RS256", Algorithm::Rs512), Reason::WrongAlgorithm),
        ("HS512 key, HS256 said", confused("HS256", "HS512", Algorithm::Hs256), Reason::WrongAlgorithm),
        ("ES256 key, EdDSA said", confused("EdDSA", "ES256", Algorithm::EdDsa), Reason::WrongAlgorithm),
        ("ES384 key, ES256 said", confused("ES256", "ES384", Algorithm::Es256), Reason::WrongAlgorithm),
        ("RS256 said, PS256 signed", confused("RS256", "RS256", Algorithm::Ps256), Reason::WrongSignature),
        ("PS256 said, RS256 signed", confused("PS256", "PS256", Algorithm::Rs256), Reason::WrongSignature),
        ("ES256 said, ES384 signed", confused("ES256", "ES256", Algorithm::Es384), Reason::WrongSignature),
        ("HS256 said, HS512 signed", confused("HS256", "HS256", Algorithm::Hs512), Reason::WrongSignature),
    ];
    assert_refused(&rows);
}

#[test]
fn what_everybody_knows_is_no_secret() {
    let pem = signer(Algorithm::Rs256).public_pem().unwrap();
    let point = pem_body(&signer(Algorithm::EdDsa).public_pem().unwrap());
    let rows: [Row; 9] = [
        ("the public key in PEM", known_secret("RS256", pem.as_bytes()), Reason::WrongAlgorithm),
        (
            "the same without its last line break",
            known_secret("RS256", pem.trim().as_bytes()),
            Reason::WrongAlgorithm,
        ),
        ("the public key in DER", known_secret("RS256", &pem_body(&pem)), Reason::WrongAlgorithm),
        ("an Ed25519 point", known_secret("EdDSA", &point[12..]), Reason::WrongAlgorithm),
        (
            "the public key in PEM, for the real secret",
            known_secret("HS256", pem.as_bytes()),
            Reason::WrongSignature,
        ),
        ("an empty secret", known_secret("HS256", b""), Reason::WrongSignature),
        ("the word secret", known_secret("HS256", b"secret"), Reason::WrongSignature),
        ("the issuer's name", known_secret("HS256", super::forge::ISSUER.as_bytes()), Reason::WrongSignature),
        ("the id of the key", known_secret("HS256", b"HS256"), Reason::WrongSignature),
    ];
    assert_refused(&rows);
}

#[test]
fn the_id_of_a_key_is_looked_up_and_nothing_else() {
    let named = |kid: &str| headed(serde_json::json!({ "alg": "HS256", "kid": kid }).to_string());
    let rows: [Row; 12] = [
        ("a path", named("../../../../dev/null"), Reason::UnknownKey),
        ("an absolute path", named("/dev/null"), Reason::UnknownKey),
        ("SQL", named("x' UNION SELECT 'secret' -- "), Reason::UnknownKey),
        ("a command", named("$(id)|id;`id`"), Reason::UnknownKey),
        ("an address", named("https://evil.example/key.pem"), Reason::UnknownKey),
        ("LDAP", named("*)(uid=*))(|(uid=*"), Reason::UnknownKey),
        ("a format", named("%s%n{}{0}${jndi:ldap://evil}"), Reason::UnknownKey),
        ("empty", named(""), Reason::UnknownKey),
        ("very long", named(&"k".repeat(5000)), Reason::UnknownKey),
        ("the right one and NUL", named("HS256\0"), Reason::UnknownKey),
        ("the right one in small letters", named("hs256"), Reason::UnknownKey),
        ("that of another algorithm", named("RS256"), Reason::WrongAlgorithm),
    ];
    assert_refused(&rows);
}

#[test]
fn signatures_that_were_cut_extended_or_borrowed_are_refused() {
    let [hs, rs, es, ed] = [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];
    let stripped = |algorithm| resigned(algorithm, |_| Vec::new());
    let cut = |algorithm| resigned(algorithm, |mut bytes| bytes.split_off(1));
    let extended = |algorithm| resigned(algorithm, |bytes| [bytes, vec![0]].concat());
    let zeros = |algorithm| resigned(algorithm, |bytes| vec![0; bytes.len()]);
    let other = saying(&with("sub", "admin"));
    let borrowed = format!("{}.{}", other.rsplit_once('.').unwrap().0, good(hs).rsplit_once('.').unwrap().1);
    let rows: [Row; 17] = [
        ("HS256 stripped", stripped(hs), Reason::WrongSignature),
        ("RS256 stripped", stripped(rs), Reason::WrongSignature),
        ("ES256 stripped", stripped(es), Reason::WrongSignature),
        ("EdDSA stripped", stripped(ed), Reason::WrongSignature),
        ("HS256 cut", cut(hs), Reason::WrongSignature),
        ("RS256 cut", cut(rs), Reason::WrongSignature),
        ("ES256 cut", cut(es), Reason::WrongSignature),
        ("EdDSA cut", cut(ed), Reason::WrongSignature),
        ("HS256 cut to one byte", resigned(hs, |bytes| bytes[..1].to_vec()), Reason::WrongSignature),
        ("HS256 extended", extended(hs), Reason::WrongSignature),
        ("RS256 extended", extended(rs), Reason::WrongSignature),
        ("ES256 extended", extended(es), Reason::WrongSignature),
        ("EdDSA extended", extended(ed), Reason::WrongSignature),
        ("RS256 of zeros", zeros(rs), Reason::WrongSignature),
        ("longer than any signature", resigned(hs, |_| vec![1; 1025]), Reason::MalformedToken),
        ("the signature of other claims", borrowed, Reason::WrongSignature),
        ("the hash, unsigned", resigned(rs, |_| sha256(b"")), Reason::WrongSignature),
    ];
    assert_refused(&rows);
}

/// The order of P-256, big-endian.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

#[test]
fn ecdsa_signatures_have_two_numbers_in_their_range_and_no_other_form() {
    let es = Algorithm::Es256;
    let message = good(es).rsplit_once('.').unwrap().0.to_owned();
    let in_der = ecdsa(es, &signature::ECDSA_P256_SHA256_ASN1_SIGNING, message.as_bytes());
    let pair = |r: &[u8], s: &[u8]| [r, s].concat();
    let one = {
        let mut one = [0; 32];
        one[31] = 1;
        one
    };
    let rows: [Row; 11] = [
        ("psychic: both zero", resigned(es, |_| vec![0; 64]), Reason::WrongSignature),
        ("psychic: both the order", resigned(es, |_| pair(&ORDER, &ORDER)), Reason::WrongSignature),
        ("r is zero", resigned(es, |good| pair(&[0; 32], &good[32..])), Reason::WrongSignature),
        ("s is zero", resigned(es, |good| pair(&good[..32], &[0; 32])), Reason::WrongSignature),
        ("r is the order", resigned(es, |good| pair(&ORDER, &good[32..])), Reason::WrongSignature),
        ("s is the order", resigned(es, |good| pair(&good[..32], &ORDER)), Reason::WrongSignature),
        ("both one", resigned(es, |_| pair(&one, &one)), Reason::WrongSignature),
        ("all ones", resigned(es, |_| vec![0xff; 64]), Reason::WrongSignature),
        ("in DER", format!("{message}.{}", b64(in_der)), Reason::WrongSignature),
        ("r and s exchanged", resigned(es, |good| pair(&good[32..], &good[..32])), Reason::WrongSignature),
        (
            "as long as that of P-384",
            resigned(es, |good| {
                [vec![0; 16], good[..32].to_vec(), vec![0; 16], good[32..].to_vec()].concat()
            }),
            Reason::WrongSignature,
        ),
    ];
    assert_refused(&rows);
}

/// RFC 7518 §3.4 does not ask for the smaller of the two values of s, and signers do not choose it: a token is not its
/// signature, so nothing may be remembered by it.
#[test]
fn the_greater_s_of_ecdsa_is_as_good() {
    let turned = resigned(Algorithm::Es256, |good| {
        let mut borrow = 0;
        let mut s = [0; 32];
        for index in (0..32).rev() {
            let difference = i16::from(ORDER[index]) - i16::from(good[32 + index]) - borrow;
            borrow = i16::from(difference < 0);
            s[index] = u8::try_from(difference.rem_euclid(256)).unwrap();
        }
        [&good[..32], &s].concat()
    });
    assert!(door().verify(turned, now()).is_ok());
}

#[test]
fn eddsa_signatures_are_canonical() {
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let plus_order = |good: Vec<u8>| {
        let mut carry = 0;
        let s: Vec<u8> = (0..32)
            .map(|index| {
                let sum = u16::from(good[32 + index]) + u16::from(L[index]) + carry;
                carry = sum >> 8;
                sum.to_le_bytes()[0]
            })
            .collect();
        [&good[..32], &s].concat()
    };
    let identity = {
        let mut point = [0; 64];
        point[0] = 1;
        point.to_vec()
    };
    let rows: [Row; 4] = [
        ("s plus the order", resigned(Algorithm::EdDsa, plus_order), Reason::WrongSignature),
        (
            "a point of small order, and zero",
            resigned(Algorithm::EdDsa, |_| identity),
            Reason::WrongSignature,
        ),
        ("zeros", resigned(Algorithm::EdDsa, |_| vec![0; 64]), Reason::WrongSignature),
        (
            "the hash signed instead of the message",
            resigned(Algorithm::EdDsa, |_| {
                let token = good(Algorithm::EdDsa);
                sign(Algorithm::EdDsa, &sha256(token.rsplit_once('.').unwrap().0.as_bytes()))
            }),
            Reason::WrongSignature,
        ),
    ];
    assert_refused(&rows);
}

#[test]
fn claims_or_header_of_another_token_do_not_fit() {
    let token = good(Algorithm::Rs256);
    let [head, _, tail] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let admin = b64(with("sub", "admin").to_string());
    let rows: [Row; 3] = [
        ("other claims", format!("{head}.{admin}.{tail}"), Reason::WrongSignature),
        (
            "other header",
            format!("{}.{}.{tail}", b64(r#"{"alg":"RS256"}"#), b64(claims().to_string())),
            Reason::WrongSignature,
        ),
        (
            "the same header in other words",
            format!("{}.{}.{tail}", b64(header(Algorithm::Rs256) + " "), b64(claims().to_string())),
            Reason::WrongSignature,
        ),
    ];
    assert_refused(&rows);
}
