use proc_macro2::{TokenStream, TokenTree};

use super::references::is_punct;
use super::source::{GATEWAY, Source, read, sources_below};
use super::violation::{Violation, assert_caught, assert_holds_over};

const MACROS: [&str; 3] = ["counter", "gauge", "histogram"];

/// An operator who meets a metric for the first time reads its `# HELP`.
fn undescribed_metrics(source: &Source, table: &str) -> Vec<Violation> {
    let mut names = Vec::new();
    metrics_in(source.shipped(), &mut names);
    let missing = names.into_iter().filter(|(name, _)| !table.contains(name.as_str()));
    missing
        .map(|(name, line)| Violation::new(&source.path, line, format!("{name} has no description")))
        .collect()
}

/// The first argument of each macro that names a metric, as it is written.
fn metrics_in(tokens: TokenStream, names: &mut Vec<(String, usize)>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, tree) in trees.iter().enumerate() {
        if let [TokenTree::Ident(word), bang, TokenTree::Group(arguments), ..] = &trees[at..]
            && is_punct(bang, '!')
            && MACROS.iter().any(|name| word == name)
            && let Some(name) = arguments.stream().into_iter().next()
        {
            names.push((name.to_string(), word.span().start().line));
        }
        if let TokenTree::Group(group) = tree {
            metrics_in(group.stream(), names);
        }
    }
}

#[test]
fn every_metric_has_a_description() {
    let table = read("integridai-gateway/src/telemetry/descriptions.rs");
    assert_holds_over("telemetry/descriptions.rs has every metric", &sources_below(GATEWAY), |source| {
        undescribed_metrics(source, &table)
    });
}

#[test]
fn a_metric_without_a_description_is_caught() {
    let text = "fn a() { metrics::counter!(\"known_total\").increment(1); }\n\
                fn b() { gauge!(\"new\", \"label\" => c).set(1.0); }\nfn d() { if e { histogram!(\"newer\") } }";
    assert_caught("integridai-gateway/src/app.rs", text, &[2, 3], |source| {
        undescribed_metrics(source, "\"known_total\"")
    });
}
