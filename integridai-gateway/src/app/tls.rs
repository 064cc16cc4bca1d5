//! How clients come over TLS, as it is configured.

#[cfg(feature = "tls")]
mod spoken {
    use crate::app::BuildError;
    use crate::config::{
        CertificateConfig, ClientCertificates as Wanted, HostPattern, TlsConfig, TlsVersion, WithoutName,
    };
    use crate::server::Tls;
    pub(in crate::app) use crate::server::tls::WatchFiles as Files;
    use crate::server::tls::{CertificateFiles, ClientCertificates, MinimumVersion, TlsError, TlsOptions};

    impl From<TlsError> for BuildError {
        fn from(error: TlsError) -> Self {
            Self::Client(integridai_tower::ConfigError::new("server.tls", error.to_string()))
        }
    }

    /// What is spoken, and what looks for new certificates; nothing where clients come without TLS.
    pub(in crate::app) fn tls(config: &TlsConfig) -> Result<(Option<Tls>, Option<Files>), BuildError> {
        if !config.is_on() {
            return Ok((None, None));
        }
        let (tls, watch) = Tls::new(options(config))?;
        Ok((Some(tls), Some(watch)))
    }

    /// Looks for new certificates as long as it is polled.
    pub(in crate::app) async fn watch(files: Files) {
        files.run().await;
    }

    fn options(config: &TlsConfig) -> TlsOptions {
        let authorities = config.client_ca_file.clone().unwrap_or_default();
        TlsOptions {
            refuses_nameless: config.without_name == WithoutName::Refuse,
            minimum_version: match config.minimum_version {
                TlsVersion::Tls12 => MinimumVersion::Tls12,
                TlsVersion::Tls13 => MinimumVersion::Tls13,
            },
            client_certificates: match config.client_certificates {
                Wanted::Off => ClientCertificates::Off,
                Wanted::Optional => ClientCertificates::Optional { authorities },
                Wanted::Required => ClientCertificates::Required { authorities },
            },
            handshake_timeout: config.handshake_timeout_seconds.get(),
            max_handshakes: config.max_handshakes.get(),
            reload_interval: config.reload_seconds.get(),
            ..TlsOptions::new(config.certificates.iter().map(files).collect())
        }
    }

    fn files(config: &CertificateConfig) -> CertificateFiles {
        CertificateFiles {
            certificate: config.certificate_file.clone(),
            key: config.key_file.clone(),
            names: config.names.iter().map(HostPattern::as_str).map(str::to_owned).collect(),
        }
    }
}

#[cfg(not(feature = "tls"))]
mod spoken {
    pub(in crate::app) use std::convert::Infallible as Files;

    use crate::app::BuildError;
    use crate::config::TlsConfig;
    use crate::server::Tls;

    /// Nothing: where certificates are configured, the configuration has been refused.
    #[allow(clippy::unnecessary_wraps, reason = "the variant with TLS can fail")]
    pub(in crate::app) fn tls(_: &TlsConfig) -> Result<(Option<Tls>, Option<Files>), BuildError> {
        Ok((None, None))
    }

    pub(in crate::app) fn watch(never: Files) -> std::future::Ready<()> {
        match never {}
    }
}

pub(super) use spoken::{Files, tls, watch};
