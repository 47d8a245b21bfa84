//! A certificate authority for development: TLS on one machine, or a few of
//! one's own, without asking anybody.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::Error;
use crate::files::{self, Secrecy};

/// Where the certificates of a folder are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificates {
    /// The authority: what clients trust.
    pub authority: PathBuf,
    /// The certificate for servers and, with mTLS, for clients.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Makes an authority and a certificate of it for `names` (host names and
/// addresses), as PEM files in `folder`. The authority's own key is not kept:
/// nobody can sign more certificates with it, so it may be trusted without care.
///
/// Not for the world outside: nothing here can be revoked.
///
/// # Errors
/// [`Error`] when a name is none, or a file can't be written.
pub fn develop(folder: &Path, names: &[String]) -> Result<Certificates, Error> {
    let failed = |source| Error::Certificate { names: names.join(", "), source };
    let (authority, issuer) = authority().map_err(failed)?;
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = leaf(names).and_then(|leaf| leaf.signed_by(&key, &issuer)).map_err(failed)?;
    let made = Certificates {
        authority: folder.join("ca.pem"),
        certificate: folder.join("cert.pem"),
        key: folder.join("cert-key.pem"),
    };
    files::write_text(&made.authority, Secrecy::Public, &authority)?;
    files::write_text(&made.certificate, Secrecy::Public, &certificate.pem())?;
    files::write_text(&made.key, Secrecy::Secret, &key.serialize_pem())?;
    Ok(made)
}

fn authority() -> Result<(String, Issuer<'static, KeyPair>), rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.distinguished_name.push(DnType::CommonName, "Celeriac development authority");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), Issuer::new(params, key)))
}

fn leaf(names: &[String]) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "Celeriac development");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_made_and_the_key_is_secret() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = develop(folder.path(), &names).unwrap();
        for path in [&made.authority, &made.certificate] {
            let text = std::fs::read_to_string(path).unwrap();
            assert!(text.starts_with("-----BEGIN CERTIFICATE-----"), "{}", path.display());
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&made.key).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600);
        }
    }

    #[test]
    fn a_name_that_is_none_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = develop(folder.path(), &["höst".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("höst"), "{error}");
    }
}
