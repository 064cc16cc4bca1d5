use std::collections::{HashMap, HashSet};

use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprMethodCall, ImplItem, ItemImpl, Local, Member, Pat};

use super::source::{GATEWAY, LIBRARY, Source, sources_below};
use super::violation::{Violation, assert_caught, assert_holds_over};

/// Fields that hold a service in every middleware; others are judged by how their clone is used.
const SERVICES: [&str; 3] = ["inner", "service", "next"];
const USES: [&str; 6] = ["call", "oneshot", "ready", "ready_oneshot", "ready_and", "poll_ready"];

/// Only the instance that was polled ready may be called; a clone of it never was (`tower::Service::call`).
fn calls_use_the_ready_instance(source: &Source) -> Vec<Violation> {
    let mut finder = ServiceImpls { path: &source.path, violations: Vec::new() };
    finder.visit_file(&source.syntax());
    finder.violations
}

struct ServiceImpls<'a> {
    path: &'a str,
    violations: Vec<Violation>,
}

impl Visit<'_> for ServiceImpls<'_> {
    fn visit_item_impl(&mut self, item: &ItemImpl) {
        let name = item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
        if name.is_some_and(|name| name.ident == "Service") {
            for member in &item.items {
                if let ImplItem::Fn(method) = member
                    && method.sig.ident == "call"
                {
                    self.judge(&method.block);
                }
            }
        }
        visit::visit_item_impl(self, item);
    }
}

impl ServiceImpls<'_> {
    fn judge(&mut self, body: &syn::Block) {
        let mut clones = Clones::default();
        clones.visit_block(body);
        for (field, line, bound) in &clones.made {
            let replaces = bound.as_ref().is_some_and(|name| clones.replacing.contains(name));
            let used = bound.as_ref().is_some_and(|name| clones.used.contains(name));
            let at_once = clones.used_at_once.contains(line);
            let is_service = SERVICES.contains(&field.as_str());
            if used || at_once || (is_service && !replaces) {
                let what = format!("call uses a clone of {field} that was never polled ready: take_ready()");
                self.violations.push(Violation::new(self.path, *line, what));
            }
        }
    }
}

/// What a `call` clones out of `self`, under which name, and what it does with those names.
#[derive(Default)]
struct Clones {
    made: Vec<(String, usize, Option<String>)>,
    borrowed: HashMap<String, String>,
    replacing: HashSet<String>,
    used: HashSet<String>,
    used_at_once: HashSet<usize>,
    binding: Option<String>,
}

impl Clones {
    /// The field of `self` that an expression stands for: `self.x`, `&self.x`, `self`, or a name borrowed from it.
    fn field(&self, expression: &Expr) -> Option<String> {
        match expression {
            Expr::Field(access) => match (&*access.base, &access.member) {
                (Expr::Path(base), Member::Named(name)) if base.path.is_ident("self") => {
                    Some(name.to_string())
                }
                (Expr::Path(base), Member::Unnamed(index)) if base.path.is_ident("self") => {
                    Some(index.index.to_string())
                }
                _ => None,
            },
            Expr::Path(path) => {
                let name = path.path.get_ident()?.to_string();
                if name == "self" { Some(name) } else { self.borrowed.get(&name).cloned() }
            }
            Expr::Reference(reference) => self.field(&reference.expr),
            Expr::Paren(inner) => self.field(&inner.expr),
            _ => None,
        }
    }

    /// The field that the expression clones, and where.
    fn cloned(&self, expression: &Expr) -> Option<(String, usize)> {
        match expression {
            Expr::MethodCall(call) if call.method == "clone" => {
                Some((self.field(&call.receiver)?, call.method.span().start().line))
            }
            Expr::Call(call) => match (&*call.func, call.args.first()) {
                (Expr::Path(function), Some(argument)) if last_is(function, "clone") => {
                    let line = function.path.segments.last()?.ident.span().start().line;
                    Some((self.field(argument)?, line))
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn note(&mut self, expression: &Expr) {
        if let Some((field, line)) = self.cloned(expression) {
            self.made.push((field, line, self.binding.clone()));
        }
    }
}

impl Visit<'_> for Clones {
    fn visit_local(&mut self, local: &Local) {
        let name = bound_name(&local.pat);
        if let (Some(name), Some(init)) = (&name, &local.init)
            && let Some(field) = self.field(&init.expr)
        {
            self.borrowed.insert(name.clone(), field);
        }
        if let Pat::Struct(fields) = &local.pat
            && local.init.as_ref().is_some_and(|init| self.field(&init.expr).as_deref() == Some("self"))
        {
            for part in &fields.fields {
                let field = bound_name(&part.pat).map(|name| (name.clone(), name));
                self.borrowed.extend(field);
            }
        }
        let is_clone = local.init.as_ref().is_some_and(|init| self.cloned(&init.expr).is_some());
        let outer = std::mem::replace(&mut self.binding, name.filter(|_| is_clone));
        visit::visit_local(self, local);
        self.binding = outer;
    }

    fn visit_expr(&mut self, expression: &Expr) {
        self.note(expression);
        visit::visit_expr(self, expression);
    }

    fn visit_expr_method_call(&mut self, call: &ExprMethodCall) {
        if USES.iter().any(|name| call.method == name) {
            if let Some((_, line)) = self.cloned(&call.receiver) {
                self.used_at_once.insert(line);
            }
            self.used.extend(root_name(&call.receiver));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &ExprCall) {
        if let Expr::Path(function) = &*call.func {
            let names = call.args.iter().filter_map(root_name);
            if last_is(function, "replace") {
                self.replacing.extend(names);
            } else if USES.iter().any(|name| last_is(function, name)) {
                self.used.extend(names);
            }
        }
        visit::visit_expr_call(self, call);
    }
}

fn last_is(function: &syn::ExprPath, name: &str) -> bool {
    function.path.segments.last().is_some_and(|segment| segment.ident == name)
}

fn bound_name(pattern: &Pat) -> Option<String> {
    match pattern {
        Pat::Ident(name) => Some(name.ident.to_string()),
        Pat::Type(typed) => bound_name(&typed.pat),
        _ => None,
    }
}

/// The variable that an expression like `x`, `&mut x`, `x.inner` or `x.ready().await?` begins with.
fn root_name(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Path(path) => path.path.get_ident().map(ToString::to_string).filter(|name| name != "self"),
        Expr::Field(access) => root_name(&access.base),
        Expr::Reference(reference) => root_name(&reference.expr),
        Expr::MethodCall(call) => root_name(&call.receiver),
        Expr::Await(future) => root_name(&future.base),
        Expr::Try(tried) => root_name(&tried.expr),
        Expr::Paren(inner) => root_name(&inner.expr),
        _ => None,
    }
}

fn service(body: &str) -> String {
    format!("impl<S> Service<Request> for X<S> {{\n fn call(&mut self, r: Request) -> F {{\n{body}\n }}\n}}")
}

#[test]
fn no_call_uses_a_clone_of_the_inner_service() {
    for folder in [LIBRARY, GATEWAY, "tests", "examples"] {
        assert_holds_over(
            "call the instance that is ready",
            &sources_below(folder),
            calls_use_the_ready_instance,
        );
    }
}

#[test]
fn a_clone_that_is_called_is_caught() {
    for body in [
        "self.inner.clone().call(r)",
        "let service = self.service.clone(); Fut::new(service, r)",
        "let mut up = self.upstream.clone();\nBox::pin(async move { up.call(r).await })",
        "let mut up = self.upstream.clone();\nBox::pin(async move { up.ready().await?.call(r).await })",
        "let mut up = S::clone(&self.upstream);\nasync move { Service::call(&mut up, r).await }",
        "let mut this = self.clone();\nasync move { this.inner.call(r).await }",
        "self.0.clone().oneshot(r)",
    ] {
        assert_caught("x/src/y.rs", &service(body), &[3], calls_use_the_ready_instance);
    }
    let borrowed = "let inner = &mut self.inner;\nlet mut other = inner.clone();\nother.call(r)";
    assert_caught("x/src/y.rs", &service(borrowed), &[4], calls_use_the_ready_instance);
    let unpacked = "let Self { inner, .. } = self;\ninner.clone().call(r)";
    assert_caught("x/src/y.rs", &service(unpacked), &[4], calls_use_the_ready_instance);
    let swapped_back =
        "let clone = self.inner.clone();\nmem::replace(&mut self.inner, clone);\nclone.call(r)";
    assert_caught("x/src/y.rs", &service(swapped_back), &[3], calls_use_the_ready_instance);
}

#[test]
fn the_instance_that_was_ready_may_be_taken() {
    for body in [
        "self.inner.call(r)",
        "let mut ready = take_ready(&mut self.inner);\nasync move { ready.call(r).await }",
        "let clone = self.inner.clone();\nlet mut ready = mem::replace(&mut self.inner, clone);\nready.call(r)",
        "let this = self.clone();\nBox::pin(async move { this.answer(r).await })",
        "let shared = self.state.clone();\nlet future = self.inner.call(r);\nWatched { future, shared }",
    ] {
        assert_caught("x/src/y.rs", &service(body), &[], calls_use_the_ready_instance);
    }
    let elsewhere = "impl Layer<S> for X { fn layer(&self, inner: S) -> Y { Y { a: self.inner.clone() } } }";
    assert_caught("x/src/y.rs", elsewhere, &[], calls_use_the_ready_instance);
}
