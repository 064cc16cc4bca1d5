use std::collections::BTreeSet;

use super::*;

pub(super) const DOCUMENTED: &str = include_str!("../../gateway.toml");

pub(super) fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    Config::load(Some(file.path()), variables.iter().map(|(k, v)| (k.to_string(), v.to_string())))
}

fn keys(table: &toml::Table, prefix: &str, found: &mut BTreeSet<String>) {
    for (key, value) in table {
        let path = format!("{prefix}{key}");
        match value {
            toml::Value::Table(inner) => keys(inner, &format!("{path}."), found),
            _ => assert!(found.insert(path)),
        }
    }
}

#[test]
fn the_documented_file_is_the_defaults_and_names_every_key() {
    assert_eq!(load(DOCUMENTED, &[]).unwrap(), Config::default());
    let (mut documented, mut defaults) = (BTreeSet::new(), BTreeSet::new());
    keys(&toml::from_str(DOCUMENTED).unwrap(), "", &mut documented);
    keys(&toml::from_str(&Config::default().to_toml()).unwrap(), "", &mut defaults);
    assert_eq!(documented, defaults);
}

#[test]
fn optional_keys_are_documented_as_comments_and_work() {
    let optional = [
        "bearer_token",
        "api_key_pepper",
        "[auth.issuers",
        "[auth.api_keys",
        "issuer =",
        "audience =",
        "discovery =",
        "roles_claim",
    ];
    let optional = optional.into_iter().chain(["tenant_claim", "id =", "subject =", "scopes =", "secrets ="]);
    let optional = optional.chain([
        "[rate_limits.",
        "by =",
        "quotas =",
        "tiers =",
        "url =",
        "listen = \"127",
        "ca_file =",
        "spool =",
        "health_check =",
        "[proxy.",
        "x-user-id =",
    ]);
    let text = optional.fold(DOCUMENTED.to_owned(), |text, key| text.replace(&format!("# {key}"), key));
    // Whether this build speaks https:// is tested below.
    let config = load(&text.replace("https://id.example.org", "http://localhost"), &[]).unwrap();
    assert!(config.auth.api_key_pepper.is_some() && config.check_access().is_ok());
    assert_eq!((config.auth.issuers.len(), config.auth.api_keys.len()), (1, 1));
    let tiers = &config.rate_limits.policies["callers"].tiers;
    assert_eq!(tiers.iter().map(|(role, _)| role.as_str()).collect::<Vec<_>>(), ["gold", "silver"]);
    assert_eq!(config.admin.listen, Some("127.0.0.1:3003".parse().unwrap()));
    assert!(config.database.url.is_some() && config.database.ca_file.is_some());
    assert_eq!(config.database.spool.as_ref().map(SpoolConfig::max_bytes), Some(1 << 30));
    assert!(config.redis.url.is_some() && config.rate_limits.policies.len() == 2);
    assert!(!config.to_toml().contains("change-me"), "{}", config.to_toml());
    assert_eq!(config.proxy.identity["x-user-id"].get(), integridai_tower::auth::Fact::Subject);
    let check = config.services.regtech.service().resilience.health_check;
    assert_eq!(check, Some(HealthCheckConfig::default()));
    assert!(config.services.regtech.service().bearer_token.is_some());
    assert!(config.services.dashboard.service().bearer_token.is_some());
    assert!(config.services.flaisimulator.service().bearer_token.is_some());
}

#[test]
fn an_error_names_file_line_key_and_what_was_expected() {
    let cases = [
        ("[server]\nprot = 1", "line 2", "prot", "listen"),
        ("[sever]", "line 1", "sever", "server"),
        ("[server]\nlisten = 7", "line 2", "listen", "socket address"),
        ("[server]\nlisten = \"localhost\"", "line 2", "listen", "socket address"),
        ("[server]\ngrace_seconds = 0", "line 2", "grace_seconds", "greater than 0"),
        ("[server]\ngrace_seconds = \"20\"", "line 2", "grace_seconds", "number of seconds"),
        ("[server]\nmax_headers = -1", "line 2", "max_headers", "from 1"),
        ("[services.regtech]\nbase_url = \"x\"", "line 2", "base_url", "http://"),
        ("[services.regtech]\nanalyze_path = \"x\"", "line 2", "analyze_path", "begins with `/`"),
        ("[cors]\nallowed_origins = [\"*\"]", "line 2", "allowed_origins", "an origin such as"),
        ("[logs]\nformat = \"xml\"", "line 2", "format", "human"),
        ("[auth]\ndisable = true", "line 2", "disable", "disabled"),
        ("[auth.isuers.main]", "line 1", "isuers", "issuers"),
        ("[auth.issuers.main]\njwks_uri = \"\"", "line 2", "jwks_uri", "jwks_url"),
        ("[auth.issuers.main]\njwks_url = \"id.example\"", "line 2", "jwks_url", "neither https://"),
        ("[auth.issuers.main]\njwks_url = \"http://id.example/\"", "line 2", "jwks_url", "use https://"),
        ("[auth.issuers.main]\njwks_url = \"http://u:p@[::1]/\"", "line 2", "jwks_url", "user information"),
        ("[auth.api_keys.x]\nid = \"igd_000000000000\"\nexpire_at = 1", "line 3", "expire_at", "expires_at"),
        ("[rate_limits]\nshadw = true", "line 2", "shadw", "shadow"),
        ("[rate_limits]\ntrusted_proxies = [\"10.0.0.0/99\"]", "line 2", "trusted_proxies", "no network"),
        ("[rate_limits]\nforwarding = \"x-real-ip\"", "line 2", "forwarding", "x-forwarded-for"),
        ("[rate_limits.policies.a]\nby = \"name\"", "line 2", "by", "principal"),
        ("[rate_limits.policies.a]\nby = \"tenant\"\nroute = []", "line 3", "route", "routes"),
        ("[redis]\nurl = \"rediss://:secret@cache\"", "line 2", "url", "TLS"),
        ("[redis]\non_outage = \"panic\"", "line 2", "on_outage", "refuse"),
        ("[admin]\nlisten = \"localhost\"", "line 2", "listen", "socket address"),
        ("[cache]\nmax_size_mib = 0", "line 2", "max_size_mib", "from 1"),
        ("[cache.routes.consolidated]\nshare = true", "line 2", "share", "shared"),
        ("[cache.routes.metrics]", "line 1", "metrics", "consolidated"),
        (
            "[cache.routes.consolidated]\nstale_if_error_seconds = -1",
            "line 2",
            "stale_if_error_seconds",
            "from 0 to a year",
        ),
        ("[server\n", "line 1", "server", "expected"),
    ];
    for (text, line, key, expected) in cases {
        let error = load(text, &[]).unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, ConfigError::File { .. }), "{message}");
        for part in [line, key, expected] {
            assert!(message.contains(part), "{part:?} is not in: {message}");
        }
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = Config::load(Some(Path::new("/nowhere/gateway.toml")), []).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/gateway.toml: "), "{error}");
}

#[test]
fn variables_override_the_file_whatever_the_type() {
    let config = load(
        "[server]\ngrace_seconds = 5",
        &[
            ("INTEGRIDAI_SERVER__GRACE_SECONDS", "0.5"),
            ("INTEGRIDAI_SERVER__LISTEN", "[::1]:9"),
            ("INTEGRIDAI_SERVICES__REGTECH__BEARER_TOKEN", "0123"),
            ("INTEGRIDAI_CORS__ALLOWED_ORIGINS", r#"["http://a","http://b:1"]"#),
            ("INTEGRIDAI_WORKFLOWS__VERIFY_CUIT_CHECK_DIGIT", "true"),
            ("INTEGRIDAI_CONFIG", "not a key"),
            ("UNRELATED", "x"),
        ],
    )
    .unwrap();
    assert_eq!(config.server.grace_seconds.get(), std::time::Duration::from_millis(500));
    assert_eq!(config.server.listen.to_string(), "[::1]:9");
    assert_eq!(config.services.regtech.service().bearer_token.unwrap().expose(), "0123");
    assert_eq!(config.cors.allowed_origins, ["http://a", "http://b:1"]);
    assert!(config.workflows.verify_cuit_check_digit);
}

#[test]
fn a_wrong_variable_is_named() {
    for (variable, value, expected) in [
        ("INTEGRIDAI_SERVER__PROT", "1", "unknown field `prot`"),
        ("INTEGRIDAI_SERVER__GRACE_SECONDS", "soon", "a number of seconds"),
        ("INTEGRIDAI_SERVER__GRACE_SECONDS", "-1", "greater than 0"),
        ("INTEGRIDAI_SERVICES__REGTECH__BASE_URL", "http://127.0.0.1:99999", "a port from 1 to 65535"),
        ("INTEGRIDAI_SERVER", "x", "expected"),
        ("INTEGRIDAI_SERVER__LISTEN__PORT", "1", "expected"),
    ] {
        let message = load("", &[(variable, value)]).unwrap_err().to_string();
        assert!(message.contains(variable) && message.contains(expected), "{message}");
    }
}

#[test]
fn keys_that_contradict_each_other_or_cannot_work_are_refused() {
    for (text, named) in [
        ("[workflows]\nmax_timeout_seconds = 300", "server.request_timeout_seconds"),
        ("[workflows]\ndefault_timeout_seconds = 121", "workflows.default_timeout_seconds"),
        ("[realtime]\nping_interval_seconds = 200", "realtime.idle_timeout_seconds"),
        ("[realtime]\nmax_pending_events = 2147483648", "realtime.max_pending_events"),
        ("[proxy]\nallowed_fields = [\"Authorization\"]", "proxy.allowed_fields"),
        ("[proxy]\nallowed_fields = [\"x-a\"]\nidentity = {x-a = \"subject\"}", "proxy.identity.x-a"),
        ("[server]\nmax_headers = 10001", "server.max_headers"),
        ("[server]\nmax_uri_bytes = 65535", "server.max_uri_bytes"),
        ("[server]\nhttp2_max_concurrent_streams = 10001", "server.http2_max_concurrent_streams"),
        ("[admin]\nlisten = \"127.0.0.1:3002\"", "admin.listen, server.listen"),
        ("[cache]\nmax_size_mib = 1", "cache.max_body_bytes"),
        ("[auth]\nticket_seconds = 301", "auth.ticket_seconds"),
        ("[auth]\nleeway_seconds = 3600", "auth.leeway_seconds"),
    ] {
        let message = load(text, &[]).unwrap_err().to_string();
        assert!(message.contains(named), "{message}");
    }
}

#[test]
fn nobody_or_everybody_is_let_in_by_a_word_only() {
    let issuer = r#"{i = {issuer = "i", audience = ["a"], secret = "0123456789abcdef0123456789abcdef"}}"#;
    for (variables, said) in [
        (&[][..], Some("nobody could call")),
        (&[("INTEGRIDAI_AUTH__DISABLED", "true")], None),
        (&[("INTEGRIDAI_AUTH__ISSUERS", issuer)], None),
        (&[("INTEGRIDAI_AUTH__ISSUERS", issuer), ("INTEGRIDAI_SERVER__LISTEN", "0.0.0.0:1")], None),
    ] {
        let access = load("", variables).unwrap().check_access().map_err(|error| error.to_string());
        match said {
            None => assert_eq!(access, Ok(()), "{variables:?}"),
            Some(said) => assert!(access.clone().unwrap_err().contains(said), "{access:?}"),
        }
    }
}

#[test]
fn everybody_is_let_in_on_loopback_alone_however_an_address_is_written() {
    let listeners = ["INTEGRIDAI_SERVER__LISTEN", "INTEGRIDAI_ADMIN__LISTEN"];
    let access = |listener: &str, listen: &str| {
        let variables = [("INTEGRIDAI_AUTH__DISABLED", "true"), (listener, listen)];
        load("", &variables).unwrap().check_access()
    };
    for loopback in ["127.0.0.1:1", "127.0.0.2:0", "127.255.255.254:1", "[::1]:1"] {
        for listener in listeners {
            assert_eq!(access(listener, loopback).map_err(|error| error.to_string()), Ok(()), "{loopback}");
        }
    }
    for elsewhere in [
        "0.0.0.0:1",
        "[::]:1",
        "[::ffff:0.0.0.0]:1",
        "[::ffff:10.0.0.1]:1",
        "[::ffff:127.0.0.1]:1",
        "[fe80::1]:1",
        "10.0.0.1:1",
        "192.168.0.1:1",
        "128.0.0.1:1",
    ] {
        for listener in listeners {
            let refused = access(listener, elsewhere).unwrap_err().to_string();
            assert!(refused.contains("loopback only"), "{elsewhere}: {refused}");
        }
    }
}

#[test]
fn an_issuer_has_one_place_for_its_keys_and_an_audience() {
    let file = load(
        "[server]\n[auth.issuers.main]\nissuer = \"http://[::1]\"\ndiscovery = true\nsecret = \"x\"",
        &[],
    );
    let message = file.unwrap_err().to_string();
    assert!(message.contains("line 2") && message.contains("[auth.issuers.main]"), "{message}");
    assert!(message.contains("more than one of discovery"), "{message}");
    for text in [
        "issuer = \"i\"\naudience = [\"a\"]",
        "issuer = \"i\"\ndiscovery = true",
        "audience = [\"a\"]\ndiscovery = true",
        "issuer = \"i\"\naudience = [\"a\", \"\"]\nsecret = \"s\"",
    ] {
        let message = load(&format!("[auth.issuers.main]\n{text}"), &[]).unwrap_err().to_string();
        assert!(message.contains("auth.issuers.main: it needs"), "{message}");
    }
    let secret = ("INTEGRIDAI_AUTH__ISSUERS__MAIN__SECRET", "0123456789abcdef0123456789abcdef");
    let issuer = "[auth.issuers.main]\nissuer = \"i\"\naudience = [\"a\"]";
    load(issuer, &[secret]).expect("a secret may come from elsewhere than the file");
}

#[cfg(not(feature = "tls"))]
#[test]
fn without_tls_an_https_url_is_an_error_that_names_the_feature() {
    for (text, line, key) in [
        ("[auth.issuers.main]\njwks_url = \"https://id.example/keys\"", "line 2", "jwks_url"),
        (
            "[auth.issuers.main]\ndiscovery = true\nissuer = \"HTTPS://id.example\"",
            "line 1",
            "[auth.issuers.main]",
        ),
        ("[services.regtech]\nbase_url = \"https://regtech\"", "line 2", "base_url"),
    ] {
        let message = load(text, &[]).unwrap_err().to_string();
        for part in [line, key, "cargo feature `tls`"] {
            assert!(message.contains(part), "{part:?} is not in: {message}");
        }
    }
    let elsewhere =
        "[auth.issuers.main]\nissuer = \"https://id.example\"\naudience = [\"a\"]\nsecret = \"s\"";
    load(elsewhere, &[]).expect("nothing is fetched from there");
}

#[test]
fn what_kubernetes_says_of_a_service_of_our_name_is_no_key() {
    let links = [
        "INTEGRIDAI_GATEWAY_SERVICE_HOST",
        "INTEGRIDAI_GATEWAY_SERVICE_PORT_HTTP",
        "INTEGRIDAI_GATEWAY_PORT",
        "INTEGRIDAI_GATEWAY_PORT_3002_TCP_ADDR",
    ];
    assert_eq!(load("", &links.map(|name| (name, "tcp://10.0.0.1:3002"))).unwrap(), Config::default());
    assert!(
        load("", &[("INTEGRIDAI_SERVER_LISTEN", "[::1]:1")]).is_err(),
        "a mistyped key is still an error"
    );
}

#[test]
fn secrets_are_never_printed() {
    let secrets = "[services.dashboard]\nbearer_token = \"s3cr3t\"\n[auth]\napi_key_pepper = \"s3cr3t\"\n\
                   [auth.issuers.i]\nissuer = \"i\"\naudience = [\"a\"]\nsecret = \"s3cr3t\"";
    let config = load(secrets, &[]).unwrap();
    for text in [config.to_toml(), format!("{config:?}")] {
        assert!(!text.contains("s3cr3t") && text.contains("(hidden)"), "{text}");
    }
    // Whatever stands where something else was expected.
    let malformed = r#"{main = {issuer = "i", audience = ["a"], secret = "s3cr3t"}"#;
    for (text, variables) in [
        ("", &[("INTEGRIDAI_AUTH__ISSUERS", malformed)][..]),
        ("", &[("INTEGRIDAI_AUTH__ISSUERS__MAIN", "s3cr3t\", expected by nobody")]),
        ("", &[("INTEGRIDAI_AUTH__API_KEY_PEPPER", "s3cr3t\u{7f}")]),
        ("", &[("INTEGRIDAI_SERVICES__REGTECH", "s3cr3t")]),
        ("[auth.issuers]\nmain = \"s3cr3t\"", &[]),
        ("[auth]\napi_key_pepper = [\"s3cr3t\"]", &[]),
        ("[auth]\ndisabled = \"s3cr3t\"", &[]),
        ("[auth.issuers.main]\nsecret = \"s3cr3t", &[]),
        ("[auth.issuers.main]\naudience = \"s3cr3t\"", &[]),
    ] {
        let message = load(text, variables).unwrap_err().to_string();
        assert!(!message.contains("s3cr3t"), "{message}");
    }
    let message = load("[services.dashboard]\nbase_url = \"http://u:s3cr3t@h\"", &[]).unwrap_err();
    assert!(message.to_string().contains("user information"), "{message}");
}

#[test]
fn there_is_one_database_a_file_unless_a_url_says_otherwise() {
    let none = load("", &[]).unwrap().database;
    assert_eq!((none.file().to_str(), &none.url), (Some("integridai.db"), &None));
    let url = ("INTEGRIDAI_DATABASE__URL", "postgresql://somebody:secret@db/x?password=secret");
    let config = load("", &[url]).unwrap();
    assert_eq!(config.database.url.as_ref().unwrap().expose(), url.1);
    let shown = format!("{config:?} {}", config.to_toml());
    assert!(!shown.contains("secret") && !shown.contains("somebody"), "{shown}");
    for (text, variables, said) in [
        ("[database]\npath = \"a.db\"", vec![url], "remove one of the two"),
        ("[database]\nca_file = \"a.pem\"", vec![], "database.url names none"),
        ("[database.spool]\npath = \"spool\"", vec![], "database.url names none"),
        ("[database]\nmax_connections = 5000", vec![], "at most 1000"),
        ("[database]\nurl = \"mysql://a:secret@b\"", vec![], "expected postgres://"),
    ] {
        let error = load(text, &variables).unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains("secret"), "{error}");
    }
}
