use crate::config::{Config, ConfigError, tests::load};

#[test]
fn an_error_names_the_key_and_what_was_expected() {
    let cases = [
        ("[proxy]\nservices = [\"billing\"]", "line 2", "services", "regtech"),
        ("[proxy]\npseudonym = \"a b\"", "line 2", "pseudonym", "a-z"),
        ("[proxy.identity]\nx-user = \"name\"", "line 2", "x-user", "claim:NAME"),
        ("[[proxy.routes]]\nprefix = \"/a/\"", "line 2", "prefix", "a path such as"),
        ("[[proxy.routes]]\nprefix = \"/a/../b\"", "line 2", "prefix", "a path such as"),
        ("[[proxy.routes]]\npath = \"/{a}\"", "line 2", "path", "a path such as"),
        ("[[proxy.routes]]\nservice = \"A\"", "line 2", "service", "a-z"),
        ("[[proxy.routes]]\nservice = \"a\"\nmethods = [\"TRACE\"]", "line 3", "methods", "other than TRACE"),
        ("[[proxy.routes]]\nservice = \"a\"\nhosts = [\"a/b\"]", "line 3", "hosts", "without a port"),
        ("[[proxy.routes]]\nservice = \"a\"\ncache = {ttl = 1}", "line 3", "cache", "shared"),
        (
            "[[proxy.routes]]\nservice = \"a\"\nupgrade = {idle = 1}",
            "line 3",
            "upgrade",
            "idle_timeout_seconds",
        ),
        ("[[proxy.routes]]\nservice = \"a\"\nupgrade = {protocols = []}", "line 3", "upgrade", "1 to 8"),
        (
            "[[proxy.routes]]\nservice = \"a\"\nupgrade = {protocols = [\"H2C\"]}",
            "line 3",
            "upgrade",
            "websocket",
        ),
        (
            "[[proxy.routes]]\nservice = \"a\"\nupgrade = {protocols = [\"a b\"]}",
            "line 3",
            "upgrade",
            "websocket",
        ),
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
fn proxy_routes_say_one_thing_each() {
    let route = |text: &str| format!("[[proxy.routes]]\n{text}\n");
    let other = "service = \"a\"\nscope = \"admin\"\n";
    for (text, reason) in [
        (route("service = \"regtech\""), "exactly one of prefix and path"),
        (route("service = \"regtech\"\nprefix = \"/a\"\npath = \"/b\""), "exactly one of prefix and path"),
        (route("service = \"regtech\"\npath = \"/a\"\nbase_url = \"http://a\""), "is said in [services]"),
        (route("service = \"a\"\npath = \"/a\"\nbase_url = \"http://a\""), "expected a scope"),
        (route(&format!("{other}path = \"/a\"")), "has to have a base_url"),
        (route(&format!("{other}path = \"/a\"\nbase_url = \"http://a\"")).repeat(2), "several routes"),
        (
            route("service = \"regtech\"\npath = \"/a\"\nhosts = [\"a\"]\ncache = {shared = true}"),
            "no shared cache with hosts",
        ),
        (
            route("service = \"regtech\"\npath = \"/a\"\nupgrade = {}\ncache = {shared = true}"),
            "no shared cache with upgrade",
        ),
        ("[proxy.identity]\nhost = \"subject\"".to_owned(), "that nothing else needs"),
        ("[proxy.identity]\nX-User = \"subject\"".to_owned(), "in lower case"),
        (route("service = \"regtech\"\npath = \"/a\"").repeat(65), "at most 64"),
    ] {
        let error = load(&text, &[]).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
    let further =
        format!("{other}prefix = \"/a\"\nbase_url = \"http://a:1/x\"\nbearer_token = \"change-me\"");
    let text = [route(&further), route(&format!("{other}path = \"/b\"\nrewrite = \"/c\""))].concat();
    let config = load(&text, &[]).unwrap();
    let services = config.proxy.further_services();
    assert_eq!((services.len(), &*services[0].0, services[0].1.base_url.as_str()), (1, "a", "http://a:1/x"));
    assert!(!config.to_toml().contains("change-me"), "{}", config.to_toml());
    let again: Config = toml::from_str(&config.to_toml()).unwrap();
    assert_eq!(again.proxy.routes[1], config.proxy.routes[1]);
}

#[test]
fn proxy_routes_say_what_their_services_can_do() {
    let route = |text: &str| format!("[[proxy.routes]]\n{text}\n");
    let other = "service = \"a\"\nscope = \"admin\"\n";
    for (text, reason) in [
        (route(&format!("{other}path = \"/a\"\nprotocol = \"http2\"")), "beside its base_url"),
        (
            route(&format!(
                "{other}path = \"/a\"\nbase_url = \"http://a\"\nprotocol = \"http2\"\nupgrade = {{}}"
            )),
            "no upgrade",
        ),
        (
            route(
                "service = \"regtech\"\npath = \"/a\"\nupgrade = {}\n[services.regtech]\nprotocol = \"http2\"",
            ),
            "no upgrade",
        ),
    ] {
        let error = load(&text, &[]).unwrap_err().to_string();
        assert!(error.contains("proxy.routes[0]") && error.contains(reason), "{text}: {error}");
    }
}

#[cfg(feature = "tls")]
#[test]
fn with_tls_both_ends_agree_on_the_protocol_by_themselves() {
    let of_route = "[[proxy.routes]]\nservice = \"a\"\npath = \"/a\"\nscope = \"admin\"\n";
    for (key, text) in [("services.regtech", "[services.regtech]\n"), ("proxy.routes[0]", of_route)] {
        let text = format!("{text}base_url = \"https://a\"\nprotocol = \"http2\"");
        let error = load(&text, &[]).unwrap_err().to_string();
        assert!(error.contains(key) && error.contains("leave protocol out"), "{error}");
    }
}

#[test]
fn what_is_of_one_route_alone_has_a_name_that_is_nobody_elses() {
    let route = |text: &str| format!("[[proxy.routes]]\nservice = \"regtech\"\npath = \"/a\"\n{text}\n");
    let quota = "quotas = [{limit = 1, period_seconds = 1}]";
    for (text, reason) in [
        (route("resilience = {attempts = 1}"), "expected a name"),
        (route(&format!("rate_limit = {{by = \"principal\", {quota}}}")), "expected a name"),
        (route("name = \"a\"\nrate_limit = {by = \"principal\", quotas = []}"), "1 to 4 quotas"),
        (
            route(&format!(
                "name = \"a\"\nrate_limit = {{by = \"principal\", methods = [\"GET\"], {quota}}}"
            )),
            "no routes and no methods",
        ),
        (route("name = \"a\"\nresilience = {addresses = [\"a:1\"]}"), "no addresses"),
        (route("name = \"a\"\nresilience = {health_check = {}}"), "no health_check"),
        (route("name = \"dashboard\""), "the name is that of a service"),
        (route("name = \"execute\""), "or of a policy"),
        (route("name = \"a\"").repeat(2), "of another route"),
        (route("name = \"A b\""), "1 to 24 of a-z"),
        (route("name = \"a\"\nresilience = {tries = 1}"), "attempts"),
        (route("name = \"a\"\nresilience = {attempts = 0}"), "a whole number from 1"),
    ] {
        let error = load(&text, &[]).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
    let text = route("name = \"a\"\nresilience = {attempts = 1}\nidle_timeout_seconds = 5");
    let config = load(&text, &[]).unwrap();
    let own = config.proxy.own_resilience("regtech");
    assert_eq!((own.len(), &*own[0].0, own[0].1.attempts.get()), (1, "a", 1));
    assert!(config.proxy.own_resilience("dashboard").is_empty());
    let again: Config = toml::from_str(&config.to_toml()).unwrap();
    assert_eq!(again.proxy, config.proxy);
}
