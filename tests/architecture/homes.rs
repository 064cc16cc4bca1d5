use super::references::references;
use super::source::{LIBRARY, Source, sources_below};
use super::violation::{Violation, assert_caught, assert_holds_over};

/// A foreign crate and the modules of the library that may name it; `*/x` is any module called `x`.
const HOMES: [(&str, &[&str]); 9] = [
    ("reqwest", &["client/transport/reqwest"]),
    ("hyper_util", &["client/transport/hyper"]),
    ("redis", &["*/redis"]),
    ("jsonwebtoken", &["auth"]),
    ("hmac", &["auth"]),
    ("sha2", &["*/redis"]),
    ("aws_lc_rs", &["auth"]),
    ("metrics", &["metrics"]),
    ("axum", &[]),
];

/// A foreign crate is named in one place, so that replacing it touches one place.
fn foreign_names_stay_at_home(source: &Source) -> Vec<Violation> {
    if source.below(LIBRARY).is_none() {
        return Vec::new();
    }
    let module = source.module();
    let mut violations = Vec::new();
    for reference in references(source).iter().filter(|reference| reference.segments.len() > 1) {
        for (name, homes) in HOMES {
            if reference.starts_with(name) && !homes.iter().any(|home| is_in(&module, home)) {
                let what = format!("{name} may be named in {homes:?} only");
                violations.push(Violation::new(&source.path, reference.line, what));
            }
        }
    }
    violations
}

fn is_in(module: &[String], home: &str) -> bool {
    match home.strip_prefix("*/") {
        Some(name) => module.iter().any(|part| part == name),
        None => {
            let parts: Vec<&str> = home.split('/').collect();
            module.len() >= parts.len() && module.iter().zip(parts).all(|(part, wanted)| part == wanted)
        }
    }
}

#[test]
fn foreign_names_have_one_home() {
    assert_holds_over("foreign names have one home", &sources_below(LIBRARY), foreign_names_stay_at_home);
}

#[test]
fn a_foreign_name_away_from_home_is_caught() {
    let text = "use reqwest::Client;\nfn f() { ::hyper_util::rt::TokioExecutor::new(); }\nuse {redis as store};\n\
                fn g(c: store::Client) {}\nuse sha2::Sha256;\nuse axum::Router;\nuse http::Request;";
    assert_caught(
        "integridai-tower/src/client/service.rs",
        text,
        &[1, 2, 4, 5, 6],
        foreign_names_stay_at_home,
    );
    assert_caught(
        "integridai-tower/src/auth/jwt/verify.rs",
        text,
        &[1, 2, 4, 5, 6],
        foreign_names_stay_at_home,
    );
    assert_caught("integridai-tower/src/cache/redis.rs", text, &[1, 2, 6], foreign_names_stay_at_home);
    assert_caught(
        "integridai-tower/src/client/transport/reqwest.rs",
        text,
        &[2, 4, 5, 6],
        foreign_names_stay_at_home,
    );
}

#[test]
fn a_module_that_bears_a_foreign_name_is_no_foreign_name() {
    let text = "mod reqwest;\npub use self::reqwest::Reqwest;\nfn f() { reqwest::send(); }";
    assert_caught("integridai-tower/src/client/transport/mod.rs", text, &[], foreign_names_stay_at_home);
}
