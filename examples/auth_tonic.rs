//! A gRPC server of tonic behind the layer: a refusal becomes a gRPC status, and the service knows who asks.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use bytes::Bytes;
use http::{StatusCode, request};
use integridai_tower::auth::{AuthenticateLayer, Bearer, Denied, Reason};
use integridai_tower::{BoxError, Principal, Refusal};
use tokio::net::TcpListener;
use tonic::metadata::AsciiMetadataValue;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

fn verify(token: &str) -> Result<Principal, Reason> {
    match token {
        "open-sesame" => Ok(Principal::builder("ali-baba").build()),
        _ => Err(Reason::UnknownKey),
    }
}

/// Without it a client has to guess the gRPC status from the HTTP one, and gets no message.
fn as_grpc(denied: &Denied, _: &request::Parts) -> http::Response<Bytes> {
    let code = match denied.status() {
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        _ => Code::Unauthenticated,
    };
    Status::new(code, denied.detail()).into_http()
}

/// Stands for a service of yours: what the layer found out is in the extensions.
#[allow(clippy::unnecessary_wraps, clippy::result_large_err, reason = "as tonic has it")]
fn tell(request: Request<()>) -> Result<Request<()>, Status> {
    let subject = request.extensions().get::<Principal>().map(Principal::subject);
    println!("  the service is asked by {subject:?}");
    Ok(request)
}

async fn check(client: &mut HealthClient<Channel>, token: Option<&str>) -> Result<Code, BoxError> {
    let mut request = Request::new(HealthCheckRequest { service: String::new() });
    if let Some(token) = token {
        let value: AsciiMetadataValue = format!("Bearer {token}").parse()?;
        request.metadata_mut().insert("authorization", value);
    }
    let status = client.check(request).await.err().unwrap_or_else(|| Status::ok("healthy"));
    println!("{token:?}: {:?}, {}", status.code(), status.message());
    Ok(status.code())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let (_, health) = tonic_health::server::health_reporter();
    let server = Server::builder()
        .layer(AuthenticateLayer::new(Bearer::new(verify)).reject_with(as_grpc))
        .add_service(InterceptedService::new(health, tell))
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);

    let mut client = HealthClient::new(Channel::from_shared(url)?.connect().await?);
    assert_eq!(check(&mut client, Some("open-sesame")).await?, Code::Ok);
    assert_eq!(check(&mut client, Some("open-barley")).await?, Code::Unauthenticated);
    assert_eq!(check(&mut client, None).await?, Code::Unauthenticated);
    Ok(())
}
