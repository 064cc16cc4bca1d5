use std::collections::{BTreeMap, BTreeSet};

use super::layers::layers;
use super::source::{LIBRARY, folders_in, read};
use super::violation::{Violation, assert_holds};

const MANIFEST: &str = "integridai-tower/Cargo.toml";

type Features = BTreeMap<String, Vec<String>>;

/// Whoever switches on one layer must not get another: only `full` and `default` may cross.
fn features_stay_in_their_layer(manifest: &str, layer_of: impl Fn(&str) -> Option<String>) -> Vec<Violation> {
    let features = features_of(manifest);
    let mut violations = Vec::new();
    for feature in features.keys().filter(|feature| !matches!(feature.as_str(), "full" | "default")) {
        let Some(own) = layer_of(feature) else { continue };
        for enabled in enabled_by(feature, &features) {
            if layer_of(&enabled).is_some_and(|layer| layer != own) {
                let what = format!("the feature {feature} of the layer {own} enables {enabled}");
                violations.push(Violation::new(MANIFEST, line_of(manifest, feature), what));
            }
        }
    }
    violations
}

/// Every layer can be switched on by a feature of its name.
fn layers_have_a_feature(manifest: &str, layers: &[String]) -> Vec<Violation> {
    let features = features_of(manifest);
    let named: BTreeSet<String> = features.keys().map(|feature| feature.replace('-', "_")).collect();
    let missing = layers.iter().filter(|layer| !named.contains(*layer));
    missing.map(|layer| Violation::new(MANIFEST, 1, format!("no feature for the layer {layer}"))).collect()
}

/// A feature is of the layer whose name it bears or begins with, or in whose folder a folder bears its name.
fn layer_of(feature: &str) -> Option<String> {
    let module = feature.replace('-', "_");
    layers().into_iter().find(|layer| {
        let by_name = module == *layer || module.starts_with(&format!("{layer}_"));
        by_name || folders_in(&format!("{LIBRARY}/{layer}")).contains(&module)
    })
}

fn features_of(manifest: &str) -> Features {
    let manifest: toml::Table = manifest.parse().expect("a manifest in TOML");
    let features = manifest.get("features").cloned().expect("the library has features");
    features.try_into().expect("a feature is a list of names")
}

fn enabled_by(feature: &str, features: &Features) -> BTreeSet<String> {
    let mut enabled = BTreeSet::new();
    let mut open = vec![feature];
    while let Some(next) = open.pop() {
        for name in features.get(next).into_iter().flatten() {
            if features.contains_key(name) && enabled.insert(name.clone()) {
                open.push(name);
            }
        }
    }
    enabled
}

fn line_of(manifest: &str, feature: &str) -> usize {
    let starts = |line: &str| line.split('=').next().is_some_and(|name| name.trim() == feature);
    manifest.lines().position(starts).map_or(1, |index| index + 1)
}

#[test]
fn no_feature_of_a_layer_enables_another_layer() {
    let violations = features_stay_in_their_layer(&read(MANIFEST), layer_of);
    assert_holds("a feature stays in its layer", &violations);
}

#[test]
fn a_feature_that_enables_another_layer_is_caught() {
    let manifest = "[features]\nfull = [\"client\", \"observe\"]\nclient = []\nclient-hyper = [\"client\"]\n\
                    observe = [\"dep:x\", \"extra\"]\nextra = [\"client-hyper\"]\n";
    let by_prefix = |feature: &str| {
        ["client", "observe"].into_iter().find(|layer| feature.starts_with(layer)).map(ToOwned::to_owned)
    };
    let found: Vec<String> =
        features_stay_in_their_layer(manifest, by_prefix).iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 2, "client-hyper, and client through it: {found:?}");
    assert!(found.iter().all(|line| line.starts_with("integridai-tower/Cargo.toml:5: the feature observe")));
}

#[test]
fn every_layer_has_a_feature_of_its_name() {
    assert_holds("one feature per layer", &layers_have_a_feature(&read(MANIFEST), &layers()));
}

#[test]
fn a_layer_without_a_feature_is_caught() {
    let layers = ["rate_limit", "client"].map(ToOwned::to_owned);
    assert_eq!(layers_have_a_feature("[features]\nrate-limit = []\n", &layers).len(), 1);
}

#[test]
fn features_are_traced_to_the_layer_that_owns_them() {
    assert_eq!(layer_of("client-hyper").as_deref(), Some("client"));
    assert_eq!(layer_of("observe").as_deref(), Some("observe"));
    assert_eq!(layer_of("full"), None);
}
