//! What is wrong with a CRL.

use crate::{
    arguments,
    failure::Failure,
    files::{self, CrlFile},
    output::{row, table},
    session::Session,
};
use annul::{Finding, Issuer, LintContext, Severity, lint_der};
use serde_json::{Value, json};

pub fn run(session: &Session, command: &arguments::Lint) -> Result<(), Failure> {
    let file = CrlFile::read(&command.file)?;
    let issuer = command.issuer_cert.as_deref().map(files::ca_certificate).transpose()?;
    let issuer = issuer.map(Issuer::new);
    let mut context = LintContext::at(session.now());
    if let Some(issuer) = &issuer {
        context = context.with_issuer(issuer);
    }
    let findings = lint_der(file.der(), command.profile.into(), &context);
    session.output.answer(text(&findings), || findings.iter().map(finding).collect())?;
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    if errors > 0 { Err(Failure::Linted { errors }) } else { Ok(()) }
}

fn text(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "nothing found".to_owned();
    }
    let rows = findings.iter().map(|finding| {
        let serial = finding.serial().map_or_else(String::new, |serial| format!("{serial}: "));
        let what = format!("{serial}{}", finding.what);
        row([&finding.severity.to_string(), finding.rule, finding.source, &what])
    });
    table(rows.collect())
}

fn finding(finding: &Finding) -> Value {
    json!({
        "severity": finding.severity.to_string(),
        "rule": finding.rule,
        "source": finding.source,
        "serial": finding.serial().map(|serial| serial.to_string()),
        "what": finding.what,
    })
}
