//! One request through two services: the shop asks the store, and both know which request it is.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use std::borrow::Cow;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::get;
use integridai_tower::client::transport::HyperTransport;
use integridai_tower::client::{Endpoint, Malformed, ServiceClient};
use integridai_tower::correlation::{CorrelationLayer, Propagate, PropagateLayer};
use integridai_tower::{BoxError, CorrelationId};
use tower::Layer;

type Store = ServiceClient<Propagate<HyperTransport>>;

struct Stock;

impl Endpoint for Stock {
    type Output = String;
    const NAME: &'static str = "stock";

    fn path(&self) -> Cow<'_, str> {
        "/stock".into()
    }

    fn decode(&self, body: bytes::Bytes) -> Result<String, Malformed> {
        String::from_utf8(body.to_vec()).map_err(Malformed::new)
    }
}

/// Says what it was told.
async fn stock(request: Request) -> String {
    let told = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("nothing");
    let names = ["x-correlation-id", "traceparent", "baggage"];
    names.map(|name| format!("  {name}: {}\n", told(name))).concat()
}

/// The call names no id: the client's layer finds out what is current.
async fn order(State(store): State<Store>) -> Result<String, String> {
    let id = CorrelationId::current().map(|id| id.to_string());
    let stock = store.call(Stock).send().await.map_err(|error| error.to_string())?;
    Ok(format!("the shop knows {id:?}, the store was told\n{stock}"))
}

async fn serve(app: Router) -> Result<SocketAddr, BoxError> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(address)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let store = serve(Router::new().route("/stock", get(stock))).await?;
    let transport = PropagateLayer::new().layer(HyperTransport::new());
    let client = ServiceClient::new("store", &format!("http://{store}"), transport)?;
    let app = Router::new().route("/order", get(order)).with_state(client);
    // Outermost, so that the 404 of a wrong path has its id too.
    let shop = serve(app.layer(CorrelationLayer::new().trace_context().baggage())).await?;

    let caller = reqwest::Client::builder().no_proxy().build()?;
    for (path, id) in [("/order", "order-4711"), ("/order", "not an id"), ("/nowhere", "order-4712")] {
        let request = caller.get(format!("http://{shop}{path}")).header("x-correlation-id", id);
        let request = request
            .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
            .header("baggage", "customer=secret");
        let answer = request.send().await?;
        let echo = answer.headers()["x-correlation-id"].to_str()?.to_owned();
        assert!(if id.contains(' ') { echo.len() == 36 } else { echo == id }, "an invalid id is replaced");
        println!("{path} with {id:?}: {} {echo}", answer.status());
        let told = answer.text().await?;
        assert_eq!(told.contains(&echo), path == "/order", "the store knows it too");
        assert!(!told.contains("secret"), "baggage stays in the shop");
        println!("{told}");
    }
    Ok(())
}
