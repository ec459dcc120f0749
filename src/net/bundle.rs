//! Many descriptors in one: they lie in the queue of a socket whose other end is closed, for as long as somebody keeps that socket.
//!
//! systemd compares each descriptor that it is to keep with all that it has: a thousand one by one take it seconds.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::{
    cmsg_space,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    },
};

/// Descriptors in one message: the kernel takes 253.
const BATCH: usize = 200;

/// Puts descriptors into one. They stay open here too.
///
/// # Errors
/// The kernel does not take so many (`RLIMIT_NOFILE`).
pub fn pack(all: &[BorrowedFd<'_>]) -> io::Result<OwnedFd> {
    let (into, bundle) = UnixStream::pair()?;
    for batch in all.chunks(BATCH) {
        let mut room = [MaybeUninit::uninit(); cmsg_space!(ScmRights(BATCH))];
        let mut control = SendAncillaryBuffer::new(&mut room);
        control.push(SendAncillaryMessage::ScmRights(batch));
        // Nobody reads meanwhile: rather an error than a wait.
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        sendmsg(into.as_fd(), &[IoSlice::new(&[0])], &mut control, flags)?;
    }
    Ok(bundle.into())
}

/// Takes all descriptors out of one that [`pack`] made, in their order.
///
/// # Errors
/// It is something else.
pub fn unpack(bundle: OwnedFd) -> io::Result<Vec<OwnedFd>> {
    let (bundle, mut all) = (UnixStream::from(bundle), Vec::new());
    loop {
        let mut room = [MaybeUninit::uninit(); cmsg_space!(ScmRights(BATCH))];
        let mut control = RecvAncillaryBuffer::new(&mut room);
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let mut byte = [0];
        let got = recvmsg(bundle.as_fd(), &mut [IoSliceMut::new(&mut byte)], &mut control, flags)?;
        if got.bytes == 0 {
            return Ok(all);
        }
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(some) = message {
                all.extend(some);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn what_goes_in_comes_out_in_its_order() {
        for count in [0, 1, BATCH, 2 * BATCH + 7] {
            let pairs: Vec<_> = (0..count).map(|_| UnixStream::pair().unwrap()).collect();
            let bundle = pack(&pairs.iter().map(|(one, _)| one.as_fd()).collect::<Vec<_>>());
            let bundle = bundle.unwrap();
            let ends: Vec<_> = pairs.into_iter().map(|(_, other)| other).collect();
            let all = unpack(bundle).unwrap();
            assert_eq!(all.len(), count);
            for (number, (mut end, one)) in ends.into_iter().zip(all).enumerate() {
                let text = number.to_be_bytes();
                UnixStream::from(one).write_all(&text).unwrap();
                let mut read = Vec::new();
                end.read_to_end(&mut read).unwrap();
                assert_eq!(read, text);
            }
        }
    }

    #[test]
    fn what_is_in_it_ends_with_it() {
        let (one, mut other) = UnixStream::pair().unwrap();
        let bundle = pack(&[one.as_fd()]).unwrap();
        drop(one);
        other.write_all(b"x").unwrap();
        drop(bundle);
        assert_eq!(other.write_all(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn something_else_holds_nothing() {
        assert!(unpack(std::fs::File::open("/dev/null").unwrap().into()).is_err());
        let (one, _other) = UnixStream::pair().unwrap();
        assert!(unpack(one.into()).is_err(), "its other end is open");
    }
}
