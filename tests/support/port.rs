use std::net::{Ipv4Addr, TcpListener};

/// A loopback port that was free a moment ago; whoever starts a server on it tries again with another.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("the loopback has a free port");
    listener.local_addr().expect("a bound listener has an address").port()
}
