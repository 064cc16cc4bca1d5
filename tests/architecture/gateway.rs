use proc_macro2::{TokenStream, TokenTree};

use super::references::{Reference, references};
use super::source::{GATEWAY, Source, sources_below};
use super::violation::{Violation, assert_caught, assert_holds_over};

const MAIN_MAY_NAME: [&str; 5] = ["app", "cli", "config", "demo", "telemetry"];

/// The first folder or file below `src` that the file belongs to.
fn part_of(source: &Source) -> Option<&str> {
    let path = source.below(GATEWAY)?;
    path.split('/').next().map(|part| part.trim_end_matches(".rs"))
}

/// The gateway's own module that a path enters, from the library or from the binary.
fn entered<'a>(reference: &'a Reference, part: &str) -> Option<&'a str> {
    let from_library = reference.starts_with("crate") && part != "main";
    let enters = from_library || reference.starts_with("integridai_gateway");
    enters.then(|| reference.segments.get(1).map(String::as_str)).flatten()
}

fn find(source: &Source, what: &str, breaks: impl Fn(&str, &Reference) -> bool) -> Vec<Violation> {
    let Some(part) = part_of(source) else { return Vec::new() };
    let broken = references(source).into_iter().filter(|reference| breaks(part, reference));
    broken
        .map(|reference| {
            Violation::new(&source.path, reference.line, format!("{}: {what}", reference.text()))
        })
        .collect()
}

fn only_main_knows_the_app(source: &Source) -> Vec<Violation> {
    find(source, "only main.rs imports app", |part, reference| {
        !matches!(part, "main" | "lib" | "app") && entered(reference, part) == Some("app")
    })
}

fn main_only_starts(source: &Source) -> Vec<Violation> {
    find(source, "main.rs imports cli, config, telemetry, app and demo only", |part, reference| {
        part == "main" && entered(reference, part).is_some_and(|module| !MAIN_MAY_NAME.contains(&module))
    })
}

fn config_and_server_stand_alone(source: &Source) -> Vec<Violation> {
    find(source, "config and server import no other module of the gateway", |part, reference| {
        matches!(part, "config" | "server") && entered(reference, part).is_some_and(|module| module != part)
    })
}

fn only_the_stack_names_tower_http(source: &Source) -> Vec<Violation> {
    find(source, "only stack/ names tower_http", |part, reference| {
        part != "stack" && reference.starts_with("tower_http")
    })
}

fn the_api_calls_no_client(source: &Source) -> Vec<Violation> {
    find(source, "api/ calls no service client and no stack", |part, reference| {
        let client = reference.starts_with("integridai_tower::client");
        part == "api" && (client || entered(reference, part) == Some("stack"))
    })
}

fn only_the_store_names_the_database(source: &Source) -> Vec<Violation> {
    let databases = ["rusqlite", "tokio_postgres", "tokio_postgres_rustls", "deadpool_postgres"];
    find(source, "only store/ names a database", |part, reference| {
        part != "store" && databases.iter().any(|database| reference.starts_with(database))
    })
}

/// The media type stands for the whole document: who writes it builds a problem response of its own. The server does,
/// for it refuses connections before there is a request, and imports nothing. The API and that of operators describe theirs.
fn only_respond_builds_problems(source: &Source) -> Vec<Violation> {
    if part_of(source).is_none_or(|part| matches!(part, "respond" | "api" | "admin" | "server")) {
        return Vec::new();
    }
    let mut lines = Vec::new();
    literals_with(source.shipped(), "application/problem+json", &mut lines);
    let what = "only respond.rs, api/, admin/ and server/ name problem documents";
    lines.into_iter().map(|line| Violation::new(&source.path, line, what)).collect()
}

fn literals_with(tokens: TokenStream, part: &str, lines: &mut Vec<usize>) {
    // Documentation is an attribute whose literal is prose: it may name the media type.
    let mut after_doc = false;
    for tree in tokens {
        match &tree {
            TokenTree::Group(group) => literals_with(group.stream(), part, lines),
            TokenTree::Literal(text) if !after_doc && text.to_string().contains(part) => {
                lines.push(text.span().start().line);
            }
            _ => {}
        }
        after_doc = match &tree {
            TokenTree::Ident(word) => word == "doc",
            TokenTree::Punct(punct) => after_doc && punct.as_char() == '=',
            _ => false,
        };
    }
}

#[test]
fn nothing_but_main_imports_the_app() {
    assert_holds_over("only main knows app", &sources_below(GATEWAY), only_main_knows_the_app);
}

#[test]
fn a_module_that_imports_the_app_is_caught() {
    let text = "use crate::app::App;\nuse integridai_gateway::{app, config};\nuse crate::config;";
    assert_caught("integridai-gateway/src/api/health.rs", text, &[1, 2], only_main_knows_the_app);
    assert_caught("integridai-gateway/src/main.rs", text, &[], only_main_knows_the_app);
}

#[test]
fn main_starts_and_nothing_else() {
    assert_holds_over("main only starts", &sources_below(GATEWAY), main_only_starts);
}

#[test]
fn a_main_that_reaches_inside_is_caught() {
    let text = "use integridai_gateway::{app::App, cli, store::Store};\nuse integridai_gateway::stack;\nmod x;\nuse crate::x::Y;";
    assert_caught("integridai-gateway/src/main.rs", text, &[1, 2], main_only_starts);
}

#[test]
fn config_and_server_import_no_sibling() {
    assert_holds_over(
        "config and server stand alone",
        &sources_below(GATEWAY),
        config_and_server_stand_alone,
    );
}

#[test]
fn a_config_or_server_that_imports_a_sibling_is_caught() {
    let text = "use super::super::store::Store;\nuse crate::server::Limits;\nuse crate::config::Raw;\nuse super::raw;";
    assert_caught("integridai-gateway/src/config/limits.rs", text, &[1, 2], config_and_server_stand_alone);
    assert_caught("integridai-gateway/src/server/accept.rs", text, &[1, 3], config_and_server_stand_alone);
}

#[test]
fn tower_http_is_named_in_the_stack_alone() {
    assert_holds_over(
        "only stack names tower_http",
        &sources_below(GATEWAY),
        only_the_stack_names_tower_http,
    );
}

#[test]
fn tower_http_outside_the_stack_is_caught() {
    let text = "use tower_http::cors::CorsLayer;\nfn f() { tower_http::trace::TraceLayer::new_for_http(); }";
    assert_caught("integridai-gateway/src/app.rs", text, &[1, 2], only_the_stack_names_tower_http);
    assert_caught("integridai-gateway/src/stack/edge.rs", text, &[], only_the_stack_names_tower_http);
}

#[test]
fn the_api_goes_through_small_interfaces() {
    assert_holds_over("api calls no client", &sources_below(GATEWAY), the_api_calls_no_client);
}

#[test]
fn an_api_that_calls_a_client_is_caught() {
    let text = "use integridai_tower::client::ServiceClient;\nuse crate::{respond, stack::upstream};\n\
                use integridai_tower::deadline;";
    assert_caught("integridai-gateway/src/api/execute.rs", text, &[1, 2], the_api_calls_no_client);
    assert_caught("integridai-gateway/src/orchestration/engine.rs", text, &[], the_api_calls_no_client);
}

#[test]
fn databases_are_named_in_the_store_alone() {
    assert_holds_over(
        "only store names databases",
        &sources_below(GATEWAY),
        only_the_store_names_the_database,
    );
}

#[test]
fn a_database_outside_the_store_is_caught() {
    let text = "fn f(c: &rusqlite::Connection) {}\nuse rusqlite::{params};\nuse tokio_postgres::Row;\n\
                use deadpool_postgres as pool;";
    assert_caught(
        "integridai-gateway/src/services/reports.rs",
        text,
        &[1, 2, 3, 4],
        only_the_store_names_the_database,
    );
    assert_caught(
        "integridai-gateway/src/store/sqlite/open.rs",
        text,
        &[],
        only_the_store_names_the_database,
    );
}

#[test]
fn problem_documents_are_built_in_one_place() {
    assert_holds_over("only respond builds problems", &sources_below(GATEWAY), only_respond_builds_problems);
}

#[test]
fn a_second_builder_of_problem_documents_is_caught() {
    let text =
        "/// Answers `application/problem+json`.\nfn f() -> &'static str {\n \"application/problem+json\" }";
    assert_caught("integridai-gateway/src/proxy/mod.rs", text, &[3], only_respond_builds_problems);
    assert_caught("integridai-gateway/src/respond.rs", text, &[], only_respond_builds_problems);
}
