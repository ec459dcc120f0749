//! Any text is a users file or a list of faults, which never hold its text; who is read from a line stands in it. Hashes are parsed
//! and not verified: what they cost is bounded, but not small.

#![no_main]

use emqx_rs::broker::users::{Users, check_name, user_in};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut users = Users::default();
    let names: Vec<&str> = text.lines().filter_map(user_in).map(|user| user.name).collect();
    match users.add_file(&text) {
        Ok(()) => {
            assert_eq!(users.len(), names.len());
            assert!(names.iter().all(|name| check_name(name).is_ok()));
        }
        Err(faults) => assert!(faults.len() <= text.lines().count()),
    }
});
