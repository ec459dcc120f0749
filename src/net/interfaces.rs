//! The addresses of this host, and a bell that rings when they change.

use std::{io, net::IpAddr, os::fd::AsRawFd};

use nix::{
    errno::Errno,
    ifaddrs::{InterfaceAddress, getifaddrs},
    net::if_::{InterfaceFlags, if_nametoindex},
    sys::socket::{
        AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, SockaddrStorage, bind, socket,
    },
};
use tokio::net::UnixDatagram;

/// One address of one interface that is up and has a carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Name of the interface.
    pub name: String,
    /// Its index.
    pub index: u32,
    /// The address.
    pub addr: IpAddr,
    /// Bits of the address that the network has in common.
    pub prefix: u8,
    /// It is the loopback.
    pub loopback: bool,
    /// It carries multicast, as it says itself.
    pub multicast: bool,
}

/// All addresses of interfaces that are up and have a carrier: what is sent over another one is lost.
///
/// # Errors
/// The kernel does not tell.
pub fn list() -> io::Result<Vec<Interface>> {
    Ok(getifaddrs()?.filter_map(interface).collect())
}

fn interface(found: InterfaceAddress) -> Option<Interface> {
    let usable = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING;
    if !found.flags.contains(usable) {
        return None;
    }
    let addr = ip(&found.address?)?;
    // An alias (`eth0:1`) has the index of its interface.
    let device = found.interface_name.split(':').next()?;
    Some(Interface {
        index: if_nametoindex(device).ok()?,
        addr,
        prefix: prefix(ip(&found.netmask?)?),
        loopback: found.flags.contains(InterfaceFlags::IFF_LOOPBACK),
        multicast: found.flags.contains(InterfaceFlags::IFF_MULTICAST),
        name: found.interface_name,
    })
}

fn ip(addr: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = addr.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
    v4.or_else(|| addr.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
}

/// Bits of a mask before the first that is not set.
fn prefix(mask: IpAddr) -> u8 {
    let ones = match mask {
        IpAddr::V4(v4) => u32::from(v4).leading_ones(),
        IpAddr::V6(v6) => u128::from(v6).leading_ones(),
    };
    u8::try_from(ones).unwrap_or(u8::MAX)
}

/// Rings when an interface or an address comes or goes. What the kernel says is not parsed: whoever hears it lists anew.
#[derive(Debug)]
pub struct Bell(UnixDatagram);

/// Groups of rtnetlink(7): `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV6_IFADDR`.
const GROUPS: u32 = 0x1 | 0x10 | 0x100;

impl Bell {
    /// Hangs it up.
    ///
    /// # Errors
    /// The kernel does not let this process listen.
    pub fn new() -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let (family, kind) = (AddressFamily::Netlink, SockType::Raw);
        let fd = socket(family, kind, flags, SockProtocol::NetlinkRoute)?;
        bind(fd.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
        // The runtime has no type for these sockets; of a Unix one it uses nothing but recv(2), which is the same.
        Ok(Self(UnixDatagram::from_std(fd.into())?))
    }

    /// Waits for it.
    ///
    /// # Errors
    /// It will not ring any more.
    pub async fn rung(&self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        match self.0.recv(&mut buffer).await {
            // More was said than there was room for; the next list tells all the same.
            Err(error) if error.raw_os_error() != Some(Errno::ENOBUFS as i32) => return Err(error),
            Ok(_) | Err(_) => {}
        }
        while self.0.try_recv(&mut buffer).is_ok() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_listed() {
        let all = list().unwrap();
        let lo = all.iter().find(|one| one.addr == IpAddr::from([127, 0, 0, 1])).unwrap();
        assert!(lo.loopback && lo.prefix == 8 && lo.index > 0, "{lo:?}");
        for (mask, bits) in [("255.255.254.0", 23), ("0.0.0.0", 0), ("ffff:ffff::", 32)] {
            assert_eq!(prefix(mask.parse().unwrap()), bits);
        }
    }
}
