//! All routes, and that they leave the gateway's own paths alone.

use std::collections::BTreeMap;

use integridai_tower::ConfigError;

use super::route::Route;
use crate::config::{Config, ProxyRouteConfig};

/// The routes by their templates.
#[derive(Debug, Clone, Default)]
pub struct Table {
    routes: BTreeMap<String, Vec<Route>>,
}

/// Paths of which the OpenAPI document says nothing.
const UNDOCUMENTED: [&str; 4] = ["/docs", "/docs/{file}", "/console", "/console/{file}"];

impl Table {
    /// As it is configured, beside paths of these templates that the gateway answers itself.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a route would take such a path, or has an unknown scope.
    pub fn new(config: &Config, own: &[String]) -> Result<Self, ConfigError> {
        let max_body_bytes = config.server.max_body_bytes.get();
        let built_in = config.proxy.services.iter().map(|service| ProxyRouteConfig::to_all_of(service));
        let mut table = Self::default();
        // What is written comes first, so that it may say of a service's paths what holds for them.
        for config in config.proxy.routes.iter().cloned().chain(built_in) {
            let route = Route::new(&config, max_body_bytes)?;
            let own = own.iter().map(String::as_str).chain(UNDOCUMENTED);
            if let Some(own) = own.into_iter().find(|own| is_taken(own, &route.template)) {
                let reason = format!("{} would take {own}, which the gateway answers itself", route.template);
                return Err(ConfigError::new("proxy.routes", reason));
            }
            table.routes.entry(route.template.to_string()).or_default().push(route);
        }
        Ok(table)
    }

    /// Each template with its routes, in the order in which they are asked.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Route])> {
        self.routes.iter().map(|(template, routes)| (template.as_str(), routes.as_slice()))
    }

    /// The templates.
    pub fn templates(&self) -> impl Iterator<Item = String> {
        self.routes.keys().cloned()
    }
}

/// Whether the route is for the own path, or for paths below it.
fn is_taken(own: &str, template: &str) -> bool {
    let literal = own.split('{').next().unwrap_or_default();
    let has_parameter = literal.len() < own.len();
    match template.strip_suffix("{*path}") {
        Some(prefix) => literal.starts_with(prefix) || (has_parameter && prefix.starts_with(literal)),
        None => template == own || (has_parameter && template.starts_with(literal)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: [&str; 4] = ["/api/v1/health", "/api/v1/gateway/executions/{id}", "/metrics", "/livez"];

    fn table(text: &str) -> Result<Table, ConfigError> {
        let config: Config = toml::from_str(text).unwrap();
        Table::new(&config, &OWN.map(str::to_owned))
    }

    fn templates(text: &str) -> Vec<String> {
        table(text).unwrap().templates().collect()
    }

    #[test]
    fn the_three_services_are_there_unless_told_otherwise() {
        let all = ["dashboard", "flaisimulator", "regtech"].map(|name| format!("/api/v1/{name}/{{*path}}"));
        assert_eq!(templates(""), all);
        assert_eq!(templates("[proxy]\nservices = [\"regtech\"]"), all[2..]);
        assert!(templates("[proxy]\nservices = []").is_empty());
    }

    #[test]
    fn a_written_route_is_asked_before_the_one_that_is_there_anyway() {
        let text =
            "[[proxy.routes]]\nservice = \"dashboard\"\nprefix = \"/api/v1/regtech\"\nmethods = [\"GET\"]";
        let table = table(text).unwrap();
        let (_, routes) = table.iter().find(|(template, _)| template.contains("regtech")).unwrap();
        let services: Vec<&str> = routes.iter().map(|route| route.service.as_str()).collect();
        assert_eq!(services, ["dashboard", "regtech"]);
    }

    #[test]
    fn no_route_takes_what_the_gateway_answers_itself() {
        let route = |target: &str| format!("[[proxy.routes]]\nservice = \"regtech\"\n{target}");
        for target in [
            "prefix = \"/api\"",
            "prefix = \"/api/v1\"",
            "prefix = \"/api/v1/gateway\"",
            "prefix = \"/api/v1/gateway/executions\"",
            "prefix = \"/api/v1/gateway/executions/a\"",
            "path = \"/api/v1/gateway/executions/a\"",
            "path = \"/api/v1/health\"",
            "path = \"/metrics\"",
            "prefix = \"/docs\"",
            "path = \"/docs/index.html\"",
            "prefix = \"/console\"",
            "path = \"/console\"",
        ] {
            let error = table(&route(target)).unwrap_err().to_string();
            assert!(error.contains("the gateway answers itself"), "{target}: {error}");
        }
        for target in
            ["prefix = \"/api/v2\"", "path = \"/api/v1/healthy\"", "prefix = \"/metrics\"", "path = \"/a\""]
        {
            assert!(table(&route(target)).is_ok(), "{target}");
        }
        let error = table(&format!("{}\nscope = \"x\"", route("path = \"/a\""))).unwrap_err().to_string();
        assert!(error.contains("proxy:regtech"), "{error}");
    }
}
