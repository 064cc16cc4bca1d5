//! The examples of the standards.

use std::time::Duration;

use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use integridai_tower::auth::Reason;
use integridai_tower::auth::jwt::{Algorithm, Issuer, Key, KeySet, Signer, Validator};

/// RFC 7515 §A.1: `{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}`.
const CLAIMS: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const END: u64 = 1_300_819_380;

/// What came of an example of RFC 7515, whose claims name no audience and no subject.
fn verdict(jwk: &str, header: &str, signature: &str, now: u64) -> Result<String, Reason> {
    let keys = KeySet::new([Key::from_jwk(jwk.as_bytes()).unwrap()]).unwrap();
    let issuer = Issuer::new("joe").keys(keys).dangerous_accept_any_audience().subject_claim("iss");
    let issuer = issuer.keep_claim("http://example.com/is_root");
    let token = format!("{header}.{CLAIMS}.{signature}");
    let principal = Validator::new([issuer]).unwrap().verify(token, Duration::from_secs(now))?;
    assert_eq!(principal.claim("http://example.com/is_root"), Some(&true.into()));
    Ok(principal.subject().to_owned())
}

#[test]
fn rfc_7515_appendix_a_1_hs256() {
    let jwk = r#"{"kty":"oct","alg":"HS256",
        "k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
    let header = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
    let signature = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    assert_eq!(verdict(jwk, header, signature, END - 1), Ok("joe".into()));
    assert_eq!(verdict(jwk, header, signature, END + 60), Err(Reason::Expired));
}

#[test]
fn rfc_7515_appendix_a_2_rs256() {
    let jwk = r#"{"kty":"RSA","alg":"RS256","e":"AQAB",
        "n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    assert_eq!(verdict(jwk, "eyJhbGciOiJSUzI1NiJ9", signature, END - 1), Ok("joe".into()));
}

#[test]
fn rfc_7515_appendix_a_3_es256() {
    let jwk = r#"{"kty":"EC","crv":"P-256",
        "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    assert_eq!(verdict(jwk, "eyJhbGciOiJFUzI1NiJ9", signature, END - 1), Ok("joe".into()));
}

#[test]
fn rfc_7515_appendix_a_5_unsecured() {
    let jwk = r#"{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"}"#;
    assert_eq!(verdict(jwk, "eyJhbGciOiJub25lIn0", "", END - 1), Err(Reason::Unsecured));
}

/// Its payload is a sentence, so that only the signature can be checked.
#[test]
fn rfc_8037_appendix_a_4_ed25519() {
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let key = Key::from_jwk(jwk.as_bytes()).unwrap();
    let message = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert!(key.is_signature(message.as_bytes(), &signature));
    assert!(!key.is_signature(&message.as_bytes()[1..], &signature));
}

/// The private key of §A.1, in the `PrivateKeyInfo` of RFC 8410 §7.
#[test]
fn rfc_8037_appendix_a_3_thumbprint() {
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    let signer = Signer::from_pem(Algorithm::EdDsa, pem).unwrap();
    assert_eq!(signer.id(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    assert_eq!(signer.public_jwk().unwrap()["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    assert_eq!(signer.private_pem().as_deref(), Some(pem));
}

/// Why points of small order are refused as keys: the cryptography below takes this signature for any message.
#[test]
fn the_neutral_point_as_a_key_would_sign_everything() {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let signature = [neutral, [0; 32]].concat();
    let key = ParsedPublicKey::new(&ED25519, neutral).unwrap();
    assert!(key.verify_sig(b"one message", &signature).is_ok());
    assert!(key.verify_sig(b"another", &signature).is_ok());
}
