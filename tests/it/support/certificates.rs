//! Certificates for one test: an authority, what it signs, and the files that ssl_dist.conf names.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, date_time_ymd,
};

/// Signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, in PEM; below it may stand those between it and the authority.
pub struct Issued {
    pub certificate: String,
    pub key: String,
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A moment so many days from now; negative is behind.
#[allow(clippy::disallowed_methods, reason = "certificates end in real time")]
fn in_days(params: &mut CertificateParams, days: i64) {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seconds = since.as_secs() as i64 + days * 86_400;
    params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds as u64);
}

impl Authority {
    pub fn new(name: &str) -> Self {
        Self(CertifiedIssuer::self_signed(authority(name), KeyPair::generate().unwrap()).unwrap())
    }

    /// An authority whose own certificate is signed by this one.
    pub fn below(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::signed_by(authority(name), key, &self.0).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for these hosts: addresses, URIs or names.
    pub fn issue(&self, hosts: &[&str]) -> Issued {
        self.issue_with(hosts, |_| {})
    }

    /// One that ends so many days from now, and a bit.
    pub fn issue_until(&self, hosts: &[&str], days: i64) -> Issued {
        self.issue_with(hosts, |params| {
            in_days(params, days);
            params.not_after += Duration::from_secs(600);
        })
    }

    pub fn issue_with(&self, hosts: &[&str], edit: impl FnOnce(&mut CertificateParams)) -> Issued {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "node");
        params.subject_alt_names = hosts
            .iter()
            .map(|host| match host.parse() {
                Ok(ip) => SanType::IpAddress(ip),
                Err(_) if host.contains("://") => SanType::URI((*host).try_into().unwrap()),
                Err(_) => SanType::DnsName((*host).try_into().unwrap()),
            })
            .collect();
        params.serial_number = Some(7.into());
        edit(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().pem();
        Issued { certificate, key: key.serialize_pem() }
    }

    /// A list that calls back every certificate that [`Self::issue`] made.
    pub fn revoke_all(&self) -> String {
        let revoked = RevokedCertParams {
            serial_number: 7.into(),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(4000, 1, 1),
            crl_number: 1.into(),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.0).unwrap().pem().unwrap()
    }
}

impl Issued {
    /// Writes cert.pem, key.pem and cacert.pem, with `authorities` to be believed.
    pub fn write(&self, dir: &Path, authorities: &str) {
        fs::create_dir_all(dir).unwrap();
        fs::write(dir.join("cert.pem"), &self.certificate).unwrap();
        fs::write(dir.join("cacert.pem"), authorities).unwrap();
        let key = dir.join("key.pem");
        fs::write(&key, &self.key).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    }
}
