//! Taking over what was published.

use crate::{
    arguments,
    failure::Failure,
    files::{self, CrlFile},
    output::{Lines, fields},
    session::{Session, find_issuer},
};
use annul::{Import, OpenSslIndex};
use serde_json::json;

pub fn run(session: &Session, command: &arguments::Import) -> Result<(), Failure> {
    let files =
        command.crl.iter().map(|path| CrlFile::read(path)).collect::<Result<Vec<_>, _>>()?;
    let text = command.openssl_index.as_deref().map(files::read).transpose()?;
    let mut import = Import::new();
    for file in &files {
        import = import.with_crl(file.list()?);
    }
    if let (Some(path), Some(text)) = (&command.openssl_index, &text) {
        let index = OpenSslIndex::from_text(text).map_err(|source| {
            let (path, line) = (path.clone(), source.line);
            Failure::Index { path, line, source: Box::new(source) }
        })?;
        import = import.with_openssl_index(index);
    }
    if command.vouched {
        import = import.vouched();
    }
    let authority = session.open()?;
    let issuer = find_issuer(&authority, &command.issuer)?;
    if command.dry_run {
        let mut lines = (!session.output.json).then(Lines::new);
        let mut stopped = None;
        let mut visit = |found: annul::Discrepancy| {
            if let Some(lines) = &mut lines
                && stopped.is_none()
            {
                stopped = lines.print(&found.to_string()).err();
            }
        };
        let compared = authority.reconcile(issuer, &import, &mut visit)?;
        if let Some(lines) = lines {
            stopped.map_or(Ok(()), Err)?;
            lines.finish()?;
        }
        let text = fields(&[
            ("agreed", compared.agreed.to_string()),
            ("missing here", compared.missing.to_string()),
            ("says less here", compared.less.to_string()),
            ("not registered", compared.unregistered.to_string()),
            ("due to be published", compared.due.to_string()),
            ("expired, and off the CRL", compared.retired.to_string()),
            ("off the CRL without a reason", compared.omitted.to_string()),
            ("others", compared.others.to_string()),
            ("behind what was published", compared.is_behind().to_string()),
        ]);
        return session.output.answer(text, || {
            json!({
                "agreed": compared.agreed,
                "missing": compared.missing,
                "less": compared.less,
                "unregistered": compared.unregistered,
                "due": compared.due,
                "retired": compared.retired,
                "omitted": compared.omitted,
                "others": compared.others,
                "behind": compared.is_behind(),
            })
        });
    }
    let imported = authority.import(issuer, &import)?;
    let mut text = fields(&[
        ("revoked", imported.revoked.to_string()),
        ("amended", imported.amended.to_string()),
        ("registered", imported.registered.to_string()),
        ("odd serial numbers", imported.legacy.to_string()),
        ("unchanged", imported.unchanged.to_string()),
        ("CAs that fell", imported.fallen.len().to_string()),
    ]);
    text.extend(imported.findings.iter().map(|found| format!("{found}\n")));
    session.output.answer(text, || {
        json!({
            "revoked": imported.revoked,
            "amended": imported.amended,
            "registered": imported.registered,
            "legacy": imported.legacy,
            "unchanged": imported.unchanged,
            "fallen": imported.fallen.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "findings": imported.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    })
}
