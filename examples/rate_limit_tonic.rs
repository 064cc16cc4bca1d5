//! A gRPC server of tonic that limits each caller: a refusal becomes `RESOURCE_EXHAUSTED` with a time to come back.
#![allow(missing_docs, clippy::print_stdout, reason = "an example shows what it does")]

use bytes::Bytes;
use http::request;
use integridai_tower::auth::{AuthenticateLayer, Bearer, Decision, Reason};
use integridai_tower::rate_limit::{
    ByPrincipal, MemoryLimiter, Quota, RateLimitLayer, RateLimited, WithoutKey,
};
use integridai_tower::{BoxError, Principal, Refusal};
use tokio::net::TcpListener;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

fn verify(token: &str) -> Decision {
    let names = ["ali-baba", "morgiana"];
    let name = names.into_iter().find(|name| token == format!("open-sesame-{name}"));
    name.map(|name| Some(Principal::builder(name).build())).ok_or(Reason::UnknownKey)
}

fn as_grpc(limited: &RateLimited, _: &request::Parts) -> http::Response<Bytes> {
    let code = if limited.verdict().is_some() { Code::ResourceExhausted } else { Code::InvalidArgument };
    let mut response = Status::new(code, limited.detail()).into_http();
    // Metadata of the call: grpc clients see it as they see the fields of an HTTP response.
    limited.add_headers(response.headers_mut());
    response
}

async fn check(client: &mut HealthClient<Channel>, name: &str) -> Result<Code, BoxError> {
    let mut request = Request::new(HealthCheckRequest { service: String::new() });
    let value: AsciiMetadataValue = format!("Bearer open-sesame-{name}").parse()?;
    request.metadata_mut().insert("authorization", value);
    match client.check(request).await {
        Ok(response) => {
            println!("{name}: {:?}", response.metadata().get("ratelimit"));
            Ok(Code::Ok)
        }
        Err(status) => {
            let retry_after = status.metadata().get("retry-after");
            println!("{name}: {:?}, {}, retry after {retry_after:?}", status.code(), status.message());
            Ok(status.code())
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let (_, health) = tonic_health::server::health_reporter();
    let limit = RateLimitLayer::new(MemoryLimiter::new([Quota::per_minute(2)])?, ByPrincipal::new())
        .without_key(WithoutKey::Refuse)
        .reject_with(as_grpc);
    let server = Server::builder()
        .layer(AuthenticateLayer::new(Bearer::new(|token: &str| verify(token))))
        .layer(limit)
        .add_service(health)
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);

    let mut client = HealthClient::new(Channel::from_shared(url)?.connect().await?);
    for expected in [Code::Ok, Code::Ok, Code::ResourceExhausted] {
        assert_eq!(check(&mut client, "ali-baba").await?, expected);
    }
    assert_eq!(check(&mut client, "morgiana").await?, Code::Ok, "each caller has a quota of its own");
    Ok(())
}
