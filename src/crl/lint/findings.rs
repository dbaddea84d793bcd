//! What is found, and how much of it is kept.

use crate::{asn1::Malformed, serial::SerialRef};
use std::{collections::BTreeMap, fmt};

/// How many findings about entries that break one rule are kept.
const KEPT: u64 = 100;

/// What a finding means for the release of a CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; no rule is broken.
    Notice,
    /// A recommendation is not followed, or others may object.
    Warning,
    /// A rule is broken: the CRL should not be released.
    Error,
}

/// In lower case.
impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One thing that [`lint()`](crate::lint()) found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Finding {
    /// What it means for the release.
    pub severity: Severity,
    /// The name of the rule, such as `E29`. It stays the same from version to version.
    pub rule: &'static str,
    /// Where the rule is written, such as `RFC 5280 §5.3.1`.
    pub source: &'static str,
    /// What was found, with the facts.
    pub what: String,
    /// The content octets of a serial number.
    serial: Option<Box<[u8]>>,
}

impl Finding {
    /// The serial number in the entry that it is about.
    pub fn serial(&self) -> Option<SerialRef<'_>> {
        SerialRef::from_octets(self.serial.as_deref()?).ok()
    }
}

/// Such as `error E29 (RFC 5280 §5.3.1), serial 0a: the reason is critical`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.severity, self.rule, self.source)?;
        if let Some(serial) = self.serial() {
            write!(f, ", serial {serial}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// A rule: its name, and where it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rule(pub(super) &'static str, pub(super) &'static str);

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    kept: Vec<Finding>,
    /// Of entries, by what their findings have in common.
    counts: BTreeMap<(Severity, Rule), u64>,
}

impl Findings {
    pub(super) fn add(&mut self, severity: Severity, rule: Rule, what: impl Into<String>) {
        self.push(severity, rule, what.into(), None);
    }

    pub(super) fn error(&mut self, rule: Rule, what: impl Into<String>) {
        self.add(Severity::Error, rule, what);
    }

    pub(super) fn warning(&mut self, rule: Rule, what: impl Into<String>) {
        self.add(Severity::Warning, rule, what);
    }

    /// Adds a finding about an entry, if there are not too many like it.
    pub(super) fn entry(
        &mut self,
        severity: Severity,
        rule: Rule,
        serial: SerialRef<'_>,
        what: impl FnOnce() -> String,
    ) {
        if self.is_kept(severity, rule) {
            self.push(severity, rule, what(), Some(serial.as_octets().into()));
        }
    }

    /// Adds a finding about an entry of which not even the serial number can be read.
    pub(super) fn entry_without_serial(&mut self, malformed: &Malformed) {
        let rule = super::rule_of(malformed);
        if self.is_kept(Severity::Error, rule) {
            self.malformed(malformed);
        }
    }

    fn is_kept(&mut self, severity: Severity, rule: Rule) -> bool {
        let count = self.counts.entry((severity, rule)).or_default();
        *count += 1;
        *count <= KEPT
    }

    /// Adds a finding about octets that cannot be read.
    pub(super) fn malformed(&mut self, malformed: &Malformed) {
        self.error(super::rule_of(malformed), malformed.to_string());
    }

    fn push(&mut self, severity: Severity, rule: Rule, what: String, serial: Option<Box<[u8]>>) {
        let Rule(rule, source) = rule;
        self.kept.push(Finding { severity, rule, source, what, serial });
    }

    /// All that was kept, and how many were not.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        for ((severity, rule), count) in std::mem::take(&mut self.counts) {
            if let Some(more @ 1..) = count.checked_sub(KEPT) {
                self.add(severity, rule, format!("{more} more entries that break this rule"));
            }
        }
        self.kept
    }
}
