//! UDP sockets for one interface: one that hears a multicast group there and nothing else, and one of the host's own address.

use std::{io, net::SocketAddr};

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, Socket, Type};
use tokio::net::UdpSocket;

/// How datagrams are sent and kept.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Routers that a datagram to the group may pass.
    pub ttl: u8,
    /// Sockets of this host hear it too.
    pub looped: bool,
    /// Bytes the kernel keeps for the reader, if not its default.
    pub receive: Option<usize>,
    /// Bytes the kernel keeps of what is sent, if not its default.
    pub send: Option<usize>,
}

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
            socket.set_multicast_loop_v4(options.looped)?;
        }
        SocketAddr::V6(_) => {
            socket.set_multicast_if_v6(index)?;
            socket.set_multicast_hops_v6(options.ttl.into())?;
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
    if let Some(bytes) = options.receive {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(bytes) = options.send {
        socket.set_send_buffer_size(bytes)?;
    }
    Ok(socket)
}
