//! A plain hyper server behind the layers: tokens, an open path, and a service that is told who asks in a field.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderName, Request, Response, request};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use integridai_tower::auth::{Attempt, AuthenticateLayer, Bearer, Fact, ForwardIdentityLayer, Reason};
use integridai_tower::{BoxError, Principal};
use tokio::net::TcpListener;
use tower::{ServiceBuilder, service_fn};

const USER: HeaderName = HeaderName::from_static("x-user-id");

/// Tokens are looked up somewhere that takes its time; the layer waits, but not for ever.
fn verify(token: &str) -> Attempt {
    let is_known = token == "open-sesame";
    Attempt::waiting(async move {
        tokio::task::yield_now().await;
        if is_known { Ok(Some(Principal::builder("ali-baba").build())) } else { Err(Reason::UnknownKey) }
    })
}

/// It trusts the field, since nobody but the layer can set it.
async fn greet(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let user = request.headers().get(USER).and_then(|user| user.to_str().ok()).unwrap_or("stranger");
    let has_token = request.headers().contains_key("authorization");
    Ok(Response::new(Full::from(format!("hello {user}; the token was passed on: {has_token}"))))
}

async fn serve(listener: TcpListener) -> Result<(), BoxError> {
    let authenticate = AuthenticateLayer::new(Bearer::new(verify))
        .optional_if(|request: &request::Parts| request.uri.path() == "/door");
    let service = ServiceBuilder::new()
        .layer(authenticate)
        .layer(ForwardIdentityLayer::new().header(USER, Fact::Subject))
        .service(service_fn(greet));
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            // A connection that breaks is the client's affair.
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(serve(listener));

    let client = reqwest::Client::builder().no_proxy().build()?;
    let ask = async |what: &str, path: &str, token: Option<&str>| -> Result<String, BoxError> {
        let mut request = client.get(format!("{url}{path}")).header(USER, "admin");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        let text = format!("{} {}", response.status().as_u16(), response.text().await?);
        println!("{what}: {text}");
        Ok(text)
    };
    let known = ask("a known token", "/cave", Some("open-sesame")).await?;
    assert_eq!(known, "200 hello ali-baba; the token was passed on: false");
    assert!(ask("an unknown token", "/cave", Some("open-barley")).await?.starts_with("401"));
    assert!(ask("no token", "/cave", None).await?.starts_with("401"));
    let open = ask("no token, where none is needed", "/door", None).await?;
    assert_eq!(open, "200 hello stranger; the token was passed on: false");
    Ok(())
}
