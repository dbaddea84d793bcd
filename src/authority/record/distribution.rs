//! How the CRLs of an issuer are distributed, and what is known of each partition.

use crate::{
    authority::distribution::Distribution,
    codec::{Damaged, Reader, Writer},
    partition::Partition,
    time::Timestamp,
};

/// The settings of an issuer, and what certificates may still say after they changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::authority) struct DistributionRecord {
    pub(in crate::authority) current: Distribution,
    /// The bases that were in force before, the last one first. None of them is the current one.
    pub(in crate::authority) earlier_bases: Vec<String>,
    /// The partition that was opened last, 0 before there is one; `None` where certificates were
    /// never divided.
    pub(in crate::authority) opened: Option<Partition>,
    /// Since when the current base is in force.
    pub(in crate::authority) moved_at: Timestamp,
}

impl DistributionRecord {
    const FORMAT: u8 = 1;

    /// The record once these settings are in force: what was published goes on.
    pub(in crate::authority) fn after(
        before: Option<&Self>,
        settings: &Distribution,
        now: Timestamp,
    ) -> Self {
        let mut current = settings.clone();
        let (mut earlier_bases, mut opened, mut moved_at) = (Vec::new(), None, now);
        if let Some(before) = before {
            if before.current.base == current.base {
                moved_at = before.moved_at;
            }
            current.full |= before.current.full;
            current.ca_certificates |= before.current.ca_certificates;
            current.user_certificates |= before.current.user_certificates;
            let bases = before.bases().filter(|base| *base != current.base);
            earlier_bases = bases.map(str::to_owned).collect();
            opened = before.opened;
        }
        if current.partition_size.is_some() {
            opened = opened.or(Some(Partition(0)));
        }
        Self { current, earlier_bases, opened, moved_at }
    }

    /// Every base that was ever in force, the current one first.
    pub(in crate::authority) fn bases(&self) -> impl Iterator<Item = &str> {
        [&self.current.base].into_iter().chain(&self.earlier_bases).map(String::as_str)
    }

    pub(in crate::authority) fn to_octets(&self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        let Distribution { base, full, ca_certificates, user_certificates, deltas, partition_size } =
            &self.current;
        out.text(base);
        for flag in [full, ca_certificates, user_certificates, deltas] {
            out.bool(*flag);
        }
        out.optional(*partition_size, Writer::u64);
        out.list(&self.earlier_bases, |out, base| out.text(base));
        out.optional(self.opened, |out, partition| out.u32(partition.0));
        out.timestamp(self.moved_at);
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
                partition_size: input.optional(Reader::u64)?,
            },
            earlier_bases: input.list(Reader::text)?,
            opened: input.optional(|input| input.u32().map(Partition))?,
            moved_at: input.timestamp()?,
        };
        input.finish()?;
        Ok(record)
    }
}

/// A partition that was opened. Its URI and its capacity never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::authority) struct PartitionRecord {
    /// The URI in the certificates and on the CRL, octet for octet the same.
    pub(in crate::authority) uri: String,
    /// How many octets its CRL may take.
    pub(in crate::authority) size: u64,
    /// How many certificates it can hold, so that its CRL takes no more.
    pub(in crate::authority) capacity: u64,
    /// How many of its slots were handed out, used or not.
    pub(in crate::authority) leased: u64,
    /// Whether none are handed out any more to serial numbers that are reserved: a part of its
    /// history is lost.
    pub(in crate::authority) closed: bool,
}

impl PartitionRecord {
    const FORMAT: u8 = 1;

    /// How many slots were not handed out.
    pub(in crate::authority) fn left(&self) -> u64 {
        self.capacity.saturating_sub(self.leased)
    }

    pub(in crate::authority) fn to_octets(&self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        out.text(&self.uri);
        out.bool(self.closed);
        for number in [self.size, self.capacity, self.leased] {
            out.u64(number);
        }
        out.finish()
    }

    pub(in crate::authority) fn from_octets(octets: &[u8]) -> Result<Self, Damaged> {
        let mut input = Reader::new(octets, Self::FORMAT)?;
        let record = Self {
            uri: input.text()?,
            closed: input.bool()?,
            size: input.u64()?,
            capacity: input.u64()?,
            leased: input.u64()?,
        };
        input.finish()?;
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn settings(base: &str) -> Distribution {
        Distribution::new(base)
    }

    #[test]
    fn records_read_back_and_anything_less_is_damaged() {
        let first = DistributionRecord::after(None, &settings("http://a").with_deltas(), NOW);
        let then = settings("http://b").with_partition_size(7).with_user_certificates();
        let mut record = DistributionRecord::after(Some(&first), &then, NOW);
        record.opened = Some(Partition(3));
        let octets = record.to_octets();
        assert_eq!(DistributionRecord::from_octets(&octets), Ok(record));
        for cut in 0..octets.len() {
            assert!(DistributionRecord::from_octets(&octets[..cut]).is_err(), "cut at {cut}");
        }
        let uri = "http://a/1.crl".to_owned();
        let record = PartitionRecord { uri, size: 3, capacity: 2, leased: 1, closed: true };
        let octets = record.to_octets();
        assert_eq!(PartitionRecord::from_octets(&octets), Ok(record));
        for cut in 0..octets.len() {
            assert!(PartitionRecord::from_octets(&octets[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn e19_bases_scopes_and_partitions_are_never_forgotten() {
        let bases =
            |record: &DistributionRecord| record.bases().map(str::to_owned).collect::<Vec<_>>();
        let first = settings("http://a").with_ca_certificates().with_partitions();
        let mut record = DistributionRecord::after(None, &first, NOW);
        assert_eq!(record.opened, Some(Partition(0)));
        record.opened = Some(Partition(2));
        record =
            DistributionRecord::after(Some(&record), &settings("http://b").without_full(), NOW);
        assert_eq!(bases(&record), ["http://b", "http://a"]);
        assert!(record.current.full && record.current.ca_certificates);
        assert_eq!((record.opened, record.current.partition_size), (Some(Partition(2)), None));
        record = DistributionRecord::after(Some(&record), &settings("http://c"), NOW);
        record = DistributionRecord::after(Some(&record), &settings("http://a"), NOW);
        assert_eq!(bases(&record), ["http://a", "http://c", "http://b"]);
        record = DistributionRecord::after(Some(&record), &settings("http://a"), NOW);
        assert_eq!(bases(&record), ["http://a", "http://c", "http://b"]);
    }
}
