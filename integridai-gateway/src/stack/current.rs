//! What is in force now, where it may be replaced while it is used.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use axum::Router;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use http::Request;
use tower::Service;

use super::upstream::Clients;

/// Gives each request to the routes that are in force when it comes; it ends there, whatever is put in their place meanwhile. A
/// clone is the same.
#[derive(Debug, Clone)]
pub struct CurrentRoutes(Arc<ArcSwap<Router>>);

/// The clients of the services that are in force. A clone is the same.
#[derive(Debug, Clone)]
pub struct CurrentClients(Arc<ArcSwap<Clients>>);

impl CurrentRoutes {
    /// These, for the beginning.
    #[must_use]
    pub fn new(routes: Router) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(routes)))
    }

    /// From now on these.
    pub fn replace(&self, routes: Router) {
        self.0.store(Arc::new(routes));
    }
}

impl<B> Service<Request<B>> for CurrentRoutes
where
    Router: Service<Request<B>, Response = Response, Error = Infallible, Future = RouteFuture<Infallible>>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    /// A router is always ready: each of its routes is asked when it is called.
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut routes = Router::clone(&self.0.load());
        routes.call(request)
    }
}

impl CurrentClients {
    /// From now on these.
    pub fn replace(&self, clients: Clients) {
        self.0.store(Arc::new(clients));
    }

    /// Those in force now, for as long as they are held.
    #[must_use]
    pub fn get(&self) -> Arc<Clients> {
        self.0.load_full()
    }
}

impl From<Clients> for CurrentClients {
    fn from(clients: Clients) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(clients)))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use tokio::sync::Notify;
    use tower::ServiceExt;

    use super::*;

    async fn text(response: Response) -> String {
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_request_ends_on_the_routes_that_it_came_to() {
        let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (told, waits) = (Arc::clone(&arrived), Arc::clone(&go_on));
        let slow = move || async move {
            told.notify_one();
            waits.notified().await;
            "old"
        };
        let routes = CurrentRoutes::new(Router::new().route("/", get(slow)));
        let request = || Request::new(Body::empty());
        let first = tokio::spawn(routes.clone().oneshot(request()));
        arrived.notified().await;
        routes.replace(Router::new().route("/", get(async || "new")));
        assert_eq!(text(routes.clone().oneshot(request()).await.unwrap()).await, "new");
        go_on.notify_one();
        assert_eq!(text(first.await.unwrap().unwrap()).await, "old");
    }
}
