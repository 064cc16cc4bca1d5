use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use proxy_header::{Error, ParseConfig, Protocol, ProxyHeader};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// Proxies that say before all else whose connection they pass on: the PROXY protocol, versions 1 and 2.
///
/// Nobody else is served: an address could be claimed by anyone.
#[derive(Clone)]
pub struct ProxyProtocol {
    is_trusted: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

/// The longest header that is read: 16 bytes, two addresses, and what else a proxy may tell of its client.
const LONGEST_HEADER: usize = 4096;

/// That of version 1, which version 2 exceeds only where it tells more than addresses.
const USUAL_HEADER: usize = 256;

const PARSING: ParseConfig = ParseConfig { include_tlvs: false, allow_v1: true, allow_v2: true };

impl ProxyProtocol {
    /// Proxies at addresses that `is_trusted` knows.
    #[must_use]
    pub fn from(is_trusted: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self { is_trusted: Arc::new(is_trusted) }
    }

    pub(super) fn trusts(&self, peer: SocketAddr) -> bool {
        (self.is_trusted)(peer.ip().to_canonical())
    }
}

impl fmt::Debug for ProxyProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyProtocol").finish_non_exhaustive()
    }
}

/// Whose connection it is, as the proxy at `peer` tells; no byte behind the header is read. A proxy that connects for itself
/// (`LOCAL`, `UNKNOWN`) is its own client.
pub(super) async fn told(stream: &mut TcpStream, peer: SocketAddr) -> io::Result<SocketAddr> {
    let mut read = Vec::new();
    loop {
        let before = read.len();
        let room = if before < USUAL_HEADER { USUAL_HEADER } else { LONGEST_HEADER };
        read.resize(room, 0);
        let seen = stream.peek(&mut read[before..]).await?;
        if seen == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let (client, header) = match ProxyHeader::parse(&read[..before + seen], PARSING) {
            Ok((header, length)) => (Some(client(&header, peer)?), length),
            // All of it belongs to the header.
            Err(Error::BufferTooShort) if before + seen < LONGEST_HEADER => (None, before + seen),
            Err(_) => return Err(malformed()),
        };
        stream.read_exact(&mut read[before..header]).await?;
        match client {
            Some(client) => return Ok(client),
            None => read.truncate(header),
        }
    }
}

fn client(header: &ProxyHeader<'_>, peer: SocketAddr) -> io::Result<SocketAddr> {
    match header.proxied_address() {
        None => Ok(peer),
        Some(address) if address.protocol == Protocol::Stream => Ok(address.source),
        Some(_) => Err(malformed()),
    }
}

fn malformed() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "this is no header of the PROXY protocol")
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    /// What is told of a client that sends these one by one, and what is left for whoever reads next.
    async fn read(parts: &[&[u8]]) -> io::Result<(String, Vec<u8>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut proxy = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        proxy.set_nodelay(true).unwrap();
        let (mut stream, peer) = listener.accept().await.unwrap();
        let sending = async {
            for part in parts {
                proxy.write_all(part).await?;
                tokio::task::yield_now().await;
            }
            proxy.shutdown().await
        };
        let (client, sent) = tokio::join!(told(&mut stream, peer), sending);
        let client = client?;
        sent?;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await?;
        let client = if client == peer { "itself".to_owned() } else { client.to_string() };
        Ok((client, rest))
    }

    fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
        header.extend([0x20 | command, family]);
        header.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
        header.extend(rest);
        header
    }

    const ADDRESSES: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 1, 0x1f, 0x90, 0, 80];

    #[tokio::test]
    async fn a_proxy_tells_whose_connection_it_is() {
        let mut long = ADDRESSES.to_vec();
        long.extend([0xee; 2_000]);
        let mut six = [0; 36];
        (six[15], six[31], six[33]) = (1, 1, 80);
        for (header, expected) in [
            (b"PROXY TCP4 192.0.2.1 198.51.100.1 8080 80\r\n".to_vec(), "192.0.2.1:8080"),
            (b"PROXY TCP6 2001:db8::1 ::1 8080 80\r\n".to_vec(), "[2001:db8::1]:8080"),
            (b"PROXY UNKNOWN\r\n".to_vec(), "itself"),
            (b"PROXY UNKNOWN ff:: ff:: 1 2\r\n".to_vec(), "itself"),
            (v2(1, 0x11, &ADDRESSES), "192.0.2.1:8080"),
            (v2(1, 0x21, &six), "[::1]:80"),
            (v2(1, 0x11, &long), "192.0.2.1:8080"),
            (v2(0, 0x11, &ADDRESSES), "itself"),
            (v2(0, 0, &[]), "itself"),
            (v2(1, 0, &[1, 2, 3]), "itself"),
            (v2(1, 0x31, &[0; 216]), "itself"),
        ] {
            let whole = [&header[..], b"GET /"].concat();
            let bytes: Vec<&[u8]> = whole.chunks(1).collect();
            for parts in [&[&whole[..]][..], &bytes] {
                let (client, rest) = read(parts).await.unwrap();
                assert_eq!((client.as_str(), &rest[..]), (expected, &b"GET /"[..]), "{header:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused() {
        for header in [
            b"GET / HTTP/1.1\r\nhost: here\r\n\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 8080 80\n".to_vec(),
            b"PROXY TCP4 2001:db8::1 ::1 8080 80\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 80800 80\r\n".to_vec(),
            b"PROXY UDP4 192.0.2.1 198.51.100.1 8080 80\r\n".to_vec(),
            [&b"PROXY UNKNOWN "[..], &[b'x'; 200]].concat(),
            b"PROXY TCP4 192.0".to_vec(),
            v2(2, 0x11, &ADDRESSES),
            v2(1, 0x12, &ADDRESSES),
            v2(1, 0x44, &ADDRESSES),
            v2(1, 0x11, &ADDRESSES[..8]),
            v2(1, 0x11, &[0; 5_000]),
            b"\r\n\r\n\0\r\nQUIT\r".to_vec(),
            Vec::new(),
        ] {
            let bytes: Vec<&[u8]> = header.chunks(1).collect();
            for parts in [&[&header[..]][..], &bytes] {
                let told = read(parts).await;
                assert!(told.is_err(), "{told:?} {header:?}");
            }
        }
    }
}
