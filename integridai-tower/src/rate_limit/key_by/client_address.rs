use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;

use super::KeyBy;
use super::forwarded::{forwarded_hops, x_forwarded_for_hops};
use crate::ConfigError;
use crate::rate_limit::{Key, RequestHead};

/// The address at the other end of the connection. It makes the key as well, so that the address need not be handed on.
trait Peer: Send + Sync {
    fn address(&self, request: &RequestHead<'_>) -> Option<IpAddr>;
    fn key(&self, by: &ByClientAddress, request: &RequestHead<'_>) -> Option<Key>;
}

impl<F: Fn(&RequestHead<'_>) -> Option<IpAddr> + Send + Sync> Peer for F {
    fn address(&self, request: &RequestHead<'_>) -> Option<IpAddr> {
        self(request)
    }

    fn key(&self, by: &ByClientAddress, request: &RequestHead<'_>) -> Option<Key> {
        match self(request)? {
            IpAddr::V4(peer) if by.forwarding.is_none() => Some(Key::from(by.network_of_v4(peer))),
            peer => Some(by.key_of(peer, request)),
        }
    }
}

/// By the client's address.
///
/// That is the address at the other end of the connection. Where this is a proxy that you trust, it is the one that the proxy
/// saw, and so on: the first address from the right that is not a trusted proxy. What stands further left was written by
/// that client and counts for nothing. Where a trusted proxy says nothing that can be read, it is the proxy's own.
///
/// IPv6 addresses count by their /64, since a subscriber has at least that many. IPv4 addresses that are written as
/// IPv6 ones (RFC 4291 §2.5.5.2) count as IPv4.
///
/// ```
/// use std::net::SocketAddr;
/// use integridai_tower::rate_limit::{ByClientAddress, Forwarding};
///
/// // Where your server leaves the peer's address is for you to say: axum's is in `ConnectInfo<SocketAddr>`.
/// let key_by = ByClientAddress::new(|request| request.extensions.get::<SocketAddr>().map(SocketAddr::ip))
///     .behind(["10.0.0.0/8", "fd00::/8"], Forwarding::XForwardedFor)?;
///
/// let mut request = http::Request::get("/").header("x-forwarded-for", "6.6.6.6, 203.0.113.7, 10.1.1.1").body(())?;
/// request.extensions_mut().insert(SocketAddr::from(([10, 0, 0, 1], 443)));
/// assert_eq!(key_by.address(&(&request).into()), Some([203, 0, 113, 7].into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct ByClientAddress {
    peer: Arc<dyn Peer>,
    proxies: Vec<IpNet>,
    forwarding: Option<Forwarding>,
    ipv4_mask: u32,
    ipv6_mask: u128,
}

/// The field in which your proxies tell of the client. Only this one is read: a proxy passes on what a client wrote in others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Forwarding {
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Forwarded-For`.
    XForwardedFor,
}

/// More proxies than any request passes; the rest of the list is not looked at.
const MAX_HOPS: usize = 64;

impl ByClientAddress {
    /// `peer` tells the address at the other end of the connection, usually from the request's extensions.
    pub fn new(peer: impl Fn(&RequestHead<'_>) -> Option<IpAddr> + Send + Sync + 'static) -> Self {
        let (peer, proxies) = (Arc::new(peer), Vec::new());
        Self { peer, proxies, forwarding: None, ipv4_mask: u32::MAX, ipv6_mask: u128::MAX << 64 }
    }

    /// Trusts what proxies in these networks, in CIDR notation or single addresses, say in this field.
    ///
    /// # Errors
    /// Where one is no network, or there is none.
    pub fn behind<T: AsRef<str>>(
        mut self,
        proxies: impl IntoIterator<Item = T>,
        forwarding: Forwarding,
    ) -> Result<Self, ConfigError> {
        self.proxies = proxies.into_iter().map(|text| network(text.as_ref())).collect::<Result<_, _>>()?;
        if self.proxies.is_empty() {
            return Err(ConfigError::new("behind", "expected at least one network"));
        }
        self.forwarding = Some(forwarding);
        Ok(self)
    }

    /// The leading bits of an IPv6 address that count, 64 unless told.
    ///
    /// # Errors
    /// Where it is 0 or more than 128.
    pub fn ipv6_prefix(mut self, bits: u8) -> Result<Self, ConfigError> {
        self.ipv6_mask = u128::MAX << (128 - prefix("ipv6_prefix", bits, 128)?);
        Ok(self)
    }

    /// The leading bits of an IPv4 address that count, 32 unless told.
    ///
    /// # Errors
    /// Where it is 0 or more than 32.
    pub fn ipv4_prefix(mut self, bits: u8) -> Result<Self, ConfigError> {
        self.ipv4_mask = u32::MAX << (32 - prefix("ipv4_prefix", bits, 32)?);
        Ok(self)
    }

    /// The client's address, all of it; `None` where the peer's is not known.
    #[must_use]
    pub fn address(&self, request: &RequestHead<'_>) -> Option<IpAddr> {
        self.peer.address(request).map(|peer| self.client_of(peer, request))
    }

    fn key_of(&self, peer: IpAddr, request: &RequestHead<'_>) -> Key {
        Key::from(self.network_of(self.client_of(peer, request)))
    }

    fn client_of(&self, peer: IpAddr, request: &RequestHead<'_>) -> IpAddr {
        let peer = peer.to_canonical();
        match self.forwarding {
            Some(forwarding) if self.trusts(peer) => self.behind_proxies(peer, forwarding, request),
            _ => peer,
        }
    }

    fn behind_proxies(&self, peer: IpAddr, forwarding: Forwarding, request: &RequestHead<'_>) -> IpAddr {
        match forwarding {
            Forwarding::XForwardedFor => self.client(peer, x_forwarded_for_hops(request.headers)),
            Forwarding::Forwarded => self.client(peer, forwarded_hops(request.headers)),
        }
    }

    /// `hops` from the right; a hop that cannot be read is `None`.
    fn client(&self, peer: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut nearest = peer;
        for hop in hops.take(MAX_HOPS) {
            let Some(hop) = hop else { break };
            nearest = hop.to_canonical();
            if !self.trusts(nearest) {
                break;
            }
        }
        nearest
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(&address))
    }

    fn network_of(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(address) => self.network_of_v4(address).into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & self.ipv6_mask).into(),
        }
    }

    #[inline]
    fn network_of_v4(&self, address: Ipv4Addr) -> Ipv4Addr {
        Ipv4Addr::from_bits(address.to_bits() & self.ipv4_mask)
    }
}

impl KeyBy for ByClientAddress {
    fn key(&self, request: &RequestHead<'_>) -> Option<Key> {
        self.peer.key(self, request)
    }
}

impl fmt::Debug for ByClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByClientAddress")
            .field("proxies", &self.proxies)
            .field("forwarding", &self.forwarding)
            .field("ipv4_prefix", &self.ipv4_mask.leading_ones())
            .field("ipv6_prefix", &self.ipv6_mask.leading_ones())
            .finish_non_exhaustive()
    }
}

fn network(text: &str) -> Result<IpNet, ConfigError> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| ConfigError::new("behind", format!("{text:?} is no network such as 10.0.0.0/8")))
}

fn prefix(setting: &'static str, bits: u8, most: u8) -> Result<u8, ConfigError> {
    if (1..=most).contains(&bits) {
        return Ok(bits);
    }
    Err(ConfigError::new(setting, format!("expected 1 to {most} bits")))
}
