//! How many instructions the two hot paths take, as callgrind counts them: so that a change can be
//! judged on a machine on which times say nothing.
//!
//! ```text
//! apt-get install valgrind
//! cargo bench --bench instructions
//! ```
//!
//! An entry of a CRL is counted without what SHA-256 takes for its octets, which is counted by
//! itself: valgrind does not know the instructions that a processor has for it, and so it takes
//! many more here. All that is random is the same in every run, but for where memory is, and what
//! is printed differs by a few in a thousand from one run to the next.

use annul::{
    AddIssuer, Authority, CaCertificate, Certificate, CrlEntry, CrlNumber, CrlRequest,
    DeclaredParent, IssuerId, MemoryStore, Policy, Reason, Revoke, Serial, SignatureAlgorithm,
    Signer, SigningError, Target, TbsCertList, Timestamp, ToSign, Verifier, VerifyError,
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    env, fs,
    hint::black_box,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

const CA: &str = include_str!("../src/authority/example-root.pem");

/// So many are revoked, and as many others are looked up.
const COUNT: u64 = 20_000;

/// Set for the process that valgrind watches.
const WATCHED: &str = "ANNUL_WATCHED";

/// What is counted, and what it is called when it is printed.
const COUNTED: [(&str, &str); 6] = [
    ("counted_crl_of_a_slice", "CRL of a slice, an entry"),
    ("counted_crl_of_the_view", "CRL from the view of a log, an entry"),
    ("counted_sha256", "SHA-256 of the octets, an entry"),
    ("counted_hits", "Authority::revocation, revoked"),
    ("counted_misses", "Authority::revocation, not revoked"),
    ("counted_batches", "Authority::revocations of 256, half of them revoked, each"),
];

/// The `n`-th of serial numbers that look random: 16 octets, every other with a sign octet.
fn serial(n: u64) -> Serial {
    let digest = Sha256::digest(n.to_be_bytes());
    Serial::from_unsigned(&digest[..16]).unwrap()
}

/// Has the key of the CA, as far as anyone can tell. Its signatures cost nothing.
struct Key(Vec<u8>);

impl Signer for Key {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaWithSha256
    }

    fn public_key(&self) -> &[u8] {
        &self.0
    }

    fn sign(&self, _: ToSign<'_>) -> Result<Vec<u8>, SigningError> {
        Ok(vec![0x55; 71])
    }
}

struct Trusting;

impl Verifier for Trusting {
    fn verify(&self, _: &[u8], _: &[u8], _: ToSign<'_>, _: &[u8]) -> Result<(), VerifyError> {
        Ok(())
    }
}

struct Subject {
    authority: Authority<MemoryStore>,
    issuer: IssuerId,
    ca: CaCertificate,
    key: Key,
}

impl Subject {
    fn new() -> Self {
        let mut policy = Policy::default();
        policy.unknown_serials = true;
        let drawn = AtomicU64::new(0);
        let authority = Authority::new(MemoryStore::new())
            .with_policy(policy)
            .with_verifier(Trusting)
            .with_random(move |octets| {
                let next = drawn.fetch_add(1, Ordering::Relaxed);
                let random = Sha256::digest(next.to_be_bytes());
                octets.iter_mut().zip(random).for_each(|(to, from)| *to = from);
                Ok(())
            });
        let ca = CaCertificate::new(Certificate::from_pem(CA).unwrap()).unwrap();
        let add = AddIssuer::new(ca.clone()).with_parent(DeclaredParent::Recorded);
        let issuer = authority.add_issuer(&add).unwrap().issuer;
        let revoke = |n| Revoke::new(Target::Serial { issuer, serial: serial(n) });
        let revokes: Vec<Revoke> =
            (0..COUNT).map(|n| revoke(n).with_reason(Reason::Superseded)).collect();
        assert!(authority.revoke_all(&revokes).iter().all(Result::is_ok));
        let key = Key(ca.public_key().to_vec());
        Self { authority, issuer, ca, key }
    }

    fn entries(&self) -> Vec<CrlEntry> {
        let mut entries: Vec<CrlEntry> = (0..COUNT)
            .map(|n| CrlEntry {
                serial: serial(n),
                revocation_date: "2026-01-01T00:00:00Z".parse().unwrap(),
                reason: Some(Reason::Superseded),
                invalidity_date: None,
            })
            .collect();
        entries.sort_unstable_by_key(|entry| entry.serial);
        entries
    }

    fn tbs(&self) -> TbsCertList<'_> {
        let identifier = self.ca.subject_key_identifier().unwrap();
        let this_update = "2026-01-02T00:00:00Z".parse().unwrap();
        let number = CrlNumber::from_u64(1);
        TbsCertList::new(self.ca.subject(), identifier, number, this_update, Timestamp::MAX)
            .unwrap()
    }

    #[inline(never)]
    fn counted_crl_of_a_slice(&self, entries: &[CrlEntry], der: &mut Vec<u8>) {
        self.tbs().sign(&entries, &self.key.0, &self.key, &Trusting, der).unwrap();
    }

    #[inline(never)]
    fn counted_crl_of_the_view(&self, request: &CrlRequest, der: &mut Vec<u8>) {
        self.authority.crl(self.issuer, request, &self.key, der).unwrap();
    }

    #[inline(never)]
    fn counted_sha256(&self, der: &[u8]) {
        black_box(Sha256::digest(der));
    }

    #[inline(never)]
    fn counted_hits(&self, serials: &[Serial]) -> usize {
        serials.iter().filter(|serial| self.is_revoked(**serial)).count()
    }

    // Were it the same octet for octet, the linker would make one of the two.
    #[inline(never)]
    fn counted_misses(&self, serials: &[Serial]) -> usize {
        serials.iter().filter(|serial| !self.is_revoked(**serial)).count()
    }

    #[inline(always)]
    fn is_revoked(&self, serial: Serial) -> bool {
        self.authority.revocation(self.issuer, serial).unwrap().revocation.is_some()
    }

    #[inline(never)]
    fn counted_batches(&self, serials: &[Serial]) -> usize {
        let batches = serials.chunks(256);
        let answers = batches.flat_map(|it| self.authority.revocations(self.issuer, it).unwrap());
        answers.filter(|answer| answer.revocation.is_some()).count()
    }
}

/// Does all that is counted, once.
fn work() {
    let subject = Subject::new();
    let entries = subject.entries();
    let mut der = Vec::with_capacity(4 << 20);
    subject.counted_crl_of_a_slice(&entries, &mut der);
    let week = CrlRequest::new(Duration::from_secs(7 * 24 * 60 * 60));
    subject.authority.refresh(subject.issuer).unwrap();
    // The first puts them into order.
    subject.authority.crl(subject.issuer, &week, &subject.key, &mut der).unwrap();
    subject.counted_crl_of_the_view(&week, &mut der);
    subject.counted_sha256(&der);
    let [revoked, others] = [0..COUNT, COUNT..2 * COUNT].map(|it| it.map(serial).collect());
    let (revoked, others): (Vec<Serial>, Vec<Serial>) = (revoked, others);
    assert_eq!(subject.counted_hits(&revoked), revoked.len());
    assert_eq!(subject.counted_misses(&others), others.len());
    let both: Vec<Serial> = revoked.iter().zip(&others).flat_map(|(a, b)| [*a, *b]).collect();
    assert_eq!(subject.counted_batches(&both[..both.len() / 2]), revoked.len() / 2);
}

/// Runs a program and answers what it prints.
fn output(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    let output = command.args(arguments).env(WATCHED, "1").stderr(Stdio::piped()).output();
    let output = output.unwrap_or_else(|error| {
        panic!("{program}: {error}. Debian has it in the package valgrind.");
    });
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} failed: {problem}");
    String::from_utf8(output.stdout).unwrap()
}

/// How many instructions each function took that is counted, with all that it called.
fn counts() -> BTreeMap<&'static str, u64> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("callgrind.out");
    let file = file.to_str().unwrap();
    let this = env::current_exe().unwrap();
    let out = format!("--callgrind-out-file={file}");
    output("valgrind", &["--tool=callgrind", &out, this.to_str().unwrap()]);
    let table = output("callgrind_annotate", &["--inclusive=yes", "--threshold=100", file]);
    fs::remove_file(file).unwrap();
    let count = |name| {
        let mut lines = table.lines().filter(|line| line.contains(name));
        let line = lines.next().unwrap_or_else(|| panic!("{name} is not there"));
        let number = line.trim_start().split(' ').next().unwrap_or_default();
        (name, number.replace(',', "").parse().unwrap())
    };
    COUNTED.iter().map(|&(name, _)| count(name)).collect()
}

fn main() {
    let is = |argument: &str| env::args().any(|it| it == argument);
    if env::var_os(WATCHED).is_some() || is("--test") || !is("--bench") {
        return work();
    }
    let counts = counts();
    println!("| {COUNT} of each | instructions |\n|---|--:|");
    for (name, shown) in COUNTED {
        let hashed = if name.contains("crl") { counts["counted_sha256"] } else { 0 };
        let each = (counts[name] - hashed) as f64 / COUNT as f64;
        println!("| {shown} | {each:.1} |");
    }
}
