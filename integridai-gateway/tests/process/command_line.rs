//! The commands that answer and end.
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{run, run_in_shell};

const DOCUMENTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/gateway.toml");
const EX_CONFIG: i32 = 78;

fn file(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path: PathBuf = folder.path().join("gateway.toml");
    std::fs::write(&path, text).expect("a file in it");
    let path = path.to_str().expect("UTF-8").to_owned();
    (folder, path)
}

#[tokio::test]
async fn a_wrong_file_is_refused_with_its_name_the_line_the_key_and_what_was_expected() {
    for (text, parts) in [
        ("[server]\nprot = 1\n", ["line 2", "prot", "expected one of"]),
        ("[server]\n\ngrace_seconds = \"20\"\n", ["line 3", "grace_seconds", "a number of seconds"]),
        ("[services.regtech]\nbase_url = \"regtech:3000\"\n", ["line 2", "base_url", "http://"]),
        ("[logs]\nformat = \"xml\"\n", ["line 2", "format", "human"]),
        ("[logs]\nfilter = \"info,=,loud=loudest\"\n", ["line 2", "filter", "target=level"]),
        ("[servers]\nlisten = \"127.0.0.1:1\"\n", ["line 1", "servers", "server"]),
        ("[server\n", ["line 1", "server", "expected"]),
    ] {
        let (_folder, path) = file(text);
        for command in ["check-config", "serve"] {
            let ended = run(&[command, "--config", &path], &[]).await;
            ended.assert_refused(EX_CONFIG, &[&path]);
            ended.assert_refused(EX_CONFIG, &parts);
        }
    }
}

#[tokio::test]
async fn a_missing_file_is_refused_by_name() {
    for arguments in [["check-config", "--config", "/nowhere/gateway.toml"], ["serve", "--config", "/"]] {
        let ended = run(&arguments, &[]).await;
        ended.assert_refused(EX_CONFIG, &[arguments[2]]);
    }
    let by_variable = run(&["serve"], &[("INTEGRIDAI_CONFIG", "/nowhere/else.toml")]).await;
    by_variable.assert_refused(EX_CONFIG, &["/nowhere/else.toml"]);
}

#[tokio::test]
async fn a_wrong_variable_is_refused_by_name() {
    for (variable, value, expected) in [
        ("INTEGRIDAI_SERVER__PROT", "1", "unknown field `prot`"),
        ("INTEGRIDAI_SERVER__LISTEN", "here", "socket address"),
        ("INTEGRIDAI_SERVER__GRACE_SECONDS", "0", "greater than 0"),
        ("INTEGRIDAI_LOGS__FILTER", "a=b=c", "target=level"),
        ("INTEGRIDAI_WORKFLOWS__MAX_TIMEOUT_SECONDS", "3000", "server.request_timeout_seconds"),
    ] {
        let ended = run(&["check-config"], &[(variable, value)]).await;
        let name = if expected.starts_with("server.") { "max_timeout_seconds" } else { variable };
        ended.assert_refused(EX_CONFIG, &[name, expected]);
    }
}

#[tokio::test]
async fn secrets_are_neither_in_the_output_nor_in_any_complaint() {
    let token = "[services.dashboard]\nbearer_token = \"s3cr3t\"\n";
    let (_folder, path) = file(token);
    let variables = [("INTEGRIDAI_SERVICES__REGTECH__BEARER_TOKEN", "s3cr3t")];
    let shown = run(&["check-config", "--config", &path], &variables).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert_eq!(shown.stdout.matches("bearer_token = \"(hidden)\"").count(), 2, "{shown:?}");
    assert!(!format!("{shown:?}").contains("s3cr3t"), "{shown:?}");

    for wrong in [
        "[services.dashboard]\nbearer_tokn = \"s3cr3t\"",
        "[services.dashboard]\nbearer_token = \"s3cr3t with blanks\"",
        "[services.dashboard]\nbearer_token = \"s3cr3t",
        "[services.dashboard]\nbearer_token = s3cr3t",
        "[services.dashboard]\nbearer_token = [\"s3cr3t\"]",
        "[services.dashboard]\nbearer_token = 0x5ec7e7",
        "[services.dashboard]\nbase_url = \"http://me:s3cr3t@dashboard\"",
        "[services]\ndashboard = { bearer_token = \"s3cr3t\", tokn = 1 }",
        "[services]\nbearer_token = \"s3cr3t\"",
        "bearer_token = \"s3cr3t\"",
    ] {
        let (_folder, path) = file(wrong);
        let refused = run(&["check-config", "--config", &path], &[]).await;
        refused.assert_refused(EX_CONFIG, &[&path, "line"]);
        let said = format!("{refused:?}");
        assert!(!said.contains("s3cr3t") && !said.contains(&0x5ec7e7.to_string()), "{wrong}: {said}");
    }
    for (variable, value) in [
        ("INTEGRIDAI_SERVICES__REGTECH__BEARER_TOKEN", "s3cr3t with blanks"),
        ("INTEGRIDAI_SERVICES__REGTECH__BEARER_TOKN", "s3cr3t"),
        ("INTEGRIDAI_SERVICES__REGTECH__BASE_URL", "http://me:s3cr3t@regtech"),
    ] {
        let refused = run(&["check-config"], &[(variable, value)]).await;
        refused.assert_refused(EX_CONFIG, &[variable]);
        assert!(!format!("{refused:?}").contains("s3cr3t"), "{variable}: {refused:?}");
    }
}

#[tokio::test]
async fn what_check_config_prints_is_a_configuration_that_says_the_same() {
    let variables = [
        ("INTEGRIDAI_SERVER__GRACE_SECONDS", "0.25"),
        ("INTEGRIDAI_CORS__ALLOWED_ORIGINS", r#"["http://a.example"]"#),
        ("INTEGRIDAI_SERVICES__REGTECH__BEARER_TOKEN", "s3cr3t"),
        ("INTEGRIDAI_DATABASE__PATH", "a \"quoted\" \\ name\n.db"),
    ];
    for variables in [&[][..], &variables[..]] {
        let first = run(&["check-config"], variables).await;
        assert_eq!(first.code, Some(0), "{first:?}");
        let (_folder, path) = file(&first.stdout);
        let second = run(&["check-config", "--config", &path], &[]).await;
        assert_eq!((second.code, second.stdout), (Some(0), first.stdout), "{}", second.stderr);
    }
}

#[tokio::test]
async fn the_documented_file_is_accepted_and_says_what_holds_without_any() {
    let documented = run(&["check-config", "--config", DOCUMENTED], &[]).await;
    let defaults = run(&["check-config"], &[]).await;
    assert_eq!((documented.code, &documented.stdout), (Some(0), &defaults.stdout), "{}", documented.stderr);
    assert!(defaults.stdout.contains("listen = \"127.0.0.1:3002\""), "{}", defaults.stdout);
}

#[tokio::test]
async fn the_environment_wins_over_the_file() {
    let (_folder, path) = file("[server]\ngrace_seconds = 5\nmax_headers = 7\n");
    let variables = [("INTEGRIDAI_SERVER__GRACE_SECONDS", "9"), ("INTEGRIDAI_CONFIG", path.as_str())];
    let shown = run(&["check-config"], &variables).await.stdout;
    assert!(shown.contains("grace_seconds = 9\n") && shown.contains("max_headers = 7\n"), "{shown}");
}

#[tokio::test]
async fn the_api_document_is_printed_as_json() {
    let printed = run(&["openapi"], &[]).await;
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let document: Value = serde_json::from_str(&printed.stdout).expect("JSON");
    assert_eq!(document["openapi"].as_str().and_then(|version| version.get(..2)), Some("3."));
    assert!(document["paths"]["/api/v1/gateway/execute"]["post"].is_object());
}

#[tokio::test]
async fn help_of_every_command_teaches_the_defaults() {
    for (arguments, taught) in [
        (&["--help"][..], &["demo", "serve", "check-config", "openapi", "INTEGRIDAI_SECTION__KEY"][..]),
        (&["demo", "--help"], &["3002", "realistic", "warn", "temporary", "3000, 8000 and 5000"]),
        (&["serve", "--help"], &["127.0.0.1:3002", "integridai.db", "INTEGRIDAI_CONFIG", "defaults"]),
        (&["check-config", "--help"], &["INTEGRIDAI_CONFIG", "defaults"]),
        (&["openapi", "--help"], &["OpenAPI"]),
        (&["api-key", "--help"], &["standard error", "pepper", "--scope", "--days"]),
        (&["token", "--help"], &["development", "3600", "--issuer"]),
        (&["help", "serve"], &["127.0.0.1:3002"]),
    ] {
        let help = run(arguments, &[]).await;
        assert_eq!(help.code, Some(0), "{help:?}");
        let text = help.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in taught {
            assert!(text.contains(part), "{arguments:?}: {part:?} is not in {text}");
        }
    }
    let version = run(&["--version"], &[]).await;
    assert!(version.stdout.contains(env!("CARGO_PKG_VERSION")), "{version:?}");
}

#[tokio::test]
async fn a_wrong_command_line_ends_with_2_and_says_how_it_goes() {
    for arguments in [
        &[][..],
        &["fly"],
        &["serve", "--port", "1"],
        &["demo", "--port", "65536"],
        &["demo", "--latency", "realistic:-1"],
        &["check-config", "--config"],
    ] {
        let ended = run(arguments, &[]).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains("--help") || ended.stderr.contains("Usage"), "{ended:?}");
        assert_eq!(ended.stdout, "");
    }
}

#[tokio::test]
async fn a_reader_that_leaves_early_causes_no_panic() {
    for script in [
        r#""$PROGRAM" openapi | head -n 1"#,
        r#""$PROGRAM" check-config | head -n 1"#,
        r#""$PROGRAM" --help | head -n 1"#,
        r#""$PROGRAM" openapi | true"#,
        r#""$PROGRAM" check-config >/dev/full"#,
        r#""$PROGRAM" check-config >&-"#,
    ] {
        let ended = run_in_shell(script, &[]).await;
        assert!(!ended.stderr.contains("panicked"), "{script}: {ended:?}");
    }
}

#[tokio::test]
async fn a_complaint_that_nobody_reads_keeps_its_exit_code() {
    for place in ["2>/dev/full", "2>&-"] {
        let script = format!(r#""$PROGRAM" check-config {place}"#);
        let ended = run_in_shell(&script, &[("INTEGRIDAI_SERVER__PROT", "1")]).await;
        assert_eq!(ended.code, Some(EX_CONFIG), "{place}: {ended:?}");
    }
}
