//! The names of certificate authorities.

use crate::issuer_id::IssuerId;
use std::{fmt, str::FromStr};

/// The ARN of a certificate authority of AWS Private CA:
/// `arn:aws:acm-pca:REGION:ACCOUNT:certificate-authority/ID`.
///
/// ```
/// use annul::api::CaArn;
///
/// let arn: CaArn = "arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/ca".parse()?;
/// assert_eq!((arn.region(), arn.account(), arn.id()), ("eu-west-1", "111122223333", "ca"));
/// # Ok::<(), annul::api::BadArn>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaArn(String);

/// A text that is no ARN of a certificate authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no ARN of a certificate authority")]
#[non_exhaustive]
pub struct BadArn;

impl CaArn {
    /// An ARN for this issuer, with a UUID that is always the same for it.
    ///
    /// # Errors
    /// Where the region or the account has characters that none may have.
    pub fn of(region: &str, account: &str, issuer: IssuerId) -> Result<Self, BadArn> {
        let hex = issuer.to_string();
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| hex.get(range));
        let id = parts.into_iter().flatten().collect::<Vec<_>>().join("-");
        format!("arn:aws:acm-pca:{region}:{account}:certificate-authority/{id}").parse()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where it is.
    pub fn region(&self) -> &str {
        self.field(3)
    }

    /// Whose it is.
    pub fn account(&self) -> &str {
        self.field(4)
    }

    /// What it is called there: a UUID, as a rule.
    pub fn id(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    fn field(&self, place: usize) -> &str {
        self.0.split(':').nth(place).unwrap_or_default()
    }
}

impl FromStr for CaArn {
    type Err = BadArn;

    fn from_str(text: &str) -> Result<Self, BadArn> {
        let resource = resource(text)?.strip_prefix("certificate-authority/").ok_or(BadArn)?;
        if resource.is_empty() || resource.contains('/') {
            return Err(BadArn);
        }
        Ok(Self(text.to_owned()))
    }
}

/// The ARN of the certificate authority, and the serial number, of a certificate's ARN.
pub(super) fn certificate(text: &str) -> Result<(CaArn, &str), BadArn> {
    resource(text)?;
    let (authority, serial) = text.rsplit_once("/certificate/").ok_or(BadArn)?;
    Ok((authority.parse()?, serial))
}

/// What an ARN names in AWS Private CA. The API has a pattern for all of them, of 5 to 200 characters:
/// `arn:[\w+=/,.@-]+:acm-pca:[\w+=/,.@-]*:[0-9]*:[\w+=,.@-]+(/[\w+=,.@-]+)*`
fn resource(text: &str) -> Result<&str, BadArn> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let is_path = |text: &str| text.chars().all(|c| is_word(c) || c == '/');
    if !(5..=200).contains(&text.len()) {
        return Err(BadArn);
    }
    let fields: Vec<&str> = text.split(':').collect();
    let ["arn", partition, "acm-pca", region, account, resource] = fields[..] else {
        return Err(BadArn);
    };
    let fits = !partition.is_empty()
        && is_path(partition)
        && is_path(region)
        && account.chars().all(|c| c.is_ascii_digit())
        && resource.split('/').all(|part| !part.is_empty() && part.chars().all(is_word));
    if fits { Ok(resource) } else { Err(BadArn) }
}

impl fmt::Display for CaArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
