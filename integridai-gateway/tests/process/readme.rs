//! Every command of the README does what it says. Cargo's own part is left out: the program is built already.
use std::path::Path;

#[cfg(feature = "tls")]
use crate::certificates::{Authority, Files};
use crate::demo::{demo, paste};
use crate::support::run;

const README: &str = include_str!("../../../README.md");
const SPANISH: &str = include_str!("../../../README.es.md");
const THROUGH_CARGO: &str = "cargo run --release -p integridai-gateway -- ";

/// What stands in blocks of this language.
fn blocks(text: &'static str, language: &str) -> Vec<&'static str> {
    let begin = format!("```{language}\n");
    let blocks = text.split(&begin).skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or_default()).collect()
}

/// The commands in the shell blocks, a line each.
fn commands_of(text: &'static str) -> Vec<&'static str> {
    let lines = blocks(text, "sh").into_iter().flat_map(str::lines);
    lines.filter(|line| !line.is_empty()).collect()
}

fn commands() -> Vec<&'static str> {
    commands_of(README)
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}

#[tokio::test]
async fn its_calls_work_against_the_demonstration() {
    let folder = tempfile::tempdir().unwrap();
    let (demo, page) = demo(folder.path(), &[]).await;
    let operators = page.address_of("operators").trim_start_matches("http://");
    let operators = operators.trim_end_matches("/admin/v1/cache").to_owned();
    let calls: Vec<&str> = commands().into_iter().filter(|line| line.starts_with("curl ")).collect();
    assert!(calls.len() >= 6, "{calls:?}");
    for call in calls {
        let here = call.replace("127.0.0.1:3002", &demo.address.to_string());
        let here = here.replace("127.0.0.1:3003", &operators);
        let here = here.replace("$API_KEY", page.address_of("API key"));
        let printed = paste(&here).await;
        let body = printed.split("\r\n\r\n").last().unwrap();
        let answer: serde_json::Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{call}: {e}"));
        let is_known = [
            "timestamp",
            "purged",
            "max_bytes",
            "circuits",
            "state",
            "events",
            "revision",
            "layers",
            "policy",
        ]
        .iter()
        .any(|member| answer.get(member).is_some());
        assert!(answer["success"] == true || is_known, "{call}: {answer}");
        assert!(answer.get("title").is_none(), "{call}: {answer}");
    }
}

#[tokio::test]
async fn its_other_commands_end_well() {
    for line in commands() {
        if let Some(arguments) = line.strip_prefix(THROUGH_CARGO) {
            if arguments == "demo" {
                // The other test runs it.
                continue;
            }
            let arguments: Vec<String> = arguments.split(' ').map(at_the_repository).collect();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let ended = run(&arguments, &[]).await;
            assert_eq!(ended.code, Some(0), "{line}: {}", ended.stderr);
            assert!(!ended.stdout.is_empty(), "{line}");
        } else {
            assert!(line.starts_with("curl ") || line == "./tests/run", "nobody runs this: {line}");
        }
    }
}

/// Commands are run from the repository's top.
fn at_the_repository(argument: &str) -> String {
    let path = repository().join(argument);
    if path.is_file() { path.display().to_string() } else { argument.to_owned() }
}

#[test]
fn its_test_command_is_what_is_run_for_every_change() {
    assert!(commands().contains(&"./tests/run"));
    let checks = std::fs::read_to_string(repository().join(".ci/run")).unwrap();
    assert!(checks.contains("exec ./tests/run"), "{checks}");
}

#[test]
fn the_spanish_one_has_no_command_of_its_own() {
    let spanish = commands_of(SPANISH);
    assert!(spanish.len() >= 6, "{spanish:?}");
    for command in spanish {
        assert!(commands().contains(&command), "nobody runs this: {command}");
    }
}

#[tokio::test]
async fn its_configuration_is_one_that_can_be_served() {
    let folder = tempfile::tempdir().unwrap();
    let printed = checked(folder.path(), configurations()[0]).await;
    assert!(printed.contains("/compliance"), "{printed}");
}

fn configurations() -> [&'static str; 2] {
    blocks(README, "toml").try_into().expect("there are two blocks of TOML")
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn its_configuration_of_https_is_one_that_can_be_served() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let Files { certificate, key } = authority.host(&["gateway.example.org"]).write(folder.path(), "gateway");
    authority.write(folder.path().join("clients.pem"));
    let here = |text: String, file: &str, path: &Path| text.replace(file, path.to_str().unwrap());
    let https = here(configurations()[1].to_owned(), "/etc/integridai/gateway.pem", &certificate);
    let https = here(https, "/etc/integridai/gateway.key", &key);
    let https = here(https, "/etc/integridai/clients.pem", &folder.path().join("clients.pem"));
    let printed = checked(folder.path(), &https).await;
    assert!(printed.contains("spiffe://integridai/billing"), "{printed}");
}

/// What `check-config` prints of it.
async fn checked(folder: &Path, configuration: &str) -> String {
    let file = folder.join("gateway.toml");
    std::fs::write(&file, configuration).unwrap();
    let ended =
        run(&["check-config", "--config", file.to_str().unwrap()], &[("INTEGRIDAI_AUTH__DISABLED", "false")])
            .await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout
}
