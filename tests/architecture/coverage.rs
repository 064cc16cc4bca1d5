use super::layers::layers;
use super::source::{LIBRARY, Source, read, repository, sources_below};
use super::violation::{Violation, assert_holds};

const SCRIPT: &str = "tests/run";

/// The test command runs every example: its loop takes each file right in `examples/`, and nothing deeper.
fn examples_are_run(script: &str, examples: &[String]) -> Vec<Violation> {
    let takes_all = script.lines().any(|line| line.trim() == "for source in examples/*.rs; do");
    let is_taken = |path: &str| takes_all && path.starts_with("examples/") && path.matches('/').count() == 1;
    let missed = examples.iter().filter(|path| !is_taken(path));
    missed.map(|path| Violation::new(path, 1, format!("{SCRIPT} does not run it"))).collect()
}

/// The page of a layer on docs.rs begins in its `mod.rs`.
fn layers_are_documented(layers: &[String], sources: &[Source]) -> Vec<Violation> {
    let is_documented = |path: &str| {
        let module = sources.iter().find(|source| source.path == path);
        module.is_some_and(|source| source.text.trim_start().starts_with("//! "))
    };
    let pages = layers.iter().map(|layer| format!("{LIBRARY}/{layer}/mod.rs"));
    pages
        .filter(|path| !is_documented(path))
        .map(|path| Violation::new(&path, 1, "a layer begins with its documentation"))
        .collect()
}

#[test]
fn every_example_is_run_by_the_test_command() {
    let folders = ["examples", "integridai-tower/examples", "integridai-gateway/examples"];
    let examples: Vec<String> =
        folders.iter().flat_map(|folder| sources_below(folder)).map(|source| source.path).collect();
    let script = read(SCRIPT);
    assert!(repository().join(SCRIPT).is_file() && script.starts_with("#!"));
    assert_holds("every example is run", &examples_are_run(&script, &examples));
}

#[test]
fn an_example_that_is_not_run_is_caught() {
    let examples =
        ["examples/a.rs", "examples/b/main.rs", "integridai-tower/examples/c.rs"].map(ToOwned::to_owned);
    let script = "#!/bin/bash\n  for source in examples/*.rs; do\n";
    assert_eq!(examples_are_run(script, &examples).len(), 2);
    assert_eq!(examples_are_run("#!/bin/bash\ncargo test\n", &examples).len(), 3);
}

#[test]
fn every_layer_folder_has_its_documentation() {
    assert_holds("a layer is documented", &layers_are_documented(&layers(), &sources_below(LIBRARY)));
}

#[test]
fn a_layer_without_documentation_is_caught() {
    let layers = ["a", "b", "c"].map(ToOwned::to_owned);
    let sources = [
        Source::new("integridai-tower/src/a/mod.rs", "//! What it does.\nmod x;"),
        Source::new("integridai-tower/src/b/mod.rs", "mod x;"),
    ];
    assert_eq!(layers_are_documented(&layers, &sources).len(), 2);
}
