//! What the kernel and the allocator offer and no library does without `unsafe`.
#![allow(unsafe_code, reason = "descriptors come as numbers; each block says why it is sound")]

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
    sync::atomic::{AtomicBool, Ordering},
};

/// The descriptors that systemd opened for this process, with their names (`FileDescriptorName=`). Each is given out once; to
/// be called before this process opens anything that stays open.
///
/// # Errors
/// What systemd says in the environment does not fit what is there.
pub fn inherited() -> io::Result<Vec<(String, OwnedFd)>> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(Vec::new());
    }
    let given = sd_notify::listen_fds_with_names()?;
    let own = |(number, name)| {
        // SAFETY: LISTEN_PID names this process, so the number stands for a descriptor that was opened for us before we began;
        // sd-notify has found it open. Nothing else here knows it, and TAKEN sees to it that it gets one owner.
        let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
        (name, descriptor)
    };
    Ok(given.map(own).collect())
}

/// Has the allocator give free memory back to the kernel. By itself it does so only while it is used, and this may take
/// milliseconds, so it is for a thread on which nobody waits. Other allocators than mimalloc do as they please.
pub fn give_memory_back() {
    #[cfg(feature = "mim")]
    mimalloc_calls::mi_collect(true);
}

#[cfg(feature = "mim")]
mod mimalloc_calls {
    // Brings the library in that has them.
    use mimalloc as _;

    // SAFETY: void mi_collect(bool force), as mimalloc.h says. It may be called on any thread at any time, before its first
    // allocation too, and touches nothing but memory that is free.
    unsafe extern "C" {
        pub(super) safe fn mi_collect(force: bool);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_systemd_there_is_none_and_none_is_given_twice() {
        assert!(inherited().unwrap().is_empty());
        assert!(inherited().unwrap().is_empty());
    }
}
