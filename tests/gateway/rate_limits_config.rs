//! Rate limits that cannot work are refused at the start.

use integridai_gateway::app;
use integridai_gateway::config::Config;

/// What `check-config` says of these policies.
fn complaint(policies: &str) -> String {
    let variables = [("INTEGRIDAI_AUTH__DISABLED", "true"), ("INTEGRIDAI_RATE_LIMITS__POLICIES", policies)];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    match Config::load(None, variables) {
        Ok(config) => app::check_access(&config).expect_err("it cannot work").to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_cannot_work_is_named_with_what_was_expected() {
    let quotas = "quotas = [{ limit = 1, period_seconds = 1 }]";
    for (policy, expected) in [
        (format!(r#"by = "address", routes = ["/api/v1/excute"], {quotas}"#), "/api/v1/gateway/execute"),
        (format!(r#"by = "adress", {quotas}"#), "address"),
        (format!(r#"by = "address", route = [], {quotas}"#), "routes"),
        (format!(r#"by = "address", methods = ["PURGE"], {quotas}"#), "POST"),
        (r#"by = "address""#.to_owned(), "quotas"),
        (r#"by = "address", quotas = []"#.to_owned(), "1 to 4"),
        (r#"by = "address", quotas = [{ limit = 0, period_seconds = 1 }]"#.to_owned(), "from 1"),
        (r#"by = "address", quotas = [{ limit = 1 }]"#.to_owned(), "period_seconds"),
        (format!(r#"by = "address", {quotas}, tiers = {{ a = [{{ limit = 1, period_seconds = 1 }}] }}"#), "no roles"),
        (format!(r#"by = "tenant", {quotas}, tiers = {{ a = [] }}"#), "1 to 4"),
        (format!(r#"by = "tenant", {quotas}, tiers = {{ "a b" = [] }}"#), "roles of"),
        (
            r#"by = "address", quotas = [{ limit = 1, period_seconds = 1 }, { limit = 2, period_seconds = 1 }]"#
                .to_owned(),
            "two are named",
        ),
    ] {
        let said = complaint(&format!("{{ own = {{ {policy} }} }}"));
        assert!(said.contains(expected), "{policy}: {said}");
    }
    let said = complaint(&format!(r#"{{ "a b" = {{ by = "address", {quotas} }} }}"#));
    assert!(said.contains("name"), "{said}");
}
