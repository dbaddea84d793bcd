//! What requests wait for before they are carried out.

use std::{collections::BTreeSet, time::Duration};

/// What requests for the certificates of one class wait for, and what holds meanwhile.
///
/// ```
/// use annul::{Handling, Quorum};
/// use std::time::Duration;
///
/// let day = Duration::from_secs(24 * 60 * 60);
/// let domain_validated = Handling::at_once();
/// let organization_validated = Handling::confirmed(3 * day);
/// let of_three = Quorum::new(2, ["ada", "grace", "joan"])?;
/// let roots = Handling::approved(of_three, day).and_confirmed().without_withholding();
/// # Ok::<(), annul::BadQuorum>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handling {
    pub(super) confirmation: bool,
    pub(super) quorum: Option<Quorum>,
    pub(super) within: Duration,
    pub(super) withholds: bool,
}

impl Default for Handling {
    fn default() -> Self {
        Self::at_once()
    }
}

impl Handling {
    /// A request is carried out when it is made, as for domain-validated certificates.
    pub fn at_once() -> Self {
        Self { confirmation: false, quorum: None, within: Duration::ZERO, withholds: true }
    }

    /// It waits until a contact has given back a token that was mailed to them, as for
    /// organization-validated certificates, and expires after so long (in seconds, rounded up).
    pub fn confirmed(within: Duration) -> Self {
        Self { confirmation: true, within, ..Self::at_once() }
    }

    /// It waits until enough people have approved, and expires after so long (in seconds, rounded
    /// up).
    pub fn approved(quorum: Quorum, within: Duration) -> Self {
        Self { quorum: Some(quorum), within, ..Self::at_once() }
    }

    /// It waits for a contact's token as well.
    #[must_use]
    pub fn and_confirmed(mut self) -> Self {
        self.confirmation = true;
        self
    }

    /// Lets the certificate be viewed and downloaded though its revocation was asked for. Otherwise
    /// it is withheld from the submission on.
    #[must_use]
    pub fn without_withholding(mut self) -> Self {
        self.withholds = false;
        self
    }

    /// Whether a request waits for anything.
    pub fn waits(&self) -> bool {
        self.confirmation || self.quorum.is_some()
    }
}

/// So many of these people, of whom one who asks for a revocation does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    pub(super) needed: u32,
    pub(super) among: BTreeSet<String>,
}

/// A quorum that nobody or everybody meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{needed} of {among} people can never be, or are always there")]
#[non_exhaustive]
pub struct BadQuorum {
    /// How many are needed.
    pub needed: u32,
    /// Of how many different ones.
    pub among: usize,
}

impl Quorum {
    /// `needed` of these people, who are known by their names.
    ///
    /// # Errors
    /// Where none is needed, or more than there are.
    pub fn new<N: Into<String>>(
        needed: u32,
        among: impl IntoIterator<Item = N>,
    ) -> Result<Self, BadQuorum> {
        let among: BTreeSet<String> = among.into_iter().map(Into::into).collect();
        if needed == 0 || needed as usize > among.len() {
            return Err(BadQuorum { needed, among: among.len() });
        }
        Ok(Self { needed, among })
    }

    /// Who of them may approve what this one asks for.
    pub(super) fn eligible<'a>(&'a self, asks: &'a str) -> impl Iterator<Item = &'a str> {
        self.among.iter().map(String::as_str).filter(move |&name| name != asks)
    }
}
