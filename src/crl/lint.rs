//! What is wrong with a CRL, found before it is signed.
//!
//! | file | holds |
//! |---|---|
//! | `findings` | what is found, and how much of it is kept |
//! | `fields` | version, algorithm, issuer and dates, of the CRL and next to its issuer |
//! | `extensions`, `scope` | the extensions of the CRL, and which certificates it is about |
//! | `entries`, `entry` | the list, and one entry of it |
//! | `cabf`, `webpki`, `archive` | what one profile demands besides |
//! | `written`, `names` | what is in the octets, wrong or not |

mod archive;
mod cabf;
mod entries;
mod entry;
mod extensions;
mod fields;
mod findings;
mod names;
mod scope;
mod webpki;
mod written;

pub use self::findings::{Finding, Severity};

use self::{
    findings::{Findings, Rule},
    written::Written,
};
use crate::{
    asn1::{self, BIT_STRING, Element, Malformed, SEQUENCE},
    issuer::Issuer,
    scope::Scope,
    serial::SerialRef,
    time::Timestamp,
};
use std::{fmt, time::Duration};

/// Whose rules a CRL is to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LintProfile {
    /// Those of RFC 5280: what it demands is an error, what it recommends a warning. The others
    /// demand this too.
    Private,
    /// Those of the CA/Browser Forum's Baseline Requirements (BR) for CRLs of subscriber
    /// certificates.
    CabfSubscriber,
    /// Those of the CA/Browser Forum's Baseline Requirements (BR) for CRLs of CA certificates.
    CabfCa,
    /// What rustls-webpki reads.
    Webpki,
    /// The practice of ETSI EN 319 411: certificates stay listed after they expired.
    Archive,
}

impl LintProfile {
    /// Every profile.
    pub const ALL: [Self; 5] =
        [Self::Private, Self::CabfSubscriber, Self::CabfCa, Self::Webpki, Self::Archive];

    fn is_cabf(self) -> bool {
        matches!(self, Self::CabfSubscriber | Self::CabfCa)
    }
}

type IsCa<'a> = &'a dyn Fn(SerialRef<'_>) -> Option<bool>;

/// What is known about a CRL besides its octets. All but the time may be left out; then what
/// hangs on it is not looked at.
///
/// ```
/// use annul::{LintContext, Scope};
///
/// let now = "2026-11-21T08:30:00Z".parse()?;
/// let context = LintContext::at(now).with_scope(Scope::Full);
/// assert!(!context.last && context.issuer.is_none());
/// # Ok::<(), annul::TimestampError>(())
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct LintContext<'a> {
    /// The time now.
    pub now: Timestamp,
    /// Whose CRL it is to be.
    pub issuer: Option<&'a Issuer>,
    /// Which certificates it is to be about.
    pub scope: Option<Scope>,
    /// The URIs at which certificates of its scope say that their CRL is (RFC 5280 §4.2.1.13).
    pub distribution_points: &'a [String],
    /// Whether the certificate with this serial number is one of a CA; `None`: not known.
    pub is_ca: Option<IsCa<'a>>,
    /// Whether no CRL will follow it.
    pub last: bool,
    /// For a CRL that is being issued now: how long ago its thisUpdate may be at most.
    pub backdating: Option<Duration>,
}

impl<'a> LintContext<'a> {
    /// Only the time is known.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            issuer: None,
            scope: None,
            distribution_points: &[],
            is_ca: None,
            last: false,
            backdating: None,
        }
    }

    /// It is to be a CRL of this issuer.
    #[must_use]
    pub fn with_issuer(self, issuer: &'a Issuer) -> Self {
        Self { issuer: Some(issuer), ..self }
    }

    /// It is to be about these certificates.
    #[must_use]
    pub fn with_scope(self, scope: Scope) -> Self {
        Self { scope: Some(scope), ..self }
    }

    /// Certificates of its scope say that their CRL is at one of these URIs. One that stands in
    /// some of them belongs here, also if no new certificate bears it.
    #[must_use]
    pub fn with_distribution_points(self, uris: &'a [String]) -> Self {
        Self { distribution_points: uris, ..self }
    }

    /// Tells whether a listed certificate is one of a CA.
    #[must_use]
    pub fn with_kinds(self, is_ca: IsCa<'a>) -> Self {
        Self { is_ca: Some(is_ca), ..self }
    }

    /// No CRL will follow it: the CA ends, or its key is destroyed.
    #[must_use]
    pub fn with_last(self) -> Self {
        Self { last: true, ..self }
    }

    /// It is being issued now, with a thisUpdate that is at most so long ago.
    #[must_use]
    pub fn with_backdating(self, at_most: Duration) -> Self {
        Self { backdating: Some(at_most), ..self }
    }
}

impl fmt::Debug for LintContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LintContext")
            .field("now", &self.now)
            .field("issuer", &self.issuer.map(Issuer::id))
            .field("scope", &self.scope)
            .field("distribution_points", &self.distribution_points)
            .field("is_ca", &self.is_ca.map(|_| ".."))
            .field("last", &self.last)
            .field("backdating", &self.backdating)
            .finish()
    }
}

/// Finds what is wrong with a CRL, given as its tbsCertList in DER: what is about to be signed
/// ([`PreparedCrl::tbs`](crate::PreparedCrl::tbs)), or what anybody signed
/// ([`CertificateList::tbs`](crate::CertificateList::tbs)). [`lint_der`] takes a whole CRL.
///
/// A CRL with a finding of [`Severity::Error`] should not be released. Findings come in the order
/// of the fields. Of findings about entries, the first 100 that break one rule are kept and the
/// others counted, so memory does not grow with their number; only an entry that stands after one
/// with a higher serial number takes some, to see whether it is listed twice.
///
/// Each field is read by itself, so that one that is malformed is one finding and hides nothing.
/// A CRL without an error can be read by this crate.
///
/// | rule | about |
/// |---|---|
/// | E1 | octets that are no CRL |
/// | E2, E3, E4 | version, the two signature algorithms, and which they are |
/// | E5, E11, E12 | the issuer: its name, its right to sign, its key identifier |
/// | E6, E7, E37, E41, E42, E43 | the dates |
/// | E8, E9, E10 | absent instead of empty; mandatory, repeated and critical extensions |
/// | E13, E16, E17, E20, E21, E23, E24, E25 | the other extensions, each by itself |
/// | E18 | what rustls-webpki does not read |
/// | E26, E27, E28 | an entry: serial number and date |
/// | E29, E30, E31, E44 | an entry: reason |
/// | E34, E35 | an entry: invalidity date and certificate issuer |
///
/// ```
/// use annul::{
///     CrlEntry, CrlNumber, LintContext, LintProfile, Reason, Severity, SignatureAlgorithm,
///     TbsCertList, lint,
/// };
///
/// let name = b"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02CA";
/// let now = "2026-11-21T08:00:00Z".parse()?;
/// let next = "2026-11-28T08:00:00Z".parse()?;
/// let tbs = TbsCertList::new(name, &[7; 20], CrlNumber::from_u64(1), now, next)?;
/// let entries = [CrlEntry {
///     serial: "e8:cb:d2".parse()?,
///     revocation_date: now,
///     reason: Some(Reason::CaCompromise),
///     invalidity_date: None,
/// }];
/// # let public_key = b"\x30\x03\x02\x01\x07";
/// let prepared =
///     tbs.prepare(&entries, public_key, SignatureAlgorithm::EcdsaWithSha256, Vec::new())?;
///
/// let context = LintContext::at(now);
/// assert_eq!(lint(prepared.tbs(), LintProfile::Private, &context), []);
/// let findings = lint(prepared.tbs(), LintProfile::CabfSubscriber, &context);
/// assert_eq!(findings.len(), 1);
/// assert_eq!((findings[0].rule, findings[0].severity), ("E30", Severity::Error));
/// assert_eq!(findings[0].serial(), Some(entries[0].serial.as_ref()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn lint(tbs: &[u8], profile: LintProfile, context: &LintContext<'_>) -> Vec<Finding> {
    let mut found = Findings::default();
    match asn1::single(tbs, SEQUENCE, "tbsCertList") {
        Ok(tbs) => lint_tbs(tbs, profile, context, &mut found),
        Err(malformed) => found.malformed(&malformed),
    }
    found.finish()
}

/// Finds what is wrong with a whole CRL in DER, as [`lint()`] does. Its signature is not verified.
pub fn lint_der(der: &[u8], profile: LintProfile, context: &LintContext<'_>) -> Vec<Finding> {
    let mut found = Findings::default();
    if let Err(malformed) = lint_crl(der, profile, context, &mut found) {
        found.malformed(&malformed);
    }
    found.finish()
}

fn lint_crl(
    der: &[u8],
    profile: LintProfile,
    context: &LintContext<'_>,
    found: &mut Findings,
) -> Result<(), Malformed> {
    let mut fields = asn1::single(der, SEQUENCE, "CertificateList")?.reader();
    let tbs = fields.expect(SEQUENCE, "tbsCertList")?;
    let algorithm = fields.expect(SEQUENCE, "signatureAlgorithm")?;
    let signature = fields.expect(BIT_STRING, "signatureValue")?;
    fields.finish("CertificateList")?;
    if signature.content.first() != Some(&0) {
        found.malformed(&signature.malformed("signatureValue", "not a whole number of octets"));
    }
    if let Ok(written) = Written::read(tbs)
        && written.algorithm.octets != algorithm.octets
    {
        let what = "what is signed names another algorithm than what stands beside the signature";
        found.error(Rule("E3", "RFC 5280 §5.1.1.2"), what);
    }
    lint_tbs(tbs, profile, context, found);
    Ok(())
}

/// One CRL, what is known about it, and whose rules it is to keep.
#[derive(Clone, Copy)]
struct Case<'a> {
    crl: &'a Written<'a>,
    profile: LintProfile,
    context: &'a LintContext<'a>,
}

impl Case<'_> {
    /// Whether the certificate is one of a CA, where that is known.
    fn is_ca(&self, serial: SerialRef<'_>) -> Option<bool> {
        self.context.is_ca.and_then(|is_ca| is_ca(serial))
    }
}

fn lint_tbs(
    tbs: Element<'_>,
    profile: LintProfile,
    context: &LintContext<'_>,
    found: &mut Findings,
) {
    let crl = match Written::read(tbs) {
        Ok(crl) => crl,
        Err(malformed) => return found.malformed(&malformed),
    };
    let case = Case { crl: &crl, profile, context };
    fields::lint(case, found);
    extensions::lint(case, found);
    scope::lint(case, found);
    archive::lint(case, found);
    match profile {
        LintProfile::CabfSubscriber | LintProfile::CabfCa => cabf::lint(case, found),
        LintProfile::Webpki => webpki::lint(case, found),
        LintProfile::Private | LintProfile::Archive => {}
    }
    entries::lint(case, found);
}

/// The rule that malformed octets break, by where they stand.
fn rule_of(malformed: &Malformed) -> Rule {
    match malformed.element {
        "version" => Rule("E2", "RFC 5280 §5.1.2.1"),
        "signature" => Rule("E4", "RFC 5280 §5.1.2.2"),
        "issuer" => Rule("E5", "RFC 5280 §5.1.2.3"),
        "thisUpdate" => Rule("E6", "RFC 5280 §5.1.2.4"),
        "nextUpdate" => Rule("E6", "RFC 5280 §5.1.2.5"),
        "revocationDate" => Rule("E6", "RFC 5280 §5.1.2.6"),
        "crlExtensions" => Rule("E10", "RFC 5280 §5.2"),
        "crlEntryExtensions" => Rule("E10", "RFC 5280 §5.3"),
        "authorityKeyIdentifier" => Rule("E12", "RFC 5280 §5.2.1"),
        "cRLNumber" => Rule("E13", "RFC 5280 §5.2.3"),
        "issuingDistributionPoint" => Rule("E16", "RFC 5280 §5.2.5"),
        "deltaCRLIndicator" => Rule("E20", "RFC 5280 §5.2.4"),
        "userCertificate" => Rule("E26", "RFC 5280 §5.1.2.6"),
        "reasonCode" => Rule("E29", "RFC 5280 §5.3.1"),
        "invalidityDate" => Rule("E34", "RFC 5280 §5.3.2"),
        "certificateIssuer" => Rule("E35", "RFC 5280 §5.3.3"),
        _ => Rule("E1", "RFC 5280 §5.1"),
    }
}
