//! What every command must answer and do, as plainly as it can be said.

use super::{
    command::{By, Cert, Command, Details, same_name},
    graph::{Class, Graph, Issuer, Kind, Link, Noted, Record},
};
use crate::support::toy::day;
use annul::{IssuerId, Policy, Reason, Revocation, Timestamp};
use std::{collections::BTreeSet, time::Duration};

/// The name of the error that a command must answer with.
type Refused = &'static str;

const DAY: Duration = Duration::from_secs(86_400);

#[derive(Clone, Debug)]
pub struct Naive {
    pub now: Timestamp,
    pub graph: Graph,
    ids: Vec<IssuerId>,
    policy: Policy,
    /// Which issuers stood before the last command.
    stood: BTreeSet<usize>,
}

impl Cert {
    pub fn not_before(&self) -> Timestamp {
        day(self.days().0)
    }

    pub fn not_after(&self) -> Timestamp {
        day(self.days().1)
    }

    fn kind(&self) -> Kind {
        self.subject.map_or(Kind::EndEntity, Kind::Ca)
    }

    fn record(&self, by: By) -> Record {
        let seen = !matches!(by, By::Serial);
        Record {
            issued: true,
            discovered: false,
            kind: if seen { self.kind() } else { Kind::Unknown },
            not_before: seen.then(|| self.not_before()),
            not_after: Some(self.not_after()),
            cert: seen.then_some(*self),
            history: Vec::new(),
        }
    }
}

impl Details {
    /// The revocationDate and the invalidityDate.
    pub fn dates(&self, now: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
        let back = |days: i64| Timestamp::from_unix(now.unix() - days * 86_400).unwrap();
        (self.days.map(back), self.invalid_days.map(back))
    }

    fn decide(&self, not_before: Option<Timestamp>, now: Timestamp) -> Result<Revocation, Refused> {
        let (date, invalidity_date) = self.dates(now);
        if date > Some(now) || invalidity_date > Some(now) {
            return Err("DateInFuture");
        }
        if date.is_some() && not_before.is_some() && date < not_before {
            return Err("DateBeforeNotBefore");
        }
        let date = date.unwrap_or(now);
        Ok(Revocation { date, reason: self.reason, invalidity_date, recorded_at: now })
    }
}

/// What two accounts of one serial number come to.
fn merged(old: Option<&Record>, new: Record) -> Result<Record, Refused> {
    let Some(old) = old else { return Ok(new) };
    let differ = |old: Option<Timestamp>, new: Option<Timestamp>| {
        old.is_some() && new.is_some() && old != new
    };
    if old.cert.is_some() && new.cert.is_some() && old.cert != new.cert {
        return Err("SerialTaken");
    }
    let dates = differ(old.not_before, new.not_before) || differ(old.not_after, new.not_after);
    let corrects = old.cert.is_none() && new.cert.is_some();
    if old.issued && dates && !corrects {
        return Err("SerialTaken");
    }
    Ok(Record {
        issued: true,
        discovered: if old.issued { old.discovered } else { new.discovered },
        kind: if new.kind == Kind::Unknown { old.kind } else { new.kind },
        not_before: new.not_before.or(old.not_before),
        not_after: new.not_after.or(old.not_after),
        cert: new.cert.or(old.cert),
        history: old.history.clone(),
    })
}

impl Naive {
    pub fn new(policy: Policy, ids: Vec<IssuerId>) -> Self {
        Self { now: day(0), graph: Graph::default(), ids, policy, stood: BTreeSet::new() }
    }

    /// Carries out a command, or says why not. Then nothing changes.
    pub fn apply(&mut self, command: &Command) -> Result<(), Refused> {
        let before = self.clone();
        self.stood = self.graph.standing(self.now);
        let answer = match command {
            Command::Add { cert, external, quiet } => self.add(*cert, *external, *quiet),
            Command::Reserve { cert } => self.reserve(cert),
            Command::Register { cert, by, discovered } => self.register(cert, *by, *discovered),
            Command::Revoke { cert, by, details } => self.revoke(cert, *by, details),
            Command::Amend { cert, key_compromise, details } => {
                self.amend(cert, *key_compromise, details)
            }
            Command::RevokeCa { ca, details } => self.revoke_ca(*ca, details),
            Command::ListInvalidated { ca } => {
                self.issuer(*ca).map(|issuer| issuer.lists_invalidated = true)
            }
            Command::Crl { ca } => self.crl(*ca),
            Command::Checkpoint { ca } => self.issuer(*ca).map(|_| ()),
            Command::Clock { seconds } => {
                self.now = Timestamp::from_unix(self.now.unix() + seconds).unwrap();
                return Ok(());
            }
            Command::PowerLoss { .. } | Command::Crash { .. } => return Ok(()),
        };
        match answer {
            Ok(()) => self.settle(),
            Err(_) => *self = before,
        }
        answer
    }

    /// Marks for good what the last command brought down.
    pub fn settle(&mut self) {
        self.graph.settle(&self.stood, self.now);
    }

    fn issuer(&mut self, ca: usize) -> Result<&mut Issuer, Refused> {
        self.graph.issuers.get_mut(&ca).ok_or("UnknownIssuer")
    }

    fn put(&mut self, cert: &Cert, new: Record) -> Result<(), Refused> {
        let record = merged(self.graph.record(cert.issuer, cert.serial), new)?;
        self.issuer(cert.issuer)?.records.insert(cert.serial, record);
        Ok(())
    }

    fn add(&mut self, cert: Cert, external: bool, quiet: bool) -> Result<(), Refused> {
        let ca = cert.subject.unwrap();
        let known = self.graph.issuers.get(&ca);
        if known.is_some_and(|known| known.links.iter().any(|link| link.cert == cert)) {
            return Ok(());
        }
        if known.is_some_and(|known| known.down) {
            return Err("NoWayBack");
        }
        let parent_known = !cert.is_self_signed() && self.graph.issuers.contains_key(&cert.issuer);
        if cert.is_self_signed() {
            if self.graph.record(ca, cert.serial).is_some() {
                return Err("SerialTaken");
            }
        } else if parent_known {
            self.record_under_parent(&cert)?;
        } else if !external {
            return Err("NoParent");
        }
        let issuer = self.graph.issuers.entry(ca).or_insert_with(|| Issuer {
            id: self.ids[ca],
            links: Vec::new(),
            down: false,
            fell: None,
            lists_invalidated: !quiet,
            records: Default::default(),
            crl: None,
        });
        issuer.links.push(Link { cert, anchor: !parent_known });
        let joined = self.join_children(ca)?;
        for issuer in joined.into_iter().chain([ca]) {
            let revoked = self.graph.chains(issuer).iter().any(|chain| chain.revoked.is_some());
            if revoked && !self.graph.has_live(issuer, self.now) {
                self.issuer(issuer)?.down = true;
            }
        }
        // To find out that a parent has expired is no revocation; that it is down, is.
        if !self.issuer(ca)?.down && self.graph.anchored().contains(&ca) {
            self.stood.clear();
        }
        Ok(())
    }

    fn record_under_parent(&mut self, cert: &Cert) -> Result<(), Refused> {
        if self.issuer(cert.issuer)?.owns(cert.serial) {
            return Err("SerialTaken");
        }
        let stands = self.graph.class(cert.issuer, self.now) == Class::Stands;
        let record = Record { discovered: !stands, ..cert.record(By::Der) };
        self.put(cert, record)?;
        self.note(cert, true);
        Ok(())
    }

    fn note(&mut self, cert: &Cert, counts: bool) {
        let Cert { issuer: parent, serial, subject, .. } = *cert;
        if let Some(ca) = subject {
            self.graph.note(Noted { ca, parent, serial, counts });
        }
    }

    /// What was signed by this CA, and trusted because the CA was elsewhere, hangs on it from now
    /// on, unless that is what both stand on. Answers whose certificates they are.
    fn join_children(&mut self, ca: usize) -> Result<Vec<usize>, Refused> {
        let mut children: Vec<usize> = self.graph.issuers.keys().copied().collect();
        children.retain(|child| *child != ca);
        children.sort_by_key(|child| self.ids[*child]);
        let mut joined = Vec::new();
        for child in children {
            for place in 0..self.graph.issuers[&child].links.len() {
                let Link { cert, anchor } = self.graph.issuers[&child].links[place];
                if !anchor || cert.is_self_signed() || cert.issuer != ca {
                    continue;
                }
                self.record_under_parent(&cert)?;
                let untried = self.graph.clone();
                self.issuer(child)?.links[place].anchor = false;
                let (with, without) = (self.graph.anchored(), untried.anchored());
                let holds_up = without.contains(&child) && without.contains(&ca);
                if with.contains(&child) || !holds_up && self.graph.has_end(child) {
                    joined.push(child);
                } else {
                    self.graph = untried;
                }
            }
        }
        Ok(joined)
    }

    fn reserve(&mut self, cert: &Cert) -> Result<(), Refused> {
        self.issuer(cert.issuer)?;
        if self.issuer(cert.issuer)?.owns(cert.serial) {
            return Err("SerialTaken");
        }
        if self.graph.class(cert.issuer, self.now) != Class::Stands {
            return Err("IssuerMayNotIssue");
        }
        if self.graph.record(cert.issuer, cert.serial).is_some() {
            return Err("SerialTaken");
        }
        self.put(cert, Record { issued: false, ..cert.record(By::Serial) })
    }

    /// Whose certificate this is, by what is known.
    fn identify(&self, cert: &Cert, by: By) -> Result<(), Refused> {
        match by {
            _ if self.graph.issuers.contains_key(&cert.issuer) => Ok(()),
            By::Der => Err("ForeignCertificate"),
            By::Vouched | By::Serial => Err("UnknownIssuer"),
        }
    }

    fn register(&mut self, cert: &Cert, by: By, discovered: bool) -> Result<(), Refused> {
        self.identify(cert, by)?;
        if !matches!(by, By::Serial) && cert.is_self_signed() {
            return Err("SelfSigned");
        }
        if self.issuer(cert.issuer)?.owns(cert.serial) {
            return Err("SerialTaken");
        }
        let ca = cert.subject.filter(|_| !matches!(by, By::Serial));
        if let Some(known) = ca.and_then(|ca| self.graph.issuers.get(&ca))
            && !discovered
            && !known.is_linked(cert.issuer, cert.serial)
        {
            return Err(if known.down { "NoWayBack" } else { "AddToIssuer" });
        }
        if !discovered && self.graph.class(cert.issuer, self.now) != Class::Stands {
            return Err("IssuerMayNotIssue");
        }
        self.put(cert, Record { discovered, ..cert.record(by) })?;
        if let Some(ca) = ca {
            self.note(cert, !self.graph.issuers.contains_key(&ca));
        }
        Ok(())
    }

    fn revoke(&mut self, cert: &Cert, by: By, details: &Details) -> Result<(), Refused> {
        let now = self.now;
        let record = self.find(cert, by)?;
        if !record.history.is_empty() {
            return Err("AlreadyRevoked");
        }
        if record.not_after < Some(now)
            && record.not_after.is_some()
            && !self.policy.expired_certificates
        {
            return Err("Expired");
        }
        let revocation = details.decide(record.not_before, now)?;
        let kind = record.kind;
        let record = Record { history: vec![revocation], ..record };
        let was_recorded = self.issuer(cert.issuer)?.records.insert(cert.serial, record).is_some();
        let Kind::Ca(ca) = kind else { return Ok(()) };
        let known = self.graph.issuers.get_mut(&ca);
        if !was_recorded {
            let counts = known.is_none();
            self.note(cert, counts);
        }
        let Some(issuer) = self.graph.issuers.get_mut(&ca) else { return Ok(()) };
        for link in issuer.links.iter_mut().filter(|link| !link.cert.is_self_signed()) {
            if (link.cert.issuer, link.cert.serial) == (cert.issuer, cert.serial) {
                link.anchor = false;
            }
        }
        let live = self.graph.has_live(ca, now);
        let stands = self.graph.standing(now).contains(&ca);
        if !live || self.stood.contains(&ca) && !stands {
            self.graph.issuers.get_mut(&ca).unwrap().down = true;
        }
        Ok(())
    }

    /// What is known of a certificate, with what its DER says where that is given.
    fn find(&mut self, cert: &Cert, by: By) -> Result<Record, Refused> {
        // There is no vouching here.
        let by = if matches!(by, By::Vouched) { By::Der } else { by };
        self.identify(cert, by)?;
        let is_self_signed = !matches!(by, By::Serial) && cert.is_self_signed();
        if is_self_signed || self.issuer(cert.issuer)?.owns(cert.serial) {
            return Err("SelfSigned");
        }
        match (self.graph.record(cert.issuer, cert.serial), by) {
            (known, By::Der) => merged(known, Record { discovered: true, ..cert.record(by) }),
            (Some(record), _) => Ok(record.clone()),
            (None, _) if self.policy.unknown_serials => {
                Ok(Record { discovered: true, not_after: None, ..cert.record(By::Serial) })
            }
            (None, _) => Err("UnknownCertificate"),
        }
    }

    fn amend(
        &mut self,
        cert: &Cert,
        key_compromise: bool,
        details: &Details,
    ) -> Result<(), Refused> {
        let now = self.now;
        let record = self.find(cert, By::Serial)?;
        let current = *record.history.last().ok_or("NotRevoked")?;
        let mut amended = Revocation { recorded_at: now, ..current };
        let (date, invalidity_date) = details.dates(now);
        use Reason::{AaCompromise, CaCompromise, KeyCompromise};
        if key_compromise {
            match current.reason {
                Some(KeyCompromise | CaCompromise | AaCompromise) => {
                    return Err("IllegalAmendment");
                }
                _ => amended.reason = Some(KeyCompromise),
            }
        }
        if let Some(date) = date {
            if date >= current.date {
                return Err("IllegalAmendment");
            }
            if date > now {
                return Err("DateInFuture");
            }
            if record.not_before.is_some_and(|not_before| date < not_before) {
                return Err("DateBeforeNotBefore");
            }
            amended.date = date;
        }
        if let Some(date) = invalidity_date {
            if current.invalidity_date.is_some_and(|current| date >= current) {
                return Err("IllegalAmendment");
            }
            if date > now {
                return Err("DateInFuture");
            }
            amended.invalidity_date = Some(date);
        }
        if !key_compromise && date.is_none() && invalidity_date.is_none() {
            return Err("IllegalAmendment");
        }
        let records = &mut self.issuer(cert.issuer)?.records;
        records.get_mut(&cert.serial).unwrap().history.push(amended);
        Ok(())
    }

    fn revoke_ca(&mut self, ca: usize, details: &Details) -> Result<(), Refused> {
        let now = self.now;
        let allows_expired = self.policy.expired_certificates;
        let issuer = self.issuer(ca)?;
        if issuer.fell.is_some() {
            return Err("AlreadyFallen");
        }
        let links = issuer.links.clone();
        if links.iter().all(|link| link.cert.not_after() < now) && !allows_expired {
            return Err("Expired");
        }
        let not_before = links.iter().map(|link| link.cert.not_before()).min();
        let own = details.decide(not_before, now)?;
        self.issuer(ca)?.down = true;
        let noted = self.graph.noted.clone();
        for Noted { parent, serial, .. } in noted.into_iter().filter(|noted| noted.ca == ca) {
            let records = &mut self.issuer(parent)?.records;
            let Record { history, not_before, not_after, .. } = records.get_mut(&serial).unwrap();
            let expired = not_after.is_some_and(|it| it < now) && !allows_expired;
            if history.is_empty() && !expired {
                let date = own.date.max(not_before.unwrap_or(own.date)).min(now);
                history.push(Revocation { date, ..own });
            }
        }
        Ok(())
    }

    fn crl(&mut self, ca: usize) -> Result<(), Refused> {
        let (now, skew) = (self.now, self.policy.clock_skew);
        // Where a key begins: above what the others have under its name.
        let of_the_name = self.graph.issuers.iter().filter(|(other, _)| same_name(ca, **other));
        let begin =
            of_the_name.filter_map(|(_, issuer)| issuer.crl).map(|(number, _)| number).max();
        let issuer = self.issuer(ca)?;
        // Until when a certificate that has not expired then lets it sign.
        let signs_until = |at| {
            let certs = issuer.links.iter().map(|link| link.cert);
            let valid = certs.filter(|it| at <= it.not_after());
            valid.map(|cert| cert.not_after()).max()
        };
        if signs_until(now).is_none() {
            return Err("CannotSignCrls");
        }
        let dates = issuer.records.values().filter_map(|r| r.history.last()).map(|r| r.date);
        let last = issuer.crl.map(|(_, this_update)| this_update);
        let this_update = dates.chain(last).max().unwrap_or(now).max(now);
        if this_update > now.saturating_add(skew) {
            return Err("ClockBehind");
        }
        if signs_until(this_update) < Some(this_update.saturating_add(DAY)) {
            return Err("NextUpdateTooLate");
        }
        let number = issuer.crl.map(|(number, _)| number).or(begin).map_or(1, |last| last + 1);
        issuer.crl = Some((number, this_update));
        Ok(())
    }
}
