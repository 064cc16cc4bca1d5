//! A typed client of a service of your own, over either transport, against a small local server.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use http::StatusCode;
use integridai_tower::client::transport::{HyperTransport, ReqwestTransport};
use integridai_tower::client::{Endpoint, Malformed, Refusal, ServiceClient};
use integridai_tower::{BoxError, CorrelationId, Deadline};
use serde::{Deserialize, Serialize};

/// `GET /books/{id}`
struct GetBook(u32);

#[derive(Debug, Serialize, Deserialize)]
struct Book {
    title: String,
}

impl Endpoint for GetBook {
    type Output = Book;
    const NAME: &'static str = "get_book";

    fn path(&self) -> Cow<'_, str> {
        format!("/books/{}", self.0).into()
    }

    fn decode(&self, body: Bytes) -> Result<Book, Malformed> {
        serde_json::from_slice(&body).map_err(Malformed::new)
    }

    fn refusal(&self, body: &[u8]) -> Option<Refusal> {
        (!body.is_empty() && body[0] != b'{').then(|| Refusal::new(None, &String::from_utf8_lossy(body)))
    }
}

async fn book(Path(id): Path<u32>) -> Result<Json<Book>, (StatusCode, &'static str)> {
    match id {
        7 => Ok(Json(Book { title: "El Aleph".to_owned() })),
        _ => Err((StatusCode::NOT_FOUND, "no such book")),
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, Router::new().route("/books/{id}", get(book))).await });

    let cheapest =
        ServiceClient::new("library", &url, HyperTransport::new())?.timeout(Duration::from_secs(2));
    let call = cheapest.call(GetBook(7)).deadline(Deadline::after(Duration::from_secs(1)));
    println!("hyper: {:?}", call.correlation_id(&CorrelationId::generate()).send().await?);

    // With reqwest come TLS, proxies and HTTP/2.
    let reqwest =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    let client = ServiceClient::new("library", &url, ReqwestTransport::new(reqwest))?;
    println!("reqwest: {:?}", client.call(GetBook(7)).send().await?);

    let Err(error) = client.call(GetBook(8)).send().await else { return Err("there is no book 8".into()) };
    println!("{error}\n  whose fault: {:?}, to be repeated: {:?}", error.fault(), error.retry());

    let nowhere = ServiceClient::new("library", "http://127.0.0.1:9", HyperTransport::new())?;
    let Err(error) = nowhere.call(GetBook(7)).send().await else { return Err("nobody listens there".into()) };
    println!("{error}\n  whose fault: {:?}, to be repeated: {:?}", error.fault(), error.retry());
    Ok(())
}
