//! Where relying parties find the CRLs of an issuer, and which there are.

use super::{Authority, Error, partitions::least_size, record::DistributionRecord, view::uri};
use crate::{
    issuer::Issuer,
    issuer_id::IssuerId,
    partition::Partition,
    scope::{CrlPlace, Scope},
    store::Store,
};

/// Where the CRLs of an issuer are served, and which it publishes.
///
/// ```
/// # #[cfg(feature = "p256")] {
/// # let root_pem = include_str!("example-root.pem");
/// use annul::{
///     AddIssuer, Authority, CaCertificate, Certificate, Distribution, MemoryStore, ReserveSerial,
///     Scope,
/// };
///
/// let authority = Authority::new(MemoryStore::new());
/// let root = CaCertificate::new(Certificate::from_pem(root_pem)?)?;
/// let issuer = authority.add_issuer(&AddIssuer::new(root))?.issuer;
///
/// let distribution = Distribution::new("http://crl.example").with_partitions();
/// authority.set_distribution(issuer, &distribution)?;
/// let points = authority.distribution_points(issuer, Scope::Full)?;
/// assert!(points[0].starts_with("http://crl.example/"));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Distribution {
    /// What the URIs of its CRLs begin with: `/` and the [name of the file](CrlPlace::file_name)
    /// come after it, and nothing else is changed. It must be plain `http`, because whoever fetches
    /// a CRL over `https` may need one to do so (RFC 5280 §8).
    pub base: String,
    /// Whether a CRL about all certificates is published. On by default.
    pub full: bool,
    /// Whether a CRL about the certificates of CAs only is published.
    pub ca_certificates: bool,
    /// Whether a CRL about the certificates of end entities only is published.
    pub user_certificates: bool,
    /// Whether delta CRLs are offered, so that each complete CRL says where they are (RFC 5280
    /// §5.2.6).
    pub deltas: bool,
    /// How many octets the CRL of a partition may take even if every certificate in it were
    /// revoked; `None` where certificates are not divided.
    pub partition_size: Option<u64>,
}

impl Distribution {
    /// The size of partitions that nobody chose: a megabyte.
    pub const PARTITION_SIZE: u64 = 1_000_000;

    /// One CRL about all certificates, below this base.
    pub fn new(base: impl Into<String>) -> Self {
        Self {
            base: base.into(),
            full: true,
            ca_certificates: false,
            user_certificates: false,
            deltas: false,
            partition_size: None,
        }
    }

    /// Without the CRL about all certificates: others must be about each of them.
    #[must_use]
    pub fn without_full(self) -> Self {
        Self { full: false, ..self }
    }

    /// Also a CRL about the certificates of CAs.
    #[must_use]
    pub fn with_ca_certificates(self) -> Self {
        Self { ca_certificates: true, ..self }
    }

    /// Also a CRL about the certificates of end entities.
    #[must_use]
    pub fn with_user_certificates(self) -> Self {
        Self { user_certificates: true, ..self }
    }

    /// Also delta CRLs.
    #[must_use]
    pub fn with_deltas(self) -> Self {
        Self { deltas: true, ..self }
    }

    /// Divides the certificates that are reserved from now on, so that no CRL of a part is longer
    /// than a [megabyte](Self::PARTITION_SIZE).
    #[must_use]
    pub fn with_partitions(self) -> Self {
        self.with_partition_size(Self::PARTITION_SIZE)
    }

    /// As [`Distribution::with_partitions`], so that no CRL of a part is longer than this.
    #[must_use]
    pub fn with_partition_size(self, octets: u64) -> Self {
        Self { partition_size: Some(octets), ..self }
    }

    fn check(&self) -> Result<(), DistributionError> {
        check_base(&self.base).map_err(|problem| {
            let base = self.base.clone();
            DistributionError::Base { base, problem }
        })?;
        let halves = self.ca_certificates && self.user_certificates;
        if self.full || halves || self.partition_size.is_some() {
            Ok(())
        } else {
            Err(DistributionError::Gap)
        }
    }

    fn check_size(&self, issuer: &Issuer) -> Result<(), DistributionError> {
        let Some(size) = self.partition_size else { return Ok(()) };
        let last = Scope::Partition(Partition(u32::MAX));
        let least = least_size(issuer, &uri(&self.base, &CrlPlace::complete(issuer.id(), last)));
        if size < least { Err(DistributionError::PartitionSize { size, least }) } else { Ok(()) }
    }
}

/// Why CRLs cannot be distributed like this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DistributionError {
    /// No URI of a CRL begins like this.
    #[error("{base:?} is no base of the URIs of CRLs: {problem}")]
    Base {
        /// The base.
        base: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A certificate would be on no CRL.
    #[error("no CRL would be about every certificate, nor several CRLs together")]
    Gap,
    /// Not even one certificate would fit.
    #[error("a CRL of at most {size} octets has no room for a certificate: {least} will do")]
    PartitionSize {
        /// The size that was asked for.
        size: u64,
        /// The size that has room for one.
        least: u64,
    },
    /// As many partitions were opened as can be told apart.
    #[error("no partition is left to open")]
    PartitionsExhausted,
    /// The CRL of a partition was to be taken over, and no record of ours ever had so many.
    #[error("partition {partition} of an issuer of which {opened} is the last that is known")]
    PartitionTooHigh {
        /// The partition.
        partition: Partition,
        /// The last one that was opened.
        opened: Partition,
    },
}

/// The longest base: it is in every certificate.
const LONGEST_BASE: usize = 1000;

fn check_base(base: &str) -> Result<(), &'static str> {
    let Some(host) = base.strip_prefix("http://") else {
        return Err("it does not begin with http://");
    };
    // RFC 3986 §2: what a URI may consist of. Neither a query nor a fragment is the start of one.
    let is_legal =
        |octet: u8| octet.is_ascii_alphanumeric() || b"-._~:/[]@!$&'()*+,;=%".contains(&octet);
    match () {
        () if host.is_empty() || host.starts_with('/') => Err("no host is named"),
        () if !base.bytes().all(is_legal) => Err("a character that the path of a URI cannot have"),
        () if base.ends_with('/') => Err("it ends with /, which comes after it anyway"),
        () if base.len() > LONGEST_BASE => Err("it is longer than 1000 octets"),
        () => Ok(()),
    }
}

impl<S: Store> Authority<S> {
    /// Says where the CRLs of an issuer are served, and which it publishes. Answers what is in
    /// force then.
    ///
    /// The URIs of CRLs stand in certificates. So whatever was published once goes on: a scope stays
    /// one that is published, [`Authority::distribution_points`] also has the URIs below each base
    /// that there ever was, and a partition that was opened keeps its URI and its size. Only what
    /// is reserved from now on, and partitions that are opened from now on, follow the new settings.
    ///
    /// # Errors
    /// [`Error::Distribution`] where that cannot be, [`Refusal::UnknownIssuer`], or a failure of
    /// the store.
    ///
    /// [`Refusal::UnknownIssuer`]: crate::Refusal::UnknownIssuer
    pub fn set_distribution(
        &self,
        issuer: IssuerId,
        distribution: &Distribution,
    ) -> Result<Distribution, Error> {
        distribution.check()?;
        let now = self.now();
        self.decide(|view, change| {
            distribution.check_size(&view.require_issuer(issuer)?.issuer)?;
            let (version, before) = view.distribution(issuer)?;
            let mut record = DistributionRecord::after(before.as_ref(), distribution, now);
            if before.is_none() {
                // Their CRLs may have been imported before.
                record.opened = record.opened.max(view.last_partition(issuer)?);
            }
            if before.as_ref() != Some(&record) {
                change.put_distribution(issuer, version, &record);
            }
            Ok(record.current)
        })
    }

    /// Where the CRLs of an issuer are served and which it publishes, if that was ever said.
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), or a failure of the store.
    pub fn distribution(&self, issuer: IssuerId) -> Result<Option<Distribution>, Error> {
        let view = self.view()?;
        view.require_issuer(issuer)?;
        Ok(view.distribution(issuer)?.1.map(|record| record.current))
    }

    /// The URIs at which certificates may say that the complete CRL of this scope is found: the one
    /// for new certificates first, and after it those below earlier bases. None where no base was
    /// ever set.
    ///
    /// A partition has exactly one, for ever.
    ///
    /// # Errors
    /// As [`Authority::distribution`].
    pub fn distribution_points(
        &self,
        issuer: IssuerId,
        scope: Scope,
    ) -> Result<Vec<String>, Error> {
        let view = self.view()?;
        view.require_issuer(issuer)?;
        Ok(view.uris(&CrlPlace::complete(issuer, scope))?)
    }

    /// What the CRLs that an issuer must publish are about: all of its certificates unless it was
    /// said otherwise, and every partition that was ever opened.
    ///
    /// # Errors
    /// As [`Authority::distribution`].
    pub fn scopes(&self, issuer: IssuerId) -> Result<Vec<Scope>, Error> {
        let view = self.view()?;
        view.require_issuer(issuer)?;
        Ok(view.scopes(issuer)?)
    }
}
