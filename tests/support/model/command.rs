//! The commands that the model test draws.

use crate::support::toy::{Ca, Toy};
use annul::Reason;
use proptest::{prelude::*, sample::select};

/// How many CAs there are.
pub const CAS: usize = 8;
/// Serial numbers are drawn from 1 through this: few, so that they meet.
pub const SERIALS: u64 = 12;
/// From which day to which day certificates are valid.
const LIVES: [(i64, i64); 4] = [(-100, 1000), (-90, 1100), (-5, 6), (2, 25)];

/// The CAs. The last two share a name.
pub fn cas() -> Vec<Ca> {
    let name = |index: usize| format!("ca {}", index.min(CAS - 2));
    (0..CAS).map(|index| Ca::with_key(&name(index), &format!("key {index}"))).collect()
}

/// Whether two CAs, by number, share a name.
pub fn same_name(one: usize, other: usize) -> bool {
    one.min(CAS - 2) == other.min(CAS - 2)
}

/// A certificate, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cert {
    pub issuer: usize,
    pub serial: u64,
    /// The CA that it is for; `None`: an end entity.
    pub subject: Option<usize>,
    pub life: usize,
}

impl Cert {
    pub fn toy(&self, cas: &[Ca]) -> Toy {
        let issuer = &cas[self.issuer];
        let toy = match self.subject {
            Some(subject) => issuer.certifies(&cas[subject], self.serial),
            None => issuer.leaf(self.serial),
        };
        toy.valid(LIVES[self.life].0, LIVES[self.life].1)
    }

    pub fn days(&self) -> (i64, i64) {
        LIVES[self.life]
    }

    pub fn is_self_signed(&self) -> bool {
        self.subject == Some(self.issuer)
    }
}

/// How a certificate is named.
#[derive(Clone, Copy, Debug)]
pub enum By {
    Der,
    /// By the caller's word that it is this one.
    Vouched,
    Serial,
}

/// What was said about a revocation. Days are before now; a negative one is in the future.
#[derive(Clone, Copy, Debug)]
pub struct Details {
    pub reason: Option<Reason>,
    pub days: Option<i64>,
    pub invalid_days: Option<i64>,
}

#[derive(Clone, Debug)]
pub enum Command {
    Add {
        cert: Cert,
        external: bool,
        quiet: bool,
    },
    Reserve {
        cert: Cert,
    },
    Register {
        cert: Cert,
        by: By,
        discovered: bool,
    },
    Revoke {
        cert: Cert,
        by: By,
        details: Details,
    },
    Amend {
        cert: Cert,
        key_compromise: bool,
        details: Details,
    },
    RevokeCa {
        ca: usize,
        details: Details,
    },
    ListInvalidated {
        ca: usize,
    },
    Crl {
        ca: usize,
    },
    /// Writes what CRLs must know of beside the log, where there is no trace of it but that whoever
    /// opens the store next reads it.
    Checkpoint {
        ca: usize,
    },
    /// Moves the clock.
    Clock {
        seconds: i64,
    },
    /// The disk loses power between two commands; the number says what survives of what was not
    /// synced.
    PowerLoss {
        luck: u64,
    },
    /// The disk stops after this many operations, within the next command, and loses power.
    Crash {
        operations: u64,
        luck: u64,
    },
}

fn cert(subject: impl Strategy<Value = Option<usize>>) -> impl Strategy<Value = Cert> {
    (0..CAS, 1..=SERIALS, subject, 0..LIVES.len())
        .prop_map(|(issuer, serial, subject, life)| Cert { issuer, serial, subject, life })
}

fn any_cert() -> impl Strategy<Value = Cert> {
    cert(prop_oneof![2 => Just(None), 1 => (0..CAS).prop_map(Some)])
}

fn root() -> impl Strategy<Value = Cert> {
    cert(Just(None)).prop_map(|cert| Cert { subject: Some(cert.issuer), ..cert })
}

fn by() -> impl Strategy<Value = By> {
    select(vec![By::Der, By::Vouched, By::Serial, By::Serial])
}

fn details() -> impl Strategy<Value = Details> {
    let days = || prop_oneof![4 => Just(None), 4 => (0..30i64).prop_map(Some), 1 => Just(Some(-1))];
    (prop::option::of(select(&Reason::ALL[..])), days(), days())
        .prop_map(|(reason, days, invalid_days)| Details { reason, days, invalid_days })
}

/// Draws a command.
pub fn command() -> impl Strategy<Value = Command> {
    let ca = || 0..CAS;
    prop_oneof![
        3 => root().prop_map(|cert| Command::Add { cert, external: false, quiet: false }),
        14 => (cert(ca().prop_map(Some)), any::<bool>(), any::<bool>())
            .prop_map(|(cert, external, quiet)| Command::Add { cert, external, quiet }),
        6 => any_cert().prop_map(|cert| Command::Reserve { cert }),
        14 => (any_cert(), by(), prop::bool::weighted(0.3))
            .prop_map(|(cert, by, discovered)| Command::Register { cert, by, discovered }),
        12 => (any_cert(), by(), details())
            .prop_map(|(cert, by, details)| Command::Revoke { cert, by, details }),
        5 => (any_cert(), any::<bool>(), details()).prop_map(|(cert, key_compromise, details)| {
            Command::Amend { cert, key_compromise, details }
        }),
        1 => (ca(), details()).prop_map(|(ca, details)| Command::RevokeCa { ca, details }),
        1 => ca().prop_map(|ca| Command::ListInvalidated { ca }),
        4 => ca().prop_map(|ca| Command::Crl { ca }),
        2 => ca().prop_map(|ca| Command::Checkpoint { ca }),
        4 => (-200_000..400_000i64).prop_map(|seconds| Command::Clock { seconds }),
        2 => (-200..400i64).prop_map(|seconds| Command::Clock { seconds }),
        1 => any::<u64>().prop_map(|luck| Command::PowerLoss { luck }),
        1 => (0..20u64, any::<u64>())
            .prop_map(|(operations, luck)| Command::Crash { operations, luck }),
    ]
}
