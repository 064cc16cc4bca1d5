use super::references::references;
use super::source::{LIBRARY, Source, sources_below};
use super::violation::{Violation, assert_caught, assert_holds_over};

/// What would make the library act behind its caller's back.
const EFFECTS: [(&str, &str); 14] = [
    ("std::env", "reads the environment"),
    ("std::fs", "reads files"),
    ("tokio::fs", "reads files"),
    ("std::process", "starts or ends processes"),
    ("std::thread::spawn", "starts a thread"),
    ("std::thread::scope", "starts threads"),
    ("std::thread::Builder", "starts a thread"),
    ("std::thread::sleep", "blocks a worker"),
    ("tokio::spawn", "spawns a task"),
    ("tokio::task::spawn", "spawns a task"),
    ("tokio::task::spawn_blocking", "spawns a task"),
    ("tokio::task::spawn_local", "spawns a task"),
    ("tokio::task::JoinSet", "spawns tasks"),
    ("tokio::runtime", "reaches for a runtime"),
];

const GLOBALS: [&str; 5] =
    ["set_global_default", "set_global_recorder", "set_boxed_logger", "set_logger", "set_hook"];

/// The library reads no environment and no file, spawns nothing, installs no global: its caller decides.
fn the_library_has_no_effects(source: &Source) -> Vec<Violation> {
    if source.below(LIBRARY).is_none() {
        return Vec::new();
    }
    let mut violations = Vec::new();
    for reference in references(source) {
        let effect = EFFECTS.iter().find(|(path, _)| reference.starts_with(path)).map(|(_, does)| *does);
        let global = reference.segments.iter().any(|name| GLOBALS.contains(&name.as_str()));
        if let Some(does) = effect.or(global.then_some("installs a global")) {
            let what = format!("{} {does}", reference.text());
            violations.push(Violation::new(&source.path, reference.line, what));
        }
    }
    violations
}

#[test]
fn the_library_acts_only_when_called() {
    assert_holds_over(
        "no environment, file, task or global",
        &sources_below(LIBRARY),
        the_library_has_no_effects,
    );
}

#[test]
fn a_hidden_effect_is_caught() {
    let text = "use std::{env, fs};\nuse tokio::task;\nfn f() { task::spawn(g()); }\nfn h() { tokio::spawn(g()); }\n\
                fn i() { metrics::set_global_recorder(x); }\nuse std::sync::Arc;\nfn j() { std::thread::spawn(k); }\n\
                #[cfg(test)]\nmod tests { use std::fs; }\nuse std::thread::*;\n\
                fn k() { std::thread::panicking(); }";
    assert_caught("integridai-tower/src/client/x.rs", text, &[1, 3, 4, 5, 7, 10], the_library_has_no_effects);
}
