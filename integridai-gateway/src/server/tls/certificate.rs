use std::time::Duration;

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::asn1::{
    Ia5StringRef, ObjectIdentifier, PrintableStringRef, TeletexStringRef, Utf8StringRef,
};
use x509_cert::der::{Any, Decode, Error};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use super::super::secured::{ClientCertificate, SubjectName};

/// `id-at-commonName` (RFC 5280 appendix A.1).
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// What a certificate says, whoever has signed it.
#[derive(Debug)]
pub(super) struct Facts {
    /// The hosts that it is for, by DNS name; a common name is none (RFC 9525 §2).
    pub(super) hosts: Vec<String>,
    /// As time since 1970-01-01 UTC.
    pub(super) expires_at: Duration,
    subjects: Vec<SubjectName>,
}

impl Facts {
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Result<Self, Error> {
        let certificate = Certificate::from_der(certificate)?.tbs_certificate;
        let names = certificate.get::<SubjectAltName>()?.map(|(_, names)| names.0).unwrap_or_default();
        let mut subjects: Vec<SubjectName> = names.iter().filter_map(subject).collect();
        // By kind, since the enum's order is the one in which they count; among equals the certificate's.
        subjects.sort_by_key(rank);
        let host = |name: &SubjectName| match name {
            SubjectName::Dns(name) => Some(name.clone()),
            _ => None,
        };
        let hosts = subjects.iter().filter_map(host).collect();
        if subjects.is_empty() {
            subjects.extend(common_name(&certificate.subject).map(SubjectName::CommonName));
        }
        Ok(Self { hosts, expires_at: certificate.validity.not_after.to_unix_duration(), subjects })
    }

    pub(super) fn into_client(self) -> ClientCertificate {
        ClientCertificate { names: self.subjects, expires_at: self.expires_at }
    }
}

fn subject(name: &GeneralName) -> Option<SubjectName> {
    match name {
        GeneralName::UniformResourceIdentifier(name) => Some(SubjectName::Uri(name.to_string())),
        GeneralName::DnsName(name) => Some(SubjectName::Dns(name.to_string())),
        GeneralName::Rfc822Name(name) => Some(SubjectName::Email(name.to_string())),
        _ => None,
    }
}

fn rank(name: &SubjectName) -> u8 {
    match name {
        SubjectName::Uri(_) => 0,
        SubjectName::Dns(_) => 1,
        SubjectName::Email(_) => 2,
        SubjectName::CommonName(_) => 3,
    }
}

/// The last, which is the most specific one (RFC 4514 §2.1 writes it first).
fn common_name(subject: &Name) -> Option<String> {
    let mut attributes = subject.0.iter().flat_map(|set| set.0.iter());
    attributes.rfind(|attribute| attribute.oid == COMMON_NAME).and_then(|name| text(&name.value))
}

fn text(value: &Any) -> Option<String> {
    let utf8 = || value.decode_as::<Utf8StringRef<'_>>().ok().map(|text| text.to_string());
    let printable = || value.decode_as::<PrintableStringRef<'_>>().ok().map(|text| text.to_string());
    let ia5 = || value.decode_as::<Ia5StringRef<'_>>().ok().map(|text| text.to_string());
    let teletex = || value.decode_as::<TeletexStringRef<'_>>().ok().map(|text| text.to_string());
    utf8().or_else(printable).or_else(ia5).or_else(teletex)
}
