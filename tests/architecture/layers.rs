use syn::Item;

use super::references::references;
use super::source::{LIBRARY, Source, folders_in, sources_below};
use super::violation::{Violation, assert_caught, assert_holds_over};

/// A file right in the library's `src` is vocabulary that layers share, so it may not know a layer.
fn root_files_know_no_layer(source: &Source, layers: &[String]) -> Vec<Violation> {
    let is_root = source.below(LIBRARY).is_some_and(|path| !path.contains('/') && path != "lib.rs");
    if !is_root { Vec::new() } else { reached_layers(source, layers, None) }
}

/// `lib.rs` is a map: modules and re-exports, and what exists for doctests alone.
fn the_crate_root_only_declares(source: &Source) -> Vec<Violation> {
    if source.below(LIBRARY) != Some("lib.rs") {
        return Vec::new();
    }
    let items = source.syntax().items;
    let logic = items.iter().filter(|item| match item {
        Item::Use(_) | Item::ExternCrate(_) => false,
        Item::Mod(module) => module.content.is_some(),
        Item::Struct(item) => !item.attrs.iter().any(is_for_doctests),
        _ => true,
    });
    logic
        .map(|item| Violation::new(&source.path, line_of(item), "lib.rs declares and re-exports only"))
        .collect()
}

fn line_of(item: &Item) -> usize {
    let name = match item {
        Item::Fn(item) => &item.sig.ident,
        Item::Struct(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Mod(item) => &item.ident,
        Item::Const(item) => &item.ident,
        Item::Static(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Impl(item) => return item.impl_token.span.start().line,
        _ => return 1,
    };
    name.span().start().line
}

fn is_for_doctests(attribute: &syn::Attribute) -> bool {
    // `doctest` alone, or together with the features that the examples use.
    let holds_for_doctests = |condition: &proc_macro2::TokenStream| {
        let text = condition.to_string().replace(' ', "");
        text == "doctest" || text.starts_with("all(doctest,")
    };
    attribute.path().is_ident("cfg")
        && attribute
            .parse_args::<proc_macro2::TokenStream>()
            .is_ok_and(|condition| holds_for_doctests(&condition))
}

/// A layer imports root files and its own children, never another layer.
fn layers_know_no_other_layer(source: &Source, layers: &[String]) -> Vec<Violation> {
    match source.below(LIBRARY).and_then(|path| path.split_once('/')) {
        Some((layer, _)) => reached_layers(source, layers, Some(layer)),
        None => Vec::new(),
    }
}

fn reached_layers(source: &Source, layers: &[String], own: Option<&str>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for reference in references(source) {
        let Some(module) = reference.own_module() else { continue };
        let reaches = module == "*" || layers.iter().any(|layer| layer == module);
        if reaches && own != Some(module) {
            let what = format!("{} reaches into a layer", reference.text());
            violations.push(Violation::new(&source.path, reference.line, what));
        }
    }
    violations
}

pub(super) fn layers() -> Vec<String> {
    folders_in(LIBRARY)
}

fn two_layers() -> Vec<String> {
    ["client", "observe"].map(ToOwned::to_owned).to_vec()
}

#[test]
fn root_files_of_the_library_import_no_layer() {
    let layers = layers();
    assert_holds_over("a root file knows no layer", &sources_below(LIBRARY), |source| {
        root_files_know_no_layer(source, &layers)
    });
}

#[test]
fn a_root_file_that_imports_a_layer_is_caught() {
    let text = "use crate::client::Endpoint;\nuse crate::{clock, observe::Record};\nfn f() {\n super::client::call() }\n\
                use crate::deadline;\nuse crate::*;\n#[cfg(test)]\nmod tests { use crate::client; }";
    let check = |source: &Source| root_files_know_no_layer(source, &two_layers());
    assert_caught("integridai-tower/src/deadline.rs", text, &[1, 2, 4, 6], check);
    assert_caught("integridai-tower/src/lib.rs", text, &[], check);
}

#[test]
fn the_library_root_is_a_map() {
    assert_holds_over("lib.rs holds no logic", &sources_below(LIBRARY), the_crate_root_only_declares);
}

#[test]
fn logic_in_the_library_root_is_caught() {
    let text = "//! Map.\npub mod client;\npub use client::Endpoint;\n#[cfg(doctest)]\nstruct ReadmeExamples;\n\
                #[cfg(all(doctest, feature = \"full\"))]\nstruct MoreExamples;\n\
                pub fn logic() {}\nmod inline {}\nstruct Other;\n#[cfg(any(doctest, test))]\nstruct Another;";
    assert_caught("integridai-tower/src/lib.rs", text, &[8, 9, 10, 12], the_crate_root_only_declares);
}

#[test]
fn layers_of_the_library_import_no_other_layer() {
    let layers = layers();
    assert!(!layers.is_empty(), "the library has layers");
    assert_holds_over("a layer knows no other layer", &sources_below(LIBRARY), |source| {
        layers_know_no_other_layer(source, &layers)
    });
}

#[test]
fn a_layer_that_reaches_another_is_caught() {
    let text = "use crate::observe::Record;\nuse crate::{clock, observe};\nuse super::super::observe as seen;\n\
                fn f() { debug_assert!(crate::observe::ready()); }\nuse super::transport;\nuse crate::client::Endpoint;\n\
                fn g() {\n seen::record() }";
    let check = |source: &Source| layers_know_no_other_layer(source, &two_layers());
    assert_caught("integridai-tower/src/client/service.rs", text, &[1, 2, 3, 4, 8], check);
    // Two steps up from a grandchild is still inside the layer.
    assert_caught("integridai-tower/src/client/transport/hyper.rs", text, &[1, 2, 4], check);
}
