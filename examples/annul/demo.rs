//! A story in a directory: a root, an intermediate, three servers; a revocation, a cascade, CRLs.

#[path = "../support/mint.rs"]
mod mint;

use crate::{failure::Failure, output::short, session::Session};
use annul::{
    AddIssuer, Authority, CaCertificate, Certificate, CertificateList, CertificateStatus,
    CrlRequest, FileStage, IssuerId, LocalVerifier, PemStage, Reason, RedbStore, Registration,
    Revoke, RevokeCa, Serial, SigningKey, Target, Timestamp,
};
use mint::Ca;
use serde_json::json;
use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process,
    time::Duration,
};

const CRL: &str = "http://crl.example.com/demo.crl";
const VALIDITY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

pub fn run(session: &Session, directory: Option<PathBuf>) -> Result<(), Failure> {
    let directory =
        directory.unwrap_or_else(|| env::temp_dir().join(format!("annul-demo-{}", process::id())));
    let failed = |source| Failure::Write { path: directory.clone(), source };
    fs::create_dir_all(&directory).map_err(failed)?;
    if fs::read_dir(&directory).map_err(failed)?.next().is_some() {
        let message = format!("{} is not empty: name a new directory", directory.display());
        return Err(Failure::Usage { message });
    }
    let demo = tell(&directory, session.now()).map_err(Failure::Demo)?;
    session.output.answer(demo.text(), || demo.json())
}

/// What the demo made.
struct Demo {
    directory: PathBuf,
    root: IssuerId,
    intermediate: IssuerId,
    good: Serial,
    revoked: Serial,
    top_bit: Serial,
    story: Vec<String>,
}

fn tell(directory: &Path, now: Timestamp) -> Result<Demo, Box<dyn Error>> {
    let file = |name: &str| directory.join(name);
    let mut story = Vec::new();

    // What a CA does, with files as `openssl` would have made them.
    let root = Ca::new("CN=Demo Root,O=Annul Demo", CRL)?;
    let intermediate = Ca::new("CN=Demo Intermediate,O=Annul Demo", CRL)?;
    fs::write(file("root.key"), root.key_pem()?)?;
    fs::write(file("root.pem"), root.self_signed(now)?)?;
    fs::write(file("intermediate.key"), intermediate.key_pem()?)?;
    fs::write(file("intermediate.pem"), root.certify_ca(&intermediate, now)?)?;
    let leaves = ["good", "revoked", "top-bit"];
    for leaf in leaves {
        let host = format!("{leaf}.example.com");
        let (pem, _) = intermediate.certify_server(&host, leaf == "top-bit", now)?;
        fs::write(file(&format!("{leaf}.pem")), pem)?;
    }
    story.push("A root, an intermediate and three servers have certificates.".to_owned());

    // Record what was issued.
    let authority = Authority::new(RedbStore::open_or_create(file("annul.redb"))?).with_clock(now);
    let add = |name: &str| -> Result<IssuerId, Box<dyn Error>> {
        let certificate = CaCertificate::new(Certificate::from_pem(fs::read(file(name))?)?)?;
        Ok(authority.add_issuer(&AddIssuer::new(certificate))?.issuer)
    };
    let (root_id, intermediate_id) = (add("root.pem")?, add("intermediate.pem")?);
    let register = |leaf: &str| -> Result<Serial, Box<dyn Error>> {
        let certificate = Certificate::from_pem(fs::read(file(&format!("{leaf}.pem")))?)?;
        Ok(authority.register(&Registration::of_certificate(certificate))?.serial)
    };
    let (good, revoked, top_bit) = (register("good")?, register("revoked")?, register("top-bit")?);
    story.push("All of them are recorded in annul.redb.".to_owned());

    // Revoke one server.
    let target = Target::Serial { issuer: intermediate_id, serial: revoked };
    authority.revoke(&Revoke::new(target).with_reason(Reason::KeyCompromise))?;
    story.push("revoked.pem was revoked: keyCompromise. It is on disk.".to_owned());
    let crl = |issuer, ca: &str, to: &str, entries| -> Result<String, Box<dyn Error>> {
        make_crl(&authority, directory, issuer, ca, to, entries)
    };
    story.push(crl(root_id, "root", "before-root.crl", 0)?);
    story.push(crl(intermediate_id, "intermediate", "before-intermediate.crl", 1)?);

    // Revoke the intermediate, and with it everything below.
    let revoke_ca = RevokeCa::new(intermediate_id).with_reason(Reason::CaCompromise);
    authority.revoke_ca(&revoke_ca)?;
    story.push("The intermediate was revoked: cACompromise. Nothing below it stands.".to_owned());
    match authority.status(intermediate_id, good)?.effective {
        CertificateStatus::Invalidated(_) => {}
        other => return Err(format!("good.pem should be invalidated, and is {other:?}").into()),
    }
    story.push(crl(root_id, "root", "after-root.crl", 1)?);
    story.push(crl(intermediate_id, "intermediate", "after-intermediate.crl", 3)?);
    story.push(
        "The last one lists all three servers, for relying parties that check only".to_owned(),
    );
    story.push("the CRL of a server's own issuer.".to_owned());

    let directory = directory.to_owned();
    Ok(Demo {
        directory,
        root: root_id,
        intermediate: intermediate_id,
        good,
        revoked,
        top_bit,
        story,
    })
}

/// Makes a CRL, reads it back from its file and verifies it.
fn make_crl(
    authority: &Authority<RedbStore>,
    directory: &Path,
    issuer: IssuerId,
    ca: &str,
    to: &str,
    entries: usize,
) -> Result<String, Box<dyn Error>> {
    let key = SigningKey::from_pem(&fs::read_to_string(directory.join(format!("{ca}.key")))?)?;
    let mut stage = PemStage::new(FileStage::new(directory.join(to)));
    let issued = authority.crl(issuer, &CrlRequest::new(VALIDITY), &key, &mut stage)?;

    let certificate = Certificate::from_pem(fs::read(directory.join(format!("{ca}.pem")))?)?;
    let der = CertificateList::pem_to_der(&fs::read(directory.join(to))?)?;
    let crl = CertificateList::from_der(&der)?;
    crl.verify(certificate.public_key(), &LocalVerifier)?;
    let found = crl.entries().collect::<Result<Vec<_>, _>>()?.len();
    if found != entries {
        return Err(format!("{to} should have {entries} entries, and has {found}").into());
    }
    Ok(format!("{to}: CRL {} of the {ca}, {found} entries, verified.", issued.crl.number))
}

impl Demo {
    fn text(&self) -> String {
        let directory = self.directory.display();
        let story = self.story.iter().map(|line| format!("  {line}\n")).collect::<String>();
        let (root, intermediate) =
            (short(&self.root.to_string()), short(&self.intermediate.to_string()));
        let (good, annul) = (self.good, "cargo run -q --release --example annul --");
        let verify = "openssl verify -x509_strict -CAfile root.pem -untrusted intermediate.pem";
        format!(
            "The demo is in {directory}\n\n{story}
Ask OpenSSL:
  cd {directory}
  openssl crl -in before-intermediate.crl -CAfile intermediate.pem -noout -verify
  openssl crl -in after-root.crl -CAfile root.pem -noout -verify
  # good: accepted before the intermediate was revoked
  {verify} -crl_check -CRLfile before-intermediate.crl good.pem
  # refused: revoked itself; then with its issuer, as a leaf-only check sees it; then as all see it
  {verify} -crl_check -CRLfile before-intermediate.crl revoked.pem
  {verify} -crl_check -CRLfile after-intermediate.crl good.pem
  {verify} -crl_check_all -CRLfile after-root.crl -CRLfile after-intermediate.crl good.pem

Go on from here:
  export ANNUL_STORE={directory}/annul.redb
  {annul} list-issuers
  {annul} status --issuer {intermediate} --serial {good}
  {annul} log --issuer {root}
  {annul} crl --issuer {root} --key {directory}/root.key --pem
  {annul} show-crl {directory}/after-intermediate.crl
  {annul} revoke-ca --issuer {root} --reason cACompromise --dry-run
"
        )
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "directory": self.directory.display().to_string(),
            "root": self.root.to_string(),
            "intermediate": self.intermediate.to_string(),
            "serials": {
                "good": self.good.to_string(),
                "revoked": self.revoked.to_string(),
                "top-bit": self.top_bit.to_string(),
            },
        })
    }
}
