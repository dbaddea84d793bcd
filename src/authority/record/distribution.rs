//! How the CRLs of an issuer are distributed.

use crate::{
    authority::distribution::Distribution,
    codec::{Damaged, Reader, Writer},
};

/// The settings of an issuer, and what certificates may still say after they changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::authority) struct DistributionRecord {
    pub(in crate::authority) current: Distribution,
    /// The bases that were in force before, the last one first. None of them is the current one.
    pub(in crate::authority) earlier_bases: Vec<String>,
}

impl DistributionRecord {
    const FORMAT: u8 = 1;

    /// The record once these settings are in force: what was published goes on.
    pub(in crate::authority) fn after(before: Option<&Self>, settings: &Distribution) -> Self {
        let mut current = settings.clone();
        let mut earlier_bases = Vec::new();
        if let Some(before) = before {
            current.full |= before.current.full;
            current.ca_certificates |= before.current.ca_certificates;
            current.user_certificates |= before.current.user_certificates;
            let bases = before.bases().filter(|base| *base != current.base);
            earlier_bases = bases.map(str::to_owned).collect();
        }
        Self { current, earlier_bases }
    }

    /// Every base that was ever in force, the current one first.
    pub(in crate::authority) fn bases(&self) -> impl Iterator<Item = &str> {
        [&self.current.base].into_iter().chain(&self.earlier_bases).map(String::as_str)
    }

    pub(in crate::authority) fn to_octets(&self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        let Distribution { base, full, ca_certificates, user_certificates, deltas } = &self.current;
        out.text(base);
        for flag in [full, ca_certificates, user_certificates, deltas] {
            out.bool(*flag);
        }
        out.list(&self.earlier_bases, |out, base| out.text(base));
        out.finish()
    }

    pub(in crate::authority) fn from_octets(octets: &[u8]) -> Result<Self, Damaged> {
        let mut input = Reader::new(octets, Self::FORMAT)?;
        let record = Self {
            current: Distribution {
                base: input.text()?,
                full: input.bool()?,
                ca_certificates: input.bool()?,
                user_certificates: input.bool()?,
                deltas: input.bool()?,
            },
            earlier_bases: input.list(Reader::text)?,
        };
        input.finish()?;
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(base: &str) -> Distribution {
        Distribution::new(base)
    }

    #[test]
    fn records_read_back_and_anything_less_is_damaged() {
        let first = DistributionRecord::after(None, &settings("http://a").with_deltas());
        let then = settings("http://b").with_user_certificates();
        let record = DistributionRecord::after(Some(&first), &then);
        let octets = record.to_octets();
        assert_eq!(DistributionRecord::from_octets(&octets), Ok(record));
        for cut in 0..octets.len() {
            assert!(DistributionRecord::from_octets(&octets[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn e19_bases_and_scopes_are_never_forgotten() {
        let bases =
            |record: &DistributionRecord| record.bases().map(str::to_owned).collect::<Vec<_>>();
        let first = settings("http://a").with_ca_certificates();
        let mut record = DistributionRecord::after(None, &first);
        record = DistributionRecord::after(Some(&record), &settings("http://b").without_full());
        assert_eq!(bases(&record), ["http://b", "http://a"]);
        assert!(record.current.full && record.current.ca_certificates);
        record = DistributionRecord::after(Some(&record), &settings("http://c"));
        record = DistributionRecord::after(Some(&record), &settings("http://a"));
        assert_eq!(bases(&record), ["http://a", "http://c", "http://b"]);
        record = DistributionRecord::after(Some(&record), &settings("http://a"));
        assert_eq!(bases(&record), ["http://a", "http://c", "http://b"]);
    }
}
