//! Rules that somebody may set aside, by name and on the record.

use crate::codec::{Damaged, Reader, Writer};

/// A rule that is set aside for one CRL, by whom and why. It is kept with the record of what was
/// released.
///
/// ```
/// use annul::{Waive, Waiver};
///
/// let waiver = Waiver::new(Waive::NextUpdate, "j.doe", "ticket 4711: shorter validity from now on");
/// assert_eq!(waiver.what, Waive::NextUpdate);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Waiver {
    /// Which rule.
    pub what: Waive,
    /// Who takes the responsibility.
    pub by: String,
    /// Why.
    pub why: String,
}

/// What may be set aside. Nothing else ever is: not a number that does not rise, not another
/// issuer, not a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Waive {
    /// The clock is far behind what was recorded: thisUpdate is what was recorded.
    ClockBehind = 1,
    /// The clock was far ahead when an earlier CRL was made, or when something was revoked:
    /// thisUpdate is what the clock says now, and no revocation is listed with a later date.
    ThisUpdate = 2,
    /// nextUpdate is before that of the CRL that is replaced (RFC 5280 §5.1.2.5).
    NextUpdate = 3,
    /// Entries of the CRL that is replaced are missing, and nothing says that they may leave.
    MissingEntries = 4,
    /// The issuing distribution point is another than that of the CRL that is replaced.
    IssuingDistributionPoint = 5,
    /// A sink does not show what is there: the record alone says what was released.
    UnreadableSink = 6,
    /// The linter objects.
    Lint = 7,
    /// The authority key identifier is another than that of the CRL that is replaced: the issuer had
    /// none of its own, and a renewed certificate brought one.
    AuthorityKeyIdentifier = 8,
}

impl Waive {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::ClockBehind,
        Self::ThisUpdate,
        Self::NextUpdate,
        Self::MissingEntries,
        Self::IssuingDistributionPoint,
        Self::UnreadableSink,
        Self::Lint,
        Self::AuthorityKeyIdentifier,
    ];

    /// Its name, in words with hyphens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClockBehind => "clock-behind",
            Self::ThisUpdate => "this-update",
            Self::NextUpdate => "next-update",
            Self::MissingEntries => "missing-entries",
            Self::IssuingDistributionPoint => "issuing-distribution-point",
            Self::UnreadableSink => "unreadable-sink",
            Self::Lint => "lint",
            Self::AuthorityKeyIdentifier => "authority-key-identifier",
        }
    }
}

impl std::fmt::Display for Waive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Waiver {
    /// Sets this aside.
    pub fn new(what: Waive, by: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what, by: by.into(), why: why.into() }
    }

    pub(super) fn write(out: &mut Writer, waiver: &Self) {
        out.u8(waiver.what as u8);
        out.text(&waiver.by);
        out.text(&waiver.why);
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Result<Self, Damaged> {
        let code = input.u8()?;
        let what = Waive::ALL.into_iter().find(|what| *what as u8 == code);
        let what = what.ok_or_else(|| input.damaged("an unknown waiver"))?;
        Ok(Self { what, by: input.text()?, why: input.text()? })
    }
}
