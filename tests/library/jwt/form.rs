//! Tokens whose form is wrong: parts, base64url, JSON, and headers that ask for more than is given.

use integridai_tower::auth::Reason;
use integridai_tower::auth::jwt::Algorithm;
use serde_json::json;

use super::forge::{Row, assert_refused, claims, door, good, headed, now, saying_text, signed};

const HS256: Algorithm = Algorithm::Hs256;

fn parts() -> [String; 3] {
    let token = good(HS256);
    let parts: Vec<String> = token.split('.').map(ToOwned::to_owned).collect();
    parts.try_into().unwrap()
}

#[test]
fn tokens_of_a_wrong_number_of_parts_are_refused() {
    let [header, claims, signature] = parts();
    let rows: [Row; 14] = [
        ("nothing", String::new(), Reason::MalformedToken),
        ("a word", "token".into(), Reason::MalformedToken),
        ("dots alone", "..".into(), Reason::MalformedToken),
        ("four dots alone", "....".into(), Reason::Nested),
        ("two parts", format!("{header}.{claims}"), Reason::MalformedToken),
        ("four parts", format!("{header}.{claims}.{signature}.{signature}"), Reason::MalformedToken),
        ("a dot at the end", format!("{header}.{claims}.{signature}."), Reason::MalformedToken),
        ("a dot at the start", format!(".{header}.{claims}.{signature}"), Reason::MalformedToken),
        (
            "five parts, as if encrypted",
            format!("{header}.{claims}.{claims}.{claims}.{signature}"),
            Reason::Nested,
        ),
        ("six parts", format!("{header}.a.a.a.a.{signature}"), Reason::MalformedToken),
        ("no header", format!(".{claims}.{signature}"), Reason::MalformedToken),
        ("no claims", format!("{header}..{signature}"), Reason::MalformedToken),
        (
            "the JSON form of a JWS",
            json!({ "payload": claims, "signatures": [] }).to_string(),
            Reason::MalformedToken,
        ),
        (
            "the field's scheme left on",
            format!("Bearer {header}.{claims}.{signature}"),
            Reason::MalformedToken,
        ),
    ];
    assert_refused(&rows);
}

#[test]
fn tokens_that_are_not_base64url_to_the_letter_are_refused() {
    let [header, claims, signature] = parts();
    let last_changed = |part: &str| {
        let (start, last) = part.split_at(part.len() - 1);
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let index = alphabet.find(last).unwrap();
        // The lowest bit of the last sextet of 32 bytes is not part of any byte.
        format!("{start}{}", &alphabet[index ^ 1..=(index ^ 1)])
    };
    let padded = signed(HS256, r#"{"alg":"HS256"}  "#, super::forge::claims().to_string());
    let rows: [Row; 14] = [
        ("trailing bits", format!("{header}.{claims}.{}", last_changed(&signature)), Reason::MalformedToken),
        ("a padded signature", format!("{header}.{claims}.{signature}="), Reason::MalformedToken),
        ("a padded header", padded.replacen('.', "=.", 1), Reason::MalformedToken),
        ("an impossible length", format!("{header}.{claims}.{signature}AA"), Reason::MalformedToken),
        ("space before", format!(" {header}.{claims}.{signature}"), Reason::MalformedToken),
        ("space after", format!("{header}.{claims}.{signature} "), Reason::MalformedToken),
        ("a line break after", format!("{header}.{claims}.{signature}\r\n"), Reason::MalformedToken),
        ("space within", format!("{header}. {claims}.{signature}"), Reason::MalformedToken),
        (
            "a tab within the claims",
            format!("{header}.{}\t{}.{signature}", &claims[..4], &claims[4..]),
            Reason::MalformedToken,
        ),
        ("the other alphabet", format!("{header}.{claims}.{}+/", &signature[..41]), Reason::MalformedToken),
        ("NUL at the end", format!("{header}.{claims}.{signature}\0"), Reason::MalformedToken),
        ("a comma and more", format!("{header}.{claims}.{signature},{signature}"), Reason::MalformedToken),
        ("percent signs", format!("{header}%2E{claims}%2E{signature}"), Reason::MalformedToken),
        ("letters beyond ASCII", format!("{header}.{claims}.{signature}\u{ff21}"), Reason::MalformedToken),
    ];
    assert_refused(&rows);
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let mut token = good(HS256).into_bytes();
    token.push(0xff);
    for token in [token, vec![0; 100], vec![0xff; 100], b"\xef\xbb\xbf..".to_vec()] {
        assert_eq!(door().verify(token, now()), Err(Reason::MalformedToken));
    }
}

#[test]
fn what_is_longer_than_is_accepted_is_not_looked_at() {
    let long = |length: usize| format!("{}{}", good(HS256), "A".repeat(length - good(HS256).len()));
    let rows: [Row; 3] = [
        ("one byte more", long(8193), Reason::TokenTooLarge),
        ("a megabyte", "A".repeat(1 << 20), Reason::TokenTooLarge),
        ("a megabyte of dots", ".".repeat(1 << 20), Reason::TokenTooLarge),
    ];
    assert_refused(&rows);
    assert_eq!(door().verify(long(8192), now()), Err(Reason::MalformedToken));
    let strict = door().clone().max_bytes(good(HS256).len() - 1);
    assert_eq!(strict.verify(good(HS256), now()), Err(Reason::TokenTooLarge));
    assert!(strict.max_bytes(good(HS256).len()).verify(good(HS256), now()).is_ok());
}

#[test]
fn headers_that_are_not_json_objects_to_the_letter_are_refused() {
    let mut latin = br#"{"alg":"HS256","kid":""#.to_vec();
    latin.extend(b"\xe9\"}");
    let nested = format!(r#"{{"alg":"HS256","x":{}1{}}}"#, "[".repeat(40), "]".repeat(40));
    let rows: [Row; 22] = [
        ("empty object", headed("{}"), Reason::MalformedToken),
        ("null", headed("null"), Reason::MalformedToken),
        ("an array", headed(r#"["alg","HS256"]"#), Reason::MalformedToken),
        ("a string", headed(r#""HS256""#), Reason::MalformedToken),
        ("not closed", headed(r#"{"alg":"HS256""#), Reason::MalformedToken),
        ("something after", headed(r#"{"alg":"HS256"}x"#), Reason::MalformedToken),
        ("two objects", headed(r#"{"alg":"HS256"}{"alg":"HS256"}"#), Reason::MalformedToken),
        ("a comma too many", headed(r#"{"alg":"HS256",}"#), Reason::MalformedToken),
        ("a comment", headed(r#"{"alg":"HS256"/**/}"#), Reason::MalformedToken),
        ("single quotes", headed("{'alg':'HS256'}"), Reason::MalformedToken),
        ("a byte order mark", headed("\u{feff}{\"alg\":\"HS256\"}"), Reason::MalformedToken),
        ("NUL in it", headed("{\"alg\":\"HS256\0\"}"), Reason::MalformedToken),
        ("NUL behind it", headed("{\"alg\":\"HS256\"}\0"), Reason::MalformedToken),
        ("half a surrogate", headed(r#"{"alg":"HS256","kid":"\ud800"}"#), Reason::MalformedToken),
        ("Latin-1", headed(latin), Reason::MalformedToken),
        ("nested deep", headed(nested), Reason::MalformedToken),
        ("alg twice", headed(r#"{"alg":"none","alg":"HS256"}"#), Reason::DuplicateMember),
        ("alg twice, once escaped", headed(r#"{"alg":"HS256","\u0061lg":"none"}"#), Reason::DuplicateMember),
        (
            "a member twice that is not read",
            headed(r#"{"alg":"HS256","x":1,"x":1}"#),
            Reason::DuplicateMember,
        ),
        ("twice below", headed(r#"{"alg":"HS256","x":{"y":1,"y":2}}"#), Reason::DuplicateMember),
        ("kid is a number", headed(r#"{"alg":"HS256","kid":1}"#), Reason::MalformedToken),
        ("typ is an array", headed(r#"{"alg":"HS256","typ":["JWT"]}"#), Reason::MalformedToken),
    ];
    assert_refused(&rows);
}

#[test]
fn headers_that_ask_for_what_is_not_given_are_refused() {
    let jwk = super::forge::signer(Algorithm::Es256).public_jwk().unwrap();
    let with = |member: &str| headed(format!(r#"{{"alg":"HS256",{member}}}"#));
    let rows: [Row; 22] = [
        ("crit of an unknown extension", with(r#""crit":["exp"],"exp":1"#), Reason::CriticalExtension),
        ("crit of what is known", with(r#""crit":["alg"]"#), Reason::CriticalExtension),
        ("an empty crit", with(r#""crit":[]"#), Reason::CriticalExtension),
        ("crit that is null", with(r#""crit":null"#), Reason::CriticalExtension),
        ("unencoded claims", with(r#""crit":["b64"],"b64":false"#), Reason::CriticalExtension),
        ("unencoded claims, not said to be critical", with(r#""b64":false"#), Reason::CriticalExtension),
        ("encoded claims, said aloud", with(r#""b64":true"#), Reason::CriticalExtension),
        ("a token within", with(r#""cty":"JWT""#), Reason::Nested),
        ("a token within, in small letters", with(r#""cty":"jwt""#), Reason::Nested),
        ("a token within, in full", with(r#""cty":"application/JWT""#), Reason::Nested),
        ("a header of encryption", with(r#""enc":"A128GCM""#), Reason::Nested),
        ("an embedded key", with(&format!(r#""jwk":{jwk}"#)), Reason::EmbeddedKey),
        ("the address of keys", with(r#""jku":"https://evil.example/jwks""#), Reason::EmbeddedKey),
        ("the address of a certificate", with(r#""x5u":"https://evil.example/cert""#), Reason::EmbeddedKey),
        ("a certificate", with(r#""x5c":["MIIB"]"#), Reason::EmbeddedKey),
        ("an embedded key that is null", with(r#""jwk":null"#), Reason::EmbeddedKey),
        ("a logout token", with(r#""typ":"logout+jwt""#), Reason::WrongType),
        ("a security event", with(r#""typ":"secevent+jwt""#), Reason::WrongType),
        ("a proof of possession", with(r#""typ":"dpop+jwt""#), Reason::WrongType),
        ("a type of another tree", with(r#""typ":"text/jwt""#), Reason::WrongType),
        ("an empty type", with(r#""typ":"""#), Reason::WrongType),
        ("a type that only begins so", with(r#""typ":"JWTX""#), Reason::WrongType),
    ];
    assert_refused(&rows);
}

#[test]
fn claims_that_are_not_json_objects_to_the_letter_are_refused() {
    let good = claims().to_string();
    let inner = &good[1..good.len() - 1];
    let nested = format!("{{{inner},\"x\":{}{}}}", "{\"y\":".repeat(30), "1".to_owned() + &"}".repeat(30));
    let mut latin = good.clone().into_bytes();
    latin.extend(b" \xe9");
    let rows: [Row; 17] = [
        ("nothing", saying_text(""), Reason::MalformedToken),
        ("not JSON", saying_text("sub=me"), Reason::MalformedToken),
        ("null", saying_text("null"), Reason::MalformedToken),
        ("an array of claims", saying_text(format!("[{good}]")), Reason::MalformedToken),
        ("a number", saying_text("1700000600"), Reason::MalformedToken),
        ("not closed", saying_text(format!("{{{inner}")), Reason::MalformedToken),
        ("something after", saying_text(format!("{good} x")), Reason::MalformedToken),
        ("two objects", saying_text(format!("{good}{good}")), Reason::MalformedToken),
        ("a byte order mark", saying_text(format!("\u{feff}{good}")), Reason::MalformedToken),
        ("Latin-1", saying_text(latin), Reason::MalformedToken),
        ("NaN", saying_text(format!("{{{inner},\"x\":NaN}}")), Reason::MalformedToken),
        ("nested deep", saying_text(nested), Reason::MalformedToken),
        (
            "nested deeper than a stack",
            saying_text(format!("{{{inner},\"x\":{}", "[".repeat(5000))),
            Reason::MalformedToken,
        ),
        (
            "iss twice",
            saying_text(format!("{{{inner},\"iss\":\"https://other.example/\"}}")),
            Reason::DuplicateMember,
        ),
        (
            "exp twice, once escaped",
            saying_text(format!("{{{inner},\"e\\u0078p\":9}}")),
            Reason::DuplicateMember,
        ),
        (
            "twice below",
            saying_text(format!("{{{inner},\"x\":[{{\"y\":{{\"z\":1,\"z\":1}}}}]}}")),
            Reason::DuplicateMember,
        ),
        ("a token as claims", saying_text(super::forge::good(HS256)), Reason::MalformedToken),
    ];
    assert_refused(&rows);
    assert!(
        door().verify(saying_text(format!(" \n{good}\t ")), now()).is_ok(),
        "JSON may have space around it"
    );
}
