//! cryptography in Python: `get_revoked_certificate_by_serial_number`, which reads the CRL from its
//! start each time.

use super::{Input, Lookup};
use crate::{
    entries::unsigned,
    error::Error,
    script::{Script, python_with_cryptography},
};
use annul::Serial;
use std::{fs, ops::Range, path::PathBuf};

const SOURCE: &str = include_str!("../../scripts/lookup.py");

struct Python {
    label: String,
    script: Script,
    queries: PathBuf,
}

pub fn start(input: Input<'_>) -> Result<Box<dyn Lookup + '_>, Error> {
    let (source, crl) = (input.place.join("lookup.py"), input.place.join("lookup.crl"));
    fs::write(&source, SOURCE)?;
    fs::write(&crl, input.crl)?;
    let (script, version) = Script::start(python_with_cryptography()?.arg(source).arg(crl))?;
    let queries = input.place.join("queries");
    Ok(Box::new(Python { label: format!("Python, {version}"), script, queries }))
}

impl Lookup for Python {
    fn label(&self) -> String {
        self.label.clone()
    }

    fn prepare(&mut self, serials: &[Serial]) -> Result<(), Error> {
        let octets: Vec<u8> = serials.iter().flat_map(unsigned).collect();
        fs::write(&self.queries, octets)?;
        self.script.ask(self.queries.to_str().ok_or("a directory whose name is no text")?)?;
        Ok(())
    }

    fn ask(&mut self, queries: Range<usize>) -> Result<(f64, usize), Error> {
        let answer = self.script.ask(&format!("{} {}", queries.start, queries.end))?;
        let (took, hits) = answer.split_once(' ').ok_or("no two numbers")?;
        Ok((took.parse()?, hits.parse()?))
    }
}
