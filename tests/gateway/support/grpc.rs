//! A service of gRPC that says what it is told, with texts for messages, and a client of it.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::{Buf, BufMut};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use http::uri::PathAndQuery;
use tokio::sync::mpsc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Status, Streaming};
use tower::service_fn;

use super::gateway::Gateway;
use super::origin::Origin;
use super::within;

/// Texts as they are.
#[derive(Clone, Copy, Default)]
pub(crate) struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, text: String, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(text.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let text = buffer.copy_to_bytes(buffer.remaining());
        String::from_utf8(text.into()).map(Some).map_err(|_| Status::invalid_argument("no text"))
    }
}

type Texts = BoxStream<'static, Result<String, Status>>;

/// Tells when what holds it is over.
struct Over(mpsc::UnboundedSender<()>);

impl Drop for Over {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// `Unary` echoes, `Split` answers the letters, `Join` joins, `Echo` echoes one by one, `Hang` never answers, `Begin` says one
/// thing and never ends, which is told when it is dropped.
pub(crate) async fn service(over: mpsc::UnboundedSender<()>) -> Origin {
    Origin::start(move |request: Request| answer(request, over.clone())).await
}

async fn answer(request: Request, over: mpsc::UnboundedSender<()>) -> Response {
    let mut grpc = tonic::server::Grpc::new(Text);
    let path = request.uri().path().to_owned();
    let answer = match path.rsplit('/').next().unwrap_or_default() {
        "Unary" => grpc.unary(service_fn(unary), request).await,
        "Split" => grpc.server_streaming(service_fn(split), request).await,
        "Join" => grpc.client_streaming(service_fn(join), request).await,
        "Echo" => grpc.streaming(service_fn(echo), request).await,
        "Begin" => {
            let begin = service_fn(move |_: tonic::Request<String>| {
                let over = Over(over.clone());
                let first = stream::iter([Ok("begun".to_owned())]);
                let rest = stream::poll_fn(move |_| {
                    let _ = &over;
                    std::task::Poll::Pending
                });
                async move { Ok(tonic::Response::new(first.chain(rest).boxed() as Texts)) }
            });
            grpc.server_streaming(begin, request).await
        }
        "Hang" => std::future::pending().await,
        _ => Status::unimplemented(path).into_http(),
    };
    answer.map(Body::new)
}

async fn unary(request: tonic::Request<String>) -> Result<tonic::Response<String>, Status> {
    let text = request.into_inner();
    if text == "missing" {
        return Err(Status::not_found("there is no ñandú"));
    }
    let mut response = tonic::Response::new(text);
    response.metadata_mut().insert("x-own", "1".parse().expect("visible ASCII"));
    Ok(response)
}

async fn split(request: tonic::Request<String>) -> Result<tonic::Response<Texts>, Status> {
    let letters: Vec<_> = request.into_inner().chars().map(|letter| Ok(letter.to_string())).collect();
    let end = stream::iter([Err(Status::out_of_range("no more letters"))]);
    Ok(tonic::Response::new(stream::iter(letters).chain(end).boxed()))
}

async fn join(request: tonic::Request<Streaming<String>>) -> Result<tonic::Response<String>, Status> {
    let texts: Vec<String> = request.into_inner().try_collect().await?;
    Ok(tonic::Response::new(texts.concat()))
}

async fn echo(request: tonic::Request<Streaming<String>>) -> Result<tonic::Response<Texts>, Status> {
    Ok(tonic::Response::new(request.into_inner().boxed()))
}

/// A route to the service, with more in it.
pub(crate) fn route(origin: &Origin, prefix: &str, more: &str) -> String {
    let (url, service) = (&origin.url, prefix.to_ascii_lowercase().replace('.', "-"));
    format!(
        r#"[{{prefix = "/{prefix}", rewrite = "/texts.Texts", service = "{service}", base_url = "{url}", protocol = "http2", scope = "admin", {more}}}]"#
    )
}

/// A client of the gateway.
pub(crate) async fn client(gateway: &Gateway) -> tonic::client::Grpc<Channel> {
    let channel = Channel::from_shared(format!("http://{}", gateway.address())).expect("a URL");
    let mut grpc = tonic::client::Grpc::new(within(channel.connect()).await.expect("it listens"));
    within(grpc.ready()).await.expect("it is connected");
    grpc
}

pub(crate) fn path(prefix: &str, method: &str) -> PathAndQuery {
    format!("/{prefix}/{method}").parse().expect("a path")
}
