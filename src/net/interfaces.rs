//! The addresses of this host, and a bell that rings when they change.

use std::{io, net::IpAddr, os::fd::AsRawFd};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket},
};
use tokio::net::UnixDatagram;

/// One address of one interface that is up.
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

const IFF_UP: u32 = 0x1;
const IFF_MULTICAST: u32 = 0x1000;

/// All addresses of interfaces that are up.
///
/// # Errors
/// The kernel does not tell.
pub fn list() -> io::Result<Vec<Interface>> {
    let all = if_addrs::get_if_addrs()?;
    let interface = |found: if_addrs::Interface| {
        let flags = flags(&found.name);
        let index = found.index.filter(|_| flags & IFF_UP != 0)?;
        let prefix = match &found.addr {
            if_addrs::IfAddr::V4(v4) => v4.prefixlen,
            if_addrs::IfAddr::V6(v6) => v6.prefixlen,
        };
        Some(Interface {
            index,
            addr: found.ip(),
            prefix,
            loopback: found.is_loopback(),
            multicast: flags & IFF_MULTICAST != 0,
            name: found.name,
        })
    };
    Ok(all.into_iter().filter_map(interface).collect())
}

/// The flags of an interface; an alias (`eth0:1`) has those of its interface.
fn flags(name: &str) -> u32 {
    let name = name.split(':').next().unwrap_or(name);
    let text = std::fs::read_to_string(format!("/sys/class/net/{name}/flags"));
    text.ok()
        .and_then(|text| u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok())
        // Without /sys (a strict sandbox) take what getifaddrs listed.
        .unwrap_or(IFF_UP | IFF_MULTICAST)
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
    }
}
