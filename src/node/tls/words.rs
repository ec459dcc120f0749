//! What a failed TLS handshake means, in words for the log of either node.

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

const OTHER_TRANSPORT: &str =
    "the other end does not speak TLS 1.3: cluster.proto_dist must be the same on all nodes";

/// What the other end says of this node.
const ALERTS: &[(AlertDescription, &str)] = &[
    (
        AlertDescription::CertificateExpired,
        "refused by the other end: the certificate of this node has expired or is not valid yet",
    ),
    (
        AlertDescription::UnknownCA,
        "refused by the other end: it knows no authority behind the certificate of this node",
    ),
    (
        AlertDescription::CertificateRevoked,
        "refused by the other end: the certificate of this node was revoked",
    ),
    (
        AlertDescription::UnsupportedCertificate,
        "refused by the other end: the certificate of this node is not for both serverAuth and clientAuth",
    ),
    (
        AlertDescription::CertificateUnknown,
        "refused by the other end: the certificate of this node does not name the host part of its node name, \
         or its chain is too long",
    ),
    (
        AlertDescription::BadCertificate,
        "refused by the other end: it cannot read the certificate of this node",
    ),
    (
        AlertDescription::CertificateRequired,
        "refused by the other end: it demands a certificate and this node has none (client in ssl_dist.conf)",
    ),
    (
        AlertDescription::DecryptError,
        "refused by the other end: a signature in the certificates of this node is wrong or of an unknown kind",
    ),
    (AlertDescription::ProtocolVersion, OTHER_TRANSPORT),
    (
        AlertDescription::HandshakeFailure,
        "refused by the other end: no cipher in common (ciphers in ssl_dist.conf)",
    ),
    (
        AlertDescription::NoApplicationProtocol,
        "refused by the other end: it is no mesh port of emqx-rs, or of a later version",
    ),
];

/// What is wrong with the certificate of the other end.
const FAULTS: &[(CertificateError, &str)] = &[
    (CertificateError::Expired, "its certificate has expired"),
    (
        CertificateError::NotValidYet,
        "its certificate is not valid yet, or the clock here is behind",
    ),
    (
        CertificateError::UnknownIssuer,
        "no authority that is known here (cacertfile) signed its certificate",
    ),
    (CertificateError::Revoked, "its certificate was revoked"),
    (CertificateError::UnknownRevocationStatus, "crlfile does not cover its certificate"),
    (CertificateError::InvalidPurpose, "its certificate is not for both serverAuth and clientAuth"),
    (CertificateError::BadEncoding, "its certificate cannot be read"),
];

/// The words for an error.
pub(super) fn of(error: &Error) -> String {
    if let Error::AlertReceived(alert) = error {
        let known = ALERTS.iter().find(|(known, _)| known == alert);
        return known.map_or_else(
            || format!("refused by the other end: TLS alert {alert:?}"),
            |(_, words)| (*words).to_owned(),
        );
    }
    if let Error::InvalidCertificate(fault) = error {
        return certificate(fault);
    }
    if let Error::NoCertificatesPresented = error {
        return "it shows no certificate".to_owned();
    }
    if let Error::InvalidMessage(InvalidMessage::InvalidContentType) = error {
        return OTHER_TRANSPORT.to_owned();
    }
    format!("TLS: {error}")
}

/// The words for an error with a client.
pub(super) fn of_client(error: &Error) -> String {
    if let Error::InvalidCertificate(fault) = error {
        return certificate(fault);
    }
    if let Error::NoCertificatesPresented = error {
        return "it shows no certificate (fail_if_no_peer_cert)".to_owned();
    }
    if let Error::AlertReceived(alert) = error {
        return format!("refused by the client: TLS alert {alert:?}");
    }
    if let Error::InvalidMessage(InvalidMessage::InvalidContentType) = error {
        return "the client does not speak TLS".to_owned();
    }
    format!("TLS: {error}")
}

fn certificate(fault: &CertificateError) -> String {
    let plain = if let CertificateError::ExpiredContext { .. } = fault {
        &CertificateError::Expired
    } else if let CertificateError::NotValidYetContext { .. } = fault {
        &CertificateError::NotValidYet
    } else if let CertificateError::InvalidPurposeContext { .. } = fault {
        &CertificateError::InvalidPurpose
    } else {
        fault
    };
    if let CertificateError::Other(why) = plain {
        return why.0.to_string();
    }
    let known = FAULTS.iter().find(|(known, _)| known == plain);
    known.map_or_else(|| format!("its certificate: {fault}"), |(_, words)| (*words).to_owned())
}
