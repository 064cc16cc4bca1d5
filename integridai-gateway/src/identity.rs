//! What somebody is called where things are kept as theirs: executions, idempotency keys, tickets, events.

use integridai_tower::Principal;

/// The principal's, which no other has.
#[must_use]
pub fn of(principal: &Principal) -> String {
    named(principal.issuer(), principal.subject())
}

/// Issuer and subject, since a subject is unique within its issuer alone (RFC 7519 §4.1.2); those of API keys have none. The first
/// bar is between them, whatever stands in either.
#[must_use]
pub fn named(issuer: Option<&str>, subject: &str) -> String {
    let issuer = issuer.unwrap_or_default();
    match issuer.contains(['|', '%']) {
        true => format!("{}|{subject}", issuer.replace('%', "%25").replace('|', "%7C")),
        false => format!("{issuer}|{subject}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_principals_have_one_identity() {
        let issuers = [None, Some("a"), Some("a|b"), Some("a%7Cb"), Some("a%257Cb")];
        let subjects = ["", "b", "b|c", "|b", "a|b"];
        let all: Vec<String> =
            issuers.iter().flat_map(|issuer| subjects.map(|subject| named(*issuer, subject))).collect();
        let distinct: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(distinct.len(), all.len(), "{all:?}");
        assert_eq!(named(Some("https://id.example.org"), "auth0|7"), "https://id.example.org|auth0|7");
        assert_eq!(named(None, "console"), "|console");
    }
}
