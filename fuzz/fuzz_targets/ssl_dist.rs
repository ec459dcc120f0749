//! Any text is a pair of ends or a list of faults with their lines; no end that checks certificates lacks an authority.

#![no_main]

use std::path::Path;

use emqx_rs::config::ssl_dist;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    match ssl_dist::parse(&text, Path::new("s"), &|path| path.into()) {
        Ok((settings, _)) => {
            assert!(settings.server.certificate.is_some());
            for role in [&settings.server, &settings.client] {
                assert!(role.authorities.is_some() || !role.verify);
                assert_eq!(role.key.is_some(), role.certificate.is_some());
                assert!(role.verify || !role.demand);
            }
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            let lines = text.matches('\n').count() + 1;
            for fault in &faults {
                let fault = fault.to_string();
                let line = fault.strip_prefix("s:").and_then(|rest| rest.split(':').next());
                assert!((1..=lines).contains(&line.unwrap().parse().unwrap()), "{fault}");
            }
        }
    }
});
