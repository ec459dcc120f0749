//! Any text is a token or none; what is read comes back the same. As lines of an invitation too.

#![no_main]

use emqx_rs::cluster::invitation::Invitation;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Ok((found, cookie)) = Invitation::from_token(&text) {
        let (again, same) = Invitation::from_token(&found.token(&cookie)).unwrap();
        assert!(found == again && cookie == same);
    }
    if let Ok(found) = Invitation::parse(&text) {
        assert_eq!(Invitation::parse(&found.to_text()).as_ref(), Ok(&found));
        // A checksum is not found by chance: what a token holds is reached from this side.
        let cookie = emqx_rs::cluster::settings::Cookie::new("a cookie for the fuzzer".to_owned());
        assert_eq!(Invitation::from_token(&found.token(&cookie)).map(|read| read.0), Ok(found));
    }
});
