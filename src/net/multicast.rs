//! UDP sockets for one interface: one that hears a multicast group there and nothing else, and one of the host's own address.

use std::{io, net::SocketAddr};

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, SockFilter, Socket, Type};
use tokio::net::UdpSocket;

/// How datagrams are sent and kept.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Routers that a datagram to the group may pass. [`ON_LINK`]: what a router has passed on is not heard.
    pub ttl: u8,
    /// Sockets of this host hear it too.
    pub looped: bool,
    /// Bytes the kernel keeps for the reader, if not its default.
    pub receive: Option<usize>,
    /// Bytes the kernel keeps of what is sent, if not its default.
    pub send: Option<usize>,
}

/// The highest hop limit there is. Routers count it down, so a datagram that comes in with it was sent on this network.
pub const ON_LINK: u8 = 255;

/// Hears what is sent to `group` over interface `index`, beside others on this host. Bound to the group: what is sent to an
/// address of the host does not come here.
///
/// # Errors
/// The interface is gone, or the kernel refuses.
pub fn group_socket(group: SocketAddr, index: u32, options: Options) -> io::Result<UdpSocket> {
    let socket = socket(group, options)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    match group {
        SocketAddr::V4(v4) => {
            socket.set_multicast_all_v4(false)?;
            socket.bind(&SockAddr::from(group))?;
            socket.join_multicast_v4_n(v4.ip(), &InterfaceIndexOrAddress::Index(index))?;
        }
        SocketAddr::V6(mut v6) => {
            socket.set_multicast_all_v6(false)?;
            v6.set_scope_id(index);
            socket.bind(&SockAddr::from(v6))?;
            socket.join_multicast_v6(v6.ip(), index)?;
        }
    }
    UdpSocket::from_std(socket.into())
}

/// Sends to groups over the interface `index`, whose address `own` is, and hears what is sent to that address. The port of `own`
/// if nobody has it, else any.
///
/// # Errors
/// The address is gone, or the kernel refuses.
pub fn own_socket(own: SocketAddr, index: u32, options: Options) -> io::Result<UdpSocket> {
    let socket = socket(own, options)?;
    match own {
        SocketAddr::V4(v4) => {
            socket.set_multicast_if_v4(v4.ip())?;
            socket.set_multicast_ttl_v4(options.ttl.into())?;
            if options.ttl == ON_LINK {
                socket.set_ttl_v4(ON_LINK.into())?;
            }
            socket.set_multicast_loop_v4(options.looped)?;
        }
        SocketAddr::V6(_) => {
            socket.set_multicast_if_v6(index)?;
            socket.set_multicast_hops_v6(options.ttl.into())?;
            if options.ttl == ON_LINK {
                socket.set_unicast_hops_v6(ON_LINK.into())?;
            }
            socket.set_multicast_loop_v6(options.looped)?;
        }
    }
    let mut any = own;
    any.set_port(0);
    socket.bind(&SockAddr::from(own)).or_else(|_| socket.bind(&SockAddr::from(any)))?;
    UdpSocket::from_std(socket.into())
}

fn socket(family: SocketAddr, options: Options) -> io::Result<Socket> {
    let domain = Domain::for_address(family);
    let socket = Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(true)?;
    }
    if options.ttl == ON_LINK {
        socket.attach_filter(&only_on_link(family.is_ipv6()))?;
    }
    if let Some(bytes) = options.receive {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(bytes) = options.send {
        socket.set_send_buffer_size(bytes)?;
    }
    Ok(socket)
}

/// A program for the kernel, as packet filters of BSD have it: takes a datagram whose hop limit is [`ON_LINK`] and drops the others, so that
/// they cost this process nothing.
fn only_on_link(v6: bool) -> [SockFilter; 4] {
    /// Load the byte at a fixed place.
    const LOAD: u16 = 0x30;
    /// Go on if it is equal, else skip so many.
    const EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    /// Where the header of IP begins, as filters know it.
    const IP: u32 = 0xfff0_0000;
    let hop_limit = if v6 { 7 } else { 8 };
    [
        SockFilter::new(LOAD, 0, 0, IP + hop_limit),
        SockFilter::new(EQUAL, 0, 1, ON_LINK.into()),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// Sends two datagrams to a socket with this option; which of them are heard first.
    async fn heard(ttl: u8, host: &str) -> u8 {
        let options = Options { ttl, looped: true, receive: None, send: None };
        let any = SocketAddr::new(host.parse().unwrap(), 0);
        let ear = own_socket(any, 1, options).unwrap();
        // As a router leaves it, then as a neighbour sends it.
        for hops in [64_u8, 255] {
            let mouth = std::net::UdpSocket::bind(any).unwrap();
            let socket = socket2::SockRef::from(&mouth);
            if any.is_ipv6() {
                socket.set_unicast_hops_v6(hops.into()).unwrap();
            } else {
                socket.set_ttl_v4(hops.into()).unwrap();
            }
            mouth.send_to(&[hops], ear.local_addr().unwrap()).unwrap();
        }
        let mut buffer = [0; 8];
        timeout(Duration::from_secs(5), ear.recv(&mut buffer)).await.unwrap().unwrap();
        buffer[0]
    }

    #[tokio::test]
    async fn what_a_router_passed_on_is_not_heard_if_that_is_wanted() {
        for host in ["127.0.0.1", "::1"] {
            assert_eq!(heard(1, host).await, 64, "{host}");
            assert_eq!(heard(ON_LINK, host).await, 255, "{host}");
        }
    }
}
